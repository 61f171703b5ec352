"""From signed studies to the rows of the list."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text

from gaugeblock.plant.control_facets import StudyInputs, StudyMeasurement, StudyStatement, StudySubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

studies = Table(
    "studies",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("study", String(200), nullable=False),
    Column("station", String(200), nullable=False),
    Column("product", String(200)),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("conclusion", String(16), nullable=False),
    Column("measurement", Text, nullable=False),
    Column("table_sha256", String(64), nullable=False),
    Column("result_sha256", String(64), nullable=False),
)


class StudiesProjection:
    """One row a study."""

    name = "studies"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        measurement, inputs = record.facets.get("measurement"), record.facets.get("inputs")
        match subject, statement, measurement, inputs:
            case StudySubject(), StudyStatement(), StudyMeasurement(), StudyInputs():
                yield Put(
                    "studies",
                    {"record_index": record.index},
                    {
                        "study": subject.study,
                        "station": subject.station,
                        "product": subject.product,
                        "author": record.author,
                        "stated_at": record.stated_at,
                        "conclusion": statement.conclusion,
                        "measurement": msgspec.json.encode(measurement).decode(),
                        "table_sha256": inputs.table_sha256,
                        "result_sha256": inputs.result_sha256,
                    },
                )
