"""From records about modules to the rows that pages and desks read. A pure function of each record."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, String, Table, Text

from gaugeblock.plant.control_facets import ChallengeSetStatement, ChallengeSubject
from gaugeblock.plant.inspection_facets import InspectionMeasurement
from gaugeblock.plant.module_facets import (
    CandidateInputs,
    CandidateStatement,
    ComparisonMeasurement,
    ComparisonStatement,
    ComparisonSubject,
    ModuleInputs,
    ModuleStatement,
    ModuleSubject,
    ReleaseStatement,
    ShadowInputs,
    ShadowStatement,
    ShadowSubject,
)
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

events = Table(
    "module_events",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("station", String(80), nullable=False),
    Column("product", String(80)),
    Column("module_sha256", String(64), nullable=False),
    Column("action", String(12), nullable=False),
    Column("author", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    Column("predecessor_sha256", String(64)),
    Column("comparison_index", BigInteger),
    Column("reason", Text, nullable=False),
    Column("trained_by", String(200), nullable=False),
    Column("facts", Text, nullable=False),
    Index("module_events_station", "station", "index"),
    Index("module_events_module", "module_sha256", "index"),
)

candidates = Table(
    "module_candidates",
    metadata,
    Column("station", String(80), primary_key=True),
    Column("module_sha256", String(64), primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("product", String(80)),
    Column("at", String(32), nullable=False),
    Column("statement", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Index("module_candidates_module", "module_sha256"),
)

comparisons = Table(
    "module_comparisons",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("station", String(80), nullable=False),
    Column("candidate_sha256", String(64), nullable=False),
    Column("in_service_sha256", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("statement", Text, nullable=False),
    Column("measurement", Text, nullable=False),
    Index("module_comparisons_candidate", "candidate_sha256", "station", "index"),
)

shadows = Table(
    "module_shadows",
    metadata,
    Column("station", String(80), primary_key=True),
    Column("module_sha256", String(64), primary_key=True),
    Column("verdict_index", BigInteger, primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("verdict", String(12), nullable=False),
    Column("reason", String(80)),
    Column("score", Float),
    Column("threshold", Float),
)

challenge_sets = Table(
    "module_challenge_sets",
    metadata,
    Column("station", String(80), primary_key=True),
    Column("product", String(80), primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("statement", Text, nullable=False),
)


class ModulesProjection:
    """Decisions, candidates, comparisons, shadow verdicts, and the challenge parts that comparisons use."""

    name = "modules"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if isinstance(subject, ModuleSubject):
            if subject.station is not None:
                yield from self._module(record, subject, subject.station)
        elif isinstance(subject, ShadowSubject) and isinstance(statement, ShadowStatement):
            yield from self._shadow(record, subject, statement)
        elif isinstance(subject, ComparisonSubject) and isinstance(statement, ComparisonStatement):
            measured = record.facets.get("measurement")
            yield Put(
                "module_comparisons",
                {"index": record.index},
                {
                    "station": subject.station,
                    "candidate_sha256": subject.candidate_sha256,
                    "in_service_sha256": subject.in_service_sha256,
                    "at": record.stated_at,
                    "passed": statement.passed,
                    "statement": _json(statement),
                    "measurement": _json(measured if isinstance(measured, ComparisonMeasurement) else None),
                },
            )
        elif isinstance(subject, ChallengeSubject) and isinstance(statement, ChallengeSetStatement):
            yield Put(
                "module_challenge_sets",
                {"station": subject.station, "product": subject.product or ""},
                {"index": record.index, "statement": _json(statement)},
            )

    def _module(self, record: OpenRecord, subject: ModuleSubject, station: str) -> Iterable[Change]:
        statement, inputs = record.facets.get("statement"), record.facets.get("inputs")
        if isinstance(statement, CandidateStatement) and isinstance(inputs, CandidateInputs):
            yield Put(
                "module_candidates",
                {"station": station, "module_sha256": subject.module_sha256},
                {
                    "index": record.index,
                    "product": subject.product,
                    "at": record.stated_at,
                    "statement": _json(statement),
                    "inputs": _json(inputs),
                },
            )
        elif isinstance(statement, ModuleStatement):
            known = inputs if isinstance(inputs, ModuleInputs) else None
            facts = msgspec.json.encode([statement, known]).decode()
            yield self._event(record, subject, station, "introduced", None, facts)
        elif isinstance(statement, ReleaseStatement):
            yield self._event(record, subject, station, statement.action, statement, "null")

    def _event(
        self,
        record: OpenRecord,
        subject: ModuleSubject,
        station: str,
        action: str,
        statement: ReleaseStatement | None,
        facts: str,
    ) -> Put:
        return Put(
            "module_events",
            {"index": record.index},
            {
                "station": station,
                "product": subject.product,
                "module_sha256": subject.module_sha256,
                "action": action,
                "author": record.author,
                "at": record.stated_at,
                "predecessor_sha256": statement.predecessor_sha256 if statement else None,
                "comparison_index": statement.comparison_index if statement else None,
                "reason": statement.reason if statement else "",
                "trained_by": statement.trained_by if statement else "",
                "facts": facts,
            },
        )

    def _shadow(self, record: OpenRecord, subject: ShadowSubject, statement: ShadowStatement) -> Iterable[Change]:
        inputs, measured = record.facets.get("inputs"), record.facets.get("measurement")
        if not isinstance(inputs, ShadowInputs):
            return
        numbers = measured if isinstance(measured, InspectionMeasurement) else InspectionMeasurement()
        yield Put(
            "module_shadows",
            {"station": subject.station, "module_sha256": inputs.module_sha256, "verdict_index": subject.verdict_index},
            {
                "index": record.index,
                "verdict": statement.verdict.value,
                "reason": statement.reason,
                "score": numbers.score,
                "threshold": numbers.threshold,
            },
        )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
