"""The PLC's watchdog law: no pass without an OK in time, and exactly one routing for each unit."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gaugeblock.plant.record_types import Verdict
from gaugeblock.virtual.plc import Gate, PlcSequenceError, PlcState, Routed, Triggered, VirtualPlc

DEADLINE_NS = 300_000_000


def triggered_plc() -> VirtualPlc:
    plc = VirtualPlc(deadline_ms=300.0)
    plc.load()
    assert plc.scan(0) == [Triggered(1)]
    return plc


@pytest.mark.parametrize(
    ("verdict", "gate"), [(Verdict.OK, "pass"), (Verdict.NOK, "reject"), (Verdict.UNDECIDED, "reject")]
)
def test_an_answer_in_time_routes(verdict: Verdict, gate: Gate) -> None:
    plc = triggered_plc()
    plc.answer(1, verdict, DEADLINE_NS - 1)
    assert plc.scan(DEADLINE_NS - 1) == [Routed(1, gate, late=False)]
    assert plc.state is PlcState.INFEED


def test_an_answer_on_the_deadline_is_late() -> None:
    plc = triggered_plc()
    plc.answer(1, Verdict.OK, DEADLINE_NS)
    assert plc.counts.late_answers == 1
    assert plc.scan(DEADLINE_NS) == [Routed(1, "reject", late=True)]
    plc.answer(1, Verdict.OK, DEADLINE_NS + 1)
    assert plc.counts.late_answers == 2
    assert plc.scan(DEADLINE_NS + 1) == []
    assert (plc.counts.passed, plc.counts.rejected) == (0, 1)


def test_the_first_of_two_answers_counts() -> None:
    plc = triggered_plc()
    plc.answer(1, Verdict.NOK, 5)
    plc.answer(1, Verdict.OK, 6)
    assert plc.scan(7) == [Routed(1, "reject", late=False)]
    assert plc.counts.repeated_answers == 1


def test_an_answer_for_another_trigger_moves_nothing() -> None:
    plc = triggered_plc()
    for number in (0, 2, 10**9):
        plc.answer(number, Verdict.OK, 5)
    assert plc.counts.foreign_answers == 3
    assert plc.scan(6) == []
    assert plc.state is PlcState.WAIT


def test_a_second_unit_cannot_be_loaded() -> None:
    plc = triggered_plc()
    with pytest.raises(PlcSequenceError) as caught:
        plc.load()
    assert caught.value.facts == {"state": "wait"}


class PlcMachine(RuleBasedStateMachine):
    """Any order of units, answers (right, wrong, early, late, repeated) and scans."""

    def __init__(self) -> None:
        super().__init__()
        self.plc = VirtualPlc(deadline_ms=300.0)
        self.now_ns = 0
        self.loaded = 0
        self.triggered_at_ns: dict[int, int] = {}
        self.ok_in_time: set[int] = set()
        self.answered: set[int] = set()
        self.routed: dict[int, Routed] = {}

    @precondition(lambda self: self.plc.state is PlcState.INFEED)
    @rule()
    def unit_arrives(self) -> None:
        self.plc.load()
        self.loaded += 1
        self.scan()

    @rule(step_ns=st.sampled_from((0, 1, 1_000_000, DEADLINE_NS - 1, DEADLINE_NS, 2 * DEADLINE_NS)))
    def time_passes(self, step_ns: int) -> None:
        self.now_ns += step_ns

    @rule(offset=st.integers(-3, 2), verdict=st.sampled_from(list(Verdict)), then_scan=st.booleans())
    def answer_arrives(self, offset: int, verdict: Verdict, then_scan: bool) -> None:
        number = self.plc.last_trigger + offset
        in_time = (
            number in self.triggered_at_ns
            and number not in self.routed
            and self.now_ns < self.triggered_at_ns[number] + DEADLINE_NS
        )
        # The first answer in time is the one that counts.
        if in_time and number not in self.answered:
            self.answered.add(number)
            if verdict is Verdict.OK:
                self.ok_in_time.add(number)
        self.plc.answer(number, verdict, self.now_ns)
        if then_scan:
            self.scan()

    @rule()
    def scan(self) -> None:
        for output in self.plc.scan(self.now_ns):
            if isinstance(output, Triggered):
                assert output.number == len(self.triggered_at_ns) + 1
                self.triggered_at_ns[output.number] = self.now_ns
            else:
                assert output.number not in self.routed, "one routing a unit"
                assert output.number in self.triggered_at_ns
                self.routed[output.number] = output

    @invariant()
    def pass_needs_an_ok_in_time(self) -> None:
        for number, routed in self.routed.items():
            assert (routed.gate == "pass") == (number in self.ok_in_time)
            assert routed.late == (number not in self.answered)

    @invariant()
    def counts_agree(self) -> None:
        counts = self.plc.counts
        assert counts.triggers == self.loaded == len(self.triggered_at_ns)
        assert counts.passed + counts.rejected == len(self.routed)
        assert self.loaded - len(self.routed) in (0, 1)

    def teardown(self) -> None:
        """Whatever happened, the watchdog routes the last unit."""
        self.now_ns += DEADLINE_NS
        self.scan()
        assert len(self.routed) == self.loaded
        self.pass_needs_an_ok_in_time()


PlcMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPlcLaw = PlcMachine.TestCase
