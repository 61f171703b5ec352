"""Attribute agreement: the manual's counts, UNDECIDED, laws for any study, and every bad input named."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.inspection.agreement import (
    APPRAISERS_MAX,
    PARTS_MAX,
    AgreementStudy,
    AgreementWarning,
    AppraiserDecision,
    Band,
    PartReference,
    analyse_agreement,
)
from gaugeblock.inspection.study_errors import (
    ReferenceContradictionError,
    ReferenceMissingError,
    StudyAppraisersLimitError,
    StudyConfidenceError,
    StudyEmptyError,
    StudyPartsLimitError,
    StudyTrialsLimitError,
    TrialMissingError,
    TrialTwiceError,
)
from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.plant.record_types import Verdict

OK, NOK, UNDECIDED = Verdict.OK, Verdict.NOK, Verdict.UNDECIDED


def _references(good: int, defective: int, borderline: int = 0) -> list[PartReference]:
    parts = [PartReference(f"g{i}", "good", i < borderline) for i in range(good)]
    return parts + [PartReference(f"d{i}", "defective") for i in range(defective)]


def _right(reference: PartReference) -> Verdict:
    return OK if reference.condition == "good" else NOK


def _decisions(
    references: list[PartReference], wrong: dict[str, dict[tuple[str, int], Verdict]], trials: int = 3
) -> list[AppraiserDecision]:
    return [
        AppraiserDecision(r.part, appraiser, trial, odd.get((r.part, trial), _right(r)))
        for appraiser, odd in wrong.items()
        for r in references
        for trial in range(1, trials + 1)
    ]


def _manuals_study() -> AgreementStudy:
    """50 parts, 16 of them defective, 3 appraisers, 3 trials, with the counts of AIAG MSA 4th ed., III-C.

    Appraiser A: 3 misses and 5 false alarms on 8 parts in sum; B: 3 and 2 on 5; C: 6 and 9 on 10.
    """
    references = _references(34, 16, borderline=13)
    misses = {"A": (1, 1, 1), "B": (1, 1, 1), "C": (2, 1, 1, 1, 1)}
    alarms = {"A": (1, 1, 1, 1, 1), "B": (1, 1), "C": (2, 2, 2, 2, 1)}
    wrong: dict[str, dict[tuple[str, int], Verdict]] = {}
    for name in "ABC":
        odd = {(f"d{i}", t): OK for i, times in enumerate(misses[name]) for t in range(1, times + 1)}
        odd |= {(f"g{i}", t): NOK for i, times in enumerate(alarms[name]) for t in range(1, times + 1)}
        wrong[name] = odd
    return analyse_agreement(_decisions(references, wrong), references)


def test_the_manuals_figures() -> None:
    study = _manuals_study()
    a, b, c = study.appraisers
    # Table III-C 8: effectiveness 84, 90, 80 %; miss 6.3, 6.3, 12.5 %; false alarm 4.9, 2.0, 8.8 %.
    for result, effectiveness, miss, alarm in (
        (a, 0.84, 0.063, 0.049),
        (b, 0.90, 0.063, 0.020),
        (c, 0.80, 0.125, 0.088),
    ):
        assert result.effectiveness.share.value == pytest.approx(effectiveness, abs=5e-4)
        assert result.miss.share.value == pytest.approx(miss, abs=6e-4)
        assert result.false_alarm.share.value == pytest.approx(alarm, abs=6e-4)
    assert (a.effectiveness.band, b.effectiveness.band, c.effectiveness.band) == (
        Band.MARGINAL,
        Band.ACCEPTABLE,
        Band.MARGINAL,
    )
    assert {r.miss.band for r in study.appraisers} == {Band.UNACCEPTABLE}
    assert [r.false_alarm.band for r in study.appraisers] == [Band.ACCEPTABLE, Band.ACCEPTABLE, Band.MARGINAL]
    # Table III-C 5: kappa with the reference 0.88, 0.92, 0.77.
    kappas = [r.reference_kappa.kappa.value for r in study.appraisers]
    assert kappas == pytest.approx([0.88, 0.92, 0.77], abs=0.005)
    assert a.effectiveness.share.low == pytest.approx(0.7089, abs=5e-5)
    assert a.effectiveness.share.high == pytest.approx(0.9283, abs=5e-5)
    assert b.effectiveness.band_at_bound is Band.UNACCEPTABLE  # 45 of 50 may well be 78 %
    assert study.warnings == ()
    assert a.verdict is Band.UNACCEPTABLE


def test_undecided_is_a_reject_and_never_right() -> None:
    references = _references(2, 2)
    study = analyse_agreement(
        _decisions(references, {"station": {("g0", 1): UNDECIDED, ("d0", 1): UNDECIDED, ("d0", 2): UNDECIDED}}, 2),
        references,
    )
    (station,) = study.appraisers
    assert station.undecided == 3
    assert (station.miss.share.hits, station.miss.share.of) == (0, 4)
    assert (station.false_alarm.share.hits, station.false_alarm.share.of) == (1, 4)
    assert station.effectiveness.share.hits == 2
    assert station.repeatability is not None
    assert station.repeatability.hits == 3  # undecided twice is repeated, though not right
    assert AgreementWarning.UNDECIDED in study.warnings
    assert study.between is None
    assert study.between_kappa is None


def test_without_defects_the_miss_is_unknown() -> None:
    references = _references(6, 0)
    study = analyse_agreement(_decisions(references, {"A": {}}, 1), references)
    (a,) = study.appraisers
    assert a.miss.share.value is None
    assert a.miss.band is a.miss.band_at_bound is Band.UNKNOWN
    assert a.verdict is Band.UNKNOWN
    assert a.repeatability is None
    assert a.repeat_kappa is None
    assert a.reference_kappa.kappa.value is None
    assert a.reference_kappa.band is Band.UNKNOWN
    assert {AgreementWarning.NO_DEFECTIVE, AgreementWarning.FEW_PARTS, AgreementWarning.FEW_TRIALS} <= set(
        study.warnings
    )


verdicts = st.sampled_from([OK, NOK, UNDECIDED])


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[AppraiserDecision], list[PartReference]]:
    conditions = draw(st.lists(st.sampled_from(["good", "defective"]), min_size=1, max_size=8))
    references = [PartReference(f"p{i}", c, draw(st.booleans())) for i, c in enumerate(conditions)]  # type: ignore[arg-type]
    appraisers, trials = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return [
        AppraiserDecision(r.part, f"a{j}", t, draw(verdicts))
        for r in references
        for j in range(appraisers)
        for t in range(trials)
    ], references


@settings(max_examples=80, deadline=None)
@given(studies(), st.randoms(use_true_random=False))
def test_laws_of_any_study(study: tuple[list[AppraiserDecision], list[PartReference]], random: object) -> None:
    decisions, references = study
    found = analyse_agreement(decisions, references)
    shares = [found.system_effectiveness.share, found.between]
    for result in found.appraisers:
        shares += [result.repeatability, result.effectiveness.share, result.miss.share, result.false_alarm.share]
        shares += [result.missed_parts, result.false_alarm_parts]
        if result.repeatability is not None:
            assert result.effectiveness.share.hits <= result.repeatability.hits
        assert result.missed_parts.hits <= result.miss.share.hits
    for share in shares:
        if share is not None and share.value is not None:
            assert 0 <= share.low <= share.value <= share.high <= 1
    assert found.system_effectiveness.share.hits <= min(r.effectiveness.share.hits for r in found.appraisers)
    if found.between is not None:
        assert found.system_effectiveness.share.hits <= found.between.hits
    assert msgspec.json.decode(msgspec.json.encode(found), type=AgreementStudy) == found
    # The order of entry changes nothing but the order of appraisers.
    shuffled = list(decisions)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = analyse_agreement(shuffled, references)
    assert {r.appraiser: r for r in again.appraisers} == {r.appraiser: r for r in found.appraisers}
    assert again.system_effectiveness == found.system_effectiveness
    assert again.between == found.between


def test_a_station_that_is_always_right() -> None:
    references = _references(40, 20, borderline=20)
    study = analyse_agreement(_decisions(references, {"station": {}, "inspector": {}}), references)
    for result in study.appraisers:
        assert result.effectiveness.share.value == 1.0
        assert result.verdict is Band.ACCEPTABLE
        assert result.reference_kappa.kappa.value == 1.0
    assert study.between_kappa is not None
    assert study.between_kappa.kappa.value == 1.0
    assert study.pairs[0].band is Band.ACCEPTABLE
    assert study.warnings == ()


def test_bad_studies_are_named() -> None:
    references = _references(2, 1)
    decisions = _decisions(references, {"A": {}, "B": {}})
    with pytest.raises(TrialMissingError) as missing:
        analyse_agreement(decisions[:-1], references)
    assert missing.value.facts == {"part": "d0", "appraiser": "B", "trial": 3}
    with pytest.raises(TrialMissingError):
        analyse_agreement(decisions, [*references, PartReference("not judged", "good")])
    with pytest.raises(TrialTwiceError):
        analyse_agreement([*decisions, decisions[0]], references)
    with pytest.raises(ReferenceContradictionError) as contradiction:
        analyse_agreement(decisions, [*references, PartReference("g0", "defective")])
    assert contradiction.value.facts == {"part": "g0"}
    analyse_agreement(decisions, [*references, references[0]])  # said twice alike is no contradiction
    with pytest.raises(ReferenceMissingError):
        analyse_agreement(decisions, references[:-1])
    for empty in (([], references), (decisions, [])):
        with pytest.raises(StudyEmptyError):
            analyse_agreement(*empty)
    with pytest.raises(StudyConfidenceError):
        analyse_agreement(decisions, references, confidence=1.0)


def test_studies_are_bounded() -> None:
    one = _references(1, 0)
    with pytest.raises(StudyPartsLimitError):
        analyse_agreement(_decisions(one, {"A": {}}), _references(PARTS_MAX + 1, 0))
    with pytest.raises(StudyAppraisersLimitError):
        analyse_agreement(_decisions(one, {str(i): {} for i in range(APPRAISERS_MAX + 1)}), one)
    with pytest.raises(StudyTrialsLimitError):
        analyse_agreement(_decisions(one, {"A": {}}, trials=50), one)


def test_every_code_has_its_words() -> None:
    for language in LANGUAGES:
        words = catalogue(language)
        assert [w.value for w in AgreementWarning if w.value not in words] == []
        assert [b for b in Band if f"inspection.band.{b.value}" not in words] == []


def test_decisions_at_random_agree_by_chance_only() -> None:
    rng = np.random.default_rng(0)
    references = _references(200, 200)
    decisions = [
        AppraiserDecision(r.part, a, t, OK if rng.random() < 0.5 else NOK)
        for r in references
        for a in "AB"
        for t in (1, 2)
    ]
    study = analyse_agreement(decisions, references)
    assert study.between_kappa is not None
    assert study.between_kappa.kappa.value == pytest.approx(0.0, abs=0.06)
    assert study.pairs[0].band is Band.UNACCEPTABLE
