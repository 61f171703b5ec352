"""Durable jobs: run in processes of their own, cancelled, killed, resumed, scheduled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.stores import jobs_runner
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import JobKindError, JobLostError, JobTooLargeError, JobUnknownError, StoreBusyError
from gaugeblock.stores.jobs import ARGS_LIMIT_BYTES, LEASE_S, Jobs
from gaugeblock.stores.jobs_runner import JobContext, JobRunner

# ── what the workers run: they import this file by its module name ────────────────────────────────────────


def count_up(context: JobContext, *, upto: int) -> dict[str, int]:
    for number in range(upto):
        context.progress(number + 1, upto, "jobs.counting")
    return {"counted": upto, "attempt": context.attempt}


def wait_for_cancel(context: JobContext) -> None:
    while True:
        context.raise_if_cancelled()
        time.sleep(0.02)


def hang(context: JobContext) -> None:
    time.sleep(600)


def die_twice(context: JobContext, *, steps: int) -> list[str]:
    done = (context.saved_state() or b"").decode()
    while len(done) < steps:
        done += str(context.attempt)
        context.save_state(done.encode())
        if context.attempt < 3 and len(done) % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return [done]


def always_die(context: JobContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail_by_name(context: JobContext) -> None:
    raise StoreBusyError(store="elsewhere")


def fail_by_fault(context: JobContext) -> None:
    raise ZeroDivisionError("no parts")


def touch_for_ever(context: JobContext, *, path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(600)


NAMES = (
    "count_up",
    "wait_for_cancel",
    "hang",
    "die_twice",
    "always_die",
    "fail_by_name",
    "fail_by_fault",
    "touch_for_ever",
)
FUNCTIONS = {f"test.{name}": f"test_jobs:{name}" for name in NAMES}


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def queue(database_url: str) -> Iterator[Jobs]:
    with Database(database_url) as database:
        yield Jobs(database, SystemClock())


@pytest.fixture
def runner(database_url: str, queue: Jobs, importable: None) -> Iterator[JobRunner]:
    made = JobRunner(database_url, FUNCTIONS)
    made.start()
    yield made
    made.stop()


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.02)


def ended(queue: Jobs, job: str) -> Any:
    soon(lambda: queue.get(job).state in {"done", "failed", "cancelled"})
    return queue.get(job)


def test_jobs_run_with_progress_and_result(runner: JobRunner, queue: Jobs) -> None:
    good = queue.submit("test.count_up", {"upto": 5})
    by_name, by_fault = queue.submit("test.fail_by_name", {}), queue.submit("test.fail_by_fault", {})
    unknown = queue.submit("os.system", {})
    job = ended(queue, good)
    assert (job.state, job.result, job.done, job.total, job.stage) == (
        "done",
        {"counted": 5, "attempt": 1},
        5,
        5,
        "jobs.counting",
    )
    assert (ended(queue, by_name).error_code, queue.get(by_name).error_facts) == ("stores.busy", {"store": "elsewhere"})
    assert ended(queue, by_fault).error_code == "stores.job_fault"
    assert "ZeroDivisionError: no parts" in str(queue.get(by_fault).error_facts)
    assert queue.get(by_fault).attempts == 1
    assert ended(queue, unknown).error_code == JobKindError.code


def test_a_job_goes_on_where_its_dead_worker_stopped(runner: JobRunner, queue: Jobs) -> None:
    job, doomed = queue.submit("test.die_twice", {"steps": 7}), queue.submit("test.always_die", {}, max_attempts=2)
    assert ended(queue, job).result == ["1122333"]
    assert (ended(queue, doomed).error_code, queue.get(doomed).attempts) == ("stores.job_worker_died", 2)
    assert queue.get(doomed).error_facts["exit_code"] == -signal.SIGKILL


def test_running_jobs_are_cancelled_or_stopped(runner: JobRunner, queue: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_runner, "CANCEL_GRACE_S", 0.3)
    kind, deaf = queue.submit("test.wait_for_cancel", {}), queue.submit("test.hang", {})
    soon(lambda: queue.get(kind).state == queue.get(deaf).state == "running")
    queue.cancel(kind)
    queue.cancel(deaf)
    assert ended(queue, kind).state == ended(queue, deaf).state == "cancelled"
    slow = queue.submit("test.hang", {}, timeout_s=0.5)
    assert ended(queue, slow).error_code == "stores.job_timeout"
    soon(lambda: runner.running == 0)


def test_a_stopped_runner_gives_back_what_it_held(database_url: str, queue: Jobs, importable: None) -> None:
    runner = JobRunner(database_url, FUNCTIONS)
    job = queue.submit("test.hang", {}, max_attempts=1)
    runner.step()
    assert queue.get(job).state == "running"
    runner.stop()
    assert (queue.get(job).state, queue.get(job).attempts) == ("queued", 0)


def test_the_jobs_of_a_killed_runner_end_with_it_and_are_taken_over(
    tmp_path: Path, importable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, marks = f"sqlite:///{tmp_path}/jobs.sqlite", tmp_path / "marks"
    program = f"""
import time
from gaugeblock.stores.jobs_runner import JobRunner
if __name__ == "__main__":
    JobRunner({url!r}, {FUNCTIONS!r}).start()
    time.sleep(600)
"""
    (tmp_path / "runner.py").write_text(program)
    with Database(url) as database:
        queue = Jobs(database, SystemClock())
        job = queue.submit("test.touch_for_ever", {"path": str(marks)}, max_attempts=2)
        process = subprocess.Popen([sys.executable, str(tmp_path / "runner.py")])
        soon(lambda: marks.exists() and marks.read_text().endswith("\n"))
        process.kill()
        process.wait()
        worker = int(marks.read_text())
        soon(lambda: not _alive(worker))
        assert queue.get(job).state == "running"  # its lease still holds

        class Later(SystemClock):
            def now(self) -> Any:
                from datetime import timedelta

                return super().now() + timedelta(seconds=LEASE_S + 1)

        other = JobRunner(url, FUNCTIONS, clock=Later())
        other.step()
        assert (queue.get(job).state, queue.get(job).attempts) == ("running", 2)
        soon(lambda: marks.read_text().count("\n") == 2)
        other.stop()


def _alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def quiet_queue(database_url: str, clock: Any) -> Iterator[Jobs]:
    with Database(database_url) as database:
        yield Jobs(database, clock)


def test_jobs_are_taken_in_the_order_they_are_due(quiet_queue: Jobs, clock: Any) -> None:
    from datetime import timedelta

    later = quiet_queue.submit("a", {}, at=clock.now() + timedelta(seconds=60))
    first = quiet_queue.submit("a", {"n": 1})
    clock.forward(1)
    second = quiet_queue.submit("a", {"n": 2})
    taken = [quiet_queue.claim("r") for _ in range(3)]
    assert [job.id if job else None for job in taken] == [first, second, None]
    clock.forward(60)
    quiet_queue.renew("r")
    job = quiet_queue.claim("r")
    assert job is not None
    assert job.id == later


def test_an_attempt_that_was_given_up_cannot_write(quiet_queue: Jobs, clock: Any) -> None:
    job = quiet_queue.submit("a", {})
    assert quiet_queue.claim("one") is not None
    clock.forward(LEASE_S + 1)
    again = quiet_queue.claim("two")
    assert again is not None
    assert (again.id, again.attempts) == (job, 2)
    for act in (
        lambda: quiet_queue.progress(job, 1, 1, 2, None),
        lambda: quiet_queue.save_state(job, 1, b"x"),
        lambda: quiet_queue.finish(job, 1, None),
        lambda: quiet_queue.cancel_requested(job, 1),
    ):
        with pytest.raises(JobLostError):
            act()
    quiet_queue.finish(job, 2, {"n": 1})
    assert quiet_queue.get(job).result == {"n": 1}


def test_a_lease_that_passed_too_often_ends_the_job(quiet_queue: Jobs, clock: Any) -> None:
    job = quiet_queue.submit("a", {}, max_attempts=2)
    for _ in range(2):
        assert quiet_queue.claim("r") is not None
        clock.forward(LEASE_S + 1)
    assert quiet_queue.claim("r") is None
    assert quiet_queue.get(job).error_code == "stores.job_worker_died"


def test_a_waiting_job_is_cancelled_at_once(quiet_queue: Jobs) -> None:
    job = quiet_queue.submit("a", {})
    quiet_queue.cancel(job)
    assert quiet_queue.get(job).state == "cancelled"
    assert quiet_queue.claim("r") is None
    with pytest.raises(JobUnknownError):
        quiet_queue.cancel("none")


def test_schedules_submit_and_do_not_pile_up(quiet_queue: Jobs, clock: Any) -> None:
    quiet_queue.schedule("sweep", "a", {"n": 1}, every_s=60)
    assert quiet_queue.submit_scheduled() == 1
    assert quiet_queue.submit_scheduled() == 0
    clock.forward(200)
    assert quiet_queue.submit_scheduled() == 0  # the first is still waiting
    (schedule,) = quiet_queue.schedules()
    assert schedule.next_at == "2026-11-22T05:04:00.000000Z"
    job = quiet_queue.claim("r")
    assert job is not None
    quiet_queue.finish(job.id, job.attempts, None)
    clock.forward(40)
    assert quiet_queue.submit_scheduled() == 1
    assert quiet_queue.unschedule("sweep")
    assert not quiet_queue.unschedule("sweep")
    clock.forward(1000)
    assert quiet_queue.submit_scheduled() == 0


def test_sizes_are_bounded_and_ended_jobs_forgotten(quiet_queue: Jobs, clock: Any) -> None:
    with pytest.raises(JobTooLargeError):
        quiet_queue.submit("a", {"x": "y" * ARGS_LIMIT_BYTES})
    old = quiet_queue.submit("a", {})
    quiet_queue.cancel(old)
    clock.forward(10)
    kept = quiet_queue.submit("a", {})
    assert quiet_queue.forget(clock.now()) == 1
    assert [job.id for job in quiet_queue.list()] == [kept]
