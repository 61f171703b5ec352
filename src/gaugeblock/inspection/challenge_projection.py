"""What stations said of their challenges: due, passed, failed, with each part's answer."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from gaugeblock.plant.control_facets import (
    ChallengeInputs,
    ChallengeMeasurement,
    ChallengeStatement,
    ChallengeSubject,
)
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

outcomes = Table(
    "challenge_outcomes",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("station", String(80), nullable=False),
    Column("product", String(80)),
    Column("state", String(12), nullable=False),
    Column("cause", String(20), nullable=False),
    Column("at", String(32), nullable=False),
    Column("answers", Text, nullable=False),
    Column("module_sha256", String(64)),
    Index("challenge_outcomes_station", "station", "index"),
)


class ChallengeProjection:
    """Reads ``inspection.challenge``."""

    name = "challenges"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if isinstance(subject, ChallengeSubject) and isinstance(statement, ChallengeStatement):
            measured, inputs = record.facets.get("measurement"), record.facets.get("inputs")
            answers = measured.answers if isinstance(measured, ChallengeMeasurement) else ()
            yield Put(
                outcomes.name,
                {"index": record.index},
                {
                    "station": subject.station,
                    "product": subject.product,
                    "state": statement.state,
                    "cause": statement.cause,
                    "at": record.observed_at,
                    "answers": msgspec.json.encode(answers).decode(),
                    "module_sha256": inputs.module_sha256 if isinstance(inputs, ChallengeInputs) else None,
                },
            )
