"""Training labels: images whose unit's condition a reference or settled reviews have told. References come first."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, or_, select

from gaugeblock.inspection.projection import references, verdicts
from gaugeblock.inspection.review_projection import parts
from gaugeblock.inspection.review_read_model import LABELS_LIMIT, Contradiction, Label
from gaugeblock.inspection.standing_columns import is_settled, settled_condition, settled_defects, settled_index
from gaugeblock.stores.database import Database

CONTRADICTIONS_LIMIT = 200

_referenced = references.c.index.is_not(None)
_condition = case((_referenced, references.c.condition), else_=settled_condition)


class LabelReader:
    """Reads labels in the order of their verdicts, a page at a time.

    Parameters
    ----------
    database
        Holds the tables of the verdicts' and the reviews' projections.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def labels(
        self, product: str | None = None, station: str | None = None, *, after: int = -1, limit: int = LABELS_LIMIT
    ) -> list[Label]:
        """At most ``limit`` labels of verdicts with a larger index than ``after``, and never a challenge part.

        Parameters
        ----------
        product, station
            Only of these.
        after
            ``verdict_index`` of the last label of the page before.
        """
        query = _labels(product, station).where(verdicts.c.index > after)
        query = query.order_by(verdicts.c.index).limit(max(1, min(limit, LABELS_LIMIT)))
        with self._database.reading() as connection:
            return _read(connection, query)

    def contradictions(self, product: str | None = None, station: str | None = None) -> list[Contradiction]:
        """Images and units that are labelled both good and defective, at most :data:`CONTRADICTIONS_LIMIT` of each.

        A defect that appears or is reworked between two looks makes a unit differ from itself honestly; training is
        told, and leaves both out unless a person settles it.
        """
        found: list[Contradiction] = []
        with self._database.reading() as connection:
            for by in ("image", "unit"):
                found += _contradictions(connection, by, product, station)
        return found


def _labels(product: str | None, station: str | None) -> Select[Any]:
    source: ColumnElement[str] = case((_referenced, literal("reference")), else_=literal("review"))
    known = verdicts.outerjoin(references, verdicts.c.unit == references.c.unit)
    query = (
        select(
            verdicts.c.index.label("verdict_index"),
            verdicts.c.station,
            verdicts.c.product,
            verdicts.c.unit,
            verdicts.c.order,
            verdicts.c.observed_at,
            verdicts.c.image_sha256,
            _condition.label("condition"),
            case((_referenced, references.c.defects), else_=settled_defects).label("defects"),
            source.label("source"),
            case((_referenced, references.c.index), else_=settled_index).label("source_index"),
        )
        .select_from(known.outerjoin(parts, verdicts.c.index == parts.c.verdict_index))
        .where(
            verdicts.c.image_sha256.is_not(None),
            verdicts.c.purpose == "production",
            or_(_referenced, and_(parts.c.verdict_index.is_not(None), is_settled)),
        )
    )
    if product is not None:
        query = query.where(verdicts.c.product == product)
    if station is not None:
        query = query.where(verdicts.c.station == station)
    return query


def _read(connection: Connection, query: Select[Any]) -> list[Label]:
    labels = []
    for row in connection.execute(query).mappings():
        values = dict(row)
        values["defects"] = msgspec.json.decode(values["defects"] or "[]", type=tuple[str, ...])
        labels.append(Label(**values))
    return labels


def _contradictions(
    connection: Connection, by: Literal["image", "unit"], product: str | None, station: str | None
) -> list[Contradiction]:
    column = verdicts.c.image_sha256 if by == "image" else verdicts.c.unit
    labels = _labels(product, station)
    keys = (
        labels.with_only_columns(column)
        .where(column.is_not(None))
        .group_by(column)
        .having(func.count(func.distinct(_condition)) > 1)
        .order_by(column)
        .limit(CONTRADICTIONS_LIMIT)
    )
    wanted = list(connection.execute(keys).scalars())
    if not wanted:
        return []
    grouped: dict[str, list[Label]] = {key: [] for key in wanted}
    for label in _read(connection, labels.where(column.in_(wanted)).order_by(verdicts.c.index)):
        grouped[label.image_sha256 if by == "image" else label.unit or ""].append(label)
    return [Contradiction(by=by, key=key, labels=tuple(rows)) for key, rows in grouped.items()]
