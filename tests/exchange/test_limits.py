"""Token buckets and quotas: laws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.limits import BUCKETS_MOST, Buckets, Quotas, left_header


@given(
    st.floats(0.1, 1000),
    st.integers(1, 100),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_no_more_than_burst_and_rate_are_given(rate: float, burst: int, waits: list[float]) -> None:
    buckets, now, taken = Buckets(rate, burst), 0.0, 0
    for wait in waits:
        now += wait
        left = buckets.take("a", now)
        taken += left >= 0
        assert left <= burst - 1
    assert taken <= burst + rate * now + 1e-6


@given(st.floats(0.1, 1000), st.integers(1, 100))
def test_whoever_waits_as_told_is_served(rate: float, burst: int) -> None:
    buckets = Buckets(rate, burst)
    for _ in range(burst):
        assert buckets.take("a", 0.0) >= 0
    wait = -buckets.take("a", 0.0)
    assert wait > 0
    assert buckets.take("a", wait + 1e-6) >= 0


def test_one_callers_haste_is_not_anothers() -> None:
    buckets = Buckets(1.0, 1)
    assert buckets.take("a", 0.0) >= 0
    assert buckets.take("a", 0.0) < 0
    assert buckets.take("b", 0.0) >= 0
    assert buckets.take("a", -5.0) < 0  # a clock that went back gives nothing


def test_buckets_are_bounded() -> None:
    buckets = Buckets(1.0, 5)
    for number in range(BUCKETS_MOST + 10):
        buckets.take(str(number), 0.0)
    # The first one was forgotten, and is full again; the last is not.
    assert buckets.take("0", 0.0) == 4.0
    assert buckets.take(str(BUCKETS_MOST + 9), 0.0) == 3.0


@given(st.integers(0, 20), st.integers(0, 40))
def test_a_quota_is_exact(quota: int, asked: int) -> None:
    quotas = Quotas()
    quotas.begin("2026-11-25", {})
    given_ = [quotas.take("a", quota) >= 0 for _ in range(asked)]
    assert sum(given_) == min(quota, asked)
    assert quotas.refused.get("a", 0) == max(0, asked - quota)


def test_headers_name_both_policies() -> None:
    assert left_header(Buckets(2.0, 10), 9.0, 5, 60) == b'"rate";r=9;t=1,"day";r=5;t=60'
