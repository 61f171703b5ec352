"""The same answer whoever works it out: one process, several, one that is killed, a durable job, a Dask cluster."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("numba")

from gaugeblock.apps import twin_jobs
from gaugeblock.apps.jobs import FUNCTIONS
from gaugeblock.apps.twin_jobs import DaskUnreachableError, WorkersDiedError, run_encoded, run_pieces
from gaugeblock.production.line_desk import QUESTION
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.jobs import Jobs
from gaugeblock.stores.jobs_runner import JobRunner
from gaugeblock.twin.distributions import Exponential
from gaugeblock.twin.line import serial_line
from gaugeblock.twin.questions import Question, answer, pieces
from gaugeblock.twin.what_if import Plan

LINE = serial_line([Exponential(1.0), Exponential(1.2)], [2])
QUESTION_ASKED = Question(changes=("buffer:buffer-1=6",), plan=Plan(until=50.0, replications=12, seed=4))
WORK = pieces(LINE, QUESTION_ASKED, None, size=3)
ONCE = "GAUGEBLOCK_TEST_ONCE"


def die_once(piece: bytes) -> bytes:
    """The first worker that gets here is killed."""
    mark = Path(os.environ[ONCE])
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return run_encoded(piece)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def die_always(piece: bytes) -> bytes:
    """No worker survives."""
    os.kill(os.getpid(), signal.SIGKILL)
    return piece


def test_two_processes_and_a_killed_one_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run_pieces(WORK)
    monkeypatch.setenv(ONCE, str(tmp_path / "died"))
    told: list[tuple[int, int]] = []
    killed = run_pieces(WORK, workers=2, function=die_once, progress=lambda done, of: told.append((done, of)))
    assert (tmp_path / "died").exists()
    assert killed == alone
    assert told[-1] == (len(WORK), len(WORK))


def test_workers_that_always_die_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin_jobs, "DEATHS_MAX", 1)
    with pytest.raises(WorkersDiedError):
        run_pieces(WORK[:2], workers=2, function=die_always)


def test_a_killed_job_goes_on_from_the_pieces_it_has_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    question = msgspec.structs.replace(QUESTION_ASKED, plan=Plan(until=20_000.0, replications=200, seed=4))
    runner = JobRunner(url, {QUESTION: FUNCTIONS[QUESTION]}, slots=1)
    with Database(url) as database:
        jobs = Jobs(database, SystemClock())
        args = {"line": msgspec.to_builtins(LINE), "state": None, "question": msgspec.to_builtins(question)}
        job = jobs.submit(QUESTION, args)
        runner.start()
        try:
            end = time.monotonic() + 60
            while jobs.get(job).done < 2 and time.monotonic() < end and jobs.get(job).state != "done":
                time.sleep(0.02)
            for slot in list(runner._running):
                slot.process.kill()
            while jobs.get(job).state not in ("done", "failed") and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            runner.stop()
        found = jobs.get(job)
    assert found.state == "done", found
    expected = answer(LINE, question, None, run_pieces(pieces(LINE, question, None)))
    assert found.result == msgspec.json.decode(msgspec.json.encode(expected))


def test_nobody_at_the_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(twin_jobs, "CONNECT_S", 1)
    with pytest.raises(DaskUnreachableError):
        run_pieces(WORK[:1], dask="tcp://127.0.0.1:9")


def test_a_dask_cluster_gives_the_same_answer() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp://"
    ) as cluster:
        assert run_pieces(WORK, dask=cluster.scheduler_address) == run_pieces(WORK)
