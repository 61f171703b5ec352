"""Laws of the array pieces: resize, coreset, memory bank, pooled index, fusion, folds, groups, heat-map."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gaugeblock.vision import coreset
from gaugeblock.vision.backbone import STRIDE
from gaugeblock.vision.coreset import greedy_coreset
from gaugeblock.vision.errors import HeatmapFormatError, ImageArrayError
from gaugeblock.vision.folds import deal_folds
from gaugeblock.vision.groups import near_duplicate_groups, thumbnail
from gaugeblock.vision.heatmap import decode_heatmap, encode_heatmap
from gaugeblock.vision.illumination import standardise
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.resize import ResizePlan, pad_to_multiple
from gaugeblock.vision.score_fusion import DEFAULT_FUSION, FUSIONS, Fusion, auroc, choose_fusion, components
from gaugeblock.vision.whole import WholeIndex


@settings(max_examples=80, deadline=None)
@given(st.integers(32, 4000), st.integers(32, 4000))
def test_resize_keeps_area_and_aspect_within_a_cell(width: int, height: int) -> None:
    if not 1 / 6 <= width / height <= 6:
        return
    rows, columns = ResizePlan(224).grid(width, height)
    assert abs(columns * STRIDE - 224 * np.sqrt(width / height)) <= STRIDE / 2 + 1e-9
    assert abs(rows * STRIDE - 224 * np.sqrt(height / width)) <= STRIDE / 2 + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(32, 500), st.integers(32, 500), st.integers(0, 255))
def test_a_flat_image_stays_flat(width: int, height: int, level: int) -> None:
    out = ResizePlan(96).apply(np.full((height, width, 3), level, np.uint8))
    assert out.dtype == np.uint8
    assert out.min() == out.max() == level


def test_reducing_averages_and_does_not_alias() -> None:
    board = ((np.indices((448, 448)).sum(axis=0) % 2) * 255).astype(np.uint8)
    out = ResizePlan(224).apply(np.repeat(board[..., None], 3, axis=2))
    assert np.abs(out.astype(int) - 127).max() <= 4


def test_padding_repeats_the_rim() -> None:
    image = np.random.default_rng(0).random((48, 80, 3)).astype(np.float32)
    padded = pad_to_multiple(image, 32)
    assert padded.shape == (64, 96, 3)
    assert np.array_equal(padded[:48, :80], image)
    assert np.array_equal(padded[48:, :80], np.repeat(image[-1:], 16, axis=0))


@pytest.mark.parametrize(
    "bad", [np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ImageArrayError):
        ResizePlan(96).apply(bad)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 0.9), st.integers(0, 40))
def test_exposure_and_gain_are_taken_out(gain: float, offset: int) -> None:
    base = np.random.default_rng(1).integers(40, 200, (64, 64, 3)).astype(np.float64)
    plain = standardise(base.astype(np.uint8))
    other = standardise(np.clip(base * gain + offset, 0, 255).astype(np.uint8))
    assert np.abs(plain - other).max() < 5  # rounding to grey levels is all that is left


def _naive_coreset(points: np.ndarray, size: int, first: int) -> list[int]:
    chosen = [first]
    nearest = ((points - points[first]) ** 2).sum(axis=1)
    nearest[first] = -1
    while len(chosen) < size:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = -1
    return chosen


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 150), st.integers(1, 60), st.integers(0, 10**6), st.sampled_from([1, 7, 128]))
def test_rounds_pick_exactly_what_the_plain_rule_picks(count: int, size: int, seed: int, batch: int) -> None:
    points = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
    original, coreset.BATCH = coreset.BATCH, batch
    try:
        found = greedy_coreset(points, size, seed)
    finally:
        coreset.BATCH = original
    if count <= size:
        assert found.tolist() == list(range(count))
    else:
        assert found.tolist() == _naive_coreset(points.astype(np.float64), size, int(found[0]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_coreset_laws(seed: int) -> None:
    points = np.random.default_rng(seed).standard_normal((400, 90)).astype(np.float32)
    points[200:] = points[:200]  # duplicates
    seen: list[tuple[int, int]] = []
    found = greedy_coreset(points, 150, seed, lambda done, total: seen.append((done, total)))
    assert len(set(found.tolist())) == 150
    assert len({p.tobytes() for p in points[found]}) == 150, "a duplicate was chosen while others were left"
    assert np.array_equal(found, greedy_coreset(points, 150, seed))
    assert seen[-1] == (150, 150)
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)


def test_a_pool_beyond_its_bound_is_subsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreset, "POOL_MAX", 100)
    found = greedy_coreset(np.random.default_rng(0).random((1000, 3)).astype(np.float32), 50, 4)
    assert len(set(found.tolist())) == 50
    assert found.max() > 100


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1200), st.integers(1, 60), st.integers(1, 40), st.integers(0, 10**6))
def test_bank_distances_are_the_brute_force_ones(size: int, queries: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bank, asked = (rng.standard_normal((n, width)) + 3 for n in (size, queries))
    expected = np.sqrt(((asked[:, None] - bank[None]) ** 2).sum(axis=2)).min(axis=1)
    found = MemoryBank(bank.astype(np.float32)).distances(asked.astype(np.float32))
    assert np.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_the_pooled_index_tells_near_from_far(count: int) -> None:
    pooled = np.random.default_rng(2).standard_normal((count, 12)).astype(np.float32)
    index = WholeIndex.fit(pooled)
    near, far = index.distance(pooled[0] + np.float32(0.01)), index.distance(pooled[0] + np.float32(50))
    assert np.isfinite([near, far]).all()
    assert far > 5 * max(near, 1e-6)


def test_auroc_counts_pairs() -> None:
    good, bad = [0.1, 0.4, 0.4, 0.8], [0.4, 0.9, 0.2]
    pairs = [(b > g) + 0.5 * (b == g) for g in good for b in bad]
    assert auroc(good, bad) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("name", FUSIONS)
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_fused_score_is_positive_and_grows_with_every_component(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    good = {c: rng.random(20) + 0.1 for c in ("patch_max", "patch_top", "patch_mean", "whole")}
    fusion = Fusion.fit(name, good)
    base = float(fusion.score({c: v[0] for c, v in good.items()}))
    assert base > 0
    for c in good:
        assert float(fusion.score({k: v[0] * (1.5 if k == c else 1) for k, v in good.items()})) >= base
    assert np.isfinite(fusion.score(dict.fromkeys(good, 1e30)))


def test_without_defects_the_default_with_them_the_best() -> None:
    rng = np.random.default_rng(0)
    good = {c: rng.random(50) + 1 for c in ("patch_max", "patch_top", "patch_mean", "whole")}
    bad = dict(good) | {"patch_mean": good["patch_mean"] + 5}
    assert choose_fusion(good).name == DEFAULT_FUSION
    assert choose_fusion(good, bad).name in ("spread", "all")


def test_components_of_one_image() -> None:
    distances = np.arange(1, 201, dtype=np.float32)
    assert components(distances, 7.0) == {"patch_max": 200.0, "patch_top": 199.5, "patch_mean": 100.5, "whole": 7.0}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(1, 6), st.integers(0, 9))
def test_folds_never_divide_a_group(groups: list[int], folds: int, seed: int) -> None:
    dealt = deal_folds(groups, folds, seed)
    where: dict[int, set[int]] = {}
    for group, fold in zip(groups, dealt.tolist(), strict=True):
        where.setdefault(group, set()).add(fold)
    assert all(len(f) == 1 for f in where.values())
    assert set(dealt.tolist()) == set(range(min(folds, len(where))))


def test_near_duplicates_are_tied_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    images = [np.kron(rng.integers(0, 256, (12, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(4)]
    brighter = np.clip(images[1].astype(int) // 2 + 30, 0, 255).astype(np.uint8)
    rows = np.stack([thumbnail(i) for i in (*images, brighter, images[3])])
    assert near_duplicate_groups(rows).tolist() == [0, 1, 2, 3, 1, 3]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(1e-3, 1e3), st.integers(0, 9))
def test_a_heatmap_survives_to_half_a_grey_level(rows: int, columns: int, threshold: float, seed: int) -> None:
    heat = (np.random.default_rng(seed).random((rows, columns)) * 3 * threshold).astype(np.float32)
    png = encode_heatmap(heat, threshold)
    found = decode_heatmap(png)
    assert found.shape == heat.shape
    assert np.abs(found - np.minimum(heat / threshold, 2)).max() <= 0.5 / 127.5 + 1e-5


def test_the_threshold_is_grey_128() -> None:
    png = encode_heatmap(np.full((3, 4), 1.7, np.float32), 1.7)
    assert set(np.asarray(Image.open(io.BytesIO(png))).ravel().tolist()) == {128}


def test_a_heatmap_of_another_form_is_refused() -> None:
    for call in (
        lambda: encode_heatmap(np.zeros((3,), np.float32), 1.0),
        lambda: encode_heatmap(np.zeros((3, 3), np.float32), 0.0),
        lambda: decode_heatmap(b"junk"),
        lambda: decode_heatmap(encode_heatmap(np.zeros((3, 3), np.float32), 1.0)[:40]),
    ):
        with pytest.raises(HeatmapFormatError):
            call()
