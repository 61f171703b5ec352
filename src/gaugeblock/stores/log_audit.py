"""The full scan of a log: every record, disclosure, tile and checkpoint against each other and their signatures.

It replays the log from its first record: each record must be admitted by the keys bound before it, its hash must
stand in its tile, every tile must be what the leaves give, every checkpoint must have signed the root at its size.
The first part that fails is named. What an audit cannot see without a witness or an older checkpoint from
elsewhere is a log that its owner rewrote whole, or cut back to an earlier checkpoint.

The plant may go on writing meanwhile. The audit is of the log as large as it was at the start; what has grown
since is held only to its size, so no transaction stays open while the records are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import func, select, text

from gaugeblock.ledger.admission import Admitted, admit
from gaugeblock.ledger.checkpoint import Checkpoint, open_checkpoint
from gaugeblock.ledger.errors import DisclosureError, MissingDisclosureError, MissingFacetError
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.merkle import HASH_BYTES
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.record import check_signature, parse
from gaugeblock.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, GrowingTiles, Tile
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import FacetShapeError
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import LogDamagedError, LogShortenedError, StoreDamagedError, StoreUnavailableError
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.log_records import StoredRecord, row_checksum
from gaugeblock.stores.log_tables import log_disclosures, log_key_records, log_records, log_tiles

AuditProgress = Callable[[int, int], None]
"""Called with (records checked, records)."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was checked and found whole."""

    records: int
    disclosures: int
    tiles: int
    checkpoints: int
    key_records: int


class _Audit:
    def __init__(self, database: Database, reader: LogReader, key: NoteKey) -> None:
        self._database = database
        self._reader = reader
        self._key = key
        self._directory = KeyDirectory()
        self._grown = GrowingTiles()
        self._key_indices: list[int] = []
        self._tiles_seen: set[tuple[int, int]] = set()
        self.disclosures = 0
        self.tiles = 0

    def run(self, progress: AuditProgress | None) -> AuditReport:
        self._check_database()
        # In this order: records are durable before the checkpoint that covers them, never after.
        checkpoints = self._open_checkpoints()
        size = self._reader.size
        if not checkpoints:
            raise LogDamagedError(part="checkpoint", position="", detail="there is none")
        if checkpoints[-1].size > size:
            raise LogShortenedError(size=size, checkpoint_size=checkpoints[-1].size)
        due = iter(checkpoints)
        checkpoint = next(due, None)
        changed: list[tuple[Tile, bytes]] = []
        for start in range(0, size, TILE_WIDTH):
            stop = min(start + TILE_WIDTH, size)
            leaves = self._check_records(start, stop)
            at = start
            while checkpoint is not None and checkpoint.size <= stop:
                changed += self._grown.append(leaves[at - start : checkpoint.size - start])
                at = checkpoint.size
                self._check_root(checkpoint)
                checkpoint = next(due, None)
            changed += self._grown.append(leaves[at - start :])
            self._check_tiles(changed)
            changed = []
            if progress is not None:
                progress(stop, size)
        self._check_counts(size)
        return AuditReport(size, self.disclosures, self.tiles, len(checkpoints), len(self._key_indices))

    def _check_database(self) -> None:
        if not self._database.is_sqlite:
            return
        try:
            with self._database.reading() as connection:
                answer = str(connection.execute(text("PRAGMA integrity_check(1)")).scalar())
        except (StoreDamagedError, StoreUnavailableError) as error:
            raise LogDamagedError(part="database", position="", detail=str(error)[:160]) from error
        if answer != "ok":
            raise LogDamagedError(part="database", position="", detail=answer[:160])

    def _open_checkpoints(self) -> list[Checkpoint]:
        opened: list[Checkpoint] = []
        for size, note in self._reader.checkpoints():
            try:
                checkpoint = open_checkpoint(note, self._key)
            except GaugeblockError as error:
                raise LogDamagedError(part="checkpoint", position=size, detail=str(error)[:160]) from error
            if checkpoint.size != size:
                raise LogDamagedError(part="checkpoint", position=size, detail=f"it is of size {checkpoint.size}")
            opened.append(checkpoint)
        assert all(a.size < b.size for a, b in pairwise(opened))  # the table's primary key, read in order
        return opened

    def _check_records(self, start: int, stop: int) -> list[bytes]:
        hashes = self._reader._tile_row(0, start // TILE_WIDTH) or b""
        rows = self._extra_columns(start, stop)
        leaves: list[bytes] = []
        expected = start
        for stored in self._reader.records(start, stop):
            if stored.index != expected:
                break
            at = (expected - start) * HASH_BYTES
            self._check_record(stored, hashes[at : at + HASH_BYTES], *rows[expected])
            leaves.append(stored.leaf_hash)
            expected += 1
        if expected != stop:
            raise LogDamagedError(part="record", position=expected, detail="missing")
        return leaves

    def _extra_columns(self, start: int, stop: int) -> dict[int, tuple[str, str, bytes]]:
        columns = (log_records.c.idx, log_records.c.author, log_records.c.identity, log_records.c.checksum)
        query = select(*columns).where(log_records.c.idx >= start, log_records.c.idx < stop)
        with self._database.reading() as connection:
            return {row[0]: (row[1], row[2], bytes(row[3])) for row in connection.execute(query)}

    def _check_record(self, stored: StoredRecord, in_tile: bytes, author: str, identity: str, checksum: bytes) -> None:
        index = stored.index
        if stored.leaf_hash != in_tile:
            # One of the two was altered; the author's signature says which.
            if self._is_signed(stored):
                raise LogDamagedError(
                    part="tile", position=f"0/{index // TILE_WIDTH}", detail=f"hash {index % TILE_WIDTH}"
                )
            raise LogDamagedError(part="record", position=index, detail="its hash is not in its tile")
        try:
            admitted = admit(stored.jws, stored.disclosures, self._directory, self._key.name)
            self._directory.apply(index, admitted.payload, admitted.facets)
        except (DisclosureError, MissingDisclosureError, MissingFacetError, FacetShapeError) as error:
            raise LogDamagedError(part="disclosure", position=index, detail=str(error)[:160]) from error
        except GaugeblockError as error:
            raise LogDamagedError(part="record", position=index, detail=str(error)[:160]) from error
        self._check_row(stored, admitted, author, identity, checksum)
        self.disclosures += len(stored.disclosures)

    def _check_row(self, stored: StoredRecord, admitted: Admitted, author: str, identity: str, checksum: bytes) -> None:
        payload = admitted.payload
        if (author, identity) != (payload.author, payload.identity):
            raise LogDamagedError(part="record", position=stored.index, detail="its identity columns differ from it")
        if checksum != row_checksum(stored.index, stored.leaf_hash, stored.received_at):
            raise LogDamagedError(part="record", position=stored.index, detail="its time of receipt was altered")
        if payload.record_type.startswith("key."):
            self._key_indices.append(stored.index)

    def _is_signed(self, stored: StoredRecord) -> bool:
        try:
            payload = parse(stored.jws)
            if stored.index == 0:
                admit(stored.jws, stored.disclosures, self._directory, self._key.name)
            else:
                check_signature(stored.jws, payload.kid, self._directory.author_key(payload).key)
        except GaugeblockError:
            return False
        return True

    def _check_root(self, checkpoint: Checkpoint) -> None:
        if self._grown.root() != checkpoint.root:
            raise LogDamagedError(part="checkpoint", position=checkpoint.size, detail="it signed another root")

    def _check_tiles(self, changed: list[tuple[Tile, bytes]]) -> None:
        for tile, hashes in changed:
            row = self._reader._tile_row(tile.level, tile.index) or b""
            if row[: len(hashes)] != hashes:
                raise LogDamagedError(part="tile", position=f"{tile.level}/{tile.index}", detail="altered")
            self._tiles_seen.add((tile.level, tile.index))

    def _check_counts(self, size: int) -> None:
        with self._database.reading() as connection:
            ends = connection.execute(select(func.min(log_records.c.idx), func.max(log_records.c.idx))).one()
            now = (
                0 if ends[1] is None else int(ends[1]) + 1
            )  # the size in this transaction, at least the one that was audited
            for level, number, length in connection.execute(
                select(log_tiles.c.level, log_tiles.c.number, func.length(log_tiles.c.hashes))
            ):
                width = _tile_width(level, number, now)
                if width == 0 or length != HASH_BYTES * width:
                    raise LogDamagedError(part="tile", position=f"{level}/{number}", detail="it is of no leaf")
                self.tiles += (level, number) in self._tiles_seen
            keys = set(connection.execute(select(log_key_records.c.idx)).scalars())
            spare = connection.execute(
                select(log_disclosures.c.idx).where((log_disclosures.c.idx < 0) | (log_disclosures.c.idx >= now))
            ).scalar()
        # Those of records that came meanwhile are for the next audit.
        if differing := {key for key in keys if not size <= key < now} ^ set(self._key_indices):
            raise LogDamagedError(part="key_index", position=min(differing), detail="not the key records of the log")
        if now < size:
            raise LogDamagedError(part="record", position=now, detail="missing")
        if ends[0] is not None and ends[0] < 0:
            raise LogDamagedError(part="record", position=ends[0], detail="before the first")
        if spare is not None:
            raise LogDamagedError(part="disclosure", position=spare, detail="it is of no record")


def _tile_width(level: int, number: int, size: int) -> int:
    """How many hashes a tile's row has in a log of ``size`` records; none where there is no such tile.

    >>> [_tile_width(0, number, 300) for number in range(3)], _tile_width(1, 0, 300)
    ([256, 44, 0], 1)
    """
    if level < 0 or number < 0:
        return 0
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - TILE_WIDTH * number))


def audit(database: Database, reader: LogReader, key: NoteKey, progress: AuditProgress | None = None) -> AuditReport:
    """Check everything that is stored of a log.

    Parameters
    ----------
    database, reader
        The log's.
    key
        The log's public key under its origin.
    progress
        Told after each 256 records.

    Raises
    ------
    LogDamagedError
        With part and position of the first damage found.
    LogShortenedError
        A checkpoint was signed for more records than there are.
    """
    try:
        return _Audit(database, reader, key).run(progress)
    except StoreDamagedError as error:
        raise LogDamagedError(part="database", position="", detail=str(error)[:160]) from error
