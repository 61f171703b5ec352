"""``gaugeblock inspect`` from folder to module to report, with bad files among the good."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaugeblock.apps.inspect import run_command, train_command
from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision.errors import ImageBlankError
from gaugeblock.vision.inspector import Inspector
from gaugeblock.web import report as report_module
from gaugeblock.web.report import Report, ReportImage, histogram, rank, render_report


def _plate(path: Path, seed: int, hole: bool = False) -> None:
    rng = np.random.default_rng(seed)
    image = np.clip(120 + rng.normal(0, 12, (96, 96, 3)), 0, 255).astype(np.uint8)
    if hole:
        image[30:60, 30:60] = 10
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plates")
    for i in range(8):
        _plate(root / "good" / f"{i}.png", i)
    (root / "good" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    _plate(root / "test" / "a.png", 100)
    _plate(root / "test" / "<b>&.png", 101, hole=True)
    (root / "test" / "empty.png").write_bytes(b"")
    Image.new("RGB", (96, 96)).save(root / "test" / "black.png")
    assert train_command(root / "good", root / "part.gbm", language="en", overkill=0.3) == 0
    return root


def test_training_names_what_it_left_out(plates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(plates / "good", plates / "again.gbm", language="en", overkill=0.3) == 0
    said = capsys.readouterr().err
    assert "Left out: broken.jpg" in said
    assert "8 groups" in said
    assert (plates / "again.gbm").read_bytes() == (plates / "part.gbm").read_bytes()


def test_report_and_table_tell_every_image(plates: Path) -> None:
    html_path, csv_path = plates / "r.html", plates / "r.csv"
    assert run_command(plates / "part.gbm", plates / "test", report=html_path, csv=csv_path, language="en") == 0
    with csv_path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows["empty.png"]["reason"] == "vision.image_empty"
    assert rows["black.png"]["verdict"] == "UNDECIDED"
    assert rows["<b>&.png"]["verdict"] == "NOK"
    html = html_path.read_text()
    assert "&lt;b&gt;&amp;.png" in html
    assert "<b>&.png" not in html
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?https?:""", html), "the file must need nothing else"
    for sentence in ("What the threshold means", "阈值的含义", "图像文件为空", "The image file is empty"):
        assert sentence in html


@pytest.mark.parametrize("what", ["missing", "empty", "no_module", "not_a_module", "groups"])
def test_errors_are_said_and_give_status_one(
    plates: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "missing":
        status, words = train_command(tmp_path / "x", tmp_path / "o.gbm", language="en"), "does not exist"
    elif what == "empty":
        status, words = train_command(tmp_path, tmp_path / "o.gbm", language="en"), "no image"
    elif what == "no_module":
        status = run_command(tmp_path / "x.gbm", plates / "test", report=tmp_path / "r.html", language="en")
        words = "cannot be read"
    elif what == "not_a_module":
        (tmp_path / "x.gbm").write_bytes(b"hello")
        status = run_command(tmp_path / "x.gbm", plates / "test", report=tmp_path / "r.html", language="en")
        words = "not a module"
    else:
        (tmp_path / "g.csv").write_text("file,group\n0.png,a\n")
        status = train_command(plates / "good", tmp_path / "o.gbm", groups=tmp_path / "g.csv", language="en")
        words = "no group for"
    assert status == 1
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "o.gbm").exists()


def test_a_table_of_groups_is_used(plates: Path, tmp_path: Path) -> None:
    names = sorted(p.name for p in (plates / "good").iterdir())
    (tmp_path / "g.csv").write_text("file,group\n" + "".join(f"{n},{i % 3}\n" for i, n in enumerate(names)))
    assert (
        train_command(plates / "good", tmp_path / "o.gbm", groups=tmp_path / "g.csv", overkill=0.3, language="zh") == 0
    )
    facts = Inspector.from_bytes((tmp_path / "o.gbm").read_bytes()).manifest.training
    assert (facts.groups, facts.groups_source) == (3, "given")


def test_unjudged_first_then_by_score() -> None:
    images = [
        ReportImage("low", Verdict.OK, 0.5),
        ReportImage("high", Verdict.NOK, 3.0),
        ReportImage("none", Verdict.UNDECIDED, error=ImageBlankError(contrast=0.0, limit=1.5)),
    ]
    assert [i.name for i in rank(images)] == ["none", "high", "low"]


def test_the_report_is_bounded(plates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "ROWS_MAX", 50)
    manifest = Inspector.from_bytes((plates / "part.gbm").read_bytes()).manifest
    images = [ReportImage(f"{i}.png", Verdict.OK, 1.0 + i / 1000) for i in range(300)]
    html = render_report(Report(manifest, images, 1.0, "0"), "en")
    assert html.count("<tr>") == 51
    assert "250 more are left out" in html


def test_histogram_shares_add_up_and_the_mark_is_inside() -> None:
    chart = histogram([0.8, 1.0, 1.1, 4.0], [0.9, 1.0], 1.5)
    assert 0 < chart.mark < report_module.WIDTH
    assert all(0 <= x <= report_module.WIDTH and h > 0 for x, _, _, h in chart.bars)
    assert {text for _, text in chart.ticks} >= {"1", "2"}
