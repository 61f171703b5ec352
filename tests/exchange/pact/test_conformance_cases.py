"""The cases of the PACT conformance tests for version 3, each with the test that passes it or the reason why not here.

The list is that of the public document "PACT Tech Specs V3 Test Cases – Expected Results" of the repository
wbcsd/pact-conformance-service (cases 1 to 40). Cases about tokens and TLS belong to the process that serves HTTP and
are told by name; here are the cases that footprints, filters, pages, errors and events decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from gaugeblock.exchange.document_errors import FootprintEventError, FootprintMissingError
from gaugeblock.exchange.pact.footprint import ProductFootprint, read_footprint, write_footprint
from gaugeblock.exchange.pact.listing import Page, get_footprint, list_footprints
from gaugeblock.exchange.pact.messages import (
    STATUS,
    FootprintEvent,
    Published,
    RequestCreated,
    RequestFulfilled,
    RequestRejected,
    answer,
    error_body,
    read_event,
    write_event,
)
from tests.exchange.pact.footprints import footprint

ENDPOINT = "https://exchange.example/3/footprints"
PRODUCT = "urn:pact:czforge.example:product:kg-5512"
COMPANY = "urn:pact:czforge.example:company:1"
CLASS = "urn:pact:productclassification:un-cpc:4321"

AUTHENTICATION = "a token is given out and checked by the exchange process, not by the pure part"
TLS = "whether plain HTTP is answered is decided by the listener of the exchange process"
OPENID = "not offered: the conformance document marks it as mandatory for no version"
NOT_HERE = {
    1: AUTHENTICATION, 2: AUTHENTICATION, 6: AUTHENTICATION, 7: AUTHENTICATION, 16: AUTHENTICATION,
    9: TLS, 10: TLS, 11: TLS, 17: TLS,
    18: OPENID, 19: OPENID,
}  # fmt: skip


def stock() -> list[ProductFootprint]:
    """Seven footprints: countries, companies, one deprecated, one of an older period."""
    made = [
        footprint(created=f"2026-02-0{day}T00:00:00Z", country=land) for day, land in enumerate(("CN", "DE", "FR"), 1)
    ]
    made.append(footprint(product_ids=("urn:x:other",), company_ids=("urn:x:company",), country=None))
    made.append(footprint(country_subdivision="CN-32", classifications=("urn:x:class",)))
    made.append(
        footprint(
            period_start="2020-01-01T00:00:00Z", period_end="2021-01-01T00:00:00Z", created="2021-02-01T00:00:00Z"
        )
    )
    old = json.loads(write_footprint(footprint(created="2026-01-31T00:00:00Z")))
    made.append(read_footprint(json.dumps(old | {"status": "Deprecated"}).encode()))
    return made


def asked(query: str) -> Page:
    return list_footprints(stock(), parse_qs(query, keep_blank_values=True))


def count(query: str) -> int:
    return len(asked(query).data)


def case_3() -> None:
    one = stock()[2]
    assert get_footprint(stock(), one.id) == one


def case_4() -> None:
    assert count("") == 7


def case_5() -> None:
    seen: list[str] = []
    query = "limit=3"
    for _ in range(4):
        page = asked(query)
        assert len(page.data) <= 3
        seen += [one.id for one in page.data]
        link = page.link(ENDPOINT)
        if link is None:
            break
        assert link.startswith(f"<{ENDPOINT}?limit=3&after=")
        assert link.endswith('>; rel="next"')
        query = urlsplit(link[1 : link.index(">")]).query
        assert [one.id for one in asked(query).data] == [one.id for one in asked(query).data], "may be called twice"
    assert sorted(seen) == sorted(one.id for one in stock())


def case_8() -> None:
    with pytest.raises(FootprintMissingError) as caught:
        get_footprint(stock(), "b1f8c0d2-7c4e-4e67-9a9c-2e4c12345678")
    body = error_body(caught.value)
    assert (body.code, STATUS[body.code]) == ("NotFound", 404)


def _event(kind: str, data: object) -> FootprintEvent:
    return read_event(
        json.dumps(
            {
                "type": f"org.wbcsd.pact.ProductFootprint.{kind}.3",
                "specversion": "1.0",
                "id": "run-1",
                "source": "https://webhook.example.com",
                "time": "2023-05-19T10:30:00Z",
                "data": data,
            }
        ).encode()
    )


def case_12() -> None:
    request = _event("RequestCreatedEvent", {"productId": [PRODUCT], "comment": "This year, please."})
    assert isinstance(request.data, RequestCreated)
    found = list_footprints(stock(), request.data.query()).data
    reply = answer(
        request, found, event_id="e1", source="https://exchange.example/3/events", time="2026-11-25T00:00:00Z"
    )
    assert isinstance(reply.data, RequestFulfilled)
    assert (reply.data.request_event_id, len(reply.data.pfs)) == ("run-1", 6)
    assert read_event(write_event(reply)) == reply


def case_13() -> None:
    pfs = [json.loads(write_footprint(stock()[0]))]
    event = _event("RequestFulfilledEvent", {"requestEventId": "r1", "pfs": pfs})
    assert event.data == RequestFulfilled(request_event_id="r1", pfs=(stock()[0],))


def case_14() -> None:
    error = {"code": "NotFound", "message": "The requested footprint could not be found."}
    event = _event("RequestRejectedEvent", {"requestEventId": "r1", "error": error})
    assert isinstance(event.data, RequestRejected)
    assert event.data.error.code == "NotFound"


def case_15() -> None:
    event = _event("PublishedEvent", {"pfIds": [stock()[0].id]})
    assert event.data == Published(pf_ids=(stock()[0].id,))


def case_37() -> None:
    assert count("status=BogusStatusValue") == 0


def case_40() -> None:
    with pytest.raises(FootprintEventError) as caught:
        _event("PublishedEvent", {"pfIds": ["urn:gtin:4712345060507"]})
    body = error_body(caught.value)
    assert (body.code, STATUS[body.code]) == ("BadRequest", 400)


def listed(query: str, expected: int) -> Callable[[], None]:
    def case() -> None:
        assert count(query) == expected

    return case


CASES: dict[int, Callable[[], None]] = {
    3: case_3,
    4: case_4,
    5: case_5,
    8: case_8,
    12: case_12,
    13: case_13,
    14: case_14,
    15: case_15,
    20: listed(f"productId={PRODUCT.upper()}", 6),
    21: listed(f"companyId={COMPANY}", 6),
    22: listed("geography=CN", 4),
    23: listed(f"classification={CLASS}", 6),
    24: listed("validOn=2026-06-01T00:00:00Z", 6),
    25: listed("validAfter=2025-12-31T00:00:00Z", 6),
    26: listed("validBefore=2026-01-01T00:00:00Z", 1),
    27: listed("status=Active", 6),
    28: listed(f"status=active&productId={PRODUCT}", 5),
    29: listed(f"companyId={COMPANY}&companyId=urn:x:other-company&companyId=urn:x:company", 7),
    30: listed("productId=urn:bogus:product:nonexistent123", 0),
    31: listed("companyId=urn:bogus:company:nonexistent456", 0),
    32: listed("geography=XX", 0),
    33: listed("classification=urn:bogus:classification:nonexistent789", 0),
    34: listed("validOn=1900-01-01T00:00:00Z", 0),
    35: listed("validAfter=2099-12-31T23:59:59Z", 0),
    36: listed("validBefore=1900-01-01T00:00:00Z", 0),
    37: case_37,
    38: listed("companyId=urn:bogus:company:1&productId=urn:bogus:product:1", 0),
    39: listed("companyId=urn:bogus:company:1&companyId=urn:bogus:company:2", 0),
    40: case_40,
}


@pytest.mark.parametrize("number", sorted(CASES))
def test_case(number: int) -> None:
    CASES[number]()


def test_every_case_is_passed_or_has_its_reason() -> None:
    assert sorted([*CASES, *NOT_HERE]) == list(range(1, 41))
    assert (len(CASES), len(NOT_HERE)) == (29, 11)
    assert all(NOT_HERE.values())
