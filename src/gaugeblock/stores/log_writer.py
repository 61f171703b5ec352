"""Group commit: one thread that takes what waits and appends it in one transaction.

Many submit, one writes. What arrives while a commit is on its way to the disk shares the next one, so a busy log
commits no more often than an idle one, only more at a time. While one batch is committed the next is admitted, by
other processes where there are some. The queue is bounded: beyond it a submitter is told to come again, which HTTP
says as 503 with Retry-After.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from types import TracebackType
from typing import Protocol, Self

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.errors import LogClosedError, QueueFullError, StoreError
from gaugeblock.stores.log_batch import Prepared
from gaugeblock.stores.log_records import Receipt, Submission

QUEUE_LIMIT = 20_000
COMMIT_LIMIT = 1_000
CHECKPOINT_EVERY_S = 1.0
IDLE_BEFORE_CHECKPOINT_S = 0.02

_logger = logging.getLogger(__name__)


class AppendableLog(Protocol):
    """What the writer needs of a log; SQL and memory give it."""

    @property
    def size(self) -> int:
        """How many records are durable."""
        ...

    def prepare(self, batch: Sequence[Submission]) -> Prepared:
        """Begin to admit, with nothing appended yet."""
        ...

    def append_prepared(self, prepared: Prepared) -> list[Receipt | GaugeblockError]:
        """One transaction."""
        ...

    def sign_checkpoint(self) -> bytes:
        """Sign the log as it stands."""
        ...


_Waiting = tuple[Submission, Future[Receipt]]


class LogWriter:
    """The thread that owns a log's writing.

    Parameters
    ----------
    log
        Nobody else appends to it meanwhile.
    queue_limit
        Submissions that may wait.
    commit_limit
        Submissions in one commit.
    checkpoint_every_s
        The longest that an appended record waits for a checkpoint under load; when nothing more comes, one is
        signed at once.

    Examples
    --------
    ``with LogWriter(log) as writer: receipt = writer.submit(Submission(jws, disclosures)).result(timeout=5)``
    """

    def __init__(
        self,
        log: AppendableLog,
        *,
        queue_limit: int = QUEUE_LIMIT,
        commit_limit: int = COMMIT_LIMIT,
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    ) -> None:
        self._log = log
        self._queue_limit = queue_limit
        self._commit_limit = commit_limit
        self._checkpoint_every_s = checkpoint_every_s
        self._queue: deque[tuple[Submission, Future[Receipt]]] = deque()
        self._changed = threading.Condition()
        self._followers: list[Callable[[int], None]] = []
        self._stopping = False
        self._size = log.size
        self._signed_size = -1
        self._signed_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more, write what waits, sign a last checkpoint."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, submission: Submission) -> Future[Receipt]:
        """Queue one record; its future ends with the receipt, or with the named refusal.

        Raises
        ------
        QueueFullError, LogClosedError
        """
        return self.submit_many([submission])[0]

    def submit_many(self, submissions: Sequence[Submission]) -> list[Future[Receipt]]:
        """Queue several in order, all or none.

        Raises
        ------
        QueueFullError, LogClosedError
        """
        futures: list[Future[Receipt]] = [Future() for _ in submissions]
        with self._changed:
            if self._stopping:
                raise LogClosedError
            if len(self._queue) + len(submissions) > self._queue_limit:
                raise QueueFullError(limit=self._queue_limit)
            self._queue.extend(zip(submissions, futures, strict=True))
            self._changed.notify_all()
        return futures

    def on_append(self, follower: Callable[[int], None]) -> None:
        """Call ``follower(size)`` after each commit, in the writer's thread: quickly; one that raises is dropped."""
        with self._changed:
            self._followers.append(follower)

    def wait_beyond(self, size: int, timeout_s: float) -> int:
        """Wait until the log holds more than ``size`` records; its size then, or at the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._size > size or self._stopping, timeout_s)
            return self._size

    @property
    def size(self) -> int:
        """The log's size as last committed."""
        return self._size

    @property
    def waiting(self) -> int:
        """How many submissions wait."""
        return len(self._queue)

    def _run(self) -> None:
        begun: tuple[list[_Waiting], Prepared] | None = None
        while True:
            with self._changed:
                if begun is None:
                    self._changed.wait_for(lambda: bool(self._queue) or self._stopping, self._patience_s())
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._commit_limit))]
                ended = self._stopping and not batch and begun is None
            # The next batch is admitted, by other processes where there are some, while this one is committed.
            before, begun = begun, self._begin(batch)
            if before is not None:
                self._commit(*before)
            if ended or self._is_checkpoint_due(idle=not batch and before is None):
                self._sign()
            if ended:
                return

    def _begin(self, batch: Sequence[_Waiting]) -> tuple[list[_Waiting], Prepared] | None:
        live = [(submission, future) for submission, future in batch if future.set_running_or_notify_cancel()]
        if not live:
            return None
        try:
            return live, self._log.prepare([submission for submission, _ in live])
        except Exception as error:
            if not isinstance(error, GaugeblockError):
                _logger.exception("append failed")
            self._refuse(live, error)
            return None

    def _patience_s(self) -> float | None:
        # Unsigned records and an empty queue: wait a moment for more, then sign.
        return IDLE_BEFORE_CHECKPOINT_S if self._signed_size != self._size else None

    def _is_checkpoint_due(self, *, idle: bool) -> bool:
        if self._signed_size == self._size:
            return False
        return idle or time.monotonic() - self._signed_s >= self._checkpoint_every_s

    def _sign(self) -> None:
        self._signed_s = time.monotonic()
        try:
            self._log.sign_checkpoint()
        except StoreError as error:
            # The records are durable; the checkpoint follows when the store takes writes again.
            _logger.warning("checkpoint: %s", error)
            time.sleep(IDLE_BEFORE_CHECKPOINT_S)
            return
        self._signed_size = self._size

    def _refuse(self, live: Sequence[_Waiting], error: Exception) -> None:
        # Whatever it was, every submitter is told, and the writer lives on.
        for _, future in live:
            _end(future, error)

    def _commit(self, live: Sequence[_Waiting], prepared: Prepared) -> None:
        try:
            outcomes = self._log.append_prepared(prepared)
        except Exception as error:
            if not isinstance(error, GaugeblockError):
                _logger.exception("append failed")
            self._refuse(live, error)
            return
        with self._changed:
            self._size = self._log.size
            followers = list(self._followers)
            self._changed.notify_all()
        for (_, future), outcome in zip(live, outcomes, strict=True):
            _end(future, outcome)
        for follower in followers:
            self._tell(follower)

    def _tell(self, follower: Callable[[int], None]) -> None:
        try:
            follower(self._size)
        except Exception:
            # The records are durable whatever a follower does with the news: it hears no more.
            _logger.exception("a follower failed and is dropped")
            with self._changed:
                self._followers.remove(follower)


def _end(future: Future[Receipt], outcome: Receipt | Exception) -> None:
    try:
        if isinstance(outcome, Receipt):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
    except InvalidStateError:
        _logger.debug("a submitter had ended its own future")
