"""The modules that ``plant.toml`` names, taken into the plant's own keeping, so that one can always go back to them."""

from __future__ import annotations

import logging

from gaugeblock.apps.layout import Installation
from gaugeblock.stores.module_files import ModuleFiles

_logger = logging.getLogger("gaugeblock.plant")


def keep_first_modules(installation: Installation, files: ModuleFiles) -> int:
    """Copy each station's first module to ``data/modules``; how many were found.

    A module that is not there is no hindrance: the supervisor refuses the station, and says so.

    Raises
    ------
    StoreFullError, StoreUnavailableError, ModuleFileTooLargeError
    """
    kept = 0
    for station in installation.settings.stations:
        path = installation.path(station.module)
        try:
            data = path.read_bytes()
        except OSError as error:
            _logger.warning("station %s: %s: %s", station.id, path.name, error.strerror)
            continue
        files.put(data)
        kept += 1
    return kept
