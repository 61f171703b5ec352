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
from gaugeblock.vision.guards import ImageStatistics
from gaugeblock.vision.heatmap import decode_heatmap, encode_heatmap
from gaugeblock.vision.illumination import standardise, standardising
from gaugeblock.vision.levels import LevelSums, as_colour, grey_plane
from gaugeblock.vision.local_density import NEIGHBOURS, RADIUS_FLOOR, local_radii
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.resize import ResizePlan, network_input
from gaugeblock.vision.score_fusion import COMPONENTS, DEFAULT_FUSION, FUSIONS, Fusion, auroc, choose_fusion, components
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


@pytest.mark.parametrize("grey", [False, True])
def test_the_network_sees_scaled_levels_and_a_repeated_rim(grey: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 80, 3)).astype(np.uint8)
    if grey:
        pixels = as_colour(pixels[:, :, 0].copy())
    image = network_input(pixels, 0.5, -3.0, 32)
    assert image.shape == (1, 3, 64, 96)
    planes = (pixels * np.float32(0.5) - np.float32(3)).transpose(2, 0, 1)
    assert np.array_equal(image[0, :, :48, :80], planes)
    assert np.array_equal(image[0, :, 48:, :80], np.repeat(planes[:, -1:], 16, axis=1))
    assert np.array_equal(image[0, :, :, 80:], np.repeat(image[0, :, :, 79:80], 16, axis=2))


@settings(max_examples=30, deadline=None)
@given(st.integers(32, 400), st.integers(32, 400), st.integers(0, 10**6))
def test_a_grey_plane_gives_to_the_bit_what_three_equal_channels_give(width: int, height: int, seed: int) -> None:
    plane = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    one, three = as_colour(plane), np.repeat(plane[:, :, None], 3, axis=2)
    assert grey_plane(one) is not None
    assert grey_plane(three) is None
    assert ImageStatistics.of(one) == ImageStatistics.of(three)
    plan = ResizePlan(96)
    small, other = plan.apply(one), plan.apply(three)
    assert np.array_equal(small, other)
    assert standardising(small) == standardising(other)
    assert np.array_equal(network_input(small, 0.3, 0.1), network_input(other, 0.3, 0.1))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(0, 255), st.integers(0, 255), st.integers(0, 10**6))
def test_sums_of_levels_are_those_of_whole_numbers(count: int, low: int, high: int, seed: int) -> None:
    levels = np.random.default_rng(seed).integers(min(low, high), max(low, high) + 1, count).astype(np.uint8)
    sums, values = LevelSums.of(levels), [int(v) for v in levels]
    assert (sums.count, sums.total, sums.squares) == (count, sum(values), sum(v * v for v in values))
    assert sums.deviation == pytest.approx(np.std(values), abs=1e-9)


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
    radii = np.exp(rng.normal(0, 0.4, size)).astype(np.float32)
    expected = (np.sqrt(((asked[:, None] - bank[None]) ** 2).sum(axis=2)) / radii).min(axis=1)
    found = MemoryBank(bank.astype(np.float32), radii).distances(asked.astype(np.float32))
    assert np.allclose(found, expected, atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(513, 900), st.integers(1, 120), st.integers(1, 5), st.floats(0.5, 2.5), st.integers(0, 10**6))
def test_a_search_is_exact_where_a_verdict_looks(
    size: int, queries: int, largest: int, level: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # As features are: most of the variance in few directions.
    mix = rng.standard_normal((160, 160)) * np.exp(-np.arange(160) / 30)
    bank, asked = (rng.standard_normal((n, 160)) @ mix.T / 16 for n in (size, queries))
    asked[: queries // 4] += rng.standard_normal((queries // 4, 160)) / 4
    radii = np.exp(rng.normal(0, 0.4, size)).astype(np.float32)
    expected = (np.sqrt(((asked[:, None] - bank[None]) ** 2).sum(axis=2)) / radii).min(axis=1)
    reach = level * float(np.median(expected))
    found = MemoryBank(bank.astype(np.float32), radii).search(asked.astype(np.float32), largest, reach)
    top = min(largest, queries)
    assert np.allclose(np.sort(found)[-top:], np.sort(expected)[-top:], atol=2e-3)
    assert (found >= expected - 2e-3).all()
    above = expected > reach + 2e-3
    assert np.allclose(found[above], expected[above], atol=2e-3)
    assert (found[expected < reach - 2e-3] < reach + 2e-3).all()


def test_a_search_passes_on_what_is_not_a_number() -> None:
    rng = np.random.default_rng(3)
    asked = rng.standard_normal((40, 160)).astype(np.float32)
    asked[7, 3] = np.nan
    found = MemoryBank(rng.standard_normal((600, 160)).astype(np.float32)).search(asked, 2, np.inf)
    assert np.isnan(found[7])
    assert np.isfinite(np.delete(found, 7)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 700), st.integers(1, 30), st.integers(0, 10**6))
def test_local_radii_are_the_brute_force_ones_about_one(size: int, width: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((size, width)).astype(np.float32)
    radii = local_radii(vectors)
    if size == 1:
        assert radii.tolist() == [1.0]
        return
    apart = np.sqrt(((vectors[:, None] - vectors[None]).astype(np.float64) ** 2).sum(axis=2))
    nearest = np.sort(apart + np.diag(np.full(size, np.inf)), axis=1)[:, : min(NEIGHBOURS, size - 1)].mean(axis=1)
    assert np.allclose(radii, np.maximum(nearest / nearest.mean(), RADIUS_FLOOR), atol=1e-3)


def test_a_distance_counts_for_more_where_good_parts_are_alike_and_repeats_do_no_harm() -> None:
    rng = np.random.default_rng(4)
    alike, varied = rng.normal(0, 0.1, (300, 8)), rng.normal(20, 2, (300, 8))
    bank = np.concatenate([alike, varied]).astype(np.float32)
    asked = np.stack([alike.mean(axis=0), varied.mean(axis=0)]).astype(np.float32)
    asked[:, 0] += 3
    near_alike, near_varied = MemoryBank(bank, local_radii(bank)).distances(asked)
    assert near_alike > 3 * near_varied
    assert (local_radii(np.ones((20, 3), np.float32)) == 1).all()


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
    good = {c: rng.random(20) + 0.1 for c in COMPONENTS}
    fusion = Fusion.fit(name, good)
    base = float(fusion.score({c: v[0] for c, v in good.items()}))
    assert base > 0
    for c in good:
        assert float(fusion.score({k: v[0] * (1.5 if k == c else 1) for k, v in good.items()})) >= base
    assert np.isfinite(fusion.score(dict.fromkeys(good, 1e30)))


def test_without_defects_the_default_with_them_the_best() -> None:
    rng = np.random.default_rng(0)
    good = {c: rng.random(50) + 1 for c in COMPONENTS}
    bad = dict(good) | {"patch_mean": good["patch_mean"] + 5}
    assert choose_fusion(good).name == DEFAULT_FUSION
    assert choose_fusion(good, bad).name in ("spread", "all")


def test_components_of_one_image() -> None:
    distances = np.arange(1, 201, dtype=np.float32)
    logits = np.array([-3, 2, -1, -2], np.float32)
    assert components(distances, logits, 7.0) == {
        "patch_max": 200.0,
        "patch_top": 199.5,
        "patch_mean": 100.5,
        "head_top": pytest.approx(np.exp(2)),
        "whole": 7.0,
    }


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
