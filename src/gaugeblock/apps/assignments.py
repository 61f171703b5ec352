"""The assignment files of the stations, written from the log: its decisions and challenge sets are the truth."""

from __future__ import annotations

from gaugeblock.apps.layout import Installation
from gaugeblock.inspection.modules_queries import ProjectedModules
from gaugeblock.inspection.modules_read_model import ServiceEntry
from gaugeblock.plant.assignment import Assignment, write_assignment
from gaugeblock.plant.settings import PlantSettings, Station
from gaugeblock.stores.files import make_directory, write_whole
from gaugeblock.stores.module_files import ModuleFiles

RIGHTS = 0o600


class AssignmentFiles:
    """Writes ``data/stations/<id>/assignment.json``, whole, and only where it would change.

    Parameters
    ----------
    installation
        Settings and paths.
    modules
        For the challenge set in force.
    files
        Where module files lie.
    """

    def __init__(self, installation: Installation, modules: ProjectedModules, files: ModuleFiles) -> None:
        self._installation, self._modules, self._files = installation, modules, files

    def assign(self, entry: ServiceEntry) -> None:
        """The station judges with this module from now on. A station that ``plant.toml`` lacks is passed over.

        Raises
        ------
        StoreFullError, StoreUnavailableError
        """
        settings = self._installation.settings
        station = settings.station(entry.station)
        if station is None:
            return
        data = write_assignment(self._assignment(settings, station, entry))
        path = self._installation.assignment(station.id)
        make_directory(path.parent, 0o700)
        if not path.is_file() or path.read_bytes() != data:
            write_whole(path, data, RIGHTS)

    def renew(self, station: str) -> None:
        """Write a station's assignment anew, after something else than its module has changed."""
        found = self._modules.station(station)
        if found is not None and found.in_service is not None:
            self.assign(found.in_service)

    def _assignment(self, settings: PlantSettings, station: Station, entry: ServiceEntry) -> Assignment:
        line = next((line for line in settings.lines if line.id == station.line), None)
        site = next((site for site in settings.sites if line is not None and site.id == line.site), None)
        return Assignment(
            module=str(self._files.path(entry.module_sha256)),
            module_sha256=entry.module_sha256,
            release_index=None if entry.action == "introduced" else entry.index,
            product=station.product,
            challenge_set=self._modules.challenge_set(station.id, station.product),
            require_challenge=station.require_challenge,
            shifts=tuple(line.shifts) if line is not None else (),
            timezone=site.timezone if site is not None else "Asia/Shanghai",
            mm_per_pixel=station.mm_per_pixel,
        )
