"""Another operating point from the held-out scores that a module keeps: no image, no network, no training.

The scores in a manifest are held out: by inspectors that had not seen the part. Whoever states other costs gets the
thresholds that training would have chosen for them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.vision.errors import TooFewPartsError
from gaugeblock.vision.operating_point import ZonedOperatingPoint, choose_operating_point
from gaugeblock.vision.reject_option import Costs
from gaugeblock.vision.threshold import PARTS_MIN

SCORE_DIGITS = 6
TINY = 1e-6


@dataclass(frozen=True)
class HeldOutScores:
    """What a manifest keeps of the held-out scores; rounded, so that choosing again from it gives the same point."""

    good: tuple[float, ...]
    groups: tuple[int, ...]
    patch: tuple[float, ...]
    defective: tuple[float, ...]

    @classmethod
    def of(
        cls,
        scores: npt.NDArray[np.float64],
        patch: npt.NDArray[np.float64],
        labels: Sequence[Hashable],
        bad: npt.NDArray[np.float64],
    ) -> HeldOutScores:
        rounded = np.round(scores, SCORE_DIGITS)
        order = np.argsort(rounded, kind="stable").tolist()
        numbers: dict[Hashable, int] = {}
        for label in labels:
            numbers.setdefault(label, len(numbers))
        return cls(
            good=tuple(float(rounded[i]) for i in order),
            groups=tuple(numbers[labels[i]] for i in order),
            patch=tuple(np.round(np.sort(patch), SCORE_DIGITS).tolist()),
            defective=tuple(np.round(np.sort(bad), SCORE_DIGITS).tolist()),
        )


def point_of_scores(
    good: Sequence[float],
    defective: Sequence[float],
    *,
    groups: Sequence[int] = (),
    patch: Sequence[float] = (),
    costs: Costs | None = None,
    defect_rate: float | None = None,
    overkill_target: float = 0.05,
    confidence: float = 0.95,
    seed: int = 0,
) -> ZonedOperatingPoint:
    """The operating point for these scores, with the threshold on patches that belongs to it.

    Parameters
    ----------
    good, defective
        Held-out scores, ascending.
    groups
        Of each good part; each its own where empty.
    patch
        Largest patch distances of the good parts, ascending; may be empty.
    costs, defect_rate, overkill_target, confidence, seed
        See :func:`~gaugeblock.vision.operating_point.choose_operating_point`.

    Raises
    ------
    TooFewPartsError
        Fewer than two good scores.
    CostRangeError, LevelRangeError, ScoreNotFiniteError

    Examples
    --------
    >>> kept = [n / 100 for n in range(100)]
    >>> point = point_of_scores(kept, [], patch=kept)
    >>> point.threshold, point.patch_threshold, point.review_from
    (0.98, 0.98, 0.98)
    """
    if len(good) < PARTS_MIN:
        raise TooFewPartsError(found=len(good), needed=PARTS_MIN)
    point = choose_operating_point(
        np.asarray(good),
        np.asarray(defective),
        costs=costs,
        defect_rate=defect_rate,
        good_groups=list(groups) or None,
        overkill_target=overkill_target,
        confidence=confidence,
        seed=seed,
    )
    return msgspec.structs.replace(point, patch_threshold=patch_threshold_at(point.threshold, good, patch))


def patch_threshold_at(threshold: float, good: Sequence[float], patch: Sequence[float]) -> float:
    """The order statistic of the patch distances that as many good parts exceed as exceed the threshold.

    Beyond all of them it grows as the threshold does. It scales heat-maps and decides nothing.

    >>> patch_threshold_at(2.5, [1.0, 2.0, 3.0], [10.0, 20.0, 30.0]), patch_threshold_at(6.0, [1.0, 3.0], [10.0, 30.0])
    (20.0, 60.0)
    """
    if not patch:
        return max(threshold, TINY)
    above = int((np.asarray(good) > threshold).sum())
    if above == 0 and good[-1] > 0:
        return max(float(patch[-1]) * max(1.0, threshold / good[-1]), TINY)
    return max(float(patch[max(0, len(patch) - 1 - above)]), TINY)
