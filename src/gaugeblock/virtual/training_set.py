"""Photographs of good parts to train an inspector with: parts that never run on the line."""

from __future__ import annotations

from collections.abc import Iterator

from gaugeblock.virtual.camera import encode_jpeg
from gaugeblock.virtual.config import RenderConfig
from gaugeblock.virtual.render import render
from gaugeblock.virtual.seeds import Stream

WARM_UP_COVERED_UNITS = 600
"""Training pictures are spread over this many units of the lamp's warm-up, as a commissioning engineer would."""


def training_set(
    count: int, seed: int, config: RenderConfig | None = None, jpeg_quality: int = 92
) -> Iterator[tuple[str, bytes]]:
    """Yields (file name, JPEG) of ``count`` good parts; writing them is the caller's work.

    Parameters
    ----------
    count
        How many.
    seed
        Of the line: its fixture is in the pictures, its live parts are not.
    config
        Size and product; the defect rate is ignored.
    jpeg_quality
        Of the camera.

    Raises
    ------
    UnknownProductError

    Examples
    --------
    >>> [name for name, _ in training_set(2, seed=1, config=RenderConfig(size_px=96))]
    ['P100-good-0001.jpg', 'P100-good-0002.jpg']
    """
    config = config or RenderConfig()
    for number in range(1, count + 1):
        unit_number = number * WARM_UP_COVERED_UNITS // max(1, count)
        # Where there are more pictures than units of warm-up, each still is a part of its own.
        part = render(
            seed,
            unit_number + number * 10_000,
            config,
            stream=Stream.TRAINING,
            with_defects=False,
            lamp_age=unit_number,
        )
        yield f"{config.product}-good-{number:04d}.jpg", encode_jpeg(part.image, jpeg_quality)
