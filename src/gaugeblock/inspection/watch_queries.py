"""The watch's tables as pages and the keeper read them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, and_, select

from gaugeblock.inspection.watch import WatchRow
from gaugeblock.inspection.watch_projection import alarms, stations, watched
from gaugeblock.plant.control_facets import Chart
from gaugeblock.signals.ewma import Direction
from gaugeblock.stores.database import Database

ROWS_A_READ = 5_000
ALARMS_LISTED = 200


class AlarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm and what became of it; ``index`` is the record that raised it. Values in the unit of the chart."""

    index: int
    station: str
    chart: Chart
    direction: Direction | None
    raised_at: str | None
    ewma: float | None
    centre: float | None
    limit: float | None
    sigma: float | None
    verdict_index: int | None
    since_index: int | None
    before_sha256: str | None
    now_sha256: str | None
    cleared_at: str | None
    cleared_index: int | None
    acknowledged_at: str | None
    acknowledged_index: int | None
    acknowledged_by: str | None
    note: str | None
    new_baseline: bool | None

    @property
    def standing(self) -> bool:
        """Neither back inside nor ended by a new baseline."""
        return self.cleared_at is None and not self.new_baseline


class WatchedStation(msgspec.Struct, frozen=True):
    """``baseline_from``: the record at which a person began new baselines last; ``alarm_verdict``: the newest verdict
    that an alarm speaks of.
    """

    station: str
    baseline_from: int | None
    alarm_verdict: int | None


class WatchReader:
    """Rows and alarms of the watch.

    Parameters
    ----------
    database
        Holds the tables of the watch's projection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def stations(self) -> list[WatchedStation]:
        """Each station that was watched, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(stations).order_by(stations.c.station)).all()
        return [WatchedStation(row.station, row.baseline_from, row.alarm_verdict) for row in rows]

    def rows(self, station: str, after: int, limit: int = ROWS_A_READ) -> list[WatchRow]:
        """What verdicts with an index above ``after`` say, in order."""
        query = select(watched).where(watched.c.station == station, watched.c.index > after)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(watched.c.index).limit(limit)).all()
        return [WatchRow(**row._mapping) for row in found]

    def restart_index(self, station: str, kept: int) -> int:
        """From which index a new reading of the charts may begin: ``kept`` rows back at most."""
        query = select(watched.c.index).where(watched.c.station == station).order_by(watched.c.index.desc())
        with self._database.reading() as connection:
            found = connection.execute(query.offset(kept).limit(1)).scalar()
        return -1 if found is None else int(found)

    def alarms(self, station: str | None = None, limit: int = ALARMS_LISTED) -> list[AlarmRow]:
        """Newest first."""
        query = select(alarms).order_by(alarms.c.index.desc()).limit(min(limit, ALARMS_LISTED))
        if station is not None:
            query = query.where(alarms.c.station == station)
        with self._database.reading() as connection:
            return [_alarm(row) for row in connection.execute(query)]

    def standing(self, station: str) -> list[AlarmRow]:
        """Alarms of the station that have not come back inside."""
        query = select(alarms).where(and_(alarms.c.station == station, alarms.c.cleared_at.is_(None)))
        with self._database.reading() as connection:
            return [
                alarm for row in connection.execute(query.order_by(alarms.c.index)) if (alarm := _alarm(row)).standing
            ]

    def alarm(self, index: int) -> AlarmRow | None:
        """The alarm that the record at ``index`` raised."""
        with self._database.reading() as connection:
            row = connection.execute(select(alarms).where(alarms.c.index == index)).first()
        return None if row is None else _alarm(row)


def _alarm(row: Row[Any]) -> AlarmRow:
    return AlarmRow(**row._mapping)
