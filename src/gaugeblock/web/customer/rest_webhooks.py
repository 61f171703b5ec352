"""Webhooks by the API: endpoints, deliveries, test, replay. The console's pages are another way to the same desk."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Response, Router, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from gaugeblock.exchange.webhook_desk import WebhookDesk
from gaugeblock.exchange.webhook_errors import WebhookMissingError
from gaugeblock.exchange.webhooks import DeliveryState
from gaugeblock.stores.webhooks import Delivery, Endpoint
from gaugeblock.web.customer.pages_console import cursor_of, read_cursor
from gaugeblock.web.customer.problems import answer, may_answer
from gaugeblock.web.customer.reading import services_of
from gaugeblock.web.customer.rest_common import Req, caller_of, check_request, found, view_of
from gaugeblock.web.errors import BadRequestError

TAGS = ["webhooks"]
BODY_BYTES = 64 * 1024
NO_STORE = {"Cache-Control": "private, no-store"}

Id = Annotated[str, PathParameter(min_length=1, max_length=100)]


class WebhookIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to, and which events: none named stands for all. In the sandbox the address is not called."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    event_types: Annotated[list[str], msgspec.Meta(max_length=32)] = []
    description: Annotated[str, msgspec.Meta(max_length=200)] = ""


class ReplayIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message by its id, or all that were made since a time; exactly one of them."""

    message: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    since: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z$")] | None = None


class WebhookOut(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. ``disabled_because``: ``gone`` (it answered 410), ``failing`` for days, ``owner``."""

    id: str
    url: str
    event_types: tuple[str, ...]
    description: str
    enabled: bool
    disabled_because: str | None
    created_at: str


class WebhookMade(WebhookOut, frozen=True, kw_only=True):
    """With its secret, which is told here and never again."""

    secret: str


class WebhooksOut(msgspec.Struct, frozen=True):
    """All endpoints, oldest first."""

    webhooks: tuple[WebhookOut, ...]


class AttemptOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt: the receiver's status, or the code of what went wrong; ``transfer`` names the record of it."""

    at: str
    status: int | None = None
    error: str | None = None
    took_ms: float = 0.0
    transfer: str | None = None
    excerpt: str = ""
    headers: dict[str, str] = {}


class DeliveryOut(msgspec.Struct, frozen=True, kw_only=True):
    """A message. ``withheld``: the contract no longer permitted it."""

    id: str
    event_type: str
    record_index: int | None
    state: DeliveryState
    created_at: str
    attempts: int
    body: Any
    history: tuple[AttemptOut, ...]


class DeliveriesOut(msgspec.Struct, frozen=True):
    """Newest first; ``next`` is the address of the following page, ``null`` at the end."""

    next: str | None
    deliveries: tuple[DeliveryOut, ...]


class SecretOut(msgspec.Struct, frozen=True):
    """A new secret; the one before signs too for 24 hours."""

    secret: str


class FiredOut(msgspec.Struct, frozen=True):
    """The id of a message on its way."""

    message: str


class ReplayedOut(msgspec.Struct, frozen=True):
    """How many are sent again."""

    count: int


def desk_of(request: Req) -> WebhookDesk:
    """The caller's endpoints."""
    services, caller = services_of(request), caller_of(request)
    parts = services.webhooks, services.dispatcher, services.guard, services.clock
    return WebhookDesk(*parts, caller.customer, view_of(request), test=caller.test)


def webhook_out(endpoint: Endpoint) -> WebhookOut:
    """An endpoint without its secrets."""
    names = WebhookOut.__struct_fields__
    return WebhookOut(**{name: getattr(endpoint, name) for name in names})


def delivery_out(delivery: Delivery) -> DeliveryOut:
    """A delivery as the API shows it."""
    return DeliveryOut(
        id=delivery.id,
        event_type=delivery.event_type,
        record_index=delivery.record_index,
        state=msgspec.convert(delivery.state, DeliveryState),
        created_at=delivery.created_at,
        attempts=delivery.attempts,
        body=msgspec.json.decode(delivery.body),
        history=msgspec.convert(delivery.history, tuple[AttemptOut, ...]),
    )


@get("/", tags=TAGS, summary="Webhook endpoints", responses=may_answer())
async def webhooks(request: Req) -> Response[WebhooksOut]:
    """Yours, and in the sandbox those of the sandbox."""
    rows = await anyio.to_thread.run_sync(desk_of(request).endpoints)
    return Response(WebhooksOut(tuple(webhook_out(row) for row in rows)), headers=NO_STORE)


@post("/", tags=TAGS, summary="Add a webhook endpoint", status_code=201, responses=may_answer(422))
async def add_webhook(request: Req, data: JSONBody[WebhookIn]) -> Response[WebhookMade]:
    """It is sent what happens from now on. Keep the secret: it is told once."""
    desk = desk_of(request)
    made, secret = await anyio.to_thread.run_sync(desk.add, data.url, data.event_types, data.description)
    out = WebhookMade(**msgspec.structs.asdict(webhook_out(made)), secret=secret)
    return Response(out, status_code=201, headers=NO_STORE)


@get("/{webhook:str}", tags=TAGS, summary="One webhook endpoint", responses=may_answer())
async def webhook(request: Req, webhook: Id) -> Response[WebhookOut]:
    """Whether it is on, and if not, why."""
    return Response(webhook_out(await _endpoint(request, webhook)), headers=NO_STORE)


@delete("/{webhook:str}", tags=TAGS, summary="Remove a webhook endpoint", status_code=204, responses=may_answer())
async def remove_webhook(request: Req, webhook: Id) -> None:
    """With its deliveries."""
    await _endpoint(request, webhook)
    await anyio.to_thread.run_sync(desk_of(request).remove, webhook)


@post("/{webhook:str}/test", tags=TAGS, summary="Send a test message", status_code=202, responses=may_answer(422))
async def fire_test(request: Req, webhook: Id) -> Response[FiredOut]:
    """A `webhook.test` message that carries no data."""
    await _endpoint(request, webhook)
    message = await anyio.to_thread.run_sync(desk_of(request).fire_test, webhook)
    return Response(FiredOut(message), status_code=202, headers=NO_STORE)


@post("/{webhook:str}/secret", tags=TAGS, summary="Exchange the secret", status_code=200, responses=may_answer())
async def rotate(request: Req, webhook: Id) -> Response[SecretOut]:
    """Both sign for 24 hours."""
    await _endpoint(request, webhook)
    secret = await anyio.to_thread.run_sync(desk_of(request).rotate, webhook)
    return Response(SecretOut(secret), headers=NO_STORE)


@post("/{webhook:str}/enable", tags=TAGS, summary="Switch an endpoint on", status_code=200, responses=may_answer())
async def enable(request: Req, webhook: Id) -> Response[WebhookOut]:
    """It is sent what it missed."""
    return await _switch(request, webhook, on=True)


@post("/{webhook:str}/disable", tags=TAGS, summary="Switch an endpoint off", status_code=200, responses=may_answer())
async def disable(request: Req, webhook: Id) -> Response[WebhookOut]:
    """Nothing is sent until it is on again."""
    return await _switch(request, webhook, on=False)


@post("/{webhook:str}/replay", tags=TAGS, summary="Send again", status_code=200, responses=may_answer(422))
async def replay(request: Req, webhook: Id, data: JSONBody[ReplayIn]) -> Response[ReplayedOut]:
    """Under the same ids, so that a receiver can drop what it has."""
    await _endpoint(request, webhook)
    if (data.message is None) == (data.since is None):
        raise BadRequestError(detail="message, since")
    desk = desk_of(request)
    try:
        count = await anyio.to_thread.run_sync(lambda: desk.replay(webhook, message=data.message, since=data.since))
    except WebhookMissingError:
        count = found(request, None)
    return Response(ReplayedOut(count), headers=NO_STORE)


@get("/{webhook:str}/deliveries", tags=TAGS, summary="Deliveries of an endpoint", responses=may_answer())
async def deliveries(
    request: Req,
    webhook: Id,
    outcome: Annotated[DeliveryState | None, QueryParameter(description="Only these.")] = None,
    before: Annotated[str | None, QueryParameter(max_length=200, description="From `next`.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
) -> Response[DeliveriesOut]:
    """Newest first, those of the last 30 days."""
    await _endpoint(request, webhook)
    cursor = None if before is None else read_cursor(before)
    if before is not None and cursor is None:
        raise BadRequestError(detail="before")
    desk = desk_of(request)
    rows = await anyio.to_thread.run_sync(desk.deliveries, webhook, outcome, cursor, limit + 1)
    following = None
    if len(rows) > limit:
        kept = f"&outcome={outcome}" if outcome else ""
        following = f"/api/v1/webhooks/{webhook}/deliveries?limit={limit}{kept}&before={cursor_of(rows[limit - 1])}"
    out = DeliveriesOut(following, tuple(delivery_out(row) for row in rows[:limit]))
    return Response(out, headers=NO_STORE)


@get("/{webhook:str}/deliveries/{message:str}", tags=TAGS, summary="One delivery", responses=may_answer())
async def delivery(request: Req, webhook: Id, message: Id) -> Response[DeliveryOut]:
    """Its body, and each attempt with the headers as they were signed."""
    await _endpoint(request, webhook)
    desk = desk_of(request)
    try:
        row = await anyio.to_thread.run_sync(desk.delivery, webhook, message)
    except WebhookMissingError:
        row = found(request, None)
    return Response(delivery_out(row), headers=NO_STORE)


async def _endpoint(request: Req, name: str) -> Endpoint:
    try:
        return await anyio.to_thread.run_sync(desk_of(request).endpoint, name)
    except WebhookMissingError:
        return found(request, None)


async def _switch(request: Req, name: str, *, on: bool) -> Response[WebhookOut]:
    await _endpoint(request, name)
    desk = desk_of(request)
    changed = await anyio.to_thread.run_sync(lambda: desk.switch(name, on=on))
    return Response(webhook_out(changed), headers=NO_STORE)


HANDLERS: list[Any] = [
    Router(
        "/api/v1/webhooks",
        route_handlers=[
            webhooks,
            add_webhook,
            webhook,
            remove_webhook,
            fire_test,
            rotate,
            enable,
            disable,
            replay,
            deliveries,
            delivery,
        ],
        before_request=check_request,
        request_max_body_size=BODY_BYTES,
        exception_handlers={Exception: answer},
    )
]
