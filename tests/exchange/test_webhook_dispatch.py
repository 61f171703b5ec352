"""From the changes feed to the receiver, over a real database: nothing twice, nothing lost, nothing unpermitted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gaugeblock.exchange.address_guard import AddressGuard, PinnedTarget
from gaugeblock.exchange.credentials import LEASE_S
from gaugeblock.exchange.view_model import ChangeView, Page
from gaugeblock.exchange.webhook_dispatch import PLANT_WAIT_S, WebhookDispatcher
from gaugeblock.exchange.webhook_post import Answer
from gaugeblock.exchange.webhooks import DISABLED_AFTER_S, new_secret, verify
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import QueueFullError
from gaugeblock.stores.webhooks import ENDPOINTS_PER_CUSTOMER, Endpoint, WebhookStore

SECRET = new_secret(lambda count: bytes(range(count)))
URL = "https://hooks.customer.example/in?token=t0p"


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, tzinfo=UTC)
        self.steady_s = 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return int(self.steady_s * 1e9)

    def pass_s(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class View:
    """The part of a customer's view that webhooks read."""

    def __init__(self) -> None:
        self.contract: object | None = object()
        self.items: list[ChangeView] = []
        self.log_size = 100

    def changes(self, after: int = -1, limit: int = 100) -> Page[ChangeView]:
        if self.contract is None:
            return Page((), after)
        found = tuple(item for item in self.items if item.record_index > after)[:limit]
        return Page(found, found[-1].record_index if found else after)


class Plant:
    """Everything around a dispatcher, with what left and what was recorded before it left, in order."""

    def __init__(self, database: Database) -> None:
        self.clock, self.view = Clock(), View()
        self.store = WebhookStore(database, self.clock)
        self.answers: list[Answer] = []
        self.happened: list[tuple[str, Any]] = []
        self.plant_is_there = self.receiver_is_there = True
        self.recording_takes_s = 0.0
        self.addresses = ["93.184.216.34"]
        self.dispatcher = WebhookDispatcher(
            self.store,
            lambda customer: self.view,  # type: ignore[arg-type, return-value]
            self._record,
            AddressGuard(lambda host, port: self.addresses),
            self._post,
            self.clock,
            lambda: 0.0,
            "https://plant.example",
        )

    def _record(self, view: object, entry: TransferEntry) -> str:
        if not self.plant_is_there:
            raise QueueFullError(limit=1)
        self.clock.steady_s += self.recording_takes_s
        self.happened.append(("recorded", entry))
        return f"transfer/{len(self.happened)}"

    def _post(
        self, pinned: PinnedTarget, headers: Mapping[str, str], body: bytes, before_sending: Callable[[], None]
    ) -> Answer:
        if not self.receiver_is_there:
            return Answer(None, "connection", 1.0)
        before_sending()
        self.happened.append(("sent", (pinned, dict(headers), body)))
        return self.answers.pop(0) if self.answers else Answer(204, None, 1.0)

    def add(self, **facts: Any) -> Endpoint:
        made = self.store.add("acme", URL, SECRET, **facts)
        assert made is not None
        return made

    def news(self, index: int, record_type: str = "production.order", **facts: Any) -> None:
        at = to_rfc3339(self.clock.now())
        self.view.items.append(ChangeView(record_index=index, stated_at=at, record_type=record_type, **facts))

    def turn(self, endpoint: Endpoint) -> Any:
        current = self.store.endpoint("acme", endpoint.id)
        assert current is not None
        return self.dispatcher.turn(current)

    def sent(self) -> list[tuple[PinnedTarget, dict[str, str], bytes]]:
        return [what for name, what in self.happened if name == "sent"]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Database(f"sqlite:///{tmp_path}/exchange.sqlite") as database:
        yield Plant(database)


def test_news_is_recorded_then_sent_signed_and_once(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(7, order="WO 1", product="bracket-7")
    plant.news(8, "exchange.transfer")
    assert plant.turn(endpoint).delivered == 1
    assert plant.turn(endpoint).queued == 0
    (first, entry), (second, (pinned, headers, body)) = plant.happened
    assert (first, second) == ("recorded", "sent")
    assert entry.sha256 == hashlib.sha256(body).hexdigest()
    assert entry.derived_from == ((7, 7),)
    assert entry.resource == "https://hooks.customer.example/in"
    assert pinned.address == "93.184.216.34"
    verify(SECRET, headers, body, plant.clock.now().timestamp())
    message = msgspec.json.decode(body)
    assert message["type"] == "order.updated"
    assert message["data"] == {
        "customer": "acme",
        "index": 7,
        "record_type": "production.order",
        "order": "WO 1",
        "product": "bracket-7",
        "link": "https://plant.example/api/v1/orders/WO%201",
    }
    (delivery,) = plant.store.listed(endpoint.id)
    assert (delivery.state, delivery.attempts, delivery.history[0]["transfer"]) == ("delivered", 1, "transfer/1")
    # Queued again, as after a crash between two transactions: the same id, so nothing new.
    made = plant.dispatcher.message(endpoint, plant.view.items[0])
    assert made is not None
    plant.store.enqueue(endpoint.id, [made], None, 0.0)
    assert plant.store.pending(endpoint.id) == 0


def test_only_the_event_types_asked_for(plant: Plant) -> None:
    endpoint = plant.add(event_types=["certificate.issued"])
    plant.news(1, order="WO-1")
    plant.news(2, "production.certificate", id="C-1")
    assert plant.turn(endpoint).delivered == 1
    assert msgspec.json.decode(plant.sent()[0][2])["data"]["link"] == "https://plant.example/api/v1/certificates/C-1"


def test_tried_again_with_the_same_id_until_it_is_accepted(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.answers = [Answer(500, None, 1.0), Answer(None, "timeout", 15_000.0)]
    assert plant.turn(endpoint).failed == 1
    assert plant.turn(endpoint).failed == 0  # not due yet
    plant.clock.pass_s(5)
    assert plant.turn(endpoint).failed == 1
    plant.clock.pass_s(300)
    assert plant.turn(endpoint).delivered == 1
    assert len({headers["webhook-id"] for _, headers, _ in plant.sent()}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in plant.sent()}) == 3
    (delivery,) = plant.store.listed(endpoint.id)
    assert [attempt.get("status") for attempt in delivery.history] == [500, None, 204]
    current = plant.store.endpoint("acme", endpoint.id)
    assert current is not None
    assert current.failing_since_s is None


def test_what_the_contract_no_longer_permits_is_withheld(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.news(2, order="WO-2")
    plant.answers = [Answer(503, None, 1.0)]
    plant.turn(endpoint)
    plant.view.items.pop(0)
    plant.clock.pass_s(5)
    assert plant.turn(endpoint).withheld == 1
    plant.view.contract = None
    plant.news(3, order="WO-3")
    plant.store.replay(endpoint.id, now_s=plant.clock.now().timestamp())
    turn = plant.turn(endpoint)
    assert (turn.delivered, turn.queued) == (0, 0)
    assert {delivery.state for delivery in plant.store.listed(endpoint.id)} == {"withheld"}


def test_nothing_leaves_while_the_plant_does_not_record(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.plant_is_there = False
    plant.turn(endpoint)
    assert plant.happened == []
    (delivery,) = plant.store.listed(endpoint.id)
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    plant.plant_is_there = True
    plant.clock.pass_s(PLANT_WAIT_S)
    assert plant.turn(endpoint).delivered == 1


def test_a_receipt_that_may_be_older_than_a_revocation_is_not_sent_on(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.recording_takes_s = LEASE_S
    plant.turn(endpoint)
    assert [name for name, _ in plant.happened] == ["recorded"]
    (delivery,) = plant.store.listed(endpoint.id)
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    plant.recording_takes_s = 0.01
    plant.clock.pass_s(PLANT_WAIT_S)
    assert plant.turn(endpoint).delivered == 1


def test_nothing_is_recorded_of_a_receiver_that_is_not_there(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.receiver_is_there = False
    assert plant.turn(endpoint).failed == 1
    assert plant.happened == []
    (delivery,) = plant.store.listed(endpoint.id)
    assert (delivery.attempts, delivery.history[0]["error"]) == (1, "connection")


def test_an_address_that_moved_inside_is_not_called(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.addresses = ["169.254.169.254"]
    assert plant.turn(endpoint).failed == 1
    assert plant.happened == []
    (delivery,) = plant.store.listed(endpoint.id)
    assert delivery.history[0]["error"] == "exchange.webhook_address"


def test_gone_switches_off_at_once_and_failing_after_days(plant: Plant) -> None:
    gone, failing = plant.add(), plant.add()
    plant.news(1, order="WO-1")
    plant.answers = [Answer(410, None, 1.0)]
    plant.turn(gone)
    named = {one.id: one for one in plant.store.endpoints("acme")}
    assert (named[gone.id].enabled, named[gone.id].disabled_because) == (False, "gone")
    plant.answers = [Answer(500, None, 1.0)] * 20
    plant.turn(failing)
    plant.clock.pass_s(DISABLED_AFTER_S + 1)
    plant.turn(failing)
    named = {one.id: one for one in plant.store.endpoints("acme")}
    assert (named[failing.id].enabled, named[failing.id].disabled_because) == (False, "failing")
    # Switched on again by its owner, it is sent what it missed.
    plant.answers = []
    plant.news(2, order="WO-2")
    plant.store.enable(failing.id)
    assert plant.turn(failing).delivered == 1


def test_replay_of_one_and_since_a_time(plant: Plant) -> None:
    endpoint = plant.add()
    for index in range(3):
        plant.news(index, order=f"WO-{index}")
        plant.turn(endpoint)
        plant.clock.pass_s(60)
    first = plant.store.listed(endpoint.id)[-1]
    now_s = plant.clock.now().timestamp()
    assert plant.store.replay(endpoint.id, message=first.id, now_s=now_s) == 1
    assert plant.turn(endpoint).delivered == 1
    assert [headers["webhook-id"] for _, headers, _ in plant.sent()].count(first.id) == 2
    since = to_rfc3339(plant.clock.now() - timedelta(seconds=130))
    assert plant.store.replay(endpoint.id, since=since, now_s=now_s) == 2


def test_test_fire_carries_no_data_and_needs_a_contract(plant: Plant) -> None:
    endpoint = plant.add()
    message = plant.dispatcher.fire_test(endpoint, "x" * 24)
    assert plant.turn(endpoint).delivered == 1
    _, headers, body = plant.sent()[0]
    assert headers["webhook-id"] == message
    assert msgspec.json.decode(body)["data"] == {"customer": "acme"}
    plant.view.contract = None
    plant.dispatcher.fire_test(endpoint, "y" * 24)
    assert plant.turn(endpoint).withheld == 1


def test_rotation_overlaps(plant: Plant) -> None:
    endpoint = plant.add()
    fresh = new_secret(lambda count: bytes(count))
    plant.store.rotate(endpoint.id, fresh, plant.clock.now().timestamp() + 3600)
    plant.news(1, order="WO-1")
    plant.turn(endpoint)
    plant.clock.pass_s(7200)
    plant.news(2, order="WO-2")
    plant.turn(endpoint)
    both, one = (headers["webhook-signature"].split(" ") for _, headers, _ in plant.sent())
    assert (len(both), len(one)) == (2, 1)
    _, headers, body = plant.sent()[0]
    for secret in (SECRET, fresh):
        verify(secret, headers, body, int(headers["webhook-timestamp"]))


def test_endpoints_are_their_customer_s_and_bounded(plant: Plant) -> None:
    mine = plant.add()
    assert plant.store.endpoint("other", mine.id) is None
    assert plant.store.endpoint("acme", mine.id, test=True) is None
    for _ in range(ENDPOINTS_PER_CUSTOMER - 1):
        plant.add()
    assert plant.store.add("acme", URL, SECRET) is None
    plant.store.remove(mine.id)
    assert plant.store.endpoint("acme", mine.id) is None


def test_old_deliveries_are_forgotten(plant: Plant) -> None:
    endpoint = plant.add()
    plant.news(1, order="WO-1")
    plant.turn(endpoint)
    plant.clock.pass_s(3600)
    assert plant.store.sweep(to_rfc3339(plant.clock.now())) == 1
    assert plant.store.listed(endpoint.id) == []
