"""The bound holds: by the binomial itself, by known tables, and by drawing parts again and again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.vision.errors import LevelRangeError, TooFewPartsError
from gaugeblock.vision.threshold import choose_threshold, overkill_bound, parts_needed


@pytest.mark.parametrize(
    ("above", "parts", "confidence", "bound"),
    # Clopper–Pearson upper limits (one-sided), from standard tables: rule of three, and 1 and 2 events.
    [
        (0, 10, 0.95, 0.2589),
        (0, 100, 0.95, 0.0295),
        (1, 100, 0.95, 0.0466),
        (2, 50, 0.95, 0.1206),
        (0, 22, 0.90, 0.0994),
    ],
)
def test_bounds_of_published_tables(above: int, parts: int, confidence: float, bound: float) -> None:
    assert overkill_bound(above, parts, confidence) == pytest.approx(bound, abs=6e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.data(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_the_bound_solves_the_binomial(parts: int, data: st.DataObject, confidence: float) -> None:
    above = data.draw(st.integers(0, parts - 1))
    p = overkill_bound(above, parts, confidence)
    chance = sum(math.comb(parts, k) * p**k * (1 - p) ** (parts - k) for k in range(above + 1))
    assert chance == pytest.approx(1 - confidence, rel=1e-5)
    assert above / parts < p <= 1


def test_thousands_of_parts_do_not_underflow() -> None:
    assert overkill_bound(2000, 100_000, 0.95) == pytest.approx(0.02075, abs=5e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=2, max_size=300),
    st.sampled_from([0.01, 0.02, 0.05, 0.2]),
)
def test_laws_of_the_chosen_threshold(scores: list[float], target: float) -> None:
    chosen = choose_threshold(scores, target)
    assert chosen.value in scores
    assert chosen.parts_above == sum(s > chosen.value for s in scores)
    assert chosen.parts == len(scores)
    if min(scores) < max(scores):
        assert chosen.value > min(scores)
    if not chosen.keeps_target:
        assert chosen.value == max(scores)
        assert chosen.parts < chosen.parts_needed
    if len(scores) >= chosen.parts_needed:
        assert chosen.keeps_target


def test_the_smallest_number_is_the_smallest() -> None:
    for target, confidence in ((0.05, 0.95), (0.01, 0.9), (0.2, 0.99)):
        needed = parts_needed(target, confidence)
        assert overkill_bound(0, needed, confidence) <= target + 1e-9
        assert overkill_bound(0, needed - 1, confidence) > target


@pytest.mark.parametrize("shape", ["normal", "heavy"])
def test_promised_confidence_is_kept_whatever_the_distribution(shape: str) -> None:
    rng = np.random.default_rng(3)
    kept, trials = 0, 2000
    for _ in range(trials):
        # Overkill of a threshold among uniform draws is 1 − threshold: any continuous score is uniform by rank.
        uniform = rng.random(120)
        scores = uniform**0.1 if shape == "heavy" else uniform
        chosen = choose_threshold(scores, 0.05, 0.9)
        threshold = chosen.value**10 if shape == "heavy" else chosen.value
        kept += 1 - threshold <= chosen.overkill_upper_bound
    assert kept / trials >= 0.9 - 0.025


def test_never_the_minimum_and_never_without_parts() -> None:
    with pytest.raises(TooFewPartsError):
        choose_threshold([1.0])
    assert choose_threshold([1.0, 5.0]).value == 5.0


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_levels_outside_are_refused(level: float) -> None:
    with pytest.raises(LevelRangeError):
        choose_threshold([1.0, 2.0, 3.0], overkill_target=level)
    with pytest.raises(LevelRangeError):
        parts_needed(0.05, level)
