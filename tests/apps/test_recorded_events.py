"""A line's own records as an event log: visits, scrap, parts still on their way, machines that were down."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from gaugeblock.apps.recorded_events import LineEventsMissingError, events_of
from gaugeblock.plant.production_facets import EventBatchStatement, EventBatchSubject, LineEvent, MachineEvent
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.projections import OpenRecord

ZERO = datetime(2026, 11, 25, 8, tzinfo=UTC)


def at(minutes: float) -> str:
    return to_rfc3339(ZERO + timedelta(minutes=minutes))


def step(minutes: float, station: str, event: str, unit: str | None, machine: str | None = None) -> LineEvent:
    return LineEvent(at(minutes), station, event, unit, machine, "P1", "A-1")  # type: ignore[arg-type]


def batch(index: int, line: str, *events: LineEvent | MachineEvent) -> OpenRecord:
    steps = tuple(e for e in events if isinstance(e, LineEvent))
    states = tuple(e for e in events if isinstance(e, MachineEvent))
    facets = {"subject": EventBatchSubject(line), "statement": EventBatchStatement(index, steps, states)}
    return OpenRecord(index, "production.events", 1, "virtual:line", str(index), at(0), at(0), facets)


RECORDS = [
    batch(1, "L1", step(0, "saw", "started", "u1"), step(2, "saw", "finished", "u1"), step(3, "saw", "left", "u1")),
    batch(2, "L2", step(0, "press", "started", "x")),
    batch(3, "L1", step(4, "saw", "started", "u2"), MachineEvent(at(5), "saw", "down")),
    batch(4, "L1", MachineEvent(at(6), "saw", "producing"), step(8, "saw", "scrapped", "u2")),
    batch(5, "L1", step(8, "mill", "started", "u1", "mill/2"), step(9, "saw", "left", "nobody")),
    batch(6, "L1", MachineEvent(at(9), "mill/1", "maintenance"), step(9, "mill", "started", None)),
]


def test_visits_failures_and_what_is_still_going_on() -> None:
    log = events_of(lambda: RECORDS, "L1", "min")
    rows = [
        (log.parts[p], log.stations[s], log.machines[m], start, end, rejected)
        for p, s, m, start, end, rejected in zip(
            log.part, log.station, log.machine, log.start, log.end, log.rejected, strict=True
        )
    ]
    assert rows[:2] == [("u1", "saw", "saw", 0.0, 3.0, False), ("u2", "saw", "saw", 4.0, 8.0, True)]
    assert rows[2][:4] == ("u1", "mill", "mill/2", 8.0)
    assert math.isnan(rows[2][4])
    assert [log.machines[m] for m in log.down_machine] == ["saw", "mill/1"]
    assert (log.down_start.tolist(), log.down_end[0]) == ([5.0, 9.0], 6.0)
    assert math.isnan(log.down_end[1])
    assert (log.unit, log.origin, log.orders) == ("min", at(0), ("A-1",))


def test_seconds_and_another_line() -> None:
    log = events_of(lambda: RECORDS, "L1", "s")
    assert log.end[0] == 180.0
    with pytest.raises(LineEventsMissingError) as caught:
        events_of(lambda: RECORDS, "L9", "min")
    assert caught.value.facts == {"line": "L9", "known": "L1, L2"}
