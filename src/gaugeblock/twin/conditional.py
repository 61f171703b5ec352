"""What is left of a time of which some has passed: X − e given X > e, by inversion of the survival function.

A service that has taken nine of its mean ten minutes does not need one more: what it needs depends on the shape. Where
a distribution says that the elapsed time cannot be (a deterministic or empirical one that has been outlasted, or a
tail too thin for a float), the end is due now and 0 is given.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from statistics import NormalDist

from gaugeblock.signals.distributions import incomplete_gamma
from gaugeblock.twin.distributions import (
    Deterministic,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Weibull,
)

_NORMAL = NormalDist()
_HALVINGS = 200


def remaining(times: Distribution, elapsed: float, u: float) -> float:
    """The remaining time at survival ``u``: uniform u in (0, 1) gives a draw.

    >>> remaining(Deterministic(5.0), 3.0, 0.5)
    2.0
    >>> round(remaining(Exponential(2.0), 100.0, math.exp(-1)), 9)
    2.0
    """
    match times:
        case Exponential():
            return -times.mean * math.log(u)
        case Deterministic():
            return max(0.0, times.mean - elapsed)
        case Empirical():
            values = sorted(times.values)
            longer = values[bisect_right(values, elapsed) :]
            return longer[int((1.0 - u) * len(longer))] - elapsed if longer else 0.0
        case Weibull():
            _, inverse, scale, _ = times.flat()
            # S(x) = exp(−(x/λ)^k); solve S(x) = u·S(e).
            whole: float = scale * ((elapsed / scale) ** (1.0 / inverse) - math.log(u)) ** inverse
            return max(0.0, whole - elapsed)
        case Lognormal():
            _, centre, deviation, _ = times.flat()
            survival = _NORMAL.cdf((centre - math.log(elapsed)) / deviation) if elapsed > 0 else 1.0
            if survival * u <= 0.0:
                return 0.0
            return max(0.0, math.exp(centre - deviation * _NORMAL.inv_cdf(survival * u)) - elapsed)
        case Gamma() | Erlang():
            _, shape, scale, _ = times.flat()
            return _gamma_remaining(shape, elapsed / scale, u) * scale


def _gamma_remaining(shape: float, elapsed: float, u: float) -> float:
    survival = 1.0 - incomplete_gamma(shape, elapsed)
    if survival * u <= 1e-15:
        return 0.0
    low, high = elapsed, max(elapsed, shape) + 1.0
    while 1.0 - incomplete_gamma(shape, high) > survival * u:
        high *= 2.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if high - low <= 1e-13 * middle:
            break
        if 1.0 - incomplete_gamma(shape, middle) > survival * u:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high) - elapsed
