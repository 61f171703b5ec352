"""From the live line to the twin: the model with the orders still to be made, and the state that a run starts from.

Each open order comes twice: what of it is on the line (released whole, in front), and the rest (released in order of
priority, due date and age). So it does not matter how orders were mixed on the line. An order is complete when both
are. What the model cannot say of the line is stated, not dropped: see ``notes``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import LineFold, MachineLive, UnitLive
from gaugeblock.twin.line import Line, Order, Supply
from gaugeblock.twin.state import LineState, MachineState, OrderState, PartState

NOTES = (
    "buffer_over_capacity",
    "order_not_of_this_line",
    "more_than_ordered",
    "product_unknown",
    "product_not_at_station",
    "down_not_in_model",
    "maintenance_end_unknown",
    "orders_later",
    "events_stale",
)
"""What may be noted of a line that its model cannot say."""
ORDERS_AHEAD = 20
"""Orders that are simulated, in the order of their release; later ones are far and would cost most."""
STALE_S = 120.0
FEED_LAG_S = 3.0
"""Batches come about once a second: up to so long ago everything has been heard."""
ON_LINE = " ·"
"""Behind the name of an order's part that is on the line."""


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is still to be made, wholly or in part.

    Parameters
    ----------
    finished
        Good parts so far.
    due
        On the model's clock.
    """

    order: str
    product: str
    quantity: int
    finished: int = 0
    due: float | None = None
    priority: int = 0
    index: int = 0

    @property
    def remaining(self) -> int:
        """Good parts still to be finished."""
        return max(0, self.quantity - self.finished)


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a run starts from.

    Parameters
    ----------
    line, state
        For the twin.
    parts
        The names in ``line.orders`` that make up each order.
    on_line
        Those of them that are released whole.
    notes
        What the model could not say of the line, by name and how often.
    """

    line: Line
    state: LineState
    parts: dict[str, tuple[str, ...]]
    on_line: frozenset[str]
    notes: dict[str, int]


def start_of(model: LineModel, fold: LineFold, orders: Sequence[OpenOrder], now_s: float | None = None) -> Start:
    """The start at the last event, or later where ``now_s`` says so: nothing has happened since."""
    return _Start(model, fold, orders, max(fold.now_s, now_s or 0.0)).made()


def live_start(model: LineModel, fold: LineFold, orders: Sequence[OpenOrder], clock_s: float) -> Start:
    """The start now, by the wall clock, while events come; else at the last event, and the start says so.

    Between the last event and now nothing happened, and that is knowledge too: a part in work has been in work longer.
    """
    silent_s = clock_s - fold.now_s
    if fold.now_s <= 0.0:
        return start_of(model, fold, orders, clock_s)
    if silent_s <= STALE_S:
        return start_of(model, fold, orders, clock_s - FEED_LAG_S)
    start = start_of(model, fold, orders)
    return msgspec.structs.replace(start, notes={**start.notes, "events_stale": round(silent_s)})


class _Start:
    def __init__(self, model: LineModel, fold: LineFold, orders: Sequence[OpenOrder], now_s: float) -> None:
        self.model, self.fold, self.now_s = model, fold, now_s
        self.notes: Counter[str] = Counter()
        self.open = {order.order: order for order in self._makable(orders)}
        self.held: Counter[str] = Counter()

    def _makable(self, orders: Sequence[OpenOrder]) -> list[OpenOrder]:
        kept = []
        for order in sorted(orders, key=lambda o: (-o.priority, o.due is None, o.due or 0.0, o.index)):
            if not order.remaining:
                continue
            if order.product not in self.model.supply_of:
                self.notes["order_not_of_this_line"] += 1
                continue
            kept.append(order)
        # What is on the line is in front, whatever its rank.
        here = {unit.order for unit in self.fold.units.values()}
        kept.sort(key=lambda order: order.order not in here)
        if len(kept) > ORDERS_AHEAD:
            self.notes["orders_later"] += len(kept) - ORDERS_AHEAD
        return kept[:ORDERS_AHEAD]

    def made(self) -> Start:
        buffers = {name: self._parts(units) for name, units in self.fold.buffers.items()}
        machines = tuple(self._machine(machine) for machine in self.fold.machines.values())
        line_orders, states, parts = self._orders()
        line = msgspec.structs.replace(
            self.model.line,
            orders=line_orders,
            supplies=tuple(self._supply(supply, bool(line_orders)) for supply in self.model.line.supplies),
            buffers=tuple(self._roomy(b.name, b.capacity) for b in self.model.line.buffers),
        )
        on_line = frozenset(state.order for state in states)
        return Start(
            line=line,
            state=LineState(time=self._clock(), machines=machines, buffers=buffers, orders=states),
            parts=parts,
            on_line=on_line,
            notes=dict(self.notes),
        )

    def _clock(self) -> float:
        return (self.now_s - self.model.zero.timestamp()) / self.model.unit_s

    def _supply(self, supply: Supply, ordered: bool) -> Supply:
        return msgspec.structs.replace(supply, products=()) if ordered else supply

    def _roomy(self, name: str, capacity: object) -> object:
        buffer = next(b for b in self.model.line.buffers if b.name == name)
        count = len(self.fold.buffers.get(name, ()))
        if isinstance(capacity, int) and count > capacity:
            # Dropping parts would make orders early; a place too many for a while does less harm.
            self.notes["buffer_over_capacity"] += count - capacity
            return msgspec.structs.replace(buffer, capacity=count)
        return buffer

    def _orders(self) -> tuple[tuple[Order, ...], tuple[OrderState, ...], dict[str, tuple[str, ...]]]:
        front, states, rest = [], [], []
        parts: dict[str, tuple[str, ...]] = {}
        for name, order in self.open.items():
            supply = self.model.supply_of[order.product]
            held = min(self.held[name], order.remaining)
            if held:
                label = name + ON_LINE
                front.append(Order(name=label, supply=supply, product=order.product, quantity=held, due=order.due))
                states.append(OrderState(order=label, released=held, finished=0))
                parts[name] = (label,)
            if order.remaining > held:
                rest.append(
                    Order(
                        name=name,
                        supply=supply,
                        product=order.product,
                        quantity=order.remaining - held,
                        due=order.due,
                    )
                )
                parts[name] = (*parts.get(name, ()), name)
        return (*front, *rest), tuple(states), parts

    def _order_of(self, unit: UnitLive | None) -> str | None:
        """The order's part on the line that this unit counts for; beyond what is still needed it is stock."""
        if unit is None or unit.order is None or unit.order not in self.open:
            return None
        if self.held[unit.order] >= self.open[unit.order].remaining:
            self.notes["more_than_ordered"] += 1
            return None
        self.held[unit.order] += 1
        return unit.order + ON_LINE

    def _product(self, unit: UnitLive | None) -> str:
        known = self.model.line.products
        if unit is None or unit.product not in known:
            self.notes["product_unknown"] += 1
            return known[0]
        return unit.product

    def _age(self, unit: UnitLive | None) -> float:
        return 0.0 if unit is None else max(0.0, (self.now_s - unit.entered_s) / self.model.unit_s)

    def _parts(self, names: Sequence[str]) -> tuple[PartState, ...]:
        units: Mapping[str, UnitLive] = self.fold.units
        return tuple(
            PartState(
                product=self._product(units.get(name)),
                age=self._age(units.get(name)),
                order=self._order_of(units.get(name)),
            )
            for name in names
        )

    def _machine(self, machine: MachineLive) -> MachineState:
        unit_s, station = self.model.unit_s, next(s for s in self.model.line.stations if s.name == machine.station)
        working = machine.unit is not None and not machine.finished
        since_resumed = max(0.0, self.now_s - machine.resumed_s) if machine.resumed_s is not None else 0.0
        status = "starved" if machine.unit is None else ("busy" if working else "blocked")
        unit = self.fold.units.get(machine.unit) if machine.unit is not None else None
        failures = station.failures
        down_for = uptime = None
        if machine.said == "down" and machine.down_since_s is not None:
            if failures is None or (failures.counts == "operating_time" and status != "busy"):
                self.notes["down_not_in_model"] += 1
            else:
                down_for = max(0.0, self.now_s - machine.down_since_s) / unit_s
        elif machine.said == "maintenance":
            self.notes["maintenance_end_unknown"] += 1
        if down_for is None and failures is not None and machine.up_work_s is not None:
            work_s = machine.up_work_s + since_resumed
            calendar_s = self.now_s - (machine.up_since_s or self.now_s)
            uptime = max(0.0, work_s if failures.counts == "operating_time" else calendar_s) / unit_s
        if unit is None:
            return MachineState(
                station=machine.station,
                machine=machine.number,
                last_product=self._last(machine),
                uptime=uptime,
                down_for=down_for,
            )
        product = self._made_at(machine.station, self._product(unit))
        return MachineState(
            station=machine.station,
            machine=machine.number,
            status=status,  # type: ignore[arg-type]
            product=product,
            age=self._age(unit),
            order=self._order_of(unit),
            elapsed=(machine.worked_s + since_resumed) / unit_s if working else 0.0,
            last_product=self._last(machine),
            uptime=uptime,
            down_for=down_for,
        )

    def _made_at(self, station: str, product: str) -> str:
        steps = [step for step in self.model.line.steps if step.station == station]
        if any(step.product == product for step in steps):
            return product
        self.notes["product_not_at_station"] += 1
        return steps[0].product

    def _last(self, machine: MachineLive) -> str | None:
        return machine.last_product if machine.last_product in self.model.line.products else None
