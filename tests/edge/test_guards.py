"""Each guard takes an OK away by itself; none gives one."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.edge.guards import GUARDS, GuardFacts, code_of, judge, verdict_of
from gaugeblock.edge.ports import REVIEW_ZONE, ModuleFacts, PixelFacts
from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.plant.record_types import Verdict

GOOD = GuardFacts(
    verdict=Verdict.OK,
    score=0.5,
    threshold=1.0,
    pixels=PixelFacts(64, 48, 120.0, 30.0),
    module=ModuleFacts("aa"),
    released_sha256="aa",
    inspector=("size", "contrast", "exposure"),
    frame_sha256="f1",
    previous_sha256="f0",
    previous_known=True,
    now_ns=10,
    deadline_ns=20,
    spool_error=None,
    clock_source="local",
)
FAULTS = [
    ("spool_healthy", {"spool_error": "stores.full"}),
    ("module_released", {"module": None}),
    ("module_released", {"module": ModuleFacts("bb")}),
    ("module_released", {"released_sha256": None}),
    ("frame_decoded", {"pixels": None}),
    ("frame_size", {"inspector": ("contrast", "exposure")}),
    ("frame_exposed", {"inspector": ("size", "contrast")}),
    ("frame_exposed", {"pixels": PixelFacts(64, 48, 1.0, 30.0)}),
    ("frame_exposed", {"pixels": PixelFacts(64, 48, 254.0, 30.0)}),
    ("frame_exposed", {"pixels": PixelFacts(64, 48, 120.0, 0.0)}),
    ("frame_exposed", {"pixels": PixelFacts(64, 48, nan, 30.0)}),
    ("frame_fresh", {"previous_sha256": "f1"}),
    ("frame_fresh", {"frame_sha256": None}),
    ("frame_fresh", {"previous_known": False}),
    ("score_finite", {"score": nan}),
    ("score_finite", {"score": None}),
    ("score_finite", {"score": -inf}),
    ("score_finite", {"threshold": inf}),
    ("score_finite", {"threshold": 0.0}),
    ("verdict_consistent", {"score": 1.5}),
    ("verdict_consistent", {"review_from": 0.4}),
    ("verdict_consistent", {"review_from": 1.1}),
    ("score_finite", {"review_from": nan}),
    ("frame_moving", {"frozen": True}),
    ("product", {"product": "P2", "module": ModuleFacts("aa", product="P1")}),
    ("unit_not_passed_before", {"passed_before": True}),
    ("challenge", {"challenge": "edge.challenge_failed"}),
    ("in_time", {"now_ns": 21}),
]


def test_all_guards_pass_on_good_facts() -> None:
    judged = judge(GOOD)
    assert (judged.verdict, judged.reason) == (Verdict.OK, None)
    assert judged.passed == tuple(name for name, _ in GUARDS)


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_each_fault_makes_undecided_and_is_named(name: str, fault: dict[str, object]) -> None:
    judged = judge(replace(GOOD, **fault))  # type: ignore[arg-type]
    assert judged.verdict is Verdict.UNDECIDED
    assert name not in judged.passed
    assert judged.reason is not None


@given(faults=st.lists(st.sampled_from(FAULTS), max_size=4), verdict=st.sampled_from(Verdict))
def test_ok_comes_only_from_ok_with_every_guard(faults: list[tuple[str, dict[str, object]]], verdict: Verdict) -> None:
    facts = replace(GOOD, verdict=verdict, score=1.5 if verdict is Verdict.NOK else 0.5)
    for _, fault in faults:
        facts = replace(facts, **fault)  # type: ignore[arg-type]
    judged = judge(facts)
    if judged.verdict is Verdict.OK:
        assert verdict is Verdict.OK
        assert not faults
        assert len(judged.passed) == len(GUARDS)


def test_a_reason_given_by_inference_is_kept_and_never_ok() -> None:
    judged = judge(GOOD, "edge.deadline")
    assert (judged.verdict, judged.reason) == (Verdict.UNDECIDED, "edge.deadline")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_guard_has_words(language: str) -> None:
    words = catalogue(language)  # type: ignore[arg-type]
    for name, _ in GUARDS:
        room, code = code_of(name).split(".")
        assert words[f"{room}.error.{code}.text"]
        assert words[f"{room}.error.{code}.remedy"]


ZONED = replace(GOOD, review_from=0.8)


@given(score=st.floats(0.0, 2.0))
def test_each_zone_has_its_answer_and_only_its_own(score: float) -> None:
    verdict = verdict_of(score, 1.0, 0.8)
    facts = replace(ZONED, score=score, verdict=verdict)
    judged = judge(facts, REVIEW_ZONE if verdict is Verdict.UNDECIDED else None)
    assert judged.verdict is verdict
    assert judged.reason == (REVIEW_ZONE if 0.8 < score <= 1.0 else None)
    for other in set(Verdict) - {verdict}:
        contradicted = judge(replace(facts, verdict=other), REVIEW_ZONE if other is Verdict.UNDECIDED else None)
        assert (contradicted.verdict, contradicted.reason) == (Verdict.UNDECIDED, "edge.guard_verdict_consistent")


def test_a_part_that_was_not_judged_is_not_sent_to_review() -> None:
    doubtful = replace(ZONED, score=0.9, verdict=Verdict.UNDECIDED)
    assert judge(doubtful, REVIEW_ZONE).reason == REVIEW_ZONE
    assert judge(replace(doubtful, frozen=True), REVIEW_ZONE).reason == "edge.guard_frame_frozen"


def test_without_a_product_on_either_side_there_is_nothing_to_compare() -> None:
    for facts in (replace(GOOD, product="P2"), replace(GOOD, module=ModuleFacts("aa", product="P1"))):
        assert judge(facts).verdict is Verdict.OK
