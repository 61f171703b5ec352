"""A line is checked whole before anything runs: names, times, shares, routes that end, rooms that cannot deadlock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from gaugeblock.twin.distributions import Distribution
from gaugeblock.twin.errors import (
    CalendarError,
    CapacityError,
    DeadlockPossibleError,
    DuplicateNameError,
    LineTooLargeError,
    MakesError,
    RoomBeforeServiceError,
    RouteEndlessError,
    SharesError,
    StationIdleError,
    StepOutcomeError,
    TimeNotPositiveError,
    UnknownNameError,
)
from gaugeblock.twin.line import AGAIN, FINISHED, SCRAP, Line, Outcome, Station, Step

STATIONS_MAX, MACHINES_MAX, STEPS_MAX, BUFFERS_MAX, ORDERS_MAX = 1000, 5000, 5000, 5000, 100_000
CAPACITY_MAX = 1_000_000
SHARES_TOLERANCE = 1e-9

Place = tuple[str, str]
"""A buffer or supply, and a product."""


def validate(line: Line) -> Line:
    """The line itself, if nothing is wrong with it.

    Raises
    ------
    LineError
        Its leaves name what is wrong and where.

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Exponential
    >>> from gaugeblock.twin.line import serial_line
    >>> validate(serial_line([Exponential(1.0)] * 2, [1])).name
    'line'
    >>> validate(serial_line([Exponential(0.0)] * 2, [1]))
    Traceback (most recent call last):
    ...
    gaugeblock.twin.errors.TimeNotPositiveError: station-1, part, service: mean is 0.0; a time must be above zero. \
Give a positive time, or leave the step out.
    """
    _sizes(line)
    _names(line)
    for where, times in _all_times(line):
        times.check(where)
    for station in line.stations:
        _station(line, station)
    for step in line.steps:
        _step(step)
    _calendars(line)
    _routes_end(line)
    _no_deadlock(line)
    return line


def where_of(step: Step) -> str:
    """How errors name a step."""
    return f"{step.station}, {step.product}"


def _sizes(line: Line) -> None:
    for what, found, limit in (
        ("station", len(line.stations), STATIONS_MAX),
        ("machines", sum(max(0, station.machines) for station in line.stations), MACHINES_MAX),
        ("step", len(line.steps), STEPS_MAX),
        ("buffer", len(line.buffers), BUFFERS_MAX),
        ("order", len(line.orders), ORDERS_MAX),
    ):
        if found > limit:
            raise LineTooLargeError(what=what, found=found, limit=limit)
    for buffer in line.buffers:
        if buffer.capacity != "unlimited" and not 0 <= buffer.capacity <= CAPACITY_MAX:
            raise CapacityError(where=buffer.name, value=buffer.capacity, low=0)
    for where, value in (
        *((station.name, station.machines) for station in line.stations),
        *((crew.name, crew.size) for crew in line.crews),
        *((("wip_max", line.wip_max),) if line.wip_max is not None else ()),
    ):
        if value < 1:
            raise CapacityError(where=where, value=value, low=1)


def _names(line: Line) -> None:
    # Buffers and supplies are both places that a step takes from.
    for group in (
        line.products,
        [station.name for station in line.stations],
        [*(buffer.name for buffer in line.buffers), *(supply.name for supply in line.supplies), FINISHED, SCRAP, AGAIN],
        [arrivals.name for arrivals in line.arrivals],
        [order.name for order in line.orders],
        [calendar.name for calendar in line.calendars],
        [crew.name for crew in line.crews],
    ):
        seen: set[str] = set()
        for name in group:
            if name in seen:
                raise DuplicateNameError(name=name)
            seen.add(name)
    buffers = {buffer.name for buffer in line.buffers}
    supplies = {supply.name for supply in line.supplies}
    products = set(line.products)
    stations = {station.name for station in line.stations}
    for step in line.steps:
        where = where_of(step)
        _known(where, [step.station], stations)
        _known(where, step.takes, buffers | supplies)
        _known(where, [step.product], products)
        for outcome in step.all_outcomes():
            _known(where, outcome.to, buffers | {FINISHED, SCRAP, AGAIN})
            _known(where, outcome.makes or (), products)
    for supply in line.supplies:
        _known(supply.name, supply.products, products)
    for arrivals in line.arrivals:
        _known(arrivals.name, [arrivals.into], buffers)
        _known(arrivals.name, [arrivals.product], products)
    for order in line.orders:
        _known(order.name, [order.supply], {supply.name for supply in line.supplies if not supply.products})
        _known(order.name, [order.product], products)
    for station in line.stations:
        _known(station.name, [station.calendar] if station.calendar else [], {c.name for c in line.calendars})
        crew = station.failures.crew if station.failures else None
        _known(station.name, [crew] if crew else [], {c.name for c in line.crews})
        for change in station.setup.changes if station.setup else ():
            _known(station.name, [change.after, change.before], products)


def _known(where: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownNameError(where=where, name=name, known=", ".join(sorted(known)[:20]) or "–")


def _all_times(line: Line) -> Iterator[tuple[str, Distribution]]:
    for step in line.steps:
        yield f"{where_of(step)}, service", step.service
    for station in line.stations:
        if station.failures is not None:
            yield f"{station.name}, between", station.failures.between
            yield f"{station.name}, repair", station.failures.repair
        if station.setup is not None:
            yield f"{station.name}, setup", station.setup.time
            for change in station.setup.changes:
                yield f"{station.name}, setup {change.after} → {change.before}", change.time
    for arrivals in line.arrivals:
        yield f"{arrivals.name}, every", arrivals.every


def _station(line: Line, station: Station) -> None:
    own = [step for step in line.steps if step.station == station.name]
    if not own:
        raise StationIdleError(station=station.name)
    capacity = {buffer.name: buffer.capacity for buffer in line.buffers}
    for outcome in (outcome for step in own for outcome in step.all_outcomes()):
        if station.blocking == "before_service" or outcome.if_full == "scrap":
            for name in outcome.to:
                if capacity.get(name) == 0:
                    raise RoomBeforeServiceError(station=station.name, buffer=name)


def _step(step: Step) -> None:
    where = where_of(step)
    if (step.to is None) == (not step.outcomes) or len(set(step.takes)) != len(step.takes):
        raise StepOutcomeError(where=where)
    outcomes = step.all_outcomes()
    total = math.fsum(outcome.share for outcome in outcomes)
    if abs(total - 1.0) > SHARES_TOLERANCE or any(not 0.0 <= outcome.share <= 1.0 for outcome in outcomes):
        raise SharesError(where=where, sum=total)
    for outcome in outcomes:
        if AGAIN in outcome.to and len(outcome.to) > 1:
            raise StepOutcomeError(where=where)
        if outcome.makes is not None and len(outcome.makes) != len(outcome.to):
            raise MakesError(where=where, makes=len(outcome.makes), to=len(outcome.to))


def _calendars(line: Line) -> None:
    for calendar in line.calendars:
        if not (math.isfinite(calendar.period) and calendar.period > 0):
            raise TimeNotPositiveError(where=calendar.name, name="period", value=calendar.period)
        edges = [edge for stretch in calendar.work for edge in stretch]
        rising = all(a < b for a, b in zip(edges[::2], edges[1::2], strict=True)) and all(
            a <= b for a, b in zip(edges[1:-1:2], edges[2::2], strict=True)
        )
        if not edges or not rising or edges[0] < 0 or edges[-1] > calendar.period:
            raise CalendarError(calendar=calendar.name)


def made(step: Step, outcome: Outcome) -> tuple[str, ...]:
    """The product at each of an outcome's destinations."""
    return outcome.makes or (step.product,) * len(outcome.to)


def _routes_end(line: Line) -> None:
    """From every place that parts reach, some way with a positive share leads to the end."""
    takers: dict[Place, list[Step]] = {}
    anything: dict[str, list[Step]] = {}
    for step in line.steps:
        takers.setdefault((step.takes[0], step.product), []).append(step)
        for other in step.takes[1:]:
            anything.setdefault(other, []).append(step)

    def steps_at(place: Place) -> list[Step]:
        return takers.get(place, []) + anything.get(place[0], [])

    def next_places(step: Step) -> Iterator[Place]:
        for outcome in step.all_outcomes():
            if outcome.share > 0:
                yield from zip(outcome.to, made(step, outcome), strict=True)

    starts: list[Place] = [(arrivals.into, arrivals.product) for arrivals in line.arrivals]
    starts += [(supply.name, product) for supply in line.supplies for product in supply.products]
    starts += [(order.supply, order.product) for order in line.orders]
    reached: dict[Place, list[Place]] = {}
    todo = list(starts)
    while todo:
        place = todo.pop()
        if place in reached or place[0] in (FINISHED, SCRAP, AGAIN):
            continue
        steps = steps_at(place)
        if not steps:
            raise RouteEndlessError(where=place[0], product=place[1])
        reached[place] = [target for step in steps for target in next_places(step)]
        todo += reached[place]
    ending = {place for place, targets in reached.items() if any(t[0] in (FINISHED, SCRAP) for t in targets)}
    grown = True
    while grown:
        more = {place for place, targets in reached.items() if place not in ending and ending.intersection(targets)}
        grown = bool(more)
        ending |= more
    for place in reached:
        if place not in ending:
            raise RouteEndlessError(where=place[0], product=place[1])


def _no_deadlock(line: Line) -> None:
    """A ring of stations, each able to wait for room before the next, can fill up and stand for ever.

    It cannot where one of its buffers is unlimited or scraps what does not fit, or where ``wip_max`` is smaller than
    the places of the ring.
    """
    capacity = {buffer.name: buffer.capacity for buffer in line.buffers}
    takers: dict[str, set[str]] = {}
    for step in line.steps:
        for name in step.takes:
            takers.setdefault(name, set()).add(step.station)
    waits: dict[str, dict[str, str]] = {station.name: {} for station in line.stations}
    for step in line.steps:
        for outcome in step.all_outcomes():
            for name in outcome.to if outcome.if_full == "wait" and outcome.share > 0 else ():
                if name in capacity and capacity[name] != "unlimited":
                    for taker in takers.get(name, ()):
                        waits[step.station].setdefault(taker, name)
    machines = {station.name: station.machines for station in line.stations}
    for start in waits:
        ring = _shortest_ring(waits, start)
        if ring:
            buffers = [waits[a][b] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
            places = sum(machines[name] for name in ring) + sum(int(capacity[name]) for name in buffers)
            if line.wip_max is None or line.wip_max >= places:
                way = [part for pair in zip(ring, buffers, strict=True) for part in pair]
                raise DeadlockPossibleError(cycle=" → ".join([*way, ring[0]]), places=places)


def _shortest_ring(waits: dict[str, dict[str, str]], start: str) -> list[str]:
    """Breadth first from ``start`` back to it."""
    came: dict[str, str] = {}
    todo = [start]
    for name in todo:
        for after in waits[name]:
            if after == start:
                ring = [name]
                while ring[-1] != start:
                    ring.append(came[ring[-1]])
                return ring[::-1]
            if after not in came:
                came[after] = name
                todo.append(after)
    return []
