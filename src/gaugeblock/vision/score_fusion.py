"""From the distances of one image's patches, and of the image as a whole, to one score.

Three questions are asked of every image. *Is some place unlike anything on a good part?* – the mean of the
largest one percent of patch distances answers it. *Does some place look like a defect?* – the mean of the largest one
percent of the head's log-odds (see ``defect_head``). *Is the part as a whole unlike a good one?* – the distance
of its pooled features to those of the nearest good parts does: a warped rim or a wrong tone is a little
strange everywhere and striking nowhere. Each answer is put on a common footing by what held-out good parts
gave: its logarithm, less their mean, over their standard deviation. The fusion combines them by their largest
(a part is strange if *either* answer is), by their weighted mean, or – the default – by the mean of the whole's
answer and the larger of the two answers about places; and writes the result as a ratio, so that a typical good part
scores about 1.

Which fusion: with labelled defects the one of ``FUSIONS`` with the highest grouped cross-validated AUROC is
taken. Without defects nothing in the data can say which kind of defect will come, so the documented default
is taken, in which every question can raise the alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Combine = Literal["largest", "mean", "largest_place_and_whole"]

TOP_SHARE = 0.01
COMPONENTS: tuple[str, ...] = ("patch_max", "patch_top", "patch_mean", "head_top", "whole")
ANSWERED_BY_LARGEST: frozenset[str] = frozenset({"patch_max", "patch_top", "head_top", "whole"})
"""Components that need no patch distances but the largest."""
WHOLE = "whole"
TINY = 1e-9
EXPONENT_MAX = 50.0
LOGIT_MAX = 30.0
DEVIATION_MIN = 0.02


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which components are combined, with which weights, and how."""

    how: Combine
    weights: Mapping[str, float]


FUSIONS: Mapping[str, Recipe] = {
    "whole_and_larger_place": Recipe("largest_place_and_whole", {"patch_top": 0.5, "head_top": 0.5, "whole": 0.5}),
    "place_or_whole": Recipe("largest", {"patch_top": 1.0, "whole": 1.0}),
    "place_and_whole": Recipe("mean", {"patch_top": 0.5, "whole": 0.5}),
    "place": Recipe("mean", {"patch_top": 1.0}),
    "peak": Recipe("mean", {"patch_max": 1.0}),
    "spread": Recipe("mean", {"patch_mean": 1.0}),
    "whole": Recipe("mean", {"whole": 1.0}),
    "head": Recipe("mean", {"head_top": 1.0}),
    "all": Recipe("mean", {"patch_max": 0.2, "patch_top": 0.2, "patch_mean": 0.2, "head_top": 0.2, "whole": 0.2}),
}
DEFAULT_FUSION = "whole_and_larger_place"


def top_count(patches: int, share: float = TOP_SHARE) -> int:
    """How many patches the largest ``share`` of them are, one at least.

    >>> top_count(196), top_count(20)
    (2, 1)
    """
    return max(1, math.ceil(patches * share))


def top_mean(distances: npt.NDArray[np.float32], share: float = TOP_SHARE) -> float:
    """Mean of the largest ``share`` of the distances, of one at least.

    >>> top_mean(np.arange(200, dtype=np.float32))
    198.5
    """
    count = top_count(len(distances), share)
    return float(np.partition(distances, len(distances) - count)[-count:].mean(dtype=np.float64))


def components(distances: npt.NDArray[np.float32], logits: npt.NDArray[np.float32], whole: float) -> dict[str, float]:
    """The answers of one image by component name.

    Parameters
    ----------
    distances
        Of each patch to the bank, (cells,).
    logits
        Of each cell, from the head, (cells,). Their component is the odds, so that its logarithm is the log-odds.
    whole
        Of the image's pooled features to the nearest good parts.
    """
    return {
        "patch_max": float(distances.max()),
        "patch_top": top_mean(distances),
        "patch_mean": float(distances.mean(dtype=np.float64)),
        "head_top": math.exp(min(max(top_mean(logits), -LOGIT_MAX / 2), LOGIT_MAX)),
        "whole": whole,
    }


class Fusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights, and the footing of each component: mean and deviation of its logarithm on held-out good parts."""

    name: str
    how: Combine
    weights: dict[str, float]
    log_mean: dict[str, float]
    log_deviation: dict[str, float]

    @classmethod
    def fit(cls, name: str, good: Mapping[str, npt.ArrayLike]) -> Fusion:
        """Weights of ``FUSIONS[name]`` on the footing of held-out good parts (component to (n,) values)."""
        recipe = FUSIONS[name]
        weights = dict(recipe.weights)
        logs = {c: np.log(np.asarray(good[c], np.float64) + TINY) for c in weights}
        return cls(
            name=name,
            how=recipe.how,
            weights=weights,
            log_mean={c: float(v.mean()) for c, v in logs.items()},
            log_deviation={c: max(float(v.std()), DEVIATION_MIN) for c, v in logs.items()},
        )

    @property
    def _unit(self) -> float:
        return sum(w * self.log_deviation[c] for c, w in self.weights.items()) / sum(self.weights.values())

    def score(self, values: Mapping[str, npt.ArrayLike]) -> Vector:
        """Scores, positive, about 1 for a typical good part; higher is stranger.

        >>> fusion = Fusion.fit("place", {"patch_top": [1.0, 2.0, 4.0]})
        >>> fusion.score({"patch_top": [2.0, 8.0]}).round(3).tolist()
        [1.0, 4.0]
        """
        parts = {
            c: weight * (np.log(np.asarray(values[c], np.float64) + TINY) - self.log_mean[c]) / self.log_deviation[c]
            for c, weight in self.weights.items()
        }
        if self.how == "largest":
            combined = np.max(list(parts.values()), axis=0)
        elif self.how == "mean":
            combined = np.sum(list(parts.values()), axis=0)
        else:
            combined = parts[WHOLE] + np.max([part for c, part in parts.items() if c != WHOLE], axis=0)
        return np.asarray(np.exp(np.minimum(self._unit * combined, EXPONENT_MAX)), dtype=np.float64)


def auroc(good: npt.ArrayLike, defective: npt.ArrayLike) -> float:
    """Area under the ROC curve: the chance that a defective part scores above a good one, ties half.

    >>> auroc([1, 2, 3], [3, 4])
    0.9166666666666666
    """
    below = np.sort(np.asarray(good, np.float64))
    above = np.asarray(defective, np.float64)
    left, right = np.searchsorted(below, above, "left"), np.searchsorted(below, above, "right")
    return float((left + right).mean() / (2 * len(below)))


def choose_fusion(
    good: Mapping[str, npt.ArrayLike],
    defective: Mapping[str, npt.ArrayLike] | None = None,
    names: Sequence[str] = tuple(FUSIONS),
) -> Fusion:
    """The fusion with the highest AUROC on held-out parts; the default one where there are no defects.

    Ties go to the one named first, so the default wins unless another is better.
    """
    if defective is None:
        return Fusion.fit(DEFAULT_FUSION, good)
    fitted = [Fusion.fit(name, good) for name in names]
    return max(fitted, key=lambda fusion: auroc(fusion.score(good), fusion.score(defective)))
