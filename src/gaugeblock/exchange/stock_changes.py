"""Whether new records about orders and lots bring a customer's earlier records into scope, or take them out of it.

Most do not: an order or a lot is introduced before what is made for it. Where they do, the stock is loaded anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, exists, select

from gaugeblock.exchange.contract import UNKNOWN, Terms
from gaugeblock.exchange.customer_stock import Belongings, CustomerStock
from gaugeblock.exchange.items_projection import items, lot_units, lots, orders
from gaugeblock.exchange.stock_loading import chunks, unit_lots
from gaugeblock.plant.exchange_facets import ContractStatement


@dataclass(slots=True)
class Held:
    """What is kept of one customer: its stock under the version that the record at ``stated_index`` stated.

    ``loaded`` is how many records it had when it was loaded.
    """

    stock: CustomerStock
    stated_index: int
    statement: ContractStatement
    loaded: int


def stale_customers(connection: Connection, known: Belongings, held: Mapping[str, Held], start: int) -> set[str]:
    """Whose stock must be loaded anew because of records from ``start`` on.

    Parameters
    ----------
    known
        As of before these records.
    held
        Stocks by customer; units and heats of new lots are entered where that is enough.
    """
    if not held:
        return set()
    stale: set[str] = set()
    owners = dict(known.owners)
    for row in connection.execute(select(orders).where(orders.c.record_index >= start)):
        before = known.owners.get(row.order, UNKNOWN)
        owners[row.order] = row.customer
        if before == row.customer:
            continue
        concerned = {
            customer
            for customer, kept in held.items()
            # Whoever is shown a lot by its number is shown it only while its order is nobody else's.
            if customer in (before, row.customer) or row.order in kept.statement.orders or kept.statement.lots
        }
        if concerned - stale and (before != UNKNOWN or _named(connection, start, items.c.order == row.order)):
            stale |= concerned
    for row in connection.execute(select(lots).where(lots.c.record_index >= start)).all():
        moved = _Lot(row.lot, row.order, row.heat, _units(connection, row.lot, row.record_index))
        for customer, kept in held.items():
            if customer not in stale and _lot_moves(connection, known, owners, kept, moved, start):
                stale.add(customer)
    return stale


@dataclass(frozen=True, slots=True)
class _Lot:
    lot: str
    order: str | None
    heat: str | None
    units: frozenset[str]


def _lot_moves(
    connection: Connection, known: Belongings, owners: Mapping[str, str | None], kept: Held, moved: _Lot, start: int
) -> bool:
    """Whether a lot's new record moves earlier records of a customer; enters its units and heat where it does not."""
    terms, stock = kept.stock.terms, kept.stock
    before = known.lots.get(moved.lot)
    if (before is None or before[0] != moved.order) and _named(
        connection, start, items.c.lot == moved.lot, items.c.order.is_not(None)
    ):
        # A record that names an order and this lot belongs to both orders: it may be somebody else's from here on.
        return True
    covered = _covers(replace(terms, owners=owners), moved.lot, moved.order)
    was_covered = _covers(terms, moved.lot, before[0] if before is not None else None)
    if not (covered or was_covered):
        # Whoever lists one of its units elsewhere makes that unit's records doubtful, until they do not any more.
        return any(unit in stock.unit_lots for unit in moved.units) or any(
            moved.lot in of_lots for of_lots in stock.unit_lots.values()
        )
    if covered != was_covered and before is not None:
        return True
    if before is not None and before != (moved.order, moved.heat):
        return True
    listed = {unit for unit, of_lots in stock.unit_lots.items() if moved.lot in of_lots}
    if listed - moved.units:
        return True
    added = moved.units - listed
    unnamed = items.c.order.is_(None)
    if before is None and _named(connection, start, items.c.lot == moved.lot, unnamed):
        return True
    if moved.heat is not None and moved.heat not in terms.heats:
        if _named(connection, start, items.c.heat == moved.heat, unnamed, items.c.lot.is_(None)):
            return True
        stock.terms = replace(terms, heats=terms.heats | {moved.heat})
    for chunk in chunks(added):
        if _named(connection, start, items.c.unit.in_(chunk), unnamed, items.c.lot.is_(None)):
            return True
    if added:
        found = unit_lots(connection, [moved.lot])
        stock.unit_lots.update({unit: found[unit] for unit in added if unit in found})
    return False


def _covers(terms: Terms, lot: str, order: str | None) -> bool:
    if order is not None and terms.order_in_scope(order):
        return True
    return lot in terms.statement.lots and terms.owners.get(order or UNKNOWN) in (None, terms.customer)


def _units(connection: Connection, lot: str, index: int) -> frozenset[str]:
    query = select(lot_units.c.unit).where(lot_units.c.lot == lot, lot_units.c.record_index == index)
    return frozenset(connection.execute(query).scalars())


def _named(connection: Connection, start: int, *clauses: ColumnElement[bool]) -> bool:
    """Whether an earlier record fits."""
    query = select(exists().where(items.c.record_index < start, *clauses))
    return bool(connection.execute(query).scalar_one())
