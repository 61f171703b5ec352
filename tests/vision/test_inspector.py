"""Training, the module file and inspection on small synthetic parts, and briefly on real ones."""

from __future__ import annotations

import io
import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.errors import (
    GroupsMismatchError,
    ImageBlankError,
    ImageCorruptError,
    ImageError,
    ImageExposureError,
    ImageSaturatedError,
    ImageSizeMismatchError,
    ModuleDigestError,
    ModuleFormatError,
    ModuleLayoutError,
    ModuleVersionError,
    NetworkShapeError,
    NoTrainingImagesError,
    TooFewPartsError,
)
from gaugeblock.vision.guards import Envelope, ImageStatistics
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.module_file import ModuleFile, read_module, write_module
from gaugeblock.vision.module_manifest import manifest_of, with_operating_point
from gaugeblock.vision.operating_point import ZonedOperatingPoint
from gaugeblock.vision.score_fusion import auroc
from gaugeblock.vision.training import TrainingOptions, lite0_network, train

SMALL = TrainingOptions(side=96, bank_vectors=200, folds=3, overkill_target=0.2, int8=False)
SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@cache
def _network() -> bytes:
    return lite0_network(lite0_checkpoint())


def _part(seed: int, scratch: bool = False) -> np.ndarray:
    """A disc on a plate, a little different each time; a scratch across it where it is defective."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((120, 150))
    centre = rng.normal(0, 1.5, 2)
    radius = np.hypot(rows - 60 - centre[0], columns - 75 - centre[1])
    image = 90 + 60 * (radius < 40) + rng.normal(0, 4, (120, 150))
    if scratch:
        image[40:80, 72:78] = 20
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@cache
def _trained() -> Inspector:
    return train([_part(i) for i in range(24)], network=_network(), seed=3, options=SMALL)


class _WithBadOnes:
    """Images of which some cannot be read."""

    def __init__(self, count: int, bad: set[int]) -> None:
        self.count, self.bad = count, bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        if index in self.bad:
            raise ImageCorruptError(detail="test")
        return _part(index)


def test_scratched_parts_score_above_good_ones() -> None:
    inspector = _trained()
    good = [inspector.inspect(_part(100 + i)).score for i in range(12)]
    bad = [inspector.inspect(_part(200 + i, scratch=True)) for i in range(12)]
    assert auroc(good, [b.score for b in bad]) > 0.98
    assert sum(b.verdict is Verdict.NOK for b in bad) >= 11
    assert sum(s <= inspector.manifest.threshold for s in good) >= 8
    for inspection in bad:
        x, y = inspection.peak
        assert abs(x - 0.5) < 0.25
        assert abs(y - 0.5) < 0.3


def test_what_an_inspection_tells() -> None:
    ticks = itertools.count(0, 1_000_000)
    inspection = _trained().inspect(_part(7), lambda: next(ticks))
    assert inspection.heatmap.dtype == np.float32
    assert inspection.heatmap.shape == (5, 7)
    assert inspection.stage_ms == {"prepare": 1.0, "network": 1.0, "search": 1.0, "score": 1.0}
    assert inspection.guards_passed == ("size", "contrast", "exposure")
    assert (inspection.verdict is Verdict.OK) == (inspection.score <= inspection.threshold)


def test_same_images_and_seed_same_bytes_another_seed_others() -> None:
    images = [_part(i) for i in range(24)]
    again = train(images, network=_network(), seed=3, options=SMALL)
    other = train(images, network=_network(), seed=4, options=SMALL)
    assert again.to_bytes() == _trained().to_bytes()
    assert other.to_bytes() != _trained().to_bytes()


def test_a_module_file_comes_back_whole() -> None:
    inspector = _trained()
    data = inspector.to_bytes()
    loaded = Inspector.from_bytes(data)
    assert loaded.to_bytes() == data
    assert loaded.manifest == inspector.manifest
    one, two = inspector.inspect(_part(50)), loaded.inspect(_part(50))
    assert one.score == two.score
    assert np.array_equal(one.heatmap, two.heatmap)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    raw = bytearray(_trained().to_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((ModuleDigestError, ModuleFormatError)):
        Inspector.from_bytes(bytes(raw))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.integers(0, 255))
def test_every_byte_of_a_small_module_counts(at: int, value: int) -> None:
    raw = bytearray(write_module(ModuleFile(b'{"a":1}', {"x": b"12345", "y": b""})))
    at %= len(raw)
    if raw[at] == value:
        return
    raw[at] = value
    with pytest.raises((ModuleDigestError, ModuleFormatError)):
        read_module(bytes(raw))


def test_a_cut_or_longer_module_is_refused() -> None:
    data = _trained().to_bytes()
    for bad in (b"", data[:10], data[:-1], data + b"\x00", b"PK\x03\x04" + data[4:]):
        with pytest.raises((ModuleDigestError, ModuleFormatError)):
            Inspector.from_bytes(bad)


@pytest.mark.parametrize("change", ["bank", "network", "manifest", "missing", "nan", "radii"])
def test_sections_that_do_not_belong_together_are_refused(change: str) -> None:
    module = read_module(_trained().to_bytes())
    manifest, sections = module.manifest, dict(module.sections)
    if change == "bank":
        sections["bank"] = bytes(len(sections["bank"]))
    elif change == "network":
        sections["network"] = sections["network"][:-1]
    elif change == "manifest":
        manifest = b'{"product":"x"}'
    elif change == "radii":
        sections["bank_radii"] = bytes(len(sections["bank_radii"]))
    elif change == "missing":
        del sections["whole_points"]
    else:
        sections["whole_centre"] = b"\xff" * len(sections["whole_centre"])
    with pytest.raises(ModuleLayoutError) as caught:
        Inspector.from_bytes(write_module(ModuleFile(manifest, sections)))
    part = {"missing": "whole_points", "nan": "whole_centre", "radii": "bank_radii"}.get(change, change)
    assert caught.value.text("zh") == f"模块文件的 {part} 部分缺失，或与其他部分不符。"


def test_the_range_of_brightness_that_is_told_is_one_that_an_image_can_have() -> None:
    for level, other in ((20, 150), (235, 90)):
        trained = np.full((60, 60, 3), level, np.uint8)
        trained[::2] = level - 15
        other_image = np.full((60, 60, 3), other, np.uint8)
        other_image[::2] = other - 15
        envelope = Envelope.of([ImageStatistics.of(trained)])
        envelope.check(ImageStatistics.of(trained))
        with pytest.raises(ImageExposureError) as caught:
            envelope.check(ImageStatistics.of(other_image))
        assert 0 <= float(caught.value.facts["low"]) < float(caught.value.facts["high"]) <= 255


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(NetworkShapeError):
        train([_part(i) for i in range(6)], network=b"not onnx", options=SMALL)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((120, 150, 3), np.uint8), ImageBlankError),
        (np.full((120, 150, 3), 255, np.uint8), ImageBlankError),
        (np.full((120, 150, 3), 128, np.uint8), ImageBlankError),
        (np.repeat(_part(1), 3, axis=1), ImageSizeMismatchError),
        (np.repeat(np.repeat(_part(1), 4, axis=0), 4, axis=1), ImageSizeMismatchError),
        (_part(1)[:32, :40], ImageSizeMismatchError),
        (np.where(np.indices((120, 150, 3))[0] < 70, 255, _part(1)).astype(np.uint8), ImageSaturatedError),
        (_part(1) + np.uint8(95), ImageExposureError),
    ],
)
def test_images_unlike_training_are_refused_by_name(image: np.ndarray, error: type[ImageError]) -> None:
    with pytest.raises(error):
        _trained().inspect(image)


def test_unreadable_images_are_named_and_left_out() -> None:
    named: list[int] = []
    stages: dict[str, tuple[int, int]] = {}
    inspector = train(
        _WithBadOnes(14, {0, 5}),
        network=_network(),
        options=SMALL,
        left_out=lambda index, error: named.append(index),
        progress=lambda stage, done, total: stages.__setitem__(stage, (done, total)),
    )
    assert named == [0, 5]
    facts = inspector.manifest.training
    assert (facts.images, facts.left_out) == (12, 2)
    assert stages["features"] == (14, 14)
    assert stages["heads"] == stages["folds"] == (3, 3)
    assert stages["bank"][0] == stages["bank"][1]


def test_five_parts_are_enough_to_start_and_say_what_is_missing() -> None:
    inspector = train([_part(i) for i in range(5)], network=_network(), options=SMALL)
    point = inspector.manifest.operating_point
    assert point.good_parts_held_out == 5
    assert point.overkill_upper_bound > point.overkill_target
    assert point.good_parts_needed == 14
    assert inspector.inspect(_part(9)).score > 0


@pytest.mark.parametrize(
    ("images", "groups", "error"),
    [
        ([], None, NoTrainingImagesError),
        (_WithBadOnes(3, {0, 1, 2}), None, NoTrainingImagesError),
        ([_part(i) for i in range(4)], None, TooFewPartsError),
        ([_part(i) for i in range(6)], ["one"] * 6, TooFewPartsError),
        ([_part(1)] * 8, None, TooFewPartsError),
        ([_part(i) for i in range(6)], ["a", "b"], GroupsMismatchError),
    ],
)
def test_nothing_to_train_on_is_named(images: object, groups: list[str] | None, error: type[GaugeblockError]) -> None:
    with pytest.raises(error):
        train(images, network=_network(), groups=groups, options=SMALL)  # type: ignore[arg-type]


def test_a_group_is_held_out_whole() -> None:
    # Each part twice: held out alone, its twin would be in the bank and its score near nothing.
    images = [_part(i // 2) for i in range(20)]
    apart = train(images, network=_network(), groups=list(range(20)), seed=1, options=SMALL)
    together = train(images, network=_network(), groups=[i // 2 for i in range(20)], seed=1, options=SMALL)
    proposed = train(images, network=_network(), seed=1, options=SMALL)
    assert proposed.manifest.training.groups == 10
    assert proposed.manifest.training.groups_source == "near_duplicates"
    assert together.manifest.training.groups_source == "given"
    assert together.manifest.fusion.log_mean["patch_top"] > apart.manifest.fusion.log_mean["patch_top"] + 0.1


def test_known_defects_choose_the_fusion_and_nothing_else() -> None:
    good = [_part(i) for i in range(12)]
    bad = [_part(300 + i, scratch=True) for i in range(6)]
    plain = train(good, network=_network(), seed=2, options=SMALL).manifest
    helped = train(good, network=_network(), seed=2, options=SMALL, defective=bad).manifest
    assert helped.bank_sha256 == plain.bank_sha256
    assert helped.training.defective == 6


@pytest.mark.skipif(not (SHARED / "data" / "casting").is_dir(), reason="../shared/data/casting is not there")
def test_real_castings_are_ranked() -> None:
    root = SHARED / "data" / "casting"
    folders = ("train/ok_front", "test/ok_front", "test/def_front")
    train_paths, good_paths, bad_paths = (sorted((root / f).glob("*.jpeg")) for f in folders)
    read = lambda paths: [decode(p.read_bytes()) for p in paths]  # noqa: E731
    inspector = train(
        read(train_paths[:100]), network=_network(), seed=1, options=TrainingOptions(bank_vectors=800, folds=2)
    )
    good = [inspector.inspect(i).score for i in read(good_paths[:30])]
    bad = [inspector.inspect(i).score for i in read(bad_paths[:30])]
    assert auroc(good, bad) > 0.9


def test_an_encoded_frame_goes_all_the_way() -> None:
    buffer = io.BytesIO()
    Image.fromarray(_part(60)).save(buffer, "PNG")
    assert _trained().inspect(decode(buffer.getvalue())).score == _trained().inspect(_part(60)).score


def test_blank_images_among_the_good_ones_are_left_out() -> None:
    parts = [_part(seed) for seed in range(12)]
    images = [*parts, np.zeros_like(parts[0]), np.full_like(parts[0], 255)]
    left_out: list[tuple[int, str]] = []
    trained = train(
        images,
        network=_network(),
        options=SMALL,
        left_out=lambda index, error: left_out.append((index, error.code)),
    )
    assert left_out == [(12, "vision.image_blank"), (13, "vision.image_blank")]
    assert trained.manifest.training.images == 12


def test_a_module_of_an_earlier_version_is_refused_with_the_way_out_in_both_languages() -> None:
    data = b"GBMODUL1" + _trained().to_bytes()[8:]
    for read in (Inspector.from_bytes, manifest_of, lambda raw: with_operating_point(raw, _point())):
        with pytest.raises(ModuleVersionError) as caught:
            read(data)
    assert (caught.value.facts["version"], caught.value.facts["reads"]) == (1, 2)
    assert "Train again" in caught.value.remedy("en")
    assert "重新训练" in caught.value.remedy("zh")
    with pytest.raises(ModuleFormatError) as later:
        Inspector.from_bytes(b"GBMODUL3" + data[8:])
    assert not isinstance(later.value, ModuleVersionError)
    assert "upgrade" in later.value.remedy("en")


def _point() -> ZonedOperatingPoint:
    return _trained().manifest.operating_point
