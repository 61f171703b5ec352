"""The inspection report: one HTML file that needs nothing beside itself.

Pictures are in the file, so its size is bounded: the first ``FULL_MAX`` images by score carry a picture and a
heat-map, all others a row in the table, and of those at most ``ROWS_MAX``. Both languages are in the file; the
reader switches without a network. Images that could not be judged have no score to be ranked by: they stand in a
section of their own, each with its reason.
"""

from __future__ import annotations

import base64
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import LANGUAGES, Language, say
from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision.heat_colour import START, TOP, heat_colours
from gaugeblock.vision.inspector import Manifest

FULL_MAX = 60
UNDECIDED_MAX = 24
SUBFOLDERS_MAX = 50
ROWS_MAX = 5_000
PICTURE_SIDE = 420
BINS = 48
WIDTH, HEIGHT, FOOT = 720, 200, 34
_LOCALE = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class ReportImage:
    """One image of the report.

    Parameters
    ----------
    name
        As the reader knows the file.
    verdict, score
        No score where the image could not be judged.
    error
        Why it could not be.
    picture, overlay
        JPEG and PNG bytes, for the first ones; see :func:`picture_of` and :func:`overlay_of`.
    peak
        Fractions of width and height.
    """

    name: str
    verdict: Verdict
    score: float | None = None
    error: GaugeblockError | None = None
    picture: bytes | None = None
    overlay: bytes | None = None
    peak: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a report tells. ``seconds`` is the time all images took."""

    manifest: Manifest
    images: Sequence[ReportImage]
    seconds: float
    version: str


_ORDER = {Verdict.NOK: 0, Verdict.OK: 1, Verdict.UNDECIDED: 2}


def rank(images: Sequence[ReportImage]) -> list[ReportImage]:
    """NOK, then OK, in each the highest score first and equals by name; then what could not be judged."""
    return sorted(images, key=lambda i: (_ORDER[i.verdict], -_finite(i.score), i.name))


def _finite(score: float | None) -> float:
    """A score that is not a number is NOK and the strangest of all."""
    return 0.0 if score is None else math.inf if math.isnan(score) else score


@dataclass(frozen=True, slots=True)
class SubfolderCounts:
    """Verdicts of one first-level subfolder; ``name`` is empty for images directly in the folder."""

    name: str
    counts: Mapping[Verdict, int]

    @property
    def total(self) -> int:
        """Images in it."""
        return sum(self.counts.values())


def by_subfolder(images: Sequence[ReportImage]) -> list[SubfolderCounts]:
    """Verdicts by first-level subfolder, by name; nothing where there are fewer than two.

    The program knows no labels, but whoever sorted good and defective parts into folders reads escapes and
    overkill off these counts.

    >>> names = ("good/1.png", "good/2.png", "scratch/1.png")
    >>> [(f.name, f.total) for f in by_subfolder([ReportImage(n, Verdict.OK) for n in names])]
    [('good', 2), ('scratch', 1)]
    """
    counted: dict[str, Counter[Verdict]] = {}
    for image in images:
        folder, slash, _ = image.name.partition("/")
        counted.setdefault(folder if slash else "", Counter())[image.verdict] += 1
    if sum(1 for name in counted if name) < 2:
        return []
    return [SubfolderCounts(name, {v: counted[name][v] for v in Verdict}) for name in sorted(counted)]


def significant(value: float) -> str:
    """Three significant digits, the zeros at the end too, so that a column of scores can be compared.

    >>> [significant(v) for v in (0.5, 1, 12.345, 0.0123, 1234.5, 0)]
    ['0.500', '1.00', '12.3', '0.0123', '1234', '0.00']
    """
    if not math.isfinite(value):
        return str(value)
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, 2 - magnitude)}f}"


def picture_of(pixels: npt.NDArray[np.uint8], side: int = PICTURE_SIDE) -> bytes:
    """A JPEG of at most ``side`` pixels a side."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=78, optimize=True)
    return buffer.getvalue()


def overlay_of(heatmap: npt.NDArray[np.float32], threshold: float) -> bytes:
    """A heat-map as a small transparent PNG in the colours of :func:`gaugeblock.vision.heat_colour.heat_colours`."""
    buffer = io.BytesIO()
    Image.fromarray(heat_colours(heatmap / np.float32(threshold))).save(buffer, "PNG")
    return buffer.getvalue()


def _ramp() -> str:
    """The scale from its transparent end to its top, as CSS colours."""
    stops = heat_colours(np.linspace(START, TOP, 11))
    return ",".join(f"rgb({r} {g} {b}/{a / 255:.2f})" for r, g, b, a in stops.tolist())


def _shape(jpeg: bytes) -> float:
    """Width to height."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.width / image.height


@dataclass(frozen=True, slots=True)
class Histogram:
    """Inline SVG in user units: ``bars`` as (x, y, width, height), ``line`` as a path, ``mark`` the threshold."""

    bars: list[tuple[float, float, float, float]]
    line: str
    mark: float
    ticks: list[tuple[float, str]]


def histogram(scores: Sequence[float], held_out: Sequence[float], threshold: float) -> Histogram:
    """Both distributions over the logarithm of the score, each scaled to its own number of parts."""
    everything = [math.log(max(s, 1e-6)) for s in (*scores, *held_out, threshold)]
    low, high = min(everything), max(everything)
    margin = max(0.02, 0.03 * (high - low))
    low, high = low - margin, high + margin
    edges = np.linspace(low, high, BINS + 1)
    counts = [np.histogram(np.log(np.maximum(np.asarray(v), 1e-6)), edges)[0] for v in (scores, held_out)]
    shares = [c / max(1, int(c.sum())) for c in counts]
    top = max(float(max(s.max() for s in shares)), 1e-9)
    step, room = WIDTH / BINS, HEIGHT - FOOT
    bars = [
        (round(i * step, 1), round(room * (1 - s / top), 1), round(step - 1, 1), round(room * s / top, 1))
        for i, s in enumerate(shares[0])
        if s > 0
    ]
    points = [f"{round((i + 0.5) * step, 1)},{round(room * (1 - s / top), 1)}" for i, s in enumerate(shares[1])]

    def place(value: float) -> float:
        return round(WIDTH * (math.log(value) - low) / (high - low), 1)

    marks = (1e-6, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100)
    ticks = [(place(v), f"{v:g}") for v in marks if low <= math.log(v) <= high]
    return Histogram(bars, "M" + "L".join(points) if held_out else "", place(max(threshold, 1e-6)), ticks)


def render_report(report: Report, language: Language) -> str:
    """The file's text, opening in ``language``.

    Parameters
    ----------
    report
        Its images need not be in order; pictures beyond the first ``FULL_MAX`` are not used.
    """
    ranked = rank(report.images)
    judged = [i for i in ranked if i.verdict is not Verdict.UNDECIDED]
    undecided = ranked[len(judged) :]
    folders = by_subfolder(ranked)
    scores = [i.score for i in ranked if i.score is not None]
    point = report.manifest.operating_point
    counts = {v: sum(1 for i in ranked if i.verdict is v) for v in Verdict}

    def both(key: str, **facts: object) -> Markup:
        return Markup("").join(
            Markup('<span lang="{}">{}</span>').format(_LOCALE[code], say(f"report.{key}", code, **facts))
            for code in LANGUAGES
        )

    def both_error(error: GaugeblockError) -> Markup:
        return Markup("").join(
            Markup('<span lang="{}">{} {}</span>').format(_LOCALE[code], error.text(code), error.remedy(code))
            for code in LANGUAGES
        )

    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            both=both,
            both_error=both_error,
            verdict=lambda v: both(f"summary.{v.value.lower()}"),
            plain=lambda key, **facts: escape(say(f"report.{key}", language, **facts)),
            language=language,
            locale=_LOCALE[language],
            report=report,
            point=point,
            training=report.manifest.training,
            counts=counts,
            verdicts=list(Verdict),
            # Up to the first that has no picture, so that "the first so many" stays true.
            full=list(takewhile(lambda i: i.picture is not None and i.overlay is not None, judged[:FULL_MAX])),
            judged=len(judged),
            undecided=undecided[:UNDECIDED_MAX],
            undecided_left=max(0, len(undecided) - UNDECIDED_MAX),
            folders=folders[:SUBFOLDERS_MAX],
            folders_left=max(0, len(folders) - SUBFOLDERS_MAX),
            ramp=_ramp(),
            ramp_start=START,
            rows=ranked[:ROWS_MAX],
            left=max(0, len(ranked) - ROWS_MAX),
            total=len(ranked),
            chart=histogram(scores, report.manifest.held_out_scores, point.threshold) if scores else None,
            size=(WIDTH, HEIGHT, FOOT),
        )
    )


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["data_uri"] = _data_uri
    made.filters["figure"] = significant
    made.filters["shape"] = _shape
    made.filters["percent"] = lambda value: f"{100 * value:.3g}"
    return made
