"""Workbooks: the same bytes each time, no cell that is run, no digit lost, bounds by name."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gaugeblock.exchange import workbook as module
from gaugeblock.exchange.document_errors import WorkbookLimitError
from gaugeblock.exchange.workbook import Sheet, workbook

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, which reads workbooks, is not installed")

CREATED = datetime(2026, 11, 25, 8, 0, tzinfo=timezone(timedelta(hours=8)))


def _rows(raw: bytes, sheet: int = 0) -> list[tuple[object, ...]]:
    return list(openpyxl.load_workbook(io.BytesIO(raw)).worksheets[sheet].iter_rows(values_only=True))


def _one(*cells: object) -> bytes:
    sheet = Sheet(name="s", headings=tuple("abcdefgh"[: len(cells)]), rows=[cells])  # type: ignore[list-item]
    return workbook([sheet], created=CREATED, title="t")


def test_equal_content_gives_equal_bytes() -> None:
    first = _one("x", 1)
    time.sleep(2.1)  # a ZIP file's times have two seconds
    assert _one("x", 1) == first
    assert _one("x", 2) != first
    assert b"2026-11-25T00:00:00Z" in zipfile.ZipFile(io.BytesIO(first)).read("docProps/core.xml")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", '=HYPERLINK("http://x","y")', "http://example.org", "007", "{=1}"]
)
def test_text_is_never_run_or_changed(text: str) -> None:
    raw = _one(text)
    sheet = openpyxl.load_workbook(io.BytesIO(raw)).worksheets[0]
    cell = sheet.cell(2, 1)
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(raw)).read("xl/worksheets/sheet1.xml")


def test_kinds_of_cells() -> None:
    moment = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    cells = (None, True, 3, 0.25, Decimal("0.5"), Decimal("0.0150"), moment, date(2026, 2, 3))
    assert _rows(_one(*cells))[1] == (None, True, 3, 0.25, 0.5, "0.0150", "2026-01-01T00:00:00.000Z", "2026-02-03")
    assert _rows(_one(2**60, float("nan"), float("-inf"), Decimal("0.1234567890123456789")))[1] == (
        str(2**60),
        "nan",
        "-inf",
        "0.1234567890123456789",
    )


@example([Decimal("1.0030097477301059E-11")])
@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12),
        min_size=1,
        max_size=5,
    )
)
def test_no_digit_of_a_decimal_is_lost(numbers: list[Decimal]) -> None:
    sheet = Sheet(name="s", headings=("n",), rows=[(number,) for number in numbers])
    for (cell,), number in zip(_rows(workbook([sheet], created=CREATED, title="t"))[1:], numbers, strict=True):
        if isinstance(cell, str):
            assert Decimal(cell) == number
        else:
            assert Decimal(repr(cell)) == number


def test_notes_headings_and_tab_names() -> None:
    sheets = [
        Sheet(name="a/b:c", headings=("x [mm]",), rows=[(1,)], notes=("derived from records 3, 4",)),
        Sheet(name="A B C", headings=("x",), rows=[]),
        Sheet(name="", headings=(), rows=[]),
        Sheet(name="y" * 40, headings=("x",), rows=[]),
    ]
    raw = workbook(sheets, created=CREATED, title="t")
    book = openpyxl.load_workbook(io.BytesIO(raw))
    assert book.sheetnames == ["a b c", "A B C 2", "sheet", "y" * 31]
    assert _rows(raw) == [("derived from records 3, 4",), (None,), ("x [mm]",), (1,)]
    assert book.worksheets[0].freeze_panes == "A4"


def test_bounds_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    monkeypatch.setattr(module, "MAX_COLUMNS", 2)
    for sheets, what in (
        ([Sheet(name="s", headings=("a",), rows=[(1,)] * 3)], "rows"),
        ([Sheet(name="s", headings=("a",), rows=[(1, 2, 3)])], "columns"),
        ([Sheet(name="s", headings=("a",), rows=[("x" * 32_768,)])], "letters"),
        ([Sheet(name="s", headings=(), rows=[])] * 21, "sheets"),
    ):
        with pytest.raises(WorkbookLimitError) as caught:
            workbook(sheets, created=CREATED, title="t")
        assert caught.value.facts["what"] == what
