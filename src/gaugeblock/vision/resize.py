"""Bring every image to the same area, keep its aspect, and know which cells are picture.

Each image is scaled so that it covers about side² pixels whatever its aspect: a long crop keeps as many cells
as a square one, which fitting its longer side would not grant, and is not distorted, as stretching would.
Sides are rounded to whole cells of 16 pixels, so a heat-map covers exactly the picture (a side changes by at
most 8 pixels); what the network needs beyond that is padded by repeating the rim, and those cells are cut off
afterwards. Reducing averages over the area that falls on each new pixel (antialiased triangle filter).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from gaugeblock.vision.backbone import SIDE_MULTIPLE, STRIDE
from gaugeblock.vision.errors import ImageArrayError, ImageTooNarrowError
from gaugeblock.vision.levels import as_colour, grey_plane

CELLS_MAX = 64 * 64
CELLS_SIDE_MIN = 2
# Pictures more than six times too long are first averaged over whole blocks of pixels, down to three times the
# size wanted: a camera of 5 megapixels is then reduced some five times faster.
REDUCING_GAP = 3.0

Pixels = npt.NDArray[np.uint8]


def check_pixels(pixels: Pixels) -> None:
    """Refuse anything but (H, W, 3) uint8.

    Raises
    ------
    ImageArrayError
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ImageArrayError(shape=str(pixels.shape), dtype=str(pixels.dtype))


@dataclass(frozen=True, slots=True)
class ResizePlan:
    """The area every image is brought to.

    Parameters
    ----------
    side
        An image of any aspect covers about side × side pixels afterwards.
    """

    side: int

    def grid(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of cells for an image.

        Raises
        ------
        ImageTooNarrowError
            So long and narrow that it would need more than ``CELLS_MAX`` cells.

        >>> ResizePlan(224).grid(300, 300), ResizePlan(224).grid(600, 250)
        ((14, 14), (9, 22))
        """
        root = math.sqrt(width / height)
        rows = max(CELLS_SIDE_MIN, round(self.side / root / STRIDE))
        columns = max(CELLS_SIDE_MIN, round(self.side * root / STRIDE))
        if rows * columns > CELLS_MAX:
            raise ImageTooNarrowError(limit=CELLS_MAX)
        return rows, columns

    def apply(self, pixels: Pixels) -> Pixels:
        """The image at its new size, (rows · 16, columns · 16, 3) uint8, without padding."""
        check_pixels(pixels)
        rows, columns = self.grid(pixels.shape[1], pixels.shape[0])
        if pixels.shape[:2] == (rows * STRIDE, columns * STRIDE):
            return pixels
        plane = grey_plane(pixels)
        image = Image.fromarray(pixels if plane is None else plane)
        small = image.resize((columns * STRIDE, rows * STRIDE), Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP)
        reduced = np.asarray(small, dtype=np.uint8)
        return reduced if plane is None else as_colour(reduced)


def network_input(pixels: Pixels, gain: float, offset: float, multiple: int = SIDE_MULTIPLE) -> npt.NDArray[np.float32]:
    """(H, W, 3) uint8 to (1, 3, H', W') float32, each level times ``gain`` plus ``offset``.

    The right and bottom rim are repeated until both sides are multiples of ``multiple``.

    >>> network_input(np.zeros((16, 48, 3), np.uint8), 1.0, 0.5).shape
    (1, 3, 32, 64)
    """
    rows, columns = pixels.shape[:2]
    image = np.empty((1, 3, rows + -rows % multiple, columns + -columns % multiple), np.float32)
    plane = grey_plane(pixels)
    channels = image[0] if plane is None else image[0, :1]
    for channel, values in enumerate(channels):
        inside = values[:rows, :columns]
        np.multiply(pixels[:, :, channel], np.float32(gain), out=inside)
        inside += np.float32(offset)
        values[:rows, columns:] = inside[:, -1:]
        values[rows:] = values[rows - 1]
    if plane is not None:
        image[0, 1:] = image[0, 0]
    return image
