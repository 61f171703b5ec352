"""Admission shared between processes: checking signatures is most of a record's cost, and it holds Python's lock.

Every worker admits its part of a batch against the key directory as it stood before the batch. That is only right
when no record of the batch changes the directory, so a batch with a ``key.*`` record in it is admitted here, in
order. Those are rare.
"""

from __future__ import annotations

import copyreg
import logging
import multiprocessing
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from types import TracebackType
from typing import Self

from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.keys import PublicKey
from gaugeblock.ledger.record import parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.log_batch import Admission, AdmittedLeaf, admit_all, admit_one
from gaugeblock.stores.log_records import Submission

SHARED_FROM = 128
"""Smaller batches are admitted here: handing them out costs more than it saves."""

_Answer = list[tuple[str, str, bytes] | GaugeblockError] | None

_logger = logging.getLogger(__name__)

# The library's key object cannot cross a process boundary; its 32 bytes can.
copyreg.pickle(PublicKey, lambda key: (PublicKey, (key.raw,)))


class AdmissionPool:
    """Satisfies :data:`~gaugeblock.stores.log_batch.AdmitAll` with worker processes.

    Parameters
    ----------
    workers
        How many processes; as many as there are cores to spare.

    Examples
    --------
    ``with AdmissionPool(2) as pool: log.admit_with(pool)``
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def start(self, batch: Sequence[Submission], directory: KeyDirectory, origin: str) -> Callable[[], list[Admission]]:
        """Hand a batch out; the call that is returned waits for the admissions, one for each in order."""
        here = partial(admit_all, batch, directory, origin)
        if len(batch) < SHARED_FROM or directory.next_index == 0:
            return here
        part = -(-len(batch) // self._workers)
        parts = [[(s.jws, dict(s.disclosures)) for s in batch[i : i + part]] for i in range(0, len(batch), part)]
        # Where the log stands changes with every batch, the keys hardly ever: workers keep those by their bytes.
        timeless = directory.copy()
        timeless.next_index = 0
        keys = pickle.dumps(timeless)
        executor = self._pool()
        try:
            futures = [executor.submit(_admit_part, p, keys, directory.next_index, origin) for p in parts]
        except BrokenProcessPool:
            self._gone(executor)
            return here
        return partial(self._finish, executor, futures, here)

    def _finish(
        self, executor: ProcessPoolExecutor, futures: Sequence[Future[_Answer]], here: Callable[[], list[Admission]]
    ) -> list[Admission]:
        try:
            answers = [future.result() for future in futures]
        except (BrokenProcessPool, CancelledError):
            self._gone(executor)
            return here()
        if any(answer is None for answer in answers):
            return here()
        return [
            AdmittedLeaf(*admission) if isinstance(admission, tuple) else admission
            for answer in answers
            if answer is not None
            for admission in answer
        ]

    def _gone(self, executor: ProcessPoolExecutor) -> None:
        _logger.warning("an admission worker died; admitting in the writer")
        executor.shutdown(wait=False)
        if self._executor is executor:
            self._executor = None

    def _pool(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # Spawned, not forked: a fork would take the log's connection and its writer lock along.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._workers, mp_context=context)
        return self._executor


def _admit_part(part: Sequence[tuple[bytes, dict[str, str]]], keys: bytes, next_index: int, origin: str) -> _Answer:
    """One worker's share; ``None`` where a record in it is about keys."""
    directory = _directory(keys)
    directory.next_index = next_index
    answer: list[tuple[str, str, bytes] | GaugeblockError] = []
    for jws, disclosures in part:
        admission = admit_one(Submission(jws, disclosures), directory, origin)
        if isinstance(admission, AdmittedLeaf):
            if admission.key_record is not None:
                return None
            answer.append((admission.author, admission.identity, admission.leaf_hash))
        else:
            if _is_key_record(jws):
                return None
            answer.append(admission)
    return answer


@lru_cache(maxsize=2)
def _directory(keys: bytes) -> KeyDirectory:
    directory = pickle.loads(keys)  # noqa: S301 - from the writer that started this process
    assert isinstance(directory, KeyDirectory)
    return directory


def _is_key_record(jws: bytes) -> bool:
    try:
        return parse(jws).record_type.startswith("key.")
    except GaugeblockError:
        return False
