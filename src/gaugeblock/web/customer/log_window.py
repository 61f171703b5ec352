"""The log as a customer's witness needs it: checkpoints and hashes, and the way back for its cosignatures.

Entry bundles are not served: they hold every record's open part – authors, types, times – of all customers together.
Hashes tell nothing but the size of the log, which a checkpoint tells anyway (docs/decisions/0002).
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath

from gaugeblock.ledger.note import MAX_NOTE_BYTES
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.errors import TileNotFoundError

HASH_TILE = re.compile(r"(?:[0-9]|[1-5][0-9]|6[0-3])(?:/x[0-9]{3})*/[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?")
PATH_CHARS_MOST = 80


class LogWindow(Protocol):
    """What of the log is shown."""

    def checkpoint(self) -> bytes:
        """The latest signed note."""
        ...

    def tile(self, path: str) -> bytes:
        """Hashes by their C2SP path, ``tile/0/000``.

        Raises
        ------
        GaugeblockError
            The log has not grown so far.
        """
        ...

    async def carry(self, note: bytes) -> tuple[int, bytes, str]:
        """Bring a cosigned checkpoint to the plant; its answer's status, body and media type."""
        ...


@get("/log/checkpoint", sync_to_thread=True, tags=["evidence"], summary="The latest signed checkpoint")
def checkpoint(state: State) -> Response[bytes]:
    """C2SP tlog-checkpoint. A witness fetches it, proves that it continues the last one, and cosigns it."""
    window: LogWindow = state.log_window
    return Response(window.checkpoint(), media_type="text/plain")


@get("/log/tile/{path:path}", include_in_schema=False)
async def tile(state: State, path: FromPath[str]) -> Response[bytes]:
    """C2SP tlog-tiles: hashes only."""
    path = path.removeprefix("/")
    if len(path) > PATH_CHARS_MOST or HASH_TILE.fullmatch(path) is None:
        raise TileNotFoundError(path=path[:PATH_CHARS_MOST])
    window: LogWindow = state.log_window
    try:
        data = await anyio.to_thread.run_sync(window.tile, f"tile/{path}")
    except GaugeblockError as error:
        if error.code in ("stores.tile_missing", "ledger.tile_form"):
            raise TileNotFoundError(path=path) from error
        raise
    return Response(data, media_type="application/octet-stream")


@post("/log/cosignatures", status_code=200, include_in_schema=False, request_max_body_size=MAX_NOTE_BYTES)
async def cosignatures(request: Request[Any, Any, State], state: State) -> Response[bytes]:
    """A cosigned checkpoint, brought to the plant as it is; the witness's signature is its authentication there."""
    window: LogWindow = state.log_window
    status, body, media_type = await window.carry(await request.body())
    return Response(body, status_code=status, media_type=media_type)


HANDLERS = [checkpoint, tile, cosignatures]
