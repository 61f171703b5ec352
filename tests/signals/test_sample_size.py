"""How many more: what is promised is reached, and little less would not do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.signals.binomial import clopper_pearson
from gaugeblock.signals.sample_size import more_for_bound, more_to_halve


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.data())
def test_half_as_wide(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    more = more_to_halve(hits, of)
    assert more is not None
    low, high = clopper_pearson(hits, of)
    new_low, new_high = clopper_pearson(round(hits / of * (of + more)), of + more)
    assert new_high - new_low <= (high - low) / 2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.sampled_from([0.005, 0.02, 0.1]), st.data())
def test_a_bound_is_reached_or_never(of: int, bound: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    more = more_for_bound(hits, of, bound)
    if hits / of >= bound:
        assert more is None
        return
    assert more is not None
    assert clopper_pearson(round(hits / of * (of + more)), of + more)[1] <= bound


def test_without_hits_the_bound_is_the_known_number() -> None:
    # (1 − p)ⁿ = 0.025: n = 183 for p = 2 %
    assert more_for_bound(0, 0, 0.02) == 183
    assert more_for_bound(0, 200, 0.02) == 0
    assert more_to_halve(0, 0) is None
    assert more_for_bound(999_999, 10_000_000, 0.1) is None


def test_halving_takes_about_three_times_as_many_more() -> None:
    assert more_to_halve(100, 1000) == pytest.approx(3000, rel=0.05)
