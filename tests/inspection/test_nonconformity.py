"""Nonconformities over a real log: the opener, joining, leaving, steps, rework, and a crash in between."""

from __future__ import annotations

import pytest

from gaugeblock.inspection.nonconformity import NonconformityOpener
from gaugeblock.inspection.nonconformity_errors import (
    DueDateError,
    NonconformityMissingError,
    UnitsOpenError,
)
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.plant.record_types import Verdict
from tests.inspection.plant_in_memory import Line

OPENER = "nonconformities"
SCRAP = StepStatement(step="disposition", text="", disposition="scrap")
CLOSE = StepStatement(step="closure", text="done")


@pytest.fixture
def line() -> Line:
    return Line()


def _listed(line: Line, only_open: bool = False) -> list[str]:
    desk = line.desks.nonconformities
    return [row.nonconformity for row in desk.reader.listed(desk.today(), only_open=only_open)]


def _case(line: Line, name: str):  # type: ignore[no-untyped-def]
    desk = line.desks.nonconformities
    return desk.reader.case(name, desk.today())


def test_a_nok_part_opens_one_and_the_next_joins(line: Line) -> None:
    first = line.inspect(Verdict.NOK, "U1")
    line.inspect(Verdict.OK, "U2")
    line.keep(OPENER)
    line.inspect(Verdict.NOK, "U3")
    line.inspect(Verdict.NOK, "U4", order="WO-2")
    line.keep(OPENER)
    line.keep(OPENER)
    names = _listed(line)
    assert f"NC-{first}" in names
    assert len(names) == 2
    assert [unit.unit for unit in _case(line, f"NC-{first}").units] == ["U1", "U3"]
    assert _case(line, f"NC-{first}").head.severity == "major"


def test_nothing_is_opened_twice_after_a_crash(line: Line) -> None:
    line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    before = line.plant.log.size
    reader = line.desks.nonconformities.reader
    again = NonconformityOpener(line.plant.statements, reader, lambda product, defect: "major")
    again.step()
    again.step()
    assert line.plant.log.size == before


def test_challenge_parts_are_no_nonconforming_output(line: Line) -> None:
    line.inspect(Verdict.NOK, "CH1", purpose="challenge")
    line.keep(OPENER)
    assert _listed(line) == []


def test_closed_takes_no_more_and_the_next_nok_opens_another(line: Line) -> None:
    first = line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    name, desk = f"NC-{first}", line.desks.nonconformities
    with pytest.raises(UnitsOpenError):
        desk.step("person:li", name, "t0", CLOSE)
    desk.step("person:li", name, "t1", SCRAP)
    desk.step("person:li", name, "t2", CLOSE)
    assert _case(line, name).head.closed
    second = line.inspect(Verdict.NOK, "U2")
    line.keep(OPENER)
    assert _listed(line, only_open=True) == [f"NC-{second}"]
    assert [unit.unit for unit in _case(line, name).units] == ["U1"]


def test_a_part_that_fails_while_somebody_closes_is_not_lost(line: Line) -> None:
    """The closure comes into the log after a verdict that its author had not seen."""
    first = line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    name, desk = f"NC-{first}", line.desks.nonconformities
    desk.step("person:li", name, "t1", SCRAP)
    line.inspect(Verdict.NOK, "U2")
    from gaugeblock.plant.nonconformity_facets import NonconformitySubject

    line.plant.statements.state(
        "person:li", "nonconformity.step", "late", {"subject": NonconformitySubject(name), "statement": CLOSE}
    )
    case = _case(line, name)
    assert not case.head.closed
    assert case.head.open_units == 1
    assert [step.in_force for step in case.steps] == [True, False]
    line.keep(OPENER)
    assert _listed(line) == [name]


def test_overruled_to_good_leaves_with_its_review(line: Line) -> None:
    first = line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    review = line.review("wang", first, "good")
    unit = _case(line, f"NC-{first}").units[0]
    assert not unit.belongs
    assert unit.good_index == review
    assert unit.opinions[0].person == "person:wang"
    line.desks.nonconformities.step("person:li", f"NC-{first}", "t", CLOSE)
    assert _case(line, f"NC-{first}").head.closed


def test_one_reviewed_good_before_the_opener_looks_opens_nothing(line: Line) -> None:
    line.review("wang", line.inspect(Verdict.NOK, "U1"), "good")
    line.keep(OPENER)
    assert _listed(line) == []


def test_a_person_finds_a_defect_that_the_station_did_not(line: Line) -> None:
    undecided = line.inspect(Verdict.UNDECIDED, "U1")
    review = line.review("wang", undecided, "defective", "crack")
    other = line.review("wang", line.inspect(Verdict.OK, "U2"), "defective", "crack")
    line.keep(OPENER)
    case = _case(line, f"NC-{review}")
    assert case.head.defect == "crack"
    assert case.head.severity == "critical"
    assert [unit.unit for unit in case.units] == ["U1", "U2"]
    assert other > review
    assert line.desks.nonconformities.reader.of_verdict(undecided) == f"NC-{review}"


def test_adjudicated_defective_after_it_was_closed_opens_another(line: Line) -> None:
    first = line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    line.review("wang", first, "good")
    line.desks.nonconformities.step("person:li", f"NC-{first}", "t", CLOSE)
    review = line.review("zhao", first, "defective", role="adjudication")
    line.keep(OPENER)
    assert _listed(line, only_open=True) == [f"NC-{review}"]
    assert [unit.unit for unit in _case(line, f"NC-{review}").units] == ["U1"]


def test_rework_and_inspection_again(line: Line) -> None:
    first = line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    name, desk = f"NC-{first}", line.desks.nonconformities
    desk.step("person:li", name, "t", StepStatement(step="disposition", text="", disposition="rework", units=("U1",)))
    again = line.inspect(Verdict.NOK, "U1")
    assert _case(line, name).head.open_units == 1
    assert _case(line, name).units[0].failures == 2
    passed = line.inspect(Verdict.OK, "U1")
    unit = _case(line, name).units[0]
    assert (unit.verdict_index, unit.passed_again_index) == (again, passed)


def test_overdue_by_the_plants_date(line: Line) -> None:
    first = line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    name, desk = f"NC-{first}", line.desks.nonconformities
    action = StepStatement(step="corrective_action", text="fixture", responsible="Li", due="2026-11-25")
    desk.step("person:li", name, "t", action)
    assert not _case(line, name).head.overdue
    line.clock.moment = line.clock.moment.replace(day=26)
    head = _case(line, name).head
    assert head.overdue
    assert (head.due, head.responsible) == ("2026-11-25", "Li")
    with pytest.raises(DueDateError):
        desk.step(
            "person:li", name, "u", StepStatement(step="corrective_action", text="x", responsible="L", due="soon")
        )
    with pytest.raises(NonconformityMissingError):
        desk.step("person:li", "NC-none", "u", CLOSE)


def test_a_complaint_by_hand(line: Line) -> None:
    desk = line.desks.nonconformities
    name = desk.open("person:li", "abcdef01", "critical", "customer found a crack", None, product="P1")
    assert desk.open("person:li", "abcdef01", "critical", "customer found a crack", None, product="P1") == name
    case = _case(line, name)
    assert case.units == ()
    assert [missing.value for missing in case.head.missing] == ["corrective_action"]
    line.inspect(Verdict.NOK, "U1")
    line.keep(OPENER)
    assert len(_listed(line)) == 2
    assert _case(line, name).units == ()
