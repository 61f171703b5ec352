"""The desk of shared documents: people of the plant share a drawing, a manual, a supplier's administration shell, and
take it back. Each step is a record; who sees it, contracts say.

A document is its bytes. It may be shared for several things; to take it back takes it back for all of them, as the
customers' views do.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any, Protocol

import msgspec
from sqlalchemy import Row, select

from gaugeblock.exchange.aas.reading import read_document
from gaugeblock.exchange.audience import Audience, audiences
from gaugeblock.exchange.contract import SubjectRef
from gaugeblock.exchange.items_projection import items, orders
from gaugeblock.exchange.ports import Statements
from gaugeblock.exchange.shared_document import DocumentKind, document_of
from gaugeblock.exchange.shared_errors import (
    SharedAlreadyError,
    SharedMissingError,
    SharedSubjectError,
    SharedTitleError,
)
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.plant.exchange_facets import DocumentStatement, DocumentSubject, SharedDocument
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database

BYTES_MAX = 32 * 1024 * 1024
TITLE_MAX = 200
NAME_MAX = 200
RECORDS_READ = 10_000
RECORD_TYPE = "exchange.document"


class Files(Protocol):
    """The plant's blobs, by their SHA-256 in lower-case hex."""

    def put(self, data: bytes) -> str:
        """Durable when it returns; the digest."""
        ...

    def get(self, sha256: str) -> bytes:
        """The bytes."""
        ...


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One record that shares a document."""

    index: int
    author: str
    stated_at: str
    subject: DocumentSubject
    statement: DocumentStatement


class StandingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is shared now; ``shares`` are the records that say so, oldest first."""

    document: SharedDocument
    shares: tuple[Share, ...]
    audience: tuple[Audience, ...] = ()

    @property
    def newest(self) -> Share:
        """The last word on it: customers are told its title."""
        return self.shares[-1]


class DocumentDesk:
    """Commands of people, and what they led to. ``author`` is ``person:<name>``; the same ``token`` again states
    nothing twice.

    Parameters
    ----------
    statements
        What it has stated, the tables show when it returns.
    database
        Holds the tables of :class:`~gaugeblock.exchange.items_projection.ItemsProjection` and of the contracts.
    files
        The plant's blobs.
    names
        How the plant's own administration shells are named: no document of others may name one so.
    clock
        For what is in force.
    products
        Ids of ``plant.toml``; a plant that lists no products takes any.
    """

    def __init__(
        self,
        statements: Statements,
        database: Database,
        files: Files,
        names: Naming,
        clock: Clock,
        products: Collection[str] = (),
    ) -> None:
        self.products = tuple(products)
        self._statements, self._database, self._files = statements, database, files
        self._names, self._clock = names, clock
        self._deciding = threading.Lock()

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────

    def listed(self) -> list[StandingDocument]:
        """What is shared now, the newest first, with who sees it."""
        found = self._standing()
        seen = audiences(self._database, [ref for one in found for ref in _refs(one)], self._clock.now())
        listed, at = [], 0
        for one in found:
            own = {audience for each in seen[at : at + len(one.shares)] for audience in each}
            at += len(one.shares)
            ordered = tuple(sorted(own, key=lambda audience: audience.customer))
            listed.append(msgspec.structs.replace(one, audience=ordered))
        return listed

    def document(self, sha256: str) -> StandingDocument:
        """One that is shared now.

        Raises
        ------
        SharedMissingError
        """
        found = self._standing(sha256)
        if not found:
            raise SharedMissingError(sha256=sha256[:64])
        return found[0]

    def content(self, sha256: str) -> bytes:
        """The bytes of one that is shared now.

        Raises
        ------
        SharedMissingError
        """
        return self._files.get(self.document(sha256).document.sha256)

    def _standing(self, sha256: str | None = None) -> list[StandingDocument]:
        query = select(items).where(items.c.record_type == RECORD_TYPE)
        if sha256 is not None:
            query = query.where(items.c.document == sha256)
        standing: dict[str, list[Share]] = {}
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(items.c.record_index.desc()).limit(RECORDS_READ)).fetchall()
        for row in reversed(rows):
            share = _share(row)
            digest = share.statement.document.sha256
            if share.statement.withdrawn:
                standing.pop(digest, None)
            else:
                standing.setdefault(digest, []).append(share)
        found = [
            StandingDocument(document=shares[-1].statement.document, shares=tuple(shares))
            for shares in standing.values()
        ]
        return sorted(found, key=lambda one: -one.newest.index)

    # ── commands ────────────────────────────────────────────────────────────────────────────────────────

    def share(
        self,
        author: str,
        token: str,
        data: bytes,
        name: str,
        kind: DocumentKind,
        subject: DocumentSubject,
        title_zh: str = "",
        title_en: str = "",
    ) -> int:
        """Keep the bytes and state that they are shared; the record's index.

        Raises
        ------
        DocumentNameError, DocumentSizeError, DocumentTypeError, SharedTitleError, SharedSubjectError
        AasDocumentError
            Of kind ``aas`` and no administration shell that could be served, or one that names something as the
            plant's own are named.
        SharedAlreadyError
        """
        document = document_of(data, name, kind, BYTES_MAX)
        for title in (title_zh, title_en):
            if len(title) > TITLE_MAX or any(ord(letter) < 32 for letter in title):
                raise SharedTitleError(limit=TITLE_MAX)
        self._check_subject(subject)
        if kind == "aas":
            self._names.check_foreign(read_document(data).environment)
        statement = DocumentStatement(document, title_zh, title_en)
        with self._deciding:
            for known in self._standing(document.sha256):
                for share in known.shares:
                    if share.author == author and (share.subject, share.statement) == (subject, statement):
                        return share.index
                    if share.subject == subject:
                        raise SharedAlreadyError(name=share.statement.document.name)
            self._files.put(data)
            return self._state(author, token, subject, statement)

    def withdraw(self, author: str, token: str, sha256: str) -> int:
        """Take a document back, whatever it was shared for; the record's index.

        Raises
        ------
        SharedMissingError
        """
        with self._deciding:
            newest = self.document(sha256).newest
            gone = msgspec.structs.replace(newest.statement, withdrawn=True)
            return self._state(author, token, newest.subject, gone)

    def _state(self, author: str, token: str, subject: DocumentSubject, statement: DocumentStatement) -> int:
        identity = f"document/{statement.document.sha256}/{token}"
        return self._statements.state(author, RECORD_TYPE, identity, {"subject": subject, "statement": statement})

    def _check_subject(self, subject: DocumentSubject) -> None:
        for noun in ("product", "machine", "order"):
            value = getattr(subject, noun)
            if value is not None and (not 0 < len(value) <= NAME_MAX or not value.isprintable()):
                raise SharedSubjectError(noun=noun, id=value[:80])
        if subject.product is not None and self.products and subject.product not in self.products:
            raise SharedSubjectError(noun="product", id=subject.product)
        check_order(self._database, subject.order)


def check_order(database: Database, order: str | None) -> None:
    """That an order that something is about is one of the plant's.

    Raises
    ------
    SharedSubjectError
    """
    if order is None:
        return
    with database.reading() as connection:
        if connection.execute(select(orders.c.order).where(orders.c.order == order)).first() is None:
            raise SharedSubjectError(noun="order", id=order[:80])


def _share(row: Row[Any]) -> Share:
    facets = msgspec.json.decode(row.facets)
    return Share(
        index=row.record_index,
        author=row.author,
        stated_at=row.stated_at,
        subject=msgspec.convert(facets["subject"], DocumentSubject),
        statement=msgspec.convert(facets["statement"], DocumentStatement),
    )


def _refs(one: StandingDocument) -> list[SubjectRef]:
    return [
        SubjectRef(
            record_type=RECORD_TYPE,
            orders=frozenset() if share.subject.order is None else frozenset({share.subject.order}),
            product=share.subject.product,
            document=one.document.sha256,
        )
        for share in one.shares
    ]
