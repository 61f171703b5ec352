"""``gaugeblock inspect agreement``: a report in one file from a table, without a plant."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from gaugeblock.apps.agreement import agreement_command
from gaugeblock.inspection.studies import StudyResult

TABLE = "part,reference,appraiser,trial,decision,score\n" + "".join(
    f"P{p},{'good' if p % 2 else 'defective'},ST10,{t},{'OK' if p % 2 else 'NOK'},{p + t / 10}\n"
    for p in range(8)
    for t in (1, 2, 3)
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_report_stands_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    table, report, kept = tmp_path / "night.csv", tmp_path / "report.html", tmp_path / "result.json"
    table.write_text(TABLE)
    code = agreement_command(table, report=str(report), json=str(kept), station=None, language=language)  # type: ignore[arg-type]
    assert code == 0
    html = report.read_text("utf-8")
    assert "night" in html
    assert not re.search(r"<script|<link|src=|web\.[a-z]+\.", html)
    result = msgspec.json.decode(kept.read_bytes(), type=StudyResult)
    assert result.station == "ST10"
    assert result.gauge is not None
    assert "100.0%" in capsys.readouterr().out


def test_errors_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = str(tmp_path / "report.html")
    assert agreement_command(tmp_path / "none.csv", report=report, json=None, station=None, language="en") == 2
    table = tmp_path / "wrong.csv"
    table.write_text(TABLE.replace("P3,good,ST10,2,OK", "P3,good,ST10,2,perhaps"))
    assert agreement_command(table, report=report, json=None, station=None, language="en") == 2
    assert "Line 12, column" in capsys.readouterr().err
    table.write_text(TABLE)
    assert agreement_command(table, report=report, json=None, station="ST11", language="en") == 2
    assert not Path(report).exists()
