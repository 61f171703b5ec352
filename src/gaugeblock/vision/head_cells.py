"""Which cells the defect head is trained on: of a clean picture, and of the same picture with drawn defects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.backbone import STRIDE
from gaugeblock.vision.defect_head import Cells
from gaugeblock.vision.embedding import Embedded, Embedder
from gaugeblock.vision.synthetic_defects import draw_defect

CLEAN_CELLS = 20
DEFECTIVE_CELLS, UNTOUCHED_CELLS = 30, 7
DEFECTIVE_SHARE = 0.06
"""Of a cell's pixels, from which the cell counts as defective."""
DRAWN_TOTAL, DRAWN_EACH_MAX = 400, 10

Half = npt.NDArray[np.float16]
Pixels = npt.NDArray[np.uint8]


def drawings_each(parts: int) -> int:
    """How many defects are drawn on each of so many parts: more on each where there are few.

    >>> drawings_each(5), drawings_each(400), drawings_each(5_000)
    (10, 1, 1)
    """
    return max(1, min(DRAWN_EACH_MAX, round(DRAWN_TOTAL / parts)))


@dataclass(frozen=True)
class PartCells:
    """Cells of one part, with and without drawn defects: (n, channels) in half precision."""

    stages: Half
    defective: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]

    @staticmethod
    def join(parts: list[PartCells]) -> Cells:
        """The training cells of several parts."""
        return Cells(
            np.concatenate([part.stages for part in parts]).astype(np.float32),
            np.concatenate([part.defective for part in parts]),
            np.concatenate([part.weights for part in parts]),
        )


def part_cells(embedder: Embedder, pixels: Pixels, clean: Embedded, seed: list[int], drawings: int) -> PartCells:
    """Draw on one good part and pick cells.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8, the picture of the part.
    clean
        What the network gives for it.
    seed
        Same picture and seed, same cells.
    drawings
        How many defects, one a picture.
    """
    rng = np.random.default_rng(seed)
    small = embedder.plan.apply(pixels)
    chosen = rng.permutation(clean.stages.shape[1])[:CLEAN_CELLS]
    stages = [clean.stages[:, chosen].T]
    labels, weights = [np.zeros(len(chosen), np.float32)], [np.ones(len(chosen), np.float32)]
    for number in range(drawings):
        drawn = draw_defect(small, [*seed, number])
        if drawn is None:
            continue
        found = embedder.run(embedder.prepare_resized(drawn.pixels), pixels.shape[1], pixels.shape[0])
        share = _shares(drawn.defective)
        bad = np.flatnonzero(share > DEFECTIVE_SHARE)
        # A defect smaller than that in every cell still has the cell where most of it lies.
        bad = rng.permutation(bad if len(bad) else np.array([share.argmax()]))[:DEFECTIVE_CELLS]
        untouched = rng.permutation(np.flatnonzero(_shares(drawn.touched) == 0))[:UNTOUCHED_CELLS]
        stages += [found.stages[:, bad].T, found.stages[:, untouched].T]
        labels += [np.ones(len(bad), np.float32), np.zeros(len(untouched), np.float32)]
        weights += [
            np.full(len(bad), 1 / np.sqrt(len(bad)), np.float32),
            np.ones(len(untouched), np.float32),
        ]
    return PartCells(np.concatenate(stages).astype(np.float16), np.concatenate(labels), np.concatenate(weights))


def _shares(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Share of true pixels in each cell, row by row."""
    rows, columns = mask.shape[0] // STRIDE, mask.shape[1] // STRIDE
    return np.asarray(mask.reshape(rows, STRIDE, columns, STRIDE).mean(axis=(1, 3)).ravel(), dtype=np.float64)
