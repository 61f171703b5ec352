"""The table of a measurement study as CSV: one line for each decision, errors by line and column.

Columns, in any order, named in the first line: ``part``, ``reference``, ``appraiser``, ``trial``, ``decision``; also
``score`` (a number) and ``borderline`` (yes or no, of the part). Comma, semicolon or tab; UTF-8 or GB18030. Chinese
names and values are read alike.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

import msgspec

from gaugeblock.inspection.agreement import AppraiserDecision, Condition, PartReference
from gaugeblock.inspection.gauge_rr import Measurement
from gaugeblock.inspection.study_errors import StudyEmptyError, StudyEntriesLimitError
from gaugeblock.plant.errors import GaugeblockError, LimitError
from gaugeblock.plant.facet import Verdict

TABLE_BYTES_MAX = 8 * 1024 * 1024
LINES_MAX = 200_000
NAME_MAX = 200

COLUMNS = ("part", "reference", "appraiser", "trial", "decision", "score", "borderline")
NEEDED = COLUMNS[:5]
_NAMES = dict(zip(("零件", "基准", "评价人", "次数", "判定", "评分", "边界"), COLUMNS, strict=True))

_CONDITIONS: dict[str, Condition] = {
    **dict.fromkeys(("good", "ok", "合格", "良品"), "good"),
    **dict.fromkeys(("defective", "nok", "不合格", "缺陷"), "defective"),
}
_DECISIONS: dict[str, Verdict] = {
    **dict.fromkeys(("ok", "good", "合格", "良品"), Verdict.OK),
    **dict.fromkeys(("nok", "defective", "不合格", "缺陷"), Verdict.NOK),
    **dict.fromkeys(("undecided", "unsure", "未判定", "不确定"), Verdict.UNDECIDED),
}
_YES_NO = {**dict.fromkeys(("yes", "true", "1", "是"), True), **dict.fromkeys(("no", "false", "0", "", "否"), False)}


class StudyHeaderError(GaugeblockError):
    """A needed column is not there. Facts: ``column``."""

    code = "inspection.study_header"


class StudyCellError(GaugeblockError):
    """A value that cannot be read. Facts: ``line``, ``column``, ``value``, ``allowed``."""

    code = "inspection.study_cell"


class StudyWidthError(GaugeblockError):
    """A line with more or fewer columns than the header. Facts: ``line``, ``found``, ``wanted``."""

    code = "inspection.study_width"


class StudyTextError(GaugeblockError):
    """Not text."""

    code = "inspection.study_text"


class StudyBytesLimitError(LimitError):
    """A larger table than is read. Facts: ``found``, ``limit``."""

    code = "inspection.study_bytes_limit"


class StudyScoresMissingError(GaugeblockError):
    """Some lines of an appraiser have a score, this one has none. Facts: ``line``, ``appraiser``."""

    code = "inspection.study_scores_missing"


class StudyReferenceDiffersError(GaugeblockError):
    """A part whose reference, or borderline, differs between lines. Facts: ``line``, ``other``, ``part``."""

    code = "inspection.study_reference_differs"


class StudyLineTwiceError(GaugeblockError):
    """One decision entered twice. Facts: ``line``, ``other``, ``part``, ``appraiser``, ``trial``."""

    code = "inspection.study_line_twice"


class StudyTable(msgspec.Struct, frozen=True):
    """What a study is computed from; ``scores`` holds those that were given."""

    references: tuple[PartReference, ...]
    decisions: tuple[AppraiserDecision, ...]
    scores: tuple[Measurement, ...]

    @property
    def appraisers(self) -> list[str]:
        """In the order of the table."""
        return list(dict.fromkeys(decision.appraiser for decision in self.decisions))


def read_table(data: bytes) -> StudyTable:
    """The table of a CSV file.

    Raises
    ------
    StudyBytesLimitError, StudyTextError, StudyHeaderError, StudyWidthError, StudyCellError, StudyScoresMissingError,
    StudyReferenceDiffersError, StudyLineTwiceError, StudyEmptyError, StudyEntriesLimitError

    Examples
    --------
    >>> table = read_table(b"part,reference,appraiser,trial,decision\\n1,good,ST10,1,OK\\n")
    >>> table.references[0].condition, table.decisions[0].decision.value
    ('good', 'OK')
    """
    if len(data) > TABLE_BYTES_MAX:
        raise StudyBytesLimitError(found=len(data), limit=TABLE_BYTES_MAX)
    text = _text(data)
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        lines = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
        return _parsed(lines)
    except csv.Error as error:
        raise StudyTextError from error


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise StudyTextError


def _parsed(lines: Iterable[list[str]]) -> StudyTable:
    rows = iter(lines)
    header = [name.strip().lower() for name in next(rows, [])]
    header = [_NAMES.get(name, name) for name in header]
    for column in NEEDED:
        if column not in header:
            raise StudyHeaderError(column=column)
    references: dict[str, tuple[PartReference, int]] = {}
    decisions: dict[tuple[str, str, int], tuple[AppraiserDecision, int]] = {}
    scores: list[Measurement] = []
    unscored: dict[str, int] = {}
    for number, cells in enumerate(rows, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise StudyWidthError(line=number, found=len(cells), wanted=len(header))
        if len(decisions) >= LINES_MAX:
            raise StudyEntriesLimitError(found=number - 1, limit=LINES_MAX)
        row = _Row(number, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        part, appraiser, trial = row.name("part"), row.name("appraiser"), row.trial()
        reference = PartReference(part, row.condition(), row.borderline())
        known, other = references.setdefault(part, (reference, number))
        if known != reference:
            raise StudyReferenceDiffersError(line=number, other=other, part=part)
        decision = AppraiserDecision(part, appraiser, trial, row.decision())
        _, other = decisions.setdefault((part, appraiser, trial), (decision, number))
        if other != number:
            raise StudyLineTwiceError(line=number, other=other, part=part, appraiser=appraiser, trial=trial)
        score = row.score()
        if score is None:
            unscored.setdefault(appraiser, number)
        else:
            scores.append(Measurement(part, appraiser, trial, score))
    if not decisions:
        raise StudyEmptyError
    for scored in scores:
        if scored.appraiser in unscored:
            raise StudyScoresMissingError(line=unscored[scored.appraiser], appraiser=scored.appraiser)
    return StudyTable(
        tuple(reference for reference, _ in references.values()),
        tuple(decision for decision, _ in decisions.values()),
        tuple(scores),
    )


class _Row:
    def __init__(self, line: int, cells: dict[str, str]) -> None:
        self._line, self._cells = line, cells

    def _wrong(self, column: str, allowed: str) -> StudyCellError:
        value = self._cells.get(column, "")[:60]
        return StudyCellError(line=self._line, column=column, value=value, allowed=allowed)

    def name(self, column: str) -> str:
        value = self._cells[column]
        if not value or len(value) > NAME_MAX:
            raise self._wrong(column, f"1…{NAME_MAX}")
        return value

    def trial(self) -> int:
        value = self._cells["trial"]
        if not (value.isascii() and value.isdigit() and 0 < len(value) <= 6):
            raise self._wrong("trial", "1, 2, 3 …")
        return int(value)

    def condition(self) -> Condition:
        found = _CONDITIONS.get(self._cells["reference"].lower())
        if found is None:
            raise self._wrong("reference", "good, defective")
        return found

    def decision(self) -> Verdict:
        found = _DECISIONS.get(self._cells["decision"].lower())
        if found is None:
            raise self._wrong("decision", "OK, NOK, UNDECIDED")
        return found

    def borderline(self) -> bool:
        found = _YES_NO.get(self._cells.get("borderline", "").lower())
        if found is None:
            raise self._wrong("borderline", "yes, no")
        return found

    def score(self) -> float | None:
        value = self._cells.get("score", "")
        if not value:
            return None
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise self._wrong("score", "0.123")
        return found


def write_table(table: StudyTable) -> bytes:
    """The CSV that :func:`read_table` reads as this table.

    >>> table = read_table(b"part,reference,appraiser,trial,decision\\n1,good,ST10,1,OK\\n")
    >>> read_table(write_table(table)) == table
    True
    """
    scores = {(m.part, m.appraiser, m.trial): m.value for m in table.scores}
    references = {reference.part: reference for reference in table.references}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS if scores else _without_score(COLUMNS))
    for d in table.decisions:
        reference = references[d.part]
        cells: list[object] = [d.part, reference.condition, d.appraiser, d.trial, d.decision.value]
        if scores:
            score = scores.get((d.part, d.appraiser, d.trial))
            cells.append("" if score is None else repr(score))
        writer.writerow([*cells, "yes" if reference.borderline else "no"])
    return out.getvalue().encode()


def _without_score(columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column != "score"]
