"""Distance of each patch to the nearest patch of good parts, exactly, by blocked matrix products.

|x − b|² = |x|² − 2 x·b + |b|². The bank is kept as [−2 b, |b|²] with a 1 beside each x, so one product gives
all but |x|², and only the smallest value of each column is kept. A block of the bank is small enough that
its products stay in the cache while they are compared: writing them all out would cost more than computing
them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK = 512

Matrix = npt.NDArray[np.float32]


class MemoryBank:
    """Patches of good parts.

    Parameters
    ----------
    vectors
        (n, d) float32.

    Examples
    --------
    >>> bank = MemoryBank(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
    >>> bank.distances(np.array([[3.0, 0.0], [3.0, 4.0]], np.float32)).tolist()
    [3.0, 0.0]
    """

    def __init__(self, vectors: Matrix) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        # Distances do not change when both sides are shifted; near the origin float32 keeps more of them.
        self._centre = self.vectors.mean(axis=0)
        centred = self.vectors - self._centre
        lengths = np.einsum("ij,ij->i", centred, centred)
        self._augmented = np.ascontiguousarray(np.concatenate([-2 * centred, lengths[:, None]], axis=1))

    def __len__(self) -> int:
        return len(self.vectors)

    def distances(self, queries: Matrix) -> Matrix:
        """Euclidean distance of each query (m, d) to its nearest vector: (m,) float32."""
        count = len(queries)
        columns = np.ones((queries.shape[1] + 1, count), np.float32)
        np.subtract(queries.T, self._centre[:, None], out=columns[:-1])
        lengths = np.einsum("ij,ij->j", columns[:-1], columns[:-1])
        nearest = np.full(count, np.inf, np.float32)
        products = np.empty((min(BLOCK, len(self.vectors)), count), np.float32)
        for start in range(0, len(self.vectors), BLOCK):
            block = self._augmented[start : start + BLOCK]
            part = products[: len(block)]
            np.matmul(block, columns, out=part)
            np.minimum(nearest, part.min(axis=0), out=nearest)
        nearest += lengths
        return np.asarray(np.sqrt(np.maximum(nearest, 0, out=nearest)), dtype=np.float32)
