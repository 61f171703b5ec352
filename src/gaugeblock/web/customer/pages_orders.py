"""Pages for the customer's people: orders with dates, inspections with pictures and proof, certificates, files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode

import anyio.to_thread
import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from gaugeblock.exchange.order_files import order_inspections, order_results
from gaugeblock.exchange.view_model import InspectionFilter, OrderView
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.web.customer.page_errors import PageMissingError
from gaugeblock.web.customer.reading import PageReader, derived, reader_of, services_of, signed_in
from gaugeblock.web.customer.rendering import page

ORDERS_SHOWN = 60
INSPECTIONS_SHOWN = 50
PICTURES_SHOWN = 8
ROWS_SHOWN = 100
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
INLINE = {"image/jpeg", "image/png", "image/webp"}
"""Shown in the page; everything else is a download, so that no file of anybody's runs as a page of ours."""

Id = Annotated[str | None, QueryParameter(max_length=200)]
WebRequest = Request[Any, Any, Any]


class Scale(msgspec.Struct, frozen=True):
    """A delivery interval on its ruler, in the drawing's units (10 to 310)."""

    first: str
    last: str
    earliest: str
    latest: str
    x_earliest: float
    x_latest: float
    x_median: float | None
    x_due: float | None


def scale_of(order: OrderView) -> Scale | None:
    """The ruler that shows an order's delivery interval and its date; ``None`` where there is no interval.

    The ruler begins and ends on a day, with a day to spare on both sides of whatever stands on it.
    """
    forecast = order.delivery
    if forecast is None or forecast.earliest is None or forecast.latest is None:
        return None
    earliest, latest = from_rfc3339(forecast.earliest), from_rfc3339(forecast.latest)
    due = _day(order.promised or order.due, earliest)
    shown = [earliest, latest, *([due] if due is not None else [])]
    begin = min(shown).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    end = max(shown).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)

    def x(moment: datetime) -> float:
        return round(10 + 300 * ((moment - begin) / (end - begin)), 1)

    return Scale(
        first=begin.date().isoformat(),
        last=end.date().isoformat(),
        earliest=forecast.earliest[:10],
        latest=forecast.latest[:10],
        x_earliest=x(earliest),
        x_latest=x(latest),
        x_median=None if forecast.median is None else x(from_rfc3339(forecast.median)),
        x_due=None if due is None else x(due),
    )


def _day(text: str | None, like: datetime) -> datetime | None:
    """The end of a day that a record names by its date; ``None`` where it names none."""
    try:
        return (
            None if text is None else datetime.fromisoformat(text[:10]).replace(tzinfo=like.tzinfo, hour=23, minute=59)
        )
    except ValueError:
        return None


def log_key_of(request: WebRequest, reader: PageReader) -> str:
    """Key of the log that the reader's records are in."""
    settings = services_of(request).settings
    sandbox = reader.caller is not None and reader.caller.test
    return settings.sandbox_log_key or "" if sandbox else settings.log_key


def order_indices(order: OrderView) -> list[int]:
    """The records that an order, as shown, was derived from."""
    found = [order.record_index, *(promise.record_index for promise in order.promises)]
    if order.delivery is not None:
        found.append(order.delivery.record_index)
    if order.progress is not None and order.progress.last_index is not None:
        found.append(order.progress.last_index)
    return found


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────


@get("/my/orders", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def orders(request: WebRequest, after: Id = None) -> Response[str]:
    """All orders with progress and dates."""
    reader = reader_of(request)
    found = reader.seen.orders(after, ORDERS_SHOWN)
    derived(request, *(index for order in found.items for index in order_indices(order)))
    rows = [(order, scale_of(order)) for order in found.items]
    return page(request, reader, "orders.html.j2", here_nav="orders", orders=rows, following=found.next)


@get("/my/orders/{order_id:str}", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def order(request: WebRequest, order_id: FromPath[str], said: FromQuery[bool] = False) -> Response[str]:
    """One order."""
    reader = reader_of(request)
    return order_page(request, reader, order_id, said=said)


def order_page(request: WebRequest, reader: PageReader, order_id: str, **context: Any) -> Response[str]:
    """The page of one order, also to show what was refused there."""
    view = reader.seen
    found = view.order(order_id)
    if found is None:
        raise PageMissingError
    rows = view.inspections(InspectionFilter(order=order_id), None, PICTURES_SHOWN).items
    lots = view.lots(order_id, None, ROWS_SHOWN).items
    certificates = view.certificates(order_id, None, None, ROWS_SHOWN).items
    shipments = view.shipments(order_id, None, ROWS_SHOWN).items
    shown = (*rows, *lots, *certificates, *shipments)
    derived(request, *order_indices(found), *(row.record_index for row in shown))
    said, refusal = context.pop("said", False), context.pop("refusal", None)
    return page(
        request,
        reader,
        "order.html.j2",
        status=200 if refusal is None else 422,
        here_nav="orders",
        order=found,
        scale=scale_of(found),
        inspections=rows,
        lots=lots,
        certificates=certificates,
        shipments=shipments,
        said=said,
        refusal=refusal,
        has_workbook=services_of(request).workbook is not None,
    )


@get("/my/orders/{order_id:str}/results.xlsx", guards=[signed_in], include_in_schema=False)
async def workbook(request: WebRequest, order_id: FromPath[str]) -> Response[bytes]:
    """An order's results as a workbook."""
    reader, services = reader_of(request), services_of(request)
    view = reader.seen
    found = view.order(order_id)
    if found is None or services.workbook is None:
        raise PageMissingError
    content = await anyio.to_thread.run_sync(services.workbook, view, order_id)
    results = await anyio.to_thread.run_sync(order_results, view, order_id)
    inspections = await anyio.to_thread.run_sync(order_inspections, view, order_id)
    derived(request, *order_indices(found), *(row.record_index for row in (*inspections, *results)))
    return Response(content, media_type=XLSX, headers=_download(f"{order_id}.xlsx"))


# ── inspections ───────────────────────────────────────────────────────────────────────────────────────────


@get("/my/inspections", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def inspections(
    request: WebRequest,
    order: Id = None,
    unit: Id = None,
    verdict: Annotated[str, QueryParameter(pattern="^(|OK|NOK|UNDECIDED)$")] = "",
    before: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Verdicts, newest first."""
    reader = reader_of(request)
    wanted = InspectionFilter(order=order or None, unit=unit or None, verdict=cast("Any", verdict or None))
    found = reader.seen.inspections(wanted, before, INSPECTIONS_SHOWN)
    derived(request, *(row.record_index for row in found.items))
    query = {"order": order or "", "unit": unit or "", "verdict": verdict, "before": str(found.next)}
    return page(
        request,
        reader,
        "inspections.html.j2",
        here_nav="orders",
        wanted=wanted,
        rows=found.items,
        next_url=None
        if found.next is None
        else "/my/inspections?" + urlencode({key: value for key, value in query.items() if value}),
    )


@get("/my/inspections/{index:int}", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def inspection(request: WebRequest, index: FromPath[int]) -> Response[str]:
    """One verdict with its picture and its proof."""
    reader = reader_of(request)
    row = reader.seen.inspection(index)
    if row is None:
        raise PageMissingError
    made_of = reader.seen.genealogy(row.unit) if row.unit else ()
    derived(request, index, row.review_index, *(one.record_index for one in made_of))
    return page(
        request,
        reader,
        "inspection.html.j2",
        here_nav="orders",
        row=row,
        made_of=made_of,
        log_key=log_key_of(request, reader),
    )


# ── records and files ─────────────────────────────────────────────────────────────────────────────────────


@get("/my/records/{index:int}", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def record(request: WebRequest, index: FromPath[int]) -> Response[str]:
    """Any record that may be seen, with its proof."""
    reader = reader_of(request)
    found = reader.seen.record(index)
    if found is None:
        raise PageMissingError
    derived(request, index)
    return page(request, reader, "record.html.j2", here_nav="orders", record=found, log_key=log_key_of(request, reader))


@get("/my/records/{index:int}/evidence", guards=[signed_in], include_in_schema=False)
async def evidence(request: WebRequest, index: FromPath[int]) -> Response[bytes]:
    """The record's evidence, as the Verify button reads it."""
    view = reader_of(request).seen
    content = await anyio.to_thread.run_sync(view.evidence, index)
    if content is None:
        raise PageMissingError
    derived(request, index)
    name = f"gaugeblock-record-{index}.evidence.json"
    return Response(content, media_type="application/json", headers=_download(name))


@get("/my/files/{sha256:str}", guards=[signed_in], include_in_schema=False)
async def file(
    request: WebRequest,
    sha256: FromPath[str],
    name: Annotated[str | None, QueryParameter(max_length=200)] = None,
) -> Response[bytes]:
    """A photograph, a certificate's file, a document."""
    reader, services = reader_of(request), services_of(request)
    grant = reader.seen.file(sha256)
    if grant is None:
        raise PageMissingError
    content = await anyio.to_thread.run_sync(services.blobs.get, sha256)
    derived(request, *grant.record_indices)
    media_type = media_type_of(content)
    headers = {} if media_type in INLINE else _download(grant.name or name or sha256)
    return Response(content, media_type=media_type, headers=headers)


def media_type_of(content: bytes) -> str:
    """What the bytes say they are; a browser is told nothing else.

    >>> media_type_of(b"\\xff\\xd8\\xff\\xe0..."), media_type_of(b"%PDF-1.7"), media_type_of(b"<html>")
    ('image/jpeg', 'application/pdf', 'application/octet-stream')
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    return "application/octet-stream"


def _download(name: str) -> dict[str, str]:
    plain = "".join(
        character if (character.isascii() and character.isalnum()) or character in "._-" else "_" for character in name
    )
    disposition = f"attachment; filename=\"{plain[-120:]}\"; filename*=UTF-8''{quote(name[-120:], safe='')}"
    return {"Content-Disposition": disposition}


@get("/my/certificates", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def certificates(request: WebRequest, after: Id = None) -> Response[str]:
    """All certificates."""
    reader = reader_of(request)
    found = reader.seen.certificates(None, None, after, ROWS_SHOWN)
    derived(request, *(row.record_index for row in found.items))
    return page(
        request,
        reader,
        "certificates.html.j2",
        here_nav="certificates",
        certificates=found.items,
        following=found.next,
    )


HANDLERS: list[Any] = [orders, order, workbook, inspections, inspection, record, evidence, file, certificates]
