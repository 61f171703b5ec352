"""Gives each customer's view of now, from tables that another process writes. Cheap while nothing changes.

``view`` is called for each request and reads memory alone; ``refresh`` is called in the background, often: one small
query while the log has not moved, otherwise the records that came since.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from gaugeblock.exchange.contract_history import (
    ContractState,
    VersionState,
    in_force,
    next_change,
)
from gaugeblock.exchange.contract_projection import ContractProjection, steps, versions
from gaugeblock.exchange.contract_queries import read_contracts
from gaugeblock.exchange.customer_stock import Belongings, CustomerStock, ItemRow
from gaugeblock.exchange.items_projection import ItemsProjection
from gaugeblock.exchange.stock_changes import Held, stale_customers
from gaugeblock.exchange.stock_loading import (
    RECORDS_MOST,
    load_belongings,
    load_stock,
    opened_before,
    rows_between,
)
from gaugeblock.exchange.view import CustomerView, EvidenceLog
from gaugeblock.stores.database import Database
from gaugeblock.stores.projections import projection_positions

PROJECTIONS = (ContractProjection.name, ItemsProjection.name)


@dataclass(slots=True)
class _Current:
    view: CustomerView
    until: datetime | None


@dataclass(slots=True)
class _Known:
    """Everything that was read, up to ``position``."""

    position: int = 0
    contracts: dict[str, ContractState] = field(default_factory=dict)
    belongings: Belongings = field(default_factory=Belongings)
    held: dict[str, Held] = field(default_factory=dict)


class ViewSource:
    """See the module.

    Parameters
    ----------
    database
        Holds the tables of :func:`~gaugeblock.exchange.projections.exchange_projections`; only read.
    log
        For evidence.
    most
        Records that are kept of one customer.

    Examples
    --------
    ``source.refresh()`` in a loop, and for each request ``source.view("acme", clock.now())``.
    """

    def __init__(self, database: Database, log: EvidenceLog, most: int = RECORDS_MOST) -> None:
        self._database, self._log, self._most = database, log, most
        self._loading = threading.Lock()
        self._known = _Known()
        self._current: dict[str, _Current] = {}
        self._now: datetime | None = None

    @property
    def position(self) -> int:
        """How many records of the log are read."""
        return self._known.position

    def view(self, customer: str, now: datetime) -> CustomerView:
        """What the customer may see at ``now``, as of the last refresh; the same object while nothing changes.

        The first view of a customer, and the first under another contract version, read the database.
        """
        current = self._current.get(customer)
        if current is not None and (current.until is None or now < current.until):
            return current.view
        with self._loading:
            self._now = now
            made = self._make(customer, now, None) if self._known.position else None
            if made is None:
                with self._database.reading() as connection:
                    if not self._known.position:
                        self._advance(connection)
                    made = self._make(customer, now, connection)
                assert made is not None, "with a connection there is always a view"
            self._current[customer] = made
            return made.view

    def customers(self) -> tuple[str, ...]:
        """Customers with a contract, whatever became of it."""
        return tuple(sorted({known.customer for known in self._known.contracts.values()}))

    def refresh(self) -> bool:
        """Read what came since; whether anything did. Not to be called on an event loop.

        Raises
        ------
        StoreError
        """
        with self._loading, self._database.reading() as connection:
            return self._advance(connection)

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────

    def _advance(self, connection: Connection) -> bool:
        known = self._known
        rows = (
            connection.execute(
                select(projection_positions.c.position).where(projection_positions.c.name.in_(PROJECTIONS))
            )
            .scalars()
            .all()
        )
        stop = min(rows) if len(rows) == len(PROJECTIONS) else 0
        if stop == known.position:
            return False
        if stop < known.position:
            # The tables are being built anew: what was read may not come again.
            self._known = known = _Known()
            self._current.clear()
        start = known.position
        changed = self._read_contracts(connection, start)
        # Before the belongings are brought up to date, so that old and new can be told apart.
        stale = stale_customers(connection, known.belongings, known.held, start)
        load_belongings(connection, known.belongings, start)
        changed |= stale
        for customer in stale:
            known.held.pop(customer, None)
        for row in rows_between(connection, start, stop):
            changed |= {customer for customer, held in known.held.items() if self._offer(connection, held.stock, row)}
        for customer, held in list(known.held.items()):
            kept = len(held.stock.indices)
            if kept > self._most and kept - held.loaded > self._most // 4:
                del known.held[customer]
                changed.add(customer)
        known.position = stop
        for customer in changed & self._current.keys():
            # Made anew here, so that the next request finds it; a view that is in use stays as it is.
            made = self._make(customer, self._now, connection) if self._now is not None else None
            if made is not None:
                self._current[customer] = made
        return True

    def _offer(self, connection: Connection, stock: CustomerStock, row: ItemRow) -> bool:
        if row.record_type == "nonconformity.opened" and stock.permitted(row) and opened_before(connection, row):
            return False
        return stock.offer(row)

    def _read_contracts(self, connection: Connection, start: int) -> set[str]:
        """Fold contracts anew where there are new records about them; whose they are."""
        moved: set[str] = set()
        for table in (versions, steps):
            query = select(table.c.contract).where(table.c.record_index >= start).distinct()
            moved.update(connection.execute(query).scalars())
        for contract in moved:
            self._known.contracts.update(read_contracts(connection, contract=contract))
        return {self._known.contracts[contract].customer for contract in moved if contract in self._known.contracts}

    def _make(self, customer: str, now: datetime, connection: Connection | None) -> _Current | None:
        """The view of now; ``None`` where the database is needed for it and no connection is given."""
        known = self._known
        own = [contract for contract in known.contracts.values() if contract.customer == customer]
        state = in_force(own, customer, now)
        stock = None
        if state is not None:
            held = known.held.get(customer)
            if held is None or held.stated_index != state.stated.index:
                if connection is None:
                    return None
                held = self._load(connection, customer, state)
            stock = held.stock
        else:
            known.held.pop(customer, None)
        view = CustomerView(
            customer=customer, contracts=own, state=state, stock=stock, log_size=known.position, log=self._log
        )
        return _Current(view, next_change(own, customer, now))

    def _load(self, connection: Connection, customer: str, state: VersionState) -> Held:
        known = self._known
        stock = load_stock(connection, customer, state.statement, known.belongings, known.position, self._most)
        held = known.held[customer] = Held(stock, state.stated.index, state.statement, len(stock.indices))
        return held
