"""Orders and messages over HTTP: who may state, what is refused, and what comes back."""

from __future__ import annotations

import pytest

from tests.web.trading_plant import FAULTY, IMPORT, trading_plant

JSON = {"Accept": "application/json", "Accept-Language": "en"}
ORDER = {"product": "bracket-7", "quantity": 5, "customer": "acme"}
POSTS = {
    "/api/v1/orders": {"token": "abcdef12", "order": "WO-77", "statement": ORDER},
    "/api/v1/lots": {"token": "abcdef12", "lot": "L-77", "statement": {"product": "bracket-7"}},
    "/api/v1/genealogy": {
        "token": "abcdef12",
        "subject": {"unit": "A-1"},
        "statement": {"components": [{"kind": "heat", "id": "H-77"}]},
    },
    "/api/v1/results": {
        "token": "abcdef12",
        "subject": {"heat": "H-77"},
        "statement": {"characteristics": [{"kind": "chemistry", "name": "C", "value": "0.1", "quantity_unit": "%"}]},
    },
    "/api/v1/shipments": {
        "token": "abcdef12",
        "shipment": "S-77",
        "order": "WO-1042",
        "statement": {"shipped_at": "2026-12-01T08:00:00Z", "quantity": 1},
    },
}
FORMS = [
    "/orders/new",
    "/orders/import",
    "/orders/WO-1042/change",
    "/orders/WO-1042/lot",
    "/orders/units/U-000",
    "/orders/import/0123456789abcdef/undo",
    "/messages",
    "/messages/T-date",
]


@pytest.fixture(scope="module")
def trading():  # type: ignore[no-untyped-def]
    sample, pages = trading_plant()
    return sample, pages, sample.app()


@pytest.mark.parametrize("address", POSTS)
def test_only_quality_may_state_and_only_with_the_sessions_token(trading, session_of, address: str) -> None:  # type: ignore[no-untyped-def]
    _, _, app = trading
    with session_of(app, "viewer") as session:
        answer = session.client.post(address, json=POSTS[address], headers={**JSON, "x-csrf-token": session.csrf})
        assert (answer.status_code, answer.json()["code"]) == (403, "web.role_required")
    with session_of(app, "quality") as session:
        answer = session.client.post(address, json=POSTS[address], headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (403, "web.csrf")
        headers = {**JSON, "x-csrf-token": session.csrf}
        first = session.client.post(address, json=POSTS[address], headers=headers)
        assert first.status_code == 201, first.text
        assert session.client.post(address, json=POSTS[address], headers=headers).json() == first.json()


@pytest.mark.parametrize("address", FORMS)
def test_forms_too(trading, session_of, address: str) -> None:  # type: ignore[no-untyped-def]
    _, _, app = trading
    with session_of(app, "viewer") as session:
        answer = session.client.post(address, data={"csrf": session.csrf}, follow_redirects=False)
        assert answer.status_code == 403
    with session_of(app, "quality") as session:
        answer = session.client.post(address, data={"csrf": "wrong"}, follow_redirects=False)
        assert answer.status_code == 403


def test_an_order_is_read_changed_and_refused_where_it_must_be(trading, session_of) -> None:  # type: ignore[no-untyped-def]
    _, _, app = trading
    with session_of(app, "quality") as session:
        headers = {**JSON, "x-csrf-token": session.csrf}
        case = session.client.get("/api/v1/orders/WO-1042", headers=JSON).json()
        progress = case["head"]["progress"]
        assert (progress["good"], progress["rejected"], progress["undecided"]) == (10, 1, 1)
        assert [version["promised"] for version in case["versions"]] == ["2026-12-20", "2026-12-23"]
        address = "/api/v1/orders/WO-1042/versions"
        foreign = {**ORDER, "customer": "nordic"}
        body = {"token": "change01", "read_index": case["head"]["index"], "statement": foreign}
        refused = session.client.post(address, json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "production.order_customer")
        stale = session.client.post(address, json={**body, "read_index": 0, "statement": ORDER}, headers=headers)
        assert (stale.status_code, stale.json()["code"]) == (409, "production.order_changed")
        unknown = session.client.post(address, json={**body, "statement": {**ORDER, "price": 7}}, headers=headers)
        assert unknown.status_code == 400
        assert session.client.get("/api/v1/orders/none", headers=JSON).status_code == 404
        listed = session.client.get("/api/v1/orders?customer=acme&text=4711", headers=JSON).json()["orders"]
        assert [order["order"] for order in listed] == ["WO-1042"]
        tree = session.client.get("/api/v1/units/U-000/genealogy", headers=JSON).json()
        assert [part["id"] for part in tree["parts"]] == ["B-17", "L-2611-1", "H-1"]


def test_an_import_is_checked_taken_whole_and_taken_back(trading, session_of) -> None:  # type: ignore[no-untyped-def]
    _, _, app = trading
    with session_of(app, "quality") as session:
        headers = {**JSON, "x-csrf-token": session.csrf, "content-type": "text/csv"}
        faulty = session.client.post("/api/v1/order-imports?mode=take", content=FAULTY.encode(), headers=headers).json()
        assert (faulty["taken"], [fault["line"] for fault in faulty["faults"]]) == (False, [2, 3])
        assert session.client.get("/api/v1/orders/WO-3001", headers=JSON).status_code == 404
        again = session.client.post("/api/v1/order-imports?mode=check", content=IMPORT.encode(), headers=headers).json()
        assert (again["new"], again["same"]) == ([], 2)
        batch = session.client.get("/api/v1/order-imports", headers=JSON).json()["imports"][0]["batch"]
        undone = session.client.post(f"/api/v1/order-imports/{batch}/undo", headers=headers)
        assert undone.json() == {"orders": ["WO-2001", "WO-2002"]}
        assert session.client.get("/api/v1/orders/WO-2001", headers=JSON).json()["head"]["state"] == "cancelled"


def test_a_message_page_refuses_what_may_not_be_said(trading, session_of) -> None:  # type: ignore[no-untyped-def]
    _, _, app = trading
    with session_of(app, "quality") as session:
        form = {"csrf": session.csrf, "token": "abcdef12"}
        wrong = session.client.post("/messages/T-date", data={**form, "kind": "concession_granted"})
        assert wrong.status_code == 409
        nothing = session.client.post("/messages/T-date", data={**form, "kind": "date_refused", "text": " "})
        assert nothing.status_code == 422
        said = session.client.post(
            "/messages/T-date", data={**form, "kind": "date_refused", "text": "Not possible."}, follow_redirects=False
        )
        assert said.status_code == 303
        assert session.client.get("/messages/none", headers=JSON).status_code == 404
        foreign = session.client.post(
            "/messages", data={**form, "customer": "nordic", "kind": "note", "text": "x", "order": "WO-1042"}
        )
        assert foreign.status_code == 422
