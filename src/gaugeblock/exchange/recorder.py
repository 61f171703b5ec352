"""The recorder: each answer waits here until the record of its transfer is durable in the log.

Group commit: what arrives while a batch of the same customer is on its way to the log shares the next one. Nothing is
kept that outlives the process: an answer that was not recorded in time is not served, so that a plant that is away
costs answers (503) and never a transfer without its record. What was recorded and then not served stands in the log
as served; that errs on the safe side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from gaugeblock.exchange.access_errors import (
    ContractEndedError,
    NotRecordedError,
    RecorderFullError,
    TransferRefusedError,
)
from gaugeblock.exchange.credentials import LEASE_S
from gaugeblock.exchange.transfers import Batch, BatchKey, SignedTransfer, TransferSigner, TransferSink, entry_bytes
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import TransferEntry

LINGER_S = 0.002
"""How long a first answer waits for company."""
LINGER_MOST_S = 0.02
"""How long it waits for the batch before it."""
DEADLINE_S = 5.0
RETRY_S_FIRST, RETRY_S_MOST = 0.05, 1.0
WAITING_MOST = 20_000
IN_FLIGHT_MOST = 64


class Recorded(NamedTuple):
    """The record's identity, and when (monotonic, s) the submission began that the log answered."""

    identity: str
    submitted_s: float


class _Open:
    __slots__ = ("batch", "timer", "waiters")

    def __init__(self, key: BatchKey) -> None:
        self.batch = Batch(key)
        self.waiters: list[asyncio.Future[Recorded]] = []
        self.timer: asyncio.TimerHandle | None = None


class Recorder:
    """Lives on one event loop.

    Parameters
    ----------
    signer, sink
        Sign a batch; take it to the log.
    monotonic_s
        Steady clock.
    deadline_s
        After so long an answer is given up.

    Examples
    --------
    ``recorded = await recorder.record(BatchKey("C1", "K-1", 2), entry)``, and only then the answer is sent.
    """

    def __init__(
        self,
        signer: TransferSigner,
        sink: TransferSink,
        monotonic_s: Callable[[], float],
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._signer, self._sink, self._now_s, self._deadline_s = signer, sink, monotonic_s, deadline_s
        self._open: dict[BatchKey, _Open] = {}
        self._in_flight: dict[BatchKey, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        self.batches = 0
        self.entries = 0

    def record(self, key: BatchKey, entry: TransferEntry) -> asyncio.Future[Recorded]:
        """Queue an answer. The future's result is there when its record is durable.

        The future raises ``ContractEndedError`` where the contract version is no longer in force, and
        ``NotRecordedError`` where the log could not be reached in time. Cancelling it recalls nothing.

        Raises
        ------
        RecorderFullError
        """
        if self.waiting >= WAITING_MOST:
            raise RecorderFullError(limit=WAITING_MOST)
        size = entry_bytes(entry)
        opened = self._open.get(key)
        if opened is not None and not opened.batch.takes(size):
            self._flush(opened)
            opened = None
        if opened is None:
            opened = self._open[key] = _Open(key)
            linger_s = LINGER_MOST_S if self._in_flight.get(key) else LINGER_S
            opened.timer = asyncio.get_running_loop().call_later(linger_s, self._flush, opened)
        opened.batch.add(entry, size)
        waiter: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        opened.waiters.append(waiter)
        self.waiting += 1
        return waiter

    async def drain(self) -> None:
        """Send what is open and wait for all that is under way."""
        for opened in list(self._open.values()):
            self._flush(opened)
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _flush(self, opened: _Open) -> None:
        key = opened.batch.key
        if self._open.get(key) is not opened:
            return
        del self._open[key]
        if opened.timer is not None:
            opened.timer.cancel()
        self._in_flight[key] = self._in_flight.get(key, 0) + 1
        task = asyncio.get_running_loop().create_task(self._deliver(opened))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, opened: _Open) -> None:
        batch = opened.batch
        count = len(batch.entries)
        try:
            if len(self._tasks) > IN_FLIGHT_MOST:
                raise RecorderFullError(limit=IN_FLIGHT_MOST)
            recorded = await self._admitted(self._signer.sign(batch))
        except GaugeblockError as error:
            for waiter in opened.waiters:
                if not waiter.done():
                    waiter.set_exception(error)
        else:
            self.batches += 1
            self.entries += count
            for waiter in opened.waiters:
                # Whoever asked may have gone meanwhile.
                if not waiter.done():
                    waiter.set_result(recorded)
        finally:
            self.waiting -= count
            left = self._in_flight[batch.key] - 1
            if left:
                self._in_flight[batch.key] = left
            else:
                del self._in_flight[batch.key]
                following = self._open.get(batch.key)
                if following is not None:
                    # The answers of this batch go out first: their callers' next requests share the next batch.
                    self._soon(following)

    def _soon(self, opened: _Open) -> None:
        if opened.timer is not None:
            opened.timer.cancel()
        opened.timer = asyncio.get_running_loop().call_later(LINGER_S, self._flush, opened)

    async def _admitted(self, transfer: SignedTransfer) -> Recorded:
        """Submit until a receipt is there that is young enough to be served on."""
        end_s = self._now_s() + self._deadline_s
        retry_s = RETRY_S_FIRST
        while True:
            begun_s = self._now_s()
            try:
                async with asyncio.timeout(max(0.01, end_s - begun_s)):
                    await self._sink.admit(transfer)
            except TransferRefusedError as error:
                raise ContractEndedError(**error.facts) from error
            except (GaugeblockError, TimeoutError) as error:
                detail = str(error) or type(error).__name__
                if self._now_s() + retry_s >= end_s:
                    raise NotRecordedError(detail=detail[:200]) from error
                await asyncio.sleep(retry_s)
                retry_s = min(RETRY_S_MOST, 2 * retry_s)
                continue
            if self._now_s() - begun_s < LEASE_S / 2:
                return Recorded(transfer.identity, begun_s)
            if self._now_s() >= end_s:
                raise NotRecordedError(detail="slow log")
            # Durable, but the receipt is old: the contract may have ended since. Asking again costs one look-up.
