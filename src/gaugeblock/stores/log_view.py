"""What can be read from a log, over the few reads that a kind of store must give.

Everything that proofs need comes from tiles; every tile that was ever full stays as it is, and the growing edge is
stored as one row a level from which any smaller width is cut.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator

from gaugeblock.ledger.checkpoint import Checkpoint
from gaugeblock.ledger.evidence import make_evidence
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.merkle import HASH_BYTES, consistency_proof, inclusion_proof, root
from gaugeblock.ledger.note import read_note
from gaugeblock.ledger.record import SignedRecord, parse
from gaugeblock.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, TileReader, encode_bundle
from gaugeblock.stores.errors import (
    CheckpointPendingError,
    LogDamagedError,
    RecordMissingError,
    TileMissingError,
)
from gaugeblock.stores.log_records import StoredRecord

KEY_RECORDS_KEPT = 256


class LogView(ABC):
    """The reading side of a log, the same for SQL and memory."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._tiles_lock = threading.Lock()
        self._tiles: tuple[int, TileReader] | None = None
        self._key_chain: dict[int, SignedRecord] = {}

    @property
    @abstractmethod
    def size(self) -> int:
        """How many records are durable."""

    @abstractmethod
    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records ``start`` up to, not including, ``stop``, as far as there are."""

    @abstractmethod
    def find(self, author: str, identity: str) -> int | None:
        """The index of the record with this identity."""

    @abstractmethod
    def checkpoint(self) -> bytes:
        """The latest signed checkpoint."""

    def witnessed_checkpoint(self) -> bytes | None:
        """The latest checkpoint that a witness cosigned, with all its lines; ``None`` where there is none."""
        return None

    @abstractmethod
    def key_records(self) -> list[StoredRecord]:
        """All ``key.*`` records in order, from the genesis record on."""

    @property
    @abstractmethod
    def directory(self) -> KeyDirectory:
        """Who may sign, as the log's key records leave it. Not to be changed."""

    @abstractmethod
    def _tile_row(self, level: int, number: int) -> bytes | None:
        """The stored hashes of a tile."""

    def record(self, index: int) -> StoredRecord:
        """The record at ``index``.

        Raises
        ------
        RecordMissingError
        """
        if index >= 0:
            for stored in self.records(index, index + 1):
                return stored
        raise RecordMissingError(index=index, size=self.size)

    def tile(self, path: str) -> bytes:
        """A tile or entry bundle by its C2SP path, full or partial.

        Raises
        ------
        TileFormError
            Not a path of a tile.
        TileMissingError
            The log is not that large.
        """
        tile = Tile.from_path(path)
        if tile.level == ENTRIES:
            start = tile.index * TILE_WIDTH
            entries = [stored.jws for stored in self.records(start, start + tile.width)]
            if len(entries) != tile.width:
                raise TileMissingError(path=path)
            return encode_bundle(entries)
        row = self._tile_row(tile.level, tile.index)
        if row is None or len(row) < tile.width * HASH_BYTES:
            raise TileMissingError(path=path)
        return row[: tile.width * HASH_BYTES]

    def last_checkpoint(self) -> Checkpoint:
        """Origin, size and root of :meth:`checkpoint`; the signature was made here and is not checked again."""
        return Checkpoint.from_text(read_note(self.checkpoint()).text)

    def root_at(self, size: int) -> bytes:
        """The tree's root when it had ``size`` leaves."""
        with self._tiles_lock:
            return root(self._reader(size), size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Proof that the record at ``index`` is in the tree of ``size``."""
        with self._tiles_lock:
            return inclusion_proof(self._reader(size), index, size)

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """Proof that the tree of ``size`` continues the tree of ``old_size``."""
        with self._tiles_lock:
            return consistency_proof(self._reader(size), old_size, size)

    def evidence(self, index: int, facets: Collection[str] | None = None) -> bytes:
        """Evidence of the record as JSON: what a stranger needs to verify it with the log's public key alone.

        Parameters
        ----------
        index
            The record's.
        facets
            Which facets to disclose; all that are kept where ``None``.

        Raises
        ------
        RecordMissingError
        DisclosureError
            A facet asked for is not kept.
        CheckpointPendingError
            No signed checkpoint covers the record yet: ask again in a second.
        """
        directory = self.directory
        note = self._witnessed_for(index, directory) or self.covered_checkpoint(index)
        size = Checkpoint.from_text(read_note(note).text).size
        with self._tiles_lock:
            evidence = make_evidence(index, self._signed_record, directory, self._reader(size), size, note, facets)
        return evidence.to_bytes()

    def _witnessed_for(self, index: int, directory: KeyDirectory) -> bytes | None:
        """The witnessed checkpoint, where it covers the record and all that the log knows of its author's key."""
        note = self.witnessed_checkpoint()
        if note is None:
            return None
        size = Checkpoint.from_text(read_note(note).text).size
        if index >= size or max(directory.chain(parse(self._signed_record(index).jws).kid)) >= size:
            return None
        return note

    def _signed_record(self, index: int) -> SignedRecord:
        # Key records are in every evidence's key chain and never change.
        kept = self._key_chain.get(index)
        if kept is None:
            stored = self.record(index)
            kept = SignedRecord(stored.jws, stored.disclosures)
            if parse(stored.jws).record_type.startswith("key.") and len(self._key_chain) < KEY_RECORDS_KEPT:
                self._key_chain[index] = kept
        return kept

    def covered_checkpoint(self, index: int) -> bytes:
        """The latest checkpoint, which must cover ``index``.

        Raises
        ------
        CheckpointPendingError, RecordMissingError
        """
        note = self.checkpoint()
        size = Checkpoint.from_text(read_note(note).text).size
        if index >= size:
            self.record(index)
            raise CheckpointPendingError(index=index, checkpoint_size=size)
        return note

    def _reader(self, size: int) -> TileReader:
        # One reader is kept for the size that is asked for now: proofs under one checkpoint share its tiles.
        if self._tiles is None or self._tiles[0] != size:
            self._tiles = (size, TileReader(self._stored_tile, size))
        return self._tiles[1]

    def _stored_tile(self, tile: Tile) -> bytes:
        row = self._tile_row(tile.level, tile.index)
        if row is None or len(row) < tile.width * HASH_BYTES:
            raise LogDamagedError(part="tile", position=f"{tile.level}/{tile.index}", detail="missing or cut off")
        return row[: tile.width * HASH_BYTES]
