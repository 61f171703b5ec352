"""Inference in a child that cannot hold up the station: at the deadline the station answers without it.

A child that is late may be slow or may hang. It gets a short grace to finish, its late answer is thrown away, and it
is there for the next part; one that has not finished by then is killed, and another is started with a back-off.
Killing at once would turn one hiccup of the machine into seconds of UNDECIDED while the next child loads.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gaugeblock.edge import errors
from gaugeblock.edge.inference_child import LENGTH_BYTES, MESSAGE_BYTES_MAX, Failed, Ready, Reply, Request, pack
from gaugeblock.edge.ports import Clock, Outcome, Report
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict

CHILD = (sys.executable, "-m", "gaugeblock.edge.inference_child")
BACKOFF_S_FIRST = 0.1
BACKOFF_S_MAX = 10.0
START_TIMEOUT_S = 60.0
LATE_GRACE_S = 1.0
GOOD_ANSWERS = 20
"""After so many answers in a row the back-off begins anew."""


class _ChildGoneError(Exception):
    """The child's pipe broke or spoke nonsense; never leaves this file."""


class _LateError(TimeoutError):
    """The deadline came before the first byte of the answer: the pipe is whole; never leaves this file."""


class InferenceProcess:
    """The inference port over a killable child.

    While the child starts or restarts, every frame is UNDECIDED at once (``edge.inference_restarting``).

    Parameters
    ----------
    module, released_sha256
        The module file, and the digest it must have.
    command
        How the child is started; module and digest are appended.
    late_grace_s
        How long after a deadline the child may still be busy before it is killed.
    """

    def __init__(
        self,
        module: Path,
        released_sha256: str | None,
        clock: Clock,
        report: Report,
        command: Sequence[str] = CHILD,
        start_timeout_s: float = START_TIMEOUT_S,
        late_grace_s: float = LATE_GRACE_S,
    ) -> None:
        self._command = [*command, str(module), *([released_sha256] if released_sha256 else [])]
        self._clock = clock
        self._report = report
        self._start_timeout_s = start_timeout_s
        self._late_grace_s = late_grace_s
        self._late: int | None = None
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._child: subprocess.Popen[bytes] | None = None
        self._state = "starting"
        self._failure: str | None = None
        self._detail = ""
        self._closed = False
        self._serial = 0
        self._good = 0
        self._backoff_s = BACKOFF_S_FIRST
        self._keeper = threading.Thread(target=self._keep, name="inference-keeper", daemon=True)
        self._keeper.start()

    # ── port ──────────────────────────────────────────────────────────────────────────────────────────────

    def inspect(self, frame: bytes, deadline_ns: int) -> Outcome:
        """Ask the child; where it has not answered by the deadline, the outcome is UNDECIDED."""
        with self._lock:
            child = self._child if self._state == "ready" else None
            reason = self._failure or errors.InferenceRestartingError.code
        if child is None:
            return Outcome(Verdict.UNDECIDED, reason)
        if self._clock.monotonic_ns() >= deadline_ns:
            return Outcome(Verdict.UNDECIDED, errors.DeadlineError.code)  # not the child's fault: let it live
        self._serial += 1
        try:
            self._discard_late(child, deadline_ns)
            self._write(child, pack(Request(self._serial, frame)), deadline_ns)
            message = self._reply(child, self._serial, deadline_ns)
        except _LateError:
            self._begin_grace(child)
            return Outcome(Verdict.UNDECIDED, errors.DeadlineError.code)
        except TimeoutError:
            self._lose(child, "inference_killed")
            return Outcome(Verdict.UNDECIDED, errors.DeadlineError.code)
        except (_ChildGoneError, OSError, msgspec.MsgspecError) as error:
            self._lose(child, "inference_crashed", detail=str(error))
            return Outcome(Verdict.UNDECIDED, errors.InferenceCrashedError.code)
        self._good += 1
        if self._good >= GOOD_ANSWERS:
            self._backoff_s = BACKOFF_S_FIRST
        return message.outcome

    def _reply(self, child: subprocess.Popen[bytes], serial: int, deadline_ns: int) -> Reply:
        message = self._read(child, deadline_ns)
        if not isinstance(message, Reply) or message.serial != serial:
            raise _ChildGoneError("unexpected message")
        return message

    def _discard_late(self, child: subprocess.Popen[bytes], deadline_ns: int) -> None:
        """Read the answer that an earlier part no longer waits for, so that none is taken for another's."""
        with self._lock:
            late = self._late
        if late is not None:
            self._reply(child, late, deadline_ns)
            with self._lock:
                self._late = None

    def _begin_grace(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            if self._late is not None:
                return  # busy with an earlier part still: its grace runs
            self._late = serial = self._serial
        timer = threading.Timer(self._late_grace_s, self._end_grace, (child, serial))
        timer.daemon = True
        timer.start()

    def _end_grace(self, child: subprocess.Popen[bytes], serial: int) -> None:
        with self._lock:
            if self._late != serial or self._child is not child:
                return
        if not self._answer_waits(child):
            self._lose(child, "inference_killed")

    @staticmethod
    def _answer_waits(child: subprocess.Popen[bytes]) -> bool:
        assert child.stdout is not None
        poll = select.poll()
        poll.register(child.stdout.fileno(), select.POLLIN)
        return any(events & select.POLLIN for _, events in poll.poll(0))

    def state(self) -> str:
        """``starting``, ``ready``, ``restarting`` or ``failed``."""
        with self._lock:
            return self._state

    def fault(self) -> GaugeblockError | None:
        """Why no child is ready, where it is not."""
        with self._lock:
            if self._state == "ready":
                return None
            if self._detail:
                return errors.InferenceNotStartedError(reason=self._detail)
            return errors.InferenceRestartingError()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait for the child's warm-up; false when it is not ready by then, or cannot be."""
        with self._changed:
            self._changed.wait_for(lambda: self._state in ("ready", "failed"), timeout_s)
            return self._state == "ready"

    def close(self) -> None:
        """Kill the child and start no other."""
        with self._changed:
            self._closed = True
            child = self._child
            self._changed.notify_all()
        if child is not None:
            _end(child)
        self._keeper.join()

    @property
    def pid(self) -> int | None:
        """The child's process id, for the status."""
        with self._lock:
            return self._child.pid if self._child else None

    # ── keeping a child alive ─────────────────────────────────────────────────────────────────────────────

    def _keep(self) -> None:
        while True:
            with self._lock:
                if self._closed:
                    return
            self._start()
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._state != "ready")
                self._changed.wait_for(lambda: self._closed, self._backoff_s)
                self._backoff_s = min(BACKOFF_S_MAX, 2 * self._backoff_s)

    def _start(self) -> None:
        try:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            self._fail(errors.InferenceCrashedError.code, str(error))
            return
        assert child.stdin is not None
        assert child.stdout is not None
        os.set_blocking(child.stdin.fileno(), False)
        os.set_blocking(child.stdout.fileno(), False)
        with self._lock:
            self._child = child
            closed = self._closed
        if closed:
            _end(child)
            return
        try:
            message = self._read(child, self._clock.monotonic_ns() + round(self._start_timeout_s * 1e9))
        except (TimeoutError, _ChildGoneError, OSError, msgspec.MsgspecError) as error:
            _end(child)
            self._fail(errors.InferenceCrashedError.code, str(error))
            return
        if isinstance(message, Ready):
            with self._changed:
                self._state, self._failure, self._detail, self._good = "ready", None, "", 0
                self._changed.notify_all()
            self._report("inference_ready", pid=child.pid, warm_up_ms=round(message.warm_up_ms, 1))
        else:
            _end(child)
            failed = isinstance(message, Failed)
            code = message.code if isinstance(message, Failed) else errors.InferenceCrashedError.code
            self._fail(code, message.detail if isinstance(message, Failed) else "", failed)

    def _fail(self, code: str, detail: str, named: bool = False) -> None:
        with self._changed:
            if self._closed:
                return
            self._state = "failed" if named else "restarting"
            self._failure = code if named else None
            self._detail = detail
            self._child = None
            self._changed.notify_all()
        self._report("inference_not_started", code=code, detail=detail)

    def _lose(self, child: subprocess.Popen[bytes], event: str, **facts: str) -> None:
        # Killed at once; reaping, which may wait, is left to a thread of its own.
        child.kill()
        with self._changed:
            if self._child is not child:
                return  # the end of a grace has lost it already
            self._state, self._child, self._late = "restarting", None, None
            self._changed.notify_all()
        self._report(event, pid=child.pid, **facts)
        threading.Thread(target=_end, args=(child,), name="inference-reaper", daemon=True).start()

    # ── pipes with a deadline ─────────────────────────────────────────────────────────────────────────────

    def _write(self, child: subprocess.Popen[bytes], data: bytes, deadline_ns: int) -> None:
        assert child.stdin is not None
        fd = child.stdin.fileno()
        view = memoryview(data)
        while view:
            self._wait(fd, select.POLLOUT, deadline_ns)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                continue

    def _read(self, child: subprocess.Popen[bytes], deadline_ns: int) -> Ready | Failed | Reply:
        assert child.stdout is not None
        fd = child.stdout.fileno()
        size = int.from_bytes(self._exactly(fd, LENGTH_BYTES, deadline_ns, first=True))
        if size > MESSAGE_BYTES_MAX:
            raise _ChildGoneError(f"a message of {size} bytes")
        return msgspec.msgpack.decode(self._exactly(fd, size, deadline_ns), type=Ready | Failed | Reply)

    def _exactly(self, fd: int, size: int, deadline_ns: int, *, first: bool = False) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                self._wait(fd, select.POLLIN, deadline_ns)
            except TimeoutError as error:
                if not data and first:
                    raise _LateError from error
                raise
            try:
                part = os.read(fd, size - len(data))
            except BlockingIOError:
                continue
            if not part:
                raise _ChildGoneError("the inference child ended")
            data += part
        return bytes(data)

    def _wait(self, fd: int, event: int, deadline_ns: int) -> None:
        left_ms = (deadline_ns - self._clock.monotonic_ns()) / 1e6
        poll = select.poll()
        poll.register(fd, event)
        if left_ms <= 0 or not poll.poll(left_ms):
            raise TimeoutError


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
