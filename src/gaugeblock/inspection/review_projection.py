"""From verdicts, reviews and catalogues to the review tables. Pure; the settings of ``[review]`` are part of it.

When they change, ``version`` changes with them, and the tables are built anew: what is in the queue is always what
the present settings draw from the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, String, Table, Text, text

from gaugeblock.inspection.review_rules import due, second_drawn
from gaugeblock.plant.record_types import (
    InspectionInputs,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
from gaugeblock.plant.review_facets import (
    CatalogueStatement,
    CatalogueSubject,
    ReviewInputs,
    ReviewProcess,
    ReviewStatement,
    ReviewSubject,
)
from gaugeblock.plant.settings import Review
from gaugeblock.stores.projections import Change, OpenRecord, Put

VERSION = 1

metadata = MetaData()

UNSETTLED = (
    "first_decision IS NOT NULL AND NOT coalesce("
    "adjudication_decision IN ('good', 'defective')"
    " OR (second_person <> first_person AND second_decision IN ('good', 'defective')"
    " AND first_decision IN (second_decision, 'unsure'))"
    " OR (first_decision IN ('good', 'defective') AND (second_decision IS NULL OR second_person = first_person)"
    " AND NOT second_wanted), false)"
)
"""Parts that wait for a second person or a third, as the condition of an index: they are few among all reviewed."""


def _slot(role: str) -> list[Column[object]]:
    return [
        Column(f"{role}_decision", String(12)),
        Column(f"{role}_person", String(160)),
        Column(f"{role}_index", BigInteger),
        Column(f"{role}_defects", Text),
    ]


parts = Table(
    "review_parts",
    metadata,
    Column("verdict_index", BigInteger, primary_key=True, autoincrement=False),
    Column("due", String(12)),
    Column("open", Boolean),
    Column("second_wanted", Boolean),
    Column("station", String(80)),
    Column("product", String(80)),
    Column("unit", String(200)),
    *_slot("first"),
    *_slot("second"),
    *_slot("adjudication"),
    Index("review_parts_open", "open", "verdict_index"),
    Index("review_parts_unit", "unit"),
    Index("review_parts_unsettled", "verdict_index", sqlite_where=text(UNSETTLED), postgresql_where=text(UNSETTLED)),
)
"""One row for each verdict that is due, or that somebody has decided on. ``open``: due, with no first opinion."""

opinions = Table(
    "review_opinions",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("verdict_index", BigInteger, nullable=False),
    Column("person", String(160), nullable=False),
    Column("role", String(16), nullable=False),
    Column("decision", String(12), nullable=False),
    Column("defects", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("seconds", Float),
    Column("image_sha256", String(64)),
    Column("stated_at", String(32), nullable=False),
    Index("review_opinions_verdict", "verdict_index"),
    Index("review_opinions_person", "person", "index"),
)
"""Every review record, also those that a later one supersedes."""

catalogues = Table(
    "review_catalogues",
    metadata,
    Column("product", String(80), primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("person", String(160), nullable=False),
    Column("kinds", Text, nullable=False),
)
"""The present list of each product; the empty product is for all that have none of their own."""


class ReviewProjection:
    """Parts to be reviewed, what people said of them, and the catalogues of defects.

    Parameters
    ----------
    settings
        Which verdicts are drawn.
    """

    name = "review"
    metadata = metadata

    def __init__(self, settings: Review) -> None:
        self._settings = settings
        drawn_by = msgspec.json.encode(settings, order="sorted")
        self.version = int.from_bytes(hashlib.sha256(b"%d/%s" % (VERSION, drawn_by)).digest()[:4], "big") >> 1

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if isinstance(subject, InspectionSubject) and isinstance(statement, InspectionStatement):
            yield from self._verdict(record, subject, statement)
        elif isinstance(subject, ReviewSubject) and isinstance(statement, ReviewStatement):
            yield from self._review(record, subject, statement)
        elif isinstance(subject, CatalogueSubject) and isinstance(statement, CatalogueStatement):
            yield Put(
                "review_catalogues",
                {"product": subject.product or ""},
                {
                    "index": record.index,
                    "person": record.author,
                    "kinds": msgspec.json.encode(statement.kinds).decode(),
                },
            )

    def _verdict(
        self, record: OpenRecord, subject: InspectionSubject, statement: InspectionStatement
    ) -> Iterable[Change]:
        process, inputs = record.facets.get("process"), record.facets.get("inputs")
        why = due(
            record.index,
            statement.verdict,
            statement.reason,
            has_image=isinstance(inputs, InspectionInputs) and inputs.image_sha256 is not None,
            purpose=process.purpose if isinstance(process, InspectionProcess) else "production",
            settings=self._settings,
        )
        if why is not None:
            yield Put(
                "review_parts",
                {"verdict_index": record.index},
                {
                    "due": why,
                    "open": True,
                    "second_wanted": second_drawn(record.index, self._settings),
                    "station": subject.station,
                    "product": subject.product,
                    "unit": subject.unit,
                },
            )

    def _review(self, record: OpenRecord, subject: ReviewSubject, statement: ReviewStatement) -> Iterable[Change]:
        process, inputs = record.facets.get("process"), record.facets.get("inputs")
        how = process if isinstance(process, ReviewProcess) else ReviewProcess()
        defects = msgspec.json.encode(statement.defects).decode()
        yield Put(
            "review_opinions",
            {"index": record.index},
            {
                "verdict_index": subject.verdict_index,
                "person": record.author,
                "role": statement.role,
                "decision": statement.decision,
                "defects": defects,
                "note": statement.note,
                "blind": how.blind,
                "seconds": how.seconds,
                "image_sha256": inputs.image_sha256 if isinstance(inputs, ReviewInputs) else None,
                "stated_at": record.stated_at,
            },
        )
        gone = statement.decision == "withdrawn"
        slot = {
            f"{statement.role}_decision": None if gone else statement.decision,
            f"{statement.role}_person": None if gone else record.author,
            f"{statement.role}_index": None if gone else record.index,
            f"{statement.role}_defects": None if gone else defects,
        }
        place = {"station": subject.station, "product": subject.product, "unit": subject.unit}
        wanted = {"second_wanted": second_drawn(subject.verdict_index, self._settings)}
        opened = {"open": gone} if statement.role == "first" else {}
        yield Put("review_parts", {"verdict_index": subject.verdict_index}, {**place, **wanted, **opened, **slot})
