"""The pages of messages: conversations with customers, and what the plant's people say in them."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from gaugeblock.exchange.collaboration import OPENERS, TEXT_MAX
from gaugeblock.exchange.messages import PAGE, MessageDesk
from gaugeblock.inspection.complaint_keeper import nonconformity_of
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import MessageStatement
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

Req = Request[Any, Any, Any]
DATED = frozenset({"date_requested", "date_confirmed"})


@get("/messages", guards=[needs("viewer")], include_in_schema=False)
async def threads(
    request: Req,
    services: GivenServices,
    reader: GivenReader,
    customer: Annotated[str, QueryParameter(max_length=200)] = "",
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Conversations, the newest message first."""
    return await _list(request, services, reader, customer, cursor)


async def _list(
    request: Req,
    services: Services,
    reader: Reader,
    customer: str = "",
    cursor: int | None = None,
    given: dict[str, str] | None = None,
    refusal: Problem | None = None,
) -> Response[str]:
    desk = services.exchange.messages

    def read() -> dict[str, Any]:
        rows = desk.listed(customer=customer or None, before=cursor)
        return {"rows": rows, "following": rows[-1].last.index if len(rows) == PAGE else None}

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "messages.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="exchange",
        customer=customer,
        cursor=cursor,
        customers=desk.customers,
        openers=tuple(kind for kind in OPENERS["plant"] if kind != "document_shared"),
        given=given or {},
        refusal=refusal,
        text_max=TEXT_MAX,
        token=secrets.token_hex(8),
        **context,
    )


@post("/messages", guards=[needs("quality")], include_in_schema=False)
async def open_thread(request: Req, services: GivenServices, reader: GivenReader) -> Response[Any]:
    """A person of the plant opens one."""
    given = await _given(request)
    desk = services.exchange.messages

    def act() -> str:
        return desk.open(
            person_of(reader),
            _token(given),
            given.get("customer", ""),
            _statement(given),
            given.get("order", "").strip() or None,
        )

    try:
        thread = await anyio.to_thread.run_sync(act)
    except GaugeblockError as error:
        return await _list(request, services, reader, given=given, refusal=_refusal(error, reader, "/messages"))
    return Redirect(f"/messages/{thread}", status_code=303)


@get("/messages/{thread:str}", guards=[needs("viewer")], include_in_schema=False)
async def thread(request: Req, services: GivenServices, reader: GivenReader, thread: FromPath[str]) -> Response[str]:
    """One, whole, and the forms of what may be said next."""
    return await _thread(request, services, reader, thread)


async def _thread(
    request: Req, services: Services, reader: Reader, thread: str, refusal: Problem | None = None, tried: str = ""
) -> Response[str]:
    one = await anyio.to_thread.run_sync(services.exchange.messages.thread, thread)
    complaint = nonconformity_of(one.messages[0].index) if one.kind == "complaint_opened" else ""
    opened = bool(complaint) and await anyio.to_thread.run_sync(services.desks.nonconformities.reader.has, complaint)
    return page(
        request,
        reader,
        "message_thread.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="exchange",
        one=one,
        complaint=complaint,
        opened=opened,
        forms=tuple(kind for kind in one.possible if kind != "document_shared"),
        dated=DATED,
        refusal=refusal,
        tried=tried,
        text_max=TEXT_MAX,
        token=secrets.token_hex(8),
    )


@post("/messages/{thread:str}", guards=[needs("quality")], include_in_schema=False)
async def answer(request: Req, services: GivenServices, reader: GivenReader, thread: FromPath[str]) -> Response[Any]:
    """Say something."""
    given = await _given(request)
    desk: MessageDesk = services.exchange.messages
    try:
        statement = _statement(given)
        if statement.kind in {"complaint_answered", "complaint_closed"}:
            one = await anyio.to_thread.run_sync(desk.thread, thread)
            # The customer finds the 8D by its number.
            statement = msgspec.structs.replace(statement, nonconformity=nonconformity_of(one.messages[0].index))
        await anyio.to_thread.run_sync(desk.answer, person_of(reader), _token(given), thread, statement)
    except GaugeblockError as error:
        if error.code == "exchange.thread_missing":
            raise
        refusal = _refusal(error, reader, f"/messages/{thread}")
        return await _thread(request, services, reader, thread, refusal, given.get("kind", ""))
    return Redirect(f"/messages/{thread}", status_code=303)


def _statement(given: dict[str, str]) -> MessageStatement:
    values = {"kind": given.get("kind", ""), "text": given.get("text", "").replace("\r\n", "\n").strip()}
    if given.get("date"):
        values["date"] = given["date"]
    try:
        return msgspec.convert(values, MessageStatement)
    except msgspec.ValidationError as error:
        raise BadRequestError(detail=str(error)[:200]) from error


async def _given(request: Req) -> dict[str, str]:
    form = await request.form()
    return {key: value for key in form if isinstance(value := form[key], str)}


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


HANDLERS = [threads, open_thread, thread, answer]
