"""The reference engine: the rules of a line in plain Python, slow and obvious, against which the kernels are tested.

Parts, machines and buffers are objects, queues are lists, the next event is found by looking at all of them, and after
each event everything is looked at again until nothing can start. Only the random draws are those of the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from gaugeblock.twin.distributions import Distribution
from gaugeblock.twin.line import AGAIN, FINISHED, SCRAP, Arrivals, Calendar, Line, Order, Outcome, Station, Step, Supply
from gaugeblock.twin.streams import ARRIVAL, OUTCOME, REPAIR, SERVICE, SETUP, UPTIME, draw, stream_key, uniform
from gaugeblock.twin.tables import Floats
from gaugeblock.twin.validation import made, validate


@dataclass
class _Part:
    product: str
    entered: float
    order: str | None


class _Stream:
    """One stream, drawn from one by one."""

    def __init__(self, seed: int, replication: int, owner: int, purpose: int) -> None:
        self.key, self.count = stream_key(seed, replication, owner, purpose), 0

    def time(self, times: Distribution) -> float:
        flat = times.flat()
        values: Floats = np.array(flat.values, np.float64)
        self.count += 1
        return float(draw(flat.kind, float(flat.a), float(flat.b), values, 0, *self.key, self.count - 1))

    def uniform(self) -> float:
        self.count += 1
        return float(uniform(*self.key, self.count - 1))


@dataclass
class _Buffer:
    name: str
    capacity: float
    parts: list[_Part] = field(default_factory=list)
    reserved: int = 0
    waiting: list[_Machine] = field(default_factory=list)
    area: float = 0.0

    def room(self) -> bool:
        return len(self.parts) + self.reserved < self.capacity


@dataclass(eq=False)
class _Machine:
    station: Station
    number: int
    status: str = "starved"
    down: bool = False
    off: bool = False
    running: bool = False
    left: float = 0.0
    began: float = 0.0
    uptime: float = math.inf
    fails_at: float = math.inf
    repaired_at: float = math.inf
    step: Step | None = None
    part: _Part | None = None
    outcome: Outcome | None = None
    out: list[tuple[str, _Part]] = field(default_factory=list)
    to_reserve: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    last_product: str | None = None
    shares: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def operating(self) -> bool:
        failures = self.station.failures
        return failures is not None and failures.counts == "operating_time"

    @property
    def takes(self) -> bool:
        failures = self.station.failures
        return not self.off and (not self.down or (failures is not None and failures.takes_when_down))

    def next_event(self) -> float:
        """Of its work: an end, or a failure that counts operating time, or the repair of such."""
        if self.operating and self.down:
            return self.repaired_at
        if not self.running:
            return math.inf
        if self._breaks():
            return self.began + self.uptime
        return self.began + self.left

    def _breaks(self) -> bool:
        return self.operating and self.status == "busy" and self.uptime < self.left


class _Supply:
    def __init__(self, supply: Supply, orders: list[Order]) -> None:
        self.entries: list[tuple[str, int, str | None, float]] = [(p, 1, None, 0.0) for p in supply.products]
        self.repeats = bool(supply.products)
        if not self.repeats:
            self.entries = [(o.product, o.quantity, o.name, o.release) for o in orders if o.supply == supply.name]
        self.at = self.taken = 0
        self.owed: dict[int, int] = {}

    def ready(self, now: float) -> int | None:
        """Which entry the next part comes from."""
        if self.owed:
            return min(self.owed)
        if self.at < len(self.entries) and self.entries[self.at][3] <= now:
            return self.at
        return None

    def take(self, now: float) -> _Part:
        entry = self.ready(now)
        assert entry is not None
        if entry in self.owed:
            self.owed[entry] -= 1
            if not self.owed[entry]:
                del self.owed[entry]
        else:
            self.taken += 1
            if self.taken == self.entries[self.at][1]:
                self.at, self.taken = self.at + 1, 0
                if self.at == len(self.entries) and self.repeats:
                    self.at = 0
        return _Part(self.entries[entry][0], now, self.entries[entry][2])


@dataclass
class _Arriving:
    arrivals: Arrivals
    stream: _Stream
    at: float


@dataclass
class _Shifts:
    """A calendar's next change, as (cycle, edge)."""

    calendar: Calendar
    cycle: int
    edge: int

    def next_event(self) -> float:
        return self.cycle * self.calendar.period + self.edges()[self.edge]

    def edges(self) -> list[float]:
        return [edge for stretch in self.calendar.work for edge in stretch]


class ReferenceLine:
    """A line from time zero, empty.

    Parameters
    ----------
    seed, replication
        As for :class:`gaugeblock.twin.simulation.Simulation`; the path is the same.
    """

    def __init__(self, line: Line, seed: int = 1, replication: int = 0) -> None:
        self.line, self.now = validate(line), 0.0
        self.finished: list[tuple[float, _Part]] = []
        self.scrapped: list[_Part] = []
        self.lost = self.inside = 0
        self.wip_area = 0.0
        self.orders_left = {order.name: order.quantity for order in line.orders}
        self.order_done = {order.name: math.nan for order in line.orders}
        self.buffers = {
            b.name: _Buffer(b.name, math.inf if b.capacity == "unlimited" else b.capacity) for b in line.buffers
        }
        self.supplies = {s.name: _Supply(s, list(line.orders)) for s in line.supplies}
        self.order_supply = {o.name: o.supply for o in line.orders}
        self.machines = {s.name: [_Machine(s, k) for k in range(s.machines)] for s in line.stations}
        self.crews = {crew.name: crew.size for crew in line.crews}
        self.crew_queue: dict[str, list[_Machine]] = {crew.name: [] for crew in line.crews}
        self.streams = {
            (station.name, purpose): _Stream(seed, replication, number, purpose)
            for number, station in enumerate(line.stations)
            for purpose in (SERVICE, SETUP, UPTIME, REPAIR, OUTCOME)
        }
        self.shifts = [self._opened(calendar) for calendar in line.calendars]
        for machine in self._all():
            failures = machine.station.failures
            if failures is not None:
                machine.uptime = self.streams[machine.station.name, UPTIME].time(failures.between)
                if not machine.operating:
                    machine.fails_at = machine.uptime
        self.arriving = []
        for number, arrivals in enumerate(line.arrivals):
            stream = _Stream(seed, replication, number, ARRIVAL)
            self.arriving.append(_Arriving(arrivals, stream, stream.time(arrivals.every)))
        self._settle()

    def _all(self) -> Iterator[_Machine]:
        for station in self.line.stations:
            yield from self.machines[station.name]

    def _opened(self, calendar: Calendar) -> _Shifts:
        shifts = _Shifts(calendar, 0, 0)
        while shifts.edge < len(shifts.edges()) and shifts.edges()[shifts.edge] <= 0.0:
            shifts.edge += 1
        for station in self.line.stations:
            if station.calendar == calendar.name and shifts.edge % 2 == 0:
                for machine in self.machines[station.name]:
                    machine.off = True
        if shifts.edge == len(shifts.edges()):
            shifts.cycle, shifts.edge = 1, 0
        return shifts

    def run(self, parts: int, until: float = math.inf) -> None:
        """Until so many parts are finished, or until a time, or until nothing can happen."""
        while len(self.finished) < parts:
            time, act = self._next()
            if time > until or math.isinf(time):
                self._pass_time(until if math.isfinite(until) else self.now)
                return
            self._pass_time(time)
            act()
            self._settle()

    def _next(self) -> tuple[float, Callable[[], None]]:
        """The earliest event; of equal times, in this order."""
        events: list[tuple[float, Callable[[], None]]] = []
        for supply in self.supplies.values():
            release = supply.entries[supply.at][3] if supply.at < len(supply.entries) else math.inf
            events.append((release if release > self.now else math.inf, self._nothing))
        events += [(m.next_event(), partial(self._work, m)) for m in self._all()]
        events += [(min(m.fails_at, m.repaired_at), partial(self._clock, m)) for m in self._all() if not m.operating]
        events += [(a.at, partial(self._arrive, a)) for a in self.arriving]
        events += [(s.next_event(), partial(self._shift, s)) for s in self.shifts]
        return min(events, key=lambda event: event[0])

    def _pass_time(self, time: float) -> None:
        length = time - self.now
        for machine in self._all():
            condition = "down" if machine.down else "off" if machine.off else "up"
            key = (machine.status, condition)
            machine.shares[key] = machine.shares.get(key, 0.0) + length
        for buffer in self.buffers.values():
            buffer.area += len(buffer.parts) * length
        self.wip_area += self.inside * length
        self.now = time

    # ── events ──

    def _nothing(self) -> None:
        """An order is released: what can start is seen anyway."""

    def _work(self, m: _Machine) -> None:
        if m.down:
            self._repaired(m)
        elif m._breaks():
            m.left -= m.uptime
            m.running, m.down = False, True
            self._call_crew(m)
        else:
            m.running = False
            if m.status == "setup":
                self._begin(m)
            else:
                m.uptime -= m.left
                self._served(m)

    def _served(self, m: _Machine) -> None:
        if m.station.blocking == "after_service":
            self._choose(m)
        assert m.outcome is not None
        if m.outcome.to == (AGAIN,):
            self._begin(m)
        else:
            assert m.step is not None
            assert m.part is not None
            products = made(m.step, m.outcome)
            m.out = [
                (to, _Part(product, m.part.entered, m.part.order if k == 0 else None))
                for k, (to, product) in enumerate(zip(m.outcome.to, products, strict=True))
            ]
            self._unload(m)

    def _clock(self, m: _Machine) -> None:
        if m.down:
            self._repaired(m)
        else:
            m.fails_at = math.inf
            self._stop(m)
            m.down = True
            self._call_crew(m)

    def _call_crew(self, m: _Machine) -> None:
        assert m.station.failures is not None
        crew = m.station.failures.crew
        if crew is None:
            self._repair(m)
        elif self.crews[crew]:
            self.crews[crew] -= 1
            self._repair(m)
        else:
            self.crew_queue[crew].append(m)

    def _repair(self, m: _Machine) -> None:
        assert m.station.failures is not None
        m.repaired_at = self.now + self.streams[m.station.name, REPAIR].time(m.station.failures.repair)

    def _repaired(self, m: _Machine) -> None:
        failures = m.station.failures
        assert failures is not None
        m.down, m.repaired_at = False, math.inf
        m.uptime = self.streams[m.station.name, UPTIME].time(failures.between)
        if not m.operating:
            m.fails_at = self.now + m.uptime
        if failures.crew is not None:
            if self.crew_queue[failures.crew]:
                self._repair(self.crew_queue[failures.crew].pop(0))
            else:
                self.crews[failures.crew] += 1
        self._run(m)

    def _arrive(self, a: _Arriving) -> None:
        buffer = self.buffers[a.arrivals.into]
        if buffer.room():
            self.inside += 1
            buffer.parts.append(_Part(a.arrivals.product, self.now, None))
        else:
            self.lost += 1
        a.at = self.now + a.stream.time(a.arrivals.every)

    def _shift(self, s: _Shifts) -> None:
        on = s.edge % 2 == 0
        for machine in self._all():
            if machine.station.calendar == s.calendar.name:
                if not on:
                    self._stop(machine)
                machine.off = not on
                self._run(machine)
        s.edge += 1
        if s.edge == len(s.edges()):
            s.cycle, s.edge = s.cycle + 1, 0

    # ── machines ──

    def _stop(self, m: _Machine) -> None:
        if m.running:
            worked = self.now - m.began
            m.left = max(0.0, m.left - worked)
            if m.operating and m.status == "busy":
                m.uptime = max(0.0, m.uptime - worked)
            m.running = False

    def _run(self, m: _Machine) -> None:
        if m.status in ("busy", "setup") and not m.down and not m.off and not m.running:
            m.running, m.began = True, self.now

    def _begin(self, m: _Machine) -> None:
        assert m.part is not None
        m.last_product = m.part.product
        m.held = []
        if m.station.blocking == "before_service":
            self._choose(m)
            assert m.outcome is not None
            wanted = [to for to in m.outcome.to if to in self.buffers]
            m.to_reserve = wanted if m.outcome.if_full == "wait" else []
            self._reserve(m)
        else:
            self._serve(m)

    def _choose(self, m: _Machine) -> None:
        assert m.step is not None
        outcomes = m.step.all_outcomes()
        m.outcome = outcomes[-1]
        if len(outcomes) > 1:
            u, upto = self.streams[m.station.name, OUTCOME].uniform(), 0.0
            for outcome in outcomes[:-1]:
                upto += outcome.share
                if u < upto:
                    m.outcome = outcome
                    break

    def _reserve(self, m: _Machine) -> None:
        while m.to_reserve:
            buffer = self.buffers[m.to_reserve[0]]
            if not buffer.room():
                m.status = "blocked"
                buffer.waiting.append(m)
                return
            buffer.reserved += 1
            m.held.append(m.to_reserve.pop(0))
        self._serve(m)

    def _serve(self, m: _Machine) -> None:
        assert m.step is not None
        m.left = self.streams[m.station.name, SERVICE].time(m.step.service)
        m.status = "busy"
        self._run(m)

    def _unload(self, m: _Machine) -> None:
        assert m.outcome is not None
        while m.out:
            to, part = m.out[0]
            if to == FINISHED:
                self._leaves(part, good=True)
            elif to == SCRAP:
                self._leaves(part, good=False)
            elif m.held or self.buffers[to].room():
                if m.held:
                    self.buffers[m.held.pop(0)].reserved -= 1
                self.buffers[to].parts.append(part)
            elif m.outcome.if_full == "scrap":
                self._leaves(part, good=False)
            else:
                m.status = "blocked"
                self.buffers[to].waiting.append(m)
                return
            m.out.pop(0)
        m.status, m.part = "starved", None

    def _leaves(self, part: _Part, good: bool) -> None:
        self.inside -= 1
        if good:
            self.finished.append((self.now, part))
            if part.order is not None:
                self.orders_left[part.order] -= 1
                if self.orders_left[part.order] == 0:
                    self.order_done[part.order] = self.now
        else:
            self.scrapped.append(part)
            if part.order is not None:
                supply = self.supplies[self.order_supply[part.order]]
                entry = next(k for k, e in enumerate(supply.entries) if e[2] == part.order)
                supply.owed[entry] = supply.owed.get(entry, 0) + 1

    # ── what can happen at once ──

    def _settle(self) -> None:
        while self._moved_up() or self._started():
            pass

    def _moved_up(self) -> bool:
        """The machine that has waited longest for a buffer with room gets it."""
        for buffer in self.buffers.values():
            if buffer.waiting and buffer.room():
                m = buffer.waiting.pop(0)
                if m.to_reserve:
                    self._reserve(m)
                else:
                    buffer.parts.append(m.out.pop(0)[1])
                    self._unload(m)
                return True
        return False

    def _started(self) -> bool:
        """The first station of the line that can take parts does: its lowest machine that is up, or else down."""
        for station in self.line.stations:
            free = [m for m in self.machines[station.name] if m.status == "starved" and m.takes]
            for step in self.line.steps if free else ():
                if step.station == station.name and all(
                    self._offered(name, step.product if k == 0 else None) for k, name in enumerate(step.takes)
                ):
                    self._load(min(free, key=lambda m: (m.down, m.number)), step)
                    return True
        return False

    def _offered(self, name: str, product: str | None) -> bool:
        if name in self.supplies:
            if self.line.wip_max is not None and self.inside >= self.line.wip_max:
                return False
            supply = self.supplies[name]
            entry = supply.ready(self.now)
            return entry is not None and product in (None, supply.entries[entry][0])
        buffer = self.buffers[name]
        if buffer.parts:
            return product in (None, buffer.parts[0].product)
        if buffer.capacity == 0 and buffer.waiting:
            return product in (None, buffer.waiting[0].out[0][1].product)
        return False

    def _load(self, m: _Machine, step: Step) -> None:
        taken = []
        for name in step.takes:
            if name in self.supplies:
                taken.append(self.supplies[name].take(self.now))
                self.inside += 1
            elif self.buffers[name].parts:
                taken.append(self.buffers[name].parts.pop(0))
                while self.buffers[name].waiting and self.buffers[name].room():
                    self._moved_up()
            else:
                giver = self.buffers[name].waiting.pop(0)
                taken.append(giver.out.pop(0)[1])
                self._unload(giver)
        self.inside -= len(taken) - 1
        m.step = step
        m.part = _Part(step.product, min(part.entered for part in taken), taken[0].order)
        setup = m.station.setup
        if setup is not None and m.last_product not in (None, step.product):
            times = {(c.after, c.before): c.time for c in setup.changes}.get(
                (str(m.last_product), step.product), setup.time
            )
            m.left = self.streams[m.station.name, SETUP].time(times)
            m.status = "setup"
            self._run(m)
        else:
            self._begin(m)
