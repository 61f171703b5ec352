"""``gaugeblock twin run`` from a file to figures, in both languages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gaugeblock.apps.console import Console
from gaugeblock.apps.twin import LineFileError, run_command
from gaugeblock.plant.language import LANGUAGES, Language, catalogue

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "line.toml"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_is_simulated(language: Language, capsys: pytest.CaptureFixture[str]) -> None:
    status = run_command(EXAMPLE, Console(language), length=1440.0, warm_up=480.0, replications=5, seed=2)
    out = capsys.readouterr().out
    assert status == 0
    for word in ("blocked", "starved", "down", "busy", "off"):
        assert catalogue(language)[f"twin.run.state.{word}"] in out
    for name in ("turning", "washing", "drilling", "inspection", "after turning", "rework"):
        assert name in out
    again = run_command(EXAMPLE, Console(language), length=1440.0, warm_up=480.0, replications=5, seed=2)
    assert again == 0
    assert capsys.readouterr().out == out


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(LineFileError):
            run_command(path, Console("en"), length=1.0, warm_up=0.0, replications=2, seed=1)
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(LineFileError):
        run_command(tmp_path / "latin.toml", Console("en"), length=1.0, warm_up=0.0, replications=2, seed=1)


def test_without_numba_the_model_is_there_and_the_kernels_say_what_to_install() -> None:
    script = """
import sys
sys.modules["numba"] = None
from gaugeblock.apps.twin import read_line
from gaugeblock.twin import conditional, intervals, line, validation
from gaugeblock.twin.errors import NumbaMissingError
try:
    import gaugeblock.twin.simulation
except NumbaMissingError as error:
    print(error.remedy("en"))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install gaugeblock[twin]" in ran.stdout
