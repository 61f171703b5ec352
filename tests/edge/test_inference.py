"""The killable child, with real processes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gaugeblock.edge.errors import ModuleDigestError
from gaugeblock.edge.inference import LATE_GRACE_S, InferenceProcess
from gaugeblock.edge.inference_child import LENGTH_BYTES, Request, pack
from gaugeblock.edge.memory import MemoryReport
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.clock import SystemClock

TWIN = (sys.executable, "-m", "gaugeblock.edge.twin_child")
Start = Callable[..., InferenceProcess]


class _Clock(SystemClock):
    def state(self) -> tuple[str, float | None]:
        return "local", None


def _soon(seconds: float = 10.0) -> int:
    return time.monotonic_ns() + round(seconds * 1e9)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    open_things: list[InferenceProcess] = []

    def make(
        sha256: str | None = None,
        report: MemoryReport | None = None,
        clock: _Clock | None = None,
        late_grace_s: float = LATE_GRACE_S,
    ) -> InferenceProcess:
        module = tmp_path / "module"
        module.write_bytes(b"module")
        process = InferenceProcess(
            module, sha256, clock or _Clock(), report or MemoryReport(), TWIN, late_grace_s=late_grace_s
        )
        open_things.append(process)
        return process

    yield make
    for process in open_things:
        process.close()


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):
                return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_a_ready_child_answers_with_the_digest_of_what_it_loaded(start: Start) -> None:
    inference = start(hashlib.sha256(b"module").hexdigest())
    assert inference.wait_ready(20)
    good = inference.inspect(b"score=0.4", _soon())
    bad = inference.inspect(b"score=1.4", _soon())
    assert (good.verdict, bad.verdict) == (Verdict.OK, Verdict.NOK)
    assert good.module is not None
    assert good.module.module_sha256 == hashlib.sha256(b"module").hexdigest()
    large = b"score=0.4;pad=" + b"x" * 5_000_000
    assert inference.inspect(large, _soon()).verdict is Verdict.OK, "more than a pipe holds"


def test_before_it_is_ready_everything_is_undecided_at_once(start: Start) -> None:
    outcome = start().inspect(b"score=0.4", _soon())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, "edge.inference_restarting")


def test_a_late_child_is_kept_and_its_late_answer_is_nobodys(start: Start) -> None:
    report = MemoryReport()
    inference = start(report=report)
    assert inference.wait_ready(20)
    pid = inference.pid
    slow_bad = inference.inspect(b"score=1.7;sleep_ms=400", _soon(0.1))
    assert (slow_bad.verdict, slow_bad.reason) == (Verdict.UNDECIDED, "edge.deadline")
    at_once = inference.inspect(b"score=0.3", _soon(0.05))
    assert (at_once.verdict, at_once.reason) == (Verdict.UNDECIDED, "edge.deadline"), "it is busy still"
    own = inference.inspect(b"score=0.4", _soon())
    assert (own.verdict, own.score) == (Verdict.OK, 0.4)
    again = inference.inspect(b"score=1.4", _soon())
    assert (again.verdict, again.score) == (Verdict.NOK, 1.4)
    assert inference.pid == pid
    assert "inference_killed" not in report.names()


def test_a_late_child_with_an_answer_waiting_outlives_its_grace(start: Start) -> None:
    inference = start()
    assert inference.wait_ready(20)
    pid = inference.pid
    assert inference.inspect(b"sleep_ms=300", _soon(0.1)).reason == "edge.deadline"
    time.sleep(1.5)  # nobody asked meanwhile: the grace ended with the answer in the pipe
    assert inference.inspect(b"score=0.4", _soon()).score == 0.4
    assert inference.pid == pid


def test_a_hanging_child_is_killed_after_its_grace_and_replaced(start: Start) -> None:
    report = MemoryReport()
    inference = start(report=report)
    assert inference.wait_ready(20)
    pid = inference.pid
    assert pid is not None
    before = time.monotonic()
    outcome = inference.inspect(b"do=hang", _soon(0.2))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, "edge.deadline")
    assert time.monotonic() - before < 10, "the inspector would sleep for an hour"
    assert _gone(pid)
    assert inference.inspect(b"score=0.4", _soon()).reason == "edge.inference_restarting"
    assert inference.wait_ready(20)
    assert inference.pid != pid
    assert inference.inspect(b"score=0.4", _soon()).verdict is Verdict.OK
    assert "inference_killed" in report.names()


def test_a_crash_and_a_named_refusal_are_undecided_with_their_reason(start: Start) -> None:
    inference = start()
    assert inference.wait_ready(20)
    assert inference.inspect(b"do=refuse", _soon()).reason == "plant.unexpected"
    assert inference.state() == "ready", "a refused frame does not cost the child"
    assert inference.inspect(b"do=crash", _soon()).reason == "edge.inference_crashed"
    assert inference.inspect(b"\xff\xfe", _soon()).reason in ("edge.inference_restarting", "edge.inference_crashed")
    assert inference.wait_ready(20)


def test_a_deadline_in_the_past_does_not_cost_the_child(start: Start) -> None:
    inference = start()
    assert inference.wait_ready(20)
    assert inference.inspect(b"score=0.4", _soon(-1)).reason == "edge.deadline"
    assert inference.state() == "ready"


def test_a_module_with_another_digest_is_never_used(start: Start) -> None:
    inference = start("00" * 32)
    assert not inference.wait_ready(20)
    assert inference.state() == "failed"
    assert inference.inspect(b"score=0.4", _soon()).reason == "edge.module_digest"
    fault = inference.fault()
    assert fault is not None
    assert "digest" in fault.text("en") or "released" in fault.text("en")


def test_a_hanging_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "module").write_bytes(b"module")
    script = (
        "import sys,time\n"
        "from pathlib import Path\n"
        "from tests_clock import clock\n"
        "from gaugeblock.edge.inference import InferenceProcess\n"
        "from gaugeblock.edge.memory import MemoryReport\n"
        f"p = InferenceProcess(Path({str(tmp_path / 'module')!r}), None, clock, MemoryReport(), {TWIN!r})\n"
        "p.wait_ready(20); print(p.pid, flush=True)\n"
        "p.inspect(b'do=hang', time.monotonic_ns() + 10**12)\n"
    )
    (tmp_path / "tests_clock.py").write_text(
        "from gaugeblock.stores.clock import SystemClock\n"
        "class C(SystemClock):\n    def state(self): return 'local', None\n"
        "clock = C()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert _gone(pid)


class _HookedClock(_Clock):
    """The thread that arms it runs ``hook`` when it next waits on a pipe: its second look at the clock."""

    def __init__(self) -> None:
        self.hook: Callable[[], None] | None = None
        self.ahead_ns = 0
        self._looks = 0
        self._thread: int | None = None

    def arm(self, hook: Callable[[], None]) -> None:
        self.hook, self._looks, self._thread = hook, 0, threading.get_ident()

    def monotonic_ns(self) -> int:
        if self.hook is not None and threading.get_ident() == self._thread:
            self._looks += 1
            if self._looks == 2:
                hook, self.hook = self.hook, None
                hook()
        return super().monotonic_ns() + self.ahead_ns


def _until_lost(inference: InferenceProcess) -> None:
    until = time.monotonic() + 20
    while inference.state() == "ready":
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_deadline_at_the_very_end_of_the_grace_does_not_bind_the_next_child(start: Start) -> None:
    clock = _HookedClock()
    inference = start(clock=clock, late_grace_s=0.3)
    assert inference.wait_ready(20)
    assert inference.inspect(b"do=hang", _soon(0.1)).reason == "edge.deadline"

    def pass_the_deadline() -> None:
        _until_lost(inference)
        clock.ahead_ns = 10**12

    clock.arm(pass_the_deadline)
    assert inference.inspect(b"score=0.4", _soon(100)).verdict is Verdict.UNDECIDED
    clock.ahead_ns = 0
    for _ in range(3):
        assert inference.wait_ready(20)
        assert inference.inspect(b"score=0.4", _soon()).verdict is Verdict.OK


def test_pipes_are_not_closed_under_who_waits_on_them(start: Start) -> None:
    clock = _HookedClock()
    inference = start(clock=clock, late_grace_s=0.3)
    assert inference.wait_ready(20)
    assert inference.inspect(b"do=hang", _soon(0.1)).reason == "edge.deadline"
    others: list[tuple[int, int]] = []

    def reuse_numbers() -> None:
        _until_lost(inference)
        time.sleep(0.5)  # the reaper has had its time
        for _ in range(8):
            others.append(os.pipe())
            os.write(others[-1][1], b"another file")

    clock.arm(reuse_numbers)
    outcome = inference.inspect(b"score=0.4", _soon(5))
    assert outcome.verdict is Verdict.UNDECIDED
    for read_end, write_end in others:
        os.close(write_end)
        assert os.read(read_end, 1000) == b"another file"
        os.close(read_end)
    assert inference.wait_ready(20)
    assert inference.inspect(b"score=0.4", _soon()).verdict is Verdict.OK


@pytest.mark.parametrize("then", ["end of input", "a broken pipe"])
def test_a_child_whose_parent_is_gone_says_nothing(tmp_path: Path, then: str) -> None:
    (tmp_path / "module").write_bytes(b"module")
    child = subprocess.Popen(
        [*TWIN, str(tmp_path / "module")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.read(LENGTH_BYTES), "it is ready"
    if then == "a broken pipe":
        child.stdout.close()
        child.stdin.write(pack(Request(1, b"score=0.4")))
    child.stdin.close()
    assert child.wait(20) == 0
    assert child.stderr.read() == b""
    child.stderr.close()
    child.stdout.close()


def test_what_the_child_says_of_itself_is_said_in_either_language(start: Start) -> None:
    report = MemoryReport()
    inference = start("00" * 32, report=report)
    assert not inference.wait_ready(20)
    error = report.events[0][1]["error"]
    assert isinstance(error, ModuleDigestError)
    assert "已发布" in error.text("zh")
