"""Exact statements about a proportion from counts: the binomial tail and the Clopper–Pearson interval.

Written on the regularised incomplete beta function so that the core install needs no SciPy.
"""

from __future__ import annotations

import math

_STEPS = 200
_TINY = 1e-300


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1].

    Lentz's continued fraction, to about 1e-12 relative. Source: NIST DLMF 8.17.22.

    >>> round(incomplete_beta(2, 3, 0.4), 6)
    0.5248
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _STEPS + int(math.sqrt(max(a, b))) * 10):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        fraction *= d * c
        if abs(d * c - 1.0) < 1e-14:
            break
    return front * fraction / a


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = p, by bisection.

    >>> round(beta_quantile(0.5, 1, 1), 9)
    0.5
    """
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        if incomplete_beta(a, b, middle) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def clopper_pearson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval for a proportion after ``hits`` of ``of``; (0, 1) where nothing was counted.

    Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404–413.

    >>> [round(x, 4) for x in clopper_pearson(3, 50)]
    [0.0125, 0.1655]
    """
    if not 0 <= hits <= of:
        raise ValueError(f"hits must be within 0..{of}, not {hits}")
    if of == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2
    low = 0.0 if hits == 0 else beta_quantile(tail, hits, of - hits + 1)
    high = 1.0 if hits == of else beta_quantile(1.0 - tail, hits + 1, of - hits)
    return low, high


def upper_bound(hits: int, of: int, confidence: float) -> float:
    """One-sided exact upper limit for a proportion after ``hits`` of ``of``: the p with P(Bin(of, p) ≤ hits) = 1 − γ.

    1 where every one was a hit, and where nothing was counted.

    >>> round(upper_bound(0, 59, 0.95), 4)
    0.0495
    """
    if not 0 <= hits <= of:
        raise ValueError(f"hits must be within 0..{of}, not {hits}")
    return 1.0 if hits == of else beta_quantile(confidence, hits + 1, of - hits)
