"""Delivery dates: the distribution of each order's completion from the live line, and what became of it.

A forecast is stated as quantiles from 0.05 to 0.95. It is stated anew when it has changed materially: when the order
changed, when the probability of on time moved by :data:`ON_TIME_MOVED`, or when the median moved by
:data:`MEDIAN_MOVED` of the interval's width, so that the log holds what a customer would want to be told and not every
flicker.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.plant.production_facets import ForecastStatement, Quantile
from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.production.line_errors import ForecastHorizonError
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.start_state import Start
from gaugeblock.twin.trust import crps_of_quantiles, pit_of_quantiles

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
REPLICATIONS = 199
"""With so many the 5th, 10th … of a hundred are draws, and the interval of nine in ten holds exactly that."""
STRETCHES = 40
ON_TIME_MOVED = 0.1
MEDIAN_MOVED = 0.5
Floats = npt.NDArray[np.float64]


class OrderCompletion(msgspec.Struct, frozen=True):
    """An order's forecast on the model's clock; ``draws`` in rising order, equally probable."""

    order: str
    remaining: int
    due: float | None
    draws: tuple[float, ...]
    product: str | None = None

    @property
    def on_time(self) -> float | None:
        """Probability of completion by ``due``."""
        if self.due is None:
            return None
        return sum(draw <= self.due for draw in self.draws) / len(self.draws)

    def quantile(self, level: float) -> float:
        """Of the draws."""
        return float(np.quantile(np.array(self.draws), level, method="weibull"))


def completion_draws(
    start: Start, numbers: range, *, seed: int, stop: Callable[[], None] = lambda: None
) -> dict[str, Floats]:
    """When each order is complete, (replications,) on the model's clock: the last of its parts.

    Raises
    ------
    ForecastHorizonError
        An order does not end in :data:`STRETCHES` doublings of the first stretch.
    LineError, StateMismatchError, DeadlockError, ShortSupplyError
    """
    # Here, so that the plant's process starts without the kernels, and runs without them where they are missing.
    from gaugeblock.twin.simulation import Simulation
    from gaugeblock.twin.tables import flatten

    if not start.parts:
        return {}
    tables = flatten(start.line)
    names = [order.name for order in start.line.orders]
    columns = {order: [names.index(part) for part in parts] for order, parts in start.parts.items()}
    slowest = max(step.service.mean for step in start.line.steps)
    first = max(1.0, slowest * (sum(order.quantity for order in start.line.orders) + len(start.line.stations)))
    times = np.empty((len(numbers), len(names)))
    for row, number in enumerate(numbers):
        stop()
        run = Simulation(tables, seed, number, start.state)
        began, stretch = run.now, first
        for _ in range(STRETCHES):
            run.advance(until=began + stretch)
            times[row] = run.order_times()
            if not np.isnan(times[row]).any():
                break
            stretch *= 2.0
        else:
            late = names[int(np.argmax(np.isnan(times[row])))]
            raise ForecastHorizonError(order=late, horizon=round(stretch), unit=start.line.time_unit)
    return {order: times[:, own].max(axis=1) for order, own in columns.items()}


def completions(start: Start, draws: dict[str, Floats]) -> list[OrderCompletion]:
    """The forecasts of a start's orders."""
    orders = {order.name: order for order in start.line.orders}
    found = []
    for order, values in draws.items():
        parts = [orders[name] for name in start.parts[order]]
        found.append(
            OrderCompletion(
                order,
                sum(part.quantity for part in parts),
                parts[0].due,
                tuple(float(value) for value in np.sort(values)),
                parts[0].product,
            )
        )
    return found


def statement_of(model: LineModel, found: OrderCompletion) -> ForecastStatement:
    """As it is stated: quantiles as moments, rising."""
    values = np.maximum.accumulate([found.quantile(level) for level in LEVELS])
    on_time = found.on_time
    return ForecastStatement(
        completion=tuple(
            Quantile(level, to_rfc3339(model.at(float(value)))) for level, value in zip(LEVELS, values, strict=True)
        ),
        remaining=found.remaining,
        due=None if found.due is None else to_rfc3339(model.at(found.due)),
        on_time=None if on_time is None else round(on_time, 4),
    )


def changed_materially(before: ForecastStatement | None, now: ForecastStatement) -> bool:
    """Whether a customer would want to be told.

    >>> one = ForecastStatement((Quantile(0.5, "2026-01-01T00:00:00Z"),), 5)
    >>> changed_materially(None, one), changed_materially(one, one)
    (True, False)
    """
    if before is None or before.due != now.due:
        return True
    if abs((before.on_time or 0.0) - (now.on_time or 0.0)) >= ON_TIME_MOVED:
        return True
    old, new = seconds_of(before.completion), seconds_of(now.completion)
    width = max(max(old.values()) - min(old.values()), 1.0)
    if old.keys() != new.keys():
        return True
    return abs(new[0.5] - old[0.5]) >= MEDIAN_MOVED * width


def seconds_of(completion: Sequence[Quantile]) -> dict[float, float]:
    """Seconds since the epoch by probability."""
    return {q.probability: from_rfc3339(q.at).timestamp() for q in completion}


class Scored(msgspec.Struct, frozen=True):
    """A forecast against what happened: PIT in [0, 1], CRPS in s."""

    pit: float
    crps_s: float


def score(completion: Sequence[Quantile], completed_at: datetime) -> Scored:
    """Of a stated forecast.

    >>> at = [Quantile(p, f"2026-01-01T00:0{m}:00Z") for p, m in ((0.05, 1), (0.5, 2), (0.95, 5))]
    >>> score(at, from_rfc3339("2026-01-01T00:02:00Z")).pit
    0.5
    """
    values = seconds_of(completion)
    levels = sorted(values)
    ordered = [values[level] for level in levels]
    outcome = completed_at.timestamp()
    return Scored(pit=pit_of_quantiles(levels, ordered, outcome), crps_s=crps_of_quantiles(levels, ordered, outcome))


def model_sha256(model: LineModel) -> str:
    """Digest of the line's description, hex."""
    return hashlib.sha256(msgspec.json.encode(model.line, order="deterministic")).hexdigest()


def covered(pits: Sequence[float], low: float = 0.05, high: float = 0.95) -> int:
    """How many outcomes lay between two quantiles.

    >>> covered([0.5, 0.01, 0.9])
    2
    """
    return sum(low <= pit <= high for pit in pits)


def binomial_two_sided(hits: int, of: int, share: float) -> float:
    """Exact two-sided p-value: outcomes no likelier than the one seen.

    >>> round(binomial_two_sided(360, 400, 0.9), 2), binomial_two_sided(330, 400, 0.9) < 0.01
    (1.0, True)
    """
    logs = [
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(share) + (of - k) * math.log1p(-share)
        for k in range(of + 1)
    ]  # fmt: skip
    seen = logs[hits]
    return min(1.0, math.fsum(math.exp(each) for each in logs if each <= seen + 1e-9))
