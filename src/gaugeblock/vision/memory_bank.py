"""Distance of each patch to the nearest patch of good parts, by matrix products.

Distances are taken over the radius r of the bank's vector, see ``local_density``: |x − b|² / r² =
(|x|² − 2 x·b + |b|²) / r². The bank is kept as [−2 b, |b|², 1] / r² with 1 and |x|² beside each x, so one product
gives all of it, and only the smallest value of each patch is kept. Products are taken in blocks that stay in the
cache while they are compared: writing them all out would cost more than computing them.

The **search** of the station answers what a verdict asks, for a third of the work. Products with the bank's 64
principal directions (four fifths of its variance and more) nominate one near vector for each patch; the true
distance to it is an upper bound of the distance to the nearest. Only the patches that by this bound could belong
to the largest, or reach a given level, are then compared with the whole bank. A patch left out is provably below
both, so everything that a score or a verdict rests on is exact; the bounds of the others serve the heat-map.

Pruning by bounds: Elkan, Using the triangle inequality to accelerate k-means (ICML 2003), carried over to the
largest of the nearest distances; Roth et al. (CVPR 2022) for the score that asks for them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK = 512
SEARCH_BLOCK = 64
DIRECTIONS = 64
FEW = 32
LANES = 8
"""Patches compared with the whole bank at a time: as many as one kernel of a matrix library takes."""
EXACT_SHARE_MAX = 0.5

Matrix = npt.NDArray[np.float32]


class MemoryBank:
    """Patches of good parts.

    Parameters
    ----------
    vectors
        (n, d) float32.
    radii
        (n,) float32, above zero; one for all where they are left out.

    Examples
    --------
    >>> bank = MemoryBank(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
    >>> bank.distances(np.array([[3.0, 0.0], [3.0, 4.0]], np.float32)).tolist()
    [3.0, 0.0]
    """

    def __init__(self, vectors: Matrix, radii: Matrix | None = None) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.radii = np.ones(len(vectors), np.float32) if radii is None else radii
        self._inverse: Matrix = np.asarray(1 / (self.radii * self.radii), dtype=np.float32)
        # Distances do not change when both sides are shifted; near the origin float32 keeps more of them.
        self._centre = self.vectors.mean(axis=0)
        self._centred = self.vectors - self._centre
        self._squares = np.einsum("ij,ij->i", self._centred, self._centred)
        self._augmented = _augmented(self._centred, self._squares, self._inverse)
        self._directions: Matrix | None = None
        self._nominating: Matrix | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def distances(self, queries: Matrix) -> Matrix:
        """Distance of each query (m, d) to its nearest vector, over that one's radius: (m,) float32."""
        return _root(self._exact(queries - self._centre))

    def search(self, queries: Matrix, largest: int, level: float) -> Matrix:
        """As :meth:`distances`, exact wherever it matters, an upper bound elsewhere.

        Parameters
        ----------
        queries
            (m, d) float32.
        largest
            How many of the largest distances must be exact.
        level
            Each distance that reaches this one is exact.

        Returns
        -------
        (m,) float32. What is not exact is below ``level`` and not above the ``largest``-th of the true
        distances, and lies between the true distance and these two.

        Examples
        --------
        >>> bank = MemoryBank(np.random.default_rng(0).standard_normal((500, 128)).astype(np.float32))
        >>> asked = np.random.default_rng(1).standard_normal((50, 128)).astype(np.float32)
        >>> found, exact = bank.search(asked, 2, np.inf), bank.distances(asked)
        >>> np.allclose(np.sort(found)[-2:], np.sort(exact)[-2:]), bool((found >= exact - 1e-3).all())
        (True, True)
        """
        count, width = queries.shape
        if width <= 2 * DIRECTIONS or len(self) <= BLOCK or largest >= count:
            return self.distances(queries)
        centred = queries - self._centre
        bounds = self._bounds(centred)
        square = np.float32(level) ** 2
        order = np.argsort(-bounds)
        upper = bounds[order]
        done, want = 0, _whole_lanes(max(largest + 1, int(np.count_nonzero(upper >= square))))
        if want > EXACT_SHARE_MAX * count:
            return _root(self._exact(centred))
        while True:
            rows = order[done : done + want]
            bounds[rows] = np.minimum(bounds[rows], self._exact(centred[rows]))
            done, want = done + len(rows), LANES
            if done == count:
                break
            least = np.partition(bounds[order[:done]], done - largest)[done - largest]
            # Written so that a distance that is not a number ends nothing.
            if upper[done] <= least and upper[done] < square:
                break
        return _root(bounds)

    def _exact(self, centred: Matrix) -> Matrix:
        """Squared distance to the nearest vector over its squared radius, over the whole bank."""
        count = len(centred)
        squares = np.einsum("ij,ij->i", centred, centred)
        if count <= FEW:
            rows = np.ones((count, centred.shape[1] + 2), np.float32)
            rows[:, :-2] = centred
            rows[:, -1] = squares
            return np.asarray((rows @ self._augmented.T).min(axis=1), dtype=np.float32)
        columns = np.ones((centred.shape[1] + 2, count), np.float32)
        columns[:-2] = centred.T
        columns[-1] = squares
        nearest = np.full(count, np.inf, np.float32)
        products = np.empty((min(BLOCK, len(self)), count), np.float32)
        for start in range(0, len(self), BLOCK):
            block = self._augmented[start : start + BLOCK]
            part = products[: len(block)]
            np.matmul(block, columns, out=part)
            np.minimum(nearest, part.min(axis=0), out=nearest)
        return nearest

    def _bounds(self, centred: Matrix) -> Matrix:
        """Squared distance to the nominated vector of each patch, over its squared radius."""
        directions, nominating = self._nominators()
        count = len(centred)
        rows = np.ones((count, DIRECTIONS + 2), np.float32)
        np.matmul(centred, directions, out=rows[:, :-2])
        rows[:, -1] = np.einsum("ij,ij->i", centred, centred)
        nominated = np.empty(count, np.intp)
        products = np.empty((min(SEARCH_BLOCK, count), len(self)), np.float32)
        for start in range(0, count, SEARCH_BLOCK):
            block = rows[start : start + SEARCH_BLOCK]
            part = products[: len(block)]
            np.matmul(block, nominating, out=part)
            np.argmin(part, axis=1, out=nominated[start : start + SEARCH_BLOCK])
        apart = self._centred[nominated]
        apart -= centred
        return np.asarray(np.einsum("ij,ij->i", apart, apart) * self._inverse[nominated], dtype=np.float32)

    def _nominators(self) -> tuple[Matrix, Matrix]:
        """Principal directions (d, 64), and [−2 b, |b|², 1] / r² along them, (66, n)."""
        if self._directions is None or self._nominating is None:
            spread = self._centred.T.astype(np.float64) @ self._centred
            axes = np.linalg.eigh(spread)[1][:, : -DIRECTIONS - 1 : -1]
            self._directions = np.ascontiguousarray(axes, dtype=np.float32)
            # The whole |b|², not that of the projection: what lies outside the directions is nearly at right
            # angles for any two vectors, and so adds up.
            projected = self._centred @ self._directions
            self._nominating = np.ascontiguousarray(_augmented(projected, self._squares, self._inverse).T)
        return self._directions, self._nominating


def _whole_lanes(rows: int) -> int:
    return -(-rows // LANES) * LANES


def _augmented(vectors: Matrix, squares: Matrix, inverse: Matrix) -> Matrix:
    beside = np.stack([squares, np.ones_like(squares)], axis=1)
    return np.ascontiguousarray(np.concatenate([-2 * vectors, beside], axis=1) * inverse[:, None], dtype=np.float32)


def _root(squares: Matrix) -> Matrix:
    return np.asarray(np.sqrt(np.maximum(squares, 0)), dtype=np.float32)
