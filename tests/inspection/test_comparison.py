"""The criteria of a comparison: pure rules on counts."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.inspection.comparison import Criteria, JudgedPart, compare_set, judge, mcnemar_worse
from gaugeblock.inspection.module_errors import ComparisonCriteriaError

GOOD_OK, GOOD_NOK = JudgedPart("good", True, True), JudgedPart("good", False, False)
BAD_NOK = JudgedPart("defective", False, False)
UNKNOWN = JudgedPart(None, True, True)
ENOUGH = [compare_set("shadow", [UNKNOWN] * 200)]

parts = st.builds(JudgedPart, st.sampled_from(["good", "defective", None]), st.booleans(), st.booleans())


def states(*sets, criteria=Criteria()):  # type: ignore[no-untyped-def]  # noqa: B008
    return {result.name: result.state for result in judge(sets, criteria).criteria}


@given(st.lists(parts, max_size=60))
def test_counts_add_up(judged: list[JudgedPart]) -> None:
    counted = compare_set("held_out", judged)
    known = [part for part in judged if part.condition is not None]
    assert counted.of == len(judged)
    assert counted.good + counted.defective == len(known)
    assert 0 <= counted.overkill_candidate <= counted.good
    assert 0 <= counted.escape_in_service <= counted.defective
    right = sum(part.candidate_accepts == (part.condition == "good") for part in known)
    theirs = sum(part.in_service_accepts == (part.condition == "good") for part in known)
    assert right - theirs == counted.only_candidate_right - counted.only_in_service_right


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_tail(ours: int, theirs: int) -> None:
    differing = ours + theirs
    exact = sum(comb(differing, k) for k in range(theirs, differing + 1)) / 2**differing
    assert mcnemar_worse(ours, theirs) == pytest.approx(exact, abs=1e-12)


def test_equal_modules_pass_and_say_what_was_not_tested() -> None:
    held = compare_set("held_out", [GOOD_OK] * 60 + [BAD_NOK] * 6)
    found = states(held, *ENOUGH)
    assert judge([held, *ENOUGH]).passed
    assert found["escape_challenge"] == found["escape_shadow"] == found["mcnemar"] == "not_tested"
    assert found["escape_held_out"] == found["overkill_bound"] == "passed"


def test_one_more_escape_fails() -> None:
    worse = [*([BAD_NOK] * 9), JudgedPart("defective", True, False)]
    for name in ("held_out", "challenge", "shadow"):
        others = [compare_set("held_out", [GOOD_OK] * 50)] if name != "held_out" else []
        judged = judge([*others, compare_set(name, worse + [UNKNOWN] * 200)])  # type: ignore[arg-type]
        assert not judged.passed
        assert f"escape_{name}" in judged.failed


def test_without_evidence_nothing_passes() -> None:
    judged = judge([])
    assert not judged.passed
    assert set(judged.failed) == {"defective_parts", "shadow_parts"}
    assert states(compare_set("shadow", [UNKNOWN] * 199))["shadow_parts"] == "failed"


def test_overkill_bound_has_a_margin() -> None:
    same = [GOOD_OK] * 400
    one_more = [JudgedPart("good", False, True), *([GOOD_OK] * 399)]
    many_more = [*([JudgedPart("good", False, True)] * 12), *([GOOD_OK] * 388)]
    defective = [BAD_NOK] * 6
    assert states(compare_set("held_out", same + defective))["overkill_bound"] == "passed"
    assert states(compare_set("held_out", one_more + defective))["overkill_bound"] == "passed"
    assert states(compare_set("held_out", many_more + defective))["overkill_bound"] == "failed"


def test_mcnemar_finds_what_counts_do_not() -> None:
    # Within the margin of the bound, and yet each part that differs speaks for the module in service.
    worse = [*([JudgedPart("good", False, True)] * 6), *([GOOD_OK] * 4000), *([BAD_NOK] * 6)]
    found = states(compare_set("held_out", worse), *ENOUGH)
    assert found["overkill_bound"] == "passed"
    assert found["mcnemar"] == "failed"


@pytest.mark.parametrize("bad", [{"overkill_margin": 0.0}, {"confidence": 1.0}, {"shadow_needed": -1}])
def test_criteria_are_checked(bad: dict[str, float]) -> None:
    with pytest.raises(ComparisonCriteriaError):
        Criteria(**bad)  # type: ignore[arg-type]
