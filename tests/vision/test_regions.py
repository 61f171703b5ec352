"""The heat-map at image resolution and the regions cut from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.vision.errors import HeatmapFormatError, LevelRangeError
from gaugeblock.vision.heatmap import enlarge_heatmap
from gaugeblock.vision.regions import REGIONS_MAX, connected, defect_regions

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))


def _random_mask(of: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(of[2]).random(of[:2]) > 0.55


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_regions_divide_the_mask_and_do_not_touch(of: tuple[int, int, int]) -> None:
    mask = _random_mask(of)
    regions = connected(mask)
    assert sorted(np.concatenate([*regions, np.array([], np.int64)]).tolist()) == np.flatnonzero(mask).tolist()
    label = np.full(mask.shape, -1)
    for number, flat in enumerate(regions):
        label.ravel()[flat] = number
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = label[: mask.shape[0] - down or None, max(0, -right) : mask.shape[1] - max(0, right)]
        other = label[down:, max(0, right) : mask.shape[1] + min(0, right)]
        touching = (one >= 0) & (other >= 0)
        assert (one[touching] == other[touching]).all()


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_enlarged_stays_within_the_values_it_came_from(rows: int, columns: int, height: int, width: int) -> None:
    heat = np.random.default_rng(rows * 7 + columns).random((rows, columns)).astype(np.float32)
    large = enlarge_heatmap(heat, height, width)
    assert large.shape == (height, width)
    assert large.min() >= heat.min() - 1e-6
    assert large.max() <= heat.max() + 1e-6


def test_the_strangest_region_comes_first_and_is_told_in_millimetres() -> None:
    heat = np.zeros((10, 20), np.float32)
    heat[2, 3], heat[7, 15] = 2.0, 5.0
    first, second = defect_regions(heat, 1.0, 100, 400, mm_per_pixel=0.05)
    assert first.peak > second.peak
    assert first.centroid_px == pytest.approx((15.5 * 20, 7.5 * 10))
    assert first.centroid_mm == pytest.approx((15.5, 3.75))
    assert first.area_mm2 == pytest.approx(first.area_px * 0.0025)
    assert first.left_px < first.centroid_px[0] < first.right_px
    assert defect_regions(heat, 1.0, 100, 400)[0].size_mm is None


def test_nothing_above_the_threshold_no_region_and_never_too_many() -> None:
    assert defect_regions(np.ones((4, 4), np.float32), 1.0, 64, 64) == ()
    speckled = np.zeros((60, 60), np.float32)
    speckled[::3, ::3] = 3
    assert len(defect_regions(speckled, 1.0, 240, 240)) == REGIONS_MAX


def test_what_is_no_heat_map_or_no_scale_is_refused() -> None:
    with pytest.raises(HeatmapFormatError):
        enlarge_heatmap(np.zeros((2, 2, 2), np.float32), 4, 4)
    with pytest.raises(HeatmapFormatError):
        enlarge_heatmap(np.zeros((2, 2), np.float32), 0, 4)
    for scale in (0.0, -1.0, float("nan")):
        with pytest.raises(LevelRangeError):
            defect_regions(np.zeros((2, 2), np.float32), 1.0, 8, 8, mm_per_pixel=scale)
    with pytest.raises(LevelRangeError):
        defect_regions(np.zeros((2, 2), np.float32), 0.0, 8, 8)
