"""A property-based tester of OpenAPI descriptions finds nothing in the Submodel Repository's read profile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.customer.aas_server import AAS, ENVIRONMENT, aas_server

pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytest.importorskip("yaml", reason="PyYAML is not installed")


@pytest.mark.skipif(not ENVIRONMENT.is_file(), reason="../shared/conformance/aas is not there")
def test_the_submodel_repository_is_as_described(tmp_path: Path) -> None:
    from tests.web.customer.aas_description import description

    file = tmp_path / "profile.json"
    file.write_text(json.dumps(description(AAS / "openapi-3.0.3")), encoding="utf-8")
    with aas_server(tmp_path) as (url, token):
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", url),
            *("--header", f"Authorization: Bearer {token}", "--phases", "coverage,fuzzing", "--max-examples", "8"),
        ]
        tested = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=240, check=False
        )
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-2000:]
    assert "Tested: 23" in tested.stdout
