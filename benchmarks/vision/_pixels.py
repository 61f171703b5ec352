"""Pixel AUROC and AU-PRO by one rule: the heat-map is enlarged to the mask (bilinear: ``enlarge_heatmap``), never
the mask reduced.

Both are computed from histograms of heat-map values (4,096 bins of equal width in the logarithm), over all
test images of a fold, good ones included. AU-PRO integrates the mean per-region overlap up to a false-positive
rate of 30 % over good pixels, and divides by 0.3 (Bergmann et al., MVTec AD, IJCV 2021); regions are 8-connected.
"""

from __future__ import annotations

import numpy as np

from gaugeblock.vision.regions import connected

BINS = 4096
LIMIT = 0.3
_LOW, _HIGH = np.log(1e-3), np.log(1e3)


def bins_of(heatmap: np.ndarray) -> np.ndarray:
    """Bin of each pixel of the enlarged heat-map."""
    position = (np.log(np.maximum(heatmap, 1e-3)) - _LOW) / (_HIGH - _LOW)
    return np.clip((position * BINS).astype(np.int64), 0, BINS - 1)


class PixelCurves:
    """Collects images, then gives the two areas in percent."""

    def __init__(self) -> None:
        self.good = np.zeros(BINS)
        self.defective = np.zeros(BINS)
        self.overlap = np.zeros(BINS)
        self.regions = 0

    def add(self, heatmap: np.ndarray, mask: np.ndarray) -> None:
        """One test image; ``mask`` is true where defective, the heat-map enlarged to its size."""
        bins = bins_of(heatmap)
        self.good += np.bincount(bins[~mask], minlength=BINS)
        self.defective += np.bincount(bins[mask], minlength=BINS)
        flat = bins.ravel()
        for region in connected(mask):
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
