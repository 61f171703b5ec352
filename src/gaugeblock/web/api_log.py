"""The log for tools and pages: C2SP checkpoint and tiles, the summary, the event stream, health and metrics."""

from __future__ import annotations

import re
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath, HeaderParameter
from litestar.response import ServerSentEvent

from gaugeblock.ledger.note import MAX_NOTE_BYTES
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.web.access import log_readable, needs
from gaugeblock.web.answers import ConcernOut, HealthOut, LogOut
from gaugeblock.web.dependencies import GivenHub, GivenMetrics, GivenReader, GivenServices
from gaugeblock.web.errors import CosignatureNotFoundError, TileNotFoundError
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import may_answer
from gaugeblock.web.proof import read_checkpoint
from gaugeblock.web.reader import account_of
from gaugeblock.web.words import fault_text

TILE_PATH = re.compile(r"(?:[0-9]|[1-5][0-9]|6[0-3]|entries)(?:/x[0-9]{3})*/[0-9]{3}(?:\.p/(?:[1-9][0-9]{0,2}))?")
TILE_PATH_LIMIT = 80
TILE_CACHE = "public, max-age=31536000, immutable"


def log_out(services: Services) -> LogOut:
    """The log in one answer."""
    note = services.log.checkpoint()
    checkpoint = read_checkpoint(note)
    return LogOut(
        origin=services.settings.origin,
        size=services.log.size,
        checkpoint_size=checkpoint.size,
        root=checkpoint.root.hex(),
        checkpoint=note.decode("utf-8"),
        key=services.settings.log_key,
    )


@get(
    "/log",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["log"],
    summary="Size, checkpoint and public key",
    responses=may_answer(401),
)
def log_summary(services: GivenServices) -> LogOut:
    """`checkpoint` is the latest signed note; every record below `checkpoint_size` has evidence."""
    return log_out(services)


@get(
    "/events",
    guards=[needs("viewer")],
    tags=["log"],
    summary="News as server-sent events",
    media_type="text/event-stream",
    responses=may_answer(401, 503),
)
async def events(
    services: GivenServices,
    hub: GivenHub,
    reader: GivenReader,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=80)] = None,
) -> ServerSentEvent:
    """Events `verdict`, `station`, `log`, `heartbeat`, and `resync` where something was missed: read afresh then.

    The stream ends when the session does.
    """

    async def may_listen() -> bool:
        try:
            return await anyio.to_thread.run_sync(account_of, services, reader.token or "") is not None
        except GaugeblockError:
            return True  # a store that does not answer now has not ended the session

    listener = hub.listen(last_event_id)
    return ServerSentEvent(
        hub.stream(listener, services.settings.heartbeat_s, {"version": services.settings.version}, may_listen),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@get("/log/checkpoint", guards=[log_readable], sync_to_thread=True, include_in_schema=False)
def checkpoint(services: GivenServices) -> Response[bytes]:
    """C2SP tlog-tiles: the latest signed checkpoint."""
    return Response(services.log.checkpoint(), media_type="text/plain", headers={"Cache-Control": "no-cache"})


@get("/log/checkpoint/witnessed", guards=[log_readable], sync_to_thread=True, include_in_schema=False)
def witnessed(services: GivenServices) -> Response[bytes]:
    """The latest checkpoint that a witness cosigned, with the witnesses' lines; evidence is made under it."""
    note = services.log.witnessed_checkpoint()
    if note is None:
        raise CosignatureNotFoundError
    return Response(note, media_type="text/plain", headers={"Cache-Control": "no-cache"})


@post("/log/cosignatures", status_code=200, include_in_schema=False, request_max_body_size=MAX_NOTE_BYTES)
async def cosignatures(request: Request[Any, Any, Any], services: GivenServices) -> Response[bytes]:
    """A cosigned checkpoint (C2SP tlog-cosignature); the witness's signature is its authentication.

    The answer names the witnesses whose lines are kept, one a line.
    """
    body = await request.body()
    names = await anyio.to_thread.run_sync(services.log.add_cosignatures, body)
    return Response("".join(f"{name}\n" for name in names).encode(), media_type="text/plain; charset=utf-8")


@get("/log/tile/{path:path}", guards=[log_readable], sync_to_thread=True, include_in_schema=False)
def tile(services: GivenServices, path: FromPath[str]) -> Response[bytes]:
    """C2SP tlog-tiles: hashes at ``<L>/<N>[.p/<W>]``, records at ``entries/<N>[.p/<W>]``; they never change."""
    path = path.removeprefix("/")
    if len(path) > TILE_PATH_LIMIT or TILE_PATH.fullmatch(path) is None:
        raise TileNotFoundError(path=path[:TILE_PATH_LIMIT])
    try:
        data = services.log.tile(f"tile/{path}")
    except GaugeblockError as error:
        if error.code in MISSING_TILE:
            raise TileNotFoundError(path=path) from error
        raise
    return Response(data, media_type="application/octet-stream", headers={"Cache-Control": TILE_CACHE})


MISSING_TILE = frozenset({"stores.tile_missing", "stores.tile_not_found", "ledger.tile_path", "web.tile_not_found"})


@get("/healthz", sync_to_thread=True, include_in_schema=False)
def healthz(services: GivenServices, reader: GivenReader) -> Response[HealthOut]:
    """200 while the process lives; what is wrong is in the body."""
    return Response(health_out(services, reader.language), headers={"Cache-Control": "no-store"})


def health_out(services: Services, language: Language) -> HealthOut:
    """The process's own view of itself."""
    concerns = [
        ConcernOut(concern.code, fault_text(concern.code, dict(concern.facts), language))
        for concern in services.health.concerns()
    ]
    return HealthOut("concerned" if concerns else "ok", services.settings.version, services.log.size, concerns)


@get("/metrics", sync_to_thread=True, include_in_schema=False, media_type=MediaType.TEXT)
def metrics(metrics: GivenMetrics) -> Response[bytes]:
    """Prometheus text format."""
    return Response(metrics.text(), media_type=metrics.content_type)


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def description(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The API's own description, for everyone: it holds no data."""
    return Response(
        msgspec.json.encode(request.app.openapi_schema.to_schema()), media_type="application/vnd.oai.openapi+json"
    )


API_HANDLERS = [log_summary, events, description]
ROOT_HANDLERS = [checkpoint, witnessed, cosignatures, tile, healthz, metrics]
