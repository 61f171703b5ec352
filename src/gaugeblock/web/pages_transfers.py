"""What left the plant: searched by customer and time, each with its record, and exported for an authority."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import anyio.to_thread
from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from gaugeblock.exchange.transfers_queries import PAGE, TransferFilter
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page

Day = Annotated[str, QueryParameter(max_length=40, description="RFC 3339, or a date (its beginning, UTC).")]


def transfer_filter(customer: str, contract: str, since: str, until: str) -> TransferFilter:
    """What a page or a file asks for; empty is everything."""
    return TransferFilter(
        customer=customer[:200] or None,
        contract=contract[:200] or None,
        since=_moment(since),
        until=_moment(until),
    )


def _moment(text: str) -> str | None:
    given = text.strip()
    if not given:
        return None
    return f"{given}T00:00:00Z" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", given) else given


@get("/transfers", guards=[needs("viewer")], include_in_schema=False)
async def transfers(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    customer: FromQuery[str] = "",
    contract: FromQuery[str] = "",
    since: Day = "",
    until: Day = "",
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Newest first."""
    desk, wanted = services.exchange.transfers, transfer_filter(customer, contract, since, until)

    def read() -> dict[str, Any]:
        rows = desk.listed(wanted, cursor)
        return {
            "rows": rows,
            "totals": desk.totals(wanted),
            "following": rows[-1].record_index if len(rows) == PAGE else None,
        }

    context = await anyio.to_thread.run_sync(read)
    asked = {"customer": customer, "contract": contract, "since": since, "until": until}
    return page(
        request,
        reader,
        "transfers.html.j2",
        here_nav="exchange",
        customers=services.exchange.contracts.customers,
        asked={name: value for name, value in asked.items() if value},
        cursor=cursor,
        **context,
    )


@get("/transfers/{index:int}", guards=[needs("viewer")], include_in_schema=False)
async def transfer(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, index: FromPath[int]
) -> Response[str]:
    """The answers of one record."""
    entries = await anyio.to_thread.run_sync(services.exchange.transfers.entries, index)
    return page(request, reader, "transfer.html.j2", here_nav="exchange", index=index, entries=entries)


@get("/transfers/export/{kind:str}", guards=[needs("quality")], include_in_schema=False)
async def export(
    services: GivenServices,
    kind: FromPath[Literal["csv", "json"]],
    customer: FromQuery[str] = "",
    contract: FromQuery[str] = "",
    since: Day = "",
    until: Day = "",
) -> Response[bytes]:
    """For an authority: the answers as CSV, or the records with their evidence as JSON."""
    desk, wanted = services.exchange.transfers, transfer_filter(customer, contract, since, until)
    now = services.clock.now()
    settings = services.settings
    if kind == "csv":
        body = await anyio.to_thread.run_sync(desk.as_csv, wanted)
    elif kind == "json":
        body = await anyio.to_thread.run_sync(desk.as_json, wanted, settings.origin, settings.log_key, to_rfc3339(now))
    else:
        raise BadRequestError(detail="export")
    return Response(
        body,
        media_type="text/csv; charset=utf-8" if kind == "csv" else "application/json",
        headers={
            "Content-Disposition": f'attachment; filename="transfers-{now:%Y%m%dT%H%M%SZ}.{kind}"',
            "Cache-Control": "no-store",
        },
    )


HANDLERS = [transfers, transfer, export]
