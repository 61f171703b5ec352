"""Trust in forecasts: proper scores, PITs that are uniform when forecasts are right, alarms when they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.signals.distributions import normal_cdf
from gaugeblock.twin.errors import RunParameterError
from gaugeblock.twin.trust import (
    crps_of_draws,
    crps_of_quantiles,
    limits,
    pit_of_draws,
    pit_of_quantiles,
    run_length_of,
    trust,
    uniform_p_value,
)

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


@given(VALUES, st.floats(-1e3, 1e3), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_crps_scales_and_shifts(draws: list[float], outcome: float, scale: float, shift: float) -> None:
    whole = crps_of_draws(draws, outcome)
    moved = crps_of_draws([scale * value + shift for value in draws], scale * outcome + shift)
    assert moved == pytest.approx(scale * whole, abs=1e-6 * scale * 1e3)


@given(VALUES, st.floats(-1e3, 1e3))
def test_crps_is_what_it_is_defined_as(draws: list[float], outcome: float) -> None:
    values = np.array(draws)
    apart = np.abs(values[:, None] - values[None, :]).sum() / max(1, len(values) * (len(values) - 1))
    expected = np.abs(values - outcome).mean() - (0.5 * apart if len(values) > 1 else 0.0)
    assert crps_of_draws(draws, outcome) == pytest.approx(expected, abs=1e-6)


@given(VALUES, st.floats(-1e3, 1e3), st.floats(0.0, 1.0))
def test_a_pit_rises_with_the_outcome(draws: list[float], outcome: float, u: float) -> None:
    low, high = pit_of_draws(draws, outcome, u), pit_of_draws(draws, outcome + 1.0, u)
    assert 0.0 <= low <= high <= 1.0


def test_the_true_forecast_scores_best_and_its_pits_are_uniform() -> None:
    generator = np.random.default_rng(1)
    scores = dict.fromkeys(("right", "late", "narrow"), 0.0)
    pits = []
    for _ in range(400):
        outcome = generator.normal()
        right = generator.normal(size=40)
        pits.append(pit_of_draws(right, outcome, generator.random()))
        for name, draws in (("right", right), ("late", right - 0.7), ("narrow", 0.3 * right)):
            scores[name] += crps_of_draws(draws, outcome)
    assert scores["right"] < min(scores["late"], scores["narrow"])
    assert uniform_p_value(pits) > 0.01


def test_quantiles_score_like_the_draws_they_are_of() -> None:
    generator = np.random.default_rng(2)
    draws = generator.gamma(2.0, 3.0, 5000)
    levels = ((np.arange(200) + 0.5) / 200).tolist()
    values = np.quantile(draws, levels).tolist()
    for outcome in (1.0, 5.0, 20.0):
        assert crps_of_quantiles(levels, values, outcome) == pytest.approx(crps_of_draws(draws, outcome), rel=0.02)
        assert pit_of_quantiles(levels, values, outcome) == pytest.approx(pit_of_draws(draws, outcome), abs=0.01)


def test_the_run_length_is_that_of_the_tables() -> None:
    # Montgomery, Introduction to Statistical Quality Control: k = ½, h = 5: 930; shifted by one deviation: 10.4.
    assert run_length_of(lambda x: normal_cdf(x + 0.5), 5.0) == pytest.approx(930, rel=0.01)
    assert run_length_of(lambda x: normal_cdf(x - 0.5), 5.0) == pytest.approx(10.4, rel=0.01)


def test_a_twin_that_is_right_alarms_as_seldom_as_stated() -> None:
    generator, lengths = np.random.default_rng(3), []
    for _ in range(150):
        found = trust(generator.random(1500), run_length=100.0)
        lengths.append(found.alarms[0].at + 1 if found.alarms else 1500)
    assert 80.0 < np.mean(lengths) < 150.0


@pytest.mark.parametrize(
    ("drift", "outcomes"),
    [
        ("late", lambda g: g.normal(1.0, 1.0, 100)),
        ("early", lambda g: g.normal(-1.0, 1.0, 100)),
        ("too_narrow", lambda g: g.normal(0.0, 2.5, 100)),
        ("too_wide", lambda g: g.normal(0.0, 0.3, 100)),
    ],
)
def test_each_drift_is_named(drift: str, outcomes: object) -> None:
    generator = np.random.default_rng(4)
    good = generator.random(100)
    bad = [normal_cdf(float(z)) for z in outcomes(generator)]  # type: ignore[operator]
    found = trust([*good, *bad])
    assert found.drifted
    assert drift in {alarm.drift for alarm in found.alarms}
    first = next(alarm for alarm in found.alarms if alarm.drift == drift)
    assert 100 <= first.at < 150
    assert 60 <= first.since <= first.at


@pytest.mark.parametrize("run_length", [50.0, 500.0])
def test_limits_rise_with_the_run_length(run_length: float) -> None:
    assert all(a < b for a, b in zip(limits(run_length), limits(1.5 * run_length), strict=True))


def test_what_is_no_pit_is_refused() -> None:
    for pits, length in (([1.5], 500.0), ([0.5], 1.0)):
        with pytest.raises(RunParameterError):
            trust(pits, run_length=length)
    with pytest.raises(RunParameterError):
        crps_of_draws([], 1.0)
    assert trust([]).forecasts == 0
