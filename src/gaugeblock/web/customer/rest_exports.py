"""Lists for people: orders, inspections and measured values as CSV, an order's results as Excel and as QIF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from gaugeblock.exchange.csv_table import Cell, csv_bytes
from gaugeblock.exchange.view_model import InspectionFilter, Page
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_common import (
    Moment,
    Number,
    Req,
    Text,
    answered,
    derive,
    found,
    services_of,
    view_of,
)
from gaugeblock.web.customer.rest_errors import ExportTooLargeError

TAGS = ["exports"]
ROWS_MAX = 20_000
PAGE = 500
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
QIF = "application/xml"

ORDER_COLUMNS = ("order", "customer_reference", "product", "quantity", "state", "due", "promised")
INSPECTION_COLUMNS = (
    "record_index",
    "stated_at",
    "station",
    "unit",
    "product",
    "order",
    "lot",
    "verdict",
    "reason",
    "score",
    "threshold",
    "decision",
    "review_index",
    "image_sha256",
)
RESULT_COLUMNS = ("record_index", "stated_at", "product", "order", "lot", "heat", "unit", "laboratory", "conforms")
CHARACTERISTIC_COLUMNS = ("kind", "name", "value", "quantity_unit", "lower", "upper", "method", "location")


def _all(read: Callable[[Any], Page[Any]]) -> list[Any]:
    found_rows: list[Any] = []
    at: int | str | None = None
    while True:
        page = read(at)
        found_rows += page.items
        if len(found_rows) > ROWS_MAX:
            raise ExportTooLargeError(limit=ROWS_MAX)
        if page.next is None:
            return found_rows
        at = page.next


def _cells(row: msgspec.Struct, columns: Sequence[str]) -> list[Cell]:
    return [getattr(row, name) for name in columns]


@get("/exports/orders.csv", tags=TAGS, summary="Orders as CSV", media_type=CSV, responses=may_answer(422))
async def orders_csv(request: Req) -> Response[bytes]:
    """With progress and the interval of the delivery date. No cell is ever a formula."""
    rows = _all(lambda after: view_of(request).orders(after, PAGE))
    derive(request, rows)
    table = [
        [
            *_cells(row, ORDER_COLUMNS),
            row.progress and row.progress.ok,
            row.progress and row.progress.shipped,
            row.delivery and row.delivery.earliest,
            row.delivery and row.delivery.median,
            row.delivery and row.delivery.latest,
            row.record_index,
        ]
        for row in rows
    ]
    header = [*ORDER_COLUMNS, "good", "shipped", "earliest", "median", "latest", "record_index"]
    return answered(request, csv_bytes(header, table), CSV, name="orders.csv")


@get("/exports/inspections.csv", tags=TAGS, summary="Inspections as CSV", media_type=CSV, responses=may_answer(422))
async def inspections_csv(
    request: Req,
    order: Text = None,
    lot: Text = None,
    unit: Text = None,
    verdict: Annotated[Literal["OK", "NOK", "UNDECIDED"] | None, QueryParameter()] = None,
    since: Moment = None,
    until: Moment = None,
) -> Response[bytes]:
    """Newest first, 20,000 rows at most."""
    wanted = InspectionFilter(order=order, lot=lot, unit=unit, verdict=verdict, since=since, until=until)
    rows = _all(lambda before: view_of(request).inspections(wanted, before, PAGE))
    derive(request, rows)
    table = csv_bytes(INSPECTION_COLUMNS, (_cells(row, INSPECTION_COLUMNS) for row in rows))
    return answered(request, table, CSV, name="inspections.csv")


@get("/exports/results.csv", tags=TAGS, summary="Measured values as CSV", media_type=CSV, responses=may_answer(422))
async def results_csv(
    request: Req, order: Text = None, lot: Text = None, heat: Text = None, unit: Text = None
) -> Response[bytes]:
    """A row a characteristic, newest results first."""
    rows = _all(lambda before: view_of(request).results(order, lot, heat, unit, before, PAGE))
    derive(request, rows)
    table = [
        [*_cells(row, RESULT_COLUMNS), *_cells(one, CHARACTERISTIC_COLUMNS)]
        for row in rows
        for one in row.characteristics
    ]
    return answered(request, csv_bytes([*RESULT_COLUMNS, *CHARACTERISTIC_COLUMNS], table), CSV, name="results.csv")


@get(
    "/orders/{order:str}/results.xlsx",
    tags=TAGS,
    summary="An order as Excel",
    media_type=XLSX,
    responses=may_answer(422),
)
async def order_xlsx(request: Req, order: Number) -> Response[bytes]:
    """Inspections and measured values of the order in one workbook."""
    view, make = view_of(request), found(request, services_of(request).workbook)
    derive(request, found(request, view.order(order)))
    data = await anyio.to_thread.run_sync(make, view, order)
    _derive_order(request, order)
    return answered(request, data, XLSX, name=f"{order}.xlsx")


@get(
    "/orders/{order:str}/results.qif",
    tags=TAGS,
    summary="An order as QIF 3.0",
    media_type=QIF,
    responses=may_answer(422),
)
async def order_qif(request: Req, order: Number) -> Response[bytes]:
    """Measured values as QIF Results (ISO 23952)."""
    view, make = view_of(request), found(request, services_of(request).qif)
    derive(request, found(request, view.order(order)))
    data = await anyio.to_thread.run_sync(make, view, order)
    _derive_order(request, order)
    return answered(request, data, QIF, name=f"{order}.qif")


def _derive_order(request: Req, order: str) -> None:
    view = view_of(request)
    wanted = InspectionFilter(order=order)
    derive(request, _all(lambda before: view.inspections(wanted, before, PAGE)))
    derive(request, _all(lambda before: view.results(order, before=before, limit=PAGE)))


HANDLERS: list[Any] = [orders_csv, inspections_csv, results_csv, order_xlsx, order_qif]
