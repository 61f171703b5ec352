"""Studies as pages and API list them, and what the plant's own records offer for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select

from gaugeblock.inspection.agreement import Condition
from gaugeblock.inspection.nonconformity_projection import opinions
from gaugeblock.inspection.projection import references, verdicts
from gaugeblock.inspection.studies_projection import studies
from gaugeblock.plant.control_facets import StudyMeasurement
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Verdict
from gaugeblock.stores.database import Database

LISTED_MAX = 100
PRESENTATIONS_MAX = 20_000
_CHUNK = 400
_DECISIONS = {"good": Verdict.OK, "defective": Verdict.NOK, "unsure": Verdict.UNDECIDED}


class StudyMissingError(GaugeblockError):
    """No such study. Facts: ``index``."""

    code = "inspection.study_missing"


class StudyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A study in one line; ``index`` is its record."""

    index: int
    study: str
    station: str
    product: str | None
    author: str
    stated_at: str
    conclusion: str
    measurement: StudyMeasurement
    table_sha256: str
    result_sha256: str


class Presentation(msgspec.Struct, frozen=True, kw_only=True):
    """A part of known condition before the station."""

    unit: str
    verdict_index: int
    verdict: Verdict
    score: float | None
    condition: Condition
    product: str | None


class ProjectedStudies:
    """Reads studies.

    Parameters
    ----------
    database
        Holds the tables of the inspection, nonconformity and studies projections.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self) -> list[StudyRow]:
        """The newest :data:`LISTED_MAX`, newest first."""
        query = select(studies).order_by(studies.c.record_index.desc()).limit(LISTED_MAX)
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query)]

    def study(self, index: int) -> StudyRow:
        """One by its record.

        Raises
        ------
        StudyMissingError
        """
        with self._database.reading() as connection:
            row = connection.execute(select(studies).where(studies.c.record_index == index)).first()
        if row is None:
            raise StudyMissingError(index=index)
        return _row(row)

    def presentations(self, station: str) -> tuple[str | None, list[Presentation]]:
        """The station's newest module, and its verdicts with it on parts of known condition, oldest first."""
        newest = (
            select(verdicts.c.module_sha256)
            .where(verdicts.c.station == station, verdicts.c.module_sha256.is_not(None))
            .order_by(verdicts.c.index.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            module_sha256 = connection.execute(newest).scalar()
            query = (
                select(
                    verdicts.c.index.label("verdict_index"),
                    verdicts.c.unit,
                    verdicts.c.verdict,
                    verdicts.c.score,
                    verdicts.c.product,
                    references.c.condition,
                )
                .join(references, references.c.unit == verdicts.c.unit)
                .where(verdicts.c.station == station, verdicts.c.module_sha256 == module_sha256)
                .order_by(verdicts.c.index.desc())
                .limit(PRESENTATIONS_MAX)
            )
            found = [
                Presentation(
                    unit=row.unit,
                    verdict_index=row.verdict_index,
                    verdict=Verdict(row.verdict),
                    score=row.score,
                    condition=row.condition,
                    product=row.product,
                )
                for row in connection.execute(query)
            ]
        return module_sha256, found[::-1]

    def opinions(self, indices: Sequence[int]) -> dict[int, dict[str, Verdict]]:
        """What each person last said of each of these verdicts."""
        said: dict[int, dict[str, Verdict]] = {}
        with self._database.reading() as connection:
            for start in range(0, len(indices), _CHUNK):
                chunk = indices[start : start + _CHUNK]
                query = select(opinions).where(opinions.c.verdict_index.in_(chunk), opinions.c.role != "adjudication")
                for row in connection.execute(query.order_by(opinions.c.record_index)):
                    own = said.setdefault(row.verdict_index, {})
                    own.pop(row.author, None)
                    if row.decision in _DECISIONS:
                        own[row.author] = _DECISIONS[row.decision]
        return said


def _row(row: Row[Any]) -> StudyRow:
    values = dict(row._mapping)
    values["index"] = values.pop("record_index")
    values["measurement"] = msgspec.json.decode(values["measurement"], type=StudyMeasurement)
    return StudyRow(**values)
