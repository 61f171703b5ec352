"""From messages to rows, as the plant's people read them. Which thread is whose is decided by its first message."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from gaugeblock.plant.exchange_facets import CustomerProcess, MessageInputs, MessageStatement, MessageSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

messages = Table(
    "exchange_messages",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("thread", String(200), nullable=False),
    Column("customer", String(200), nullable=False),
    Column("author", String(200), nullable=False),
    Column("credential", String(200)),
    Column("stated_at", String(32), nullable=False),
    Column("product", String(200)),
    Column("order", String(200)),
    Column("lot", String(200)),
    Column("unit", String(200)),
    Column("statement", Text, nullable=False),
    Column("documents", Text, nullable=False),
    Column("answers", BigInteger),
    Index("exchange_messages_thread", "thread", "record_index"),
    Index("exchange_messages_customer", "customer", "record_index"),
)


class MessagesProjection:
    """A row a message."""

    name = "exchange_messages"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if not isinstance(subject, MessageSubject) or not isinstance(statement, MessageStatement):
            return
        process, inputs = record.facets.get("process"), record.facets.get("inputs")
        given = inputs if isinstance(inputs, MessageInputs) else MessageInputs()
        yield Put(
            messages.name,
            {"record_index": record.index},
            {
                "thread": subject.thread,
                "customer": subject.customer,
                "author": record.author,
                "credential": process.credential if isinstance(process, CustomerProcess) else None,
                "stated_at": record.stated_at,
                "product": subject.product,
                "order": subject.order,
                "lot": subject.lot,
                "unit": subject.unit,
                "statement": msgspec.json.encode(statement).decode(),
                "documents": msgspec.json.encode(given.documents).decode(),
                "answers": given.answers,
            },
        )
