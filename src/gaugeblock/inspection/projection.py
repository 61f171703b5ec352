"""From inspection records to the rows that pages read. A pure function; stores run it and remember where it is."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

from gaugeblock.plant.record_types import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    ReferenceStatement,
    StationStartedProcess,
    StationStartedStatement,
    StationSubject,
)
from gaugeblock.stores.projections import Add, Change, OpenRecord, Put

metadata = MetaData()

verdicts = Table(
    "inspection_verdicts",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("station", String(80), nullable=False),
    Column("unit", String(200)),
    Column("product", String(80)),
    Column("order", String(200)),
    Column("verdict", String(12), nullable=False),
    Column("reason", String(80)),
    Column("score", Float),
    Column("threshold", Float),
    Column("peak_x", Float),
    Column("peak_y", Float),
    Column("observed_at", String(32), nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("deadline_ms", Float, nullable=False),
    Column("image_sha256", String(64)),
    Column("heatmap_sha256", String(64)),
    Column("module_sha256", String(64)),
    Column("review_from", Float),
    Column("regions", Text, nullable=False),
    Column("watch", Text),
    Column("purpose", String(12), nullable=False),
    Column("operating_point_sha256", String(64)),
    Index("inspection_verdicts_unit", "unit"),
    Index("inspection_verdicts_verdict", "verdict", "index"),
    Index("inspection_verdicts_station", "station", "index"),
)

references = Table(
    "inspection_references",
    metadata,
    Column("unit", String(200), primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("condition", String(12), nullable=False),
    Column("defects", Text, nullable=False),
)

counts = Table(
    "inspection_counts",
    metadata,
    Column("station", String(80), primary_key=True),
    Column("verdict", String(12), primary_key=True),
    Column("n", BigInteger, nullable=False, default=0),
)

stations = Table(
    "inspection_stations",
    metadata,
    Column("station", String(80), primary_key=True),
    Column("boot_epoch", Integer),
    Column("started_at", String(32)),
    Column("module_sha256", String(64)),
    Column("missed_triggers", BigInteger),
    Column("last_verdict_at", String(32)),
    Column("last_verdict_index", BigInteger),
)


class InspectionProjection:
    """Verdicts, references, counts and stations as tables.

    A verdict whose subject was withheld or erased is not shown; its record and proof stay. Answers about challenge
    parts are shown, and counted nowhere.
    """

    name = "inspection"
    version = 2
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject = record.facets.get("subject")
        statement = record.facets.get("statement")
        if record.record_type == "inspection.verdict":
            process = record.facets.get("process")
            if (
                isinstance(subject, InspectionSubject)
                and isinstance(statement, InspectionStatement)
                and isinstance(process, InspectionProcess)
            ):
                yield from self._verdict(record, subject, statement, process)
        elif record.record_type == "inspection.reference":
            if isinstance(subject, InspectionSubject) and isinstance(statement, ReferenceStatement) and subject.unit:
                yield Put(
                    "inspection_references",
                    {"unit": subject.unit},
                    {
                        "index": record.index,
                        "condition": statement.condition,
                        "defects": msgspec.json.encode(statement.defects).decode(),
                    },
                )
        elif (
            record.record_type == "station.started"
            and isinstance(subject, StationSubject)
            and isinstance(statement, StationStartedStatement)
        ):
            process = record.facets.get("process")
            module = process.module_sha256 if isinstance(process, StationStartedProcess) else None
            yield Put(
                "inspection_stations",
                {"station": subject.station},
                {
                    "boot_epoch": statement.boot_epoch,
                    "started_at": record.stated_at,
                    "module_sha256": module,
                    "missed_triggers": statement.missed_triggers,
                },
            )

    def _verdict(
        self,
        record: OpenRecord,
        subject: InspectionSubject,
        statement: InspectionStatement,
        process: InspectionProcess,
    ) -> Iterable[Change]:
        measurement = record.facets.get("measurement")
        measured = measurement if isinstance(measurement, InspectionMeasurement) else InspectionMeasurement()
        inputs = record.facets.get("inputs")
        digests = inputs if isinstance(inputs, InspectionInputs) else InspectionInputs()
        yield Put(
            "inspection_verdicts",
            {"index": record.index},
            {
                "station": subject.station,
                "unit": subject.unit,
                "product": subject.product,
                "order": subject.order,
                "verdict": statement.verdict.value,
                "reason": statement.reason,
                "score": measured.score,
                "threshold": measured.threshold,
                "peak_x": measured.peak_x,
                "peak_y": measured.peak_y,
                "observed_at": record.observed_at,
                "latency_ms": process.latency_ms,
                "deadline_ms": process.deadline_ms,
                "image_sha256": digests.image_sha256,
                "heatmap_sha256": digests.heatmap_sha256,
                "module_sha256": digests.module_sha256,
                "review_from": measured.review_from,
                "regions": msgspec.json.encode(measured.regions).decode(),
                "watch": None if measured.watch is None else msgspec.json.encode(measured.watch).decode(),
                "purpose": process.purpose,
                "operating_point_sha256": digests.operating_point_sha256,
            },
        )
        if process.purpose == "production":
            yield Add("inspection_counts", {"station": subject.station, "verdict": statement.verdict.value}, {"n": 1})
        yield Put(
            "inspection_stations",
            {"station": subject.station},
            {"last_verdict_at": record.observed_at, "last_verdict_index": record.index},
        )
