"""`gaugeblock verify`, as a process where only the file and the log's public key exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.apps.evidence import (
    EvidenceTooLargeError,
    EvidenceUnreadableError,
    LogKeyUnreadableError,
    WitnessKeyUnreadableError,
    verify_command,
)
from gaugeblock.ledger.evidence import MAX_EVIDENCE_BYTES
from gaugeblock.plant.record_types import InspectionStatement, InspectionSubject, Verdict

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
    assert ("在日志中的位置" if language == "zh" else "inclusion in the log") in told
    assert verify_command(VECTORS / "evidence.json", vkey, [vkey], lang) == 1
    capsys.readouterr()


def test_it_says_what_was_verified(
    capsys: pytest.CaptureFixture[str], kit: Any, small_log: Any, tmp_path: Path
) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(small_log.evidence(7))
    assert verify_command(file, small_log.vkey, [], "zh") == 0
    told = capsys.readouterr().out
    for line in (
        "判定：合格",
        "零件：U000005",
        "工位：L1-ST10",
        "产品：P-100",
        "得分：0.25，不高于阈值 0.5",
        "答复用时：42 ms（期限 300 ms）",
        "模型：sha256 cdcdcdcdcdcdcdcd…",
        "检测时间：2026-11-22 05:00:00.000000 UTC",
        f"作者：{kit.station}",
    ):
        assert f"  {line}\n" in told
    assert "  未披露" not in told
    file.write_bytes(small_log.evidence(7, ["statement"]))
    assert verify_command(file, small_log.vkey, [], "en") == 0
    told = capsys.readouterr().out
    assert "  verdict: OK\n" in told
    assert "  withheld: subject, measurement, process, inputs\n" in told
    assert "U000005" not in told
    file.write_bytes(small_log.evidence(1))
    assert verify_command(file, small_log.vkey, [], "en") == 0
    told = capsys.readouterr().out
    assert f"  subject.entity: {kit.station}\n" in told
    assert "  statement.action: bind\n" in told


def test_a_value_from_the_author_commands_no_terminal_and_adds_no_line(
    capsys: pytest.CaptureFixture[str], kit: Any, tmp_path: Path
) -> None:
    log = kit.log()
    subject = InspectionSubject(station="S\x1b[2J", unit="U\n9. [ok] forged")
    facets = {"subject": subject, "statement": InspectionStatement(Verdict.UNDECIDED, "edge.camera_silent")}
    index = log.sign_and_append(kit.draft(1, facets=facets), kit.key("station"))
    (tmp_path / "e.json").write_bytes(log.evidence(index))
    assert verify_command(tmp_path / "e.json", log.vkey, [], "zh") == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\n9. [ok]" not in told
    assert "判定：未判定" in told
    # Two of the type's five facets were never there: withheld is then only what the count says.
    (tmp_path / "e.json").write_bytes(log.evidence(index, ["statement"]))
    assert verify_command(tmp_path / "e.json", log.vkey, [], "en") == 0
    assert "of these, the record holds: 1\n" in capsys.readouterr().out


def test_files_that_cannot_be_read(vkey: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceUnreadableError):
        verify_command(tmp_path / "nothing.json", vkey, [], "en")
    with pytest.raises(LogKeyUnreadableError):
        verify_command(VECTORS / "evidence.json", str(tmp_path / "no.key"), [], "en")
    with pytest.raises(WitnessKeyUnreadableError):
        verify_command(VECTORS / "evidence.json", vkey, [str(tmp_path / "no.key")], "en")
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
