"""What a photograph must not be separated from when a module is trained and judged: its lot, its unit, its day.

Photographs of one part, of one lot, of one day are more alike than those of another. A module that is judged on the
neighbours of what it has learnt looks better than it is: on magnetic tiles by nine points of AUROC (decision 0004). The
widest of these that is known holds: a lot where the records name it, else the serial number, else the site's day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select

from gaugeblock.inspection.lot_membership_projection import memberships
from gaugeblock.plant.settings import PlantSettings
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.stores.database import Database

PAGE = 500


def site_zone(settings: PlantSettings) -> ZoneInfo:
    """The time zone of the first site: by it days are counted."""
    return ZoneInfo(settings.sites[0].timezone if settings.sites else "Asia/Shanghai")


def group_name(unit: str | None, lot: str | None, observed_at: str, zone: ZoneInfo) -> str:
    """The group of one photograph.

    >>> shanghai = ZoneInfo("Asia/Shanghai")
    >>> group_name("U7", "LOT-3", "2026-11-22T17:00:00Z", shanghai)
    'lot:LOT-3'
    >>> group_name(None, None, "2026-11-22T17:00:00Z", shanghai)
    'day:2026-11-23'
    """
    if lot:
        return f"lot:{lot}"
    if unit:
        return f"unit:{unit}"
    return f"day:{from_rfc3339(observed_at).astimezone(zone).date()}"


class PartGroups:
    """Looks up the groups of photographs.

    Parameters
    ----------
    database
        Holds the table of :class:`~gaugeblock.inspection.lot_membership_projection.LotMembershipProjection`.
    zone
        Of the site.
    """

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database, self._zone = database, zone

    def of(self, photographs: Sequence[tuple[str | None, str]]) -> list[str]:
        """The group of each (unit, time of observation in RFC 3339), in order."""
        lots = self._lots({unit for unit, _ in photographs if unit})
        return [
            group_name(unit, lots.get(unit) if unit else None, observed_at, self._zone)
            for unit, observed_at in photographs
        ]

    def _lots(self, units: Iterable[str]) -> dict[str, str]:
        wanted, found = sorted(units), {}
        with self._database.reading() as connection:
            for start in range(0, len(wanted), PAGE):
                query = select(memberships.c.unit, memberships.c.lot).where(
                    memberships.c.unit.in_(wanted[start : start + PAGE])
                )
                found.update({row.unit: row.lot for row in connection.execute(query)})
        return found
