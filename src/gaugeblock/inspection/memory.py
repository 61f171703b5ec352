"""The in-memory twin of the inspection reader, for tests of what stands above this room."""

from __future__ import annotations

from collections.abc import Iterable

from gaugeblock.inspection.modules_read_model import ServiceEntry
from gaugeblock.inspection.read_model import PAGE_LIMIT, Overview, StationRow, VerdictFilter, VerdictRow
from gaugeblock.inspection.sums import overview
from gaugeblock.plant.record_types import Verdict


class MemoryInspections:
    """Answers like :class:`~gaugeblock.inspection.queries.ProjectedInspections`, from rows it is given."""

    def __init__(self, rows: Iterable[VerdictRow], stations: Iterable[StationRow] = (), log_size: int = 0) -> None:
        self.rows = sorted(rows, key=lambda row: row.index)
        self.stations = list(stations)
        self.log_size = log_size

    def overview(self) -> Overview:
        """See :class:`InspectionReader`."""
        rows = [row for row in self.rows if row.purpose == "production"]
        counts = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
        return overview(self.log_size, counts, rows[::-1], self.stations)

    def verdicts(self, wanted: VerdictFilter) -> list[VerdictRow]:
        """See :class:`InspectionReader`."""
        found = [
            row
            for row in reversed(self.rows)
            if (wanted.verdict is None or row.verdict is wanted.verdict)
            and (wanted.station is None or row.station == wanted.station)
            and (wanted.unit is None or row.unit == wanted.unit)
            and (wanted.purpose is None or row.purpose == wanted.purpose)
            and (wanted.before is None or row.index < wanted.before)
            and (not wanted.wrong or row.escape is True or row.overkill is True)
        ]
        return found[: max(1, min(wanted.limit, PAGE_LIMIT))]

    def verdict(self, index: int) -> VerdictRow | None:
        """See :class:`InspectionReader`."""
        return next((row for row in self.rows if row.index == index), None)

    def unit(self, unit: str) -> list[VerdictRow]:
        """See :class:`InspectionReader`."""
        return [row for row in self.rows if row.unit == unit][:PAGE_LIMIT]


class MemoryAssignments:
    """What each station was told last, by station."""

    def __init__(self) -> None:
        self.entries: dict[str, ServiceEntry] = {}

    def assign(self, entry: ServiceEntry) -> None:
        """See :class:`~gaugeblock.inspection.modules.Assignments`."""
        self.entries[entry.station] = entry
