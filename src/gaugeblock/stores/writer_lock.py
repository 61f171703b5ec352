"""One writer a log: an OS file lock beside a SQLite file, an advisory lock in PostgreSQL.

Both end with the process that holds them, however it ends, so no lock is ever left behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from gaugeblock.stores.database import Database, named
from gaugeblock.stores.errors import LogLockedError
from gaugeblock.stores.files import named_os_error


class WriterLock:
    """Held from construction to :meth:`release`.

    Raises
    ------
    LogLockedError
        Someone else, in this process or another, is the writer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._descriptor: int | None = None
        self._connection: Connection | None = None
        if database.path is not None:
            self._lock_file(database.path.with_name(database.path.name + ".writer"))
        else:
            self._lock_session()

    def ensure(self) -> None:
        """Take the lock again where the database session that held it has ended.

        Raises
        ------
        LogLockedError, StoreUnavailableError
        """
        if self._connection is None:
            return
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
            self._lock_session()

    def release(self) -> None:
        """Let another be the writer."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._connection is not None:
            # Dropping the session drops the lock, also when the server is already gone.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _lock_file(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise named_os_error(error, path) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise LogLockedError(store=self._database.name) from None
            raise named_os_error(error, path) from error
        self._descriptor = descriptor

    def _lock_session(self) -> None:
        try:
            connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            schema = connection.execute(text("SELECT current_schema()")).scalar_one()
            digest = hashlib.sha256(f"gaugeblock log writer in {schema}".encode()).digest()
            key = int.from_bytes(digest[:8], "big", signed=True)
            taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one()
        except SQLAlchemyError as error:
            raise named(error, self._database.name) from error
        if not taken:
            connection.close()
            raise LogLockedError(store=self._database.name)
        self._connection = connection
