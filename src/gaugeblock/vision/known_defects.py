"""The defective pictures a training is given: what is kept of them, their groups, and where they are held out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.errors import ImageError
from gaugeblock.vision.folds import deal_folds
from gaugeblock.vision.gathering import CALIBRATION_MAX, ImageSource, ScoredPart
from gaugeblock.vision.groups import near_duplicate_groups, thumbnail
from gaugeblock.vision.same_picture import KnownPictures

Matrix = npt.NDArray[np.float32]


@dataclass
class KnownDefects:
    """The defective pictures that could be read, by position among them; ``used`` are their positions as given."""

    used: list[int] = field(default_factory=list)
    parts: list[ScoredPart] = field(default_factory=list)
    thumbnails: list[Matrix] = field(default_factory=list)
    pictures: KnownPictures = field(default_factory=KnownPictures)

    @classmethod
    def of(cls, defective: ImageSource | None, embedder: Embedder) -> KnownDefects:
        """At most ``CALIBRATION_MAX``; one that cannot be read only misses among those that are known."""
        found = cls()
        for index in range(0 if defective is None else min(len(defective), CALIBRATION_MAX)):
            try:
                assert defective is not None
                pixels = defective[index]
                embedded = embedder.embed(pixels)
            except ImageError:
                continue
            found.used.append(index)
            found.parts.append(ScoredPart(embedded.features.astype(np.float16), embedded.stages.astype(np.float16)))
            found.thumbnails.append(thumbnail(pixels))
            found.pictures.add(index, pixels)
        return found

    def groups(self, own: Sequence[Hashable] | None, *, shared: bool) -> list[Hashable]:
        """The group of each; unless names are ``shared`` with the good parts, none that a good part has."""
        if not self.used:
            return []
        if own is None:
            return [("defective", group) for group in near_duplicate_groups(np.stack(self.thumbnails)).tolist()]
        return [own[index] if shared else ("defective", own[index]) for index in self.used]


def folds_of_defects(
    defects: Sequence[Hashable], good: Sequence[Hashable], folds: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.int64]:
    """The fold of each defect: that of its group's good parts, and dealt by group where it has none.

    Parameters
    ----------
    defects, good
        Groups.
    folds
        Of the good parts.

    Examples
    --------
    >>> folds_of_defects(["b", "x", "a", "x"], ["a", "a", "b"], np.array([0, 0, 1]), seed=0).tolist()[::2]
    [1, 0]
    """
    known = dict(zip(good, folds.tolist(), strict=True))
    others = [group for group in defects if group not in known]
    known.update(zip(others, deal_folds(others, int(folds.max()) + 1, seed).tolist(), strict=True))
    return np.array([known[group] for group in defects], np.int64)
