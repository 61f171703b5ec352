"""ISO 22400-2 figures and their identity; bottlenecks by active periods and arrows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.production.bottleneck import active_periods, arrow_rule, shares, shifting_bottleneck, station_row
from gaugeblock.production.kpi import Times, indicators, line_kpis, machine_times
from gaugeblock.production.line_state import Span
from tests.production.line_events import ZERO_S, folded, machine, model_of_two, step

LENGTH = st.floats(0.01, 1e6)


@given(
    pbt=LENGTH,
    apt=LENGTH,
    pri=st.floats(0.01, 1e4),
    produced=st.integers(1, 10_000),
    scrapped=st.integers(0, 10_000),
    setup=st.floats(0.0, 1e5),
)
def test_oee_is_the_product_of_its_factors(
    pbt: float, apt: float, pri: float, produced: int, scrapped: int, setup: float
) -> None:
    """A·E·Q ≡ GQ·PRI/PBT, whatever APT and PQ are."""
    good = max(0, produced - scrapped)
    found = indicators(Times(period_s=pbt, pbt_s=pbt, apt_s=apt, aust_s=setup, pri_s=pri, produced=produced, good=good))
    product = found["availability"] * found["effectiveness"] * found["quality_ratio"]
    assert found["OEE_index"] == pytest.approx(product, rel=1e-9, abs=1e-12)
    assert found["OEE_index"] == pytest.approx(good * pri / pbt, rel=1e-9, abs=1e-12)
    assert found["NEE_index"] >= found["OEE_index"] - 1e-9 * (1 + found["OEE_index"])


def test_nothing_made_is_an_index_of_zero_and_no_ratio_of_nothing() -> None:
    found = indicators(Times(period_s=10.0, pbt_s=10.0, pri_s=1.0))
    assert found["OEE_index"] == 0.0
    assert "quality_ratio" not in found
    assert "mean_time_to_repair_s" not in found


def test_times_of_a_machine_add_up_to_its_period() -> None:
    spans = [
        Span("m", "off", 0, 10),
        Span("m", "producing", 10, 40),
        Span("m", "down", 40, 55),
        Span("m", "producing", 55, 70),
        Span("m", "blocked", 70, 80),
        Span("m", "set_up", 80, 95),
        Span("m", "maintenance", 95, 105),
    ]
    times = machine_times(spans, 5.0, 100.0, pri_s=5.0, produced=8, good=8)
    assert (times.pbt_s, times.apt_s, times.adot_s, times.failures) == (85.0, 45.0, 15.0, 1)
    assert times.apt_s + times.aust_s + times.adot_s + times.blocked_s + times.starved_s == times.pbt_s
    found = indicators(times)
    assert found["mean_time_between_failures_s"] == 60.0
    assert found["mean_time_to_repair_s"] == 15.0


def test_a_line_counts_its_slowest_station() -> None:
    model = model_of_two()
    fold = folded(
        model,
        step(0, "a", "started", "u1"),
        step(2, "a", "left", "u1"),
        step(2, "b", "started", "u1"),
        step(5, "b", "left", "u1"),
        step(2, "a", "started", "u2"),
        step(4, "a", "left", "u2"),
        step(5, "b", "started", "u2"),
        step(8, "b", "scrapped", "u2"),
        machine(10, "b", "idle"),
    )
    spans = fold.history(ZERO_S, ZERO_S + 10)
    line, a, b = line_kpis(model, spans, list(fold.completions), ZERO_S, ZERO_S + 10)
    assert (line.times.produced, line.times.good, line.times.pri_s) == (2, 1, 3.0)
    assert line.values["OEE_index"] == pytest.approx(0.3)
    assert (a.times.apt_s, b.times.apt_s) == (4.0, 6.0)
    assert a.times.produced == b.times.produced == 2


def test_active_periods_join_what_follows_at_once() -> None:
    spans = [
        Span("m", "producing", 0, 2),
        Span("m", "down", 2, 3),
        Span("m", "starved", 3, 4),
        Span("m", "set_up", 4, 5),
    ]
    assert active_periods(spans) == {"m": [(0, 3), (4, 5)]}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["producing", "blocked", "down"]),
            st.integers(0, 50),
            st.integers(1, 20),
        ),
        max_size=30,
    )
)
def test_reigns_are_of_machines_active_then_and_never_two_alone(rows: list[tuple[str, str, int, int]]) -> None:
    spans = [Span(m, s, float(b), float(b + length)) for m, s, b, length in rows]
    reigns = shifting_bottleneck(spans, 0.0, 80.0)
    periods = active_periods(spans)
    for reign in reigns:
        assert any(a <= reign.begin_s and reign.end_s <= b for a, b in periods[reign.machine])
    alone = sorted((r.begin_s, r.end_s) for r in reigns if r.sole)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(alone))
    for begin in range(80):
        moment = begin + 0.5
        active = [b - a for own in periods.values() for a, b in own if a <= moment < b]
        ruling = [r for r in reigns if r.begin_s <= moment < r.end_s]
        assert bool(active) == bool(ruling)
        if ruling:
            longest = [b - a for r in ruling for a, b in periods[r.machine] if a <= moment < b]
            assert max(longest) == max(active)
    assert sum(row.sole for row in shares(reigns, 0.0, 80.0)) <= 1.0 + 1e-9


def test_arrows_meet_at_the_bottleneck() -> None:
    rule = arrow_rule(["a", "b", "c"], {"a": 0.3, "b": 0.1, "c": 0.0}, {"a": 0.0, "b": 0.05, "c": 0.2})
    assert [arrow.downstream for arrow in rule.arrows] == [True, False]
    assert rule.primary == "b"
    two = arrow_rule(["a", "b", "c"], {"a": 0.01, "b": 0.2}, {"b": 0.1, "c": 0.0})
    assert set(two.bottlenecks) == {"a", "c"}
    assert two.primary == "c"


def test_the_row_of_stations_follows_the_likeliest_way() -> None:
    assert station_row(model_of_two(rework=True)) == ["a", "b"]
