"""Faults give what they name."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gaugeblock.plant.errors import LimitError
from gaugeblock.virtual.camera import EXPOSURES_MAX, CameraBody, encode_jpeg
from gaugeblock.virtual.config import FAULT_KINDS, PlannedFault, VirtualLineConfig
from gaugeblock.virtual.faults import INJECTED_MAX, FaultSchedule
from gaugeblock.virtual.line import VirtualLine

LINE = VirtualLine(VirtualLineConfig(image_size_px=96))


def pictures(count: int) -> list[bytes]:
    return [LINE.prepare(number).jpeg for number in range(1, count + 1)]


def test_without_fault_the_picture_is_given_as_it_is() -> None:
    camera, (first,) = CameraBody(96, 300.0), pictures(1)
    camera.expose(1, first, "2026-11-22T05:00:00.000000Z")
    exposure = camera.exposure(1)
    assert exposure is not None
    assert (exposure.data, exposure.delay_ms, exposure.disconnect) == (first, 0.0, False)


def test_frozen_frame_repeats_what_was_given_before() -> None:
    camera, (first, second, third) = CameraBody(96, 300.0), pictures(3)
    camera.expose(1, first, "t1")
    assert camera.expose(2, second, "t2", "frozen_frame").data == first
    frozen = camera.expose(3, third, "t3", "frozen_frame")
    assert frozen.data == first
    assert frozen.captured_at == "t3"


def test_black_frame_is_a_black_picture() -> None:
    camera, (first,) = CameraBody(96, 300.0), pictures(1)
    picture = Image.open(io.BytesIO(camera.expose(1, first, "t", "black_frame").data))
    assert picture.size == (96, 96)
    assert np.asarray(picture).max() == 0


def test_truncated_jpeg_is_the_beginning_of_the_picture() -> None:
    camera, (first,) = CameraBody(96, 300.0), pictures(1)
    data = camera.expose(1, first, "t", "truncated_jpeg").data
    assert first.startswith(data)
    assert 0 < len(data) < len(first)
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(data)).load()


def test_late_frame_comes_after_the_watchdog() -> None:
    camera, (first,) = CameraBody(96, 300.0), pictures(1)
    assert camera.expose(1, first, "t", "late_frame").delay_ms > 300.0


def test_camera_forgets_old_exposures() -> None:
    camera, (first,) = CameraBody(96, 300.0), pictures(1)
    for number in range(1, EXPOSURES_MAX + 2):
        camera.expose(number, first, "t")
    assert camera.exposure(1) is None
    assert camera.exposure(2) is not None


def test_planned_faults_strike_their_units() -> None:
    schedule = FaultSchedule((PlannedFault("late_frame", 4, 2), PlannedFault("plc_drop", 5, 2)))
    assert [schedule.take(unit) for unit in range(3, 8)] == [
        None,
        "late_frame",
        "late_frame",
        "plc_drop",
        None,
    ]


def test_seeded_faults_are_reproducible_at_their_rate() -> None:
    first = [FaultSchedule(rate=0.2, seed=9).take(unit) for unit in range(1000)]
    second = [FaultSchedule(rate=0.2, seed=9).take(unit) for unit in range(1000)]
    assert first == second
    assert 150 < sum(fault is not None for fault in first) < 250
    assert set(first) == {None, *FAULT_KINDS}


def test_injected_faults_come_first_and_are_bounded() -> None:
    schedule = FaultSchedule((PlannedFault("late_frame", 1, 9),))
    schedule.inject("black_frame", 2)
    assert [schedule.take(unit) for unit in (1, 2, 3)] == ["black_frame", "black_frame", "late_frame"]
    with pytest.raises(LimitError):
        schedule.inject("black_frame", INJECTED_MAX + 1)


def test_jpeg_has_no_metadata_and_is_reproducible() -> None:
    image = np.full((96, 96, 3), 90, dtype=np.uint8)
    data = encode_jpeg(image)
    assert data == encode_jpeg(image)
    assert not dict(Image.open(io.BytesIO(data)).getexif())
    assert b"Exif" not in data
