"""A customer's complaint becomes a nonconformity, once, and its 8D grows from the steps."""

from __future__ import annotations

import pytest

from gaugeblock.inspection.complaint_keeper import ComplaintKeeper, nonconformity_of
from gaugeblock.inspection.eight_d import eight_d
from gaugeblock.plant.exchange_facets import CustomerProcess, MessageInputs, MessageStatement, MessageSubject
from gaugeblock.plant.nonconformity_facets import StepStatement
from tests.inspection.plant_in_memory import Line

KEEPER = "complaints"


@pytest.fixture
def line() -> Line:
    return Line()


def _say(line: Line, author: str, kind: str = "complaint_opened", **more: object) -> int:
    facets = {
        "subject": MessageSubject("T-1", "acme", order="WO-1", lot="L-1"),
        "statement": MessageStatement(kind, "Scratches on the face.", **more),  # type: ignore[arg-type]
        "process": CustomerProcess("gbk_1", "r1"),
        "inputs": MessageInputs(),
    }
    return line.plant.statements.state(author, "exchange.message", f"m{line.plant.log.size}", facets)  # type: ignore[arg-type]


def _names(line: Line) -> list[str]:
    desk = line.desks.nonconformities
    return [row.nonconformity for row in desk.reader.listed(desk.today(), only_open=False)]


def test_a_complaint_opens_one_with_what_the_customer_said(line: Line) -> None:
    index = _say(line, "exchange:main", severity="critical", units=("U7", "U8"), quantity=2, defect="scratch")
    line.keep(KEEPER)
    name = nonconformity_of(index)
    assert _names(line) == [name]
    desk = line.desks.nonconformities
    head = desk.reader.case(name, desk.today()).head
    assert (head.severity, head.order, head.defect) == ("critical", "WO-1", "scratch")
    assert head.text.startswith("Scratches on the face.")
    for part in (f"#{index}", "acme", "L-1", "U7, U8", "× 2"):
        assert part in head.text


def test_it_is_opened_once_whoever_looks_again(line: Line) -> None:
    _say(line, "exchange:main")
    line.keep(KEEPER)
    size = line.plant.log.size
    line.keep(KEEPER)
    ComplaintKeeper(line.plant.statements, line.plant.projections.database).step()
    assert line.plant.log.size == size


def test_other_messages_open_nothing(line: Line) -> None:
    _say(line, "exchange:main", kind="note")
    _say(line, "person:li")
    line.keep(KEEPER)
    assert _names(line) == []


def test_its_8d_grows_from_the_steps(line: Line) -> None:
    name = nonconformity_of(_say(line, "exchange:main"))
    line.keep(KEEPER)
    desk = line.desks.nonconformities
    desk.step("person:li", name, "t1", StepStatement(step="containment", text="Stock searched."))
    desk.step("person:li", name, "t2", StepStatement(step="cause", text="A burr on the fixture."))
    report = eight_d(desk.reader.case(name, desk.today()), "plant.example/log")
    assert "Stock searched." in str(report)
    assert "A burr on the fixture." in str(report)
