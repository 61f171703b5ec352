"""Webhooks by API and console: the same desk, each customer's own, and nothing into the house."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gaugeblock.exchange.sandbox_story import CUSTOMER, OPEN_ORDER
from gaugeblock.exchange.webhooks import EVENT_TYPES, secret_bytes, verify
from gaugeblock.web.customer.portal_ports import NewMessage
from tests.web.customer.site import PASSWORD, PERSON, Site, csrf_in

HOOK = "https://hooks.customer.example/in"


@pytest.fixture
def api(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=site.url + "/api/v1/webhooks", headers={"Authorization": f"Bearer {site.keys[False]}"}
    ) as made:
        yield made
        for endpoint in site.webhooks.endpoints(CUSTOMER):
            site.webhooks.remove(endpoint.id)


def add(api: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = api.post("/", json={"url": HOOK, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_made_listed_switched_and_removed(site: Site, api: httpx.Client) -> None:
    made = add(api, event_types=["order.updated"], description="incoming goods")
    assert len(secret_bytes(made["secret"])) == 32
    (listed,) = api.get("/").json()["webhooks"]
    assert "secret" not in listed
    assert listed == {key: value for key, value in made.items() if key != "secret"}
    assert api.post(f"/{made['id']}/disable").json()["disabled_because"] == "owner"
    assert api.post(f"/{made['id']}/test").status_code == 422
    assert api.post(f"/{made['id']}/enable").json()["enabled"] is True
    assert api.delete(f"/{made['id']}").status_code == 204
    assert api.get(f"/{made['id']}").status_code == 404
    assert api.delete(f"/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.customer.example/",
        "https://hooks.customer.example:22/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://inside.house/",  # the site's resolver leads it to 10.0.0.1
        "https://user:secret@hooks.customer.example/",
        "file:///etc/passwd",
    ],
)
def test_no_address_leads_inside(site: Site, api: httpx.Client, url: str) -> None:
    answer = api.post("/", json={"url": url})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"].startswith("exchange.webhook_")
    assert api.get("/").json()["webhooks"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": HOOK, "event_types": ["order.deleted"]},
        {"url": HOOK, "enabled": False},
        {"url": HOOK, "customer": "other"},
        {"url": HOOK, "secret": "whsec_AAAA"},
        {"url": 7},
        {"url": "x" * 501},
    ],
)
def test_bodies_of_another_shape_are_refused(api: httpx.Client, body: dict[str, Any]) -> None:
    assert api.post("/", json=body).status_code in {400, 422}
    assert api.get("/").json()["webhooks"] == []


def test_fired_signed_replayed_and_shown(site: Site, api: httpx.Client) -> None:
    made = add(api)
    message = api.post(f"/{made['id']}/test").json()["message"]
    endpoint = site.webhooks.endpoint(CUSTOMER, made["id"])
    assert endpoint is not None
    before = len(site.recorded)
    site.dispatcher.turn(endpoint)
    pinned, headers, body = site.sent[-1]
    assert (pinned.address, headers["webhook-id"]) == ("93.184.216.34", message)
    verify(made["secret"], headers, body, site.clock.now().timestamp())
    assert site.recorded[before][1].credential == f"webhook:{made['id']}"
    shown = api.get(f"/{made['id']}/deliveries/{message}").json()
    assert (shown["state"], shown["attempts"], shown["history"][0]["status"]) == ("delivered", 1, 204)
    assert shown["body"]["type"] == "webhook.test"
    assert made["secret"] not in str(shown)
    assert api.post(f"/{made['id']}/replay", json={"message": message}).json() == {"count": 1}
    assert api.post(f"/{made['id']}/replay", json={"since": "2020-01-01T00:00:00Z"}).json() == {"count": 0}  # it waits
    assert api.post(f"/{made['id']}/replay", json={}).status_code == 400
    assert api.post(f"/{made['id']}/replay", json={"message": "msg_none"}).status_code == 404
    rotated = api.post(f"/{made['id']}/secret").json()["secret"]
    endpoint = site.webhooks.endpoint(CUSTOMER, made["id"])
    assert endpoint is not None
    site.dispatcher.turn(endpoint)
    _, headers, body = site.sent[-1]
    for secret in (made["secret"], rotated):
        verify(secret, headers, body, site.clock.now().timestamp())


def test_deliveries_are_paged(site: Site, api: httpx.Client) -> None:
    made = add(api)
    fired = [api.post(f"/{made['id']}/test").json()["message"] for _ in range(5)]
    seen: list[str] = []
    address: str | None = f"{site.url}/api/v1/webhooks/{made['id']}/deliveries?limit=2&outcome=pending"
    while address:
        answer = httpx.get(address, headers=api.headers).json()
        seen += [row["id"] for row in answer["deliveries"]]
        address = site.url + answer["next"] if answer["next"] else None
    assert seen == fired[::-1]
    assert api.get(f"/{made['id']}/deliveries?before=%21").status_code == 400
    assert api.get(f"/{made['id']}/deliveries?limit=101").status_code == 400


def test_the_sandbox_s_are_apart_and_send_nothing(site: Site, api: httpx.Client) -> None:
    real = add(api)
    with httpx.Client(base_url=str(api.base_url), headers={"Authorization": f"Bearer {site.keys[True]}"}) as test:
        assert test.get(f"/{real['id']}").status_code == 404
        assert test.get("/").json()["webhooks"] == []
        made = test.post("/", json={"url": "https://10.0.0.1/never-called"}).json()
        sent = len(site.sent)
        message = test.post(f"/{made['id']}/test").json()["message"]
        shown = test.get(f"/{made['id']}/deliveries/{message}").json()
        assert shown["state"] == "delivered"
        verify(made["secret"], shown["history"][0]["headers"], site_body(site, made["id"], message), at(shown))
        assert len(site.sent) == sent
        # What happens in the sandbox arrives at the sink as well.
        said = NewMessage(kind="note", order=OPEN_ORDER, text="tried")
        site.sandbox.commands.post(site.sandbox.view(), "gbk_test_x", "sink", said)
        rows = test.get(f"/{made['id']}/deliveries").json()["deliveries"]
        assert rows[0]["body"]["type"] == "message.posted"
        assert rows[0]["state"] == "delivered"
        assert len(site.sent) == sent
        assert test.delete(f"/{made['id']}").status_code == 204
    assert made["id"] not in {endpoint.id for endpoint in site.webhooks.enabled()}


def site_body(site: Site, endpoint: str, message: str) -> bytes:
    found = site.webhooks.delivery(endpoint, message)
    assert found is not None
    return found.body


def at(shown: dict[str, Any]) -> float:
    return float(shown["history"][0]["headers"]["webhook-timestamp"])


def test_a_key_without_the_scope_is_refused(site: Site) -> None:
    assert httpx.get(site.url + "/api/v1/webhooks").status_code == 401
    key = site.issue(("read", "message"))
    answer = httpx.get(site.url + "/api/v1/webhooks", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "exchange.scope_needed")


def test_console_makes_rotates_replays_and_removes(site: Site) -> None:
    with httpx.Client(base_url=site.url, headers={"Accept": "text/html", "Accept-Language": "en"}) as person:
        form = {"customer": CUSTOMER, "name": PERSON, "password": PASSWORD}
        person.post("/sign-in", data=form, headers={"Origin": site.url})
        page = person.get("/console/webhooks").text
        csrf = csrf_in(page)
        refused = person.post("/console/webhooks", data={"csrf": csrf, "url": "https://inside.house/"})
        assert refused.status_code == 422
        assert "10.0.0.1" in refused.text
        event = f"event_{EVENT_TYPES[0]}"
        made = person.post("/console/webhooks", data={"csrf": csrf, "url": HOOK, event: "yes"})
        assert "whsec_" in made.text
        (endpoint,) = site.webhooks.endpoints(CUSTOMER)
        assert endpoint.event_types == (EVENT_TYPES[0],)
        assert "whsec_" not in person.get("/console/webhooks").text
        here = f"/console/webhooks/{endpoint.id}"
        assert person.post(f"{here}/test", data={"csrf": csrf}).headers["location"] == f"{here}?said=test&count=1"
        site.dispatcher.turn(endpoint)
        again = person.post(f"{here}/replay", data={"csrf": csrf, "since": "2020-01-01T00:00"})
        assert again.headers["location"] == f"{here}?said=replay&count=1"
        assert "whsec_" in person.post(f"{here}/rotate", data={"csrf": csrf}).text
        assert person.post(f"{here}/remove", data={"csrf": csrf}).status_code == 422
        assert person.post(f"{here}/disable", data={"csrf": csrf}).status_code == 303
        assert "off" in person.get(here).text
        assert person.post(f"{here}/nothing", data={"csrf": csrf}).status_code == 422
        assert (
            person.post(f"{here}/remove", data={"csrf": csrf, "sure": "yes"}).headers["location"].endswith("webhooks")
        )
        assert person.get(here).status_code == 404
