"""The developer's console: the customer's own requests, webhook endpoints, their deliveries."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.exchange.webhook_desk import SINK_URL, WebhookDesk
from gaugeblock.exchange.webhook_errors import WebhookMissingError
from gaugeblock.exchange.webhooks import EVENT_TYPES
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.webhooks import Delivery, Endpoint
from gaugeblock.web.customer.page_errors import PageInputError
from gaugeblock.web.customer.pages_talk import Refusal, refusal_of
from gaugeblock.web.customer.reading import PageReader, own_form, reader_of, services_of, signed_in
from gaugeblock.web.customer.rendering import page

REQUESTS_SHOWN = 100
DELIVERIES_SHOWN = 50
CHOICES = tuple(name for name in EVENT_TYPES if name != "webhook.test")
"""A test message comes to every endpoint that asks for it."""

Form = URLEncodedBody[dict[str, str]]
Text = Annotated[str, QueryParameter(max_length=200)]
WebRequest = Request[Any, Any, Any]
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})")


@get("/console/requests", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def requests(
    request: WebRequest,
    text: Text = "",
    status: Annotated[str, QueryParameter(pattern="^[2-5]?$")] = "",
    method: Annotated[str, QueryParameter(pattern="^(|GET|HEAD|POST|PUT|DELETE)$")] = "",
    before: Text = "",
) -> Response[str]:
    """The customer's own requests, newest first."""
    reader = reader_of(request)
    found = _CURSOR.fullmatch(before)
    rows, following = services_of(request).requests.requests(
        f"test:{reader.customer}" if _test(reader) else reader.customer,
        text=text,
        method=method or None,
        status=int(status) if status else None,
        before=(int(found[1]), int(found[2])) if found else None,
        limit=REQUESTS_SHOWN,
    )
    query = {"text": text, "status": status, "method": method}
    if following is not None:
        query["before"] = f"{following[0]}.{following[1]}"
    return page(
        request,
        reader,
        "requests.html.j2",
        here_nav="console",
        tab="requests",
        rows=rows,
        wanted={"text": text, "status": status, "method": method},
        next_url=None
        if following is None
        else "/console/requests?" + urlencode({key: value for key, value in query.items() if value}),
    )


# ── endpoints ─────────────────────────────────────────────────────────────────────────────────────────────


@get("/console/webhooks", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def webhooks(request: WebRequest) -> Response[str]:
    """All endpoints, and the form for a new one."""
    return _webhooks(request, reader_of(request))


def desk_of(request: WebRequest, reader: PageReader) -> WebhookDesk:
    """The reader's endpoints."""
    services = services_of(request)
    parts = services.webhooks, services.dispatcher, services.guard, services.clock
    return WebhookDesk(*parts, reader.customer, reader.seen, test=_test(reader))


def _webhooks(
    request: WebRequest,
    reader: PageReader,
    *,
    refusal: Refusal | None = None,
    filled: dict[str, str] | None = None,
    made: str | None = None,
) -> Response[str]:
    return page(
        request,
        reader,
        "webhooks.html.j2",
        200 if refusal is None else 422,
        here_nav="console",
        tab="webhooks",
        endpoints=desk_of(request, reader).endpoints(),
        event_types=CHOICES,
        refusal=refusal,
        made=made,
        filled=filled or {"url": SINK_URL if _test(reader) else "", "description": ""},
    )


@post("/console/webhooks", guards=[own_form], include_in_schema=False, status_code=200)
async def add(request: WebRequest, data: Form) -> Response[str]:
    """A new endpoint; its secret is shown once, here."""
    return await anyio.to_thread.run_sync(_add, request, data)


def _add(request: WebRequest, data: Form) -> Response[str]:
    reader = reader_of(request)
    filled = {"url": data.get("url", "").strip()[:501], "description": data.get("description", "").strip()}
    wanted = [name for name in CHOICES if data.get(f"event_{name}") == "yes"]
    try:
        _, secret = desk_of(request, reader).add(filled["url"], wanted, filled["description"])
    except GaugeblockError as error:
        return _webhooks(request, reader, refusal=refusal_of(error, reader.language), filled=filled)
    return _webhooks(request, reader, made=secret)


@get("/console/webhooks/{endpoint_id:str}", guards=[signed_in], include_in_schema=False, sync_to_thread=True)
def webhook(
    request: WebRequest,
    endpoint_id: FromPath[str],
    before: Text = "",
    said: Annotated[str, QueryParameter(pattern="^(|test|replay|enable|disable)$")] = "",
    count: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Response[str]:
    """One endpoint with its deliveries."""
    reader = reader_of(request)
    endpoint = desk_of(request, reader).endpoint(endpoint_id)
    return _webhook(request, reader, endpoint, before=before, said=said, count=count)


def _webhook(request: WebRequest, reader: PageReader, endpoint: Endpoint, **context: Any) -> Response[str]:
    cursor = read_cursor(context.pop("before", ""))
    found = desk_of(request, reader).deliveries(endpoint.id, before=cursor, limit=DELIVERIES_SHOWN + 1)
    shown = found[:DELIVERIES_SHOWN]
    following = None
    if len(found) > DELIVERIES_SHOWN:
        following = f"/console/webhooks/{endpoint.id}?before={cursor_of(shown[-1])}"
    defaults: dict[str, Any] = {"said": "", "count": 0, "refusal": None, "made": None}
    refused = context.get("refusal") is not None
    return page(
        request,
        reader,
        "webhook.html.j2",
        422 if refused else 200,
        here_nav="console",
        endpoint=endpoint,
        deliveries=shown,
        next_url=following,
        **{**defaults, **context},
    )


@get(
    "/console/webhooks/{endpoint_id:str}/{message:str}",
    guards=[signed_in],
    include_in_schema=False,
    sync_to_thread=True,
)
def delivery(request: WebRequest, endpoint_id: FromPath[str], message: FromPath[str]) -> Response[str]:
    """One message: its body, its attempts, the headers as they were signed."""
    reader = reader_of(request)
    desk = desk_of(request, reader)
    endpoint, found = desk.endpoint(endpoint_id), desk.delivery(endpoint_id, message)
    return page(
        request,
        reader,
        "webhook_delivery.html.j2",
        here_nav="console",
        endpoint=endpoint,
        delivery=found,
        body=msgspec.json.format(found.body, indent=2).decode(),
    )


@post("/console/webhooks/{endpoint_id:str}/{action:str}", guards=[own_form], include_in_schema=False, status_code=200)
async def act(request: WebRequest, endpoint_id: FromPath[str], action: FromPath[str], data: Form) -> Response[Any]:
    """Test-fire, exchange the secret, replay, switch on or off, remove."""
    return await anyio.to_thread.run_sync(_act, request, endpoint_id, action, data)


def _act(request: WebRequest, endpoint_id: str, action: str, data: Form) -> Response[Any]:
    reader = reader_of(request)
    desk = desk_of(request, reader)
    endpoint, count = desk.endpoint(endpoint_id), 1
    try:
        match action:
            case "test":
                desk.fire_test(endpoint.id)
            case "rotate":
                return _webhook(request, reader, endpoint, made=desk.rotate(endpoint.id))
            case "replay":
                message = data.get("message") or None
                since = None if message else _since(data.get("since", ""))
                count = desk.replay(endpoint.id, message=message, since=since)
            case "enable" | "disable":
                desk.switch(endpoint.id, on=action == "enable")
            case "remove":
                if data.get("sure") != "yes":
                    raise PageInputError(field="sure")
                desk.remove(endpoint.id)
                return Redirect("/console/webhooks", status_code=303)
            case _:
                raise WebhookMissingError(id=action[:40])
    except GaugeblockError as error:
        return _webhook(request, reader, endpoint, refusal=refusal_of(error, reader.language))
    return Redirect(f"/console/webhooks/{endpoint.id}?said={action}&count={count}", status_code=303)


def _since(text: str) -> str:
    """A time as a form gives it, to the minute, taken as UTC."""
    try:
        return to_rfc3339(datetime.fromisoformat(f"{text[:16]}:00+00:00"))
    except ValueError:
        raise PageInputError(field="since") from None


def _test(reader: PageReader) -> bool:
    return reader.caller is not None and reader.caller.test


def cursor_of(shown: Delivery) -> str:
    """Where the page after this delivery begins."""
    return base64.urlsafe_b64encode(json.dumps([shown.created_at, shown.id]).encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[str, str] | None:
    """The opposite of :func:`cursor_of`; ``None`` for what is none."""
    try:
        created_at, message = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, TypeError):
        return None
    return (created_at, message) if isinstance(created_at, str) and isinstance(message, str) else None


HANDLERS: list[Any] = [requests, webhooks, add, webhook, delivery, act]
