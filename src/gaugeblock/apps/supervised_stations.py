"""How the stations fare: what the supervisor's and the stations' status files say together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gaugeblock.apps.layout import Installation
from gaugeblock.apps.station_status import StationStatus
from gaugeblock.apps.supervision import is_fresh, read_supervision
from gaugeblock.web.ports import StationCondition, StationState


class SupervisedStations:
    """What the supervisor's and the stations' status files say together."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def stations(self) -> list[StationState]:
        """One state for each configured station, running or not."""
        supervision = read_supervision(self._installation.supervision)
        alive = supervision is not None and is_fresh(supervision, datetime.now(UTC))
        processes = {p.name: p for p in supervision.processes} if supervision and alive else {}
        found = []
        for station in self._installation.settings.stations:
            process = processes.get(f"station:{station.id}")
            status = _station_status(self._installation.station_data(station.id) / "status.json")
            conditions: dict[str, StationCondition] = {
                "running": "running",
                "starting": "starting",
                "waiting": "restarting",
                "stopped": "stopped",
            }
            condition = conditions[process.state] if process else "stopped"
            if condition == "running" and (status is None or status.state == "starting"):
                condition = "starting"
            found.append(
                StationState(
                    station=station.id,
                    condition=condition,
                    since=(process.started_at if process else None) or "",
                    restarts=process.restarts if process else 0,
                    spool_backlog=status.spool_backlog if status else None,
                    fault_code=status.fault_code if status else None,
                    fault_facts=status.fault_facts if status else {},
                )
            )
        return found


def _station_status(path: Path) -> StationStatus | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=StationStatus)
    except (OSError, msgspec.MsgspecError):
        return None
