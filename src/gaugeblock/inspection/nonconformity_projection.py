"""From verdicts, reviews and statements about nonconformities to rows. Which unit belongs where is worked out when it
is asked for (:mod:`gaugeblock.inspection.nonconformity_queries`): a row here depends on its own record alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
from gaugeblock.plant.nonconformity_facets import (
    NonconformityInputs,
    NonconformityStatement,
    NonconformitySubject,
    StepStatement,
)
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

opened = Table(
    "nonconformity_opened",
    metadata,
    # Not the number: whoever states a number a second time does not take the first one's place.
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("nonconformity", String(200), nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    # Empty where nothing is said, so that equality finds them: these four say what joins.
    Column("product", String(200), nullable=False),
    Column("station", String(200), nullable=False),
    Column("order", String(200), nullable=False),
    Column("defect", String(200), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("text", Text, nullable=False),
    Column("verdict_index", BigInteger),
    Column("review_index", BigInteger),
    # From this record on, units join; not where a person opened it.
    Column("from_index", BigInteger),
    Index("nonconformity_opened_key", "product", "station", "order", "defect", "from_index"),
    Index("nonconformity_opened_name", "nonconformity", "record_index"),
)

steps = Table(
    "nonconformity_steps",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("nonconformity", String(200), nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("statement", Text, nullable=False),
    Index("nonconformity_steps_name", "nonconformity", "record_index"),
)

found = Table(
    "nonconformity_found",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("product", String(200), nullable=False),
    Column("station", String(200), nullable=False),
    Column("order", String(200), nullable=False),
    Column("unit", String(200)),
    Column("observed_at", String(32), nullable=False),
    Column("image_sha256", String(64)),
    Index("nonconformity_found_key", "product", "station", "order", "record_index"),
)

opinions = Table(
    "nonconformity_opinions",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("verdict_index", BigInteger, nullable=False),
    Column("product", String(200), nullable=False),
    Column("station", String(200), nullable=False),
    Column("order", String(200), nullable=False),
    Column("unit", String(200)),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("decision", String(12), nullable=False),
    Column("role", String(16), nullable=False),
    Column("defect", String(200), nullable=False),
    Column("defects", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("image_sha256", String(64)),
    Index("nonconformity_opinions_verdict", "verdict_index", "record_index"),
    Index("nonconformity_opinions_key", "product", "station", "order", "defect", "record_index"),
)


class NonconformityProjection:
    """Nonconformities, their steps, and what may belong to them: NOK verdicts of products, and people's opinions."""

    name = "nonconformity"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        match subject, statement:
            case InspectionSubject(), InspectionStatement():
                yield from self._verdict(record, subject, statement)
            case ReviewSubject(), ReviewStatement():
                yield from self._review(record, subject, statement)
            case NonconformitySubject(), NonconformityStatement():
                yield self._opened(record, subject, statement)
            case NonconformitySubject(), StepStatement():
                yield Put(
                    "nonconformity_steps",
                    {"record_index": record.index},
                    {
                        "nonconformity": subject.nonconformity,
                        "author": record.author,
                        "stated_at": record.stated_at,
                        "statement": msgspec.json.encode(statement).decode(),
                    },
                )

    def _verdict(
        self, record: OpenRecord, subject: InspectionSubject, statement: InspectionStatement
    ) -> Iterable[Change]:
        process, inputs = record.facets.get("process"), record.facets.get("inputs")
        # A challenge part is no product: its NOK is what it is there for.
        challenge = isinstance(process, InspectionProcess) and process.purpose == "challenge"
        if statement.verdict is Verdict.NOK and not challenge:
            yield Put(
                "nonconformity_found",
                {"record_index": record.index},
                {
                    "product": subject.product or "",
                    "station": subject.station,
                    "order": subject.order or "",
                    "unit": subject.unit,
                    "observed_at": record.observed_at,
                    "image_sha256": inputs.image_sha256 if isinstance(inputs, InspectionInputs) else None,
                },
            )

    def _review(self, record: OpenRecord, subject: ReviewSubject, statement: ReviewStatement) -> Iterable[Change]:
        inputs = record.facets.get("inputs")
        yield Put(
            "nonconformity_opinions",
            {"record_index": record.index},
            {
                "verdict_index": subject.verdict_index,
                "product": subject.product or "",
                "station": subject.station,
                "order": subject.order or "",
                "unit": subject.unit,
                "author": record.author,
                "stated_at": record.stated_at,
                "decision": statement.decision,
                "role": statement.role,
                "defect": statement.defects[0] if statement.defects else "",
                "defects": msgspec.json.encode(statement.defects).decode(),
                "note": statement.note,
                "image_sha256": getattr(inputs, "image_sha256", None),
            },
        )

    def _opened(self, record: OpenRecord, subject: NonconformitySubject, statement: NonconformityStatement) -> Change:
        inputs = record.facets.get("inputs")
        origin = inputs if isinstance(inputs, NonconformityInputs) else NonconformityInputs()
        first = origin.verdict_index if origin.review_index is None else origin.review_index
        return Put(
            "nonconformity_opened",
            {"record_index": record.index},
            {
                "nonconformity": subject.nonconformity,
                "author": record.author,
                "stated_at": record.stated_at,
                "product": subject.product or "",
                "station": subject.station or "",
                "order": subject.order or "",
                "defect": statement.defect or "",
                "severity": statement.severity,
                "text": statement.text,
                "verdict_index": origin.verdict_index,
                "review_index": origin.review_index,
                "from_index": first if record.author.startswith("server:") else None,
            },
        )
