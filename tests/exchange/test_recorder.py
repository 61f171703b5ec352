"""The recorder: what is in the log before it is served, and what is not served."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.access_errors import (
    ContractEndedError,
    NotRecordedError,
    RecorderFullError,
    TransferRefusedError,
)
from gaugeblock.exchange.credentials import LEASE_S
from gaugeblock.exchange.recorder import Recorder
from gaugeblock.exchange.transfers import (
    RUNS_MOST,
    Batch,
    BatchKey,
    SignedTransfer,
    TransferSigner,
    entry_bytes,
    resource_of,
    runs_of,
)
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import open_facets, verify_signature
from gaugeblock.plant.exchange_facets import TransferEntry, TransferStatement
from gaugeblock.plant.record_types import read_facet

KEY = SigningKey.from_seed(bytes(32))
ACME, BETA = BatchKey("acme", "K-1", 1), BatchKey("beta", "K-2", 1)


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 25, tzinfo=UTC)

    def monotonic_ns(self) -> int:
        return 0


class Log:
    """A sink that misbehaves as it is told."""

    def __init__(self, *faults: BaseException | float) -> None:
        self.faults = list(faults)
        self.admitted: dict[str, SignedTransfer] = {}
        self.submissions = 0

    async def admit(self, transfer: SignedTransfer) -> int:
        self.submissions += 1
        fault = self.faults.pop(0) if self.faults else 0.0
        if isinstance(fault, BaseException):
            raise fault
        await asyncio.sleep(fault)
        before = self.admitted.setdefault(transfer.identity, transfer)
        assert before.jws == transfer.jws
        return len(self.admitted)

    def entries(self) -> list[TransferEntry]:
        found: list[TransferEntry] = []
        for transfer in self.admitted.values():
            payload = verify_signature(transfer.jws, KEY.public)
            value = open_facets(payload, transfer.disclosures)["statement"]
            statement = read_facet("exchange.transfer", 1, "statement", value)
            assert isinstance(statement, TransferStatement)
            found += statement.entries
        return found


def entry(request: str, resource: str = "/api/v1/orders", runs: int = 0) -> TransferEntry:
    return TransferEntry(
        request=request,
        at="2026-11-25T00:00:00.000000Z",
        credential="abcdefghijklmnop",
        method="GET",
        resource=resource,
        status=200,
        sha256="0" * 64,
        size_bytes=2**40,
        log_size=2**40,
        derived_from=tuple((3 * n, 3 * n + 1) for n in range(runs)),
    )


def recorder(log: Log, deadline_s: float = 1.0) -> Recorder:
    signer = TransferSigner("exchange:main", KEY, "plant.example/log", 7, Clock())
    return Recorder(signer, log, lambda: asyncio.get_running_loop().time(), deadline_s=deadline_s)


def run(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


def test_answers_share_records_by_customer_and_contract() -> None:
    async def work() -> None:
        log = Log()
        made = recorder(log)
        waiting = [made.record(key, entry(f"{key.customer}-{n}")) for n in range(30) for key in (ACME, BETA)]
        recorded = await asyncio.gather(*waiting)
        assert len(log.admitted) == 2
        assert {one.identity for one in recorded} == {"7/1", "7/2"}
        assert len(log.entries()) == 60
        assert made.waiting == 0

    run(work)


def test_nothing_is_confirmed_before_it_is_durable() -> None:
    async def work() -> None:
        log = Log(0.1)
        waiting = recorder(log).record(ACME, entry("a"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await waiting
        assert [one.request for one in log.entries()] == ["a"]

    run(work)


def test_a_lost_receipt_makes_no_second_record() -> None:
    async def work() -> None:
        log = Log(NotRecordedError(detail="connection lost"), NotRecordedError(detail="again"))
        recorded = await recorder(log).record(ACME, entry("a"))
        assert recorded.identity == "7/1"
        assert (log.submissions, len(log.admitted)) == (3, 1)

    run(work)


def test_a_dead_plant_costs_answers() -> None:
    async def work() -> None:
        log = Log(*[NotRecordedError(detail="down")] * 100)
        made = recorder(log, deadline_s=0.3)
        with pytest.raises(NotRecordedError):
            await made.record(ACME, entry("a"))
        log.faults.clear()
        assert (await made.record(ACME, entry("b"))).identity == "7/2"
        assert [one.request for one in log.entries()] == ["b"]

    run(work)


def test_a_hanging_plant_costs_answers() -> None:
    async def work() -> None:
        with pytest.raises(NotRecordedError):
            await recorder(Log(60.0), deadline_s=0.2).record(ACME, entry("a"))

    run(work)


def test_an_ended_contract_is_not_tried_again() -> None:
    async def work() -> None:
        log = Log(TransferRefusedError(contract="K-1", version=1))
        with pytest.raises(ContractEndedError):
            await recorder(log).record(ACME, entry("a"))
        assert log.submissions == 1

    run(work)


def test_an_old_receipt_is_asked_for_again() -> None:
    async def work() -> None:
        log = Log(LEASE_S)
        loop = asyncio.get_running_loop()
        recorded = await recorder(log, deadline_s=3.0).record(ACME, entry("a"))
        assert loop.time() - recorded.submitted_s < LEASE_S / 2
        assert (log.submissions, len(log.admitted)) == (2, 1)
        ended = Log(LEASE_S, TransferRefusedError(contract="K-1", version=1))
        with pytest.raises(ContractEndedError):
            await recorder(ended, deadline_s=3.0).record(ACME, entry("a"))

    run(work)


def test_one_who_left_does_not_take_the_others_along() -> None:
    async def work() -> None:
        log = Log(0.05)
        made = recorder(log)
        first, second = made.record(ACME, entry("a")), made.record(ACME, entry("b"))
        first.cancel()
        assert (await second).identity == "7/1"
        assert len(log.entries()) == 2

    run(work)


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaugeblock.exchange.recorder.WAITING_MOST", 3)

    async def work() -> None:
        made = recorder(Log())
        waiting = [made.record(ACME, entry(str(n))) for n in range(3)]
        with pytest.raises(RecorderFullError):
            made.record(ACME, entry("more"))
        await asyncio.gather(*waiting)

    run(work)


def test_draining_sends_what_is_open() -> None:
    async def work() -> None:
        log = Log()
        made = recorder(log)
        waiting = made.record(ACME, entry("a"))
        await made.drain()
        assert waiting.done()
        assert len(log.entries()) == 1

    run(work)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text('a/é中"\\%', max_size=600), st.integers(0, RUNS_MOST)), min_size=1, max_size=300))
def test_any_batch_fits_a_record(made: list[tuple[str, int]]) -> None:
    signer = TransferSigner("exchange:main", KEY, "plant.example/log", 1, Clock())
    batch = Batch(ACME)
    for number, (path, runs) in enumerate(made):
        one = entry(f"{number:064d}", resource_of(path, b""), runs)
        size = entry_bytes(one)
        if not batch.takes(size):
            assert batch.entries
            signer.sign(batch)
            batch = Batch(ACME)
        batch.add(one, size)
    signer.sign(batch)


@given(st.lists(st.integers(0, 400), max_size=300))
def test_runs_name_exactly_the_records(indices: list[int]) -> None:
    runs, truncated = runs_of(indices)
    named = {index for first, last in runs for index in range(first, last + 1)}
    assert named <= set(indices)
    assert truncated or named == set(indices)
    assert all(earlier[1] + 1 < later[0] for earlier, later in itertools.pairwise(runs))


@given(st.text(max_size=700), st.binary(max_size=50))
def test_a_resource_is_printable_and_bounded(path: str, query: bytes) -> None:
    text = resource_of(path, query)
    assert len(text) <= 500
    assert text.isascii()
    assert text.isprintable() or not text
