"""What an image must satisfy before its score may count: size, contrast, exposure as in training.

An anomaly score answers "how unlike the good parts", and a black frame or another camera's picture can score
anything at all. So these are refused by name before scoring; a station answers UNDECIDED. The margins around
what training has seen are wide, because a real defect must reach the score and not be hidden as a bad image.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.vision.errors import (
    ImageBlankError,
    ImageExposureError,
    ImageSaturatedError,
    ImageSizeMismatchError,
)
from gaugeblock.vision.levels import LevelSums, grey_plane
from gaugeblock.vision.resize import check_pixels

ASPECT_MARGIN = 1.15
SIZE_MARGIN = 2.0
CONTRAST_MIN = 1.5
CONTRAST_SHARE = 0.2
MEAN_MARGIN_MIN = 40.0
SATURATED_LEVEL = 254
SATURATED_MARGIN = 0.3
SAMPLE_PIXELS = 20_000
GREY_MAX = 255.0

PASSED: tuple[str, ...] = ("size", "contrast", "exposure")


class ImageStatistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the guards look at. Grey levels 0…255; ``saturated`` is the share of pixels at 254 or more."""

    width: int
    height: int
    mean: float
    deviation: float
    saturated: float

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8]) -> ImageStatistics:
        """Statistics over a regular subsample of at least 20,000 pixels where there are as many.

        >>> ImageStatistics.of(np.full((40, 50, 3), 9, np.uint8)).mean
        9.0
        """
        check_pixels(pixels)
        height, width = pixels.shape[:2]
        step = max(1, int(np.sqrt(height * width / SAMPLE_PIXELS)))
        sample, plane = pixels[::step, ::step], grey_plane(pixels)
        if plane is None:
            brightest = np.maximum(np.maximum(sample[:, :, 0], sample[:, :, 1]), sample[:, :, 2])
            sums = LevelSums.of(sample)
        else:
            brightest = plane[::step, ::step]
            sums = LevelSums.of(brightest)
        return cls(
            width=width,
            height=height,
            mean=sums.mean,
            deviation=sums.deviation,
            saturated=int(np.count_nonzero(brightest >= SATURATED_LEVEL)) / brightest.size,
        )


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The range of the training images' statistics."""

    aspect_min: float
    aspect_max: float
    width_median: int
    height_median: int
    area_min: float
    area_max: float
    mean_min: float
    mean_max: float
    deviation_min: float
    saturated_max: float

    @classmethod
    def of(cls, statistics: Sequence[ImageStatistics]) -> Envelope:
        """The envelope of one or more images."""
        aspects = [s.width / s.height for s in statistics]
        areas = [float(s.width * s.height) for s in statistics]
        means = [s.mean for s in statistics]
        return cls(
            aspect_min=min(aspects),
            aspect_max=max(aspects),
            width_median=int(np.median([s.width for s in statistics])),
            height_median=int(np.median([s.height for s in statistics])),
            area_min=min(areas),
            area_max=max(areas),
            mean_min=min(means),
            mean_max=max(means),
            deviation_min=min(s.deviation for s in statistics),
            saturated_max=max(s.saturated for s in statistics),
        )

    def check(self, image: ImageStatistics) -> None:
        """Refuse an image outside the envelope and its margins.

        Raises
        ------
        ImageSizeMismatchError, ImageBlankError, ImageSaturatedError, ImageExposureError
        """
        aspect, area = image.width / image.height, float(image.width * image.height)
        fits = (
            self.aspect_min / ASPECT_MARGIN <= aspect <= self.aspect_max * ASPECT_MARGIN
            and self.area_min / SIZE_MARGIN**2 <= area <= self.area_max * SIZE_MARGIN**2
        )
        if not fits:
            raise ImageSizeMismatchError(
                width=image.width,
                height=image.height,
                expected=f"{self.width_median}×{self.height_median}",
            )
        contrast_min = max(CONTRAST_MIN, CONTRAST_SHARE * self.deviation_min)
        if image.deviation < contrast_min:
            raise ImageBlankError(contrast=round(image.deviation, 2), limit=round(contrast_min, 2))
        saturated_max = min(0.95, self.saturated_max + SATURATED_MARGIN)
        if image.saturated > saturated_max:
            raise ImageSaturatedError(share=round(image.saturated, 3), limit=round(saturated_max, 3))
        margin = max(MEAN_MARGIN_MIN, self.mean_max - self.mean_min)
        low, high = max(0.0, self.mean_min - margin), min(GREY_MAX, self.mean_max + margin)
        if not low <= image.mean <= high:
            raise ImageExposureError(mean=round(image.mean, 1), low=round(low, 1), high=round(high, 1))
