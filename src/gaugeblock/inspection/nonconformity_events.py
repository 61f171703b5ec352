"""What happened to a nonconformity, out of the projected rows: which units joined, what people said, which steps."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select

from gaugeblock.inspection.nonconformity_lifecycle import Event, Found, Lifecycle, Reviewed, Stepped, fold, unit_key
from gaugeblock.inspection.nonconformity_projection import found, opened, opinions, steps
from gaugeblock.inspection.nonconformity_read_model import Finding
from gaugeblock.inspection.projection import verdicts
from gaugeblock.inspection.review_rules import second_drawn
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.plant.settings import Review

EVENTS_MAX = 10_000
_CHUNK = 400


def lifecycle_of(connection: Connection, row: Row[Any], review: Review) -> Lifecycle:
    """Where the nonconformity of a row of ``opened`` stands."""
    return fold(row.severity, events_of(connection, row, review))


def holds(state: Lifecycle, verdict_index: int) -> bool:
    """Whether the unit of a verdict belongs to it."""
    return any(verdict_index in unit.verdict_indices and unit.belongs for unit in state.units.values())


def reviewed(row: Row[Any], review: Review) -> Reviewed:
    """A row of opinions as an event."""
    wanted = second_drawn(row.verdict_index, review)
    return Reviewed(row.record_index, row.verdict_index, row.author, row.role, row.decision, wanted)


def verdict_finding(row: Row[Any]) -> Finding:
    """A row of ``found`` as a finding."""
    return Finding(
        index=row.record_index,
        verdict_index=row.record_index,
        review_index=None,
        unit=row.unit,
        product=row.product,
        station=row.station,
        order=row.order,
        defect="",
    )


def opinion_finding(connection: Connection, row: Row[Any]) -> Finding:
    """A row of ``opinions`` that says defective as a finding."""
    # A part that the station rejected joined as such, before anybody named its defect.
    was_nok = connection.execute(select(exists().where(found.c.record_index == row.verdict_index))).scalar_one()
    return Finding(
        index=row.record_index,
        verdict_index=row.verdict_index,
        review_index=row.record_index,
        unit=row.unit,
        product=row.product,
        station=row.station,
        order=row.order,
        defect="" if was_nok else row.defect,
    )


def finding_of(connection: Connection, verdict_index: int) -> Finding | None:
    """How the unit of a verdict was found nonconforming; ``None`` where it was not."""
    row = connection.execute(select(found).where(found.c.record_index == verdict_index)).first()
    if row is not None:
        return verdict_finding(row)
    first = (
        select(opinions)
        .where(opinions.c.verdict_index == verdict_index, opinions.c.decision == "defective")
        .order_by(opinions.c.record_index)
        .limit(1)
    )
    row = connection.execute(first).first()
    return None if row is None else opinion_finding(connection, row)


def _key(row: Row[Any] | Finding) -> ColumnElement[bool]:
    return and_(
        opened.c.product == row.product,
        opened.c.station == row.station,
        opened.c.order == row.order,
        opened.c.defect == row.defect,
    )


def candidates(connection: Connection, finding: Finding) -> list[Row[Any]]:
    """The nonconformities that could hold the finding: the last that began before its verdict, and before itself."""
    rows = {}
    for upto in {finding.verdict_index, finding.index}:
        query = (
            select(opened)
            .where(_key(finding), opened.c.from_index <= upto)
            .order_by(opened.c.from_index.desc())
            .limit(1)
        )
        row = connection.execute(query).first()
        if row is not None:
            rows[row.record_index] = row
    return list(rows.values())


def events_of(connection: Connection, row: Row[Any], review: Review) -> list[Event]:
    """All that happened to it, in the order of the log."""
    events: list[Event] = []
    if row.from_index is not None:
        events += _joining(connection, row)
    elif row.verdict_index is not None:
        events.append(Found(row.record_index, row.verdict_index, _unit_of(connection, row.verdict_index)))
    indices = [event.verdict_index for event in events if isinstance(event, Found)]
    for said in opinions_of(connection, indices):
        events.append(reviewed(said, review))
    for step in steps_of(connection, row.nonconformity):
        events.append(Stepped(step.record_index, msgspec.json.decode(step.statement, type=StepStatement)))
    # A review by which a unit was found is its finding first.
    events.sort(key=lambda event: (event.index, not isinstance(event, Found)))
    return events


def _joining(connection: Connection, row: Row[Any]) -> list[Found]:
    following = connection.execute(
        select(func.min(opened.c.from_index)).where(_key(row), opened.c.from_index > row.from_index)
    ).scalar_one()
    events = []
    if row.defect == "":
        query = select(found.c.record_index, found.c.unit).where(
            found.c.product == row.product,
            found.c.station == row.station,
            found.c.order == row.order,
            found.c.record_index >= row.from_index,
        )
        if following is not None:
            query = query.where(found.c.record_index < following)
        for other in connection.execute(query.order_by(found.c.record_index).limit(EVENTS_MAX)):
            events.append(Found(other.record_index, other.record_index, unit_key(other.unit, other.record_index)))
    earlier = opinions.alias("earlier")
    by_person = select(opinions.c.record_index, opinions.c.verdict_index, opinions.c.unit).where(
        opinions.c.product == row.product,
        opinions.c.station == row.station,
        opinions.c.order == row.order,
        opinions.c.decision == "defective",
        opinions.c.record_index >= row.from_index,
        or_(
            opinions.c.record_index == row.review_index,
            and_(
                opinions.c.defect == row.defect,
                ~exists().where(found.c.record_index == opinions.c.verdict_index),
                ~exists().where(
                    earlier.c.verdict_index == opinions.c.verdict_index,
                    earlier.c.decision == "defective",
                    earlier.c.record_index < opinions.c.record_index,
                ),
            ),
        ),
    )
    if following is not None:
        by_person = by_person.where(opinions.c.record_index < following)
    for said in connection.execute(by_person.order_by(opinions.c.record_index).limit(EVENTS_MAX)):
        events.append(Found(said.record_index, said.verdict_index, unit_key(said.unit, said.verdict_index)))
    return events


def _unit_of(connection: Connection, verdict_index: int) -> str:
    unit = connection.execute(select(verdicts.c.unit).where(verdicts.c.index == verdict_index)).scalar()
    return unit_key(unit, verdict_index)


def opinions_of(connection: Connection, indices: Sequence[int]) -> list[Row[Any]]:
    """Rows of ``opinions`` about these verdicts, oldest first."""
    rows: list[Row[Any]] = []
    for start in range(0, len(indices), _CHUNK):
        query = select(opinions).where(opinions.c.verdict_index.in_(indices[start : start + _CHUNK]))
        rows += connection.execute(query.limit(EVENTS_MAX)).all()
    return sorted(rows, key=attrgetter("record_index"))


def steps_of(connection: Connection, nonconformity: str) -> list[Row[Any]]:
    """Its rows of ``steps``, oldest first."""
    query = select(steps).where(steps.c.nonconformity == nonconformity).order_by(steps.c.record_index)
    return list(connection.execute(query.limit(EVENTS_MAX)).all())
