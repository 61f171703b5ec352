"""``gaugeblock twin fit``: from a log's file to a line that ``twin run`` reads, with a report in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.twin._shop import Shop
from gaugeblock.apps.console import Console
from gaugeblock.apps.twin import read_line, run_command
from gaugeblock.apps.twin_fit import LogFileError, LogOptionError, fit_command
from gaugeblock.connectors.event_log_csv import event_log_csv
from gaugeblock.plant.language import LANGUAGES, Language, catalogue
from gaugeblock.twin.calibration.errors import ClocksApartError
from gaugeblock.twin.distributions import Exponential, Gamma
from gaugeblock.twin.line import Failures, serial_line

LINE = serial_line(
    [Gamma(1.0, 0.5), Exponential(0.8)],
    [2],
    failures=[Failures(counts="operating_time", between=Exponential(30.0), repair=Gamma(4.0, 0.5)), None],
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "housing.csv"
    path.write_text("".join(event_log_csv(Shop(LINE, 3).run(400))), "utf-8")
    return path


def _fit(paths: list[Path], output: Path, language: Language = "en", **options: object) -> int:
    given: dict[str, object] = {
        "columns": [],
        "unit": "min",
        "name": None,
        "align": False,
        "as_json": False,
        "seed": 1,
        "interval": False,
    }
    return fit_command(paths, output, Console(language), **(given | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_log_becomes_a_line(
    language: Language, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "line.toml"
    assert _fit([log], output, language) == 0
    out = capsys.readouterr().out
    words = catalogue(language)
    for key in ("head.service", "counts.operating_time", "remarks", "remark.blocking_assumed", "family.exponential"):
        assert words[f"twin.fit.{key}"] in out
    line = read_line(output)
    assert line.name == "housing"
    assert line.buffers[0].capacity == 2
    assert line.stations[0].failures is not None
    assert output.read_text("utf-8").startswith("# gaugeblock twin fit\n# ")
    assert run_command(output, Console(language), length=500.0, warm_up=50.0, replications=3, seed=1) == 0


def test_the_report_as_json(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fit([log], tmp_path / "line.toml", as_json=True, interval=True, name="pump") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["line"] == "pump"
    assert report["throughput"]["low"] < report["throughput"]["value"] < report["throughput"]["high"]
    assert report["failures"][0]["counts"] == "operating_time"
    low, high = report["stations"][0]["service"]["mean_95"]
    assert low < 1.0 < high
    assert {"place": "before station-2", "capacity": 2, "told": True} in report["places"]
    assert any(remark["key"] == "crew_unknown" for remark in report["remarks"])


def test_two_files_with_clocks_apart(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = Shop(LINE, 3).run(400)
    path = tmp_path / "late.csv"
    rows = [row.split(",") for row in event_log_csv(late)]
    for row in rows[1:]:
        row[3:5] = [str(float(time) + 120.0) if time else "" for time in row[3:5]]
    path.write_text("".join(",".join(row) for row in rows), "utf-8")
    with pytest.raises(ClocksApartError):
        _fit([log, path], tmp_path / "line.toml")
    assert _fit([log, path], tmp_path / "line.toml", align=True) == 0
    assert "2 h ahead" in capsys.readouterr().out


def test_what_cannot_be_read_is_named(log: Path, tmp_path: Path) -> None:
    with pytest.raises(LogFileError):
        _fit([tmp_path / "none.csv"], tmp_path / "line.toml")
    for options in ({"unit": "d"}, {"columns": ["part"]}):
        with pytest.raises(LogOptionError):
            _fit([log], tmp_path / "line.toml", **options)
    assert not (tmp_path / "line.toml").exists()
