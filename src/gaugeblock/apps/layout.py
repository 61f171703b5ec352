"""Where an installation keeps its files: one place that knows the names below the data directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.settings import PlantSettings, parse_settings, secret_reference
from gaugeblock.stores.database import Family


class SettingsFileError(GaugeblockError):
    """``plant.toml`` cannot be read. Facts: ``file``, ``detail``."""

    code = "apps.settings_file"


class SecretMissingError(GaugeblockError):
    """What a secret reference names is not there. Facts: ``reference``."""

    code = "apps.secret_missing"


@dataclass(frozen=True)
class Installation:
    """A checked ``plant.toml`` and the paths that follow from it."""

    file: Path
    settings: PlantSettings

    @property
    def data(self) -> Path:
        """The data directory, relative to ``plant.toml``."""
        return (self.file.parent / self.settings.storage.data).resolve()

    @property
    def blobs(self) -> Path:
        """Images and heat-maps by SHA-256."""
        return self.data / "blobs"

    @property
    def modules(self) -> Path:
        """Inspection modules by SHA-256: ``<sha256>.gbm``."""
        return self.data / "modules"

    @property
    def feature_cache(self) -> Path:
        """Features of training images; may be deleted when no training runs."""
        return self.data / "cache" / "features"

    @property
    def keys(self) -> Path:
        """Private keys of this machine, owner-only."""
        return self.data / "keys"

    @property
    def run(self) -> Path:
        """What living processes say of themselves; may be deleted when nothing runs."""
        return self.data / "run"

    @property
    def logs(self) -> Path:
        """Standard error of the supervised processes."""
        return self.data / "logs"

    @property
    def supervision(self) -> Path:
        """The supervisor's status file."""
        return self.run / "supervision.json"

    @property
    def log_key(self) -> Path:
        """The log's public key as text: what a stranger needs to verify evidence."""
        return self.data / "log.key"

    @property
    def exchange_data(self) -> Path:
        """The exchange's own directory: its keys, and its state where that is in SQLite."""
        return self.data / "exchange"

    @property
    def exchange_keys(self) -> Path:
        """Private keys of the exchange, owner-only; no other process reads them."""
        return self.exchange_data / "keys"

    def station_data(self, station: str) -> Path:
        """A station's own directory: spool, key, status."""
        return self.data / "stations" / station

    def assignment(self, station: str) -> Path:
        """Which module the plant assigns to a station."""
        return self.station_data(station) / "assignment.json"

    def path(self, written: str) -> Path:
        """A path as written in ``plant.toml``, relative to that file."""
        return (self.file.parent / written).resolve()

    def database_url(self, family: Family) -> str:
        """The SQLAlchemy URL of one family of tables: a file each in SQLite, one database in PostgreSQL.

        Raises
        ------
        SecretMissingError
            The reference in ``storage.database`` names nothing.
        """
        written = self.settings.storage.database
        if written == "sqlite" and family == "exchange":
            return f"sqlite:///{self.exchange_data / 'state.sqlite'}"
        if written == "sqlite":
            return f"sqlite:///{self.data / f'{family}.sqlite'}"
        return read_secret(written, self.file.parent)

    @property
    def url(self) -> str:
        """Where the plant process listens."""
        server = self.settings.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        return f"http://{host}:{server.port}"


def read_secret(reference: str, base: Path) -> str:
    """The value a reference (``env:NAME``, ``file:PATH``) names; the value never enters a message.

    Raises
    ------
    SecretMissingError
    """
    source, name = secret_reference(reference)
    if source == "env":
        value = os.environ.get(name)
    else:
        path = base / name
        value = path.read_text("utf-8").strip() if path.is_file() else None
    if not value:
        raise SecretMissingError(reference=reference)
    return value


def load_installation(file: Path) -> Installation:
    """Read and check ``plant.toml``.

    Raises
    ------
    SettingsFileError
        The file is missing or not readable UTF-8.
    GaugeblockError
        Whatever :func:`~gaugeblock.plant.settings.parse_settings` refuses.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsFileError(file=str(file), detail=detail) from error
    return Installation(file.resolve(), parse_settings(text, str(file)))
