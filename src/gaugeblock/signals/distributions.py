"""Chi-square and F distributions: probabilities and quantiles, without SciPy.

Both stand on the two incomplete functions: the chi-square on the incomplete gamma, F on the incomplete beta
(:mod:`gaugeblock.signals.binomial`). Quantiles by bisection, to about 1e-12 relative.

Source: NIST DLMF 8.11.4 (series), 8.9.2 (continued fraction); Johnson, Kotz, Balakrishnan, Continuous Univariate
Distributions 1 (1994) ch. 18 and 2 (1995) ch. 27.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from gaugeblock.signals.binomial import beta_quantile, incomplete_beta

_STEPS = 100_000
_TINY = 1e-300


def incomplete_gamma(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(a, x) for a > 0 and x ≥ 0.

    >>> round(incomplete_gamma(1.0, 2.0), 9)  # 1 - exp(-2)
    0.864664717
    """
    if x <= 0.0:
        return 0.0
    if math.isinf(x):
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for k in range(1, _STEPS):
            term *= x / (a + k)
            total += term
            if term < total * 1e-17:
                break
        return front * total
    b = x + 1.0 - a
    c = 1.0 / _TINY
    d = fraction = 1.0 / b
    for k in range(1, _STEPS):
        factor = -k * (k - a)
        b += 2.0
        d = factor * d + b
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = b + factor / c
        c = c if abs(c) > _TINY else _TINY
        fraction *= d * c
        if abs(d * c - 1.0) < 1e-16:
            break
    return 1.0 - front * fraction


def chi_square_cdf(x: float, degrees: float) -> float:
    """P(X ≤ x) of a chi-square variable.

    >>> round(chi_square_cdf(3.841458820694124, 1), 9)
    0.95
    """
    return incomplete_gamma(degrees / 2.0, x / 2.0)


@lru_cache(maxsize=4096)
def chi_square_quantile(p: float, degrees: float) -> float:
    """The x with P(X ≤ x) = p, for p in [0, 1).

    >>> round(chi_square_quantile(0.95, 10), 6)
    18.307038
    """
    _check_level(p)
    if p == 0.0:
        return 0.0
    low, high = 0.0, max(1.0, degrees)
    while chi_square_cdf(high, degrees) < p and high < 1e12:
        low, high = high, 2.0 * high
    for _ in range(200):
        middle = (low + high) / 2.0
        if chi_square_cdf(middle, degrees) < p:
            low = middle
        else:
            high = middle
        if high - low <= 1e-14 * high:
            break
    return (low + high) / 2.0


def f_cdf(x: float, first: float, second: float) -> float:
    """P(F ≤ x) with ``first`` and ``second`` degrees of freedom.

    >>> round(f_cdf(1.0, 7, 7), 9)
    0.5
    """
    if x <= 0.0:
        return 0.0
    if first * x > second:
        return 1.0 - f_tail(x, first, second)  # near 1, where the share itself would be rounded off
    return incomplete_beta(first / 2.0, second / 2.0, first * x / (first * x + second))


def f_tail(x: float, first: float, second: float) -> float:
    """P(F > x), exact where it is small.

    >>> round(f_tail(4.102821, 2, 10), 6)
    0.05
    """
    if x <= 0.0:
        return 1.0
    return incomplete_beta(second / 2.0, first / 2.0, second / (first * x + second))


@lru_cache(maxsize=4096)
def f_quantile(p: float, first: float, second: float) -> float:
    """The x with P(F ≤ x) = p, for p in [0, 1).

    >>> round(f_quantile(0.95, 2, 10), 6)
    4.102821
    """
    _check_level(p)
    if p == 0.0:
        return 0.0
    # The complement near the end where the share of one, not of the other, is small.
    if p > 0.5:
        rest = beta_quantile(1.0 - p, second / 2.0, first / 2.0)
        return second * (1.0 - rest) / (first * rest)
    share = beta_quantile(p, first / 2.0, second / 2.0)
    return second * share / (first * (1.0 - share))


def normal_quantile(p: float) -> float:
    """The x with Φ(x) = p, for p in (0, 1).

    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    return NormalDist().inv_cdf(p)


def normal_cdf(x: float) -> float:
    """Φ(x).

    >>> normal_cdf(0.0)
    0.5
    """
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _check_level(p: float) -> None:
    if not 0.0 <= p < 1.0:
        raise ValueError(f"a probability in [0, 1) is needed, not {p}")
