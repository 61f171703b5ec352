"""An answer on its way through the gate: held whole, or let through in chunks once its digest is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from gaugeblock.exchange.access_errors import AnswerTooLargeError, NotRecordedError
from gaugeblock.web.customer.gate_answers import Answer, Header, is_known, not_modified, whole
from gaugeblock.web.customer.gate_passage import Passage, Send


class Outgoing:
    """Holds what an application sends. A body too large to be held is let through once its transfer is recorded.

    Parameters
    ----------
    passage, send
        The request, and the server's ``send``.
    bytes_most
        So much is held.
    record
        Records an answer; its transfer's identity.
    log
        Notes what was sent in the customer's log of requests.
    """

    def __init__(
        self,
        passage: Passage,
        send: Send,
        bytes_most: int,
        record: Callable[[Passage, Answer], Awaitable[str]],
        log: Callable[[Passage, int, int, str, str], None],
    ) -> None:
        self._passage, self._send, self._bytes_most = passage, send, bytes_most
        self._record, self._log = record, log
        self._start: Any = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._digest = hashlib.sha256()
        self.streaming = False

    async def send(self, message: Any) -> None:
        """As ASGI's ``send``."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            return
        chunk = bytes(message.get("body", b""))
        more = bool(message.get("more_body"))
        self._size += len(chunk)
        if self.streaming:
            await self._through(chunk, more)
            return
        self._chunks.append(chunk)
        if self._size > self._bytes_most:
            await self._begin(more)

    async def _begin(self, more: bool) -> None:
        stated = self._passage.state.get("representation")
        if stated is None or self._passage.scope["method"] == "HEAD":
            raise AnswerTooLargeError(limit_bytes=self._bytes_most)
        head = whole(self._start["status"], self._headers(), b"", self._passage.state)
        identity = await self._record(self._passage, head)
        length = (b"content-length", str(head.size_bytes).encode())
        headers = [*(h for h in head.headers if h[0] != b"content-length"), length]
        headers += self._passage.own_headers(identity)
        self.streaming = True
        await self._send({"type": "http.response.start", "status": self._start["status"], "headers": headers})
        chunks, self._chunks = self._chunks, []
        await self._through(b"".join(chunks), more)
        self._log(self._passage, head.status, head.size_bytes, head.sha256, identity)

    async def _through(self, chunk: bytes, more: bool) -> None:
        self._digest.update(chunk)
        sha256, size = self._passage.state["representation"]
        wrong = self._size > size or (not more and self._digest.hexdigest() != sha256)
        if wrong:
            # Not what was recorded: the last of it stays in, and the caller sees a body that was cut off.
            raise AnswerTooLargeError(limit_bytes=size)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    def answer(self) -> Answer:
        """The answer, whole."""
        if self._start is None:
            raise NotRecordedError(detail="no answer")
        answer = whole(self._start["status"], self._headers(), b"".join(self._chunks), self._passage.state)
        known = self._passage.headers.get(b"if-none-match")
        if self._passage.key is not None and known and answer.status == 200 and is_known(answer.etag, known):
            return not_modified(answer)
        return answer

    def _headers(self) -> Iterable[Header]:
        return [(bytes(name).lower(), bytes(value)) for name, value in self._start["headers"]]
