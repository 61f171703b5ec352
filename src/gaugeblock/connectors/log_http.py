"""A log somewhere else, over HTTP as C2SP tlog-tiles serves it: its checkpoint, its tiles, and the way back to it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from gaugeblock.connectors.errors import LogAnswerError, LogUnreachableError
from gaugeblock.ledger.merkle import HASH_BYTES
from gaugeblock.ledger.note import MAX_NOTE_BYTES
from gaugeblock.ledger.tiles import Tile

TIMEOUT_S = 15.0


class RemoteLog:
    """Reads a log by its base address, such as ``https://plant.example/log``.

    Parameters
    ----------
    url
        ``checkpoint``, ``tile/…`` and ``cosignatures`` lie below it.
    headers
        Sent with each request: a customer's credential where the log is behind an exchange.

    Raises
    ------
    LogUnreachableError
        Nobody answers.
    LogAnswerError
        Another status than 200, or more bytes than the thing asked for may have.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(timeout=TIMEOUT_S, headers=headers, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def checkpoint(self) -> bytes:
        """The latest signed note."""
        return self._ask("GET", "checkpoint", MAX_NOTE_BYTES)

    def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile."""
        data = self._ask("GET", tile.path, tile.width * HASH_BYTES)
        if len(data) != tile.width * HASH_BYTES:
            raise LogAnswerError(url=f"{self._url}/{tile.path}", detail=f"{len(data)} bytes")
        return data

    def send_cosignature(self, note: bytes) -> None:
        """Give a cosigned checkpoint back."""
        self._ask("POST", "cosignatures", MAX_NOTE_BYTES, note)

    def _ask(self, method: str, path: str, limit_bytes: int, content: bytes | None = None) -> bytes:
        url = f"{self._url}/{path}"
        try:
            with self._client.stream(method, url, content=content) as response:
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limit_bytes:
                        raise LogAnswerError(url=url, detail=f"> {limit_bytes} bytes")
        except httpx.HTTPError as error:
            raise LogUnreachableError(url=url, detail=str(error) or type(error).__name__) from error
        if response.status_code != 200:
            raise LogAnswerError(url=url, detail=f"{response.status_code} {body[:200].decode('utf-8', 'replace')}")
        return body
