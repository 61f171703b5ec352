"""A validated line written into one flat block of words (see :mod:`gaugeblock.twin.layout`)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.twin import layout as at
from gaugeblock.twin.distributions import Distribution
from gaugeblock.twin.line import AGAIN, FINISHED, SCRAP, Line, Station, Step
from gaugeblock.twin.streams import ARRIVAL, OUTCOME, REPAIR, SERVICE, SETUP, UPTIME, seed_streams
from gaugeblock.twin.validation import made, validate

Words = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass
class Block:
    """A line and its state as words, and the same memory as floats."""

    words: Words

    @property
    def floats(self) -> Floats:
        """The same memory."""
        return self.words.view(np.float64)

    def copy(self) -> Block:
        """A simulation of its own."""
        return Block(self.words.copy())


def digest_of(line: Line) -> int:
    """Tells lines apart, so that a saved state is not loaded into another line."""
    return zlib.crc32(msgspec.json.encode(line))


class _Writer:
    """Grows the block; positions given out stay valid."""

    def __init__(self) -> None:
        self.size = at.HEAD
        self.parts: dict[int, int | float] = {}

    def room(self, words: int) -> int:
        start = self.size
        self.size += words
        return start

    def put(self, position: int, value: int | float) -> None:
        self.parts[position] = value

    def times(self, position: int, times: Distribution, values: list[float]) -> None:
        flat = times.flat()
        self.put(position + at.X_KIND, flat.kind)
        self.put(position + at.X_A, float(flat.a))
        self.put(position + at.X_B, float(flat.b))
        self.put(position + at.X_FIRST, len(values))
        values.extend(float(value) for value in flat.values)

    def block(self) -> Block:
        words = np.zeros(self.size, np.int64)
        floats = words.view(np.float64)
        for position, value in self.parts.items():
            if isinstance(value, float):
                floats[position] = value
            else:
                words[position] = value
        return Block(words)


@dataclass(frozen=True)
class Streams:
    """Where the streams stand, with owner and purpose of each: what a replication changes in a block."""

    positions: Words
    owners: Words
    purposes: Words


@dataclass(frozen=True)
class Tables:
    """A line made flat, once for all its replications.

    Parameters
    ----------
    empty
        The line before time zero, without random streams.
    machines, buffers
        Positions of the machines of each station, and of the buffers, in the line's order.
    """

    line: Line
    empty: Block
    streams: Streams
    machines: tuple[tuple[int, ...], ...]
    stations: tuple[int, ...]
    buffers: tuple[int, ...]
    orders: tuple[int, ...]

    def seeded(self, seed: int, replication: int) -> Block:
        """A copy with the streams of this seed and replication at their beginnings."""
        block = self.empty.copy()
        streams = self.streams
        seed_streams(block.words, streams.positions, streams.owners, streams.purposes, seed, replication)
        return block


def flatten(line: Line) -> Tables:
    """Validate a line and write it down flat.

    Raises
    ------
    LineError
    """
    return _Flattening(validate(line)).tables()


class _Flattening:
    def __init__(self, line: Line) -> None:
        self.line, self.out = line, _Writer()
        self.values: list[float] = []
        self.products = {name: i for i, name in enumerate(line.products)}
        self.streams: list[tuple[int, int, int]] = []
        self.slots: list[tuple[int, int]] = []
        room = self.out.room
        self.stations = {s.name: room(at.T_WORDS) for s in line.stations}
        self.machines = {s.name: [room(at.M_WORDS) for _ in range(s.machines)] for s in line.stations}
        self.buffers = {b.name: room(at.B_WORDS) for b in line.buffers}
        self.supplies = {s.name: room(at.Q_WORDS) for s in line.supplies}
        self.orders = {o.name: room(at.G_WORDS) for o in line.orders}
        self.arrivals = {a.name: room(at.A_WORDS) for a in line.arrivals}
        self.crews = {c.name: room(at.C_WORDS) for c in line.crews}
        self.calendars = {c.name: room(at.K_WORDS) for c in line.calendars}

    def tables(self) -> Tables:
        line, out = self.line, self.out
        # First, so that of equal times a release is first: an order is there for whatever happens at its time.
        self._supplies()
        for number, station in enumerate(line.stations):
            self._station(number, station)
        clocks = [s for s in line.stations if s.failures and s.failures.counts == "calendar_time"]
        for station in clocks:
            for machine in self.machines[station.name]:
                out.put(machine + at.M_CLOCK, self._slot(at.W_CLOCK, machine))
        self._arrivals()
        self._buffers()
        for crew in line.crews:
            out.put(self.crews[crew.name] + at.C_FREE, crew.size)
            out.put(self.crews[crew.name] + at.C_WAIT, at.NONE)
            out.put(self.crews[crew.name] + at.C_WAIT_LAST, at.NONE)
        self._calendars()
        self._head()
        return Tables(
            line,
            out.block(),
            Streams(*(np.array(column, np.int64) for column in zip(*self.streams, strict=True))),
            tuple(tuple(self.machines[s.name]) for s in line.stations),
            tuple(self.stations.values()),
            tuple(self.buffers.values()),
            tuple(self.orders.values()),
        )

    def _slot(self, kind: int, position: int) -> int:
        self.slots.append((kind, position))
        return len(self.slots) - 1

    def _stream(self, position: int, owner: int, purpose: int) -> None:
        self.streams.append((position, owner, purpose))

    def _station(self, number: int, station: Station) -> None:
        out, t = self.out, self.stations[station.name]
        own = [step for step in self.line.steps if step.station == station.name]
        failures = station.failures
        steps = [out.room(at.S_WORDS) for _ in own]
        for step, position in zip(own, steps, strict=True):
            self._step(step, position)
        self._plain(t, station, own, steps[0])
        for offset, value in (
            (at.T_MACHINES, self.machines[station.name][0]),
            (at.T_COUNT, station.machines),
            (at.T_STEPS, steps[0]),
            (at.T_STEP_COUNT, len(own)),
            (at.T_BEFORE, int(station.blocking == "before_service")),
            (at.T_FAILS, at.NEVER),
            (at.T_CREW, at.NONE),
            (at.T_FREE, station.machines),
            (at.T_CHANGES, int(station.setup is not None)),
            (at.T_INDEX, number),
        ):
            out.put(t + offset, value)
        if failures is not None:
            out.put(t + at.T_FAILS, at.OPERATING if failures.counts == "operating_time" else at.CALENDAR)
            out.put(t + at.T_CREW, self.crews[failures.crew] if failures.crew is not None else at.NONE)
            out.put(t + at.T_TAKES, int(failures.takes_when_down))
            out.times(t + at.T_UP, failures.between, self.values)
            out.times(t + at.T_REPAIR, failures.repair, self.values)
        if station.setup is not None:
            out.times(t + at.T_SETUP, station.setup.time, self.values)
            if station.setup.changes:
                self._changes(t, station)
        for offset, purpose in (
            (at.T_S_SERVICE, SERVICE),
            (at.T_S_SETUP, SETUP),
            (at.T_S_UP, UPTIME),
            (at.T_S_REPAIR, REPAIR),
            (at.T_S_OUTCOME, OUTCOME),
        ):
            self._stream(t + offset, number, purpose)
        for machine in self.machines[station.name]:
            for offset, value in (
                (at.M_STATION, t),
                (at.M_SLOT, self._slot(at.W_MACHINE, machine)),
                *((offset, at.NONE) for offset in (at.M_CLOCK, at.M_ORDER, at.M_LAST)),
                *((offset, at.NONE) for offset in (at.M_NEXT, at.M_NEXT_CREW, at.M_WAITS)),
            ):
                out.put(machine + offset, value)

    def _plain(self, t: int, station: Station, own: list[Step], step: int) -> None:
        """A station whose every event can take the short way: one machine, one way in and one way out, no choice."""
        outcomes = own[0].all_outcomes()
        capacity = {buffer.name: buffer.capacity for buffer in self.line.buffers}
        source, target = own[0].takes[0], outcomes[0].to[0]
        simple = (
            len(own) == station.machines == len(own[0].takes) == len(outcomes) == len(outcomes[0].to) == 1
            and station.blocking == "after_service"
            and station.setup is None
            and outcomes[0].if_full == "wait"
            and (target == FINISHED or capacity.get(target, 0) != 0)
            and all(step.station == station.name for step in self.line.steps if source in step.takes)
        )
        endless = any(
            supply.name == source and set(supply.products) == {own[0].product} for supply in self.line.supplies
        )
        if not simple or not (capacity.get(source, 0) != 0 or (endless and self.line.wip_max is None)):
            return
        self.out.put(t + at.T_PLAIN, at.FROM_ENDLESS if endless else at.FROM_BUFFER)
        self.out.put(t + at.T_IN, self.supplies[source] if endless else self.buffers[source])
        self.out.put(t + at.T_OUT, at.TO_FINISHED if target == FINISHED else self.buffers[target])
        self.out.put(self.machines[station.name][0] + at.M_STEP, step)
        self.out.put(self.machines[station.name][0] + at.M_PRODUCT, self.products[own[0].product])

    def _changes(self, t: int, station: Station) -> None:
        assert station.setup is not None
        count = len(self.products)
        matrix = self.out.room(count * count * at.X_WORDS)
        self.out.put(t + at.T_PRODUCTS, matrix)
        known = {(change.after, change.before): change.time for change in station.setup.changes}
        for after, i in self.products.items():
            for before, j in self.products.items():
                times = known.get((after, before), station.setup.time)
                self.out.times(matrix + (i * count + j) * at.X_WORDS, times, self.values)

    def _step(self, step: Step, position: int) -> None:
        out, outcomes = self.out, step.all_outcomes()
        inputs = out.room(at.I_WORDS * len(step.takes))
        for i, name in enumerate(step.takes):
            supply = name in self.supplies
            out.put(inputs + i * at.I_WORDS + at.I_PLACE, self.supplies[name] if supply else self.buffers[name])
            out.put(inputs + i * at.I_WORDS + at.I_IS_SUPPLY, int(supply))
        first = out.room(at.O_WORDS * len(outcomes))
        upto = 0.0
        for i, outcome in enumerate(outcomes):
            o = first + i * at.O_WORDS
            upto = upto + outcome.share if i < len(outcomes) - 1 else 1.0
            dests = out.room(at.D_WORDS * len(outcome.to))
            out.put(o + at.O_UPTO, float(upto))
            out.put(o + at.O_DESTS, dests)
            out.put(o + at.O_COUNT, len(outcome.to))
            out.put(o + at.O_AGAIN, int(outcome.to == (AGAIN,)))
            out.put(o + at.O_SCRAPS, int(outcome.if_full == "scrap"))
            for j, (name, product) in enumerate(zip(outcome.to, made(step, outcome), strict=True)):
                place = {FINISHED: at.TO_FINISHED, SCRAP: at.TO_SCRAP, AGAIN: at.NONE}.get(name)
                out.put(dests + j * at.D_WORDS + at.D_PLACE, self.buffers[name] if place is None else place)
                out.put(dests + j * at.D_WORDS + at.D_PRODUCT, self.products[product])
        out.times(position + at.S_SERVICE, step.service, self.values)
        for offset, value in (
            (at.S_PRODUCT, self.products[step.product]),
            (at.S_INPUTS, inputs),
            (at.S_INPUT_COUNT, len(step.takes)),
            (at.S_OUTCOMES, first),
            (at.S_OUTCOME_COUNT, len(outcomes)),
        ):
            out.put(position + offset, value)

    def _takers(self, name: str) -> tuple[int, int]:
        """Stations that take from a place; the last of the line first, so that the first is tried first."""
        takers = {step.station for step in self.line.steps if name in step.takes}
        ordered = [position for station, position in self.stations.items() if station in takers][::-1]
        first = self.out.room(len(ordered))
        for i, position in enumerate(ordered):
            self.out.put(first + i, position)
        return first, len(ordered)

    def _buffers(self) -> None:
        for number, buffer in enumerate(self.line.buffers):
            b = self.buffers[buffer.name]
            unlimited = buffer.capacity == "unlimited"
            capacity = at.QUEUE_MAX if unlimited else int(buffer.capacity)
            ring = 1 << max(0, (capacity - 1).bit_length())
            takers, count = self._takers(buffer.name)
            for offset, value in (
                (at.B_CAPACITY, at.NONE if unlimited else capacity),
                (at.B_RING, self.out.room(ring * at.R_WORDS)),
                (at.B_MASK, ring - 1),
                (at.B_WAIT, at.NONE),
                (at.B_WAIT_LAST, at.NONE),
                (at.B_TAKERS, takers),
                (at.B_TAKER_COUNT, count),
                (at.B_INDEX, number),
            ):
                self.out.put(b + offset, value)

    def _supplies(self) -> None:
        out = self.out
        for supply in self.line.supplies:
            q = self.supplies[supply.name]
            orders = [order for order in self.line.orders if order.supply == supply.name]
            count = len(supply.products) or len(orders)
            entries = out.room(at.E_WORDS * count)
            takers, taker_count = self._takers(supply.name)
            for offset, value in (
                (at.Q_ENTRIES, entries),
                (at.Q_COUNT, count),
                (at.Q_REPEATS, int(bool(supply.products))),
                (at.Q_SLOT, self._slot(at.W_RELEASE, q) if orders and not supply.products else at.NONE),
                (at.Q_TAKERS, takers),
                (at.Q_TAKER_COUNT, taker_count),
            ):
                out.put(q + offset, value)
            for i, product in enumerate(supply.products):
                e = entries + i * at.E_WORDS
                out.put(e + at.E_PRODUCT, self.products[product])
                out.put(e + at.E_QUANTITY, 1)
                out.put(e + at.E_ORDER, at.NONE)
                out.put(e + at.E_RELEASE, 0.0)
            for i, order in enumerate(orders if not supply.products else ()):
                e, g = entries + i * at.E_WORDS, self.orders[order.name]
                out.put(e + at.E_PRODUCT, self.products[order.product])
                out.put(e + at.E_QUANTITY, order.quantity)
                out.put(e + at.E_ORDER, g)
                out.put(e + at.E_RELEASE, float(order.release))
                out.put(g + at.G_LEFT, order.quantity)
                out.put(g + at.G_DONE, float("nan"))
                out.put(g + at.G_SUPPLY, q)
                out.put(g + at.G_ENTRY, e)

    def _arrivals(self) -> None:
        for number, arrivals in enumerate(self.line.arrivals):
            a = self.arrivals[arrivals.name]
            self.out.put(a + at.A_BUFFER, self.buffers[arrivals.into])
            self.out.put(a + at.A_PRODUCT, self.products[arrivals.product])
            self.out.put(a + at.A_SLOT, self._slot(at.W_ARRIVAL, a))
            self.out.times(a + at.A_EVERY, arrivals.every, self.values)
            self._stream(a + at.A_STREAM, number, ARRIVAL)

    def _calendars(self) -> None:
        out = self.out
        for calendar in self.line.calendars:
            k = self.calendars[calendar.name]
            edges = [float(edge) for stretch in calendar.work for edge in stretch]
            stations = [self.stations[s.name] for s in self.line.stations if s.calendar == calendar.name]
            position = out.room(len(edges) + len(stations) + 1)
            for i, value in enumerate([*edges, *stations, at.NONE]):
                out.put(position + i, value)
            out.put(k + at.K_PERIOD, float(calendar.period))
            out.put(k + at.K_EDGES, position)
            out.put(k + at.K_EDGE_COUNT, len(edges))
            out.put(k + at.K_SLOT, self._slot(at.W_CALENDAR, k))

    def _head(self) -> None:
        out, line = self.out, self.line
        leaves = 1 << max(1, (len(self.slots) - 1).bit_length())
        tree = out.room(4 * leaves)
        for i in range(2 * leaves):
            # All times are alike: the winner under an inner node is the first leaf there.
            leaf = i
            while leaf and leaf < leaves:
                leaf *= 2
            kind, position = self.slots[max(0, leaf - leaves)] if leaf - leaves < len(self.slots) else (0, 0)
            out.put(tree + i, float("inf"))
            out.put(tree + 2 * leaves + i, 8 * position + kind)
        values = out.room(len(self.values))
        for i, number in enumerate(self.values):
            out.put(values + i, number)
        for offset, value in (
            (at.H_VERSION, at.VERSION),
            (at.H_WIP_MAX, line.wip_max if line.wip_max is not None else at.NONE),
            (at.H_TREE, tree),
            (at.H_LEAVES, leaves),
            (at.H_WORK, out.room(len(line.stations))),
            (at.H_STATIONS, next(iter(self.stations.values()))),
            (at.H_STATION_COUNT, len(self.stations)),
            (at.H_BUFFERS, next(iter(self.buffers.values()), 0)),
            (at.H_BUFFER_COUNT, len(self.buffers)),
            (at.H_SUPPLIES, next(iter(self.supplies.values()), 0)),
            (at.H_SUPPLY_COUNT, len(self.supplies)),
            (at.H_MACHINES, self.machines[line.stations[0].name][0]),
            (at.H_MACHINE_COUNT, sum(len(machines) for machines in self.machines.values())),
            (at.H_ORDERS, next(iter(self.orders.values()), 0)),
            (at.H_ORDER_COUNT, len(self.orders)),
            (at.H_VALUES, values),
            (at.H_PRODUCTS, out.room(2 * len(self.products))),
            (at.H_STATIC, digest_of(line)),
            (at.H_ARRIVALS, next(iter(self.arrivals.values()), 0)),
            (at.H_ARRIVAL_COUNT, len(self.arrivals)),
            (at.H_CALENDARS, next(iter(self.calendars.values()), 0)),
            (at.H_CALENDAR_COUNT, len(self.calendars)),
            (at.H_PRODUCT_COUNT, len(self.products)),
            (at.H_SIZE, out.size),
        ):
            out.put(offset, value)
