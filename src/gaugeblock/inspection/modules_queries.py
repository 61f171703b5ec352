"""The reader of modules over the projected tables, and the parts that training, shadow and comparison work on."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select

from gaugeblock.inspection.modules_projection import (
    candidates,
    challenge_sets,
    comparisons,
    events,
    shadows,
)
from gaugeblock.inspection.modules_read_model import (
    CANDIDATES_LIMIT,
    HISTORY_LIMIT,
    CandidateRow,
    CandidateState,
    ComparisonRow,
    KnownModule,
    ServiceEntry,
    ShadowTask,
    StationModules,
)
from gaugeblock.inspection.part_groups import PartGroups
from gaugeblock.inspection.projection import verdicts
from gaugeblock.inspection.training_set import Label
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.module_facets import (
    CandidateInputs,
    CandidateStatement,
    ComparisonMeasurement,
    ComparisonStatement,
    ModuleInputs,
    ModuleStatement,
)
from gaugeblock.stores.database import Database

REVIEW_ZONE = "edge.review_zone"
SHADOW_BATCH = 200
CHALLENGE_VERDICTS_MAX = 500


class ProjectedModules:
    """Answers :class:`~gaugeblock.inspection.modules_read_model.ModuleReader` from the tables of the projection.

    Parameters
    ----------
    database
        Holds the tables.
    groups
        What photographs must not be separated from.
    """

    def __init__(self, database: Database, groups: PartGroups) -> None:
        self._database, self._groups = database, groups

    # ── service and candidates ────────────────────────────────────────────────────────────────────────────

    def stations(self) -> list[StationModules]:
        """See :class:`ModuleReader`."""
        with self._database.reading() as connection:
            named = connection.execute(select(events.c.station).union(select(candidates.c.station)))
            return [_station(connection, name) for name in sorted(row.station for row in named)]

    def station(self, station: str) -> StationModules | None:
        """See :class:`ModuleReader`."""
        with self._database.reading() as connection:
            found = _station(connection, station)
        return found if found.history or found.candidates else None

    def candidate(self, station: str, module_sha256: str) -> CandidateRow | None:
        """See :class:`ModuleReader`."""
        wanted = and_(candidates.c.station == station, candidates.c.module_sha256 == module_sha256)
        with self._database.reading() as connection:
            return next(iter(_candidates(connection, select(candidates).where(wanted))), None)

    def comparison(self, index: int) -> ComparisonRow | None:
        """See :class:`ModuleReader`."""
        with self._database.reading() as connection:
            row = connection.execute(select(comparisons).where(comparisons.c.index == index)).first()
        return None if row is None else _comparison(row)

    def known(self, module_sha256: str) -> KnownModule | None:
        """See :class:`ModuleReader`."""
        of_events = select(events).where(events.c.module_sha256 == module_sha256)
        of_candidates = select(candidates).where(candidates.c.module_sha256 == module_sha256)
        with self._database.reading() as connection:
            rows = connection.execute(of_events.order_by(events.c.index.desc()).limit(HISTORY_LIMIT)).all()
            made = _candidates(connection, of_candidates.limit(CANDIDATES_LIMIT))
        if not rows and not made:
            return None
        entries = tuple(_entry(row) for row in rows)
        facts = next((row.facts for row in rows if row.action == "introduced"), "null")
        pair = msgspec.json.decode(facts, type=tuple[ModuleStatement, ModuleInputs | None] | None)
        return KnownModule(
            module_sha256=module_sha256,
            introduced=tuple(entry for entry in entries if entry.action == "introduced"),
            candidates=tuple(made),
            entries=entries,
            statement=pair[0] if pair else None,
            inputs=pair[1] if pair else None,
        )

    def open_candidates(self) -> list[CandidateRow]:
        """See :class:`ModuleReader`."""
        with self._database.reading() as connection:
            newest = select(candidates).order_by(candidates.c.index.desc()).limit(CANDIDATES_LIMIT)
            return [row for row in _candidates(connection, newest) if row.state == "open"]

    def latest(self) -> int:
        """See :class:`ModuleReader`."""
        with self._database.reading() as connection:
            newest = [
                connection.execute(select(func.max(t.c.index))).scalar() for t in (events, candidates, challenge_sets)
            ]
        return max((index for index in newest if index is not None), default=-1)

    # ── what a candidate has still to judge ───────────────────────────────────────────────────────────────

    def shadow_tasks(self, candidate: CandidateRow, after: int, limit: int = SHADOW_BATCH) -> list[ShadowTask]:
        """Verdicts of the station after ``after`` and after the candidate that it has not judged; oldest first."""
        done = and_(
            shadows.c.station == candidate.station,
            shadows.c.module_sha256 == candidate.module_sha256,
            shadows.c.verdict_index == verdicts.c.index,
        )
        query = (
            select(verdicts)
            .outerjoin(shadows, done)
            .where(
                verdicts.c.station == candidate.station,
                verdicts.c.index > max(after, candidate.index),
                shadows.c.verdict_index.is_(None),
                verdicts.c.purpose == "production",
            )
        )
        if candidate.product is not None:
            query = query.where(or_(verdicts.c.product == candidate.product, verdicts.c.product.is_(None)))
        with self._database.reading() as connection:
            rows = _rows(connection, query.order_by(verdicts.c.index).limit(limit))
        return [
            ShadowTask(
                verdict_index=row.index,
                station=row.station,
                unit=row.unit,
                product=row.product,
                image_sha256=row.image_sha256,
            )
            for row in rows
        ]

    # ── parts to train on and to compare with ─────────────────────────────────────────────────────────────

    def passed(self, station: str, product: str | None, limit: int) -> list[Label]:
        """The newest parts that the station passed: good by presumption."""
        query = _images(station, product).where(verdicts.c.verdict == Verdict.OK.value)
        with self._database.reading() as connection:
            rows = _rows(connection, query.order_by(verdicts.c.index.desc()).limit(limit))
        groups = self._groups.of([(row.unit, row.observed_at) for row in rows])
        return [
            Label(
                verdict_index=row.index,
                image_sha256=row.image_sha256,
                condition="good",
                group=group,
                unit=row.unit,
                sure=False,
            )
            for row, group in zip(rows, groups, strict=True)
        ]

    def challenges(self, station: str) -> list[Label]:
        """The station's challenge parts as they were photographed, each picture once, newest first."""
        known = self._challenge_parts(station)
        if not known:
            return []
        query = (
            select(verdicts.c.index, verdicts.c.unit, verdicts.c.image_sha256)
            .where(
                verdicts.c.station == station,
                verdicts.c.purpose == "challenge",
                verdicts.c.image_sha256.is_not(None),
            )
            .order_by(verdicts.c.index.desc())
            .limit(CHALLENGE_VERDICTS_MAX)
        )
        with self._database.reading() as connection:
            rows = _rows(connection, query)
        return [
            Label(
                verdict_index=row.index,
                image_sha256=row.image_sha256,
                condition=known[row.unit].condition,
                group=f"unit:{row.unit}",
                unit=row.unit,
                defects=known[row.unit].defects,
            )
            for row in rows
            if row.unit in known
        ]

    def challenge_set(self, station: str, product: str | None) -> ChallengeSetStatement | None:
        """The set in force: of the product, else the one for all of them."""
        wanted = and_(challenge_sets.c.station == station, challenge_sets.c.product.in_([product or "", ""]))
        newest = select(challenge_sets).where(wanted).order_by(challenge_sets.c.product.desc())
        with self._database.reading() as connection:
            row = connection.execute(newest).first()
        # An empty set is how one is withdrawn.
        found = None if row is None else msgspec.json.decode(row.statement, type=ChallengeSetStatement)
        return found if found is not None and found.parts else None

    def _challenge_parts(self, station: str) -> dict[str, ChallengePart]:
        query = select(challenge_sets.c.statement).where(challenge_sets.c.station == station)
        with self._database.reading() as connection:
            sets = [row.statement for row in connection.execute(query.order_by(challenge_sets.c.index))]
        known = (msgspec.json.decode(text, type=ChallengeSetStatement) for text in sets)
        return {part.unit: part for each in known for part in each.parts}

    def shadowed(self, candidate: CandidateRow, in_service_sha256: str, limit: int) -> list[tuple[int, bool, bool]]:
        """(verdict index, candidate accepts, station accepted) where this module answered; newest first.

        Answers that neither module gave, for the image was gone or the station late, are left out.
        """
        query = (
            select(
                shadows.c.verdict_index,
                shadows.c.verdict,
                shadows.c.reason,
                verdicts.c.verdict.label("station_verdict"),
                verdicts.c.reason.label("station_reason"),
            )
            .join(verdicts, verdicts.c.index == shadows.c.verdict_index)
            .where(
                shadows.c.station == candidate.station,
                shadows.c.module_sha256 == candidate.module_sha256,
                verdicts.c.module_sha256 == in_service_sha256,
            )
            .order_by(shadows.c.verdict_index.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = _rows(connection, query)
        return [
            (row.verdict_index, row.verdict == Verdict.OK.value, row.station_verdict == Verdict.OK.value)
            for row in rows
            if _by_module(row.reason) and _by_module(row.station_reason)
        ]


def _by_module(reason: str | None) -> bool:
    # A late answer, a frozen camera or a deleted image says nothing of either module.
    return reason is None or reason == REVIEW_ZONE or reason.startswith("vision.")


def _rows(connection: Connection, query: Select[Any]) -> list[Any]:
    # As Any: a column called "index" is not known to the rows' type.
    return list(connection.execute(query).all())


def _images(station: str, product: str | None) -> Select[Any]:
    query = select(verdicts.c.index, verdicts.c.unit, verdicts.c.image_sha256, verdicts.c.observed_at).where(
        verdicts.c.station == station,
        verdicts.c.image_sha256.is_not(None),
        verdicts.c.purpose == "production",
    )
    return query if product is None else query.where(or_(verdicts.c.product == product, verdicts.c.product.is_(None)))


def _station(connection: Connection, station: str) -> StationModules:
    of_station = select(events).where(events.c.station == station).order_by(events.c.index.desc())
    history = [_entry(row) for row in connection.execute(of_station.limit(HISTORY_LIMIT))]
    # A decision counts before an introduction: the first module of plant.toml may be introduced again at any start.
    decided = [entry for entry in history if entry.action in ("release", "rollback")]
    introduced = [entry for entry in history if entry.action == "introduced"]
    serving = next(iter(decided or introduced), None)
    earlier: dict[str, ServiceEntry] = {}
    for entry in (*decided, *introduced):
        if serving is not None and entry.module_sha256 != serving.module_sha256:
            earlier.setdefault(entry.module_sha256, entry)
    newest = select(candidates).where(candidates.c.station == station).order_by(candidates.c.index.desc())
    made = _candidates(connection, newest.limit(CANDIDATES_LIMIT))
    products = [entry.product for entry in history if entry.product] + [row.product for row in made if row.product]
    return StationModules(
        station=station,
        product=next(iter(products), None),
        in_service=serving,
        candidates=tuple(made),
        history=tuple(history),
        earlier=tuple(earlier.values()),
    )


def _candidates(connection: Connection, query: Select[Any]) -> list[CandidateRow]:
    return [_candidate(connection, row) for row in _rows(connection, query)]


def _candidate(connection: Connection, row: Any) -> CandidateRow:
    of_candidate = and_(shadows.c.station == row.station, shadows.c.module_sha256 == row.module_sha256)
    counted = select(func.count().label("n"), func.max(shadows.c.verdict_index).label("last")).where(of_candidate)
    shadow = connection.execute(counted).one()
    latest = (
        select(comparisons)
        .where(comparisons.c.candidate_sha256 == row.module_sha256, comparisons.c.station == row.station)
        .order_by(comparisons.c.index.desc())
        .limit(1)
    )
    compared = connection.execute(latest).first()
    ended = (
        select(events.c.action)
        .where(
            events.c.station == row.station,
            events.c.module_sha256 == row.module_sha256,
            events.c.index > row.index,
            events.c.action.in_(("release", "rollback", "reject")),
        )
        .order_by(events.c.index.desc())
        .limit(1)
    )
    action = connection.execute(ended).scalar()
    state: CandidateState = "open" if action is None else "rejected" if action == "reject" else "released"
    return CandidateRow(
        index=row.index,
        at=row.at,
        module_sha256=row.module_sha256,
        station=row.station,
        product=row.product,
        statement=msgspec.json.decode(row.statement, type=CandidateStatement),
        inputs=msgspec.json.decode(row.inputs, type=CandidateInputs),
        state=state,
        shadowed=shadow.n,
        shadowed_up_to=shadow.last,
        comparison=None if compared is None else _comparison(compared),
    )


def _comparison(row: Any) -> ComparisonRow:
    statement = msgspec.json.decode(row.statement, type=ComparisonStatement)
    measured = msgspec.json.decode(row.measurement, type=ComparisonMeasurement | None)
    return ComparisonRow(
        index=row.index,
        at=row.at,
        station=row.station,
        candidate_sha256=row.candidate_sha256,
        in_service_sha256=row.in_service_sha256,
        passed=bool(row.passed),
        criteria=statement.criteria,
        sets=measured.sets if measured else (),
        missing=measured.missing if measured else 0,
    )


def _entry(row: Any) -> ServiceEntry:
    return ServiceEntry(
        index=row.index,
        station=row.station,
        product=row.product,
        module_sha256=row.module_sha256,
        action=cast("Literal['introduced', 'release', 'rollback', 'reject']", row.action),
        author=row.author,
        at=row.at,
        predecessor_sha256=row.predecessor_sha256,
        comparison_index=row.comparison_index,
        reason=row.reason,
        trained_by=row.trained_by,
    )
