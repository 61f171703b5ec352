"""The plant's guard of transfers: what the exchange may serve now, and how a revocation takes hold at once.

The exchange serves an answer only on the receipt of its transfer record, and only within half a second of having asked
for it (:data:`~gaugeblock.exchange.credentials.LEASE_S`). The guard stands before the log's writer:

1. A transfer that names a contract version is handed on only while that version is in force.
2. A revocation blocks its contract in memory first, then goes into the log, and is acknowledged a second
   (:data:`~gaugeblock.exchange.credentials.GRACE_S`) after it is durable there.

A transfer that was handed on before the block was asked for before it, so its answer began within half a second of the
block or not at all: when the revocation is acknowledged, no answer under the contract begins any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol

import msgspec

from gaugeblock.exchange.access_errors import TransferRefusedError
from gaugeblock.exchange.contract_history import ContractState, in_force
from gaugeblock.exchange.credentials import GRACE_S
from gaugeblock.ledger import base64s
from gaugeblock.ledger.admission import admit
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.record import parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import ContractStepStatement, ContractSubject, TransferSubject
from gaugeblock.plant.times import Clock
from gaugeblock.stores.log_records import Receipt, Submission

CHECK_EVERY_S = 1.0
KNOWN_MOST = 10_000
_subject = msgspec.json.Decoder(tuple[str, str, TransferSubject])


class Contracts(Protocol):
    """Contracts as the projections have them (:class:`~gaugeblock.exchange.contract_queries.ProjectedContracts`)."""

    def of_customer(self, customer: str) -> list[ContractState]:
        """A customer's."""
        ...


class TransferGuard:
    """Stands before the writer. Any thread may submit.

    Parameters
    ----------
    submit
        The writer's.
    contracts
        What is in force.
    position
        How many records the projections have read.
    directory, origin
        The log's: a revocation that is not its author's to make must not block anything.
    clock, monotonic_s
        For validity, and for how long a check holds.
    later
        Calls a function after some seconds, in another thread.
    """

    def __init__(
        self,
        submit: Callable[[Submission], Future[Receipt]],
        contracts: Contracts,
        position: Callable[[], int],
        directory: Callable[[], KeyDirectory],
        origin: str,
        clock: Clock,
        monotonic_s: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        self._submit, self._contracts, self._position = submit, contracts, position
        self._directory, self._origin = directory, origin
        self._clock, self._monotonic_s, self._later = clock, monotonic_s, later or _in_a_thread
        self._lock = threading.Lock()
        # Contract → the index of its revocation, None while that is on its way into the log.
        self._blocked: dict[str, int | None] = {}
        self._known: dict[tuple[str, str, int], float] = {}

    def submit(self, submission: Submission) -> Future[Receipt]:
        """Hand on, refuse, or hand on and acknowledge later. See the module.

        Raises
        ------
        QueueFullError, LogClosedError
        """
        record_type = _type_of(submission.jws)
        if record_type == "exchange.transfer":
            return self._transfer(submission)
        if record_type == "exchange.contract_step":
            return self._step(submission)
        return self._submit(submission)

    # ── transfers ───────────────────────────────────────────────────────────────────────────────────────

    def _transfer(self, submission: Submission) -> Future[Receipt]:
        try:
            text = base64s.decode_url(submission.disclosures["subject"].encode())
            subject = _subject.decode(text)[2]
        except (KeyError, ValueError, msgspec.MsgspecError):
            return self._submit(submission)  # its admission says what is wrong with it
        if subject.contract is None or subject.version is None:
            return self._submit(submission)
        known = subject.customer, subject.contract, subject.version
        if not self._holds(known):
            return _refused(TransferRefusedError(contract=subject.contract[:80], version=subject.version))
        with self._lock:
            # Between the look-up and here a revocation may have begun.
            if subject.contract not in self._blocked:
                return self._submit(submission)
        return _refused(TransferRefusedError(contract=subject.contract[:80], version=subject.version))

    def _holds(self, known: tuple[str, str, int]) -> bool:
        customer, contract, version = known
        now_s = self._monotonic_s()
        with self._lock:
            if contract in self._blocked:
                index = self._blocked[contract]
                if index is None or self._position() <= index:
                    return False
                # The projections know of it: what they say of the contract counts again.
                del self._blocked[contract]
            if self._known.get(known, 0.0) > now_s:
                return True
        state = in_force(self._contracts.of_customer(customer), customer, self._clock.now())
        if state is None or state.stated.contract != contract or state.stated.statement.version != version:
            return False
        until_s = now_s + min(CHECK_EVERY_S, self._left_s(state.statement.valid_until))
        with self._lock:
            if len(self._known) >= KNOWN_MOST:
                self._known.clear()
            if contract not in self._blocked:
                self._known[known] = until_s
        return True

    def _left_s(self, valid_until: str) -> float:
        return (datetime.fromisoformat(valid_until) - self._clock.now()).total_seconds()

    # ── revocations ─────────────────────────────────────────────────────────────────────────────────────

    def _step(self, submission: Submission) -> Future[Receipt]:
        try:
            facets = admit(submission.jws, submission.disclosures, self._directory(), self._origin).facets
        except GaugeblockError:
            return self._submit(submission)  # refused there, for the same reason
        subject, statement = facets["subject"], facets["statement"]
        if not isinstance(subject, ContractSubject) or not isinstance(statement, ContractStepStatement):
            return self._submit(submission)
        contract = subject.contract
        if statement.step != "revoked":
            with self._lock:
                # A later version may be in force from here on.
                self._forget(contract)
            return self._submit(submission)
        with self._lock:
            self._blocked[contract] = None
            self._forget(contract)
        try:
            appended = self._submit(submission)
        except GaugeblockError:
            self._unblock(contract)
            raise
        acknowledged: Future[Receipt] = Future()
        appended.add_done_callback(lambda done: self._appended(contract, done, acknowledged))
        return acknowledged

    def _appended(self, contract: str, done: Future[Receipt], acknowledged: Future[Receipt]) -> None:
        error = done.exception()
        if error is not None:
            self._unblock(contract)
            acknowledged.set_exception(error)
            return
        receipt = done.result()
        with self._lock:
            if contract in self._blocked:
                self._blocked[contract] = max(receipt.index, self._blocked[contract] or 0)
        self._later(GRACE_S, lambda: acknowledged.set_result(receipt))

    def _unblock(self, contract: str) -> None:
        with self._lock:
            if self._blocked.get(contract, 0) is None:
                del self._blocked[contract]

    def _forget(self, contract: str) -> None:
        for known in [known for known in self._known if known[1] == contract]:
            del self._known[known]


def _type_of(jws: bytes) -> str:
    """The record's type where it may be one of the exchange's; the empty string where it is none or not a record."""
    parts = jws.split(b".", 2)
    try:
        payload = base64s.decode_url(parts[1])
        # An escape may hide the word.
        if b"exchange" not in payload and b"\\u" not in payload:
            return ""
        return parse(jws).record_type
    except (IndexError, ValueError, GaugeblockError):
        return ""


def _refused(error: GaugeblockError) -> Future[Receipt]:
    future: Future[Receipt] = Future()
    future.set_exception(error)
    return future


def _in_a_thread(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
