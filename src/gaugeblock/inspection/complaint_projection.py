"""From customers' complaints to rows: what the complaint keeper reads. It reads the record, and knows no exchange."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text

from gaugeblock.plant.exchange_facets import MessageStatement, MessageSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

complaints = Table(
    "nonconformity_complaints",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("customer", String(200), nullable=False),
    Column("thread", String(200), nullable=False),
    Column("product", String(200)),
    Column("order", String(200)),
    Column("lot", String(200)),
    Column("units", Text, nullable=False),
    Column("quantity", BigInteger),
    Column("defect", String(200)),
    Column("severity", String(12), nullable=False),
    Column("text", Text, nullable=False),
)


class ComplaintProjection:
    """Complaints that customers have opened."""

    name = "complaints"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if not isinstance(subject, MessageSubject) or not isinstance(statement, MessageStatement):
            return
        # The plant's own people open a nonconformity themselves.
        if statement.kind != "complaint_opened" or record.author.startswith("person:"):
            return
        units = dict.fromkeys([*statement.units, *([subject.unit] if subject.unit else [])])
        yield Put(
            complaints.name,
            {"record_index": record.index},
            {
                "customer": subject.customer,
                "thread": subject.thread,
                "product": subject.product,
                "order": subject.order,
                "lot": subject.lot,
                "units": msgspec.json.encode(list(units)).decode(),
                "quantity": statement.quantity,
                "defect": statement.defect,
                "severity": statement.severity or "major",
                "text": statement.text,
            },
        )
