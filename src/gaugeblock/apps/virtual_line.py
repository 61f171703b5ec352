"""The virtual line as a process: PLC and camera on the network, and the truth as signed records to the plant.

``python -m gaugeblock.apps.virtual_line --config line.json``. It ends on SIGTERM, on SIGINT, and when standard
input reaches its end. Standard error carries one JSON object a line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, TypeVar

import httpx
import msgspec

from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.supervision import write_atomically
from gaugeblock.apps.virtual_production import ProductionDriver, driving
from gaugeblock.ledger.record import ClockState, Draft, SignedRecord, sign_record
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.production_facets import EventBatchStatement, EventBatchSubject
from gaugeblock.plant.record_types import InspectionSubject, ReferenceStatement
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.keyring import Keyring
from gaugeblock.virtual.config import VirtualLineConfig
from gaugeblock.virtual.errors import TruthQueueFullError
from gaugeblock.virtual.line import UnitTruth, VirtualLine
from gaugeblock.virtual.production import ProductionConfig
from gaugeblock.virtual.server import VirtualLineServer

_T = TypeVar("_T")

AUTHOR = "virtual:truth"
LINE_AUTHOR = "virtual:line"
"""Who states the line's events: the machines, that know nothing of the truth about a part."""
BATCH_MAX = 100
BACK_OFF_S_FIRST = 0.25
BACK_OFF_S_MAX = 10.0
FLUSH_S = 3.0
REQUEST_TIMEOUT_S = 10.0
PERMANENT = (400, 413, 415, 422)
"""HTTP answers that say that this very request will never be taken."""


class LineSettingsError(GaugeblockError):
    """The JSON file cannot be used. Facts: ``file``, ``detail``."""

    code = "virtual.line_settings"


class TruthRefusedError(GaugeblockError):
    """The plant took everything but this record. Facts: ``unit``, ``detail``."""

    code = "virtual.truth_refused"


class LineProcessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON file; paths are relative to it.

    Parameters
    ----------
    line
        The line itself.
    plant_url
        Where reference records go; without it no truth leaves the process.
    log_origin
        The plant's log.
    keys
        Directory of the keyring that holds the key of ``virtual:truth``.
    state
        File that remembers the next unit's number, so that a restarted line makes new serials.
    queue_max
        Reference records that may wait for the plant; beyond, the oldest is dropped and named.
    units
        Ends after so many units; without it the line runs until it is told to stop.
    production
        The stations around the inspection, whose events are stated by ``virtual:line``; without them there are none.
    """

    line: VirtualLineConfig
    plant_url: str | None = None
    log_origin: str = ""
    keys: str = "keys"
    state: str | None = None
    queue_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    units: Annotated[int, msgspec.Meta(ge=1)] | None = None
    production: ProductionConfig | None = None


class _State(msgspec.Struct):
    next_unit: Annotated[int, msgspec.Meta(ge=1, le=2**40)]


def log_event(event: str, **facts: str | int | float) -> None:
    """One line of JSON on standard error."""
    line = {"at": to_rfc3339(SystemClock().now()), "process": "virtual_line", "event": event, **facts}
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()


def log_error(error: GaugeblockError) -> None:
    """An error as a line: its code, what is wrong, what to do."""
    log_event("error", code=error.code, text=error.text("en"), remedy=error.remedy("en"))


class TruthSender:
    """Signs what is true of each unit, or what happened on the line, and submits it, retrying while the plant is away.

    Parameters
    ----------
    settings
        Plant, log, queue.
    client
        HTTP client.
    keyring
        Holds the author's key.
    clock
        For the records' times.
    author
        Who states.
    """

    def __init__(
        self,
        settings: LineProcessSettings,
        client: httpx.AsyncClient,
        keyring: Keyring,
        clock: Clock,
        author: str = AUTHOR,
    ) -> None:
        self._settings = settings
        self._client = client
        self._author = author
        self._key = keyring.load(author)
        self._clock = clock
        self._run = f"{clock.now():%Y%m%dT%H%M%S%f}Z"
        self._waiting: deque[tuple[str, SignedRecord]] = deque()
        self._in_flight: list[tuple[str, SignedRecord]] = []
        self._arrived = asyncio.Event()
        self.accepted = 0
        self.refused = 0
        self.dropped = 0

    @property
    def backlog(self) -> int:
        """Records that the plant has not taken yet."""
        return len(self._waiting) + len(self._in_flight)

    @property
    def source(self) -> str:
        """Names this run of the line: its batches are numbered from zero."""
        return f"{self._author}/{self._run}"

    def put(self, truth: UnitTruth) -> None:
        """Sign the truth about a unit and queue it; when the queue is full, the oldest record gives way."""
        self._queue(
            "inspection.reference",
            _number(truth),
            truth.routed_at,
            truth.unit.serial,
            {
                "subject": InspectionSubject(
                    station=truth.station,
                    unit=truth.unit.serial,
                    product=truth.unit.product,
                    order=truth.unit.order,
                    camera=truth.camera,
                ),
                "statement": ReferenceStatement(condition=truth.condition, defects=truth.defects, authority=AUTHOR),
            },
        )

    def put_events(self, batch: EventBatchStatement) -> None:
        """Sign a batch of the line's events and queue it."""
        times = [step.at for step in batch.steps] + [state.at for state in batch.states]
        self._queue(
            "production.events",
            f"events/{batch.sequence}",
            max(times),
            f"#{batch.sequence}",
            {"subject": EventBatchSubject(line=self._settings.line.name, source=self.source), "statement": batch},
        )

    def _queue(self, record_type: str, number: str, observed_at: str, unit: str, facets: dict[str, Facet]) -> None:
        source, uncertainty_ms = clock_synchronisation()
        draft = Draft(
            record_type=record_type,
            version=1,
            author=self._author,
            # A line that starts anew has new identities, whatever its counter says.
            identity=f"{self._settings.line.name}/{self._run}/{number}",
            log=self._settings.log_origin,
            stated_at=to_rfc3339(self._clock.now()),
            observed_at=observed_at,
            clock=ClockState(source, uncertainty_ms),
            facets=facets,
        )
        if self.backlog >= self._settings.queue_max and self._waiting:
            dropped, _ = self._waiting.popleft()
            self.dropped += 1
            log_error(TruthQueueFullError(limit=self._settings.queue_max, unit=dropped))
        self._waiting.append((unit, sign_record(draft, self._key, os.urandom)))
        self._arrived.set()

    async def run(self) -> None:
        """Send for ever; cancel it to end."""
        back_off_s, batch_max = BACK_OFF_S_FIRST, BATCH_MAX
        while True:
            while not self._waiting and not self._in_flight:
                self._arrived.clear()
                await self._arrived.wait()
            while self._waiting and len(self._in_flight) < batch_max:
                self._in_flight.append(self._waiting.popleft())
            batch = self._in_flight[:batch_max]
            wait_s = await self._send(batch)
            if wait_s is None:
                del self._in_flight[: len(batch)]
                back_off_s, batch_max = BACK_OFF_S_FIRST, BATCH_MAX
            elif wait_s == 0.0:
                # The whole request was refused for good: find the record by sending each by itself.
                if len(batch) == 1:
                    del self._in_flight[:1]
                    self.refused += 1
                batch_max = 1
            else:
                await asyncio.sleep(max(wait_s, back_off_s))
                back_off_s = min(BACK_OFF_S_MAX, back_off_s * 2)

    async def flush(self, timeout_s: float) -> None:
        """Wait until nothing waits, at most so long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while self.backlog and loop.time() < until:
            await asyncio.sleep(0.02)

    async def _send(self, batch: list[tuple[str, SignedRecord]]) -> float | None:
        """``None``: taken. 0: will never be taken as it is. Else: come again, not before so many seconds."""
        records = [{"jws": r.jws.decode("ascii"), "disclosures": dict(r.disclosures)} for _, r in batch]
        try:
            answer = await self._client.post("/api/v1/records", json={"records": records})
        except httpx.TransportError as error:
            log_event("plant_away", detail=str(error) or type(error).__name__, backlog=self.backlog)
            return BACK_OFF_S_FIRST
        if answer.status_code in PERMANENT:
            if len(batch) == 1:
                log_error(TruthRefusedError(unit=batch[0][0], detail=f"HTTP {answer.status_code}"))
            return 0.0
        if not answer.is_success:
            log_event("plant_away", detail=f"HTTP {answer.status_code}", backlog=self.backlog)
            return _retry_after_s(answer)
        try:
            receipts = msgspec.json.decode(answer.content, type=_Receipts).receipts
        except msgspec.DecodeError as error:
            log_event("plant_away", detail=f"receipts: {error}", backlog=self.backlog)
            return BACK_OFF_S_FIRST
        if len(receipts) != len(batch):
            log_event("plant_away", detail=f"{len(receipts)} receipts for {len(batch)} records", backlog=self.backlog)
            return BACK_OFF_S_FIRST
        for (unit, _), receipt in zip(batch, receipts, strict=True):
            if receipt.error is None:
                self.accepted += 1
            else:
                self.refused += 1
                log_error(TruthRefusedError(unit=unit, detail=f"{receipt.error.code}: {receipt.error.text}"))
        return None


def _number(truth: UnitTruth) -> str:
    """Units and showings of challenge parts are counted apart."""
    return f"challenge/{truth.unit.number}" if truth.unit.challenge else str(truth.unit.number)


class _ReceiptError(msgspec.Struct):
    code: str = ""
    text: str = ""


class _Receipt(msgspec.Struct):
    index: int | None = None
    error: _ReceiptError | None = None


class _Receipts(msgspec.Struct):
    receipts: list[_Receipt]


def _retry_after_s(answer: httpx.Response) -> float:
    try:
        return min(60.0, max(BACK_OFF_S_FIRST, float(answer.headers["Retry-After"])))
    except (KeyError, ValueError):
        return BACK_OFF_S_FIRST


async def run_line(settings: LineProcessSettings, base: Path, stop: asyncio.Event) -> None:
    """The line until ``stop``, then what is left of the truth for some seconds.

    Raises
    ------
    GaugeblockError
        The ports are taken, the key is missing, the product is unknown, the state file is damaged.
    """
    state_file = base / settings.state if settings.state else None
    line = settings.line
    if state_file is not None and state_file.is_file():
        next_unit = _read(state_file, _State).next_unit
        line = msgspec.structs.replace(line, first_unit=max(line.first_unit, next_unit))
    async with contextlib.AsyncExitStack() as stack:
        sender: TruthSender | None = None
        sending: asyncio.Task[None] | None = None
        driver: ProductionDriver | None = None
        if settings.plant_url is not None:
            client = await stack.enter_async_context(
                httpx.AsyncClient(base_url=settings.plant_url, timeout=REQUEST_TIMEOUT_S, trust_env=False)
            )
            sender = TruthSender(settings, client, Keyring(base / settings.keys), SystemClock())
            sending = asyncio.create_task(sender.run())
            if settings.production is not None:
                events = TruthSender(settings, client, Keyring(base / settings.keys), SystemClock(), LINE_AUTHOR)
                kept = None if state_file is None else state_file.with_suffix(".production.json")
                # Entered before the driver and so left after it: what the driver hands on at its end is sent, too.
                await stack.enter_async_context(_sending(events))
                driver = await stack.enter_async_context(
                    driving(settings.production, VirtualLine(line), events.put_events, kept)
                )

        def on_truth(truth: UnitTruth) -> None:
            if sender is not None:
                sender.put(truth)
            if driver is not None and not truth.unit.challenge:
                driver.routed(truth.unit.serial, truth.gate == "pass")
            if state_file is not None and not truth.unit.challenge:
                write_atomically(state_file, msgspec.json.encode(_State(truth.unit.number + 1)))

        server = VirtualLineServer(
            line,
            on_truth,
            lambda event, facts: log_event(event, **facts),
            infeed=None if driver is None else driver.infeed,
        )
        try:
            await server.start()
            log_event("ready", plc_port=server.plc_port, camera_port=server.camera_port)
            running = asyncio.create_task(server.run(settings.units, stop))
            ending = [running] if sending is None else [running, sending]
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            if sending is not None and sending.done():
                # The sender never ends by itself: show why it did.
                stop.set()
                await running
                sending.result()
            await running
        finally:
            await server.close()
            if sender is not None and sending is not None:
                await sender.flush(FLUSH_S)
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sending
            counts = server.line.counts
            plc = server.plc.counts
            log_event(
                "stopped",
                units=counts.units,
                triggers=plc.triggers,
                passed=plc.passed,
                rejected=plc.rejected,
                late_answers=plc.late_answers,
                good_passed=counts.good_passed,
                good_rejected=counts.good_rejected,
                defective_passed=counts.defective_passed,
                defective_rejected=counts.defective_rejected,
                challenge_parts=counts.challenge_parts,
                truth_accepted=sender.accepted if sender else 0,
                truth_refused=sender.refused if sender else 0,
                truth_dropped=sender.dropped if sender else 0,
                truth_not_sent=sender.backlog if sender else 0,
            )


@contextlib.asynccontextmanager
async def _sending(sender: TruthSender) -> AsyncIterator[None]:
    """Send while this lasts, then what is left for some seconds."""
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        await sender.flush(FLUSH_S)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _read(path: Path, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except OSError as error:
        raise LineSettingsError(file=str(path), detail=error.strerror or str(error)) from error
    except msgspec.DecodeError as error:
        raise LineSettingsError(file=str(path), detail=str(error)) from error


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """os.read and not sys.stdin: a thread that holds that one's lock keeps the interpreter from ending."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stop.set)


async def _main(settings: LineProcessSettings, base: Path) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=_stop_at_end_of_input, args=(loop, stop), daemon=True).start()
    await run_line(settings, base, stop)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the process; 0 after a wished end, 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="gaugeblock.apps.virtual_line")
    parser.add_argument("--config", type=Path, required=True)
    file: Path = parser.parse_args(arguments).config
    try:
        asyncio.run(_main(_read(file, LineProcessSettings), file.resolve().parent))
    except GaugeblockError as error:
        log_error(error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
