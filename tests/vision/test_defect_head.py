"""Defects drawn on good parts, and the head that is trained on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.vision.defect_head import Cells, DefectHead
from gaugeblock.vision.place_map import PlaceFooting
from gaugeblock.vision.synthetic_defects import KINDS, draw_defect


def _plate(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    image = 110 + 40 * (np.hypot(rows - 48, columns - 64) < 30) + rng.normal(0, 5, (height, width))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_changes_the_picture_where_it_says_and_nowhere_else(kind: str) -> None:
    drawn = 0
    for seed in range(8):
        plate = _plate(seed)
        found = draw_defect(plate, [seed, 3], [kind])
        if found is None:
            continue
        drawn += 1
        assert found.kind == kind
        assert found.pixels.shape == plate.shape
        assert (found.touched | ~found.defective).all()
        changed = np.abs(found.pixels.astype(int) - plate).mean(axis=2)
        assert changed[found.defective].mean() > 2 * max(changed[~found.touched].mean(), 0.01)
    assert drawn >= 4


@given(st.integers(0, 2**32 - 1), st.integers(20, 70), st.integers(20, 70))
@settings(max_examples=30, deadline=None)
def test_same_seed_same_drawing_on_any_shape(seed: int, height: int, width: int) -> None:
    plate = _plate(1)[:height, :width]
    before = plate.copy()
    one, two = draw_defect(plate, [seed]), draw_defect(plate, [seed])
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert np.array_equal(one.pixels, two.pixels)
        assert np.array_equal(one.defective, two.defective)
    assert np.array_equal(plate, before)


def test_a_picture_without_contrast_can_be_drawn_on() -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert all(d is None or d.defective.any() for d in (draw_defect(flat, [seed]) for seed in range(12)))


def _cells(seed: int, count: int = 1500) -> Cells:
    rng = np.random.default_rng(seed)
    stages = rng.normal(3, [1, 5, 0.1, 1], (count, 4)).astype(np.float32)
    labels = ((stages[:, 0] > 3.6) & (rng.random(count) < 0.95)).astype(np.float32)
    return Cells(stages, labels, np.ones(count, np.float32))


def test_the_head_ranks_unseen_cells_and_is_the_same_for_the_same_seed() -> None:
    head, again, other = (DefectHead.fit(_cells(1), seed) for seed in (4, 4, 5))
    assert np.array_equal(head.inward, again.inward)
    assert np.array_equal(head.outward, again.outward)
    assert not np.array_equal(head.inward, other.inward)
    unseen = _cells(2)
    logits = head.logits(np.ascontiguousarray(unseen.stages.T))
    assert logits.shape == (len(unseen.stages),)
    assert np.median(logits[unseen.defective == 1]) > np.quantile(logits[unseen.defective == 0], 0.9)


def test_a_channel_that_never_varies_and_one_label_only_do_no_harm() -> None:
    cells = _cells(3, 200)
    cells.stages[:, 2] = 0
    assert np.isfinite(DefectHead.fit(cells, 0).logits(cells.stages.T)).all()
    none = Cells(cells.stages, np.zeros(200, np.float32), np.ones(200, np.float32))
    assert (DefectHead.fit(none, 0).logits(cells.stages.T) < 0).mean() > 0.9


@given(st.floats(0, 3), st.floats(-20, 20))
@settings(max_examples=50, deadline=None)
def test_the_map_of_places_is_positive_and_grows_with_both_answers(distance: float, logit: float) -> None:
    rng = np.random.default_rng(0)
    footing = PlaceFooting.fit(
        [rng.random(50, dtype=np.float32) + 0.5 for _ in range(4)],
        [rng.standard_normal(50).astype(np.float32) for _ in range(4)],
    )
    here, farther, odder = (
        float(footing.places(np.array([d], np.float32), np.array([o], np.float32))[0])
        for d, o in ((distance, logit), (distance + 0.5, logit), (distance, logit + 1))
    )
    assert 0 < here < farther
    assert here < odder
