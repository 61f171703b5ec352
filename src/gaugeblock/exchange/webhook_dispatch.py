"""From the changes feed to the receiver: what one endpoint is sent, and when.

For each endpoint, in this order and never another: read what is news **in the customer's view**, queue it durably, and
for what is due: ask again whether the contract still permits it, resolve and judge the address, connect, state in the
log what is about to leave and wait until that is durable, then send at once. A message that the contract no longer
permits is withheld.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote

from gaugeblock.exchange.access_errors import NotRecordedError
from gaugeblock.exchange.address_guard import AddressGuard, PinnedTarget
from gaugeblock.exchange.credentials import LEASE_S
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import ChangeView
from gaugeblock.exchange.webhook_errors import WebhookError
from gaugeblock.exchange.webhook_post import Answer
from gaugeblock.exchange.webhooks import (
    Attempt,
    Ed25519Signer,
    Event,
    EventData,
    after,
    event_type_of,
    headers,
    message_id,
)
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.webhooks import PENDING_MOST, Delivery, Endpoint, Outgoing, WebhookStore

CHANGES_A_PAGE = 200
PAGES_A_TURN = 5
DELIVERIES_A_TURN = 20
PLANT_WAIT_S = 5.0

_LINKS: dict[str, tuple[str, str]] = {
    "production.order": ("orders", "order"),
    "production.forecast": ("orders", "order"),
    "production.lot": ("lots", "lot"),
    "production.genealogy": ("units", "unit"),
    "production.certificate": ("certificates", "id"),
    "exchange.message": ("threads", "id"),
    "inspection.verdict": ("inspections", "record_index"),
}


class Views(Protocol):
    """Gives what a customer may see now."""

    def __call__(self, customer: str) -> CustomerView: ...


class TransferDoor(Protocol):
    """The way out: what leaves is in the log before it leaves."""

    def __call__(self, view: CustomerView, entry: TransferEntry) -> str:
        """The identity of the transfer record; returns when it is durable.

        Raises
        ------
        GaugeblockError
            It is not; nothing may be sent.
        """
        ...


Poster = Callable[[PinnedTarget, Mapping[str, str], bytes, Callable[[], None]], Answer]
"""As :func:`~gaugeblock.exchange.webhook_post.post`; it calls the last argument before a byte of the message leaves."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of an endpoint did."""

    queued: int = 0
    delivered: int = 0
    failed: int = 0
    withheld: int = 0


class WebhookDispatcher:
    """Serves endpoints, one turn after the other; several endpoints may be served by several threads.

    Parameters
    ----------
    store
        Endpoints and queue.
    views, door, guard, post
        Ports; see there.
    clock
        Wall clock.
    draw
        Uniform in [0, 1), for the jitter.
    public_url
        What links begin with.
    signer
        For ``v1a`` signatures, where the exchange has a key for them.
    """

    def __init__(
        self,
        store: WebhookStore,
        views: Views,
        door: TransferDoor,
        guard: AddressGuard,
        post: Poster,
        clock: Clock,
        draw: Callable[[], float],
        public_url: str,
        signer: Ed25519Signer | None = None,
    ) -> None:
        self._store, self._views, self._door = store, views, door
        self._guard, self._post, self._clock, self._draw = guard, post, clock, draw
        self._public_url, self._signer = public_url.rstrip("/"), signer

    def turn(self, endpoint: Endpoint) -> Turn:
        """Queue what is news for an endpoint, then send what is due.

        Raises
        ------
        GaugeblockError
            A store does not answer; the next turn goes on where this one stopped.
        """
        view = self._views(endpoint.customer)
        queued = self._gather(endpoint, view)
        delivered = failed = withheld = 0
        for delivery in self._store.due(endpoint.id, self._now_s(), DELIVERIES_A_TURN):
            if not permitted(view, delivery.record_index):
                self._store.settle(delivery.id, "withheld")
                withheld += 1
                continue
            current = self._store.endpoint(endpoint.customer, endpoint.id)
            if current is None or not current.enabled:
                break
            if self._send(current, view, delivery):
                delivered += 1
            else:
                failed += 1
                break  # the receiver is not there: the others wait for the next turn
        return Turn(queued, delivered, failed, withheld)

    def fire_test(self, endpoint: Endpoint, random_id: str) -> str:
        """Queue a ``webhook.test`` message; its id."""
        event = Event("webhook.test", to_rfc3339(self._clock.now()), EventData(endpoint.customer))
        outgoing = Outgoing(f"msg_{random_id}", event.type, None, event.to_bytes())
        self._store.enqueue(endpoint.id, [outgoing], None, self._now_s())
        return outgoing.id

    def sink(self, endpoint: Endpoint, view: CustomerView) -> int:
        """A turn of an endpoint of the sandbox: to nobody, signed as it would be, kept for the console.

        Nothing leaves, so nothing is stated in the log. How many there were.
        """
        self._gather(endpoint, view)
        now_s, done = self._now_s(), 0
        for delivery in self._store.due(endpoint.id, now_s, DELIVERIES_A_TURN):
            signed = headers(delivery.id, int(now_s), delivery.body, endpoint.secrets(now_s), self._signer)
            outcome = {"at": to_rfc3339(self._clock.now()), "headers": signed, "status": 204, "took_ms": 0.0}
            self._store.attempted(delivery, outcome, "delivered", None, None)
            done += 1
        return done

    def _gather(self, endpoint: Endpoint, view: CustomerView) -> int:
        cursor, queued = endpoint.cursor, 0
        room = PENDING_MOST - self._store.pending(endpoint.id)
        for _ in range(PAGES_A_TURN):
            if room < CHANGES_A_PAGE:
                break
            page = view.changes(cursor, CHANGES_A_PAGE)
            following = page.next if isinstance(page.next, int) else cursor
            outgoing = [made for change in page.items if (made := self.message(endpoint, change)) is not None]
            if outgoing or following > cursor:
                self._store.enqueue(endpoint.id, outgoing, following, self._now_s())
            queued, room, cursor = queued + len(outgoing), room - len(outgoing), following
            if len(page.items) < CHANGES_A_PAGE:
                break
        return queued

    def message(self, endpoint: Endpoint, change: ChangeView) -> Outgoing | None:
        """The message that a change is to an endpoint; ``None`` where it did not ask for it."""
        kind = event_type_of(change.record_type)
        if kind is None or (endpoint.event_types and kind not in endpoint.event_types):
            return None
        data = EventData(
            endpoint.customer,
            index=change.record_index,
            record_type=change.record_type,
            order=change.order,
            lot=change.lot,
            unit=change.unit,
            product=change.product,
            id=change.id,
            link=self._public_url + link_of(change),
        )
        body = Event(kind, change.stated_at, data).to_bytes()
        return Outgoing(message_id(endpoint.id, change.record_index), kind, change.record_index, body)

    def _send(self, endpoint: Endpoint, view: CustomerView, delivery: Delivery) -> bool:
        now_s = self._now_s()
        timestamp_s = int(now_s)
        signed = headers(delivery.id, timestamp_s, delivery.body, endpoint.secrets(now_s), self._signer)
        outcome: dict[str, Any] = {"at": to_rfc3339(self._clock.now()), "headers": signed}
        try:
            pinned = self._guard.pin(endpoint.url)
        except WebhookError as error:
            answer = Answer(None, error.code, 0.0)
        else:
            entry = transfer_entry(endpoint, delivery, pinned, view.log_size, str(outcome["at"]))

            def record() -> None:
                # As the gate does: a receipt older than the lease may be older than a revocation.
                begun_s = self._steady_s()
                outcome["transfer"] = self._door(view, entry)
                if self._steady_s() - begun_s >= LEASE_S:
                    raise NotRecordedError(detail="receipt too old")

            try:
                answer = self._post(pinned, signed, delivery.body, record)
            except GaugeblockError as error:
                # Not the receiver's fault: it is no attempt, and nothing has left.
                self._store.attempted(
                    _uncounted(delivery),
                    {**outcome, "error": error.code},
                    "pending",
                    now_s + PLANT_WAIT_S,
                    endpoint.failing_since_s,
                )
                return False
        attempt = Attempt(now_s, answer.status, answer.error, answer.took_ms, answer.retry_after_s)
        following = after(attempt, delivery.attempts + 1, endpoint.failing_since_s, self._draw())
        failing_since_s = None if attempt.accepted else (endpoint.failing_since_s or now_s)
        outcome |= {
            "status": answer.status,
            "error": answer.error,
            "took_ms": round(answer.took_ms, 1),
            "excerpt": answer.excerpt,
        }
        self._store.attempted(delivery, outcome, following.state, following.due_s, failing_since_s)
        if following.disable is not None:
            self._store.disable(endpoint.id, following.disable)
        return attempt.accepted

    def _now_s(self) -> float:
        return self._clock.now().timestamp()

    def _steady_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9


def permitted(view: CustomerView, index: int | None) -> bool:
    """Whether the contract in force lets this news out now. A test message needs a contract and nothing more."""
    if view.contract is None:
        return False
    if index is None:
        return True
    found = view.changes(index - 1, 1).items
    return bool(found) and found[0].record_index == index


def link_of(change: ChangeView) -> str:
    """Where the API shows what changed.

    >>> link_of(ChangeView(record_index=7, stated_at="", record_type="production.order", order="WO 1"))
    '/api/v1/orders/WO%201'
    """
    noun, field = _LINKS.get(change.record_type, ("records", "record_index"))
    value = getattr(change, field)
    if value is None:
        noun, value = "records", change.record_index
    return f"/api/v1/{noun}/{quote(str(value), safe='')}"


def transfer_entry(
    endpoint: Endpoint, delivery: Delivery, pinned: PinnedTarget, log_size: int, at: str
) -> TransferEntry:
    """What is stated of a message before it is sent. The status is 0: the plant asks, it does not answer. The address
    is named without its query, which may hold a secret of the receiver's."""
    target = pinned.target
    run = () if delivery.record_index is None else ((delivery.record_index, delivery.record_index),)
    return TransferEntry(
        request=f"{delivery.id}.{delivery.attempts + 1}",
        at=at,
        credential=f"webhook:{endpoint.id}",
        method="POST",
        resource=f"{target.scheme}://{target.authority}{target.resource.partition('?')[0]}"[:500],
        status=0,
        sha256=hashlib.sha256(delivery.body).hexdigest(),
        size_bytes=len(delivery.body),
        log_size=log_size,
        derived_from=run,
    )


def _uncounted(delivery: Delivery) -> Delivery:
    return replace(delivery, attempts=delivery.attempts - 1)
