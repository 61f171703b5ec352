"""Following what the plant assigns: a new module is loaded beside the old one and takes its place between two triggers.

The old module answers until the new one has been checked, loaded and warmed up. A module that cannot be used (no file,
another digest, not loadable) changes nothing but the station's named fault; it is tried again when the assignment or
its file changes, and now and then besides.

Two threads: a worker polls (:meth:`FollowedDuties.poll`), the loop takes up (:meth:`FollowedDuties.take_up`). Only the
loop decides when the exchange happens, so that no trigger is begun by one module and ended by another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from gaugeblock.edge.inference_child import read_module
from gaugeblock.edge.ports import Assignment, Assignments, Clock, Duty, InferencePort, Report
from gaugeblock.plant.errors import GaugeblockError

RETRY_S = 30.0


Start = Callable[[Assignment], InferencePort]
"""Starts inference with an assignment's module; returns at once."""


def duty_of(assignment: Assignment, inference: InferencePort) -> Duty:
    """The duty that an assignment makes, once its module is loaded."""
    return Duty(
        inference=inference,
        module_sha256=assignment.module_sha256,
        challenge_set=assignment.challenge_set,
        require_challenge=assignment.require_challenge,
        shifts=assignment.shifts,
        timezone=assignment.timezone,
        product=assignment.product,
    )


class FollowedDuties:
    """Gives the loop its duty, and follows the assignment.

    Parameters
    ----------
    assignments
        Where the plant assigns; ``None``: what the station started with holds for ever.
    start
        Starts inference.
    first, first_assignment
        What the station starts with.
    clock
        For trying again.
    """

    def __init__(
        self,
        assignments: Assignments | None,
        start: Start,
        first: Duty,
        first_assignment: Assignment | None,
        clock: Clock,
        report: Report,
    ) -> None:
        self._assignments, self._start, self._clock, self._report = assignments, start, clock, report
        self._lock = threading.Lock()
        self._duty = first
        self._next: Duty | None = None
        self._retired: list[InferencePort] = []
        self._followed = first_assignment
        self._coming: tuple[Assignment, InferencePort] | None = None
        self._failed: tuple[Assignment, tuple[int, int] | None, int] | None = None
        self._fault: GaugeblockError | None = None

    # ── the loop's side ───────────────────────────────────────────────────────────────────────────────────

    def take_up(self) -> Duty:
        """See :class:`gaugeblock.edge.ports.Duties`."""
        with self._lock:
            if self._next is not None:
                if self._next.inference is not self._duty.inference:
                    self._retired.append(self._duty.inference)
                self._duty, self._next = self._next, None
            return self._duty

    # ── the worker's side ─────────────────────────────────────────────────────────────────────────────────

    @property
    def fault(self) -> GaugeblockError | None:
        """Why what is assigned is not in force, where it is not."""
        return self._fault

    def poll(self) -> None:
        """Look at the assignment, and at the module that is being loaded; never waits for it."""
        with self._lock:
            retired, self._retired = self._retired, []
        for inference in retired:
            inference.close()
        if self._assignments is None:
            return
        try:
            assignment = self._assignments.read()
        except GaugeblockError as error:
            self._say(error)
            return
        if assignment is None or assignment == self._followed:
            self._drop_coming()
            self._say(None)
            return
        if self._coming is not None and self._coming[0] != assignment:
            self._drop_coming()
        if self._coming is not None:
            self._look_at(*self._coming)
        elif not self._same_module(assignment):
            self._begin(assignment)
        else:
            self._put_in_force(assignment, self._present())

    def close(self) -> None:
        """End every inference that was started."""
        self._drop_coming()
        with self._lock:
            ending = [*self._retired, self._duty.inference]
            if self._next is not None and self._next.inference is not self._duty.inference:
                ending.append(self._next.inference)
        for inference in ending:
            inference.close()

    def _same_module(self, assignment: Assignment) -> bool:
        """What a child is started with is the same; the path does not matter, the digest does."""
        followed = self._followed
        return (
            followed is not None
            and followed.module_sha256 == assignment.module_sha256
            and followed.mm_per_pixel == assignment.mm_per_pixel
        )

    def _begin(self, assignment: Assignment) -> None:
        now_ns, state = self._clock.monotonic_ns(), _file_state(assignment)
        failed = self._failed
        if failed is not None and failed[:2] == (assignment, state) and now_ns - failed[2] < RETRY_S * 1e9:
            return
        try:
            read_module(Path(assignment.module), assignment.module_sha256)
        except GaugeblockError as error:
            self._failed = (assignment, state, now_ns)
            self._say(error)
            return
        self._failed = None
        self._report("module_loading", module=assignment.module_sha256)
        self._coming = (assignment, self._start(assignment))

    def _look_at(self, assignment: Assignment, inference: InferencePort) -> None:
        state = inference.state()
        if state == "ready":
            self._coming = None
            self._put_in_force(assignment, inference)
        elif state == "failed":
            error = inference.fault()
            self._failed = (assignment, _file_state(assignment), self._clock.monotonic_ns())
            self._drop_coming()
            self._say(error)
        elif state == "restarting":
            self._say(inference.fault())

    def _put_in_force(self, assignment: Assignment, inference: InferencePort) -> None:
        with self._lock:
            superseded, self._next = self._next, duty_of(assignment, inference)
            if superseded is not None and superseded.inference not in (inference, self._duty.inference):
                self._retired.append(superseded.inference)
        self._followed = assignment
        self._say(None)

    def _present(self) -> InferencePort:
        with self._lock:
            return (self._next or self._duty).inference

    def _drop_coming(self) -> None:
        if self._coming is not None:
            _, inference = self._coming
            self._coming = None
            inference.close()

    def _say(self, error: GaugeblockError | None) -> None:
        """Once, not at each poll."""
        known = self._fault
        if error is not None and (known is None or (known.code, known.facts) != (error.code, error.facts)):
            self._report("assignment_not_followed", error=error)
        self._fault = error


def _file_state(assignment: Assignment) -> tuple[int, int] | None:
    try:
        stat = Path(assignment.module).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
