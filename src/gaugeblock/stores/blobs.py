"""Blobs by SHA-256: images, heat-maps, modules. What a record names by digest is found here by that digest.

A blob's name is its content, so a blob is never overwritten, only written, verified or deleted.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.stores.errors import (
    BlobCorruptError,
    BlobDigestError,
    BlobMissingError,
    BlobTooLargeError,
)
from gaugeblock.stores.files import TEMPORARY_PREFIX, make_directory, named_os_error, sync_directory, write_whole

BLOB_LIMIT_BYTES = IMAGE_BYTES_MAX
TEMPORARY_KEPT_S = 3600
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class BlobUsage:
    """How many blobs there are and how many bytes they hold."""

    count: int
    size_bytes: int


class Blobs(Protocol):
    """What the file store and its in-memory twin both do."""

    def put(self, data: bytes) -> str:
        """Keep ``data``; its SHA-256 in hex."""
        ...

    def get(self, sha256: str) -> bytes:
        """The bytes, verified."""
        ...

    def has(self, sha256: str) -> bool:
        """Whether the blob is here."""
        ...

    def delete(self, sha256: str) -> bool:
        """Remove it; whether it was here."""
        ...

    def digests(self) -> Iterator[str]:
        """All digests in ascending order."""
        ...

    def usage(self) -> BlobUsage:
        """Count and bytes."""
        ...


def digest_of(text: str) -> str:
    """``text`` if it is a SHA-256 in lower-case hex: nothing else ever becomes a path.

    Raises
    ------
    BlobDigestError
    """
    if not _SHA256.match(text):
        raise BlobDigestError(value=text[:80])
    return text


class BlobStore:
    """Blobs as files, ``root/ab/abcd…``, each written whole or not at all.

    Parameters
    ----------
    root
        The directory; created when missing.
    limit_bytes
        The largest blob taken.

    Raises
    ------
    BlobTooLargeError, StoreFullError, StoreUnavailableError
        On ``put``.
    BlobMissingError, BlobCorruptError, BlobDigestError
        On ``get``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     blobs = BlobStore(Path(folder))
    ...     blobs.get(blobs.put(b"frame"))
    b'frame'
    """

    def __init__(self, root: Path, limit_bytes: int = BLOB_LIMIT_BYTES) -> None:
        self._root = root
        self._limit_bytes = limit_bytes
        make_directory(root)
        self._sweep()

    def _sweep(self) -> None:
        # What a killed writer left. Another process may be writing now, so only old ones go.
        oldest = time.time() - TEMPORARY_KEPT_S
        for left_over in self._root.glob(f"*/{TEMPORARY_PREFIX}*"):
            with suppress(FileNotFoundError):
                if left_over.stat().st_mtime < oldest:
                    left_over.unlink()

    def path(self, sha256: str) -> Path:
        """Where the blob is, or would be; for handing large files on without reading them."""
        digest = digest_of(sha256)
        return self._root / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Keep ``data`` durably; its SHA-256 in hex. A second put of the same bytes repairs a damaged file."""
        if len(data) > self._limit_bytes:
            raise BlobTooLargeError(size_bytes=len(data), limit_bytes=self._limit_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if self._holds(path, data):
            return sha256
        make_directory(path.parent)
        write_whole(path, data)
        return sha256

    def _holds(self, path: Path, data: bytes) -> bool:
        try:
            return path.stat().st_size == len(data) and path.read_bytes() == data
        except OSError:
            return False

    def get(self, sha256: str) -> bytes:
        """The bytes, verified against the digest at every read."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BlobMissingError(sha256=sha256) from None
        except OSError as error:
            raise named_os_error(error, path) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobCorruptError(sha256=sha256)
        return data

    def has(self, sha256: str) -> bool:
        """Whether the blob is here (unverified)."""
        return self.path(sha256).is_file()

    def delete(self, sha256: str) -> bool:
        """Remove it; whether it was here."""
        path = self.path(sha256)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise named_os_error(error, path) from error
        sync_directory(path.parent)
        return True

    def digests(self) -> Iterator[str]:
        """All digests in ascending order."""
        for folder in sorted(self._root.iterdir()):
            if folder.is_dir():
                for path in sorted(folder.iterdir()):
                    if _SHA256.match(path.name):
                        yield path.name

    def usage(self) -> BlobUsage:
        """Count and bytes."""
        sizes = [self.path(sha256).stat().st_size for sha256 in self.digests()]
        return BlobUsage(count=len(sizes), size_bytes=sum(sizes))
