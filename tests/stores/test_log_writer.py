"""Group commit: order, receipts, refusals, bounds, checkpoints, faults of the store."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from gaugeblock.ledger.errors import RevokedKeyError, UnknownKeyError
from gaugeblock.ledger.key_records import revocation
from gaugeblock.ledger.record import ClockState, sign_record
from gaugeblock.stores.admission_pool import AdmissionPool
from gaugeblock.stores.errors import IdentityConflictError, LogClosedError, QueueFullError, StoreFullError
from gaugeblock.stores.log import LogWriter, Receipt, Submission
from gaugeblock.stores.log_batch import Prepared


class SlowLog:
    """A log whose commits wait until they are let go."""

    def __init__(self) -> None:
        self.size = 0
        self.go = threading.Event()
        self.batches: list[int] = []
        self.signed: list[int] = []
        self.fault: Exception | None = None

    def prepare(self, batch: Sequence[Submission]) -> Prepared:
        return Prepared(batch, list, 0)

    def append_prepared(self, prepared: Prepared) -> list[Any]:
        batch = prepared.batch
        assert self.go.wait(20)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.batches.append(len(batch))
        first, self.size = self.size, self.size + len(batch)
        return [Receipt(index, "", duplicate=False) for index in range(first, self.size)]

    def sign_checkpoint(self) -> bytes:
        self.signed.append(self.size)
        return b""


def soon(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.005)


NOTHING = Submission(b"", {})


def test_each_submitter_gets_its_own_outcome(log: Any, author: Any) -> None:
    with LogWriter(log) as writer:
        bound = writer.submit(author.bind()).result(20)
        futures = writer.submit_many([author.verdict(n) for n in range(50)])
        refused = writer.submit(author.verdict(60, key=author.other_key))
        conflict = writer.submit(author.verdict(3, verdict="NOK"))
        assert bound.index == 1
        assert [future.result(20).index for future in futures] == list(range(2, 52))
        assert isinstance(refused.exception(20), UnknownKeyError)
        assert isinstance(conflict.exception(20), IdentityConflictError)
        soon(lambda: log.last_checkpoint().size == 52)
    assert log.size == writer.size == 52


def test_what_waits_is_written_together() -> None:
    slow = SlowLog()
    with LogWriter(slow, commit_limit=30) as writer:
        first = writer.submit(NOTHING)
        soon(lambda: writer.waiting == 0)
        rest = writer.submit_many([NOTHING] * 70)
        slow.go.set()
        assert [first.result(20).index, *(future.result(20).index for future in rest)] == list(range(71))
    assert slow.batches == [1, 30, 30, 10]


def test_the_queue_is_bounded() -> None:
    slow = SlowLog()
    with LogWriter(slow, queue_limit=10) as writer:
        writer.submit(NOTHING)
        soon(lambda: writer.waiting == 0)
        writer.submit_many([NOTHING] * 8)
        with pytest.raises(QueueFullError) as caught:
            writer.submit_many([NOTHING] * 3)
        assert caught.value.facts == {"limit": 10}
        assert writer.waiting == 8
        slow.go.set()
    assert slow.size == 9


def test_stopping_writes_what_waits_and_signs_it() -> None:
    slow = SlowLog()
    writer = LogWriter(slow)
    writer.start()
    futures = writer.submit_many([NOTHING] * 5)
    slow.go.set()
    writer.stop()
    assert [future.result(0).index for future in futures] == [0, 1, 2, 3, 4]
    assert slow.signed[-1] == 5
    with pytest.raises(LogClosedError):
        writer.submit(NOTHING)


def test_a_checkpoint_comes_under_load_too() -> None:
    slow = SlowLog()
    slow.go.set()
    with LogWriter(slow, commit_limit=1, checkpoint_every_s=0.05) as writer:
        stop = time.monotonic() + 20
        while not slow.signed and time.monotonic() < stop:
            if writer.waiting < 100:
                writer.submit_many([NOTHING] * 100)
        assert slow.signed
        assert slow.signed[0] < writer.size + writer.waiting


def test_a_fault_of_the_store_reaches_the_submitters_and_ends() -> None:
    slow = SlowLog()
    slow.fault = StoreFullError(store="x", detail="y")
    with LogWriter(slow) as writer:
        first = writer.submit(NOTHING)
        soon(lambda: writer.waiting == 0)
        slow.go.set()
        assert isinstance(first.exception(20), StoreFullError)
        assert writer.submit(NOTHING).result(20).index == 0


def test_followers_are_told_and_can_wait() -> None:
    slow = SlowLog()
    told: list[int] = []
    with LogWriter(slow) as writer:
        writer.on_append(told.append)
        assert writer.wait_beyond(0, timeout_s=0.01) == 0
        writer.submit_many([NOTHING] * 3)
        slow.go.set()
        assert writer.wait_beyond(2, timeout_s=20) == 3
    assert told[-1] == 3


def test_a_follower_that_fails_is_dropped_and_the_writer_lives_on() -> None:
    slow = SlowLog()
    slow.go.set()
    told: list[int] = []
    failed: list[int] = []

    def failing(size: int) -> None:
        failed.append(size)
        raise RuntimeError("a page that was closed")

    with LogWriter(slow) as writer:
        writer.on_append(failing)
        writer.on_append(told.append)
        for index in range(3):
            assert writer.submit(NOTHING).result(20).index == index
            soon(lambda index=index: told == list(range(1, index + 2)))
    assert failed == [1]


def test_a_submitter_may_give_up_before_its_turn() -> None:
    slow = SlowLog()
    with LogWriter(slow) as writer:
        writer.submit(NOTHING)
        soon(lambda: writer.waiting == 0)
        gone, kept = writer.submit_many([NOTHING] * 2)
        assert gone.cancel()
        slow.go.set()
        assert kept.result(20).index == 1
    assert slow.size == 2


def test_admission_in_processes_answers_as_here(sqlite_log: Any, author: Any) -> None:
    log = sqlite_log()
    log.append([author.bind()])
    good = [author.verdict(n) for n in range(200)]
    mixed = [*good[:150], author.verdict(900, key=author.other_key), good[3], *good[150:]]
    with AdmissionPool(2) as pool:
        log.admit_with(pool)
        outcomes = log.append(mixed)
        assert isinstance(outcomes[150], UnknownKeyError)
        assert (outcomes[151].index, outcomes[151].duplicate) == (5, True)
        assert [o.index for n, o in enumerate(outcomes) if n not in (150, 151)] == list(range(2, 202))
        # A binding within the batch counts for the records after it.
        second = author.bind("station:L1-ST20", author.other_key)
        theirs = [author.verdict(n, key=author.other_key, entity="station:L1-ST20") for n in range(200)]
        assert all(isinstance(outcome, Receipt) for outcome in log.append([second, *theirs]))
    assert log.audit is not None
    log.sign_checkpoint()
    assert log.audit().records == 403


def revoke(author: Any) -> Submission:
    draft = revocation(
        "server:plant",
        author.station,
        author.station_key.public.thumbprint,
        log=author.origin,
        stated_at=author.stated_at,
        clock=ClockState("local", None),
    )
    signed = sign_record(draft, author.server_key, os.urandom)
    return Submission(signed.jws, signed.disclosures)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_admitted_before_the_keys_changed_is_admitted_again(
    sqlite_log: Any, author: Any, workers: int
) -> None:
    log = sqlite_log()
    log.append([author.bind()])
    with AdmissionPool(workers or 1) as pool:
        if workers:
            log.admit_with(pool)
        theirs = [author.verdict(n, key=author.other_key, entity="station:L1-ST20") for n in range(150)]
        early = log.prepare(theirs)
        between = log.prepare([author.verdict(n) for n in range(150)])
        late = log.prepare([author.verdict(n) for n in range(150, 300)])
        log.append([author.bind("station:L1-ST20", author.other_key)])
        assert all(isinstance(outcome, Receipt) for outcome in log.append_prepared(early))
        assert all(isinstance(outcome, Receipt) for outcome in log.append_prepared(between))
        log.append([revoke(author)])
        assert all(isinstance(outcome, RevokedKeyError) for outcome in log.append_prepared(late))
    log.sign_checkpoint()
    assert log.audit().records == 304


@pytest.mark.parametrize("workers", [0, 2])
def test_order_holds_while_batches_overlap(sqlite_log: Any, author: Any, workers: int) -> None:
    log = sqlite_log()
    with AdmissionPool(workers or 1) as pool, LogWriter(log, commit_limit=130) as writer:
        if workers:
            log.admit_with(pool)
        bound = writer.submit(author.bind())
        good = writer.submit_many([author.verdict(n) for n in range(300)])
        gone = writer.submit(revoke(author))
        refused = writer.submit_many([author.verdict(n) for n in range(300, 600)])
        again = writer.submit_many([author.verdict(3, identity=f"1/{n}") for n in (1000, 1001)])
        assert [f.result(60).index for f in (bound, *good, gone)] == list(range(1, 303))
        assert all(isinstance(future.exception(60), RevokedKeyError) for future in (*refused, *again))
    assert log.audit().records == 303


def test_a_batch_that_was_out_when_the_pool_ended_is_admitted_here(sqlite_log: Any, author: Any) -> None:
    log = sqlite_log()
    log.append([author.bind()])
    pool = AdmissionPool(1)
    log.admit_with(pool)
    batches = [log.prepare([author.verdict(1000 * k + n) for n in range(200)]) for k in range(3)]
    for process in pool._executor._processes.values():  # type: ignore[union-attr]
        process.kill()
    for prepared in batches:
        assert all(isinstance(outcome, Receipt) for outcome in log.append_prepared(prepared))
    assert all(isinstance(outcome, Receipt) for outcome in log.append([author.verdict(n) for n in range(9000, 9200)]))
    pool.close()
    assert log.audit().records == 802
