"""Replications on several processes: the spawn pool of this machine, a Dask cluster by its address, durable jobs.

Work is cut into pieces that carry their own line, state, seed and numbers, so who runs them changes nothing in the
answer. A worker that dies takes its piece with it and no other: pieces that are missing are given out again, a bounded
number of times. As a durable job the pieces done are saved, and a job whose process was killed goes on from them.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import msgspec

from gaugeblock.apps.jobs import step_back
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.jobs_runner import JobContext
from gaugeblock.twin.line import Line
from gaugeblock.twin.questions import Piece, Question, answer, pieces, run
from gaugeblock.twin.state import LineState
from gaugeblock.twin.what_if import Observations

DEATHS_MAX = 5
WORKERS_MAX = 256
CONNECT_S = 10
STAGE = "twin.ask.simulating"

Progress = Callable[[int, int], None]


class WorkersDiedError(GaugeblockError):
    """Workers died again and again. Facts: ``times``."""

    code = "apps.twin_workers_died"


class DaskMissingError(GaugeblockError):
    """A Dask address was given, and Dask is not installed."""

    code = "apps.dask_missing"


class DaskUnreachableError(GaugeblockError):
    """Nobody answers at the Dask address. Facts: ``address``, ``detail``."""

    code = "apps.dask_unreachable"


def run_encoded(piece: bytes) -> bytes:
    """A piece as bytes, run; for other processes and machines."""
    return msgspec.msgpack.encode(run(msgspec.msgpack.decode(piece, type=Piece)))


def run_pieces(
    work: Sequence[Piece],
    *,
    workers: int = 1,
    dask: str | None = None,
    progress: Progress | None = None,
    stop: Callable[[], None] = lambda: None,
    function: Callable[[bytes], bytes] = run_encoded,
) -> list[Observations]:
    """What each piece showed, in the order of the pieces.

    Parameters
    ----------
    workers
        Processes on this machine; 1 runs here.
    dask
        Address of a Dask scheduler, such as ``tcp://10.0.0.5:8786``, whose workers have Gaugeblock installed.
    stop
        Called between pieces; raises to give up.

    Raises
    ------
    WorkersDiedError, DaskMissingError, DaskUnreachableError
    """
    encoded = [msgspec.msgpack.encode(piece) for piece in work]
    if dask is not None:
        found = _on_dask(encoded, dask, progress, function)
    elif workers <= 1:
        found = []
        for done, piece in enumerate(encoded):
            stop()
            found.append(function(piece))
            if progress is not None:
                progress(done + 1, len(encoded))
    else:
        found = _on_pool(encoded, min(workers, WORKERS_MAX), progress, stop, function)
    return [msgspec.msgpack.decode(each, type=Observations) for each in found]


def _on_pool(
    encoded: Sequence[bytes],
    workers: int,
    progress: Progress | None,
    stop: Callable[[], None],
    function: Callable[[bytes], bytes],
) -> list[bytes]:
    done: dict[int, bytes] = {}
    for _ in range(DEATHS_MAX):
        missing = [number for number in range(len(encoded)) if number not in done]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(missing)), mp_context=context) as pool:
            try:
                waiting: dict[Future[bytes], int] = {pool.submit(function, encoded[n]): n for n in missing}
                while waiting:
                    stop()
                    ready, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in ready:
                        done[waiting.pop(future)] = future.result()
                        if progress is not None:
                            progress(len(done), len(encoded))
                return [done[number] for number in range(len(encoded))]
            except BrokenProcessPool:
                continue
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    raise WorkersDiedError(times=DEATHS_MAX)


def _on_dask(
    encoded: Sequence[bytes], address: str, progress: Progress | None, function: Callable[[bytes], bytes]
) -> list[bytes]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ModuleNotFoundError as fault:
        raise DaskMissingError from fault
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as fault:
        raise DaskUnreachableError(address=address, detail=str(fault) or type(fault).__name__) from fault
    with client:
        # Dask gives the piece of a worker that died to another by itself.
        futures = client.map(function, list(encoded), pure=False)
        for done, _ in enumerate(distributed.as_completed(futures, loop=client.loop)):
            if progress is not None:
                progress(done + 1, len(encoded))
        gathered: list[bytes] = client.gather(futures)
        return gathered


def cores() -> int:
    """How many processes this machine can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def question_job(
    context: JobContext, *, line: Mapping[str, Any], state: Mapping[str, Any] | None, question: Mapping[str, Any]
) -> Any:
    """``twin.question``: the comparison as plain values. Pieces that are done outlive the process."""
    step_back()
    asked = msgspec.convert(question, Question)
    of = msgspec.convert(line, Line)
    start = None if state is None else msgspec.convert(state, LineState)
    work = pieces(of, asked, start)
    saved = context.saved_state()
    done = msgspec.msgpack.decode(saved, type=list[Observations]) if saved else []
    for piece in work[len(done) :]:
        context.raise_if_cancelled()
        done.append(run(piece))
        context.save_state(msgspec.msgpack.encode(done))
        context.progress(len(done), len(work), STAGE)
    return msgspec.to_builtins(answer(of, asked, start, done))
