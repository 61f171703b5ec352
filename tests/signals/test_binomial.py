"""Clopper–Pearson: the interval's own definition is its test."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.signals.binomial import clopper_pearson


def _at_least(k: int, n: int, p: float) -> float:
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


@given(st.integers(1, 80), st.data())
def test_each_end_leaves_exactly_its_tail(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    low, high = clopper_pearson(k, n, 0.9)
    assert 0.0 <= low <= k / n <= high <= 1.0
    if k > 0:
        assert _at_least(k, n, low) == pytest.approx(0.05, rel=1e-6)
    if k < n:
        assert 1 - _at_least(k + 1, n, high) == pytest.approx(0.05, rel=1e-6)


def test_nothing_counted_says_nothing() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="hits"):
        clopper_pearson(3, 2)
