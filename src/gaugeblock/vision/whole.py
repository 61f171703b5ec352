"""The image as a whole: pooled features, whitened, and the distance to the nearest good parts.

Mean and standard deviation of each feature over the picture are pooled into one vector. Features differ in
scale and move together, so the space is standardised and then whitened with shrinkage (a tenth of the mean
variance is added to each principal variance, which keeps directions that few images fill from dominating).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEIGHBOURS = 3
SHRINKAGE = 0.1
RELATIVE_FLOOR = 1e-3
IMAGES_MAX = 5_000

Matrix = npt.NDArray[np.float32]


def pool(features: Matrix) -> Matrix:
    """(cells, channels) to (2 · channels,): mean and standard deviation of each channel.

    >>> pool(np.array([[1.0, 2.0], [3.0, 2.0]], np.float32)).tolist()
    [2.0, 2.0, 1.0, 0.0]
    """
    return np.concatenate([features.mean(axis=0), features.std(axis=0)]).astype(np.float32)


class WholeIndex:
    """Pooled vectors of good parts in whitened space.

    Parameters
    ----------
    centre
        (d,) mean of the pooled vectors.
    whitening
        (d, r) matrix applied after the centre is taken off.
    points
        (n, r) whitened vectors of the good parts.
    """

    def __init__(self, centre: Matrix, whitening: Matrix, points: Matrix) -> None:
        self.centre, self.whitening, self.points = centre, whitening, points
        self._half_squares = np.einsum("ij,ij->i", points, points) / 2
        self._spread = float(np.sqrt(2.0 * self._half_squares.mean(dtype=np.float64)))

    @classmethod
    def fit(cls, pooled: Matrix) -> WholeIndex:
        """From pooled vectors (n, d) of good parts; works from one part on."""
        data = pooled.astype(np.float64)
        centre = data.mean(axis=0)
        deviation = data.std(axis=0)
        deviation = deviation + RELATIVE_FLOOR * max(float(deviation.mean()), RELATIVE_FLOOR)
        standard = (data - centre) / deviation
        _, singular, axes = np.linalg.svd(standard, full_matrices=False)
        variance = singular**2 / max(1, len(data) - 1)
        # What lies outside the span of few training images is kept too, at the floor's weight, by using all
        # directions: the complement is completed implicitly by an identity at the floor.
        floor = SHRINKAGE * max(float(variance.sum()) / data.shape[1], RELATIVE_FLOOR)
        inside = axes.T * (1 / np.sqrt(variance + floor) - 1 / np.sqrt(floor)) @ axes
        whitening = (np.eye(data.shape[1]) / np.sqrt(floor) + inside) / deviation[:, None]
        points = (data - centre) @ whitening
        return cls(centre.astype(np.float32), whitening.astype(np.float32), points.astype(np.float32))

    def distance(self, pooled: Matrix) -> float:
        """Mean distance to the ``NEIGHBOURS`` nearest good parts."""
        query = (pooled - self.centre) @ self.whitening
        # One product ranks all parts; the few nearest are then measured by their differences, which keeps the
        # digits that the product's |p|² − 2 p·q loses.
        ranks = self._half_squares - self.points @ query
        count = min(NEIGHBOURS, len(ranks))
        nearest = self.points[np.argpartition(ranks, count - 1)[:count]] - query
        return float(np.sqrt(np.einsum("ij,ij->i", nearest, nearest)).mean(dtype=np.float64))

    def deviations(self, pooled: Matrix) -> float | None:
        """Distance to the centre of the good parts over the root mean square of theirs; ``None`` for a single part.

        A picture far outside is odd as a whole, as after a change of lamp or material, whatever its nearest neighbour.
        """
        if not self._spread > 0:
            return None
        return float(np.linalg.norm((pooled - self.centre) @ self.whitening)) / self._spread
