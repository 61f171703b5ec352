"""Pixel AUROC and AU-PRO by one rule: the heat-map is enlarged to the mask (bilinear), never the mask reduced.

Both are computed from histograms of heat-map values (4,096 bins of equal width in the logarithm), over all
test images of a fold, good ones included. AU-PRO integrates the mean per-region overlap up to a false-positive
rate of 30 % over good pixels, and divides by 0.3 (Bergmann et al., MVTec AD, IJCV 2021); regions are 8-connected.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

BINS = 4096
LIMIT = 0.3
_LOW, _HIGH = np.log(1e-3), np.log(1e3)


def bins_of(heatmap: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bin of each pixel of the enlarged heat-map."""
    large = Image.fromarray(heatmap.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    position = (np.log(np.maximum(np.asarray(large), 1e-3)) - _LOW) / (_HIGH - _LOW)
    return np.clip((position * BINS).astype(np.int64), 0, BINS - 1)


def regions(mask: np.ndarray) -> list[np.ndarray]:
    """Flat indices of each 8-connected region: runs of each row, joined to touching runs of the row above."""
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
    found: dict[int, list[np.ndarray]] = {}
    for number, (row, start, stop) in enumerate(runs):
        found.setdefault(root(number), []).append(np.arange(row * width + start, row * width + stop))
    return [np.concatenate(parts) for parts in found.values()]


class PixelCurves:
    """Collects images, then gives the two areas in percent."""

    def __init__(self) -> None:
        self.good = np.zeros(BINS)
        self.defective = np.zeros(BINS)
        self.overlap = np.zeros(BINS)
        self.regions = 0

    def add(self, heatmap: np.ndarray, mask: np.ndarray) -> None:
        """One test image; ``mask`` is true where defective, at full resolution."""
        bins = bins_of(heatmap, mask.shape)
        self.good += np.bincount(bins[~mask], minlength=BINS)
        self.defective += np.bincount(bins[mask], minlength=BINS)
        flat = bins.ravel()
        for region in regions(mask):
            self.overlap += np.bincount(flat[region], minlength=BINS) / len(region)
            self.regions += 1

    def auroc(self) -> float:
        """Pixel AUROC."""
        below = np.cumsum(self.good) - self.good / 2
        return float(100 * (self.defective * below).sum() / (self.defective.sum() * self.good.sum()))

    def aupro(self) -> float:
        """AU-PRO up to a false-positive rate of 30 %."""
        rate = np.concatenate([[0], np.cumsum(self.good[::-1]) / self.good.sum()])
        overlap = np.concatenate([[0], np.cumsum(self.overlap[::-1]) / self.regions])
        inside = rate <= LIMIT
        x = np.append(rate[inside], LIMIT)
        y = np.append(overlap[inside], np.interp(LIMIT, rate, overlap))
        return float(100 * np.trapezoid(y, x) / LIMIT)
