"""Inspection modules as files, ``root/<sha256>.gbm``: named by their content, written whole, never overwritten."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gaugeblock.stores.blobs import digest_of
from gaugeblock.stores.errors import ModuleFileDamagedError, ModuleFileMissingError, ModuleFileTooLargeError
from gaugeblock.stores.files import make_directory, named_os_error, write_whole

MODULE_LIMIT_BYTES = 512 * 2**20
SUFFIX = ".gbm"


class ModuleFiles:
    """The plant's modules.

    Parameters
    ----------
    root
        The directory; created when missing.

    Raises
    ------
    ModuleFileTooLargeError, StoreFullError, StoreUnavailableError
        On ``put``.
    ModuleFileMissingError, ModuleFileDamagedError, BlobDigestError
        On ``get``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     modules = ModuleFiles(Path(folder))
    ...     modules.get(modules.put(b"module"))
    b'module'
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        make_directory(root)

    def path(self, sha256: str) -> Path:
        """Where the module is, or would be."""
        return self._root / f"{digest_of(sha256)}{SUFFIX}"

    def put(self, data: bytes) -> str:
        """Keep a module durably; its digest. A file that is there is left alone unless it is damaged."""
        if len(data) > MODULE_LIMIT_BYTES:
            raise ModuleFileTooLargeError(size_bytes=len(data), limit_bytes=MODULE_LIMIT_BYTES)
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        try:
            if path.is_file() and path.read_bytes() == data:
                return sha256
        except OSError as error:
            raise named_os_error(error, path) from error
        write_whole(path, data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes, verified against the digest."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise ModuleFileMissingError(sha256=sha256, file=path.name) from None
        except OSError as error:
            raise named_os_error(error, path) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ModuleFileDamagedError(sha256=sha256, file=path.name)
        return data

    def has(self, sha256: str) -> bool:
        """Whether the module is here (unverified)."""
        return self.path(sha256).is_file()
