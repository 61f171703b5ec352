"""To whom the plant's shared documents and footprints are shown now: by the contracts in force, and no other way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from gaugeblock.exchange.contract import SubjectRef, Terms
from gaugeblock.exchange.contract_history import in_force
from gaugeblock.exchange.contract_queries import read_contracts
from gaugeblock.exchange.items_projection import orders
from gaugeblock.exchange.stock_loading import chunks
from gaugeblock.stores.database import Database


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """A customer and the contract by which they see it."""

    customer: str
    contract: str
    version: int


def audiences(database: Database, refs: Sequence[SubjectRef], now: datetime) -> list[tuple[Audience, ...]]:
    """For each of the things the customers who may see it, by id.

    Parameters
    ----------
    database
        Holds the tables of :func:`~gaugeblock.exchange.projections.exchange_projections`.
    refs
        What they are about; documents with their digest.
    """
    with database.reading() as connection:
        contracts = read_contracts(connection).values()
        named = {order for ref in refs for order in ref.orders}
        owners: dict[str, str | None] = {}
        for chunk in chunks(named):
            query = select(orders.c.order, orders.c.customer).where(orders.c.order.in_(chunk))
            owners.update({row.order: row.customer for row in connection.execute(query)})
    current = []
    for customer in sorted({known.customer for known in contracts}):
        state = in_force(contracts, customer, now)
        if state is not None:
            terms = Terms(customer=customer, statement=state.statement, owners=owners)
            current.append((terms, _audience(customer, state.stated.contract, state.statement.version)))
    return [tuple(seen_by(ref, current)) for ref in refs]


def seen_by(ref: SubjectRef, current: Iterable[tuple[Terms, Audience]]) -> list[Audience]:
    """Whose terms permit any of it."""
    return [audience for terms, audience in current if terms.permits(ref) is not None]


def _audience(customer: str, contract: str, version: int) -> Audience:
    return Audience(customer=customer, contract=contract, version=version)
