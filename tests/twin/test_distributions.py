"""Every kind has the mean and spread asked for, and draws that follow its law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.twin.conditional import remaining
from gaugeblock.twin.distributions import (
    Deterministic,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Weibull,
    cv_of,
)
from gaugeblock.twin.errors import EmpiricalEmptyError, SpreadError, TimeNotPositiveError
from gaugeblock.twin.streams import SERVICE, draw, normal_quantile, seed_streams, stream_key, uniform

KINDS: list[Distribution] = [
    Exponential(2.0),
    Gamma(2.0, 0.4),
    Gamma(2.0, 1.5),
    Lognormal(2.0, 0.6),
    Weibull(2.0, 0.5),
    Weibull(2.0, 1.4),
    Erlang(2.0, 3),
    Deterministic(2.0),
    Empirical((1.0, 2.0, 4.0, 9.0)),
]


def _draws(times: Distribution, count: int, seed: int = 3) -> np.ndarray:
    flat = times.flat()
    values = np.array(flat.values, np.float64)
    key, step = stream_key(seed, 0, 0, SERVICE)
    return np.array([draw(flat.kind, flat.a, flat.b, values, 0, key, step, n) for n in range(count)])


@pytest.mark.parametrize("times", KINDS, ids=repr)
def test_draws_have_mean_and_spread(times: Distribution) -> None:
    found = _draws(times, 40_000)
    assert found.min() > 0
    error = times.mean * cv_of(times) / math.sqrt(len(found))
    assert abs(found.mean() - times.mean) <= 4 * error + 1e-12
    assert found.std() / found.mean() == pytest.approx(cv_of(times), rel=0.06, abs=1e-12)


@pytest.mark.parametrize("times", KINDS[:-2], ids=repr)
def test_draws_follow_the_survival_function_that_warm_starts_invert(times: Distribution) -> None:
    """``remaining`` at elapsed 0 is the quantile function: two derivations of one law, compared by Kolmogorov."""
    found = np.sort(_draws(times, 5_000))
    quantiles = np.array([remaining(times, 0.0, 1.0 - (k + 0.5) / 100) for k in range(100)])
    empirical = np.searchsorted(found, quantiles) / len(found)
    assert np.abs(empirical - (np.arange(100) + 0.5) / 100).max() < 1.95 / math.sqrt(len(found))


@given(st.sampled_from(KINDS), st.floats(0.0, 8.0), st.floats(0.001, 0.999))
def test_remaining_is_never_negative_and_falls_with_survival(times: Distribution, elapsed: float, u: float) -> None:
    assert remaining(times, elapsed, u) >= 0.0
    assert remaining(times, elapsed, u) >= remaining(times, elapsed, min(0.9999, u * 1.0005)) - 1e-9


@pytest.mark.parametrize("times", [KINDS[1], KINDS[3], KINDS[4], KINDS[6]], ids=repr)
def test_remaining_given_elapsed_is_the_law_of_those_who_lasted(times: Distribution) -> None:
    found = _draws(times, 60_000)
    lasted = found[found > 1.8] - 1.8
    quantiles = np.array([remaining(times, 1.8, 1.0 - (k + 0.5) / 50) for k in range(50)])
    empirical = np.searchsorted(np.sort(lasted), quantiles) / len(lasted)
    assert np.abs(empirical - (np.arange(50) + 0.5) / 50).max() < 1.95 / math.sqrt(len(lasted))


def test_what_cannot_be_any_more_is_due_now() -> None:
    assert remaining(Deterministic(2.0), 3.0, 0.5) == 0.0
    assert remaining(Empirical((1.0, 2.0)), 2.5, 0.5) == 0.0
    assert remaining(Lognormal(1.0, 0.01), 50.0, 0.5) == 0.0
    assert remaining(Gamma(1.0, 0.01), 50.0, 0.5) == 0.0


@given(st.floats(1e-300, 1 - 1e-16))
def test_normal_quantile_is_that_of_the_standard_library(p: float) -> None:
    from statistics import NormalDist

    assert normal_quantile(p) == pytest.approx(NormalDist().inv_cdf(p), rel=1e-12, abs=1e-14)


@settings(max_examples=30)
@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**6), st.integers(0, 999), st.integers(0, 6))
def test_streams_are_seeded_alike_one_by_one_and_all_at_once(
    seed: int, replication: int, owner: int, purpose: int
) -> None:
    words = np.full(6, 9, np.int64)
    one = [np.array([value], np.int64) for value in (2, owner, purpose)]
    seed_streams(words, *one, seed, replication)
    assert words.tolist() == [9, 9, *stream_key(seed, replication, owner, purpose), 0, 9]


def test_neighbouring_streams_are_not_correlated() -> None:
    rows = []
    for owner in range(4):
        key, step = stream_key(1, 0, owner, SERVICE)
        rows.append([uniform(key, step, n) for n in range(4_000)])
    matrix = np.corrcoef(rows) - np.eye(4)
    assert np.abs(matrix).max() < 4.5 / math.sqrt(4_000)
    lagged = np.corrcoef(rows[0][:-1], rows[0][1:])[0, 1]
    assert abs(lagged) < 4.5 / math.sqrt(4_000)


@pytest.mark.parametrize(
    ("times", "error"),
    [
        (Exponential(0.0), TimeNotPositiveError),
        (Exponential(-1.0), TimeNotPositiveError),
        (Deterministic(math.nan), TimeNotPositiveError),
        (Gamma(1.0, 0.0), SpreadError),
        (Weibull(1.0, 99.0), SpreadError),
        (Erlang(1.0, 0), SpreadError),
        (Empirical(()), EmpiricalEmptyError),
        (Empirical((1.0, 0.0)), TimeNotPositiveError),
    ],
)
def test_impossible_times_are_named(times: Distribution, error: type[Exception]) -> None:
    with pytest.raises(error):
        times.check("here")
