"""Light on the part: a key light, a fill light and a dome, with the drift of a lamp that warms up.

Machined metal reflects along its tool marks: the highlight is narrow along a groove and wide across it. The
elliptical Gaussian of G. J. Ward, "Measuring and modeling anisotropic reflection" (SIGGRAPH 1992) is used with
the normalisation left to the exposure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

WARM_UP_UNITS = 150.0
"""Units after which a cold lamp's deficit has fallen to 1/e."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A far lamp. ``azimuth`` and ``elevation`` in radians (image axes, y down); ``intensity`` relative."""

    azimuth: float
    elevation: float
    intensity: float

    @property
    def direction(self) -> tuple[float, float, float]:
        """Unit vector towards the lamp."""
        flat = math.cos(self.elevation)
        return (
            flat * math.cos(self.azimuth),
            flat * math.sin(self.azimuth),
            math.sin(self.elevation),
        )

    @property
    def halfway(self) -> tuple[float, float, float]:
        """Unit vector half way between lamp and camera (straight above)."""
        x, y, z = self.direction
        z += 1.0
        length = math.sqrt(x * x + y * y + z * z)
        return x / length, y / length, z / length


@dataclass(frozen=True, slots=True)
class Lighting:
    """The light at one unit.

    Parameters
    ----------
    lamps
        Key and fill.
    dome
        Diffuse light from everywhere.
    slope_x, slope_y
        Change of illuminance across the picture, as a fraction from centre to border.
    gains
        Red, green, blue of the light.
    along, across
        Width of the highlight along and across the tool marks (Ward's α).
    """

    lamps: tuple[Lamp, ...]
    dome: float
    slope_x: float
    slope_y: float
    gains: tuple[float, float, float]
    along: float
    across: float


def sample_lighting(rng: np.random.Generator, lamp_age: int) -> Lighting:
    """Light changes from part to part, and drifts while the lamp warms up.

    Parameters
    ----------
    rng
        The part's own generator.
    lamp_age
        Units since the lamp was switched on.
    """
    cold = math.exp(-lamp_age / WARM_UP_UNITS)
    breathing = 0.015 * math.sin(lamp_age / 37.0)
    level = (1.0 - 0.05 * cold + breathing) * (1.0 + 0.025 * _spread(rng))
    warmth = 0.010 * cold + 0.004 * _spread(rng)
    key = Lamp(
        azimuth=math.radians(-128.0 + 3.0 * _spread(rng)),
        elevation=math.radians(54.0 + 1.2 * _spread(rng)),
        intensity=level,
    )
    fill = Lamp(
        azimuth=math.radians(12.0 + 4.0 * _spread(rng)),
        elevation=math.radians(63.0 + 1.5 * _spread(rng)),
        intensity=0.42 * level * (1.0 + 0.04 * _spread(rng)),
    )
    return Lighting(
        lamps=(key, fill),
        dome=0.20 * (1.0 + 0.03 * _spread(rng)),
        slope_x=-0.07 + 0.012 * _spread(rng),
        slope_y=-0.10 + 0.012 * _spread(rng),
        gains=(1.0 + 0.6 * warmth, 1.0, 1.0 - 0.8 * warmth),
        along=0.15 + 0.008 * _spread(rng),
        across=0.52 + 0.02 * _spread(rng),
    )


def _spread(rng: np.random.Generator) -> float:
    """A normal deviate within ±2: a light far outside its tolerance would be a fault, not a spread."""
    return float(np.clip(rng.standard_normal(), -2.0, 2.0))


def shade(
    gradient_x: Plane, gradient_y: Plane, radial_x: Plane, radial_y: Plane, gloss: Plane, lighting: Lighting
) -> Plane:
    """Radiance towards a camera straight above, of a surface given by its height's gradient.

    Parameters
    ----------
    gradient_x, gradient_y
        Rise of the surface per unit of length, (H, W).
    radial_x, radial_y
        Unit vector across the tool marks, (H, W).
    gloss
        Weight of the highlight, (H, W).
    lighting
        The light.

    Returns
    -------
    Radiance (H, W), about 0 to 1.2.
    """
    steepness = 1.0 + gradient_x * gradient_x + gradient_y * gradient_y
    normal_z = 1.0 / np.sqrt(steepness)
    across_rise = gradient_x * radial_x + gradient_y * radial_y
    along_rise = gradient_y * radial_x - gradient_x * radial_y
    # The dome is seen less the steeper the surface stands.
    total = np.asarray((lighting.dome * 0.5) * (1.0 + normal_z), dtype=np.float32)
    for lamp in lighting.lamps:
        lx, ly, lz = lamp.direction
        hx, hy, hz = lamp.halfway
        diffuse = np.maximum((lz - gradient_x * lx - gradient_y * ly) * normal_z, 0.0)
        facing = np.maximum((hz - gradient_x * hx - gradient_y * hy) * normal_z, 0.15)
        along = (hy * radial_x - hx * radial_y + hz * along_rise) / (facing * lighting.along)
        across = (hx * radial_x + hy * radial_y + hz * across_rise) / (facing * lighting.across)
        highlight = np.exp(-(along * along + across * across)) * gloss
        total += lamp.intensity * diffuse * (0.17 + 0.78 * highlight)
    return total
