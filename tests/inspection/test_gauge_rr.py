"""Gauge R&R: the manual's study to its last printed place, one appraiser alone, laws, and bad input named."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.inspection.agreement import Band
from gaugeblock.inspection.gauge_rr import (
    APPRAISERS_MAX,
    PARTS_MAX,
    TRIALS_MAX,
    GaugeStudy,
    GaugeWarning,
    Measurement,
    analyse_gauge,
    combination,
)
from gaugeblock.inspection.study_errors import (
    MeasurementValueError,
    StudyAppraisersLimitError,
    StudyConfidenceError,
    StudyDistanceError,
    StudyEmptyError,
    StudyFewPartsError,
    StudyFewTrialsError,
    StudyPartsLimitError,
    StudyTrialsLimitError,
    TrialMissingError,
    TrialTwiceError,
)
from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.signals.distributions import chi_square_quantile

# AIAG MSA 4th ed., III-B: ten parts (rows), three trials each by appraisers A, B and C.
MANUAL = [
    [0.29, 0.41, 0.64, 0.08, 0.25, 0.07, 0.04, -0.11, -0.15],
    [-0.56, -0.68, -0.58, -0.47, -1.22, -0.68, -1.38, -1.13, -0.96],
    [1.34, 1.17, 1.27, 1.19, 0.94, 1.34, 0.88, 1.09, 0.67],
    [0.47, 0.50, 0.64, 0.01, 1.03, 0.20, 0.14, 0.20, 0.11],
    [-0.80, -0.92, -0.84, -0.56, -1.20, -1.28, -1.46, -1.07, -1.45],
    [0.02, -0.11, -0.21, -0.20, 0.22, 0.06, -0.29, -0.67, -0.49],
    [0.59, 0.75, 0.66, 0.47, 0.55, 0.83, 0.02, 0.01, 0.21],
    [-0.31, -0.20, -0.17, -0.63, 0.08, -0.34, -0.46, -0.56, -0.49],
    [2.26, 1.99, 2.01, 1.80, 2.12, 2.19, 1.77, 1.45, 1.87],
    [-1.36, -1.25, -1.31, -1.68, -1.62, -1.50, -1.49, -1.77, -2.16],
]


def _measurements(table: np.ndarray) -> list[Measurement]:
    return [
        Measurement(f"p{i}", f"a{j}", k, float(table[i, j, k]))
        for i in range(table.shape[0])
        for j in range(table.shape[1])
        for k in range(table.shape[2])
    ]


def test_the_manuals_study() -> None:
    found = analyse_gauge(_measurements(np.array(MANUAL).reshape(10, 3, 3)))
    # The manual's ANOVA report.
    for variation, deviation, percent in (
        (found.equipment, 0.199933, 18.4),
        (found.appraiser, 0.226838, 20.9),
        (found.gauge, 0.302373, 27.9),
        (found.part, 1.042327, 96.0),
    ):
        assert variation is not None
        assert variation.deviation == pytest.approx(deviation, abs=2e-6)  # printed from rounded squares
        assert variation.study == pytest.approx(percent, abs=0.05)
    assert found.total.deviation == pytest.approx(1.0853, abs=5e-5)
    assert found.distinct_categories == 4
    assert found.interaction_pooled
    assert found.interaction_p == pytest.approx(0.974, abs=5e-4)
    assert found.interaction is None
    assert found.band is Band.MARGINAL
    assert found.warnings == ()
    assert [(row.source, row.degrees) for row in found.anova] == [("part", 9), ("appraiser", 2), ("repeatability", 78)]
    assert [row.sum_of_squares for row in found.anova] == pytest.approx([88.3619, 3.1673, 3.1179], abs=5e-5)


def test_an_interaction_that_is_real_is_not_pooled() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(0, 1, (10, 1, 1)) + rng.normal(0, 0.5, (10, 3, 1)) + rng.normal(0, 0.1, (10, 3, 3))
    found = analyse_gauge(_measurements(table))
    assert found.interaction_pooled is False
    assert found.interaction is not None
    assert found.appraiser is not None
    assert found.interaction.low < 0.5 < found.interaction.high
    parts = (found.equipment, found.appraiser, found.interaction)
    assert found.gauge.deviation**2 == pytest.approx(sum(v.deviation**2 for v in parts))


def test_the_station_alone() -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(0, 2, (12, 1, 1)) + rng.normal(0, 0.3, (12, 1, 4))
    found = analyse_gauge(_measurements(table), distance=3.0)
    assert found.appraiser is None
    assert found.interaction is None
    assert found.interaction_pooled is None
    assert found.gauge == found.equipment
    assert found.warnings == (GaugeWarning.ONE_APPRAISER,)
    assert found.equipment.tolerance == pytest.approx(100 * found.equipment.deviation)
    # By hand: repeatability is the pooled deviation within parts, with its chi-square interval.
    error = float(((table - table.mean(axis=2, keepdims=True)) ** 2).sum()) / 36
    assert found.equipment.deviation == pytest.approx(math.sqrt(error))
    assert found.equipment.low == pytest.approx(math.sqrt(36 * error / chi_square_quantile(0.975, 36)))
    assert found.equipment.high == pytest.approx(math.sqrt(36 * error / chi_square_quantile(0.025, 36)))


def test_the_same_image_scored_again_is_no_study() -> None:
    table = np.repeat(np.arange(12.0)[:, None, None], 3, axis=2)
    found = analyse_gauge(_measurements(table))
    assert GaugeWarning.IDENTICAL_TRIALS in found.warnings
    assert found.distinct_categories is None
    assert found.equipment.deviation == 0.0
    flat = analyse_gauge(_measurements(np.ones((12, 2, 3))))
    assert flat.gauge.study is None
    assert flat.band is Band.UNKNOWN
    assert GaugeWarning.NO_PART_VARIATION in flat.warnings


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 6), st.integers(1, 4), st.integers(2, 4), st.integers(0, 2**31), st.floats(0.01, 5), st.floats(0, 5)
)
def test_laws_of_any_study(parts: int, appraisers: int, trials: int, seed: int, scale: float, spread: float) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(0, spread, (parts, 1, 1)) + rng.normal(0, scale, (parts, appraisers, trials))
    found = analyse_gauge(_measurements(table))
    components = [v for v in (found.equipment, found.appraiser, found.interaction, found.part) if v is not None]
    for variation in (*components, found.gauge, found.total):
        assert 0 <= variation.low <= variation.deviation * (1 + 1e-9) + 1e-12
        assert variation.deviation <= variation.high * (1 + 1e-9) + 1e-12
    assert sum(v.contribution or 0.0 for v in components) == pytest.approx(100.0)
    assert found.gauge.deviation <= found.total.deviation * (1 + 1e-12)
    moved = analyse_gauge(_measurements(10 * table + 7)[::-1])
    assert moved.gauge.deviation == pytest.approx(10 * found.gauge.deviation, rel=1e-6, abs=1e-9)
    assert msgspec.json.decode(msgspec.json.encode(found), type=GaugeStudy) == found


def test_intervals_cover_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    truth = {"equipment": 0.04, "appraiser": 0.09, "part": 1.0}
    covered = dict.fromkeys(truth, 0)
    for _ in range(150):
        table = rng.normal(0, 1, (10, 1, 1)) + rng.normal(0, 0.3, (1, 3, 1)) + rng.normal(0, 0.2, (10, 3, 2))
        found = analyse_gauge(_measurements(table))
        for name, variance in truth.items():
            variation = getattr(found, name)
            covered[name] += variation.low**2 <= variance <= variation.high**2
    assert min(covered.values()) >= 0.89 * 150


def test_a_difference_of_mean_squares() -> None:
    # With many degrees of freedom the interval of a difference is the normal one: 4 − 1 ± 1.96 √(2·16/n + 2·1/n).
    found = combination([(1.0, 5000, 4.0), (-1.0, 5000, 1.0)], 0.95)
    reach = 1.959964 * math.sqrt(2 * 17 / 5000)
    assert found[0] == 3.0
    assert found[2] - found[1] == pytest.approx(2 * reach, rel=0.02)
    assert combination([(1.0, 5, 1.0), (-1.0, 5, 9.0)], 0.95)[:2] == (0.0, 0.0)


def test_bad_studies_are_named() -> None:
    rows = _measurements(np.array(MANUAL).reshape(10, 3, 3))
    with pytest.raises(TrialMissingError):
        analyse_gauge(rows[:-1])
    with pytest.raises(TrialTwiceError):
        analyse_gauge([*rows, rows[3]])
    with pytest.raises(MeasurementValueError):
        analyse_gauge([msgspec.structs.replace(rows[0], value=math.nan), *rows[1:]])
    with pytest.raises(StudyEmptyError):
        analyse_gauge([])
    with pytest.raises(StudyFewPartsError):
        analyse_gauge([r for r in rows if r.part == "p0"])
    with pytest.raises(StudyFewTrialsError):
        analyse_gauge([r for r in rows if r.trial == 0])
    for confidence in (0.0, 1.0, math.nan):
        with pytest.raises(StudyConfidenceError):
            analyse_gauge(rows, confidence=confidence)
    for distance in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(StudyDistanceError):
            analyse_gauge(rows, distance=distance)


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((PARTS_MAX + 1, 1, 2), StudyPartsLimitError),
        ((2, APPRAISERS_MAX + 1, 2), StudyAppraisersLimitError),
        ((2, 1, TRIALS_MAX + 1), StudyTrialsLimitError),
    ],
)
def test_studies_are_bounded(shape: tuple[int, int, int], error: type[Exception]) -> None:
    with pytest.raises(error):
        analyse_gauge(_measurements(np.zeros(shape)))


def test_every_code_has_its_words() -> None:
    for language in LANGUAGES:
        assert [w.value for w in GaugeWarning if w.value not in catalogue(language)] == []
