"""In-memory twins of log and blobs, with the same checks and the same answers, for tests and try-outs."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from gaugeblock.ledger.checkpoint import Checkpoint, sign_checkpoint
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.tiles import GrowingTiles
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.blobs import BLOB_LIMIT_BYTES, BlobUsage, digest_of
from gaugeblock.stores.errors import BlobMissingError, BlobTooLargeError, LogClosedError, ModuleFileMissingError
from gaugeblock.stores.log_batch import Identity, Prepared, admit_all, plan
from gaugeblock.stores.log_genesis import genesis
from gaugeblock.stores.log_records import Receipt, StoredRecord, Submission
from gaugeblock.stores.log_view import LogView


class MemoryLog(LogView):
    """A log that ends with the process: reader and writer in one.

    Examples
    --------
    >>> from gaugeblock.stores.clock import SystemClock
    >>> log = MemoryLog("plant.example/log", SigningKey.generate(), SystemClock(), SigningKey.generate())
    >>> log.size, log.last_checkpoint().size
    (1, 1)
    """

    def __init__(self, origin: str, checkpoint_key: SigningKey, clock: Clock, server_key: SigningKey) -> None:
        super().__init__(origin)
        self.log_key = NoteKey(origin, checkpoint_key.public).vkey
        self._key = checkpoint_key
        self._clock = clock
        self._lock = threading.RLock()
        self._records: list[StoredRecord] = []
        self._identities: dict[Identity, int] = {}
        self._tile_rows: dict[tuple[int, int], bytes] = {}
        self._grown = GrowingTiles()
        self._directory = KeyDirectory()
        self._note = b""
        self._closed = False
        for outcome in self.append([genesis(origin, server_key, clock)]):
            if isinstance(outcome, GaugeblockError):
                raise outcome
        self.sign_checkpoint()

    @property
    def reader(self) -> MemoryLog:
        """Itself."""
        return self

    def close(self) -> None:
        """Take no more."""
        self._closed = True

    def append(self, batch: Sequence[Submission]) -> list[Receipt | GaugeblockError]:
        """Append what may enter; each submission's receipt or refusal, in order."""
        return self.append_prepared(self.prepare(batch))

    def prepare(self, batch: Sequence[Submission]) -> Prepared:
        """Nothing is begun: the batch is admitted when it is appended."""
        return Prepared(batch, list, 0)

    def append_prepared(self, prepared: Prepared) -> list[Receipt | GaugeblockError]:
        """Append what may enter."""
        batch = prepared.batch
        with self._lock:
            if self._closed:
                raise LogClosedError
            admissions = admit_all(batch, self._directory, self.origin)
            planned = plan(batch, admissions, self._directory, self.origin, self._find_many)
            received_at = to_rfc3339(self._clock.now())
            for tile, hashes in self._grown.append([leaf.admitted.leaf_hash for leaf in planned.leaves]):
                self._tile_rows[tile.level, tile.index] = hashes
            for leaf in planned.leaves:
                given = leaf.submission
                self._identities[leaf.admitted.author, leaf.admitted.identity] = leaf.index
                self._records.append(StoredRecord(leaf.index, given.jws, dict(given.disclosures), received_at))
            self._directory = planned.directory
            return planned.outcomes

    def sign_checkpoint(self) -> bytes:
        """Sign the log as it stands."""
        with self._lock:
            checkpoint = Checkpoint(self.origin, self._grown.size, self._grown.root())
            self._note = sign_checkpoint(checkpoint, self._key)
            return self._note

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self._records)

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records ``start`` up to, not including, ``stop``."""
        yield from islice(self._records, max(start, 0), max(stop, 0))

    def find(self, author: str, identity: str) -> int | None:
        """The index of the record with this identity."""
        return self._identities.get((author, identity))

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint."""
        return self._note

    def key_records(self) -> list[StoredRecord]:
        """All ``key.*`` records in order."""
        with self._lock:
            keys = self._directory.keys()
            bound = {key.bound_at_index for key in keys}
            ended = {key.revoked_at_index for key in keys if key.revoked_at_index is not None}
            return [self._records[index] for index in sorted(bound | ended)]

    @property
    def directory(self) -> KeyDirectory:
        """Who may sign now."""
        return self._directory

    def _tile_row(self, level: int, number: int) -> bytes | None:
        return self._tile_rows.get((level, number))

    def _find_many(self, wanted: Collection[Identity]) -> Mapping[Identity, tuple[int, bytes]]:
        found = ((identity, self._identities.get(identity)) for identity in wanted)
        return {identity: (at, self._records[at].leaf_hash) for identity, at in found if at is not None}


class MemoryBlobs:
    """Blobs that end with the process.

    >>> blobs = MemoryBlobs()
    >>> blobs.get(blobs.put(b"frame"))
    b'frame'
    """

    def __init__(self, limit_bytes: int = BLOB_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._blobs: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep ``data``; its SHA-256 in hex."""
        if len(data) > self._limit_bytes:
            raise BlobTooLargeError(size_bytes=len(data), limit_bytes=self._limit_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        self._blobs[sha256] = bytes(data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes."""
        try:
            return self._blobs[digest_of(sha256)]
        except KeyError:
            raise BlobMissingError(sha256=sha256) from None

    def has(self, sha256: str) -> bool:
        """Whether the blob is here."""
        return digest_of(sha256) in self._blobs

    def delete(self, sha256: str) -> bool:
        """Remove it; whether it was here."""
        return self._blobs.pop(digest_of(sha256), None) is not None

    def digests(self) -> Iterator[str]:
        """All digests in ascending order."""
        return iter(sorted(self._blobs))

    def usage(self) -> BlobUsage:
        """Count and bytes."""
        return BlobUsage(len(self._blobs), sum(map(len, self._blobs.values())))


class MemoryModuleFiles:
    """Modules by digest, as :class:`~gaugeblock.stores.module_files.ModuleFiles` keeps them.

    >>> modules = MemoryModuleFiles()
    >>> modules.get(modules.put(b"module"))
    b'module'
    """

    def __init__(self) -> None:
        self._modules: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """See :class:`ModuleFiles`."""
        sha256 = hashlib.sha256(data).hexdigest()
        self._modules[sha256] = data
        return sha256

    def get(self, sha256: str) -> bytes:
        """See :class:`ModuleFiles`."""
        try:
            return self._modules[digest_of(sha256)]
        except KeyError:
            raise ModuleFileMissingError(sha256=sha256, file=f"{sha256}.gbm") from None

    def has(self, sha256: str) -> bool:
        """See :class:`ModuleFiles`."""
        return sha256 in self._modules
