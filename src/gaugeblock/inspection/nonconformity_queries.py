"""Nonconformities as pages and API read them: rows of the projection, folded by the pure lifecycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, exists, func, select

from gaugeblock.inspection.nonconformity_errors import NonconformityMissingError
from gaugeblock.inspection.nonconformity_events import (
    candidates,
    events_of,
    finding_of,
    holds,
    lifecycle_of,
    opinion_finding,
    opinions_of,
    reviewed,
    steps_of,
    verdict_finding,
)
from gaugeblock.inspection.nonconformity_lifecycle import Lifecycle, Missing, UnitState, fold, settled
from gaugeblock.inspection.nonconformity_projection import found, opened, opinions
from gaugeblock.inspection.nonconformity_read_model import PAGE, Case, Finding, Nonconformity, Opinion, Step, Unit
from gaugeblock.inspection.projection import verdicts
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.plant.settings import Review
from gaugeblock.stores.database import Database

SCANNED_MAX = 2_000
_CHUNK = 400


class ProjectedNonconformities:
    """Reads nonconformities.

    Parameters
    ----------
    database
        Holds the tables of :class:`~gaugeblock.inspection.nonconformity_projection.NonconformityProjection` and of
        the inspection projection.
    review
        The plant's settings: whether a second opinion is wanted before a unit counts as settled.
    """

    def __init__(self, database: Database, review: Review) -> None:
        self._database, self._review = database, review

    def listed(
        self, today: date, *, only_open: bool = True, before: int | None = None, limit: int = PAGE
    ) -> list[Nonconformity]:
        """Newest first; ``before`` is the index of the last one of the page before."""
        rows: list[Nonconformity] = []
        with self._database.reading() as connection:
            query = select(opened).order_by(opened.c.record_index.desc()).limit(SCANNED_MAX)
            if before is not None:
                query = query.where(opened.c.record_index < before)
            for row in connection.execute(query).all():
                head = _case(connection, row, today, self._review, details=False).head
                if not (only_open and head.closed):
                    rows.append(head)
                if len(rows) == limit:
                    break
        return rows

    def case(self, nonconformity: str, today: date) -> Case:
        """One with everything.

        Raises
        ------
        NonconformityMissingError
        """
        with self._database.reading() as connection:
            return _case(connection, _row(connection, nonconformity), today, self._review, details=True)

    def lifecycle(self, nonconformity: str) -> Lifecycle:
        """Where one stands.

        Raises
        ------
        NonconformityMissingError
        """
        with self._database.reading() as connection:
            row = _row(connection, nonconformity)
            return fold(row.severity, events_of(connection, row, self._review))

    def has(self, nonconformity: str) -> bool:
        """Whether there is one of this number."""
        with self._database.reading() as connection:
            return connection.execute(select(exists().where(opened.c.nonconformity == nonconformity))).scalar_one()

    def of_verdict(self, verdict_index: int) -> str | None:
        """The number of the nonconformity to which a verdict's unit belongs, or that a person opened for it."""
        with self._database.reading() as connection:
            finding = finding_of(connection, verdict_index)
            rows = [] if finding is None else candidates(connection, finding)
            rows += connection.execute(
                select(opened).where(opened.c.verdict_index == verdict_index, opened.c.from_index.is_(None))
            ).all()
            return next(
                (r.nonconformity for r in rows if holds(lifecycle_of(connection, r, self._review), verdict_index)), None
            )

    # ── what the opener asks ──

    def last_opened_from(self) -> int:
        """Up to here every finding has been looked at: where the server's newest nonconformity begins; −1 for none."""
        with self._database.reading() as connection:
            newest = connection.execute(select(func.max(opened.c.from_index))).scalar_one()
        return -1 if newest is None else int(newest)

    def findings(self, beyond: int, limit: int) -> list[Finding]:
        """What was found nonconforming by records after ``beyond``, in their order."""
        with self._database.reading() as connection:
            by_verdict = connection.execute(
                select(found).where(found.c.record_index > beyond).order_by(found.c.record_index).limit(limit)
            ).all()
            by_person = connection.execute(
                select(opinions)
                .where(opinions.c.record_index > beyond, opinions.c.decision == "defective")
                .order_by(opinions.c.record_index)
                .limit(limit)
            ).all()
            both = [verdict_finding(row) for row in by_verdict]
            both += [opinion_finding(connection, row) for row in by_person]
        both.sort(key=attrgetter("index"))
        return both[:limit]

    def covered(self, finding: Finding) -> bool:
        """Whether nothing is to be opened: its unit belongs to a nonconformity, or people have found it good."""
        with self._database.reading() as connection:
            purpose = select(verdicts.c.purpose).where(verdicts.c.index == finding.verdict_index)
            if connection.execute(purpose).scalar() == "challenge":
                return True
            said = opinions_of(connection, [finding.verdict_index])
            if settled(reviewed(row, self._review) for row in said) == "good":
                return True
            return any(
                holds(lifecycle_of(connection, row, self._review), finding.verdict_index)
                for row in candidates(connection, finding)
            )


def _row(connection: Connection, nonconformity: str) -> Row[Any]:
    query = select(opened).where(opened.c.nonconformity == nonconformity).order_by(opened.c.record_index).limit(1)
    row = connection.execute(query).first()
    if row is None:
        raise NonconformityMissingError(nonconformity=nonconformity[:200])
    return row


def _case(connection: Connection, row: Row[Any], today: date, review: Review, *, details: bool) -> Case:
    state = lifecycle_of(connection, row, review)
    made = [
        Step(
            index=step.record_index,
            author=step.author,
            stated_at=step.stated_at,
            statement=msgspec.json.decode(step.statement, type=StepStatement),
            in_force=step.record_index not in state.refused_closures,
        )
        for step in steps_of(connection, row.nonconformity)
    ]
    units = _units(connection, state) if details else ()
    kinds = Counter(code for unit in units if unit.belongs for code in {c for o in unit.opinions for c in o.defects})
    return Case(
        head=_head(row, state, made, today),
        units=units,
        kinds=dict(kinds.most_common()),
        steps=tuple(made),
        closed_index=state.closed_index,
        effective=state.effective,
    )


def _head(row: Row[Any], state: Lifecycle, made: Iterable[Step], today: date) -> Nonconformity:
    action = next((step.statement for step in made if step.index == state.action), None)
    waiting = action is not None and not state.effective and not state.closed
    due = action.due if action is not None and waiting else None
    return Nonconformity(
        nonconformity=row.nonconformity,
        index=row.record_index,
        author=row.author,
        opened_at=row.stated_at,
        product=row.product,
        station=row.station,
        order=row.order,
        defect=row.defect,
        severity=row.severity,
        text=row.text,
        verdict_index=row.verdict_index,
        review_index=row.review_index,
        units=sum(unit.belongs for unit in state.units.values()),
        open_units=len(state.open_units),
        left_units=sum(not unit.belongs for unit in state.units.values()),
        stage=_stage(state),
        closed=state.closed,
        missing=state.missing(),
        due=due,
        responsible=action.responsible if action is not None and waiting else "",
        overdue=due is not None and due < today.isoformat(),
    )


def _stage(state: Lifecycle) -> str:
    if state.closed:
        return "closed"
    missing = state.missing()
    if Missing.DISPOSITION in missing:
        return "containment" if "containment" not in state.steps and not _any_disposed(state) else "disposition"
    if "cause" not in state.steps and (state.severity == "critical" or state.action is not None):
        return "cause"
    return missing[0].value if missing else "closure"


def _any_disposed(state: Lifecycle) -> bool:
    return any(unit.disposition for unit in state.units.values())


def _units(connection: Connection, state: Lifecycle) -> tuple[Unit, ...]:
    indices = [index for unit in state.units.values() for index in unit.verdict_indices]
    said: dict[int, list[Opinion]] = {}
    for row in opinions_of(connection, indices):
        said.setdefault(row.verdict_index, []).append(
            Opinion(
                index=row.record_index,
                person=row.author,
                decision=row.decision,
                role=row.role,
                defects=msgspec.json.decode(row.defects, type=tuple[str, ...]),
                note=row.note,
            )
        )
    images, passed = _verdicts_of(connection, state.units.values())
    return tuple(
        Unit(
            unit=unit.unit,
            verdict_index=unit.verdict_indices[-1],
            image_sha256=images.get(unit.verdict_indices[-1]),
            belongs=unit.belongs,
            good_index=unit.good_index,
            disposition=unit.disposition,
            disposition_index=unit.disposition_index,
            passed_again_index=passed.get(unit.unit),
            opinions=tuple(o for index in unit.verdict_indices for o in said.get(index, ())),
            failures=len(unit.verdict_indices),
        )
        for unit in state.units.values()
    )


def _verdicts_of(connection: Connection, units: Iterable[UnitState]) -> tuple[dict[int, str | None], dict[str, int]]:
    """Images by verdict, and the last OK verdict of a unit after the one by which it belongs here."""
    images: dict[int, str | None] = {}
    passed: dict[str, int] = {}
    wanted = list(units)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        last = [unit.verdict_indices[-1] for unit in chunk]
        for row in connection.execute(
            select(verdicts.c.index.label("record_index"), verdicts.c.image_sha256).where(verdicts.c.index.in_(last))
        ):
            images[row.record_index] = row.image_sha256
        since = {unit.unit: unit.verdict_indices[-1] for unit in chunk}
        for row in connection.execute(
            select(verdicts.c.unit, func.max(verdicts.c.index).label("record_index"))
            .where(verdicts.c.unit.in_(since), verdicts.c.verdict == "OK")
            .group_by(verdicts.c.unit)
        ):
            if row.record_index > since[row.unit]:
                passed[row.unit] = row.record_index
    return images, passed
