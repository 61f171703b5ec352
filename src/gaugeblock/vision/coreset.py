"""Greedy k-centre: few vectors that leave none of many far from its nearest chosen one.

Each pick is the vector farthest from all chosen so far, which is within a factor two of the best possible
covering radius. Distances are taken after a seeded random projection, which keeps them to within some percent.

Picking one at a time reads the whole pool once a pick. Here a round takes the ``BATCH`` farthest vectors as
candidates and picks among them, by the same rule, for as long as the best candidate is at least as far as
anything outside the round was when it began. Distances only ever shrink, so those picks are exactly the picks
of the plain greedy rule, and the pool is read once a round, by one matrix product.

Gonzalez, Clustering to minimize the maximum intercluster distance (1985); Sener and Savarese, Active learning
for convolutional neural networks: a core-set approach (ICLR 2018); Johnson and Lindenstrauss (1984).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

BATCH = 128
POOL_MAX = 200_000
PROJECTED = 64

Matrix = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """A progress that nobody watches."""


def random_projection(vectors: Matrix, width: int, rng: np.random.Generator) -> Matrix:
    """Gaussian projection to ``width`` columns; unchanged where there are no more than that."""
    if vectors.shape[1] <= width:
        return vectors
    plane = rng.standard_normal((vectors.shape[1], width)).astype(np.float32) / np.float32(np.sqrt(width))
    return np.asarray(vectors @ plane, dtype=np.float32)


def greedy_coreset(
    vectors: Matrix,
    size: int,
    seed: int,
    progress: Progress = no_progress,
    projected: int = PROJECTED,
) -> Indices:
    """Indices of the chosen vectors, in the order of choice.

    Parameters
    ----------
    vectors
        (n, d) float32.
    size
        How many to choose; all are returned where n is no larger.
    seed
        Fixes the projection, the first vector and the subsample of a pool larger than ``POOL_MAX``.
    progress
        Called with (chosen, size) after each round.
    projected
        Columns kept by the random projection.

    Examples
    --------
    >>> line = np.array([[0.0], [0.1], [5.0], [9.0], [10.0]], np.float32)
    >>> sorted(greedy_coreset(line, 3, seed=1).tolist()) in ([0, 2, 4], [1, 2, 4], [0, 2, 3])
    True
    """
    count = len(vectors)
    if count <= size:
        return np.arange(count, dtype=np.int64)
    rng = np.random.default_rng(seed)
    if count > POOL_MAX:
        kept = np.sort(rng.choice(count, max(POOL_MAX, size), replace=False))
        vectors = vectors[kept]
    else:
        kept = np.arange(count)
    points = random_projection(np.asarray(vectors, dtype=np.float32), projected, rng)
    points = points - points.mean(axis=0)
    return np.asarray(kept[_farthest_points(points, size, int(rng.integers(len(points))), progress)], np.int64)


def _farthest_points(points: Matrix, size: int, first: int, progress: Progress) -> Indices:
    lengths = np.einsum("ij,ij->i", points, points)
    chosen = np.empty(size, np.int64)
    chosen[0], done = first, 1
    nearest = _squared(points, lengths, points[first : first + 1]).ravel()
    nearest[first] = -1.0  # a chosen vector is never chosen again, duplicates of it only at the very end
    while done < size:
        batch = min(BATCH, len(points) - done)
        candidates = np.argpartition(nearest, -batch)[-batch:]
        floor = nearest[candidates].min()
        near = nearest[candidates].copy()
        between = _squared(points[candidates], lengths[candidates], points[candidates])
        picked: list[int] = []
        while done + len(picked) < size and len(picked) < batch:
            best = int(near.argmax())
            if near[best] < floor and picked:
                break
            picked.append(best)
            np.minimum(near, between[:, best], out=near)
            near[best] = -1.0
        fresh = candidates[picked]
        chosen[done : done + len(fresh)] = fresh
        done += len(fresh)
        for start in range(0, len(points), 16384):
            part = slice(start, start + 16384)
            found = _squared(points[part], lengths[part], points[fresh]).min(axis=1)
            np.minimum(nearest[part], found, out=nearest[part])
        nearest[chosen[:done]] = -1.0
        progress(done, size)
    return chosen


def _squared(points: Matrix, lengths: Matrix, centres: Matrix) -> Matrix:
    product = points @ centres.T
    product *= -2
    product += lengths[:, None]
    product += np.einsum("ij,ij->i", centres, centres)
    return np.asarray(np.maximum(product, 0, out=product), dtype=np.float32)
