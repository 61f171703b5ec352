"""The pure lifecycle of a nonconformity: what closes, what refuses to, who leaves and who comes again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.inspection.nonconformity_errors import (
    ConcessionAuthorityError,
    CorrectiveActionFormError,
    CorrectiveActionMissingError,
    DispositionMissingError,
    EffectivenessFormError,
    EffectivenessMissingError,
    NonconformityClosedError,
    NonconformityNotClosedError,
    StepTextError,
    UnitNotInNonconformityError,
    UnitsOpenError,
)
from gaugeblock.inspection.nonconformity_lifecycle import (
    TEXT_MAX,
    UNITS_MAX,
    Event,
    Found,
    Lifecycle,
    Missing,
    Reviewed,
    Stepped,
    check_step,
    fold,
)
from gaugeblock.plant.nonconformity_facets import StepStatement

SCRAP = StepStatement(step="disposition", text="", disposition="scrap")
CLOSE = StepStatement(step="closure", text="done")
ACTION = StepStatement(step="corrective_action", text="new fixture", responsible="Li", due="2026-12-01")
GOOD = StepStatement(step="effectiveness", text="", effective=True)
BAD = StepStatement(step="effectiveness", text="", effective=False)

steps = st.one_of(
    st.sampled_from([CLOSE, ACTION, GOOD, BAD, StepStatement(step="reopening", text="again")]),
    st.builds(
        lambda units: StepStatement(step="disposition", text="", disposition="rework", units=units),
        st.lists(st.sampled_from(["A", "B", "C"]), max_size=2).map(tuple),
    ),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Anything that could stand in a log, in its order; verdicts are numbered by their record."""
    events: list[Event] = []
    verdicts: list[tuple[int, str]] = []
    for index in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(["found", "reviewed", "step"]))
        if kind == "found":
            unit = draw(st.sampled_from(["A", "B", "C"]))
            verdicts.append((index, unit))
            events.append(Found(index, index, unit))
        elif kind == "reviewed" and verdicts:
            verdict_index, _ = draw(st.sampled_from(verdicts))
            role = draw(st.sampled_from(["first", "second", "adjudication"]))
            decision = draw(st.sampled_from(["good", "defective", "unsure", "withdrawn"]))
            events.append(Reviewed(index, verdict_index, f"person:{role}", role, decision))
        else:
            events.append(Stepped(index, draw(steps)))
    return events


@given(histories(), st.sampled_from(["critical", "major", "minor"]))
def test_nothing_closed_has_an_open_unit(events: list[Event], severity: str) -> None:
    state = Lifecycle(severity)  # type: ignore[arg-type]
    for upto in range(len(events) + 1):
        state = fold(severity, events[:upto])  # type: ignore[arg-type]
        if state.closed:
            assert state.open_units == []
            assert state.missing() == ()


@given(histories())
def test_a_step_that_is_accepted_does_what_it_says(events: list[Event]) -> None:
    state = fold("critical", events)
    try:
        check_step(state, CLOSE)
    except (UnitsOpenError, CorrectiveActionMissingError, EffectivenessMissingError, NonconformityClosedError):
        assert state.closed or state.missing()
    else:
        assert fold("critical", [*events, Stepped(1000, CLOSE)]).closed


def test_the_usual_way() -> None:
    found = [Found(1, 1, "A"), Found(2, 2, "B")]
    state = fold("major", found)
    assert state.missing() == (Missing.DISPOSITION,)
    state = fold("major", [*found, Stepped(3, SCRAP), Stepped(4, ACTION)])
    assert state.missing() == (Missing.EFFECTIVENESS,)
    with pytest.raises(EffectivenessMissingError):
        check_step(state, CLOSE)
    whole = [*found, Stepped(3, SCRAP), Stepped(4, ACTION), Stepped(5, GOOD), Stepped(6, CLOSE)]
    assert fold("major", whole).closed_index == 6


def test_not_effective_opens_it_again() -> None:
    events = [Found(1, 1, "A"), Stepped(2, SCRAP), Stepped(3, ACTION), Stepped(4, GOOD), Stepped(5, CLOSE)]
    assert fold("minor", events).closed
    state = fold("minor", [*events, Stepped(6, BAD)])
    assert not state.closed
    assert state.missing() == (Missing.CORRECTIVE_ACTION,)
    assert fold("minor", [*events, Stepped(6, BAD), Stepped(7, ACTION)]).missing() == (Missing.EFFECTIVENESS,)


def test_critical_needs_a_corrective_action() -> None:
    events = [Found(1, 1, "A"), Stepped(2, SCRAP)]
    assert fold("critical", events).missing() == (Missing.CORRECTIVE_ACTION,)
    assert fold("major", events).missing() == ()


def test_a_closure_that_came_too_early_closes_nothing() -> None:
    state = fold("minor", [Found(1, 1, "A"), Stepped(2, CLOSE)])
    assert not state.closed
    assert state.refused_closures == (2,)


def test_a_unit_found_again_needs_a_new_disposition() -> None:
    rework = StepStatement(step="disposition", text="", disposition="rework", units=("A",))
    state = fold("minor", [Found(1, 1, "A"), Stepped(2, rework), Found(3, 3, "A")])
    assert [unit.unit for unit in state.open_units] == ["A"]
    assert state.units["A"].verdict_indices == (1, 3)


def test_reviewed_good_leaves_and_adjudicated_defective_comes_back() -> None:
    events: list[Event] = [Found(1, 1, "A"), Reviewed(2, 1, "person:a", "first", "good")]
    left = fold("minor", events)
    assert left.open_units == []
    assert left.units["A"].good_index == 2
    back = fold("minor", [*events, Reviewed(3, 1, "person:b", "adjudication", "defective")])
    assert [unit.unit for unit in back.open_units] == ["A"]
    taken_back = fold("minor", [*events, Reviewed(3, 1, "person:a", "first", "withdrawn")])
    assert [unit.unit for unit in taken_back.open_units] == ["A"]


def test_a_good_that_wants_a_second_opinion_does_not_let_a_unit_go() -> None:
    first = Reviewed(2, 1, "person:a", "first", "good", second_wanted=True)
    assert fold("minor", [Found(1, 1, "A"), first]).open_units
    second = Reviewed(3, 1, "person:b", "second", "good", second_wanted=True)
    assert not fold("minor", [Found(1, 1, "A"), first, second]).open_units


def test_it_takes_no_more_than_its_fill() -> None:
    state = fold("minor", [Found(i, i, str(i)) for i in range(UNITS_MAX + 5)])
    assert len(state.units) == UNITS_MAX
    assert state.full


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (StepStatement(step="cause", text=" "), StepTextError),
        (StepStatement(step="note", text="x" * (TEXT_MAX + 1)), StepTextError),
        (StepStatement(step="disposition", text=""), DispositionMissingError),
        (StepStatement(step="disposition", text="", disposition="concession"), ConcessionAuthorityError),
        (StepStatement(step="disposition", text="", disposition="scrap", units=("Z",)), UnitNotInNonconformityError),
        (StepStatement(step="corrective_action", text="x", responsible="Li"), CorrectiveActionFormError),
        (StepStatement(step="corrective_action", text="x", due="2026-12-01"), CorrectiveActionFormError),
        (StepStatement(step="effectiveness", text="", effective=True), EffectivenessFormError),
        (StepStatement(step="reopening", text="x"), NonconformityNotClosedError),
        (CLOSE, UnitsOpenError),
    ],
)
def test_what_is_refused(step: StepStatement, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_step(fold("major", [Found(1, 1, "A")]), step)


def test_closed_takes_notes_only() -> None:
    state = fold("minor", [Found(1, 1, "A"), Stepped(2, SCRAP), Stepped(3, CLOSE)])
    with pytest.raises(NonconformityClosedError):
        check_step(state, StepStatement(step="cause", text="x"))
    check_step(state, StepStatement(step="note", text="x"))
    check_step(state, StepStatement(step="reopening", text="x"))
