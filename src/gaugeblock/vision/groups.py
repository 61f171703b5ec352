"""Propose groups where none are given: pictures so alike that they may show the same part.

A picture of a part that training has seen, taken once more, tells nothing about parts to come, and held-out
scores that contain it promise too much. Each image is reduced to a small grey thumbnail. What all images of a
fixed view share is taken off – without that, all parts of one kind would be alike – and two images whose
remainders correlate at least ``SAME`` are tied; ties are transitive. This finds repeats and near-by frames. It
does not know about lots and days, and turned or mirrored pictures pass it by: groups from serial numbers are
always better.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 24
SAME = 0.98
# Thumbnails have length one; a remainder below this share is the common picture and nothing else.
REMAINDER_MIN = 1e-3
BLOCK = 1024

Matrix = npt.NDArray[np.float32]


def thumbnail(pixels: npt.NDArray[np.uint8]) -> Matrix:
    """(H, W, 3) uint8 to a vector of length one, (576,)."""
    small = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    vector = np.asarray(small, dtype=np.float32).ravel()
    vector = vector - vector.mean()
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6), dtype=np.float32)


def near_duplicate_groups(thumbnails: Matrix, same: float = SAME) -> npt.NDArray[np.int64]:
    """The group of each image: the smallest position among those it is tied to, directly or not.

    Parameters
    ----------
    thumbnails
        (n, d), rows of length one.
    same
        Correlation from which two images are tied.

    Examples
    --------
    >>> rows = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    >>> near_duplicate_groups(rows).tolist()
    [0, 1, 0, 3]
    """
    remainders = thumbnails - thumbnails.mean(axis=0)
    lengths = np.linalg.norm(remainders, axis=1)
    plain = lengths < REMAINDER_MIN
    # Those that are the common picture itself get a direction of their own, so that they are tied to each other.
    directions = np.concatenate([remainders / np.maximum(lengths, REMAINDER_MIN)[:, None], plain[:, None]], axis=1)
    directions[plain, :-1] = 0
    parent = np.arange(len(thumbnails), dtype=np.int64)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for start in range(0, len(thumbnails), BLOCK):
        alike = directions[start : start + BLOCK] @ directions[start:].T >= same
        for row, column in np.argwhere(np.triu(alike, k=1)):
            a, b = root(start + int(row)), root(start + int(column))
            parent[max(a, b)] = min(a, b)
    return np.array([root(i) for i in range(len(thumbnails))], np.int64)
