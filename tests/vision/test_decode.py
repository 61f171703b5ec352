"""Every kind of bad image is refused by its own name; good ones decode to what was drawn."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gaugeblock.vision.decode import DecodeLimits, decode
from gaugeblock.vision.errors import (
    ImageAnimatedError,
    ImageCorruptError,
    ImageDepthError,
    ImageEmptyError,
    ImageError,
    ImageModeError,
    ImageTooLargeError,
    ImageTooSmallError,
    ImageTruncatedError,
)
from gaugeblock.vision.levels import grey_plane


def _picture(width: int = 64, height: int = 48) -> Image.Image:
    numbers = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(numbers)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_pixels_drawn(kind: str) -> None:
    image = _picture()
    assert np.array_equal(decode(_saved(image, kind)), np.asarray(image))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_keep_size_and_tone(kind: str) -> None:
    image = Image.new("RGB", (64, 48), (200, 30, 90))
    pixels = decode(_saved(image, kind))
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.astype(int) - np.array([200, 30, 90])).max() < 12


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_bilevel_become_rgb(mode: str) -> None:
    image = _picture().convert(mode)
    assert np.array_equal(decode(_saved(image, "PNG")), np.asarray(image.convert("RGB")))


def test_a_grey_picture_in_a_colour_file_becomes_one_plane_and_a_coloured_one_does_not() -> None:
    grey = _picture().convert("L").convert("RGB")
    pixels = decode(_saved(grey, "PNG"))
    assert np.array_equal(pixels, np.asarray(grey))
    assert grey_plane(pixels) is not None
    for x, y in ((0, 0), (grey.width - 1, grey.height - 1), (17, 23)):
        coloured = grey.copy()
        red, green, blue = coloured.getpixel((x, y))
        for other in ((red ^ 1, green, blue), (red, green ^ 1, blue), (red, green, blue ^ 1)):
            coloured.putpixel((x, y), other)
            pixels = decode(_saved(coloured, "PNG"))
            assert np.array_equal(pixels, np.asarray(coloured))
            assert grey_plane(pixels) is None


def test_orientation_is_applied() -> None:
    image = _picture()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    pixels = decode(_saved(image, "PNG", exif=exif))
    assert np.array_equal(pixels, np.rot90(np.asarray(image), -1))


def test_opaque_alpha_is_dropped_and_transparency_refused() -> None:
    image = _picture().convert("RGBA")
    assert decode(_saved(image, "PNG")).shape == (48, 64, 3)
    image.putpixel((3, 3), (0, 0, 0, 254))
    with pytest.raises(ImageModeError):
        decode(_saved(image, "PNG"))


def test_a_transparent_palette_entry_is_refused() -> None:
    image = _picture().convert("P")
    with pytest.raises(ImageModeError):
        decode(_saved(image, "PNG", transparency=int(np.asarray(image)[0, 0])))


def test_no_bytes() -> None:
    with pytest.raises(ImageEmptyError):
        decode(b"")


@pytest.mark.parametrize("data", [b"not an image", b"\x00" * 500, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_unknown_bytes(data: bytes) -> None:
    with pytest.raises(ImageCorruptError):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
def test_a_cut_file_is_refused(kind: str, share: float) -> None:
    data = _saved(_picture(200, 160), kind)
    with pytest.raises((ImageTruncatedError, ImageCorruptError)):
        decode(data[: int(len(data) * share)])


def test_a_cut_jpeg_is_named_truncated() -> None:
    data = _saved(_picture(200, 160), "JPEG")
    with pytest.raises(ImageTruncatedError):
        decode(data[: len(data) // 2])


def test_sixteen_bits() -> None:
    deep = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64))
    for data in (_saved(deep, "PNG"), _saved(deep, "TIFF"), _png_header(64, 64, depth=16)):
        with pytest.raises(ImageDepthError):
            decode(data)


def test_cmyk() -> None:
    with pytest.raises(ImageModeError) as caught:
        decode(_saved(_picture().convert("CMYK"), "JPEG"))
    assert caught.value.facts["mode"] == "CMYK"


def test_several_frames() -> None:
    second = Image.new("RGB", (64, 48), "red")
    for kind in ("TIFF", "WEBP"):
        data = _saved(_picture(), kind, save_all=True, append_images=[second])
        with pytest.raises(ImageAnimatedError):
            decode(data)


def test_a_giant_is_refused_by_its_header() -> None:
    # 900 megapixels in 60 bytes: decoding would take 2.7 GB.
    with pytest.raises(ImageTooLargeError):
        decode(_png_header(30_000, 30_000))
    with pytest.raises(ImageTooLargeError):
        decode(_png_header(9_000, 9_000))


def test_limits_are_those_given() -> None:
    data = _saved(_picture(), "PNG")
    with pytest.raises(ImageTooLargeError):
        decode(data, DecodeLimits(bytes_max=100))
    with pytest.raises(ImageTooLargeError):
        decode(data, DecodeLimits(pixels_max=100))
    with pytest.raises(ImageTooSmallError):
        decode(data, DecodeLimits(side_min=49))
    assert decode(data, DecodeLimits(side_min=48)).shape == (48, 64, 3)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "WEBP"]), st.data())
def test_damage_is_named_or_still_an_image(kind: str, data: st.DataObject) -> None:
    raw = bytearray(_saved(_picture(), kind))
    for _ in range(3):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(raw))
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
