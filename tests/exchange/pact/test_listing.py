"""Filters, pages and errors of PACT beyond the conformance cases."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.document_errors import (
    FootprintEventError,
    FootprintMissingError,
    PageTokenError,
    QueryParameterError,
    QueryTooComplexError,
    QueryValueError,
)
from gaugeblock.exchange.pact.footprint import ProductFootprint, read_footprint, write_footprint
from gaugeblock.exchange.pact.listing import Page, get_footprint, list_footprints
from gaugeblock.exchange.pact.messages import FootprintEvent, Published, error_body, read_event, write_event
from gaugeblock.ledger.errors import LedgerError
from gaugeblock.plant.errors import UnexpectedError
from tests.exchange.pact.footprints import footprint


def asked(stock: list[ProductFootprint], query: str) -> Page:
    return list_footprints(stock, parse_qs(query, keep_blank_values=True))


def _placed(**place: str) -> ProductFootprint:
    tree = json.loads(write_footprint(footprint(country=None)))
    tree["pcf"] |= place
    return read_footprint(json.dumps(tree).encode())


@pytest.mark.parametrize(
    ("geography", "found"),
    [
        ("asia", True), ("Eastern Asia", True), ("EASTERN ASIA", True), ("Europe", False), ("CN", False),
        ("Western%20Asia", False),
    ],
)  # fmt: skip
def test_a_region_holds_its_subregions(geography: str, found: bool) -> None:
    stock = [_placed(geographyRegionOrSubregion="Eastern Asia")]
    assert bool(asked(stock, f"geography={geography}").data) is found


def test_a_country_holds_its_subdivisions() -> None:
    stock = [_placed(geographyCountrySubdivision="CN-32")]
    assert len(asked(stock, "geography=cn").data) == 1
    assert len(asked(stock, "geography=cn-32").data) == 1
    assert len(asked(stock, "geography=cn-31").data) == 0
    assert len(asked([_placed()], "geography=cn").data) == 0


def test_one_place_only() -> None:
    from gaugeblock.exchange.document_errors import FootprintFormError

    with pytest.raises(FootprintFormError):
        _placed(geographyCountry="CN", geographyRegionOrSubregion="Asia")


@pytest.mark.parametrize("query", ["$filter=x", "foo=1", "offset=10", "productIds=urn:a:b"])
def test_an_unknown_parameter_is_named(query: str) -> None:
    with pytest.raises(QueryParameterError) as caught:
        asked([], query)
    assert error_body(caught.value).code == "BadRequest"


def test_anothers_parameters_and_empty_ones_are_passed_over() -> None:
    assert len(asked([footprint()], "x-atq-invoice-id=1&PRODUCTID=&limit=").data) == 1


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=ten", "limit=1&limit=2", "validOn=today", "validOn=2026-02-31T00:00:00Z", "limit=%EF%BC%91"],
)
def test_a_value_of_no_kind_is_named(query: str) -> None:
    with pytest.raises(QueryValueError):
        asked([], query)


def test_bounds() -> None:
    with pytest.raises(QueryTooComplexError):
        asked([], "&".join(["productId=urn:a:b"] * 201))
    for token in ("x", "bm90aGluZw", "5pel~"):
        with pytest.raises(PageTokenError):
            asked([], f"after={token}")


def test_a_limit_of_nothing_gives_nothing_and_the_way_on() -> None:
    page = asked([footprint()], "limit=0")
    assert (page.data, page.link("https://a/3/footprints")) == ((), '<https://a/3/footprints?>; rel="next"')
    assert asked([], "limit=0").link("https://a") is None


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 28), max_size=9), st.integers(1, 4))
def test_pages_together_are_the_whole_whatever_is_published_meanwhile(days: list[int], limit: int) -> None:
    stock = [
        footprint(created=f"2026-02-{day:02}T00:00:00Z", units_produced=str(1000 + number))
        for number, day in enumerate(days)
    ]
    seen: list[str] = []
    query: str | None = f"limit={limit}&status=Active"
    published = footprint(created="2020-01-01T00:00:00Z")
    while query is not None:
        page = asked(stock, query)
        assert len(page.data) <= limit
        seen += [one.id for one in page.data]
        query = page.next_query
        stock = [published, *[one for one in stock if one.id != published.id]]  # older: before the page's end
        if not days:
            break
    assert [one for one in seen if one != published.id] == [
        one.id for one in sorted(stock, key=lambda one: (one.created, one.id)) if one.id != published.id
    ]


def test_a_foreign_id_and_none_are_the_same_answer() -> None:
    wanted = footprint().id
    with pytest.raises(FootprintMissingError) as absent:
        get_footprint([], wanted)
    assert absent.value.facts == {"footprint": wanted}


@pytest.mark.parametrize(
    "change",
    [
        {"type": "org.wbcsd.pact.ProductFootprint.DeletedEvent.3"},
        {"type": "PublishedEvent.3"},
        {"specversion": "0.3"},
        {"time": "today"},
        {"id": ""},
        {"data": {}},
        {"data": {"pfIds": []}},
        {"data": []},
        {"source": 3},
    ],
)
def test_an_event_that_is_none_is_named(change: dict[str, object]) -> None:
    good = {
        "type": "org.wbcsd.pact.ProductFootprint.PublishedEvent.3",
        "specversion": "1.0",
        "id": "1",
        "source": "//a",
        "time": "2026-01-01T00:00:00Z",
        "data": {"pfIds": [footprint().id]},
    }
    assert read_event(json.dumps(good).encode()).data == Published(pf_ids=(footprint().id,))
    with pytest.raises(FootprintEventError):
        read_event(json.dumps(good | change).encode())


def test_deep_text_and_a_source_that_is_no_uri_are_named() -> None:
    with pytest.raises(LedgerError) as caught:
        read_event(b"[" * 100 + b"]" * 100)
    assert error_body(caught.value).code == "BadRequest"
    event = FootprintEvent(id="1", source="here", time="2026-01-01T00:00:00Z", data=Published(pf_ids=(footprint().id,)))
    with pytest.raises(FootprintEventError):
        write_event(event)


def test_what_is_our_own_fault_says_nothing_about_itself() -> None:
    body = error_body(UnexpectedError(detail="secret path"))
    assert (body.code, body.message) == ("InternalError", "Internal error")
