"""The exchange's own state: credentials, used assertions, answers to repeated requests, quota, the log of requests.

The exchange process and the plant process (where credentials are issued) share it; each change of who may call raises
the counter ``access``, by which the exchange sees that it has to read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_tables import (
    exchange_assertions,
    exchange_counters,
    exchange_credentials,
    exchange_idempotency,
    exchange_requests,
    exchange_usage,
)

REQUESTS_KEPT_DAYS = 30
REQUEST_ROWS_PER_CUSTOMER = 20_000
IDEMPOTENCY_KEPT_H = 24
USAGE_KEPT_DAYS = 400
SEARCHED_ROWS_MOST = 2_000


class CredentialRow(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as it is kept: of an API key the digest of its secret, of a client its public key.

    ``id`` is public and stands in transfer records; times are RFC 3339.
    """

    id: str
    customer: str
    kind: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    test: bool = False
    secret_sha256: str | None = None
    jwk: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None
    replaced_by: str | None = None


class RequestRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request of a customer, for the customer's own log. ``transfer`` is the identity of its transfer record."""

    request: str
    at: str
    credential: str
    method: str
    resource: str
    status: int
    size_bytes: int = 0
    duration_ms: float = 0.0
    sha256: str = ""
    transfer: str = ""
    error: str = ""


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request with this Idempotency-Key was answered; ``status`` is ``None`` while the first is under way."""

    request_sha256: str
    status: int | None
    media_type: str | None
    body: bytes | None


class ExchangeState:
    """Reads and writes the family ``exchange``. Blocks: not for an event loop.

    Parameters
    ----------
    database
        With the family upgraded.
    clock
        Wall clock, for ages.

    Examples
    --------
    >>> import tempfile
    >>> from gaugeblock.stores.clock import SystemClock
    >>> with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/x.sqlite") as database:
    ...     database.upgrade("exchange")
    ...     state = ExchangeState(database, SystemClock())
    ...     state.begin_epoch(), state.begin_epoch(), state.access_version()
    (1, 2, 0)
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self._clock = database, clock

    # ── counters ────────────────────────────────────────────────────────────────────────────────────────

    def begin_epoch(self) -> int:
        """The number of this start; durable before it is used, so that no identity is used twice."""
        with self.database.writing() as connection:
            return self._raise(connection, "epoch")

    def access_version(self) -> int:
        """Changes whenever a credential or a user does."""
        with self.database.reading() as connection:
            query = select(exchange_counters.c.value).where(exchange_counters.c.name == "access")
            return int(connection.execute(query).scalar() or 0)

    def touch_access(self, connection: Connection) -> None:
        """Inside a transaction that changes who may call: say so."""
        self._raise(connection, "access")

    def _raise(self, connection: Connection, name: str) -> int:
        counters = exchange_counters
        new = self._insert(counters).values(name=name, value=1)
        raised = new.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1})
        return int(connection.execute(raised.returning(counters.c.value)).scalar_one())

    # ── credentials ─────────────────────────────────────────────────────────────────────────────────────

    def credentials(self, customer: str | None = None) -> list[CredentialRow]:
        """All credentials, or those of one customer, oldest first."""
        query = select(exchange_credentials).order_by(exchange_credentials.c.created_at, exchange_credentials.c.id)
        if customer is not None:
            query = query.where(exchange_credentials.c.customer == customer)
        with self.database.reading() as connection:
            return [_credential(row) for row in connection.execute(query)]

    def credential(self, credential: str) -> CredentialRow | None:
        """One credential by its public id."""
        query = select(exchange_credentials).where(exchange_credentials.c.id == credential)
        with self.database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _credential(row)

    def add_credential(self, row: CredentialRow, replaces: str | None = None, until: str | None = None) -> None:
        """Keep a new credential; the one that it ``replaces`` ends at ``until``."""
        with self.database.writing() as connection:
            values = msgspec.structs.asdict(row) | {"scopes": " ".join(row.scopes)}
            connection.execute(insert(exchange_credentials).values(values))
            if replaces is not None:
                old = exchange_credentials.c.id == replaces
                connection.execute(update(exchange_credentials).where(old).values(replaced_by=row.id))
                longer = or_(exchange_credentials.c.expires_at.is_(None), exchange_credentials.c.expires_at > until)
                connection.execute(update(exchange_credentials).where(old, longer).values(expires_at=until))
            self.touch_access(connection)

    def revoke_credential(self, credential: str, at: str) -> bool:
        """End a credential; whether it was in force."""
        with self.database.writing() as connection:
            live = and_(exchange_credentials.c.id == credential, exchange_credentials.c.revoked_at.is_(None))
            done = connection.execute(update(exchange_credentials).where(live).values(revoked_at=at)).rowcount
            self.touch_access(connection)
        return done == 1

    # ── assertions ──────────────────────────────────────────────────────────────────────────────────────

    def use_assertion(self, client: str, jti: str, expires_at: str) -> bool:
        """Whether this assertion is used for the first time; remembered until it has expired."""
        digest = hashlib.sha256(jti.encode()).hexdigest()
        new = self._insert(exchange_assertions).values(client=client, jti_sha256=digest, expires_at=expires_at)
        now = to_rfc3339(self._clock.now())
        with self.database.writing() as connection:
            connection.execute(delete(exchange_assertions).where(exchange_assertions.c.expires_at < now))
            written = new.on_conflict_do_nothing().returning(exchange_assertions.c.client)
            return connection.execute(written).first() is not None

    # ── answers to repeated requests ────────────────────────────────────────────────────────────────────

    def begin_idempotent(self, customer: str, key: str, request_sha256: str) -> KeptAnswer | None:
        """Claim a key for a request: ``None`` where it is new, else what is kept of the first request.

        The caller compares ``request_sha256`` (same key, other request: refuse) and ``status``.
        """
        moment = self._clock.now()
        old = to_rfc3339(moment - timedelta(hours=IDEMPOTENCY_KEPT_H))
        mine = and_(exchange_idempotency.c.customer == customer, exchange_idempotency.c.key == key)
        new = self._insert(exchange_idempotency).values(
            customer=customer, key=key, request_sha256=request_sha256, at=to_rfc3339(moment)
        )
        with self.database.writing() as connection:
            connection.execute(delete(exchange_idempotency).where(exchange_idempotency.c.at < old))
            written = new.on_conflict_do_nothing().returning(exchange_idempotency.c.key)
            if connection.execute(written).first() is not None:
                return None
            row = connection.execute(select(exchange_idempotency).where(mine)).one()
        body = None if row.body is None else bytes(row.body)
        return KeptAnswer(request_sha256=row.request_sha256, status=row.status, media_type=row.media_type, body=body)

    def finish_idempotent(self, customer: str, key: str, status: int, media_type: str, body: bytes) -> None:
        """Keep the answer for a day."""
        mine = and_(exchange_idempotency.c.customer == customer, exchange_idempotency.c.key == key)
        with self.database.writing() as connection:
            values = {"status": status, "media_type": media_type, "body": body}
            connection.execute(update(exchange_idempotency).where(mine).values(values))

    def drop_idempotent(self, customer: str, key: str) -> None:
        """Give a key free: its request failed and changed nothing."""
        mine = and_(exchange_idempotency.c.customer == customer, exchange_idempotency.c.key == key)
        with self.database.writing() as connection:
            connection.execute(delete(exchange_idempotency).where(mine))

    # ── quota ───────────────────────────────────────────────────────────────────────────────────────────

    def usage(self, day: str) -> dict[str, int]:
        """Answers of a day (UTC, ``YYYY-MM-DD``) by customer."""
        query = select(exchange_usage.c.customer, exchange_usage.c.answers).where(exchange_usage.c.day == day)
        with self.database.reading() as connection:
            return {row.customer: int(row.answers) for row in connection.execute(query)}

    def keep_usage(self, day: str, answers: dict[str, int], refused: dict[str, int]) -> None:
        """Write the counts of a day as they stand; never lowers them."""
        with self.database.writing() as connection:
            for customer in sorted(answers.keys() | refused.keys()):
                mine = and_(exchange_usage.c.customer == customer, exchange_usage.c.day == day)
                row = connection.execute(select(exchange_usage).where(mine)).first()
                values = {
                    "customer": customer,
                    "day": day,
                    "answers": max(answers.get(customer, 0), int(row.answers) if row else 0),
                    "refused": refused.get(customer, 0) + (int(row.refused) if row else 0),
                }
                self._upsert(connection, exchange_usage, ["customer", "day"], values)

    # ── the log of requests ─────────────────────────────────────────────────────────────────────────────

    def keep_requests(self, batches: dict[str, list[RequestRow]]) -> None:
        """Append some requests by customer, in one transaction."""
        rows = [
            {
                "customer": customer,
                "first_at": entries[0].at,
                "last_at": entries[-1].at,
                "count": len(entries),
                "entries": msgspec.json.encode(entries),
            }
            for customer, entries in batches.items()
            if entries
        ]
        if rows:
            with self.database.writing() as connection:
                connection.execute(insert(exchange_requests), rows)

    def requests(
        self,
        customer: str,
        *,
        text: str = "",
        method: str | None = None,
        status: int | None = None,
        since: str | None = None,
        until: str | None = None,
        before: tuple[int, int] | None = None,
        limit: int = 100,
    ) -> tuple[list[RequestRow], tuple[int, int] | None]:
        """The customer's own requests, newest first, and where the next page begins.

        Parameters
        ----------
        text
            Found in the resource, the request's id, the transfer's identity or the error.
        status
            200, or a class: 4 for 4xx.
        since, until
            RFC 3339, half open.
        before
            As the page before gave it.
        """
        found: list[RequestRow] = []
        query = select(exchange_requests).where(exchange_requests.c.customer == customer)
        if since is not None:
            query = query.where(exchange_requests.c.last_at >= since)
        if until is not None:
            query = query.where(exchange_requests.c.first_at < until)
        if before is not None:
            query = query.where(exchange_requests.c.id <= before[0])
        query = query.order_by(exchange_requests.c.id.desc()).limit(SEARCHED_ROWS_MOST)
        last: tuple[int, int] | None = None
        searched = 0
        with self.database.reading() as connection:
            for row in connection.execute(query):
                searched += 1
                entries = _decoder.decode(row.entries)
                top = before[1] if before is not None and row.id == before[0] else len(entries)
                for position in range(min(top, len(entries)) - 1, -1, -1):
                    entry = entries[position]
                    if _matches(entry, text, method, status, since, until):
                        found.append(entry)
                    last = (int(row.id), position)
                    if len(found) == limit:
                        return found, last
        return found, last if searched == SEARCHED_ROWS_MOST else None

    def forget(self, kept_days: int = REQUESTS_KEPT_DAYS) -> None:
        """Drop what is older than it is kept, and what is beyond the bound of a customer."""
        moment = self._clock.now()
        old = to_rfc3339(moment - timedelta(days=kept_days))
        ancient = to_rfc3339(moment - timedelta(days=USAGE_KEPT_DAYS))[:10]
        with self.database.writing() as connection:
            connection.execute(delete(exchange_requests).where(exchange_requests.c.last_at < old))
            connection.execute(delete(exchange_usage).where(exchange_usage.c.day < ancient))
            for (customer,) in connection.execute(select(exchange_requests.c.customer).distinct()).all():
                mine = exchange_requests.c.customer == customer
                newest = select(exchange_requests.c.id).where(mine).order_by(exchange_requests.c.id.desc())
                beyond = connection.execute(newest.offset(REQUEST_ROWS_PER_CUSTOMER).limit(1)).scalar()
                if beyond is not None:
                    connection.execute(delete(exchange_requests).where(mine, exchange_requests.c.id <= beyond))

    def _insert(self, table: Any) -> Any:
        return (sqlite.insert if self.database.is_sqlite else postgresql.insert)(table)

    def _upsert(self, connection: Connection, table: Any, keys: Sequence[str], values: dict[str, Any]) -> None:
        statement = self._insert(table).values(values)
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


_decoder = msgspec.json.Decoder(list[RequestRow])


def _credential(row: Row[Any]) -> CredentialRow:
    values = dict(row._mapping)
    return CredentialRow(**(values | {"scopes": tuple(row.scopes.split())}))


def _matches(
    entry: RequestRow, text: str, method: str | None, status: int | None, since: str | None, until: str | None
) -> bool:
    if text and not any(text in part for part in (entry.resource, entry.request, entry.transfer, entry.error)):
        return False
    if method is not None and entry.method != method:
        return False
    if status is not None and status not in (entry.status, entry.status // 100):
        return False
    return (since is None or entry.at >= since) and (until is None or entry.at < until)
