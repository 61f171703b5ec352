"""Pages for the customer's people: signing in, messages, complaints, contracts."""

from __future__ import annotations

import re
from typing import Annotated, Any, cast
from urllib.parse import quote

import anyio
import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.exchange.collaboration import allowed
from gaugeblock.exchange.customer_commands import CustomerStep, NewDocument, said_in
from gaugeblock.exchange.view_model import ThreadView
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.web.customer.page_errors import PageInputError, PageMissingError
from gaugeblock.web.customer.pages_orders import INLINE, media_type_of, order_page
from gaugeblock.web.customer.portal_ports import Collaboration, NewMessage
from gaugeblock.web.customer.reading import (
    PageReader,
    derived,
    local,
    own_form,
    private_cookie,
    reader_of,
    request_id,
    same_origin,
    services_of,
    signed_in,
)
from gaugeblock.web.customer.rendering import page

THREADS_SHOWN = 50
UNITS_MOST = 200
TEXT_MOST = 4_000
DOCUMENTS_MOST = 4
PHOTOGRAPHS = INLINE | {"application/pdf"}
COMPLAINT_BYTES = 32 * 1024 * 1024
PASSWORD_HASHES_AT_ONCE = 2
"""64 MiB each: a crowd at the door must not take the machine's memory."""

_hashing = anyio.CapacityLimiter(PASSWORD_HASHES_AT_ONCE)
_SEPARATORS = re.compile(r"[\s,;，；、]+")

Form = URLEncodedBody[dict[str, str]]
Id = Annotated[str | None, QueryParameter(max_length=200)]
WebRequest = Request[Any, Any, Any]


class Refusal(msgspec.Struct, frozen=True):
    """What was refused of a form, in the reader's language."""

    text: str
    remedy: str


def refusal_of(error: GaugeblockError, language: Language) -> Refusal:
    """A named error as a form shows it."""
    return Refusal(error.text(language), error.remedy(language))


# ── in and out ────────────────────────────────────────────────────────────────────────────────────────────


@get("/sign-in", include_in_schema=False, sync_to_thread=False)
def sign_in(request: WebRequest, next: FromQuery[str] = "") -> Response[str]:
    """The form."""
    return _sign_in(request, local(next, "/my/orders"))


def _sign_in(request: WebRequest, following: str, customer: str = "", refusal: Refusal | None = None) -> Response[str]:
    status = 200 if refusal is None else 401
    return page(
        request,
        reader_of(request),
        "sign_in.html.j2",
        status,
        following=following,
        customer=customer,
        refusal=refusal,
    )


@post("/sign-in", guards=[same_origin], include_in_schema=False)
async def sign_in_now(request: WebRequest, data: Form) -> Response[Any]:
    """A session for the right name and password."""
    services, reader = services_of(request), reader_of(request)
    following = local(data.get("next"), "/my/orders")
    customer, name, password = (data.get(field, "")[:1025] for field in ("customer", "name", "password"))
    try:
        token = await anyio.to_thread.run_sync(
            services.people.sign_in, customer.strip(), name.strip(), password, limiter=_hashing
        )
    except GaugeblockError as error:
        if error.code.endswith("unavailable") or error.code == "plant.unexpected":
            raise
        return _sign_in(request, following, customer[:64], refusal_of(error, reader.language))
    response = Redirect(following, status_code=303)
    response.set_cookie(private_cookie(token, secure=services.settings.secure_cookies))
    return response


@post("/sign-out", guards=[own_form], include_in_schema=False)
async def sign_out(request: WebRequest, data: Form) -> Response[Any]:  # noqa: ARG001 - read by the guard
    """Ends the session."""
    services = services_of(request)
    token = request.cookies.get("gaugeblock_customer", "")
    await anyio.to_thread.run_sync(services.people.sign_out, token)
    response = Redirect("/", status_code=303)
    response.set_cookie(private_cookie("", secure=services.settings.secure_cookies, ends=True))
    return response


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────


@get("/my/messages", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def messages(request: WebRequest, after: Id = None) -> Response[str]:
    """All conversations."""
    reader = reader_of(request)
    found = reader.seen.threads(after, THREADS_SHOWN)
    derived(request, *(row.last_index for row in found.items))
    return page(request, reader, "messages.html.j2", here_nav="messages", threads=found.items, following=found.next)


@get("/my/messages/{thread_id:str}", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def thread(request: WebRequest, thread_id: FromPath[str], said: FromQuery[bool] = False) -> Response[str]:
    """One conversation."""
    return _thread(request, reader_of(request), thread_id, said=said)


def _thread(
    request: WebRequest, reader: PageReader, thread_id: str, *, said: bool = False, refusal: Refusal | None = None
) -> Response[str]:
    found = reader.seen.thread(thread_id)
    if found is None:
        raise PageMissingError
    numbers = [one.nonconformity for one in found.messages if one.nonconformity]
    nonconformity = reader.seen.nonconformity(numbers[-1]) if numbers else None
    derived(request, *(one.record_index for one in found.messages))
    if nonconformity is not None:
        derived(request, nonconformity.record_index, *(step.record_index for step in nonconformity.steps))
    return page(
        request,
        reader,
        "thread.html.j2",
        200 if refusal is None else 422,
        here_nav="messages",
        thread=found,
        nonconformity=nonconformity,
        answers=_answers(found),
        said=said,
        refusal=refusal,
    )


def _answers(found: ThreadView) -> tuple[str, ...]:
    return tuple(kind for kind in allowed(said_in(found), "customer") if kind != "document_shared")


@get("/my/complaint", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def complaint(request: WebRequest, order: FromQuery[str] = "", units: FromQuery[str] = "") -> Response[str]:
    """The form of a complaint."""
    filled = {"order": order[:64], "units": units[:2000], "quantity": "", "severity": "", "text": ""}
    return _complaint(request, reader_of(request), filled)


def _complaint(
    request: WebRequest, reader: PageReader, filled: dict[str, str], refusal: Refusal | None = None
) -> Response[str]:
    orders = reader.seen.orders(None, 500).items
    derived(request, *(order.record_index for order in orders))
    return page(
        request,
        reader,
        "complaint.html.j2",
        200 if refusal is None else 422,
        here_nav="messages",
        orders=[order.order for order in orders],
        filled=filled,
        refusal=refusal,
    )


@post("/my/messages", guards=[own_form], include_in_schema=False)
async def say(request: WebRequest, data: Form) -> Response[Any]:
    """A message, stated as a record before the answer."""
    reader = reader_of(request)
    assert reader.caller is not None, "the guard saw to it"
    try:
        message = message_of(data)
        desk = _desk(request, reader)
        posted = await anyio.to_thread.run_sync(
            desk.say, reader.seen, reader.caller.credential, request_id(request), message
        )
    except GaugeblockError as error:
        return await anyio.to_thread.run_sync(_say_again, request, reader, data, error)
    if data.get("order") and not data.get("thread"):
        return Redirect(f"/my/orders/{_path(data['order'])}?said=true", status_code=303)
    return Redirect(f"/my/messages/{_path(posted.thread)}?said=true", status_code=303)


@post("/my/complaint", guards=[own_form], include_in_schema=False, request_max_body_size=COMPLAINT_BYTES)
async def complain(request: WebRequest) -> Response[Any]:
    """A complaint with photographs; stated as a record before the answer."""
    reader = reader_of(request)
    assert reader.caller is not None, "the guard saw to it"
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    files = [value for value in form.getall("documents", []) if isinstance(value, UploadFile) and value.filename]
    try:
        if len(files) > DOCUMENTS_MOST:
            raise PageInputError(field="documents")
        documents = [NewDocument(name=file.filename, content=await file.read(), kind="photograph") for file in files]
        if any(media_type_of(document.content) not in PHOTOGRAPHS for document in documents):
            raise PageInputError(field="documents")
        message = message_of({**data, "kind": "complaint_opened", "thread": ""})
        desk = _desk(request, reader)
        posted = await anyio.to_thread.run_sync(
            desk.say, reader.seen, reader.caller.credential, request_id(request), message, documents
        )
    except GaugeblockError as error:
        filled = {name: data.get(name, "")[:TEXT_MOST] for name in _FIELDS}
        return await anyio.to_thread.run_sync(_complaint, request, reader, filled, refusal_of(error, reader.language))
    return Redirect(f"/my/messages/{_path(posted.thread)}?said=true", status_code=303)


def _say_again(request: WebRequest, reader: PageReader, data: dict[str, str], error: GaugeblockError) -> Response[str]:
    refusal = refusal_of(error, reader.language)
    if data.get("thread"):
        return _thread(request, reader, data["thread"], refusal=refusal)
    return order_page(request, reader, data.get("order", ""), refusal=refusal)


_FIELDS = ("order", "units", "quantity", "severity", "text")


def message_of(data: dict[str, str]) -> NewMessage:
    """What a form says.

    Raises
    ------
    PageInputError

    >>> message_of({"kind": "complaint_opened", "order": "WO-1", "units": "U-1, U-2", "text": "scratched"}).units
    ('U-1', 'U-2')
    """
    units = tuple(part[:64] for part in _SEPARATORS.split(data.get("units", "")) if part)
    quantity = data.get("quantity", "").strip()
    if len(units) > UNITS_MOST:
        raise PageInputError(field="units")
    if quantity and not (quantity.isascii() and quantity.isdigit() and len(quantity) < 10):
        raise PageInputError(field="quantity")
    if len(data.get("text", "")) > TEXT_MOST:
        raise PageInputError(field="text")
    return NewMessage(
        kind=data.get("kind", "")[:40],
        thread=data.get("thread", "")[:100],
        text=data.get("text", "").strip(),
        order=data.get("order") or None,
        date=data.get("date") or None,
        units=units,
        quantity=int(quantity) if quantity else None,
        severity=data.get("severity") or None,
    )


def _desk(request: WebRequest, reader: PageReader) -> Collaboration:
    services = services_of(request)
    desk = services.sandbox_collaboration if reader.caller and reader.caller.test else services.collaboration
    if desk is None:
        raise PageMissingError
    return desk


def _path(text: str) -> str:
    return quote(text, safe="")


# ── contracts ─────────────────────────────────────────────────────────────────────────────────────────────


@get("/my/contract", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def contract(request: WebRequest) -> Response[str]:
    """Every version offered, and what became of it."""
    return _contract(request, reader_of(request))


def _contract(request: WebRequest, reader: PageReader, refusal: Refusal | None = None) -> Response[str]:
    versions = reader.seen.contracts()
    derived(request, *(index for one in versions for index in (one.record_index, one.step_index)))
    status = 200 if refusal is None else 422
    return page(request, reader, "contract.html.j2", status, here_nav="contract", versions=versions, refusal=refusal)


@post("/my/contract", guards=[own_form], include_in_schema=False)
async def decide(request: WebRequest, data: Form) -> Response[Any]:
    """Accepts, declines or revokes; stated as a record before the answer."""
    reader = reader_of(request)
    assert reader.caller is not None, "the guard saw to it"
    step, version = data.get("step", ""), data.get("version", "")
    try:
        if step not in {"accepted", "declined", "revoked"} or not version.isascii() or not version.isdigit():
            raise PageInputError(field="step")
        if data.get("sure") != "yes":
            raise PageInputError(field="sure")
        desk = _desk(request, reader)
        await anyio.to_thread.run_sync(
            desk.take_step,
            reader.seen,
            reader.caller.credential,
            request_id(request),
            data.get("contract", "")[:100],
            int(version[:9]),
            cast("CustomerStep", step),
        )
    except GaugeblockError as error:
        return await anyio.to_thread.run_sync(_contract, request, reader, refusal_of(error, reader.language))
    return Redirect("/my/contract", status_code=303)


HANDLERS: list[Any] = [
    sign_in,
    sign_in_now,
    sign_out,
    messages,
    thread,
    complaint,
    say,
    complain,
    contract,
    decide,
]
