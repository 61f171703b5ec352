"""Measurement studies: tables with errors by line and column, figures, and the plant's own records."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.inspection.agreement import AppraiserDecision, Band, PartReference
from gaugeblock.inspection.gauge_rr import Measurement
from gaugeblock.inspection.studies import StudyNameError, StudyNoPresentationsError, StudyStationError, analyse
from gaugeblock.inspection.studies_queries import StudyMissingError
from gaugeblock.inspection.study_errors import StudyEmptyError, TrialMissingError
from gaugeblock.inspection.study_table import (
    TABLE_BYTES_MAX,
    StudyBytesLimitError,
    StudyCellError,
    StudyHeaderError,
    StudyLineTwiceError,
    StudyReferenceDiffersError,
    StudyScoresMissingError,
    StudyTable,
    StudyTextError,
    StudyWidthError,
    read_table,
    write_table,
)
from gaugeblock.plant.record_types import Verdict
from tests.inspection.plant_in_memory import STATION, Line

HEAD = "part,reference,appraiser,trial,decision,score\n"
GOOD = HEAD + "".join(
    f"P{p},{'good' if p % 2 else 'defective'},ST10,{t},{'OK' if p % 2 else 'NOK'},{p}.{t}\n"
    for p in range(6)
    for t in (1, 2, 3)
)


@pytest.mark.parametrize(
    ("table", "error", "facts"),
    [
        ("part,appraiser,trial,decision\n", StudyHeaderError, {"column": "reference"}),
        (HEAD + "P1,good,ST10,1,maybe,1\n", StudyCellError, {"line": 2, "column": "decision", "value": "maybe"}),
        (HEAD + "P1,good,ST10,0x1,OK,1\n", StudyCellError, {"line": 2, "column": "trial"}),
        (HEAD + "P1,fine,ST10,1,OK,1\n", StudyCellError, {"line": 2, "column": "reference"}),
        (HEAD + "P1,good,ST10,1,OK,nan\n", StudyCellError, {"line": 2, "column": "score"}),
        (HEAD + ",good,ST10,1,OK,1\n", StudyCellError, {"line": 2, "column": "part"}),
        (HEAD + "P1,good,ST10,1\n", StudyWidthError, {"line": 2, "found": 4, "wanted": 6}),
        (GOOD + "P1,good,ST10,1,OK,1\n", StudyLineTwiceError, {"part": "P1", "line": 20}),
        (GOOD + "P1,defective,ST10,4,OK,1\n", StudyReferenceDiffersError, {"part": "P1", "line": 20, "other": 5}),
        (GOOD + "P9,good,ST10,1,OK,\n", StudyScoresMissingError, {"line": 20, "appraiser": "ST10"}),
        (HEAD, StudyEmptyError, {}),
        ("", StudyHeaderError, {"column": "part"}),
    ],
)
def test_an_error_names_line_and_column(table: str, error: type, facts: dict[str, object]) -> None:
    with pytest.raises(error) as caught:
        read_table(table.encode())
    for name, value in facts.items():
        assert caught.value.facts[name] == value
    assert caught.value.text("zh")
    assert caught.value.remedy("en")


def test_what_is_no_table() -> None:
    with pytest.raises(StudyTextError):
        read_table(b"\x00\x01\xff\xfe")
    with pytest.raises(StudyBytesLimitError):
        read_table(b"x" * (TABLE_BYTES_MAX + 1))


def test_chinese_tables_of_either_encoding_and_separator() -> None:
    text = "零件;基准;评价人;次数;判定\n甲;合格;工位;1;合格\n乙;不合格;工位;1;未判定\n"
    for encoding in ("utf-8-sig", "gb18030"):
        table = read_table(text.encode(encoding))
        assert [d.decision for d in table.decisions] == [Verdict.OK, Verdict.UNDECIDED]
        assert table.references[1] == PartReference("乙", "defective")


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)


@given(
    st.dictionaries(names, st.tuples(st.sampled_from(["good", "defective"]), st.booleans()), min_size=1, max_size=6),
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.booleans(),
)
def test_a_table_reads_back_as_written(parts: dict[str, tuple[str, bool]], people: list[str], scored: bool) -> None:
    decisions = tuple(AppraiserDecision(p, a, t, Verdict.NOK) for p in parts for a in people for t in (1, 2))
    table = StudyTable(
        tuple(PartReference(p, c, b) for p, (c, b) in parts.items()),  # type: ignore[arg-type]
        decisions,
        tuple(Measurement(d.part, d.appraiser, d.trial, d.trial / 3) for d in decisions) if scored else (),
    )
    assert read_table(write_table(table)) == table


def test_figures_and_refusals() -> None:
    result = analyse(read_table(GOOD.encode()), "S", "ST10")
    assert result.conclusion is Band.ACCEPTABLE
    assert result.of_station.effectiveness.band_at_bound is Band.UNACCEPTABLE
    assert result.gauge is not None
    assert any(warning.endswith("few_parts") for warning in result.warnings)
    with pytest.raises(StudyStationError):
        analyse(read_table(GOOD.encode()), "S", "ST99")
    with pytest.raises(StudyNameError):
        analyse(read_table(GOOD.encode()), " ", "ST10")
    with pytest.raises(TrialMissingError):
        analyse(read_table(GOOD.encode() + b"P7,good,ST10,1,OK,1\n"), "S", "ST10")


def test_one_trial_has_no_gauge() -> None:
    table = read_table((HEAD + "P1,good,ST10,1,OK,1\nP2,defective,ST10,1,NOK,2\n").encode())
    assert analyse(table, "S", "ST10").gauge is None


@pytest.fixture
def line() -> Line:
    return Line()


def test_a_study_is_recorded_with_its_blobs(line: Line) -> None:
    desk = line.desks.studies
    index = desk.from_table("person:li", "t1", "November", "", "P1", GOOD.encode())
    assert desk.from_table("person:li", "t1", "November", "", "P1", GOOD.encode()) == index
    row, result = desk.result(index)
    assert (row.study, row.station, row.author, row.conclusion) == ("November", "ST10", "person:li", "acceptable")
    assert line.plant.blobs.get(row.table_sha256) == GOOD.encode()
    assert msgspec.json.encode(result) == line.plant.blobs.get(row.result_sha256)
    assert row.measurement.effectiveness[0] == 1.0
    assert row.measurement.gauge_rr_percent == pytest.approx(result.gauge.gauge.study)  # type: ignore[union-attr]
    assert [r.index for r in desk.reader.listed()] == [index]
    with pytest.raises(StudyMissingError):
        desk.reader.study(0)


def test_a_study_of_the_plants_own_records(line: Line) -> None:
    for number in range(4):
        line.reference(f"R{number}", "good" if number % 2 else "defective")
    shown = [
        line.inspect(Verdict.OK if number % 2 else Verdict.NOK, f"R{number}", score=number + trial / 10)
        for trial in range(3)
        for number in range(4)
    ]
    line.reference("R9", "good")
    line.inspect(Verdict.OK, "R9")
    for index, number in zip(shown, [n for _ in range(3) for n in range(4)], strict=True):
        line.review("wang", index, "good" if number % 2 else "defective")
    line.review("zhao", shown[0], "good")
    desk = line.desks.studies
    index = desk.from_records("person:li", "t", "own", STATION, 3)
    _, result = desk.result(index)
    assert (result.agreement.parts, result.agreement.trials) == (4, 3)
    assert [one.appraiser for one in result.agreement.appraisers] == [STATION, "person:wang"]
    assert result.left_out_people == ("person:zhao",)
    assert result.left_out_parts == 1
    assert result.gauge is not None
    assert result.agreement.between is not None
    with pytest.raises(StudyNoPresentationsError):
        desk.from_records("person:li", "t", "own", STATION, 4)
