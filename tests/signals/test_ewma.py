"""The EWMA chart: the literature's run lengths, one value at a time as all at once, and changes dated."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.signals.errors import (
    BaselineFlatError,
    BaselineTooShortError,
    ChartParameterError,
    ChartValueError,
    SeriesTooLongError,
)
from gaugeblock.signals.ewma import (
    SIGNALS_MAX,
    VALUES_MAX,
    Baseline,
    EwmaChart,
    EwmaState,
    average_run_length,
    found_baseline,
    run,
    step,
)

STANDARD = EwmaChart(Baseline(0.0, 1.0, 100, "median_mad"))


@pytest.mark.parametrize(
    ("weight", "width", "shift", "published", "within"),
    # Lucas and Saccucci (1990), table 3: zero-state average run lengths. λ = 1 is the Shewhart chart, where the run
    # length is 1 over the chance of one value outside.
    [
        (0.4, 3.054, 0.0, 500, 1.0),
        (0.4, 3.054, 0.5, 71.2, 0.1),
        (0.4, 3.054, 1.0, 14.3, 0.1),
        (0.25, 2.998, 0.0, 500, 1.0),
        (0.25, 2.998, 0.5, 48.2, 0.2),
        (0.25, 2.998, 1.0, 11.1, 0.1),
        (0.2, 2.962, 0.0, 500, 1.0),
        (0.2, 2.962, 0.5, 41.8, 0.1),
        (0.2, 2.962, 1.0, 10.5, 0.1),
        (0.1, 2.814, 0.0, 500, 1.0),
        (0.1, 2.814, 0.5, 31.3, 0.1),
        (0.1, 2.814, 1.0, 10.3, 0.1),
        (1.0, 3.0, 0.0, 370.4, 0.1),
    ],
)
def test_published_run_lengths(weight: float, width: float, shift: float, published: float, within: float) -> None:
    assert average_run_length(weight, width, shift) == pytest.approx(published, abs=within)


def test_limits_that_widen_alarm_a_little_sooner() -> None:
    fixed, widening = average_run_length(), average_run_length(fixed_limits=False)
    assert 0.95 * fixed < widening < fixed
    assert average_run_length(shift=2.0, fixed_limits=False) < average_run_length(shift=2.0)


def test_the_run_length_is_what_the_chart_does() -> None:
    rng = np.random.default_rng(2)
    # A narrow chart, so that runs are short and many.
    chart = EwmaChart(Baseline(0.0, 1.0, 100, "median_mad"), weight=0.2, width=1.8)
    lengths = []
    for _ in range(600):
        found = run(chart, rng.standard_normal(400)).signals
        lengths.append(found[0].at + 1 if found else 400)
    predicted = average_run_length(0.2, 1.8, fixed_limits=False)
    assert np.mean(lengths) == pytest.approx(predicted, rel=0.12)


values = st.lists(
    st.one_of(st.floats(-6, 6), st.just(math.nan), st.sampled_from([-30.0, 0.0, 30.0])), min_size=0, max_size=60
)


@settings(max_examples=150, deadline=None)
@given(values, st.floats(0.01, 1.0), st.floats(0.5, 4.0), st.data())
def test_one_at_a_time_in_pieces_or_at_once(xs: list[float], weight: float, width: float, data: st.DataObject) -> None:
    chart = EwmaChart(Baseline(0.5, 2.0, 30, "median_mad"), weight, width)
    whole = run(chart, xs)
    state, signals, points = EwmaState(), [], []
    for x in xs:
        state, point = step(chart, state, x)
        points.append(point)
        if point.signal is not None:
            signals.append(point.signal)
    assert tuple(signals) == whole.signals
    assert state == whole.state
    assert [p.value for p in points] == whole.value.tolist()
    assert [p.high for p in points] == whole.high.tolist()
    assert [p.low for p in points] == whole.low.tolist()
    cut = data.draw(st.integers(0, len(xs)))
    first = run(chart, xs[:cut])
    kept = msgspec.json.decode(msgspec.json.encode(first.state), type=EwmaState)
    second = run(chart, xs[cut:], kept)
    assert first.signals + second.signals == whole.signals
    assert second.state == whole.state
    for signal in whole.signals:
        assert signal.since <= signal.at
        assert (signal.direction == "up") == (signal.value > 0.5)


def test_a_shift_is_dated() -> None:
    rng = np.random.default_rng(8)
    misses = []
    for _ in range(200):
        xs = rng.standard_normal(160)
        xs[100:] += 1.5
        after = [s for s in run(STANDARD, xs).signals if s.at >= 100]
        assert after[0].direction == "up"
        misses.append(after[0].since - 100)
    assert abs(np.median(misses)) <= 2


def test_missing_values_move_time_and_nothing_else() -> None:
    xs = [0.2, math.nan, 4.0, math.nan, math.nan, 4.0]
    gaps, dense = run(STANDARD, xs), run(STANDARD, [0.2, 4.0, 4.0])
    assert gaps.value[[0, 2, 5]].tolist() == dense.value.tolist()
    assert gaps.high[[0, 2, 5]].tolist() == dense.high.tolist()
    assert gaps.value[1] == gaps.value[0]
    assert [s.at for s in gaps.signals] == [{0: 0, 1: 2, 2: 5}[s.at] for s in dense.signals]
    state, point = step(STANDARD, EwmaState(), None)
    assert point.missing
    assert (state.position, state.count) == (1, 0)


def test_a_standing_signal_is_told_once() -> None:
    found = run(STANDARD, [5.0] * 20 + [-5.0] * 20)
    assert [s.direction for s in found.signals] == ["up", "down"]
    assert found.state.outside == "down"


def test_signals_are_bounded() -> None:
    chart = EwmaChart(Baseline(0.0, 1.0, 100, "median_mad"), weight=1.0, width=1.0)
    found = run(chart, np.tile([5.0, -5.0], SIGNALS_MAX))
    assert len(found.signals) == SIGNALS_MAX
    assert found.signals_left_out == SIGNALS_MAX


@pytest.mark.parametrize("method", ["median_mad", "mean_moving_range"])
def test_baselines_are_right_for_normal_values(method: str) -> None:
    xs = 7.0 + 3.0 * np.random.default_rng(1).standard_normal(20_000)
    found = found_baseline(xs, method)  # type: ignore[arg-type]
    assert found.centre == pytest.approx(7.0, abs=0.1)
    assert found.deviation == pytest.approx(3.0, abs=0.1)
    assert found.count == 20_000


def test_what_each_baseline_bears() -> None:
    rng = np.random.default_rng(4)
    xs = rng.standard_normal(200)
    spoilt = xs.copy()
    spoilt[:10] = 1e6
    assert found_baseline(spoilt).deviation == pytest.approx(found_baseline(xs).deviation, rel=0.2)
    drifting = xs + np.linspace(0, 20, 200)
    assert found_baseline(drifting, "mean_moving_range").deviation == pytest.approx(1.0, rel=0.2)
    assert found_baseline([*xs, math.nan]).count == 200


def test_bad_baselines_and_values_are_named() -> None:
    with pytest.raises(BaselineTooShortError):
        found_baseline([1.0, 2.0] * 9 + [math.nan] * 20)
    with pytest.raises(BaselineFlatError):
        found_baseline([1.0] * 30)
    with pytest.raises(ChartValueError) as caught:
        run(STANDARD, [1.0, math.inf], EwmaState(position=10))
    assert caught.value.facts == {"position": 11}
    with pytest.raises(ChartValueError):
        step(STANDARD, EwmaState(), -math.inf)
    with pytest.raises(SeriesTooLongError):
        run(STANDARD, np.zeros(VALUES_MAX + 1))
    for weight, width in ((0.0, 3.0), (1.1, 3.0), (0.2, 0.0), (math.nan, 3.0)):
        with pytest.raises(ChartParameterError):
            EwmaChart(Baseline(0.0, 1.0, 30, "median_mad"), weight, width)
