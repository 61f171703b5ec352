"""The max-plus recursion: a serial line with blocking after service and operation-dependent failures, part by part.

With D(i, j) the time at which part i leaves station j, b(j) the places after it and P the time that a service with its
repairs takes, D(i, j) = max( max(D(i, j−1), D(i−1, j)) + P(i, j), D(i−b(j)−1, j+1) ): a part begins when it and the
machine are there, and leaves when there is room. No event list is needed, and no time is compared but these. The same
draws as in the event kernel give the same path, to the last bit.

Source: Altiok, Performance Analysis of Manufacturing Systems (1997), chapter 4; Dallery, Gershwin, Manufacturing flow
line systems (Queueing Systems 12, 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.twin.compiled import float_pointer, inlined, kernel, word_pointer
from gaugeblock.twin.errors import NotSerialError, RunParameterError
from gaugeblock.twin.layout import X_A, X_B, X_FIRST, X_KIND, X_WORDS, Z_KEY, Z_NEXT, Z_STEP, Z_WORDS
from gaugeblock.twin.line import FINISHED, Failures, Line, Station, Step
from gaugeblock.twin.report import BufferReport, LineReport, StationReport
from gaugeblock.twin.streams import REPAIR, SERVICE, UPTIME, drawn, place_of, stream_key
from gaugeblock.twin.validation import validate

PARTS_MAX, LOG_MAX = 10**12, 20_000_000
_SERVICE, _UP, _REPAIR = 0, X_WORDS, 2 * X_WORDS
_S_SERVICE = 3 * X_WORDS
_S_UP, _S_REPAIR = _S_SERVICE + Z_WORDS, _S_SERVICE + 2 * Z_WORDS
_CAPACITY = _S_REPAIR + Z_WORDS
_RING, _MASK, _FREE, _UPTIME = _CAPACITY + 1, _CAPACITY + 2, _CAPACITY + 3, _CAPACITY + 4
_BUSY, _DOWN, _BLOCKED, _STARVED, _STORED = (_UPTIME + 1 + k for k in range(5))
_WORDS = _STORED + 1
_COUNT, _STATIONS, _FLOW, _VALUES, _HEAD = 0, 1, 2, 3, 4


@inlined
def _next(i, f, record, times, stream):  # type: ignore[no-untyped-def]
    index = i[record + stream + Z_NEXT]
    i[record + stream + Z_NEXT] = index + 1
    x = record + times
    place = place_of(i[record + stream + Z_KEY], i[record + stream + Z_STEP], index)
    return drawn(i[x + X_KIND], f[x + X_A], f[x + X_B], f, i[_VALUES] + i[x + X_FIRST], place)


@kernel
def _through_failures(i, f, record, start, service):  # type: ignore[no-untyped-def]
    """When a service ends that one failure at least interrupts."""
    now, left, uptime = start, service, f[record + _UPTIME]
    while uptime < left:
        now += uptime
        left -= uptime
        repair = _next(i, f, record, _REPAIR, _S_REPAIR)
        f[record + _DOWN] += repair
        now += repair
        uptime = _next(i, f, record, _UP, _S_UP)
    f[record + _UPTIME] = uptime - left
    return now + left


@kernel
def _pass(i, f, parts, log):  # type: ignore[no-untyped-def]
    """So many more parts through all stations."""
    first, stations = i[_COUNT], i[_STATIONS]
    for part in range(first, first + parts):
        arrived = 0.0
        entered = 0.0
        for j in range(stations):
            record = _HEAD + j * _WORDS
            free = f[record + _FREE]
            start = max(arrived, free)
            service = _next(i, f, record, _SERVICE, _S_SERVICE)
            uptime = f[record + _UPTIME]
            if uptime < service:
                done = _through_failures(i, f, record, start, service)
            else:
                f[record + _UPTIME] = uptime - service
                done = start + service
            gone = done
            capacity = i[record + _CAPACITY]
            if capacity >= 0:
                after = record + _WORDS
                room = f[i[after + _RING] + ((part - capacity - 1) & i[after + _MASK])]
                gone = max(done, room)
            f[record + _BUSY] += service
            f[record + _BLOCKED] += gone - done
            if j == 0:
                entered = start
            else:
                f[record + _STARVED] += start - free
                f[record + _STORED] += start - arrived
            f[i[record + _RING] + (part & i[record + _MASK])] = gone
            f[record + _FREE] = gone
            arrived = gone
        f[_FLOW] += arrived - entered
        if part < len(log):
            log[part] = arrived
    i[_COUNT] = first + parts


@kernel
def pass_parts(words, parts, log):  # type: ignore[no-untyped-def]
    """So many more parts through the line in a block."""
    _pass(word_pointer(words), float_pointer(words), parts, log)


@dataclass(frozen=True)
class _Row:
    stations: tuple[Station, ...]
    steps: tuple[Step, ...]
    capacities: tuple[int, ...]
    names: tuple[str, ...]


def _row(line: Line) -> _Row:
    """The stations in the order in which parts pass them, if the recursion holds for the line."""
    if line.arrivals or line.orders or len(line.supplies) != 1 or set(line.supplies[0].products) != {line.products[0]}:
        raise NotSerialError(where=line.supplies[0].name if line.supplies else line.name)
    if len(line.products) != 1 or line.wip_max is not None:
        raise NotSerialError(where=line.name)
    stations = {station.name: station for station in line.stations}
    capacity = {buffer.name: -1 if buffer.capacity == "unlimited" else buffer.capacity for buffer in line.buffers}
    by_place: dict[str, Step] = {}
    for step in line.steps:
        station = stations[step.station]
        failures = station.failures
        plain = station.machines == 1 and station.blocking == "after_service" and station.calendar is None
        if failures is not None:
            plain = plain and failures.counts == "operating_time" and failures.crew is None
        outcomes = step.all_outcomes()
        one = len(outcomes) == 1 and len(outcomes[0].to) == 1 and outcomes[0].if_full == "wait"
        if not (plain and one and len(step.takes) == 1 and step.takes[0] not in by_place):
            raise NotSerialError(where=step.station)
        by_place[step.takes[0]] = step
    place = line.supplies[0].name
    steps: list[Step] = []
    names: list[str] = []
    while place != FINISHED:
        if place not in by_place or len(steps) == len(by_place):
            raise NotSerialError(where=place)
        steps.append(by_place[place])
        place = steps[-1].all_outcomes()[0].to[0]
        names.append(place)
    if len(steps) != len(line.stations) or len({step.station for step in steps}) != len(steps):
        raise NotSerialError(where=line.name)
    return _Row(
        tuple(stations[step.station] for step in steps),
        tuple(steps),
        tuple(capacity[name] for name in names[:-1]),
        tuple(names[:-1]),
    )


def is_serial(line: Line) -> bool:
    """Whether the recursion holds for a line."""
    try:
        _row(line)
    except NotSerialError:
        return False
    return True


class MaxPlusRun:
    """A serial line, advanced by parts.

    Raises
    ------
    NotSerialError
        Parallel machines, other blocking or failures, branches, several products, calendars, crews, orders.
    LineError

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Deterministic
    >>> from gaugeblock.twin.line import serial_line
    >>> run = MaxPlusRun(serial_line([Deterministic(t) for t in (2.0, 3.0, 1.5)], [1, 1]))
    >>> run.advance(100)
    >>> run.now
    303.5
    """

    def __init__(self, line: Line, seed: int = 1, replication: int = 0, log: int = 0) -> None:
        _within("log", log, 0, LOG_MAX)
        self.line = validate(line)
        self._row = _row(line)
        numbers = {station.name: number for number, station in enumerate(line.stations)}
        count = len(self._row.stations)
        rings = [1 << max(1, (max(capacity, 0) + 1).bit_length()) for capacity in (0, *self._row.capacities)]
        values: list[float] = []
        start = _HEAD + count * _WORDS
        words = np.zeros(start + sum(rings), np.int64)
        floats = words.view(np.float64)
        words[_STATIONS] = count
        for j, (station, step) in enumerate(zip(self._row.stations, self._row.steps, strict=True)):
            record = _HEAD + j * _WORDS
            failures: Failures | None = station.failures
            for position, times in (
                (_SERVICE, step.service),
                *(((_UP, failures.between), (_REPAIR, failures.repair)) if failures else ()),
            ):
                flat = times.flat()
                words[record + position + X_KIND] = flat.kind
                floats[record + position + X_A], floats[record + position + X_B] = flat.a, flat.b
                words[record + position + X_FIRST] = len(values)
                values.extend(flat.values)
            for position, purpose in ((_S_SERVICE, SERVICE), (_S_UP, UPTIME), (_S_REPAIR, REPAIR)):
                key, increment = stream_key(seed, replication, numbers[station.name], purpose)
                words[record + position + Z_KEY], words[record + position + Z_STEP] = key, increment
            words[record + _CAPACITY] = self._row.capacities[j] if j < count - 1 else -1
            words[record + _RING], words[record + _MASK] = start, rings[j] - 1
            start += rings[j]
            floats[record + _UPTIME] = math.inf
        words[_VALUES] = start
        self._words = np.concatenate([words, np.array(values, np.float64).view(np.int64)])
        self._floats = self._words.view(np.float64)
        for j, station in enumerate(self._row.stations):
            if station.failures is not None:
                record = _HEAD + j * _WORDS
                self._floats[record + _UPTIME] = first_uptime(self._words, record)
        self._log = np.zeros(log)
        self.begin_report()

    @property
    def now(self) -> float:
        """When the last part left."""
        return float(self._floats[_HEAD + (len(self._row.stations) - 1) * _WORDS + _FREE])

    @property
    def finished(self) -> int:
        """Parts so far."""
        return int(self._words[_COUNT])

    def advance(self, parts: int) -> None:
        """So many parts more."""
        _within("parts", parts, 0, PARTS_MAX)
        pass_parts(self._words, parts, self._log)

    def finish_times(self) -> npt.NDArray[np.float64]:
        """When each logged part was finished, (n,)."""
        return self._log[: self.finished].copy()

    def begin_report(self) -> None:
        """Reports count from here, as after a warm-up."""
        self._before = self._floats[: _HEAD + len(self._row.stations) * _WORDS].copy(), self.finished, self.now

    def report(self) -> LineReport:
        """Of the parts since :meth:`begin_report`: each counts with all its times, whenever they were."""
        before, finished, began = self._before
        time = self.now - began
        length = time if time > 0 else math.nan
        parts = self.finished - finished
        stations = []
        for j, station in enumerate(self._row.stations):
            record = _HEAD + j * _WORDS
            busy, down, blocked, starved = (
                float(self._floats[record + k] - before[record + k]) / length
                for k in (_BUSY, _DOWN, _BLOCKED, _STARVED)
            )
            stations.append(
                StationReport(station.name, busy, 0.0, blocked, starved, down, 0.0, blocked, starved, parts)
            )
        stored = [_HEAD + (j + 1) * _WORDS + _STORED for j in range(len(self._row.names))]
        flow = float(self._floats[_FLOW] - before[_FLOW])
        return LineReport(
            time=time,
            finished=parts,
            scrapped=0,
            lost=0,
            throughput=parts / length,
            wip=flow / length,
            flow_time=flow / parts if parts else math.nan,
            stations=tuple(stations),
            buffers=tuple(
                BufferReport(name, float(self._floats[k] - before[k]) / length)
                for name, k in zip(self._row.names, stored, strict=True)
            ),
            finished_of={self.line.products[0]: parts},
        )


@kernel
def first_uptime(words, record):  # type: ignore[no-untyped-def]
    """The uptime that a station begins with."""
    return _next(word_pointer(words), float_pointer(words), record, _UP, _S_UP)


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise RunParameterError(name=name, value=value, low=low, high=high)
