"""Durable jobs: what takes longer than a request, kept in the database until it is done.

A job is submitted once and run by some worker of :mod:`gaugeblock.stores.jobs_runner`. It has progress, can be
cancelled, and when its worker dies it is given to another with the state it last saved, a bounded number of times.
Each attempt holds the job by its number: a worker that was taken for dead and lives cannot write any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gaugeblock.plant.times import Clock, from_rfc3339, to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    JobLostError,
    JobQueueFullError,
    JobTooLargeError,
    JobUnknownError,
)
from gaugeblock.stores.state_tables import job_schedules, jobs

ARGS_LIMIT_BYTES = 256 * 1024
RESULT_LIMIT_BYTES = 1024 * 1024
STATE_LIMIT_BYTES = 16 * 1024 * 1024
WAITING_LIMIT = 10_000
LIST_LIMIT = 500
LEASE_S = 15.0

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
TERMINAL: frozenset[str] = frozenset({"done", "failed", "cancelled"})


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands. ``stage`` is the catalogue key of what it is doing; ``result`` is plain JSON values."""

    id: str
    kind: str
    args: dict[str, Any]
    state: JobState
    submitted_at: str
    due_at: str
    started_at: str | None
    finished_at: str | None
    attempts: int
    max_attempts: int
    timeout_s: float
    done: int
    total: int
    stage: str | None
    cancel_requested: bool
    result: Any
    error_code: str | None
    error_facts: dict[str, str | int | float] | None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is submitted every ``every_s`` seconds; a run that is still going is not doubled."""

    name: str
    kind: str
    args: dict[str, Any]
    every_s: float
    next_at: str
    last_job: str | None


class Jobs:
    """The durable queue: for those who submit and watch, and for the runner.

    Parameters
    ----------
    database
        The ``state`` family; upgraded here when needed.
    clock
        Wall clock.

    Raises
    ------
    JobTooLargeError, JobQueueFullError
        On ``submit``.
    JobUnknownError
        Where a job is named that is not there.

    Examples
    --------
    >>> import tempfile
    >>> from gaugeblock.stores.clock import SystemClock
    >>> with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/state.sqlite") as database:
    ...     queue = Jobs(database, SystemClock())
    ...     queue.get(queue.submit("inspection.train", {"folder": "good"})).state
    'queued'
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        database.upgrade("state")
        self._database = database
        self._clock = clock

    # ── for those who submit and watch ────────────────────────────────────────────────────────────────────

    def submit(
        self,
        kind: str,
        args: Mapping[str, Any],
        *,
        at: datetime | None = None,
        timeout_s: float = 3600.0,
        max_attempts: int = 3,
    ) -> str:
        """Queue a job, durable when this returns; its id. ``at`` is the earliest start, now where ``None``."""
        with self._database.writing() as connection:
            return self._insert(
                connection, kind, _json(dict(args), "args", ARGS_LIMIT_BYTES), at, timeout_s, max_attempts
            )

    def get(self, job: str) -> Job:
        """The job as it stands."""
        with self._database.reading() as connection:
            return _job(_one(connection, job))

    def list(self, state: JobState | None = None, limit: int = 50) -> Sequence[Job]:
        """Newest first."""
        query = select(jobs).order_by(jobs.c.submitted_at.desc(), jobs.c.id).limit(min(limit, LIST_LIMIT))
        if state is not None:
            query = query.where(jobs.c.state == state)
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(query)]

    def cancel(self, job: str) -> None:
        """Ask the job to stop: at once when it waits, else when its function looks, else it is killed."""
        with self._database.writing() as connection:
            _one(connection, job)
            values = {"state": "cancelled", "finished_at": self._now(), "cancel_requested": True}
            connection.execute(update(jobs).where(jobs.c.id == job, jobs.c.state == "queued").values(values))
            connection.execute(
                update(jobs).where(jobs.c.id == job, jobs.c.state == "running").values(cancel_requested=True)
            )

    def schedule(
        self,
        name: str,
        kind: str,
        args: Mapping[str, Any],
        every_s: float,
        *,
        first_at: datetime | None = None,
        timeout_s: float = 3600.0,
        max_attempts: int = 1,
    ) -> None:
        """Submit such a job every ``every_s`` seconds from ``first_at`` on; the same name replaces."""
        if every_s < 1.0:
            raise ValueError("a schedule of less than a second is a loop, not a schedule")
        row = {
            "name": name,
            "kind": kind,
            "args": _json(dict(args), "args", ARGS_LIMIT_BYTES),
            "every_s": every_s,
            "next_at": to_rfc3339(first_at or self._clock.now()),
            "max_attempts": max_attempts,
            "timeout_s": timeout_s,
        }
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        with self._database.writing() as connection:
            statement = insert(job_schedules).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))

    def unschedule(self, name: str) -> bool:
        """Remove a schedule; whether it was there."""
        with self._database.writing() as connection:
            return connection.execute(delete(job_schedules).where(job_schedules.c.name == name)).rowcount > 0

    def schedules(self) -> Sequence[Schedule]:
        """All schedules by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(job_schedules).order_by(job_schedules.c.name)).all()
        return [
            Schedule(
                name=row.name,
                kind=row.kind,
                args=msgspec.json.decode(row.args),
                every_s=row.every_s,
                next_at=row.next_at,
                last_job=row.last_job,
            )
            for row in rows
        ]

    def forget(self, before: datetime) -> int:
        """Remove finished jobs that ended before ``before``; how many."""
        statement = delete(jobs).where(jobs.c.state.in_(TERMINAL), jobs.c.finished_at < to_rfc3339(before))
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount

    # ── for the runner ────────────────────────────────────────────────────────────────────────────────────

    def submit_scheduled(self) -> int:
        """Submit what schedules are due. Runs that were missed while nothing ran are made up by one."""
        submitted = 0
        now = self._clock.now()
        with self._database.writing() as connection:
            query = select(job_schedules).where(job_schedules.c.next_at <= to_rfc3339(now))
            for row in connection.execute(query.with_for_update()).all():
                state = connection.execute(select(jobs.c.state).where(jobs.c.id == row.last_job)).scalar()
                behind_s = (now - from_rfc3339(row.next_at)).total_seconds()
                steps = int(behind_s // row.every_s) + 1
                values = {"next_at": to_rfc3339(from_rfc3339(row.next_at) + timedelta(seconds=steps * row.every_s))}
                if state is None or state in TERMINAL:
                    values["last_job"] = self._insert(
                        connection, row.kind, row.args, None, row.timeout_s, row.max_attempts
                    )
                    submitted += 1
                connection.execute(update(job_schedules).where(job_schedules.c.name == row.name).values(values))
        return submitted

    def claim(self, runner: str) -> Job | None:
        """Take the job that is due longest, or one whose runner let its lease pass; ``None`` where there is none."""
        now = self._clock.now()
        text = to_rfc3339(now)
        waiting = and_(jobs.c.state == "queued", jobs.c.due_at <= text)
        dropped = and_(jobs.c.state == "running", jobs.c.lease_until < text)
        query = select(jobs).where(or_(waiting, dropped)).order_by(jobs.c.due_at, jobs.c.submitted_at, jobs.c.id)
        with self._database.writing() as connection:
            for row in connection.execute(query.limit(20).with_for_update(skip_locked=True)).all():
                held = jobs.c.id == row.id
                if row.cancel_requested or row.attempts >= row.max_attempts:
                    values = _ending(row, text)
                    connection.execute(update(jobs).where(held).values(values))
                    continue
                values = {
                    "state": "running",
                    "runner": runner,
                    "lease_until": to_rfc3339(now + timedelta(seconds=LEASE_S)),
                    "attempts": row.attempts + 1,
                    "started_at": text,
                }
                connection.execute(update(jobs).where(held).values(values))
                return _job(_one(connection, row.id))
        return None

    def renew(self, runner: str) -> None:
        """The runner lives: what it holds stays its own for another :data:`LEASE_S` seconds."""
        until = to_rfc3339(self._clock.now() + timedelta(seconds=LEASE_S))
        with self._database.writing() as connection:
            held = and_(jobs.c.state == "running", jobs.c.runner == runner)
            connection.execute(update(jobs).where(held).values(lease_until=until))

    def give_back(self, job: str, attempt: int, exit_code: int, *, refund: bool = False) -> None:
        """The attempt's worker died: queue the job again, or end it when it was cancelled or has no attempt left.

        ``refund`` does not count the attempt: the runner itself stopped the worker and has seen it end.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(jobs).where(_held(job, attempt))).first()
            if row is None:
                return
            if row.cancel_requested or (row.attempts >= row.max_attempts and not refund):
                values = _ending(row, self._now(), exit_code)
            else:
                values = {"state": "queued", "runner": None, "lease_until": None, "attempts": attempt - refund}
            connection.execute(update(jobs).where(jobs.c.id == job).values(values))

    def progress(self, job: str, attempt: int, done: int, total: int, stage: str | None) -> None:
        """Say how far the attempt is."""
        self._write(job, attempt, {"done": done, "total": total, "stage": stage})

    def cancel_requested(self, job: str, attempt: int) -> bool:
        """Whether the attempt should stop."""
        with self._database.reading() as connection:
            wanted = connection.execute(select(jobs.c.cancel_requested).where(_held(job, attempt))).scalar()
        if wanted is None:
            raise JobLostError(job=job)
        return bool(wanted)

    def save_state(self, job: str, attempt: int, state: bytes) -> None:
        """Keep what a later attempt can go on from."""
        _bound(len(state), "state", STATE_LIMIT_BYTES)
        self._write(job, attempt, {"saved_state": state})

    def saved_state(self, job: str) -> bytes | None:
        """What an earlier attempt kept."""
        with self._database.reading() as connection:
            state = _one(connection, job).saved_state
        return None if state is None else bytes(state)

    def finish(self, job: str, attempt: int, result: Any) -> None:
        """The attempt succeeded."""
        text = _json(result, "result", RESULT_LIMIT_BYTES)
        values = {"state": "done", "finished_at": self._now(), "result": text, "saved_state": None}
        self._write(job, attempt, values)

    def fail(self, job: str, attempt: int, code: str, facts: Mapping[str, str | int | float]) -> None:
        """The attempt found that the job cannot succeed: no further attempt."""
        values = {
            "state": "failed",
            "error_code": code,
            "error_facts": _json(dict(facts), "result", RESULT_LIMIT_BYTES),
        }
        self._write(job, attempt, {**values, "finished_at": self._now()})

    def end_cancelled(self, job: str, attempt: int) -> None:
        """The attempt stopped as it was asked to."""
        self._write(job, attempt, {"state": "cancelled", "finished_at": self._now()})

    def _write(self, job: str, attempt: int, values: Mapping[str, object]) -> None:
        with self._database.writing() as connection:
            if connection.execute(update(jobs).where(_held(job, attempt)).values(dict(values))).rowcount == 0:
                raise JobLostError(job=job)

    def _now(self) -> str:
        return to_rfc3339(self._clock.now())

    def _insert(
        self,
        connection: Connection,
        kind: str,
        args: str,
        at: datetime | None,
        timeout_s: float,
        max_attempts: int,
    ) -> str:
        waiting = select(func.count()).select_from(jobs).where(jobs.c.state == "queued")
        if connection.execute(waiting).scalar_one() >= WAITING_LIMIT:
            raise JobQueueFullError(limit=WAITING_LIMIT)
        job = uuid.uuid4().hex
        now = self._clock.now()
        row = {
            "id": job,
            "kind": kind,
            "args": args,
            "state": "queued",
            "submitted_at": to_rfc3339(now),
            "due_at": to_rfc3339(at or now),
            "attempts": 0,
            "max_attempts": max_attempts,
            "timeout_s": timeout_s,
            "done": 0,
            "total": 0,
            "cancel_requested": False,
        }
        connection.execute(jobs.insert(), row)
        return job


def _held(job: str, attempt: int) -> Any:
    return and_(jobs.c.id == job, jobs.c.state == "running", jobs.c.attempts == attempt)


def _ending(row: Row[Any], now: str, exit_code: int = 0) -> dict[str, object]:
    if row.cancel_requested:
        return {"state": "cancelled", "finished_at": now}
    facts = {"job": row.id, "attempts": row.attempts, "exit_code": exit_code}
    return {
        "state": "failed",
        "finished_at": now,
        "error_code": "stores.job_worker_died",
        "error_facts": msgspec.json.encode(facts).decode(),
    }


def _one(connection: Connection, job: str) -> Row[Any]:
    row = connection.execute(select(jobs).where(jobs.c.id == job)).first()
    if row is None:
        raise JobUnknownError(job=job[:64])
    return row


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        args=msgspec.json.decode(row.args),
        state=row.state,
        submitted_at=row.submitted_at,
        due_at=row.due_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        timeout_s=row.timeout_s,
        done=row.done,
        total=row.total,
        stage=row.stage,
        cancel_requested=row.cancel_requested,
        result=None if row.result is None else msgspec.json.decode(row.result),
        error_code=row.error_code,
        error_facts=None if row.error_facts is None else msgspec.json.decode(row.error_facts),
    )


def _json(value: object, what: str, limit_bytes: int) -> str:
    data = msgspec.json.encode(value)
    _bound(len(data), what, limit_bytes)
    return data.decode()


def _bound(size_bytes: int, what: str, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise JobTooLargeError(what=what, size_bytes=size_bytes, limit_bytes=limit_bytes)
