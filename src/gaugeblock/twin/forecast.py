"""When orders will be complete: draws from the line's live state, and what they say about a due date.

An order is complete with its last good part. Each replication draws anew what is left of every service, uptime and
repair given what has elapsed, and, where a calibration is given instead of a line, the line's parameters too: then the
interval carries what the log left open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.twin.errors import RunParameterError
from gaugeblock.twin.line import Line, Order, Supply
from gaugeblock.twin.simulation import Simulation
from gaugeblock.twin.state import LineState
from gaugeblock.twin.tables import flatten

REPLICATIONS_MAX = 100_000
HORIZON_DOUBLINGS = 40
Progress = Callable[[int, int], None]
Drawn = Callable[[np.random.Generator], Line]


class OrderForecast(msgspec.Struct, frozen=True):
    """The distribution of one order's completion, on the line's clock.

    Parameters
    ----------
    draws
        In rising order, equally probable; infinite: not complete within the horizon.
    due
        Of the order.
    on_time
        Probability of completion by then; ``None`` without a due date.
    """

    order: str
    draws: tuple[float, ...]
    due: float | None
    on_time: float | None

    def quantile(self, level: float) -> float:
        """The time by which it is complete with this probability.

        >>> OrderForecast("o", (1.0, 2.0, 3.0), None, None).quantile(0.5)
        2.0
        """
        if not 0.0 <= level <= 1.0:
            raise RunParameterError(name="level", value=level, low=0.0, high=1.0)
        values = np.array(self.draws)
        if not np.isfinite(values).all():
            return float(values[min(len(values) - 1, math.ceil(level * len(values)))])
        return float(np.quantile(values, level, method="weibull"))

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Central interval."""
        return self.quantile(0.5 * (1.0 - confidence)), self.quantile(0.5 * (1.0 + confidence))


def forecast_completions(
    line: Line | Drawn,
    state: LineState | None,
    orders: Sequence[Order],
    *,
    replications: int = 1_000,
    seed: int = 1,
    horizon: float | None = None,
    progress: Progress | None = None,
) -> tuple[OrderForecast, ...]:
    """Forecast the completion of orders.

    Parameters
    ----------
    line
        The line, whose own orders are replaced; or ``Calibration.draw``, which gives one that the log does not rule out
        for each replication.
    state
        Where the line stands; ``None``: empty, at time zero.
    orders
        In the order of their release. The ``supply`` of each is one of the line's, or the buffer of its arrivals.
    horizon
        Time from now after which an order counts as not complete; ``None``: until all are.

    Raises
    ------
    RunParameterError, LineError, StateMismatchError, DeadlockError, ShortSupplyError

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Deterministic
    >>> from gaugeblock.twin.line import Supply, serial_line
    >>> line = serial_line([Deterministic(2.0), Deterministic(3.0)], [1])
    >>> line = msgspec.structs.replace(line, supplies=(Supply(name="raw"),))
    >>> orders = [Order(name="o", supply="raw", product="part", quantity=2, due=7.0)]
    >>> found = forecast_completions(line, None, orders, replications=2)
    >>> found[0].draws, found[0].on_time
    ((8.0, 8.0), 0.0)
    """
    if not 1 <= replications <= REPLICATIONS_MAX:
        raise RunParameterError(name="replications", value=replications, low=1, high=REPLICATIONS_MAX)
    if not orders:
        raise RunParameterError(name="orders", value=0, low=1, high=math.inf)
    generator = np.random.default_rng([seed, 2])
    fixed = None if callable(line) else flatten(_ordered(line, orders))
    draws = np.full((replications, len(orders)), np.inf)
    for number in range(replications):
        tables = fixed if fixed is not None else flatten(_ordered(line(generator), orders))  # type: ignore[operator]
        run = Simulation(tables, seed, number, state)
        draws[number] = _complete(run, horizon)
        if progress is not None:
            progress(number + 1, replications)
    return tuple(_forecast(order, draws[:, k]) for k, order in enumerate(orders))


def _ordered(line: Line, orders: Sequence[Order]) -> Line:
    """The line with these orders; what they name takes nothing else in, whether it was a supply or arrivals' buffer."""
    named = {order.supply for order in orders}
    supplies = tuple(msgspec.structs.replace(s, products=()) if s.name in named else s for s in line.supplies)
    arriving = dict.fromkeys(a.into for a in line.arrivals if a.into in named)
    return msgspec.structs.replace(
        line,
        supplies=(*supplies, *(Supply(name=name) for name in arriving)),
        arrivals=tuple(a for a in line.arrivals if a.into not in named),
        buffers=tuple(b for b in line.buffers if b.name not in arriving),
        orders=tuple(orders),
    )


def _complete(run: Simulation, horizon: float | None) -> npt.NDArray[np.float64]:
    """Advanced in stretches, each twice as long, until every order is complete."""
    began = run.now
    stretch = 1.0 if horizon is None else horizon
    times = run.order_times()
    for _ in range(HORIZON_DOUBLINGS if horizon is None else 1):
        if not np.isnan(times).any():
            break
        run.advance(until=began + stretch)
        times = run.order_times()
        stretch *= 2.0
    return np.where(np.isnan(times), np.inf, times)


def _forecast(order: Order, draws: npt.NDArray[np.float64]) -> OrderForecast:
    on_time = None if order.due is None else float(np.mean(draws <= order.due))
    return OrderForecast(order.name, tuple(float(value) for value in np.sort(draws)), order.due, on_time)
