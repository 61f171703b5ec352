"""Events of a line from files, CSV or JSON lines: bytes in, events out, and what was wrong with which row.

CSV has a header; columns are ``at``, ``station``, ``event``, ``unit``, ``machine``, ``product``, ``order``, and for
machine states ``at``, ``machine``, ``state``, ``reason``; both kinds may stand in one file. A JSON line has the same
keys. Times are RFC 3339; a time with an offset is turned to UTC, a local one is taken in the zone given.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec

from gaugeblock.plant.production_facets import EventBatchStatement, LineEvent, MachineEvent
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.production.line_errors import EventFileError, EventFileLimitError, EventRowError

BYTES_MAX = 256 * 1024 * 1024
ROWS_MAX = 2_000_000
TEXT_MAX = 200
BATCH_EVENTS = 500
BATCH_BYTES = 40_000
"""A facet of a record holds some 49 kB."""
STEPS = frozenset(get_args(msgspec.structs.fields(LineEvent)[2].type))
STATES = frozenset(get_args(msgspec.structs.fields(MachineEvent)[2].type))

Event = LineEvent | MachineEvent


def read_events(data: bytes, file: str, timezone: str = "UTC") -> list[Event]:
    """All events of a file, in the order of their times.

    Parameters
    ----------
    data, file
        Its bytes and its name; a name that ends in ``.jsonl`` holds JSON lines, any other CSV.
    timezone
        IANA name, for times without an offset.

    Raises
    ------
    EventFileError, EventRowError, EventFileLimitError

    Examples
    --------
    >>> text = "at,station,event,unit\\n2026-01-01T08:00:00Z,drilling,started,u1\\n"
    >>> read_events(text.encode(), "a.csv")[0].unit
    'u1'
    """
    if len(data) > BYTES_MAX:
        raise EventFileLimitError(file=file, found=len(data), limit=BYTES_MAX)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise EventFileError(file=file, detail=f"UTF-8, byte {fault.start}") from fault
    zone = ZoneInfo(timezone)
    rows = _json_rows(text, file) if file.endswith(".jsonl") else _csv_rows(text, file)
    events = []
    for number, row in rows:
        if number > ROWS_MAX:
            raise EventFileLimitError(file=file, found=number, limit=ROWS_MAX)
        events.append(_event(row, file, number, zone))
    return sorted(events, key=lambda event: event.at)


def _csv_rows(text: str, file: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames is None or "at" not in reader.fieldnames:
        raise EventFileError(file=file, detail="header: at")
    try:
        for row in reader:
            yield reader.line_num, {key: value for key, value in row.items() if key and isinstance(value, str)}
    except csv.Error as fault:
        raise EventFileError(file=file, detail=str(fault)) from fault


def _json_rows(text: str, file: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line, type=dict[str, str])
        except msgspec.DecodeError as fault:
            raise EventRowError(file=file, row=number, column="", value=str(fault)[:TEXT_MAX]) from fault


def _event(row: Mapping[str, str], file: str, number: int, zone: ZoneInfo) -> Event:
    def text(key: str) -> str | None:
        value = (row.get(key) or "").strip()
        if len(value) > TEXT_MAX:
            raise EventRowError(file=file, row=number, column=key, value=value[:40] + "…")
        return value or None

    def needed(key: str, among: frozenset[str] | None = None) -> str:
        value = text(key)
        if value is None or (among is not None and value not in among):
            raise EventRowError(file=file, row=number, column=key, value=value or "")
        return value

    at = _moment(needed("at"), file, number, zone)
    if text("state") is not None:
        return MachineEvent(
            at=at,
            machine=needed("machine"),
            state=needed("state", STATES),  # type: ignore[arg-type]
            reason=text("reason") or "",
        )
    return LineEvent(
        at=at,
        station=needed("station"),
        event=needed("event", STEPS),  # type: ignore[arg-type]
        unit=text("unit"),
        machine=text("machine"),
        product=text("product"),
        order=text("order"),
    )


def _moment(value: str, file: str, number: int, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as fault:
        raise EventRowError(file=file, row=number, column="at", value=value[:40]) from fault
    return to_rfc3339((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))


def in_batches(events: Iterable[Event], first: int = 0, size: int = BATCH_EVENTS) -> Iterator[EventBatchStatement]:
    """Events as statements of so many at most, and small enough for a record; numbered from ``first``.

    >>> [len(b.states) for b in in_batches([MachineEvent("2026-01-01T00:00:00Z", "m", "idle")] * 3, size=2)]
    [2, 1]
    """
    held: list[Event] = []
    number, held_bytes = first, 0
    for event in events:
        size_bytes = len(msgspec.json.encode(event)) + 1
        if held and (len(held) == size or held_bytes + size_bytes > BATCH_BYTES):
            yield batch_of(held, number)
            held, number, held_bytes = [], number + 1, 0
        held.append(event)
        held_bytes += size_bytes
    if held:
        yield batch_of(held, number)


def batch_of(events: Iterable[Event], sequence: int) -> EventBatchStatement:
    """One statement."""
    kept = list(events)
    return EventBatchStatement(
        sequence=sequence,
        steps=tuple(event for event in kept if isinstance(event, LineEvent)),
        states=tuple(event for event in kept if isinstance(event, MachineEvent)),
    )
