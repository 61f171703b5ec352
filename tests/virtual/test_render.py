"""The truth about a part is where its picture differs from its defect-free twin, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.virtual.config import RenderConfig
from gaugeblock.virtual.defects import DEFECT_KINDS
from gaugeblock.virtual.errors import UnknownProductError
from gaugeblock.virtual.render import render
from gaugeblock.virtual.seeds import Stream

ALL_DEFECTIVE = RenderConfig(size_px=240, defect_rate=1.0)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**53 - 1), unit=st.integers(0, 2**40))
def test_same_arguments_same_pixels(seed: int, unit: int) -> None:
    first, second = render(seed, unit, ALL_DEFECTIVE), render(seed, unit, ALL_DEFECTIVE)
    assert first.image.dtype == np.uint8
    assert first.image.shape == (240, 240, 3)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.truth.defects == second.truth.defects
    assert np.array_equal(first.truth.mask, second.truth.mask)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    unit=st.integers(0, 2**32),
    size=st.sampled_from((96, 240, 480)),
    product=st.sampled_from(("P100", "P200")),
)
def test_picture_differs_from_its_twin_inside_the_mask_only(seed: int, unit: int, size: int, product: str) -> None:
    config = RenderConfig(size_px=size, defect_rate=1.0, product=product)
    part = render(seed, unit, config)
    twin = render(seed, unit, config, with_defects=False)
    assert twin.truth.condition == "good"
    assert not twin.truth.mask.any()
    assert part.truth.condition == "defective"
    difference = np.abs(part.image.astype(int) - twin.image.astype(int)).max(axis=2)
    assert not difference[~part.truth.mask].any()
    assert difference[part.truth.mask].any()


def test_most_of_the_mask_is_visibly_different() -> None:
    """The mask is not just large enough: on the mean a third of it or more changes."""
    shares = []
    for unit in range(40):
        part = render(5, unit, RenderConfig(defect_rate=1.0))
        twin = render(5, unit, RenderConfig(defect_rate=1.0), with_defects=False)
        changed = (part.image != twin.image).any(axis=2)
        shares.append(changed[part.truth.mask].mean())
    assert np.mean(shares) > 0.33
    assert min(shares) > 0.03


@settings(max_examples=20, deadline=None)
@given(unit=st.integers(0, 2**32))
def test_boxes_hold_the_mask(unit: int) -> None:
    part = render(3, unit, ALL_DEFECTIVE)
    covered = np.zeros_like(part.truth.mask)
    for defect in part.truth.defects:
        left, top, right, bottom = defect.box_px
        assert 0 <= left < right <= 240
        assert 0 <= top < bottom <= 240
        assert defect.kind in DEFECT_KINDS
        assert 0.0 <= defect.severity <= 1.0
        assert defect.size_px == max(right - left, bottom - top)
        assert left <= defect.centre_x_px < right
        assert top <= defect.centre_y_px < bottom
        covered[top:bottom, left:right] = True
    assert not (part.truth.mask & ~covered).any()


def test_defect_rate_is_kept_and_every_kind_occurs() -> None:
    config = RenderConfig(size_px=96)
    truths = [render(11, unit, config).truth for unit in range(500)]
    rate = sum(t.condition == "defective" for t in truths) / 500
    assert 0.07 < rate < 0.17  # 12 % ± 3.5 standard deviations
    assert all((t.condition == "defective") == bool(t.defects) == bool(t.mask.any()) for t in truths)
    assert {d.kind for t in truths for d in t.defects} == set(DEFECT_KINDS)
    severities = [d.severity for t in truths for d in t.defects]
    assert min(severities) < 0.25
    assert max(severities) > 0.75


def test_good_parts_differ_by_more_than_noise() -> None:
    """Pose, light and tool marks change from part to part: the mean picture of two is not the sensor's noise."""
    config = RenderConfig(defect_rate=0.0)
    first, second = (render(1, unit, config).image.astype(float) for unit in (1, 2))
    blocks = np.abs(first - second).mean(axis=2).reshape(48, 10, 48, 10).mean(axis=(1, 3))
    signed = (first - second).mean(axis=2).reshape(48, 10, 48, 10).mean(axis=(1, 3))
    assert blocks.mean() > 3.0
    assert np.abs(signed).mean() > 1.0


def test_lamp_warms_up() -> None:
    config = RenderConfig(size_px=96, defect_rate=0.0)
    cold = np.mean([render(1, unit, config, lamp_age=0).image.mean() for unit in range(40)])
    warm = np.mean([render(1, unit, config, lamp_age=2000).image.mean() for unit in range(40)])
    assert warm > cold + 1.0


def test_training_stream_is_another() -> None:
    config = RenderConfig(size_px=96, defect_rate=0.0)
    live = render(1, 5, config).image
    training = render(1, 5, config, stream=Stream.TRAINING).image
    assert np.abs(live.astype(int) - training.astype(int)).mean() > 1.0


def test_unknown_product_is_named() -> None:
    with pytest.raises(UnknownProductError) as caught:
        render(1, 1, RenderConfig(product="Z9"))
    assert caught.value.facts["product"] == "Z9"
    assert "P100" in str(caught.value)
