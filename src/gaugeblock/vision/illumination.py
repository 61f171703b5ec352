"""Take exposure and contrast out of an image before it is embedded.

The mean over the picture becomes mid-grey and the standard deviation (over all channels together, so colours
keep their proportions) a fixed one. A part shot at another exposure then gives nearly the same features; a
part that is wholly too dark does too, which is why brightness is guarded apart (see ``guards``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.levels import LevelSums, grey_plane

MEAN, DEVIATION = 127.0, 45.0
DEVIATION_MIN = 1.0


def standardising(pixels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Gain and offset that bring (H, W, 3) uint8 to mean 127 and standard deviation 45.

    >>> standardising(np.array([[[82, 127, 172], [82, 127, 172]]], np.uint8))[1] < 0
    True
    """
    plane = grey_plane(pixels)
    sums = LevelSums.of(pixels if plane is None else plane)
    gain = DEVIATION / max(sums.deviation, DEVIATION_MIN)
    return gain, MEAN - gain * sums.mean


def standardise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(H, W, 3) uint8 to float32 of mean 127 and standard deviation 45, not clipped.

    >>> flat = standardise(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    >>> round(float(flat.mean())), round(float(flat.std()))
    (127, 45)
    """
    gain, offset = standardising(pixels)
    return pixels * np.float32(gain) + np.float32(offset)
