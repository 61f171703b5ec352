"""People of customers who sign in to the exchange: names, password hashes, sessions.

As with the plant's own users: argon2id, tokens kept as digests, failed attempts slowed down. A user belongs to one
customer; the same name under another customer is another person.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from typing import Any, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gaugeblock.plant.times import Clock, from_rfc3339, to_rfc3339
from gaugeblock.stores.errors import (
    LoginRefusedError,
    LoginThrottledError,
    PasswordWeakError,
    UserExistsError,
    UserNameError,
    UserUnknownError,
)
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.stores.exchange_tables import exchange_sessions, exchange_sign_in_failures, exchange_users
from gaugeblock.stores.users import PASSWORD_LEAST, PASSWORD_MOST, throttle_s

SESSION_IDLE_S = 4 * 3600
SESSION_MOST_S = 12 * 3600
SESSIONS_PER_USER = 10
USERS_PER_CUSTOMER = 200
FAILURES_KEPT = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}\Z")


class CustomerUser(NamedTuple):
    """A person of a customer."""

    customer: str
    name: str
    created_at: str


class SignedIn(NamedTuple):
    """Whose session it is, and the digest of its token."""

    customer: str
    name: str
    session: str


class CustomerUsers:
    """Blocks (a hash takes 0.1 s): not for an event loop.

    Parameters
    ----------
    state
        The exchange's state.
    clock
        Wall clock.
    """

    def __init__(self, state: ExchangeState, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._state, self._database, self._clock = state, state.database, clock
        self._hasher = hasher or PasswordHasher()
        # Verified against when a name is unknown, so that both answers take the same time.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def create(self, customer: str, name: str, password: str) -> CustomerUser:
        """A new person.

        Raises
        ------
        UserNameError, PasswordWeakError, UserExistsError
        """
        if not _NAME.match(name):
            raise UserNameError(name=name[:80])
        hashed, now = self._hash(password), to_rfc3339(self._clock.now())
        with self._database.writing() as connection:
            mine = exchange_users.c.customer == customer
            count = connection.execute(select(func.count()).select_from(exchange_users).where(mine)).scalar_one()
            taken = connection.execute(select(exchange_users.c.name).where(mine, exchange_users.c.name == name)).first()
            if taken is not None or count >= USERS_PER_CUSTOMER:
                raise UserExistsError(name=name)
            row = {"customer": customer, "name": name, "password_hash": hashed, "created_at": now}
            connection.execute(insert(exchange_users).values(row))
        return CustomerUser(customer, name, now)

    def list(self, customer: str | None = None) -> list[CustomerUser]:
        """People by customer and name."""
        query = select(exchange_users).order_by(exchange_users.c.customer, exchange_users.c.name)
        if customer is not None:
            query = query.where(exchange_users.c.customer == customer)
        with self._database.reading() as connection:
            return [CustomerUser(row.customer, row.name, row.created_at) for row in connection.execute(query)]

    def set_password(self, customer: str, name: str, password: str) -> None:
        """A new password; ends all sessions.

        Raises
        ------
        UserUnknownError, PasswordWeakError
        """
        hashed = self._hash(password)
        with self._database.writing() as connection:
            who = _of(exchange_users, customer, name)
            if connection.execute(update(exchange_users).where(who).values(password_hash=hashed)).rowcount != 1:
                raise UserUnknownError(name=name[:80])
            self._end(connection, customer, name)

    def remove(self, customer: str, name: str) -> None:
        """Remove a person and all sessions.

        Raises
        ------
        UserUnknownError
        """
        with self._database.writing() as connection:
            if connection.execute(delete(exchange_users).where(_of(exchange_users, customer, name))).rowcount != 1:
                raise UserUnknownError(name=name[:80])
            self._end(connection, customer, name)

    def sign_in(self, customer: str, name: str, password: str) -> str:
        """A session's token for the right password.

        Raises
        ------
        LoginRefusedError, LoginThrottledError
        """
        customer, name = customer[:80], name[:80]
        # Counted before the password is looked at: parallel guesses cannot pass the limit together.
        self._count_attempt(customer, name)
        with self._database.reading() as connection:
            row = connection.execute(select(exchange_users).where(_of(exchange_users, customer, name))).first()
        if not self._matches(row.password_hash if row else self._nobody, password) or row is None:
            raise LoginRefusedError
        token, now = secrets.token_urlsafe(32), to_rfc3339(self._clock.now())
        with self._database.writing() as connection:
            failures = exchange_sign_in_failures
            connection.execute(delete(failures).where(_of(failures, customer, name)))
            mine = select(exchange_sessions.c.token_sha256).where(_of(exchange_sessions, customer, name))
            old = mine.order_by(exchange_sessions.c.last_seen_at.desc()).offset(SESSIONS_PER_USER - 1)
            for digest in connection.execute(old).scalars().all():
                connection.execute(delete(exchange_sessions).where(exchange_sessions.c.token_sha256 == digest))
            session = {"customer": customer, "name": name, "created_at": now, "last_seen_at": now}
            connection.execute(insert(exchange_sessions).values(token_sha256=_digest(token), **session))
        return token

    def signed_in(self, token: str) -> SignedIn | None:
        """Whose session this is; marks it as used, at most once a minute."""
        digest = _digest(token)
        this = exchange_sessions.c.token_sha256 == digest
        with self._database.reading() as connection:
            row = connection.execute(select(exchange_sessions).where(this)).first()
        if row is None:
            return None
        moment = self._clock.now()
        idle_s = (moment - from_rfc3339(row.last_seen_at)).total_seconds()
        if idle_s > SESSION_IDLE_S or (moment - from_rfc3339(row.created_at)).total_seconds() > SESSION_MOST_S:
            return None
        if idle_s > 60:
            with self._database.writing() as connection:
                connection.execute(update(exchange_sessions).where(this).values(last_seen_at=to_rfc3339(moment)))
        return SignedIn(row.customer, row.name, digest)

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._database.writing() as connection:
            connection.execute(delete(exchange_sessions).where(exchange_sessions.c.token_sha256 == _digest(token)))

    def forget(self) -> None:
        """Drop sessions that have ended, and old failures."""
        moment = self._clock.now()
        began = to_rfc3339(moment - timedelta(seconds=SESSION_MOST_S))
        seen = to_rfc3339(moment - timedelta(seconds=SESSION_IDLE_S))
        failed = to_rfc3339(moment - timedelta(hours=1))
        with self._database.writing() as connection:
            connection.execute(delete(exchange_sessions).where(exchange_sessions.c.created_at < began))
            connection.execute(delete(exchange_sessions).where(exchange_sessions.c.last_seen_at < seen))
            connection.execute(delete(exchange_sign_in_failures).where(exchange_sign_in_failures.c.last_at < failed))

    def _end(self, connection: Connection, customer: str, name: str) -> None:
        connection.execute(delete(exchange_sessions).where(_of(exchange_sessions, customer, name)))
        self._state.touch_access(connection)

    def _hash(self, password: str) -> str:
        if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
            raise PasswordWeakError(least=PASSWORD_LEAST, most=PASSWORD_MOST)
        return self._hasher.hash(password)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return len(password) <= PASSWORD_MOST and self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _count_attempt(self, customer: str, name: str) -> None:
        moment, failures = self._clock.now(), exchange_sign_in_failures
        with self._database.writing() as connection:
            row = connection.execute(select(failures).where(_of(failures, customer, name))).first()
            count = row.failures if row else 0
            if row is not None:
                passed_s = (moment - from_rfc3339(row.last_at)).total_seconds()
                wait_s = throttle_s(count) - passed_s
                if wait_s > 0:
                    raise LoginThrottledError(wait_s=max(1, round(wait_s)))
            kept = connection.execute(select(func.count()).select_from(failures)).scalar_one()
            if row is None and kept >= FAILURES_KEPT:
                raise LoginThrottledError(wait_s=60)
            values = {"customer": customer, "name": name, "failures": min(count + 1, 64)}
            values["last_at"] = to_rfc3339(moment)
            new = (sqlite.insert if self._database.is_sqlite else postgresql.insert)(failures).values(values)
            connection.execute(new.on_conflict_do_update(index_elements=["customer", "name"], set_=values))


def _of(table: Any, customer: str, name: str) -> Any:
    return and_(table.c.customer == customer, table.c.name == name)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
