"""Where to draw the line: thresholds that follow from what mistakes cost, with what is known about them.

A part is OK up to ``review_from``, NOK above ``threshold``, and looked at by a person between. The user states what
an escape (a defective part passed), an overkill (a good part rejected) and a review cost, and how many parts are
defective; the pair of thresholds with the lowest expected cost a part on held-out scores follows. A review is taken to
find the truth. Without a review's cost there is no review zone; without defects the line is drawn on the good parts
alone (:mod:`gaugeblock.vision.threshold`), and nothing is claimed about escape.

Thresholds chosen on scores look better on the same scores than they are. So they are judged twice: on the scores they
were chosen on (``held_out`` false), and by cross-fitting, where groups are dealt into folds and each fold is counted
with thresholds chosen without it (``held_out`` true). The second is the honest figure of the *procedure*; the first is
kept beside it so that the difference is seen. Bounds are Clopper–Pearson, two-sided, for independent parts: with many
parts to a group they promise too much, and a warning says so.

Sources: C. K. Chow, IEEE Trans. Inf. Theory 16 (1970) 41–46 (a reject option by cost); C. J. Clopper, E. S. Pearson,
Biometrika 26 (1934); for cross-fitting M. Stone, J. R. Stat. Soc. B 36 (1974) 111–147.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from enum import StrEnum
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.plant.canonical_json import canonical_sha256
from gaugeblock.signals.binomial import clopper_pearson
from gaugeblock.signals.sample_size import more_to_halve
from gaugeblock.vision.errors import GroupsMismatchError, ScoreNotFiniteError
from gaugeblock.vision.folds import deal_folds
from gaugeblock.vision.rates import Rate, Scores, check_levels, finite_scores, rate_of
from gaugeblock.vision.reject_option import Costs, cheapest_thresholds, check_costs
from gaugeblock.vision.threshold import PARTS_MIN, choose_threshold

DEFECTS_WANTED = 30
FOLDS = 5
PER_PARTS = 1000


class Zone(StrEnum):
    """What a score stands for. Words: ``vision.zone.<value>``."""

    OK = "OK"
    REVIEW = "REVIEW"
    NOK = "NOK"


class PointWarning(StrEnum):
    """What weakens an operating point. Each value is the catalogue key of its sentence."""

    ESCAPE_UNKNOWN = "vision.operating_point.warning.escape_unknown"
    FEW_DEFECTS = "vision.operating_point.warning.few_defects"
    NOT_HELD_OUT = "vision.operating_point.warning.not_held_out"
    GROUPED = "vision.operating_point.warning.grouped"
    PASSES_ALL = "vision.operating_point.warning.passes_all"
    REJECTS_ALL = "vision.operating_point.warning.rejects_all"
    TARGET_NOT_KEPT = "vision.operating_point.warning.target_not_kept"


class Outgoing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Share of defective parts among those that leave as good, with bounds that hold jointly (Bonferroni)."""

    value: float | None
    low: float
    high: float


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What thresholds did on scores.

    Parameters
    ----------
    held_out
        Whether each score was counted with thresholds chosen without it and its group.
    escape, overkill
        Of the defective parts, those that were OK; of the good, those that were NOK.
    good_reviewed, defective_reviewed
        In the review zone.
    outgoing
        Defective share of what leaves as good, OK or good by review, at the stated defect rate.
    cost_per_1000
        Expected cost of 1,000 parts at the stated defect rate; ``None`` without costs.
    reviews_per_1000
        Parts to look at, of 1,000; ``None`` without a defect rate.
    """

    held_out: bool
    escape: Rate
    overkill: Rate
    good_reviewed: Rate
    defective_reviewed: Rate
    outgoing: Outgoing | None
    cost_per_1000: float | None
    reviews_per_1000: float | None


class Alternatives(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expected cost of 1,000 parts without this operating point: all passed, all rejected, line on good parts alone.

    ``held_out`` says how the last was counted: to be compared with ``cross_fitted`` or with ``on_chosen``.
    """

    pass_all: float
    reject_all: float
    good_parts_only: float
    held_out: bool


class MoreParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Further held-out parts, at the rates seen, that would halve an interval; ``None`` where none was counted.

    For a stated bound: :func:`gaugeblock.signals.sample_size.more_for_bound`.
    """

    good_to_halve: int | None
    defective_to_halve: int | None


class ZonedOperatingPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Thresholds and everything that was known when they were chosen.

    The first eight fields are those of a point chosen on good parts alone; where costs are given the line on the good
    parts is kept in them as the alternative it is, and ``threshold`` is that of the costs.

    Parameters
    ----------
    threshold
        NOK above.
    review_from
        REVIEW above, up to ``threshold``; never above it, and equal to it where there is no review zone.
    patch_threshold
        On the patch distances, for the heat-map's scale; 0 where there is none.
    overkill_target, overkill_upper_bound, confidence
        What the line on good parts alone promises, one-sided; ``confidence`` is also that of the two-sided bounds.
    good_parts_held_out, good_parts_above, good_parts_needed
        See :class:`gaugeblock.vision.threshold.Threshold`; ``above`` the line on good parts alone.
    chosen_by
        ``cost``, or ``good_parts`` without defects or costs.
    costs, defect_rate
        As stated by the user.
    defective_parts_held_out, good_groups, defective_groups
        What it rests on.
    on_chosen, cross_fitted
        The two counts; ``cross_fitted`` is ``None`` where there are too few groups.
    alternatives, more_parts
        What the point is worth, and what more parts would bring.
    warnings
        Catalogue keys.
    """

    threshold: float
    overkill_target: float
    overkill_upper_bound: float
    confidence: float
    good_parts_held_out: int
    good_parts_above: int
    good_parts_needed: int
    patch_threshold: float = 0.0
    review_from: float = math.nan
    chosen_by: Literal["cost", "good_parts"] = "good_parts"
    costs: Costs | None = None
    defect_rate: float | None = None
    defective_parts_held_out: int = 0
    good_groups: int = 0
    defective_groups: int = 0
    on_chosen: Counted | None = None
    cross_fitted: Counted | None = None
    alternatives: Alternatives | None = None
    more_parts: MoreParts | None = None
    warnings: tuple[PointWarning, ...] = ()

    def __post_init__(self) -> None:
        # A point written before there were review zones has none.
        if math.isnan(self.review_from):
            msgspec.structs.force_setattr(self, "review_from", self.threshold)
        if not (math.isfinite(self.threshold) and self.review_from <= self.threshold):
            raise ValueError("review_from must not be above a finite threshold")

    def zone(self, score: float) -> Zone:
        """Where a score stands.

        Raises
        ------
        ScoreNotFiniteError
        """
        if not math.isfinite(score):
            raise ScoreNotFiniteError(position=0)
        return Zone.NOK if score > self.threshold else Zone.REVIEW if score > self.review_from else Zone.OK

    def digest(self) -> str:
        """SHA-256 in hex over the point as canonical JSON (RFC 8785).

        Records name the thresholds they were made with by it.
        """
        return canonical_sha256(self)


def choose_operating_point(
    good: npt.ArrayLike,
    defective: npt.ArrayLike = (),
    *,
    costs: Costs | None = None,
    defect_rate: float | None = None,
    good_groups: Sequence[Hashable] | None = None,
    defective_groups: Sequence[Hashable] | None = None,
    overkill_target: float = 0.05,
    confidence: float = 0.95,
    patch_threshold: float = 0.0,
    seed: int = 0,
) -> ZonedOperatingPoint:
    """The thresholds for stated costs, or for good parts alone.

    Parameters
    ----------
    good, defective
        Held-out scores, (n,) and (m,): of inspectors that have not seen the part. ``defective`` may be empty.
    costs, defect_rate
        Both or neither; without, or without defects, the line is drawn on the good parts alone.
    good_groups, defective_groups
        Serial, lot or day of each part; a group is never divided between folds. One name may stand in both. Each part
        is its own group where they are left out.
    overkill_target
        For the line on good parts alone.
    confidence
        In (0, 1).
    seed
        For dealing groups into folds.

    Raises
    ------
    TooFewPartsError, TooManyScoresError, ScoreNotFiniteError, CostRangeError, LevelRangeError, GroupsMismatchError

    Examples
    --------
    >>> point = choose_operating_point(
    ...     np.arange(100.0), 90.0 + np.arange(40.0), costs=Costs(escape=100, overkill=1), defect_rate=0.01)
    >>> point.threshold, point.on_chosen.escape.hits, point.on_chosen.overkill.hits
    (89.5, 0, 10)
    """
    check_levels(overkill_target=overkill_target, confidence=confidence)
    good_scores, bad_scores = finite_scores(good), finite_scores(defective)
    check_costs(costs, defect_rate)
    groups_of_good = _groups(good_groups, len(good_scores), "good")
    groups_of_bad = _groups(defective_groups, len(bad_scores), "defective")
    wilks = choose_threshold(good_scores, overkill_target, confidence)
    by_cost = costs is not None and defect_rate is not None and len(bad_scores) > 0
    lines = (wilks.value, wilks.value)
    if costs is not None and defect_rate is not None and by_cost:
        lines = cheapest_thresholds(good_scores, bad_scores, costs, defect_rate)
    choice = _Choice(costs, defect_rate, overkill_target, confidence, by_cost)
    on_chosen = choice.count(good_scores, bad_scores, lines)
    folds = _dealt(groups_of_good, groups_of_bad, seed)
    cross_fitted = choice.cross_fit(good_scores, bad_scores, *folds) if folds else None
    # The line on good parts alone, counted in the same way as the lines it is compared with.
    alone = _Choice(costs, defect_rate, overkill_target, confidence, by_cost=False)
    plain = alone.cross_fit(good_scores, bad_scores, *folds) if folds and cross_fitted else None
    if plain is None:
        plain = alone.count(good_scores, bad_scores, (wilks.value, wilks.value))
    alternatives = _alternatives(costs, defect_rate, plain)
    grouped = any(len(set(g)) < len(g) for g in (groups_of_good, groups_of_bad))
    point = ZonedOperatingPoint(
        threshold=lines[1],
        review_from=lines[0],
        patch_threshold=patch_threshold,
        overkill_target=overkill_target,
        overkill_upper_bound=wilks.overkill_upper_bound,
        confidence=confidence,
        good_parts_held_out=len(good_scores),
        good_parts_above=wilks.parts_above,
        good_parts_needed=wilks.parts_needed,
        chosen_by="cost" if by_cost else "good_parts",
        costs=costs,
        defect_rate=defect_rate,
        defective_parts_held_out=len(bad_scores),
        good_groups=len(set(groups_of_good)),
        defective_groups=len(set(groups_of_bad)),
        on_chosen=on_chosen,
        cross_fitted=cross_fitted,
        alternatives=alternatives,
        more_parts=_more_parts(cross_fitted or on_chosen, confidence),
    )
    return msgspec.structs.replace(point, warnings=_warnings(point, grouped))


class _Choice:
    """How lines are chosen and what they are counted by."""

    def __init__(
        self, costs: Costs | None, defect_rate: float | None, target: float, confidence: float, by_cost: bool
    ) -> None:
        self._costs = costs
        self._defect_rate = defect_rate
        self._target = target
        self._confidence = confidence
        self._by_cost = by_cost

    def _lines(self, good: Scores, bad: Scores) -> tuple[float, float]:
        if self._by_cost and self._costs is not None and self._defect_rate is not None:
            return cheapest_thresholds(good, bad, self._costs, self._defect_rate)
        value = choose_threshold(good, self._target, self._confidence).value
        return value, value

    def cross_fit(
        self, good: Scores, bad: Scores, good_fold: npt.NDArray[np.int64], bad_fold: npt.NDArray[np.int64]
    ) -> Counted | None:
        """Counts of every fold by lines chosen on the others; ``None`` where some fold leaves too few to choose on."""
        folds = int(max(good_fold.max(initial=0), bad_fold.max(initial=0))) + 1
        good_lines, bad_lines = np.empty((len(good), 2)), np.empty((len(bad), 2))
        for fold in range(folds):
            rest_good, rest_bad = good[good_fold != fold], bad[bad_fold != fold]
            if len(rest_good) < PARTS_MIN or (self._by_cost and len(rest_bad) == 0):
                return None
            lines = self._lines(rest_good, rest_bad)
            good_lines[good_fold == fold] = lines
            bad_lines[bad_fold == fold] = lines
        return self._counted(good, bad, good_lines, bad_lines, held_out=True)

    def count(self, good: Scores, bad: Scores, lines: tuple[float, float]) -> Counted:
        both = np.array([lines])
        return self._counted(good, bad, both, both, held_out=False)

    def _counted(self, good: Scores, bad: Scores, good_lines: Scores, bad_lines: Scores, *, held_out: bool) -> Counted:
        killed = int((good > good_lines[:, 1]).sum())
        looked_good = int(((good > good_lines[:, 0]) & (good <= good_lines[:, 1])).sum())
        escaped = int((bad <= bad_lines[:, 0]).sum())
        looked_bad = int(((bad > bad_lines[:, 0]) & (bad <= bad_lines[:, 1])).sum())
        confidence = self._confidence
        escape, overkill = rate_of(escaped, len(bad), confidence), rate_of(killed, len(good), confidence)
        good_reviewed, bad_reviewed = (
            rate_of(looked_good, len(good), confidence),
            rate_of(looked_bad, len(bad), confidence),
        )
        share, costs = self._defect_rate, self._costs
        outgoing = cost = reviews = None
        if share is not None and escape.value is not None and overkill.value is not None:
            outgoing = _outgoing(escape, overkill, share, confidence)
            looked = share * (bad_reviewed.value or 0.0) + (1.0 - share) * (good_reviewed.value or 0.0)
            reviews = PER_PARTS * looked
            if costs is not None:
                mistakes = share * costs.escape * escape.value + (1.0 - share) * costs.overkill * overkill.value
                cost = PER_PARTS * (mistakes + (costs.review or 0.0) * looked)
        return Counted(held_out, escape, overkill, good_reviewed, bad_reviewed, outgoing, cost, reviews)


def _alternatives(costs: Costs | None, defect_rate: float | None, plain: Counted) -> Alternatives | None:
    if costs is None or defect_rate is None or plain.cost_per_1000 is None:
        return None
    return Alternatives(
        pass_all=PER_PARTS * defect_rate * costs.escape,
        reject_all=PER_PARTS * (1.0 - defect_rate) * costs.overkill,
        good_parts_only=plain.cost_per_1000,
        held_out=plain.held_out,
    )


def _more_parts(counted: Counted, confidence: float) -> MoreParts:
    overkill, escape = counted.overkill, counted.escape
    return MoreParts(
        good_to_halve=more_to_halve(overkill.hits, overkill.of, confidence),
        defective_to_halve=more_to_halve(escape.hits, escape.of, confidence),
    )


def _outgoing(escape: Rate, overkill: Rate, defect_rate: float, confidence: float) -> Outgoing:
    joint = 1.0 - (1.0 - confidence) / 2.0
    escape_low, escape_high = clopper_pearson(escape.hits, escape.of, joint)
    overkill_low, overkill_high = clopper_pearson(overkill.hits, overkill.of, joint)

    def share(escaping: float, killed: float) -> float | None:
        passed_bad, passed_good = defect_rate * escaping, (1.0 - defect_rate) * (1.0 - killed)
        return passed_bad / (passed_bad + passed_good) if passed_bad + passed_good > 0 else None

    assert escape.value is not None
    assert overkill.value is not None
    low, high = share(escape_low, overkill_low), share(escape_high, overkill_high)
    return Outgoing(share(escape.value, overkill.value), 0.0 if low is None else low, 1.0 if high is None else high)


def _dealt(
    good_groups: Sequence[Hashable], bad_groups: Sequence[Hashable], seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Folds for both kinds: groups that hold a defective part are dealt first, so that each fold has some."""
    with_bad = set(bad_groups)
    only_good = [group for group in good_groups if group not in with_bad]
    kinds = [len(with_bad)] if with_bad else []
    folds = min([FOLDS, *kinds, len(set(good_groups) | with_bad)])
    if folds < 2:
        return None
    dealt: dict[Hashable, int] = {}
    for members in ([*bad_groups, *(g for g in good_groups if g in with_bad)], only_good):
        dealt.update(zip(members, deal_folds(members, folds, seed).tolist(), strict=True))
    return (
        np.array([dealt[g] for g in good_groups], np.int64),
        np.array([dealt[g] for g in bad_groups], np.int64),
    )


def _warnings(point: ZonedOperatingPoint, grouped: bool) -> tuple[PointWarning, ...]:
    defects, alternatives = point.defective_parts_held_out, point.alternatives
    cost = None if point.on_chosen is None else point.on_chosen.cost_per_1000
    compared = point.chosen_by == "cost" and cost is not None and alternatives is not None
    nearly = 0.0 if cost is None else cost * (1.0 + 1e-9)
    found = {
        PointWarning.ESCAPE_UNKNOWN: defects == 0,
        PointWarning.FEW_DEFECTS: 0 < defects < DEFECTS_WANTED,
        PointWarning.NOT_HELD_OUT: point.cross_fitted is None,
        PointWarning.GROUPED: grouped,
        PointWarning.PASSES_ALL: compared and alternatives is not None and nearly >= alternatives.pass_all,
        PointWarning.REJECTS_ALL: compared and alternatives is not None and nearly >= alternatives.reject_all,
        PointWarning.TARGET_NOT_KEPT: point.chosen_by == "good_parts"
        and point.overkill_upper_bound > point.overkill_target,
    }
    return tuple(warning for warning, holds in found.items() if holds)


def _groups(groups: Sequence[Hashable] | None, count: int, kind: str) -> Sequence[Hashable]:
    if groups is None:
        return [(kind, i) for i in range(count)]
    if len(groups) != count:
        raise GroupsMismatchError(groups=len(groups), images=count)
    return groups
