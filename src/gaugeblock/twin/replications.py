"""Many independent runs of a line, each by its own number: the same seed and number give the same run, anywhere.

A range of numbers is a piece of work for whoever runs it: two halves run apart and put together are the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.twin.errors import RunParameterError
from gaugeblock.twin.intervals import Interval, interval_of
from gaugeblock.twin.line import Line
from gaugeblock.twin.report import LineReport
from gaugeblock.twin.simulation import Simulation
from gaugeblock.twin.state import LineState
from gaugeblock.twin.tables import Tables, flatten

REPLICATIONS_MAX = 10_000_000
BATCHES_MAX = 100_000
STATES = ("busy", "setup", "blocked", "starved", "down", "off")

Progress = Callable[[int, int], None]


class StationSummary(msgspec.Struct, frozen=True):
    """A station's shares of time with their intervals, by name of the state."""

    name: str
    shares: dict[str, Interval]


class LineSummary(msgspec.Struct, frozen=True):
    """What several reports of one line say together."""

    throughput: Interval
    wip: Interval
    flow_time: Interval
    scrapped: Interval
    stations: tuple[StationSummary, ...]
    buffers: dict[str, Interval]


def summarise(reports: Sequence[LineReport], confidence: float = 0.95) -> LineSummary:
    """Intervals over reports that are independent of each other.

    Raises
    ------
    RunParameterError
        No report.
    """
    if not reports:
        raise RunParameterError(name="reports", value=0, low=1, high=REPLICATIONS_MAX)

    def over(value: Callable[[LineReport], float]) -> Interval:
        return interval_of([value(report) for report in reports], confidence)

    first = reports[0]
    return LineSummary(
        throughput=over(lambda r: r.throughput),
        wip=over(lambda r: r.wip),
        flow_time=over(lambda r: r.flow_time),
        scrapped=over(lambda r: float(r.scrapped)),
        stations=tuple(
            StationSummary(
                station.name,
                {state: over(lambda r, k=k, state=state: getattr(r.stations[k], state)) for state in STATES},  # type: ignore[misc]
            )
            for k, station in enumerate(first.stations)
        ),
        buffers={b.name: over(lambda r, k=k: r.buffers[k].mean) for k, b in enumerate(first.buffers)},  # type: ignore[misc]
    )


def replicate(
    line: Line | Tables,
    numbers: range,
    *,
    until: float,
    warm_up: float = 0.0,
    seed: int = 1,
    state: LineState | None = None,
    progress: Progress | None = None,
) -> list[LineReport]:
    """A report of each numbered run, from the warm-up's end until a time after the run's beginning.

    Parameters
    ----------
    until, warm_up
        Times from the beginning of each run, in the line's unit.
    progress
        Called with runs done and runs in all.

    Raises
    ------
    RunParameterError, LineError, DeadlockError, ShortSupplyError, QueueOverflowError

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Exponential
    >>> from gaugeblock.twin.line import serial_line
    >>> line = serial_line([Exponential(1.0)] * 2, [1])
    >>> whole = replicate(line, range(4), until=50.0)
    >>> whole == replicate(line, range(2), until=50.0) + replicate(line, range(2, 4), until=50.0)
    True
    """
    _within("replications", len(numbers), 1, REPLICATIONS_MAX)
    if not 0.0 <= warm_up < until:
        raise RunParameterError(name="until", value=until, low=warm_up, high=float("inf"))
    tables = line if isinstance(line, Tables) else flatten(line)
    reports = []
    for done, number in enumerate(numbers):
        run = Simulation(tables, seed, number, state)
        began = run.now
        if warm_up > 0.0:
            run.advance(until=began + warm_up)
            run.begin_report()
        run.advance(until=began + until)
        reports.append(run.report())
        if progress is not None:
            progress(done + 1, len(numbers))
    return reports


def completion_times(
    line: Line | Tables,
    numbers: range,
    *,
    parts: int,
    seed: int = 1,
    state: LineState | None = None,
    progress: Progress | None = None,
) -> npt.NDArray[np.float64]:
    """When each run has finished so many parts, on the line's clock, (runs,): their order statistics are a forecast."""
    _within("replications", len(numbers), 1, REPLICATIONS_MAX)
    tables = line if isinstance(line, Tables) else flatten(line)
    times = np.empty(len(numbers))
    for done, number in enumerate(numbers):
        run = Simulation(tables, seed, number, state)
        run.advance(parts=parts)
        times[done] = run.now
        if progress is not None:
            progress(done + 1, len(numbers))
    return times


def order_times(
    line: Line | Tables,
    numbers: range,
    *,
    until: float,
    seed: int = 1,
    state: LineState | None = None,
    progress: Progress | None = None,
) -> npt.NDArray[np.float64]:
    """When each order is complete in each run, (runs, orders); NaN where not by ``until``, on the line's clock."""
    _within("replications", len(numbers), 1, REPLICATIONS_MAX)
    tables = line if isinstance(line, Tables) else flatten(line)
    times = np.empty((len(numbers), len(tables.orders)))
    for done, number in enumerate(numbers):
        run = Simulation(tables, seed, number, state)
        run.advance(until=until)
        times[done] = run.order_times()
        if progress is not None:
            progress(done + 1, len(numbers))
    return times


def batch_means(
    line: Line | Tables,
    *,
    batches: int,
    parts: int,
    warm_up: int = 0,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[LineReport]:
    """Reports of successive batches of so many finished parts each, of one long run."""
    _within("batches", batches, 2, BATCHES_MAX)
    run = Simulation(line, seed)
    run.advance(parts=warm_up)
    reports = []
    for done in range(batches):
        run.begin_report()
        run.advance(parts=run.finished + parts)
        reports.append(run.report())
        if progress is not None:
            progress(done + 1, batches)
    return reports


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise RunParameterError(name=name, value=value, low=low, high=high)
