"""From transfer records to rows: one row a record. The entries stay in the record; what is asked of all is counted."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

from gaugeblock.plant.exchange_facets import TransferStatement, TransferSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

transfers = Table(
    "exchange_transfers",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("identity", String(200), nullable=False),
    Column("customer", String(200), nullable=False),
    Column("contract", String(200)),
    Column("version", Integer),
    Column("author", String(200), nullable=False),
    Column("first_at", String(32), nullable=False),
    Column("last_at", String(32), nullable=False),
    Column("answers", Integer, nullable=False),
    Column("served", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("exchange_transfers_customer", "customer", "record_index"),
    Index("exchange_transfers_first_at", "first_at"),
    Index("exchange_transfers_identity", "identity"),
)
"""``served`` counts answers 2xx and 304, ``size_bytes`` their bytes."""


class TransfersProjection:
    """A row a transfer record."""

    name = "exchange_transfers"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if not isinstance(subject, TransferSubject) or not isinstance(statement, TransferStatement):
            return
        entries = statement.entries
        times = [entry.at for entry in entries] or [record.stated_at]
        served = [entry for entry in entries if 200 <= entry.status < 300 or entry.status == 304]
        yield Put(
            transfers.name,
            {"record_index": record.index},
            {
                "identity": record.identity,
                "customer": subject.customer,
                "contract": subject.contract,
                "version": subject.version,
                "author": record.author,
                "first_at": min(times),
                "last_at": max(times),
                "answers": len(entries),
                "served": len(served),
                "size_bytes": sum(entry.size_bytes for entry in served),
            },
        )
