"""Whether forecasts come true: probability integral transform, CRPS, and charts that say when they no longer do.

A forecast is a distribution – draws, or quantiles. If it is right, the share of it below what happened (PIT) is
uniform, however different the forecasts are from each other. PITs become normal scores, and four one-sided cumulative
sums (CUSUM) watch them: too late, too early, too wide, too narrow. Their limits are set so that a twin that is right
raises an alarm once in a stated number of forecasts on average (the in-control run length).

Sources: Gneiting, Balabdaoui, Raftery, Probabilistic forecasts, calibration and sharpness (JRSS B 69, 2007); Gneiting,
Raftery, Strictly proper scoring rules (JASA 102, 2007); Page, Continuous inspection schemes (Biometrika 41, 1954);
Brook, Evans, An approach to the probability distribution of CUSUM run length (Biometrika 59, 1972).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.signals.distributions import normal_cdf, normal_quantile
from gaugeblock.twin.errors import RunParameterError

Floats = npt.NDArray[np.float64]
Drift = Literal["late", "early", "too_narrow", "too_wide"]
DRIFTS: tuple[Drift, ...] = ("late", "early", "too_narrow", "too_wide")
RUN_LENGTH = 500.0
RUN_LENGTH_MIN, RUN_LENGTH_MAX = 20.0, 100_000.0
SHIFT = 0.5
"""Half of the shift of the mean, in deviations, that the charts for late and early find soonest."""
RATIO = 1.5
"""The ratio of deviations that the charts for too narrow and too wide find soonest."""
_STATES = 120
_PIT_LEAST = 1e-6


def pit_of_draws(draws: Floats | Sequence[float], outcome: float, u: float = 0.5) -> float:
    """Share of the forecast below the outcome, inside (0, 1).

    Parameters
    ----------
    draws
        (n,) of the forecast, each equally probable.
    u
        Where among equal draws, and within the gap that n draws leave, the outcome counts: uniform in (0, 1), for a PIT
        that is uniform also with few draws.

    Examples
    --------
    >>> pit_of_draws([1.0, 2.0, 3.0], 2.5)
    0.625
    """
    values = np.asarray(draws, np.float64)
    _some(len(values))
    below, level = int((values < outcome).sum()), int((values == outcome).sum())
    return (below + u * (level + 1)) / (len(values) + 1)


def pit_of_quantiles(levels: Sequence[float], values: Sequence[float], outcome: float) -> float:
    """Level of the outcome between given quantiles, linearly; beyond the outermost half of what is left.

    >>> pit_of_quantiles([0.1, 0.5, 0.9], [10.0, 20.0, 40.0], 30.0)
    0.7
    """
    _some(len(levels))
    if outcome < values[0]:
        return 0.5 * levels[0]
    if outcome > values[-1]:
        return 0.5 * (1.0 + levels[-1])
    return float(np.interp(outcome, values, levels))


def crps_of_draws(draws: Floats | Sequence[float], outcome: float) -> float:
    """Continuous ranked probability score of equally probable draws, in the unit of the outcome; 0 is best.

    E|X − y| − ½ E|X − X′|, the second over pairs of different draws (the fair score, that does not favour few draws).

    >>> crps_of_draws([1.0, 3.0], 2.0)
    0.0
    >>> crps_of_draws([5.0], 3.0)
    2.0
    """
    values = np.sort(np.asarray(draws, np.float64))
    count = len(values)
    _some(count)
    away = float(np.mean(np.abs(values - outcome)))
    if count < 2:
        return away
    # Σ|xi − xj| over pairs from the ordered values.
    weights = 2.0 * np.arange(count) - count + 1.0
    return away - float((weights * values).sum()) / (count * (count - 1.0))


def crps_of_quantiles(levels: Sequence[float], values: Sequence[float], outcome: float) -> float:
    """CRPS from quantiles: twice the mean pinball loss, weighted by the levels that each quantile stands for.

    >>> round(crps_of_quantiles([0.25, 0.75], [1.0, 3.0], 2.0), 6)
    0.5
    """
    _some(len(levels))
    level, value = np.asarray(levels, np.float64), np.asarray(values, np.float64)
    edges = np.concatenate([[0.0], 0.5 * (level[1:] + level[:-1]), [1.0]])
    loss = (outcome - value) * (level - (outcome < value))
    return float(2.0 * (loss * np.diff(edges)).sum())


class Alarm(msgspec.Struct, frozen=True):
    """A chart passed its limit: at which forecast (from 0), and since which the sum had been growing."""

    drift: Drift
    at: int
    since: int


class Trust(msgspec.Struct, frozen=True):
    """What forecasts and outcomes say of the twin.

    Parameters
    ----------
    forecasts
        How many there were.
    run_length
        Forecasts between false alarms of a twin that is right, on average.
    limits, sums
        Of the four charts, that follow from it; where they stand after the last forecast; in the order of ``DRIFTS``.
    alarms
        In order; a chart begins anew after each.
    coverage_90
        Share of outcomes inside the central 90 %; NaN where there are none.
    uniform_p
        Of the Kolmogorov–Smirnov test that PITs are uniform.
    """

    forecasts: int
    run_length: float
    limits: tuple[float, float, float, float]
    sums: tuple[float, float, float, float]
    alarms: tuple[Alarm, ...]
    coverage_90: float
    uniform_p: float

    @property
    def drifted(self) -> bool:
        """Whether an alarm was raised."""
        return bool(self.alarms)


def trust(pits: Floats | Sequence[float], *, run_length: float = RUN_LENGTH) -> Trust:
    """Watch PITs in the order in which the outcomes became known.

    Parameters
    ----------
    pits
        (n,) in [0, 1].
    run_length
        Forecasts between false alarms, on average, of all four charts together.

    Raises
    ------
    RunParameterError

    Examples
    --------
    >>> trust([0.95] * 20).alarms[0].drift
    'late'
    """
    if not RUN_LENGTH_MIN <= run_length <= RUN_LENGTH_MAX:
        raise RunParameterError(name="run_length", value=run_length, low=RUN_LENGTH_MIN, high=RUN_LENGTH_MAX)
    values = np.asarray(pits, np.float64)
    if len(values) and not (np.all(values >= 0.0) and np.all(values <= 1.0)):
        raise RunParameterError(name="pits", value=float(values.min()), low=0.0, high=1.0)
    limit = limits(run_length)
    sums, since = [0.0] * 4, [0] * 4
    alarms = []
    for at, pit in enumerate(values):
        z = normal_quantile(min(1.0 - _PIT_LEAST, max(_PIT_LEAST, float(pit))))
        steps = (z - SHIFT, -z - SHIFT, _narrow(z), _wide(z))
        for k, step in enumerate(steps):
            sums[k] = max(0.0, sums[k] + step)
            if sums[k] == 0.0:
                since[k] = at + 1
            if sums[k] > limit[k]:
                alarms.append(Alarm(DRIFTS[k], at, since[k]))
                sums[k], since[k] = 0.0, at + 1
    inside = float(np.mean((values >= 0.05) & (values <= 0.95))) if len(values) else math.nan
    return Trust(
        forecasts=len(values),
        run_length=run_length,
        limits=limit,
        sums=(sums[0], sums[1], sums[2], sums[3]),
        alarms=tuple(alarms),
        coverage_90=inside,
        uniform_p=uniform_p_value(values),
    )


_WIDER = 2.0 * math.log(RATIO) / (1.0 - RATIO**-2)
_NARROWER = 2.0 * math.log(RATIO) / (RATIO**2 - 1.0)


def _narrow(z: float) -> float:
    """The log-likelihood ratio of outcomes spread ``RATIO`` times as wide as forecast, scaled to z²."""
    return (z * z - _WIDER) / 2.0


def _wide(z: float) -> float:
    return (_NARROWER - z * z) / 2.0


@lru_cache(maxsize=32)
def limits(run_length: float) -> tuple[float, float, float, float]:
    """Limits of the charts, in the order of ``DRIFTS``, for a run length of all four together.

    Each chart alone has four times that run length; alarms are rare enough to add up, and where two charts rise at
    once the true run length is a little longer.

    >>> late, early, narrow, wide = limits(500.0)
    >>> 4.5 < late < 6.5, late == early
    (True, True)
    """
    one = 4.0 * run_length

    def mean(x: float) -> float:
        return normal_cdf(x + SHIFT)

    def narrow(x: float) -> float:
        square = 2.0 * x + _WIDER
        return math.erf(math.sqrt(square / 2.0)) if square > 0.0 else 0.0

    def wide(x: float) -> float:
        square = _NARROWER - 2.0 * x
        return 1.0 - (math.erf(math.sqrt(square / 2.0)) if square > 0.0 else 0.0)

    late = _limit(mean, one)
    return late, late, _limit(narrow, one), _limit(wide, one)


def _limit(below: Callable[[float], float], run_length: float) -> float:
    low, high = 0.1, 2.0
    while run_length_of(below, high) < run_length:
        low, high = high, 2.0 * high
    for _ in range(30):
        middle = 0.5 * (low + high)
        if run_length_of(below, middle) < run_length:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def run_length_of(below: Callable[[float], float], limit: float) -> float:
    """Mean steps until a one-sided cumulative sum passes a limit, by a Markov chain of its values.

    Parameters
    ----------
    below
        The distribution function of a step.

    Examples
    --------
    >>> abs(run_length_of(lambda x: normal_cdf(x + 0.5), 4.0) - 336) < 2  # tables have 336
    True
    """
    width = 2.0 * limit / (2 * _STATES - 1)
    shares = np.array([below(width * (k + 0.5)) for k in range(-_STATES, _STATES)])
    i = np.arange(_STATES)
    # From state i to j: the step lies within half a width of (j − i)·width; to state 0 also from below.
    upper = shares[(i[None, :] - i[:, None]) + _STATES]
    lower = np.where(i[None, :] == 0, 0.0, shares[(i[None, :] - i[:, None]) + _STATES - 1])
    chain = upper - lower
    return float(np.linalg.solve(np.eye(_STATES) - chain, np.ones(_STATES))[0])


def uniform_p_value(pits: Floats | Sequence[float]) -> float:
    """Of the Kolmogorov–Smirnov test of uniform values; NaN where there are none.

    Source: Stephens, EDF statistics for goodness of fit (JASA 69, 1974), for the finite-sample factor.

    >>> uniform_p_value(np.linspace(0.005, 0.995, 100)) > 0.99
    True
    """
    values = np.sort(np.asarray(pits, np.float64))
    count = len(values)
    if not count:
        return math.nan
    number = np.arange(count)
    distance = float(max(np.max((number + 1) / count - values), np.max(values - number / count)))
    scaled = distance * (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count))
    if scaled < 0.3:
        return 1.0
    total = math.fsum((1.0 if k % 2 else -1.0) * math.exp(-2.0 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2.0 * total))


def _some(count: int) -> None:
    if not count:
        raise RunParameterError(name="draws", value=0, low=1, high=math.inf)
