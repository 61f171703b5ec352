"""The gate as a machine: what closes it, what opens it, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.edge import challenge_gate as gate
from gaugeblock.edge.challenge_gate import Conditions, GateState
from gaugeblock.plant.control_facets import ChallengeAnswer, ChallengePart, ChallengeSetStatement
from gaugeblock.plant.facet import Verdict

PARTS = ChallengeSetStatement((ChallengePart("G1", "good"), ChallengePart("N1", "defective")), valid_h=8.0)
NOW = Conditions(PARTS, "set1", True, "m1", "2026-01-01T00:00:00Z", 1000.0)
RIGHT = {"G1": Verdict.OK, "N1": Verdict.NOK}


def _answer(unit: str, verdict: Verdict) -> ChallengeAnswer:
    return ChallengeAnswer(unit, RIGHT[unit], verdict, "1/1")


def _pass(state: GateState, now: Conditions = NOW) -> GateState:
    state = gate.look(state, now)
    for unit, verdict in RIGHT.items():
        state = gate.judged(state, now, _answer(unit, verdict))
    return state


OPEN = _pass(GateState())


def test_all_parts_open_it_and_one_does_not() -> None:
    state = gate.look(GateState(), NOW)
    assert gate.closed(state, NOW) == "edge.challenge_due"
    state = gate.judged(state, NOW, _answer("G1", Verdict.OK))
    state = gate.judged(state, NOW, _answer("G1", Verdict.OK))
    assert gate.closed(state, NOW) == "edge.challenge_due"
    state = gate.judged(state, NOW, _answer("N1", Verdict.NOK))
    assert gate.closed(state, NOW) is None
    assert [answer.unit for answer in state.answers] == ["G1", "N1"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"set_sha256": "set2"}, "set"),
        ({"module_sha256": "m2"}, "module"),
        ({"shift": "2026-01-01T08:00:00Z"}, "shift"),
        ({"now_s": 1000.0 + 8.1 * 3600}, "expired"),
        ({"now_s": 900.0}, "expired"),
    ],
)
def test_each_cause_closes_it(change: dict[str, object], cause: str) -> None:
    now = replace(NOW, **change)  # type: ignore[arg-type]
    state = gate.look(OPEN, now)
    assert (state.state, state.cause, state.answers) == ("due", cause, ())
    assert gate.closed(state, now) == "edge.challenge_due"
    assert gate.look(state, now) == state, "said once"
    assert _pass(state, now).state == "open"


def test_a_changeover_closes_it_where_the_set_says_so() -> None:
    first = gate.look(OPEN, replace(NOW, product="A"))
    assert first.state == "open"
    assert gate.look(first, NOW).state == "open", "a part without a product changes nothing"
    second = gate.look(first, replace(NOW, product="B"))
    assert (second.state, second.cause) == ("due", "changeover")
    lenient = ChallengeSetStatement(PARTS.parts, each_shift=False, each_changeover=False, valid_h=8.0)
    easy = replace(NOW, challenge_set=lenient, product="B", shift="2026-01-01T08:00:00Z")
    assert gate.look(first, easy).state == "open"


def test_a_wrong_answer_fails_it_at_any_time_and_all_parts_must_come_again() -> None:
    for before in (gate.look(GateState(), NOW), OPEN):
        failed = gate.judged(gate.judged(before, NOW, _answer("G1", Verdict.OK)), NOW, _answer("N1", Verdict.OK))
        assert gate.closed(failed, NOW) == "edge.challenge_failed"
        again = gate.judged(failed, NOW, _answer("N1", Verdict.NOK))
        assert gate.closed(again, NOW) == "edge.challenge_failed", "the good part too"
        assert gate.judged(again, NOW, _answer("G1", Verdict.OK)).state == "open"


def test_the_review_zone_is_a_wrong_answer() -> None:
    state = gate.judged(gate.look(GateState(), NOW), NOW, _answer("N1", Verdict.UNDECIDED))
    assert state.state == "failed"


def test_without_a_set_it_is_open_unless_one_is_required() -> None:
    none = replace(NOW, challenge_set=None, set_sha256=None)
    assert gate.closed(gate.look(GateState(), none), none) == "edge.challenge_missing"
    free = replace(none, required=False)
    assert gate.closed(gate.look(GateState(), free), free) is None


def test_a_crash_while_counting_closes_an_open_gate_only() -> None:
    after = gate.look(gate.interrupted(OPEN), NOW)
    assert (after.state, after.cause) == ("due", "start")
    due = gate.look(GateState(), NOW)
    assert gate.interrupted(due) == due


EVENTS = st.one_of(
    st.tuples(st.just("answer"), st.sampled_from(sorted(RIGHT)), st.sampled_from(Verdict)),
    st.tuples(st.just("module"), st.sampled_from(["m1", "m2"])),
    st.tuples(st.just("set"), st.sampled_from(["set1", "set2"])),
    st.tuples(st.just("product"), st.sampled_from(["A", "B"])),
    st.tuples(st.just("shift"), st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z"])),
    st.tuples(st.just("time"), st.floats(-1e5, 1e5)),
    st.tuples(st.just("restart")),
)


@given(events=st.lists(EVENTS, max_size=40))
def test_it_is_open_only_after_every_part_was_judged_rightly_since_it_was_due(
    events: list[tuple[object, ...]],
) -> None:
    state, now = GateState(), NOW
    right: set[str] = set()
    for event in events:
        match event:
            case ("answer", str(unit), Verdict() as verdict):
                state = gate.judged(state, now, _answer(unit, verdict))
                right = right | {unit} if verdict is RIGHT[unit] else set()
            case ("restart",):
                state = msgspec.json.decode(msgspec.json.encode(state), type=GateState)
            case (name, value):
                names = {"module": "module_sha256", "set": "set_sha256", "time": "now_s"}
                now = replace(now, **{names.get(str(name), str(name)): value})  # type: ignore[arg-type]
        if gate.cause_of(state, now) is not None:
            right = set()
        state = gate.look(state, replace(now, product=now.product))
        if gate.closed(state, now) is None:
            assert right == set(RIGHT), "shown and right, all of them, since the last cause"
