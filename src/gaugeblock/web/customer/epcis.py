"""EPCIS 2.0 over HTTP: events of the customer's units asked for, and events of theirs captured.

Capture is done when it answers: the document that was sent, the events taken from it and what came of it are one
message, a record that the exchange signs on the customer's behalf. The events stand among the answers of queries a
moment later. Named queries are not kept here: ``SimpleEventQuery`` is the one there is, and webhooks tell of news.

Source: EPCIS 2.0 (ISO/IEC 19987), section 12, REST binding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

import anyio.to_thread
import msgspec
from litestar import HttpMethod, Response, Router, get, post, route
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from gaugeblock.exchange.customer_commands import NewDocument, Posted
from gaugeblock.exchange.document_errors import (
    EventExistsError,
    EventFormError,
    EventMissingError,
)
from gaugeblock.exchange.epcis.building import PREFIXES
from gaugeblock.exchange.epcis.capture import Behaviour, Capture, capture, read_behaviour
from gaugeblock.exchange.epcis.from_records import (
    EVENTS_NAME,
    JOB_NAME,
    SENT_NAME,
    Naming,
    Narrowed,
    RecordEvents,
    Sourced,
    captures_of,
    document,
)
from gaugeblock.exchange.epcis.json_ld import (
    MAX_BYTES,
    ReadEvent,
    epcis_document,
    open_document,
    query_document,
    write_document,
)
from gaugeblock.exchange.epcis.query import answer as page_of
from gaugeblock.exchange.epcis.query import read_query
from gaugeblock.exchange.text_forms import moment_of
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.web.customer.epcis_answers import (
    DISCOVERED,
    HEADERS,
    JSON_TYPES,
    REFUSALS_TOLD,
    Fault,
    RejectedError,
    check_epcis,
    epcis_problem,
    fault_of,
    written,
)
from gaugeblock.web.customer.rest_commands import commands_of
from gaugeblock.web.customer.rest_common import (
    Req,
    caller_of,
    derive,
    request_id_of,
    services_of,
    view_of,
)
from gaugeblock.web.customer.rest_errors import BodyMediaTypeError
from gaugeblock.web.customer.rest_threads import Message

PREFIX = "/epcis"
STATE = "epcis_events"
QUERY = "SimpleEventQuery"


class Captured(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to a capture, beside its ``Location``: the record that states it."""

    capture_id: str = msgspec.field(name="captureID")
    record_index: int
    events: int
    refused: int


class CaptureJob(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What came of a capture. ``events`` are the ids of those that were taken."""

    capture_id: str = msgspec.field(name="captureID")
    created_at: str
    finished_at: str
    running: bool
    success: bool
    capture_error_behaviour: Behaviour
    errors: tuple[Fault, ...]
    events: tuple[str, ...]


def _events(request: Req) -> RecordEvents:
    """The events' source, one for the application: what it has made once it need not make again.

    Objects are named below the exchange's public address. Where none is set, by the one that was called.
    """
    services, state = services_of(request), request.app.state
    base = services.public_url or str(request.base_url).rstrip("/")
    known = state.get(STATE)
    if known is None or known.names.base != base:
        known = RecordEvents(Naming(base=base, zone=ZoneInfo(services.timezone)), services.blobs.get)
        state[STATE] = known
    return cast("RecordEvents", known)


# ── queries ─────────────────────────────────────────────────────────────────────────────────────────────────


def narrowed(parameters: Mapping[str, Sequence[str]], unit_of: Any) -> Narrowed:
    """What a query's parameters let one pass over; what they say in full is checked event by event."""

    def time(name: str) -> datetime | None:
        values = parameters.get(name, ())
        return moment_of(values[0]) if len(values) == 1 else None

    kinds = {part for value in parameters.get("eventType", ()) for part in value.split("|")}
    named_ones = [value for name in ("MATCH_epc", "MATCH_anyEPC") for value in parameters.get(name, ())]
    unit = unit_of(named_ones[0]) if len(named_ones) == 1 and "|" not in named_ones[0] else None
    return Narrowed(
        since=time("GE_eventTime"),
        until=time("LT_eventTime"),
        unit=unit,
        observations=not kinds or "ObjectEvent" in kinds,
    )


@get(["/events", f"/queries/{QUERY}/events"])
async def events(request: Req) -> Response[Any]:
    """Events that match a SimpleEventQuery, a page at a time."""
    parameters: dict[str, list[str]] = {name: list(values) for name, values in request.query_params.dict().items()}
    query = read_query(parameters)
    source, view = _events(request), view_of(request)

    def look() -> tuple[list[Sourced], str | None]:
        found = source.of(view, narrowed(parameters, source.names.unit_of))
        sources = {id(one.event): one for one in found}
        page = page_of([one.event for one in found], query)
        return [sources[id(event)] for event in page.events], page.next_page_token

    shown, token = await anyio.to_thread.run_sync(look)
    more = {}
    if token is not None:
        kept = [(name, value) for name, values in parameters.items() for value in values if name != "nextPageToken"]
        address = f"{source.names.base}{request.url.path}?{urlencode([*kept, ('nextPageToken', token)])}"
        more = {"Link": f'<{address}>; rel="next"'}
    return _documented(request, shown, **more)


def _documented(request: Req, shown: Sequence[Sourced], **more: str) -> Response[Any]:
    derive(request, [index for one in shown for index in one.records])
    created = to_rfc3339(services_of(request).clock.now())
    whole = query_document([one.event for one in shown], creation_date=created, prefixes=PREFIXES)
    return written(request, write_document(whole), **more)


@get("/events/{event_id:path}")
async def event(request: Req, event_id: FromPath[str]) -> Response[Any]:
    """One event by its id, percent-encoded."""
    wanted = _id_of(request, event_id)
    source, view = _events(request), view_of(request)
    found = await anyio.to_thread.run_sync(source.of, view)
    one = next((one for one in found if one.event.event.event_id == wanted), None)
    if one is None:
        raise EventMissingError(event=wanted[:200])
    return _documented(request, [one])


def _id_of(request: Req, given: str) -> str:
    """The id as it was sent: a path's doubled slashes would be lost on the way through the router."""
    raw = bytes(request.scope.get("raw_path") or b"").split(b"?", 1)[0].decode("latin-1")
    start = f"{PREFIX}/events/"
    return unquote(raw.removeprefix(start)) if raw.startswith(start) else given.removeprefix("/")


@get("/queries")
async def queries(request: Req) -> Response[Any]:
    """The queries there are."""
    body = {"@context": [], "type": "Collection", "member": [{"name": QUERY, "query": {}}]}
    return written(request, msgspec.json.encode(body), "application/json")


@get("/")
async def top(request: Req) -> Response[Any]:
    """The resources there are."""
    body = {"type": "Collection", "member": ["capture", "events", "queries"]}
    return written(request, msgspec.json.encode(body), "application/json")


# ── capture ─────────────────────────────────────────────────────────────────────────────────────────────────


@post("/capture", status_code=202)
async def capture_document(request: Req) -> Response[Any]:
    """Take the events of an EPCISDocument: all of them, or with ``proceed`` as many as are good."""
    raw = await _body(request)
    behaviour = read_behaviour(request.headers.get("GS1-Capture-Error-Behaviour"))
    posted, taken = await anyio.to_thread.run_sync(_capture, request, raw, behaviour)
    return _located(request, 202, f"{PREFIX}/capture/{posted.thread}", posted, taken)


@post("/events", status_code=201)
async def capture_event(request: Req) -> Response[Any]:
    """Take one event, with its context."""
    raw = await _body(request)

    def act() -> tuple[Posted, Capture]:
        if open_document(raw).kind is not None:
            raise EventFormError(where="$.type", detail="one event; documents go to /epcis/capture")
        return _capture(request, raw, "rollback", alone=True)

    posted, taken = await anyio.to_thread.run_sync(act)
    identity = taken.events[0].event.event_id or ""
    return _located(request, 201, f"{PREFIX}/events/{quote(identity, safe='')}", posted, taken)


async def _body(request: Req) -> bytes:
    # Who says nothing sends what is taken here.
    if request.content_type[0] not in ("", *JSON_TYPES):
        raise BodyMediaTypeError
    return await request.body()


def _located(request: Req, status: int, path: str, posted: Posted, taken: Capture) -> Response[Any]:
    derive(request, posted.record_index)
    body = Captured(
        capture_id=posted.thread,
        record_index=posted.record_index,
        events=len(taken.events),
        refused=len(taken.refused),
    )
    base = _events(request).names.base
    headers = {**HEADERS, "Location": f"{base}{path}", "Cache-Control": "private, no-store"}
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json", headers=headers)


def _capture(request: Req, raw: bytes, behaviour: Behaviour, *, alone: bool = False) -> tuple[Posted, Capture]:
    view, caller, now = view_of(request), caller_of(request), to_rfc3339(services_of(request).clock.now())
    taken = capture(raw, recorded_at=now, behaviour=behaviour)
    if not taken.events:
        # There is nothing to state.
        nothing = EventFormError(where="$.epcisBody.eventList", detail="no event")
        raise RejectedError(taken.refused) if taken.refused else nothing
    if alone:
        identity = taken.events[0].event.event_id
        known = _events(request).of(view)
        if any(one.event.event.event_id == identity for one in known):
            raise EventExistsError(event=(identity or "")[:200])
    kept = epcis_document([_with_context(one, taken.prefixes) for one in taken.events], creation_date=now)
    job = CaptureJob(
        capture_id="",
        created_at=now,
        finished_at=now,
        running=False,
        success=taken.success,
        capture_error_behaviour=behaviour,
        errors=tuple(fault_of(one.error, "en", one.event) for one in taken.refused[:REFUSALS_TOLD]),
        events=tuple(one.event.event_id or "" for one in taken.events),
    )
    documents = [
        NewDocument(name=SENT_NAME, content=raw),
        NewDocument(name=EVENTS_NAME, content=write_document(kept)),
        NewDocument(name=JOB_NAME, content=msgspec.json.encode(job)),
    ]
    text = f"EPCIS 2.0: {len(taken.events)} events captured, {len(taken.refused)} refused."
    once = "epcis-" + hashlib.sha256(behaviour.encode() + b"\x00" + raw).hexdigest()
    message = Message(kind="document_shared", text=text)
    posted = commands_of(request).say(view, caller.credential, request_id_of(request), message, documents, once)
    return posted, taken


def _with_context(read: ReadEvent, prefixes: Mapping[str, str]) -> ReadEvent:
    """The event with what its document said of prefixes: answers put events of several documents together."""
    if not prefixes or read.event.context is not None:
        return read
    context: list[str | dict[str, object]] = [{name: url} for name, url in prefixes.items()]
    return ReadEvent(msgspec.structs.replace(read.event, context=context), read.extensions)


@get("/capture")
async def capture_jobs(request: Req) -> Response[Any]:
    """What came of each capture, oldest first."""
    jobs = await anyio.to_thread.run_sync(_jobs, request, None)
    return written(request, msgspec.json.encode(jobs), "application/json")


@get("/capture/{capture_id:str}")
async def capture_job(request: Req, capture_id: FromPath[str]) -> Response[Any]:
    """What came of a capture."""
    jobs = await anyio.to_thread.run_sync(_jobs, request, capture_id)
    if not jobs:
        raise EventMissingError(event=capture_id[:200])
    return written(request, msgspec.json.encode(jobs[0]), "application/json")


def _jobs(request: Req, wanted: str | None) -> list[CaptureJob]:
    blobs, found = services_of(request).blobs, []
    for thread, message in captures_of(view_of(request)):
        kept = document(message, JOB_NAME)
        if kept is None or wanted not in (None, thread.thread):
            continue
        try:
            job = msgspec.json.decode(blobs.get(kept.sha256), type=CaptureJob)
        except msgspec.DecodeError:
            # Not by way of capture: a document that a customer shared under the name of one.
            continue
        derive(request, message.record_index)
        found.append(msgspec.structs.replace(job, capture_id=thread.thread))
    return found


@route(
    ["/", "/capture", "/capture/{capture_id:str}", "/events", "/events/{event_id:path}", "/queries"],
    http_method=[HttpMethod.OPTIONS],
    status_code=204,
)
async def discovery(request: Req) -> Response[None]:
    """What is offered."""
    path = request.url.path.rstrip("/")
    writes = path in (f"{PREFIX}/capture", f"{PREFIX}/events")
    headers = {**DISCOVERED, "Allow": "OPTIONS, GET, POST" if writes else "OPTIONS, GET"}
    return Response(None, status_code=204, headers=headers)


HANDLERS: list[Any] = [
    Router(
        PREFIX,
        route_handlers=[
            # First, so that no handler of OPTIONS is made for the addresses of the others.
            discovery,
            top,
            events,
            event,
            queries,
            capture_document,
            capture_event,
            capture_jobs,
            capture_job,
        ],
        before_request=check_epcis,
        request_max_body_size=MAX_BYTES,
        exception_handlers={
            Exception: epcis_problem,
            HTTPException: epcis_problem,
            GaugeblockError: epcis_problem,
            RejectedError: epcis_problem,
        },
        include_in_schema=False,
    )
]
