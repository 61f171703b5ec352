"""Is the candidate at least as good as the module in service? Both judge the same parts; named criteria decide.

Three sets of parts: **held out** (labelled parts whose groups no training of this plant has used), **challenge** (the
station's parts of known condition) and **shadow** (what ran on the line after the candidate was made). A part counts in
one of them only. Whatever is not OK is a rejection, because that is where the PLC sends it.

What the criteria can and cannot say: that the candidate lets fewer or as many defects through *on these parts* is a
count, not a proof for others; the bound on overkill is exact (Clopper–Pearson) for independent parts; McNemar's exact
test finds the candidate worse only where enough parts with known condition were judged differently. A criterion that
had nothing to test is ``not_tested``, and two criteria see to it that there was something: parts known to be defective,
and shadow verdicts.

Sources: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404–413; Q. McNemar, Psychometrika 12 (1947) 153–157, in
its exact binomial form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from gaugeblock.inspection.module_errors import ComparisonCriteriaError
from gaugeblock.plant.module_facets import CriterionResult, SetComparison
from gaugeblock.signals.binomial import clopper_pearson, incomplete_beta

SetName = Literal["held_out", "challenge", "shadow"]
SETS: tuple[SetName, ...] = ("held_out", "challenge", "shadow")
Condition = Literal["good", "defective"]


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """One part judged by both modules; ``condition`` is ``None`` where nobody knows it."""

    condition: Condition | None
    candidate_accepts: bool
    in_service_accepts: bool


class Criteria(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a candidate has to reach.

    Parameters
    ----------
    overkill_margin
        By how much the upper bound of the candidate's overkill may exceed that of the module in service.
    defective_needed
        Parts known to be defective, over all sets.
    shadow_needed
        Parts judged in shadow, of known condition or not.
    confidence
        Of the two-sided interval.
    significance
        Of McNemar's one-sided test that the candidate is worse.
    """

    overkill_margin: float = 0.01
    defective_needed: int = 5
    shadow_needed: int = 200
    confidence: float = 0.95
    significance: float = 0.05

    def __post_init__(self) -> None:
        shares = (self.overkill_margin, self.confidence, self.significance)
        if not all(0.0 < share < 1.0 for share in shares) or min(self.defective_needed, self.shadow_needed) < 0:
            raise ComparisonCriteriaError


DEFAULT_CRITERIA = Criteria()


class Judgement(msgspec.Struct, frozen=True):
    """``passed`` where no criterion failed. Each criterion's name is the key ``inspection.criterion.<name>``."""

    passed: bool
    criteria: tuple[CriterionResult, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of those that failed."""
        return tuple(result.name for result in self.criteria if result.state == "failed")


def compare_set(name: SetName, parts: Iterable[JudgedPart]) -> SetComparison:
    """Counts of one set.

    >>> counted = compare_set("held_out", [JudgedPart("good", True, False), JudgedPart("defective", False, False)])
    >>> counted.overkill_candidate, counted.overkill_in_service, counted.only_candidate_right, counted.agree
    (0, 1, 1, 1)
    """
    sums = dict.fromkeys(
        (
            "good",
            "defective",
            "overkill_candidate",
            "overkill_in_service",
            "escape_candidate",
            "escape_in_service",
            "agree",
            "of",
            "only_candidate_right",
            "only_in_service_right",
        ),
        0,
    )
    for part in parts:
        sums["of"] += 1
        same = part.candidate_accepts == part.in_service_accepts
        sums["agree"] += same
        if part.condition is None:
            continue
        sums[part.condition] += 1
        if part.condition == "good":
            sums["overkill_candidate"] += not part.candidate_accepts
            sums["overkill_in_service"] += not part.in_service_accepts
        else:
            sums["escape_candidate"] += part.candidate_accepts
            sums["escape_in_service"] += part.in_service_accepts
        right = part.candidate_accepts == (part.condition == "good")
        sums["only_candidate_right"] += not same and right
        sums["only_in_service_right"] += not same and not right
    return SetComparison(name=name, **sums)


def mcnemar_worse(only_candidate_right: int, only_in_service_right: int) -> float:
    """One-sided exact p: how likely so many parts on which only the module in service is right, if both were equal.

    P(X ≥ ``only_in_service_right``) for X binomial with one half over the parts judged differently; 1 for none.

    >>> round(mcnemar_worse(0, 5), 9), mcnemar_worse(3, 3) > 0.5, mcnemar_worse(0, 0)
    (0.03125, True, 1.0)
    """
    if only_in_service_right == 0:
        return 1.0
    # The binomial tail as an incomplete beta function (NIST DLMF 8.17.5).
    return incomplete_beta(only_in_service_right, only_candidate_right + 1, 0.5)


def judge(sets: Sequence[SetComparison], criteria: Criteria = DEFAULT_CRITERIA) -> Judgement:
    """All criteria on the sets.

    Examples
    --------
    >>> same = [JudgedPart("good", True, True)] * 100 + [JudgedPart("defective", False, False)] * 10
    >>> judged = judge([compare_set("held_out", same), compare_set("shadow", [JudgedPart(None, True, True)] * 200)])
    >>> judged.passed, judged.failed
    (True, ())
    """
    by_name = {each.name: each for each in sets}
    results = [_escape(name, by_name.get(name)) for name in SETS]
    defective = sum(each.defective for each in sets)
    results.append(_enough("defective_parts", defective, criteria.defective_needed))
    results.append(_overkill(sets, criteria))
    shadow = by_name.get("shadow")
    results.append(_enough("shadow_parts", shadow.of if shadow else 0, criteria.shadow_needed))
    results.append(_worse(sets, criteria))
    return Judgement(all(result.state != "failed" for result in results), tuple(results))


def _escape(name: SetName, counted: SetComparison | None) -> CriterionResult:
    if counted is None or counted.defective == 0:
        return CriterionResult(f"escape_{name}", "not_tested")
    worse = counted.escape_candidate > counted.escape_in_service
    return CriterionResult(
        f"escape_{name}",
        "failed" if worse else "passed",
        float(counted.escape_candidate),
        float(counted.escape_in_service),
        float(counted.escape_in_service),
    )


def _enough(name: str, found: int, needed: int) -> CriterionResult:
    return CriterionResult(name, "passed" if found >= needed else "failed", float(found), None, float(needed))


def _overkill(sets: Sequence[SetComparison], criteria: Criteria) -> CriterionResult:
    good = sum(each.good for each in sets)
    if good == 0:
        return CriterionResult("overkill_bound", "not_tested")
    candidate = clopper_pearson(sum(each.overkill_candidate for each in sets), good, criteria.confidence)[1]
    in_service = clopper_pearson(sum(each.overkill_in_service for each in sets), good, criteria.confidence)[1]
    limit = in_service + criteria.overkill_margin
    return CriterionResult(
        "overkill_bound", "passed" if candidate <= limit else "failed", candidate, in_service, min(1.0, limit)
    )


def _worse(sets: Sequence[SetComparison], criteria: Criteria) -> CriterionResult:
    ours = sum(each.only_candidate_right for each in sets)
    theirs = sum(each.only_in_service_right for each in sets)
    if ours + theirs == 0:
        return CriterionResult("mcnemar", "not_tested")
    p = mcnemar_worse(ours, theirs)
    return CriterionResult(
        "mcnemar", "failed" if p < criteria.significance else "passed", p, None, criteria.significance
    )
