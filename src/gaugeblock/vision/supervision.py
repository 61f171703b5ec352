"""Whether the known defects may have a say (see ``supervised_head``), and what was seen when that was decided.

Good and defective parts are dealt into turns by group; each is answered by a head that has not seen it nor another
picture of it. The head is taken only if held-out defects are told apart better, or more of them are found at the same
threshold, and if kinds of defect that it was not shown are not told apart worse: where kinds are given, each in turn
is left out of the training as a whole; where none are, leaving groups out has to do. Otherwise the inspector goes on
without it, and says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.vision.score_fusion import auroc
from gaugeblock.vision.supervised_head import AlarmFooting, SupervisedHead

DEFECTS_MIN = 30
GROUPS_MIN = 5
TURNS = 5
KINDS_MAX = 20
AUROC_GAIN_MIN = 0.002
FOUND_GAIN_MIN = 0.01
KINDS_LOSS_MAX = 0.005
DIGITS = 6

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Reason = Literal["too_few_defects", "too_few_groups", "no_gain", "worse_on_kinds_left_out"]


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Held-out defects without and with the head: AUROC, and how many of ``of`` are above the threshold.

    ``kind`` is the one left out, empty for all of them with none left out.
    """

    kind: str
    of: int
    auroc_without: float
    auroc_with: float
    found_without: int
    found_with: int


class Supervision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision; ``footing`` is there if, and only if, the head is used.

    ``reason`` names why it is not. ``effect`` is ``None`` where too few defects or groups were known to try.
    """

    reason: Reason | None
    defects: int
    groups: int
    effect: Effect | None = None
    kinds: tuple[Effect, ...] = ()
    footing: AlarmFooting | None = None


@dataclass(frozen=True)
class Known:
    """Held-out parts of one label: scores (n,), evidence (n, d), and the fold of each."""

    scores: Vector
    evidence: Matrix
    folds: Integers


@dataclass(frozen=True)
class Supervised:
    """The decision, the head if it is used, and the held-out scores, raised if it is."""

    decision: Supervision
    head: SupervisedHead | None
    good: Vector
    defective: Vector


def supervise(
    good: Known, defective: Known, *, groups: int, threshold: float, kinds: Sequence[str] | None = None
) -> Supervised:
    """Train the head if it pays.

    Parameters
    ----------
    good, defective
        Held out: scores and evidence by what has not seen the part. A group is never divided among folds.
    groups
        Of the defective parts.
    threshold
        On the scores, chosen on the good parts alone.
    kinds
        Of each defective part; the ``KINDS_MAX`` most frequent are left out in turn.
    """
    defects = len(defective.scores)

    def without(reason: Reason, effect: Effect | None = None, left_out: tuple[Effect, ...] = ()) -> Supervised:
        decision = Supervision(reason, defects, groups, effect, left_out)
        return Supervised(decision, None, good.scores, defective.scores)

    if defects < DEFECTS_MIN:
        return without("too_few_defects")
    if groups < GROUPS_MIN:
        return without("too_few_groups")
    every = np.ones(defects, bool)
    if not _all_turns_can_learn(good, defective, every):
        return without("too_few_groups")
    footing, raised_good, raised, effect = _tried(good, defective, threshold, "", every, every)
    gained = effect.auroc_with - effect.auroc_without
    more = effect.found_with - effect.found_without
    if gained < 0 or (gained < AUROC_GAIN_MIN and more < max(2.0, FOUND_GAIN_MIN * defects)):
        return without("no_gain", effect)
    left_out = []
    for kind in _most_frequent(kinds or ()):
        of_kind = np.array([k == kind for k in kinds or ()])
        if _all_turns_can_learn(good, defective, ~of_kind):
            left_out.append(_tried(good, defective, threshold, kind, ~of_kind, of_kind)[3])
    if left_out and float(np.mean([e.auroc_with - e.auroc_without for e in left_out])) < -KINDS_LOSS_MAX:
        return without("worse_on_kinds_left_out", effect, tuple(left_out))
    decision = Supervision(None, defects, groups, effect, tuple(left_out), footing)
    return Supervised(decision, SupervisedHead.fit(good.evidence, defective.evidence), raised_good, raised)


def _most_frequent(kinds: Sequence[str]) -> list[str]:
    """Kinds worth leaving out, if there are two or more."""
    counted = Counter(kinds)
    return sorted(sorted(counted, key=lambda k: (-counted[k], k))[:KINDS_MAX]) if len(counted) > 1 else []


def _all_turns_can_learn(good: Known, defective: Known, shown: npt.NDArray[np.bool_]) -> bool:
    """Whether no turn holds all good parts or all of the ``shown`` defects."""
    return min(len(set((folds % TURNS).tolist())) for folds in (good.folds, defective.folds[shown])) > 1


def _tried(
    good: Known,
    defective: Known,
    threshold: float,
    kind: str,
    shown: npt.NDArray[np.bool_],
    asked: npt.NDArray[np.bool_],
) -> tuple[AlarmFooting, Vector, Vector, Effect]:
    """Every good part and every defect answered by a head that saw only the ``shown`` ones of other turns."""
    good_turns, bad_turns = good.folds % TURNS, defective.folds % TURNS
    good_answers, bad_answers = np.empty(len(good.scores)), np.empty(len(defective.scores))
    for turn in np.unique(np.concatenate([good_turns, bad_turns])).tolist():
        known_good, known_bad = good_turns != turn, shown & (bad_turns != turn)
        head = SupervisedHead.fit(good.evidence[known_good], defective.evidence[known_bad])
        good_answers[good_turns == turn] = head.answers(good.evidence[good_turns == turn])
        bad_answers[bad_turns == turn] = head.answers(defective.evidence[bad_turns == turn])
    footing = AlarmFooting.fit(good.scores, good_answers, threshold)
    raised_good = footing.raised(good.scores, good_answers)
    raised = footing.raised(defective.scores, bad_answers)
    effect = Effect(
        kind=kind,
        of=int(asked.sum()),
        auroc_without=round(auroc(good.scores, defective.scores[asked]), DIGITS),
        auroc_with=round(auroc(raised_good, raised[asked]), DIGITS),
        found_without=int((defective.scores[asked] > threshold).sum()),
        found_with=int((raised[asked] > threshold).sum()),
    )
    return footing, raised_good, raised, effect
