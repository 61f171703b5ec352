"""Defects drawn on pictures of good parts, so that something can be learnt about defects before one is known.

Eight kinds, each with random size, place and strength: holes, blobs, lines (scratches and cracks), pieces of the
same picture in a wrong place, smears, regions of another tone or roughness, specks of texture, and bent contours.
None imitates the defects of one product. What a drawing changed too little to be seen is no defect: its strength is
measured on the standardised picture, and where it stays too weak another one is tried.

CutPaste (Li et al., CVPR 2021), DRAEM (Zavrtanik et al., ICCV 2021) and GLASS (Chen et al., ECCV 2024) train on
drawn defects; the kinds and figures here are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image

from gaugeblock.vision.illumination import standardising

TRIES = 6
SEEN_LEVELS, TOUCHED_LEVELS = 6.0, 2.0
"""Change, in grey levels of the standardised picture, from which a pixel is defective, or no longer clean."""
THIN_SEEN_LEVELS = 4.0
PIXELS_MIN, SHARE_MAX = 4, 0.6
POINTS = 24

Plane = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Drawing = Callable[[np.random.Generator, Plane], tuple[Plane, Plane]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture with a defect.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8.
    defective, touched
        (H, W) bool: where the defect is, and where the picture is not as it was.
    kind
        One of ``KINDS``.
    """

    pixels: Pixels
    defective: npt.NDArray[np.bool_]
    touched: npt.NDArray[np.bool_]
    kind: str


def draw_defect(pixels: Pixels, seed: Sequence[int], kinds: Sequence[str] = ()) -> Drawn | None:
    """Draw one defect; ``None`` where none of a few tries can be seen.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8, a good part at the size the network sees.
    seed
        Same picture and seed, same drawing.
    kinds
        To choose from; thin and small ones come twice as often by default.

    Examples
    --------
    >>> flat = np.random.default_rng(0).integers(90, 160, (64, 64, 3)).astype(np.uint8)
    >>> drawn = draw_defect(flat, [1, 2], ["blob"])
    >>> drawn.kind, bool(drawn.defective.any()), bool((drawn.touched | ~drawn.defective).all())
    ('blob', True, True)
    """
    rng = np.random.default_rng(seed)
    chosen = tuple(kinds) or (*KINDS, "line", "hole")
    before = pixels.astype(np.float32)
    gain = standardising(pixels)[0]
    for _ in range(TRIES):
        kind = chosen[int(rng.integers(len(chosen)))]
        after, inside = KINDS[kind](rng, before)
        after = np.clip(after, 0, 255)
        change = np.abs(after - before).mean(axis=2) * np.float32(gain)
        if kind == "smear":
            # A smear takes detail away: what is left between the changed pixels belongs to it.
            spread = _box(change, 2) * np.float32(1.5)
        else:
            spread = np.maximum(_box(change, 1), change * np.float32(0.7))
        spread *= inside > 0.05
        defective = spread > (THIN_SEEN_LEVELS if kind in ("line", "hole") else SEEN_LEVELS)
        count = int(defective.sum())
        if PIXELS_MIN <= count <= SHARE_MAX * defective.size:
            return Drawn(np.rint(after).astype(np.uint8), defective, spread > TOUCHED_LEVELS, kind)
    return None


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _enlarged(plane: Plane, height: int, width: int) -> Plane:
    return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def _noise(rng: np.random.Generator, height: int, width: int, cells: float) -> Plane:
    """Smooth noise of mean 0 and deviation 1: three octaves of enlarged random grids."""
    found = np.zeros((height, width), np.float32)
    longer = max(height, width)
    for octave, weight in ((1, 1.0), (2, 0.5), (4, 0.25)):
        per_side = max(2, round(cells * octave))
        rows = max(2, round(per_side * height / longer)) + 2
        columns = max(2, round(per_side * width / longer)) + 2
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        found += np.float32(weight) * _enlarged(grid, height, width)
    found -= found.mean()
    return np.asarray(found / (found.std() + 1e-6), dtype=np.float32)


def _box(plane: Plane, reach: int) -> Plane:
    """Mean over a square of 2 · reach + 1 pixels, the rim repeated."""
    side = 2 * reach + 1
    padded = np.pad(plane, reach, mode="edge").astype(np.float64)
    sums = np.pad(padded, ((1, 0), (0, 0))).cumsum(axis=0)
    rows = sums[side:] - sums[:-side]
    sums = np.pad(rows, ((0, 0), (1, 0))).cumsum(axis=1)
    return np.asarray((sums[:, side:] - sums[:, :-side]) / side**2, dtype=np.float32)


def _grid(height: int, width: int) -> tuple[Plane, Plane]:
    rows, columns = np.mgrid[:height, :width]
    return rows.astype(np.float32), columns.astype(np.float32)


def _blob(rng: np.random.Generator, shape: tuple[int, ...], smallest: float, largest: float, rough: float) -> Plane:
    """An ellipse with a rough, soft edge: 1 inside, 0 outside."""
    height, width = shape[:2]
    rows, columns = _grid(height, width)
    rows -= rng.uniform(0, height)
    columns -= rng.uniform(0, width)
    radius, aspect, angle = (
        _log_uniform(rng, smallest, largest),
        float(np.exp(rng.normal(0, 0.4))),
        rng.uniform(0, np.pi),
    )
    along = (columns * np.cos(angle) + rows * np.sin(angle)) / aspect
    across = (-columns * np.sin(angle) + rows * np.cos(angle)) * aspect
    bumps = _noise(rng, height, width, max(3.0, 0.7 * max(height, width) / radius))
    distance = np.hypot(along, across) / radius + 0.5 * rough * bumps
    soft = max(0.6 / radius, rng.uniform(0.02, 0.3))
    return np.asarray(np.clip((1 - distance) / soft + 0.5, 0, 1), dtype=np.float32)


def _toned(rng: np.random.Generator, picture: Plane, inside: Plane) -> Plane:
    """Darker or brighter by a multiple of the picture's contrast, or drawn towards one tone."""
    if rng.random() < 0.6:
        contrast = float(np.clip(picture.std(), 8, 60))
        sign = -1.0 if rng.random() < 2 / 3 else 1.0
        return picture + np.float32(sign * rng.uniform(0.5, 2.5) * contrast) * inside[..., None]
    level = rng.uniform(0, 60) if rng.random() < 0.7 else rng.uniform(190, 250)
    return picture + (np.float32(level) - picture) * inside[..., None] * np.float32(rng.uniform(0.4, 1))


def _hole(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    inside = _blob(rng, picture.shape, 1.5, 7, 0.35)
    after = _toned(rng, picture, inside)
    if rng.random() < 0.3:
        rim = np.clip(_box(inside, 1) - inside, 0, 1) * 2
        sign = 1 if rng.random() < 0.5 else -1
        after = after + np.float32(sign * rng.uniform(10, 50)) * rim[..., None]
        inside = np.maximum(inside, rim)
    return after, inside


def _wide_blob(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    inside = _blob(rng, picture.shape, 6, 40, 0.6)
    return _toned(rng, picture, inside * np.float32(rng.uniform(0.4, 1))), inside


def _line(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    """A polyline of changing width: straight like a scratch, or wandering like a crack."""
    height, width = picture.shape[:2]
    bend = (0.02, 0.15, 0.5)[int(rng.integers(3))]
    length, thick = rng.uniform(10, 130), _log_uniform(rng, 0.5, 3.5)
    along_axes = rng.random() >= 0.6
    angle = float(rng.integers(4)) * np.pi / 2 + rng.normal(0, 0.05) if along_axes else rng.uniform(0, 2 * np.pi)
    row, column = rng.uniform(0, height), rng.uniform(0, width)
    inside = np.zeros((height, width), np.float32)
    rows, columns = _grid(height, width)
    for _ in range(POINTS):
        half = thick * rng.uniform(0.6, 1.2) / 2
        angle += rng.normal(0, bend)
        down, right = length / POINTS * np.sin(angle), length / POINTS * np.cos(angle)
        area = (
            slice(int(max(0, min(row, row + down) - 6)), int(max(0, max(row, row + down) + 7))),
            slice(int(max(0, min(column, column + right) - 6)), int(max(0, max(column, column + right) + 7))),
        )
        y, x = rows[area] - np.float32(row), columns[area] - np.float32(column)
        if y.size:
            share = np.clip((y * down + x * right) / (down * down + right * right), 0, 1)
            distance = np.hypot(y - share * down, x - share * right)
            inside[area] = np.maximum(inside[area], np.clip(half - distance + 0.5, 0, 1))
        row, column = row + down, column + right
    return _toned(rng, picture, inside * np.float32(rng.uniform(0.4, 1))), inside


def _misplaced(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    """A piece of the same picture, turned or mirrored, in a wrong place and a little off in tone."""
    height, width = picture.shape[:2]
    if rng.random() < 0.7:
        inside = _blob(rng, picture.shape, 4, 40, 0.5)
    else:
        inside = np.zeros((height, width), np.float32)
        row, column = int(rng.integers(-2, height - 2)), int(rng.integers(-2, width - 2))
        down, right = int(_log_uniform(rng, 4, 70)), int(_log_uniform(rng, 4, 70))
        inside[max(0, row) : max(0, row + down), max(0, column) : max(0, column + right)] = 1
        inside = _box(inside, 1)
    source = np.rot90(picture, 2) if rng.random() < 0.5 else picture[:, ::-1]
    source = np.roll(source, (int(rng.integers(height)), int(rng.integers(width))), (0, 1))
    mean = source.mean()
    source = (source - mean) * np.float32(rng.uniform(0.6, 1.6)) + mean + np.float32(rng.normal(0, 15))
    return picture + (source - picture) * inside[..., None], inside


def _smear(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    """Detail lost, or exaggerated."""
    inside, reach = _blob(rng, picture.shape, 10, 60, 0.6), int(rng.integers(1, 5))
    soft = np.stack([_box(_box(picture[..., c], reach), reach) for c in range(picture.shape[2])], axis=2)
    after = picture + (picture - soft) * np.float32(rng.uniform(1, 3)) if rng.random() < 0.4 else soft
    after = after + np.float32(rng.normal(0, 8))
    return picture + (after - picture) * inside[..., None], inside


def _region(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    """A large part of the picture with another tone, contrast or roughness."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        angle = float(rng.integers(4)) * np.pi / 2 + rng.normal(0, 0.04)
        rows, columns = _grid(height, width)
        along = (columns - width / 2) * np.cos(angle) + (rows - height / 2) * np.sin(angle)
        edge = rng.uniform(0, 0.48) * (width * abs(np.cos(angle)) + height * abs(np.sin(angle)))
        wavy = along + 2 * _noise(rng, height, width, 4)
        inside = np.asarray(np.clip((wavy - edge) / rng.uniform(1, 6) + 0.5, 0, 1), dtype=np.float32)
    else:
        inside = _blob(rng, picture.shape, 30, 90, 0.3)
    mean = picture.mean(axis=(0, 1))
    contrast = rng.uniform(0.3, 0.8) if rng.random() < 0.5 else rng.uniform(1.2, 2.2)
    after = (picture - mean) * np.float32(contrast) + mean + np.float32(rng.normal(0, 22))
    if rng.random() < 0.3:
        grain = _noise(rng, height, width, 30)
        if rng.random() < 0.5:
            grain = np.repeat(grain[:1], height, axis=0)
        after = after + grain[..., None] * np.float32(rng.uniform(4, 18))
    return picture + (after - picture) * inside[..., None], inside


def _specks(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    height, width = picture.shape[:2]
    spots = _noise(rng, height, width, rng.uniform(4, 16)) - np.float32(rng.uniform(0.8, 1.8))
    inside = np.clip(spots * 3, 0, 1) * _blob(rng, picture.shape, 15, 70, 0.5)
    grain = _noise(rng, height, width, rng.uniform(20, 60)) * np.float32(rng.uniform(10, 40))
    return picture + (grain + np.float32(rng.normal(0, 25)))[..., None] * inside[..., None], inside


def _bend(rng: np.random.Generator, picture: Plane) -> tuple[Plane, Plane]:
    """A contour moved aside: a dent, a burr, a warped rim."""
    height, width = picture.shape[:2]
    rows, columns = _grid(height, width)
    radius, row, column = _log_uniform(rng, 5, 35), rng.uniform(0, height), rng.uniform(0, width)
    bump = np.exp(-(np.square(rows - row) + np.square(columns - column)) / (2 * radius * radius)).astype(np.float32)
    reach, angle = rng.uniform(0.25, 0.8) * radius, rng.uniform(0, 2 * np.pi)
    y = np.clip(rows - reach * np.sin(angle) * bump, 0, height - 1)
    x = np.clip(columns - reach * np.cos(angle) * bump, 0, width - 1)
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (y - top)[..., None].astype(np.float32), (x - left)[..., None].astype(np.float32)
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    return upper * (1 - down) + lower * down, (bump > 0.1).astype(np.float32)


KINDS: Mapping[str, Drawing] = MappingProxyType(
    {
        "hole": _hole,
        "blob": _wide_blob,
        "line": _line,
        "misplaced": _misplaced,
        "smear": _smear,
        "region": _region,
        "specks": _specks,
        "bend": _bend,
    }
)
