"""The pass over the pictures: interrupted and resumed, from few parts, with contradicting labels."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.errors import ImageContradictionError, ImageError
from gaugeblock.vision.feature_cache import MemoryFeatureCache
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.same_picture import KnownPictures
from gaugeblock.vision.score_fusion import auroc
from gaugeblock.vision.training import TrainingOptions, lite0_network, train

SMALL = TrainingOptions(side=96, bank_vectors=100, folds=3, overkill_target=0.2, int8=False)


class _PowerCutError(Exception):
    """What a test interrupts a training with."""


@cache
def _network() -> bytes:
    return lite0_network(lite0_checkpoint())


def _part(seed: int, scratch: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((120, 150))
    centre = rng.normal(0, 1.5, 2)
    radius = np.hypot(rows - 60 - centre[0], columns - 75 - centre[1])
    image = 90 + 60 * (radius < 40) + rng.normal(0, 4, (120, 150))
    if scratch:
        image[40:80, 72:78] = 20
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@cache
def _five() -> Inspector:
    return train([_part(i) for i in range(5)], network=_network(), seed=1, options=SMALL)


class _CutOff:
    """Images of which reading stops."""

    def __init__(self, images: list[np.ndarray], at: int) -> None:
        self.images, self.at, self.read = images, at, 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> np.ndarray:
        self.read += 1
        if index == self.at:
            raise _PowerCutError
        return self.images[index]


class _Counting(MemoryFeatureCache):
    """Counts what it could give back."""

    hits = 0

    def get(self, key: str, /) -> bytes | None:
        found = super().get(key)
        self.hits += found is not None
        return found


def test_an_interrupted_training_goes_on_and_ends_with_the_same_bytes() -> None:
    images = [_part(i) for i in range(5)]
    kept = _Counting()
    with pytest.raises(_PowerCutError):
        train(_CutOff(images, at=3), network=_network(), seed=1, options=SMALL, cache=kept)
    assert (len(kept), kept.hits) == (3, 0)
    resumed = train(images, network=_network(), seed=1, options=SMALL, cache=kept)
    assert (len(kept), kept.hits) == (5, 3)
    assert resumed.to_bytes() == _five().to_bytes()


def test_damaged_and_foreign_entries_count_as_absent() -> None:
    images = [_part(i) for i in range(5)]
    kept = _Counting()
    train(images, network=_network(), seed=1, options=SMALL, cache=kept)
    for key in list(kept._entries):
        kept.put(key, kept._entries[key][:-7])
    assert train(images, network=_network(), seed=1, options=SMALL, cache=kept).to_bytes() == _five().to_bytes()
    before = len(kept)
    train(images, network=_network(), seed=1, options=dataclasses.replace(SMALL, side=112), cache=kept)
    assert len(kept) == 2 * before


def test_five_good_parts_are_enough_to_find_a_scratch() -> None:
    good = [_five().inspect(_part(50 + i)).score for i in range(8)]
    bad = [_five().inspect(_part(80 + i, scratch=True)).score for i in range(8)]
    assert auroc(good, bad) > 0.95


def test_a_picture_given_as_good_and_as_defective_is_left_out_by_name() -> None:
    told: list[tuple[int, ImageError]] = []
    images = [_part(i) for i in range(7)]
    saved_again = np.clip(images[2].astype(int) + np.random.default_rng(0).integers(-1, 2, images[2].shape), 0, 255)
    inspector = train(
        images,
        network=_network(),
        defective=[_part(40, scratch=True), images[4], saved_again.astype(np.uint8)],
        seed=1,
        options=SMALL,
        left_out=lambda index, error: told.append((index, error)),
    )
    assert [(index, type(error), error.facts["defective"]) for index, error in told] == [
        (2, ImageContradictionError, 3),
        (4, ImageContradictionError, 2),
    ]
    assert (inspector.manifest.training.images, inspector.manifest.training.left_out) == (5, 2)


def test_the_same_part_before_and_after_it_was_damaged_is_no_contradiction() -> None:
    known = KnownPictures()
    known.add(0, _part(7, scratch=True))
    assert known.find(_part(7)) is None
    assert known.find(_part(7, scratch=True)) == 0
    assert known.find(_part(8, scratch=True)) is None
