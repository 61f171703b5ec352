"""From distances and the head's log-odds to one map of how strange each place is.

Both are put on the footing of all cells of held-out good parts – the logarithm of the distance, and the log-odds as
they are, each less its mean and over its deviation – and averaged. The map holds the exponential of that, times
``UNIT``, so it is positive and a usual place stands at about one. Averaged, the two find more of a defect's area
than either: distances alone fire on what is rare and good, the head alone on what looks like a drawing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

UNIT = 0.2
TINY = 1e-9
DEVIATION_MIN = 1e-3
EXPONENT_MAX = 50.0
SEARCH_QUANTILE = 0.95

Matrix = npt.NDArray[np.float32]


class PlaceFooting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mean and deviation of both answers over cells of held-out good parts.

    ``search_level`` is the patch distance from which the search answers exactly: 95 % of held-out good parts lie
    below it everywhere.
    """

    distance_log_mean: float
    distance_log_deviation: float
    logit_mean: float
    logit_deviation: float
    search_level: float

    @classmethod
    def fit(cls, distances: Sequence[Matrix], logits: Sequence[Matrix]) -> PlaceFooting:
        """From the cells of each held-out good part.

        >>> footing = PlaceFooting.fit([np.array([1.0, 1.0, 4.0])], [np.array([-1.0, 0.0, 1.0])])
        >>> round(footing.logit_mean, 3), round(footing.search_level, 3)
        (0.0, 4.0)
        """
        logs = np.log(np.concatenate(distances).astype(np.float64) + TINY)
        odds = np.concatenate(logits).astype(np.float64)
        return cls(
            distance_log_mean=float(logs.mean()),
            distance_log_deviation=max(float(logs.std()), DEVIATION_MIN),
            logit_mean=float(odds.mean()),
            logit_deviation=max(float(odds.std()), DEVIATION_MIN),
            search_level=float(np.quantile([float(d.max()) for d in distances], SEARCH_QUANTILE)),
        )

    def places(self, distances: Matrix, logits: Matrix) -> Matrix:
        """(cells,) float32, about one where nothing is strange."""
        far = (np.log(distances + np.float32(TINY)) - self.distance_log_mean) / self.distance_log_deviation
        odd = (logits - self.logit_mean) / self.logit_deviation
        return np.asarray(np.exp(np.minimum(UNIT / 2 * (far + odd), EXPONENT_MAX)), dtype=np.float32)
