"""The supervisor on real processes: restart with back-off, graceful stop, a child that outlives nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaugeblock.apps.supervision import ProcessSpec, SupervisionStatus, Supervisor, is_fresh, read_supervision

STEADY = (
    "import signal, sys, threading\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(0))\nthreading.Event().wait()"
)
CRASHES = "import sys; sys.exit(3)"
UNTIL_PARENT_IS_GONE = "import sys; sys.stdin.read(); open(sys.argv[1], 'w').write('gone')"


def _until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def _spec(tmp_path: Path, name: str, code: str, *args: str) -> ProcessSpec:
    return ProcessSpec(name, ["-c", code, *args], tmp_path / f"{name}.log")


def test_a_killed_process_is_restarted_and_its_neighbour_is_not(tmp_path: Path) -> None:
    status = tmp_path / "run" / "status.json"
    supervisor = Supervisor([_spec(tmp_path, "a", STEADY), _spec(tmp_path, "b", STEADY)], status)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        _until(lambda: supervisor.running("a") and supervisor.running("b"))
        first, neighbour = supervisor.pid("a"), supervisor.pid("b")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        _until(lambda: supervisor.pid("a") not in (None, first))
        assert supervisor.pid("b") == neighbour
        _until(lambda: (seen := read_supervision(status)) is not None and seen.processes[0].restarts == 1)
        seen = read_supervision(status)
        assert seen is not None
        assert seen.processes[0].last_exit == -signal.SIGKILL
    finally:
        supervisor.stop()
        thread.join(20)
    assert not thread.is_alive()
    final = read_supervision(status)
    assert final is not None
    assert [p.state for p in final.processes] == ["stopped", "stopped"]


def test_a_process_that_keeps_crashing_is_tried_more_and_more_seldom(tmp_path: Path) -> None:
    events: list[tuple[str, str, str]] = []
    supervisor = Supervisor(
        [_spec(tmp_path, "bad", CRASHES)], tmp_path / "status.json", lambda n, e, d: events.append((n, e, d))
    )
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        _until(lambda: sum(e == "exited" for _, e, _ in events) >= 3)
    finally:
        supervisor.stop()
        thread.join(20)
    waits = [float(d.split(",")[1].split()[0]) for _, e, d in events if e == "exited"]
    assert waits[:3] == [0.5, 1.0, 2.0]


def test_a_child_learns_that_its_supervisor_was_killed(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    code = (
        "import sys\nfrom pathlib import Path\nfrom gaugeblock.apps.supervision import *\n"
        "p = Path(sys.argv[1])\n"
        "Supervisor([ProcessSpec('c', ['-c', sys.argv[3], sys.argv[2]], p / 'c.log')], p / 's.json').run()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(sign), UNTIL_PARENT_IS_GONE])
    _until(lambda: (seen := read_supervision(tmp_path / "s.json")) is not None and seen.processes[0].pid)
    parent.kill()
    parent.wait()
    _until(sign.exists)
    assert sign.read_text() == "gone"


def test_a_status_file_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    events: list[str] = []
    # A directory in the file's place: every write fails, as on a full disk.
    status = tmp_path / "status.json"
    status.mkdir()
    supervisor = Supervisor([_spec(tmp_path, "a", STEADY)], status, lambda n, e, d: events.append(e))
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        _until(lambda: supervisor.running("a"))
        first = supervisor.pid("a")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        _until(lambda: supervisor.pid("a") not in (None, first))
        assert thread.is_alive()
        assert events.count("unwritable") == 1
    finally:
        supervisor.stop()
        thread.join(20)
    assert not thread.is_alive()


def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "logs"
    blocked.write_text("not a directory")
    events: list[tuple[str, str]] = []
    supervisor = Supervisor(
        [ProcessSpec("a", ["-c", STEADY], blocked / "a.log"), _spec(tmp_path, "b", STEADY)],
        tmp_path / "status.json",
        lambda n, e, d: events.append((n, e)),
    )
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        _until(lambda: ("a", "exited") in events and supervisor.running("b"))
        blocked.unlink()
        _until(lambda: supervisor.running("a"))
    finally:
        supervisor.stop()
        thread.join(20)


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_torn_status_file_is_no_status(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.json").write_bytes(content)
    assert read_supervision(tmp_path / "s.json") is None


def test_the_last_words_of_a_killed_supervisor_grow_stale(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    status = SupervisionStatus(written_at="2026-11-22T00:00:00.000000Z", pid=1, processes=[])
    assert is_fresh(status, now + timedelta(seconds=3))
    assert not is_fresh(status, now + timedelta(seconds=60))
