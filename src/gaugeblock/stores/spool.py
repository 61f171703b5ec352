"""The station's spool: records and their images, durable until the plant has them. One SQLite file (WAL).

Images are kept as BLOBs in the same file, so that a record and its images become durable in one transaction with
one flush; measured against files named by digest, that takes a third of the time (docs/decisions/0005).

A record is **spooled**, then **handed over** with its index in the log, or **refused** with the plant's error;
what was handed over is purged after its keep time, sooner when space is short. What was not is never purged, and
neither is a record one of whose images the plant does not have (refused, or damaged here), nor that image.

Two connections: the loop's commits are flushed (``synchronous=FULL``); the hand-over's marks need not be
(``NORMAL``), for a mark that a power cut takes back only leads to a second delivery, which changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gaugeblock.plant.errors import LimitError
from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.errors import (
    BlobCorruptError,
    IdentityConflictError,
    StoreDamagedError,
    StoreFullError,
    StoreUnavailableError,
)

PAGE_BYTES = 4096
LOOP_CHECKPOINT_PAGES = 16_384  # the loop checkpoints by itself only past 64 MiB of WAL
MAX_JWS_BYTES = 65_535
PURGE_AT = 0.9  # of the limit: from here on, what was handed over is purged before its keep time
PURGE_BATCHES_MAX = 20
PURGE_BATCH = 50  # in one transaction, during which the loop waits

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_frame (one INTEGER PRIMARY KEY CHECK (one = 1), sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gate (one INTEGER PRIMARY KEY CHECK (one = 1), state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS records (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  identity TEXT NOT NULL UNIQUE,
  jws BLOB NOT NULL,
  disclosures TEXT NOT NULL,
  trigger INTEGER,
  verdict TEXT,
  reason TEXT,
  state TEXT NOT NULL DEFAULT 'spooled',
  log_index INTEGER,
  error_code TEXT,
  error_detail TEXT,
  spooled_at INTEGER NOT NULL,
  handed_over_at INTEGER
);
CREATE INDEX IF NOT EXISTS records_by_state ON records (state, position);
CREATE INDEX IF NOT EXISTS records_by_trigger ON records (trigger) WHERE trigger IS NOT NULL;
CREATE TABLE IF NOT EXISTS blobs (
  number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, handed_over INTEGER NOT NULL DEFAULT 0, data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS record_blobs (
  position INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (position, sha256)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_blobs_by_digest ON record_blobs (sha256);
CREATE TABLE IF NOT EXISTS refused_blobs (
  sha256 TEXT PRIMARY KEY, error_code TEXT NOT NULL, error_detail TEXT NOT NULL, refused_at INTEGER NOT NULL
) WITHOUT ROWID;
"""


class SpoolEntry(Protocol):
    """What is put in: one signed record and the images it names (digest → bytes)."""

    @property
    def identity(self) -> str: ...

    @property
    def jws(self) -> bytes: ...

    @property
    def disclosures(self) -> Mapping[str, str]: ...

    @property
    def blobs(self) -> Mapping[str, bytes]: ...

    @property
    def trigger(self) -> int | None: ...

    @property
    def verdict(self) -> Verdict | None: ...

    @property
    def reason(self) -> str | None: ...

    @property
    def frame_sha256(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class SpooledRecord:
    """A record as the spool holds it. ``blobs`` names the images not handed over yet."""

    position: int
    identity: str
    jws: bytes
    disclosures: Mapping[str, str]
    blobs: tuple[str, ...] = ()
    trigger: int | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    state: str = "spooled"
    log_index: int | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class SpoolFill:
    """How full the spool is: records by state, images the plant does not have, bytes in use and the bound on them."""

    backlog: int
    refused: int
    refused_images: int
    handed_over: int
    bytes_used: int
    bytes_limit: int


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """Bounds of a spool.

    The default holds 72 h without a network at one part a second with 50 kB of image and 5 kB of the rest (14.3
    GB), with a third to spare.

    Parameters
    ----------
    bytes_limit
        Of the database; records with images are refused from here on.
    record_reserve_bytes
        Beyond the limit, for records without images that say why nothing was inspected.
    disk_reserve_bytes
        Left free on the disk for others.
    keep_s
        How long handed-over records and images stay readable here.
    """

    bytes_limit: int = 20 * 10**9
    record_reserve_bytes: int = 256 * 1024 * 1024
    disk_reserve_bytes: int = 512 * 1024 * 1024
    keep_s: float = 24 * 3600.0
    busy_ms: int = 2000


@dataclass
class _Released:
    """Up to which position records may be handed over; only in memory: after a restart all may."""

    position: int
    changed: threading.Event = field(default_factory=threading.Event)


class SqliteSpool:
    """The spool of one station, in ``directory/spool.sqlite``.

    Methods may be called from the loop's and the hand-over's thread.

    Parameters
    ----------
    directory
        Made if missing.
    first_epoch
        The boot epoch of a new spool. A station whose spool was lost must continue above its last epoch.

    Raises
    ------
    StoreFullError, StoreUnavailableError, StoreDamagedError

    Examples
    --------
    >>> import tempfile
    >>> spool = SqliteSpool(Path(tempfile.mkdtemp()))
    >>> spool.start_epoch(), spool.start_epoch(), spool.last_trigger()
    (1, 2, None)
    >>> spool.close()
    """

    def __init__(self, directory: Path, limits: SpoolLimits | None = None, first_epoch: int = 1) -> None:
        self.directory = directory
        self.limits = limits or SpoolLimits()
        self._first_epoch = first_epoch
        self._write = threading.Lock()
        self._read = threading.Lock()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._loop = self._connect("FULL")
            self._mover = self._connect("NORMAL")
            with self._mapped():
                self._loop.executescript(_SCHEMA)
                (top,) = self._loop.execute("SELECT COALESCE(MAX(position), 0) FROM records").fetchone()
        except OSError as error:
            raise StoreUnavailableError(store=str(directory), detail=str(error)) from error
        self._released = _Released(top)

    # ── counters ──────────────────────────────────────────────────────────────────────────────────────────

    def start_epoch(self) -> int:
        """Count the boot epoch up by one, durably."""
        with self._transaction(self._loop) as db:
            row = db.execute("SELECT value FROM meta WHERE name = 'boot_epoch'").fetchone()
            epoch = self._first_epoch if row is None else max(int(row[0]) + 1, self._first_epoch)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('boot_epoch', ?)", (epoch,))
        return epoch

    def last_trigger(self) -> int | None:
        """The number of the last trigger that has a record."""
        with self._read, self._mapped():
            row = self._mover.execute("SELECT value FROM meta WHERE name = 'last_trigger'").fetchone()
        return None if row is None else int(row[0])

    def last_frame(self) -> str | None:
        """Digest of the last recorded trigger's frame, empty where it had none; ``None`` before any trigger."""
        with self._read, self._mapped():
            row = self._mover.execute("SELECT sha256 FROM last_frame").fetchone()
        return None if row is None else str(row[0])

    def gate(self) -> bytes | None:
        """The challenge gate's state as last kept; ``None`` before any."""
        with self._read, self._mapped():
            row = self._mover.execute("SELECT state FROM gate").fetchone()
        return None if row is None else bytes(row[0])

    # ── the loop's side ───────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Is there room for a record with images?

        Raises
        ------
        StoreFullError, StoreUnavailableError, StoreDamagedError
        """
        with self._write, self._mapped():  # the loop's connection: a checkpoint must not hold it up
            used = self._bytes_used(self._loop)
        try:
            free = shutil.disk_usage(self.directory).free
        except OSError as error:
            raise StoreUnavailableError(store=str(self.directory), detail=str(error)) from error
        if used >= self.limits.bytes_limit or free < self.limits.disk_reserve_bytes:
            raise StoreFullError(store=str(self.directory), detail=f"{used} of {self.limits.bytes_limit} bytes")

    def put(self, entries: Sequence[SpoolEntry], gate: bytes | None = None) -> list[int]:
        """Keep all entries or none, and with them the challenge gate's state; all is durable when this returns.

        The same identity with the same bytes changes nothing and gives its first position.

        Raises
        ------
        StoreFullError, StoreUnavailableError, StoreDamagedError, IdentityConflictError, LimitError
        """
        now = time.time_ns()
        with self._transaction(self._loop) as db:
            if gate is not None:
                db.execute("INSERT OR REPLACE INTO gate VALUES (1, ?)", (gate,))
            return [self._insert(db, entry, now) for entry in entries]

    def amend(self, position: int, entry: SpoolEntry) -> None:
        """Replace the entry at ``position``, which must not have been released, under the same identity.

        Raises
        ------
        StoreFullError, StoreUnavailableError, StoreDamagedError, IdentityConflictError, LimitError
        """
        if position <= self._released.position:
            raise _conflict(entry, position)
        with self._transaction(self._loop) as db:
            row = db.execute("SELECT identity FROM records WHERE position = ?", (position,)).fetchone()
            if row is None or row[0] != entry.identity:
                raise _conflict(entry, position)
            db.execute(
                "UPDATE records SET jws = ?, disclosures = ?, verdict = ?, reason = ? WHERE position = ?",
                (entry.jws, json.dumps(dict(entry.disclosures)), entry.verdict, entry.reason, position),
            )
            self._insert_blobs(db, position, entry.blobs)

    def release(self, position: int) -> None:
        """Everything up to ``position`` may be handed over."""
        self._released.position = max(self._released.position, position)
        self._released.changed.set()

    def recorded(self, trigger: int) -> SpooledRecord | None:
        """The latest record about a trigger, while it is kept."""
        with self._read, self._mapped():
            row = self._mover.execute(
                f"SELECT {_COLUMNS} FROM records WHERE trigger = ? AND verdict IS NOT NULL"  # noqa: S608
                " ORDER BY position DESC LIMIT 1",
                (trigger,),
            ).fetchone()
        return None if row is None else _record(row)

    def _insert(self, db: sqlite3.Connection, entry: SpoolEntry, now: int) -> int:
        if len(entry.jws) > MAX_JWS_BYTES:
            raise LimitError(what="a record's bytes", limit=MAX_JWS_BYTES)
        known = db.execute("SELECT position, jws FROM records WHERE identity = ?", (entry.identity,)).fetchone()
        if known is not None:
            if known[1] != entry.jws:
                raise _conflict(entry, int(known[0]))
            return int(known[0])
        position = db.execute(
            "INSERT INTO records (identity, jws, disclosures, trigger, verdict, reason, spooled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                entry.identity,
                entry.jws,
                json.dumps(dict(entry.disclosures)),
                entry.trigger,
                entry.verdict,
                entry.reason,
                now,
            ),
        ).lastrowid
        assert position is not None
        self._insert_blobs(db, position, entry.blobs)
        if entry.trigger is not None:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('last_trigger', ?)", (entry.trigger,))
        if entry.verdict is not None:
            db.execute("INSERT OR REPLACE INTO last_frame VALUES (1, ?)", (entry.frame_sha256 or "",))
        return position

    def _insert_blobs(self, db: sqlite3.Connection, position: int, blobs: Mapping[str, bytes]) -> None:
        for sha256, data in blobs.items():
            if len(data) > IMAGE_BYTES_MAX:
                raise LimitError(what="an image's bytes", limit=IMAGE_BYTES_MAX)
            db.execute("INSERT OR IGNORE INTO blobs (sha256, data) VALUES (?, ?)", (sha256, data))
            db.execute("INSERT OR IGNORE INTO record_blobs VALUES (?, ?)", (position, sha256))

    # ── the hand-over's side ──────────────────────────────────────────────────────────────────────────────

    def wait(self, timeout_s: float) -> None:
        """Sleep until something is released, at most ``timeout_s``."""
        self._released.changed.wait(timeout_s)
        self._released.changed.clear()

    def pending(self, limit: int) -> list[SpooledRecord]:
        """The oldest released records that are not handed over, in order of position."""
        with self._read, self._mapped():
            rows = self._mover.execute(
                f"SELECT {_COLUMNS} FROM records WHERE state = 'spooled' AND position <= ?"  # noqa: S608
                " ORDER BY position LIMIT ?",
                (self._released.position, limit),
            ).fetchall()
            return [
                _record(
                    row,
                    tuple(
                        sha
                        for (sha,) in self._mover.execute(
                            "SELECT sha256 FROM record_blobs JOIN blobs USING (sha256)"
                            " WHERE position = ? AND handed_over = 0 ORDER BY number",
                            (row[0],),
                        )
                    ),
                )
                for row in rows
            ]

    def blob(self, sha256: str) -> bytes | None:
        """An image's bytes, checked against their digest; ``None`` when purged.

        Raises
        ------
        BlobCorruptError
            The stored bytes cannot be read, or are not what they were; with the fact ``permanent``.
        """
        try:
            with self._read, self._mapped():
                row = self._mover.execute("SELECT data FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        except StoreDamagedError as error:
            # Here it is the pages of this one image; where more is damaged, the next statement says so.
            raise BlobCorruptError(sha256=sha256, permanent=1) from error
        if row is None:
            return None
        data = bytes(row[0])
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobCorruptError(sha256=sha256, permanent=1)
        return data

    def blob_handed_over(self, sha256: str) -> None:
        """The plant has this image."""
        with self._transaction(self._mover) as db:
            db.execute("UPDATE blobs SET handed_over = 1 WHERE sha256 = ?", (sha256,))

    def refuse_blob(self, sha256: str, code: str, detail: str) -> None:
        """Set an image aside that the plant does not take; it is kept, with its records and the error."""
        with self._transaction(self._mover) as db:
            db.execute("UPDATE blobs SET handed_over = 1 WHERE sha256 = ?", (sha256,))
            db.execute(
                "INSERT OR REPLACE INTO refused_blobs VALUES (?, ?, ?, ?)",
                (sha256, code[:200], detail[:2000], time.time_ns()),
            )

    def handed_over(self, receipts: Sequence[tuple[int, int]]) -> None:
        """``(position, index in the log)`` of records that the plant has."""
        now = time.time_ns()
        with self._transaction(self._mover) as db:
            db.executemany(
                "UPDATE records SET state = 'handed_over', log_index = ?, handed_over_at = ?,"
                " error_code = NULL, error_detail = NULL WHERE position = ?",
                [(index, now, position) for position, index in receipts],
            )

    def refuse(self, position: int, code: str, detail: str) -> None:
        """Set a record aside that the plant refuses."""
        with self._transaction(self._mover) as db:
            db.execute(
                "UPDATE records SET state = 'refused', error_code = ?, error_detail = ?"
                " WHERE position = ? AND state = 'spooled'",
                (code[:200], detail[:2000], position),
            )

    def requeue_refused(self) -> int:
        """Offer all refused records again, and the refused images with their records.

        A record that the plant has already is delivered once more, which changes nothing there.
        """
        with self._transaction(self._mover) as db:
            requeued = db.execute(
                "UPDATE records SET state = 'spooled'"  # noqa: S608
                f" WHERE state = 'refused' OR (state = 'handed_over' AND {_LACKING})"
            ).rowcount
            db.execute("UPDATE blobs SET handed_over = 0 WHERE sha256 IN (SELECT sha256 FROM refused_blobs)")
            db.execute("DELETE FROM refused_blobs")
            return requeued

    def refused(self, limit: int = 100) -> list[SpooledRecord]:
        """Records that the plant refused, oldest first."""
        with self._read, self._mapped():
            rows = self._mover.execute(
                f"SELECT {_COLUMNS} FROM records WHERE state = 'refused' ORDER BY position LIMIT ?",  # noqa: S608
                (limit,),
            ).fetchall()
        return [_record(row) for row in rows]

    def refused_blobs(self, limit: int = 100) -> list[tuple[str, str]]:
        """``(digest, error code)`` of images that the plant does not have, oldest first."""
        with self._read, self._mapped():
            rows = self._mover.execute(
                "SELECT sha256, error_code FROM refused_blobs ORDER BY refused_at LIMIT ?", (limit,)
            ).fetchall()
        return [(str(sha256), str(code)) for sha256, code in rows]

    def records(self) -> Iterator[SpooledRecord]:
        """All records kept, in order of position."""
        position = 0
        while True:
            with self._read, self._mapped():
                rows = self._mover.execute(
                    f"SELECT {_COLUMNS} FROM records WHERE position > ? ORDER BY position LIMIT 500",  # noqa: S608
                    (position,),
                ).fetchall()
            if not rows:
                return
            position = rows[-1][0]
            yield from map(_record, rows)

    def maintain(self) -> None:
        """Move the WAL into the database, and purge what was handed over and is past its keep time.

        In the hand-over's thread, so that the loop does not pay for it.
        """
        with self._read, self._mapped():
            self._mover.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            crowded = self._bytes_used(self._mover) >= PURGE_AT * self.limits.bytes_limit
        before = time.time_ns() if crowded else time.time_ns() - int(self.limits.keep_s * 1e9)
        for _ in range(PURGE_BATCHES_MAX):
            if self._purge(before) < PURGE_BATCH:
                break

    def _purge(self, before_ns: int) -> int:
        with self._transaction(self._mover) as db:
            old = db.execute(
                "SELECT position FROM records WHERE state = 'handed_over' AND handed_over_at <= ?"  # noqa: S608
                f" AND NOT {_LACKING} ORDER BY position LIMIT ?",
                (before_ns, PURGE_BATCH),
            ).fetchall()
            for (position,) in old:
                named = db.execute("SELECT sha256 FROM record_blobs WHERE position = ?", (position,)).fetchall()
                db.execute("DELETE FROM record_blobs WHERE position = ?", (position,))
                db.execute("DELETE FROM records WHERE position = ?", (position,))
                db.executemany(
                    "DELETE FROM blobs WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM record_blobs WHERE sha256 = ?1)",
                    named,
                )
            return len(old)

    def state(self) -> SpoolFill:
        """How full the spool is."""
        with self._read, self._mapped():
            counts = dict(self._mover.execute("SELECT state, COUNT(*) FROM records GROUP BY state").fetchall())
            (images,) = self._mover.execute("SELECT COUNT(*) FROM refused_blobs").fetchone()
            used = self._bytes_used(self._mover)
        return SpoolFill(
            backlog=counts.get("spooled", 0),
            refused=counts.get("refused", 0),
            refused_images=int(images),
            handed_over=counts.get("handed_over", 0),
            bytes_used=used,
            bytes_limit=self.limits.bytes_limit,
        )

    def close(self) -> None:
        """Let go of the file."""
        with self._write, self._read:
            self._loop.close()
            self._mover.close()

    # ── SQLite ────────────────────────────────────────────────────────────────────────────────────────────

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        with self._mapped():
            db = sqlite3.connect(
                self.directory / "spool.sqlite",
                isolation_level=None,
                check_same_thread=False,
                timeout=self.limits.busy_ms / 1000,
            )
            db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {synchronous}")
            db.execute(f"PRAGMA wal_autocheckpoint = {LOOP_CHECKPOINT_PAGES}")
            pages = (self.limits.bytes_limit + self.limits.record_reserve_bytes) // PAGE_BYTES
            db.execute(f"PRAGMA max_page_count = {pages}")
        return db

    def _bytes_used(self, db: sqlite3.Connection) -> int:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE_BYTES

    @contextmanager
    def _transaction(self, db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        # One lock for both writers: a waiting thread is woken at once, where SQLite's busy handler would sleep.
        reads = self._read if db is self._mover else nullcontext()
        with self._write, reads, self._mapped():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            store, detail = str(self.directory), str(error)
            if code == sqlite3.SQLITE_FULL:
                raise StoreFullError(store=store, detail=detail) from error
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise StoreDamagedError(store=store, detail=detail) from error
            raise StoreUnavailableError(store=store, detail=detail) from error


def _conflict(entry: SpoolEntry, position: int) -> IdentityConflictError:
    return IdentityConflictError(author="station", identity=entry.identity, index=position)


_LACKING = (  # a record one of whose images the plant does not have
    "EXISTS (SELECT 1 FROM record_blobs JOIN refused_blobs USING (sha256)"
    " WHERE record_blobs.position = records.position)"
)
_COLUMNS = "position, identity, jws, disclosures, trigger, verdict, reason, state, log_index, error_code"


def _record(row: tuple[object, ...], blobs: tuple[str, ...] = ()) -> SpooledRecord:
    position, identity, jws, disclosures, trigger, verdict, reason, state, log_index, error_code = row
    return SpooledRecord(
        position=int(str(position)),
        identity=str(identity),
        jws=bytes(jws) if isinstance(jws, bytes) else b"",
        disclosures=json.loads(str(disclosures)),
        blobs=blobs,
        trigger=trigger if isinstance(trigger, int) else None,
        verdict=None if verdict is None else Verdict(str(verdict)),
        reason=None if reason is None else str(reason),
        state=str(state),
        log_index=log_index if isinstance(log_index, int) else None,
        error_code=None if error_code is None else str(error_code),
    )
