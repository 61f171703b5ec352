"""Gauge repeatability and reproducibility of a continuous score: how much of what is seen is the gauge itself?

Parts are measured several times by each appraiser (a crossed, balanced study). Two-way analysis of variance with
random effects splits the variance into repeatability (*equipment variation*, EV), appraisers (AV), their interaction
with parts, and parts (PV); GRR is all but the last, TV all. Where the interaction is not significant at 0.25 it is
pooled with repeatability. With one appraiser, as a station that inspects alone, one-way analysis gives EV and PV; AV is
then not zero but unknown.

A station that scores the *same image* twice gives the same score twice. A study of the station needs the part taken
out, put back and photographed again; without any spread between trials the result says so.

Intervals: exact chi-square for EV; modified large-sample for sums and differences of mean squares. Those of AV with two
or three appraisers are very wide, and rightly so.

Sources: AIAG, Measurement Systems Analysis, 4th ed., III-B and appendix A; F. A. Graybill, C.-M. Wang, J. Am. Stat.
Assoc. 75 (1980) 869–873 (sums); N. Ting et al., J. Stat. Comput. Simul. 35 (1990) 135–143 (differences); R. K. Burdick,
C. M. Borror, D. C. Montgomery, J. Qual. Technol. 35 (2003) 342–354.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from itertools import product

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.inspection.agreement import Band
from gaugeblock.inspection.study_errors import (
    MeasurementValueError,
    StudyAppraisersLimitError,
    StudyConfidenceError,
    StudyDistanceError,
    StudyEmptyError,
    StudyEntriesLimitError,
    StudyFewPartsError,
    StudyFewTrialsError,
    StudyPartsLimitError,
    StudyTrialsLimitError,
    TrialMissingError,
    TrialTwiceError,
)
from gaugeblock.signals.distributions import chi_square_quantile, f_quantile, f_tail

MEASUREMENTS_MAX = 200_000
PARTS_MAX = 5_000
APPRAISERS_MAX = 50
TRIALS_MAX = 50

PARTS_MIN = 2
TRIALS_MIN = 2

PARTS_WANTED = 10
APPRAISERS_WANTED = 3
TRIALS_WANTED = 3
POOLED_ABOVE = 0.25
_CATEGORY_FACTOR = 1.41

Values = npt.NDArray[np.float64]


class GaugeWarning(StrEnum):
    """What weakens a study. Each value is the catalogue key of its sentence."""

    FEW_PARTS = "inspection.gauge_rr.warning.few_parts"
    FEW_APPRAISERS = "inspection.gauge_rr.warning.few_appraisers"
    ONE_APPRAISER = "inspection.gauge_rr.warning.one_appraiser"
    FEW_TRIALS = "inspection.gauge_rr.warning.few_trials"
    IDENTICAL_TRIALS = "inspection.gauge_rr.warning.identical_trials"
    NO_PART_VARIATION = "inspection.gauge_rr.warning.no_part_variation"


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of one part by one appraiser in one trial."""

    part: str
    appraiser: str
    trial: int
    value: float


class AnovaRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source of variation. ``f`` and ``p`` are ``None`` for repeatability, and where the divisor is zero."""

    source: str
    degrees: int
    sum_of_squares: float
    mean_square: float
    f: float | None
    p: float | None


class Variation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One component, as standard deviation in the unit of the score, with its interval.

    ``contribution`` is its share of the total variance, ``study`` its share of the total deviation, both in percent
    (``None`` where nothing varies); ``tolerance`` the percentage of the distance to the threshold that three
    deviations take, ``None`` without a distance. Contributions add up to 100, study shares do not.
    """

    deviation: float
    low: float
    high: float
    contribution: float | None
    study: float | None
    tolerance: float | None


class GaugeStudy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole study.

    Parameters
    ----------
    parts, appraisers, trials
        Its size.
    anova
        The table the components rest on, after pooling.
    interaction_pooled
        Whether the interaction went into repeatability; ``None`` with one appraiser.
    interaction_p
        Its p-value before pooling; ``None`` with one appraiser and where nothing repeats differently.
    equipment, appraiser, interaction, gauge, part, total
        EV, AV, interaction, GRR, PV, TV. ``appraiser`` and ``interaction`` are ``None`` with one appraiser,
        ``interaction`` also where pooled.
    distinct_categories
        ndc, 1.41 · PV / GRR rounded down, at least 1; ``None`` where the gauge shows no variation at all.
    band
        AIAG: GRR below 10 % of total deviation acceptable, up to 30 % marginal.
    warnings
        Catalogue keys.
    """

    parts: int
    appraisers: int
    trials: int
    confidence: float
    anova: tuple[AnovaRow, ...]
    interaction_pooled: bool | None
    interaction_p: float | None
    equipment: Variation
    appraiser: Variation | None
    interaction: Variation | None
    gauge: Variation
    part: Variation
    total: Variation
    distinct_categories: int | None
    band: Band
    warnings: tuple[GaugeWarning, ...]


def analyse_gauge(
    measurements: Sequence[Measurement], distance: float | None = None, confidence: float = 0.95
) -> GaugeStudy:
    """The study's components of variance.

    Parameters
    ----------
    measurements
        In any order; each appraiser must have measured each part in each trial exactly once.
    distance
        From where good parts usually stand to the threshold, in the unit of the score, above 0. A score has a limit on
        one side only, so that three deviations, not six, are set against it.
    confidence
        Of every interval, two-sided.

    Raises
    ------
    StudyEmptyError, StudyConfidenceError, StudyDistanceError, StudyPartsLimitError, StudyAppraisersLimitError,
    StudyTrialsLimitError, StudyEntriesLimitError, StudyFewPartsError, StudyFewTrialsError, MeasurementValueError,
    TrialMissingError, TrialTwiceError

    Examples
    --------
    >>> rows = [Measurement(str(p), "station", t, p + 0.1 * t) for p in range(5) for t in (1, 2, 3)]
    >>> found = analyse_gauge(rows)
    >>> round(found.equipment.deviation, 6), found.distinct_categories, found.appraiser
    (0.1, 22, None)
    """
    if not 0 < confidence < 1:
        raise StudyConfidenceError(value=confidence)
    if distance is not None and not (distance > 0 and math.isfinite(distance)):
        raise StudyDistanceError(value=distance)
    table = _table(measurements)
    parts, appraisers, trials = table.shape
    squares = _two_way(table) if appraisers > 1 else _one_way(table)
    interaction_p = squares.interaction_p
    pooled = None if appraisers < 2 else interaction_p is None or interaction_p > POOLED_ABOVE
    if pooled:
        squares = squares.pool()
    parts_of = squares.components(confidence)
    total = parts_of["total"][0]

    def variation(component: tuple[float, float, float]) -> Variation:
        variance, low, high = component
        deviation = math.sqrt(variance)
        return Variation(
            deviation=deviation,
            low=math.sqrt(low),
            high=math.sqrt(high),
            contribution=100.0 * variance / total if total > 0 else None,
            study=100.0 * math.sqrt(variance / total) if total > 0 else None,
            tolerance=None if distance is None else 100.0 * 3.0 * deviation / distance,
        )

    equipment, gauge, part, whole = (variation(parts_of[name]) for name in ("equipment", "gauge", "part", "total"))
    appraiser, interaction = (
        variation(parts_of[name]) if name in parts_of else None for name in ("appraiser", "interaction")
    )
    return GaugeStudy(
        parts=parts,
        appraisers=appraisers,
        trials=trials,
        confidence=confidence,
        anova=squares.rows(),
        interaction_pooled=pooled,
        interaction_p=interaction_p,
        equipment=equipment,
        appraiser=appraiser,
        interaction=interaction,
        gauge=gauge,
        part=part,
        total=whole,
        distinct_categories=_categories(part.deviation, gauge.deviation),
        band=_band(gauge.study),
        warnings=_warnings(parts, appraisers, trials, equipment.deviation, part.deviation),
    )


class _Squares(msgspec.Struct, frozen=True):
    """Mean squares and degrees of freedom of parts, appraisers, interaction and error; absent ones are ``None``."""

    parts: int
    appraisers: int
    trials: int
    part: tuple[int, float]
    error: tuple[int, float]
    appraiser: tuple[int, float] | None = None
    interaction: tuple[int, float] | None = None

    @property
    def interaction_p(self) -> float | None:
        if self.interaction is None or self.error[1] <= 0.0:
            return None
        return f_tail(self.interaction[1] / self.error[1], self.interaction[0], self.error[0])

    def pool(self) -> _Squares:
        assert self.interaction is not None
        (a, one), (b, two) = self.interaction, self.error
        return msgspec.structs.replace(self, error=(a + b, (a * one + b * two) / (a + b)), interaction=None)

    def rows(self) -> tuple[AnovaRow, ...]:
        error = self.error[1]
        below = self.interaction or self.error
        named = (
            ("part", self.part, below),
            ("appraiser", self.appraiser, below),
            ("interaction", self.interaction, self.error),
        )
        rows = []
        for name, square, divisor in named:
            if square is not None:
                f = square[1] / divisor[1] if divisor[1] > 0 else None
                p = None if f is None else f_tail(f, square[0], divisor[0])
                rows.append(AnovaRow(name, square[0], square[0] * square[1], square[1], f, p))
        rows.append(AnovaRow("repeatability", self.error[0], self.error[0] * error, error, None, None))
        return tuple(rows)

    def components(self, confidence: float) -> dict[str, tuple[float, float, float]]:
        """Variances with their intervals: estimate, low, high."""
        p, o, r = self.parts, self.appraisers, self.trials
        error = self.error
        found = {"equipment": combination([(1.0, *error)], confidence)}
        below = self.interaction or error
        found["part"] = combination([(1 / (o * r), *self.part), (-1 / (o * r), *below)], confidence)
        if self.appraiser is None:
            found["gauge"] = found["equipment"]
            whole = combination([(1 / r, *self.part), (1 - 1 / r, *error)], confidence)
            found["total"] = _recentred(whole, found["equipment"][0] + found["part"][0])
            return found
        found["appraiser"] = combination([(1 / (p * r), *self.appraiser), (-1 / (p * r), *below)], confidence)
        gauge, total = [(1 / (p * r), *self.appraiser)], [(1 / (o * r), *self.part), (1 / (p * r), *self.appraiser)]
        if self.interaction is None:
            gauge.append((1 - 1 / (p * r), *error))
            total.append((1 - 1 / (o * r) - 1 / (p * r), *error))
        else:
            found["interaction"] = combination([(1 / r, *self.interaction), (-1 / r, *error)], confidence)
            gauge += [((1 - 1 / p) / r, *self.interaction), (1 - 1 / r, *error)]
            total += [((1 - 1 / p - 1 / o) / r, *self.interaction), (1 - 1 / r, *error)]
        pieces = sum(found[name][0] for name in ("equipment", "appraiser", "interaction") if name in found)
        found["gauge"] = _recentred(combination(gauge, confidence), pieces)
        found["total"] = _recentred(combination(total, confidence), pieces + found["part"][0])
        return found


def combination(terms: Sequence[tuple[float, int, float]], confidence: float) -> tuple[float, float, float]:
    """Σ c·MS of independent mean squares, set to 0 where negative, with its modified large-sample interval.

    Parameters
    ----------
    terms
        (coefficient, degrees of freedom, mean square); coefficients of either sign.
    confidence
        Two-sided.

    Returns
    -------
    (estimate, low, high), none below zero. Exact for a single term; for a difference after Ting et al., for a sum after
    Graybill and Wang.

    Examples
    --------
    >>> [round(x, 4) for x in combination([(1.0, 10, 4.0)], 0.95)]
    [4.0, 1.9528, 12.3192]
    """
    tail = (1.0 - confidence) / 2.0
    estimate = sum(c * square for c, _, square in terms)
    below = above = 0.0
    for c, degrees, square in terms:
        low_factor = 1.0 - degrees / chi_square_quantile(1.0 - tail, degrees)  # G
        high_factor = degrees / chi_square_quantile(tail, degrees) - 1.0  # H
        # The low end of the whole comes from low ends of what is added and high ends of what is taken off.
        below += ((low_factor if c > 0 else high_factor) * c * square) ** 2
        above += ((high_factor if c > 0 else low_factor) * c * square) ** 2
    for plus, minus in product([t for t in terms if t[0] > 0], [t for t in terms if t[0] < 0]):
        share = plus[0] * plus[2] * -minus[0] * minus[2]
        below += _cross(plus[1], minus[1], tail, low=True) * share
        above += _cross(plus[1], minus[1], tail, low=False) * share
    low, high = estimate - math.sqrt(max(0.0, below)), estimate + math.sqrt(max(0.0, above))
    return max(0.0, estimate), max(0.0, low), max(0.0, high)


def _cross(plus: int, minus: int, tail: float, *, low: bool) -> float:
    level = 1.0 - tail if low else tail
    f = f_quantile(level, plus, minus)
    g_plus = 1.0 - plus / chi_square_quantile(1.0 - tail, plus)
    h_plus = plus / chi_square_quantile(tail, plus) - 1.0
    g_minus = 1.0 - minus / chi_square_quantile(1.0 - tail, minus)
    h_minus = minus / chi_square_quantile(tail, minus) - 1.0
    if low:
        return ((f - 1.0) ** 2 - (g_plus * f) ** 2 - h_minus**2) / f
    return ((1.0 - f) ** 2 - (h_plus * f) ** 2 - g_minus**2) / f


def _recentred(interval: tuple[float, float, float], estimate: float) -> tuple[float, float, float]:
    # Where a component was estimated below zero and set to zero, a sum is that of what was set.
    _, low, high = interval
    return estimate, min(low, estimate), max(high, estimate)


def _two_way(table: Values) -> _Squares:
    parts, appraisers, trials = table.shape
    mean = table.mean()
    by_part, by_appraiser, by_cell = table.mean(axis=(1, 2)), table.mean(axis=(0, 2)), table.mean(axis=2)
    part = appraisers * trials * float(((by_part - mean) ** 2).sum())
    appraiser = parts * trials * float(((by_appraiser - mean) ** 2).sum())
    apart = by_cell - by_part[:, None] - by_appraiser[None, :] + mean
    interaction = trials * float((apart**2).sum())
    error = float(((table - by_cell[:, :, None]) ** 2).sum())
    return _Squares(
        parts,
        appraisers,
        trials,
        part=(parts - 1, part / (parts - 1)),
        appraiser=(appraisers - 1, appraiser / (appraisers - 1)),
        interaction=((parts - 1) * (appraisers - 1), interaction / ((parts - 1) * (appraisers - 1))),
        error=(parts * appraisers * (trials - 1), error / (parts * appraisers * (trials - 1))),
    )


def _one_way(table: Values) -> _Squares:
    parts, _, trials = table.shape
    by_part = table.mean(axis=(1, 2))
    part = trials * float(((by_part - table.mean()) ** 2).sum())
    error = float(((table - by_part[:, None, None]) ** 2).sum())
    return _Squares(
        parts,
        1,
        trials,
        part=(parts - 1, part / (parts - 1)),
        error=(parts * (trials - 1), error / (parts * (trials - 1))),
    )


def _table(measurements: Sequence[Measurement]) -> Values:
    if not measurements:
        raise StudyEmptyError
    if len(measurements) > MEASUREMENTS_MAX:
        raise StudyEntriesLimitError(found=len(measurements), limit=MEASUREMENTS_MAX)
    values: dict[tuple[str, str, int], float] = {}
    for one in measurements:
        key = (one.part, one.appraiser, one.trial)
        if key in values:
            raise TrialTwiceError(part=one.part, appraiser=one.appraiser, trial=one.trial)
        if not math.isfinite(one.value):
            raise MeasurementValueError(part=one.part, appraiser=one.appraiser, trial=one.trial)
        values[key] = one.value
    parts = list(dict.fromkeys(one.part for one in measurements))
    appraisers = list(dict.fromkeys(one.appraiser for one in measurements))
    trials = sorted({one.trial for one in measurements})
    if len(parts) > PARTS_MAX:
        raise StudyPartsLimitError(found=len(parts), limit=PARTS_MAX)
    if len(appraisers) > APPRAISERS_MAX:
        raise StudyAppraisersLimitError(found=len(appraisers), limit=APPRAISERS_MAX)
    if len(trials) > TRIALS_MAX:
        raise StudyTrialsLimitError(found=len(trials), limit=TRIALS_MAX)
    if len(parts) < PARTS_MIN:
        raise StudyFewPartsError(found=len(parts), needed=PARTS_MIN)
    if len(trials) < TRIALS_MIN:
        raise StudyFewTrialsError(found=len(trials), needed=TRIALS_MIN)
    table = np.empty((len(parts), len(appraisers), len(trials)))
    for (i, part), (j, appraiser), (k, trial) in product(enumerate(parts), enumerate(appraisers), enumerate(trials)):
        value = values.get((part, appraiser, trial))
        if value is None:
            raise TrialMissingError(part=part, appraiser=appraiser, trial=trial)
        table[i, j, k] = value
    return table


def _categories(part: float, gauge: float) -> int | None:
    return None if gauge <= 0.0 else max(1, math.floor(min(_CATEGORY_FACTOR * part / gauge, 1e9)))


def _band(study: float | None) -> Band:
    if study is None:
        return Band.UNKNOWN
    return Band.ACCEPTABLE if study < 10.0 else Band.MARGINAL if study <= 30.0 else Band.UNACCEPTABLE


def _warnings(parts: int, appraisers: int, trials: int, equipment: float, part: float) -> tuple[GaugeWarning, ...]:
    found = {
        GaugeWarning.FEW_PARTS: parts < PARTS_WANTED,
        GaugeWarning.ONE_APPRAISER: appraisers == 1,
        GaugeWarning.FEW_APPRAISERS: 1 < appraisers < APPRAISERS_WANTED,
        GaugeWarning.FEW_TRIALS: trials < TRIALS_WANTED,
        GaugeWarning.IDENTICAL_TRIALS: equipment <= 0.0,
        GaugeWarning.NO_PART_VARIATION: part <= 0.0,
    }
    return tuple(warning for warning, holds in found.items() if holds)
