"""The one place that makes database engines: SQLite in WAL with full synchronisation, or PostgreSQL by URL.

Four **families** of tables, each with its own schema version: ``log`` (records, tiles, checkpoints), ``projections``
(positions; the projections' own tables beside them), ``state`` (jobs, users) and ``exchange`` (customers' credentials,
requests, deliveries). They may share one URL (PostgreSQL) or have a file each (SQLite, where a file has one writer at a
time).

Nothing is acknowledged before it is durable: SQLite runs with ``synchronous=FULL`` in WAL mode, so a commit is on
disk when it returns; PostgreSQL with its default ``synchronous_commit=on``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from gaugeblock.stores.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    StoreNewerError,
    StoreOlderError,
    StoreUnavailableError,
    StoreUrlError,
)

Family = Literal["log", "projections", "state", "exchange"]

# The schema each family has in this release. A test holds these to the migrations' heads.
HEADS: dict[Family, str] = {
    "log": "log_0002",
    "projections": "projections_0001",
    "state": "state_0001",
    "exchange": "exchange_0002",
}

BUSY_TIMEOUT_MS = 10_000
SQLITE_CACHE_KB = 16_384
SQLITE_PAGE_BYTES = 16_384
SQLITE_WAL_PAGES = 2_048
POOL_SIZE = 8
POOL_WAIT_S = 30.0
_DAMAGE_SIGNS = ("malformed", "not a database", "could not decode", "file is encrypted", "unsupported file format")


class Database:
    """An engine with the transactions and the errors that every store here relies on.

    Parameters
    ----------
    url
        ``sqlite:///path`` or ``postgresql+psycopg://user@host/database``.

    Raises
    ------
    StoreUrlError

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/a.sqlite") as database:
    ...     database.upgrade("state")
    ...     database.version("state")
    'state_0001'
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            # Not quoted: nobody knows where in it a password stands.
            raise StoreUrlError(url="…") from None
        if parsed.drivername not in {"sqlite", "postgresql+psycopg"} or (
            parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}
        ):
            raise StoreUrlError(url=f"{parsed.drivername[:40]}://…")
        self.url = url
        # Parameters too may hold a password.
        self.name = parsed.set(query={}).render_as_string(hide_password=True)
        self.is_sqlite = parsed.drivername == "sqlite"
        self.path = Path(parsed.database or "") if self.is_sqlite else None
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            parsed,
            poolclass=QueuePool,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=POOL_WAIT_S,
            # A pooled PostgreSQL connection may have died with its server.
            pool_pre_ping=not self.is_sqlite,
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False} if self.is_sqlite else {},
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database.

        Raises
        ------
        StoreError
        """
        with self.named_errors(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable when the block is left, or not there at all.

        Raises
        ------
        StoreError
        """
        with self.named_errors(), self.engine.connect() as connection:
            connection = connection.execution_options(gaugeblock_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Turn the driver's faults into the stores' named errors."""
        try:
            yield
        except SQLAlchemyError as error:
            raise named(error, self.name) from error

    def upgrade(self, family: Family) -> None:
        """Bring the family's tables to this release's schema; does nothing where they are there.

        Raises
        ------
        StoreNewerError
            A newer program wrote the database; it is left as it is.
        """
        if self.version(family) == HEADS[family]:
            return
        # Alembic takes 0.2 s to import: only who migrates pays.
        from gaugeblock.stores.migrations import migrate

        with self.writing() as connection:
            migrate(connection, family)

    def require(self, family: Family) -> None:
        """For readers: the family must be there at this release's schema.

        Raises
        ------
        StoreMissingError, StoreOlderError, StoreNewerError
        """
        found = self.version(family)
        if found is None:
            raise StoreMissingError(family=family, store=self.name)
        if found != HEADS[family]:
            from gaugeblock.stores.migrations import revisions

            error = StoreOlderError if found in revisions(family) else StoreNewerError
            raise error(family=family, found=found, known=HEADS[family])

    def version(self, family: Family) -> str | None:
        """The family's schema version in the database, ``None`` where it has no tables yet."""
        with self.reading() as connection:
            if not inspect(connection).has_table(version_table(family)):
                return None
            row = connection.execute(text(f"SELECT version_num FROM {version_table(family)}")).first()  # noqa: S608 - fixed name
        return None if row is None else str(row[0])


def version_table(family: Family) -> str:
    """Where Alembic keeps the family's version."""
    return f"{family}_schema"


def named(error: SQLAlchemyError, store: str) -> StoreError:
    """The stores' error for a driver's.

    >>> from sqlalchemy.exc import OperationalError
    >>> import sqlite3
    >>> named(OperationalError("", {}, sqlite3.OperationalError("database or disk is full")), "x").code
    'stores.full'
    """
    detail = str(getattr(error, "orig", None) or error).strip().split("\n")[0][:300]
    if isinstance(error, DBAPIError):
        lowered = detail.lower()
        state = getattr(error.orig, "sqlstate", None)
        if "disk is full" in lowered or state in {"53100", "53200"} or "no space left" in lowered:
            return StoreFullError(store=store, detail=detail)
        if "database is locked" in lowered or state in {"55P03", "40001", "40P01"}:
            return StoreBusyError(store=store)
        if any(sign in lowered for sign in _DAMAGE_SIGNS) or state in {"XX001", "XX002"}:
            return StoreDamagedError(store=store, detail=detail)
        if isinstance(error, OperationalError) and "disk i/o error" in lowered:
            # SQLite reports a file-size limit or a vanished disk so.
            return StoreFullError(store=store, detail=detail)
        if isinstance(error, ProgrammingError | OperationalError) and ("no such table" in lowered or state == "42P01"):
            return StoreMissingError(family="?", store=store)
    return StoreUnavailableError(store=store, detail=detail)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling begins late and skips DDL; `_begin_sqlite` begins explicitly.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        # Of a new file only. Rows are 1 to 1.5 kB: on SQLite's 4 kB pages a third of each would stay empty.
        cursor.execute(f"PRAGMA page_size={SQLITE_PAGE_BYTES}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # The defaults, 2 MB of cache and a checkpoint each 4 MB of WAL, are for small devices.
        cursor.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KB}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={SQLITE_WAL_PAGES}")
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its message, and the driver fails to read the message.
        raise sqlite3.DatabaseError("database disk image is malformed") from error
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the write lock at once: upgrading a read transaction can fail without waiting.
    write = connection.get_execution_options().get("gaugeblock_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
