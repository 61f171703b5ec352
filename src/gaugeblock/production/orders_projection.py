"""From records about orders, lots, units and what was made of them to rows.

A row depends on its own record alone. Where a later record takes an earlier one's place whole, the rows of its parts
carry its index: parts of a record that is no longer the one in force are left out when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from gaugeblock.plant.inspection_facets import InspectionProcess, InspectionStatement, InspectionSubject
from gaugeblock.plant.production_facets import (
    CertificateInputs,
    CertificateStatement,
    CertificateSubject,
    ForecastStatement,
    ForecastSubject,
    GenealogyStatement,
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.stores.projections import Change, OpenRecord, Put

metadata = MetaData()


def _index(name: str = "record_index", *, key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, autoincrement=False, nullable=not key)


orders = Table(
    "order_current",
    metadata,
    Column("order", String(200), primary_key=True),
    _index(),
    Column("stated_at", String(32), nullable=False),
    Column("author", String(200), nullable=False),
    Column("product", String(200), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("customer", String(200)),
    Column("customer_reference", String(200)),
    Column("due", String(32)),
    Column("promised", String(32)),
    Column("line", String(200)),
    Column("priority", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("note", Text, nullable=False),
    Index("order_current_index", "record_index"),
    Index("order_current_customer", "customer", "record_index"),
)

versions = Table(
    "order_versions",
    metadata,
    _index(key=True),
    Column("order", String(200), nullable=False),
    Column("identity", String(300), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("author", String(200), nullable=False),
    Column("statement", Text, nullable=False),
    Index("order_versions_order", "order", "record_index"),
    Index("order_versions_identity", "identity"),
)

lots = Table(
    "order_lots",
    metadata,
    Column("lot", String(200), primary_key=True),
    _index(),
    Column("stated_at", String(32), nullable=False),
    Column("product", String(200), nullable=False),
    Column("order", String(200)),
    Column("heat", String(200)),
    Column("quantity", BigInteger),
    Column("units", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Index("order_lots_order", "order"),
    Index("order_lots_heat", "heat"),
)

lot_units = Table(
    "order_lot_units",
    metadata,
    Column("lot", String(200), primary_key=True),
    Column("unit", String(200), primary_key=True),
    _index(),
    Index("order_lot_units_unit", "unit"),
)

genealogy = Table(
    "order_genealogy",
    metadata,
    Column("unit", String(200), primary_key=True),
    Column("station", String(200), primary_key=True),
    _index(),
    Column("product", String(200)),
    Column("order", String(200)),
    Column("lot", String(200)),
    Column("components", Text, nullable=False),
)

components = Table(
    "order_components",
    metadata,
    Column("unit", String(200), primary_key=True),
    Column("station", String(200), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("id", String(200), primary_key=True),
    _index(),
    Index("order_components_id", "kind", "id"),
)

results = Table(
    "order_results",
    metadata,
    _index(key=True),
    Column("stated_at", String(32), nullable=False),
    Column("author", String(200), nullable=False),
    Column("product", String(200)),
    Column("order", String(200)),
    Column("lot", String(200)),
    Column("heat", String(200)),
    Column("unit", String(200)),
    Column("characteristics", Text, nullable=False),
    Column("conforms", Boolean),
    Column("laboratory", String(200), nullable=False),
    Index("order_results_order", "order", "record_index"),
    Index("order_results_lot", "lot", "record_index"),
    Index("order_results_unit", "unit", "record_index"),
)

shipments = Table(
    "order_shipments",
    metadata,
    Column("shipment", String(200), primary_key=True),
    _index(),
    Column("order", String(200), nullable=False),
    Column("customer", String(200), nullable=False),
    Column("shipped_at", String(32), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("lots", Text, nullable=False),
    Column("units", Text, nullable=False),
    Column("carrier", String(200), nullable=False),
    Index("order_shipments_order", "order"),
)

shipped_units = Table(
    "order_shipped_units",
    metadata,
    Column("shipment", String(200), primary_key=True),
    Column("unit", String(200), primary_key=True),
    _index(),
    Index("order_shipped_units_unit", "unit"),
)

certificates = Table(
    "order_certificates",
    metadata,
    Column("certificate", String(200), primary_key=True),
    _index(),
    Column("stated_at", String(32), nullable=False),
    Column("author", String(200), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("customer", String(200)),
    Column("product", String(200)),
    Column("order", String(200)),
    Column("lot", String(200)),
    Column("heat", String(200)),
    Column("json_sha256", String(64), nullable=False),
    Column("pdf_sha256", String(64)),
    Column("replaces", String(200)),
    Column("state", String(12), nullable=False),
    Column("record_indices", Text, nullable=False),
    Index("order_certificates_order", "order"),
)

units = Table(
    "order_units",
    metadata,
    Column("order", String(200), primary_key=True),
    Column("unit", String(200), primary_key=True),
    Column("verdict", String(12)),
    _index("verdict_index"),
    Column("decision", String(12)),
    _index("decision_index"),
    Index("order_units_unit", "unit"),
)

forecasts = Table(
    "order_forecasts",
    metadata,
    _index(key=True),
    Column("order", String(200), nullable=False),
    Column("stated_at", String(32), nullable=False),
    Column("completion", Text, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("due", String(32)),
    Column("on_time", Float),
    Index("order_forecasts_order", "order", "record_index"),
)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


class OrdersProjection:
    """Orders and their versions, lots, genealogy, results, shipments, certificates, forecasts, and units inspected."""

    name = "orders"
    version = 1
    metadata = metadata

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """Row changes that one record makes."""
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        match subject, statement:
            case InspectionSubject(), InspectionStatement():
                yield from _verdict(record, subject, statement)
            case ReviewSubject(), ReviewStatement():
                yield from _review(record, subject, statement)
            case OrderSubject(), OrderStatement():
                yield from _order(record, subject, statement)
            case LotOfUnitsSubject(), LotOfUnitsStatement():
                yield from _lot(record, subject, statement)
            case UnitSubject(), GenealogyStatement():
                yield from _genealogy(record, subject, statement)
            case ResultSubject(), ResultStatement():
                yield _result(record, subject, statement)
            case ShipmentSubject(), ShipmentStatement():
                yield from _shipment(record, subject, statement)
            case CertificateSubject(), CertificateStatement():
                yield _certificate(record, subject, statement)
            case ForecastSubject(), ForecastStatement():
                yield Put(
                    "order_forecasts",
                    {"record_index": record.index},
                    {
                        "order": subject.order,
                        "stated_at": record.stated_at,
                        "completion": _json(statement.completion),
                        "remaining": statement.remaining,
                        "due": statement.due,
                        "on_time": statement.on_time,
                    },
                )


def _verdict(record: OpenRecord, subject: InspectionSubject, statement: InspectionStatement) -> Iterable[Change]:
    process = record.facets.get("process")
    # A challenge part is no product of the order.
    if subject.order is None or (isinstance(process, InspectionProcess) and process.purpose == "challenge"):
        return
    yield Put(
        "order_units",
        {"order": subject.order, "unit": subject.unit or f"#{record.index}"},
        {"verdict": str(statement.verdict), "verdict_index": record.index},
    )


def _review(record: OpenRecord, subject: ReviewSubject, statement: ReviewStatement) -> Iterable[Change]:
    if subject.order is None or statement.decision not in {"good", "defective"}:
        return
    yield Put(
        "order_units",
        {"order": subject.order, "unit": subject.unit or f"#{subject.verdict_index}"},
        {"decision": statement.decision, "decision_index": record.index},
    )


def _order(record: OpenRecord, subject: OrderSubject, statement: OrderStatement) -> Iterable[Change]:
    values = {name: getattr(statement, name) for name in statement.__struct_fields__}
    at = {"stated_at": record.stated_at, "author": record.author}
    yield Put("order_current", {"order": subject.order}, {"record_index": record.index, **at, **values})
    yield Put(
        "order_versions",
        {"record_index": record.index},
        {"order": subject.order, "identity": record.identity[:300], **at, "statement": _json(statement)},
    )


def _lot(record: OpenRecord, subject: LotOfUnitsSubject, statement: LotOfUnitsStatement) -> Iterable[Change]:
    yield Put(
        "order_lots",
        {"lot": subject.lot},
        {
            "record_index": record.index,
            "stated_at": record.stated_at,
            "product": statement.product,
            "order": statement.order,
            "heat": statement.heat,
            "quantity": statement.quantity,
            "units": _json(statement.units),
            "state": statement.state,
        },
    )
    for unit in dict.fromkeys(statement.units):
        yield Put("order_lot_units", {"lot": subject.lot, "unit": unit}, {"record_index": record.index})


def _genealogy(record: OpenRecord, subject: UnitSubject, statement: GenealogyStatement) -> Iterable[Change]:
    key = {"unit": subject.unit, "station": statement.station or ""}
    yield Put(
        "order_genealogy",
        key,
        {
            "record_index": record.index,
            "product": subject.product,
            "order": subject.order,
            "lot": subject.lot,
            "components": _json(statement.components),
        },
    )
    for kind, number in dict.fromkeys((part.kind, part.id) for part in statement.components):
        yield Put("order_components", {**key, "kind": kind, "id": number}, {"record_index": record.index})


def _result(record: OpenRecord, subject: ResultSubject, statement: ResultStatement) -> Change:
    return Put(
        "order_results",
        {"record_index": record.index},
        {
            "stated_at": record.stated_at,
            "author": record.author,
            **{name: getattr(subject, name) for name in subject.__struct_fields__},
            "characteristics": _json(statement.characteristics),
            "conforms": statement.conforms,
            "laboratory": statement.laboratory,
        },
    )


def _shipment(record: OpenRecord, subject: ShipmentSubject, statement: ShipmentStatement) -> Iterable[Change]:
    yield Put(
        "order_shipments",
        {"shipment": subject.shipment},
        {
            "record_index": record.index,
            "order": subject.order,
            "customer": subject.customer,
            "shipped_at": statement.shipped_at,
            "quantity": statement.quantity,
            "lots": _json(statement.lots),
            "units": _json(statement.units),
            "carrier": statement.carrier,
        },
    )
    for unit in dict.fromkeys(statement.units):
        yield Put("order_shipped_units", {"shipment": subject.shipment, "unit": unit}, {"record_index": record.index})


def _certificate(record: OpenRecord, subject: CertificateSubject, statement: CertificateStatement) -> Change:
    inputs = record.facets.get("inputs")
    drawn = inputs.record_indices if isinstance(inputs, CertificateInputs) else ()
    return Put(
        "order_certificates",
        {"certificate": subject.certificate},
        {
            "record_index": record.index,
            "stated_at": record.stated_at,
            "author": record.author,
            "kind": statement.kind,
            "customer": subject.customer,
            "product": subject.product,
            "order": subject.order,
            "lot": subject.lot,
            "heat": subject.heat,
            "json_sha256": statement.json_sha256,
            "pdf_sha256": statement.pdf_sha256,
            "replaces": statement.replaces,
            "state": statement.state,
            "record_indices": _json(drawn),
        },
    )
