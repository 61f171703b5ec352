"""`gaugeblock verify`, as a process where only the file and the log's public key exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaugeblock.apps.evidence import (
    EvidenceTooLargeError,
    EvidenceUnreadableError,
    LogKeyUnreadableError,
    verify_command,
)
from gaugeblock.ledger.evidence import MAX_EVIDENCE_BYTES

VECTORS = Path(__file__).resolve().parents[2] / "docs" / "test-vectors" / "ledger"


@pytest.fixture(scope="module")
def vkey() -> str:
    import json

    return str(json.loads((VECTORS / "keys.json").read_text())["log_vkey"])


@pytest.mark.parametrize(
    ("language", "yes", "no"), [("zh", "验证通过", "验证未通过"), ("en", "Verified", "Not verified")]
)
def test_yes_or_the_step_that_failed(
    capsys: pytest.CaptureFixture[str], vkey: str, tmp_path: Path, language: str, yes: str, no: str
) -> None:
    lang = "zh" if language == "zh" else "en"
    key_file = tmp_path / "log.vkey"
    key_file.write_text(vkey + "\n")
    for key in (vkey, str(key_file)):
        assert verify_command(VECTORS / "evidence.json", key, [], lang) == 0
        assert yes in capsys.readouterr().out
    assert verify_command(VECTORS / "evidence-refused-at-inclusion.json", vkey, [], lang) == 1
    told = capsys.readouterr().out
    assert no in told
    assert "inclusion" in told
    assert verify_command(VECTORS / "evidence.json", vkey, [vkey], lang) == 1
    capsys.readouterr()


def test_files_that_cannot_be_read(vkey: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceUnreadableError):
        verify_command(tmp_path / "nothing.json", vkey, [], "en")
    with pytest.raises(LogKeyUnreadableError):
        verify_command(VECTORS / "evidence.json", str(tmp_path / "no.key"), [], "en")
    (tmp_path / "huge.json").write_bytes(b" " * (MAX_EVIDENCE_BYTES + 1))
    with pytest.raises(EvidenceTooLargeError):
        verify_command(tmp_path / "huge.json", vkey, [], "en")


def test_as_a_process_with_nothing_else(vkey: str, tmp_path: Path) -> None:
    evidence = (VECTORS / "evidence.json").read_bytes()
    command = [sys.executable, "-m", "gaugeblock", "verify", "-", "--key", vkey]
    environment = {**os.environ, "GAUGEBLOCK_LANG": "en"}
    for raw, code in ((evidence, 0), (evidence.replace(b'"index":7', b'"index":5'), 1), (b"", 1)):
        done = subprocess.run(command, input=raw, capture_output=True, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == code, done.stderr
    assert list(tmp_path.iterdir()) == []
