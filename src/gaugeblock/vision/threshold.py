"""A threshold on the score with a bound that needs no distribution.

Scores of n held-out good parts, sorted: take the k-th smallest as threshold. The share p of *future* good
parts above it (the overkill rate) is then distributed as Beta(n − k + 1, k) whatever the scores look like, so
with confidence γ it stays below the γ quantile of that distribution. That is Wilks' tolerance bound, and the
same number as the Clopper–Pearson upper limit for n − k rejects among n. The order statistic is chosen as the
lowest whose bound still keeps the target. The *minimum* score is never a threshold.

The held-out parts must be like the future ones, and not more alike to the training parts than those: parts of
one group (serial, lot, day) are held out together. Scores of one group are not independent either, so the
bound is stated as what it is: exact for independent parts.

Wilks, Determination of sample sizes for setting tolerance limits (Ann. Math. Statist. 12, 1941);
Clopper and Pearson (Biometrika 26, 1934).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.signals.binomial import upper_bound
from gaugeblock.vision.errors import LevelRangeError, TooFewPartsError

PARTS_MIN = 2


@dataclass(frozen=True, slots=True)
class Threshold:
    """An operating point.

    Parameters
    ----------
    value
        A part whose score is above it is NOK.
    overkill_upper_bound
        With ``confidence``, no larger share of good parts lies above ``value``.
    overkill_target
        What was asked for.
    confidence
        Of the bound, one-sided.
    parts
        Held-out good parts it was chosen on.
    parts_above
        How many of those lie above it.
    parts_needed
        The smallest number of held-out good parts with which the target could be promised at all (the largest
        score as threshold). Where ``parts`` is smaller, the bound is above the target.
    """

    value: float
    overkill_upper_bound: float
    overkill_target: float
    confidence: float
    parts: int
    parts_above: int
    parts_needed: int

    @property
    def keeps_target(self) -> bool:
        """Whether the bound is at or below the target."""
        return self.overkill_upper_bound <= self.overkill_target


def parts_needed(overkill: float, confidence: float) -> int:
    """Held-out good parts without which no threshold can promise this: the least n with (1 − p)ⁿ ≤ 1 − γ.

    >>> parts_needed(0.05, 0.95), parts_needed(0.01, 0.95)
    (59, 299)
    """
    _check_level("overkill", overkill)
    _check_level("confidence", confidence)
    return math.ceil(math.log(1 - confidence) / math.log1p(-overkill) - 1e-12)


def overkill_bound(above: int, parts: int, confidence: float) -> float:
    """Upper confidence bound on the share of good parts above a threshold that ``above`` of ``parts`` exceed.

    The p with P(Binomial(parts, p) ≤ above) = 1 − confidence.

    >>> round(overkill_bound(0, 59, 0.95), 4)
    0.0495
    """
    _check_level("confidence", confidence)
    return upper_bound(min(above, parts), parts, confidence)


def choose_threshold(scores: npt.ArrayLike, overkill_target: float = 0.05, confidence: float = 0.95) -> Threshold:
    """The lowest order statistic of held-out good scores whose bound keeps the target.

    Where too few parts are there to keep it, the largest score becomes the threshold, the bound is what those
    parts can promise, and ``parts_needed`` says how many would do.

    Parameters
    ----------
    scores
        Held-out scores of good parts, (n,).
    overkill_target
        Share of good parts that may be rejected, in (0, 1).
    confidence
        In (0, 1).

    Raises
    ------
    TooFewPartsError
        Fewer than two parts.
    LevelRangeError

    Examples
    --------
    >>> chosen = choose_threshold(np.arange(100.0), overkill_target=0.05)
    >>> chosen.value, chosen.parts_above, chosen.keeps_target
    (98.0, 1, True)
    """
    _check_level("overkill_target", overkill_target)
    ordered = np.sort(np.asarray(scores, dtype=np.float64).ravel())
    count = len(ordered)
    if count < PARTS_MIN:
        raise TooFewPartsError(found=count, needed=PARTS_MIN)
    above = _most_above(count, overkill_target, confidence)
    value = float(ordered[count - 1 - above])
    above = int((ordered > value).sum())
    return Threshold(
        value=value,
        overkill_upper_bound=overkill_bound(above, count, confidence),
        overkill_target=overkill_target,
        confidence=confidence,
        parts=count,
        parts_above=above,
        parts_needed=parts_needed(overkill_target, confidence),
    )


def _most_above(count: int, overkill_target: float, confidence: float) -> int:
    """The most parts above a threshold that still keep the target; 0 where none do. The bound grows with them."""
    low, high = 0, max(0, count // 2 - 1)
    while low < high:
        middle = (low + high + 1) // 2
        if overkill_bound(middle, count, confidence) <= overkill_target:
            low = middle
        else:
            high = middle - 1
    return low


def _check_level(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise LevelRangeError(name=name, value=value)
