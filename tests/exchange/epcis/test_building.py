"""Events from what the plant knows: valid, with their records, with the id that their content gives."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.document_errors import DecimalTextError, EventFormError
from gaugeblock.exchange.epcis.building import (
    PREFIXES,
    Quantity,
    UnitInspected,
    UnitsMade,
    UnitsPacked,
    UnitsShipped,
    declared_in_error,
    inspected,
    made,
    named,
    packed,
    shipped,
)
from gaugeblock.exchange.epcis.event_hash import event_hash
from gaugeblock.exchange.epcis.json_ld import ReadEvent, epcis_document, event_tree, read_document, write_document
from gaugeblock.plant.facet import Verdict

SCHEMA = Path(__file__).resolve().parents[3].parent / "shared/conformance/epcis/EPCIS-JSON-Schema.json"
BASE = "https://czforge.example"
AT = "2026-11-20T01:02:03.250Z"


def unit(number: int) -> str:
    return named(BASE, "obj", "P-17", f"U{number}")


LOT = Quantity(epc_class=named(BASE, "class", "L26-1107"), quantity="12.50", uom="KGM")


def all_kinds() -> list[ReadEvent]:
    place = named(BASE, "loc", "line 1")
    first = inspected(
        UnitInspected(
            at=AT,
            records=(7,),
            unit=unit(1),
            verdict=Verdict.OK,
            read_point=place,
            location=place,
            order=named(BASE, "bt", "4500018823"),
            certificate=named(BASE, "bt", "GB-2026-0817"),
        )
    )
    wrong = inspected(UnitInspected(at=AT, records=(8,), unit=unit(1), verdict=Verdict.NOK))
    return [
        first,
        made(
            UnitsMade(at=AT, records=(3, 4), input_lots=(LOT,), outputs=(unit(1), unit(2)), production_order="urn:x:1")
        ),
        packed(
            UnitsPacked(at=AT, records=(9,), container=named(BASE, "obj", "box", "3"), units=(unit(1),), lots=(LOT,))
        ),
        shipped(
            UnitsShipped(
                at=AT,
                records=(10,),
                units=(unit(1),),
                sender=named(BASE, "loc", "gate"),
                receiver="https://keller.example/loc/dock",
                order="urn:x:o",
                delivery="urn:x:d",
            )
        ),
        declared_in_error(wrong, declared_at="2026-11-21T00:00:00Z", reason="incorrect_data", corrective=(first,)),
    ]


def test_they_come_back_with_their_records() -> None:
    document = epcis_document(all_kinds(), creation_date=AT, prefixes=PREFIXES)
    again = read_document(write_document(document))
    assert [event_tree(one) for one in again.events] == [event_tree(one) for one in document.events]
    assert [one.extensions["/gaugeblock:records"] for one in again.events] == [[7], [3, 4], [9], [10], [8]]


@pytest.mark.skipif(not SCHEMA.is_file(), reason="../shared/conformance/epcis is not there")
def test_they_are_valid_by_the_schema() -> None:
    raw = write_document(epcis_document(all_kinds(), creation_date=AT, prefixes=PREFIXES))
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_bytes())).validate(json.loads(raw))


def test_ids_follow_from_content() -> None:
    for one in all_kinds():
        assert event_hash(one, PREFIXES) == one.event.event_id
    assert len({one.event.event_id for one in all_kinds()}) == 5


@pytest.mark.parametrize(
    ("verdict", "disposition"),
    [(Verdict.OK, "conformant"), (Verdict.NOK, "non_conformant"), (Verdict.UNDECIDED, "unknown")],
)
def test_a_verdict_is_a_disposition(verdict: Verdict, disposition: str) -> None:
    tree = event_tree(inspected(UnitInspected(at=AT, records=(1,), unit=unit(1), verdict=verdict)))
    assert (tree["bizStep"], tree["disposition"], tree["action"]) == ("inspecting", disposition, "OBSERVE")


def test_a_declaration_repeats_the_event_and_names_what_stands_in_its_place() -> None:
    first, *_, declared = all_kinds()
    wrong = inspected(UnitInspected(at=AT, records=(8,), unit=unit(1), verdict=Verdict.NOK))
    assert declared.event.event_id == wrong.event.event_id
    assert declared.event.error_declaration is not None
    assert declared.event.error_declaration.corrective_event_ids == (first.event.event_id,)


def test_what_no_event_can_say_is_named() -> None:
    with pytest.raises(EventFormError):
        inspected(UnitInspected(at="yesterday", records=(1,), unit=unit(1), verdict=Verdict.OK))
    with pytest.raises(EventFormError):
        inspected(UnitInspected(at=AT, records=(1,), unit="unit 1", verdict=Verdict.OK))
    with pytest.raises(EventFormError):
        made(UnitsMade(at=AT, records=(1,), inputs=(unit(1),)))
    with pytest.raises(DecimalTextError):
        packed(
            UnitsPacked(at=AT, records=(1,), container="urn:a:b", lots=(Quantity(epc_class="urn:a:b", quantity="1,5"),))
        )


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), st.integers(0, 2**53))
def test_any_serial_number_has_a_name(serial: str, record: int) -> None:
    event = inspected(UnitInspected(at=AT, records=(record,), unit=named(BASE, "obj", serial), verdict=Verdict.OK))
    raw = write_document(epcis_document([event], creation_date=AT, prefixes=PREFIXES))
    assert read_document(raw).events[0].event == event.event
