"""What a customer may see, as EPCIS events: verdicts, genealogy, shipments, and what they captured themselves.

A verdict is an observation (``inspecting``). Of a genealogy, units that stay what they are make an aggregation
(``assembling``), lots and heats that are used up a transformation (``commissioning``). A shipment is an observation
(``shipping``). Verdicts without a serial number are no events: an event is about an object that has a name.

Objects are named by URLs of the plant, without more than a number: whoever has no contract finds nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import msgspec

from gaugeblock.exchange.document_errors import EventExtensionError, EventFormError, QueryTooLargeError
from gaugeblock.exchange.epcis.building import (
    Quantity,
    UnitInspected,
    UnitsJoined,
    UnitsMade,
    UnitsShipped,
    inspected,
    joined,
    made,
    named,
    shipped,
)
from gaugeblock.exchange.epcis.json_ld import ReadEvent, read_document
from gaugeblock.exchange.text_forms import moment_of
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import (
    AttachedDocument,
    GenealogyView,
    InspectionFilter,
    InspectionView,
    MessageView,
    Page,
    ShipmentView,
    ThreadView,
)
from gaugeblock.ledger.detail import LedgerError
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.times import to_rfc3339

RECORDS_MOST: Final = 20_000
"""Records of one kind that one query goes through; a query of more has to be narrowed by its times."""
CAPTURED_MOST: Final = 20_000
MEMO_MOST: Final = 100_000
PIECE: Final = "C62"
EVENTS_NAME: Final = "epcis-events.jsonld"
JOB_NAME: Final = "epcis-capture-job.json"
SENT_NAME: Final = "epcis-capture.jsonld"
"""Names of the three documents of a capture: the events that were taken, what came of it, and what was sent."""

_T = TypeVar("_T")


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """How objects are named: under ``base``, the exchange's address; times carry the offset of ``zone``."""

    base: str
    zone: ZoneInfo

    def unit(self, unit: str) -> str:
        """A serial number."""
        return named(self.base, "obj", unit)

    def batch(self, kind: str, number: str) -> str:
        """A lot, or a heat."""
        return named(self.base, "class", kind, number)

    def place(self, place: str | None) -> str | None:
        """A station, the plant, a customer."""
        return None if place is None else named(self.base, "loc", place)

    def document(self, number: str | None) -> str | None:
        """An order, a shipment."""
        return None if number is None else named(self.base, "bt", number)

    def offset(self, at: str) -> str:
        """Of the place at a time, as ``+08:00``."""
        offset = moment_of(at).astimezone(self.zone).utcoffset() or timedelta(0)
        minutes = round(offset.total_seconds() / 60)
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"

    def unit_of(self, uri: str) -> str | None:
        """The serial number that a URI of ours names; ``None`` for any other.

        >>> names = Naming(base="https://x.example", zone=ZoneInfo("Asia/Shanghai"))
        >>> names.unit_of(names.unit("U 1")), names.unit_of("urn:epc:id:sgtin:0614141.107346.2017")
        ('U 1', None)
        """
        start = f"{self.base.rstrip('/')}/obj/"
        return unquote(uri.removeprefix(start)) if uri.startswith(start) else None


class Sourced(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and the records that it is derived from."""

    event: ReadEvent
    records: tuple[int, ...]


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """What a query needs not look at: other times (half open, UTC), other units, verdicts and shipments at all."""

    since: datetime | None = None
    until: datetime | None = None
    unit: str | None = None
    observations: bool = True


def of_inspection(one: InspectionView, names: Naming) -> tuple[ReadEvent, ...]:
    """A verdict."""
    if one.unit is None or one.verdict is None:
        return ()
    event = UnitInspected(
        at=one.stated_at,
        offset=names.offset(one.stated_at),
        records=(one.record_index,),
        unit=names.unit(one.unit),
        verdict=Verdict(one.verdict),
        read_point=names.place(one.station),
        order=names.document(one.order),
    )
    return (inspected(event),)


def of_genealogy(one: GenealogyView, names: Naming) -> tuple[ReadEvent, ...]:
    """What went into a unit: what stays, and what was used up."""
    found: list[ReadEvent] = []
    units = tuple(names.unit(part.id) for part in one.components if part.kind == "unit" and part.id)
    used = tuple(
        Quantity(
            epc_class=names.batch(part.kind, part.id),
            quantity=part.quantity,
            uom=part.quantity_unit if part.quantity_unit != PIECE else None,
        )
        for part in one.components
        if part.kind in ("lot", "heat") and part.id
    )
    at, offset, records = one.stated_at, names.offset(one.stated_at), (one.record_index,)
    place, order = names.place(one.station), names.document(one.order)
    if units:
        parts = UnitsJoined(
            at=at,
            offset=offset,
            records=records,
            parent=names.unit(one.unit),
            units=units,
            read_point=place,
            production_order=order,
        )
        found.append(joined(parts))
    if used:
        outputs = (names.unit(one.unit),)
        whole = UnitsMade(
            at=at,
            offset=offset,
            records=records,
            input_lots=used,
            outputs=outputs,
            read_point=place,
            production_order=order,
        )
        found.append(made(whole))
    return tuple(found)


def of_shipment(one: ShipmentView, customer: str, names: Naming) -> tuple[ReadEvent, ...]:
    """What left: its units, or its lots where no serial is named; of one lot with the quantity."""
    if one.shipped_at is None or not (one.units or one.lots):
        return ()
    alone = str(one.quantity) if len(one.lots) == 1 and one.quantity is not None else None
    lots = () if one.units else tuple(Quantity(epc_class=names.batch("lot", lot), quantity=alone) for lot in one.lots)
    sender, receiver = names.place("plant"), names.place(customer)
    assert sender is not None
    assert receiver is not None
    event = UnitsShipped(
        at=one.shipped_at,
        offset=names.offset(one.shipped_at),
        records=(one.record_index,),
        sender=sender,
        receiver=receiver,
        units=tuple(names.unit(unit) for unit in one.units),
        lots=lots,
        read_point=sender,
        order=names.document(one.order),
        delivery=names.document(one.shipment),
    )
    return (shipped(event),)


def captures_of(view: CustomerView) -> Iterator[tuple[ThreadView, MessageView]]:
    """What the customer has captured: each is a message that carries its documents."""
    for thread in _all(lambda after: view.threads(after, 500)):
        first = thread.messages[0]
        if first.by == "customer" and first.kind == "document_shared" and document(first, EVENTS_NAME) is not None:
            yield thread, first


def document(message: MessageView, name: str) -> AttachedDocument | None:
    """The document of this name that goes with a message."""
    return next((one for one in message.documents if one.name == name), None)


class RecordEvents:
    """All events that a customer may see. Events are made once for a record as it is seen.

    Parameters
    ----------
    names
        How objects are named.
    file
        Bytes by digest.
    """

    def __init__(self, names: Naming, file: Callable[[str], bytes]) -> None:
        self.names, self._file = names, file
        self._made: dict[tuple[str, str, int], tuple[object, tuple[ReadEvent, ...]]] = {}
        self._captured: dict[str, tuple[ReadEvent, ...]] = {}

    def of(self, view: CustomerView, narrowed: Narrowed | None = None) -> list[Sourced]:
        """Events, each id once: what the records say goes before what was captured under the same id.

        Raises
        ------
        QueryTooLargeError
            More than :data:`RECORDS_MOST` records of one kind are to be gone through.
        """
        narrowed = narrowed or Narrowed()
        found: dict[str, Sourced] = {}
        for one in (*self._recorded(view, narrowed), *self._captures(view)):
            found.setdefault(one.event.event.event_id or "", one)
        return list(found.values())

    def _recorded(self, view: CustomerView, narrowed: Narrowed) -> Iterator[Sourced]:
        names = self.names
        if narrowed.observations:
            wanted = InspectionFilter(
                unit=narrowed.unit,
                since=None if narrowed.since is None else to_rfc3339(narrowed.since),
                until=None if narrowed.until is None else to_rfc3339(narrowed.until),
            )
            for seen in _bounded(lambda before: view.inspections(wanted, before, 500)):
                yield from self._once(view, "inspection", seen, lambda one: of_inspection(one, names))
            for left in _bounded(lambda after: view.shipments(None, after, 500)):
                yield from self._once(view, "shipment", left, lambda one: of_shipment(one, view.customer, names))
        units = {
            record.facets.get("subject", {}).get("unit")
            for record in _bounded(lambda before: view.records("production.genealogy", before, 500))
        }
        for unit in sorted(unit for unit in units if unit is not None):
            for parts in view.genealogy(unit):
                yield from self._once(view, "genealogy", parts, lambda one: of_genealogy(one, names))

    def _once(
        self, view: CustomerView, kind: str, one: Any, make: Callable[[Any], tuple[ReadEvent, ...]]
    ) -> Iterator[Sourced]:
        key = (view.customer, kind, one.record_index)
        known = self._made.get(key)
        # The same record may be seen otherwise: by another version of the contract, in the sandbox.
        if known is None or known[0] != one:
            if len(self._made) >= MEMO_MOST:
                self._made.clear()
            known = self._made[key] = (one, tuple(_recorded_at(event, one.stated_at) for event in make(one)))
        return (Sourced(event=event, records=(one.record_index,)) for event in known[1])

    def _captures(self, view: CustomerView) -> Iterator[Sourced]:
        count = 0
        for _, message in captures_of(view):
            kept = document(message, EVENTS_NAME)
            assert kept is not None, "captures_of() passes over what has none"
            for event in self._events(kept.sha256):
                count += 1
                if count > CAPTURED_MOST:
                    raise QueryTooLargeError(limit=CAPTURED_MOST)
                yield Sourced(event=event, records=(message.record_index,))

    def _events(self, sha256: str) -> Sequence[ReadEvent]:
        known = self._captured.get(sha256)
        if known is None:
            if sum(map(len, self._captured.values())) >= MEMO_MOST:
                self._captured.clear()
            data = self._file(sha256)
            try:
                known = read_document(data).events
            except (EventFormError, EventExtensionError, LedgerError):
                # Not by way of capture: a document that a customer shared under the name of one.
                known = ()
            self._captured[sha256] = known
        return known


def _recorded_at(read: ReadEvent, at: str) -> ReadEvent:
    """The event with the time of its record: by it a caller asks for what is new."""
    return ReadEvent(msgspec.structs.replace(read.event, record_time=at), read.extensions)


def _bounded(page_of: Callable[[Any], Page[_T]]) -> Iterator[_T]:
    for count, one in enumerate(_all(page_of)):
        if count >= RECORDS_MOST:
            raise QueryTooLargeError(limit=RECORDS_MOST)
        yield one


def _all(page_of: Callable[[Any], Page[_T]]) -> Iterable[_T]:
    after: Any = None
    while True:
        page = page_of(after)
        yield from page.items
        if page.next is None:
            return
        after = page.next
