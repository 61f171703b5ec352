"""From contracts and their steps to rows. A row is a record: what has become of a contract is folded when it is asked
for (:mod:`gaugeblock.exchange.contract_history`)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    CustomerProcess,
)
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

versions = Table(
    "exchange_contract_versions",
    metadata,
    # Not contract and version: whoever states a version a second time does not take the first one's place.
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("contract", String(200), nullable=False),
    Column("customer", String(200), nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("statement", Text, nullable=False),
    Index("exchange_contract_versions_customer", "customer", "record_index"),
    Index("exchange_contract_versions_contract", "contract", "record_index"),
)

steps = Table(
    "exchange_contract_steps",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("contract", String(200), nullable=False),
    Column("customer", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("step", String(16), nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("credential", String(200)),
    Index("exchange_contract_steps_customer", "customer", "record_index"),
    Index("exchange_contract_steps_contract", "contract", "record_index"),
)


class ContractProjection:
    """Versions and steps, each by its record."""

    name = "exchange_contracts"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if not isinstance(subject, ContractSubject):
            return
        head = {
            "contract": subject.contract,
            "customer": subject.customer,
            "author": record.author,
            "stated_at": record.stated_at,
        }
        if isinstance(statement, ContractStatement):
            yield Put(
                versions.name,
                {"record_index": record.index},
                {**head, "statement": msgspec.json.encode(statement).decode()},
            )
        elif isinstance(statement, ContractStepStatement):
            process = record.facets.get("process")
            yield Put(
                steps.name,
                {"record_index": record.index},
                {
                    **head,
                    "version": statement.version,
                    "step": statement.step,
                    "reason": statement.reason,
                    "credential": process.credential if isinstance(process, CustomerProcess) else None,
                },
            )
