"""The message desk: threads as the plant's people read them, and what they say in them."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, select

from gaugeblock.exchange.collaboration import Kind, Said, Side, Stage, allowed, check_message, stage
from gaugeblock.exchange.collaboration_errors import MessageUnitUnknownError, ThreadMissingError
from gaugeblock.exchange.items_projection import orders
from gaugeblock.exchange.messages_projection import messages
from gaugeblock.exchange.ports import Statements
from gaugeblock.plant.exchange_facets import MessageInputs, MessageStatement, MessageSubject, SharedDocument
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database

PAGE = 50
MESSAGES_READ = 500


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, by its record."""

    index: int
    author: str
    by: Side
    credential: str | None
    stated_at: str
    statement: MessageStatement
    documents: tuple[SharedDocument, ...]
    answers: int | None


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A thread with its messages, oldest first; ``stage`` says whose answer is due."""

    thread: str
    customer: str
    product: str | None
    order: str | None
    lot: str | None
    unit: str | None
    messages: tuple[Message, ...]
    stage: Stage
    possible: tuple[Kind, ...]

    @property
    def kind(self) -> str:
        """What opened it."""
        return self.messages[0].statement.kind

    @property
    def last(self) -> Message:
        """The newest message."""
        return self.messages[-1]


def side_of(author: str) -> Side:
    """Who an author speaks for.

    >>> side_of("person:li.wei"), side_of("exchange:main")
    ('plant', 'customer')
    """
    return "plant" if author.startswith("person:") else "customer"


class MessageDesk:
    """Commands of the plant's people, and what they read.

    Parameters
    ----------
    statements
        What it has stated, the tables show when it returns.
    database
        Holds the tables of :class:`~gaugeblock.exchange.messages_projection.MessagesProjection` and of the items.
    clock
        For the numbers of threads.
    customers
        Ids of ``plant.toml``.
    """

    def __init__(self, statements: Statements, database: Database, clock: Clock, customers: Collection[str]) -> None:
        self._statements, self._database, self._clock = statements, database, clock
        self.customers = tuple(customers)
        self._deciding = threading.Lock()

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────

    def listed(self, *, customer: str | None = None, before: int | None = None, limit: int = PAGE) -> list[Thread]:
        """Threads by their newest message, newest first; ``before`` is that of the last one of the page before."""
        newest = func.max(messages.c.record_index).label("newest")
        query = select(messages.c.thread, newest).group_by(messages.c.thread).order_by(newest.desc()).limit(limit)
        if customer is not None:
            query = query.where(messages.c.customer == customer)
        if before is not None:
            query = query.having(newest < before)
        with self._database.reading() as connection:
            names = [row.thread for row in connection.execute(query)]
        found = [self._find(name) for name in names]
        return [thread for thread in found if thread is not None and customer in (None, thread.customer)]

    def waiting(self) -> int:
        """How many of the newest threads wait for the plant."""
        return sum(thread.stage.waiting_for == "plant" for thread in self.listed(limit=4 * PAGE))

    def thread(self, thread: str) -> Thread:
        """One, whole.

        Raises
        ------
        ThreadMissingError
        """
        found = self._find(thread)
        if found is None:
            raise ThreadMissingError(thread=thread[:80])
        return found

    def _find(self, thread: str) -> Thread | None:
        first = select(messages).where(messages.c.thread == thread).order_by(messages.c.record_index).limit(1)
        with self._database.reading() as connection:
            opened = connection.execute(first).first()
            if opened is None:
                return None
            # A record that names another's thread is none of it.
            mine = and_(messages.c.thread == thread, messages.c.customer == opened.customer)
            query = select(messages).where(mine).order_by(messages.c.record_index).limit(MESSAGES_READ)
            found = tuple(_message(row) for row in connection.execute(query))
        said = _said(found)
        return Thread(
            thread=thread,
            customer=opened.customer,
            product=opened.product,
            order=opened.order,
            lot=opened.lot,
            unit=opened.unit,
            messages=found,
            stage=stage(said),
            possible=allowed(said, "plant"),
        )

    # ── commands ────────────────────────────────────────────────────────────────────────────────────────

    def open(
        self,
        author: str,
        token: str,
        customer: str,
        statement: MessageStatement,
        order: str | None = None,
        documents: tuple[SharedDocument, ...] = (),
    ) -> str:
        """Open a thread with a customer; its number.

        Raises
        ------
        MessageUnitUnknownError
            No such customer, or the order is not theirs.
        GaugeblockError
            What :func:`~gaugeblock.exchange.collaboration.check_message` refuses.
        """
        if customer not in self.customers:
            raise MessageUnitUnknownError(noun="customer", id=customer[:80])
        if order is not None and self._owner(order) != customer:
            raise MessageUnitUnknownError(noun="order", id=order[:80])
        check_message((), "plant", statement, documents, order)
        thread = f"P-{self._clock.now():%y%m%d}-{token[:10]}"
        self._state(author, token, MessageSubject(thread, customer, None, order), statement, documents, None)
        return thread

    def answer(
        self,
        author: str,
        token: str,
        thread: str,
        statement: MessageStatement,
        documents: tuple[SharedDocument, ...] = (),
    ) -> int:
        """Say something in a thread; the record's index.

        Raises
        ------
        ThreadMissingError
        GaugeblockError
            What :func:`~gaugeblock.exchange.collaboration.check_message` refuses.
        """
        with self._deciding:
            known = self.thread(thread)
            stated = next((m for m in known.messages if m.author == author and m.statement == statement), None)
            if stated is not None and stated.index == known.last.index:
                return stated.index
            answers = check_message(_said(known.messages), "plant", statement, documents, known.order)
            subject = MessageSubject(thread, known.customer, known.product, known.order, known.lot, known.unit)
            return self._state(author, token, subject, statement, documents, answers)

    def _owner(self, order: str) -> str | None:
        with self._database.reading() as connection:
            return connection.execute(select(orders.c.customer).where(orders.c.order == order)).scalar()

    def _state(
        self,
        author: str,
        token: str,
        subject: MessageSubject,
        statement: MessageStatement,
        documents: tuple[SharedDocument, ...],
        answers: int | None,
    ) -> int:
        facets: dict[str, Facet] = {
            "subject": subject,
            "statement": statement,
            "inputs": MessageInputs(documents, answers),
        }
        return self._statements.state(author, "exchange.message", f"message/{subject.thread}/{token}", facets)


def _said(found: tuple[Message, ...]) -> list[Said]:
    return [Said(message.by, message.statement.kind, message.index) for message in found]


def _message(row: Row[Any]) -> Message:
    return Message(
        index=row.record_index,
        author=row.author,
        by=side_of(row.author),
        credential=row.credential,
        stated_at=row.stated_at,
        statement=msgspec.json.decode(row.statement, type=MessageStatement),
        documents=msgspec.json.decode(row.documents, type=tuple[SharedDocument, ...]),
        answers=row.answers,
    )
