"""The likelihood of positive times, some known only to lie in an interval, under four families; compiled.

Each family has the logarithm of its mean *u* and of its shape *v*: gamma's and Weibull's shape, the lognormal's
deviation of the logarithm; the exponential has no *v*. An exact time adds its log density, one known to lie in
(low, high] the logarithm of that probability; high is infinite where the log was closed first (right-censoring).

Sources: Lawless, Statistical Models and Methods for Lifetime Data (2nd ed., 2003), chapters 2 and 5; NIST DLMF 8.11.4
and 8.9.2 for the incomplete gamma function; Nelder, Mead, A simplex method (Computer Journal 7, 1965).
"""

from __future__ import annotations

import math

import numpy as np

from gaugeblock.twin.compiled import kernel

EXPONENTIAL, GAMMA, LOGNORMAL, WEIBULL = 0, 1, 2, 3
FAMILIES = ("exponential", "gamma", "lognormal", "weibull")
U_MIN, U_MAX, V_MIN, V_MAX = -40.0, 40.0, -7.0, 14.0
_ROOT = math.sqrt(0.5)
_LOG_2PI = math.log(2.0 * math.pi)


@kernel
def gamma_tails(a, x):  # type: ignore[no-untyped-def]
    """P(a, x) and Q(a, x), each accurate where it is small."""
    if x <= 0.0:
        return 0.0, 1.0
    if math.isinf(x):
        return 1.0, 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for k in range(1, 100000):
            term *= x / (a + k)
            total += term
            if term < total * 1e-15:
                break
        lower = min(1.0, front * total)
        return lower, 1.0 - lower
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    fraction = d
    for k in range(1, 100000):
        factor = -k * (k - a)
        b += 2.0
        d = factor * d + b
        d = 1.0 / (d if abs(d) > 1e-300 else 1e-300)
        c = b + factor / c
        c = c if abs(c) > 1e-300 else 1e-300
        fraction *= d * c
        if abs(d * c - 1.0) < 1e-14:
            break
    upper = min(1.0, front * fraction)
    return 1.0 - upper, upper


@kernel
def natural(kind, u, v):  # type: ignore[no-untyped-def]
    """Two numbers of the family that its formulas use."""
    if kind == EXPONENTIAL:
        return math.exp(u), 0.0
    if kind == GAMMA:
        return math.exp(v), math.exp(u - v)  # shape, scale
    if kind == LOGNORMAL:
        deviation = math.exp(v)
        return u - 0.5 * deviation * deviation, deviation
    shape = math.exp(v)
    return shape, math.exp(u - math.lgamma(1.0 + 1.0 / shape))


@kernel
def tails(kind, a, b, x):  # type: ignore[no-untyped-def]
    """P(X ≤ x) and P(X > x)."""
    if x <= 0.0:
        return 0.0, 1.0
    if math.isinf(x):
        return 1.0, 0.0
    if kind == EXPONENTIAL:
        return -math.expm1(-x / a), math.exp(-x / a)
    if kind == GAMMA:
        return gamma_tails(a, x / b)
    if kind == LOGNORMAL:
        z = (math.log(x) - a) / b * _ROOT
        return 0.5 * math.erfc(-z), 0.5 * math.erfc(z)
    hazard = math.exp(a * math.log(x / b))
    return -math.expm1(-hazard), math.exp(-hazard)


@kernel
def log_likelihood(kind, u, v, exact, logs, low, high):  # type: ignore[no-untyped-def]
    """Of all times.

    Parameters
    ----------
    exact, logs
        (n,) times known, and their logarithms.
    low, high
        (m,) ends of the intervals that the other times lie in.
    """
    if not (U_MIN < u < U_MAX and V_MIN < v < V_MAX):
        return -np.inf
    a, b = natural(kind, u, v)
    total = 0.0
    n = len(exact)
    if kind == EXPONENTIAL:
        for i in range(n):
            total -= exact[i] / a
        total -= n * u
    elif kind == GAMMA:
        for i in range(n):
            total += (a - 1.0) * logs[i] - exact[i] / b
        total -= n * (math.lgamma(a) + a * math.log(b))
    elif kind == LOGNORMAL:
        for i in range(n):
            z = (logs[i] - a) / b
            total -= 0.5 * z * z + logs[i]
        total -= n * (v + 0.5 * _LOG_2PI)
    else:
        scale = math.log(b)
        for i in range(n):
            z = a * (logs[i] - scale)
            total += z - math.exp(z) - logs[i]
        total += n * v
    for i in range(len(low)):
        below_low, above_low = tails(kind, a, b, low[i])
        below_high, above_high = tails(kind, a, b, high[i])
        inside = below_high - below_low if below_high < 0.5 else above_low - above_high
        total += math.log(inside) if inside > 1e-300 else -690.0
    return total


@kernel
def log_likelihoods(kinds, us, vs, exact, logs, low, high):  # type: ignore[no-untyped-def]
    """Of many points, (k,)."""
    found = np.empty(len(us))
    for i in range(len(us)):
        found[i] = log_likelihood(kinds[i], us[i], vs[i], exact, logs, low, high)
    return found


@kernel
def maximise(kind, u, v, exact, logs, low, high):  # type: ignore[no-untyped-def]
    """The point of greatest likelihood from a start: u, v, its value, and minus the second derivatives uu, uv, vv."""
    points = np.empty((3, 2))
    values = np.empty(3)
    size = 3 if kind != EXPONENTIAL else 2
    for i in range(size):
        points[i, 0] = u + (0.15 if i == 1 else 0.0)
        points[i, 1] = v + (0.3 if i == 2 else 0.0)
        values[i] = -log_likelihood(kind, points[i, 0], points[i, 1], exact, logs, low, high)
    if size == 2:
        _line_search(kind, points, values, exact, logs, low, high)
    else:
        _simplex(kind, points, values, exact, logs, low, high)
    u, v, best = points[0, 0], points[0, 1], -values[0]
    step = min(0.02, max(1e-4, 0.3 / math.sqrt(len(exact) + len(low) + 1.0)))
    around = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            if size == 3 or j == 1:
                du, dv = (i - 1) * step, (j - 1) * step
                around[i, j] = log_likelihood(kind, u + du, v + dv, exact, logs, low, high)
    uu = -(around[2, 1] - 2.0 * best + around[0, 1]) / (step * step)
    if size == 2:
        return u, v, best, uu, 0.0, 1.0
    vv = -(around[1, 2] - 2.0 * best + around[1, 0]) / (step * step)
    uv = -(around[2, 2] - around[2, 0] - around[0, 2] + around[0, 0]) / (4.0 * step * step)
    return u, v, best, uu, uv, vv


@kernel
def _line_search(kind, points, values, exact, logs, low, high):  # type: ignore[no-untyped-def]
    """One parameter: golden section between two bounds that hold the best."""
    centre, width = points[0, 0], 0.5
    for _ in range(60):
        left = log_likelihood(kind, centre - width, points[0, 1], exact, logs, low, high)
        right = log_likelihood(kind, centre + width, points[0, 1], exact, logs, low, high)
        middle = log_likelihood(kind, centre, points[0, 1], exact, logs, low, high)
        if middle >= left and middle >= right:
            break
        centre = centre - width if left > right else centre + width
    a, b = centre - width, centre + width
    ratio = 0.6180339887498949
    for _ in range(60):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        at_c = log_likelihood(kind, c, points[0, 1], exact, logs, low, high)
        at_d = log_likelihood(kind, d, points[0, 1], exact, logs, low, high)
        if at_c > at_d:
            b = d
        else:
            a = c
        if b - a < 1e-7:
            break
    points[0, 0] = 0.5 * (a + b)
    values[0] = -log_likelihood(kind, points[0, 0], points[0, 1], exact, logs, low, high)


@kernel
def _simplex(kind, points, values, exact, logs, low, high):  # type: ignore[no-untyped-def]
    """Two parameters: the simplex of Nelder and Mead, the best left in row 0."""
    for _ in range(200):
        order = np.argsort(values)
        points[:] = points[order]
        values[:] = values[order]
        if values[2] - values[0] < 1e-9 * (1.0 + abs(values[0])) and np.abs(points[2] - points[0]).max() < 1e-5:
            break
        middle = 0.5 * (points[0] + points[1])
        tried = 2.0 * middle - points[2]
        value = -log_likelihood(kind, tried[0], tried[1], exact, logs, low, high)
        if value < values[0]:
            further = 3.0 * middle - 2.0 * points[2]
            beyond = -log_likelihood(kind, further[0], further[1], exact, logs, low, high)
            if beyond < value:
                points[2], values[2] = further, beyond
            else:
                points[2], values[2] = tried, value
        elif value < values[1]:
            points[2], values[2] = tried, value
        else:
            nearer = 0.5 * (middle + (tried if value < values[2] else points[2]))
            inner = -log_likelihood(kind, nearer[0], nearer[1], exact, logs, low, high)
            if inner < min(value, values[2]):
                points[2], values[2] = nearer, inner
            else:
                for i in range(1, 3):
                    points[i] = 0.5 * (points[i] + points[0])
                    values[i] = -log_likelihood(kind, points[i, 0], points[i, 1], exact, logs, low, high)
    order = np.argsort(values)
    points[:] = points[order]
    values[:] = values[order]


@kernel
def shares_below(kind, u, v, times):  # type: ignore[no-untyped-def]
    """P(X ≤ t) of each time, (n,)."""
    a, b = natural(kind, u, v)
    found = np.empty(len(times))
    for i in range(len(times)):
        found[i] = tails(kind, a, b, times[i])[0]
    return found


@kernel
def values_inside(kind, u, v, low, high, shares):  # type: ignore[no-untyped-def]
    """The values in (low, high] below which lie so large shares of the intervals' probability, (n,), by bisection."""
    a, b = natural(kind, u, v)
    found = np.empty(len(low))
    for i in range(len(low)):
        bottom, top = low[i], high[i]
        start, end = tails(kind, a, b, bottom)[0], tails(kind, a, b, top)[0]
        goal = start + shares[i] * (end - start)
        if math.isinf(top):
            top = max(2.0 * bottom, 4.0 * math.exp(u)) + 1e-9
            while tails(kind, a, b, top)[0] < goal and top < 1e12:
                top *= 2.0
        for _ in range(60):
            middle = 0.5 * (bottom + top)
            if tails(kind, a, b, middle)[0] < goal:
                bottom = middle
            else:
                top = middle
            if top - bottom <= 1e-12 * top:
                break
        found[i] = max(0.5 * (bottom + top), 1e-12)
    return found
