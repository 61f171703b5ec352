"""A file that is there whole or not at all: temporary name, fsync, rename, fsync of the directory."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from gaugeblock.stores.errors import StoreFullError, StoreUnavailableError

TEMPORARY_PREFIX = ".writing-"


def write_whole(path: Path, data: bytes, mode: int = 0o644, *, replace: bool = True) -> None:
    """Write ``data`` under ``path``; after a crash the old content or the new is there, never a part.

    Parameters
    ----------
    path
        In an existing directory.
    data
        The whole content.
    mode
        Rights of the file from its first byte on, whatever the umask.
    replace
        With ``False`` an existing file is left and ``FileExistsError`` raised, also when two write at once.

    Raises
    ------
    StoreFullError, StoreUnavailableError, FileExistsError

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a", b"1")
    ...     (Path(folder) / "a").read_bytes()
    b'1'
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
            temporary.unlink()
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise
        raise named_os_error(error, path) from error


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def make_directory(path: Path, mode: int = 0o755) -> None:
    """Create the directory and its parents durably."""
    if path.is_dir():
        return
    make_directory(path.parent, 0o755)
    try:
        path.mkdir(mode=mode, exist_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise named_os_error(error, path) from error


def sync_directory(path: Path) -> None:
    """Make a rename in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def named_os_error(error: OSError, path: Path) -> StoreFullError | StoreUnavailableError:
    """The stores' error for the system's."""
    detail = f"{path.name}: {error.strerror or error}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StoreFullError(store=str(path.parent), detail=detail)
    return StoreUnavailableError(store=str(path.parent), detail=detail)
