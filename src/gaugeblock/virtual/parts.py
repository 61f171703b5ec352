"""Geometry of a turned flange: bore, hub, flange face, bolt holes, chamfers, and the tool marks on its faces.

All lengths are fractions of the part's outer radius. What is round about the part's axis is kept as tables over
the radius; bolt holes are added where they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from gaugeblock.virtual.errors import UnknownProductError
from gaugeblock.virtual.lighting import Plane
from gaugeblock.virtual.seeds import Purpose

PART_RADIUS = 0.415
"""Outer radius as a fraction of the picture's side, before scaling."""

TABLE_END = 1.7
TABLE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class FlangeGeometry:
    """A turned flange; lengths as fractions of the outer radius."""

    bore: float = 0.27
    bore_chamfer: float = 0.035
    hub: float = 0.54
    hub_chamfer: float = 0.030
    hub_fillet: float = 0.022
    rim_chamfer: float = 0.030
    bolt_count: int = 6
    bolt_circle: float = 0.775
    bolt: float = 0.072
    bolt_chamfer: float = 0.022
    feed: float = 0.0165


PRODUCTS: Mapping[str, FlangeGeometry] = {
    "P100": FlangeGeometry(),
    "P200": FlangeGeometry(bore=0.36, hub=0.60, bolt_count=4, bolt_circle=0.80, bolt=0.085, feed=0.02),
}


def geometry_of(product: str) -> FlangeGeometry:
    """The geometry of a product.

    Raises
    ------
    UnknownProductError

    >>> geometry_of("P100").bolt_count
    6
    """
    try:
        return PRODUCTS[product]
    except KeyError:
        raise UnknownProductError(product=product[:64], known=", ".join(sorted(PRODUCTS))) from None


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the part lies: centre and outer radius in pixels, turned by ``angle`` radians."""

    centre_x_px: float
    centre_y_px: float
    radius_px: float
    angle: float

    def to_image(self, u: float, v: float) -> tuple[float, float]:
        """Part coordinates (fractions of the outer radius) to pixels."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        return (
            self.centre_x_px + self.radius_px * (c * u - s * v),
            self.centre_y_px + self.radius_px * (s * u + c * v),
        )


def sample_pose(rng: np.random.Generator, size_px: int) -> Pose:
    """The handling device places a part within a few degrees and about one per cent of the picture."""
    middle = (size_px - 1) / 2.0
    return Pose(
        centre_x_px=middle + float(np.clip(rng.standard_normal(), -2.5, 2.5)) * 0.007 * size_px,
        centre_y_px=middle + float(np.clip(rng.standard_normal(), -2.5, 2.5)) * 0.007 * size_px,
        radius_px=PART_RADIUS * size_px * (1.0 + 0.006 * float(np.clip(rng.standard_normal(), -2.5, 2.5))),
        angle=math.radians(2.0 * float(np.clip(rng.standard_normal(), -2.5, 2.5))),
    )


@dataclass(slots=True)
class Surface:
    """The part as the light meets it; all planes (H, W) float32, ``tint`` (H, W, 3).

    Parameters
    ----------
    metal
        1 on metal, 0 on fixture and in holes, between at borders.
    gradient_x, gradient_y
        Rise of the surface.
    radial_x, radial_y
        Unit vector across the tool marks.
    gloss
        Weight of the highlight.
    reflectance
        Factor on what the metal reflects.
    cavity
        Radiance where there is no metal: fixture, shadow, inside of holes.
    tint
        Colour factor.
    """

    metal: Plane
    gradient_x: Plane
    gradient_y: Plane
    radial_x: Plane
    radial_y: Plane
    gloss: Plane
    reflectance: Plane
    cavity: Plane
    tint: Plane


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Plane:
    """Value noise, about −1 to 1, with ``cells`` cells along the longer side; bicubic between them."""
    height, width = shape
    longest = max(height, width)
    rows = max(2, round(cells * height / longest) + 1)
    columns = max(2, round(cells * width / longest) + 1)
    grid = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    picture = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32)


def _box(table: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    kernel = np.ones(max(1, width)) / max(1, width)
    padded = np.pad(table, len(kernel), mode="edge")
    smoothed: npt.NDArray[np.float64] = np.convolve(padded, kernel, mode="same")
    return smoothed[len(kernel) : -len(kernel)]


def _band(radius: npt.NDArray[np.float64], start: float, end: float) -> npt.NDArray[np.float64]:
    return ((radius >= start) & (radius < end)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _RadialTables:
    metal: Plane
    slope: Plane
    gloss: Plane
    reflectance: Plane


def _tool_marks(
    rng: np.random.Generator, radius: npt.NDArray[np.float64], feed: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Slope and reflectance of the turning grooves: the feed's pitch, its wander, and the tool edge's own noise."""
    wander = _box(rng.standard_normal(TABLE_SIZE), 220) * 2.4
    pitch = feed * (1.0 + 0.05 * float(rng.standard_normal()))
    phase = 2.0 * math.pi * (radius / pitch + float(rng.random()) + 0.35 * wander)
    wear = 0.8 + 0.4 * float(rng.random())
    strength = wear * (1.0 + 0.5 * np.clip(_box(rng.standard_normal(TABLE_SIZE), 140) * 6.0, -1.2, 1.2))
    edge = _box(rng.standard_normal(TABLE_SIZE), 9) * 3.0
    coarse = _box(rng.standard_normal(TABLE_SIZE), 46) * 6.8
    slope = strength * (0.06 * np.sin(phase) + 0.035 * edge + 0.025 * coarse)
    reflectance = 1.0 + 0.022 * coarse + 0.012 * edge + 0.02 * wander
    return slope, reflectance


def _radial_tables(geometry: FlangeGeometry, rng: np.random.Generator, radius_px: float) -> _RadialTables:
    g = geometry
    radius = np.linspace(0.0, TABLE_END, TABLE_SIZE)
    pixel = max(1, round(TABLE_SIZE / TABLE_END / radius_px))
    hub_end, fillet_end = g.hub + g.hub_chamfer, g.hub + g.hub_chamfer + g.hub_fillet
    bore_face = g.bore + g.bore_chamfer
    faces = _band(radius, bore_face, g.hub) + _band(radius, fillet_end, 1.0 - g.rim_chamfer)
    # The flange face was cut in another pass than the hub face.
    hub_slope, hub_reflectance = _tool_marks(rng, radius, g.feed * 0.8)
    face_slope, face_reflectance = _tool_marks(rng, radius, g.feed)
    on_hub = _band(radius, 0.0, g.hub)
    slope = faces * (on_hub * hub_slope + (1.0 - on_hub) * face_slope)
    slope = slope + 0.95 * _band(radius, g.bore, bore_face) - 1.25 * _band(radius, g.hub, hub_end)
    slope = slope - 0.55 * _band(radius, hub_end, fillet_end) - 0.9 * _band(radius, 1.0 - g.rim_chamfer, 1.0)
    reflectance = on_hub * hub_reflectance + (1.0 - on_hub) * face_reflectance
    # Less of the dome is seen at the foot of the hub.
    foot = np.exp(-(((radius - hub_end) / 0.028) ** 2)) * (radius >= g.hub)
    reflectance = reflectance * (1.0 - 0.32 * foot)
    # Deburred borders are a little brighter.
    for border in (bore_face, g.hub, 1.0 - g.rim_chamfer):
        reflectance = reflectance * (1.0 + 0.10 * np.exp(-(((radius - border) / 0.006) ** 2)))
    gloss = 0.55 + 0.45 * faces
    metal = _band(radius, g.bore, 1.0)
    return _RadialTables(
        metal=_box(metal, pixel).astype(np.float32),
        slope=_box(slope, pixel).astype(np.float32),
        gloss=_box(gloss, pixel).astype(np.float32),
        reflectance=_box(reflectance, pixel).astype(np.float32),
    )


@lru_cache(maxsize=4)
def _pixel_grid(size_px: int) -> tuple[Plane, Plane]:
    line = np.arange(size_px, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


@lru_cache(maxsize=4)
def _fixture(size_px: int, seed: int) -> Plane:
    """The plate under the part: it stays where it is, so it is the same for every unit of a line."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(0, 0, int(Purpose.FIXTURE)))))
    shape = (size_px, size_px)
    grain = rng.standard_normal(shape).astype(np.float32)
    plate = 0.088 + 0.007 * smooth_noise(rng, shape, 5) + 0.006 * smooth_noise(rng, shape, 40) + 0.0045 * grain
    x, y = _pixel_grid(size_px)
    # A ground plate shows faint straight marks.
    lines = rng.standard_normal(2 * size_px).astype(np.float32)
    index = (0.82 * x + 0.57 * y).astype(np.int32) % (2 * size_px)
    plate += 0.0035 * lines[index]
    return np.asarray(plate, dtype=np.float32)


def _step(distance_px: Plane, width_px: float = 1.0) -> Plane:
    clipped: Plane = np.clip(distance_px / np.float32(width_px) + np.float32(0.5), 0.0, 1.0)
    return clipped


def build_surface(
    product: str,
    pose: Pose,
    size_px: int,
    rng: np.random.Generator,
    fixture_seed: int,
    light: tuple[float, float, float],
) -> Surface:
    """The defect-free part in its pose.

    Parameters
    ----------
    product
        A name of :data:`PRODUCTS`.
    pose
        Where it lies.
    size_px
        Side of the picture.
    rng
        The part's own generator: tool marks differ from part to part.
    fixture_seed
        The plate below is a function of it alone.
    light
        Unit vector towards the key lamp, for shadow and the inside of holes.

    Raises
    ------
    UnknownProductError
    """
    geometry = geometry_of(product)
    shape = (size_px, size_px)
    x, y = _pixel_grid(size_px)
    dx, dy = x - np.float32(pose.centre_x_px), y - np.float32(pose.centre_y_px)
    radius_px = np.sqrt(dx * dx + dy * dy) + np.float32(1e-3)
    outward_x, outward_y = dx / radius_px, dy / radius_px
    tables = _radial_tables(geometry, rng, pose.radius_px)
    to_index = np.float32((TABLE_SIZE - 1) / (TABLE_END * pose.radius_px))
    index = np.minimum(radius_px * to_index, np.float32(TABLE_SIZE - 1)).astype(np.int32)
    # Grooves run slightly eccentric to the part: its chuck and its bore never share an axis exactly.
    off_x, off_y = rng.normal(0.0, 0.004, 2) * pose.radius_px
    eccentric = np.clip(
        (radius_px - outward_x * np.float32(off_x) - outward_y * np.float32(off_y)) * to_index,
        0.0,
        np.float32(TABLE_SIZE - 1),
    ).astype(np.int32)
    metal = tables.metal[index]
    # Chamfers are in the slope table too: only the marks may move with the eccentric axis, by less than a chamfer.
    slope = tables.slope[eccentric]
    reflectance = tables.reflectance[index] * (1.0 + 0.018 * smooth_noise(rng, shape, 7))
    surface = Surface(
        metal=metal,
        gradient_x=slope * outward_x,
        gradient_y=slope * outward_y,
        radial_x=outward_x,
        radial_y=outward_y,
        gloss=tables.gloss[index] * (1.0 + 0.035 * smooth_noise(rng, shape, 11)),
        reflectance=reflectance,
        cavity=_cavity(geometry, pose, radius_px, outward_x, outward_y, dx, dy, size_px, fixture_seed, light),
        tint=np.empty((size_px, size_px, 3), dtype=np.float32),
    )
    for hole in range(geometry.bolt_count):
        _bolt_hole(surface, geometry, pose, hole, light)
    warm = 0.004 * float(rng.standard_normal())
    for channel, (of_metal, of_plate) in enumerate(
        zip((0.99 + warm, 0.995, 0.995 - warm), (0.965, 0.99, 1.03), strict=True)
    ):
        surface.tint[..., channel] = of_plate + surface.metal * np.float32(of_metal - of_plate)
    return surface


def _cavity(
    geometry: FlangeGeometry,
    pose: Pose,
    radius_px: Plane,
    outward_x: Plane,
    outward_y: Plane,
    dx: Plane,
    dy: Plane,
    size_px: int,
    fixture_seed: int,
    light: tuple[float, float, float],
) -> Plane:
    """Radiance of what is not metal: the plate with the part's shadow, and the bore's wall."""
    lx, ly, lz = light
    plate = _fixture(size_px, fixture_seed)
    throw = 0.16 * pose.radius_px / lz
    sx, sy = dx + np.float32(lx * throw), dy + np.float32(ly * throw)
    from_shadow: Plane = np.sqrt(sx * sx + sy * sy).astype(np.float32)
    in_shadow = _step(np.float32(pose.radius_px) - from_shadow, 0.14 * pose.radius_px)
    contact = np.exp(np.minimum(pose.radius_px - radius_px, 0.0) / np.float32(0.06 * pose.radius_px))
    outside = plate * (1.0 - 0.62 * in_shadow) * (1.0 - 0.35 * contact)
    bore_px = geometry.bore * pose.radius_px
    depth = np.minimum(radius_px / np.float32(bore_px), 1.0)
    wall = _wall(depth, outward_x * np.float32(lx) + outward_y * np.float32(ly), 0.86)
    inside = 0.35 * plate + wall
    return np.asarray(np.where(radius_px < bore_px * 1.05, inside, outside), dtype=np.float32)


def _wall(depth: Plane, towards_light: Plane, start: float) -> Plane:
    """The wall of a hole: lit on the side that faces the lamp, brighter towards the mouth."""
    visible = np.clip((depth - start) / (1.0 - start), 0.0, 1.0)
    lit = np.clip(0.15 - towards_light, 0.0, 1.0)
    return np.asarray(visible * (0.02 + 0.30 * lit), dtype=np.float32)


def bolt_centre(geometry: FlangeGeometry, hole: int) -> tuple[float, float]:
    """Centre of a bolt hole in part coordinates."""
    angle = 2.0 * math.pi * hole / geometry.bolt_count + math.pi / 2.0
    return geometry.bolt_circle * math.cos(angle), geometry.bolt_circle * math.sin(angle)


def _bolt_hole(
    surface: Surface, geometry: FlangeGeometry, pose: Pose, hole: int, light: tuple[float, float, float]
) -> None:
    size_px = surface.metal.shape[0]
    cx, cy = pose.to_image(*bolt_centre(geometry, hole))
    radius = geometry.bolt * pose.radius_px
    chamfer = geometry.bolt_chamfer * pose.radius_px
    reach = radius + chamfer + 4.0
    x0, x1 = max(0, math.floor(cx - reach)), min(size_px, math.ceil(cx + reach) + 1)
    y0, y1 = max(0, math.floor(cy - reach)), min(size_px, math.ceil(cy + reach) + 1)
    window = np.s_[y0:y1, x0:x1]
    x, y = _pixel_grid(size_px)
    dx, dy = x[window] - np.float32(cx), y[window] - np.float32(cy)
    distance = np.sqrt(dx * dx + dy * dy) + np.float32(1e-3)
    ox, oy = dx / distance, dy / distance
    metal = _step(distance - radius)
    on_chamfer = metal * _step(radius + chamfer - distance)
    surface.metal[window] *= metal
    keep = 1.0 - on_chamfer
    surface.gradient_x[window] = surface.gradient_x[window] * keep + 0.95 * on_chamfer * ox
    surface.gradient_y[window] = surface.gradient_y[window] * keep + 0.95 * on_chamfer * oy
    # The countersink's own grooves run round the hole.
    for plane, own in ((surface.radial_x, ox), (surface.radial_y, oy)):
        plane[window] = np.where(on_chamfer > 0.5, own, plane[window])
    surface.gloss[window] = surface.gloss[window] * keep + 0.6 * on_chamfer
    lx, ly, _ = light
    wall = _wall(np.minimum(distance / np.float32(radius), 1.0), ox * np.float32(lx) + oy * np.float32(ly), 0.6)
    inside = distance < radius + 1.0
    surface.cavity[window] = np.where(inside, 0.012 + wall, surface.cavity[window])
