"""Following the assignment: the module is exchanged between two triggers, and a bad one changes nothing."""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gaugeblock.connectors.assignment_file import AssignmentFile
from gaugeblock.edge.duty import FollowedDuties, duty_of
from gaugeblock.edge.inference import InferenceProcess
from gaugeblock.edge.memory import (
    MemoryAssignments,
    MemoryCamera,
    MemoryClock,
    MemoryInference,
    MemoryPlc,
    MemoryReport,
    MemorySpool,
)
from gaugeblock.edge.ports import Assignment, ModuleFacts
from gaugeblock.edge.statements import Identity
from gaugeblock.edge.station import Station, StationSettings
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.assignment import write_assignment
from gaugeblock.plant.errors import GaugeblockError, UnexpectedError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.clock import SystemClock


class Loading(MemoryInference):
    """Inference that loads until it is told that it has."""

    def __init__(self, clock: MemoryClock, sha256: str, ready: bool = False) -> None:
        super().__init__(clock, lambda _: 0.5, module=ModuleFacts(sha256))
        self.ready, self.closed, self.fails = ready, False, False

    def state(self) -> str:
        return "failed" if self.fails else "ready" if self.ready else "starting"

    def fault(self) -> GaugeblockError | None:
        return UnexpectedError(detail="no network in it") if self.fails else super().fault()

    def close(self) -> None:
        self.closed = True


@dataclass
class Follower:
    """Duties over twins, with module files on disk."""

    folder: Path
    clock: MemoryClock = field(default_factory=MemoryClock)
    report: MemoryReport = field(default_factory=MemoryReport)
    started: list[Loading] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = self.module("first")
        self.assignments = MemoryAssignments(self.first)
        self.old = Loading(self.clock, self.first.module_sha256, ready=True)
        self.duties = FollowedDuties(
            self.assignments, self._start, duty_of(self.first, self.old), self.first, self.clock, self.report
        )

    def module(self, name: str) -> Assignment:
        file = self.folder / name
        file.write_bytes(name.encode())
        return Assignment(module=str(file), module_sha256=hashlib.sha256(name.encode()).hexdigest())

    def _start(self, assignment: Assignment) -> Loading:
        self.started.append(Loading(self.clock, assignment.module_sha256))
        return self.started[-1]


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


def test_the_old_module_answers_until_the_new_one_is_warm_and_the_loop_takes_it_up(follower: Follower) -> None:
    second = follower.assignments.assignment = follower.module("second")
    follower.duties.poll()
    assert follower.duties.take_up().inference is follower.old
    follower.started[0].ready = True
    follower.duties.poll()
    assert not follower.old.closed
    assert follower.duties.take_up() == duty_of(second, follower.started[0])
    assert not follower.old.closed, "not by the loop, which has no time for it"
    follower.duties.poll()
    assert follower.old.closed
    follower.duties.close()
    assert follower.started[0].closed


def test_what_is_not_the_module_needs_no_new_child(follower: Follower) -> None:
    follower.assignments.assignment = Assignment(
        module=follower.first.module, module_sha256=follower.first.module_sha256, shifts=("06:00",)
    )
    follower.duties.poll()
    duty = follower.duties.take_up()
    assert (duty.inference, duty.shifts, follower.started) == (follower.old, ("06:00",), [])
    follower.duties.poll()
    assert not follower.old.closed


@pytest.mark.parametrize("fault", ["gone", "changed", "unloadable", "unreadable"])
def test_a_bad_module_changes_nothing_but_the_named_fault(follower: Follower, fault: str) -> None:
    second = follower.assignments.assignment = follower.module("second")
    match fault:
        case "gone":
            Path(second.module).unlink()
        case "changed":
            Path(second.module).write_bytes(b"other")
        case "unreadable":
            follower.assignments.fault = UnexpectedError(detail="-")
    follower.duties.poll()
    if fault == "unloadable":
        follower.started[0].fails = True
        follower.duties.poll()
    for _ in range(3):
        follower.duties.poll()
        assert follower.duties.take_up() == duty_of(follower.first, follower.old)
    codes = {"gone": "edge.module_unreadable", "changed": "edge.module_digest"}
    assert follower.duties.fault is not None
    assert follower.duties.fault.code == codes.get(fault, "plant.unexpected")
    assert follower.report.names().count("assignment_not_followed") == 1, "said once"
    # What was wrong is mended: the file is there again, or the next assignment is a good one.
    follower.assignments.fault = None
    follower.assignments.assignment = follower.module("third")
    follower.duties.poll()
    follower.started[-1].ready = True
    follower.duties.poll()
    assert follower.duties.take_up().inference is follower.started[-1]
    assert follower.duties.fault is None


def test_an_assignment_taken_back_while_it_loads_is_forgotten(follower: Follower) -> None:
    follower.assignments.assignment = follower.module("second")
    follower.duties.poll()
    follower.assignments.assignment = follower.first
    follower.duties.poll()
    assert follower.started[0].closed
    assert follower.duties.take_up().inference is follower.old


class _Clock(SystemClock):
    def state(self) -> tuple[str, float | None]:
        return "local", None


@pytest.fixture
def real(tmp_path: Path) -> Iterator[tuple[FollowedDuties, Callable[[str], Assignment]]]:
    clock, report = _Clock(), MemoryReport()
    file = tmp_path / "assignment.json"

    def assign(name: str) -> Assignment:
        module = tmp_path / f"{name}.gbm"
        module.write_bytes(name.encode())
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        assignment = Assignment(module=str(module), module_sha256=sha256)
        file.with_suffix(".part").write_bytes(write_assignment(assignment))
        file.with_suffix(".part").replace(file)
        return assignment

    def start(assignment: Assignment) -> InferenceProcess:
        command = (sys.executable, "-m", "gaugeblock.edge.twin_child")
        return InferenceProcess(Path(assignment.module), assignment.module_sha256, clock, report, command)

    first = assign("first")
    inference = start(first)
    assert inference.wait_ready(20)
    duties = FollowedDuties(AssignmentFile(file), start, duty_of(first, inference), first, clock, report)
    yield duties, assign
    duties.close()


def test_over_an_exchange_every_trigger_is_answered_and_by_the_released_module(
    real: tuple[FollowedDuties, Callable[[str], Assignment]],
) -> None:
    duties, assign = real
    clock, memory_clock = _Clock(), MemoryClock()
    plc, spool = MemoryPlc(memory_clock), MemorySpool()

    class Camera(MemoryCamera):
        """Frames that the twin child understands."""

        def grab(self, trigger, timeout_s):  # type: ignore[no-untyped-def]
            frame = super().grab(trigger, timeout_s)
            return type(frame)(b"score=0.4;n=%d" % trigger.number, frame.captured_at)

    key = SigningKey.from_seed(bytes(32))
    station = Station(
        Identity("ST10", "plant.example/log"),
        key,
        StationSettings(),
        plc,
        Camera(memory_clock),
        duties,
        spool,
        clock,
        MemoryReport(),
        random.Random(0).randbytes,
    )
    station.start()
    seen: set[str | None] = set()
    until = time.monotonic() + 30
    second = None
    while len(seen) < 2 and time.monotonic() < until:
        if len(plc.answers) == 5:
            second = assign("second")
        duties.poll()
        number = plc.trigger(deadline_ms=10_000)
        plc.queue[0] = type(plc.queue[0])(number, f"U{number}", None, None, 10_000, clock.monotonic_ns())
        handled = station.step()
        assert handled is not None
        assert (handled.verdict, handled.answered) == (Verdict.OK, True), handled.reason
        assert station.duty is not None
        seen.add(station.duty.module_sha256)
        time.sleep(0.01)
    assert second is not None
    assert second.module_sha256 in seen
    assert len(plc.answers) == plc.number
