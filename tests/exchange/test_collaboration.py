"""Who may say what in a thread: laws over drawn conversations, and the rules one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.collaboration import (
    ANSWERS,
    KINDS,
    MESSAGES_MAX,
    OPENERS,
    TEXT_MAX,
    Said,
    Side,
    allowed,
    check_message,
    other,
    stage,
)
from gaugeblock.exchange.collaboration_errors import (
    DocumentNameError,
    DocumentSizeError,
    DocumentTypeError,
    MessageDateError,
    MessageDocumentsError,
    MessageKindError,
    MessageQuantityError,
    MessageSubjectError,
    MessageTextError,
    MessageUnitsError,
    ThreadFullError,
)
from gaugeblock.exchange.shared_document import DOCUMENT_BYTES_MAX, document_of, sniff
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import MessageStatement, SharedDocument

PDF = SharedDocument("ab" * 32, "a.pdf", "application/pdf", 9, "drawing")


@st.composite
def conversations(draw: st.DrawFn) -> list[Said]:
    """Threads in which each message was allowed when it was said."""
    said: list[Said] = []
    for index in range(draw(st.integers(0, 12))):
        by: Side = draw(st.sampled_from(["plant", "customer"]))
        said.append(Said(by, draw(st.sampled_from(allowed(said, by))), index))
    return said


@given(conversations())
@settings(deadline=None)
def test_only_the_side_that_was_asked_answers(said: list[Said]) -> None:
    now = stage(said)
    for side in ("plant", "customer"):
        may = set(allowed(said, side))  # type: ignore[arg-type]
        answers = {kind for kinds in ANSWERS.values() for kind in kinds} & may
        if said and now.waiting_for == side:
            assert now.question is not None
            assert answers == set(ANSWERS[now.question])
        else:
            assert answers == set()


@given(conversations())
@settings(deadline=None)
def test_a_question_is_open_until_it_is_answered_and_only_one_at_a_time(said: list[Said]) -> None:
    now = stage(said)
    if now.question is None:
        return
    asked = next(message for message in said if message.index == now.question_index)
    assert (asked.kind, other(asked.by)) == (now.question, now.waiting_for)
    later = [message.kind for message in said if message.index > asked.index]
    assert set(later) <= {"note", "document_shared"}
    for side in ("plant", "customer"):
        assert not set(allowed(said, side)) & set(ANSWERS)  # type: ignore[arg-type]


@given(conversations(), st.sampled_from(KINDS), st.sampled_from(["plant", "customer"]))
@settings(deadline=None)
def test_what_is_not_allowed_is_refused(said: list[Said], kind: str, by: Side) -> None:
    statement = MessageStatement(kind=kind, text="x", date="2026-12-24")  # type: ignore[arg-type]
    if kind in allowed(said, by):
        answered = check_message(said, by, statement, (PDF,), "WO-1")
        assert answered is None or answered == stage(said).question_index
    else:
        with pytest.raises(MessageKindError):
            check_message(said, by, statement, (PDF,), "WO-1")


def test_each_side_begins_with_its_own() -> None:
    assert "first_article_submitted" not in OPENERS["customer"]
    assert "complaint_opened" not in OPENERS["plant"]
    assert "order_acknowledged" not in OPENERS["plant"]


def test_a_complaint_is_closed_after_its_answer_only() -> None:
    said = [Said("customer", "complaint_opened", 1)]
    assert "complaint_closed" not in allowed(said, "plant")
    assert "complaint_closed" not in allowed(said, "customer")
    said.append(Said("plant", "complaint_answered", 2))
    assert "complaint_closed" in allowed(said, "customer")
    said.append(Said("customer", "complaint_closed", 3))
    assert allowed(said, "plant") == ("document_shared", "note")
    assert stage(said).closed


def test_an_answer_names_its_question() -> None:
    said = [Said("customer", "date_requested", 41), Said("customer", "note", 42)]
    confirmed = MessageStatement("date_confirmed", date="2026-12-24")
    assert check_message(said, "plant", confirmed, (), "WO-1") == 41
    assert check_message(said, "plant", MessageStatement("note", "soon"), (), "WO-1") is None


@pytest.mark.parametrize(
    ("statement", "documents", "order", "error"),
    [
        (MessageStatement("complaint_opened", " "), (), None, MessageTextError),
        (MessageStatement("note", "x" * (TEXT_MAX + 1)), (), None, MessageTextError),
        (MessageStatement("note", "a\x00b"), (), None, MessageTextError),
        (MessageStatement("date_requested"), (), "WO-1", MessageDateError),
        (MessageStatement("date_requested", date="24.12."), (), "WO-1", MessageDateError),
        (MessageStatement("date_requested", date="2026-12-24"), (), None, MessageSubjectError),
        (MessageStatement("order_acknowledged"), (), None, MessageSubjectError),
        (MessageStatement("complaint_opened", "x", units=("U1", "U1")), (), None, MessageUnitsError),
        (MessageStatement("complaint_opened", "x", quantity=0), (), None, MessageQuantityError),
        (MessageStatement("document_shared"), (), None, MessageDocumentsError),
        (MessageStatement("note", "x"), (PDF,) * 9, None, MessageDocumentsError),
    ],
)
def test_form(
    statement: MessageStatement,
    documents: tuple[SharedDocument, ...],
    order: str | None,
    error: type[GaugeblockError],
) -> None:
    with pytest.raises(error):
        check_message((), "customer", statement, documents, order)


def test_a_thread_is_bounded() -> None:
    said = [Said("plant", "note", index) for index in range(MESSAGES_MAX)]
    assert allowed(said, "plant") == ()
    with pytest.raises(ThreadFullError):
        check_message(said, "plant", MessageStatement("note", "x"), (), None)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\nxx", "image/png"),
        (b"RIFFxxxxWEBPVP8 ", "image/webp"),
        (b"ISO-10303-21;\nHEADER;", "model/step"),
        (b"PK\x03\x04xx", "application/zip"),
        ("尺寸 12.5 ± 0.1".encode(), "text/plain"),
        (b'{"idShort": "Nameplate"}', "application/json"),
        (b"<svg onload=alert(1)>", "text/plain"),
        (b"<!DOCTYPE html>", "text/plain"),
        (b"hello <script>alert(1)</script>", "text/plain"),
        (b"{ not json", "text/plain"),
        (b"\xff\xfe\x00", "application/octet-stream"),
        (b"a\x00b", "application/octet-stream"),
        (b"MZ\x90\x00", None),
        (b"\x7fELF\x02", None),
        (b"#!/bin/sh\n", None),
    ],
)
def test_media_types_are_read_from_the_bytes(data: bytes, found: str | None) -> None:
    assert sniff(data) == found


def test_documents_have_a_name_a_size_and_a_type() -> None:
    for name in ("../etc/passwd", "a\nb.pdf", "", "x" * 121, " a.pdf", ".hidden", 'a".pdf'):
        with pytest.raises(DocumentNameError):
            document_of(b"%PDF-", name)
    with pytest.raises(DocumentSizeError):
        document_of(b"", "a.pdf")
    with pytest.raises(DocumentSizeError):
        document_of(b"x" * (DOCUMENT_BYTES_MAX + 1), "a.txt")
    with pytest.raises(DocumentTypeError):
        document_of(b"MZ\x90", "a.pdf")
    assert document_of(b"%PDF-1", "图纸 7.pdf", "drawing").kind == "drawing"
