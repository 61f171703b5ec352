"""Fills a customer's stock from the projections' tables: whole, or by the records that came since.

SQL finds candidates by what they name; the pure rules (:mod:`gaugeblock.exchange.contract`) decide about each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, select

from gaugeblock.exchange.contract import Terms
from gaugeblock.exchange.customer_stock import Belongings, CustomerStock, ItemRow
from gaugeblock.exchange.items_projection import MESSAGE, items, lot_units, lots, orders
from gaugeblock.plant.exchange_facets import ContractStatement

CHUNK = 400
RECORDS_MOST = 100_000
"""Records of one customer that a stock keeps, about 1 kB each: of verdicts and what hangs on them the newest."""

BULK = ("inspection.verdict", "inspection.review", "inspection.reference")

Key = TypeVar("Key", int, str)

_unnamed = and_(items.c.order.is_(None), items.c.lot.is_(None))


def rows_between(connection: Connection, start: int, stop: int) -> Iterator[ItemRow]:
    """Rows ``start`` up to, not including, ``stop``, in the order of the log."""
    query = (
        select(items).where(items.c.record_index >= start, items.c.record_index < stop).order_by(items.c.record_index)
    )
    for row in connection.execution_options(yield_per=500).execute(query):
        yield _row(row)


def load_belongings(connection: Connection, known: Belongings, start: int) -> None:
    """Bring ``known`` up to date with records from ``start`` on."""
    for row in connection.execute(select(orders).where(orders.c.record_index >= start)):
        known.owners[row.order] = row.customer
    for row in connection.execute(select(lots).where(lots.c.record_index >= start)):
        known.lots[row.lot] = (row.order, row.heat)


class Scope:
    """The orders, lots, units and heats that a contract covers now."""

    def __init__(
        self, connection: Connection, customer: str, statement: ContractStatement, belongings: Belongings
    ) -> None:
        bare = Terms(customer=customer, statement=statement, owners=belongings.owners)
        named = {order for order in statement.orders if bare.order_in_scope(order)}
        own = {order for order, owner in belongings.owners.items() if owner == customer and bare.order_in_scope(order)}
        self.orders = frozenset(own | named)
        listed = frozenset(statement.lots)
        self.lots = frozenset(
            lot
            for lot, (order, _) in belongings.lots.items()
            if order in self.orders or (lot in listed and belongings.owners.get(order or "") in (None, customer))
        ) | {lot for lot in listed if lot not in belongings.lots}
        heats = {belongings.lots[lot][1] for lot in self.lots if lot in belongings.lots}
        self.heats = frozenset(heat for heat in heats if heat is not None)
        self.unit_lots = unit_lots(connection, self.lots)
        self.terms = Terms(customer=customer, statement=statement, owners=belongings.owners, heats=self.heats)


def unit_lots(connection: Connection, of_lots: Iterable[str]) -> dict[str, frozenset[str]]:
    """Units that these lots list, each with all lots that list it (also those of others)."""
    current = lot_units.join(lots, and_(lots.c.lot == lot_units.c.lot, lots.c.record_index == lot_units.c.record_index))
    listed = lot_units.alias("listed")
    newest = lots.alias("newest")
    found: dict[str, set[str]] = {}
    for chunk in chunks(of_lots):
        units = select(lot_units.c.unit).select_from(current).where(lot_units.c.lot.in_(chunk))
        query = (
            select(listed.c.unit, listed.c.lot)
            .select_from(
                listed.join(newest, and_(newest.c.lot == listed.c.lot, newest.c.record_index == listed.c.record_index))
            )
            .where(listed.c.unit.in_(units))
        )
        for row in connection.execute(query):
            found.setdefault(row.unit, set()).add(row.lot)
    return {unit: frozenset(known) for unit, known in found.items()}


def load_stock(
    connection: Connection,
    customer: str,
    statement: ContractStatement,
    belongings: Belongings,
    stop: int,
    most: int = RECORDS_MOST,
) -> CustomerStock:
    """Everything that the customer may see of records below ``stop``.

    Parameters
    ----------
    most
        Of verdicts and what hangs on them the newest so many are kept, and as many of all other records.
    """
    scope = Scope(connection, customer, statement, belongings)
    stock = CustomerStock(scope.terms, belongings, scope.unit_lots)
    types = [*scope.terms.record_types, MESSAGE]
    chosen: list[int] = []
    for kinds in ([kind for kind in types if kind in BULK], [kind for kind in types if kind not in BULK]):
        base = (items.c.record_index < stop, items.c.record_type.in_(kinds))
        found: set[int] = set()
        for clause in _candidates(scope, customer, statement):
            query = select(items.c.record_index).where(*base, *clause).order_by(items.c.record_index.desc())
            found.update(connection.execute(query.limit(most)).scalars())
        chosen += sorted(found)[-most:]
    seconds = _second_openings(connection, stop)
    for chunk in chunks(chosen):
        query = select(items).where(items.c.record_index.in_(chunk)).order_by(items.c.record_index)
        for row in connection.execute(query):
            if row.record_index not in seconds:
                stock.offer(_row(row))
    return stock


def _candidates(scope: Scope, customer: str, statement: ContractStatement) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """What may be in scope, by what it names."""
    for column, keys, others in (
        (items.c.order, scope.orders, ()),
        (items.c.lot, scope.lots, ()),
        (items.c.unit, scope.unit_lots, (_unnamed,)),
        (items.c.heat, scope.heats, (_unnamed, items.c.unit.is_(None))),
        (items.c.product, statement.products, (_unnamed, items.c.unit.is_(None))),
    ):
        for chunk in chunks(keys):
            yield (column.in_(chunk), *others)
    yield (items.c.customer == customer,)
    # A document may be named by its digest alone, and its withdrawal counts whatever else it names; they are few.
    yield (items.c.record_type == "exchange.document",)
    # Steps name their nonconformity alone.
    opened = items.alias("opened")
    for chunk in chunks(scope.orders):
        names = select(opened.c.nonconformity).where(
            opened.c.record_type == "nonconformity.opened", opened.c.order.in_(chunk)
        )
        yield (items.c.record_type == "nonconformity.step", items.c.nonconformity.in_(names))


def _second_openings(connection: Connection, stop: int) -> frozenset[int]:
    """Nonconformities of a number that another record had opened before: they do not count."""
    first = (
        select(items.c.nonconformity, func.min(items.c.record_index).label("first"))
        .where(items.c.record_type == "nonconformity.opened")
        .group_by(items.c.nonconformity)
        .having(func.count() > 1)
        .subquery()
    )
    query = select(items.c.record_index).where(
        items.c.record_type == "nonconformity.opened",
        items.c.nonconformity == first.c.nonconformity,
        items.c.record_index > first.c.first,
        items.c.record_index < stop,
    )
    return frozenset(connection.execute(query).scalars())


def opened_before(connection: Connection, row: ItemRow) -> bool:
    """Whether a nonconformity of this number was opened by an earlier record."""
    return connection.execute(
        select(
            exists().where(
                items.c.nonconformity == row.nonconformity,
                items.c.record_type == "nonconformity.opened",
                items.c.record_index < row.record_index,
            )
        )
    ).scalar_one()


def _row(row: Row[Any]) -> ItemRow:
    values: tuple[Any, ...] = tuple(row)
    return ItemRow(*values)


def chunks(keys: Iterable[Key]) -> Iterator[list[Key]]:
    """Sorted keys, some hundred at a time: databases bound the parameters of a statement."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
