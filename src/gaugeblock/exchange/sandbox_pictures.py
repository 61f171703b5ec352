"""Photographs of the sandbox: a brushed plate with a hole, drawn from a seed; scratched where the story says so."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

SIDE_PX = 320


def plate(seed: int, *, scratched: bool) -> bytes:
    """A JPEG; the same bytes for the same seed with the same libraries.

    >>> plate(1, scratched=False)[:2]
    b'\\xff\\xd8'
    """
    noise = np.random.default_rng(seed)
    grain = noise.normal(0, 9, (1, SIDE_PX)) + noise.normal(0, 4, (SIDE_PX, SIDE_PX))
    grey = np.clip(150 + grain + np.linspace(-20, 20, SIDE_PX)[:, None], 0, 255).astype(np.uint8)
    image = Image.fromarray(grey).convert("RGB")
    draw = ImageDraw.Draw(image)
    middle, radius = SIDE_PX // 2, SIDE_PX // 6
    box = (middle - radius, middle - radius, middle + radius, middle + radius)
    draw.ellipse(box, fill=(40, 42, 45), outline=(200, 204, 206), width=3)
    if scratched:
        x, y = int(noise.integers(40, 220)), int(noise.integers(240, 290))
        draw.line((x, y, x + 70, y - 40), fill=(232, 234, 236), width=3)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
