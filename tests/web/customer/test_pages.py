"""Every page of portal and customers' people, through the gate: whole, recorded, and refused where it must be."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from gaugeblock.exchange.sandbox_pictures import plate
from gaugeblock.exchange.sandbox_story import CUSTOMER, DONE_ORDER, OPEN_ORDER
from gaugeblock.exchange.view_model import InspectionFilter
from gaugeblock.ledger.verify import verify_evidence
from tests.web.customer.site import PASSWORD, PERSON, Site, csrf_in

OPEN = ("/", "/portal/api", "/portal/samples", "/portal/webhooks", "/portal/verify", "/portal/changelog", "/sign-in")
OWN = (
    "/my/orders",
    f"/my/orders/{OPEN_ORDER}",
    f"/my/orders/{DONE_ORDER}",
    "/my/inspections",
    f"/my/inspections?order={OPEN_ORDER}&verdict=NOK",
    "/my/certificates",
    "/my/messages",
    "/my/messages/T-0001",
    "/my/complaint",
    "/my/contract",
    "/console/requests",
    "/console/webhooks",
)
UNTRANSLATED = re.compile(r"\b(?:customer|web|plant|exchange)\.[a-z_]+(?:\.[a-z_]+)+\b")


@pytest.fixture
def person(site: Site) -> Iterator[httpx.Client]:
    """Somebody of the customer, signed in by the form."""
    with httpx.Client(base_url=site.url, headers={"Accept": "text/html", "Accept-Language": "en"}) as made:
        form = {"customer": CUSTOMER, "name": PERSON, "password": PASSWORD, "next": "/my/orders"}
        answer = made.post("/sign-in", data=form, headers={"Origin": site.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/my/orders")
        yield made


@pytest.mark.parametrize("language", ["zh", "en"])
def test_open_pages_need_nobody_and_name_no_record(site: Site, language: str) -> None:
    before = len(site.recorded)
    for path in OPEN:
        answer = httpx.get(site.url + path, headers={"Accept-Language": language})
        assert answer.status_code == 200, (path, answer.text[:500])
        assert not UNTRANSLATED.search(answer.text), (path, UNTRANSLATED.findall(answer.text))
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert len(site.recorded) == before


@pytest.mark.parametrize("language", ["zh", "en"])
def test_own_pages_are_whole_and_recorded(site: Site, person: httpx.Client, language: str) -> None:
    view = site.sandbox.view()
    verdict = view.inspections(InspectionFilter(verdict="NOK")).items[0]
    for path in (*OWN, f"/my/inspections/{verdict.record_index}", f"/my/records/{verdict.record_index}"):
        before = len(site.recorded)
        answer = person.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 200, (path, answer.text[:500])
        assert not UNTRANSLATED.search(answer.text), (path, UNTRANSLATED.findall(answer.text))
        assert len(site.recorded) == before + 1, path
        key, entry = site.recorded[-1]
        assert (key.customer, entry.resource, entry.credential) == (CUSTOMER, path, f"user:{PERSON}")
        if "/my/" in path and "complaint" not in path:
            assert entry.derived_from, path
        assert answer.headers["gaugeblock-transfer"]


def test_evidence_of_the_pages_verifies(site: Site, person: httpx.Client) -> None:
    index = site.sandbox.view().inspections().items[0].record_index
    answer = person.get(f"/my/records/{index}/evidence")
    assert verify_evidence(answer.content, site.sandbox.log_key).ok
    assert site.recorded[-1][1].derived_from == ((index, index),)


def test_files_are_what_they_are_and_never_pages(site: Site, person: httpx.Client) -> None:
    image = site.sandbox.view().inspections().items[0].image_sha256
    answer = person.get(f"/my/files/{image}")
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
    certificate = site.sandbox.view().certificates().items[0]
    answer = person.get(f"/my/files/{certificate.json_sha256}?name=../../evil%0d%0a.html")
    assert answer.headers["content-type"] == "application/octet-stream"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert "\n" not in disposition
    assert "/" not in disposition.split("filename*")[0]


def test_excel_of_an_order(site: Site, person: httpx.Client) -> None:
    pytest.importorskip("xlsxwriter")
    answer = person.get(f"/my/orders/{DONE_ORDER}/results.xlsx")
    assert answer.status_code == 200
    assert answer.content.startswith(b"PK")
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{DONE_ORDER}.xlsx"')
    verdicts = {row.record_index for row in site.sandbox.view().inspections(InspectionFilter(order=DONE_ORDER)).items}
    stated = {index for first, last in site.recorded[-1][1].derived_from for index in range(first, last + 1)}
    assert verdicts <= stated
    assert person.get("/my/orders/WO-0000/results.xlsx").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/my/orders/WO-0000",
        "/my/inspections/999999",
        "/my/inspections/0",
        "/my/records/999999",
        "/my/records/999999/evidence",
        "/my/files/" + "0" * 64,
        "/my/messages/T-9999",
        "/console/webhooks/ep_none",
        "/console/webhooks/ep_none/msg_none",
    ],
)
def test_what_is_not_theirs_is_not_there(person: httpx.Client, path: str) -> None:
    assert person.get(path).status_code == 404


@pytest.mark.parametrize("path", OWN)
def test_nobody_is_sent_to_the_door(site: Site, path: str) -> None:
    answer = httpx.get(site.url + path, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert httpx.get(site.url + path, headers={"Accept": "application/json"}).status_code == 401


def test_sign_in_refuses_and_says_nothing_of_whom(site: Site) -> None:
    texts = set()
    for customer, name in ((CUSTOMER, "nobody"), ("elsewhere", PERSON)):
        form = {"customer": customer, "name": name, "password": "wrong password", "next": "/my/orders"}
        answer = httpx.post(site.url + "/sign-in", data=form, headers={"Origin": site.url, "Accept-Language": "en"})
        assert answer.status_code == 401
        texts.add(re.sub(r'value="[^"]*"', "", answer.text))
        assert "set-cookie" not in answer.headers
    assert len(texts) == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1"])
def test_another_site_cannot_sign_a_browser_in(site: Site, origin: str) -> None:
    form = {"customer": CUSTOMER, "name": PERSON, "password": PASSWORD}
    assert httpx.post(site.url + "/sign-in", data=form, headers={"Origin": origin}).status_code == 403


def test_forms_need_their_token(person: httpx.Client) -> None:
    form = {"kind": "note", "order": OPEN_ORDER, "text": "x"}
    for token in ({}, {"csrf": "wrong"}):
        for path in ("/my/messages", "/my/contract", "/console/webhooks", "/sign-out"):
            assert person.post(path, data={**form, **token}).status_code == 403, path


def test_a_complaint_becomes_a_record(site: Site, person: httpx.Client) -> None:
    csrf = csrf_in(person.get("/my/complaint").text)
    form = {
        "csrf": csrf,
        "order": DONE_ORDER,
        "units": "U-2611-00001， U-2611-00002",
        "severity": "major",
        "text": "Scratched on arrival.",
    }
    photograph = plate(1, scratched=True)
    sent = {"documents": ("scratch.jpg", photograph, "text/html")}
    answer = person.post("/my/complaint", data=form, files=sent)
    assert answer.status_code == 303, answer.text[:2000]
    shown = person.get(answer.headers["location"])
    document = re.search(r'href="(/my/files/[0-9a-f]{64}[^"]*)"', shown.text)
    assert document is not None
    assert person.get(document[1]).content == photograph
    assert "Scratched on arrival." in shown.text
    assert "U-2611-00002" in shown.text
    thread = site.sandbox.view().thread(answer.headers["location"].split("/")[-1].split("?")[0])
    assert thread is not None
    assert thread.messages[0].by == "customer"
    # What is refused comes back with what was written.
    refused = person.post("/my/complaint", data={**form, "units": "U-none", "text": "kept"})
    assert refused.status_code == 422
    assert "kept</textarea>" in refused.text
    script = {"documents": ("page.jpg", b"<script>alert(1)</script>", "image/jpeg")}
    assert person.post("/my/complaint", data=form, files=script).status_code == 422
    many = [("documents", (f"{number}.jpg", photograph, "image/jpeg")) for number in range(5)]
    assert person.post("/my/complaint", data=form, files=many).status_code == 422
    assert person.post("/my/complaint", data={**form, "csrf": "x"}, files=sent).status_code == 403


def test_first_article_is_approved_from_its_page(site: Site, person: httpx.Client) -> None:
    page = person.get("/my/messages/T-0001").text
    assert 'value="first_article_approved"' in page
    form = {"csrf": csrf_in(page), "thread": "T-0001", "kind": "first_article_approved", "text": "Good."}
    answer = person.post("/my/messages", data=form)
    assert answer.headers["location"] == "/my/messages/T-0001?said=true"
    thread = site.sandbox.view().thread("T-0001")
    assert thread is not None
    assert thread.messages[-1].kind == "first_article_approved"


def test_sign_out_ends_the_session(person: httpx.Client) -> None:
    csrf = csrf_in(person.get("/my/contract").text)
    token = person.cookies["gaugeblock_customer"]
    assert person.post("/sign-out", data={"csrf": csrf}).status_code == 303
    person.cookies.set("gaugeblock_customer", token)
    assert person.get("/my/orders").status_code == 303


def test_own_requests_are_searched(site: Site, person: httpx.Client) -> None:
    person.get("/my/orders/WO-0000")
    page = person.get("/console/requests?text=WO-0000&status=4").text
    assert "/my/orders/WO-0000" in page
    assert "/my/certificates" not in page.split("<tbody>")[1]


def test_preferences_lead_nowhere_else(site: Site) -> None:
    answer = httpx.get(site.url + "/portal/preferences?language=zh&next=//evil.example")
    assert answer.headers["location"] == "/"
    assert "gaugeblock_language=zh" in answer.headers["set-cookie"]


def test_names_are_escaped(person: httpx.Client) -> None:
    answer = person.get('/my/inspections?unit="><script>alert(1)</script>')
    assert "<script>alert" not in answer.text
