"""The inspection reader over the projected tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select

from gaugeblock.inspection.projection import counts, references, stations, verdicts
from gaugeblock.inspection.read_model import PAGE_LIMIT, Overview, StationRow, VerdictFilter, VerdictRow
from gaugeblock.inspection.review_projection import parts
from gaugeblock.inspection.standing_columns import settled_condition, settled_defects, settled_index, stage
from gaugeblock.inspection.sums import WINDOW, overview
from gaugeblock.plant.inspection_facets import DefectRegion, WatchMeasurement
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.database import Database

_condition = func.coalesce(references.c.condition, settled_condition)
_COLUMNS = (
    *(column for column in verdicts.c),
    references.c.index.label("reference_index"),
    _condition.label("condition"),
    case((references.c.index.is_not(None), references.c.defects), else_=settled_defects).label("defects"),
    settled_index.label("review_index"),
    stage.label("review_stage"),
)


class ProjectedInspections:
    """Answers :class:`~gaugeblock.inspection.read_model.InspectionReader` from the tables of the projection.

    Parameters
    ----------
    database
        The database that holds the tables of this projection and of the reviews'.
    position
        How many records the projection has seen.
    """

    def __init__(self, database: Database, position: Callable[[], int]) -> None:
        self._database = database
        self._position = position

    def overview(self) -> Overview:
        """See :class:`InspectionReader`."""
        size = self._position()
        with self._database.reading() as connection:
            sums = _counts(connection)
            production = _joined().where(verdicts.c.purpose == "production")
            newest = connection.execute(production.order_by(verdicts.c.index.desc()).limit(WINDOW)).all()
            at = connection.execute(select(stations)).all()
        return overview(size, sums, [_verdict_row(row) for row in newest], [_station_row(row) for row in at])

    def counts(self) -> dict[Verdict, int]:
        """How many verdicts there are of each kind."""
        with self._database.reading() as connection:
            return _counts(connection)

    def verdicts(self, wanted: VerdictFilter) -> list[VerdictRow]:
        """See :class:`InspectionReader`."""
        query = _joined()
        if wanted.verdict is not None:
            query = query.where(verdicts.c.verdict == wanted.verdict.value)
        if wanted.station is not None:
            query = query.where(verdicts.c.station == wanted.station)
        if wanted.unit is not None:
            query = query.where(verdicts.c.unit == wanted.unit)
        if wanted.purpose is not None:
            query = query.where(verdicts.c.purpose == wanted.purpose)
        if wanted.before is not None:
            query = query.where(verdicts.c.index < wanted.before)
        if wanted.wrong:
            query = query.where(
                or_(
                    and_(_condition == "defective", verdicts.c.verdict == Verdict.OK.value),
                    and_(_condition == "good", verdicts.c.verdict != Verdict.OK.value),
                )
            )
        query = query.order_by(verdicts.c.index.desc()).limit(max(1, min(wanted.limit, PAGE_LIMIT)))
        with self._database.reading() as connection:
            return [_verdict_row(row) for row in connection.execute(query)]

    def verdict(self, index: int) -> VerdictRow | None:
        """See :class:`InspectionReader`."""
        with self._database.reading() as connection:
            row = connection.execute(_joined().where(verdicts.c.index == index)).first()
        return None if row is None else _verdict_row(row)

    def unit(self, unit: str) -> list[VerdictRow]:
        """See :class:`InspectionReader`."""
        query = _joined().where(verdicts.c.unit == unit).order_by(verdicts.c.index).limit(PAGE_LIMIT)
        with self._database.reading() as connection:
            return [_verdict_row(row) for row in connection.execute(query)]


def _counts(connection: Connection) -> dict[Verdict, int]:
    sums: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
    for row in connection.execute(select(counts.c.verdict, counts.c.n)):
        sums[Verdict(row.verdict)] += row.n
    return sums


def _joined() -> Select[Any]:
    known = verdicts.outerjoin(references, verdicts.c.unit == references.c.unit)
    return select(*_COLUMNS).select_from(known.outerjoin(parts, verdicts.c.index == parts.c.verdict_index))


def _verdict_row(row: Row[Any]) -> VerdictRow:
    values = dict(row._mapping)
    values["verdict"] = Verdict(values["verdict"])
    values["defects"] = msgspec.json.decode(values["defects"] or "[]", type=tuple[str, ...])
    values["regions"] = msgspec.json.decode(values["regions"], type=tuple[DefectRegion, ...])
    values["watch"] = None if values["watch"] is None else msgspec.json.decode(values["watch"], type=WatchMeasurement)
    return VerdictRow(**values)


def _station_row(row: Row[Any]) -> StationRow:
    return StationRow(
        station=row.station,
        boot_epoch=row.boot_epoch or 0,
        started_at=row.started_at or "",
        module_sha256=row.module_sha256,
        missed_triggers=row.missed_triggers or 0,
        last_verdict_at=row.last_verdict_at,
        last_verdict_index=row.last_verdict_index,
    )
