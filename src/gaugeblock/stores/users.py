"""Users with roles, their passwords as Argon2id hashes, and sessions by random token.

A session's token is 256 random bits, known to the browser only: the database holds its SHA-256. A session ends
when it is idle too long, when it is too old, when it is revoked, or when its user's password changes. Failed
logins slow down further ones for that name, whether the name exists or not, and take the same work either way.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gaugeblock.plant.times import Clock, from_rfc3339, to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    LastAdminError,
    LoginRefusedError,
    LoginThrottledError,
    PasswordWeakError,
    SessionInvalidError,
    UserExistsError,
    UserNameError,
    UserUnknownError,
)
from gaugeblock.stores.state_tables import login_failures, sessions, users

PASSWORD_LEAST = 10
PASSWORD_MOST = 1024
FREE_FAILURES = 5
THROTTLE_MOST_S = 900
FAILURES_KEPT = 10_000
SESSIONS_PER_USER = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


class Role(StrEnum):
    """What a user may do, each role including those before it."""

    VIEWER = "viewer"
    QUALITY = "quality"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what ``other`` may.

        >>> Role.ADMIN.includes(Role.QUALITY), Role.VIEWER.includes(Role.QUALITY)
        (True, False)
        """
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class User:
    """A user as others may see one."""

    name: str
    role: Role
    created_at: str


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts without use, and at most."""

    idle_s: float = 8 * 3600.0
    absolute_s: float = 7 * 24 * 3600.0


class Users:
    """Users and sessions in the ``state`` family of tables.

    Parameters
    ----------
    database
        Upgraded here when needed.
    clock
        Wall clock for expiry and throttling.
    limits
        Session expiry.
    hasher
        Argon2id parameters; the library's default (64 MiB a hash) where ``None``.

    Examples
    --------
    >>> import tempfile
    >>> from gaugeblock.stores.clock import SystemClock
    >>> with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/state.sqlite") as database:
    ...     people = Users(database, SystemClock())
    ...     _ = people.create("li.wei", "correct horse battery", Role.QUALITY)
    ...     token = people.login("li.wei", "correct horse battery")
    ...     people.user_of(token).role
    <Role.QUALITY: 'quality'>
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: SessionLimits | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        database.upgrade("state")
        self._database = database
        self._clock = clock
        self._limits = limits or SessionLimits()
        self._hasher = hasher or PasswordHasher()
        # Verified against when a name is unknown, so that both answers take the same time.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def create(self, name: str, password: str, role: Role) -> User:
        """A new user.

        Raises
        ------
        UserNameError, PasswordWeakError, UserExistsError
        """
        if not _NAME.match(name):
            raise UserNameError(name=name[:80])
        hashed = self._hash(password)
        now = self._now()
        row = {"name": name, "role": role.value, "password_hash": hashed, "created_at": now, "password_changed_at": now}
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        with self._database.writing() as connection:
            written = insert(users).values(row).on_conflict_do_nothing().returning(users.c.name)
            if connection.execute(written).first() is None:
                raise UserExistsError(name=name)
        return User(name, role, now)

    def list(self) -> Sequence[User]:
        """All users by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
        return [User(row.name, Role(row.role), row.created_at) for row in rows]

    def set_role(self, name: str, role: Role) -> None:
        """Change what a user may do, from the next request on.

        Raises
        ------
        UserUnknownError, LastAdminError
        """
        with self._database.writing() as connection:
            before = self._require(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(role=role.value))
            self._refuse_no_admin(connection, name, before)

    def delete(self, name: str) -> None:
        """Remove a user and all sessions.

        Raises
        ------
        UserUnknownError, LastAdminError
        """
        with self._database.writing() as connection:
            before = self._require(connection, name)
            connection.execute(delete(users).where(users.c.name == name))
            self._refuse_no_admin(connection, name, before)

    def login(self, name: str, password: str) -> str:
        """A session's token for the right password.

        Raises
        ------
        LoginRefusedError, LoginThrottledError
        """
        # Counted before the password is looked at: parallel guesses cannot pass the limit together.
        self._count_attempt(name)
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        if not self._matches(row.password_hash if row else self._nobody, password) or row is None:
            raise LoginRefusedError
        token = secrets.token_urlsafe(32)
        now = self._now()
        with self._database.writing() as connection:
            connection.execute(delete(login_failures).where(login_failures.c.name == name))
            if self._hasher.check_needs_rehash(row.password_hash):
                values = {"password_hash": self._hasher.hash(password)}
                connection.execute(update(users).where(users.c.name == name).values(values))
            self._drop_old_sessions(connection, name)
            connection.execute(
                sessions.insert(),
                {"token_sha256": _digest(token), "name": name, "created_at": now, "last_seen_at": now},
            )
        return token

    def user_of(self, token: str) -> User:
        """Whose session this is; marks it as used (at most once a minute).

        Raises
        ------
        SessionInvalidError
        """
        key = _digest(token)
        query = select(sessions, users.c.role, users.c.created_at.label("user_created_at")).join(users)
        with self._database.reading() as connection:
            row = connection.execute(query.where(sessions.c.token_sha256 == key)).first()
        if row is None:
            raise SessionInvalidError
        moment = self._clock.now()
        idle_s = (moment - from_rfc3339(row.last_seen_at)).total_seconds()
        if self._expired(row):
            self.revoke(token)
            raise SessionInvalidError
        if idle_s > min(60.0, self._limits.idle_s / 10):
            with self._database.writing() as connection:
                statement = update(sessions).where(sessions.c.token_sha256 == key)
                connection.execute(statement.values(last_seen_at=to_rfc3339(moment)))
        return User(row.name, Role(row.role), row.user_created_at)

    def revoke(self, token: str) -> None:
        """End one session; one that is not there is ended already."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_sha256 == _digest(token)))

    def revoke_all(self, name: str) -> None:
        """End all sessions of a user."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.name == name))

    def change_password(self, name: str, old: str, new: str) -> None:
        """The user's own change: needs the old password, ends all sessions.

        Raises
        ------
        LoginRefusedError, LoginThrottledError, PasswordWeakError
        """
        _check_password(new)
        self.revoke(self.login(name, old))
        self.set_password(name, new)

    def set_password(self, name: str, new: str) -> None:
        """An administrator's change: ends all sessions and forgets failed logins.

        Raises
        ------
        UserUnknownError, PasswordWeakError
        """
        hashed = self._hash(new)
        with self._database.writing() as connection:
            self._require(connection, name)
            values = {"password_hash": hashed, "password_changed_at": self._now()}
            connection.execute(update(users).where(users.c.name == name).values(values))
            connection.execute(delete(sessions).where(sessions.c.name == name))
            connection.execute(delete(login_failures).where(login_failures.c.name == name))

    def sweep(self) -> int:
        """Remove expired sessions; how many there were."""
        with self._database.writing() as connection:
            gone = [row.token_sha256 for row in connection.execute(select(sessions)) if self._expired(row)]
            for key in gone:
                connection.execute(delete(sessions).where(sessions.c.token_sha256 == key))
        return len(gone)

    def _now(self) -> str:
        return to_rfc3339(self._clock.now())

    def _expired(self, row: Row[tuple[object, ...]]) -> bool:
        moment = self._clock.now()
        idle_s = (moment - from_rfc3339(row.last_seen_at)).total_seconds()
        age_s = (moment - from_rfc3339(row.created_at)).total_seconds()
        return idle_s > self._limits.idle_s or age_s > self._limits.absolute_s

    def _hash(self, password: str) -> str:
        _check_password(password)
        return self._hasher.hash(password)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return len(password) <= PASSWORD_MOST and self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _require(self, connection: Connection, name: str) -> Role:
        row = connection.execute(select(users.c.role).where(users.c.name == name)).first()
        if row is None:
            raise UserUnknownError(name=name[:80])
        return Role(row.role)

    def _refuse_no_admin(self, connection: Connection, name: str, before: Role) -> None:
        if before is not Role.ADMIN:
            return
        remain = select(func.count()).select_from(users)
        admins = connection.execute(remain.where(users.c.role == Role.ADMIN.value)).scalar_one()
        if admins == 0:
            raise LastAdminError(name=name)

    def _drop_old_sessions(self, connection: Connection, name: str) -> None:
        query = select(sessions.c.token_sha256).where(sessions.c.name == name).order_by(sessions.c.last_seen_at.desc())
        for key in connection.execute(query.offset(SESSIONS_PER_USER - 1)).scalars().all():
            connection.execute(delete(sessions).where(sessions.c.token_sha256 == key))

    def _count_attempt(self, name: str) -> None:
        name = name[:80]
        moment = self._clock.now()
        with self._database.writing() as connection:
            row = connection.execute(select(login_failures).where(login_failures.c.name == name)).first()
            failures = row.failures if row else 0
            if row is not None:
                passed_s = (moment - from_rfc3339(row.last_at)).total_seconds()
                if passed_s > 2 * THROTTLE_MOST_S:
                    failures = 0
                wait_s = throttle_s(failures) - passed_s
                if wait_s > 0:
                    raise LoginThrottledError(wait_s=max(1, round(wait_s)))
            # 64 bounds the counter; the wait is at its most long before.
            values = {"name": name, "failures": min(failures + 1, 64), "last_at": to_rfc3339(moment)}
            insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
            statement = insert(login_failures).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
            self._bound_failures(connection)

    def _bound_failures(self, connection: Connection) -> None:
        count = connection.execute(select(func.count()).select_from(login_failures)).scalar_one()
        if count > FAILURES_KEPT:
            oldest = to_rfc3339(self._clock.now() - timedelta(seconds=2 * THROTTLE_MOST_S))
            connection.execute(delete(login_failures).where(login_failures.c.last_at < oldest))
            query = select(login_failures.c.name).order_by(login_failures.c.failures, login_failures.c.last_at)
            for name in connection.execute(query.limit(max(0, count - FAILURES_KEPT))).scalars().all():
                connection.execute(delete(login_failures).where(login_failures.c.name == name))


def throttle_s(failures: int) -> float:
    """How long to wait after so many failures in a row: none for the first five, then doubling to 15 minutes.

    >>> [throttle_s(n) for n in (0, 5, 6, 10, 40)]
    [0.0, 1.0, 2.0, 32.0, 900.0]
    """
    return 0.0 if failures < FREE_FAILURES else min(2.0 ** (failures - FREE_FAILURES), float(THROTTLE_MOST_S))


def _check_password(password: str) -> None:
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise PasswordWeakError(least=PASSWORD_LEAST, most=PASSWORD_MOST)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
