"""A real log: orders of a metal shop, fitted on two thirds; in full: the benchmark ``twin.calibration``."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.twin import _metal_shop as shop

pytestmark = pytest.mark.skipif(not shop.LOG.is_file(), reason="../shared/data/production_4tu is not there")


def test_followed_through_the_shop_the_twin_is_better_than_naive_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "DRAWS", 30)
    cases, first, close = shop.read()
    assert len(cases) == 225
    found = shop.study(cases, first + shop.SHARE * (close - first), close, rolling=True)
    twin, naive = found["twin"], found["naive"]
    assert (twin.forecasts, twin.orders) == (naive.forecasts, naive.orders)
    assert twin.orders == 116
    assert twin.crps < 0.9 * naive.crps
    assert abs(twin.coverage - 0.9) < abs(naive.coverage - 0.9)


def test_the_naive_forecast_is_kaplan_meier() -> None:
    durations, done = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True])
    # S = 3/4 after 1, 3/8 after 3, 0 after 4.
    draws = shop.survival(durations, done, 0.0, 8)
    assert draws.tolist() == [1.0, 1.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0]
    given = shop.survival(durations, done, 2.5, 4)
    assert given.tolist() == [3.0, 3.0, 4.0, 4.0]
    assert np.isinf(shop.survival(durations, np.array([True, True, True, False]), 0.0, 4)[-1])
