"""Training pictures: good, decodable, and of parts that never run on the line."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from gaugeblock.virtual.config import RenderConfig, VirtualLineConfig
from gaugeblock.virtual.line import VirtualLine
from gaugeblock.virtual.training_set import training_set

SMALL = RenderConfig(size_px=96, defect_rate=1.0)


def test_training_set_is_reproducible_and_distinct() -> None:
    first, second = dict(training_set(30, 4, SMALL)), dict(training_set(30, 4, SMALL))
    assert first == second
    assert len(first) == 30
    assert len({hashlib.sha256(data).digest() for data in first.values()}) == 30
    picture = Image.open(io.BytesIO(first["P100-good-0001.jpg"]))
    assert picture.size == (96, 96)
    assert picture.mode == "RGB"


def test_more_pictures_than_warm_up_units_are_still_distinct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaugeblock.virtual.training_set.WARM_UP_COVERED_UNITS", 5)
    digests = {hashlib.sha256(data).digest() for _, data in training_set(40, 4, SMALL)}
    assert len(digests) == 40


def test_no_live_part_is_in_the_training_set() -> None:
    line = VirtualLine(VirtualLineConfig(seed=4, image_size_px=96, defect_rate=0.0))
    live = {hashlib.sha256(line.prepare(number).jpeg).digest() for number in range(1, 60)}
    training = {hashlib.sha256(data).digest() for _, data in training_set(60, 4, SMALL)}
    assert not live & training


def test_training_and_live_pictures_look_alike() -> None:
    """Another stream, the same camera: mean brightness agrees within the light's own spread."""
    line = VirtualLine(VirtualLineConfig(seed=4, image_size_px=96, defect_rate=0.0))
    live = [np.asarray(Image.open(io.BytesIO(line.prepare(n * 10).jpeg))).mean() for n in range(1, 50)]
    training = [np.asarray(Image.open(io.BytesIO(data))).mean() for _, data in training_set(50, 4, SMALL)]
    assert abs(np.mean(live) - np.mean(training)) < 2.0
