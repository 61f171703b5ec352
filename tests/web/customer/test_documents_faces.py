"""EPCIS and PACT over HTTP: events and footprints of what a customer may see, and capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from gaugeblock.exchange.epcis.json_ld import read_document
from gaugeblock.exchange.pact.footprint import read_footprint
from gaugeblock.plant.exchange_facets import FootprintStatement, FootprintSubject
from tests.exchange.exchange_plant import DRAFTER
from tests.web.customer.trading import Trade


@pytest.fixture
def trade() -> Iterator[Trade]:
    made = Trade()
    made.plant.say(
        DRAFTER,
        "exchange.footprint",
        subject=FootprintSubject("P1", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z", "A-1"),
        statement=FootprintStatement(
            "1.25",
            mass_kg_per_unit="0.8",
            fossil_carbon_content_kg_per_unit="0.02",
            exempted_emissions_percent="1.5",
            biogenic_uptake_kg_co2e_per_unit="-0.05",
            methods=("ISO 14067",),
            characterization=("AR6",),
        ),
    )
    yield made
    made.close()


def _ids(answer: Any) -> list[str]:
    return [str(one.event.event_id) for one in read_document(answer.content).events]


def test_events_are_the_customers_own_and_name_their_records(trade: Trade) -> None:
    with trade.client() as acme, trade.client("bolt") as bolt:
        every = acme.get("/epcis/events")
        assert every.status_code == 200, every.text
        kinds = sorted(type(one.event).__name__ for one in read_document(every.content).events)
        assert kinds == ["ObjectEvent"] * 4 + ["TransformationEvent"]
        assert set(trade.verdicts) <= set(trade.gate.left[-1])
        assert every.headers["gs1-epcis-version"] == "2.0.0"
        inspecting = acme.get("/epcis/events?EQ_bizStep=inspecting&EQ_disposition=non_conformant")
        assert len(_ids(inspecting)) == 1
        theirs = bolt.get("/epcis/events")
        assert len(_ids(theirs)) == 1
        assert "AU1" not in theirs.text
        one = quote(_ids(every)[0], safe="")
        assert acme.get(f"/epcis/events/{one}").status_code == 200
        assert bolt.get(f"/epcis/events/{one}").status_code == 404
        unknown = acme.get("/epcis/events?EQ_colour=blue")
        assert 400 <= unknown.status_code < 500


def test_pages_of_events_hold_each_once(trade: Trade) -> None:
    with trade.client() as acme:
        seen: list[str] = []
        address: str | None = "/epcis/events?perPage=2"
        while address:
            answer = acme.get(address)
            seen += _ids(answer)
            link = answer.headers.get("link")
            address = link.split(">")[0].lstrip("<") if link else None
        assert len(seen) == len(set(seen)) == 5


def test_captured_events_are_a_record_once(trade: Trade) -> None:
    with trade.client() as acme:
        document = acme.get("/epcis/events?EQ_bizStep=shipping").json()
        body = msgspec.json.encode(
            {
                "@context": document["@context"],
                "type": "EPCISDocument",
                "schemaVersion": "2.0",
                "creationDate": "2026-11-25T00:00:00Z",
                "epcisBody": {"eventList": document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]},
            }
        )
        size = trade.plant.log.size
        first = acme.post("/epcis/capture", content=body)
        assert first.status_code == 202, first.text
        assert first.json()["events"] == 1
        assert trade.plant.log.size == size + 1
        again = acme.post("/epcis/capture", content=body)
        assert again.json()["recordIndex"] == first.json()["recordIndex"]
        assert trade.plant.log.size == size + 1
        assert acme.get(f"/epcis/capture/{first.json()['captureID']}").json()["success"] is True
        broken = acme.post("/epcis/capture", content=b'{"type":"EPCISDocument"}')
        assert broken.status_code == 400
    with trade.client("bolt") as bolt:
        assert bolt.get(f"/epcis/capture/{first.json()['captureID']}").status_code == 404


def test_footprints_that_pact_can_say(trade: Trade) -> None:
    with trade.client() as acme, trade.client("bolt") as bolt:
        listed = acme.get("/pact/3/footprints")
        assert listed.status_code == 200, listed.text
        (footprint,) = listed.json()["data"]  # the one that does not state what PACT demands is left out
        read = read_footprint(msgspec.json.encode(footprint))
        assert (read.pcf.pcf_excluding_biogenic_uptake, read.pcf.geography_country) == ("1.25", "CN")
        assert (read.pcf.pcf_including_biogenic_uptake, read.pcf.biogenic_co2_uptake) == ("1.20", "-0.05")
        assert (read.pcf.fossil_carbon_content, read.pcf.exempted_emissions_percent) == ("0.02", "1.5")
        assert (read.pcf.cross_sectoral_standards, read.pcf.ipcc_characterization_factors) == (("ISO 14067",), ("AR6",))
        assert len(trade.gate.left[-1]) == 1
        assert acme.get(f"/pact/3/footprints/{read.id}").json()["data"]["id"] == read.id
        foreign = bolt.get(f"/pact/3/footprints/{read.id}")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "NotFound")
        assert bolt.get("/pact/3/footprints").json()["data"] == []
        bad = acme.get("/pact/3/footprints?limit=x")
        assert (bad.status_code, bad.json()["code"]) == (400, "BadRequest")
        event = acme.post("/pact/3/events", content=b"{}")
        assert (event.status_code, event.json()["code"]) == (400, "BadRequest")


def test_nobody_without_a_credential(trade: Trade) -> None:
    with trade.client("nobody") as client:
        for address in ("/epcis/events", "/epcis/events/x", "/pact/3/footprints", "/pact/3/footprints/x"):
            assert client.get(address).status_code == 401
        assert client.post("/pact/3/events", content=b"{}").status_code == 401
        assert client.post("/epcis/capture", content=b"{}").status_code == 401
