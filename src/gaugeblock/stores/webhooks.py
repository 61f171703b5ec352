"""Endpoints of webhooks and the queue of deliveries, in the exchange's own state.

What is news is read from the log, so nothing is lost where this database is not written: an endpoint keeps how far it
has read, and that moves in one transaction with the deliveries that were made of it. The id of a delivery follows from
endpoint and record; making it twice changes nothing.

Secrets are kept readable, for signing needs them. The file belongs to the exchange's system user alone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.webhook_tables import webhook_deliveries as deliveries
from gaugeblock.stores.webhook_tables import webhook_endpoints as endpoints

ENDPOINTS_PER_CUSTOMER = 20
PENDING_MOST = 10_000
"""Of one endpoint; beyond it the endpoint reads no further until the queue is shorter."""
HISTORY_MOST = 12
PAGE_MOST = 200


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a customer wants news. ``event_types`` empty: all. ``cursor``: the last record that was looked at."""

    id: str
    customer: str
    url: str
    description: str
    event_types: tuple[str, ...]
    test: bool
    enabled: bool
    disabled_because: str | None
    created_at: str
    cursor: int
    secret: str
    old_secret: str | None
    old_secret_until_s: float | None
    failing_since_s: float | None

    def secrets(self, now_s: float) -> tuple[str, ...]:
        """Those in force: while one is being exchanged, both."""
        if self.old_secret is not None and self.old_secret_until_s is not None and now_s < self.old_secret_until_s:
            return (self.secret, self.old_secret)
        return (self.secret,)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one endpoint; ``history`` are its attempts, oldest first, 12 at most."""

    id: str
    endpoint: str
    event_type: str
    record_index: int | None
    body: bytes
    created_at: str
    state: str
    due_s: float | None
    attempts: int
    history: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery to be made."""

    id: str
    event_type: str
    record_index: int | None
    body: bytes


class WebhookStore:
    """Endpoints and deliveries in the ``exchange`` family of tables.

    Parameters
    ----------
    database
        Upgraded here when needed.
    clock
        Wall clock.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        database.upgrade("exchange")
        self._database = database
        self._clock = clock

    # ── endpoints ───────────────────────────────────────────────────────────────────────────────────────

    def add(
        self,
        customer: str,
        url: str,
        secret: str,
        *,
        event_types: Sequence[str] = (),
        description: str = "",
        cursor: int = -1,
        test: bool = False,
    ) -> Endpoint | None:
        """A new endpoint that reads on behind ``cursor``; ``None`` where the customer has as many as allowed."""
        name = "ep_" + secrets.token_hex(10)
        row = {
            "id": name,
            "customer": customer,
            "url": url,
            "description": description,
            "event_types": json.dumps(list(event_types)),
            "test": test,
            "enabled": True,
            "created_at": self._now(),
            "cursor": cursor,
            "secret": secret,
        }
        with self._database.writing() as connection:
            held = select(func.count()).select_from(endpoints)
            if connection.execute(held.where(_owned(customer, test))).scalar_one() >= ENDPOINTS_PER_CUSTOMER:
                return None
            connection.execute(endpoints.insert(), row)
        return self.endpoint(customer, name, test=test)

    def endpoints(self, customer: str, *, test: bool = False) -> list[Endpoint]:
        """A customer's, oldest first; those of the test environment apart."""
        query = select(endpoints).where(_owned(customer, test)).order_by(endpoints.c.created_at, endpoints.c.id)
        return [_endpoint(row) for row in self._all(query)]

    def endpoint(self, customer: str, name: str, *, test: bool = False) -> Endpoint | None:
        """One of the customer's; ``None`` for another's as for one that is not there."""
        rows = self._all(select(endpoints).where(_owned(customer, test), endpoints.c.id == name))
        return _endpoint(rows[0]) if rows else None

    def enabled(self) -> list[Endpoint]:
        """All that are switched on and real."""
        query = select(endpoints).where(endpoints.c.enabled, ~endpoints.c.test).order_by(endpoints.c.id)
        return [_endpoint(row) for row in self._all(query)]

    def change(
        self,
        name: str,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Change what is given."""
        values: dict[str, Any] = {}
        if url is not None:
            values["url"] = url
        if event_types is not None:
            values["event_types"] = json.dumps(list(event_types))
        if description is not None:
            values["description"] = description
        if values:
            self._update(name, values)

    def enable(self, name: str, cursor: int | None = None) -> None:
        """Switch it on; what it has missed it is sent, unless a later cursor is given."""
        values: dict[str, Any] = {"enabled": True, "disabled_because": None, "failing_since_s": None}
        if cursor is not None:
            values["cursor"] = cursor
        self._update(name, values)

    def disable(self, name: str, because: str) -> None:
        """Switch it off; ``because`` is ``gone``, ``failing`` or ``owner``."""
        self._update(name, {"enabled": False, "disabled_because": because})

    def rotate(self, name: str, secret: str, old_until_s: float) -> None:
        """A new secret; the one before signs too until then."""
        values = {"secret": secret, "old_secret": endpoints.c.secret, "old_secret_until_s": old_until_s}
        self._update(name, values)

    def remove(self, name: str) -> None:
        """The endpoint with its deliveries."""
        with self._database.writing() as connection:
            connection.execute(delete(deliveries).where(deliveries.c.endpoint == name))
            connection.execute(delete(endpoints).where(endpoints.c.id == name))

    # ── the queue ───────────────────────────────────────────────────────────────────────────────────────

    def enqueue(self, name: str, outgoing: Sequence[Outgoing], cursor: int | None, due_s: float) -> None:
        """Deliveries, and how far the endpoint has read with them, durable together. Known ids are left alone."""
        now = self._now()
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        with self._database.writing() as connection:
            for one in outgoing:
                row = {
                    "id": one.id,
                    "endpoint": name,
                    "event_type": one.event_type,
                    "record_index": one.record_index,
                    "body": one.body,
                    "created_at": now,
                    "state": "pending",
                    "due_s": due_s,
                    "attempts": 0,
                    "history": "[]",
                }
                connection.execute(insert(deliveries).values(row).on_conflict_do_nothing())
            if cursor is not None:
                moved = update(endpoints).where(endpoints.c.id == name, endpoints.c.cursor < cursor)
                connection.execute(moved.values(cursor=cursor))

    def pending(self, name: str) -> int:
        """How many deliveries of an endpoint wait."""
        query = select(func.count()).select_from(deliveries)
        with self._database.reading() as connection:
            waiting = query.where(deliveries.c.endpoint == name, deliveries.c.state == "pending")
            return int(connection.execute(waiting).scalar_one())

    def due(self, name: str, now_s: float, limit: int) -> list[Delivery]:
        """Deliveries of an endpoint that are due, the longest due first."""
        query = select(deliveries).where(
            deliveries.c.endpoint == name, deliveries.c.state == "pending", deliveries.c.due_s <= now_s
        )
        return [_delivery(row) for row in self._all(query.order_by(deliveries.c.due_s, deliveries.c.id).limit(limit))]

    def attempted(
        self,
        delivery: Delivery,
        outcome: dict[str, Any],
        state: str,
        due_s: float | None,
        failing_since_s: float | None,
    ) -> None:
        """How an attempt went, and what follows; ``failing_since_s`` is the endpoint's, ``None`` where it accepted."""
        history = json.dumps([*delivery.history, outcome][-HISTORY_MOST:])
        with self._database.writing() as connection:
            values = {"state": state, "due_s": due_s, "attempts": delivery.attempts + 1, "history": history}
            connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(values))
            endpoint = update(endpoints).where(endpoints.c.id == delivery.endpoint)
            connection.execute(endpoint.values(failing_since_s=failing_since_s))

    def settle(self, delivery: str, state: str) -> None:
        """End a delivery without an attempt, such as one that the contract no longer permits."""
        with self._database.writing() as connection:
            values = {"state": state, "due_s": None}
            connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(values))

    # ── what the console shows and asks for ─────────────────────────────────────────────────────────────

    def listed(
        self, name: str, *, state: str | None = None, before: tuple[str, str] | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Deliveries of an endpoint, newest first; ``before`` is (created_at, id) of the last one shown."""
        query = select(deliveries).where(deliveries.c.endpoint == name)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        if before is not None:
            created_at, last = before
            older = deliveries.c.created_at < created_at
            query = query.where(older | ((deliveries.c.created_at == created_at) & (deliveries.c.id < last)))
        query = query.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
        return [_delivery(row) for row in self._all(query.limit(min(limit, PAGE_MOST)))]

    def delivery(self, name: str, message: str) -> Delivery | None:
        """One delivery of an endpoint."""
        rows = self._all(select(deliveries).where(deliveries.c.endpoint == name, deliveries.c.id == message))
        return _delivery(rows[0]) if rows else None

    def replay(self, name: str, *, message: str | None = None, since: str | None = None, now_s: float) -> int:
        """Send again: one message, or all that were made since a time and are not waiting; how many."""
        again = deliveries.c.endpoint == name
        if message is not None:
            again &= deliveries.c.id == message
        if since is not None:
            again &= deliveries.c.created_at >= since
        again &= deliveries.c.state != "pending"
        with self._database.writing() as connection:
            values = {"state": "pending", "due_s": now_s, "attempts": 0}
            return connection.execute(update(deliveries).where(again).values(values)).rowcount

    def sweep(self, before: str) -> int:
        """Forget deliveries that were made before a time and do not wait."""
        old = (deliveries.c.created_at < before) & (deliveries.c.state != "pending")
        with self._database.writing() as connection:
            return connection.execute(delete(deliveries).where(old)).rowcount

    def _now(self) -> str:
        return to_rfc3339(self._clock.now())

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return connection.execute(query).all()

    def _update(self, name: str, values: dict[str, Any]) -> None:
        with self._database.writing() as connection:
            connection.execute(update(endpoints).where(endpoints.c.id == name).values(values))


def _owned(customer: str, test: bool) -> Any:
    return (endpoints.c.customer == customer) & (endpoints.c.test == test)


def _endpoint(row: Row[Any]) -> Endpoint:
    fields = {**row._mapping, "event_types": tuple(json.loads(row.event_types))}
    return Endpoint(**{**fields, "test": bool(row.test), "enabled": bool(row.enabled)})


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**{**row._mapping, "body": bytes(row.body), "history": tuple(json.loads(row.history))})
