"""Material certificates in the plant: previewed, issued by a person of quality, withdrawn, replaced."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import jsonschema
import pytest

from gaugeblock.web import pages_certificates
from tests.web.certificate_plant import FORM, certificate_plant
from tests.web.conftest import SamplePlant, served

SCHEMA = Path(__file__).resolve().parents[2].parent / "shared/conformance/metals/schemas/v0.1.1/schema.json"
ENGLISH = {"Accept-Language": "en"}
DRAFT = "/certificates/new?order=WO-1042&lot=L-1"


@pytest.fixture
def plant() -> SamplePlant:
    return certificate_plant()


def fields(html: str) -> dict[str, str]:
    """What the draft's form would send."""
    form = html.split('action="/certificates/new"', 1)[1].split("</form>", 1)[0]
    given = {
        name: unescape(value)
        for tag in re.findall(r"<input[^>]*>", form)
        for name in re.findall(r'name="([^"]+)"', tag)
        for value in re.findall(r'value="([^"]*)"', tag)
    }
    given |= {name: unescape(text) for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>([^<]*)<', form)}
    return given


def record_type(jws: bytes) -> str:
    payload = jws.split(b".")[1]
    return str(json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))["record_type"])


def issue(session, address: str = DRAFT, **more: str) -> str:  # type: ignore[no-untyped-def]
    """Through the form, as a person does; the address of the certificate."""
    page = session.client.get(address, headers=ENGLISH)
    given = {**fields(page.text), **FORM, **more, "action": "issue"}
    answer = session.client.post("/certificates/new", data=given, headers=ENGLISH, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_lot_is_certified_from_its_records(plant: SamplePlant, session_of) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("typst")
    with session_of(plant.app(), "quality") as session:
        address = issue(session)
        assert address == "/certificates/MC-L-1"
        raw, pdf = session.client.get(f"{address}/json").content, session.client.get(f"{address}/pdf").content
        page = session.client.get(address, headers=ENGLISH).text
    known = plant.plant.services.production.orders.reader.certificate("MC-L-1")
    assert (known.order, known.lot, known.heat, known.customer, known.author) == (
        "WO-1042",
        "L-1",
        "H-7731",
        "acme",
        "person:quality",
    )
    assert known.json_sha256 == hashlib.sha256(raw).hexdigest()
    assert known.pdf_sha256 == hashlib.sha256(pdf).hexdigest()
    assert pdf.startswith(b"%PDF-")
    passport = json.loads(raw)["DigitalMaterialPassport"]
    assert [one["PropertySymbol"] for one in passport["ChemicalAnalysis"]["Elements"]] == ["C", "Cr", "S"]
    assert passport["ChemicalAnalysis"]["HeatNumber"] == "H-7731"
    assert passport["MechanicalProperties"][0]["Interpretation"] == "In Specification"
    assert passport["SupplementaryTests"][0]["Actual"]["Description"].startswith(
        "11 of 12 units conforming; 1 rejected"
    )
    assert passport["Validation"]["Validators"][0]["Name"] == "quality"
    assert passport["TransactionData"]["BusinessTransaction"]["Order"]["Id"] == "PO 4711/3"
    assert json.loads(raw)["Provenance"]["Records"] == sorted(known.record_indices)
    types = {record_type(plant.log.record(index).jws) for index in known.record_indices}
    assert {"production.order", "production.lot", "production.result", "inspection.verdict"} <= types
    assert known.json_sha256 in page
    if SCHEMA.is_file():
        jsonschema.Draft201909Validator(json.loads(SCHEMA.read_bytes())).validate(json.loads(raw))


def test_only_quality_issues_and_only_what_nothing_stands_against(plant: SamplePlant, session_of) -> None:  # type: ignore[no-untyped-def]
    app = plant.app()
    with session_of(app, "viewer") as session:
        answer = session.client.post("/certificates/new", data={"csrf": session.csrf}, follow_redirects=False)
        assert answer.status_code == 403
        assert session.client.get("/certificates", headers=ENGLISH).status_code == 200
        assert session.client.get(DRAFT).status_code == 403
    with session_of(app, "quality") as session:
        soft = session.client.get("/certificates/new?order=WO-1042&lot=L-2", headers=ENGLISH)
        assert "values outside their limits, without a concession: Rm" in soft.text
        assert "Issue the certificate" not in soft.text
        given = {**fields(soft.text), **FORM, "quantity": "5", "action": "issue"}
        answer = session.client.post("/certificates/new", data=given, headers=ENGLISH)
        assert answer.status_code == 422
        assert "cannot be issued yet" in answer.text
        bad = {**fields(session.client.get(DRAFT, headers=ENGLISH).text), **FORM, "delivered_on": "soon"}
        assert session.client.post("/certificates/new", data=bad, headers=ENGLISH).status_code == 200
        assert session.client.get("/certificates/new?order=WO-1042&lot=none", headers=ENGLISH).status_code == 404
        assert session.client.get("/certificates/new?order=WO-1043&lot=L-1", headers=ENGLISH).status_code == 200
        assert session.client.get("/certificates/none/json", headers=ENGLISH).status_code == 404
    assert plant.plant.services.production.orders.reader.certificates_listed() == []


def test_it_is_replaced_and_withdrawn_and_never_rewritten(plant: SamplePlant, session_of) -> None:  # type: ignore[no-untyped-def]
    reader = plant.plant.services.production.orders.reader
    with session_of(plant.app(), "quality") as session:
        issue(session)
        again = {**fields(session.client.get(DRAFT, headers=ENGLISH).text), **FORM}
        assert again["number"] == "MC-L-1-2"
        answer = session.client.post(
            "/certificates/new",
            data={**again, "number": "MC-L-1", "material": "C45", "action": "issue"},
            headers=ENGLISH,
        )
        assert answer.status_code == 409
        assert issue(session, f"{DRAFT}&replaces=MC-L-1", material="C45") == "/certificates/MC-L-1-2"
        new, old = reader.certificate("MC-L-1-2"), reader.certificate("MC-L-1")
        assert (new.replaces, new.state, old.state) == ("MC-L-1", "issued", "withdrawn")
        token = {"csrf": session.csrf, "token": "abcdef12"}
        answer = session.client.post("/certificates/MC-L-1-2/withdraw", data=token, follow_redirects=False)
        assert answer.status_code == 303
        assert reader.certificate("MC-L-1-2").state == "withdrawn"
        assert "withdrawn" in session.client.get("/certificates", headers=ENGLISH).text


def test_the_form_begins_with_the_last_certificate(plant: SamplePlant, session_of) -> None:  # type: ignore[no-untyped-def]
    with session_of(plant.app(), "quality") as session:
        first = fields(session.client.get(DRAFT, headers=ENGLISH).text)
        assert (first["delivery"], first["quantity"], first["manufacturer_street"]) == ("S-1", "11", "")
        assert (first["customer_name"], first["customer_country"], first["product_name"]) == (
            "Acme GmbH",
            "DE",
            "Bracket 7",
        )
        issue(session)
        begun = fields(session.client.get(DRAFT, headers=ENGLISH).text)
    for name in ("manufacturer_street", "customer_city", "material", "standards", "role"):
        assert begun[name] == FORM[name], name


def test_without_the_printer_there_is_json_and_a_notice(
    plant: SamplePlant,
    session_of,  # type: ignore[no-untyped-def]
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages_certificates, "PRINTERS", ("no_such_module",))
    import sys

    monkeypatch.setitem(sys.modules, "typst", None)
    with session_of(plant.app(), "quality") as session:
        assert "gaugeblock[dossier]" in session.client.get(DRAFT, headers=ENGLISH).text.replace("&#39;", "'")
        address = issue(session)
        assert "gaugeblock[dossier]" in session.client.get(address, headers=ENGLISH).text
        assert session.client.get(f"{address}/json").status_code == 200
        assert session.client.get(f"{address}/pdf", headers=ENGLISH).status_code == 400
    assert plant.plant.services.production.orders.reader.certificate("MC-L-1").pdf_sha256 is None


# ── in a browser ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def live(plant: SamplePlant) -> Iterator[object]:
    with served(plant) as running:
        yield running


@pytest.mark.browser
@pytest.mark.xdist_group("browser-exchange")
def test_every_page_is_whole_and_issuing_by_hand(live) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("typst")
    playwright = pytest.importorskip("playwright.sync_api")
    from tests.web.test_pages_in_browser import CHROMIUM, check_page, in_both_themes, open_context, shoot, watch

    if not CHROMIUM.exists():
        pytest.skip("/usr/bin/chromium is not installed")
    found: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM))
        context = open_context(browser, live, "en", "light")
        page = context.new_page()
        page.goto("/certificates")
        page.get_by_role("link", name="Draw up a certificate").first.click()
        page.get_by_label("Order").fill("WO-1042")
        page.get_by_role("button", name="Show its lots").click()
        page.get_by_role("link", name="L-1").first.click()
        for name, value in FORM.items():
            page.locator(f"[name={name}]").fill(value)
        page.get_by_role("button", name="Preview").click()
        page.get_by_role("button", name="Issue the certificate").click()
        playwright.expect(page.get_by_role("heading", level=1)).to_have_text("MC-L-1")
        context.close()
        for language in ("zh", "en"):
            context = open_context(browser, live, language, "light")
            page = context.new_page()
            faults = watch(page)
            for name, address in {
                "list": "/certificates",
                "choice": "/certificates/new?order=WO-1042",
                "draft": DRAFT,
                "blocked": "/certificates/new?order=WO-1042&lot=L-2",
                "one": "/certificates/MC-L-1",
            }.items():
                page.goto(address, wait_until="load")
                found += in_both_themes(page, f"certificates-{name}", language)
                page.set_viewport_size({"width": 1440, "height": 900})
                found += [f"1440 {fault}" for fault in check_page(page, name, language, ["color-contrast"])]
                shoot(page, f"certificates-{name}-{language}-1440")
                page.set_viewport_size({"width": 1024, "height": 768})
            found += faults
            context.close()
        browser.close()
    assert found == []
