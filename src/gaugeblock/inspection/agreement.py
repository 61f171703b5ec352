"""Attribute agreement analysis: do the appraisers, the station among them, decide alike and rightly?

Parts of known condition are judged several times by each appraiser. The station is an appraiser like a person.
After AIAG, Measurement Systems Analysis, 4th edition, chapter III section C:

* *repeatability*: parts that an appraiser judged alike in all trials;
* *effectiveness*: parts that an appraiser judged rightly in all trials;
* *miss rate*: decisions on defective parts that passed them; *false alarm rate*: decisions on good parts that did not;
* agreement between appraisers, and of all with the reference (the system's effectiveness);
* kappa, agreement beyond chance (:mod:`gaugeblock.signals.kappa`), in pairs, with the reference, and of all.

UNDECIDED is a category of its own: counted apart, never equal to the reference, and equal only to UNDECIDED. For miss
and false alarm it is what the line makes of it, a reject: on a defective part no miss, on a good part a false alarm.

Intervals of shares are Clopper–Pearson. Those counted by decision treat the trials of one part as independent,
which they are not: the figures by part stand beside them. AIAG's bands are about the estimate; ``band_at_bound``
is the band of the unfavourable end of the interval, and usually worse: a study of fifty parts proves little.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import combinations, product
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.inspection.study_errors import (
    ReferenceContradictionError,
    ReferenceMissingError,
    StudyAppraisersLimitError,
    StudyConfidenceError,
    StudyEmptyError,
    StudyEntriesLimitError,
    StudyPartsLimitError,
    StudyTrialsLimitError,
    TrialMissingError,
    TrialTwiceError,
)
from gaugeblock.plant.record_types import Verdict
from gaugeblock.signals.binomial import clopper_pearson
from gaugeblock.signals.kappa import FleissKappa, Kappa, cohen_kappa_of_ratings, fleiss_kappa

PARTS_MAX = 5_000
APPRAISERS_MAX = 20
TRIALS_MAX = 20
DECISIONS_MAX = 200_000

PARTS_WANTED = 50
TRIALS_WANTED = 3
APPRAISERS_WANTED = 2
CONDITION_SHARE_WANTED = 0.25
BORDERLINE_SHARE_WANTED = 0.25

Condition = Literal["good", "defective"]
Codes = npt.NDArray[np.int64]

_CATEGORIES = (Verdict.OK, Verdict.NOK, Verdict.UNDECIDED)
_CODE = {verdict: code for code, verdict in enumerate(_CATEGORIES)}
_OK, _NOK, _UNDECIDED = range(3)


class Band(StrEnum):
    """What AIAG says of a figure. Words: ``inspection.band.<value>``."""

    ACCEPTABLE = "acceptable"
    MARGINAL = "marginal"
    UNACCEPTABLE = "unacceptable"
    UNKNOWN = "unknown"


class AgreementWarning(StrEnum):
    """What weakens a study. Each value is the catalogue key of its sentence."""

    FEW_PARTS = "inspection.agreement.warning.few_parts"
    FEW_TRIALS = "inspection.agreement.warning.few_trials"
    FEW_APPRAISERS = "inspection.agreement.warning.few_appraisers"
    NO_DEFECTIVE = "inspection.agreement.warning.no_defective"
    NO_GOOD = "inspection.agreement.warning.no_good"
    FEW_DEFECTIVE = "inspection.agreement.warning.few_defective"
    FEW_GOOD = "inspection.agreement.warning.few_good"
    FEW_BORDERLINE = "inspection.agreement.warning.few_borderline"
    UNDECIDED = "inspection.agreement.warning.undecided"


class PartReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a part truly is; ``borderline`` where its condition is near the limit between good and defective."""

    part: str
    condition: Condition
    borderline: bool = False


class AppraiserDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One decision of one appraiser on one part in one trial (numbered as the study does)."""

    part: str
    appraiser: str
    trial: int
    decision: Verdict


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hits`` of ``of``, as ``value`` with the interval ``low`` … ``high``; no value where nothing was counted."""

    hits: int
    of: int
    value: float | None
    low: float
    high: float


class Criterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share and AIAG's bands for it: of the estimate, and of the unfavourable end of its interval."""

    share: Share
    band: Band
    band_at_bound: Band


class KappaResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Kappa between two; AIAG: above 0.75 good agreement, below 0.40 poor. ``second`` may be the reference."""

    first: str
    second: str | None
    kappa: Kappa
    band: Band


class AppraiserResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One appraiser's figures.

    ``repeatability`` and ``repeat_kappa`` (Fleiss, over trials) are ``None`` with a single trial. ``miss`` and
    ``false_alarm`` are by decision, as AIAG counts; ``missed_parts`` and ``false_alarm_parts`` are parts that were
    missed or alarmed in any trial. ``verdict`` is the worst band of effectiveness, miss and false alarm.
    """

    appraiser: str
    decisions: int
    undecided: int
    repeatability: Share | None
    repeat_kappa: FleissKappa | None
    effectiveness: Criterion
    miss: Criterion
    missed_parts: Share
    false_alarm: Criterion
    false_alarm_parts: Share
    reference_kappa: KappaResult
    verdict: Band


class AgreementStudy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole study. ``between`` and ``between_kappa`` are ``None`` for one appraiser.

    ``between`` are parts that all judged alike in all trials; ``system_effectiveness`` those that all judged rightly
    in all trials. ``warnings`` are catalogue keys.
    """

    parts: int
    defective_parts: int
    borderline_parts: int
    trials: int
    confidence: float
    appraisers: tuple[AppraiserResult, ...]
    pairs: tuple[KappaResult, ...]
    between: Share | None
    between_kappa: FleissKappa | None
    system_effectiveness: Criterion
    warnings: tuple[AgreementWarning, ...]


def analyse_agreement(
    decisions: Sequence[AppraiserDecision], references: Sequence[PartReference], confidence: float = 0.95
) -> AgreementStudy:
    """The study's figures.

    Parameters
    ----------
    decisions
        In any order; each appraiser must have judged each part in each trial exactly once.
    references
        One for each part.
    confidence
        Of every interval, two-sided.

    Raises
    ------
    StudyEmptyError, StudyConfidenceError, StudyPartsLimitError, StudyAppraisersLimitError, StudyTrialsLimitError,
    StudyEntriesLimitError, ReferenceContradictionError, ReferenceMissingError, TrialMissingError, TrialTwiceError

    Examples
    --------
    >>> parts = [PartReference("a", "good"), PartReference("b", "defective")]
    >>> said = {"a": Verdict.OK, "b": Verdict.NOK}
    >>> found = analyse_agreement(
    ...     [AppraiserDecision(p.part, "station", t, said[p.part]) for p in parts for t in (1, 2)], parts)
    >>> found.appraisers[0].effectiveness.share.value, found.appraisers[0].reference_kappa.kappa.value
    (1.0, 1.0)
    """
    if not 0 < confidence < 1:
        raise StudyConfidenceError(value=confidence)
    conditions = _conditions(references)
    parts, appraisers, trials, table = _table(decisions, conditions)
    # Reference in the categories of the decisions: good is OK, defective NOK.
    truth = np.array([_OK if conditions[part].condition == "good" else _NOK for part in parts])
    rest = _Figures(table, truth, confidence)
    results = tuple(rest.appraiser(i, name) for i, name in enumerate(appraisers))
    pairs = tuple(rest.pair(i, j, appraisers) for i, j in combinations(range(len(appraisers)), 2))
    flat = table.reshape(len(parts), -1)
    alone = len(appraisers) < 2
    alike = (flat == flat[:, :1]).all(axis=1)
    right = (flat == truth[:, None]).all(axis=1)
    borderline = sum(conditions[part].borderline for part in parts)
    return AgreementStudy(
        parts=len(parts),
        defective_parts=int((truth == _NOK).sum()),
        borderline_parts=borderline,
        trials=len(trials),
        confidence=confidence,
        appraisers=results,
        pairs=pairs,
        between=None if alone else rest.share(alike),
        between_kappa=None if alone else fleiss_kappa(_counts(flat), confidence),
        system_effectiveness=effectiveness_criterion(rest.share(right)),
        warnings=_warnings(truth, borderline, table),
    )


def effectiveness_criterion(share: Share) -> Criterion:
    """AIAG: acceptable from 90 %, marginal from 80 %."""
    return Criterion(share, _from(share.value, 0.90, 0.80), _from(_counted(share, share.low), 0.90, 0.80))


def miss_criterion(share: Share) -> Criterion:
    """AIAG: acceptable up to 2 %, marginal up to 5 %."""
    return Criterion(share, _upto(share.value, 0.02, 0.05), _upto(_counted(share, share.high), 0.02, 0.05))


def false_alarm_criterion(share: Share) -> Criterion:
    """AIAG: acceptable up to 5 %, marginal up to 10 %."""
    return Criterion(share, _upto(share.value, 0.05, 0.10), _upto(_counted(share, share.high), 0.05, 0.10))


def share_of(hits: int, of: int, confidence: float) -> Share:
    """A share with its Clopper–Pearson interval.

    >>> round(share_of(42, 50, 0.95).low, 4)
    0.7089
    """
    low, high = clopper_pearson(hits, of, confidence)
    return Share(hits, of, hits / of if of else None, low, high)


def worst(*bands: Band) -> Band:
    """The worst of several: what is unacceptable stays so whatever is unknown beside it.

    >>> worst(Band.ACCEPTABLE, Band.UNKNOWN).value, worst(Band.UNKNOWN, Band.UNACCEPTABLE).value
    ('unknown', 'unacceptable')
    """
    for band in (Band.UNACCEPTABLE, Band.UNKNOWN, Band.MARGINAL):
        if band in bands:
            return band
    return Band.ACCEPTABLE


class _Figures:
    """The figures of one table (parts, appraisers, trials) of category codes."""

    def __init__(self, table: Codes, truth: Codes, confidence: float) -> None:
        self._table = table
        self._truth = truth
        self._confidence = confidence

    def share(self, hits: npt.NDArray[np.bool_]) -> Share:
        return share_of(int(hits.sum()), int(hits.size), self._confidence)

    def appraiser(self, i: int, name: str) -> AppraiserResult:
        said = self._table[:, i, :]
        truth = self._truth
        once = said.shape[1] < 2
        passed = said[truth == _NOK] == _OK
        stopped = said[truth == _OK] != _OK
        effectiveness = effectiveness_criterion(self.share((said == truth[:, None]).all(axis=1)))
        miss = miss_criterion(self.share(passed))
        false_alarm = false_alarm_criterion(self.share(stopped))
        return AppraiserResult(
            appraiser=name,
            decisions=int(said.size),
            undecided=int((said == _UNDECIDED).sum()),
            repeatability=None if once else self.share((said == said[:, :1]).all(axis=1)),
            repeat_kappa=None if once else fleiss_kappa(_counts(said), self._confidence),
            effectiveness=effectiveness,
            miss=miss,
            missed_parts=self.share(passed.any(axis=1)),
            false_alarm=false_alarm,
            false_alarm_parts=self.share(stopped.any(axis=1)),
            reference_kappa=self._kappa(name, None, said, np.repeat(truth[:, None], said.shape[1], axis=1)),
            verdict=worst(effectiveness.band, miss.band, false_alarm.band),
        )

    def pair(self, i: int, j: int, names: Sequence[str]) -> KappaResult:
        return self._kappa(names[i], names[j], self._table[:, i, :], self._table[:, j, :])

    def _kappa(self, first: str, second: str | None, one: Codes, two: Codes) -> KappaResult:
        kappa = cohen_kappa_of_ratings(one, two, len(_CATEGORIES), self._confidence)
        band = Band.UNKNOWN
        if kappa.value is not None:
            band = Band.ACCEPTABLE if kappa.value > 0.75 else Band.UNACCEPTABLE if kappa.value < 0.40 else Band.MARGINAL
        return KappaResult(first, second, kappa, band)


def _conditions(references: Sequence[PartReference]) -> dict[str, PartReference]:
    if not references:
        raise StudyEmptyError
    if len(references) > PARTS_MAX:
        raise StudyPartsLimitError(found=len(references), limit=PARTS_MAX)
    conditions: dict[str, PartReference] = {}
    for reference in references:
        if conditions.setdefault(reference.part, reference) != reference:
            raise ReferenceContradictionError(part=reference.part)
    return conditions


def _table(
    decisions: Sequence[AppraiserDecision], conditions: dict[str, PartReference]
) -> tuple[list[str], list[str], list[int], Codes]:
    if not decisions:
        raise StudyEmptyError
    if len(decisions) > DECISIONS_MAX:
        raise StudyEntriesLimitError(found=len(decisions), limit=DECISIONS_MAX)
    said: dict[tuple[str, str, int], int] = {}
    for one in decisions:
        if one.part not in conditions:
            raise ReferenceMissingError(part=one.part)
        key = (one.part, one.appraiser, one.trial)
        if key in said:
            raise TrialTwiceError(part=one.part, appraiser=one.appraiser, trial=one.trial)
        said[key] = _CODE[one.decision]
    parts = list(conditions)
    appraisers = list(dict.fromkeys(one.appraiser for one in decisions))
    trials = sorted({one.trial for one in decisions})
    if len(appraisers) > APPRAISERS_MAX:
        raise StudyAppraisersLimitError(found=len(appraisers), limit=APPRAISERS_MAX)
    if len(trials) > TRIALS_MAX:
        raise StudyTrialsLimitError(found=len(trials), limit=TRIALS_MAX)
    table = np.empty((len(parts), len(appraisers), len(trials)), np.int64)
    for (i, part), (j, appraiser), (k, trial) in product(enumerate(parts), enumerate(appraisers), enumerate(trials)):
        code = said.get((part, appraiser, trial))
        if code is None:
            raise TrialMissingError(part=part, appraiser=appraiser, trial=trial)
        table[i, j, k] = code
    return parts, appraisers, trials, table


def _counts(ratings: Codes) -> Codes:
    return np.stack([(ratings == code).sum(axis=1) for code in range(len(_CATEGORIES))], axis=1)


def _warnings(truth: Codes, borderline: int, table: Codes) -> tuple[AgreementWarning, ...]:
    parts, appraisers, trials = table.shape
    defective = int((truth == _NOK).sum())
    found = {
        AgreementWarning.FEW_PARTS: parts < PARTS_WANTED,
        AgreementWarning.FEW_TRIALS: trials < TRIALS_WANTED,
        AgreementWarning.FEW_APPRAISERS: appraisers < APPRAISERS_WANTED,
        AgreementWarning.NO_DEFECTIVE: defective == 0,
        AgreementWarning.NO_GOOD: defective == parts,
        AgreementWarning.FEW_DEFECTIVE: 0 < defective < CONDITION_SHARE_WANTED * parts,
        AgreementWarning.FEW_GOOD: 0 < parts - defective < CONDITION_SHARE_WANTED * parts,
        AgreementWarning.FEW_BORDERLINE: borderline < BORDERLINE_SHARE_WANTED * parts,
        AgreementWarning.UNDECIDED: bool((table == _UNDECIDED).any()),
    }
    return tuple(warning for warning, holds in found.items() if holds)


def _counted(share: Share, end: float) -> float | None:
    return None if share.value is None else end


def _from(value: float | None, acceptable: float, marginal: float) -> Band:
    if value is None:
        return Band.UNKNOWN
    return Band.ACCEPTABLE if value >= acceptable else Band.MARGINAL if value >= marginal else Band.UNACCEPTABLE


def _upto(value: float | None, acceptable: float, marginal: float) -> Band:
    if value is None:
        return Band.UNKNOWN
    return Band.ACCEPTABLE if value <= acceptable else Band.MARGINAL if value <= marginal else Band.UNACCEPTABLE
