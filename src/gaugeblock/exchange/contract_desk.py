"""The contract desk: people of the plant draft, approve and revoke contracts; each step is a record.

A version is offered as soon as it is stated, or approved where its data need that. Accepting and declining are the
customer's, through the exchange.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select

from gaugeblock.exchange.contract_errors import (
    ContractChangedError,
    ContractCustomerError,
    ContractMissingError,
    ContractNumberError,
    ContractReasonError,
)
from gaugeblock.exchange.contract_history import (
    ContractState,
    StepName,
    VersionState,
    check_step,
    in_force,
)
from gaugeblock.exchange.contract_queries import ProjectedContracts
from gaugeblock.exchange.contract_terms import check_terms
from gaugeblock.exchange.customer_stock import Belongings
from gaugeblock.exchange.items_projection import items, lots, orders
from gaugeblock.exchange.ports import Statements
from gaugeblock.exchange.stock_loading import load_belongings, load_stock
from gaugeblock.exchange.view_building import record_view
from gaugeblock.exchange.view_model import RecordView
from gaugeblock.plant.exchange_facets import ContractStatement, ContractStepStatement, ContractSubject
from gaugeblock.plant.settings import Customer
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database

REASON_MOST = 1000
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PREVIEW_RECORDS = 5_000


class TypePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What would leave of one record type: how many records as of now, and one of them as the customer would see it."""

    record_type: str
    count: int
    images: int
    sample: RecordView | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would let its customer see of the records of now.

    ``orders`` is how many orders are in scope; ``capped`` says that counts end at the most that were looked at.
    """

    orders: int
    types: tuple[TypePreview, ...]
    capped: bool


class ContractDesk:
    """Commands of people, and the reader of what they led to.

    Parameters
    ----------
    statements
        What it has stated, the tables in ``database`` show when it returns.
    database
        Holds the tables of :func:`~gaugeblock.exchange.projections.exchange_projections`.
    clock
        For what is in force.
    customers
        Those of ``plant.toml``.
    """

    def __init__(
        self, statements: Statements, database: Database, clock: Clock, customers: Sequence[Customer] = ()
    ) -> None:
        self.reader = ProjectedContracts(database)
        self.customers = tuple(customers)
        self._statements, self._database, self._clock = statements, database, clock
        self._deciding = threading.Lock()

    def customer(self, customer: str) -> Customer:
        """A customer of ``plant.toml``.

        Raises
        ------
        ContractCustomerError
        """
        known = next((known for known in self.customers if known.id == customer), None)
        if known is None:
            raise ContractCustomerError(customer=customer[:80] or "–")
        return known

    def contract(self, contract: str) -> ContractState:
        """A contract by its number.

        Raises
        ------
        ContractMissingError
        """
        known = self.reader.contract(contract)
        if known is None:
            raise ContractMissingError(contract=contract[:80] or "–", version=1)
        return known

    def in_force(self, customer: str) -> VersionState | None:
        """The version by which a customer is served now."""
        return in_force(self.reader.of_customer(customer), customer, self._clock.now())

    # ── what people do ──────────────────────────────────────────────────────────────────────────────────

    def draft(self, person: str, contract: str, customer: str, statement: ContractStatement, token: str) -> int:
        """State a version; its record's index.

        Parameters
        ----------
        person
            As an author of records: ``person:<name>``.
        statement
            Its ``version`` is the one after the latest that its drafter has seen.
        token
            Makes it the same statement when it is sent twice.

        Raises
        ------
        ContractNumberError, ContractCustomerError, ContractChangedError
            And what :func:`~gaugeblock.exchange.contract_terms.check_terms` refuses.
        """
        self.customer(customer)
        if NUMBER.fullmatch(contract) is None:
            raise ContractNumberError(contract=contract[:80] or "–")
        self.check(customer, statement)
        identity = f"contract/{contract}/{statement.version}/{token}"
        facets = {"subject": ContractSubject(contract, customer), "statement": statement}
        with self._deciding:
            known = self.reader.contract(contract)
            if known is not None and known.customer != customer:
                raise ContractNumberError(contract=contract)
            latest = known.latest if known is not None else None
            follows = 1 if latest is None else latest.statement.version + 1
            again = latest is not None and latest.statement == statement and latest.stated.author == person
            if statement.version != follows and not again:
                raise ContractChangedError(contract=contract, version=follows - 1)
            if again and latest is not None:
                return latest.stated.index
            return self._statements.state(person, "exchange.contract", identity, facets)

    def check(self, customer: str, statement: ContractStatement) -> None:
        """Refuse terms that could not be meant; see :func:`~gaugeblock.exchange.contract_terms.check_terms`."""
        with self._database.reading() as connection:
            lot_orders = {
                row.lot: row.order
                for row in connection.execute(
                    select(lots.c.lot, lots.c.order).where(lots.c.lot.in_(statement.lots[:PREVIEW_RECORDS]))
                )
            }
            named = {*statement.orders[:PREVIEW_RECORDS], *(order for order in lot_orders.values() if order)}
            owners = {
                row.order: row.customer
                for row in connection.execute(
                    select(orders.c.order, orders.c.customer).where(orders.c.order.in_(sorted(named)))
                )
            }
        check_terms(statement, customer, owners, lot_orders)

    def approve(self, person: str, contract: str, version: int, reason: str) -> int:
        """Approve that the data of a version leave; by another person than its drafter.

        Raises
        ------
        ContractMissingError, ContractStepError, ContractFourEyesError, ContractReasonError
        """
        return self._step(person, contract, version, "approved", reason)

    def revoke(self, person: str, contract: str, version: int, reason: str) -> int:
        """End a contract with all its versions, at once. When this returns, the record is durable.

        Raises
        ------
        ContractMissingError, ContractStepError, ContractReasonError
        """
        return self._step(person, contract, version, "revoked", reason)

    def _step(self, person: str, contract: str, version: int, step: StepName, reason: str) -> int:
        said = reason.strip()
        if not said or len(said) > REASON_MOST:
            raise ContractReasonError(limit=REASON_MOST)
        with self._deciding:
            known = self.contract(contract)
            check_step([known], known.customer, contract, version, step, person, self._clock.now())
            return self._statements.state(
                person,
                "exchange.contract_step",
                f"contract/{contract}/{version}/{step}",
                {
                    "subject": ContractSubject(contract, known.customer),
                    "statement": ContractStepStatement(version=version, step=step, reason=said),
                },
            )

    # ── what would leave ────────────────────────────────────────────────────────────────────────────────

    def preview(self, customer: str, statement: ContractStatement) -> Preview:
        """What these terms would let the customer see now, by record type.

        Raises
        ------
        ContractCustomerError
        """
        self.customer(customer)
        with self._database.reading() as connection:
            newest = connection.execute(select(func.max(items.c.record_index))).scalar_one()
            belongings = Belongings()
            load_belongings(connection, belongings, 0)
            stop = 0 if newest is None else int(newest) + 1
            stock = load_stock(connection, customer, statement, belongings, stop, PREVIEW_RECORDS)
        counts = Counter(item.record_type for item in stock.items.values())
        images = Counter(item.record_type for item in stock.items.values() if item.image is not None)
        return Preview(
            orders=len(stock.nouns["production.order"].ids) if "production.order" in stock.nouns else 0,
            types=tuple(
                TypePreview(
                    record_type=record_type,
                    count=counts[record_type],
                    images=images[record_type],
                    sample=record_view(stock.items[stock.of_type[record_type][-1]]) if counts[record_type] else None,
                )
                for record_type in stock.terms.record_types
            ),
            capped=len(stock.items) >= PREVIEW_RECORDS,
        )
