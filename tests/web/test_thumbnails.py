"""Thumbnails: small, bounded, and never a second way to decode what vision refuses."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from gaugeblock.web.thumbnails import Thumbnails, thumbnail


def _photograph(width: int, height: int, seed: int = 1) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_large_image_becomes_small_with_its_aspect() -> None:
    small = Image.open(io.BytesIO(thumbnail(_photograph(1200, 600))))
    assert (small.format, small.size) == ("JPEG", (320, 160))


def test_small_images_and_what_is_none_come_as_they_are() -> None:
    small, torn = _photograph(200, 100), _photograph(800, 600)[:500]
    assert thumbnail(small) == small
    assert thumbnail(torn) == torn
    assert thumbnail(b"") == b""


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    originals = {f"{n:064x}": _photograph(400, 300, n) for n in range(8)}
    one = len(thumbnail(originals[f"{0:064x}"]))
    cache = Thumbnails(bytes_max=4 * one)
    loads: list[str] = []

    def ask(sha256: str) -> bytes:
        def load() -> bytes:
            loads.append(sha256)
            return originals[sha256]

        return cache.of(sha256, load)

    first = next(iter(originals))
    for sha256 in originals:
        ask(sha256)
        ask(first)
        assert cache.bytes_kept <= 4 * one
    assert loads.count(first) == 1, "used again and again, it never left"
    assert ask(first) == thumbnail(originals[first])
