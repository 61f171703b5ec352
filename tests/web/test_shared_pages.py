"""The page of shared documents and footprints over HTTP and in a real Chromium: who may what, what is refused, axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("playwright.sync_api")
from litestar.testing import TestClient
from playwright.sync_api import Browser, expect, sync_playwright

from gaugeblock.exchange.pact.from_records import DEMANDED, MALFORMED
from gaugeblock.exchange.shared_files_desk import BYTES_MAX
from gaugeblock.plant.language import catalogue
from gaugeblock.web.pages_shared import FORM_BYTES, KINDS
from gaugeblock.web.templating import TEMPLATES
from tests.web.conftest import SamplePlant, SignedIn, served, signed_in
from tests.web.shared_plant import DIGEST, PDF, shared_plant
from tests.web.test_pages_in_browser import CHROMIUM, in_both_themes, open_context, watch

in_browser = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser-exchange"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
]


@pytest.fixture
def sample() -> SamplePlant:
    return shared_plant()


@contextmanager
def english(sample: SamplePlant, name: str = "viewer") -> Iterator[SignedIn]:
    with signed_in(sample.app(), name) as session:
        session.client.headers["accept-language"] = "en"
        yield session


def _file(data: bytes, name: str = "manual.txt") -> dict[str, tuple[str, bytes, str]]:
    return {"file": (name, data, "text/html")}


def test_viewers_read_and_change_nothing(sample: SamplePlant) -> None:
    with english(sample) as session:
        page = session.client.get("/shared")
        assert page.status_code == 200
        assert "Bracket drawing" in page.text
        assert '<form method="post" action="/shared' not in page.text
        got = session.client.get(f"/shared/documents/{DIGEST}")
        assert (got.status_code, got.content, got.headers["content-type"]) == (200, PDF, "application/octet-stream")
        assert got.headers["content-disposition"].startswith("attachment;")
        assert got.headers["x-content-type-options"] == "nosniff"
        assert session.client.get(f"/shared/documents/{'0' * 64}").status_code == 404
        assert session.client.get("/shared/documents/..%2f..%2fetc").status_code in {400, 404}
        size = sample.log.size
        own = {"csrf": session.csrf, "token": "abcdef01"}
        for address in ("/shared/documents", "/shared/footprints", f"/shared/documents/{DIGEST}/withdraw"):
            assert session.client.post(address, data=own).status_code == 403, address
        assert sample.log.size == size


def test_nobody_reads_it_without_signing_in(sample: SamplePlant) -> None:
    with TestClient(sample.app(), base_url="http://testserver.local") as client:
        for address in ("/shared", f"/shared/documents/{DIGEST}"):
            answer = client.get(address, follow_redirects=False)
            assert answer.status_code in {303, 401}, address
            assert PDF not in answer.content


def test_a_file_is_shared_shown_and_taken_back(sample: SamplePlant) -> None:
    desk = sample.plant.services.exchange.documents
    with english(sample, "quality") as session:
        form = {"csrf": session.csrf, "token": "abcdef02", "kind": "manual", "product": "bracket-7", "title_en": "<b>M"}
        data = b"<html><script>alert(1)</script>"
        assert (
            session.client.post("/shared/documents", data={**form, "csrf": "x"}, files=_file(data)).status_code == 403
        )
        answer = session.client.post("/shared/documents", data=form, files=_file(data), follow_redirects=False)
        assert answer.status_code == 303, answer.text
        one = desk.listed()[0]
        assert (one.document.kind, one.document.media_type, one.document.name) == ("manual", "text/plain", "manual.txt")
        assert one.newest.author == "person:quality"
        page = session.client.get("/shared").text
        assert "&lt;b&gt;M" in page
        assert "<b>M" not in page
        address = f"/shared/documents/{one.document.sha256}/withdraw"
        assert session.client.post(address, data={"token": "abcdef03"}).status_code == 403
        gone = session.client.post(address, data={"csrf": session.csrf, "token": "abcdef03"}, follow_redirects=False)
        assert gone.status_code == 303
        again = session.client.post(address, data={"csrf": session.csrf, "token": "abcdef04"})
        assert (again.status_code, "withdrawn" in again.text) == (404, True)
        assert session.client.get(f"/shared/documents/{one.document.sha256}").status_code == 404


@pytest.mark.parametrize(
    ("data", "name", "kind", "status", "said"),
    [
        (b"MZ\x90\x00", "setup.pdf", "manual", 422, "program"),
        (b"", "empty.pdf", "manual", 413, "empty.pdf"),
        (b"{}x", "shell.json", "aas", 422, "AAS"),
        (
            b'{"submodels": [{"modelType": "Submodel", "id": "https://gaugeblock.example/plant/aas/unit/U1/Nameplate"}]}',
            "pose.json",
            "aas",
            422,
            "plant's own",
        ),
    ],
)
def test_a_file_that_is_not_taken_says_why(
    sample: SamplePlant, data: bytes, name: str, kind: str, status: int, said: str
) -> None:
    size = sample.log.size
    with english(sample, "quality") as session:
        form = {"csrf": session.csrf, "token": "abcdef05", "kind": kind, "title_en": "kept as typed"}
        answer = session.client.post("/shared/documents", data=form, files=_file(data, name))
        assert answer.status_code == status, answer.text
        alert = re.search(r'role="alert">.*?</p>', answer.text, re.DOTALL)
        assert alert is not None
        assert said in alert.group().replace("&#39;", "'")
        assert "kept as typed" in answer.text
    assert sample.log.size == size


def test_a_body_beyond_the_bound_is_not_read(sample: SamplePlant) -> None:
    with english(sample, "quality") as session:
        form = {"csrf": session.csrf, "token": "abcdef06", "kind": "manual"}
        answer = session.client.post("/shared/documents", data=form, files=_file(bytes(BYTES_MAX + 2 * FORM_BYTES)))
        assert answer.status_code == 413


def test_a_footprint_is_worked_out_then_stated(sample: SamplePlant) -> None:
    desk = sample.plant.services.exchange.footprints
    with english(sample, "quality") as session:
        form = {
            "csrf": session.csrf,
            "token": "abcdef07",
            "product": "bracket-9",
            "begin": "2026-01-01",
            "end": "2026-07-01",
            "declared_unit": "piece",
            "declared_amount": "1",
            "energy_kwh_per_unit": "2.4",
            "grid_kg_co2e_per_kwh": "0.5703",
            "grid_factor_source": "MEE",
            "grid_factor_version": "2022",
            "material_kg_co2e_per_unit": "3.2",
            "material_primary": "yes",
            "geography": "CN",
            "methods": "ISO 14067; PACT Methodology 3.0",
        }
        size = sample.log.size
        shown = session.client.post("/shared/footprints", data={**form, "action": "check"})
        assert "2.4 kWh × 0.5703 kg/kWh = 1.36872 kg + material 3.2 kg = <strong>4.56872 kg</strong>" in shown.text
        assert sample.log.size == size
        stated = session.client.post("/shared/footprints", data={**form, "action": "state"}, follow_redirects=False)
        assert stated.status_code == 303, stated.text
        one = desk.listed()[0]
        assert (one.statement.kg_co2e_per_unit, one.subject.product) == ("4.56872", "bracket-9")
        assert one.statement.methods == ("ISO 14067", "PACT Methodology 3.0")
        page = session.client.get("/shared").text
        assert "Lacks: Mass per unit (kg), Fossil carbon content (kg C)" in page
        wrong = session.client.post("/shared/footprints", data={**form, "grid_factor_source": "", "action": "state"})
        assert wrong.status_code == 422
        assert "lacks Source of the grid factor" in wrong.text


def test_a_contract_names_documents_by_ticking_them(sample: SamplePlant) -> None:
    other = "ab" * 32
    with english(sample, "quality") as session:
        page = session.client.get("/contracts/new?customer=acme").text
        assert f'name="document" value="{DIGEST}"' in page
        form = {
            "csrf": session.csrf,
            "token": "abcdef08",
            "version": "1",
            "contract": "C-9",
            "customer": "acme",
            "purpose": "drawings",
            "valid_from": "2026-01-01",
            "valid_until": "2036-01-01",
            "recipient_country": "de",
            "quota_per_day": "500",
            "classification": "general",
            "document": [DIGEST],
            "documents": other,
            "action": "draft",
        }
        answer = session.client.post("/contracts/new", data=form, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        next_version = session.client.get("/contracts/new?contract=C-9").text
        assert re.search(rf'value="{DIGEST}" checked', next_version)
        typed = re.search(r'<textarea name="documents".*?</textarea>', next_version, re.DOTALL)
        assert typed is not None
        assert other in typed.group()
        assert DIGEST not in typed.group()
    known = sample.plant.services.exchange.contracts.contract("C-9")
    assert known.latest.statement.documents == (DIGEST, other)


def test_templates_ask_for_every_word_there_is_and_no_other() -> None:
    text = (TEMPLATES / "shared.html.j2").read_text("utf-8")
    asked = set(re.findall(r"""any_t\(["'](shared\.[a-z_.]+[a-z_0-9])["'][),]""", text))
    asked |= {f"shared.field.{name}" for name in re.findall(r'entry\("(\w+)"', text)}
    asked |= {f"shared.field.{name}" for name in (*DEMANDED, MALFORMED)}
    asked |= {f"shared.subject.{name}" for name in ("product", "machine", "order")}
    words = {key for key in catalogue("en") if key.startswith("shared.")}
    assert asked == words
    assert {f"messages.document.{kind}" for kind in KINDS} <= set(catalogue("zh"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def running():  # type: ignore[no-untyped-def]
    with served(shared_plant()) as made:
        yield made


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("mark", [pytest.param("", marks=in_browser)])
def test_the_pages_are_whole(browser: Browser, running, language: str, mark: str) -> None:  # type: ignore[no-untyped-def]
    found: list[str] = []
    context = open_context(browser, running, language, "light")
    page = context.new_page()
    faults = watch(page)
    for name, address in (("shared", "/shared"), ("contract-form", "/contracts/new?customer=acme")):
        response = page.goto(address, wait_until="load")
        assert response is not None
        assert response.status == 200
        found += in_both_themes(page, f"shared-{name}", language)
        for details in page.locator("details").all():
            details.evaluate("node => { node.open = true }")
        found += in_both_themes(page, f"shared-{name}-open", language)
    context.close()
    assert found == []
    assert faults == []


@pytest.mark.parametrize("mark", [pytest.param("", marks=in_browser)])
def test_by_hand_from_the_file_to_the_sum(browser: Browser, running, mark: str) -> None:  # type: ignore[no-untyped-def]
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto("/shared")
    page.locator("summary", has_text="Share a document").click()
    share = page.locator("form[action^='/shared/documents#']")
    share.locator("input[type=file]").set_input_files(
        {"name": "manual.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 manual"}
    )
    share.locator("select[name=kind]").select_option("manual")
    share.get_by_label("Title in English").fill("Manual of the bracket")
    share.get_by_label("Product", exact=True).fill("bracket-7")
    share.get_by_role("button", name="Share").click()
    row = page.locator("tr", has_text="Manual of the bracket")
    expect(row).to_contain_text("Acme Machines C-1 v1")
    row.get_by_role("button").click()
    expect(page.locator("tr", has_text="Manual of the bracket")).to_have_count(0)
    page.locator("summary", has_text="State a footprint").click()
    form = page.locator("form[action^='/shared/footprints#']")
    form.get_by_label("Product").fill("bracket-7")
    form.get_by_label("Begins on").fill("2026-01-01")
    form.get_by_label("Ends before").fill("2026-07-01")
    form.get_by_label("Electricity per unit").fill("2.4")
    form.get_by_role("button", name="Work it out").click()
    expect(page.locator("#state-footprint [role=alert]")).to_contain_text("lacks Grid factor")
    form.get_by_label("Grid factor (").fill("0.5703")
    form.get_by_label("Source of the grid factor").fill("MEE")
    form.get_by_label("Version of that source").fill("2022")
    form.get_by_label("Material, kg").fill("3.2")
    form.get_by_label("The supplier measured it").check()
    form.get_by_role("button", name="Work it out").click()
    expect(page.locator("#worked")).to_contain_text("4.56872 kg CO₂e / piece")
    form.get_by_role("button", name="State it").click()
    expect(page.locator("tbody tr", has_text="4.56872").first).to_contain_text("not in PACT")
    context.close()
