"""What the watch sees: blur lowers focus and nothing else, a shift is found with its sign, noise is no shift."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from gaugeblock.vision.errors import ImageArrayError
from gaugeblock.vision.guards import ImageStatistics
from gaugeblock.vision.levels import as_colour
from gaugeblock.vision.watch import Template, focus, glance, thumbnail, watch

Pixels = npt.NDArray[np.uint8]


def _scene(seed: int = 0, height: int = 192, width: int = 256) -> Pixels:
    draw = np.random.default_rng(seed)
    coarse = draw.integers(40, 216, (height // 8, width // 8), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(picture)[:, :, None], 3, axis=2)


def test_blur_lowers_focus_and_a_brighter_lamp_does_not() -> None:
    sharp = _scene()
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(5)))
    brighter = np.clip(sharp.astype(int) + 30, 0, 255).astype(np.uint8)
    first = focus(sharp)
    assert first is not None
    assert (focus(blurred) or 1.0) < 0.7 * first
    assert focus(brighter) == pytest.approx(first, rel=0.1)
    assert focus(np.full((64, 64, 3), 9, np.uint8)) is None


@settings(max_examples=30, deadline=None)
@given(dx=st.integers(-24, 24), dy=st.integers(-18, 18), seed=st.integers(0, 5))
def test_a_shift_is_found_in_both_directions_with_its_sign(dx: int, dy: int, seed: int) -> None:
    still = _scene(seed)
    moved = np.roll(still, (dy, dx), axis=(0, 1))
    seen = watch(moved, ImageStatistics.of(moved), Template(thumbnail(still)))
    assert seen.shift_x is not None
    assert seen.shift_y is not None
    # The window that keeps the border out pulls a little towards zero.
    assert seen.shift_x * 256 == pytest.approx(dx, abs=2 + 0.15 * abs(dx))
    assert seen.shift_y * 192 == pytest.approx(dy, abs=2 + 0.15 * abs(dy))


def test_another_scene_has_no_shift_and_without_a_template_there_is_none() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (192, 256, 3), dtype=np.uint8)
    assert Template(thumbnail(_scene())).shift(thumbnail(noise)) is None
    assert Template(thumbnail(_scene())).shift(np.zeros((64, 64), np.float32)) is None
    seen = watch(noise, ImageStatistics.of(noise))
    assert (seen.shift_x, seen.shift_y) == (None, None)
    assert seen.light == pytest.approx(127.5, abs=2)


def test_grey_in_one_plane_gives_the_same_numbers_as_in_three() -> None:
    colour = _scene()
    grey = as_colour(colour[:, :, 0])
    assert focus(grey) == pytest.approx(focus(colour), rel=1e-3)
    assert thumbnail(grey) == pytest.approx(thumbnail(colour), abs=0.01)
    assert glance(grey) == glance(colour)


def test_what_is_no_picture_is_refused() -> None:
    picture = _scene()
    with pytest.raises(ImageArrayError):
        watch(picture.astype(np.float32), ImageStatistics.of(picture))  # type: ignore[arg-type]
