"""``gaugeblock inspect``: train an inspector from a folder, run one over a folder, write the report."""

from __future__ import annotations

import csv as csv_format
import os
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gaugeblock.apps.console import Console
from gaugeblock.apps.image_folder import ImageFolder
from gaugeblock.apps.output_file import output_file, write_output
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.feature_cache import FileFeatureCache
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.errors import ImageError, LevelRangeError
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.operating_point import ZonedOperatingPoint
from gaugeblock.vision.reject_option import Costs, check_costs
from gaugeblock.vision.training import TrainingOptions, lite0_network, train
from gaugeblock.web.report import (
    FULL_MAX,
    UNDECIDED_MAX,
    Report,
    ReportImage,
    by_subfolder,
    overlay_of,
    picture_of,
    rank,
    render_report,
)

NAMED_MAX = 20
INTERRUPTED = 130
CSV_COLUMNS = ("file", "verdict", "score", "threshold", "peak_x", "peak_y", "reason")

Pixels = npt.NDArray[np.uint8]


class GroupsFileError(GaugeblockError):
    """No table of groups where one was named, or no text. Facts: ``path``."""

    code = "vision.groups_file"


class GroupsRowError(GaugeblockError):
    """A line of the table that is not a file and its group. Facts: ``path``, ``line``."""

    code = "vision.groups_row"


class GroupsLackingError(GaugeblockError):
    """An image without a group. Facts: ``path``, ``name``."""

    code = "vision.groups_lacking"


class CostsTextError(GaugeblockError):
    """Costs that are not four numbers. Facts: ``value``."""

    code = "vision.costs_text"


class ModuleMissingError(GaugeblockError):
    """No module file where one was named. Facts: ``path``."""

    code = "vision.module_missing"


def train_command(
    folder: Path,
    out: Path | str,
    *,
    seed: int = 1,
    overkill: float = 0.05,
    groups: Path | None = None,
    defective: Path | None = None,
    costs: str | None = None,
    language: Language = "zh",
) -> int:
    """Train on the good parts in ``folder`` and write the module. Exit status: 0, or 1 with the error said.

    Everything that can be refused is refused before training, which takes minutes. What has been computed is kept
    beside the module until it is written, so that the same command goes on after Ctrl+C or a fault (status 130).

    Parameters
    ----------
    out
        The module file. As text where a slash at its end, which names a folder, is to be noticed.
    defective
        Photographs of known defects.
    costs
        ``escape,overkill,review,defect_rate`` as numbers; an empty review for no review zone.
    """
    console = Console(language)
    try:
        if not 0 < overkill < 1:
            raise LevelRangeError(name="--overkill", value=overkill)
        _train(Order(folder, out, seed, overkill, groups, defective, read_costs(costs)), console)
    except GaugeblockError as error:
        console.error(error)
        return 1
    except KeyboardInterrupt:
        console.say("report.command.interrupted", "yellow")
        return INTERRUPTED
    return 0


@dataclass(frozen=True)
class Order:
    """What a training is asked for."""

    folder: Path
    out: Path | str
    seed: int
    overkill: float
    groups: Path | None
    defective: Path | None
    costs: tuple[Costs, float] | None


def read_costs(text: str | None) -> tuple[Costs, float] | None:
    """Costs and defect rate of ``escape,overkill,review,defect_rate``.

    Raises
    ------
    CostsTextError, CostRangeError, LevelRangeError

    >>> read_costs("120,2,0.5,0.01")
    (Costs(escape=120.0, overkill=2.0, review=0.5), 0.01)
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    try:
        escape, overkill, review, rate = parts
        costs = Costs(float(escape), float(overkill), float(review) if review else None)
        share = float(rate)
    except ValueError:
        raise CostsTextError(value=text[:80]) from None
    check_costs(costs, share)
    return costs, share


def _train(order: Order, console: Console) -> None:
    images = ImageFolder.open(order.folder)
    defective = None if order.defective is None else ImageFolder.open(order.defective)
    given = _read_groups(order.groups, images) if order.groups is not None else None
    out = output_file(order.out, console)
    cache = FileFeatureCache(out.with_name(f"{out.name}.cache"))
    console.say("report.command.training", count=len(images), folder=order.folder)
    left_out: list[tuple[str, ImageError]] = []
    started = time.monotonic()
    costs, defect_rate = order.costs if order.costs is not None else (None, None)
    with _bar(console) as advance:
        inspector = train(
            images,
            network=lite0_network(lite0_checkpoint()),
            groups=given,
            defective=defective,
            seed=order.seed,
            progress=advance,
            left_out=lambda index, error: left_out.append((images.name(index), error)),
            product=order.folder.resolve().name,
            options=TrainingOptions(overkill_target=order.overkill, costs=costs, defect_rate=defect_rate),
            threads=os.cpu_count() or 1,
            cache=cache,
        )
    for name, error in left_out[:NAMED_MAX]:
        console.say("report.command.left_out", "yellow", name=name, text=error.text(console.language))
    if len(left_out) > NAMED_MAX:
        console.say("report.command.left_out_more", "yellow", count=len(left_out) - NAMED_MAX)
    data = inspector.to_bytes()
    write_output(out, data)
    cache.clear()
    facts, point = inspector.manifest.training, inspector.manifest.operating_point
    if facts.groups_source == "near_duplicates":
        console.say("report.command.groups_proposed", groups=facts.groups)
    console.say(
        "report.command.trained",
        "green",
        images=facts.images,
        left_out=facts.left_out,
        groups=facts.groups,
        seconds=f"{time.monotonic() - started:.1f}",
        path=out,
        megabytes=f"{len(data) / 1e6:.1f}",
    )
    console.say(
        "report.command.threshold",
        threshold=f"{point.threshold:.3g}",
        bound=f"{100 * point.overkill_upper_bound:.2g}",
        confidence=f"{100 * point.confidence:g}",
        parts=point.good_parts_held_out,
    )
    _say_point(point, console)
    if point.overkill_upper_bound > point.overkill_target:
        console.say(
            "report.command.too_few",
            "yellow",
            target=f"{100 * point.overkill_target:g}",
            needed=point.good_parts_needed,
        )


def _say_point(point: ZonedOperatingPoint, console: Console) -> None:
    """What the costs led to, where there were any, and what weakens it."""
    counted = point.cross_fitted or point.on_chosen
    if point.chosen_by == "cost" and counted is not None:
        console.say(
            "report.command.by_cost",
            review_from=f"{point.review_from:.3g}",
            threshold=f"{point.threshold:.3g}",
            escape=f"{100 * (counted.escape.value or 0.0):.2g}",
            escape_high=f"{100 * counted.escape.high:.2g}",
            overkill=f"{100 * (counted.overkill.value or 0.0):.2g}",
            overkill_high=f"{100 * counted.overkill.high:.2g}",
            cost=f"{counted.cost_per_1000 or 0.0:.1f}",
        )
    for warning in point.warnings if point.costs is not None else ():
        console.say(warning.value, "yellow")


def run_command(
    module: Path, folder: Path, *, report: Path | str, csv: Path | str | None = None, language: Language = "zh"
) -> int:
    """Inspect the images in ``folder`` and write the report. Exit status: 0, or 1 with the error said."""
    console = Console(language)
    try:
        _run(module, folder, report, csv, console)
    except GaugeblockError as error:
        console.error(error)
        return 1
    return 0


def _run(module: Path, folder: Path, report_named: Path | str, csv_named: Path | str | None, console: Console) -> None:
    try:
        data = module.read_bytes()
    except OSError as error:
        raise ModuleMissingError(path=str(module)) from error
    inspector = Inspector.from_bytes(data, threads=os.cpu_count() or 1)
    images = ImageFolder.open(folder)
    report = output_file(report_named, console)
    csv = None if csv_named is None else output_file(csv_named, console)
    found: list[ReportImage] = []
    started = time.monotonic()
    with _bar(console) as advance:
        for index in range(len(images)):
            found.append(_inspect(inspector, images, index))
            advance("inspecting", index + 1, len(images))
    seconds = time.monotonic() - started
    if csv is not None:
        _write_csv(csv, found, inspector.manifest.threshold)
        console.say("report.command.csv", path=csv)
    pictured = _with_pictures(inspector, images, found)
    content = Report(inspector.manifest, pictured, seconds, version("gaugeblock"))
    write_output(report, render_report(content, console.language).encode("utf-8"))
    counts = {v: sum(1 for f in found if f.verdict is v) for v in Verdict}
    console.say(
        "report.command.done",
        "green",
        images=len(found),
        ok=counts[Verdict.OK],
        nok=counts[Verdict.NOK],
        undecided=counts[Verdict.UNDECIDED],
        rate=f"{len(found) / max(seconds, 1e-9):.1f}",
        path=report,
    )
    for folder_counts in by_subfolder(found)[:NAMED_MAX]:
        console.say(
            "report.command.subfolder",
            name=folder_counts.name or console.text("report.folders.none"),
            ok=folder_counts.counts[Verdict.OK],
            nok=folder_counts.counts[Verdict.NOK],
            undecided=folder_counts.counts[Verdict.UNDECIDED],
        )


def _inspect(inspector: Inspector, images: ImageFolder, index: int) -> ReportImage:
    name = images.name(index)
    try:
        inspection = inspector.inspect(images[index])
    except ImageError as error:
        return ReportImage(name, Verdict.UNDECIDED, error=error)
    if inspection.verdict is Verdict.OK and inspection.score > inspector.manifest.operating_point.review_from:
        # A station answers UNDECIDED here too: a person is to look.
        return ReportImage(name, Verdict.UNDECIDED, inspection.score, peak=inspection.peak)
    return ReportImage(name, inspection.verdict, inspection.score, peak=inspection.peak)


def _with_pictures(inspector: Inspector, images: ImageFolder, found: list[ReportImage]) -> list[ReportImage]:
    """The first ones once more, with picture and heat-map: keeping those of all would need memory for all."""
    index_of = {images.name(i): i for i in range(len(images))}
    ranked = rank(found)
    judged = sum(1 for image in ranked if image.verdict is not Verdict.UNDECIDED)
    for at in (*range(min(FULL_MAX, judged)), *range(judged, min(judged + UNDECIDED_MAX, len(ranked)))):
        image = ranked[at]
        try:
            pixels = images[index_of[image.name]]
        except ImageError:
            continue  # the table tells why it cannot be shown
        overlay = None
        if image.score is not None:
            inspection = inspector.inspect(pixels)
            overlay = overlay_of(inspection.heatmap, inspection.threshold)
        ranked[at] = ReportImage(
            image.name, image.verdict, image.score, image.error, picture_of(pixels), overlay, image.peak
        )
    return ranked


def _read_groups(path: Path, images: ImageFolder) -> list[Hashable]:
    """The group of each image from lines of ``file,group``; a heading line ``file,group`` may stand first."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv_format.reader(file)
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv_format.Error) as error:
        raise GroupsFileError(path=str(path)) from error
    if rows and rows[0][1][0].strip().lower() == "file":
        rows = rows[1:]
    group_of: dict[str, Hashable] = {}
    for line, row in rows:
        if len(row) != 2:
            raise GroupsRowError(path=str(path), line=line)
        group_of[row[0].strip()] = row[1].strip()
    try:
        return [group_of[images.name(i)] for i in range(len(images))]
    except KeyError as error:
        raise GroupsLackingError(path=str(path), name=str(error.args[0])) from error


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar with one line a stage, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console.rich) as progress:

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(console.text(f"report.command.{stage}"), total=total)
            progress.update(tasks[stage], completed=done)

        yield advance


def _write_csv(path: Path, images: list[ReportImage], threshold: float) -> None:
    lines: list[list[str]] = [list(CSV_COLUMNS)]
    for image in images:
        peak = image.peak or ("", "")
        lines.append(
            [
                _safe_cell(image.name),
                image.verdict.value,
                "" if image.score is None else f"{image.score:.6g}",
                f"{threshold:.6g}",
                *(f"{p:.4f}" if isinstance(p, float) else "" for p in peak),
                "" if image.error is None else image.error.code,
            ]
        )
    text = "\r\n".join(",".join(_quoted(cell) for cell in line) for line in lines) + "\r\n"
    write_output(path, text.encode("utf-8-sig"))


def _safe_cell(text: str) -> str:
    """A file name that a spreadsheet would take for a formula is kept as text."""
    return "'" + text if text[:1] in "=+-@\t\r" else text


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\r\n') else cell
