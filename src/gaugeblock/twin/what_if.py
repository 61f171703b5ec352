"""What if: two variants of a line on the same luck, and the difference with its interval.

Each replication draws from streams that belong to a station and a purpose, so a variant meets the same service times,
failures and repairs as the line it is compared with (common random numbers). The difference is taken within each
replication and its interval is Student's over the differences; where luck is shared it is much narrower than that of
two independent studies.

Source: Law, Simulation Modeling and Analysis (5th ed., 2015), chapters 10.2 and 11.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.twin.errors import RunParameterError
from gaugeblock.twin.intervals import Interval, interval_of
from gaugeblock.twin.line import Line
from gaugeblock.twin.report import LineReport
from gaugeblock.twin.state import LineState

if TYPE_CHECKING:
    from gaugeblock.twin.tables import Tables

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
REPLICATIONS_MAX = 10_000_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often a question is simulated.

    Parameters
    ----------
    until, warm_up
        From the beginning of each run, in the line's unit; counted from the warm-up's end.
    replications, seed
        The same seed and numbers give the same answers, whoever runs them.
    """

    until: float
    warm_up: float = 0.0
    replications: int = 200
    seed: int = 1

    def check(self) -> None:
        """Raises :class:`RunParameterError`."""
        if not 0.0 <= self.warm_up < self.until < math.inf:
            raise RunParameterError(name="until", value=self.until, low=self.warm_up, high=math.inf)
        if not 2 <= self.replications <= REPLICATIONS_MAX:
            raise RunParameterError(name="replications", value=self.replications, low=2, high=REPLICATIONS_MAX)


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """What each of a range of replications showed, in order of their numbers; two ranges put together are the whole.

    Parameters
    ----------
    reports
        Of the time counted.
    completed
        When each of the line's orders was complete, on the line's clock; ``None`` where not by the end.
    """

    reports: tuple[LineReport, ...]
    completed: tuple[tuple[float | None, ...], ...]

    def __add__(self, other: Observations) -> Observations:
        return Observations(reports=self.reports + other.reports, completed=self.completed + other.completed)


class Difference(msgspec.Struct, frozen=True):
    """One figure of the line as it is (A), as it would be (B), and B − A within replications."""

    name: str
    unit: str
    a: Interval
    b: Interval
    difference: Interval

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves zero out."""
        return self.difference.low > 0.0 or self.difference.high < 0.0


class OrderDifference(msgspec.Struct, frozen=True):
    """An order's probability of on time under A and B; ``None`` where it has no due date or is not in that variant."""

    order: str
    due: float | None
    on_time_a: float | None
    on_time_b: float | None
    difference: Interval | None
    median_a: float | None
    median_b: float | None


class Comparison(msgspec.Struct, frozen=True):
    """A against B."""

    figures: tuple[Difference, ...]
    orders: tuple[OrderDifference, ...]
    replications: int
    seed: int
    confidence: float


def observe(
    line: Line | Tables,
    numbers: range,
    plan: Plan,
    *,
    state: LineState | None = None,
    progress: Progress | None = None,
) -> Observations:
    """Run the replications of these numbers.

    Raises
    ------
    RunParameterError, LineError, StateMismatchError, DeadlockError, QueueOverflowError
    """
    # Here, so that questions and answers can be read without the kernels.
    from gaugeblock.twin.simulation import Simulation
    from gaugeblock.twin.tables import flatten

    plan.check()
    tables = flatten(line) if isinstance(line, Line) else line
    reports, completed = [], []
    for done, number in enumerate(numbers):
        run = Simulation(tables, plan.seed, number, state)
        began = run.now
        if plan.warm_up > 0.0:
            run.advance(until=began + plan.warm_up)
            run.begin_report()
        run.advance(until=began + plan.until)
        reports.append(run.report())
        completed.append(tuple(None if math.isnan(t) else float(t) for t in run.order_times()))
        if progress is not None:
            progress(done + 1, len(numbers))
    return Observations(reports=tuple(reports), completed=tuple(completed))


def compare(
    a: Line,
    b: Line,
    plan: Plan,
    *,
    state_a: LineState | None = None,
    state_b: LineState | None = None,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> Comparison:
    """A against B by common random numbers.

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Deterministic
    >>> from gaugeblock.twin.line import serial_line
    >>> slow, quick = (serial_line([Deterministic(1.0), Deterministic(t)], [2]) for t in (2.0, 1.0))
    >>> found = compare(slow, quick, Plan(until=100.0, warm_up=20.0, replications=2)).figures[0]
    >>> round(found.a.mean, 2), round(found.b.mean, 2), found.clear
    (0.5, 1.0, True)
    """

    def told(offset: int) -> Progress | None:
        if progress is None:
            return None
        return lambda done, total: progress(offset + done, 2 * total)

    numbers = range(plan.replications)
    seen_a = observe(a, numbers, plan, state=state_a, progress=told(0))
    seen_b = observe(b, numbers, plan, state=state_b, progress=told(plan.replications))
    return contrast(a, seen_a, b, seen_b, plan, confidence)


def contrast(
    a: Line, seen_a: Observations, b: Line, seen_b: Observations, plan: Plan, confidence: float = 0.95
) -> Comparison:
    """The comparison of observations that were made by the same plan.

    Raises
    ------
    RunParameterError
        They are not as many.
    """
    if len(seen_a.reports) != len(seen_b.reports) or len(seen_a.reports) < 2:
        raise RunParameterError(name="replications", value=len(seen_b.reports), low=2, high=len(seen_a.reports))

    def figure(name: str, unit: str, of: Callable[[LineReport], float]) -> Difference | None:
        first = [of(report) for report in seen_a.reports]
        second = [of(report) for report in seen_b.reports]
        # A run without a finished part has no flow time: the pair says nothing of it.
        kept = [(x, y) for x, y in zip(first, second, strict=True) if math.isfinite(x) and math.isfinite(y)]
        if len(kept) < 2:
            return None
        return Difference(
            name,
            unit,
            interval_of([x for x, _ in kept], confidence),
            interval_of([y for _, y in kept], confidence),
            interval_of([y - x for x, y in kept], confidence),
        )

    unit = a.time_unit
    figures = [
        figure("throughput", f"1/{unit}", lambda r: r.throughput),
        figure("finished", "1", lambda r: float(r.finished)),
        figure("wip", "1", lambda r: r.wip),
        figure("flow_time", unit, lambda r: r.flow_time),
        figure("scrapped", "1", lambda r: float(r.scrapped)),
    ]
    return Comparison(
        tuple(each for each in figures if each is not None),
        _orders(a, seen_a, b, seen_b, confidence),
        len(seen_a.reports),
        plan.seed,
        confidence,
    )


def on_time(line: Line, seen: Observations, order: str) -> Floats:
    """Whether the order was complete by its due date in each replication, (replications,): 0, 1; NaN without one."""
    position = next(k for k, each in enumerate(line.orders) if each.name == order)
    due = line.orders[position].due
    if due is None:
        return np.full(len(seen.completed), math.nan)
    times = [row[position] for row in seen.completed]
    return np.array([1.0 if time is not None and time <= due else 0.0 for time in times])


def _orders(
    a: Line, seen_a: Observations, b: Line, seen_b: Observations, confidence: float
) -> tuple[OrderDifference, ...]:
    names = [order.name for order in a.orders]
    names += [order.name for order in b.orders if order.name not in names]
    return tuple(_order(name, a, seen_a, b, seen_b, confidence) for name in names)


def _order(
    name: str, a: Line, seen_a: Observations, b: Line, seen_b: Observations, confidence: float
) -> OrderDifference:
    dues = [order.due for line in (a, b) for order in line.orders if order.name == name]
    hits = [
        on_time(line, seen, name) if any(o.name == name and o.due is not None for o in line.orders) else None
        for line, seen in ((a, seen_a), (b, seen_b))
    ]
    first, second = hits
    return OrderDifference(
        name,
        next((due for due in dues if due is not None), None),
        None if first is None else float(first.mean()),
        None if second is None else float(second.mean()),
        None if first is None or second is None else interval_of(list(second - first), confidence),
        _median(a, seen_a, name),
        _median(b, seen_b, name),
    )


def _median(line: Line, seen: Observations, name: str) -> float | None:
    position = next((k for k, order in enumerate(line.orders) if order.name == name), None)
    if position is None:
        return None
    times = sorted(math.inf if row[position] is None else _number(row[position]) for row in seen.completed)
    middle = times[(len(times) - 1) // 2]
    return middle if math.isfinite(middle) else None


def _number(value: float | None) -> float:
    assert value is not None, "the caller has looked"
    return value


def together(parts: Sequence[Observations]) -> Observations:
    """Pieces in the order of their numbers, as one."""
    return Observations(
        reports=tuple(report for part in parts for report in part.reports),
        completed=tuple(row for part in parts for row in part.completed),
    )
