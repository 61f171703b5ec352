"""What a customer states by way of the exchange: messages with documents, and steps of their contracts.

Each is a record that the exchange signs on the customer's behalf, with the credential and the request it came by. A
customer who holds a key of their own may sign records of the same types and hand them in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from gaugeblock.exchange.collaboration import Kind, Said, check_message
from gaugeblock.exchange.collaboration_errors import MessageUnitUnknownError, ThreadMissingError
from gaugeblock.exchange.contract_errors import (
    ContractMissingError,
    ContractOtherInForceError,
    ContractReasonError,
    ContractStepError,
)
from gaugeblock.exchange.shared_document import DocumentKind, document_of
from gaugeblock.exchange.view_model import AttachedDocument, ContractView, ThreadView
from gaugeblock.plant.exchange_facets import (
    ContractStepStatement,
    ContractSubject,
    CustomerProcess,
    MessageInputs,
    MessageStatement,
    MessageSubject,
    SharedDocument,
)
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.times import Clock

REASON_MAX = 2_000
CustomerStep = Literal["accepted", "declined", "revoked"]
_POSSIBLE: Mapping[str, tuple[CustomerStep, ...]] = {
    "offered": ("accepted", "declined"),
    "accepted": ("revoked",),
    "declined": (),
    "revoked": (),
}


class SeenByCustomer(Protocol):
    """Of :class:`~gaugeblock.exchange.view.CustomerView` what is needed here."""

    @property
    def customer(self) -> str: ...

    def contracts(self) -> tuple[ContractView, ...]: ...
    def thread(self, thread: str) -> ThreadView | None: ...
    def order(self, order: str) -> object | None: ...
    def lot(self, lot: str) -> object | None: ...
    def unit(self, unit: str) -> object | None: ...


class ExchangeStatements(Protocol):
    """Signs as the exchange, and hands in to the plant."""

    def find(self, identity: str) -> int | None:
        """The index of the exchange's record with this identity, where the log has one."""
        ...

    def state(self, record_type: str, identity: str, facets: Mapping[str, Facet]) -> int:
        """The record's index, once it is durable; the same identity again gives the first record's index.

        Raises
        ------
        GaugeblockError
            The plant does not answer, or refuses.
        """
        ...


class DocumentKeeper(Protocol):
    """The plant's blobs, by way of the plant."""

    def keep(self, data: bytes) -> str:
        """Durable when it returns; the digest."""
        ...


class NewDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document to go with a message; its media type is read from the bytes."""

    name: str
    content: bytes
    kind: DocumentKind = "other"


class MessageLike(Protocol):
    """What a customer says; ``thread`` empty opens one."""

    @property
    def kind(self) -> str: ...
    @property
    def thread(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def order(self) -> str | None: ...
    @property
    def lot(self) -> str | None: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def date(self) -> str | None: ...
    @property
    def units(self) -> tuple[str, ...]: ...
    @property
    def quantity(self) -> int | None: ...
    @property
    def defect(self) -> str | None: ...
    @property
    def severity(self) -> str | None: ...


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """The thread, and the record that states the message."""

    thread: str
    record_index: int
    documents: tuple[AttachedDocument, ...] = ()


class CustomerCommands:
    """See the module.

    Parameters
    ----------
    statements
        Where records go; those of the sandbox go to a log of its own.
    documents
        Where documents go.
    clock
        For the numbers of threads.
    """

    def __init__(self, statements: ExchangeStatements, documents: DocumentKeeper, clock: Clock) -> None:
        self._statements, self._documents, self._clock = statements, documents, clock

    def say(
        self,
        view: SeenByCustomer,
        credential: str,
        request: str,
        message: MessageLike,
        documents: Sequence[NewDocument] = (),
        key: str | None = None,
    ) -> Posted:
        """State a message.

        Parameters
        ----------
        view
            What the customer sees now: only that can be named.
        key
            Makes it the same message when it is sent twice; the request's id where ``None``.

        Raises
        ------
        ThreadMissingError, MessageUnitUnknownError, and what
        :func:`~gaugeblock.exchange.collaboration.check_message` and
        :func:`~gaugeblock.exchange.shared_document.document_of` refuse
        """
        shared = tuple(document_of(given.content, given.name, given.kind) for given in documents)
        once = hashlib.sha256(f"{view.customer}\x00{key or request}".encode()).hexdigest()
        identity = f"message/{view.customer}/{once[:32]}"
        thread = view.thread(message.thread) if message.thread else None
        if message.thread and thread is None:
            raise ThreadMissingError(thread=message.thread[:80])
        subject = self._subject(view, message, thread, once)
        statement = msgspec.convert(
            {
                name: getattr(message, name)
                for name in ("kind", "text", "date", "units", "quantity", "defect", "severity")
            },
            MessageStatement,
        )
        attached = tuple(_attached(one) for one in shared)
        stated = self._statements.find(identity)
        if stated is not None:
            # The answer to the first was lost on its way: what the thread has become since is no reason to refuse.
            return Posted(thread=subject.thread, record_index=stated, documents=attached)
        answers = check_message(said_in(thread), "customer", statement, shared, subject.order)
        self._check_known(view, message)
        for given in documents:
            self._documents.keep(given.content)
        facets: dict[str, Facet] = {
            "subject": subject,
            "statement": statement,
            "process": CustomerProcess(credential, request),
            "inputs": MessageInputs(shared, answers),
        }
        index = self._statements.state("exchange.message", identity, facets)
        return Posted(thread=subject.thread, record_index=index, documents=attached)

    def post(self, view: SeenByCustomer, credential: str, request: str, message: MessageLike) -> str:
        """State a message without documents; the number of its thread. See :meth:`say`."""
        return self.say(view, credential, request, message).thread

    def take_step(
        self,
        view: SeenByCustomer,
        credential: str,
        request: str,
        contract: str,
        version: int,
        step: CustomerStep,
        reason: str = "",
    ) -> int:
        """Accept or decline what is offered, or revoke what is in force; the record's index.

        Raises
        ------
        ContractMissingError, ContractStepError, ContractReasonError
        ContractOtherInForceError
            Another contract is in force: one at a time.
        """
        known = next((c for c in view.contracts() if (c.contract, c.version) == (contract, version)), None)
        if known is None:
            raise ContractMissingError(contract=contract[:80], version=version)
        if step not in _POSSIBLE[known.state]:
            raise ContractStepError(contract=contract, version=version, stage=known.state, step=step)
        other = next((c for c in view.contracts() if c.in_force and c.contract != contract), None)
        if step == "accepted" and other is not None:
            raise ContractOtherInForceError(contract=contract, other=other.contract)
        if len(reason) > REASON_MAX:
            raise ContractReasonError(limit=REASON_MAX)
        facets: dict[str, Facet] = {
            "subject": ContractSubject(contract, view.customer),
            "statement": ContractStepStatement(version, step, reason.strip()),
            "process": CustomerProcess(credential, request),
        }
        identity = f"contract/{contract}/{version}/{step}"
        return self._statements.state("exchange.contract_step", identity, facets)

    def step(
        self, view: SeenByCustomer, credential: str, request: str, contract: str, version: int, step: CustomerStep
    ) -> None:
        """See :meth:`take_step`."""
        self.take_step(view, credential, request, contract, version, step)

    def _subject(
        self, view: SeenByCustomer, message: MessageLike, thread: ThreadView | None, once: str
    ) -> MessageSubject:
        if thread is not None:
            return MessageSubject(thread.thread, view.customer, thread.product, thread.order, thread.lot, thread.unit)
        number = f"T-{self._clock.now():%y%m%d}-{once[:10]}"
        return MessageSubject(number, view.customer, None, message.order, message.lot, message.unit)

    def _check_known(self, view: SeenByCustomer, message: MessageLike) -> None:
        if message.order is not None and view.order(message.order) is None:
            raise MessageUnitUnknownError(noun="order", id=message.order[:80])
        if message.lot is not None and view.lot(message.lot) is None:
            raise MessageUnitUnknownError(noun="lot", id=message.lot[:80])
        for unit in (*message.units, *([message.unit] if message.unit is not None else [])):
            if view.unit(unit) is None:
                raise MessageUnitUnknownError(noun="unit", id=unit[:80])


def said_in(thread: ThreadView | None) -> list[Said]:
    """A thread's messages as the rules read them."""
    if thread is None:
        return []
    return [Said(message.by, message.kind, message.record_index) for message in thread.messages]


def possible_steps(contract: ContractView) -> tuple[CustomerStep, ...]:
    """What the customer may do with a version now."""
    return _POSSIBLE[contract.state]


def _attached(document: SharedDocument) -> AttachedDocument:
    return AttachedDocument(
        sha256=document.sha256,
        name=document.name,
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        kind=document.kind,
    )


CUSTOMER_KINDS: tuple[Kind, ...] = (
    "order_acknowledged",
    "date_requested",
    "first_article_approved",
    "first_article_refused",
    "concession_requested",
    "concession_granted",
    "concession_refused",
    "complaint_opened",
    "complaint_closed",
    "document_shared",
    "note",
)
"""What a customer may say at all."""
