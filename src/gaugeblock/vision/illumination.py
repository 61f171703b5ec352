"""Take exposure and contrast out of an image before it is embedded.

The mean over the picture becomes mid-grey and the standard deviation (over all channels together, so colours
keep their proportions) a fixed one. A part shot at another exposure then gives nearly the same features; a
part that is wholly too dark does too, which is why brightness is guarded apart (see ``guards``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MEAN, DEVIATION = 127.0, 45.0
DEVIATION_MIN = 1.0


def standardise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(H, W, 3) uint8 to float32 of mean 127 and standard deviation 45, not clipped.

    >>> flat = standardise(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    >>> round(float(flat.mean())), round(float(flat.std()))
    (127, 45)
    """
    image = pixels.astype(np.float32)
    mean, deviation = float(image.mean()), max(float(image.std()), DEVIATION_MIN)
    image -= np.float32(mean)
    image *= np.float32(DEVIATION / deviation)
    image += np.float32(MEAN)
    return image
