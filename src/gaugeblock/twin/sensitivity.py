"""Which station holds the line back: every station made a little faster in turn, on the same luck.

The bottleneck is where the throughput grows most with the station's speed (Kuo, Lim, Meerkov 1996); indicators from
blocked and starved times only point at it. Buffers are asked in the same way: what would one more place bring?

Source: Kuo, Lim, Meerkov, "Bottlenecks in serial production lines: a system-theoretic approach", Mathematical Problems
in Engineering 2 (1996) 233-276.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gaugeblock.twin.changes import Change, changed
from gaugeblock.twin.intervals import Interval, interval_of
from gaugeblock.twin.line import Line
from gaugeblock.twin.state import LineState
from gaugeblock.twin.what_if import Plan, observe


class Sensitivity(msgspec.Struct, frozen=True):
    """What a change brings: the throughput's growth as a share of what it is, by paired replications."""

    kind: str
    name: str
    gain: Interval


class Sensitivities(msgspec.Struct, frozen=True, kw_only=True):
    """Of stations and buffers, the largest first.

    Parameters
    ----------
    faster
        By what share each station's times were shortened, one at a time.
    clear
        Whether the first station's gain is above the second's, at the interval's confidence, by their differences.
    """

    throughput: Interval
    stations: tuple[Sensitivity, ...]
    buffers: tuple[Sensitivity, ...]
    faster: float
    clear: bool


def sensitivities(
    line: Line,
    plan: Plan,
    *,
    faster: float = 0.05,
    confidence: float = 0.95,
    state: LineState | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sensitivities:
    """Of every station and every limited buffer.

    Raises
    ------
    RunParameterError, LineError

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Exponential
    >>> from gaugeblock.twin.line import serial_line
    >>> line = serial_line([Exponential(t) for t in (1.0, 1.5, 1.0)], [2, 2])
    >>> sensitivities(line, Plan(until=2000.0, warm_up=100.0, replications=4)).stations[0].name
    'station-2'
    """
    limited = [buffer.name for buffer in line.buffers if buffer.capacity != "unlimited"]
    asked = [("station", s.name, Change("service", s.name, repr(1.0 - faster))) for s in line.stations]
    asked += [("buffer", name, Change("buffer", name, "+1")) for name in limited]
    numbers = range(plan.replications)
    base = [report.throughput for report in observe(line, numbers, plan, state=state).reports]
    scale = sum(base) / len(base) or 1.0
    gains: dict[tuple[str, str], list[float]] = {}
    for done, (kind, name, change) in enumerate(asked):
        seen = observe(changed(line, [change]), numbers, plan, state=state)
        gains[kind, name] = [(r.throughput - b) / scale for r, b in zip(seen.reports, base, strict=True)]
        if progress is not None:
            progress(done + 1, len(asked))
    found = [Sensitivity(kind, name, interval_of(values, confidence)) for (kind, name), values in gains.items()]
    stations = sorted((s for s in found if s.kind == "station"), key=lambda s: -s.gain.mean)
    clear = True
    if len(stations) > 1:
        first, second = (gains["station", s.name] for s in stations[:2])
        clear = interval_of([a - b for a, b in zip(first, second, strict=True)], confidence).low > 0.0
    return Sensitivities(
        throughput=interval_of(base, confidence),
        stations=tuple(stations),
        buffers=tuple(sorted((s for s in found if s.kind == "buffer"), key=lambda s: -s.gain.mean)),
        faster=faster,
        clear=clear,
    )
