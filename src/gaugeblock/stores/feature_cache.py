"""Features of images on disk, so that an interrupted training goes on where it stopped, with the same bytes.

``root/<aa>/<key>.features``: the key is a SHA-256 over everything the features depend on, network and image. Each file
is written whole, begins with the SHA-256 of what follows, and is taken for missing when that does not fit: what is
damaged is computed again. When the limit would be passed, the files longest unused go first.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

from gaugeblock.stores.blobs import digest_of
from gaugeblock.stores.files import TEMPORARY_PREFIX, make_directory, named_os_error, write_whole

CACHE_BYTES_MAX = 8 * 2**30
FILE_BYTES_MAX = 256 * 2**20
DROP_TO_SHARE = 0.8
SUFFIX = ".features"
_DIGEST_BYTES = 32


class FileFeatureCache:
    """Bytes by key; what was put may be forgotten at any time. One writer at a time.

    Parameters
    ----------
    root
        The directory; created when missing.
    bytes_max
        Of all files together.

    Raises
    ------
    StoreFullError, StoreUnavailableError
        On ``put``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = FileFeatureCache(Path(folder))
    ...     cache.put("a" * 64, b"features")
    ...     cache.get("a" * 64), cache.get("b" * 64)
    (b'features', None)
    """

    def __init__(self, root: Path, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._root = root
        self._bytes_max = bytes_max
        make_directory(root)
        self._bytes = self._sweep()
        self._shrink(0)

    def get(self, key: str, /) -> bytes | None:
        """What was put under this key, unless it is gone or damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise named_os_error(error, path) from error
        body = data[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != data[:_DIGEST_BYTES]:
            return None
        with suppress(OSError):
            path.touch()
        return body

    def put(self, key: str, data: bytes, /) -> None:
        """Keep ``data`` durably. What is larger than a file, or the whole cache, may be is not kept."""
        size = len(data) + _DIGEST_BYTES
        if size > min(FILE_BYTES_MAX, self._bytes_max):
            return
        if self._bytes + size > self._bytes_max:
            self._shrink(size)
        path = self._path(key)
        make_directory(path.parent)
        before = path.stat().st_size if path.is_file() else 0
        write_whole(path, hashlib.sha256(data).digest() + data)
        self._bytes += size - before

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._root, ignore_errors=True)
        self._bytes = 0

    def _path(self, key: str) -> Path:
        name = digest_of(key)
        return self._root / name[:2] / f"{name}{SUFFIX}"

    def _sweep(self) -> int:
        # What a killed training left half written can go.
        for left_over in self._root.glob(f"*/{TEMPORARY_PREFIX}*"):
            left_over.unlink(missing_ok=True)
        return sum(path.stat().st_size for path in self._root.glob(f"*/*{SUFFIX}"))

    def _shrink(self, coming: int) -> None:
        if self._bytes + coming <= self._bytes_max:
            return
        files = sorted((path.stat().st_mtime, path, path.stat().st_size) for path in self._root.glob(f"*/*{SUFFIX}"))
        wanted = DROP_TO_SHARE * self._bytes_max - coming
        for _, path, size in files:
            if self._bytes <= max(0.0, wanted):
                return
            path.unlink(missing_ok=True)
            self._bytes -= size
