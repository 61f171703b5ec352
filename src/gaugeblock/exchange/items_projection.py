"""The index of records that a contract can permit, with what each is about, and the little that scope needs: to whom an
order belongs, to which order a lot, which units a lot lists.

A row depends on its record alone; whose a record is, is worked out when a view is made
(:mod:`gaugeblock.exchange.customer_stock`). Verdicts about challenge parts are left out: they are about no product.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from gaugeblock.exchange.contract import DISCLOSABLE
from gaugeblock.plant.exchange_facets import (
    DocumentStatement,
    DocumentSubject,
)
from gaugeblock.plant.inspection_facets import InspectionInputs, InspectionProcess
from gaugeblock.plant.production_facets import (
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
)
from gaugeblock.plant.review_facets import ReviewSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()

MESSAGE = "exchange.message"
INDEXED = frozenset({*DISCLOSABLE, MESSAGE})

items = Table(
    "exchange_items",
    metadata,
    Column("record_index", BigInteger, primary_key=True, autoincrement=False),
    Column("record_type", String(64), nullable=False),
    Column("author", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    # As the record names them.
    Column("customer", String(200)),
    Column("order", String(200)),
    Column("lot", String(200)),
    Column("unit", String(200)),
    Column("heat", String(200)),
    Column("product", String(200)),
    # The verdict that a review is about; the number of the nonconformity that a step is about.
    Column("verdict_index", BigInteger),
    Column("nonconformity", String(200)),
    Column("document", String(64)),
    Column("image_sha256", String(64)),
    Column("facets", Text, nullable=False),
    Index("exchange_items_order", "order", "record_index"),
    Index("exchange_items_lot", "lot", "record_index"),
    Index("exchange_items_unit", "unit", "record_index"),
    Index("exchange_items_heat", "heat", "record_index"),
    Index("exchange_items_product", "product", "record_index"),
    Index("exchange_items_customer", "customer", "record_index"),
    Index("exchange_items_verdict", "verdict_index"),
    Index("exchange_items_nonconformity", "nonconformity", "record_index"),
    Index("exchange_items_document", "document"),
)

orders = Table(
    "exchange_orders",
    metadata,
    Column("order", String(200), primary_key=True),
    Column("customer", String(200)),
    Column("record_index", BigInteger, nullable=False),
    Index("exchange_orders_index", "record_index"),
    Index("exchange_orders_customer", "customer"),
)

lots = Table(
    "exchange_lots",
    metadata,
    Column("lot", String(200), primary_key=True),
    Column("order", String(200)),
    Column("heat", String(200)),
    Column("record_index", BigInteger, nullable=False),
    Index("exchange_lots_index", "record_index"),
    Index("exchange_lots_order", "order"),
)

lot_units = Table(
    "exchange_lot_units",
    metadata,
    Column("lot", String(200), primary_key=True),
    Column("unit", String(200), primary_key=True),
    # The newest record that lists the unit; it counts where it is the lot's newest.
    Column("record_index", BigInteger, nullable=False),
    Index("exchange_lot_units_unit", "unit"),
)


class ItemsProjection:
    """Every record that a contract can permit, and messages; and what says whose they are."""

    name = "exchange_items"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        if record.record_type not in INDEXED:
            return
        process = record.facets.get("process")
        if isinstance(process, InspectionProcess) and process.purpose == "challenge":
            return
        yield Put(items.name, {"record_index": record.index}, _item(record))
        match record.facets.get("subject"), record.facets.get("statement"):
            case OrderSubject() as subject, OrderStatement() as statement:
                yield Put(
                    orders.name,
                    {"order": subject.order},
                    {"customer": statement.customer, "record_index": record.index},
                )
            case LotOfUnitsSubject() as lot, LotOfUnitsStatement() as stated:
                yield Put(
                    lots.name,
                    {"lot": lot.lot},
                    {"order": stated.order, "heat": stated.heat, "record_index": record.index},
                )
                for unit in dict.fromkeys(stated.units):
                    yield Put(lot_units.name, {"lot": lot.lot, "unit": unit}, {"record_index": record.index})


def _item(record: OpenRecord) -> dict[str, Any]:
    subject, statement = record.facets.get("subject"), record.facets.get("statement")
    inputs = record.facets.get("inputs")
    values: dict[str, Any] = {
        "record_type": record.record_type,
        "author": record.author,
        "stated_at": record.stated_at,
        "facets": msgspec.json.encode({name: plain(facet) for name, facet in record.facets.items()}).decode(),
    }
    for facet in (subject, statement):
        # The statement of an order or a lot says whose it is; what the subject says goes before it.
        for name in ("customer", "order", "lot", "unit", "heat", "product", "nonconformity"):
            value = getattr(facet, name, None)
            if isinstance(value, str) and name not in values:
                values[name] = value
    if record.record_type == MESSAGE:
        # Whose it is follows from the customer that it names; the rest is what it talks about.
        for name in ("order", "lot", "unit", "product", "nonconformity"):
            values.pop(name, None)
    if isinstance(subject, ReviewSubject):
        values["verdict_index"] = subject.verdict_index
    if isinstance(subject, DocumentSubject) and isinstance(statement, DocumentStatement):
        values["document"] = statement.document.sha256
    if isinstance(inputs, InspectionInputs):
        values["image_sha256"] = inputs.image_sha256
    return values


def plain(value: object) -> Any:
    """A facet as plain JSON values with its defaults written out, so that what is absent was withheld or never said.

    >>> from gaugeblock.plant.production_facets import OrderStatement
    >>> plain(OrderStatement(product="P1", quantity=5))
    {'product': 'P1', 'quantity': 5, 'priority': 0, 'state': 'released', 'note': ''}
    """
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return {name: plain(given) for name, given in fields.items() if given is not None}
    if isinstance(value, list | tuple):
        return [plain(given) for given in value]
    if isinstance(value, dict):
        return {name: plain(given) for name, given in value.items()}
    return str(value) if isinstance(value, StrEnum) else value
