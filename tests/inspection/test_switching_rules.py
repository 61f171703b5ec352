"""The switching rules of ISO 2859-1, clause 9: each of them, and what never happens."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.inspection.sampling_plan import Severity, sampling_plan
from gaugeblock.inspection.study_errors import InspectionDiscontinuedError, LotSeverityError
from gaugeblock.inspection.switching_rules import (
    REJECTED_FOR_STOP,
    Change,
    LotOutcome,
    SwitchingState,
    after_lot,
    resume,
)
from gaugeblock.plant.language import LANGUAGES, catalogue


def _lot(state: SwitchingState, found: int, aql: float = 1.0, **said: bool) -> LotOutcome:
    return after_lot(state, sampling_plan(1000, aql, severity=state.severity), found, **said)


def _lots(state: SwitchingState, *counts: int, aql: float = 1.0, **said: bool) -> LotOutcome:
    outcome = LotOutcome(True, state, None)
    for found in counts:
        outcome = _lot(outcome.state, found, aql, **said)
    return outcome


BAD = 9


def test_two_of_five_tighten() -> None:
    assert _lots(SwitchingState(), BAD, 0, 0, 0, BAD).change is Change.TWO_OF_FIVE
    assert _lots(SwitchingState(), BAD, BAD).state == SwitchingState(Severity.TIGHTENED)
    assert _lots(SwitchingState(), BAD, 0, 0, 0, 0, BAD).state.severity is Severity.NORMAL


def test_five_accepted_return_to_normal() -> None:
    tightened = SwitchingState(Severity.TIGHTENED)
    assert _lots(tightened, 0, 0, 0, 0).state.severity is Severity.TIGHTENED
    assert _lots(tightened, 0, 0, 0, 0, 0).change is Change.FIVE_ACCEPTED
    assert _lots(tightened, 0, 0, 0, 0, 0).state == SwitchingState()
    assert _lots(tightened, 0, 0, BAD, 0, 0).state.severity is Severity.TIGHTENED
    assert _lots(tightened, BAD, 0, 0, 0, 0, 0).change is Change.FIVE_ACCEPTED


def test_five_rejected_in_sum_stop() -> None:
    outcome = _lots(SwitchingState(Severity.TIGHTENED), BAD, 0, BAD, 0, BAD, 0, BAD, 0, BAD)
    assert outcome.change is Change.DISCONTINUED
    assert outcome.state.discontinued
    assert outcome.state.rejected_on_tightened == REJECTED_FOR_STOP
    with pytest.raises(InspectionDiscontinuedError):
        _lot(outcome.state, 0)
    assert resume(outcome.state) == SwitchingState(Severity.TIGHTENED)
    assert resume(SwitchingState()) == SwitchingState()


def test_the_score_with_two_or_more() -> None:
    # n = 80, Ac = 2; one step tighter Ac = 1: three for up to one, back to nothing for two.
    assert _lots(SwitchingState(), 1, 0, 1).state.score == 9
    assert _lots(SwitchingState(), 1, 0, 2).state.score == 0
    assert _lot(_lots(SwitchingState(), 1, 1).state, 2).accepted
    ready = _lots(SwitchingState(), *[1] * 10, reduced_wanted=True)
    assert ready.change is Change.SCORE_REACHED
    assert ready.state == SwitchingState(Severity.REDUCED)
    assert _lots(SwitchingState(), *[1] * 9, reduced_wanted=True).state.severity is Severity.NORMAL


def test_the_score_with_none_or_one() -> None:
    # AQL 0.15: n = 80, Ac = 0; AQL 0.65: n = 80, Ac = 1: two for every accepted lot.
    assert _lots(SwitchingState(), 0, 0, aql=0.15).state.score == 4
    assert _lots(SwitchingState(), 0, 1, aql=0.65).state.score == 4
    assert _lots(SwitchingState(), 0, 0, 2, aql=0.65).state.score == 0
    assert _lots(SwitchingState(), *[0] * 15, aql=0.15, reduced_wanted=True).change is Change.SCORE_REACHED
    assert _lots(SwitchingState(), *[0] * 14, aql=0.15, reduced_wanted=True).change is None


def test_reduced_needs_the_authority_and_steady_production() -> None:
    assert _lots(SwitchingState(), *[0] * 20).state.severity is Severity.NORMAL
    waiting = _lots(SwitchingState(), *[0] * 20, reduced_wanted=True, production_steady=False).state
    assert waiting.severity is Severity.NORMAL
    assert _lot(waiting, 0, reduced_wanted=True).change is Change.SCORE_REACHED


def test_reduced_ends() -> None:
    reduced = SwitchingState(Severity.REDUCED)
    assert _lot(reduced, 0, reduced_wanted=True).state.severity is Severity.REDUCED
    for found, said, change in (
        (BAD, {"reduced_wanted": True}, Change.LOT_REJECTED),
        (0, {"reduced_wanted": True, "production_steady": False}, Change.PRODUCTION_IRREGULAR),
        (0, {"reduced_wanted": False}, Change.AUTHORITY),
    ):
        outcome = _lot(reduced, found, **said)
        assert outcome.change is change
        assert outcome.state == SwitchingState()


def test_a_lot_presented_again_changes_nothing() -> None:
    state = _lots(SwitchingState(), 0, BAD).state
    again = _lot(state, BAD, original=False)
    assert not again.accepted
    assert again.state == state


def test_a_plan_of_another_severity_is_refused() -> None:
    with pytest.raises(LotSeverityError):
        after_lot(SwitchingState(), sampling_plan(1000, 1.0, severity=Severity.REDUCED), 0)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans(), st.booleans()), max_size=60),
    st.sampled_from([0.15, 0.65, 1.0, 4.0]),
)
def test_what_always_holds(lots: list[tuple[int, bool, bool, bool]], aql: float) -> None:
    state = SwitchingState()
    for found, original, steady, wanted in lots:
        if state.discontinued:
            state = resume(state)
        before = state
        outcome = _lot(state, found, aql, original=original, production_steady=steady, reduced_wanted=wanted)
        state = msgspec.json.decode(msgspec.json.encode(outcome.state), type=SwitchingState)
        assert state == outcome.state
        assert (outcome.change is not None) == (
            (before.severity, before.discontinued) != (state.severity, state.discontinued)
        )
        # Tightened and reduced are never neighbours, and no accepted lot makes inspection stricter than normal.
        assert {before.severity, state.severity} != {Severity.TIGHTENED, Severity.REDUCED}
        if outcome.accepted:
            assert state.severity is not Severity.TIGHTENED or before.severity is Severity.TIGHTENED
        assert len(state.recent) <= 5
        assert state.severity is Severity.NORMAL or state.score == 0


def test_every_change_has_its_words() -> None:
    for language in LANGUAGES:
        assert [c.value for c in Change if c.value not in catalogue(language)] == []
