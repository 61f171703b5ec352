"""How plant and customer talk: who may say what in a thread, and who is to answer. Pure.

A thread is opened by one message and goes on by others; each is a record. Some messages ask (for a date, for approval
of a first article, for a concession, for the cause of a complaint) and are answered by the other side only. Notes and
documents may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, get_args

import msgspec

from gaugeblock.exchange.collaboration_errors import (
    MessageDateError,
    MessageDocumentsError,
    MessageKindError,
    MessageQuantityError,
    MessageSubjectError,
    MessageTextError,
    MessageUnitsError,
    ThreadFullError,
)
from gaugeblock.plant.exchange_facets import MessageStatement, SharedDocument

Side = Literal["plant", "customer"]
Kind = Literal[
    "order_acknowledged",
    "date_requested",
    "date_confirmed",
    "date_refused",
    "first_article_submitted",
    "first_article_approved",
    "first_article_refused",
    "concession_requested",
    "concession_granted",
    "concession_refused",
    "complaint_opened",
    "complaint_answered",
    "complaint_closed",
    "document_shared",
    "note",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

TEXT_MAX = 4_000
UNITS_MAX = 200
DOCUMENTS_MAX = 8
MESSAGES_MAX = 500
QUANTITY_MAX = 1_000_000_000

OPENERS: Mapping[Side, tuple[Kind, ...]] = {
    "customer": (
        "order_acknowledged",
        "date_requested",
        "concession_requested",
        "complaint_opened",
        "document_shared",
        "note",
    ),
    "plant": ("first_article_submitted", "concession_requested", "document_shared", "note"),
}
"""What each side may begin with."""

ANSWERS: Mapping[Kind, tuple[Kind, ...]] = {
    "date_requested": ("date_confirmed", "date_refused"),
    "first_article_submitted": ("first_article_approved", "first_article_refused"),
    "concession_requested": ("concession_granted", "concession_refused"),
    "complaint_opened": ("complaint_answered",),
}
"""What asks, and what answers it."""

_QUESTION_OF: Mapping[Kind, Kind] = {answer: question for question, answers in ANSWERS.items() for answer in answers}
_ANYWHERE: tuple[Kind, ...] = ("document_shared", "note")
_NEEDS_ORDER: frozenset[Kind] = frozenset({"order_acknowledged", "date_requested", "first_article_submitted"})
_NEEDS_TEXT: frozenset[Kind] = frozenset(
    {
        "date_refused",
        "first_article_refused",
        "concession_requested",
        "concession_refused",
        "complaint_opened",
        "complaint_answered",
        "note",
    }
)
_NEEDS_DATE: frozenset[Kind] = frozenset({"date_requested", "date_confirmed"})


class Said(msgspec.Struct, frozen=True):
    """A message so far: who, what, and by which record."""

    by: Side
    kind: str
    index: int


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a thread stands.

    Parameters
    ----------
    waiting_for
        Whose answer is due; ``None`` for nobody's.
    question_index
        The record of the open question.
    closed
        A complaint that was closed takes notes and documents only.
    """

    waiting_for: Side | None = None
    question: Kind | None = None
    question_index: int | None = None
    closed: bool = False


def other(side: Side) -> Side:
    """The one opposite.

    >>> other("plant")
    'customer'
    """
    return "customer" if side == "plant" else "plant"


def stage(said: Sequence[Said]) -> Stage:
    """Where a thread stands after these messages, oldest first.

    >>> stage([Said("customer", "date_requested", 7)]).waiting_for
    'plant'
    """
    now = Stage()
    for message in said:
        if message.kind in ANSWERS:
            question: Kind = message.kind  # type: ignore[assignment]  # a key of ANSWERS
            now = Stage(waiting_for=other(message.by), question=question, question_index=message.index)
        elif now.question is not None and message.kind in ANSWERS[now.question] and message.by == now.waiting_for:
            now = Stage()
        elif message.kind == "complaint_closed":
            now = Stage(closed=True)
    return now


def allowed(said: Sequence[Said], by: Side) -> tuple[Kind, ...]:
    """What a side may say next; of an empty thread what it may begin with.

    A question may be asked again once it is answered. A complaint that was answered is closed by either side.

    >>> allowed([Said("customer", "date_requested", 7)], "plant")
    ('date_confirmed', 'date_refused', 'document_shared', 'note')
    """
    if not said:
        return OPENERS[by]
    if len(said) >= MESSAGES_MAX:
        return ()
    now = stage(said)
    found: list[Kind] = []
    if now.waiting_for == by and now.question is not None:
        found += ANSWERS[now.question]
    opened = said[0]
    if now.question is None and not now.closed:
        if opened.kind in ANSWERS and opened.kind != "complaint_opened" and opened.by == by:
            found.append(opened.kind)  # type: ignore[arg-type]  # a key of ANSWERS
        if opened.kind == "complaint_opened":
            found.append("complaint_closed")
    return (*found, *_ANYWHERE)


def check_message(
    said: Sequence[Said],
    by: Side,
    statement: MessageStatement,
    documents: Sequence[SharedDocument],
    order: str | None,
) -> int | None:
    """Whether a side may say this here; the index of the question that it answers.

    Parameters
    ----------
    said
        The thread so far, oldest first; empty for a new one.
    order
        What the thread is about, where it is an order.

    Raises
    ------
    MessageKindError, MessageTextError, MessageDateError, MessageUnitsError, MessageSubjectError, MessageQuantityError,
    MessageDocumentsError, ThreadFullError
    """
    if len(said) >= MESSAGES_MAX:
        raise ThreadFullError(limit=MESSAGES_MAX)
    possible = allowed(said, by)
    if statement.kind not in possible:
        raise MessageKindError(kind=statement.kind, possible=", ".join(possible))
    text = statement.text.strip()
    if len(statement.text) > TEXT_MAX or (statement.kind in _NEEDS_TEXT and not text):
        raise MessageTextError(limit=TEXT_MAX)
    if any(ord(character) < 32 and character not in "\n\t" for character in statement.text):
        raise MessageTextError(limit=TEXT_MAX)
    if not said and statement.kind in _NEEDS_ORDER and order is None:
        raise MessageSubjectError(kind=statement.kind)
    if statement.date is not None or statement.kind in _NEEDS_DATE:
        _check_date(statement.date or "")
    if len(statement.units) > UNITS_MAX or len(set(statement.units)) != len(statement.units):
        raise MessageUnitsError(limit=UNITS_MAX)
    if statement.quantity is not None and not 0 < statement.quantity <= QUANTITY_MAX:
        raise MessageQuantityError(value=statement.quantity, limit=QUANTITY_MAX)
    if len(documents) > DOCUMENTS_MAX or (statement.kind == "document_shared" and not documents):
        raise MessageDocumentsError(found=len(documents), limit=DOCUMENTS_MAX)
    now = stage(said)
    return now.question_index if _QUESTION_OF.get(statement.kind) == now.question is not None else None


def _check_date(text: str) -> None:
    try:
        if len(text) == 10:
            date.fromisoformat(text)
            return
    except ValueError:
        pass
    raise MessageDateError(value=text[:40])
