"""Counted shares of parts with their exact bounds, and the checks that every choice of thresholds begins with."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.signals.binomial import clopper_pearson
from gaugeblock.vision.errors import LevelRangeError, ScoreNotFiniteError, TooManyScoresError

SCORES_MAX = 1_000_000

Scores = npt.NDArray[np.float64]


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hits`` of ``of`` with their two-sided Clopper–Pearson bounds; no value where nothing was counted."""

    hits: int
    of: int
    value: float | None
    low: float
    high: float


def rate_of(hits: int, of: int, confidence: float) -> Rate:
    """The rate of ``hits`` among ``of``.

    >>> rate_of(0, 0, 0.95)
    Rate(hits=0, of=0, value=None, low=0.0, high=1.0)
    """
    low, high = clopper_pearson(hits, of, confidence)
    return Rate(hits, of, hits / of if of else None, low, high)


def finite_scores(scores: npt.ArrayLike) -> Scores:
    """Scores as a vector.

    Raises
    ------
    TooManyScoresError, ScoreNotFiniteError
    """
    values = np.asarray(scores, dtype=np.float64).ravel()
    if len(values) > SCORES_MAX:
        raise TooManyScoresError(found=len(values), limit=SCORES_MAX)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ScoreNotFiniteError(position=int(wrong[0]))
    return values


def check_levels(**levels: float) -> None:
    """Shares and confidences by name.

    Raises
    ------
    LevelRangeError
        One is not within the open interval 0…1.
    """
    for name, value in levels.items():
        if not 0 < value < 1:
            raise LevelRangeError(name=name, value=value)
