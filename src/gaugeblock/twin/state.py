"""Where a line stands: parts in buffers with their ages, what each machine does and since when, who is down.

A simulation that starts from it draws what is left of a service, an uptime or a repair **given** what has elapsed
(:mod:`gaugeblock.twin.conditional`), afresh in each replication.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from gaugeblock.twin import layout as at
from gaugeblock.twin.conditional import remaining
from gaugeblock.twin.distributions import Distribution
from gaugeblock.twin.errors import StateMismatchError
from gaugeblock.twin.line import Line, Station, Step

if TYPE_CHECKING:
    from gaugeblock.twin.tables import Block, Tables

Elapsed = Annotated[float, Meta(ge=0.0)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base: closed and immutable."""


class PartState(_Part, frozen=True, kw_only=True):
    """Parts in a buffer, next to each other: product, time since they entered the line, order."""

    product: str
    age: Elapsed = 0.0
    order: str | None = None
    count: Annotated[int, Meta(ge=1)] = 1


class MachineState(_Part, frozen=True, kw_only=True):
    """What one machine does.

    Parameters
    ----------
    status
        ``starved``, ``setup``, ``busy`` or ``blocked``; a machine is down besides.
    product, age, order
        Of the part on it, where it is not starved.
    elapsed
        Of the service or set-up so far, working time only.
    last_product
        What it is set up for.
    uptime
        Since its last repair, in what its failures count; ``None`` where not known: as after a repair.
    down_for
        Of the repair so far; ``None``: it is up.
    awaits_crew
        It is down, and nobody has begun.
    outcome
        Of a finished part: the number of the step's outcome, from 0; ``None``: drawn.
    """

    station: str
    machine: Annotated[int, Meta(ge=0)] = 0
    status: Literal["starved", "setup", "busy", "blocked"] = "starved"
    product: str | None = None
    age: Elapsed = 0.0
    order: str | None = None
    elapsed: Elapsed = 0.0
    last_product: str | None = None
    uptime: Elapsed | None = None
    down_for: Elapsed | None = None
    awaits_crew: bool = False
    outcome: Annotated[int, Meta(ge=0)] | None = None


class OrderState(_Part, frozen=True, kw_only=True):
    """How far an order is: parts released to the line, and good parts finished of them."""

    order: str
    released: Annotated[int, Meta(ge=0)]
    finished: Annotated[int, Meta(ge=0)]


class LineState(_Part, frozen=True, kw_only=True):
    """A line at a moment; what is not named is empty, up, and as at the beginning.

    Parameters
    ----------
    time
        On the line's clock, by which calendars and releases count.
    """

    time: float = 0.0
    machines: tuple[MachineState, ...] = ()
    buffers: dict[str, tuple[PartState, ...]] = {}
    orders: tuple[OrderState, ...] = ()


def put_state(tables: Tables, block: Block, state: LineState, seed: int, replication: int) -> None:
    """Write a state into a block that has not been opened.

    Raises
    ------
    StateMismatchError
        It names a part of the line that is not there, or more parts than there is room.
    """
    _Putting(tables, block, state, seed, replication).put()


class _Putting:
    def __init__(self, tables: Tables, block: Block, state: LineState, seed: int, replication: int) -> None:
        self.tables, self.line, self.state = tables, tables.line, state
        self.words, self.floats = block.words, block.floats
        self.seed, self.replication = seed, replication
        self.products = {name: number for number, name in enumerate(self.line.products)}
        self.orders = {o.name: position for o, position in zip(self.line.orders, tables.orders, strict=True)}
        self.stations = {station.name: number for number, station in enumerate(self.line.stations)}

    def put(self) -> None:
        self.floats[at.H_NOW] = self.state.time
        seen: set[tuple[str, int]] = set()
        for machine in self.state.machines:
            key = (machine.station, machine.machine)
            if key in seen:
                raise StateMismatchError(where=machine.station, detail=str(machine.machine))
            seen.add(key)
            self._machine(machine)
        for name, parts in self.state.buffers.items():
            self._buffer(name, parts)
        for order in self.state.orders:
            self._order(order)

    def _machine(self, state: MachineState) -> None:
        number = self.stations.get(state.station)
        if number is None or state.machine >= self.line.stations[number].machines:
            raise StateMismatchError(where=state.station, detail=str(state.machine))
        station, m = self.line.stations[number], self.tables.machines[number][state.machine]
        if state.last_product is not None:
            self.words[m + at.M_LAST] = self._product(state.station, state.last_product)
        if state.status != "starved":
            self._part_on(m, number, state)
        self._failures(m, station, number, state)

    def _part_on(self, m: int, number: int, state: MachineState) -> None:
        station = self.line.stations[number]
        own = [step for step in self.line.steps if step.station == station.name]
        product = state.product if state.product is not None else own[0].product
        chosen = next((k for k, step in enumerate(own) if step.product == product), None)
        if chosen is None:
            raise StateMismatchError(where=state.station, detail=product)
        step, position = own[chosen], int(self.words[self.tables.stations[number] + at.T_STEPS]) + chosen * at.S_WORDS
        self.words[m + at.M_STEP] = position
        self.words[m + at.M_PRODUCT] = self._product(state.station, product)
        self.words[m + at.M_ORDER] = self._order_position(state.station, state.order)
        self.floats[m + at.M_ENTERED] = self.state.time - state.age
        self.words[at.H_INSIDE] += 1
        self.words[m + at.M_STATUS] = {"setup": at.SETTING, "busy": at.BUSY, "blocked": at.BLOCKED}[state.status]
        if state.status == "setup":
            times = self._setup(station, state, product)
            self.floats[m + at.M_LEFT] = self._left(times, state.elapsed, number, state.machine, 0)
        else:
            self.words[m + at.M_LAST] = self.words[m + at.M_PRODUCT]
        if state.status == "busy":
            self.floats[m + at.M_LEFT] = self._left(step.service, state.elapsed, number, state.machine, 0)
        if state.status == "blocked" and state.outcome is not None:
            self._outcome(m, position, step, state)

    def _outcome(self, m: int, position: int, step: Step, state: MachineState) -> None:
        assert state.outcome is not None
        if state.outcome >= len(step.all_outcomes()):
            raise StateMismatchError(where=state.station, detail=str(state.outcome))
        first = int(self.words[position + at.S_OUTCOMES])
        self.words[m + at.M_OUTCOME] = first + state.outcome * at.O_WORDS

    def _setup(self, station: Station, state: MachineState, product: str) -> Distribution:
        if station.setup is None:
            raise StateMismatchError(where=station.name, detail=state.status)
        for change in station.setup.changes:
            if (change.after, change.before) == (state.last_product, product):
                return change.time
        return station.setup.time

    def _failures(self, m: int, station: Station, number: int, state: MachineState) -> None:
        failures = station.failures
        if state.down_for is None and not state.awaits_crew:
            if failures is not None and state.uptime is not None:
                left = self._left(failures.between, state.uptime, number, state.machine, 1)
                # Zero would mean that it is not known; the next instant is soon enough.
                self.floats[m + at.M_UP_LEFT] = max(left, 1e-12 * failures.between.mean)
            return
        if failures is None or (failures.counts == "operating_time" and state.status != "busy"):
            raise StateMismatchError(where=station.name, detail="down")
        self.words[m + at.M_DOWN] = 1
        if state.awaits_crew:
            self.floats[m + at.M_UP_LEFT] = -1.0
        else:
            assert state.down_for is not None
            left = self._left(failures.repair, state.down_for, number, state.machine, 1)
            self.floats[m + at.M_UP_LEFT] = left

    def _left(self, times: Distribution, elapsed: float, station: int, machine: int, what: int) -> float:
        # Here, so that a state can be written down and read where the kernels are not installed.
        from gaugeblock.twin.streams import REMAINING, stream_key, uniform

        key, step = stream_key(self.seed, self.replication, station, REMAINING)
        return remaining(times, elapsed, float(uniform(key, step, 2 * machine + what)))

    def _buffer(self, name: str, parts: tuple[PartState, ...]) -> None:
        known = {b.name: position for b, position in zip(self.line.buffers, self.tables.buffers, strict=True)}
        if name not in known:
            raise StateMismatchError(where=name, detail=name)
        b = known[name]
        capacity = int(self.words[b + at.B_CAPACITY])
        room = at.QUEUE_MAX if capacity < 0 else capacity
        if sum(part.count for part in parts) > room:
            raise StateMismatchError(where=name, detail=f"> {room}")
        count = 0
        for part in parts:
            product, order = self._product(name, part.product), self._order_position(name, part.order)
            for _ in range(part.count):
                place = int(self.words[b + at.B_RING]) + count * at.R_WORDS
                self.words[place + at.R_PRODUCT] = product
                self.words[place + at.R_ORDER] = order
                self.floats[place + at.R_ENTERED] = self.state.time - part.age
                count += 1
        self.words[b + at.B_COUNT] = count
        self.words[at.H_INSIDE] += count

    def _order(self, state: OrderState) -> None:
        """Entries before this one have been released whole; the supply goes on where this order stands."""
        g = self._order_position(state.order, state.order)
        quantity = int(self.words[g + at.G_LEFT])
        if not state.finished <= min(state.released, quantity):
            raise StateMismatchError(where=state.order, detail=f"{state.finished}/{state.released}")
        q, e = int(self.words[g + at.G_SUPPLY]), int(self.words[g + at.G_ENTRY])
        number = (e - int(self.words[q + at.Q_ENTRIES])) // at.E_WORDS
        self.words[g + at.G_LEFT] = quantity - state.finished
        if state.finished == quantity:
            self.floats[g + at.G_DONE] = self.state.time
        taken = min(state.released, quantity)
        if (number, taken) >= (int(self.words[q + at.Q_AT]), int(self.words[q + at.Q_TAKEN])):
            whole = taken == quantity
            self.words[q + at.Q_AT] = number + 1 if whole else number
            self.words[q + at.Q_TAKEN] = 0 if whole else taken

    def _product(self, where: str, name: str) -> int:
        if name not in self.products:
            raise StateMismatchError(where=where, detail=name)
        return self.products[name]

    def _order_position(self, where: str, name: str | None) -> int:
        if name is None:
            return at.NONE
        if name not in self.orders:
            raise StateMismatchError(where=where, detail=name)
        return self.orders[name]


def empty_state(line: Line) -> LineState:
    """All machines named and starved, all buffers named and empty: a form to fill in."""
    return LineState(
        machines=tuple(
            MachineState(station=station.name, machine=number)
            for station in line.stations
            for number in range(station.machines)
        ),
        buffers={buffer.name: () for buffer in line.buffers},
    )
