"""ISO 2859-1: every cell of its tables, the laws that hold among them, and samples that anyone can draw again."""

from __future__ import annotations

import hashlib
from math import comb, exp, factorial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.inspection.sampling_plan import (
    AQLS,
    LEVELS,
    LOT_MAX,
    Level,
    Severity,
    acceptance_probability,
    acceptance_probability_of_nonconformities,
    accepts,
    average_outgoing_quality,
    code_letter,
    drawn_positions,
    plan_of_letter,
    sampling_plan,
    tighter_accept,
)
from gaugeblock.inspection.study_errors import AqlUnknownError, LotCountError, LotQualityError, LotSizeError
from gaugeblock.plant.language import LANGUAGES, catalogue

SIZES = dict(
    zip("ABCDEFGHJKLMNPQRS", (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150), strict=True)
)
REDUCED = dict(zip("ABCDEFGHJKLMNPQR", (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800), strict=True))
TABLES = (Path(__file__).parent / "iso_2859_1_tables.txt").read_text("utf-8").splitlines()
PERCENT = AQLS[:16]


def test_every_cell_of_the_tables() -> None:
    cells = 0
    for line in TABLES:
        if line.startswith("#"):
            continue
        severity, letter, *row = line.split()
        sizes = REDUCED if severity == "reduced" else SIZES
        for aql, cell in zip(AQLS, row, strict=True):
            plan, accept = cell[0], int(cell[1:])
            assert plan_of_letter(letter, aql, Severity(severity)) == (plan, sizes[plan], accept), (line, aql)
            cells += 1
    assert cells == 3 * 16 * 26


@pytest.mark.parametrize(
    ("lot", "letters"),
    # Table 1, both ends of each row, levels S-1 to S-4 and I to III.
    [
        (2, "AAAAAAB"),
        (8, "AAAAAAB"),
        (9, "AAAAABC"),
        (25, "AABBBCD"),
        (26, "ABBCCDE"),
        (90, "BBCCCEF"),
        (91, "BBCDDFG"),
        (280, "BCDEEGH"),
        (281, "BCDEFHJ"),
        (501, "CCEFGJK"),
        (1200, "CCEFGJK"),
        (1201, "CDEGHKL"),
        (3201, "CDFGJLM"),
        (35_000, "CDFHKMN"),
        (35_001, "DEGJLNP"),
        (500_000, "DEGJMPQ"),
        (500_001, "DEHKNQR"),
    ],
)
def test_code_letters(lot: int, letters: str) -> None:
    assert "".join(code_letter(lot, level) for level in LEVELS) == letters


def test_plans_of_practice() -> None:
    plan = sampling_plan(4000, 0.65, "II")
    assert (plan.letter, plan.sample_size, plan.accept, plan.reject) == ("L", 200, 3, 4)
    tightened = sampling_plan(4000, 0.65, "II", Severity.TIGHTENED)
    assert (tightened.sample_size, tightened.accept) == (200, 2)
    reduced = sampling_plan(4000, 0.65, "II", Severity.REDUCED)
    assert (reduced.sample_size, reduced.accept) == (80, 2)
    arrow = sampling_plan(20, 0.40, "II")
    assert (arrow.letter, arrow.plan_letter, arrow.sample_size) == ("C", "G", 20)
    assert arrow.full_inspection
    assert sampling_plan(10, 100.0).counts == "nonconformities"


lots = st.one_of(st.integers(2, 2000), st.integers(2, LOT_MAX))


@settings(max_examples=300, deadline=None)
@given(lots, st.sampled_from(PERCENT), st.sampled_from(LEVELS))
def test_laws_of_any_plan(lot: int, aql: float, level: Level) -> None:
    normal, tightened, reduced = (sampling_plan(lot, aql, level, s) for s in Severity)
    for plan in (normal, tightened, reduced):
        assert 1 <= plan.sample_size <= lot
        assert plan.reject == plan.accept + 1
        assert plan.full_inspection == (plan.sample_size == lot)
    # Stricter inspection passes no lot more easily, whatever the quality; reduced takes no larger sample.
    for share in (aql / 100, 3 * aql / 100):
        passed = [acceptance_probability(p.sample_size, p.accept, min(share, 1.0)) for p in (tightened, normal)]
        assert passed[0] <= passed[1] + 1e-12
    assert reduced.sample_size <= normal.sample_size


@settings(max_examples=200, deadline=None)
@given(st.sampled_from("ABCDEFGHJKLMNPQR"), st.sampled_from(PERCENT))
def test_good_lots_pass(letter: str, aql: float) -> None:
    # Clause 5.2 with table 10: lots at the AQL pass normal inspection with 86 % or more.
    _, size, accept = plan_of_letter(letter, aql, Severity.NORMAL)
    assert acceptance_probability(size, accept, aql / 100) >= 0.86


@settings(max_examples=200, deadline=None)
@given(st.sampled_from("ABCDEFGHJKLMNPQR"), st.integers(0, 24), st.sampled_from(list(Severity)))
def test_a_laxer_limit_never_asks_for_more(letter: str, position: int, severity: Severity) -> None:
    one, other = (plan_of_letter(letter, AQLS[position + k], severity) for k in (0, 1))
    if one[1] == other[1]:
        assert one[2] <= other[2]
    # Acceptance per part inspected only grows.
    assert one[2] / one[1] <= other[2] / other[1] + 1e-12


def test_one_step_tighter_is_the_neighbouring_cell() -> None:
    for aql in PERCENT:
        plan = sampling_plan(1000, aql)
        if plan.accept >= 2:
            neighbour = plan_of_letter(plan.plan_letter, AQLS[AQLS.index(aql) - 1], Severity.NORMAL)
            assert neighbour[1:] == (plan.sample_size, tighter_accept(plan))
    assert tighter_accept(sampling_plan(1000, 0.010)) is None


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 80), st.integers(0, 20), st.floats(0, 1))
def test_the_operating_characteristic_is_the_binomial(size: int, accept: int, share: float) -> None:
    exact = sum(comb(size, k) * share**k * (1 - share) ** (size - k) for k in range(min(accept, size) + 1))
    assert acceptance_probability(size, accept, share) == pytest.approx(exact, abs=1e-10)


def test_published_operating_characteristics() -> None:
    # Table 10-J of the standard: n = 80, Ac = 2, 95.0 % of lots accepted at 1.03 %, 10.0 % at 6.52 %.
    assert acceptance_probability(80, 2, 0.0103) == pytest.approx(0.95, abs=0.002)
    assert acceptance_probability(80, 2, 0.0652) == pytest.approx(0.10, abs=0.002)
    mean = 5 * 0.3
    poisson = sum(exp(-mean) * mean**k / factorial(k) for k in range(4))
    assert acceptance_probability_of_nonconformities(5, 3, 0.3) == pytest.approx(poisson)


def test_outgoing_quality() -> None:
    plan = sampling_plan(1000, 1.0)
    curve = [average_outgoing_quality(plan, p / 1000) for p in range(200)]
    assert curve[0] == 0.0
    # Table 8-A: factor 1.7 % times (1 − n/N) for n = 80, Ac = 2.
    assert max(curve) == pytest.approx(0.017 * (1 - 80 / 1000), abs=5e-4)
    assert average_outgoing_quality(sampling_plan(2, 1.0), 0.5) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 3000), st.sampled_from(PERCENT), st.text(max_size=8), st.text(max_size=8))
def test_drawn_samples(lot: int, aql: float, seed: str, name: str) -> None:
    plan = sampling_plan(lot, aql)
    seed, name = (text.encode("utf-8", "replace").decode() for text in (seed, name))
    drawn = drawn_positions(plan, seed, name)
    assert len(drawn) == len(set(drawn)) == plan.sample_size
    assert drawn == tuple(sorted(drawn))
    assert drawn[0] >= 1
    assert drawn[-1] <= lot
    assert drawn == drawn_positions(plan, seed, name)


def test_a_sample_can_be_drawn_again_by_its_description() -> None:
    plan = sampling_plan(500, 2.5)
    again: list[int] = []
    k = 0
    while len(again) < plan.sample_size:
        number = int(hashlib.sha256(f"root hash|lot 9|500|{k}".encode()).hexdigest()[:16], 16)
        position = number % 500 + 1
        if number < 2**64 // 500 * 500 and position not in again:
            again.append(position)
        k += 1
    assert drawn_positions(plan, "root hash", "lot 9") == tuple(sorted(again))


def test_every_position_is_drawn_equally_often() -> None:
    plan = sampling_plan(50, 6.5)
    times = [0] * 50
    for i in range(1500):
        for position in drawn_positions(plan, str(i), "lot"):
            times[position - 1] += 1
    expected = 1500 * plan.sample_size / 50
    assert sum((t - expected) ** 2 / expected for t in times) < 85  # chi-square, 49 degrees: 99.9 % below 85


def test_bad_input_is_named() -> None:
    with pytest.raises(AqlUnknownError) as unknown:
        sampling_plan(1000, 1.2)
    assert unknown.value.facts == {"value": 1.2, "nearest": 1.0}
    for aql in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(AqlUnknownError):
            sampling_plan(1000, aql)
    for lot in (1, 0, LOT_MAX + 1):
        with pytest.raises(LotSizeError):
            sampling_plan(lot, 1.0)
    for found in (-1, 81):
        with pytest.raises(LotCountError):
            accepts(sampling_plan(1000, 1.0), found)
    assert not accepts(sampling_plan(10, 100.0), 90)  # nonconformities may be more than parts
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(LotQualityError):
            acceptance_probability(10, 1, share)
    with pytest.raises(LotQualityError):
        acceptance_probability_of_nonconformities(10, 1, -1.0)


def test_severities_have_their_words() -> None:
    for language in LANGUAGES:
        assert [s for s in Severity if f"inspection.severity.{s.value}" not in catalogue(language)] == []
