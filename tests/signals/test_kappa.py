"""Kappa: the manual's worked study, Fleiss's own, and laws that hold for any ratings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.signals.errors import RatingsShapeError, SeriesTooLongError
from gaugeblock.signals.kappa import CATEGORIES_MAX, cohen_kappa, cohen_kappa_of_ratings, fleiss_kappa


@pytest.mark.parametrize(
    ("table", "published", "error"),
    # AIAG MSA 4th ed., III-C, tables of appraisers A, B, C and the reference (kappa to two places, as printed);
    # standard errors from statsmodels 0.15.0, cohens_kappa(...).std_kappa.
    [
        ([[44, 6], [3, 97]], 0.86, 0.04419824018299283),
        ([[42, 5], [9, 94]], 0.79, 0.05370246064000016),
        ([[43, 7], [8, 92]], 0.78, 0.05467079434429504),
        ([[45, 5], [3, 97]], 0.88, 0.04164091711357727),
        ([[45, 2], [3, 100]], 0.92, 0.03384708742588657),
        ([[42, 9], [6, 93]], 0.77, 0.05513733930550008),
    ],
)
def test_the_manuals_study(table: list[list[int]], published: float, error: float) -> None:
    found = cohen_kappa(table)
    assert found.value == pytest.approx(published, abs=0.005)
    assert found.standard_error == pytest.approx(error, rel=1e-12)
    assert found.interval == "asymptotic"


def test_three_categories() -> None:
    # statsmodels 0.15.0: kappa 0.5854, std_kappa 0.09337358362913778
    found = cohen_kappa([[10, 2, 1], [3, 20, 4], [0, 5, 12]])
    assert found.value == pytest.approx(0.5854, abs=5e-5)
    assert found.standard_error == pytest.approx(0.09337358362913778, rel=1e-12)


def test_fourteen_raters_of_ten_subjects() -> None:
    # A widely reproduced example (ten subjects, five categories, fourteen raters): kappa 0.210.
    counts = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    found = fleiss_kappa(counts)
    assert found.kappa.value == pytest.approx(0.20993070442195522, rel=1e-12)
    assert found.kappa.standard_error == pytest.approx(0.0170, abs=5e-5)
    assert found.jackknife_low is not None
    assert found.jackknife_high is not None
    assert found.jackknife_low < 0.21 < found.jackknife_high


ratings = st.integers(2, 4).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=60)
    )
)


@settings(max_examples=150, deadline=None)
@given(ratings)
def test_laws_of_cohen(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    k, pairs = drawn
    first, second = np.array(pairs).T
    found = cohen_kappa_of_ratings(first, second, k)
    if len({*first.tolist(), *second.tolist()}) < 2:
        assert found.value is None
        assert found.interval == "none"
        return
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.value <= found.high <= 1
    turned = cohen_kappa_of_ratings(second, first, k)
    assert turned.value == pytest.approx(found.value, abs=1e-12)
    renamed = cohen_kappa_of_ratings(k - 1 - first, k - 1 - second, k)
    assert renamed.value == pytest.approx(found.value, abs=1e-12)
    assert renamed.standard_error == pytest.approx(found.standard_error, abs=1e-9)
    if (first == second).all():
        assert found.value == 1.0
        assert found.interval == "exact_agreement"
        assert found.low < 1.0  # a few that agree prove little


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 5), st.integers(2, 4), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_laws_of_fleiss(raters: int, categories: int, seed: int, subjects: int) -> None:
    rng = np.random.default_rng(seed)
    said = rng.integers(0, categories, (subjects, raters))
    counts = np.stack([(said == c).sum(axis=1) for c in range(categories)], axis=1)
    found = fleiss_kappa(counts).kappa
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        assert found.value is None
        return
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.value <= found.high <= 1
    shuffled = fleiss_kappa(counts[rng.permutation(subjects)][:, rng.permutation(categories)]).kappa
    assert shuffled.value == pytest.approx(found.value, abs=1e-12)
    assert shuffled.high == pytest.approx(found.high, abs=1e-12)


def test_all_agree_on_two_categories() -> None:
    found = fleiss_kappa([[3, 0], [0, 3], [3, 0]])
    assert found.kappa.value == 1.0
    assert found.kappa.low is not None
    assert found.kappa.low < 0.5


def test_the_interval_covers_what_it_promises() -> None:
    # Two raters who are right 85 % of the time about a balanced pair of categories: kappa 0.49.
    rng = np.random.default_rng(5)
    right = 0.85
    truth = 2 * (right**2 + (1 - right) ** 2) - 1
    covered = 0
    for _ in range(400):
        condition = rng.integers(0, 2, 150)
        first, second = (np.where(rng.random(150) < right, condition, 1 - condition) for _ in range(2))
        found = cohen_kappa_of_ratings(first, second, 2)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / 400 >= 0.92


@pytest.mark.parametrize(
    "counts", [[[1, 2], [3, 1]], [[1, 0]], [[1.5, 1.5]], [[-1, 3]], [1, 2], [[float("nan"), 1.0]], np.zeros((0, 2))]
)
def test_ratings_that_are_no_table(counts: object) -> None:
    with pytest.raises(RatingsShapeError):
        fleiss_kappa(counts)  # type: ignore[arg-type]


def test_pairs_that_do_not_fit() -> None:
    for first, second, k in (([0, 1], [0], 2), ([], [], 2), ([0, 2], [0, 1], 2), ([0, -1], [0, 1], 2), ([0], [0], 0)):
        with pytest.raises(RatingsShapeError):
            cohen_kappa_of_ratings(first, second, k)
    with pytest.raises(RatingsShapeError):
        cohen_kappa(np.zeros((2, 2)))
    with pytest.raises(RatingsShapeError):
        cohen_kappa(np.ones((CATEGORIES_MAX + 1, CATEGORIES_MAX + 1)))
    with pytest.raises(SeriesTooLongError):
        cohen_kappa([[1e9, 0], [0, 1]])
