"""Defects of machined parts: scratches, pits, chips and stains, at known places, from obvious to hardly visible.

Each defect changes the surface inside its **support** only; outside, the part is bit for bit the part without it.
The truth mask is that support, grown by the reach of the lens blur.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gaugeblock.virtual.lighting import Plane
from gaugeblock.virtual.parts import FlangeGeometry, Pose, Surface, bolt_centre, smooth_noise

DefectKind = Literal["scratch", "pit", "chip", "stain"]
DEFECT_KINDS: tuple[DefectKind, ...] = ("scratch", "pit", "chip", "stain")

Support = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect as drawn from the seed, before it meets the picture.

    Parameters
    ----------
    kind
        Its name in the catalogue.
    severity
        0 (hardly visible) to 1 (obvious).
    u, v
        Its centre in part coordinates.
    shape_seed
        Its outline follows from it.
    """

    kind: DefectKind
    severity: float
    u: float
    v: float
    shape_seed: int


def sample_defects(rng: np.random.Generator, geometry: FlangeGeometry, defect_rate: float) -> tuple[Defect, ...]:
    """No defect, or with probability ``defect_rate`` one, now and then two or three."""
    if float(rng.random()) >= defect_rate:
        return ()
    count = 1 + int(rng.choice(3, p=(0.82, 0.14, 0.04)))
    found = []
    for _ in range(count):
        kind = DEFECT_KINDS[int(rng.choice(4, p=(0.36, 0.24, 0.20, 0.20)))]
        u, v = _place(rng, geometry, kind)
        found.append(
            Defect(
                kind=kind,
                severity=float(rng.beta(2.0, 1.5)),
                u=u,
                v=v,
                shape_seed=int(rng.integers(2**31)),
            )
        )
    return tuple(found)


OBVIOUS_DEFECTS = 3


def obvious_defects(rng: np.random.Generator, geometry: FlangeGeometry, kind: DefectKind) -> tuple[Defect, ...]:
    """Defects that no inspector may miss, as on the defective part of a challenge set: three of one kind, the worst."""
    found = []
    for _ in range(OBVIOUS_DEFECTS):
        u, v = _place(rng, geometry, kind)
        found.append(Defect(kind=kind, severity=1.0, u=u, v=v, shape_seed=int(rng.integers(2**31))))
    return tuple(found)


def _place(rng: np.random.Generator, g: FlangeGeometry, kind: DefectKind) -> tuple[float, float]:
    if kind == "chip":
        # Chips break out of borders: bore, hub, rim or a bolt hole.
        border = int(rng.integers(4))
        angle = float(rng.uniform(0.0, 2.0 * math.pi))
        if border == 3:
            cu, cv = bolt_centre(g, int(rng.integers(g.bolt_count)))
            reach = g.bolt + g.bolt_chamfer
            return cu + reach * math.cos(angle), cv + reach * math.sin(angle)
        radius = (g.bore + g.bore_chamfer, g.hub, 1.0 - g.rim_chamfer)[border]
        return radius * math.cos(angle), radius * math.sin(angle)
    while True:
        low, high = g.bore + g.bore_chamfer + 0.05, 1.0 - g.rim_chamfer - 0.05
        # Uniform over the area of the ring.
        radius = math.sqrt(float(rng.uniform(low * low, high * high)))
        angle = float(rng.uniform(0.0, 2.0 * math.pi))
        u, v = radius * math.cos(angle), radius * math.sin(angle)
        clear = g.bolt + g.bolt_chamfer + 0.03
        centres = (bolt_centre(g, hole) for hole in range(g.bolt_count))
        if all(math.hypot(u - cu, v - cv) > clear for cu, cv in centres):
            return u, v


@dataclass(frozen=True, slots=True)
class _Patch:
    """A window of the surface around the defect, with pixel offsets from the defect's centre."""

    surface: Surface
    window: tuple[slice, slice]
    dx: Plane
    dy: Plane
    scale: float
    """Pixels per pixel of a 480-pixel picture: defects have a size on the part, not on the sensor.

    Not below one half: what is hardly visible at 480 pixels would vanish altogether.
    """

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.dx.shape
        return rows, columns

    def bend(self, gx: Plane, gy: Plane) -> None:
        self.surface.gradient_x[self.window] += gx
        self.surface.gradient_y[self.window] += gy

    def scale_reflectance(self, factor: Plane) -> None:
        self.surface.reflectance[self.window] *= factor

    def scale_gloss(self, factor: Plane) -> None:
        self.surface.gloss[self.window] *= factor


def _between(severity: float, subtle: float, obvious: float) -> float:
    return subtle + (obvious - subtle) * severity


def _scratch(patch: _Patch, severity: float, rng: np.random.Generator) -> Support:
    """A groove along an arc, tapering to both ends, with a burr on one side."""
    length = _between(severity, 42.0, 124.0) * float(rng.uniform(0.75, 1.25)) * patch.scale
    width = max(0.7, _between(severity, 1.6, 2.7) * patch.scale)
    depth = _between(severity, 0.75, 1.4)
    heading = float(rng.uniform(0.0, math.pi))
    bend = length * float(rng.uniform(2.0, 9.0)) * (1.0 if rng.random() < 0.5 else -1.0)
    support = np.zeros(patch.shape, dtype=np.bool_)
    count = 1 + int(rng.choice(3, p=(0.7, 0.2, 0.1)))
    for _ in range(count):
        angle = heading + float(rng.normal(0.0, 0.05))
        shift = float(rng.normal(0.0, 4.0)) * patch.scale if support.any() else 0.0
        c, s = math.cos(angle), math.sin(angle)
        along, across = patch.dx * c + patch.dy * s, patch.dy * c - patch.dx * s - np.float32(shift)
        off = across - along * along / np.float32(2.0 * bend)
        taper = np.clip(1.0 - (2.0 * along / np.float32(length)) ** 2, 0.0, 1.0)
        q = off / np.float32(width)
        inside = (taper > 0.0) & (np.abs(q) < 2.2)
        profile: Plane = np.where(inside, np.sqrt(taper) * np.exp(-q * q), 0.0).astype(np.float32)
        profile[profile <= 0.02] = 0.0
        rise: Plane = (np.float32(1.9 * depth) * q * profile).astype(np.float32)
        patch.bend(np.float32(-s) * rise, np.float32(c) * rise)
        shade: Plane = np.clip(0.6 - q, 0.0, 1.2).astype(np.float32)
        patch.scale_reflectance(np.float32(1.0) - np.float32(0.42 * depth) * profile * shade)
        support |= profile > 0.0
        length *= float(rng.uniform(0.4, 0.8))
    return support


def _outline(patch: _Patch, radius: float, rough: float, rng: np.random.Generator) -> Plane:
    """Distance from the centre over an irregular radius: below 1 inside."""
    distance = np.sqrt(patch.dx**2 + patch.dy**2) + np.float32(1e-3)
    c, s = patch.dx / distance, patch.dy / distance
    a2, b2, a3, b3 = rng.normal(0.0, rough, 4)
    c2, s2 = c * c - s * s, 2.0 * c * s
    c3, s3 = c2 * c - s2 * s, s2 * c + c2 * s
    edge = 1.0 + a2 * c2 + b2 * s2 + a3 * c3 + b3 * s3
    return np.asarray(distance / (np.float32(radius) * np.clip(edge, 0.4, 1.8)), dtype=np.float32)


def _pit(patch: _Patch, severity: float, rng: np.random.Generator) -> Support:
    """One hollow or a small nest of hollows, as from porosity."""
    support = np.zeros(patch.shape, dtype=np.bool_)
    count = 1 + int(rng.integers(0, 1 + round(3 * severity)))
    for number in range(count):
        # Below about a pixel there would be nothing to see, and no truth to tell.
        radius = max(1.2, _between(severity, 3.8, 8.0) * float(rng.uniform(0.75, 1.2)) * patch.scale)
        spread = 9.0 * patch.scale if number else 0.0
        ox, oy = rng.normal(0.0, 1.0, 2) * spread
        moved = _Patch(patch.surface, patch.window, patch.dx - np.float32(ox), patch.dy - np.float32(oy), patch.scale)
        rho = _outline(moved, radius, 0.10, rng)
        hollow = np.clip(1.0 - rho * rho, 0.0, 1.0)
        depth = _between(severity, 0.75, 1.4)
        rise = np.float32(depth) * np.sqrt(hollow) / np.float32(radius)
        patch.bend(rise * moved.dx, rise * moved.dy)
        patch.scale_reflectance(1.0 - np.float32(_between(severity, 0.55, 0.85)) * np.sqrt(hollow))
        patch.scale_gloss(1.0 - np.float32(0.6) * hollow)
        support |= hollow > 0.0
    return support


def _chip(patch: _Patch, severity: float, rng: np.random.Generator) -> Support:
    """Material broken out of a border: a rough fracture with facets, partly in shade."""
    radius = _between(severity, 8.0, 17.5) * float(rng.uniform(0.85, 1.15)) * patch.scale
    rho = _outline(patch, radius, 0.13, rng)
    inside = np.clip((1.0 - rho) * np.float32(radius / 1.5), 0.0, 1.0)
    strength = np.float32(_between(severity, 0.72, 1.2))
    cells = max(3, round(patch.shape[0] / (3.4 * patch.scale)))
    facet_x, facet_y = smooth_noise(rng, patch.shape, cells), smooth_noise(rng, patch.shape, cells)
    # The fracture falls away from the face, steepest at its border.
    fall = np.clip(rho, 0.0, 1.0) * strength / np.float32(radius)
    patch.bend(
        inside * (strength * 0.9 * facet_x + fall * patch.dx),
        inside * (strength * 0.9 * facet_y + fall * patch.dy),
    )
    shade = np.float32(0.50) * strength + np.float32(0.22) * facet_x
    patch.scale_reflectance(1.0 - inside * np.clip(shade, 0.0, 0.9))
    patch.scale_gloss(1.0 - np.float32(0.5) * inside)
    return np.asarray(inside > 0.0)


def _stain(patch: _Patch, severity: float, rng: np.random.Generator) -> Support:
    """A dried drop of coolant or oil: a tint that is darker at its border."""
    radius = _between(severity, 9.0, 34.0) * float(rng.uniform(0.8, 1.2)) * patch.scale
    rho = _outline(patch, radius, 0.12, rng)
    rho = rho * (1.0 + 0.16 * smooth_noise(rng, patch.shape, 9))
    # A drop wets metal, not the hole beside it.
    film = np.clip((1.0 - rho) / 0.22, 0.0, 1.0) * patch.surface.metal[patch.window]
    ring = np.exp(-(((rho - 0.86) / 0.09) ** 2)) * (film > 0.0)
    density = film * (0.62 + 0.22 * smooth_noise(rng, patch.shape, 12)) + 0.5 * ring
    opacity = np.float32(_between(severity, 0.08, 0.38))
    brown, blue = np.array((0.55, 0.85, 1.25)), np.array((1.05, 0.95, 0.75))
    colour = brown if rng.random() < 0.7 else blue
    tint = patch.surface.tint[patch.window]
    for channel in range(3):
        tint[..., channel] *= 1.0 - opacity * np.float32(colour[channel]) * density
    patch.scale_gloss(1.0 - 0.5 * opacity * film)
    return np.asarray(film > 0.0)


_MAKERS: dict[DefectKind, Callable[[_Patch, float, np.random.Generator], Support]] = {
    "scratch": _scratch,
    "pit": _pit,
    "chip": _chip,
    "stain": _stain,
}
_REACH_PX: dict[DefectKind, float] = {"scratch": 92.0, "pit": 48.0, "chip": 40.0, "stain": 60.0}


def apply_defect(surface: Surface, defect: Defect, pose: Pose) -> Support:
    """Changes the surface in place where the defect is.

    Returns
    -------
    The support (H, W): nothing changed outside it.
    """
    size_px = surface.metal.shape[0]
    scale = max(0.5, size_px / 480.0)
    cx, cy = pose.to_image(defect.u, defect.v)
    reach = _REACH_PX[defect.kind] * scale
    x0, x1 = max(0, math.floor(cx - reach)), min(size_px, math.ceil(cx + reach) + 1)
    y0, y1 = max(0, math.floor(cy - reach)), min(size_px, math.ceil(cy + reach) + 1)
    dx, dy = np.meshgrid(
        np.arange(x0, x1, dtype=np.float32) - np.float32(cx),
        np.arange(y0, y1, dtype=np.float32) - np.float32(cy),
    )
    window = (slice(y0, y1), slice(x0, x1))
    rng = np.random.Generator(np.random.PCG64(defect.shape_seed))
    support = np.zeros((size_px, size_px), dtype=np.bool_)
    changed = _MAKERS[defect.kind](_Patch(surface, window, dx, dy, scale), defect.severity, rng)
    # Where there is no metal, there is nothing to change.
    support[window] = changed & (surface.metal[window] > 0.0)
    return support
