"""The pages of orders: the list, one with everything that belongs to it, a unit's genealogy, and imports."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.production_facets import (
    Characteristic,
    Component,
    GenealogyStatement,
    LotOfUnitsStatement,
    OrderStatement,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    UnitSubject,
)
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.production.order_import import BYTES_MAX
from gaugeblock.production.orders import OrderDesk
from gaugeblock.production.read_model import ORDER_STATES, PAGE, OrderState
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.api_orders import OrderFileOut, file_out
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

UNITS_SHOWN = 200
CHARACTERISTIC_ROWS = 6
COMPONENT_ROWS = 6
KINDS = ("chemistry", "mechanical", "dimension", "other")
FORMS = ("change", "lot", "result", "shipment")

Req = Request[Any, Any, Any]


# ── list ────────────────────────────────────────────────────────────────────────────────────────────────────


@get("/orders", guards=[needs("viewer")], include_in_schema=False)
async def orders(
    request: Req,
    services: GivenServices,
    reader: GivenReader,
    standing: Annotated[str, QueryParameter(max_length=20)] = "open",
    customer: Annotated[str, QueryParameter(max_length=200)] = "",
    text: Annotated[str, QueryParameter(max_length=200)] = "",
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Orders with progress, due date and forecast."""
    states: tuple[OrderState, ...] = ("planned", "released") if standing == "open" else ()
    states = tuple(known for known in ORDER_STATES if known == standing) or states

    def read() -> dict[str, Any]:
        rows = services.production.orders.reader.listed(
            states=states, customer=customer or None, text=text.strip(), before=cursor
        )
        return {"rows": rows, "following": rows[-1].index if len(rows) == PAGE else None}

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "orders.html.j2",
        here_nav="orders",
        standing=standing,
        customer=customer,
        text=text,
        cursor=cursor,
        customers=services.production.orders.customers,
        **context,
    )


# ── new and change ──────────────────────────────────────────────────────────────────────────────────────────


@get("/orders/new", guards=[needs("quality")], include_in_schema=False)
async def new_order(request: Req, services: GivenServices, reader: GivenReader) -> Response[str]:
    """The form of a new order."""
    return _form(request, services, reader, {}, None)


def _form(
    request: Req, services: Services, reader: Reader, given: dict[str, str], refusal: Problem | None
) -> Response[str]:
    desk = services.production.orders
    return page(
        request,
        reader,
        "order_new.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="orders",
        given=given,
        refusal=refusal,
        products=desk.products,
        customers=desk.customers,
        token=secrets.token_hex(8),
    )


@post("/orders/new", guards=[needs("quality")], include_in_schema=False)
async def open_order(request: Req, services: GivenServices, reader: GivenReader) -> Response[Any]:
    """State a new order."""
    given = await _given(request)
    number = given.get("order", "").strip()
    try:
        statement = _order(given, OrderStatement("", 0))
        await anyio.to_thread.run_sync(
            services.production.orders.open, person_of(reader), _token(given), number, statement
        )
    except GaugeblockError as error:
        return _form(request, services, reader, given, _refusal(error, reader, "/orders/new"))
    return Redirect(f"/orders/{number}", status_code=303)


def _order(given: dict[str, str], base: OrderStatement) -> OrderStatement:
    state = given.get("state", base.state)
    return msgspec.structs.replace(
        base,
        product=given.get("product", base.product).strip(),
        quantity=_whole(given.get("quantity", "")),
        customer=given.get("customer", base.customer or "").strip() or None,
        customer_reference=given.get("customer_reference", "").strip() or None,
        due=given.get("due") or None,
        promised=given.get("promised") or None,
        line=given.get("line", "").strip() or None,
        priority=_whole(given.get("priority") or "0"),
        state=state if state in ORDER_STATES else base.state,
        note=given.get("note", "").strip(),
    )


# ── one ─────────────────────────────────────────────────────────────────────────────────────────────────────


@get("/orders/{order:str}", guards=[needs("viewer")], include_in_schema=False)
async def order(request: Req, services: GivenServices, reader: GivenReader, order: FromPath[str]) -> Response[str]:
    """One with its dates, lots, results, shipments and certificates, and the forms of the next ones."""
    return await _case(request, services, reader, order)


async def _case(
    request: Req, services: Services, reader: Reader, order: str, refusal: Problem | None = None, tried: str = ""
) -> Response[str]:
    desk = services.production.orders
    case = await anyio.to_thread.run_sync(desk.reader.case, order)
    return page(
        request,
        reader,
        "order.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="orders",
        case=case,
        head=case.head,
        units=case.units[:UNITS_SHOWN],
        states=ORDER_STATES,
        kinds=KINDS,
        rows=range(CHARACTERISTIC_ROWS),
        refusal=refusal,
        tried=tried,
        customers=desk.customers,
        token=secrets.token_hex(8),
    )


@post("/orders/{order:str}/{what:str}", guards=[needs("quality")], include_in_schema=False)
async def state(
    request: Req, services: GivenServices, reader: GivenReader, order: FromPath[str], what: FromPath[str]
) -> Response[Any]:
    """Change the order, or state a lot, a result or a shipment of it."""
    given = await _given(request)
    desk = services.production.orders
    try:
        await anyio.to_thread.run_sync(_state, desk, person_of(reader), order, what, given)
    except GaugeblockError as error:
        if error.code == "production.order_missing":
            raise
        refusal = _refusal(error, reader, f"/orders/{order}")
        return await _case(request, services, reader, order, refusal, what)
    return Redirect(f"/orders/{order}", status_code=303)


def _state(desk: OrderDesk, author: str, order: str, what: str, given: dict[str, str]) -> None:
    token = _token(given)
    known = desk.reader.order(order)
    match what:
        case "change":
            statement = _order({"product": known.product, **given}, desk.reader.statement(order))
            desk.change(author, token, order, statement, _whole(given.get("read_index", "")))
        case "lot":
            lot = LotOfUnitsStatement(
                product=known.product,
                order=order,
                heat=given.get("heat", "").strip() or None,
                quantity=_whole(given["quantity"]) if given.get("quantity") else None,
                units=_words(given.get("units", "")),
            )
            desk.lot(author, token, given.get("lot", "").strip(), lot)
        case "result":
            about = ResultSubject(
                product=known.product,
                order=order,
                lot=given.get("lot", "").strip() or None,
                heat=given.get("heat", "").strip() or None,
                unit=given.get("unit", "").strip() or None,
            )
            conforms = {"yes": True, "no": False}.get(given.get("conforms", ""))
            values = ResultStatement(_characteristics(given), conforms, given.get("laboratory", "").strip())
            desk.result(author, token, about, values)
        case "shipment":
            shipped = ShipmentStatement(
                shipped_at=_moment(given.get("shipped_at", "")),
                quantity=_whole(given.get("quantity", "")),
                lots=_words(given.get("lots", "")),
                units=_words(given.get("units", "")),
                carrier=given.get("carrier", "").strip(),
            )
            desk.shipment(author, token, given.get("shipment", "").strip(), order, shipped)
        case _:
            raise BadRequestError(detail=what[:40])


def _characteristics(given: dict[str, str]) -> tuple[Characteristic, ...]:
    rows = []
    for at in range(CHARACTERISTIC_ROWS):
        name = given.get(f"name_{at}", "").strip()
        if not name:
            continue
        kind = given.get(f"kind_{at}", "other")
        rows.append(
            Characteristic(
                kind=kind if kind in KINDS else "other",  # type: ignore[arg-type]  # one of KINDS
                name=name,
                value=given.get(f"value_{at}", "").strip(),
                quantity_unit=given.get(f"unit_{at}", "").strip(),
                lower=given.get(f"lower_{at}", "").strip() or None,
                upper=given.get(f"upper_{at}", "").strip() or None,
                method=given.get(f"method_{at}", "").strip(),
            )
        )
    return tuple(rows)


# ── a unit's genealogy ──────────────────────────────────────────────────────────────────────────────────────


@get("/orders/units/{unit:str}", guards=[needs("viewer")], include_in_schema=False)
async def unit(request: Req, services: GivenServices, reader: GivenReader, unit: FromPath[str]) -> Response[str]:
    """What it was made of, where it went, and its results."""
    return await _unit(request, services, reader, unit)


async def _unit(
    request: Req, services: Services, reader: Reader, unit: str, refusal: Problem | None = None
) -> Response[str]:
    desk = services.production.orders

    def read() -> dict[str, Any]:
        return {
            "tree": desk.genealogy.tree(unit),
            "used_in": desk.genealogy.used_in("unit", unit),
            "lots": desk.reader.lots_of_unit(unit),
            "shipments": desk.reader.shipments_of_unit(unit),
            "verdicts": desk.reader.verdicts_of(unit),
            "results": desk.reader.results_of(unit=unit),
        }

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "unit_genealogy.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="orders",
        unit=unit,
        rows=range(COMPONENT_ROWS),
        refusal=refusal,
        token=secrets.token_hex(8),
        **context,
    )


@post("/orders/units/{unit:str}", guards=[needs("quality")], include_in_schema=False)
async def state_genealogy(
    request: Req, services: GivenServices, reader: GivenReader, unit: FromPath[str]
) -> Response[Any]:
    """State what went into the unit."""
    given = await _given(request)
    parts = []
    for at in range(COMPONENT_ROWS):
        number, kind = given.get(f"id_{at}", "").strip(), given.get(f"kind_{at}", "unit")
        if number:
            parts.append(
                Component(
                    kind=kind if kind in {"unit", "lot", "heat"} else "unit",  # type: ignore[arg-type]  # one of three
                    id=number,
                    quantity=given.get(f"quantity_{at}", "").strip() or "1",
                    quantity_unit=given.get(f"unit_{at}", "").strip() or "C62",
                    supplier=given.get(f"supplier_{at}", "").strip(),
                )
            )
    statement = GenealogyStatement(tuple(parts), given.get("station", "").strip() or None)
    try:
        await anyio.to_thread.run_sync(
            services.production.orders.joined, person_of(reader), _token(given), UnitSubject(unit), statement
        )
    except GaugeblockError as error:
        return await _unit(request, services, reader, unit, _refusal(error, reader, f"/orders/units/{unit}"))
    return Redirect(f"/orders/units/{unit}", status_code=303)


# ── import ──────────────────────────────────────────────────────────────────────────────────────────────────


@get("/orders/import", guards=[needs("viewer")], include_in_schema=False)
async def imports(request: Req, services: GivenServices, reader: GivenReader) -> Response[str]:
    """The form, and what was imported."""
    return await _imports(request, services, reader)


async def _imports(
    request: Req,
    services: Services,
    reader: Reader,
    found: OrderFileOut | None = None,
    refusal: Problem | None = None,
) -> Response[str]:
    desk = services.production.orders

    def read() -> list[tuple[Any, bool]]:
        return [(batch, desk.reader.undone(batch.batch)) for batch in desk.reader.imports()]

    batches = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "order_import.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="orders",
        found=found,
        refusal=refusal,
        batches=batches,
    )


@post("/orders/import", guards=[needs("quality")], include_in_schema=False, request_max_body_size=BYTES_MAX + 64 * 1024)
async def import_orders(request: Req, services: GivenServices, reader: GivenReader) -> Response[Any]:
    """Check a file, or take all of it."""
    form = await request.form()
    file = form.get("file")
    desk = services.production.orders
    data = await file.read() if isinstance(file, UploadFile) else b""
    try:
        found = await anyio.to_thread.run_sync(desk.read_file, data)
        taken = form.get("action") == "take" and not found.faults
        if taken:
            found = await anyio.to_thread.run_sync(desk.take_file, person_of(reader), data)
    except GaugeblockError as error:
        return await _imports(request, services, reader, refusal=_refusal(error, reader, "/orders/import"))
    return await _imports(request, services, reader, file_out(found, reader.language, taken=taken))


@post("/orders/import/{batch:str}/undo", guards=[needs("quality")], include_in_schema=False)
async def undo_import(
    request: Req, services: GivenServices, reader: GivenReader, batch: FromPath[str]
) -> Response[Any]:
    """Take an import back."""
    try:
        await anyio.to_thread.run_sync(services.production.orders.undo_import, person_of(reader), batch)
    except GaugeblockError as error:
        return await _imports(request, services, reader, refusal=_refusal(error, reader, "/orders/import"))
    return Redirect("/orders/import", status_code=303)


# ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _given(request: Req) -> dict[str, str]:
    form = await request.form()
    return {key: value for key in form if isinstance(value := form[key], str)}


def _whole(text: str) -> int:
    plain = text.strip()
    if not plain.lstrip("-").isdecimal() or not plain.isascii() or len(plain) > 12:
        raise BadRequestError(detail=f"{text[:40]!r}")
    return int(plain)


def _words(text: str) -> tuple[str, ...]:
    for mark in ",;，；、\n\t\r":
        text = text.replace(mark, " ")
    return tuple(dict.fromkeys(text.split()))


def _moment(text: str) -> str:
    """Of a field of type datetime-local, in UTC as the form says."""
    try:
        return to_rfc3339(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError:
        return text


def _token(given: dict[str, str]) -> str:
    token = given.get("token", "")
    if not (6 <= len(token) <= 64 and token.isalnum()):
        raise BadRequestError(detail="token")
    return token


def _refusal(error: GaugeblockError, reader: Reader, instance: str) -> Problem:
    problem = problem_of(error, reader.language, instance)
    if problem.status >= 500:
        raise error
    return problem


HANDLERS = [
    orders,
    new_order,
    open_order,
    imports,
    import_orders,
    undo_import,
    unit,
    state_genealogy,
    order,
    state,
]
