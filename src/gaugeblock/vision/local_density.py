"""How densely the bank is filled about each of its vectors: a distance means more where good parts are all alike.

A bank of picks that cover the good parts evenly has near neighbours where good parts vary little, and lonely vectors
where they are rare and each its own. The same distance is a defect beside the first and chance beside the second. So
each distance is taken over the mean distance of the bank's vector to its own nearest neighbours, and the nearest is
the one that is nearest so: a Voronoi diagram with multiplicative weights.

Breunig, Kriegel, Ng and Sander, LOF: Identifying density-based local outliers (SIGMOD 2000), whose ratio this is, with
one side of it; Aurenhammer and Edelsbrunner, An optimal algorithm for constructing the weighted Voronoi diagram
(Pattern Recognition 1984).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEIGHBOURS = 9
RADIUS_FLOOR = 0.1
BLOCK = 512

Matrix = npt.NDArray[np.float32]


def local_radii(vectors: Matrix) -> Matrix:
    """Mean distance of each vector to its ``NEIGHBOURS`` nearest others, over the mean of all: about one.

    Parameters
    ----------
    vectors
        (n, d) float32; a vector without any other has radius one.

    Returns
    -------
    (n,) float32, none below a tenth.

    Examples
    --------
    >>> [round(float(r), 2) for r in local_radii(np.array([[0.0], [1.0], [5.0]], np.float32))]
    [0.9, 0.75, 1.35]
    """
    count = len(vectors)
    nearest = min(NEIGHBOURS, count - 1)
    if nearest < 1:
        return np.ones(count, np.float32)
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    squares = np.einsum("ij,ij->i", centred, centred)
    radii = np.empty(count)
    for start in range(0, count, BLOCK):
        block = centred[start : start + BLOCK]
        apart = squares[start : start + BLOCK, None] - 2 * block @ centred.T + squares
        apart[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        few = np.partition(apart, nearest - 1, axis=1)[:, :nearest]
        radii[start : start + BLOCK] = np.sqrt(np.maximum(few, 0)).mean(axis=1)
    typical = float(radii.mean())
    return np.maximum(radii / typical, RADIUS_FLOOR).astype(np.float32) if typical > 0 else np.ones(count, np.float32)
