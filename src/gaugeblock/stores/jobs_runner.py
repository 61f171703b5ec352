"""Runs durable jobs in spawned processes: bounded in number, killable, and resubmitted when one dies.

One process an attempt: a worker that is killed, leaks or runs out of memory takes nothing with it but its own
attempt. A worker whose parent is gone ends itself, so a killed plant leaves no work behind that nobody watches.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from typing import Any

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import Clock
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    JobCancelledError,
    JobFaultError,
    JobKindError,
    JobLostError,
    JobTimeoutError,
    StoreError,
)
from gaugeblock.stores.jobs import LEASE_S, Job, Jobs

POLL_S = 0.2
CANCEL_GRACE_S = 5.0
CANCEL_LOOK_S = 0.2
PROGRESS_EVERY_S = 0.2

_logger = logging.getLogger(__name__)


class JobContext:
    """What a job function is given beside its arguments: progress, the wish to cancel, and state to resume from.

    A job function is ``def function(context: JobContext, **args) -> <plain JSON values>``.
    """

    def __init__(self, jobs: Jobs, job: Job) -> None:
        self._jobs = jobs
        self._job = job
        self._looked_s = 0.0
        self._cancelled = False
        self._told_s = 0.0
        self._stage: str | None = None

    @property
    def job(self) -> str:
        """The job's id."""
        return self._job.id

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        return self._job.attempts

    def progress(self, done: int, total: int, stage: str | None = None) -> None:
        """Say how far the job is; ``stage`` is a catalogue key. Cheap: written at most five times a second."""
        now_s = time.monotonic()
        if done < total and stage == self._stage and now_s - self._told_s < PROGRESS_EVERY_S:
            return
        self._told_s, self._stage = now_s, stage
        self._jobs.progress(self._job.id, self._job.attempts, done, total, stage)

    def cancelled(self) -> bool:
        """Whether the job should stop; looks at most five times a second."""
        now_s = time.monotonic()
        if not self._cancelled and now_s - self._looked_s >= CANCEL_LOOK_S:
            self._looked_s = now_s
            self._cancelled = self._jobs.cancel_requested(self._job.id, self._job.attempts)
        return self._cancelled

    def raise_if_cancelled(self) -> None:
        """For loops.

        Raises
        ------
        JobCancelledError
        """
        if self.cancelled():
            raise JobCancelledError(job=self._job.id)

    def save_state(self, state: bytes) -> None:
        """Keep what a later attempt can go on from, durably."""
        self._jobs.save_state(self._job.id, self._job.attempts, state)

    def saved_state(self) -> bytes | None:
        """What an earlier attempt kept, if one did."""
        return self._jobs.saved_state(self._job.id)


@dataclass
class _Slot:
    job: Job
    process: SpawnProcess
    lifeline: Pipe
    started_s: float
    cancel_since_s: float | None = None


class JobRunner:
    """Claims due jobs and runs each in a process of its own.

    Parameters
    ----------
    url
        The ``state`` database; each worker opens it itself.
    functions
        Which function runs which kind, as ``{"inspection.train": "package.module:function"}``. Only these are
        ever imported: a row in the database cannot name code.
    slots
        How many jobs at once.
    clock
        Wall clock for leases and schedules.

    Examples
    --------
    ``runner = JobRunner(url, {"inspection.train": "gaugeblock.apps.training:train"}); runner.start()``
    """

    def __init__(self, url: str, functions: Mapping[str, str], slots: int = 2, clock: Clock | None = None) -> None:
        self._url = url
        self._functions = dict(functions)
        self._slots = slots
        self._database = Database(url)
        self._jobs = Jobs(self._database, clock or SystemClock())
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._running: list[_Slot] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._renewed_s = 0.0

    @property
    def running(self) -> int:
        """How many workers are at work."""
        return len(self._running)

    def start(self) -> None:
        """Begin in a thread."""
        self._thread = threading.Thread(target=self._loop, name="job-runner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop: what is running is killed and queued again, to go on from its saved state at the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for slot in self._running:
            self._kill(slot)
            self._jobs.give_back(slot.job.id, slot.job.attempts, slot.process.exitcode or 0, refund=True)
        self._running.clear()
        self._database.close()

    def _loop(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                self.step()
            except StoreError as error:
                # The database is away or full: the workers go on, and so do we when it is back.
                _logger.warning("job runner: %s", error)

    def step(self) -> None:
        """One round: reap, limit, renew, schedule, claim."""
        for slot in list(self._running):
            self._watch(slot)
        now_s = time.monotonic()
        if self._running and now_s - self._renewed_s > LEASE_S / 5:
            self._renewed_s = now_s
            self._jobs.renew(self._name)
        self._jobs.submit_scheduled()
        while len(self._running) < self._slots:
            job = self._jobs.claim(self._name)
            if job is None:
                return
            self._begin(job)

    def _begin(self, job: Job) -> None:
        target = self._functions.get(job.kind)
        if target is None:
            self._jobs.fail(job.id, job.attempts, JobKindError.code, {"kind": job.kind})
            return
        context = multiprocessing.get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(
            target=_work, args=(self._url, job.id, job.attempts, target, theirs), name=f"job-{job.id}", daemon=True
        )
        process.start()
        theirs.close()
        self._running.append(_Slot(job, process, ours, time.monotonic()))

    def _watch(self, slot: _Slot) -> None:
        job, now_s = slot.job, time.monotonic()
        if not slot.process.is_alive():
            slot.process.join()
            slot.lifeline.close()
            self._running.remove(slot)
            self._jobs.give_back(job.id, job.attempts, slot.process.exitcode or 0)
            return
        if now_s - slot.started_s > job.timeout_s:
            self._kill(slot)
            self._running.remove(slot)
            facts: dict[str, str | int | float] = {"job": job.id, "timeout_s": job.timeout_s}
            try:
                self._jobs.fail(job.id, job.attempts, JobTimeoutError.code, facts)
            except JobLostError:
                return  # it ended while we looked
        elif slot.cancel_since_s is None:
            if self._wants_cancel(job):
                slot.cancel_since_s = now_s
        elif now_s - slot.cancel_since_s > CANCEL_GRACE_S:
            self._kill(slot)
            self._running.remove(slot)
            self._jobs.give_back(job.id, job.attempts, slot.process.exitcode or 0)

    def _wants_cancel(self, job: Job) -> bool:
        try:
            return self._jobs.cancel_requested(job.id, job.attempts)
        except JobLostError:
            return False

    def _kill(self, slot: _Slot) -> None:
        slot.process.kill()
        slot.process.join()
        slot.lifeline.close()


def _work(url: str, job_id: str, attempt: int, target: str, lifeline: Pipe) -> None:
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    with Database(url) as database:
        jobs = Jobs(database, SystemClock())
        job = jobs.get(job_id)
        try:
            result = _load(target)(JobContext(jobs, job), **job.args)
            jobs.finish(job_id, attempt, result)
        except JobLostError:
            return
        except JobCancelledError:
            jobs.end_cancelled(job_id, attempt)
        except GaugeblockError as error:
            jobs.fail(job_id, attempt, error.code, error.facts)
        except Exception as error:  # noqa: BLE001 - the supervisor of code it does not know
            detail = f"{type(error).__name__}: {error}"[:500]
            jobs.fail(job_id, attempt, JobFaultError.code, {"job": job_id, "detail": detail})


def _load(target: str) -> Any:
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)


def _end_with_parent(lifeline: Pipe) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
