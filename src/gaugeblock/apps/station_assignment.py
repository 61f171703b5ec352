"""The file by which the plant tells a station what it works by: first from ``plant.toml``, then from decisions."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from gaugeblock.apps.layout import Installation
from gaugeblock.plant.assignment import (
    DEFAULT_TIMEZONE,
    Assignment,
    check_challenge_set,
    read_assignment,
    write_assignment,
)
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.settings import Station
from gaugeblock.stores.errors import StoreUnavailableError
from gaugeblock.stores.files import make_directory, write_whole


class StationUnknownError(GaugeblockError):
    """``plant.toml`` has no station of that id. Facts: ``station``."""

    code = "apps.station_unknown"


class StationModuleMissingError(GaugeblockError):
    """A station cannot start without its module. Facts: ``station``, ``file``."""

    code = "apps.module_missing_at_start"


def read_assigned(installation: Installation, station: str) -> Assignment | None:
    """The present assignment, ``None`` where there never was one.

    Raises
    ------
    AssignmentError, ChallengeSetError, StoreUnavailableError
    """
    file = installation.assignment(station)
    try:
        return read_assignment(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailableError(store=str(file), detail=error.strerror or str(error)) from error


def refresh(installation: Installation, station: Station) -> Assignment:
    """Write what ``plant.toml`` says now into the assignment, and give it; decisions that are in it stay.

    The module of ``plant.toml`` holds until a person has released one. Written only where it changes.

    Raises
    ------
    StationModuleMissingError
    """
    present = read_assigned(installation, station.id)
    if present is not None and present.release_index is not None:
        module, sha256 = Path(present.module), present.module_sha256
        if not module.is_file():
            raise StationModuleMissingError(station=station.id, file=str(module))
    else:
        module = require_module(installation, station)
        sha256 = hashlib.sha256(module.read_bytes()).hexdigest()
    line = next((line for line in installation.settings.lines if line.id == station.line), None)
    site = next((s for s in installation.settings.sites if line is not None and s.id == line.site), None)
    wanted = Assignment(
        module=str(module),
        module_sha256=sha256,
        release_index=present.release_index if present else None,
        product=station.product,
        challenge_set=present.challenge_set if present else None,
        require_challenge=station.require_challenge,
        shifts=tuple(line.shifts) if line else (),
        timezone=site.timezone if site else DEFAULT_TIMEZONE,
        mm_per_pixel=station.mm_per_pixel,
    )
    if wanted != present:
        _write(installation, station.id, wanted)
    return wanted


def assign(installation: Installation, station_id: str, **changes: Any) -> Assignment:
    """Change the named fields of a station's assignment; the station follows within a second or two.

    Parameters
    ----------
    changes
        Fields of :class:`Assignment`: ``module``, ``module_sha256``, ``release_index``, ``challenge_set``, …

    Raises
    ------
    StationUnknownError, ChallengeSetError, StationModuleMissingError
    """
    station = installation.settings.station(station_id)
    if station is None:
        raise StationUnknownError(station=station_id)
    present = read_assigned(installation, station_id) or refresh(installation, station)
    wanted = msgspec.structs.replace(present, **changes)
    if wanted.challenge_set is not None:
        check_challenge_set(wanted.challenge_set)
    _write(installation, station_id, wanted)
    return wanted


def require_module(installation: Installation, station: Station) -> Path:
    """The module file that ``plant.toml`` names for the station.

    Raises
    ------
    StationModuleMissingError
    """
    module = installation.path(station.module)
    if not module.is_file():
        raise StationModuleMissingError(station=station.id, file=str(module))
    return module


def _write(installation: Installation, station: str, assignment: Assignment) -> None:
    file = installation.assignment(station)
    make_directory(file.parent, 0o700)
    data = write_assignment(assignment)
    read_assignment(data)  # what is written can be followed
    write_whole(file, data, 0o600)
