"""Operating points: cheapest by exhaustive search, honest by simulation, and silent about what is not known."""

from __future__ import annotations

import hashlib
import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.plant.canonical_json import canonical_json
from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.vision.errors import (
    CostRangeError,
    FoldsMismatchError,
    GroupsMismatchError,
    LevelRangeError,
    ScoreNotFiniteError,
    TooFewPartsError,
    TooManyScoresError,
)
from gaugeblock.vision.operating_point import (
    PointWarning,
    Zone,
    ZonedOperatingPoint,
    choose_operating_point,
)
from gaugeblock.vision.overkill_at_escape import overkill_at_escape
from gaugeblock.vision.rates import SCORES_MAX
from gaugeblock.vision.reject_option import Costs, cheapest_thresholds
from gaugeblock.vision.threshold import choose_threshold

COSTS = Costs(escape=200.0, overkill=5.0, review=1.0)


def _normal(seed: int, good: int, bad: int, apart: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, good), rng.normal(apart, 1, bad)


def _cost(good: np.ndarray, bad: np.ndarray, costs: Costs, rate: float, low: float, high: float) -> float:
    looked = rate * np.mean((bad > low) & (bad <= high)) + (1 - rate) * np.mean((good > low) & (good <= high))
    mistakes = rate * costs.escape * np.mean(bad <= low) + (1 - rate) * costs.overkill * np.mean(good > high)
    return float(mistakes + (costs.review or 0.0) * looked)


scores = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    scores,
    scores,
    st.floats(0, 50),
    st.floats(0, 50),
    st.one_of(st.none(), st.floats(0, 20)),
    st.floats(0.01, 0.99),
)
def test_no_pair_of_lines_is_cheaper(
    good: list[float], bad: list[float], escape: float, overkill: float, review: float | None, rate: float
) -> None:
    costs = Costs(escape, overkill, review)
    g, b = np.array(good), np.array(bad)
    low, high = cheapest_thresholds(g, b, costs, rate)
    assert low <= high
    if review is None:
        assert low == high
    lines = np.arange(-1.0, 14.0) + 0.5
    pairs = [(x, y) for x in lines for y in lines if (x <= y if review is not None else x == y)]
    best = min(_cost(g, b, costs, rate, x, y) for x, y in pairs)
    assert _cost(g, b, costs, rate, low, high) == pytest.approx(best, rel=1e-9, abs=1e-9)


def test_lines_keep_off_the_scores() -> None:
    close = np.nextafter(1.0, 2.0)
    low, high = cheapest_thresholds(np.array([1.0]), np.array([close]), Costs(1, 1), 0.5)
    assert low == high == 1.0  # no number lies between: the good part passes, the other does not


def test_a_dear_escape_lowers_the_line_and_a_cheap_look_opens_a_zone() -> None:
    good, bad = _normal(1, 400, 200)
    points = [
        choose_operating_point(good, bad, costs=Costs(escape, 5.0), defect_rate=0.02)
        for escape in (10, 100, 1000, 10_000)
    ]
    thresholds = [p.threshold for p in points]
    assert thresholds == sorted(thresholds, reverse=True)
    assert all(p.review_from == p.threshold for p in points)
    zoned = choose_operating_point(good, bad, costs=Costs(1000, 5.0, 0.5), defect_rate=0.02)
    assert zoned.review_from < zoned.threshold
    assert zoned.on_chosen is not None
    assert zoned.on_chosen.reviews_per_1000 is not None
    assert zoned.on_chosen.reviews_per_1000 > 0
    plain = points[2].on_chosen
    assert plain is not None
    assert zoned.on_chosen.cost_per_1000 is not None
    assert plain.cost_per_1000 is not None
    assert zoned.on_chosen.cost_per_1000 < plain.cost_per_1000
    assert zoned.zone(zoned.review_from) is Zone.OK
    assert zoned.zone((zoned.review_from + zoned.threshold) / 2) is Zone.REVIEW
    assert zoned.zone(zoned.threshold) is Zone.REVIEW
    assert zoned.zone(math.nextafter(zoned.threshold, math.inf)) is Zone.NOK


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 80), st.integers(1, 40), st.floats(0.001, 0.5), st.booleans())
def test_laws_of_any_point(seed: int, good: int, bad: int, rate: float, review: bool) -> None:
    g, b = _normal(seed, good, bad, apart=1.0)
    costs = Costs(50.0, 5.0, 1.0 if review else None)
    point = choose_operating_point(g, b, costs=costs, defect_rate=rate, seed=seed)
    assert point.review_from <= point.threshold
    counted = point.on_chosen
    assert counted is not None
    assert not counted.held_out
    assert counted.escape.hits == (b <= point.review_from).sum()
    assert counted.overkill.hits == (g > point.threshold).sum()
    for one in (counted, point.cross_fitted):
        if one is None:
            continue
        for share in (one.escape, one.overkill, one.good_reviewed, one.defective_reviewed):
            assert share.value is not None
            assert 0 <= share.low <= share.value <= share.high <= 1
        assert one.outgoing is not None
        if one.outgoing.value is not None:
            assert one.outgoing.low <= one.outgoing.value + 1e-12
            assert one.outgoing.value <= one.outgoing.high + 1e-12
    alternatives = point.alternatives
    assert alternatives is not None
    assert counted.cost_per_1000 is not None
    assert counted.cost_per_1000 == pytest.approx(1000 * _cost(g, b, costs, rate, point.review_from, point.threshold))
    assert counted.cost_per_1000 <= min(alternatives.pass_all, alternatives.reject_all) + 1e-9
    decoded = msgspec.json.decode(msgspec.json.encode(point), type=ZonedOperatingPoint)
    assert decoded == point
    assert decoded.digest() == point.digest()


def test_what_was_chosen_on_looks_better_than_it_is() -> None:
    costs, rate = Costs(100.0, 5.0), 0.05
    grid = np.linspace(-4, 6, 2001)
    cdf_good = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in grid])
    cdf_bad = np.array([0.5 * math.erfc(-(x - 1.5) / math.sqrt(2)) for x in grid])
    seen, held, real = [], [], []
    for seed in range(30):
        good, bad = _normal(seed, 100, 30, apart=1.5)
        point = choose_operating_point(good, bad, costs=costs, defect_rate=rate)
        assert point.on_chosen is not None
        assert point.cross_fitted is not None
        seen.append(point.on_chosen.cost_per_1000)
        held.append(point.cross_fitted.cost_per_1000)
        fg, fb = np.interp(point.threshold, grid, cdf_good), np.interp(point.threshold, grid, cdf_bad)
        real.append(1000 * (rate * costs.escape * fb + (1 - rate) * costs.overkill * (1 - fg)))
    assert np.mean(seen) < 0.95 * np.mean(real)
    assert abs(np.mean(held) - np.mean(real)) < abs(np.mean(seen) - np.mean(real))


def test_a_group_is_never_on_both_sides() -> None:
    # Each group has a score level of its own; its parts are alike. A line chosen with a group's own parts would let
    # no defect of it escape; chosen without, it does.
    rng = np.random.default_rng(3)
    levels = rng.permutation(20).astype(float)
    bad = np.repeat(levels, 5) + rng.random(100) * 0.01
    groups = np.repeat(np.arange(20), 5).tolist()
    good = rng.random(400) * 20 - 1.0
    point = choose_operating_point(good, bad, costs=Costs(1e6, 1.0), defect_rate=0.01, defective_groups=groups)
    assert point.on_chosen is not None
    assert point.cross_fitted is not None
    assert point.on_chosen.escape.hits == 0
    assert point.cross_fitted.escape.hits >= 5
    assert point.cross_fitted.escape.hits % 5 == 0
    assert PointWarning.GROUPED in point.warnings
    assert (point.good_groups, point.defective_groups) == (400, 20)


def test_without_defects_the_good_parts_decide_and_escape_is_unknown() -> None:
    good = np.random.default_rng(2).random(200)
    point = choose_operating_point(good, costs=COSTS, defect_rate=0.01, overkill_target=0.05)
    wilks = choose_threshold(good, 0.05)
    assert (point.threshold, point.review_from) == (wilks.value, wilks.value)
    assert point.chosen_by == "good_parts"
    assert point.overkill_upper_bound == wilks.overkill_upper_bound
    assert (point.good_parts_above, point.good_parts_needed) == (wilks.parts_above, wilks.parts_needed)
    assert PointWarning.ESCAPE_UNKNOWN in point.warnings
    assert point.alternatives is None
    assert point.on_chosen is not None
    assert point.on_chosen.escape.value is None
    assert (point.on_chosen.escape.low, point.on_chosen.escape.high) == (0.0, 1.0)
    assert point.on_chosen.outgoing is None
    assert point.on_chosen.cost_per_1000 is None
    assert point.cross_fitted is not None
    assert point.cross_fitted.overkill.of == 200
    assert point.more_parts is not None
    assert point.more_parts.defective_to_halve is None


def test_defects_without_costs_are_counted_and_choose_nothing() -> None:
    good, bad = _normal(5, 200, 50)
    point = choose_operating_point(good, bad)
    assert point.threshold == choose_threshold(good).value
    assert point.on_chosen is not None
    assert point.on_chosen.escape.of == 50
    assert PointWarning.ESCAPE_UNKNOWN not in point.warnings


def test_what_weakens_a_point_is_said() -> None:
    good, bad = _normal(6, 40, 10)
    few = choose_operating_point(good, bad, costs=COSTS, defect_rate=0.01)
    assert PointWarning.FEW_DEFECTS in few.warnings
    one_group = choose_operating_point(good, bad, costs=COSTS, defect_rate=0.01, defective_groups=["lot"] * 10)
    assert one_group.cross_fitted is None
    assert PointWarning.NOT_HELD_OUT in one_group.warnings
    free = choose_operating_point(good, bad, costs=Costs(0.0, 5.0), defect_rate=0.01)
    assert PointWarning.PASSES_ALL in free.warnings
    dear = choose_operating_point(good, bad, costs=Costs(1e9, 1e-9), defect_rate=0.5)
    assert dear.on_chosen is not None
    assert dear.on_chosen.escape.hits == 0
    sorted_out = choose_operating_point([1.0, 2.0], [0.0, 3.0], costs=Costs(1e9, 1.0), defect_rate=0.5)
    assert PointWarning.REJECTS_ALL in sorted_out.warnings
    assert sorted_out.on_chosen is not None
    assert sorted_out.on_chosen.outgoing is not None
    assert sorted_out.on_chosen.outgoing.value is None  # nothing leaves
    promised = choose_operating_point(good, overkill_target=0.01)
    assert PointWarning.TARGET_NOT_KEPT in promised.warnings
    for language in LANGUAGES:
        words = catalogue(language)
        assert [w.value for w in PointWarning if w.value not in words] == []
        assert [z for z in Zone if f"vision.zone.{z.value}" not in words] == []


def test_outgoing_quality_by_hand() -> None:
    good, bad = np.arange(100.0), np.arange(95.0, 145.0)
    point = choose_operating_point(good, bad, costs=Costs(1.0, 1.0), defect_rate=0.1)
    counted = point.on_chosen
    assert counted is not None
    assert counted.outgoing is not None
    escape, overkill = counted.escape.hits / 50, counted.overkill.hits / 100
    assert counted.outgoing.value == pytest.approx(0.1 * escape / (0.1 * escape + 0.9 * (1 - overkill)))


def test_a_point_is_named_by_its_digest() -> None:
    good, bad = _normal(7, 50, 30)
    point = choose_operating_point(good, bad, costs=COSTS, defect_rate=0.01)
    assert point.digest() == hashlib.sha256(canonical_json(json.loads(msgspec.json.encode(point)))).hexdigest()
    other = choose_operating_point(good, bad, costs=COSTS, defect_rate=0.02)
    assert other.digest() != point.digest()


def test_a_point_of_an_earlier_module_has_no_review_zone() -> None:
    earlier = {
        "threshold": 1.5,
        "patch_threshold": 2.5,
        "overkill_target": 0.05,
        "overkill_upper_bound": 0.04,
        "confidence": 0.95,
        "good_parts_held_out": 100,
        "good_parts_above": 1,
        "good_parts_needed": 59,
    }
    read = msgspec.json.decode(msgspec.json.encode(earlier), type=ZonedOperatingPoint)
    assert (read.threshold, read.review_from, read.patch_threshold) == (1.5, 1.5, 2.5)
    assert (read.zone(1.5), read.zone(1.6)) == (Zone.OK, Zone.NOK)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(read), "review_from": 1.6}, ZonedOperatingPoint)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 5), st.sampled_from([0.02, 0.1, 0.3]))
def test_thresholds_come_from_the_other_folds(seed: int, folds: int, escape: float) -> None:
    rng = np.random.default_rng(seed)
    good = [rng.normal(0, 1, rng.integers(0, 30)) for _ in range(folds)]
    bad = [rng.normal(1.5, 1, rng.integers(1, 30)) for _ in range(folds)]
    found = overkill_at_escape(good, bad, escape)
    assert found.held_out
    for i, line in enumerate(found.thresholds):
        others = np.concatenate([b for j, b in enumerate(bad) if j != i])
        assert (others <= line).mean() <= escape
        # The next higher line would let too many pass.
        above = others[others > line].min()
        assert (others <= above).mean() > escape
    assert found.overkill.hits == sum(int((g > t).sum()) for g, t in zip(good, found.thresholds, strict=True))
    assert found.escape.hits == sum(int((b <= t).sum()) for b, t in zip(bad, found.thresholds, strict=True))


def test_held_out_escape_is_what_comes_out() -> None:
    rng = np.random.default_rng(9)
    escapes, overkills, optimistic = [], [], []
    for _ in range(100):
        good, bad = [rng.normal(0, 1, 40) for _ in range(5)], [rng.normal(2, 1, 10) for _ in range(5)]
        found = overkill_at_escape(good, bad, 0.02)
        escapes.append(found.escape.value)
        overkills.append(found.overkill.value)
        optimistic.append(found.optimistic_overkill.value)
    # Asked for 2 % with 40 defects, the line is the lowest defect: one new defect in 41 lies below it.
    assert np.mean(escapes) == pytest.approx(1 / 41, abs=0.008)
    assert np.mean(overkills) < np.mean(optimistic) + 0.2


def test_bad_input_is_named() -> None:
    good, bad = _normal(8, 20, 5)
    with pytest.raises(TooFewPartsError):
        choose_operating_point([1.0])
    for wrong in (math.nan, math.inf):
        with pytest.raises(ScoreNotFiniteError):
            choose_operating_point([*good, wrong])
        with pytest.raises(ScoreNotFiniteError):
            choose_operating_point(good, [wrong])
    for cost in (-1.0, math.nan, math.inf):
        with pytest.raises(CostRangeError):
            choose_operating_point(good, bad, costs=Costs(1.0, 1.0, cost), defect_rate=0.1)
    for rate in (0.0, 1.0, math.nan):
        with pytest.raises(LevelRangeError):
            choose_operating_point(good, bad, costs=COSTS, defect_rate=rate)
    with pytest.raises(LevelRangeError):
        choose_operating_point(good, confidence=1.0)
    with pytest.raises(GroupsMismatchError):
        choose_operating_point(good, bad, good_groups=["a"])
    with pytest.raises(TooManyScoresError):
        choose_operating_point(np.zeros(SCORES_MAX + 1))
    with pytest.raises(FoldsMismatchError):
        overkill_at_escape([good], [bad])
    with pytest.raises(FoldsMismatchError):
        overkill_at_escape([good, good], [bad])
    with pytest.raises(TooFewPartsError):
        overkill_at_escape([good, good], [bad, []])
    point = choose_operating_point(good, bad)
    with pytest.raises(ScoreNotFiniteError):
        point.zone(math.nan)
