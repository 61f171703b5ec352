"""The log as every process but its writer sees it: read-only, on the same database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sqlalchemy import Select, func, select

from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.record import open_facets, parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import read_facet
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import LogDamagedError, StoreMissingError
from gaugeblock.stores.log_records import StoredRecord, unpack_disclosures
from gaugeblock.stores.log_tables import (
    log_checkpoints,
    log_cosignatures,
    log_disclosures,
    log_identity,
    log_key_records,
    log_records,
    log_tiles,
)
from gaugeblock.stores.log_view import LogView

PAGE = 500

_newest = select(log_records.c.idx).order_by(log_records.c.idx.desc()).limit(1)
_last_note = select(log_checkpoints.c.note).order_by(log_checkpoints.c.size.desc()).limit(1)
_rows = select(
    log_records.c.idx, log_records.c.jws, log_records.c.received_at, log_disclosures.c.disclosures
).select_from(log_records.outerjoin(log_disclosures, log_disclosures.c.idx == log_records.c.idx))


class LogReader(LogView):
    """A view of the log for other threads and processes.

    Parameters
    ----------
    database
        The log's; may be shared between threads.

    Raises
    ------
    StoreMissingError, StoreOlderError, StoreNewerError
        There is no log yet, or another release's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.require("log")
        with database.reading() as connection:
            row = connection.execute(select(log_identity)).first()
        if row is None:
            raise StoreMissingError(family="log", store=database.name)
        super().__init__(row.origin)
        self.log_key: str = row.log_key
        self._directory_lock = threading.Lock()
        self._directory = KeyDirectory()
        self._directory_upto = -1

    @classmethod
    def connect(cls, url: str) -> LogReader:
        """A reader with a database of its own; :meth:`close` it."""
        return cls(Database(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database, also for those who share it."""
        self._database.close()

    @property
    def size(self) -> int:
        """How many records are durable."""
        with self._database.reading() as connection:
            newest = connection.execute(_newest).scalar()
        return 0 if newest is None else int(newest) + 1

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records ``start`` up to, not including, ``stop``, as far as there are; read in pages."""
        while start < stop:
            end = min(start + PAGE, stop)
            page = self._page(_rows.where(log_records.c.idx >= start, log_records.c.idx < end))
            yield from page
            if len(page) < end - start:
                return
            start = end

    def find(self, author: str, identity: str) -> int | None:
        """The index of the record with this identity."""
        query = select(log_records.c.idx).where(log_records.c.author == author, log_records.c.identity == identity)
        with self._database.reading() as connection:
            index = connection.execute(query).scalar()
        return None if index is None else int(index)

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint."""
        with self._database.reading() as connection:
            note = connection.execute(_last_note).scalar()
        if note is None:
            raise LogDamagedError(part="checkpoint", position="", detail="there is none")
        return bytes(note)

    def witnessed_checkpoint(self) -> bytes | None:
        """The latest checkpoint that a witness cosigned, with all its lines."""
        newest = select(func.max(log_cosignatures.c.size)).scalar_subquery()
        query = (
            select(log_checkpoints.c.note, log_cosignatures.c.line)
            .join(log_cosignatures, log_cosignatures.c.size == log_checkpoints.c.size)
            .where(log_checkpoints.c.size == newest)
            .order_by(log_cosignatures.c.witness)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return bytes(rows[0].note) + b"".join(bytes(row.line) for row in rows) if rows else None

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        """All checkpoints, by size: (size column, note)."""
        after = -1
        while True:
            query = select(log_checkpoints).where(log_checkpoints.c.size > after).order_by(log_checkpoints.c.size)
            with self._database.reading() as connection:
                rows = connection.execute(query.limit(PAGE)).all()
            if not rows:
                return
            for row in rows:
                yield int(row.size), bytes(row.note)
            after = rows[-1].size

    def key_records(self) -> list[StoredRecord]:
        """All ``key.*`` records in order, from the genesis record on."""
        return self._page(_rows.join(log_key_records, log_key_records.c.idx == log_records.c.idx))

    @property
    def directory(self) -> KeyDirectory:
        """Who may sign, as the log's key records leave it. Not to be changed."""
        with self._directory_lock:
            with self._database.reading() as connection:
                upto = connection.execute(select(func.max(log_key_records.c.idx))).scalar()
            if upto is not None and upto > self._directory_upto:
                self._directory = fold_directory(self.key_records())
                self._directory_upto = upto
            return self._directory

    def _tile_row(self, level: int, number: int) -> bytes | None:
        query = select(log_tiles.c.hashes).where(log_tiles.c.level == level, log_tiles.c.number == number)
        with self._database.reading() as connection:
            row = connection.execute(query).scalar()
        return None if row is None else bytes(row)

    def _page(self, query: Select[tuple[int, bytes, str, bytes]]) -> list[StoredRecord]:
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(log_records.c.idx)).all()
        return [
            StoredRecord(row.idx, bytes(row.jws), unpack_disclosures(row.idx, row.disclosures), row.received_at)
            for row in rows
        ]


def fold_directory(records: list[StoredRecord]) -> KeyDirectory:
    """Who may sign, from the key records alone; their signatures were checked when they were admitted.

    Raises
    ------
    LogDamagedError
    """
    directory = KeyDirectory()
    for stored in records:
        try:
            payload = parse(stored.jws)
            values = open_facets(payload, stored.disclosures)
            facets = {n: read_facet(payload.record_type, payload.version, n, v) for n, v in values.items()}
            directory.apply(stored.index, payload, facets)
        except GaugeblockError as error:
            raise LogDamagedError(part="record", position=stored.index, detail=str(error)[:160]) from error
    return directory
