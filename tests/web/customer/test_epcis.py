"""EPCIS over HTTP: what is asked for and captured, in whose name, by which records, and as the standard says it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote
from zoneinfo import ZoneInfo

import httpx
import jsonschema
import pytest

from gaugeblock.exchange.epcis import from_records
from gaugeblock.exchange.epcis.from_records import Naming, RecordEvents
from gaugeblock.exchange.epcis.json_ld import read_document
from gaugeblock.exchange.epcis.query import answer, read_query
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.production_facets import (
    Component,
    GenealogyStatement,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from tests.exchange.exchange_plant import DRAFTER
from tests.web.customer.serving import serving
from tests.web.customer.trading import Trade, permission

if TYPE_CHECKING:
    from tests.web.customer.site import Site

SCHEMA = Path(__file__).resolve().parents[3].parent / "shared/conformance/epcis/EPCIS-JSON-Schema.json"
BASE = "https://exchange.example"
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"keller": "https://keller.example/"}]
RECEIVED = {
    "type": "ObjectEvent",
    "eventTime": "2026-12-03T09:00:00.000+01:00",
    "eventTimeZoneOffset": "+01:00",
    "action": "OBSERVE",
    "epcList": [f"{BASE}/obj/AU1"],
    "bizStep": "receiving",
    "disposition": "in_progress",
    "keller:dock": "D7",
}


def sent(*events: dict[str, object]) -> dict[str, object]:
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-12-03T09:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


@pytest.fixture
def trade() -> Iterator[Trade]:
    made = Trade(public_url=BASE)
    yield made
    made.close()


def listed(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"])


def test_events_say_what_the_records_say(trade: Trade) -> None:
    trade.plant.say(
        DRAFTER,
        "production.genealogy",
        subject=UnitSubject("AU2", "P1", "A-1", "L-A"),
        statement=GenealogyStatement((Component("unit", "AU3"), Component("lot", "L-A", "2.5", "KGM")), "ST10"),
    )
    with trade.client() as acme:
        answer = acme.get("/epcis/events?perPage=100&orderBy=eventTime&orderDirection=ASC")
        events = listed(answer)
        by_step: dict[str, list[dict[str, Any]]] = {}
        for event in events:
            by_step.setdefault(event["bizStep"], []).append(event)
        inspected = by_step["inspecting"]
        assert [event["disposition"] for event in inspected] == ["conformant", "non_conformant", "conformant"]
        assert inspected[0]["epcList"] == [f"{BASE}/obj/AU1"]
        assert inspected[0]["eventTimeZoneOffset"] == "+08:00"
        assert inspected[0]["gaugeblock:records"] == [trade.verdicts[0]]
        assert by_step["assembling"][0]["childEPCs"] == [f"{BASE}/obj/AU3"]
        assert {tuple(event["outputEPCList"]) for event in by_step["commissioning"]} == {
            (f"{BASE}/obj/AU1",),
            (f"{BASE}/obj/AU2",),
        }
        assert by_step["shipping"][0]["destinationList"][0]["destination"] == f"{BASE}/loc/acme"
        assert set(trade.verdicts) <= set(trade.gate.left[-1])
        assert len(events) == 7
        assert answer.headers["content-type"].startswith("application/ld+json")
        assert answer.headers["gs1-extensions"] == "gaugeblock=urn:gaugeblock:epcis:"
        if SCHEMA.is_file():
            schema = json.loads(SCHEMA.read_bytes())
            jsonschema.validators.validator_for(schema)(schema).validate(answer.json())


def test_a_shipment_of_lots_alone_names_them(trade: Trade) -> None:
    for number, lots in ((2, ("L-A",)), (3, ("L-A", "L-X"))):
        trade.plant.say(
            DRAFTER,
            "production.shipment",
            subject=ShipmentSubject(f"S-{number}", "A-1", "acme"),
            statement=ShipmentStatement(f"2026-12-0{number}T08:00:00Z", 4, lots),
        )
    with trade.client() as acme:
        found = listed(acme.get("/epcis/events?EQ_bizStep=shipping&orderBy=eventTime&orderDirection=ASC"))
    assert [one.get("quantityList") for one in found] == [
        None,
        [{"epcClass": f"{BASE}/class/lot.L-A", "quantity": 4}],
        [{"epcClass": f"{BASE}/class/lot.L-A"}, {"epcClass": f"{BASE}/class/lot.L-X"}],
    ]


@pytest.mark.parametrize(
    "query",
    [
        "EQ_bizStep=inspecting",
        "MATCH_anyEPC={AU2}",
        "MATCH_epc={AU1}",
        "GE_eventTime=2026-11-25T08:00:00Z&LT_eventTime=2026-11-26T00:00:00Z",
        "GE_eventTime=2026-11-25T16:00:00%2B08:00",
        "eventType=TransformationEvent",
        "eventType=TransformationEvent|ObjectEvent",
        "EQ_bizTransaction_po={A-1}",
        "EQ_gaugeblock:records=[3]",
    ],
)
def test_narrowing_passes_over_nothing_that_matches(trade: Trade, query: str) -> None:
    for name in ("AU1", "AU2"):
        query = query.replace(f"{{{name}}}", quote(f"{BASE}/obj/{name}", safe=""))
    query = query.replace("{A-1}", quote(f"{BASE}/bt/A-1", safe=""))
    source = RecordEvents(Naming(base=BASE, zone=ZoneInfo("Asia/Shanghai")), trade.blobs.get)
    everything = [one.event for one in source.of(trade.plant.view())]
    expected = {one.event.event_id for one in answer(everything, read_query(parse_qs(query))).events}
    with trade.client() as acme:
        assert {one["eventID"] for one in listed(acme.get(f"/epcis/events?{query}"))} == expected


def test_a_customer_captures_and_finds_it_again(trade: Trade) -> None:
    with trade.client() as acme:
        size = trade.plant.log.size
        answer = acme.post("/epcis/capture", json=sent(RECEIVED))
        assert answer.status_code == 202, answer.text
        assert trade.plant.log.size == size + 1
        assert answer.headers["location"] == f"{BASE}/epcis/capture/{answer.json()['captureID']}"
        job = acme.get(answer.headers["location"].removeprefix(BASE)).json()
        assert (job["running"], job["success"], job["captureErrorBehaviour"]) == (False, True, "rollback")
        assert acme.get("/epcis/capture").json() == [job]
        found = acme.get("/epcis/events?EQ_bizStep=receiving")
        (event,) = listed(found)
        assert event["eventID"] == job["events"][0]
        assert event["keller:dock"] == "D7"
        assert event["@context"] == [{"keller": "https://keller.example/"}]
        assert event["recordTime"] == job["createdAt"]
        assert trade.gate.left[-1] == [size]
        read_document(found.content)
        traced = listed(acme.get(f"/epcis/events?MATCH_anyEPC={quote(f'{BASE}/obj/AU1', safe='')}"))
        assert {one["bizStep"] for one in traced} == {"inspecting", "commissioning", "shipping", "receiving"}
    with trade.client("bolt") as bolt:
        assert listed(bolt.get("/epcis/events?EQ_bizStep=receiving")) == []
        assert bolt.get(f"/epcis/capture/{job['captureID']}").status_code == 404


def test_rollback_takes_nothing_and_proceed_takes_what_is_good(trade: Trade) -> None:
    bad = {**RECEIVED, "bizStep": "looking"}
    with trade.client() as acme:
        size = trade.plant.log.size
        refused = acme.post("/epcis/capture", json=sent(RECEIVED, bad))
        assert (refused.status_code, refused.json()["type"]) == (400, "epcisException:ValidationException")
        assert [one["event"] for one in refused.json()["errors"]] == [1]
        assert trade.plant.log.size == size
        proceed = {"GS1-Capture-Error-Behaviour": "proceed"}
        taken = acme.post("/epcis/capture", json=sent(RECEIVED, bad), headers=proceed)
        assert (taken.status_code, taken.json()["events"], taken.json()["refused"]) == (202, 1, 1)
        job = acme.get(f"/epcis/capture/{taken.json()['captureID']}").json()
        assert (job["success"], job["errors"][0]["event"]) == (False, 1)
        assert acme.post("/epcis/capture", json=sent(bad), headers=proceed).status_code == 400
        assert acme.post("/epcis/capture", json=sent()).status_code == 400
        wrong = acme.post("/epcis/capture", json=sent(RECEIVED), headers={"GS1-Capture-Error-Behaviour": "perhaps"})
        assert wrong.status_code == 400


def test_one_event_is_taken_once(trade: Trade) -> None:
    alone = {"@context": CONTEXT, **RECEIVED}
    with trade.client() as acme:
        answer = acme.post("/epcis/events", json=alone)
        assert answer.status_code == 201, answer.text
        assert len(listed(acme.get(answer.headers["location"].removeprefix(BASE)))) == 1
        again = acme.post("/epcis/events", json=alone)
        assert (again.status_code, again.json()["type"]) == (409, "epcisException:ResourceAlreadyExistsException")
        assert acme.post("/epcis/events", json=sent(RECEIVED)).status_code == 400


def test_what_a_customer_captures_stands_in_for_no_record(trade: Trade) -> None:
    with trade.client() as acme:
        ours = listed(acme.get("/epcis/events?EQ_disposition=non_conformant"))[0]
        forged = {**ours, "disposition": "conformant", "gaugeblock:records": [0]}
        context = [CONTEXT[0], {"gaugeblock": "urn:gaugeblock:epcis:"}]
        assert acme.post("/epcis/capture", json={**sent(forged), "@context": context}).status_code == 202
        one = listed(acme.get(f"/epcis/events?EQ_eventID={quote(ours['eventID'], safe='')}"))
        assert one == [ours]
        assert trade.gate.left[-1] == [trade.verdicts[1]]


def test_refusals_are_the_standards(trade: Trade) -> None:
    with trade.client() as acme:
        for address, status, kind in (
            ("/epcis/events?EQ_colour=blue", 400, "QueryParameterException"),
            ("/epcis/events?GE_eventTime=soon", 400, "QueryParameterException"),
            ("/epcis/events?nextPageToken=x", 400, "QueryParameterException"),
            ("/epcis/events?WD_readPoint=x", 501, "ImplementationException"),
            ("/epcis/events?maxEventCount=2", 413, "QueryTooLargeException"),
            ("/epcis/events/" + quote("ni:///sha-256;0?ver=CBV2.0", safe=""), 404, "NoSuchResourceException"),
            ("/epcis/capture/none", 404, "NoSuchResourceException"),
            ("/epcis/colours", 404, "NoSuchResourceException"),
        ):
            answer = acme.get(address)
            assert answer.status_code == status, (address, answer.text)
            if not address.endswith("colours"):
                assert answer.json()["type"] == f"epcisException:{kind}", address
                assert answer.headers["content-type"].startswith("application/problem+json")
        for name, value in (
            ("Accept", "application/xml"),
            ("GS1-EPCIS-Min", "2.1.0"),
            ("GS1-EPCIS-Max", "1.2.0"),
            ("GS1-EPC-Format", "Always_EPC_URN"),
        ):
            answer = acme.get("/epcis/events", headers={name: value})
            assert (answer.status_code, answer.json()["type"]) == (406, "epcisException:NotAcceptableException"), name
        xml = acme.post("/epcis/capture", content=b"<x/>", headers={"Content-Type": "application/xml"})
        assert (xml.status_code, xml.json()["type"]) == (415, "epcisException:UnsupportedMediaTypeException")
        large = acme.post("/epcis/capture", json=sent(*[RECEIVED] * 1001))
        assert (large.status_code, large.json()["type"]) == (413, "epcisException:CaptureLimitExceededException")
        assert large.headers["gs1-epcis-capture-limit"] == "1000"
        assert acme.post("/epcis/capture", content=b'{"type":1,"type":2}').status_code == 400


def test_a_document_under_the_name_of_a_capture_is_none(trade: Trade) -> None:
    names = (from_records.EVENTS_NAME, from_records.JOB_NAME)
    body = {
        "kind": "document_shared",
        "documents": [{"name": name, "content_base64": b64encode(b"no JSON").decode()} for name in names],
    }
    with trade.client() as acme:
        shared = acme.post("/api/v1/threads", json=body, headers={"Idempotency-Key": "abcdefgh"})
        assert shared.status_code == 201, shared.text
        assert len(listed(acme.get("/epcis/events"))) == 5
        assert acme.get("/epcis/capture").json() == []
        assert acme.get(f"/epcis/capture/{shared.json()['thread']}").status_code == 404


def test_what_is_new_is_asked_for_by_its_record_time(trade: Trade) -> None:
    with trade.client() as acme:
        ascending = "/epcis/events?orderBy=recordTime&orderDirection=ASC"
        before = listed(acme.get(ascending))
        assert [one["recordTime"] for one in before] == sorted(one["recordTime"] for one in before)
        index = trade.plant.inspect("A-1", "AU3", Verdict.OK)
        (new,) = listed(acme.get(f"{ascending}&GE_recordTime={trade.plant.view().inspection(index).stated_at}"))  # type: ignore[union-attr]  # there is one
        assert new["gaugeblock:records"] == [index]


def test_a_query_over_too_much_is_narrowed_and_not_cut(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        trade.plant.inspect("A-1", f"AU{number}", Verdict.OK)
    monkeypatch.setattr(from_records, "RECORDS_MOST", 3)
    with trade.client() as acme:
        assert acme.get("/epcis/events").status_code == 413
        assert len(listed(acme.get(f"/epcis/events?MATCH_epc={quote(f'{BASE}/obj/AU3', safe='')}"))) == 1


def test_what_is_offered_is_found_out(trade: Trade) -> None:
    with trade.client() as acme:
        for path, allowed in (
            ("/epcis/capture", "OPTIONS, GET, POST"),
            ("/epcis/events", "OPTIONS, GET, POST"),
            ("/epcis", "OPTIONS, GET"),
        ):
            answer = acme.options(path)
            assert (answer.status_code, answer.headers["allow"]) == (204, allowed), path
            assert answer.headers["gs1-epcis-max"] == "2.0.0"
        assert acme.get("/epcis/queries").json()["member"][0]["name"] == "SimpleEventQuery"
        assert len(listed(acme.get("/epcis/queries/SimpleEventQuery/events"))) == 5


def test_what_the_contract_does_not_permit_is_no_event(trade: Trade) -> None:
    trade.plant.contract(permission("production.shipment"), contract="C-9", customer="acme")
    trade.plant.step("revoked", author=DRAFTER, contract="C-1")
    with trade.client() as acme:
        steps = {one["bizStep"] for one in listed(acme.get("/epcis/events"))}
    assert steps <= {"shipping"}


def test_an_id_with_slashes_comes_through_a_real_server(trade: Trade) -> None:
    with serving(trade.gate) as url, httpx.Client(base_url=url, headers={"Authorization": "Bearer acme"}) as acme:
        (event,) = listed(acme.get("/epcis/events?EQ_disposition=non_conformant"))
        assert event["eventID"].startswith("ni:///sha-256;")
        assert listed(acme.get(f"/epcis/events/{quote(event['eventID'], safe='')}")) == [event]
        assert acme.request("OPTIONS", "/epcis/events").headers["gs1-epcis-version"] == "2.0.0"
        assert acme.post("/epcis/capture", content=b" " * (9 * 2**20)).status_code == 413


def test_the_gate_asks_for_the_scope_and_records_what_leaves(site: Site) -> None:
    reading = {"Authorization": f"Bearer {site.issue(('read',))}"}
    with httpx.Client(base_url=site.url, headers=reading) as client:
        assert len(listed(client.get("/epcis/events"))) > 3
        entry = site.recorded[-1][1]
        assert (entry.resource, entry.status, bool(entry.derived_from)) == ("/epcis/events", 200, True)
        refused = client.post("/epcis/capture", json=sent(RECEIVED))
        assert (refused.status_code, refused.json()["code"]) == (403, "exchange.scope_needed")
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {site.keys[True]}"}) as client:
        assert client.post("/epcis/capture", json=sent(RECEIVED)).status_code == 202
        assert len(listed(client.get("/epcis/events?EQ_bizStep=receiving"))) == 1
