"""Challenge parts through the station: the law that matters is what the PLC is told, whatever is killed when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.edge.memory import MemoryInference, MemorySpool
from gaugeblock.edge.ports import ModuleFacts
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement
from gaugeblock.plant.record_types import Verdict
from tests.edge.test_station import Bench

SET = ChallengeSetStatement((ChallengePart("G1", "good"), ChallengePart("N1", "defective")), valid_h=1.0)


class ChallengeBench(Bench):
    """A station with challenge parts; ``show`` puts one in front of it, judged as ``scored``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.scored: dict[int, float] = {}
        self.inference._score = lambda frame: self.scored.get(int(frame.split()[1]), 0.5)
        self.duties.duty = replace(self.duties.duty, challenge_set=SET, require_challenge=True)

    def show(self, unit: str | None = None, score: float | None = None, product: str | None = "P1") -> Verdict | None:
        number = self.plc.trigger(unit=unit, product=product)
        self.scored[number] = score if score is not None else 1.5 if unit == "N1" else 0.5
        said = len(self.plc.answers)
        self.run()
        return self.plc.answers[-1][1] if len(self.plc.answers) > said else None

    def challenge(self) -> None:
        self.show("G1")
        self.show("N1")

    def records(self) -> list[dict[str, Any]]:
        return [self.facets(row.jws, dict(row.disclosures)) for row in self.spool.rows]

    def steps(self) -> list[tuple[str, str]]:
        return [
            (facets["statement"].state, facets["statement"].cause)
            for facets in self.records()
            if hasattr(facets["statement"], "cause")
        ]


def test_until_all_parts_have_passed_nothing_is_judged_and_the_log_says_why() -> None:
    bench = ChallengeBench()
    assert bench.show() is Verdict.UNDECIDED
    assert bench.spool.rows[-1].entry.reason == "edge.challenge_due"
    bench.challenge()
    assert bench.show() is Verdict.OK
    assert bench.steps() == [("due", "start"), ("passed", "start")]
    passed = next(f for f in bench.records() if getattr(f["statement"], "state", "") == "passed")
    answers = passed["measurement"].answers
    assert [(a.unit, a.expected, a.verdict) for a in answers] == [
        ("G1", Verdict.OK, Verdict.OK),
        ("N1", Verdict.NOK, Verdict.NOK),
    ]
    verdicts = {row.identity for row in bench.spool.rows if row.entry.verdict is not None}
    assert {a.identity for a in answers} <= verdicts, "each answer names its verdict"


def test_a_challenge_part_is_recorded_as_judged_and_never_told_ok() -> None:
    bench = ChallengeBench()
    assert bench.show("G1") is Verdict.UNDECIDED
    row = next(row for row in bench.spool.rows if row.entry.verdict is not None)
    facets: dict[str, Any] = bench.facets(row.jws, dict(row.disclosures))
    assert (facets["statement"].verdict, facets["process"].purpose) == (Verdict.OK, "challenge")
    assert (row.entry.verdict, row.entry.reason) == (Verdict.UNDECIDED, "edge.challenge_part")
    assert bench.show("N1") is Verdict.NOK
    assert bench.show("G1") is Verdict.UNDECIDED, "nor while the gate is open, nor as a duplicate"
    assert bench.station.gate.state == "open"


@pytest.mark.parametrize(("unit", "score"), [("N1", 0.5), ("G1", 1.5)])
def test_a_wrong_answer_fails_and_all_must_be_shown_again(unit: str, score: float) -> None:
    bench = ChallengeBench()
    bench.challenge()
    bench.show(unit, score)
    assert bench.show() is Verdict.UNDECIDED
    assert bench.spool.rows[-1].entry.reason == "edge.challenge_failed"
    bench.show("N1")
    assert bench.show() is Verdict.UNDECIDED
    bench.show("G1")
    assert bench.show() is Verdict.OK
    assert bench.steps()[-2:] == [("failed", "failed"), ("passed", "failed")]


def test_a_part_that_could_not_be_judged_is_shown_again() -> None:
    bench = ChallengeBench()
    bench.show("G1")
    bench.camera.faults.add(bench.plc.number + 1)
    bench.show("N1")
    assert (bench.station.gate.state, len(bench.station.gate.answers)) == ("due", 1)
    bench.show("N1")
    assert bench.show() is Verdict.OK


def test_a_required_challenge_without_parts_judges_nothing() -> None:
    bench = ChallengeBench()
    bench.duties.duty = replace(bench.duties.duty, challenge_set=None)
    assert bench.show() is Verdict.UNDECIDED
    assert bench.spool.rows[-1].entry.reason == "edge.challenge_missing"


def test_a_shift_and_a_changeover_and_a_module_make_it_due() -> None:
    bench = ChallengeBench()
    bench.duties.duty = replace(bench.duties.duty, shifts=("00:30",), timezone="UTC")
    bench.challenge()
    assert bench.show() is Verdict.OK
    bench.clock.advance_ms(31 * 60_000)
    assert bench.station.step() is None
    assert bench.steps()[-1] == ("due", "shift"), "said while no part comes"
    bench.challenge()
    assert bench.show(product="P2") is Verdict.UNDECIDED
    assert bench.steps()[-1] == ("due", "changeover")
    bench.challenge()
    assert bench.show(product="P2") is Verdict.OK
    newer = MemoryInference(bench.clock, bench.inference._score, module=ModuleFacts("ee" * 32))
    bench.duties.duty = replace(bench.duties.duty, inference=newer, module_sha256="ee" * 32)
    assert bench.show(product="P2") is Verdict.UNDECIDED
    assert bench.steps()[-1] == ("due", "module")
    assert "module_changed" in bench.report.names()
    bench.clock.advance_ms(100)
    bench.challenge()
    assert bench.show(product="P2") is Verdict.OK
    bench.clock.advance_ms(3601_000)
    assert bench.show(product="P2") is Verdict.UNDECIDED
    assert bench.steps()[-1][1] in ("expired", "shift")


def test_it_survives_a_restart() -> None:
    bench = ChallengeBench()
    bench.show("G1")
    bench.restart()
    bench.show("N1")
    bench.restart()
    assert bench.show() is Verdict.OK
    assert bench.steps() == [("due", "start"), ("passed", "start")]


class DyingSpool(MemorySpool):
    """Fails at the writes named, before or after they are done, as a killed process would."""

    def __init__(self) -> None:
        super().__init__()
        self.die: dict[int, str] = {}
        self.writes = 0

    def put(self, entries: Any, gate: bytes | None = None) -> list[int]:
        self.writes += 1
        fate = self.die.get(self.writes)
        if fate == "before":
            raise KeyboardInterrupt
        positions = super().put(entries, gate)
        if fate == "after":
            raise KeyboardInterrupt
        return positions


EVENTS = (
    "good",
    "good",
    "bad",
    "G1",
    "N1",
    "G1 wrong",
    "N1 wrong",
    "N1 doubtful",
    "camera",
    "full",
    "slow",
    "not_amended",
    "module",
    "changeover",
    "hour",
    "idle",
    "restart",
    "die before",
    "die after",
    "no set",
    "set",
)


@settings(max_examples=300, deadline=None)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=40))
def test_no_ok_between_due_and_passed_in_any_order_of_events(events: list[str]) -> None:
    bench = ChallengeBench()
    spool = DyingSpool()
    bench.spool = spool  # type: ignore[assignment]
    bench.restart()
    product = "P1"
    for event in events:
        unit = {"G1": "G1", "N1": "N1"}.get(event.split()[0])
        passed_before = set(bench.plc.passed)
        try:
            match event:
                case "restart":
                    bench.restart()
                case "die before" | "die after":
                    spool.die[spool.writes + 1] = event.split()[1]
                case "module":
                    digest = f"{len(bench.report.events) % 7:02x}" * 32
                    other = MemoryInference(bench.clock, bench.inference._score, module=ModuleFacts(digest))
                    bench.duties.duty = replace(bench.duties.duty, inference=other, module_sha256=digest)
                case "changeover":
                    product = "P2" if product == "P1" else "P1"
                case "hour":
                    bench.clock.advance_ms(3_700_000)
                case "idle":
                    bench.station.step()
                case "no set" | "set":
                    bench.duties.duty = replace(bench.duties.duty, challenge_set=SET if event == "set" else None)
                case "camera":
                    bench.camera.faults.add(bench.plc.number + 1)
                    bench.show("N1", product=product)
                case "full":
                    spool.full = True
                    bench.show("G1", product=product)
                    spool.full = False
                case "slow":
                    bench.inference.duration_ms = 400.0
                    bench.show("N1", product=product)
                    bench.inference.duration_ms = 20.0
                case "not_amended":
                    spool.amend_faults = 2
                    bench.show("G1", product=product)
                case _:
                    score = {"bad": 1.5, "G1 wrong": 1.5, "N1 wrong": 0.5}.get(event)
                    bench.show(unit, score, product)
        except KeyboardInterrupt:
            spool.full, bench.inference.duration_ms = False, 20.0
            bench.restart()
        assert not (bench.plc.passed - passed_before) or event == "good", "no challenge part passes"
    # The log alone tells whether each OK was said while the gate was open.
    is_open = False
    for row in spool.rows:
        facets: dict[str, Any] = bench.facets(row.jws, dict(row.disclosures))
        statement = facets["statement"]
        if hasattr(statement, "cause"):
            is_open = statement.state == "passed"
            if is_open:
                units = {a.unit for a in facets["measurement"].answers if a.verdict is a.expected}
                assert units == {"G1", "N1"}
        elif row.entry.verdict is Verdict.OK:
            assert is_open, "OK was recorded, and may have been said, while a challenge was due"
            assert facets["process"].purpose == "production"
    recorded = {row.entry.trigger: row.entry.verdict for row in spool.rows if row.entry.verdict is not None}
    assert all(recorded[number] is Verdict.OK for number in bench.plc.passed)
