"""``gaugeblock inspect`` from folder to module to report, with bad files among the good."""

from __future__ import annotations

import csv
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaugeblock.apps import inspect as inspect_module
from gaugeblock.apps.inspect import run_command, train_command
from gaugeblock.plant.language import LANGUAGES
from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision.errors import ImageBlankError
from gaugeblock.vision.heat_colour import heat_colours
from gaugeblock.vision.inspector import Inspector
from gaugeblock.web import report as report_module
from gaugeblock.web.report import (
    Report,
    ReportImage,
    by_subfolder,
    histogram,
    overlay_of,
    picture_of,
    rank,
    render_report,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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
        words = "not a module file"
    else:
        (tmp_path / "g.csv").write_text("file,group\n0.png,a\n")
        status = train_command(plates / "good", tmp_path / "o.gbm", groups=tmp_path / "g.csv", language="en")
        words = "has no group for"
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


@pytest.mark.parametrize(
    ("out", "zh"),
    [
        ("models/", "是文件夹"),
        ("good", "是文件夹"),
        ("no/such/part.gbm", "文件夹"),
        ("file/part.gbm", "无法写入"),
        ("n" * 300 + ".gbm", "无法写入"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    plates: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: str, zh: str
) -> None:
    (plates / "file").write_text("")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the work had begun")

    monkeypatch.setattr(inspect_module, "train", never)
    monkeypatch.setattr(inspect_module, "_inspect", never)
    named = f"{plates}/{out}"
    before = sorted(plates.iterdir())
    assert train_command(plates / "good", named, language="zh") == 1
    assert zh in " ".join(capsys.readouterr().err.split())
    for outputs in ({"report": named}, {"report": plates / "r2.html", "csv": named}):
        assert run_command(plates / "part.gbm", plates / "test", language="zh", **outputs) == 1
        assert zh in " ".join(capsys.readouterr().err.split())
    assert sorted(plates.iterdir()) == before


@pytest.mark.parametrize("overkill", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_an_overkill_out_of_range_is_refused_before_training(
    plates: Path, capsys: pytest.CaptureFixture[str], overkill: float
) -> None:
    assert train_command(plates / "good", plates / "never.gbm", overkill=overkill, language="zh") == 1
    said = capsys.readouterr().err
    assert "--overkill" in said
    assert "训练" not in said


def test_groups_that_do_not_fit_are_told_in_chinese(
    plates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "row.csv").write_text("file,group\n0.png\n")
    for file, zh in (("none.csv", "不存在"), ("row.csv", "第 2 行不是两列")):
        arguments = {"groups": tmp_path / file, "language": "zh"}
        assert train_command(plates / "good", tmp_path / "new" / "o.gbm", **arguments) == 1
        assert zh in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_one_missing_folder_is_made_and_said(plates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "new" / "r.html"
    assert run_command(plates / "part.gbm", plates / "test", report=report, language="zh") == 0
    assert report.exists()
    assert "已新建文件夹" in capsys.readouterr().err


def test_highest_score_first_and_what_has_none_last() -> None:
    images = [
        ReportImage("none", Verdict.UNDECIDED, error=ImageBlankError(contrast=0.0, limit=1.5)),
        ReportImage("low", Verdict.OK, 0.5),
        ReportImage("high", Verdict.NOK, 3.0),
        ReportImage("strange", Verdict.NOK, math.nan),
        ReportImage("high too", Verdict.NOK, 3.0),
        ReportImage("good", Verdict.OK, 1.1),
    ]
    assert [i.name for i in rank(images)] == ["strange", "high", "high too", "good", "low", "none"]


def _pictured(name: str, score: float) -> ReportImage:
    pixels = np.full((40, 60, 3), 90, np.uint8)
    heatmap = np.full((4, 6), score, np.float32)
    return ReportImage(
        name, Verdict.NOK if score > 1.5 else Verdict.OK, score, None, picture_of(pixels), overlay_of(heatmap, 1.5)
    )


def test_the_first_so_many_are_those_with_heat_maps(plates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "FULL_MAX", 3)
    manifest = Inspector.from_bytes((plates / "part.gbm").read_bytes()).manifest
    images = [_pictured(f"{i}.png", 1.0 + i / 4) for i in range(5)]
    images.append(ReportImage("dark.png", Verdict.UNDECIDED, error=ImageBlankError(contrast=0.0, limit=1.5)))
    html = render_report(Report(manifest, images, 1.0, "0"), "zh")
    assert "有得分的 5 张中的前 3 张带热图" in html
    assert html.count('class="stack"') == 3
    first, undecided = html.index('<ul class="grid">'), html.index('<section id="undecided">')
    assert [html.index(f'title="{n}.png"', first) for n in (4, 3, 2)] == sorted(
        html.index(f'title="{n}.png"', first) for n in (4, 3, 2)
    )
    assert first < html.index('title="2.png"', first) < undecided < html.index('title="dark.png"', undecided)
    assert "图像几乎没有对比度" in html[undecided:]
    everything = render_report(Report(manifest, images[:2], 1.0, "0"), "zh")
    assert "有得分的 2 张全部带热图" in everything
    assert '<section id="undecided">' not in everything


def test_verdicts_are_counted_by_subfolder_where_there_are_two(plates: Path) -> None:
    manifest = Inspector.from_bytes((plates / "part.gbm").read_bytes()).manifest
    images = [
        ReportImage("good/1.png", Verdict.OK, 1.0),
        ReportImage("good/2.png", Verdict.NOK, 2.0),
        ReportImage("scratch/a/1.png", Verdict.OK, 1.1),
        ReportImage("scratch/<2>.png", Verdict.UNDECIDED),
        ReportImage("loose.png", Verdict.OK, 1.1),
    ]
    found = {
        f.name: (f.counts[Verdict.OK], f.counts[Verdict.NOK], f.counts[Verdict.UNDECIDED]) for f in by_subfolder(images)
    }
    assert found == {"": (1, 0, 0), "good": (1, 1, 0), "scratch": (1, 0, 1)}
    assert "漏检率" in render_report(Report(manifest, images, 1.0, "0"), "zh")
    for fewer in (images[:2], [*images[:2], images[4]], images[4:]):
        assert by_subfolder(fewer) == []
        assert "漏检率" not in render_report(Report(manifest, fewer, 1.0, "0"), "zh")


def test_colour_begins_near_the_threshold_and_grows_evenly_darker() -> None:
    colours = heat_colours(np.linspace(0, 2, 201)).astype(int)
    assert (colours[:76, 3] == 0).all()
    assert (colours[80:, 3] > 0).all()
    assert (np.diff(colours[:, 3]) >= 0).all()
    luminance = colours[76:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) <= 1).all()
    assert heat_colours([math.nan, math.inf, 9.0]).tolist() == [heat_colours([2.0])[0].tolist()] * 3


@pytest.mark.parametrize("width", [400, 1200])
def test_in_a_browser_nothing_overflows_and_cards_are_of_one_height(plates: Path, tmp_path: Path, width: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    manifest = Inspector.from_bytes((plates / "part.gbm").read_bytes()).manifest
    long = "a_camera_that_writes_its_whole_life_into_the_name_" * 3
    images = [_pictured(f"good/{long}{i}.png", 1.0 + i / 4) for i in range(5)] + [_pictured("bad/1.png", 1.2)]
    images.append(ReportImage(f"bad/{long}.png", Verdict.UNDECIDED, error=ImageBlankError(contrast=0.0, limit=1.5)))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for language in LANGUAGES:
            file = tmp_path / f"{language}.html"
            file.write_text(render_report(Report(manifest, images, 1.0, "0"), language), "utf-8")
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(file.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
            heights = page.evaluate(
                "[...document.querySelectorAll('.grid')[0].children].map(c => Math.round(c.offsetHeight))"
            )
            assert len(heights) == 6
            assert len(set(heights)) == 1
            lines = page.evaluate(
                "[...document.querySelectorAll('td.NOK, td.OK, td.UNDECIDED')].map(c => c.getClientRects().length &&"
                " [...c.children].filter(s => s.offsetHeight).every(s => s.getClientRects().length === 1))"
            )
            assert lines
            assert all(lines)
            # The overlay lies exactly on its picture, though its own shape is that of the grid of cells.
            assert page.evaluate(
                "[...document.querySelectorAll('.stack')].every(s => { const [a, b] = [...s.querySelectorAll('img')]"
                ".map(i => i.getBoundingClientRect()); return Math.abs(a.width - b.width) < 0.1 &&"
                " Math.abs(a.height - b.height) < 0.1 && Math.abs(a.width / a.height - 1.5) < 0.02; })"
            )
        browser.close()


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
