"""Where a part stands as SQL over its three slots: the same rule as ``review_rules.standing``."""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, and_, case, false, func, literal, null, or_, text

from gaugeblock.inspection.review_projection import UNSETTLED, parts

_DECISIVE = ("good", "defective")

_adjudicated = parts.c.adjudication_decision.in_(_DECISIVE)
_second = and_(parts.c.second_decision.is_not(None), parts.c.second_person != parts.c.first_person)
_first = parts.c.first_decision.is_not(None)
_agreed = and_(
    _first,
    _second,
    parts.c.second_decision.in_(_DECISIVE),
    or_(parts.c.first_decision == parts.c.second_decision, parts.c.first_decision == "unsure"),
)
_alone = and_(
    parts.c.first_decision.in_(_DECISIVE),
    or_(parts.c.second_decision.is_(None), parts.c.second_person == parts.c.first_person),
    parts.c.second_wanted.is_(False),
)

settled_condition: ColumnElement[str | None] = case(
    (_adjudicated, parts.c.adjudication_decision),
    (_agreed, parts.c.second_decision),
    (_alone, parts.c.first_decision),
    else_=null(),
)
settled_index: ColumnElement[int | None] = case(
    (_adjudicated, parts.c.adjudication_index),
    (_agreed, parts.c.second_index),
    (_alone, parts.c.first_index),
    else_=null(),
)
_agreed_defects = case(
    (and_(parts.c.second_defects == "[]", parts.c.first_defects.is_not(None)), parts.c.first_defects),
    else_=parts.c.second_defects,
)
settled_defects: ColumnElement[str | None] = case(
    (_adjudicated, parts.c.adjudication_defects),
    (_agreed, _agreed_defects),
    (_alone, parts.c.first_defects),
    else_=null(),
)
# An empty slot makes comparisons unknown; unknown is not settled.
is_settled: ColumnElement[bool] = func.coalesce(or_(_adjudicated, _agreed, _alone), false())
# Said as the index says it, so that the databases find these rows by it.
is_disputed: ColumnElement[bool] = and_(text(UNSETTLED), _second)
wants_second: ColumnElement[bool] = and_(
    text(UNSETTLED), or_(parts.c.second_decision.is_(None), parts.c.second_person == parts.c.first_person)
)
is_open: ColumnElement[bool] = and_(parts.c.due.is_not(None), parts.c.open.is_(True), ~is_settled)

stage: ColumnElement[str | None] = case(
    (is_settled, literal("settled", String)),
    (and_(_first, _second), literal("disputed", String)),
    (_first, literal("second", String)),
    (parts.c.due.is_not(None), literal("open", String)),
    else_=null(),
)
