"""The customer's API over a real log: what is there, what is another's, validators, cursors, actions done once."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from openapi_spec_validator import validate

from gaugeblock.exchange.contract import DISCLOSABLE
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.web.customer.rest_records import Disclosable
from tests.web.customer.trading import IMAGE, Trade

API = "/api/v1"
PERSONAL = {"accept-language": "en"}


@pytest.fixture(scope="module")
def trade() -> Iterator[Trade]:
    made = Trade()
    yield made
    made.close()


@pytest.fixture(scope="module")
def acme(trade: Trade) -> Iterator[Any]:
    with trade.client() as client:
        yield client


@pytest.fixture(scope="module")
def bolt(trade: Trade) -> Iterator[Any]:
    with trade.client("bolt") as client:
        yield client


@pytest.fixture
def fresh() -> Iterator[Trade]:
    made = Trade()
    yield made
    made.close()


def _addresses(trade: Trade) -> list[str]:
    return [
        "/me",
        "/orders",
        "/orders/A-1",
        "/orders/A-1/dates",
        "/lots?order=A-1",
        "/lots/L-A",
        "/units",
        "/units/AU1",
        "/units/AU1/genealogy",
        "/results?heat=H-A",
        "/shipments",
        "/shipments/S-1",
        "/inspections",
        f"/inspections/{trade.verdicts[0]}",
        f"/images/{trade.image}",
        "/health",
        "/nonconformities",
        "/certificates",
        "/certificates/C-1",
        "/certificates/C-1/json",
        "/certificates/C-1/pdf",
        "/documents",
        f"/documents/{trade.manual}",
        f"/documents/{trade.manual}/content",
        "/footprints",
        "/records",
        f"/records/{trade.verdicts[0]}",
        f"/records/{trade.verdicts[0]}/evidence",
        "/changes",
        "/contracts",
        "/contracts/C-1/1",
        "/threads",
        "/threads/T-first",
        "/transfers",
        "/exports/orders.csv",
        "/exports/inspections.csv",
        "/exports/results.csv",
    ]


def test_every_address_answers_says_what_it_came_from_and_is_not_sent_twice(trade: Trade, acme: Any) -> None:
    empty = {"/nonconformities", "/transfers"}
    for address in _addresses(trade):
        answer = acme.get(API + address)
        assert answer.status_code == 200, (address, answer.text)
        derived = trade.gate.left[-1]
        assert bool(derived) == (address not in empty), address
        assert all(0 <= index < trade.plant.log.size for index in derived)
        etag = answer.headers["etag"]
        again = acme.get(API + address, headers={"If-None-Match": f'"x", W/{etag}'})
        assert (again.status_code, again.content) == (304, b""), address
        assert trade.gate.left[-1] == derived
        assert answer.headers["gaugeblock-version"] == "2026-11-25"


def test_another_customer_sees_none_of_it_and_cannot_tell_it_from_what_is_not_there(trade: Trade, bolt: Any) -> None:
    foreign = [
        address
        for address in _addresses(trade)
        if re.search(r"/(A-1|L-A|AU1|S-1|C-1|T-first|[0-9a-f]{64}|\d+)", address)
    ]
    foreign = [address for address in foreign if "?" not in address]
    assert len(foreign) > 15
    for address in foreign:
        absent = re.sub(r"(A-1|L-A|AU1|S-1|C-1|T-first)", "none", address)
        absent = re.sub(r"[0-9a-f]{64}", "0" * 64, absent)
        absent = re.sub(r"/\d{1,4}(?=/|$)", "/99999999", absent) if "contracts" not in address else absent
        theirs, nothing = bolt.get(API + address), bolt.get(API + absent)
        assert theirs.status_code == nothing.status_code == 404, address
        assert trade.gate.left[-1] == trade.gate.left[-2] == []
        shown = {**theirs.json(), "instance": "", "detail": ""}
        assert shown == {**nothing.json(), "instance": "", "detail": ""}
        assert theirs.json()["detail"].replace(API + address, "") == nothing.json()["detail"].replace(API + absent, "")
    for listing in ("/orders", "/lots", "/units", "/results", "/inspections", "/records", "/exports/inspections.csv"):
        assert "A-1" not in bolt.get(API + listing).text
    assert bolt.get(API + "/inspections?order=A-1").json()["inspections"] == []


def test_an_order_has_its_progress_its_date_with_an_interval_and_the_history_of_promises(acme: Any) -> None:
    order = acme.get(f"{API}/orders/A-1").json()
    assert order["progress"]["ok"] == 2
    assert (order["delivery"]["earliest"][:10], order["delivery"]["latest"][:10]) == ("2026-12-18", "2026-12-23")
    dates = acme.get(f"{API}/orders/A-1/dates").json()
    assert [promise["promised"] for promise in dates["promises"]] == ["2026-12-20", "2026-12-24"]
    assert all("record_index" in promise for promise in dates["promises"])


def test_evidence_verifies_offline(trade: Trade, acme: Any) -> None:
    me = acme.get(f"{API}/me").json()
    data = acme.get(f"{API}/records/{trade.verdicts[0]}/evidence").content
    assert verify_evidence(data, me["log_key"]).ok


def test_files(trade: Trade, acme: Any) -> None:
    image = acme.get(f"{API}/images/{trade.image}")
    assert (image.content, image.headers["content-type"]) == (IMAGE, "image/jpeg")
    pdf = acme.get(f"{API}/certificates/C-1/pdf")
    assert pdf.headers["content-disposition"] == 'attachment; filename="C-1.pdf"'
    assert acme.get(f"{API}/certificates/C-1/json").content == trade.certificate_json
    # A photograph is no document, and a document no photograph.
    assert acme.get(f"{API}/documents/{trade.image}/content").status_code == 404
    assert acme.get(f"{API}/images/{trade.manual}").status_code == 404


def test_cursors_lead_through_everything_once_and_nowhere_else(acme: Any, bolt: Any) -> None:
    seen: list[int] = []
    address: str | None = f"{API}/records?limit=3"
    while address:
        page = acme.get(address).json()
        seen += [record["record_index"] for record in page["records"]]
        address = page["next"]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == len(acme.get(f"{API}/records?limit=500").json()["records"])
    following = acme.get(f"{API}/records?limit=3").json()["next"]
    cursor = following.split("cursor=")[1]
    for position in range(len(cursor)):
        damaged = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
        answer = acme.get(f"{API}/records?limit=3&cursor={damaged}")
        assert (answer.status_code, answer.json()["code"]) == (400, "web.cursor_form")
    for other in (f"{API}/inspections?cursor={cursor}", f"{API}/records?record_type=production.lot&cursor={cursor}"):
        assert acme.get(other).status_code == 400
    assert bolt.get(f"{API}/records?limit=3&cursor={cursor}").status_code == 400
    assert acme.get(f"{API}/records?cursor={cursor}&cursor={cursor}").status_code == 400


def test_the_changes_feed_misses_nothing(fresh: Trade) -> None:
    with fresh.client() as client:
        first = client.get(f"{API}/changes?limit=500").json()
        assert client.get(f"{API}/changes?after={first['after']}").json()["changes"] == []
        index = fresh.plant.inspect("A-1", "AU3")
        fresh.plant.inspect("B-1", "BU3")
        news = client.get(f"{API}/changes?after={first['after']}").json()
        assert [change["record_index"] for change in news["changes"]] == [index]


def test_a_problem_says_what_to_do_in_the_customers_language(acme: Any) -> None:
    answer = acme.get(f"{API}/orders/none", headers=PERSONAL)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "instance", "code", "remedy"}
    assert problem["remedy"]
    chinese = acme.get(f"{API}/orders/none", headers={"Accept-Language": "zh-CN"})
    assert chinese.headers["content-language"] == "zh-Hans"
    assert re.search(r"[\u4e00-\u9fff]", chinese.json()["detail"])
    assert acme.delete(f"{API}/orders/A-1").status_code == 405
    assert "GET" in acme.delete(f"{API}/orders/A-1").headers["allow"]
    assert acme.options(f"{API}/threads").headers["allow"] == "GET, OPTIONS, POST"


def test_versions_and_parameters_that_there_are_none_of_are_named(acme: Any) -> None:
    answer = acme.get(f"{API}/orders", headers={"Gaugeblock-Version": "2020-01-01"})
    assert (answer.status_code, answer.json()["code"]) == (400, "web.version_unknown")
    assert "2026-11-25" in answer.json()["remedy"]
    misspelt = acme.get(f"{API}/lots?ordr=A-1")
    assert (misspelt.status_code, misspelt.json()["code"]) == (400, "web.query_unknown")
    assert "order" in misspelt.json()["remedy"]
    for wrong in ("limit=0", "limit=501", "limit=x", "order="):
        assert acme.get(f"{API}/lots?{wrong}").status_code == 400, wrong


def test_the_types_of_records_are_those_that_can_be_permitted() -> None:
    assert set(get_args(Disclosable)) == set(DISCLOSABLE)


def test_nobody_without_a_credential(trade: Trade) -> None:
    with trade.client("nobody") as client:
        for address in _addresses(trade):
            assert client.get(API + address).status_code == 401


# ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────


def _key(number: int) -> dict[str, str]:
    return {"Idempotency-Key": f"key-{number:06d}"}


COMPLAINT = {"kind": "complaint_opened", "text": "scratches", "order": "A-1", "units": ["AU1"], "severity": "major"}


def test_an_action_is_done_once_for_its_key(fresh: Trade) -> None:
    with fresh.client() as client:
        size = fresh.plant.log.size
        first = client.post(f"{API}/threads", json=COMPLAINT, headers=_key(1))
        assert first.status_code == 201, first.text
        assert fresh.gate.left[-1] == [first.json()["record_index"]]
        again = client.post(f"{API}/threads", json=COMPLAINT, headers=_key(1))
        assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
        assert fresh.plant.log.size == size + 1
        other = client.post(f"{API}/threads", json={**COMPLAINT, "text": "dents"}, headers=_key(1))
        assert (other.status_code, other.json()["code"]) == (422, "web.idempotency_conflict")
        without = client.post(f"{API}/threads", json=COMPLAINT)
        assert without.status_code == 400
        malformed = client.post(f"{API}/threads", json=COMPLAINT, headers={"Idempotency-Key": "a b"})
        assert malformed.status_code == 400


def test_a_refused_action_leaves_its_key_free(fresh: Trade) -> None:
    with fresh.client() as client:
        foreign = client.post(f"{API}/threads", json={**COMPLAINT, "order": "B-1"}, headers=_key(2))
        absent = client.post(f"{API}/threads", json={**COMPLAINT, "order": "none"}, headers=_key(2))
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["code"] == absent.json()["code"]
        assert client.post(f"{API}/threads", json=COMPLAINT, headers=_key(2)).status_code == 201


def test_a_process_that_ended_in_between_states_nothing_twice(fresh: Trade) -> None:
    from gaugeblock.web.customer.preconditions import digest_of

    with fresh.client() as client:
        first = client.post(f"{API}/threads", json=COMPLAINT, headers=_key(3))
        body = first.request.content
        size = fresh.plant.log.size
        # As if the answer had not been kept.
        fresh.state.drop_idempotent("acme", "key-000003")
        fresh.state.begin_idempotent("acme", "key-000003", digest_of("POST", f"{API}/threads", body))
        again = client.post(f"{API}/threads", json=COMPLAINT, headers=_key(3))
        assert again.json() == first.json()
        assert fresh.plant.log.size == size
        fresh.services.running.add(("acme", "key-000004"))
        fresh.state.begin_idempotent("acme", "key-000004", digest_of("POST", f"{API}/threads", body))
        assert client.post(f"{API}/threads", json=COMPLAINT, headers=_key(4)).status_code == 409


def test_a_first_article_is_approved_once_and_by_the_customer(fresh: Trade) -> None:
    with fresh.client() as client:
        thread = client.get(f"{API}/threads/T-first")
        assert (thread.json()["waiting_for"], thread.json()["possible"][0]) == ("customer", "first_article_approved")
        stale = client.post(
            f"{API}/threads/T-first/messages",
            json={"kind": "first_article_approved"},
            headers={**_key(5), "If-Match": '"stale"'},
        )
        assert stale.status_code == 412
        said = client.post(
            f"{API}/threads/T-first/messages",
            json={"kind": "first_article_approved"},
            headers={**_key(5), "If-Match": thread.headers["etag"]},
        )
        assert said.status_code == 201
        twice = client.post(
            f"{API}/threads/T-first/messages", json={"kind": "first_article_refused", "text": "no"}, headers=_key(6)
        )
        assert (twice.status_code, twice.json()["code"]) == (409, "exchange.message_kind")
        assert client.get(f"{API}/threads/T-first").json()["messages"][-1]["by"] == "customer"
    with fresh.client("bolt") as other:
        foreign = other.post(f"{API}/threads/T-first/messages", json={"kind": "note", "text": "hello"}, headers=_key(7))
        assert foreign.status_code == 404


def test_documents_go_with_messages_and_come_back(fresh: Trade) -> None:
    drawing = b"%PDF-1.7 drawing"
    document = {"name": "图纸 7.pdf", "content_base64": base64.b64encode(drawing).decode(), "kind": "drawing"}
    with fresh.client() as client:
        shared = {"kind": "document_shared", "order": "A-1", "documents": [document]}
        posted = client.post(f"{API}/threads", json=shared, headers=_key(8))
        assert posted.status_code == 201, posted.text
        (kept,) = posted.json()["documents"]
        assert kept["media_type"] == "application/pdf"
        got = client.get(f"{API}/documents/{kept['sha256']}/content")
        assert got.content == drawing
        assert got.headers["content-disposition"].startswith("attachment")
        program = {"name": "a.pdf", "content_base64": base64.b64encode(b"MZ\x90\x00").decode()}
        refused = client.post(f"{API}/threads", json={**shared, "documents": [program]}, headers=_key(9))
        assert refused.status_code == 415
        large = {"name": "a.bin", "content_base64": "A" * (25 * 1024 * 1024)}
        too_large = client.post(f"{API}/threads", json={**shared, "documents": [large]}, headers=_key(10))
        assert too_large.status_code == 413
    with fresh.client("bolt") as other:
        assert other.get(f"{API}/documents/{kept['sha256']}/content").status_code == 404


def test_bodies_take_nothing_that_they_do_not_name(fresh: Trade) -> None:
    with fresh.client() as client:
        for more in ({"customer": "bolt"}, {"by": "plant"}, {"nonconformity": "NC-1"}, {"answers": 1}):
            answer = client.post(f"{API}/threads", json={**COMPLAINT, **more}, headers=_key(11))
            assert answer.status_code == 400, more
        for body in ("[]", "null", "{", '{"kind":"dance"}', "[" * 100_000):
            answer = client.post(
                f"{API}/threads", content=body, headers={**_key(12), "content-type": "application/json"}
            )
            assert answer.status_code == 400, body[:20]


def test_a_contract_is_accepted_on_the_terms_that_were_read_and_revoked_at_once(fresh: Trade) -> None:
    with fresh.client() as client:
        offered = client.get(f"{API}/contracts/C-1/2")
        assert offered.json()["possible"] == ["accepted", "declined"]
        address = f"{API}/contracts/C-1/2/accept"
        assert client.post(address, json={}, headers=_key(20)).status_code == 428
        assert client.post(address, json={}, headers={**_key(20), "If-Match": '"old"'}).status_code == 412
        weak = {**_key(20), "If-Match": f"W/{offered.headers['etag']}"}
        assert client.post(address, json={}, headers=weak).status_code in {400, 412}
        accepted = client.post(address, json={}, headers={**_key(20), "If-Match": offered.headers["etag"]})
        assert accepted.status_code == 201, accepted.text
        assert client.get(f"{API}/me").json()["contract_version"] == 2
        again = client.post(address, json={}, headers={**_key(21), "If-Match": "*"})
        assert again.status_code == 409
        revoked = client.post(
            f"{API}/contracts/C-1/2/revoke", json={"reason": "ended"}, headers={**_key(22), "If-Match": "*"}
        )
        assert revoked.status_code == 201
        assert client.get(f"{API}/orders").json()["orders"] == []
        assert client.get(f"{API}/orders/A-1").status_code == 404
    with fresh.client("bolt") as other:
        foreign = other.post(f"{API}/contracts/C-1/2/accept", json={}, headers={**_key(23), "If-Match": "*"})
        assert foreign.status_code == 404


def test_a_test_key_states_nothing_in_the_plant(fresh: Trade) -> None:
    with fresh.client("test-acme") as client:
        size = fresh.plant.log.size
        answer = client.post(f"{API}/threads", json=COMPLAINT, headers=_key(30))
        assert answer.status_code == 403
        assert fresh.plant.log.size == size


def test_exports_are_tables_and_never_formulas(acme: Any) -> None:
    orders = acme.get(f"{API}/exports/orders.csv")
    assert orders.headers["content-type"].startswith("text/csv")
    assert "'=PO-A" in orders.content.decode("utf-8-sig")
    results = acme.get(f"{API}/exports/results.csv?lot=L-A").content.decode("utf-8-sig").splitlines()
    assert "'@LAB" in results[1]
    assert ",0.12," in results[1]


def test_the_description_is_openapi_3_1_and_closed_where_it_must_be(trade: Trade, acme: Any) -> None:
    document = acme.get(f"{API}/openapi.json").json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids)) > 45
    assert document["components"]["schemas"]["ComplaintOpened"]["additionalProperties"] is False
    assert "additionalProperties" not in document["components"]["schemas"]["OrderView"]
    described = {path.removeprefix(API) for path in document["paths"]}
    for address in _addresses(trade):
        bare = address.split("?")[0]
        assert any(re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), bare) for path in described), address
