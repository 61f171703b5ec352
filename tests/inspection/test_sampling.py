"""Acceptance sampling over a real log: plans, lots that fill, the draw, decisions, switching, discontinuation."""

from __future__ import annotations

import pytest

from gaugeblock.inspection.lots import lot_seed
from gaugeblock.inspection.sampling_errors import (
    LotDecidedError,
    LotMissingError,
    LotNameError,
    LotNotRejectedError,
    NotDiscontinuedError,
    SamplingPlanMissingError,
)
from gaugeblock.inspection.sampling_plan import drawn_positions
from gaugeblock.inspection.study_errors import AqlUnknownError, InspectionDiscontinuedError, LotSizeError
from gaugeblock.plant.control_facets import LotOpenedStatement, SamplingPlanStatement
from gaugeblock.plant.record_types import Verdict
from tests.inspection.plant_in_memory import Line

KEEPER = "lots"
PLAN = SamplingPlanStatement(level="II", aql="6.5")


@pytest.fixture
def line() -> Line:
    made = Line()
    made.desks.sampling.plan("person:li", "t0", "P1", PLAN)
    return made


def _open(line: Line, lot: str, size: int = 8, **more: object) -> int:
    statement = LotOpenedStatement(size, **more)  # type: ignore[arg-type]
    return line.desks.sampling.open_lot("person:li", f"t{line.plant.log.size}", "P1", lot, "", statement)


def _lot(line: Line, index: int):  # type: ignore[no-untyped-def]
    return line.desks.sampling.reader.lot(index)


def test_a_lot_fills_is_drawn_and_decided(line: Line) -> None:
    index = _open(line, "WO-1", 12)
    for number in range(11):
        line.inspect(Verdict.OK, f"U{number}")
    line.keep(KEEPER)
    progress = _lot(line, index).progress
    assert (progress.state, progress.seen, progress.needed, progress.positions) == ("filling", 11, 12, None)
    last = line.inspect(Verdict.OK, "U11")
    line.inspect(Verdict.NOK, "U12")  # beyond the lot's size: not of it
    line.keep(KEEPER)
    lot = _lot(line, index)
    assert lot.decision.decision == "accepted"
    assert lot.progress.drawn_from == last
    assert lot.progress.positions == drawn_positions(lot.progress.plan, str(lot.progress.seed), "WO-1")
    assert [unit.unit for unit in lot.progress.sample] == [f"U{p - 1}" for p in lot.progress.positions]
    before = line.plant.log.size
    line.keep(KEEPER)
    assert line.plant.log.size == before


def test_the_draw_can_be_made_again_from_the_log(line: Line) -> None:
    index = _open(line, "WO-1", 2, inspected="sample")
    opened = line.desks.sampling.reader.listed()[0].opened
    assert _lot(line, index).progress.seed == lot_seed(index, opened.stated_at)


def test_a_machines_nok_waits_for_a_person(line: Line) -> None:
    index = _open(line, "WO-1", 2)
    first = line.inspect(Verdict.NOK, "U1")
    line.inspect(Verdict.OK, "U2")
    line.keep(KEEPER)
    lot = _lot(line, index)
    assert lot.decision is None
    assert [unit.unit for unit in lot.progress.waiting] == ["U1"]
    line.review("wang", first, "good")
    line.keep(KEEPER)
    assert _lot(line, index).decision.decision == "accepted"


def test_a_sample_only_lot_counts_the_first_units(line: Line) -> None:
    index = _open(line, "WO-1", 100, inspected="sample")
    progress = _lot(line, index).progress
    assert len(progress.positions) == progress.plan.sample_size == progress.needed < 100
    for number in range(progress.needed):
        line.inspect(Verdict.OK, f"U{number}")
    line.keep(KEEPER)
    assert _lot(line, index).decision.sample_size == progress.needed


def _rejected(line: Line, lot: str) -> int:
    index = _open(line, lot, 2)
    for number in range(2):
        line.review("wang", line.inspect(Verdict.NOK, f"{lot}-{number}", order=lot), "defective")
    line.keep(KEEPER)
    assert _lot(line, index).decision.decision == "rejected"
    return index


def test_switching_to_tightened_and_discontinued_and_resumed(line: Line) -> None:
    reader, desk = line.desks.sampling.reader, line.desks.sampling
    for number in range(2):
        _rejected(line, f"L{number}")
    series = reader.series("P1")
    assert series.state.severity.value == "tightened"
    assert series.switched.change.value.endswith("two_of_five")
    for number in range(2, 7):
        _rejected(line, f"L{number}")
    assert reader.series("P1").state.discontinued
    with pytest.raises(InspectionDiscontinuedError):
        _open(line, "L9")
    # The same plan once more is no way out.
    desk.plan("person:li", "t1", "P1", PLAN)
    assert reader.series("P1").state.discontinued
    desk.plan("person:li", "t2", "P1", SamplingPlanStatement(level="II", aql="6.5", resumes=True))
    state = reader.series("P1").state
    assert (state.discontinued, state.severity.value) == (False, "tightened")
    with pytest.raises(NotDiscontinuedError):
        desk.plan("person:li", "t3", "P1", SamplingPlanStatement(level="II", aql="6.5", resumes=True))


def test_another_aql_begins_anew(line: Line) -> None:
    for number in range(2):
        _rejected(line, f"L{number}")
    line.desks.sampling.plan("person:li", "t9", "P1", SamplingPlanStatement(level="II", aql="4.0"))
    assert line.desks.sampling.reader.series("P1").state.severity.value == "normal"


def test_a_lot_presented_again(line: Line) -> None:
    _rejected(line, "L0")
    with pytest.raises(LotDecidedError):
        _open(line, "L0", 2)
    index = _open(line, "L0", 2, resubmitted=True)
    for number in range(2):
        line.inspect(Verdict.OK, f"L0-{number}", order="L0")
    line.keep(KEEPER)
    lot = _lot(line, index)
    assert lot.decision.decision == "accepted"
    assert line.desks.sampling.reader.series("P1").state.recent == (False,)
    with pytest.raises(LotNotRejectedError):
        _open(line, "L0", 2, resubmitted=True)


def test_a_lot_that_stays_smaller_is_presented_anew(line: Line) -> None:
    first = _open(line, "WO-1", 50)
    for number in range(3):
        line.inspect(Verdict.OK, f"U{number}")
    second = _open(line, "WO-1", 3)
    line.keep(KEEPER)
    assert _lot(line, first).decision is None
    assert _lot(line, second).decision.decision == "accepted"


def test_what_is_refused(line: Line) -> None:
    desk = line.desks.sampling
    with pytest.raises(SamplingPlanMissingError):
        desk.open_lot("person:li", "t", "P2", "L", "", LotOpenedStatement(10))
    with pytest.raises(LotSizeError):
        _open(line, "L", 1)
    with pytest.raises(LotNameError):
        _open(line, " ", 10)
    with pytest.raises(LotMissingError):
        desk.reader.lot(0)
    for aql in ("0.7", "15"):
        with pytest.raises(AqlUnknownError):
            desk.plan("person:li", "t", "P1", SamplingPlanStatement(level="II", aql=aql))
    desk.plan("person:li", "off", "P1", SamplingPlanStatement(level="II", aql="6.5", active=False))
    with pytest.raises(SamplingPlanMissingError):
        _open(line, "L", 10)
