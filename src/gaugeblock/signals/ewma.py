"""The exponentially weighted moving average chart: small lasting shifts seen early.

zᵢ = λ xᵢ + (1 − λ) zᵢ₋₁ starts at the centre. While the process stands still, zᵢ has standard deviation
σ √(λ/(2 − λ) · (1 − (1 − λ)²ⁱ)), so that the limits, L times that around the centre, are narrow at first and reach
their width after a few values. A signal is a z outside its limits. Since when: z leaves for good the side it came
from at about the change, so the first value after z last stood on the other side of the centre is the estimate.

λ and L together set how often a still process alarms, the in-control average run length: λ = 0.2, L = 2.962 gives
one false alarm in 500 values. That figure knows the centre and deviation exactly; a baseline estimated from n values
alarms more often, and much more often below some fifty.

Sources: S. W. Roberts, Technometrics 1 (1959) 239–250; J. M. Lucas, M. S. Saccucci, Technometrics 32 (1990) 1–12;
D. Brook, D. A. Evans, Biometrika 59 (1972) 539–549; for the time of the change E. Nishina, J. Qual. Technol. 24 (1992).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.signals.distributions import normal_cdf
from gaugeblock.signals.errors import (
    BaselineFlatError,
    BaselineTooShortError,
    ChartParameterError,
    ChartValueError,
    SeriesTooLongError,
)

BASELINE_MIN = 20
VALUES_MAX = 1_000_000
SIGNALS_MAX = 1_000
LAMBDA = 0.2
WIDTH = 2.962
# Median absolute deviation and mean moving range of two, of a standard normal variable.
_MAD_OF_NORMAL = 0.674489750196082
_MOVING_RANGE_OF_NORMAL = 1.1283791670955126
_CELLS = 201

Direction = Literal["up", "down"]
BaselineMethod = Literal["median_mad", "mean_moving_range"]
Vector = npt.NDArray[np.float64]


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phase I: where the process stands and how it spreads while nothing is wrong.

    ``centre`` and ``deviation`` in the unit of the values, ``count`` the values it rests on.
    """

    centre: float
    deviation: float
    count: int
    method: BaselineMethod


class EwmaChart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chart: its baseline, weight λ in (0, 1] and limit width L in deviations of z."""

    baseline: Baseline
    weight: float = LAMBDA
    width: float = WIDTH

    def __post_init__(self) -> None:
        _check_range("λ", self.weight, 1e-4, 1.0)
        _check_range("L", self.width, 0.1, 10.0)

    def half_width(self, count: int) -> float:
        """Distance of the limits from the centre after ``count`` values, in the unit of the values.

        >>> chart = EwmaChart(Baseline(0.0, 1.0, 50, "median_mad"), weight=0.2, width=3.0)
        >>> round(chart.half_width(1), 4), round(chart.half_width(100), 4)
        (0.6, 1.0)
        """
        share = -math.expm1(2.0 * count * math.log1p(-self.weight)) if self.weight < 1.0 else 1.0
        return self.width * self.baseline.deviation * math.sqrt(self.weight / (2.0 - self.weight) * share)


class EwmaSignal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """z left its limits.

    ``at`` and ``since`` are positions in the series, from 0, missing values counted; ``since`` is the estimated
    first value of the changed process. ``value`` and ``limit`` are z and the limit it passed.
    """

    at: int
    since: int
    direction: Direction
    value: float
    limit: float


class EwmaState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything needed to carry on: kept between runs, it gives the same points as one run over all.

    ``position`` counts values seen, ``count`` those not missing; ``value`` is z (``None`` before the first);
    ``side`` the side of the centre on which z stands and ``side_since`` the position from which it does;
    ``outside`` the direction of a signal that is still standing.
    """

    position: int = 0
    count: int = 0
    value: float | None = None
    side: int = 0
    side_since: int = 0
    outside: Direction | None = None


class EwmaPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value's answer. ``value`` is z, unchanged at a missing value; ``signal`` only at the first value outside."""

    position: int
    missing: bool
    value: float
    low: float
    high: float
    outside: Direction | None
    signal: EwmaSignal | None


class EwmaRun(msgspec.Struct, frozen=True):
    """A series' answer: z and its limits for every position, the signals in order, and the state to carry on.

    ``signals`` holds at most :data:`SIGNALS_MAX`; ``signals_left_out`` says how many more there were.
    """

    value: Vector
    low: Vector
    high: Vector
    signals: tuple[EwmaSignal, ...]
    signals_left_out: int
    state: EwmaState


def found_baseline(values: npt.ArrayLike, method: BaselineMethod = "median_mad") -> Baseline:
    """Centre and deviation of in-control values.

    ``median_mad`` (median, and median absolute deviation scaled to the normal) is moved by neither a few outliers nor
    a burst; ``mean_moving_range`` (mean, and mean range of neighbours) sees the spread from value to value only, so
    that a slow drift within the baseline does not widen the limits. Missing values (NaN) are left out.

    Raises
    ------
    BaselineTooShortError, BaselineFlatError, ChartValueError, SeriesTooLongError

    Examples
    --------
    >>> found_baseline(np.r_[np.arange(21.0), 1e9]).centre
    10.5
    """
    series = _series(values)
    kept = series[~np.isnan(series)]
    if len(kept) < BASELINE_MIN:
        raise BaselineTooShortError(found=len(kept), needed=BASELINE_MIN)
    if method == "median_mad":
        centre = float(np.median(kept))
        deviation = float(np.median(np.abs(kept - centre))) / _MAD_OF_NORMAL
    else:
        centre = float(kept.mean())
        deviation = float(np.abs(np.diff(kept)).mean()) / _MOVING_RANGE_OF_NORMAL
    if not deviation > 0.0 or not math.isfinite(deviation):
        raise BaselineFlatError(found=len(kept))
    return Baseline(centre=centre, deviation=deviation, count=len(kept), method=method)


def step(chart: EwmaChart, state: EwmaState, value: float | None) -> tuple[EwmaState, EwmaPoint]:
    """The next value. ``None`` or NaN is missing: z, its limits and a standing signal stay as they were.

    Raises
    ------
    ChartValueError
        The value is infinite.

    Examples
    --------
    >>> chart = EwmaChart(Baseline(0.0, 1.0, 50, "median_mad"))
    >>> state = EwmaState()
    >>> for x in (0.1, -0.2, 4.0, 4.0):
    ...     state, point = step(chart, state, x)
    >>> point.outside, state.count
    ('up', 4)
    """
    centre = chart.baseline.centre
    position = state.position
    before = centre if state.value is None else state.value
    if value is None or math.isnan(value):
        half = chart.half_width(state.count)
        after = msgspec.structs.replace(state, position=position + 1)
        return after, EwmaPoint(position, True, before, centre - half, centre + half, state.outside, None)
    if math.isinf(value):
        raise ChartValueError(position=position)
    z = before + chart.weight * (value - before)
    count = state.count + 1
    half = chart.half_width(count)
    side = (z > centre) - (z < centre)
    side_since = state.side_since if side == state.side and state.count else position
    outside: Direction | None = "up" if z > centre + half else "down" if z < centre - half else None
    signal = None
    if outside is not None and outside != state.outside:
        limit = centre + half if outside == "up" else centre - half
        signal = EwmaSignal(at=position, since=side_since, direction=outside, value=z, limit=limit)
    after = EwmaState(position + 1, count, z, side, side_since, outside)
    return after, EwmaPoint(position, False, z, centre - half, centre + half, outside, signal)


def run(chart: EwmaChart, values: npt.ArrayLike, state: EwmaState | None = None) -> EwmaRun:
    """A whole series at once, from the beginning or from where ``state`` left off.

    Raises
    ------
    ChartValueError, SeriesTooLongError

    Examples
    --------
    >>> chart = EwmaChart(Baseline(0.0, 1.0, 50, "median_mad"))
    >>> found = run(chart, [0.3, -0.4, 0.1, -0.2] + [2.0] * 8)
    >>> found.signals[0].direction, found.signals[0].since, found.signals[0].at
    ('up', 4, 7)
    """
    state = EwmaState() if state is None else state
    series = _series(values, state.position)
    centre, weight = chart.baseline.centre, chart.weight
    present = ~np.isnan(series)
    # The recursion itself is the one thing that is not an array operation; in plain floats it is exact and the same
    # arithmetic as `step`.
    z = centre if state.value is None else state.value
    kept = []
    for x in series[present].tolist():
        z = z + weight * (x - z)
        kept.append(z)
    start = centre if state.value is None else state.value
    along = np.array([start, *kept])
    counts = np.cumsum(present)
    value = along[counts]
    half = _half_widths(chart, state.count + counts)
    low, high = centre - half, centre + half
    signals, state = _signals(centre, value, low, high, present, counts, state)
    return EwmaRun(value, low, high, tuple(signals[:SIGNALS_MAX]), max(0, len(signals) - SIGNALS_MAX), state)


def _signals(
    centre: float,
    value: Vector,
    low: Vector,
    high: Vector,
    present: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int64],
    state: EwmaState,
) -> tuple[list[EwmaSignal], EwmaState]:
    where = np.flatnonzero(present)
    if len(where) == 0:
        return [], msgspec.structs.replace(state, position=state.position + len(value))
    z = value[where]
    side = np.sign(z - centre).astype(np.int64)
    before = np.concatenate([[state.side if state.count else 2], side[:-1]])
    changed = np.where(side != before, np.arange(len(where)), -1)
    last = np.maximum.accumulate(changed)
    since = np.where(last >= 0, state.position + where[np.maximum(last, 0)], state.side_since)
    outside = np.where(z > high[where], 1, np.where(z < low[where], -1, 0))
    held = {None: 0, "up": 1, "down": -1}[state.outside]
    entered = (outside != 0) & (outside != np.concatenate([[held], outside[:-1]]))
    signals = [
        EwmaSignal(
            at=int(state.position + where[i]),
            since=int(since[i]),
            direction="up" if outside[i] > 0 else "down",
            value=float(z[i]),
            limit=float(high[where[i]] if outside[i] > 0 else low[where[i]]),
        )
        for i in np.flatnonzero(entered)
    ]
    directions: dict[int, Direction | None] = {0: None, 1: "up", -1: "down"}
    after = EwmaState(
        position=state.position + len(value),
        count=state.count + int(counts[-1]),
        value=float(z[-1]),
        side=int(side[-1]),
        side_since=int(since[-1]),
        outside=directions[int(outside[-1])],
    )
    return signals, after


def _half_widths(chart: EwmaChart, counts: npt.NDArray[np.int64]) -> Vector:
    # Equal to half_width to the last bit, and computed once a count while the limits still move.
    moving = math.ceil(40.0 / -math.log1p(-chart.weight)) if chart.weight < 1.0 else 1
    known = [chart.half_width(i) for i in range(min(int(counts.max(initial=0)), moving) + 1)]
    return np.asarray(known)[np.minimum(counts, len(known) - 1)]


def average_run_length(
    weight: float = LAMBDA, width: float = WIDTH, shift: float = 0.0, *, fixed_limits: bool = True
) -> float:
    """Values until a signal, on average, when the process has moved by ``shift`` deviations since the start.

    A Markov chain over cells between the limits. ``fixed_limits`` takes the limits at their final width, the figure
    that the literature tabulates; without, the limits widen as they do in :class:`EwmaChart`, and first values
    alarm somewhat sooner.

    Raises
    ------
    ChartParameterError

    Examples
    --------
    >>> round(average_run_length(0.2, 2.962)), round(average_run_length(0.2, 2.962, shift=1.0), 1)
    (500, 10.5)
    """
    _check_range("λ", weight, 0.01, 1.0)
    _check_range("L", width, 0.1, 10.0)
    _check_range("δ", shift, -20.0, 20.0)
    final = width * math.sqrt(weight / (2.0 - weight))
    cell = 2.0 * final / _CELLS
    middles = -final + cell * (np.arange(_CELLS) + 0.5)
    edges = np.concatenate([middles - cell / 2.0, [final]])
    reach = (edges[None, :] - (1.0 - weight) * middles[:, None]) / weight - shift
    cumulated = np.vectorize(normal_cdf, otypes=[np.float64])(reach)
    chain = np.diff(cumulated, axis=1)
    lengths = np.linalg.solve(np.eye(_CELLS) - chain, np.ones(_CELLS))
    start = _CELLS // 2
    if fixed_limits or weight >= 1.0:
        return float(lengths[start])
    # Limits move for this many values; cells that they cut are kept in the share that lies inside.
    moving = math.ceil(15.0 / -math.log1p(-weight))
    alive = np.zeros(_CELLS)
    alive[start] = 1.0
    total = 0.0
    for i in range(1, moving + 1):
        total += float(alive.sum())
        half = final * math.sqrt(-math.expm1(2.0 * i * math.log1p(-weight)))
        inside = np.clip((half - np.abs(middles)) / cell + 0.5, 0.0, 1.0)
        alive = (alive @ chain) * inside
    return total + float(alive @ lengths)


def _series(values: npt.ArrayLike, position: int = 0) -> Vector:
    series = np.asarray(values, dtype=np.float64).ravel()
    if len(series) > VALUES_MAX:
        raise SeriesTooLongError(found=len(series), limit=VALUES_MAX)
    infinite = np.flatnonzero(np.isinf(series))
    if len(infinite):
        raise ChartValueError(position=position + int(infinite[0]))
    return series


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ChartParameterError(name=name, value=value, low=low, high=high)
