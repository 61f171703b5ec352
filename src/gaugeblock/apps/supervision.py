"""The supervisor: starts a plant's processes, restarts what crashes with back-off, and says how each fares.

A child gets a pipe as standard input; its end of file tells it that the supervisor is gone, so that no child
outlives it unseen. A child that ran well for a minute starts its back-off anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import msgspec

from gaugeblock.plant.times import from_rfc3339, to_rfc3339

BACK_OFF_S_FIRST = 0.5
BACK_OFF_S_MAX = 30.0
HEALTHY_S = 60.0
STOP_S = 10.0
LOG_BYTES_MAX = 5_000_000
STATUS_STALE_S = 10.0

State = Literal["starting", "running", "waiting", "stopped"]


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process as the status file shows it."""

    name: str
    state: State
    pid: int | None
    started_at: str | None
    restarts: int
    last_exit: int | None
    log: str


class SupervisionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status file; ``written_at`` tells a reader whether the supervisor still lives."""

    written_at: str
    pid: int
    processes: list[ProcessStatus]


@dataclass(frozen=True)
class ProcessSpec:
    """What to run. ``argv`` follows the interpreter; ``log`` takes its standard error and output."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)


class _Child:
    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.last_exit: int | None = None
        self.started_at: str | None = None
        self.started_s = 0.0
        self.back_off_s = BACK_OFF_S_FIRST
        self.due_s = 0.0

    def state(self, stopping: bool) -> State:
        if self.process is not None:
            return "running"
        return "stopped" if stopping else ("waiting" if self.restarts else "starting")


class Supervisor:
    """Keeps a set of processes alive until told to stop.

    Parameters
    ----------
    specs
        The processes, in the order they are started; they are stopped in reverse.
    status
        File that is rewritten, atomically, whenever something changes and every second.
    on_event
        Called with (name, event, detail) for the console: ``started``, ``exited``, ``stopped``, ``unwritable``.
    back_off_s_max
        The longest wait before a restart.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        status: Path,
        on_event: Callable[[str, str, str], None] | None = None,
        *,
        back_off_s_max: float = BACK_OFF_S_MAX,
    ) -> None:
        self._children = [_Child(spec) for spec in specs]
        self._status = status
        self._on_event = on_event or _ignore_event
        self._back_off_s_max = back_off_s_max
        self._status_lost = False
        self._stop = threading.Event()

    def run(self) -> None:
        """Blocks until :meth:`stop`; then stops every child and returns."""
        written = 0.0
        try:
            while not self._stop.is_set():
                changed = sum([self._tend(child) for child in self._children]) > 0
                if changed or time.monotonic() - written >= 1.0:
                    self._write_status()
                    written = time.monotonic()
                self._stop.wait(0.1)
        finally:
            self._stop.set()
            self._stop_children()
            self._write_status()

    def stop(self) -> None:
        """Ask :meth:`run` to end; safe from a signal handler and from another thread."""
        self._stop.set()

    def running(self, name: str) -> bool:
        """Whether the process of that name lives now."""
        return any(c.spec.name == name and c.process is not None for c in self._children)

    def pid(self, name: str) -> int | None:
        """The process id of a running child."""
        for child in self._children:
            if child.spec.name == name and child.process is not None:
                return child.process.pid
        return None

    def _tend(self, child: _Child) -> bool:
        now = time.monotonic()
        if child.process is None:
            if now < child.due_s:
                return False
            self._start(child)
            return True
        code = child.process.poll()
        if code is None:
            return False
        if child.process.stdin is not None:
            child.process.stdin.close()
        child.process = None
        if now - child.started_s >= HEALTHY_S:
            child.back_off_s = BACK_OFF_S_FIRST
        self._put_off(child, code, str(code))
        return True

    def _start(self, child: _Child) -> None:
        try:
            with _open_log(child.spec.log) as log:
                child.process = subprocess.Popen(  # noqa: S603 - our own interpreter with our own arguments
                    [sys.executable, *child.spec.argv],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **child.spec.environment},
                    start_new_session=True,
                )
        except OSError as error:
            # A full disk or process table: the others go on, this one is tried again.
            self._put_off(child, None, error.strerror or str(error))
            return
        child.started_s = time.monotonic()
        child.started_at = to_rfc3339(_now())
        self._on_event(child.spec.name, "started", str(child.process.pid))

    def _put_off(self, child: _Child, code: int | None, detail: str) -> None:
        child.last_exit = code
        child.restarts += 1
        child.due_s = time.monotonic() + child.back_off_s
        self._on_event(child.spec.name, "exited", f"{detail}, {child.back_off_s:g} s")
        child.back_off_s = min(self._back_off_s_max, child.back_off_s * 2)

    def _stop_children(self) -> None:
        for child in reversed(self._children):
            if child.process is None:
                continue
            child.process.terminate()
            try:
                child.last_exit = child.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.last_exit = child.process.wait()
            if child.process.stdin is not None:
                child.process.stdin.close()
            child.process = None
            self._on_event(child.spec.name, "stopped", str(child.last_exit))

    def _write_status(self) -> None:
        status = SupervisionStatus(
            written_at=to_rfc3339(_now()),
            pid=os.getpid(),
            processes=[
                ProcessStatus(
                    name=c.spec.name,
                    state=c.state(self._stop.is_set()),
                    pid=c.process.pid if c.process else None,
                    started_at=c.started_at,
                    restarts=c.restarts,
                    last_exit=c.last_exit,
                    log=str(c.spec.log),
                )
                for c in self._children
            ],
        )
        try:
            self._status.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._status, msgspec.json.encode(status))
        except OSError as error:
            # Inspection does not stop because nobody can be told: said once, tried again each second.
            if not self._status_lost:
                self._on_event("status", "unwritable", error.strerror or str(error))
            self._status_lost = True
        else:
            self._status_lost = False


def _ignore_event(name: str, event: str, detail: str) -> None:
    del name, event, detail


def _now() -> datetime:
    return datetime.now(UTC)


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(path.suffix + ".1"))
    return path.open("ab")


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a small file so that a reader sees the old bytes or the new ones, never half of either."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def read_supervision(path: Path) -> SupervisionStatus | None:
    """The status file, or ``None`` where no supervisor has written a whole one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SupervisionStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def is_fresh(status: SupervisionStatus, now: datetime) -> bool:
    """Whether its supervisor wrote it a moment ago: one that was killed leaves its last words behind."""
    return abs((now - from_rfc3339(status.written_at)).total_seconds()) < STATUS_STALE_S
