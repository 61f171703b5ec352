"""Messages both ways: acknowledgements, dates, first articles, concessions, complaints, documents."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody

from gaugeblock.exchange.collaboration import DOCUMENTS_MAX, Kind, Side, allowed, stage
from gaugeblock.exchange.collaboration_errors import ThreadMissingError
from gaugeblock.exchange.customer_commands import NewDocument, Posted, said_in
from gaugeblock.exchange.shared_document import DocumentKind
from gaugeblock.exchange.view_model import ThreadView
from gaugeblock.web.customer.preconditions import once
from gaugeblock.web.customer.problems import may_answer
from gaugeblock.web.customer.rest_commands import commands_of
from gaugeblock.web.customer.rest_common import (
    Limit,
    Listing,
    Number,
    Req,
    caller_of,
    check_match,
    created,
    following,
    found,
    listed,
    request_id_of,
    shown,
    text_after,
    view_of,
)
from gaugeblock.web.customer.rest_contracts import IdempotencyKey
from gaugeblock.web.errors import BadRequestError

PAGED = {"paged": True}
TAGS = ["messages"]
BODY_BYTES = 24 * 1024 * 1024
"""Of a message with its documents in base64."""

_CALENDAR = (
    r"^(19|20)[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))$"
)
Date = Annotated[str, msgspec.Meta(pattern=_CALENDAR, description="A date, as 2026-12-24.")]
FreeText = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00-\x08\x0b-\x1f]*$")]
NeededText = Annotated[
    str, msgspec.Meta(min_length=1, max_length=4000, pattern=r"^[\n\t ]*[^\s\x00-\x1f][^\x00-\x08\x0b-\x1f]*$")
]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Units = Annotated[list[str], msgspec.Meta(max_length=200)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class DocumentIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document, 12 MiB at most; what it is is read from its bytes. Programs are not taken."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r'^[^\x00-\x20\x7f<>:"/\\|?*.][^\x00-\x1f\x7f<>:"/\\|?*]{0,118}[^\x00-\x20\x7f<>:"/\\|?*]$'
        ),
    ]
    content_base64: Annotated[
        str,
        msgspec.Meta(
            min_length=4,
            max_length=16 * 1024 * 1024 + 4,
            pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$",
        ),
    ]
    kind: DocumentKind = "other"


Documents = Annotated[list[DocumentIn], msgspec.Meta(max_length=DOCUMENTS_MAX)]
SomeDocuments = Annotated[list[DocumentIn], msgspec.Meta(min_length=1, max_length=DOCUMENTS_MAX)]


class _About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    order: Id | None = None
    lot: Id | None = None
    unit: Id | None = None
    documents: Documents = []


class _OfOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    order: Id
    documents: Documents = []


class OrderAcknowledged(_OfOrder, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="order_acknowledged"):
    """The order is as you meant it."""

    text: FreeText = ""


class DateRequested(_OfOrder, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="date_requested"):
    """Another date is wanted; the plant confirms or refuses it."""

    date: Date
    text: FreeText = ""


class ConcessionRequested(_About, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="concession_requested"):
    """Something deviates, and is asked to be taken as it is."""

    text: NeededText
    units: Units = []
    quantity: Quantity | None = None


class ComplaintOpened(_About, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="complaint_opened"):
    """What is wrong. The plant opens a nonconformity of it, from which its 8D grows."""

    text: NeededText
    severity: Literal["critical", "major", "minor"] = "major"
    units: Units = []
    quantity: Quantity | None = None
    defect: Id | None = None


class DocumentsShared(_About, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="document_shared"):
    """A drawing, a golden sample, a report."""

    documents: SomeDocuments
    text: FreeText = ""


class Note(_About, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="note"):
    """Anything else."""

    text: NeededText


ThreadIn = OrderAcknowledged | DateRequested | ConcessionRequested | ComplaintOpened | DocumentsShared | Note


class _Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    documents: Documents = []


class _Said(_Reply, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: FreeText = ""


class _Reasoned(_Reply, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: NeededText


class ReplyDateRequested(_Said, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="date_requested"):
    """Once more, after an answer."""

    date: Date


class FirstArticleApproved(_Said, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="first_article_approved"):
    """Series production may begin."""


class FirstArticleRefused(
    _Reasoned, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="first_article_refused"
):
    """Why not."""


class ConcessionGranted(_Said, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="concession_granted"):
    """For what was asked, and nothing else."""


class ConcessionRefused(_Reasoned, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="concession_refused"):
    """Why not."""


class ReplyConcessionRequested(
    _Reasoned, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="concession_requested"
):
    """Once more, after an answer."""


class ComplaintClosed(_Said, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="complaint_closed"):
    """The plant's answer is enough."""


class ReplyDocumentsShared(_Said, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="document_shared"):
    """Documents to what was said."""

    documents: SomeDocuments


class ReplyNote(_Reasoned, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="note"):
    """Anything else."""


ReplyIn = (
    ReplyDateRequested
    | FirstArticleApproved
    | FirstArticleRefused
    | ReplyConcessionRequested
    | ConcessionGranted
    | ConcessionRefused
    | ComplaintClosed
    | ReplyDocumentsShared
    | ReplyNote
)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent, in the form in which it is stated."""

    kind: str
    thread: str = ""
    text: str = ""
    order: str | None = None
    lot: str | None = None
    unit: str | None = None
    date: str | None = None
    units: tuple[str, ...] = ()
    quantity: int | None = None
    defect: str | None = None
    severity: str | None = None


class ThreadOut(ThreadView, frozen=True, kw_only=True, omit_defaults=True):
    """A thread, whose answer is due, and what you may say next."""

    waiting_for: Side | None = None
    question_index: int | None = None
    closed: bool = False
    possible: tuple[Kind, ...] = ()


class ThreadsOut(Listing, frozen=True, kw_only=True):
    """Threads by number."""

    threads: tuple[ThreadOut, ...]


def thread_out(thread: ThreadView) -> ThreadOut:
    """A thread as it stands."""
    said = said_in(thread)
    now = stage(said)
    fields = {name: getattr(thread, name) for name in thread.__struct_fields__}
    return ThreadOut(
        **fields,
        waiting_for=now.waiting_for,
        question_index=now.question_index,
        closed=now.closed,
        possible=allowed(said, "customer"),
    )


def _message(data: msgspec.Struct, thread: str = "") -> Message:
    given = {name: getattr(data, name) for name in data.__struct_fields__ if name != "documents"}
    if "units" in given:
        given["units"] = tuple(dict.fromkeys(given["units"]))
    return Message(kind=str(data.__struct_config__.tag), thread=thread, **given)


def _documents(documents: list[DocumentIn]) -> list[NewDocument]:
    try:
        return [
            NewDocument(name=one.name, content=base64.b64decode(one.content_base64, validate=True), kind=one.kind)
            for one in documents
        ]
    except binascii.Error:
        raise BadRequestError(detail="content_base64") from None


@get("/threads", opt=PAGED, tags=TAGS, summary="Threads", responses=may_answer())
async def threads(request: Req, limit: Limit = 100) -> Response[ThreadsOut]:
    """Conversations between you and the plant."""
    page = view_of(request).threads(text_after(request, "threads", {}), limit)
    out = ThreadsOut(
        threads=tuple(thread_out(one) for one in page.items), next=following(request, page, "threads", {}, limit)
    )
    return listed(request, out)


@get("/threads/{thread:str}", tags=TAGS, summary="One thread", responses=may_answer())
async def thread(request: Req, thread: Number) -> Response[ThreadOut]:
    """All its messages, oldest first; each is a record."""
    return shown(request, thread_out(found(request, view_of(request).thread(thread))))


@post("/threads", tags=TAGS, summary="Open a thread", responses=may_answer(409, 413, 415, 422))
async def open_thread(request: Req, data: JSONBody[ThreadIn], idempotency_key: IdempotencyKey) -> Response[Posted]:
    """By `kind`: acknowledge an order, ask for a date or a concession, complain, share documents, or note something.

    What it names must be among what you can see (404 otherwise). It is stated as a record before this answers.
    """
    del idempotency_key
    view, caller, commands = view_of(request), caller_of(request), commands_of(request)

    def act(key: str) -> tuple[int, bytes]:
        posted = commands.say(
            view, caller.credential, request_id_of(request), _message(data), _documents(data.documents), key
        )
        return created(request, posted)

    return await once(request, act)


@post(
    "/threads/{thread:str}/messages", tags=TAGS, summary="Say something", responses=may_answer(409, 412, 413, 415, 422)
)
async def reply(
    request: Req,
    thread: Number,
    data: JSONBody[ReplyIn],
    idempotency_key: IdempotencyKey,
) -> Response[Posted]:
    """What `possible` of the thread names: answers to what the plant asked, notes, documents.

    With `If-Match` it is refused (412) where the thread has gone on since you read it.
    """
    del idempotency_key
    view, caller, commands = view_of(request), caller_of(request), commands_of(request)
    if_match = request.headers.get("if-match")

    def act(key: str) -> tuple[int, bytes]:
        one = view.thread(thread)
        if one is None:
            raise ThreadMissingError(thread=thread[:80])
        if if_match is not None:
            check_match(if_match, msgspec.json.encode(thread_out(one)), f"/api/v1/threads/{thread}")
        posted = commands.say(
            view, caller.credential, request_id_of(request), _message(data, thread), _documents(data.documents), key
        )
        return created(request, posted)

    return await once(request, act)


HANDLERS: list[Any] = [threads, thread]
WRITES: list[Any] = [open_thread, reply]
"""With documents in their bodies: they take :data:`BODY_BYTES`."""
