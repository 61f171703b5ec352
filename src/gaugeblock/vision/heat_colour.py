"""The colours of a heat-map: transparent well below the threshold, then yellow over red to magenta.

Lightness falls evenly for the eye (OKLCH), so that the order of two colours is seen also without their hue. The
scale is that of the pages; only its beginning lies nearer to the threshold, because a report's small pictures
show no slider to take the colours away.

Source: B. Ottosson, A perceptual color space for image processing (2020), for OKLab.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

START = 0.75
"""In multiples of the threshold: transparent up to here."""
FULL = 1.25
"""As opaque as it gets from here on."""
TOP = 2.0
ALPHA_MAX = 215.0

_FROM_LAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.291485548]]
)
_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.707614701],
    ]
)


def heat_colours(multiples: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """RGBA of patch scores in multiples of the threshold; one axis more than ``multiples``.

    >>> heat_colours([0.0, 0.75, 1.0, 2.0])[:, 3].tolist()
    [0, 0, 54, 215]
    """
    values = np.clip(np.nan_to_num(np.asarray(multiples, dtype=np.float64), nan=TOP, posinf=TOP), 0, TOP)
    heat = np.clip((values - START) / (TOP - START), 0, 1)
    lightness = 0.88 - 0.4 * heat
    chroma = 0.14 + 0.08 * np.sin(np.pi * heat)
    hue = np.deg2rad(100 - 110 * heat)
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    linear = np.clip((lab @ _FROM_LAB.T) ** 3 @ _TO_LINEAR.T, 0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    alpha = ALPHA_MAX * np.clip((values - START) / (FULL - START), 0, 1) ** 2
    rgba = np.concatenate([255 * rgb, alpha[..., None]], axis=-1)
    return np.asarray(np.rint(rgba), dtype=np.uint8)
