"""Contracts, customers and transfers over HTTP: who may what, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import re

import msgspec
import pytest

from gaugeblock.exchange.contract import DISCLOSABLE, facets_of
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.exchange_facets import Permission
from gaugeblock.plant.language import catalogue
from gaugeblock.web.contract_form import CLASSIFICATIONS
from gaugeblock.web.templating import TEMPLATES
from tests.web.conftest import SamplePlant, signed_in
from tests.web.contracts_plant import accept, contracts_plant, terms


@pytest.fixture(scope="module")
def sample() -> SamplePlant:
    made, _ = contracts_plant()
    return made


def _draft(contract: str, token: str = "abcdef12", **more: object) -> dict[str, object]:
    return {
        "token": token,
        "contract": contract,
        "customer": "acme",
        "terms": msgspec.to_builtins(terms(**more)),  # type: ignore[arg-type]
    }


def test_viewers_read_and_draft_nothing(sample: SamplePlant) -> None:
    with signed_in(sample.app()) as session:
        listed = session.client.get("/api/v1/contracts").json()["contracts"]
        assert {known["contract"] for known in listed} >= {"C-2026-1", "C-2026-2", "C-2025-9"}
        for address in ("/contracts", "/contracts/C-2026-1", "/customers", "/customers/acme", "/transfers"):
            assert session.client.get(address).status_code == 200, address
        headers = {"x-csrf-token": session.csrf}
        for address in ("/api/v1/contracts", "/api/v1/contracts/C-2026-1/approve", "/customers/acme/credentials"):
            assert session.client.post(address, json={}, headers=headers).status_code == 403, address
        assert session.client.get("/contracts/new").status_code == 403
        assert session.client.get("/transfers/export/csv").status_code == 403
        assert session.client.get("/contracts/none").status_code == 404
        assert session.client.get("/customers/none").status_code == 404


def test_draft_approve_accept_revoke(sample: SamplePlant) -> None:
    app = sample.app()
    with signed_in(app, "quality") as session:
        headers = {"x-csrf-token": session.csrf}
        draft = _draft("C-2026-5", classification="core", basis="Assessment 9")
        first = session.client.post("/api/v1/contracts", json=draft, headers=headers)
        assert first.status_code == 201, first.text
        assert session.client.post("/api/v1/contracts", json=draft, headers=headers).json() == first.json()
        step = {"version": 1, "reason": "approved by the committee"}
        refused = session.client.post("/api/v1/contracts/C-2026-5/approve", json=step, headers=headers)
        assert refused.status_code == 403
        wrong = _draft("C-2026-6", "abcdef13", orders=("WO-1043",))
        answer = session.client.post("/api/v1/contracts", json=wrong, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "exchange.contract_foreign_order")
        preview = session.client.post(
            "/api/v1/contracts/preview",
            json={"customer": "acme", "terms": draft["terms"]},
            headers=headers,
        )
        told = {seen["record_type"]: seen["count"] for seen in preview.json()["types"]}
        assert told == {"production.order": 1, "inspection.verdict": 3}
    with signed_in(app, "admin") as session:
        headers = {"x-csrf-token": session.csrf}
        approved = session.client.post("/api/v1/contracts/C-2026-5/approve", json=step, headers=headers)
        assert approved.status_code == 201, approved.text
        own = _draft("C-2026-9", "abcdef14", classification="unclassified")
        assert session.client.post("/api/v1/contracts", json=own, headers=headers).status_code == 201
        mine = session.client.post("/api/v1/contracts/C-2026-9/approve", json=step, headers=headers)
        assert (mine.status_code, mine.json()["code"]) == (409, "exchange.contract_four_eyes")
        accept(sample, "C-2026-5", "acme")
        # Accepted later than the other contract of this customer, so that one is in force.
        state = sample.plant.services.exchange.contracts.in_force("acme")
        assert state is not None
        assert state.stated.contract == "C-2026-5"
        ended = session.client.post("/api/v1/contracts/C-2026-5/revoke", json=step, headers=headers)
        assert ended.status_code == 201
        again = session.client.post("/api/v1/contracts/C-2026-5/revoke", json=step, headers=headers)
        assert (again.status_code, again.json()["code"]) == (409, "exchange.contract_step")


def test_forms_carry_a_token_of_their_own(sample: SamplePlant) -> None:
    with signed_in(sample.app(), "admin") as session:
        for address in ("/contracts/new", "/contracts/C-2026-1/revoke", "/customers/acme/credentials"):
            assert session.client.post(address, data={"version": "1"}).status_code == 403, address


def test_the_form_ticks_what_the_terms_permit(sample: SamplePlant) -> None:
    with signed_in(sample.app(), "admin") as session:
        form = {
            "csrf": session.csrf,
            "token": "abcdef99",
            "version": "1",
            "contract": "C-2026-10",
            "customer": "beta",
            "purpose": "dates",
            "valid_from": "2026-01-01",
            "valid_until": "2036-01-01",
            "recipient_country": "fr",
            "quota_per_day": "500",
            "classification": "general",
            "own_orders": "yes",
            "orders": "WO-9, WO-8\nWO-9",
            "type": ["production.order", "inspection.verdict"],
            "facet:production.order": ["statement"],
            "field:production.order": ["statement.due", "statement.state"],
            "facet:inspection.verdict": ["statement", "measurement"],
            "images": ["inspection.verdict"],
            "action": "draft",
        }
        answer = session.client.post("/contracts/new", data=form, follow_redirects=False)
        assert answer.status_code == 303, answer.text
    known = sample.plant.services.exchange.contracts.contract("C-2026-10").latest.statement
    assert known.permissions == (
        Permission("production.order", ("subject", "statement"), ("statement.due", "statement.state")),
        Permission("inspection.verdict", ("subject", "statement", "measurement"), (), images=True),
    )
    assert (known.orders, known.recipient_country, known.quota_per_day) == (("WO-9", "WO-8"), "FR", 500)
    assert known.valid_until == "2036-01-01T00:00:00.000000Z"


def test_credentials_of_another_customer_are_not_touched(sample: SamplePlant) -> None:
    desk = sample.plant.services.exchange.credentials
    assert desk is not None
    _, row = desk.issue_key("acme", "other")
    with signed_in(sample.app(), "admin") as session:
        form = {"csrf": session.csrf, "action": "revoke", "credential": row.id}
        assert session.client.post("/customers/beta/credentials", data=form).status_code == 404
        assert all(known.revoked_at is None for known in desk.list("acme") if known.id == row.id)
        form = {"csrf": session.csrf, "action": "client", "scope": "read", "jwk": "{"}
        assert session.client.post("/customers/acme/credentials", data=form).status_code == 400
        form = {"csrf": session.csrf, "action": "issue"}
        assert session.client.post("/customers/acme/credentials", data=form).status_code == 422, "no scope"


def test_transfers_are_searched_and_exported_with_evidence(sample: SamplePlant) -> None:
    with signed_in(sample.app(), "quality") as session:
        everything = session.client.get("/api/v1/transfers").json()
        assert everything["totals"]["answers"] == 10
        some = session.client.get("/api/v1/transfers?since=2026-11-11&until=2026-11-12&contract=C-2026-1").json()
        assert [(row["answers"], row["served"], row["size_bytes"]) for row in some["transfers"]] == [(3, 2, 3600)]
        assert session.client.get("/api/v1/transfers?customer=beta").json()["transfers"] == []
        assert session.client.get("/api/v1/transfers?since=yesterday").status_code == 422
        text = session.client.get("/transfers/export/csv?customer=acme").content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 10
        assert rows[1]["derived_from"] == "3-5 9"
        document = session.client.get("/transfers/export/json?customer=acme").json()
        assert document["form"] == "gaugeblock-transfers/1"
        assert len(document["transfers"]) == 4
        for held in document["transfers"]:
            evidence = json.dumps(held["evidence"], separators=(",", ":"), ensure_ascii=False).encode()
            assert verify_evidence(evidence, document["log_key"]).ok
            assert held["entries"]
        assert session.client.get("/transfers/export/xml").status_code in (400, 404)


def test_cells_of_an_export_are_no_formulas() -> None:
    from gaugeblock.exchange.transfers_queries import _plain

    assert [_plain(value) for value in ("=1+1", "@x", "/api", 5)] == ["'=1+1", "'@x", "/api", 5]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_choice_of_the_form_has_its_words(language: str) -> None:
    words = catalogue(language)  # type: ignore[arg-type]
    wanted = [f"contracts.type.{name}" for name in DISCLOSABLE]
    wanted += [f"contracts.words.{name}" for name in DISCLOSABLE]
    wanted += [f"contracts.facet.{facet}" for name in DISCLOSABLE for facet in facets_of(name)]
    wanted += [f"contracts.class.{name}" for name in CLASSIFICATIONS]
    assert [key for key in wanted if key not in words] == []


def test_templates_ask_for_every_word_there_is_and_no_other() -> None:
    asked: set[str] = set()
    prefixes: set[str] = set()
    for path in TEMPLATES.glob("*.j2"):
        text = path.read_text("utf-8")
        asked |= set(re.findall(r"""any_t\(["'](contracts\.[a-z_]+)["']\)""", text))
        prefixes |= set(re.findall(r"""any_t\(["'](contracts\.[a-z_]+\.)["'] ~""", text))
    asked |= {"contracts.yes", "contracts.no", "contracts.orders", "contracts.lots", "contracts.products"}
    asked.add("contracts.documents")
    words = {key for key in catalogue("en") if key.startswith("contracts.")}
    assert asked - words == set()
    assert {key for key in words - asked if not key.startswith(tuple(prefixes))} == set()
