"""The plant's side of conversations: what its people read, what they may say, whose thread it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gaugeblock.exchange.collaboration_errors import MessageKindError, MessageUnitUnknownError, ThreadMissingError
from gaugeblock.exchange.messages import MessageDesk
from gaugeblock.plant.exchange_facets import CustomerProcess, MessageInputs, MessageStatement, MessageSubject
from tests.exchange.exchange_plant import ORDERS, ExchangePlant

PERSON = "person:li.wei"


@pytest.fixture
def plant() -> Iterator[ExchangePlant]:
    made = ExchangePlant()
    made.order("A-1", "acme")
    made.order("B-1", "bolt")
    yield made
    made.close()


@pytest.fixture
def desk(plant: ExchangePlant) -> MessageDesk:
    return MessageDesk(plant, plant.database, plant.clock, ["acme", "bolt"])


def _customer(plant: ExchangePlant, thread: str, kind: str, customer: str = "acme", **more: object) -> int:
    return plant.say(
        "exchange:main",
        "exchange.message",
        subject=MessageSubject(thread, customer, order="A-1"),
        statement=MessageStatement(kind, **more),  # type: ignore[arg-type]
        process=CustomerProcess("gbk_1"),
        inputs=MessageInputs(),
    )


def test_a_question_waits_until_it_is_answered(plant: ExchangePlant, desk: MessageDesk) -> None:
    asked = _customer(plant, "T-1", "date_requested", date="2026-12-24")
    assert desk.waiting() == 1
    answer = MessageStatement("date_confirmed", date="2026-12-24")
    index = desk.answer(PERSON, "token1", "T-1", answer)
    assert desk.answer(PERSON, "token1", "T-1", answer) == index
    thread = desk.thread("T-1")
    assert (thread.last.answers, thread.stage.waiting_for, desk.waiting()) == (asked, None, 0)
    with pytest.raises(MessageKindError):
        desk.answer(PERSON, "token2", "T-1", MessageStatement("date_refused", "no"))
    plant.contract(ORDERS)
    view = plant.view("acme").thread("T-1")
    assert view is not None
    assert [message.by for message in view.messages] == ["customer", "plant"]


def test_the_plant_opens_for_its_own_customers_and_their_orders_only(plant: ExchangePlant, desk: MessageDesk) -> None:
    first_article = MessageStatement("first_article_submitted", "5 parts")
    thread = desk.open(PERSON, "token1", "acme", first_article, "A-1")
    assert desk.thread(thread).stage.waiting_for == "customer"
    for customer, order in (("acme", "B-1"), ("acme", "none"), ("nobody", None)):
        with pytest.raises(MessageUnitUnknownError):
            desk.open(PERSON, "token2", customer, MessageStatement("note", "hello"), order)
    with pytest.raises(MessageKindError):
        desk.open(PERSON, "token3", "acme", MessageStatement("complaint_opened", "x"), "A-1")


def test_a_thread_is_its_first_customers(plant: ExchangePlant, desk: MessageDesk) -> None:
    _customer(plant, "T-1", "note", text="ours")
    _customer(plant, "T-1", "note", customer="bolt", text="theirs")
    thread = desk.thread("T-1")
    assert (thread.customer, [m.statement.text for m in thread.messages]) == ("acme", ["ours"])
    assert [found.thread for found in desk.listed(customer="bolt")] == []


def test_threads_by_their_newest_message(plant: ExchangePlant, desk: MessageDesk) -> None:
    for number in range(3):
        _customer(plant, f"T-{number}", "note", text="x")
    _customer(plant, "T-0", "note", text="again")
    assert [found.thread for found in desk.listed()] == ["T-0", "T-2", "T-1"]
    first = desk.listed(limit=2)
    assert [found.thread for found in desk.listed(before=first[-1].last.index)] == ["T-1"]
    with pytest.raises(ThreadMissingError):
        desk.thread("T-9")
