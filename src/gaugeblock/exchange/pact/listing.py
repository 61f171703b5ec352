"""ListFootprints of PACT 3: filters that a recipient gives, pages, and the link to the next page.

Values of one criterion are alternatives; criteria must all be met. Text is matched without regard to case. A page
ends at a footprint, not at a number: the link goes on behind it, whatever is published meanwhile.

Source: PACT Technical Specifications 3.0.3, Action ListFootprints; RFC 8288 for the link.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import msgspec

from gaugeblock.exchange.document_errors import (
    FootprintMissingError,
    PageTokenError,
    QueryParameterError,
    QueryTooComplexError,
    QueryValueError,
)
from gaugeblock.exchange.pact.footprint import ProductFootprint
from gaugeblock.exchange.text_forms import moment_of

PAGE: Final = 100
"""Footprints on a page unless fewer are asked for; also the most."""
MAX_VALUES: Final = 200
"""Values of all criteria together."""
_MANY = ("productId", "companyId", "geography", "classification")
_TIMES = ("validOn", "validAfter", "validBefore")
_KNOWN = {name.lower(): name for name in (*_MANY, *_TIMES, "status", "limit", "after")}

SUBREGIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Africa": ("Northern Africa", "Sub-Saharan Africa"),
    "Americas": ("Latin America and the Caribbean", "Northern America"),
    "Asia": ("Central Asia", "Eastern Asia", "South-eastern Asia", "Southern Asia", "Western Asia"),
    "Europe": ("Eastern Europe", "Northern Europe", "Southern Europe", "Western Europe"),
    "Oceania": ("Australia and New Zealand", "Melanesia", "Micronesia", "Polynesia"),
}
"""UN M49. Countries are not placed in regions: a footprint of a country is found by its country."""


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipient asks for; empty means all. Texts are folded to one case."""

    product_ids: frozenset[str] = frozenset()
    company_ids: frozenset[str] = frozenset()
    geographies: frozenset[str] = frozenset()
    classifications: frozenset[str] = frozenset()
    valid_on: datetime | None = None
    valid_after: datetime | None = None
    valid_before: datetime | None = None
    status: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Criteria, and which page."""

    criteria: Criteria
    limit: int = PAGE
    after: tuple[str, str] | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Footprints, and the query of the next page, if there is one."""

    data: tuple[ProductFootprint, ...]
    next_query: str | None = None

    def link(self, endpoint: str) -> str | None:
        """The ``Link`` header; ``endpoint`` is the absolute URL of ListFootprints as the recipient addressed it."""
        return None if self.next_query is None else f'<{endpoint}?{self.next_query}>; rel="next"'


def read_request(query: Mapping[str, Sequence[str]]) -> Request:
    """A request from its query parameters.

    Parameters
    ----------
    query
        Name → values as they were sent, decoded. Names are taken in any case; parameters that begin with ``x-`` are
        another solution's and are passed over, as is an empty value.

    Raises
    ------
    QueryParameterError, QueryValueError, QueryTooComplexError, PageTokenError

    Examples
    --------
    >>> read_request({"productId": ["urn:gtin:1"], "limit": ["5"]}).limit
    5
    """
    if sum(len(values) for values in query.values()) > MAX_VALUES:
        raise QueryTooComplexError(found=sum(len(values) for values in query.values()), limit=MAX_VALUES)
    given: dict[str, list[str]] = {}
    for name, values in query.items():
        if name.lower().startswith("x-"):
            continue
        known = _KNOWN.get(name.lower())
        if known is None:
            raise QueryParameterError(name=name[:60])
        given.setdefault(known, []).extend(value for value in values if value)
    times = {name: _time(name, given.get(name)) for name in _TIMES}
    status = _single("status", given.get("status"))
    criteria = Criteria(
        product_ids=_folded(given.get("productId")),
        company_ids=_folded(given.get("companyId")),
        geographies=_folded(given.get("geography")),
        classifications=_folded(given.get("classification")),
        valid_on=times["validOn"],
        valid_after=times["validAfter"],
        valid_before=times["validBefore"],
        status=None if status is None else status.casefold(),
    )
    limit = _single("limit", given.get("limit"))
    if limit is not None and not (limit.isdecimal() and limit.isascii() and len(limit) <= 9):
        raise QueryValueError(name="limit", value=limit[:60], expected="0, 1, 2, …")
    after = _single("after", given.get("after"))
    return Request(
        criteria=criteria,
        limit=PAGE if limit is None else min(int(limit), PAGE),
        after=None if after is None else _read_token(after),
    )


def _folded(values: Sequence[str] | None) -> frozenset[str]:
    return frozenset(value.casefold() for value in values or ())


def _single(name: str, values: Sequence[str] | None) -> str | None:
    if not values:
        return None
    if len(values) > 1:
        raise QueryValueError(name=name, value=", ".join(values)[:60], expected="1")
    return values[0]


def _time(name: str, values: Sequence[str] | None) -> datetime | None:
    value = _single(name, values)
    if value is None:
        return None
    try:
        return moment_of(value)
    except ValueError as fault:
        raise QueryValueError(name=name, value=value[:60], expected="RFC 3339") from fault


def matches(footprint: ProductFootprint, criteria: Criteria) -> bool:
    """Whether a footprint meets all criteria."""
    if criteria.product_ids and criteria.product_ids.isdisjoint(_folded(footprint.product_ids)):
        return False
    if criteria.company_ids and criteria.company_ids.isdisjoint(_folded(footprint.company_ids)):
        return False
    if criteria.classifications and criteria.classifications.isdisjoint(_folded(footprint.product_classifications)):
        return False
    if criteria.geographies and criteria.geographies.isdisjoint(_within(footprint)):
        return False
    if criteria.status is not None and footprint.status.casefold() != criteria.status:
        return False
    start, end = footprint.validity()
    return (
        (criteria.valid_on is None or start <= criteria.valid_on <= end)
        and (criteria.valid_after is None or start > criteria.valid_after)
        and (criteria.valid_before is None or end < criteria.valid_before)
    )


def _within(footprint: ProductFootprint) -> frozenset[str]:
    """All places that a footprint lies in, as far as it says itself."""
    pcf = footprint.pcf
    places: list[str] = []
    if pcf.geography_country_subdivision is not None:
        places += [pcf.geography_country_subdivision, pcf.geography_country_subdivision[:2]]
    if pcf.geography_country is not None:
        places.append(pcf.geography_country)
    if pcf.geography_region_or_subregion is not None:
        region = pcf.geography_region_or_subregion
        places += [region, *(outer for outer, inner in SUBREGIONS.items() if region in inner)]
    return _folded(places)


def _order(footprint: ProductFootprint) -> tuple[str, str]:
    return moment_of(footprint.created).isoformat(timespec="microseconds"), footprint.id


def list_footprints(footprints: Iterable[ProductFootprint], query: Mapping[str, Sequence[str]]) -> Page:
    """The page that a request asks for, of the footprints that the caller may see, oldest first.

    Raises
    ------
    QueryParameterError, QueryValueError, QueryTooComplexError, PageTokenError
    """
    request = read_request(query)
    found = sorted((one for one in footprints if matches(one, request.criteria)), key=_order)
    if request.after is not None:
        found = [one for one in found if _order(one) > request.after]
    page = found[: request.limit]
    if len(found) <= request.limit:
        return Page(data=tuple(page))
    kept = [(name, value) for name, values in query.items() for value in values if name.lower() != "after"]
    if page:
        kept.append(("after", _write_token(_order(page[-1]))))
    else:  # a limit of 0: the next page is the first one
        kept = [(name, value) for name, value in kept if name.lower() != "limit"]
    return Page(data=tuple(page), next_query=urlencode(kept))


def get_footprint(footprints: Iterable[ProductFootprint], footprint_id: str) -> ProductFootprint:
    """One of the footprints that the caller may see.

    Raises
    ------
    FootprintMissingError
        There is none, or it is not for the caller: the answer is the same, so that nobody learns that it exists.
    """
    for one in footprints:
        if one.id.lower() == footprint_id.lower():
            return one
    raise FootprintMissingError(footprint=footprint_id[:60])


def _write_token(order: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode("~".join(order).encode("ascii")).decode("ascii").rstrip("=")


def _read_token(token: str) -> tuple[str, str]:
    try:
        raw = base64.b64decode(token[:200] + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        created, _, name = raw.decode("ascii").partition("~")
        moment_of(created.replace("+00:00", "Z"))
    except (binascii.Error, ValueError) as fault:
        raise PageTokenError from fault
    return created, name
