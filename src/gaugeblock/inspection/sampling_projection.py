"""From plans, lots and verdicts to the rows of acceptance sampling."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

from gaugeblock.plant.control_facets import (
    LotInputs,
    LotMeasurement,
    LotOpenedStatement,
    LotStatement,
    LotSubject,
    SamplingPlanStatement,
    SamplingSubject,
)
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

plans = Table(
    "sampling_plans",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("product", String(200), nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("statement", Text, nullable=False),
    Index("sampling_plans_product", "product", "record_index"),
)

lots_opened = Table(
    "sampling_lots_opened",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("lot", String(200), nullable=False),
    Column("product", String(200), nullable=False),
    Column("order", String(200), nullable=False),
    Column("lot_size", Integer, nullable=False),
    Column("inspected", String(8), nullable=False),
    Column("resubmitted", Boolean, nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Index("sampling_lots_opened_lot", "product", "lot", "record_index"),
)

lots = Table(
    "sampling_lots",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("lot", String(200), nullable=False),
    Column("product", String(200), nullable=False),
    Column("opened_index", BigInteger, nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("decision", String(12), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("next_severity", String(16), nullable=False),
    Column("resubmitted", Boolean, nullable=False),
    Column("lot_size", Integer, nullable=False),
    Column("sample_size", Integer, nullable=False),
    Column("nonconforming", Integer, nullable=False),
    Column("acceptance_number", Integer, nullable=False),
    Column("aql", String(12), nullable=False),
    Column("level", String(4), nullable=False),
    Index("sampling_lots_product", "product", "record_index"),
    Index("sampling_lots_opening", "opened_index"),
)

inspected = Table(
    "sampling_inspected",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("product", String(200), nullable=False),
    Column("order", String(200), nullable=False),
    Column("unit", String(200)),
    Column("verdict", String(12), nullable=False),
    Column("observed_at", String(32), nullable=False),
    Column("image_sha256", String(64)),
    Index("sampling_inspected_order", "product", "order", "record_index"),
)


class SamplingProjection:
    """Plans, lots, their decisions, and the verdicts of units that belong to an order.

    Challenge parts belong to none.
    """

    name = "sampling"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        match subject, statement:
            case InspectionSubject(), InspectionStatement() if subject.order:
                process, inputs = record.facets.get("process"), record.facets.get("inputs")
                if not (isinstance(process, InspectionProcess) and process.purpose == "challenge"):
                    yield Put(
                        "sampling_inspected",
                        {"record_index": record.index},
                        {
                            "product": subject.product or "",
                            "order": subject.order,
                            "unit": subject.unit,
                            "verdict": statement.verdict.value,
                            "observed_at": record.observed_at,
                            "image_sha256": inputs.image_sha256 if isinstance(inputs, InspectionInputs) else None,
                        },
                    )
            case SamplingSubject(), SamplingPlanStatement():
                yield Put(
                    "sampling_plans",
                    {"record_index": record.index},
                    {
                        "product": subject.product,
                        "author": record.author,
                        "stated_at": record.stated_at,
                        "statement": msgspec.json.encode(statement).decode(),
                    },
                )
            case LotSubject(), LotOpenedStatement():
                yield Put(
                    "sampling_lots_opened",
                    {"record_index": record.index},
                    {
                        "lot": subject.lot,
                        "product": subject.product,
                        "order": subject.order or subject.lot,
                        "lot_size": statement.lot_size,
                        "inspected": statement.inspected,
                        "resubmitted": statement.resubmitted,
                        "author": record.author,
                        "stated_at": record.stated_at,
                    },
                )
            case LotSubject(), LotStatement():
                measurement, inputs = record.facets.get("measurement"), record.facets.get("inputs")
                if isinstance(measurement, LotMeasurement) and isinstance(inputs, LotInputs):
                    yield self._decided(record, subject, statement, measurement, inputs)

    def _decided(
        self,
        record: OpenRecord,
        subject: LotSubject,
        statement: LotStatement,
        measurement: LotMeasurement,
        inputs: LotInputs,
    ) -> Change:
        return Put(
            "sampling_lots",
            {"record_index": record.index},
            {
                "lot": subject.lot,
                "product": subject.product,
                "opened_index": inputs.opened_index,
                "stated_at": record.stated_at,
                "decision": statement.decision,
                "severity": statement.severity,
                "next_severity": statement.next_severity,
                "resubmitted": statement.resubmitted,
                "lot_size": measurement.lot_size,
                "sample_size": measurement.sample_size,
                "nonconforming": measurement.nonconforming,
                "acceptance_number": measurement.acceptance_number,
                "aql": measurement.aql,
                "level": measurement.level,
            },
        )
