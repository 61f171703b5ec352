"""Inference in a child that cannot hold up the station: at the deadline the station answers without it.

A child that is late may be slow or may hang. It gets a short grace to finish, its late answer is thrown away, and it
is there for the next part; one that has not finished by then is killed, and another is started with a back-off.
Killing at once would turn one hiccup of the machine into seconds of UNDECIDED while the next child loads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from gaugeblock.edge import errors
from gaugeblock.edge.inference_child import Failed, Ready, Request
from gaugeblock.edge.inference_pipes import Child, LateError
from gaugeblock.edge.ports import Clock, ModuleFacts, Outcome, Report
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict

CHILD = (sys.executable, "-m", "gaugeblock.edge.inference_child")
BACKOFF_S_FIRST = 0.1
BACKOFF_S_MAX = 10.0
START_TIMEOUT_S = 60.0
LATE_GRACE_S = 1.0
GOOD_ANSWERS = 20
"""After so many answers in a row the back-off begins anew."""


class InferenceProcess:
    """The inference port over a killable child.

    While the child starts or restarts, every frame is UNDECIDED at once (``edge.inference_restarting``).

    Parameters
    ----------
    module, released_sha256
        The module file, and the digest it must have.
    command
        How the child is started; module, digest and calibration are appended.
    mm_per_pixel
        Of the calibrated camera.
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
        mm_per_pixel: float | None = None,
    ) -> None:
        calibration = [] if mm_per_pixel is None else [repr(mm_per_pixel)]
        self._command = [*command, str(module), released_sha256 or "-", *calibration]
        self._module: ModuleFacts | None = None
        self._clock = clock
        self._report = report
        self._start_timeout_s = start_timeout_s
        self._late_grace_s = late_grace_s
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._child: Child | None = None
        self._state = "starting"
        self._failure: GaugeblockError | None = None
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
            failed = self._failure.code if self._failure and self._state == "failed" else None
        if child is None:
            return self._undecided(failed or errors.InferenceRestartingError.code)
        if self._clock.monotonic_ns() >= deadline_ns:
            return self._undecided(errors.DeadlineError.code)  # not the child's fault: let it live
        self._serial += 1
        try:
            with child.pipes():
                self._discard_late(child, deadline_ns)
                child.write(Request(self._serial, frame), deadline_ns)
                outcome = child.reply(self._serial, deadline_ns).outcome
        except LateError:
            self._begin_grace(child)
            return self._undecided(errors.DeadlineError.code)
        except TimeoutError:
            self._lose(child, None)
            return self._undecided(errors.DeadlineError.code)
        except OSError as error:
            self._lose(child, errors.InferenceMessageError(detail=error.strerror or str(error)))
            return self._undecided(errors.InferenceCrashedError.code)
        except GaugeblockError as error:
            self._lose(child, error)
            return self._undecided(errors.InferenceCrashedError.code)
        self._good += 1
        if self._good >= GOOD_ANSWERS:
            self._backoff_s = BACKOFF_S_FIRST
        return outcome

    def _undecided(self, code: str) -> Outcome:
        """No answer; the record still names the module that was asked, once it is known."""
        return Outcome(Verdict.UNDECIDED, code, module=self._module)

    def _discard_late(self, child: Child, deadline_ns: int) -> None:
        """Read the answer that an earlier part no longer waits for, so that none is taken for another's."""
        with self._lock:
            late = child.late
        if late is None:
            return
        child.wait_answer(deadline_ns)
        with self._lock:
            child.late = None  # before the first byte is taken: the end of the grace sees the one or the other
        child.reply(late, deadline_ns)

    def _begin_grace(self, child: Child) -> None:
        with self._lock:
            if self._child is not child or child.late is not None:
                return  # gone already, or busy with an earlier part still, whose grace runs
            child.late = serial = self._serial
        timer = threading.Timer(self._late_grace_s, self._end_grace, (child, serial))
        timer.daemon = True
        timer.start()

    def _end_grace(self, child: Child, serial: int) -> None:
        with self._changed:
            # Asked and killed under one lock: a child that gets its answer out just now must not be hit.
            if self._child is not child or child.late != serial or child.answer_waits():
                return
            self._drop(child)
        self._report("inference_killed", pid=child.process.pid)

    def state(self) -> str:
        """``starting``, ``ready``, ``restarting`` or ``failed``."""
        with self._lock:
            return self._state

    def fault(self) -> GaugeblockError | None:
        """Why no child is ready, where it is not."""
        with self._lock:
            if self._state == "ready":
                return None
            return self._failure or errors.InferenceRestartingError()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait for the child's warm-up; false when it is not ready by then, or cannot be."""
        with self._changed:
            self._changed.wait_for(lambda: self._state in ("ready", "failed"), timeout_s)
            return self._state == "ready"

    def close(self) -> None:
        """Kill the child and start no other."""
        with self._changed:
            self._closed = True
            child, self._child = self._child, None
            self._state = "restarting"
            self._changed.notify_all()
        if child is not None:
            child.end()
        self._keeper.join()

    @property
    def pid(self) -> int | None:
        """The child's process id, for the status."""
        with self._lock:
            return self._child.process.pid if self._child else None

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
            child = Child(self._command, self._clock)
        except OSError as error:
            self._fail(errors.InferenceNotStartedError(reason=error.strerror or str(error)))
            return
        with self._lock:
            closed = self._closed
            if not closed:
                self._child = child
        if closed:
            child.end()
            return
        failure, named = self._first_word(child), True
        if isinstance(failure, Ready):
            with self._changed:
                if self._closed:
                    return
                self._state, self._failure, self._good = "ready", None, 0
                self._module = failure.module
                self._changed.notify_all()
            self._report("inference_ready", pid=child.process.pid, warm_up_ms=round(failure.warm_up_ms, 1))
            return
        if isinstance(failure, Failed):
            failure = errors.error_of(failure.code, failure.facts)
        else:
            named = False
        self._fail(failure, named)
        child.end()

    def _first_word(self, child: Child) -> Ready | Failed | GaugeblockError:
        try:
            with child.pipes():
                message = child.read(self._clock.monotonic_ns() + round(self._start_timeout_s * 1e9))
        except TimeoutError:
            return errors.InferenceNotStartedError(reason=f"> {self._start_timeout_s:g} s")
        except OSError as error:
            return errors.InferenceMessageError(detail=error.strerror or str(error))
        except GaugeblockError as error:
            return error
        if isinstance(message, Ready | Failed):
            return message
        return errors.InferenceMessageError(detail=type(message).__name__)

    def _fail(self, error: GaugeblockError, named: bool = False) -> None:
        """``named``: the child itself said why, and would say it again; else it may be better next time."""
        with self._changed:
            if self._closed:
                return
            self._state = "failed" if named else "restarting"
            self._failure = error
            self._child = None
            self._changed.notify_all()
        self._report("inference_not_started", error=error)

    def _lose(self, child: Child, error: GaugeblockError | None) -> None:
        """The child is of no use any more: ``error`` says what it did, ``None`` that it hung."""
        with self._changed:
            if self._child is not child:
                return  # the end of a grace has lost it already
            self._drop(child)
        if error is None:
            self._report("inference_killed", pid=child.process.pid)
        else:
            self._report("inference_crashed", pid=child.process.pid, error=error)

    def _drop(self, child: Child) -> None:
        """Under the lock: kill at once; reaping, which may wait, is left to a thread of its own."""
        child.process.kill()
        self._state, self._child, self._failure = "restarting", None, None
        self._changed.notify_all()
        threading.Thread(target=child.end, name="inference-reaper", daemon=True).start()
