"""Agreement beyond chance: Cohen's kappa of two raters, Fleiss' kappa of many.

Kappa is (observed − expected agreement) / (1 − expected agreement), where *expected* is what the raters' own
frequencies would give by chance. 1 is full agreement, 0 none beyond chance. Where only one category was ever used,
chance alone gives full agreement and kappa is not defined: ``None``, never 1.

Intervals hold for many independent subjects. Where every pair agrees the asymptotic variance is zero and the
interval would shrink to a point; then the lower end is taken from the Clopper–Pearson limit of the observed
agreement, with chance agreement held at what was observed, and ``interval`` says so.

Sources: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37–46; J. L. Fleiss, J. Cohen, B. S. Everitt, Psychol. Bull. 72
(1969) 323–327; J. L. Fleiss, Psychol. Bull. 76 (1971) 378–382; J. L. Fleiss, J. C. M. Nee, J. R. Landis, Psychol.
Bull. 86 (1979) 974–977.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.signals.binomial import clopper_pearson
from gaugeblock.signals.distributions import normal_quantile
from gaugeblock.signals.errors import RatingsShapeError, SeriesTooLongError

SUBJECTS_MAX = 1_000_000
CATEGORIES_MAX = 64
RATERS_MAX = 100_000

Counts = npt.NDArray[np.float64]


class Kappa(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kappa with its interval.

    Parameters
    ----------
    value
        In [−1, 1]; ``None`` where chance alone gives full agreement.
    low, high
        Interval of ``confidence``, cut off at ±1; ``None`` with the value.
    interval
        ``asymptotic``; ``exact_agreement`` where every pair agreed; ``none`` where there is no value.
    observed, expected
        Shares of agreement, observed and by chance.
    standard_error
        Of the asymptotic interval.
    subjects
        What was rated.
    confidence
        Two-sided.
    """

    value: float | None
    low: float | None
    high: float | None
    interval: Literal["asymptotic", "exact_agreement", "none"]
    observed: float
    expected: float
    standard_error: float | None
    subjects: int
    confidence: float


class FleissKappa(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fleiss' kappa.

    ``kappa`` has the interval of Fleiss, Nee and Landis, whose standard error is that of raters who agree by chance
    only: right for the test against zero, rough for an interval far from it. ``jackknife_low`` and ``jackknife_high``
    leave each subject out in turn and presume no value of kappa.
    """

    kappa: Kappa
    raters: int
    jackknife_low: float | None
    jackknife_high: float | None


def cohen_kappa(table: npt.ArrayLike, confidence: float = 0.95) -> Kappa:
    """Cohen's kappa from a square table: subjects that the first rater put in row i and the second in column j.

    Parameters
    ----------
    table
        (k, k) counts.
    confidence
        Two-sided.

    Raises
    ------
    RatingsShapeError, SeriesTooLongError

    Examples
    --------
    >>> found = cohen_kappa([[44, 6], [3, 97]])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.863, 0.776, 0.95)
    """
    counts = _square(table)
    subjects = float(counts.sum())
    share = counts / subjects
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, expected = float(np.trace(share)), float(rows @ columns)
    if _one_category(rows, columns):
        return _undefined(observed, expected, int(subjects), confidence)
    value = (observed - expected) / (1.0 - expected)
    k = len(share)
    diagonal = np.diag(share)
    on = float(np.sum(diagonal * (1.0 - (rows + columns) * (1.0 - value)) ** 2))
    weight = (columns[:, None] + rows[None, :]) ** 2
    off = (1.0 - value) ** 2 * float(np.sum((share * weight)[~np.eye(k, dtype=bool)]))
    rest = (value - expected * (1.0 - value)) ** 2
    variance = max(0.0, on + off - rest) / (subjects * (1.0 - expected) ** 2)
    return _with_interval(
        value, observed, expected, variance**0.5, int(subjects), round(float(np.trace(counts))), confidence
    )


def cohen_kappa_of_ratings(
    first: npt.ArrayLike, second: npt.ArrayLike, categories: int, confidence: float = 0.95
) -> Kappa:
    """Cohen's kappa from two raters' categories 0 … ``categories`` − 1, subject by subject.

    Raises
    ------
    RatingsShapeError, SeriesTooLongError

    Examples
    --------
    >>> cohen_kappa_of_ratings([0, 1, 2, 1], [0, 1, 2, 1], 3).value
    1.0
    """
    return cohen_kappa(cross_table(first, second, categories), confidence)


def cross_table(first: npt.ArrayLike, second: npt.ArrayLike, categories: int) -> Counts:
    """The table for :func:`cohen_kappa`.

    >>> cross_table([0, 1, 1], [0, 1, 0], 2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    one, two = np.asarray(first, dtype=np.int64).ravel(), np.asarray(second, dtype=np.int64).ravel()
    if len(one) != len(two) or len(one) == 0:
        raise RatingsShapeError(found=len(two), expected=max(1, len(one)))
    if len(one) > SUBJECTS_MAX:
        raise SeriesTooLongError(found=len(one), limit=SUBJECTS_MAX)
    both = np.concatenate([one, two])
    if not 1 <= categories <= CATEGORIES_MAX or both.min() < 0 or both.max() >= categories:
        raise RatingsShapeError(found=int(both.max()) + 1, expected=min(max(categories, 1), CATEGORIES_MAX))
    flat = np.bincount(one * categories + two, minlength=categories**2)
    return flat.reshape(categories, categories).astype(np.float64)


def fleiss_kappa(counts: npt.ArrayLike, confidence: float = 0.95) -> FleissKappa:
    """Fleiss' kappa from counts: how many of the ratings of subject i named category j.

    Parameters
    ----------
    counts
        (subjects, categories); every row with the same sum, the number of ratings, at least 2.
    confidence
        Two-sided.

    Raises
    ------
    RatingsShapeError, SeriesTooLongError

    Examples
    --------
    >>> found = fleiss_kappa([[3, 0], [0, 3], [2, 1], [3, 0]])
    >>> round(found.kappa.value, 4), found.raters
    (0.625, 3)
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape or table.shape[1] > CATEGORIES_MAX:
        raise RatingsShapeError(found=table.size, expected=CATEGORIES_MAX)
    if len(table) > SUBJECTS_MAX:
        raise SeriesTooLongError(found=len(table), limit=SUBJECTS_MAX)
    sums = table.sum(axis=1)
    ratings = float(sums[0])
    if not np.isfinite(table).all() or (table < 0).any() or (table != np.floor(table)).any() or (sums != ratings).any():
        raise RatingsShapeError(found=int(np.nan_to_num(sums).min()), expected=int(np.nan_to_num(sums).max()))
    if not 2 <= ratings <= RATERS_MAX:
        raise RatingsShapeError(found=int(ratings), expected=2)
    subjects = len(table)
    agreeing = (table**2).sum(axis=1) - ratings
    pairs = ratings * (ratings - 1.0)
    totals = table.sum(axis=0)
    value, observed, expected = _fleiss(agreeing.sum(), totals, subjects, ratings, pairs)
    if value is None:
        return FleissKappa(_undefined(observed, expected, subjects, confidence), int(ratings), None, None)
    p = totals / totals.sum()
    q = 1.0 - p
    spread = float(p @ q)
    variance = 2.0 / (subjects * pairs) * (spread**2 - float(np.sum(p * q * (q - p)))) / spread**2
    all_agree = int((table.max(axis=1) == ratings).sum())
    kappa = _with_interval(
        value,
        observed,
        expected,
        max(0.0, variance) ** 0.5,
        subjects,
        all_agree,
        confidence,
        edge=all_agree == subjects,
    )
    low, high = _jackknife(value, agreeing, totals, table, ratings, pairs, confidence)
    return FleissKappa(kappa, int(ratings), low, high)


def _fleiss(
    agreeing: float, totals: Counts, subjects: int, ratings: float, pairs: float
) -> tuple[float | None, float, float]:
    observed = float(agreeing) / (subjects * pairs)
    share = totals / (subjects * ratings)
    expected = float(share @ share)
    if np.count_nonzero(totals) < 2:
        return None, observed, expected
    return (observed - expected) / (1.0 - expected), observed, expected


def _jackknife(
    value: float, agreeing: Counts, totals: Counts, table: Counts, ratings: float, pairs: float, confidence: float
) -> tuple[float | None, float | None]:
    subjects = len(table)
    if subjects < 3:
        return None, None
    observed = (agreeing.sum() - agreeing) / ((subjects - 1) * pairs)
    share = (totals[None, :] - table) / ((subjects - 1) * ratings)
    expected = (share**2).sum(axis=1)
    if (expected >= 1.0 - 1e-12).any():
        return None, None  # one subject alone carries the second category
    left_out = (observed - expected) / (1.0 - expected)
    error = float(np.sqrt((subjects - 1) / subjects * np.sum((left_out - left_out.mean()) ** 2)))
    reach = normal_quantile(0.5 + confidence / 2.0) * error
    return max(-1.0, value - reach), min(1.0, value + reach)


def _square(table: npt.ArrayLike) -> Counts:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not 1 <= len(counts) <= CATEGORIES_MAX:
        raise RatingsShapeError(found=counts.size, expected=CATEGORIES_MAX)
    if not np.isfinite(counts).all() or (counts < 0).any() or counts.sum() <= 0:
        raise RatingsShapeError(found=0, expected=1)
    if counts.sum() > SUBJECTS_MAX:
        raise SeriesTooLongError(found=int(counts.sum()), limit=SUBJECTS_MAX)
    return counts


def _one_category(rows: Counts, columns: Counts) -> bool:
    return bool(np.count_nonzero(rows + columns) < 2)


def _undefined(observed: float, expected: float, subjects: int, confidence: float) -> Kappa:
    return Kappa(None, None, None, "none", observed, expected, None, subjects, confidence)


def _with_interval(
    value: float,
    observed: float,
    expected: float,
    error: float,
    subjects: int,
    agreed: int,
    confidence: float,
    edge: bool | None = None,
) -> Kappa:
    value = min(1.0, max(-1.0, value))
    if agreed == subjects if edge is None else edge:
        share_low, _ = clopper_pearson(agreed, subjects, confidence)
        low = max(-1.0, (share_low - expected) / (1.0 - expected))
        return Kappa(1.0, low, 1.0, "exact_agreement", observed, expected, 0.0, subjects, confidence)
    reach = normal_quantile(0.5 + confidence / 2.0) * error
    low, high = max(-1.0, value - reach), min(1.0, value + reach)
    return Kappa(value, low, high, "asymptotic", observed, expected, error, subjects, confidence)
