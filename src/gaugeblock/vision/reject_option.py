"""Thresholds with the lowest expected cost: between passing and rejecting, a zone in which a look pays.

With the costs of an escape, an overkill and a review and the share of defective parts, the expected cost of a part is a
sum of two terms, one for each end of the review zone, so that the best pair is found in one pass over all scores.

Source: C. K. Chow, On optimum recognition error and reject tradeoff, IEEE Trans. Inf. Theory 16 (1970) 41–46.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from gaugeblock.vision.errors import CostRangeError
from gaugeblock.vision.rates import Scores, check_levels


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one escape, one overkill and one review cost, all in one currency; no review without its cost."""

    escape: float
    overkill: float
    review: float | None = None


def check_costs(costs: Costs | None, defect_rate: float | None) -> None:
    """What the user states.

    Raises
    ------
    CostRangeError, LevelRangeError
    """
    if costs is not None:
        for value in (costs.escape, costs.overkill, costs.review):
            if value is not None and not (math.isfinite(value) and value >= 0.0):
                raise CostRangeError(value=value)
    if defect_rate is not None:
        check_levels(defect_rate=defect_rate)


def cheapest_thresholds(good: Scores, defective: Scores, costs: Costs, defect_rate: float) -> tuple[float, float]:
    """``review_from`` and ``threshold`` with the lowest expected cost a part.

    Lines are drawn half-way between neighbouring scores, below all of them (everything rejected) or at the largest
    (nothing rejected). Of lines that cost the same the lowest threshold is taken, and no review zone where none is
    cheaper.

    >>> cheapest_thresholds(np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0]), Costs(10, 10, 0.5), 0.4)
    (2.5, 4.5)
    """
    levels = np.unique(np.concatenate([good, defective]))
    lines = _between(levels)
    share_good = np.searchsorted(np.sort(good), lines, side="right") / len(good)
    share_bad = np.searchsorted(np.sort(defective), lines, side="right") / len(defective)
    escaping = defect_rate * costs.escape * share_bad
    rejecting = (1.0 - defect_rate) * costs.overkill * (1.0 - share_good)
    plain = escaping + rejecting
    best = _first_least(plain)
    if costs.review is None:
        return float(lines[best]), float(lines[best])
    # Cost = (escapes − reviews saved below the zone) + (overkill + reviews up to its top): one term for each line.
    seen = costs.review * (defect_rate * share_bad + (1.0 - defect_rate) * share_good)
    bottom, top = escaping - seen, rejecting + seen
    reached = np.minimum.accumulate(bottom)
    zoned = reached + top
    high = _first_least(zoned)
    if not zoned[high] < plain[best] - 1e-12 * (1.0 + abs(float(plain[best]))):
        return float(lines[best]), float(lines[best])
    return float(lines[_first_least(bottom[: high + 1])]), float(lines[high])


def _between(levels: Scores) -> Scores:
    middles = levels[:-1] + (levels[1:] - levels[:-1]) / 2.0
    # Neighbouring floating-point numbers have no middle.
    middles = np.where(middles < levels[1:], middles, levels[:-1])
    return np.concatenate([[np.nextafter(levels[0], -np.inf)], middles, [levels[-1]]])


def _first_least(costs: Scores) -> int:
    least = float(costs.min())
    return int(np.flatnonzero(costs <= least + 1e-12 * (1.0 + abs(least)))[0])
