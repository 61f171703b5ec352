"""Where a line stands, followed event by event, and what each machine did since when.

Pure: a fold over events. It trusts no order of arrival more than it must: a machine that begins a second part is taken
to have let the first go, an end without a beginning or a second end changes nothing, a batch that came before is left
out. All of that is counted by name and shown, and so are stations and machines that the model does not know.

What an event means: ``arrived`` – the part waits in front of the station; ``started`` and ``finished`` – the work;
``left`` – it left good, to where the model leads; ``scrapped`` and ``reworked`` stand in the place of ``left``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from gaugeblock.plant.production_facets import EventBatchStatement, LineEvent, MachineEvent
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.production.line_model import LineModel
from gaugeblock.twin.line import AGAIN, FINISHED

INTERVALS_KEPT = 100_000
"""Of each line, over all machines; the oldest are forgotten."""
UNITS_KEPT = 100_000
COMPLETIONS_KEPT = 10_000
PAUSED = frozenset({"down", "maintenance", "off"})
ODDITIES = (
    "batch_again",
    "batches_missing",
    "late_event",
    "machine_unknown",
    "station_unknown",
    "unit_missing",
    "nowhere_to_wait",
    "start_before_left",
    "started_twice",
    "finish_without_start",
    "finished_twice",
    "left_without_start",
    "units_forgotten",
    "unit_from_nowhere",
)
"""What may be counted of events that do not fit."""
STATES = ("producing", "set_up", "blocked", "starved", "idle", "down", "maintenance", "off", "unknown")


class Span(msgspec.Struct, frozen=True):
    """A machine in one state for a while; seconds since the epoch."""

    machine: str
    state: str
    begin_s: float
    end_s: float
    unit: str | None = None
    reason: str = ""


class UnitLive(msgspec.Struct):
    """A part on the line: where it is (a buffer's or machine's name), and since when it is on the line."""

    unit: str
    product: str | None
    order: str | None
    entered_s: float
    place: str
    since_s: float
    rework: bool = False


class MachineLive(msgspec.Struct):
    """A machine.

    Parameters
    ----------
    said, reason
        What its own state events said last, ``None`` where they said nothing.
    unit, finished
        The part on it, and whether its work is done.
    worked_s, resumed_s
        Of the part's work, up to ``resumed_s``; that is ``None`` while the machine stands.
    up_work_s, up_since_s
        Work since its last repair, and when that ended; ``None``: not known.
    """

    name: str
    station: str
    number: int
    state: str = "unknown"
    since_s: float = 0.0
    span_unit: str | None = None
    span_reason: str = ""
    said: str | None = None
    reason: str = ""
    unit: str | None = None
    finished: bool = False
    worked_s: float = 0.0
    resumed_s: float | None = None
    last_product: str | None = None
    up_work_s: float | None = None
    up_since_s: float | None = None
    down_since_s: float | None = None


class Completion(msgspec.Struct, frozen=True):
    """A part that left the line good, or was scrapped."""

    unit: str | None
    product: str | None
    order: str | None
    at_s: float
    entered_s: float | None
    good: bool
    reworked: bool


@dataclass
class LineFold:
    """The state after the events so far.

    Parameters
    ----------
    model
        What events are understood by.
    """

    model: LineModel
    now_s: float = 0.0
    index: int = -1
    machines: dict[str, MachineLive] = field(default_factory=dict)
    units: dict[str, UnitLive] = field(default_factory=dict)
    buffers: dict[str, list[str]] = field(default_factory=dict)
    spans: deque[Span] = field(default_factory=lambda: deque(maxlen=INTERVALS_KEPT))
    completions: deque[Completion] = field(default_factory=lambda: deque(maxlen=COMPLETIONS_KEPT))
    oddities: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    sequences: dict[str, int] = field(default_factory=dict)
    began_s: float | None = None

    def __post_init__(self) -> None:
        for name, (station, number) in self.model.machines.items():
            self.machines[name] = MachineLive(name=name, station=station, number=number)
        for buffer in self.model.line.buffers:
            self.buffers.setdefault(buffer.name, [])

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────

    def batch(self, source: str, batch: EventBatchStatement, index: int = -1) -> bool:
        """Take a batch; ``False`` where it came before."""
        last = self.sequences.get(source)
        self.index = max(self.index, index)
        if last is not None and batch.sequence <= last:
            self.oddities["batch_again"] += 1
            return False
        if last is not None and batch.sequence != last + 1:
            self.oddities["batches_missing"] += batch.sequence - last - 1
        self.sequences[source] = batch.sequence
        self.events([*batch.steps, *batch.states])
        return True

    def events(self, events: Iterable[LineEvent | MachineEvent]) -> None:
        """Take events in the order of their times; of equal times, machine states last, steps as they come."""
        timed = [(from_rfc3339(event.at).timestamp(), isinstance(event, MachineEvent), event) for event in events]
        for at_s, _, event in sorted(timed, key=lambda each: (each[0], each[1])):
            if at_s < self.now_s - 1e-6:
                self.oddities["late_event"] += 1
            self.now_s = max(self.now_s, at_s)
            self.began_s = at_s if self.began_s is None else self.began_s
            if isinstance(event, MachineEvent):
                self._state(at_s, event)
            else:
                self._step(at_s, event)

    def _state(self, at_s: float, event: MachineEvent) -> None:
        machine = self.machines.get(event.machine)
        if machine is None:
            self.oddities["machine_unknown"] += 1
            return
        was_down = machine.said == "down"
        pausing, paused = event.state in PAUSED, machine.said in PAUSED
        if pausing and not paused:
            self._stop_work(machine, at_s)
        machine.said, machine.reason = event.state, event.reason
        if paused and not pausing and machine.unit is not None and not machine.finished:
            machine.resumed_s = at_s
        if event.state == "down" and not was_down:
            machine.down_since_s = at_s
        if was_down and event.state != "down":
            machine.down_since_s, machine.up_since_s, machine.up_work_s = None, at_s, 0.0
        self._turn(machine, at_s)

    def _step(self, at_s: float, event: LineEvent) -> None:
        names = self.model.machine_names.get(event.station)
        if names is None:
            self.oddities["station_unknown"] += 1
            return
        name = event.unit
        if event.event == "arrived":
            if name is None:
                self.oddities["unit_missing"] += 1
            else:
                self._arrive(at_s, event, name)
            return
        machine = self._machine_of(event, names)
        if machine is None:
            self.oddities["machine_unknown"] += 1
        elif event.event == "started":
            self._start(at_s, event, machine)
        elif event.event == "finished":
            self._finish(at_s, machine, name)
        else:
            self._leave(at_s, event, machine)

    def _machine_of(self, event: LineEvent, names: Sequence[str]) -> MachineLive | None:
        if event.machine is not None:
            return self.machines.get(event.machine)
        if len(names) == 1:
            return self.machines[names[0]]
        if event.event == "started":
            return next((self.machines[n] for n in names if self.machines[n].unit is None), self.machines[names[0]])
        return next((self.machines[n] for n in names if self.machines[n].unit == event.unit), None)

    def _arrive(self, at_s: float, event: LineEvent, name: str) -> None:
        unit = self._unit(at_s, event, name)
        place = self.model.waits_in(event.station, unit.product, rework=unit.rework)
        if place is None:
            # In front of the first station raw parts are always there: it is on the line once work begins.
            if not self.model.enters(event.station, unit.product):
                self.oddities["nowhere_to_wait"] += 1
            return
        self._put(unit, place, at_s)

    def _start(self, at_s: float, event: LineEvent, machine: MachineLive) -> None:
        if machine.unit is not None and (machine.unit != event.unit or event.unit is None):
            self.oddities["start_before_left"] += 1
            self._move_on(at_s, machine.unit, machine)
        elif machine.unit is not None and not machine.finished:
            self.oddities["started_twice"] += 1
            return
        name = event.unit if event.unit is not None else self._head(machine.station)
        unit = self._unit(at_s, event, name)
        self._take(unit)
        self._consume(unit, machine.station)
        unit.place, unit.since_s = machine.name, at_s
        machine.unit, machine.finished, machine.worked_s = unit.unit, False, 0.0
        machine.resumed_s = None if machine.said in PAUSED else at_s
        machine.last_product = unit.product
        if machine.said not in PAUSED:
            machine.said = None
        self._turn(machine, at_s)

    def _finish(self, at_s: float, machine: MachineLive, name: str | None) -> None:
        if machine.unit is None or (name is not None and machine.unit != name):
            self.oddities["finish_without_start"] += 1
            return
        if machine.finished:
            self.oddities["finished_twice"] += 1
            return
        self._stop_work(machine, at_s)
        machine.finished = True
        self._turn(machine, at_s)

    def _leave(self, at_s: float, event: LineEvent, machine: MachineLive) -> None:
        name = event.unit if event.unit is not None else machine.unit
        if name is None or machine.unit != name:
            self.oddities["left_without_start"] += 1
            if name is None or name not in self.units:
                return
        else:
            self._stop_work(machine, at_s)
            machine.unit, machine.finished = None, False
            if machine.said not in PAUSED:
                machine.said = None
        unit = self.units[name]
        if event.event == "scrapped":
            self._end(unit, at_s, good=False)
        elif event.event == "reworked":
            unit.rework = True
            way = self.model.rework_way(machine.station, unit.product)
            if way == AGAIN:
                machine.unit, machine.finished, machine.worked_s = name, False, 0.0
                machine.resumed_s = None if machine.said in PAUSED else at_s
            elif way is not None:
                self._put(unit, way, at_s)
        else:
            self._way_out(at_s, unit, machine.station)
        self._turn(machine, at_s)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────────────────

    def _unit(self, at_s: float, event: LineEvent, name: str | None) -> UnitLive:
        if name is None:
            name = f"?{event.station}/{at_s:.6f}"
        unit = self.units.get(name)
        if unit is None:
            if len(self.units) >= UNITS_KEPT:
                oldest = min(self.units.values(), key=lambda each: each.since_s)
                self._forget(oldest)
                self.oddities["units_forgotten"] += 1
            if not self.model.enters(event.station, event.product):
                self.oddities["unit_from_nowhere"] += 1
            unit = UnitLive(name, event.product, event.order, at_s, "", at_s)
            self.units[name] = unit
        unit.product = event.product or unit.product or self.model.line.products[0]
        unit.order = event.order or unit.order
        return unit

    def _head(self, station: str) -> str | None:
        for step in self.model.steps(station, None):
            for place in step.takes:
                if self.buffers.get(place):
                    return self.buffers[place][0]
        return None

    def _take(self, unit: UnitLive) -> None:
        waiting = self.buffers.get(unit.place)
        if waiting is not None and unit.unit in waiting:
            waiting.remove(unit.unit)
        machine = self.machines.get(unit.place)
        if machine is not None and machine.unit == unit.unit:
            machine.unit, machine.finished, machine.resumed_s = None, False, None

    def _consume(self, unit: UnitLive, station: str) -> None:
        """What else an assembly takes goes into the part."""
        steps = self.model.steps(station, unit.product)
        if not steps or len(steps[0].takes) < 2:
            return
        for place in steps[0].takes:
            if place != unit.place and self.buffers.get(place):
                self.units.pop(self.buffers[place].pop(0), None)

    def _put(self, unit: UnitLive, place: str, at_s: float) -> None:
        if unit.place == place and unit.unit in self.buffers[place]:
            return
        self._take(unit)
        self.buffers[place].append(unit.unit)
        unit.place, unit.since_s = place, at_s

    def _move_on(self, at_s: float, name: str, machine: MachineLive) -> None:
        self._stop_work(machine, at_s)
        machine.unit, machine.finished = None, False
        if name in self.units:
            self._way_out(at_s, self.units[name], machine.station)

    def _way_out(self, at_s: float, unit: UnitLive, station: str) -> None:
        way = self.model.way_out(station, unit.product)
        if way == FINISHED:
            self._end(unit, at_s, good=True)
        elif way in self.buffers:
            assert way is not None, "None is in no dictionary of buffers"
            unit.rework = False
            self._put(unit, way, at_s)

    def _end(self, unit: UnitLive, at_s: float, *, good: bool) -> None:
        self._forget(unit)
        if good and unit.order is not None:
            self.finished[unit.order] += 1
        self.completions.append(
            Completion(unit.unit, unit.product, unit.order, at_s, unit.entered_s, good, unit.rework)
        )

    def _forget(self, unit: UnitLive) -> None:
        self._take(unit)
        self.units.pop(unit.unit, None)

    # ── machines ──────────────────────────────────────────────────────────────────────────────────────────

    def _stop_work(self, machine: MachineLive, at_s: float) -> None:
        if machine.resumed_s is not None:
            worked = max(0.0, at_s - machine.resumed_s)
            machine.worked_s += worked
            if machine.up_work_s is not None:
                machine.up_work_s += worked
            machine.resumed_s = None

    def _turn(self, machine: MachineLive, at_s: float) -> None:
        """Close the span that ends here, where the state is another one now."""
        state = self.state_of(machine)
        if state == machine.state and machine.unit == machine.span_unit:
            return
        if machine.state != "unknown" and at_s > machine.since_s:
            self.spans.append(
                Span(machine.name, machine.state, machine.since_s, at_s, machine.span_unit, machine.span_reason)
            )
        machine.state, machine.since_s = state, at_s
        machine.span_unit, machine.span_reason = machine.unit, machine.reason if machine.said == state else ""

    @staticmethod
    def state_of(machine: MachineLive) -> str:
        """What it does, from its part and from what it says itself: a part in work or finished says more."""
        if machine.said in PAUSED or machine.said == "set_up":
            return machine.said
        if machine.unit is not None:
            return "blocked" if machine.finished else "producing"
        if machine.said in ("producing", "idle", "starved", "blocked"):
            return machine.said
        return "starved"

    @property
    def known_from_s(self) -> float:
        """Since when the history is whole."""
        if len(self.spans) == INTERVALS_KEPT:
            return self.spans[0].end_s
        return self.began_s if self.began_s is not None else float("inf")

    def history(self, begin_s: float, end_s: float) -> list[Span]:
        """What the machines did in a period, spans cut to it, those that are going on until the last event."""
        going = [
            Span(m.name, m.state, m.since_s, max(m.since_s, self.now_s), m.span_unit, m.span_reason)
            for m in self.machines.values()
            if m.state != "unknown"
        ]
        return [
            msgspec.structs.replace(span, begin_s=max(span.begin_s, begin_s), end_s=min(span.end_s, end_s))
            for span in (*self.spans, *going)
            if span.end_s > begin_s and span.begin_s < end_s
        ]
