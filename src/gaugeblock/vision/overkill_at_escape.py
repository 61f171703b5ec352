"""Overkill at a share of escapes: the figure by which inspectors are compared, with its threshold held out.

How many good parts are rejected when at most 2 % of the defects pass? Read off the scores it is counted on, the
figure is too good: the threshold has seen the very defects it lets through. Here each fold is counted with the
threshold of the other folds, so that the escape that comes out is also the escape to be expected; both come with
Clopper–Pearson bounds, and the optimistic figure beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.vision.errors import FoldsMismatchError, TooFewPartsError
from gaugeblock.vision.rates import Rate, Scores, check_levels, finite_scores, rate_of


class OverkillAtEscape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Overkill where about ``escape_target`` of the defects pass.

    ``overkill`` and ``escape`` are counted on folds whose thresholds were chosen on the others; ``optimistic_overkill``
    is the usual figure, its threshold chosen on the very scores it is counted on.
    """

    held_out: Literal[True]
    escape_target: float
    overkill: Rate
    escape: Rate
    optimistic_overkill: Rate
    thresholds: tuple[float, ...]


def overkill_at_escape(
    good_folds: Sequence[npt.ArrayLike],
    bad_folds: Sequence[npt.ArrayLike],
    escape: float = 0.02,
    confidence: float = 0.95,
) -> OverkillAtEscape:
    """Overkill at a share of escapes, each fold's threshold chosen on the other folds.

    Parameters
    ----------
    good_folds, bad_folds
        Scores by fold, at least two folds; folds stand in the same order, and their scores on one scale. Groups
        must not be divided between them.
    escape
        In (0, 1): the threshold lets at most this share of the other folds' defects pass.

    Raises
    ------
    FoldsMismatchError, TooFewPartsError, TooManyScoresError, ScoreNotFiniteError, LevelRangeError

    Examples
    --------
    >>> found = overkill_at_escape([[1, 2, 3], [1, 2, 4]], [[3.5, 5], [3.2, 6]], escape=0.02)
    >>> found.overkill.hits, found.overkill.of, found.escape.hits, found.held_out
    (1, 6, 1, True)
    """
    check_levels(escape=escape, confidence=confidence)
    if len(good_folds) != len(bad_folds) or len(good_folds) < 2:
        raise FoldsMismatchError(good=len(good_folds), defective=len(bad_folds))
    goods, bads = [finite_scores(fold) for fold in good_folds], [finite_scores(fold) for fold in bad_folds]
    all_bad = np.concatenate(bads)
    thresholds, escaped, killed = [], 0, 0
    for i, (good, bad) in enumerate(zip(goods, bads, strict=True)):
        others = np.concatenate([fold for j, fold in enumerate(bads) if j != i])
        if len(others) == 0:
            raise TooFewPartsError(found=0, needed=1)
        line = _line_at_escape(others, escape)
        thresholds.append(line)
        escaped += int((bad <= line).sum())
        killed += int((good > line).sum())
    all_good = np.concatenate(goods)
    line = _line_at_escape(all_bad, escape)
    return OverkillAtEscape(
        held_out=True,
        escape_target=escape,
        overkill=rate_of(killed, len(all_good), confidence),
        escape=rate_of(escaped, len(all_bad), confidence),
        optimistic_overkill=rate_of(int((all_good > line).sum()), len(all_good), confidence),
        thresholds=tuple(thresholds),
    )


def _line_at_escape(defective: Scores, escape: float) -> float:
    ordered = np.sort(defective)
    may_pass = min(math.floor(escape * len(ordered) + 1e-9), len(ordered) - 1)
    return float(np.nextafter(ordered[may_pass], -np.inf))
