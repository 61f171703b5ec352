"""The line's own events, as the log holds them, in the form that calibration reads: a re-fit needs no export."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gaugeblock.ledger.record import parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.production_facets import EventBatchStatement, EventBatchSubject, LineEvent, MachineEvent
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.projections import OpenRecord, open_record
from gaugeblock.twin.calibration.event_log import EventLog, LogBuilder

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
DOWN = frozenset({"down", "maintenance"})
EVENTS = "production.events"


class LineEventsMissingError(GaugeblockError):
    """The log holds no events of this line. Facts: ``line``, ``known``."""

    code = "twin.line_events_missing"


@dataclass
class _Fold:
    """Visits that are still going on, by part and station, and machines that are down."""

    builder: LogBuilder
    unit_s: float
    machines: frozenset[str]
    origin_s: float | None = None
    visits: dict[tuple[str, str], tuple[float, LineEvent]] = field(default_factory=dict)
    down: dict[str, float] = field(default_factory=dict)

    def at(self, time: str) -> float:
        seconds = from_rfc3339(time).timestamp()
        if self.origin_s is None:
            self.origin_s, self.builder.origin = seconds, time
        return (seconds - self.origin_s) / self.unit_s

    def step(self, event: LineEvent) -> None:
        if event.unit is None:
            return
        key, now = (event.unit, event.station), self.at(event.at)
        if event.event == "started":
            self.visits.setdefault(key, (now, event))
        elif event.event in ("left", "scrapped", "reworked") and key in self.visits:
            self.end(key, now, rejected=event.event == "scrapped")

    def end(self, key: tuple[str, str], now: float, *, rejected: bool = False) -> None:
        start, event = self.visits.pop(key)
        # A station's only machine is called as the station is.
        machine = event.machine or (event.station if event.station in self.machines else None)
        self.builder.visit(
            key[0], key[1], machine, start, now, product=event.product, order=event.order, rejected=rejected
        )

    def state(self, event: MachineEvent) -> None:
        now = self.at(event.at)
        if event.state in DOWN:
            self.down.setdefault(event.machine, now)
        elif event.machine in self.down:
            self.builder.down(event.machine, self.down.pop(event.machine), now)

    def closed(self) -> EventLog:
        for key in sorted(self.visits):
            self.end(key, math.nan)
        for machine, start in sorted(self.down.items()):
            self.builder.down(machine, start, math.nan)
        return self.builder.build()


def events_of(records: Callable[[], Iterable[OpenRecord]], line: str, unit: str) -> EventLog:
    """The visits and failures that a line's records tell.

    A visit runs from ``started`` to ``left``, ``scrapped`` or ``reworked``; one that has not ended is kept open.

    Parameters
    ----------
    records
        Gives them in the log's order; read twice, first for the machines' names.
    line
        Id of ``plant.toml``.
    unit
        ``s``, ``min`` or ``h``: of the times.

    Raises
    ------
    LineEventsMissingError, LogTooLongError
    """
    known: set[str] = set()
    machines: set[str] = set()
    for at, statement in _batches(records()):
        known.add(at)
        if at == line:
            machines.update(state.machine for state in statement.states)
    fold = _Fold(LogBuilder(unit), SECONDS[unit], frozenset(machines))
    for at, statement in _batches(records()):
        if at == line:
            for step in statement.steps:
                fold.step(step)
            for state in statement.states:
                fold.state(state)
    log = fold.closed()
    if not len(log):
        raise LineEventsMissingError(line=line, known=", ".join(sorted(known)) or "–")
    return log


def _batches(records: Iterable[OpenRecord]) -> Iterator[tuple[str, EventBatchStatement]]:
    for record in records:
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if isinstance(subject, EventBatchSubject) and isinstance(statement, EventBatchStatement):
            yield subject.line, statement


def recorded_events(reader: LogReader, line: str, unit: str) -> EventLog:
    """The same from a plant's log.

    Raises
    ------
    LineEventsMissingError, LogTooLongError
    """
    size = reader.size

    def records() -> Iterator[OpenRecord]:
        return (open_record(each) for each in reader.records(0, size) if _tells_events(each.jws))

    return events_of(records, line, unit)


def _tells_events(jws: bytes) -> bool:
    """Before the facets are opened, so that a million verdicts cost little."""
    return parse(jws).record_type == EVENTS
