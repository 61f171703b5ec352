"""What a unit was made of, as a tree, and where a component went: the two directions of traceability."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, and_, select

from gaugeblock.plant.production_facets import Component
from gaugeblock.production.errors import GenealogyCycleError
from gaugeblock.production.orders_projection import components, genealogy, lots
from gaugeblock.production.read_model import Part
from gaugeblock.stores.database import Database

DEPTH_MAX = 12
PARTS_MAX = 2_000
USES_MAX = 1_000

Kind = Literal["unit", "lot", "heat"]


class ProjectedGenealogy:
    """Reads genealogies; what a station joined last takes the place of what it joined before.

    Parameters
    ----------
    database
        Holds the tables of :class:`~gaugeblock.production.orders_projection.OrdersProjection`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def tree(self, unit: str) -> Part:
        """The unit and what went into it, to :data:`DEPTH_MAX` levels and :data:`PARTS_MAX` parts.

        A lot that went in is followed to its heat. Records that came another way than through the desk may say that
        a unit is a part of itself: there the tree is cut.
        """
        left = [PARTS_MAX]
        with self._database.reading() as connection:
            return _grow(connection, Part(kind="unit", id=unit), (), left)

    def used_in(self, kind: Kind, number: str) -> list[tuple[str, int]]:
        """The units into which it went, each with the record that says so."""
        query = (
            select(components.c.unit, components.c.record_index)
            .join(
                genealogy,
                and_(
                    genealogy.c.unit == components.c.unit,
                    genealogy.c.station == components.c.station,
                    genealogy.c.record_index == components.c.record_index,
                ),
            )
            .where(components.c.kind == kind, components.c.id == number)
            .order_by(components.c.unit)
            .limit(USES_MAX)
        )
        with self._database.reading() as connection:
            return [(row.unit, row.record_index) for row in connection.execute(query)]

    def check(self, unit: str, joined: Iterable[Component]) -> None:
        """Whether these may go into the unit.

        Raises
        ------
        GenealogyCycleError
            The unit went into one of them, directly or at some depth.
        """
        with self._database.reading() as connection:
            check_acyclic(unit, joined, lambda number: _units_in(connection, number))


def check_acyclic(unit: str, joined: Iterable[Component], units_of: Callable[[str], Iterable[str]]) -> None:
    """Refuse components of which ``unit`` is a part itself.

    Parameters
    ----------
    units_of
        The units that went into one.

    Raises
    ------
    GenealogyCycleError

    Examples
    --------
    >>> made_of = {"B": ["C"], "C": ["A"]}
    >>> check_acyclic("A", [Component("unit", "D")], lambda number: made_of.get(number, []))
    >>> check_acyclic("A", [Component("unit", "B")], lambda number: made_of.get(number, []))
    Traceback (most recent call last):
    gaugeblock.production.errors.GenealogyCycleError: ...
    """
    for component in joined:
        if component.kind != "unit":
            continue
        seen: set[str] = set()
        todo = [component.id]
        while todo and len(seen) < PARTS_MAX:
            at = todo.pop()
            if at == unit:
                raise GenealogyCycleError(unit=unit[:200], component=component.id[:200])
            if at not in seen:
                seen.add(at)
                todo.extend(units_of(at))


def _units_in(connection: Connection, unit: str) -> list[str]:
    return [part.id for part, _, _ in _made_of(connection, unit) if part.kind == "unit"]


def _made_of(connection: Connection, unit: str) -> list[tuple[Component, int, str]]:
    query = select(genealogy).where(genealogy.c.unit == unit).order_by(genealogy.c.record_index)
    found: list[tuple[Component, int, str]] = []
    for row in connection.execute(query):
        for part in msgspec.json.decode(row.components, type=tuple[Component, ...]):
            found.append((part, row.record_index, row.station))
    return found


def _grow(connection: Connection, part: Part, above: tuple[str, ...], left: list[int]) -> Part:
    if part.kind == "lot":
        row: Row[Any] | None = connection.execute(select(lots).where(lots.c.lot == part.id)).first()
        heat = () if row is None or not row.heat else (Part(kind="heat", id=row.heat, index=row.record_index),)
        return msgspec.structs.replace(part, parts=heat)
    if part.kind == "heat":
        return part
    if part.id in above or len(above) >= DEPTH_MAX:
        return msgspec.structs.replace(part, cut=True)
    grown: list[Part] = []
    for component, index, station in _made_of(connection, part.id):
        if left[0] == 0:
            return msgspec.structs.replace(part, parts=tuple(grown), cut=True)
        left[0] -= 1
        node = Part(
            kind=component.kind,
            id=component.id,
            index=index,
            quantity=component.quantity,
            quantity_unit=component.quantity_unit,
            supplier=component.supplier,
            station=station or None,
        )
        grown.append(_grow(connection, node, (*above, part.id), left))
    return msgspec.structs.replace(part, parts=tuple(grown))
