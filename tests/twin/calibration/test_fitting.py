"""Times to distributions: families told apart, censoring taken into account, intervals that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.signals.distributions import incomplete_gamma
from gaugeblock.twin.calibration.fitting import Times, fit
from gaugeblock.twin.calibration.likelihood import gamma_tails, log_likelihood, shares_below, values_inside
from gaugeblock.twin.distributions import Deterministic, Empirical, Erlang, Exponential, Gamma, Lognormal, Weibull

NONE = np.empty(0)


def _exactly(values: np.ndarray) -> Times:
    return Times(values, NONE, NONE)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Exponential, lambda g: g.exponential(2.0, 1500)),
        (Gamma, lambda g: g.gamma(2.5, 0.8, 1500)),
        (Erlang, lambda g: g.gamma(4.0, 0.5, 1500)),
        (Lognormal, lambda g: g.lognormal(0.4, 0.7, 1500)),
        (Weibull, lambda g: 2.0 * g.weibull(1.7, 1500)),
        (Deterministic, lambda g: np.full(50, 2.0)),
        (Empirical, lambda g: np.where(g.random(1500) < 0.5, g.normal(1.0, 0.05, 1500), g.normal(3.0, 0.05, 1500))),
    ],
)
def test_families_are_told_apart(kind: type, values: object) -> None:
    generator = np.random.default_rng(3)
    sample = values(generator)  # type: ignore[operator]
    found = fit(_exactly(sample), generator)
    assert type(found.chosen) is kind
    assert found.mean[0] <= sample.mean() <= found.mean[1]
    if kind is Empirical:
        assert found.fit_p < 0.01
    elif kind is not Deterministic:
        assert found.fit_p > 0.01
        assert found.chosen.mean == pytest.approx(sample.mean(), rel=0.05)


def test_censored_times_are_not_taken_for_short_ones() -> None:
    generator = np.random.default_rng(5)
    whole = generator.exponential(10.0, 400)
    closed = generator.exponential(10.0, 400)
    over = whole <= closed
    found = fit(Times(whole[over], closed[~over], np.full((~over).sum(), np.inf)), generator)
    assert found.mean[0] < 10.0 < found.mean[1]
    assert whole[over].mean() < found.mean[0]  # what a mean of the completed ones would say
    assert found.censored == (~over).sum()


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator, hits = np.random.default_rng(7), 0
    for _ in range(100):
        whole = generator.gamma(2.0, 1.5, 40)
        hidden = generator.random(40) < 0.4
        low = np.maximum(0.0, whole[hidden] - generator.exponential(1.0, hidden.sum()))
        high = whole[hidden] + generator.exponential(1.0, hidden.sum())
        found = fit(Times(whole[~hidden], low, high), generator)
        hits += found.mean[0] < 3.0 < found.mean[1]
    assert 88 <= hits <= 100


def test_few_times_are_exponential_and_say_how_little_they_know() -> None:
    found = fit(_exactly(np.array([4.0])), np.random.default_rng(1))
    assert isinstance(found.chosen, Exponential)
    assert found.mean[1] > 5 * found.mean[0]


def test_a_coarse_clock_makes_intervals_of_times() -> None:
    generator = np.random.default_rng(2)
    rounded = np.maximum(1.0, np.round(generator.gamma(9.0, 0.5, 800)))
    found = fit(_exactly(rounded), generator, resolution=1.0)
    assert found.chosen.mean == pytest.approx(4.5, rel=0.04)


def test_very_many_times_are_thinned() -> None:
    generator = np.random.default_rng(4)
    found = fit(_exactly(generator.exponential(3.0, 100_000)), generator)
    assert found.count < 25_000
    assert found.chosen.mean == pytest.approx(3.0, rel=0.03)


def test_draws_are_distributions_of_a_line() -> None:
    generator = np.random.default_rng(6)
    found = fit(_exactly(generator.lognormal(0.0, 0.5, 60)), generator)
    for _ in range(20):
        drawn = found.draw(generator)
        drawn.check("here")
        assert 0.5 < drawn.mean < 3.0


@settings(deadline=None, max_examples=40)
@given(st.floats(0.05, 200.0), st.floats(0.0, 400.0))
def test_the_compiled_incomplete_gamma_is_the_other_one(shape: float, x: float) -> None:
    lower, upper = gamma_tails(shape, x)
    assert lower == pytest.approx(incomplete_gamma(shape, x), abs=1e-9)
    assert lower + upper == pytest.approx(1.0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 3), st.floats(-2.0, 2.0), st.floats(-1.0, 1.5), st.floats(0.01, 0.99))
def test_a_narrow_interval_is_a_density(kind: int, u: float, v: float, level: float) -> None:
    at = values_inside(kind, u, v, np.array([0.0]), np.array([np.inf]), np.array([level]))[0]
    assert shares_below(kind, u, v, np.array([at]))[0] == pytest.approx(level, abs=1e-6)
    width = 1e-4 * at
    exact = log_likelihood(kind, u, v, np.array([at]), np.log([at]), NONE, NONE)
    narrow = log_likelihood(kind, u, v, NONE, NONE, np.array([at - width / 2]), np.array([at + width / 2]))
    assert narrow - math.log(width) == pytest.approx(exact, abs=1e-3)
