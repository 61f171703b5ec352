"""Grey levels: their exact sums, and grey pictures kept as one plane.

Cameras in factories are mostly grey. A grey picture is carried as (H, W, 3) like any other, but its three
channels are one plane of memory (stride zero), and what works channel by channel asks for that plane and does a
third of the work. The result is the same to the bit as from three copies, which the tests hold it to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def as_colour(plane: Pixels) -> Pixels:
    """A grey plane (H, W) seen as (H, W, 3), without a copy and read-only.

    >>> as_colour(np.array([[7, 9]], np.uint8)).tolist()
    [[[7, 7, 7], [9, 9, 9]]]
    """
    return np.broadcast_to(plane[:, :, None], (*plane.shape, 3))


def grey_plane(pixels: Pixels) -> Pixels | None:
    """The one plane of a picture made by :func:`as_colour`, otherwise nothing.

    >>> grey_plane(as_colour(np.zeros((4, 5), np.uint8))).shape, grey_plane(np.zeros((4, 5, 3), np.uint8))
    ((4, 5), None)
    """
    return pixels[:, :, 0] if pixels.strides[2] == 0 else None


@dataclass(frozen=True, slots=True)
class LevelSums:
    """How many levels, their sum and the sum of their squares: whole numbers, so no order of adding matters.

    >>> sums = LevelSums.of(np.array([[1, 3], [3, 1]], np.uint8))
    >>> sums.mean, sums.deviation
    (2.0, 1.0)
    """

    count: int
    total: int
    squares: int

    @classmethod
    def of(cls, levels: Pixels) -> LevelSums:
        """Of uint8 levels of any shape; exact up to 10¹¹ of them."""
        # Products of whole numbers are exact in float64 while their sum stays below 2⁵³, in whatever order a
        # matrix library adds them.
        values = levels.ravel().astype(np.float64)
        return cls(values.size, int(values.sum()), int(values @ values))

    @property
    def mean(self) -> float:
        """Grey levels."""
        return self.total / self.count

    @property
    def deviation(self) -> float:
        """Standard deviation over all levels, in grey levels."""
        return float(np.sqrt((self.count * self.squares - self.total**2) / self.count**2))
