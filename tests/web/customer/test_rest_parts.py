"""The parts of the customer's API by themselves: cursors, versions, tables, what an answer was derived from."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.csv_table import csv_bytes, safe_cell
from gaugeblock.exchange.view_model import DeliveryForecast, OrderProgress, OrderView, Promise, UnitView
from gaugeblock.web.customer.paging import Cursors
from gaugeblock.web.customer.rest_common import collect, etag_of, names
from gaugeblock.web.customer.rest_errors import CursorFormError, VersionUnknownError
from gaugeblock.web.customer.versions import ApiVersion, version_headers, version_of

CURSORS = Cursors(b"k" * 32)
VERSIONS = (
    ApiVersion(name="2026-01-01", deprecated=date(2026, 6, 1), sunset=date(2027, 1, 1)),
    ApiVersion(name="2026-11-25"),
)
positions = st.integers(0, 2**53) | st.text(max_size=60)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=40), positions)
def test_a_cursor_leads_back_to_where_it_was_made(customer: str, listing: str, filters: str, at: int | str) -> None:
    text = CURSORS.write(customer, listing, filters, at)
    assert CURSORS.read(customer, listing, filters, text) == at
    for other in (
        (customer + "x", listing, filters),
        (customer, listing + "x", filters),
        (customer, listing, "x" + filters),
    ):
        with pytest.raises(CursorFormError):
            CURSORS.read(*other, text)
    with pytest.raises(CursorFormError):
        Cursors(b"other").read(customer, listing, filters, text)


@given(st.text(max_size=420))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorFormError):
        CURSORS.read("acme", "orders", "", text)


def test_an_old_version_says_that_it_goes() -> None:
    assert version_of(None, VERSIONS).name == "2026-11-25"
    headers = version_headers(version_of("2026-01-01", VERSIONS))
    assert headers["Deprecation"] == "@1780272000"
    assert headers["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert 'rel="deprecation"' in headers["Link"]
    assert set(version_headers(VERSIONS[1])) == {"Gaugeblock-Version"}
    with pytest.raises(VersionUnknownError) as caught:
        version_of("latest", VERSIONS)
    assert caught.value.facts["known"] == "2026-01-01, 2026-11-25"


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_no_cell_of_a_table_is_a_formula_and_none_is_lost(cells: list[str]) -> None:
    table = csv_bytes(["c"] * len(cells), [cells]).decode("utf-8-sig")
    (_, row) = list(csv.reader(io.StringIO(table, newline="")))
    for cell, text in zip(cells, row, strict=True):
        assert text.removeprefix("'") == cell.replace("\x00", "").removeprefix("'")
        if text[:1] in {"=", "+", "-", "@", "\t", "\r"}:
            float(text)


def test_numbers_keep_their_sign() -> None:
    assert [safe_cell(value) for value in ("-0.5", "+1e3", "-1+1", -2.5)] == ["-0.5", "+1e3", "'-1+1", "-2.5"]


def test_every_record_that_an_answer_names_is_collected() -> None:
    order = OrderView(
        record_index=1,
        stated_at="",
        order="A",
        promises=(Promise(record_index=2, stated_at=""), Promise(record_index=3, stated_at="")),
        progress=OrderProgress(last_index=4),
        delivery=DeliveryForecast(record_index=5, stated_at="", order="A"),
    )
    unit = UnitView(unit="U", record_indices=(6, 7), verdict_index=7)
    found: list[int] = []
    collect((order, [unit], 8), found)
    assert sorted(set(found)) == [1, 2, 3, 4, 5, 6, 7, 8]


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_a_validator_names_its_bytes_alone(one: bytes, other: bytes) -> None:
    assert names(etag_of(one), etag_of(other)) == (one == other)
    assert names(f'W/"x", {etag_of(one)}', etag_of(one))
