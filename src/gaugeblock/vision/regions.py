"""Where on the part the defects are: connected regions of the heat-map above its threshold.

The heat-map is enlarged to the image by the documented rule (``heatmap.enlarge_heatmap``); pixels above the threshold
that touch, corners included, are one region. Each is told by bounding box, area, centroid and highest value, in
pixels, and in millimetres where the camera is calibrated. A map of cells of sixteen network pixels cannot outline a
defect more finely than that: a region says where to look, and its area is no measurement of the defect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.errors import LevelRangeError
from gaugeblock.vision.heatmap import enlarge_heatmap

REGIONS_MAX = 64

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Region:
    """One connected region.

    Parameters
    ----------
    left_px, top_px, right_px, bottom_px
        Bounding box; right and bottom are exclusive.
    area_px
        Pixels in it.
    centroid_px
        (x, y), the centre of the top left pixel being (0.5, 0.5).
    peak
        Highest heat-map value, as a multiple of the threshold.
    mm_per_pixel
        Of the camera; ``None`` where it is not calibrated.
    """

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int
    area_px: int
    centroid_px: tuple[float, float]
    peak: float
    mm_per_pixel: float | None = None

    @property
    def area_mm2(self) -> float | None:
        """Area in square millimetres."""
        return None if self.mm_per_pixel is None else self.area_px * self.mm_per_pixel**2

    @property
    def size_mm(self) -> tuple[float, float] | None:
        """Width and height of the bounding box in millimetres."""
        if self.mm_per_pixel is None:
            return None
        width, height = self.right_px - self.left_px, self.bottom_px - self.top_px
        return width * self.mm_per_pixel, height * self.mm_per_pixel

    @property
    def centroid_mm(self) -> tuple[float, float] | None:
        """(x, y) from the top left corner of the image in millimetres."""
        if self.mm_per_pixel is None:
            return None
        return self.centroid_px[0] * self.mm_per_pixel, self.centroid_px[1] * self.mm_per_pixel


def defect_regions(
    heatmap: npt.NDArray[np.float32],
    threshold: float,
    height: int,
    width: int,
    mm_per_pixel: float | None = None,
) -> tuple[Region, ...]:
    """Regions above the threshold, the one with the highest value first, at most ``REGIONS_MAX``.

    Parameters
    ----------
    heatmap
        (rows, columns), as an inspection has it.
    threshold
        In its units.
    height, width
        Of the image, in pixels.
    mm_per_pixel
        Of the camera, above zero.

    Raises
    ------
    HeatmapFormatError
    LevelRangeError
        ``mm_per_pixel`` or ``threshold`` not above zero.

    Examples
    --------
    >>> heat = np.array([[0.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
    >>> (region,) = defect_regions(heat, 1.0, 30, 30, mm_per_pixel=0.1)
    >>> region.centroid_px, round(region.peak, 1), region.right_px - region.left_px
    ((15.0, 15.0), 2.7, 12)
    """
    for name, value in (("threshold", threshold), ("mm_per_pixel", 1.0 if mm_per_pixel is None else mm_per_pixel)):
        if not (value > 0 and np.isfinite(value)):
            raise LevelRangeError(name=name, value=value)
    large = enlarge_heatmap(heatmap, height, width) / np.float32(threshold)
    found = []
    for flat in connected(large > 1):
        rows, columns = np.divmod(flat, width)
        found.append(
            Region(
                left_px=int(columns.min()),
                top_px=int(rows.min()),
                right_px=int(columns.max()) + 1,
                bottom_px=int(rows.max()) + 1,
                area_px=len(flat),
                centroid_px=(float(columns.mean()) + 0.5, float(rows.mean()) + 0.5),
                peak=float(large.ravel()[flat].max()),
                mm_per_pixel=mm_per_pixel,
            )
        )
    found.sort(key=lambda region: (-region.peak, region.top_px, region.left_px))
    return tuple(found[:REGIONS_MAX])


def connected(mask: Mask) -> list[npt.NDArray[np.int64]]:
    """Flat indices of each 8-connected region: runs of each row, joined to touching runs of the row above.

    >>> [flat.tolist() for flat in connected(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]], bool))]
    [[0, 4], [9, 10]]
    """
    height, width = mask.shape
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    parent: list[int] = []
    runs: list[tuple[int, int, int]] = []

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    above: list[int] = []
    for row in range(height):
        here = []
        starts, stops = np.flatnonzero(edges[row] == 1), np.flatnonzero(edges[row] == -1)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            number = len(runs)
            parent.append(number)
            runs.append((row, start, stop))
            here.append(number)
            for other in above:
                if runs[other][1] <= stop and start <= runs[other][2]:
                    parent[root(other)] = root(number)
        above = here
    found: dict[int, list[npt.NDArray[np.int64]]] = {}
    for number, (row, start, stop) in enumerate(runs):
        found.setdefault(root(number), []).append(np.arange(row * width + start, row * width + stop, dtype=np.int64))
    return [np.concatenate(parts) for parts in found.values()]
