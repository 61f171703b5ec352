"""Events from what the plant knows: a unit inspected, made, packed, shipped; and an event declared to be in error.

Every event names the records of the log that it was derived from, as an extension of our own vocabulary, and gets the
id that its content gives. Objects without a GS1 key are named by URLs of the owner, in the forms that the CBV gives.

Source: EPCIS 2.0, section 7.4; CBV 2.0, sections 7 (words) and 8.2 (user-defined identifiers).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from gaugeblock.exchange.decimal_text import decimal_of
from gaugeblock.exchange.document_errors import EventFormError
from gaugeblock.exchange.epcis.event_hash import event_hash
from gaugeblock.exchange.epcis.events import (
    AggregationEvent,
    BizTransaction,
    Destination,
    ErrorDeclaration,
    Event,
    ObjectEvent,
    Place,
    QuantityElement,
    Source,
    TransformationEvent,
)
from gaugeblock.exchange.epcis.json_ld import ReadEvent
from gaugeblock.plant.facet import Verdict

PREFIX: Final = "gaugeblock"
VOCABULARY: Final = "urn:gaugeblock:epcis:"
PREFIXES: Final = {PREFIX: VOCABULARY}
_DISPOSITION: Final = {Verdict.OK: "conformant", Verdict.NOK: "non_conformant", Verdict.UNDECIDED: "unknown"}


class _Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every event says: ``at`` RFC 3339, ``offset`` the place's (``+08:00``), places as URIs, records by index."""

    at: str
    records: tuple[int, ...]
    offset: str = "+08:00"
    read_point: str | None = None
    location: str | None = None


class Quantity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of a lot or class: decimal text in ``uom`` (UN/CEFACT Recommendation 20), or pieces; ``None``: unsaid."""

    epc_class: str
    quantity: str | None
    uom: str | None = None


class UnitInspected(_Input, frozen=True, kw_only=True):
    """A verdict about a unit. ``order`` and ``certificate`` are URIs."""

    unit: str
    verdict: Verdict
    order: str | None = None
    certificate: str | None = None


class UnitsMade(_Input, frozen=True, kw_only=True):
    """Units or lots used up, and units or lots that came of them, by a production order (a URI)."""

    inputs: tuple[str, ...] = ()
    input_lots: tuple[Quantity, ...] = ()
    outputs: tuple[str, ...] = ()
    output_lots: tuple[Quantity, ...] = ()
    production_order: str | None = None


class UnitsJoined(_Input, frozen=True, kw_only=True):
    """Units that were built into another one and stay what they are."""

    parent: str
    units: tuple[str, ...]
    production_order: str | None = None


class UnitsPacked(_Input, frozen=True, kw_only=True):
    """Units or parts of lots put into a container."""

    container: str
    units: tuple[str, ...] = ()
    lots: tuple[Quantity, ...] = ()


class UnitsShipped(_Input, frozen=True, kw_only=True):
    """Units, containers or parts of lots that left for the customer; parties and documents as URIs."""

    sender: str
    receiver: str
    units: tuple[str, ...] = ()
    lots: tuple[Quantity, ...] = ()
    order: str | None = None
    delivery: str | None = None
    certificate: str | None = None


def named(base: str, kind: Literal["obj", "class", "loc", "bt"], *parts: str) -> str:
    """A URL that names an object, class, place or document of its owner.

    Examples
    --------
    >>> named("https://czforge.example", "obj", "P-17", "U 42")
    'https://czforge.example/obj/P-17.U%2042'
    """
    return f"{base.rstrip('/')}/{kind}/{'.'.join(quote(part, safe='') for part in parts)}"


def inspected(unit: UnitInspected) -> ReadEvent:
    """A verdict as an observation: conformant, non_conformant, or unknown until a person decides.

    Raises
    ------
    EventFormError
    """
    transactions = _transactions(("po", unit.order), ("cert", unit.certificate))
    with _form("ObjectEvent"):
        event = ObjectEvent(
            event_time=unit.at,
            event_time_zone_offset=unit.offset,
            read_point=_place(unit.read_point),
            biz_location=_place(unit.location),
            action="OBSERVE",
            epc_list=(unit.unit,),
            biz_step="inspecting",
            disposition=_DISPOSITION[unit.verdict],
            biz_transaction_list=transactions,
        )
    return _sealed(event, unit.records)


def made(units: UnitsMade) -> ReadEvent:
    """Genealogy: inputs were used up, outputs came to be.

    Raises
    ------
    EventFormError, DecimalTextError
    """
    with _form("TransformationEvent"):
        event = TransformationEvent(
            event_time=units.at,
            event_time_zone_offset=units.offset,
            read_point=_place(units.read_point),
            biz_location=_place(units.location),
            input_epc_list=units.inputs or None,
            input_quantity_list=_quantities(units.input_lots),
            output_epc_list=units.outputs or None,
            output_quantity_list=_quantities(units.output_lots),
            biz_step="commissioning",
            disposition="active",
            biz_transaction_list=_transactions(("prodorder", units.production_order)),
        )
    return _sealed(event, units.records)


def joined(units: UnitsJoined) -> ReadEvent:
    """Genealogy: units became parts of another.

    Raises
    ------
    EventFormError
    """
    with _form("AggregationEvent"):
        event = AggregationEvent(
            event_time=units.at,
            event_time_zone_offset=units.offset,
            read_point=_place(units.read_point),
            biz_location=_place(units.location),
            action="ADD",
            parent_id=units.parent,
            child_epcs=units.units,
            biz_step="assembling",
            disposition="in_progress",
            biz_transaction_list=_transactions(("prodorder", units.production_order)),
        )
    return _sealed(event, units.records)


def packed(units: UnitsPacked) -> ReadEvent:
    """Units were put together.

    Raises
    ------
    EventFormError, DecimalTextError
    """
    with _form("AggregationEvent"):
        event = AggregationEvent(
            event_time=units.at,
            event_time_zone_offset=units.offset,
            read_point=_place(units.read_point),
            biz_location=_place(units.location),
            action="ADD",
            parent_id=units.container,
            child_epcs=units.units or None,
            child_quantity_list=_quantities(units.lots),
            biz_step="packing",
            disposition="in_progress",
        )
    return _sealed(event, units.records)


def shipped(units: UnitsShipped) -> ReadEvent:
    """Units left for the customer.

    Raises
    ------
    EventFormError, DecimalTextError
    """
    with _form("ObjectEvent"):
        event = ObjectEvent(
            event_time=units.at,
            event_time_zone_offset=units.offset,
            read_point=_place(units.read_point),
            biz_location=_place(units.location),
            action="OBSERVE",
            epc_list=units.units or None,
            quantity_list=_quantities(units.lots),
            biz_step="shipping",
            disposition="in_transit",
            biz_transaction_list=_transactions(
                ("po", units.order), ("desadv", units.delivery), ("cert", units.certificate)
            ),
            source_list=(Source(type="possessing_party", source=units.sender),),
            destination_list=(Destination(type="possessing_party", destination=units.receiver),),
        )
    return _sealed(event, units.records)


def declared_in_error(
    event: ReadEvent,
    *,
    declared_at: str,
    reason: Literal["did_not_occur", "incorrect_data"],
    corrective: Sequence[ReadEvent] = (),
) -> ReadEvent:
    """An event repeated with its error declaration; ``corrective`` are the events that stand in its place."""
    ids = tuple(one.event.event_id for one in corrective if one.event.event_id is not None)
    declaration = ErrorDeclaration(declaration_time=declared_at, reason=reason, corrective_event_ids=ids or None)
    return ReadEvent(msgspec.structs.replace(event.event, error_declaration=declaration), event.extensions)


def _transactions(*given: tuple[str, str | None]) -> tuple[BizTransaction, ...] | None:
    said = tuple(BizTransaction(type=kind, biz_transaction=uri) for kind, uri in given if uri is not None)
    return said or None


def _quantities(lots: Sequence[Quantity]) -> tuple[QuantityElement, ...] | None:
    said = tuple(
        QuantityElement(
            epc_class=lot.epc_class,
            quantity=None if lot.quantity is None else decimal_of(lot.quantity, lot.epc_class),
            uom=lot.uom,
        )
        for lot in lots
    )
    return said or None


@contextmanager
def _form(kind: str) -> Iterator[None]:
    try:
        yield
    except ValueError as fault:
        raise EventFormError(where=kind, detail=str(fault)) from fault


def _place(uri: str | None) -> Place | None:
    return None if uri is None else Place(id=uri)


def _sealed(event: Event, records: Sequence[int]) -> ReadEvent:
    """The event with the records it was derived from, under the id that all this gives."""
    read = ReadEvent(event, {f"/{PREFIX}:records": list(records)} if records else {})
    return ReadEvent(msgspec.structs.replace(event, event_id=event_hash(read, PREFIXES)), read.extensions)
