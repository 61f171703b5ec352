"""A photograph of a part: surface, light, lens and sensor; and, apart from it, the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from gaugeblock.virtual.config import RenderConfig
from gaugeblock.virtual.defects import Defect, DefectKind, apply_defect, sample_defects
from gaugeblock.virtual.lighting import Lighting, sample_lighting, shade
from gaugeblock.virtual.parts import Surface, build_surface, geometry_of, sample_pose
from gaugeblock.virtual.seeds import Purpose, Stream, generator

LENS_REACH_PX = 4
"""No pixel is changed by another farther away than this (at the strongest blur that is drawn)."""

_LINEAR = np.arange(4096) / 2048.0
_RESPONSE = np.round(255.0 * (1.0 - np.exp(-1.45 * _LINEAR)) ** (1 / 1.6)).astype(np.uint8)
"""The camera's curve from linear light (index / 2048) to 8 bit, with a soft shoulder."""


@dataclass(frozen=True, slots=True)
class TruthDefect:
    """One defect as it lies in the picture.

    Parameters
    ----------
    kind, severity
        What it is; 0 hardly visible, 1 obvious.
    centre_x_px, centre_y_px, size_px
        Centre of its mask's box, and the longer side of that box.
    box_px
        Left, top, right, bottom of its mask; right and bottom are exclusive.
    """

    kind: DefectKind
    severity: float
    centre_x_px: float
    centre_y_px: float
    size_px: int
    box_px: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PartTruth:
    """What the seed knows of the part. ``mask`` (H, W) is true where any defect can change the picture."""

    unit_number: int
    condition: Literal["good", "defective"]
    defects: tuple[TruthDefect, ...]
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RenderedPart:
    """The picture, uint8 (H, W, 3), and the truth apart from it."""

    image: npt.NDArray[np.uint8]
    truth: PartTruth


def render(
    seed: int,
    unit_number: int,
    config: RenderConfig,
    *,
    stream: Stream = Stream.LIVE,
    with_defects: bool = True,
    lamp_age: int | None = None,
    defects: tuple[Defect, ...] | None = None,
    exposure: int | None = None,
) -> RenderedPart:
    """Photograph of one part, the same for the same arguments.

    Parameters
    ----------
    seed
        Of the line.
    unit_number
        Which part.
    config
        Size, defect rate, product.
    stream
        Parts of the line, or parts for training: independent of each other.
    with_defects
        False gives the defect-free twin: the same part, light, pose and noise.
    lamp_age
        Units since the lamp was switched on; ``unit_number`` where not given.
    defects
        Instead of those that the seed draws.
    exposure
        A part that is photographed again shows new noise; which photograph it is.

    Raises
    ------
    UnknownProductError

    Examples
    --------
    >>> part = render(1, 7, RenderConfig(size_px=96, defect_rate=1.0))
    >>> part.image.shape, part.truth.condition
    ((96, 96, 3), 'defective')
    """
    size_px = config.size_px
    rng = generator(seed, stream, unit_number, Purpose.PART)
    pose = sample_pose(rng, size_px)
    lighting = sample_lighting(rng, unit_number if lamp_age is None else lamp_age)
    blur_px = float(rng.uniform(0.55, 0.8)) * max(1.0, size_px / 480.0)
    surface = build_surface(config.product, pose, size_px, rng, seed, lighting.lamps[0].direction)
    found: list[TruthDefect] = []
    mask = np.zeros((size_px, size_px), dtype=np.bool_)
    if with_defects:
        defect_rng = generator(seed, stream, unit_number, Purpose.DEFECTS)
        geometry = geometry_of(config.product)
        reach_px = LENS_REACH_PX * max(1, round(size_px / 480))
        drawn = sample_defects(defect_rng, geometry, config.defect_rate)
        for defect in drawn if defects is None else defects:
            support = _grow(apply_defect(surface, defect, pose), reach_px)
            mask |= support
            found.append(_truth_of(defect.kind, defect.severity, support))
    noise = generator(seed, stream, unit_number if exposure is None else exposure, Purpose.NOISE)
    image = _photograph(surface, lighting, blur_px, noise)
    truth = PartTruth(unit_number, "defective" if found else "good", tuple(found), mask)
    return RenderedPart(image, truth)


def _photograph(
    surface: Surface, lighting: Lighting, blur_px: float, noise: np.random.Generator
) -> npt.NDArray[np.uint8]:
    size_px = surface.metal.shape[0]
    radiance = shade(
        surface.gradient_x,
        surface.gradient_y,
        surface.radial_x,
        surface.radial_y,
        surface.gloss,
        lighting,
    )
    radiance *= surface.reflectance
    level = surface.cavity * np.float32(lighting.lamps[0].intensity)
    level += (radiance - level) * surface.metal
    across = np.linspace(-1.0, 1.0, size_px, dtype=np.float32)
    falloff = (1.0 + lighting.slope_x * across - 0.05 * across**2)[None, :] * (
        1.0 + lighting.slope_y * across - 0.05 * across**2
    )[:, None]
    level *= falloff.astype(np.float32)
    exposed = _RESPONSE[np.clip(level * 2048.0, 0.0, 4095.0).astype(np.int16)]
    lens = Image.fromarray(exposed).filter(ImageFilter.GaussianBlur(blur_px))
    # Colour is nearly neutral and changes slowly: it needs no lens of its own.
    gains = np.array(lighting.gains, dtype=np.float32)
    seen = np.asarray(lens, dtype=np.float32)[..., None] * (surface.tint * gains)
    # Shot noise grows with the level, read noise does not; the three channels see one scene, not one noise.
    deviation = 1.1 + 0.0075 * seen[..., 1:2]
    seen += deviation * noise.standard_normal(seen.shape, dtype=np.float32)
    np.clip(seen, 0.0, 255.0, out=seen)
    return (seen + 0.5).astype(np.uint8)


def _grow(support: npt.NDArray[np.bool_], reach_px: int) -> npt.NDArray[np.bool_]:
    box = _box_of(support)
    if box is None:
        return support
    left, top, right, bottom = box
    height, width = support.shape
    window = (
        slice(max(0, top - reach_px), min(height, bottom + reach_px)),
        slice(max(0, left - reach_px), min(width, right + reach_px)),
    )
    small = Image.fromarray(support[window].astype(np.uint8) * 255)
    grown = np.zeros_like(support)
    grown[window] = np.asarray(small.filter(ImageFilter.MaxFilter(2 * reach_px + 1))) > 0
    return grown


def _box_of(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _truth_of(kind: DefectKind, severity: float, mask: npt.NDArray[np.bool_]) -> TruthDefect:
    box = _box_of(mask)
    assert box is not None, "every defect is placed on metal"
    left, top, right, bottom = box
    return TruthDefect(
        kind=kind,
        severity=severity,
        centre_x_px=(left + right - 1) / 2.0,
        centre_y_px=(top + bottom - 1) / 2.0,
        size_px=max(right - left, bottom - top),
        box_px=box,
    )
