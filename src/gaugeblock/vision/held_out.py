"""Each good part scored by banks, indices and heads that have not seen it, nor another picture of it.

A fold's parts are scored by a bank and an index of the other folds. Heads take longer to train and need fewer turns:
there are ``HEADS`` of them, each trained without every third fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.coreset import greedy_coreset
from gaugeblock.vision.defect_head import DefectHead
from gaugeblock.vision.gathering import Gathered, ScoredPart
from gaugeblock.vision.head_cells import PartCells
from gaugeblock.vision.local_density import local_radii
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.place_map import PlaceFooting
from gaugeblock.vision.score_fusion import COMPONENTS, components
from gaugeblock.vision.supervised_head import evidence
from gaugeblock.vision.whole import IMAGES_MAX, WholeIndex, pool

HEADS = 3

Matrix = npt.NDArray[np.float32]
Values = dict[str, npt.NDArray[np.float64]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class HeldOutAnswers:
    """What held-out parts gave.

    Parameters
    ----------
    order
        Position of each scored good part.
    good, defective
        Component to one value for each part; ``defective`` is absent where no defect is known.
    good_evidence, defective_evidence
        What ``supervised_head`` reads, a row for each part; empty where no defect is known.
    footing
        Of the map of places.
    places
        Largest value of that map for each good part.
    """

    order: list[int]
    good: Values
    defective: Values | None
    footing: PlaceFooting
    places: npt.NDArray[np.float64]
    good_evidence: Matrix
    defective_evidence: Matrix


def head_of(cells: dict[int, PartCells], positions: Sequence[int], seed: int) -> DefectHead:
    """A head trained on the cells of these parts; of all there are if none of these has any."""
    chosen = [cells[p] for p in positions if p in cells] or list(cells.values())
    return DefectHead.fit(PartCells.join(chosen), seed)


def hold_out(
    gathered: Gathered,
    folds: npt.NDArray[np.int64],
    bad: Sequence[ScoredPart],
    bad_folds: npt.NDArray[np.int64],
    bank_vectors: int,
    seed: int,
    progress: Progress,
) -> HeldOutAnswers:
    """Score every calibrated good part, and the defects, by what has not seen them, nor others of their group."""
    total = int(folds.max()) + 1
    turns = min(HEADS, total)
    heads = []
    for turn in range(turns):
        heads.append(head_of(gathered.cells, np.flatnonzero(folds % turns != turn).tolist(), seed + 1 + turn))
        progress("heads", turn + 1, turns)
    order: list[int] = []
    good: list[_Answered] = []
    found: dict[int, _Answered] = {}
    for fold in range(total):
        inside = np.flatnonzero(folds != fold)
        vectors = np.concatenate([gathered.pool_vectors[i] for i in inside]).astype(np.float32)
        size = min(bank_vectors, max(1, len(vectors) * (total - 1) // total))
        picked = vectors[greedy_coreset(vectors, size, seed + 1 + fold)]
        bank = MemoryBank(picked, local_radii(picked))
        whole = WholeIndex.fit(gathered.pooled[inside][:IMAGES_MAX])
        head = heads[fold % turns]
        for position in np.flatnonzero(folds == fold).tolist():
            part = gathered.kept.get(position)
            if part is not None:
                order.append(position)
                good.append(_answers(part, bank, whole, head))
        for index in np.flatnonzero(bad_folds == fold).tolist():
            found[index] = _answers(bad[index], bank, whole, head)
        progress("folds", fold + 1, total)
    footing = PlaceFooting.fit([g.distances for g in good], [g.logits for g in good])
    maps = [footing.places(g.distances, g.logits) for g in good]
    defects = [found[index] for index in range(len(bad))]
    empty = np.empty((0, 0), np.float32)
    return HeldOutAnswers(
        order=order,
        good=_columns(good),
        defective=_columns(defects) if defects else None,
        footing=footing,
        places=np.array([float(m.max()) for m in maps]),
        good_evidence=np.stack([g.evidence(m) for g, m in zip(good, maps, strict=True)]) if defects else empty,
        defective_evidence=np.stack([d.evidence(footing.places(d.distances, d.logits)) for d in defects])
        if defects
        else empty,
    )


@dataclass(frozen=True)
class _Answered:
    """What one held-out part gave."""

    part: ScoredPart
    values: dict[str, float]
    distances: Matrix
    logits: Matrix

    def evidence(self, places: Matrix) -> Matrix:
        return evidence(self.values, places, self.part.stages.astype(np.float32))


def _answers(part: ScoredPart, bank: MemoryBank, whole: WholeIndex, head: DefectHead) -> _Answered:
    features = part.features.astype(np.float32)
    distances, logits = bank.distances(features), head.logits(part.stages.astype(np.float32))
    return _Answered(part, components(distances, logits, whole.distance(pool(features))), distances, logits)


def _columns(rows: Sequence[_Answered]) -> Values:
    return {name: np.array([row.values[name] for row in rows]) for name in COMPONENTS}
