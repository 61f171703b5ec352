"""Each guard takes an OK away by itself; none gives one."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.edge.guards import GUARDS, GuardFacts, judge
from gaugeblock.edge.ports import ModuleFacts, PixelFacts
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
        assert words[f"edge.error.guard_{name}.text"]
        assert words[f"edge.error.guard_{name}.remedy"]
