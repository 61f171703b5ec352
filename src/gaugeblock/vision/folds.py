"""Deal parts into folds so that a group is never divided, and folds are about equally large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt


def deal_folds(groups: Sequence[Hashable], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each part.

    Groups in order of size, largest first and equals in seeded order, each go to the smallest fold so far.

    Parameters
    ----------
    groups
        The group of each part.
    folds
        How many at most; no more than there are groups.

    Examples
    --------
    >>> deal_folds(["a", "a", "b", "c"], 2, seed=0).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    True
    """
    sizes = Counter(groups)
    order = list(sizes)
    rng = np.random.default_rng(seed)
    order = [order[i] for i in rng.permutation(len(order))]
    order.sort(key=lambda group: -sizes[group])
    count = max(1, min(folds, len(order)))
    filled = [0] * count
    where: dict[Hashable, int] = {}
    for group in order:
        fold = min(range(count), key=lambda f: filled[f])
        where[group] = fold
        filled[fold] += sizes[group]
    return np.array([where[g] for g in groups], np.int64)
