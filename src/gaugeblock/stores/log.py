"""The log: the one writer of records, tiles and checkpoints.

A batch is one transaction: records, their disclosures, the tiles they change. Its receipts are given only after
the commit, which is durable. When a commit fails its outcome is unknown, so the log then reads its state again
from the database before it goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, select

from gaugeblock.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from gaugeblock.ledger.errors import CheckpointFormError, NoteFormError, NoteSignatureError
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.merkle import EMPTY_ROOT, HASH_BYTES
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.tiles import TILE_WIDTH, GrowingTiles
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.cosignatures import Cosignatures
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    LogClosedError,
    LogDamagedError,
    LogExistsError,
    LogLockedError,
    LogOriginError,
    LogShortenedError,
    StoreMissingError,
)
from gaugeblock.stores.log_audit import AuditProgress, AuditReport, audit
from gaugeblock.stores.log_batch import Admission, AdmitAll, AdmitHere, Prepared, admit_all, plan
from gaugeblock.stores.log_genesis import genesis
from gaugeblock.stores.log_insert import insert_leaves
from gaugeblock.stores.log_lookup import find_many
from gaugeblock.stores.log_reader import LogReader, fold_directory
from gaugeblock.stores.log_records import Receipt, StoredRecord, Submission
from gaugeblock.stores.log_tables import (
    log_checkpoints,
    log_identity,
    log_records,
)
from gaugeblock.stores.log_writer import LogWriter
from gaugeblock.stores.writer_lock import WriterLock

__all__ = ["Log", "LogReader", "LogWriter", "Receipt", "StoredRecord", "Submission"]

BATCH_LIMIT = 10_000


class Log:
    """The log's only writer.

    Open it with :meth:`create` or :meth:`open`. ``append`` and ``sign_checkpoint`` may be called from several
    threads, one of them works at a time; reading goes through ``reader`` and never waits for a writer.

    Examples
    --------
    >>> import tempfile
    >>> from gaugeblock.stores.clock import SystemClock
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     url, log_key, server = f"sqlite:///{folder}/log.sqlite", SigningKey.generate(), SigningKey.generate()
    ...     with Log.create(url, "plant.example/log", log_key, SystemClock(), server) as log:
    ...         log.size, log.record(0).index, log.last_checkpoint().size
    (1, 0, 1)
    """

    def __init__(self, database: Database, origin: str, checkpoint_key: SigningKey, clock: Clock) -> None:
        self._database = database
        self._origin = origin
        self._key = checkpoint_key
        self._clock = clock
        self._admit_all: AdmitAll = AdmitHere()
        self._keys = 0  # counts what may have changed the directory's keys
        self._append_lock = threading.RLock()
        self._closed = False
        self._stale = True
        self._tiles = GrowingTiles()
        self._directory = KeyDirectory()
        self._note = b""
        self._note_size = -1
        self._writer = WriterLock(database)

    @classmethod
    def create(cls, url: str, origin: str, checkpoint_key: SigningKey, clock: Clock, server_key: SigningKey) -> Self:
        """A new log, whose record 0 is the server's own key binding, covered by the first checkpoint.

        Raises
        ------
        LogExistsError, LogLockedError, StoreError
        """
        return cls._start(url, origin, checkpoint_key, clock, server_key)

    @classmethod
    def open(cls, url: str, origin: str, checkpoint_key: SigningKey, clock: Clock) -> Self:
        """Continue a log; checks quickly that its end is what was signed (:meth:`audit` checks all of it).

        Raises
        ------
        StoreMissingError, LogOriginError, LogLockedError, LogShortenedError, LogDamagedError, StoreNewerError
        """
        return cls._start(url, origin, checkpoint_key, clock, None)

    @classmethod
    def _start(
        cls, url: str, origin: str, checkpoint_key: SigningKey, clock: Clock, server_key: SigningKey | None
    ) -> Self:
        database = Database(url)
        log: Self | None = None
        try:
            if server_key is None and database.version("log") is None:
                raise StoreMissingError(family="log", store=database.name)
            log = cls(database, origin, checkpoint_key, clock)
            database.upgrade("log")
            if server_key is not None:
                log._write_genesis(server_key)
            log._load()
            log.reader = LogReader(database)
        except BaseException:
            if log is not None:
                log._writer.release()
            database.close()
            raise
        return log

    reader: LogReader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process be the writer."""
        with self._append_lock:
            if not self._closed:
                self._closed = True
                self._writer.release()
                self._database.close()

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────

    def append(self, batch: Sequence[Submission]) -> list[Receipt | GaugeblockError]:
        """Append what may enter, durably, in one transaction; each submission's receipt or refusal, in order.

        Raises
        ------
        StoreFullError, StoreBusyError, StoreUnavailableError
            Nothing of the batch is acknowledged; sending it again is safe.
        LogLockedError, LogClosedError
        """
        return self.append_prepared(self.prepare(batch))

    def prepare(self, batch: Sequence[Submission]) -> Prepared:
        """Begin to admit a batch, elsewhere where :meth:`admit_with` says so, while others are being appended."""
        with self._append_lock:
            self._ready()
            return Prepared(batch, self._admit_all.start(batch, self._directory, self._origin), self._keys)

    def append_prepared(self, prepared: Prepared) -> list[Receipt | GaugeblockError]:
        """As :meth:`append`, for a batch that :meth:`prepare` began."""
        admissions = prepared.admissions()
        with self._append_lock:
            self._ready()
            if prepared.keys != self._keys:
                # Keys were bound or revoked meanwhile: what was admitted then may be refused now, or the reverse.
                admissions = admit_all(prepared.batch, self._directory, self._origin)
            return self._append(prepared.batch, admissions)

    def append_admitted(
        self, batch: Sequence[Submission], admissions: Sequence[Admission]
    ) -> list[Receipt | GaugeblockError]:
        """As :meth:`append`, for what :func:`~gaugeblock.stores.log_batch.admit_all` has read already.

        The caller vouches that the admissions are of this log's directory as it stands.
        """
        with self._append_lock:
            self._ready()
            return self._append(batch, admissions)

    def admit_with(self, admit_all: AdmitAll) -> None:
        """Admit batches elsewhere, as by :class:`~gaugeblock.stores.admission_pool.AdmissionPool`."""
        with self._append_lock:
            self._admit_all = admit_all

    def sign_checkpoint(self) -> bytes:
        """Sign the log as it stands, unless that is done; the signed note, durable."""
        with self._append_lock:
            self._ready()
            if self._note_size == self._tiles.size:
                return self._note
            note = sign_checkpoint(Checkpoint(self._origin, self._tiles.size, self._tiles.root()), self._key)
            with self._committing() as connection:
                connection.execute(log_checkpoints.insert(), {"size": self._tiles.size, "note": note})
            self._note, self._note_size = note, self._tiles.size
            return note

    def _append(self, batch: Sequence[Submission], admissions: Sequence[Admission]) -> list[Receipt | GaugeblockError]:
        if len(batch) > BATCH_LIMIT:
            raise ValueError(f"a batch of more than {BATCH_LIMIT} submissions")
        tiles = self._tiles.copy()
        with self._committing() as connection:
            self._expect_size(connection, tiles.size)
            planned = plan(
                batch, admissions, self._directory, self._origin, lambda wanted: find_many(connection, wanted)
            )
            if planned.leaves:
                changed = tiles.append([leaf.admitted.leaf_hash for leaf in planned.leaves])
                insert_leaves(connection, planned.leaves, changed, to_rfc3339(self._clock.now()))
        self._tiles, self._directory = tiles, planned.directory
        self._keys += any(leaf.admitted.key_record is not None for leaf in planned.leaves)
        return planned.outcomes

    def _committing(self) -> _Commit:
        return _Commit(self, self._database)

    def _expect_size(self, connection: Connection, size: int) -> None:
        newest = connection.execute(select(log_records.c.idx).order_by(log_records.c.idx.desc()).limit(1)).scalar()
        if (-1 if newest is None else newest) + 1 != size:
            # Someone wrote beside the lock, or the database was exchanged under us.
            raise LogLockedError(store=self._database.name)

    def _ready(self) -> None:
        if self._closed:
            raise LogClosedError
        if self._stale:
            self._writer.ensure()
            self._load()

    # ── state ─────────────────────────────────────────────────────────────────────────────────────────────

    def _write_genesis(self, server_key: SigningKey) -> None:
        with self._database.writing() as connection:
            newest = connection.execute(select(log_records.c.idx).order_by(log_records.c.idx.desc())).scalar()
            if newest is not None or connection.execute(select(log_identity)).first() is not None:
                raise LogExistsError(store=self._database.name, size=(newest or 0) + 1)
            batch = [genesis(self._origin, server_key, self._clock)]
            admissions = admit_all(batch, KeyDirectory(), self._origin)
            planned = plan(batch, admissions, KeyDirectory(), self._origin, lambda _: {})
            for outcome in planned.outcomes:
                if isinstance(outcome, GaugeblockError):
                    raise outcome
            tiles = GrowingTiles()
            changed = tiles.append([leaf.admitted.leaf_hash for leaf in planned.leaves])
            note = sign_checkpoint(Checkpoint(self._origin, tiles.size, tiles.root()), self._key)
            vkey = NoteKey(self._origin, self._key.public).vkey
            connection.execute(log_identity.insert(), {"origin": self._origin, "log_key": vkey})
            insert_leaves(connection, planned.leaves, changed, to_rfc3339(self._clock.now()))
            connection.execute(log_checkpoints.insert(), {"size": tiles.size, "note": note})

    def _load(self) -> None:
        with self._database.reading() as connection:
            identity = connection.execute(select(log_identity)).first()
        if identity is None:
            raise StoreMissingError(family="log", store=self._database.name)
        key = NoteKey(self._origin, self._key.public)
        for expected, found in ((self._origin, identity.origin), (key.vkey, identity.log_key)):
            if expected != found:
                raise LogOriginError(expected=expected, found=found)
        reader = LogReader(self._database)
        size, note = reader.size, reader.checkpoint()
        try:
            last = open_checkpoint(note, key)
        except (NoteFormError, NoteSignatureError, CheckpointFormError) as error:
            raise LogDamagedError(part="checkpoint", position="last", detail=str(error)[:160]) from error
        if last.size > size:
            raise LogShortenedError(size=size, checkpoint_size=last.size)
        self._check_edge(reader, size)
        try:
            tiles = GrowingTiles.restore(size, reader._stored_tile)
            signed_root = reader.root_at(last.size) if last.size else EMPTY_ROOT
        except LogDamagedError:
            raise
        except GaugeblockError as error:
            raise LogDamagedError(part="tile", position="edge", detail=str(error)[:160]) from error
        if signed_root != last.root:
            raise LogDamagedError(part="tile", position="edge", detail=f"root at {last.size} is not the signed one")
        self._directory = fold_directory(reader.key_records())
        self._directory.next_index = size
        self._keys += 1
        self._tiles, self._note, self._note_size = tiles, note, last.size
        self._stale = False

    def _check_edge(self, reader: LogReader, size: int) -> None:
        # The records of the growing tile against their hashes: a torn end would show here.
        start = (size - 1) // TILE_WIDTH * TILE_WIDTH
        hashes = reader._tile_row(0, start // TILE_WIDTH) or b""
        if len(hashes) != (size - start) * HASH_BYTES:
            raise LogDamagedError(
                part="tile", position=f"0/{start // TILE_WIDTH}", detail=f"{len(hashes) // HASH_BYTES} hashes"
            )
        expected = start
        for stored in reader.records(start, size):
            at = (stored.index - start) * HASH_BYTES
            if stored.index != expected or stored.leaf_hash != hashes[at : at + HASH_BYTES]:
                raise LogDamagedError(part="record", position=expected, detail="it does not fit its tile")
            expected += 1
        if expected != size:
            raise LogDamagedError(part="record", position=expected, detail="missing")

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    @property
    def log_key(self) -> str:
        """The log's public key as a C2SP vkey: what a verifier needs."""
        return self.reader.log_key

    @property
    def size(self) -> int:
        """How many records are durable."""
        return self._tiles.size

    @property
    def directory(self) -> KeyDirectory:
        """Who may sign now. Not to be changed."""
        return self._directory

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint."""
        return self._note

    def last_checkpoint(self) -> Checkpoint:
        """Origin, size and root of the latest checkpoint."""
        return self.reader.last_checkpoint()

    def record(self, index: int) -> StoredRecord:
        """The record at ``index``."""
        return self.reader.record(index)

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records ``start`` up to, not including, ``stop``."""
        return self.reader.records(start, stop)

    def find(self, author: str, identity: str) -> int | None:
        """The index of the record with this identity."""
        return self.reader.find(author, identity)

    def tile(self, path: str) -> bytes:
        """A tile or entry bundle by its C2SP path."""
        return self.reader.tile(path)

    def evidence(self, index: int, facets: Collection[str] | None = None) -> bytes:
        """Evidence of the record as JSON."""
        return self.reader.evidence(index, facets)

    def witnessed_checkpoint(self) -> bytes | None:
        """The latest checkpoint that a witness cosigned."""
        return self.reader.witnessed_checkpoint()

    def cosignatures(self, witnesses: Sequence[str]) -> Cosignatures:
        """Takes in what these witnesses (vkeys) cosign of this log."""
        return Cosignatures(self._database, witnesses, self._clock)

    def audit(self, progress: AuditProgress | None = None) -> AuditReport:
        """Check everything that is stored; names the first part that is not what it was.

        Raises
        ------
        LogDamagedError, LogShortenedError
        """
        return audit(self._database, self.reader, NoteKey(self._origin, self._key.public), progress)


class _Commit:
    """A write transaction of the log: any fault leaves the log to be read again before it goes on."""

    def __init__(self, log: Log, database: Database) -> None:
        self._log = log
        self._transaction = database.writing()
        self._database = database

    def __enter__(self) -> Connection:
        self._log._stale = True
        return self._transaction.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transaction.__exit__(kind, value, trace)
        if kind is None:
            self._log._stale = False
