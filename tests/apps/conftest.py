"""A demo that has run, for the tests that look at what it left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DEMO_S = 10


@dataclass(frozen=True)
class FinishedDemo:
    """A headless demo's directory, exit code and scorecard."""

    directory: Path
    code: int
    scorecard: str
    said: str

    @property
    def plant(self) -> Path:
        return self.directory / "plant.toml"


def gaugeblock(*args: str | Path, lang: str = "en", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "gaugeblock", "--lang", lang, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> FinishedDemo:
    directory = tmp_path_factory.mktemp("demo") / "plant"
    done = gaugeblock("demo", "--headless", "--for", DEMO_S, "--seed", "3", "--dir", directory)
    return FinishedDemo(directory, done.returncode, done.stdout, done.stderr)
