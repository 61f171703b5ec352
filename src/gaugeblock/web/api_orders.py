"""Orders and what belongs to them as JSON: for an ERP, and for scripts of the plant's people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gaugeblock.plant.language import Language
from gaugeblock.plant.production_facets import (
    CertificateStatement,
    CertificateSubject,
    GenealogyStatement,
    LotOfUnitsStatement,
    OrderStatement,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    UnitSubject,
)
from gaugeblock.production.order_import import BYTES_MAX, OrderFile
from gaugeblock.production.read_model import PAGE, ImportBatch, Lot, Order, OrderCase, OrderState, Part
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import Token, person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.problems import may_answer

Index = Annotated[int, msgspec.Meta(ge=0)]


class OrdersOut(msgspec.Struct, frozen=True):
    """A page; ``next`` is the cursor of the following one."""

    orders: list[Order]
    next: int | None


class OrderIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new order. The same ``token`` again states nothing twice."""

    token: Token
    order: str
    statement: OrderStatement


class OrderChangeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The order as it stands from now on; ``read_index`` is the record that was looked at."""

    token: Token
    read_index: Index
    statement: OrderStatement


class LotIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lot as it stands."""

    token: Token
    lot: str
    statement: LotOfUnitsStatement


class GenealogyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a unit was made of."""

    token: Token
    subject: UnitSubject
    statement: GenealogyStatement


class ResultIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured or entered."""

    token: Token
    subject: ResultSubject
    statement: ResultStatement


class ShipmentIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What left."""

    token: Token
    shipment: str
    order: str
    statement: ShipmentStatement


class CertificateIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate whose documents the plant holds."""

    token: Token
    subject: CertificateSubject
    statement: CertificateStatement
    record_indices: tuple[int, ...] = ()


class StatedOrderOut(msgspec.Struct, frozen=True):
    """The index of the record that states it."""

    index: int


class FaultOut(msgspec.Struct, frozen=True):
    """What is wrong in a line of a file."""

    line: int
    order: str
    code: str
    text: str
    remedy: str


class OrderFileOut(msgspec.Struct, frozen=True):
    """What a file of orders holds. ``taken`` tells whether it was taken; ``same`` lines change nothing."""

    batch: str
    taken: bool
    new: list[str]
    changed: list[str]
    same: int
    faults: list[FaultOut]
    ignored: list[str]


class ImportsOut(msgspec.Struct, frozen=True):
    """The newest imports."""

    imports: list[ImportBatch]


class UndoneOut(msgspec.Struct, frozen=True):
    """Orders that stand as before, or are cancelled."""

    orders: list[str]


@get(
    "/orders",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["orders"],
    summary="Orders",
    responses=may_answer(401),
)
def orders(
    services: GivenServices,
    standing: Annotated[OrderState | None, QueryParameter(description="Only in this state.")] = None,
    customer: Annotated[str | None, QueryParameter(max_length=200)] = None,
    text: Annotated[str, QueryParameter(max_length=200)] = "",
    cursor: Annotated[int | None, QueryParameter(ge=0, description="From `next` of the page before.")] = None,
) -> OrdersOut:
    """Newest change first, with progress and the newest forecast."""
    reader = services.production.orders.reader
    rows = reader.listed(states=(standing,) if standing else (), customer=customer, text=text, before=cursor)
    return OrdersOut(rows, rows[-1].index if len(rows) == PAGE else None)


@get(
    "/orders/{order:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["orders"],
    summary="One order with everything that belongs to it",
    responses=may_answer(401, 404),
)
def order(services: GivenServices, order: FromPath[str]) -> OrderCase:
    """Its versions, lots, units, results, shipments, certificates and forecasts."""
    return services.production.orders.reader.case(order)


@post(
    "/orders",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="A new order",
    responses=may_answer(401, 403, 409, 422),
)
def open_order(services: GivenServices, reader: GivenReader, data: JSONBody[OrderIn]) -> StatedOrderOut:
    """Its number is free, its product and customer are known."""
    desk = services.production.orders
    return StatedOrderOut(desk.open(person_of(reader), data.token, data.order, data.statement))


@post(
    "/orders/{order:str}/versions",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="Change an order",
    responses=may_answer(401, 403, 404, 409, 422),
)
def change_order(
    services: GivenServices, reader: GivenReader, order: FromPath[str], data: JSONBody[OrderChangeIn]
) -> StatedOrderOut:
    """Whole: what is not said is not kept. Refused where somebody changed it meanwhile."""
    desk = services.production.orders
    return StatedOrderOut(desk.change(person_of(reader), data.token, order, data.statement, data.read_index))


@get(
    "/lots/{lot:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["orders"],
    summary="One lot",
    responses=may_answer(401, 404),
)
def lot(services: GivenServices, lot: FromPath[str]) -> Lot:
    """As it stands."""
    return services.production.orders.reader.lot(lot)


@post(
    "/lots",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="State a lot",
    responses=may_answer(401, 403, 404, 409, 422),
)
def state_lot(services: GivenServices, reader: GivenReader, data: JSONBody[LotIn]) -> StatedOrderOut:
    """Whole; a unit is in one lot only."""
    desk = services.production.orders
    return StatedOrderOut(desk.lot(person_of(reader), data.token, data.lot, data.statement))


@get(
    "/units/{unit:str}/genealogy",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["orders"],
    summary="What a unit was made of",
    responses=may_answer(401),
)
def genealogy(services: GivenServices, unit: FromPath[str]) -> Part:
    """As a tree; a unit of which nothing is known has no parts."""
    return services.production.orders.genealogy.tree(unit)


@post(
    "/genealogy",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="State what a unit was made of",
    responses=may_answer(401, 403, 409, 422),
)
def state_genealogy(services: GivenServices, reader: GivenReader, data: JSONBody[GenealogyIn]) -> StatedOrderOut:
    """At one station; takes the place of what was stated for it before."""
    desk = services.production.orders
    return StatedOrderOut(desk.joined(person_of(reader), data.token, data.subject, data.statement))


@post(
    "/results",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="State measured values",
    responses=may_answer(401, 403, 422),
)
def state_result(services: GivenServices, reader: GivenReader, data: JSONBody[ResultIn]) -> StatedOrderOut:
    """Of a unit, a lot, a heat, an order or a product."""
    desk = services.production.orders
    return StatedOrderOut(desk.result(person_of(reader), data.token, data.subject, data.statement))


@post(
    "/shipments",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="State a shipment",
    responses=may_answer(401, 403, 404, 409, 422),
)
def state_shipment(services: GivenServices, reader: GivenReader, data: JSONBody[ShipmentIn]) -> StatedOrderOut:
    """To the customer of the order."""
    desk = services.production.orders
    return StatedOrderOut(desk.shipment(person_of(reader), data.token, data.shipment, data.order, data.statement))


@post(
    "/certificates",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="Issue or withdraw a certificate",
    responses=may_answer(401, 403, 404, 409, 422),
)
def state_certificate(services: GivenServices, reader: GivenReader, data: JSONBody[CertificateIn]) -> StatedOrderOut:
    """Its documents are named by digest; a certificate is never rewritten."""
    desk = services.production.orders
    index = desk.certificate(person_of(reader), data.token, data.subject, data.statement, data.record_indices)
    return StatedOrderOut(index)


@get(
    "/order-imports",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["orders"],
    summary="Imports of orders",
    responses=may_answer(401),
)
def imports(services: GivenServices) -> ImportsOut:
    """Newest first."""
    return ImportsOut(services.production.orders.reader.imports())


@post(
    "/order-imports",
    guards=[needs("quality")],
    tags=["orders"],
    summary="Import orders from a table",
    request_max_body_size=BYTES_MAX + 1024,
    responses=may_answer(401, 403, 413, 422),
)
async def import_orders(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    mode: Annotated[Literal["check", "take"], QueryParameter()] = "check",
) -> OrderFileOut:
    """The body is CSV (UTF-8 or GB 18030). `check` tells what it holds; `take` takes all of it, or nothing."""
    data = await request.body()
    desk = services.production.orders
    found = await anyio.to_thread.run_sync(desk.read_file, data)
    taken = mode == "take" and not found.faults
    if taken:
        found = await anyio.to_thread.run_sync(desk.take_file, person_of(reader), data)
    return file_out(found, reader.language, taken=taken)


def file_out(found: OrderFile, language: Language, *, taken: bool) -> OrderFileOut:
    """What was read, with faults in the reader's language."""
    return OrderFileOut(
        batch=found.batch,
        taken=taken,
        new=[row.order for row in found.rows if row.new],
        changed=[row.order for row in found.rows if not row.new],
        same=found.same,
        faults=[
            FaultOut(f.line, f.order, f.error.code, f.error.text(language), f.error.remedy(language))
            for f in found.faults
        ],
        ignored=list(found.ignored),
    )


@post(
    "/order-imports/{batch:str}/undo",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["orders"],
    summary="Take an import back",
    responses=may_answer(401, 403, 404, 409),
)
def undo_import(services: GivenServices, reader: GivenReader, batch: FromPath[str]) -> UndoneOut:
    """New orders are cancelled, changed ones stand as before; refused whole where one has gone on."""
    return UndoneOut(services.production.orders.undo_import(person_of(reader), batch))


HANDLERS = [
    orders,
    order,
    open_order,
    change_order,
    lot,
    state_lot,
    genealogy,
    state_genealogy,
    state_result,
    state_shipment,
    state_certificate,
    imports,
    import_orders,
    undo_import,
]
