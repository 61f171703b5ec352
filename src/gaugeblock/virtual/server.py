"""The virtual line on the network: a PLC port, a camera port, and the cycle that drives both.

Everything happens in one event loop; only the rendering of the next part runs in a thread. The truth is given to
a callback and is not known to the code that writes to the two ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.virtual.camera import CameraBody
from gaugeblock.virtual.config import ChallengeUnit, VirtualLineConfig
from gaugeblock.virtual.errors import ListenError, MessageError
from gaugeblock.virtual.faults import FaultSchedule
from gaugeblock.virtual.line import PreparedUnit, Unit, UnitTruth, VirtualLine
from gaugeblock.virtual.plc import Routed, Triggered, VirtualPlc
from gaugeblock.virtual.protocol import (
    LINE_BYTES_MAX,
    FrameMessage,
    Hello,
    Message,
    NoFrame,
    RoutedMessage,
    TriggerMessage,
    encode,
    read_answer,
    read_grab,
)

CAMERA_CONNECTIONS_MAX = 8
WRITE_BUFFER_BYTES_MAX = 256 * 1024
UNDECIDED_IN_A_ROW = 5
"""After so many the challenge parts are shown, where there are any."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class WireCounts:
    """What went wrong on the two ports, and the drops that a fault ordered."""

    messages_refused: int = 0
    connections_refused: int = 0
    connections_dropped: int = 0


class VirtualLineServer:
    """One line: ``await start()``, then ``await run()``, then ``await close()``.

    Parameters
    ----------
    config
        The line.
    on_truth
        Called in the event loop after each routing; must not block.
    on_event
        Called with an event's name and facts, for a log.
    now, monotonic_ns
        Wall clock (UTC) and the clock of deadlines.
    infeed
        Waits until the unit stands at the inspection, or the event is set; without it a unit is always there.
    """

    def __init__(
        self,
        config: VirtualLineConfig,
        on_truth: Callable[[UnitTruth], None],
        on_event: Callable[[str, dict[str, str | int | float]], None] | None = None,
        now: Callable[[], datetime] = _utc_now,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        infeed: Callable[[Unit, asyncio.Event], Awaitable[None]] | None = None,
    ) -> None:
        self.config = config
        self.line = VirtualLine(config)
        self.plc = VirtualPlc(config.deadline_ms)
        self.camera = CameraBody(config.image_size_px, config.deadline_ms)
        self.faults = FaultSchedule(config.faults, config.fault_rate, config.seed)
        self.wire = WireCounts()
        self._on_truth = on_truth
        self._on_event = on_event or _ignore
        self._now = now
        self._monotonic_ns = monotonic_ns
        self._infeed = infeed
        self._servers: list[asyncio.Server] = []
        self._station: asyncio.StreamWriter | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._closing = asyncio.Event()
        self._cameras = 0
        self._next_unit = config.first_unit
        self._challenge: deque[ChallengeUnit] = deque()
        self._challenged_before: int | None = None
        self._shown = 0
        self._undecided = 0
        self._routed: asyncio.Future[Routed] | None = None
        self._renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="virtual-render")

    @property
    def plc_port(self) -> int:
        """Where the PLC listens."""
        return self._port(0)

    @property
    def camera_port(self) -> int:
        """Where the camera listens."""
        return self._port(1)

    def _port(self, index: int) -> int:
        return int(self._servers[index].sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen on both ports.

        Raises
        ------
        ListenError
        """
        config = self.config
        for port, serve in ((config.plc_port, self._serve_plc), (config.camera_port, self._serve_camera)):
            try:
                server = await asyncio.start_server(serve, config.host, port, limit=LINE_BYTES_MAX)
            except OSError as error:
                await self.close()
                detail = error.strerror or str(error)
                raise ListenError(host=config.host, port=port, detail=detail) from error
            self._servers.append(server)

    async def close(self) -> None:
        """Drop all connections and listen no more."""
        self._closing.set()
        for server in self._servers:
            server.close()
        serving = [task for task in self._connections.values() if task is not None]
        for writer in list(self._connections):
            writer.transport.abort()
        if serving:
            # Left to themselves they would be cancelled with the loop, in the middle of a line.
            await asyncio.wait(serving)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self._renderer.shutdown(wait=True, cancel_futures=True)

    async def run(self, units: int | None = None, stop: asyncio.Event | None = None) -> None:
        """Bring ``units`` units past the camera (or units until ``stop`` is set), one each cycle time.

        Challenge parts come between them and are not counted.
        """
        stop = stop or asyncio.Event()
        loop = asyncio.get_running_loop()
        last = None if units is None else self.config.first_unit + units
        coming = self._prepare_next(last)
        await self._wait_for_station(stop)
        due = loop.time()
        while coming is not None and not stop.is_set():
            prepared = await coming
            # The next part is made while this one is inspected.
            coming = self._prepare_next(last)
            due = max(due, loop.time() - self.config.cycle_time_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, due - loop.time()))
            if self._infeed is not None and not prepared.unit.challenge:
                await self._infeed(prepared.unit, stop)
                due = max(due, loop.time())
            if stop.is_set():
                break
            due += self.config.cycle_time_s
            await self._inspect(prepared)
            self._ask_for_challenge(prepared)
            if coming is None:  # the last part may have been the one that asks for the challenge parts
                coming = self._prepare_next(last)
        if coming is not None:
            await coming

    def _prepare_next(self, last: int | None) -> asyncio.Future[PreparedUnit] | None:
        """Begin to make what comes next: a challenge part that is asked for, or the next unit before ``last``."""
        loop, config, number = asyncio.get_running_loop(), self.config, self._next_unit
        every = config.challenge_every_units
        planned = every is not None and (number - config.first_unit) % every == 0 and self._challenged_before != number
        if planned and number != last:
            self._challenged_before = number
            self._challenge = deque(config.challenge_units)
        if self._challenge:
            self._shown += 1
            part = self._challenge.popleft()
            return loop.run_in_executor(
                self._renderer, self.line.prepare_challenge, part, self._shown, max(0, number - 1)
            )
        if number == last:
            return None
        self._next_unit += 1
        return loop.run_in_executor(self._renderer, self.line.prepare, number)

    def _ask_for_challenge(self, prepared: PreparedUnit) -> None:
        """A station that decides nothing any more is shown its challenge parts, as an operator would do."""
        if self.config.challenge_every_units is None or prepared.unit.challenge:
            return
        self._undecided = self._undecided + 1 if self.plc.said is Verdict.UNDECIDED else 0
        if self._undecided >= UNDECIDED_IN_A_ROW and not self._challenge:
            self._undecided = 0
            self._challenge = deque(self.config.challenge_units)

    async def _wait_for_station(self, stop: asyncio.Event) -> None:
        end = asyncio.get_running_loop().time() + self.config.station_wait_s
        while self._station is None and not stop.is_set() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)

    async def _inspect(self, prepared: PreparedUnit) -> None:
        """One unit from infeed to outfeed."""
        loop = asyncio.get_running_loop()
        # Faults are planned by the numbers of units; a challenge part has none.
        fault = None if prepared.unit.challenge else self.faults.take(prepared.unit.number)
        if fault is not None:
            self._on_event("fault", {"kind": fault, "unit": prepared.unit.serial})
        self.camera.expose(self.plc.last_trigger + 1, prepared.jpeg, to_rfc3339(self._now()), fault)
        self._routed = loop.create_future()
        self.plc.load()
        for output in self.plc.scan(self._monotonic_ns()):
            assert isinstance(output, Triggered), "a unit at the infeed can only trigger"
            unit = prepared.unit
            self._tell_station(
                TriggerMessage(output.number, unit.serial, unit.product, unit.order, self.config.deadline_ms)
            )
        if fault == "plc_drop":
            self._drop_station()
        while not self._routed.done():
            deadline_at_ns = self.plc.deadline_at_ns
            assert deadline_at_ns is not None, "the PLC waits until it routes"
            wait_s = max(0.0, (deadline_at_ns - self._monotonic_ns()) / 1e9)
            await asyncio.wait((self._routed,), timeout=wait_s)
            self._scan()
        truth = self.line.leave(prepared, self._routed.result(), to_rfc3339(self._now()))
        self._on_truth(truth)

    def _scan(self) -> None:
        for output in self.plc.scan(self._monotonic_ns()):
            assert isinstance(output, Routed), "nothing is loaded while a unit is in front of the camera"
            self._tell_station(RoutedMessage(output.number, output.gate, output.late))
            if self._routed is not None and not self._routed.done():
                self._routed.set_result(output)

    # ── the PLC's port ────────────────────────────────────────────────────────────────────────────────────

    def _tell_station(self, message: Message) -> None:
        writer = self._station
        if writer is None or writer.is_closing():
            return
        # A station that does not read is dropped rather than waited for.
        if writer.transport.get_write_buffer_size() > WRITE_BUFFER_BYTES_MAX:
            self._drop_station()
            return
        writer.write(encode(message))

    def _drop_station(self) -> None:
        if self._station is not None:
            self.wire.connections_dropped += 1
            # Close, not abort: what was sent before the line broke has been received.
            self._station.close()
            self._station = None

    async def _serve_plc(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._station is not None:
            # One station a position: a station that was restarted takes over from its dead connection.
            self._station.close()
        self._station = writer
        self._connections[writer] = asyncio.current_task()
        self._on_event("plc_connected", {"last_trigger": self.plc.last_trigger})
        try:
            writer.write(encode(Hello(f"{self.config.name}-PLC", self.plc.last_trigger)))
            while line := await reader.readline():
                answer = read_answer(line)
                self.plc.answer(answer.number, answer.verdict, self._monotonic_ns())
                self._scan()
        except (MessageError, ValueError):
            # readline raises ValueError for a line over the limit.
            self.wire.messages_refused += 1
        except OSError:
            pass
        finally:
            self._connections.pop(writer, None)
            if self._station is writer:
                self._station = None
                self._on_event("plc_disconnected", {"last_trigger": self.plc.last_trigger})
            writer.close()

    # ── the camera's port ─────────────────────────────────────────────────────────────────────────────────

    async def _serve_camera(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cameras >= CAMERA_CONNECTIONS_MAX:
            self.wire.connections_refused += 1
            writer.close()
            return
        self._cameras += 1
        self._connections[writer] = asyncio.current_task()
        try:
            while line := await reader.readline():
                if not await self._give_frame(read_grab(line).trigger, writer):
                    break
        except (MessageError, ValueError):
            self.wire.messages_refused += 1
        except OSError:
            pass
        finally:
            self._cameras -= 1
            self._connections.pop(writer, None)
            writer.close()

    async def _give_frame(self, trigger: int, writer: asyncio.StreamWriter) -> bool:
        exposure = self.camera.exposure(trigger)
        if exposure is None:
            writer.write(encode(NoFrame(trigger)))
            await writer.drain()
            return True
        if exposure.disconnect:
            self.wire.connections_dropped += 1
            return False
        if exposure.delay_ms:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), exposure.delay_ms / 1000.0)
        writer.write(encode(FrameMessage(trigger, exposure.captured_at, len(exposure.data))))
        writer.write(exposure.data)
        await writer.drain()
        return True


def _ignore(event: str, facts: dict[str, str | int | float]) -> None:
    del event, facts
