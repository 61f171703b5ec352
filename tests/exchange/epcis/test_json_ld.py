"""EPCIS as JSON-LD: the published examples come back as they went in; what breaks the form is named with its place."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from benchmarks.exchange._documents import epcis_round_trips
from gaugeblock.exchange.document_errors import EventExtensionError, EventFormError
from gaugeblock.exchange.epcis.json_ld import epcis_document, query_document, read_document, write_document
from gaugeblock.ledger.errors import CountLimitError, JsonFormError, LedgerError, SizeLimitError

EPCIS = Path(__file__).resolve().parents[3].parent / "shared" / "conformance" / "epcis"
STANDARD = EPCIS / "JSON"
SIMPLE = EPCIS / "JSON-simple-context"
needs_shared = pytest.mark.skipif(not STANDARD.is_dir(), reason="../shared/conformance/epcis is not there")

EVENT = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-25T08:00:00.250+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "OBSERVE",
    "bizStep": "inspecting",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"],
}


def document(*events: object, **changes: object) -> bytes:
    tree = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ex.example/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-25T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return json.dumps(tree | changes).encode()


@needs_shared
def test_the_47_standard_examples_come_back() -> None:
    result = epcis_round_trips(STANDARD)
    assert (result.passed, result.files) == (47, 47)
    # The one example that GS1 published with a name twice; strict readers refuse it.
    assert result.remarks == {
        "AssociationEvent/AssociationEvent-h.jsonld": "a name stands twice, the last counts: eventID"
    }


@needs_shared
def test_46_of_them_come_back_without_leniency_and_the_other_is_refused_by_name() -> None:
    refused = []
    for file in sorted(STANDARD.rglob("*.jsonld")):
        try:
            read_document(file.read_bytes())
        except JsonFormError:
            refused.append(file.name)
    assert refused == ["AssociationEvent-h.jsonld"]


@needs_shared
def test_the_types_know_every_member_of_the_standard() -> None:
    names = set()
    for file in STANDARD.rglob("*.jsonld"):
        for read in read_document(file.read_bytes(), repeated="last").events:
            names |= {pointer.rsplit("/", 1)[1] for pointer in read.extensions}
    assert names, "the examples have extensions"
    assert [name for name in names if ":" not in name] == []


@needs_shared
def test_in_the_simple_context_the_same_events_come_back() -> None:
    """The simple context names vocabularies otherwise and leaves the documents' shape, which is what is read here."""
    passed = []
    for file in sorted(STANDARD.rglob("*.jsonld")):
        tree = json.loads(file.read_bytes())
        contexts = tree["@context"] if isinstance(tree["@context"], list) else [tree["@context"]]
        tree["@context"] = ["https://gs1.github.io/EPCIS/epcis-context-simple.jsonld", *contexts[1:]]
        raw = json.dumps(tree).encode()
        if json.loads(write_document(read_document(raw)), parse_float=Decimal) == json.loads(raw, parse_float=Decimal):
            passed.append(file.name)
    assert len(passed) == 47


@pytest.mark.skipif(not SIMPLE.is_dir(), reason="../shared/conformance/epcis/JSON-simple-context is not there")
def test_the_published_simple_context_examples_come_back() -> None:
    result = epcis_round_trips(SIMPLE)
    assert (result.passed, result.remarks) == (result.files, {})


@needs_shared
def test_what_is_written_is_valid_by_the_schema() -> None:
    schema = jsonschema.Draft7Validator(json.loads((EPCIS / "EPCIS-JSON-Schema.json").read_bytes()))
    for file in STANDARD.rglob("*.jsonld"):
        read = read_document(file.read_bytes(), repeated="last")
        schema.validate(json.loads(write_document(read)))
        schema.validate(json.loads(write_document(epcis_document(read.events, creation_date="2026-11-25T00:00:00Z"))))
        schema.validate(json.loads(write_document(query_document(read.events, creation_date="2026-11-25T00:00:00Z"))))


@needs_shared
def test_what_the_schema_refuses_is_refused() -> None:
    """Every third member of the examples taken away or spoilt: where the schema objects, so do the types."""
    whole = json.loads((EPCIS / "EPCIS-JSON-Schema.json").read_bytes())
    schema = jsonschema.Draft7Validator(
        {"$ref": "#/definitions/EPCIS-Document-Event", "definitions": whole["definitions"]}
    )
    tried = missed = 0
    for file in sorted(STANDARD.rglob("*.jsonld")):
        tree = json.loads(file.read_bytes())
        if tree["type"] != "EPCISDocument":
            continue
        event = tree["epcisBody"]["eventList"][0]
        for name in list(event)[len(file.name) % 3 :: 3]:
            for spoilt in ({}, {name: 7}, {name: "no such word"}, {name + "X": event[name]}):
                changed = {key: value for key, value in event.items() if key != name} | spoilt
                if schema.is_valid(changed):
                    continue
                tried += 1
                try:
                    read_document(document(changed))
                except (EventFormError, EventExtensionError, LedgerError):
                    continue
                missed += 1
    assert tried > 250
    assert missed == 0


def test_digits_and_extensions_stay() -> None:
    event = EVENT | {
        "ex:field": [1, {"ex:deep": True}],
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.1", "quantity": 1}],
    }
    raw = document(event).replace(b'"quantity": 1', b'"quantity": 1.500')
    read = read_document(raw)
    assert dict(read.events[0].extensions) == {"/ex:field": [1, {"ex:deep": True}]}
    written = write_document(read)
    assert b'"quantity":1.500' in written
    assert json.loads(written) == json.loads(raw)


def test_an_event_of_a_vendors_kind_comes_back() -> None:
    event = {
        "type": "ex:Calibrated",
        "eventTime": "2026-11-25T08:00:00Z",
        "eventTimeZoneOffset": "+08:00",
        "gauge": {"any": [1]},
    }
    raw = document(event)
    assert json.loads(write_document(read_document(raw))) == json.loads(raw)


def test_a_bare_event_needs_its_context() -> None:
    bare = json.dumps(EVENT | {"@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"}).encode()
    read = read_document(bare)
    assert read.kind is None
    assert json.loads(write_document(read)) == json.loads(bare)
    with pytest.raises(EventFormError):
        read_document(json.dumps(EVENT).encode())


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"eventTime": "2026-11-25T08:00:00"}, "event_time"),
        ({"eventTime": "2026-13-41T08:00:00Z"}, "eventList[0]"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "no RFC 3339 time"),
        ({"eventTimeZoneOffset": "+15:00"}, "event_time_zone_offset"),
        ({"action": "LOOK"}, "action"),
        ({"bizStep": "looking"}, "bizStep looking"),
        ({"bizStep": "urn:epcglobal:cbv:bizstep:inspecting"}, "bare word"),
        ({"disposition": "fine"}, "disposition fine"),
        ({"epcList": ["no uri"]}, "epc_list"),
        ({"epcList": None}, "names objects"),
        ({"disposition": None}, "/disposition"),
        ({"readPoint": {}}, "readPoint"),
        ({"ilmd": {"ex:lot": "1"}}, "ilmd"),
        ({"quantityList": [{"epcClass": "urn:x:y", "uom": "kilogram"}]}, "uom"),
        ({"persistentDisposition": {}}, "persistentDisposition"),
        ({"sensorElementList": [{"sensorReport": []}]}, "sensorReport"),
        ({"sensorElementList": [{"sensorReport": [{"type": "Warmth"}]}]}, "Warmth"),
        ({"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": "26"}]}]}, "value"),
        ({"errorDeclaration": {"reason": "incorrect_data"}}, "errorDeclaration"),
        ({"type": "NoEvent"}, "NoEvent"),
        ({"type": "AssociationEvent"}, "parentID"),
        ({"type": "TransactionEvent"}, "transactions"),
        ({"type": "TransformationEvent"}, "inputs and outputs"),
        ({"type": "AggregationEvent"}, "children"),
    ],
)
def test_what_breaks_an_event_is_named(changes: dict[str, object], place: str) -> None:
    with pytest.raises((EventFormError, EventExtensionError)) as caught:
        read_document(document(EVENT | changes))
    facts = caught.value.facts
    assert place in f"{facts['where']} {facts.get('detail', '')}"
    assert "eventList[0]" in str(facts["where"])


def test_a_member_without_a_prefix_is_no_extension() -> None:
    with pytest.raises(EventExtensionError) as caught:
        read_document(document(EVENT | {"bizstep": "inspecting"}))
    assert caught.value.facts == {"where": "$.epcisBody.eventList[0]/bizstep"}
    with pytest.raises(EventExtensionError):
        read_document(document(EVENT, novelty=1))


@pytest.mark.parametrize("missing", ["@context", "schemaVersion", "creationDate", "epcisBody", "type"])
def test_a_document_states_what_it_must(missing: str) -> None:
    tree = json.loads(document(EVENT))
    del tree[missing]
    with pytest.raises(EventFormError):
        read_document(json.dumps(tree).encode())


def test_limits_are_named() -> None:
    with pytest.raises(LedgerError):
        read_document(b"[" * 1000 + b"]" * 1000)
    with pytest.raises(CountLimitError):
        read_document(document(EVENT | {"epcList": ["urn:a:b"] * 250_000}))
    with pytest.raises(SizeLimitError):
        read_document(document(EVENT | {"ex:x": "y" * 9_000_000}), repeated="last")
