"""The line on real sockets, with the station's own links against it."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import msgspec
import pytest
from PIL import Image

from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.station import Trigger
from gaugeblock.virtual.config import FaultKind, PlannedFault, VirtualLineConfig
from gaugeblock.virtual.errors import (
    CameraTimeoutError,
    CameraUnreachableError,
    FrameMissingError,
    ListenError,
    MessageError,
    PlcLinkLostError,
)
from gaugeblock.virtual.line import UnitTruth, VirtualLine
from gaugeblock.virtual.link import VirtualCamera, VirtualPlcLink
from gaugeblock.virtual.server import VirtualLineServer

WAIT_S = 20.0


def line_config(*faults: PlannedFault, deadline_ms: float = 5000.0, defect_rate: float = 0.5) -> VirtualLineConfig:
    return VirtualLineConfig(
        seed=3,
        image_size_px=96,
        cycle_time_s=0.01,
        deadline_ms=deadline_ms,
        defect_rate=defect_rate,
        order_size=2,
        faults=faults,
    )


class RunningLine:
    """A line in a thread of its own; ``go`` lets the units come."""

    def __init__(self, config: VirtualLineConfig, units: int) -> None:
        self.truths: list[UnitTruth] = []
        self._config, self._units = config, units
        self._go, self._ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self.failure: BaseException | None = None

    async def _main(self) -> None:
        self.server = VirtualLineServer(self._config, self.truths.append)
        await self.server.start()
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.plc_port, self.camera_port = self.server.plc_port, self.server.camera_port
        self._ready.set()
        try:
            await asyncio.to_thread(self._go.wait)
            await self.server.run(self._units, self._stop)
            self.done = True
            # Ports stay open so that what comes late has somewhere to arrive.
            await self._stop.wait()
        except BaseException as error:
            self.failure = error
            raise
        finally:
            await self.server.close()

    def go(self) -> None:
        self._go.set()

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, "the line did not get there"
            time.sleep(0.005)

    def all_left(self) -> None:
        self.until(lambda: len(self.truths) == self._units)

    def __enter__(self) -> RunningLine:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._go.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        assert self.failure is None


@contextmanager
def links(line: RunningLine) -> Iterator[tuple[VirtualPlcLink, VirtualCamera]]:
    plc = VirtualPlcLink("127.0.0.1", line.plc_port)
    camera = VirtualCamera("127.0.0.1", line.camera_port)
    assert plc.wait_trigger(0.2) is None
    try:
        yield plc, camera
    finally:
        plc.close()
        camera.close()


def next_trigger(plc: VirtualPlcLink) -> Trigger:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        trigger = plc.wait_trigger(1.0)
        if trigger is not None:
            return trigger
    raise AssertionError("no trigger came")


def test_units_are_inspected_and_routed_by_the_answer() -> None:
    config = line_config()
    with RunningLine(config, units=6) as line, links(line) as (plc, camera):
        assert plc.last_trigger() == 0
        assert plc.plc == "L1-PLC"
        line.go()
        said = {}
        for number in range(1, 7):
            trigger = next_trigger(plc)
            assert (trigger.number, trigger.unit, trigger.product) == (number, f"P100-{number:06d}", "P100")
            assert trigger.deadline_ms == 5000.0
            frame = camera.grab(trigger, 5.0)
            assert frame.data == VirtualLine(config).prepare(number).jpeg
            assert frame.captured_at.endswith("Z")
            said[number] = Verdict.OK if number % 2 else (Verdict.NOK if number % 4 else Verdict.UNDECIDED)
            plc.answer(number, said[number])
            assert plc.last_trigger() == number
        line.all_left()
        for truth in line.truths:
            assert truth.gate == ("pass" if said[truth.trigger] is Verdict.OK else "reject")
            assert not truth.late
        assert [t.unit.order for t in line.truths] == ["A-1001"] * 2 + ["A-1002"] * 2 + ["A-1001"] * 2
        assert line.server.line.counts.units == 6
        with pytest.raises(FrameMissingError):
            camera.grab(Trigger(99, None, None, None, 1.0, 0), 5.0)


def test_truth_is_the_seeds_and_does_not_depend_on_the_answer() -> None:
    config = line_config()
    expected = [VirtualLine(config).prepare(number).truth for number in range(1, 9)]
    with RunningLine(config, units=8) as line, links(line) as (plc, _):
        line.go()
        for _ in range(8):
            plc.answer(next_trigger(plc).number, Verdict.OK)
        line.all_left()
        assert [t.condition for t in line.truths] == [t.condition for t in expected]
        assert {t.condition for t in expected} == {"good", "defective"}
        for truth, seeded in zip(line.truths, expected, strict=True):
            assert set(truth.defects) == {d.kind for d in seeded.defects}


def test_truth_never_goes_over_the_wire() -> None:
    """All bytes of both ports for good and defective units: known fields only, and pictures without metadata."""
    with RunningLine(line_config(), units=6) as line:
        with (
            socket.create_connection(("127.0.0.1", line.plc_port)) as plc,
            socket.create_connection(("127.0.0.1", line.camera_port)) as camera,
            plc.makefile("rb") as plc_lines,
            camera.makefile("rb") as camera_lines,
        ):
            assert json.loads(plc_lines.readline()) == {"type": "hello", "plc": "L1-PLC", "last_trigger": 0}
            line.go()
            for number in range(1, 7):
                trigger = json.loads(plc_lines.readline())
                order = ("A-1001", "A-1002")[(number - 1) // 2 % 2]
                assert trigger == {
                    "type": "trigger",
                    "number": number,
                    "unit": f"P100-{number:06d}",
                    "product": "P100",
                    "order": order,
                    "deadline_ms": 5000.0,
                }
                camera.sendall(b'{"type":"grab","trigger":%d}\n' % number)
                header = json.loads(camera_lines.readline())
                assert set(header) == {"type", "trigger", "captured_at", "bytes"}
                picture = Image.open(io.BytesIO(camera_lines.read(header["bytes"])))
                assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
                assert not dict(picture.getexif())
                plc.sendall(b'{"type":"answer","number":%d,"verdict":"OK"}\n' % number)
                routed = json.loads(plc_lines.readline())
                assert routed == {"type": "routed", "number": number, "gate": "pass", "late": False}
        line.all_left()
        assert {t.condition for t in line.truths} == {"good", "defective"}


def test_without_a_station_the_watchdog_rejects() -> None:
    with RunningLine(line_config(deadline_ms=20.0), units=5) as line:
        line.go()
        line.all_left()
        assert all(t.gate == "reject" and t.late for t in line.truths)
        plc = VirtualPlcLink("127.0.0.1", line.plc_port)
        assert plc.wait_trigger(0.2) is None
        assert plc.last_trigger() == 5
        plc.close()
        assert plc.last_trigger() is None


def test_a_late_answer_does_not_move_the_gate() -> None:
    with RunningLine(line_config(deadline_ms=50.0), units=1) as line, links(line) as (plc, _):
        line.go()
        trigger = next_trigger(plc)
        line.all_left()
        plc.answer(trigger.number, Verdict.OK)
        line.until(lambda: line.server.plc.counts.late_answers == 1)
        assert plc.wait_trigger(0.1) is None
        assert plc.last_routed is not None
        assert (plc.last_routed.gate, plc.last_routed.late) == ("reject", True)
        assert (line.server.plc.counts.passed, line.server.plc.counts.rejected) == (0, 1)
        assert len(line.truths) == 1


def test_dropped_plc_connection_rejects_and_the_link_comes_back() -> None:
    config = line_config(PlannedFault("plc_drop", 1), deadline_ms=150.0)
    with RunningLine(config, units=40) as line, links(line) as (plc, _):
        line.go()
        first = next_trigger(plc)
        assert first.number == 1
        line.until(lambda: len(line.truths) >= 1)
        assert (line.truths[0].gate, line.truths[0].late) == ("reject", True)
        second = next_trigger(plc)
        assert second.number > 1
        assert line.server.wire.connections_dropped == 1
        plc.answer(second.number, Verdict.OK)
        line.until(lambda: len(line.truths) >= second.number)
        assert line.truths[second.number - 1].gate == "pass"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("camera_disconnected", CameraUnreachableError), ("late_frame", CameraTimeoutError)],
)
def test_camera_faults_are_named_and_pass(fault: FaultKind, error: type[Exception]) -> None:
    """The faulty trigger raises; the next one is served, with its own frame."""
    config = line_config(PlannedFault(fault, 1), deadline_ms=400.0)
    with RunningLine(config, units=30) as line, links(line) as (plc, camera):
        line.go()
        trigger = next_trigger(plc)
        with pytest.raises(error):
            camera.grab(trigger, 0.3)
        plc.answer(trigger.number, Verdict.UNDECIDED)
        following = next_trigger(plc)
        assert following.number > trigger.number
        frame = camera.grab(following, 0.39)
        assert frame.data == VirtualLine(config).prepare(following.number).jpeg


@pytest.mark.parametrize("fault", ["frozen_frame", "black_frame", "truncated_jpeg"])
def test_picture_faults_arrive_over_the_wire(fault: FaultKind) -> None:
    config = line_config(PlannedFault(fault, 2))
    with RunningLine(config, units=2) as line, links(line) as (plc, camera):
        line.go()
        frames = []
        for _ in range(2):
            trigger = next_trigger(plc)
            frames.append(camera.grab(trigger, 5.0).data)
            plc.answer(trigger.number, Verdict.NOK)
        healthy = VirtualLine(config).prepare(2).jpeg
        assert frames[1] != healthy
        assert (frames[1] == frames[0]) == (fault == "frozen_frame")
        if fault == "truncated_jpeg":
            assert healthy.startswith(frames[1])


def test_injected_fault_strikes_the_next_unit() -> None:
    with RunningLine(line_config(), units=1) as line, links(line) as (plc, camera):
        line.server.faults.inject("camera_disconnected")
        line.go()
        trigger = next_trigger(plc)
        with pytest.raises(CameraUnreachableError):
            camera.grab(trigger, 1.0)
        plc.answer(trigger.number, Verdict.UNDECIDED)


def test_a_second_station_takes_over() -> None:
    with RunningLine(line_config(), units=1) as line, links(line) as (first, _):
        with links(line) as (second, _):
            line.go()
            trigger = next_trigger(second)
            second.answer(trigger.number, Verdict.OK)
            line.all_left()
            assert line.truths[0].gate == "pass"
        del first


@pytest.mark.parametrize("garbage", [b"hello\n", b'{"type":"answer","number":-1}\n', b"x" * 9000])
def test_garbage_is_refused_and_the_line_goes_on(garbage: bytes) -> None:
    with RunningLine(line_config(), units=1) as line:
        for port in (line.plc_port, line.camera_port):
            with socket.create_connection(("127.0.0.1", port)) as rude:
                rude.sendall(garbage)
                rude.settimeout(WAIT_S)
                while rude.recv(4096):  # until the line hangs up
                    pass
        assert line.server.wire.messages_refused == 2
        with links(line) as (plc, camera):
            line.go()
            trigger = next_trigger(plc)
            assert camera.grab(trigger, 5.0).data
            plc.answer(trigger.number, Verdict.OK)
            line.all_left()


def test_links_without_a_peer_are_named_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    plc, camera = VirtualPlcLink("127.0.0.1", port), VirtualCamera("127.0.0.1", port)
    assert plc.last_trigger() is None
    with pytest.raises(PlcLinkLostError):
        plc.wait_trigger(0.1)
    with pytest.raises(PlcLinkLostError):
        plc.answer(1, Verdict.OK)
    with pytest.raises(CameraUnreachableError):
        camera.grab(Trigger(1, None, None, None, 100.0, 0), 0.1)


def test_link_refuses_what_is_not_the_protocol() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def speak() -> None:
            for _ in range(2):
                peer, _ = stranger.accept()
                peer.sendall(b"SSH-2.0-stranger\r\n")

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        port = stranger.getsockname()[1]
        with pytest.raises(MessageError):
            VirtualPlcLink("127.0.0.1", port).wait_trigger(5.0)
        with pytest.raises(MessageError):
            VirtualCamera("127.0.0.1", port).grab(Trigger(1, None, None, None, 100.0, 0), 5.0)
        thread.join(WAIT_S)


def test_a_taken_port_is_named() -> None:
    async def both() -> None:
        first = VirtualLineServer(line_config(), lambda truth: None)
        await first.start()
        taken = VirtualLineConfig(plc_port=first.plc_port, image_size_px=96)
        second = VirtualLineServer(taken, lambda truth: None)
        try:
            with pytest.raises(ListenError) as caught:
                await second.start()
            assert caught.value.facts["port"] == first.plc_port
        finally:
            await first.close()

    asyncio.run(both())


def test_the_first_part_waits_for_a_station() -> None:
    config = VirtualLineConfig(seed=5, cycle_time_s=0.05, deadline_ms=200.0, image_size_px=96, station_wait_s=10.0)

    async def scenario() -> tuple[int, int]:
        truths: list[UnitTruth] = []
        server = VirtualLineServer(config, truths.append)
        await server.start()
        running = asyncio.create_task(server.run(2))
        await asyncio.sleep(0.4)
        before = len(truths)
        _, writer = await asyncio.open_connection("127.0.0.1", server.plc_port)
        await asyncio.wait_for(running, 10)
        writer.close()
        await server.close()
        return before, len(truths)

    assert asyncio.run(scenario()) == (0, 2)


def test_challenge_parts_come_first_as_planned_and_when_nothing_is_decided_any_more() -> None:
    config = msgspec.structs.replace(line_config(defect_rate=0.0), challenge_every_units=6)
    seen: list[str] = []
    with RunningLine(config, 14) as line, links(line) as (plc, camera):
        line.go()
        while len(line.truths) < 14 or len([t for t in line.truths if not t.unit.challenge]) < 14:
            trigger = plc.wait_trigger(0.2)
            if trigger is None:
                if getattr(line, "done", False):
                    break
                continue
            camera.grab(trigger, 5.0)
            seen.append(trigger.unit or "")
            plc.answer(trigger.number, Verdict.UNDECIDED if len(seen) <= 10 else Verdict.OK)
        line.until(lambda: len([t for t in line.truths if not t.unit.challenge]) == 14)
    parts = ["CH-GOOD-1", "CH-NOK-1", "CH-NOK-2"]
    units = [f"P100-{number:06d}" for number in range(1, 15)]
    # Five undecided in a row: the sixth is on its way already, then the parts come; so it is as planned too.
    assert seen == [*parts, *units[:6], *parts, *units[6:12], *parts, *units[12:]]
    by_unit = {truth.unit.serial: truth.condition for truth in line.truths}
    assert (by_unit["CH-GOOD-1"], by_unit["CH-NOK-1"], by_unit["CH-NOK-2"]) == ("good", "defective", "defective")
    assert line.server.line.counts.units == 14
    assert line.server.line.counts.challenge_parts == 9
