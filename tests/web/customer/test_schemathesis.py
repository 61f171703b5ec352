"""schemathesis against the described API on a real server, as a customer with a contract in force: no failure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.customer.serving import serving
from tests.web.customer.trading import Trade

COMMAND = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
SECONDS = 30
ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(COMMAND is None, reason="schemathesis is not installed")
@pytest.mark.parametrize("phases", ["coverage", "fuzzing,stateful"])
def test_no_failure(phases: str) -> None:
    assert COMMAND is not None
    trade = Trade()
    trade.gate.strict = True
    with serving(trade.gate) as url:
        run = subprocess.run(
            [
                COMMAND,
                "--config-file",
                str(ROOT / "schemathesis.toml"),
                "run",
                f"{url}/api/v1/openapi.json",
                "--header",
                "Authorization: Bearer acme",
                "--checks",
                "all",
                "--phases",
                phases,
                "--max-examples",
                "3",
                "--max-time",
                str(SECONDS),
                "--seed",
                "1",
                "--request-timeout",
                "60",
                "--no-color",
                "--suppress-health-check",
                "all",
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    trade.close()
    # What is told of failures comes before the warnings, and quotes what was sent at length.
    told = run.stdout[run.stdout.find("= FAILURES") :]
    assert run.returncode == 0, told[:4000] + run.stderr[-2000:]
    assert "Tested: 48" in run.stdout, run.stdout[-3000:]
