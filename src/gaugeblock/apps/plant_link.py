"""The exchange's way to the plant: signed records and documents over HTTP, on few connections that stay open.

Not the stations' connector: the exchange has no import path to what moves a machine. It lives on one event loop; other
threads use :meth:`ExchangeStatements.state` and :class:`PlantDocuments`, which wait for that loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from gaugeblock.exchange.access_errors import NotRecordedError, TransferRefusedError
from gaugeblock.exchange.transfers import SignedTransfer
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.log_reader import LogReader

CONNECTIONS_MOST = 8
HEAD_BYTES_MOST = 32_768
ANSWER_BYTES_MOST = 4 * 1024 * 1024
WAIT_S = 30.0
_T = TypeVar("_T")


class PlantRefusesError(GaugeblockError):
    """The plant refuses a record of the exchange. Facts: ``code``, ``detail``."""

    code = "apps.exchange_refused"


class _Error(msgspec.Struct):
    code: str
    text: str = ""


class _Receipt(msgspec.Struct):
    index: int | None = None
    error: _Error | None = None


class _Receipts(msgspec.Struct):
    receipts: list[_Receipt]


_receipts = msgspec.json.Decoder(_Receipts)


class PlantLink:
    """A small HTTP/1.1 client.

    Parameters
    ----------
    url
        Of the plant process: ``http://127.0.0.1:8470``.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._name = (parts.netloc or self._host).encode("ascii")
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._free = asyncio.Semaphore(CONNECTIONS_MOST)

    async def admit(self, transfer: SignedTransfer) -> int:
        """See :class:`~gaugeblock.exchange.transfers.TransferSink`."""
        try:
            return await self.submit(transfer.jws, transfer.disclosures)
        except PlantRefusesError as error:
            if error.facts["code"] == TransferRefusedError.code:
                raise TransferRefusedError(contract="", version=0) from error
            raise

    async def submit(self, jws: bytes, disclosures: Mapping[str, str]) -> int:
        """The record's index, once it is durable.

        Raises
        ------
        NotRecordedError
            The plant does not answer.
        PlantRefusesError
        """
        # Base64url needs no escaping in JSON.
        kept = b",".join([b'"%b":"%b"' % (name.encode(), text.encode()) for name, text in disclosures.items()])
        body = b'{"records":[{"jws":"%b","disclosures":{%b}}]}' % (jws, kept)
        status, answer = await self.request(b"POST", b"/api/v1/records", body, b"content-type: application/json\r\n")
        if status != 200:
            raise NotRecordedError(detail=f"HTTP {status}")
        try:
            (receipt,) = _receipts.decode(answer).receipts
        except (msgspec.MsgspecError, ValueError) as error:
            raise NotRecordedError(detail=str(error)[:120]) from error
        if receipt.error is not None:
            raise PlantRefusesError(code=receipt.error.code, detail=receipt.error.text[:300])
        if receipt.index is None:
            raise NotRecordedError(detail="a receipt without index")
        return receipt.index

    async def request(self, method: bytes, path: bytes, body: bytes, headers: bytes = b"") -> tuple[int, bytes]:
        """Status and body.

        Raises
        ------
        NotRecordedError
            No answer, or none that can be read.
        """
        head = b"%b %b HTTP/1.1\r\nhost: %b\r\ncontent-length: %d\r\n%b\r\n" % (
            method,
            path,
            self._name,
            len(body),
            headers,
        )
        async with self._free:
            reused = bool(self._idle)
            try:
                try:
                    return await self._exchange(head + body)
                except (OSError, EOFError) as error:
                    # An idle connection may have been closed meanwhile. Whatever is sent here may be sent twice.
                    if not reused:
                        raise NotRecordedError(detail=str(error)[:120] or type(error).__name__) from error
                    self._drop()
                    return await self._exchange(head + body)
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                raise NotRecordedError(detail=str(error)[:120] or type(error).__name__) from error

    async def _exchange(self, data: bytes) -> tuple[int, bytes]:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self._host, self._port, limit=HEAD_BYTES_MOST)
        whole = False
        try:
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            _, _, status_line = lines[0].partition(b" ")
            status = int(status_line[:3])
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), -1)
            if status in (204, 304):
                length = 0
            if not 0 <= length <= ANSWER_BYTES_MOST:
                raise ValueError(f"content-length {length}")
            answer = await reader.readexactly(length)
            whole = b"connection: close" not in lines
            return status, answer
        finally:
            if whole:
                self._idle.append((reader, writer))
            else:
                writer.close()

    def _drop(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def close(self) -> None:
        """Let go of the connections."""
        self._drop()


class ExchangeStatements:
    """Records that the exchange signs on a customer's behalf: messages, steps of contracts. Blocks; for worker threads.

    Parameters
    ----------
    link, loop
        The way to the plant, and the loop it lives on.
    author, key
        ``exchange:main`` and its key.
    log
        To find what was stated before.
    seen
        Called with the index of a new record; returns when readers see it.
    """

    def __init__(
        self,
        link: PlantLink,
        loop: asyncio.AbstractEventLoop,
        author: str,
        key: SigningKey,
        log: LogReader,
        clock: Clock,
        clock_state: Callable[[], ClockState],
        seen: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._seen = seen
        self._link, self._loop, self._author, self._key = link, loop, author, key
        self._log, self._clock, self._clock_state = log, clock, clock_state

    def find(self, identity: str) -> int | None:
        """The index of the exchange's record with this identity."""
        return self._log.find(self._author, identity)

    def state(self, record_type: str, identity: str, facets: Mapping[str, Facet]) -> int:
        """The record's index, once it is durable; the same identity again gives the first record's index.

        Raises
        ------
        NotRecordedError, PlantRefusesError
        """
        found = self.find(identity)
        if found is not None:
            return found
        stated_at = to_rfc3339(self._clock.now())
        draft = Draft(
            record_type=record_type,
            version=LATEST[record_type],
            author=self._author,
            identity=identity,
            log=self._log.origin,
            stated_at=stated_at,
            observed_at=stated_at,
            clock=self._clock_state(),
            facets=facets,
        )
        signed = sign_record(draft, self._key, os.urandom)
        index = on_loop(self._loop, self._link.submit(signed.jws, signed.disclosures))
        self._seen(index)
        return index


class PlantDocuments:
    """Puts documents into the plant's blobs by way of the plant, with a header that the exchange's key signs."""

    def __init__(self, link: PlantLink, loop: asyncio.AbstractEventLoop, key: SigningKey) -> None:
        self._link, self._loop, self._key = link, loop, key

    def keep(self, data: bytes) -> str:
        """Durable when it returns; the digest.

        Raises
        ------
        NotRecordedError
        """
        sha256, unix_s = hashlib.sha256(data).hexdigest(), int(time.time())
        signature = urlsafe_b64encode(self._key.sign(f"PUT\n{sha256}\n{unix_s}".encode())).rstrip(b"=").decode()
        value = f"Gaugeblock-Key {self._key.public.thumbprint} {unix_s} {signature}"
        headers = f"authorization: {value}\r\ncontent-type: application/octet-stream\r\n".encode()
        path = f"/api/v1/blobs/{sha256}".encode()
        status, _ = on_loop(self._loop, self._link.request(b"PUT", path, data, headers))
        if status not in (200, 201):
            raise NotRecordedError(detail=f"HTTP {status}")
        return sha256


def on_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T], wait_s: float = WAIT_S) -> _T:
    """Run on the loop of another thread and wait.

    Raises
    ------
    NotRecordedError
        It took too long.
    """
    assert threading.current_thread() is not threading.main_thread() or not loop.is_running(), "would wait for itself"
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result(wait_s)
    except TimeoutError as error:
        future.cancel()
        raise NotRecordedError(detail="timeout") from error
