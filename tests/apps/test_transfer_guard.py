"""The plant's guard: no transfer under a contract that has ended, and a revocation that is acknowledged late enough."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import pytest

from gaugeblock.apps.transfer_guard import TransferGuard
from gaugeblock.exchange.access_errors import TransferRefusedError
from gaugeblock.exchange.contract_history import ContractState, StepStated, VersionStated, fold
from gaugeblock.exchange.credentials import GRACE_S
from gaugeblock.exchange.transfers import Batch, BatchKey, TransferSigner
from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    TransferEntry,
)
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.errors import QueueFullError
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.memory import MemoryLog

ORIGIN = "plant.example/log"
SERVER, PERSON, EXCHANGE, STRANGER = (SigningKey.from_seed(bytes([n]) * 32) for n in range(1, 5))
START = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return int(self.moment.timestamp() * 1e9)


def version(number: int, until: datetime = START + timedelta(days=1)) -> ContractStatement:
    return ContractStatement(
        version=number,
        purpose="x",
        permissions=(),
        valid_from="2026-01-01T00:00:00Z",
        valid_until=to_rfc3339(until),
        recipient_country="DE",
        classification="general",
    )


class Plant:
    """A log in memory, projections that lag as told, and timers that fire as told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.log = MemoryLog(ORIGIN, SigningKey.from_seed(bytes(32)), self.clock, SERVER)
        for entity, key in (("person:li.wei", PERSON), ("exchange:main", EXCHANGE)):
            draft = binding("server:plant", entity, key.public, log=ORIGIN, stated_at=self.now(), clock=_clock())
            signed = sign_record(draft, SERVER, os.urandom)
            self.append(Submission(signed.jws, signed.disclosures))
        self.events: list[VersionStated | StepStated] = [
            VersionStated(
                index=10, contract="K-1", customer="acme", author="person:li.wei", stated_at="", statement=version(1)
            ),
            StepStated(
                index=11,
                contract="K-1",
                customer="acme",
                version=1,
                step="accepted",
                author="customer:acme",
                stated_at="",
            ),
        ]
        self.position = 0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.asked = 0
        self.full = False
        self.guard = TransferGuard(
            self.append,
            self,
            lambda: self.position,
            lambda: self.log.directory,
            ORIGIN,
            self.clock,
            lambda: self.clock.moment.timestamp(),
            lambda seconds, call: self.timers.append((seconds, call)),
        )
        self.signer = TransferSigner("exchange:main", EXCHANGE, ORIGIN, 1, self.clock)

    def now(self) -> str:
        return to_rfc3339(self.clock.moment)

    def of_customer(self, customer: str) -> list[ContractState]:
        self.asked += 1
        return [known for known in fold(self.events).values() if known.customer == customer]

    def append(self, submission: Submission) -> Future[Receipt]:
        if getattr(self, "full", False):
            raise QueueFullError(limit=1)
        (outcome,) = self.log.append([submission])
        future: Future[Receipt] = Future()
        if isinstance(outcome, Receipt):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
        return future

    def transfer(self, contract: str | None = "K-1", number: int | None = 1, customer: str = "acme") -> Future[Receipt]:
        batch = Batch(BatchKey(customer, contract, number))
        batch.add(TransferEntry("r", self.now(), "c", "GET", "/", 200, "0" * 64, 1, 1), 1)
        signed = self.signer.sign(batch)
        return self.guard.submit(Submission(signed.jws, signed.disclosures))

    def step(
        self,
        step: str,
        author: str = "person:li.wei",
        key: SigningKey = PERSON,
        number: int = 1,
        customer: str = "acme",
    ) -> Future[Receipt]:
        draft = Draft(
            record_type="exchange.contract_step",
            version=1,
            author=author,
            identity=os.urandom(8).hex(),
            log=ORIGIN,
            stated_at=self.now(),
            observed_at=self.now(),
            clock=_clock(),
            facets={
                "subject": ContractSubject("K-1", customer),
                "statement": ContractStepStatement(number, step),  # type: ignore[arg-type]
            },
        )
        signed = sign_record(draft, key, os.urandom)
        return self.guard.submit(Submission(signed.jws, signed.disclosures))


def _clock() -> ClockState:
    return ClockState("local", None)


def refused(future: Future[Receipt]) -> bool:
    return isinstance(future.exception(0), TransferRefusedError)


@pytest.fixture
def plant() -> Plant:
    return Plant()


def test_a_transfer_needs_its_contract_version_in_force(plant: Plant) -> None:
    assert plant.transfer().result(0).index > 0
    assert plant.transfer(None, None).result(0).index > 0
    assert refused(plant.transfer("K-1", 2))
    assert refused(plant.transfer("K-2", 1))
    assert refused(plant.transfer("K-1", 1, "beta"))


def test_a_check_holds_for_a_second_at_most(plant: Plant) -> None:
    for _ in range(5):
        plant.transfer()
    assert plant.asked == 1
    plant.clock.moment += timedelta(seconds=1.1)
    plant.transfer()
    assert plant.asked == 2


def test_validity_ends_to_the_moment(plant: Plant) -> None:
    plant.events[0] = VersionStated(
        index=10,
        contract="K-1",
        customer="acme",
        author="person:li.wei",
        stated_at="",
        statement=version(1, START + timedelta(seconds=0.5)),
    )
    assert not refused(plant.transfer())
    plant.clock.moment += timedelta(seconds=0.5)
    assert refused(plant.transfer())


def test_a_revocation_blocks_before_it_is_acknowledged(plant: Plant) -> None:
    assert not refused(plant.transfer())
    revoked = plant.step("revoked")
    # The projections know nothing yet.
    assert refused(plant.transfer())
    assert not revoked.done()
    ((seconds, fire),) = plant.timers
    assert seconds == GRACE_S
    fire()
    assert revoked.result(0).index > 0


def test_a_block_ends_when_the_projections_know(plant: Plant) -> None:
    index = plant.step("revoked").done() or plant.log.size - 1
    plant.position = int(index)
    assert refused(plant.transfer())
    # Another version is accepted after the revocation.
    plant.events += [
        StepStated(
            index=12,
            contract="K-1",
            customer="acme",
            version=1,
            step="revoked",
            author="person:li.wei",
            stated_at="",
        ),
        VersionStated(
            index=13, contract="K-1", customer="acme", author="person:li.wei", stated_at="", statement=version(2)
        ),
        StepStated(
            index=14, contract="K-1", customer="acme", version=2, step="accepted", author="customer:acme", stated_at=""
        ),
    ]
    plant.position = 100
    assert refused(plant.transfer("K-1", 1))
    assert not refused(plant.transfer("K-1", 2))


def test_what_is_not_admitted_blocks_nothing(plant: Plant) -> None:
    for forged in (
        plant.step("revoked", key=STRANGER),
        plant.step("revoked", author="person:nobody", key=STRANGER),
        plant.step("revoked", author="exchange:main", key=PERSON),
    ):
        assert forged.exception(0) is not None
        assert not refused(plant.transfer())
    assert plant.timers == []


def test_a_full_queue_blocks_nothing(plant: Plant) -> None:
    plant.full = True
    with pytest.raises(QueueFullError):
        plant.step("revoked")
    plant.full = False
    assert not refused(plant.transfer())


def test_the_customer_revokes_too_and_other_steps_pass(plant: Plant) -> None:
    assert plant.step("accepted", author="exchange:main", key=EXCHANGE).result(0).index > 0
    assert not plant.step("revoked", author="exchange:main", key=EXCHANGE).done()
    assert refused(plant.transfer())


def test_other_records_and_what_is_none_pass_by(plant: Plant) -> None:
    draft = binding("server:plant", "station:S", STRANGER.public, log=ORIGIN, stated_at=plant.now(), clock=_clock())
    signed = sign_record(draft, SERVER, os.urandom)
    assert plant.guard.submit(Submission(signed.jws, signed.disclosures)).result(0).index > 0
    for jws in (b"", b"a.b.c", b"....", b"\xff.\xff"):
        assert plant.guard.submit(Submission(jws, {})).exception(0) is not None
