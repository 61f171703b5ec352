"""Confidence intervals of means from independent replications, or from batches of one long run.

A batch long enough forgets the one before it; the means of batches are then treated as independent (batch means).

Source: Law, Simulation Modeling and Analysis (5th ed., 2015), chapter 9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from gaugeblock.signals.distributions import f_quantile


class Interval(msgspec.Struct, frozen=True):
    """A mean and its two-sided confidence interval; without a second value it is infinitely wide."""

    mean: float
    low: float
    high: float
    deviation: float
    count: int

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.deviation / math.sqrt(self.count)


def interval_of(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's interval for the mean of independent values.

    >>> found = interval_of([1.0, 2.0, 3.0])
    >>> round(found.low, 4), found.mean, round(found.high, 4)
    (-0.4841, 2.0, 4.4841)
    """
    count = len(values)
    mean = math.fsum(values) / count if count else math.nan
    if count < 2:
        return Interval(mean, -math.inf, math.inf, math.nan, count)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    # The square of Student's t with n degrees is F with (1, n).
    half = math.sqrt(f_quantile(confidence, 1, count - 1)) * deviation / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, deviation, count)
