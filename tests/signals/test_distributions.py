"""Chi-square and F against SciPy, and against their own definition."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.signals.distributions import (
    chi_square_cdf,
    chi_square_quantile,
    f_cdf,
    f_quantile,
    f_tail,
    incomplete_gamma,
    normal_cdf,
    normal_quantile,
)

CHI_SQUARE = [  # scipy 1.17.1, stats.chi2.ppf
    (0.025, 1, 0.0009820691171752555),
    (0.975, 1, 5.023886187314888),
    (0.05, 9, 3.325112843066815),
    (0.95, 78, 99.61692732428385),
    (1e-06, 3, 0.00024181048720124264),
    (0.999, 500, 603.4460057951776),
]
F = [  # scipy 1.17.1, stats.f.ppf
    (0.025, 2, 78, 0.025326027601325105),
    (0.975, 2, 78, 3.8689719121051365),
    (0.95, 9, 18, 2.456281149159266),
    (0.001, 1, 5, 1.7348926025692148e-06),
    (0.999, 3, 4, 56.17718848946338),
    (0.5, 20, 7, 1.0663729115794223),
]
TAILS = [  # scipy 1.17.1, stats.f.sf
    (0.5, 2, 78, 0.6084612770435261),
    (39.6, 2, 78, 1.3490883081441217e-12),
    (0.434, 18, 60, 0.9740208028890078),
    (245.6, 9, 78, 2.0253149944326166e-53),
]


@pytest.mark.parametrize(("p", "degrees", "expected"), CHI_SQUARE)
def test_chi_square_quantiles(p: float, degrees: float, expected: float) -> None:
    assert chi_square_quantile(p, degrees) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("p", "first", "second", "expected"), F)
def test_f_quantiles(p: float, first: float, second: float, expected: float) -> None:
    assert f_quantile(p, first, second) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("x", "first", "second", "expected"), TAILS)
def test_f_tails(x: float, first: float, second: float, expected: float) -> None:
    assert f_tail(x, first, second) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-4, 0.9999), st.floats(0.5, 400), st.floats(0.5, 400))
def test_a_quantile_undoes_its_probability(p: float, first: float, second: float) -> None:
    assert chi_square_cdf(chi_square_quantile(p, first), first) == pytest.approx(p, rel=1e-8, abs=1e-10)
    assert f_cdf(f_quantile(p, first, second), first, second) == pytest.approx(p, rel=1e-8, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 50), st.integers(1, 200), st.integers(1, 200))
def test_both_sides_add_up(x: float, first: int, second: int) -> None:
    assert f_cdf(x, first, second) + f_tail(x, first, second) == pytest.approx(1.0, abs=1e-11)


def test_ends() -> None:
    assert chi_square_quantile(0.0, 3) == f_quantile(0.0, 3, 4) == 0.0
    assert incomplete_gamma(2.0, float("inf")) == 1.0
    assert f_tail(0.0, 1, 1) == 1.0
    assert f_cdf(-1.0, 1, 1) == incomplete_gamma(1.0, -1.0) == 0.0
    assert normal_cdf(normal_quantile(0.975)) == pytest.approx(0.975)
    for p in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="probability"):
            chi_square_quantile(p, 1)
