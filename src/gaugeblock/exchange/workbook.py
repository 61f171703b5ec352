"""Results as an Excel workbook: typed cells, a heading row that stays, the same bytes for the same content.

A cell that begins with = + - or @ could be run as a formula by who opens the file (OWASP: CSV and formula injection);
text is therefore always written as text. A decimal is text, too, where a number of a spreadsheet would lose a digit.

The writer is XlsxWriter (BSD-2-Clause, no dependencies): it only writes, and takes the time of creation from us.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from gaugeblock.exchange.document_errors import WorkbookLimitError

MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_SHEETS = 20
MAX_LETTERS = 32_767
"""Of one cell: Excel's own limit."""
MAX_INTEGER = 10**15
"""Beyond, a spreadsheet rounds: such numbers are written as text."""
_NAME = 31
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))

Cell = None | bool | int | float | str | Decimal | datetime | date


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A table.

    Parameters
    ----------
    name
        Of the tab; shortened to what Excel takes (31 letters, none of ``[]:*?/\\``).
    headings
        One for each column, with its unit.
    rows
        Cells in the columns' order. Times are written in UTC as ISO 8601 text, so that no reader shifts them; decimals
        as numbers where a spreadsheet keeps all their digits, else as text.
    notes
        Lines above the table: what it is, what it was derived from.
    """

    name: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    notes: tuple[str, ...] = ()


def workbook(sheets: Sequence[Sheet], *, created: datetime, title: str, author: str = "Gaugeblock") -> bytes:
    """A workbook (Office Open XML, ISO/IEC 29500) with one tab a sheet.

    Parameters
    ----------
    created
        Aware; what the file says it was made at. With it, equal content gives equal bytes.

    Raises
    ------
    WorkbookLimitError
        More sheets, rows, columns or letters than stated above.

    Examples
    --------
    >>> sheet = Sheet(name="units", headings=("unit", "score"), rows=[("=1+1", 0.5)])
    >>> workbook([sheet], created=datetime(2026, 11, 25, tzinfo=UTC), title="units")[:2]
    b'PK'
    """
    import xlsxwriter  # here, since few processes ever write a workbook

    _check(sheets)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "nan_inf_to_errors": False,
        },
    )
    book.set_properties({"title": title, "author": author, "created": created.astimezone(UTC).replace(tzinfo=None)})
    heading = book.add_format({"bold": True, "bg_color": "#EEF2F5", "bottom": 1, "text_wrap": True, "valign": "top"})
    quiet = book.add_format({"font_color": "#5D6B7A"})
    for name, sheet in zip(_names(sheets), sheets, strict=True):
        tab = book.add_worksheet(name)
        first = len(sheet.notes) + (1 if sheet.notes else 0)
        for row, note in enumerate(sheet.notes):
            tab.write_string(row, 0, note, quiet)
        for column, text in enumerate(sheet.headings):
            tab.write_string(first, column, text, heading)
            tab.set_column(column, column, _width(sheet, column))
        for row, cells in enumerate(sheet.rows, first + 1):
            for column, cell in enumerate(cells):
                _write(tab, row, column, cell)
        tab.freeze_panes(first + 1, 0)
        if sheet.headings and sheet.rows:
            tab.autofilter(first, 0, first + len(sheet.rows), len(sheet.headings) - 1)
    book.close()
    return out.getvalue()


def _check(sheets: Sequence[Sheet]) -> None:
    if len(sheets) > MAX_SHEETS:
        raise WorkbookLimitError(what="sheets", found=len(sheets), limit=MAX_SHEETS)
    for sheet in sheets:
        if len(sheet.rows) > MAX_ROWS:
            raise WorkbookLimitError(what="rows", found=len(sheet.rows), limit=MAX_ROWS)
        columns = max((len(row) for row in sheet.rows), default=0)
        if max(columns, len(sheet.headings)) > MAX_COLUMNS:
            raise WorkbookLimitError(what="columns", found=max(columns, len(sheet.headings)), limit=MAX_COLUMNS)
        for row in (sheet.headings, sheet.notes, *sheet.rows):
            for cell in row:
                if isinstance(cell, str) and len(cell) > MAX_LETTERS:
                    raise WorkbookLimitError(what="letters", found=len(cell), limit=MAX_LETTERS)


def _names(sheets: Sequence[Sheet]) -> list[str]:
    """Tab names that Excel takes, told apart by a number where they are equal without regard to case."""
    taken: set[str] = set()
    names = []
    for sheet in sheets:
        clean = " ".join(sheet.name.translate(_FORBIDDEN).split())[:_NAME] or "sheet"
        name, number = clean, 1
        while name.lower() in taken:
            number += 1
            name = f"{clean[: _NAME - len(str(number)) - 1]} {number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _width(sheet: Sheet, column: int) -> int:
    longest = max((len(str(row[column])) for row in sheet.rows[:200] if column < len(row)), default=0)
    return max(8, min(60, max(longest, len(sheet.headings[column])) + 2))


def _write(tab: Any, row: int, column: int, cell: Cell) -> None:
    match cell:
        case None:
            return
        case bool():
            tab.write_boolean(row, column, cell)
        case int() if abs(cell) < MAX_INTEGER:
            tab.write_number(row, column, cell)
        case float() if cell == cell and abs(cell) != float("inf"):
            tab.write_number(row, column, cell)
        case Decimal() if cell.is_finite() and _is_kept(cell) and not _shows_zeros(cell):
            tab.write_number(row, column, float(cell))
        case Decimal():
            tab.write_string(row, column, format(cell, "f") if cell.is_finite() else str(cell))
        case datetime():
            moment = cell.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            tab.write_string(row, column, moment)
        case date():
            tab.write_string(row, column, cell.isoformat())
        case _:
            tab.write_string(row, column, str(cell))


def _is_kept(number: Decimal) -> bool:
    """Whether a number's cell keeps it: the file holds sixteen digits of a double."""
    return Decimal(f"{float(number):.16G}") == number


def _shows_zeros(number: Decimal) -> bool:
    """Whether the digits end in zeros behind the point, which a number's cell would drop."""
    digits, exponent = number.as_tuple().digits, number.as_tuple().exponent
    return isinstance(exponent, int) and exponent < 0 and digits[-1] == 0
