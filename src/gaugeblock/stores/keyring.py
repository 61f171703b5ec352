"""Private keys as files that only their owner can read: PKCS#8 PEM, mode 0600, in a directory of mode 0700.

A key file's name is its entity's: ``station:L1-ST10`` is kept in ``station@L1-ST10.pem``. A key that is replaced
is not deleted but set aside under its thumbprint, so that what it signed can still be explained.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.errors import (
    EntityNameError,
    KeyFileDamagedError,
    KeyFileExistsError,
    KeyFileMissingError,
    KeyFileOpenError,
)
from gaugeblock.stores.files import make_directory, named_os_error, sync_directory, write_whole

_ENTITY = re.compile(r"[a-z][a-z0-9-]{0,31}:[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_FILE_LIMIT_BYTES = 16_384


class Keyring:
    """The key files of one process.

    Parameters
    ----------
    directory
        Created with mode 0700 when missing.

    Raises
    ------
    KeyFileOpenError
        Group or others may read the directory or a file: the key must be taken as known to them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keyring = Keyring(Path(folder) / "keys")
    ...     key = keyring.create("station:L1-ST10")
    ...     keyring.load("station:L1-ST10").public.thumbprint == key.public.thumbprint, keyring.list()
    (True, ['station:L1-ST10'])
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        make_directory(directory, 0o700)
        _refuse_open(directory)

    def path(self, entity: str) -> Path:
        """Where the entity's key is, or would be.

        Raises
        ------
        EntityNameError
        """
        if not _ENTITY.match(entity):
            raise EntityNameError(entity=entity[:80])
        return self._directory / f"{entity.replace(':', '@')}.pem"

    def create(self, entity: str) -> SigningKey:
        """A new key for the entity, durable before it is returned.

        Raises
        ------
        EntityNameError, KeyFileExistsError
        """
        key = SigningKey.generate()
        self.keep(entity, key)
        return key

    def keep(self, entity: str, key: SigningKey) -> None:
        """Write a key that was made elsewhere; never overwrites.

        Raises
        ------
        EntityNameError, KeyFileExistsError
        """
        path = self.path(entity)
        try:
            write_whole(path, key.to_pem(), 0o600, replace=False)
        except FileExistsError:
            raise KeyFileExistsError(entity=entity, path=str(path)) from None

    def load(self, entity: str) -> SigningKey:
        """The entity's key.

        Raises
        ------
        KeyFileMissingError, KeyFileOpenError, KeyFileDamagedError
        """
        path = self.path(entity)
        _refuse_open(self._directory)
        if not path.is_file():
            raise KeyFileMissingError(entity=entity, path=str(path))
        _refuse_open(path)
        try:
            with path.open("rb") as file:
                pem = file.read(_FILE_LIMIT_BYTES)
        except OSError as error:
            raise named_os_error(error, path) from error
        try:
            return SigningKey.from_pem(pem)
        except (GaugeblockError, ValueError, TypeError) as error:
            raise KeyFileDamagedError(path=str(path)) from error

    def load_or_create(self, entity: str) -> SigningKey:
        """The entity's key, made now when there is none; safe when two processes start at once."""
        try:
            return self.create(entity)
        except KeyFileExistsError:
            return self.load(entity)

    def replace(self, entity: str, key: SigningKey) -> None:
        """After a rotation: ``key`` takes the entity's place, the old one is set aside by its thumbprint.

        Raises
        ------
        KeyFileMissingError
        """
        old = self.load(entity)
        aside = self.path(entity).with_suffix(f".{old.public.thumbprint}.retired")
        write_whole(aside, old.to_pem(), 0o600)
        write_whole(self.path(entity), key.to_pem(), 0o600)

    def retire(self, entity: str) -> None:
        """After a revocation: the entity has no key any more; the old one is set aside by its thumbprint."""
        old = self.load(entity)
        self.path(entity).replace(self.path(entity).with_suffix(f".{old.public.thumbprint}.retired"))
        sync_directory(self._directory)

    def list(self) -> list[str]:
        """The entities that have a key, in order."""
        names = (path.name.removesuffix(".pem").replace("@", ":", 1) for path in self._directory.glob("*.pem"))
        return sorted(name for name in names if _ENTITY.match(name))


def _refuse_open(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileOpenError(path=str(path), mode=f"{mode:04o}")
