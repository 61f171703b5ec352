"""The SimpleEventQuery: each parameter lets through what it says, unknown ones are named, pages hold together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.document_errors import (
    PageTokenError,
    QueryParameterError,
    QueryTooComplexError,
    QueryTooLargeError,
    QueryUnsupportedError,
    QueryValueError,
)
from gaugeblock.exchange.epcis.json_ld import ReadEvent, read_document
from gaugeblock.exchange.epcis.query import answer, read_query
from tests.exchange.epcis.test_building import all_kinds, unit
from tests.exchange.epcis.test_json_ld import document

SENSED = {
    "type": "ObjectEvent",
    "eventID": "urn:x:sensed",
    "eventTime": "2026-11-19T08:00:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "ADD",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"],
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.1", "quantity": 2.50}],
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "sensorElementList": [
        {
            "sensorMetadata": {"startTime": "2026-11-19T00:00:00Z", "endTime": "2026-11-19T01:00:00Z"},
            "sensorReport": [{"type": "Temperature", "deviceID": "urn:x:dev", "value": 20, "booleanValue": True}],
        }
    ],
    "ex:field": "yes",
}


def events() -> list[ReadEvent]:
    return [*all_kinds(), *read_document(document(SENSED)).events]


def asked(parameters: Mapping[str, str | Sequence[str]]) -> list[int]:
    given = {name: [value] if isinstance(value, str) else list(value) for name, value in parameters.items()}
    everything = events()
    ids = [one.event.event_id for one in everything]
    page = answer(everything, read_query(given))
    return sorted(ids.index(one.event.event_id) for one in page.events)


INSPECTED, MADE, PACKED, SHIPPED, WRONG, SENSOR = range(6)
ALL = [INSPECTED, MADE, PACKED, SHIPPED, WRONG, SENSOR]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ALL),
        ({"eventType": "ObjectEvent"}, [INSPECTED, SHIPPED, WRONG, SENSOR]),
        ({"eventType": "AggregationEvent|TransformationEvent"}, [MADE, PACKED]),
        ({"eventType": ["AggregationEvent", "TransformationEvent"]}, [MADE, PACKED]),
        ({"GE_eventTime": "2026-11-20T00:00:00Z"}, [INSPECTED, MADE, PACKED, SHIPPED, WRONG]),
        ({"LT_eventTime": "2026-11-20T00:00:00Z"}, [SENSOR]),
        ({"GE_eventTime": "2026-11-20T09:02:03.250+08:00", "LT_eventTime": "2026-11-20T01:02:03.251Z"}, ALL[:5]),
        ({"GE_recordTime": "2000-01-01T00:00:00Z"}, []),
        ({"EQ_action": "ADD"}, [PACKED, SENSOR]),
        ({"EQ_bizStep": "inspecting"}, [INSPECTED, WRONG]),
        ({"EQ_bizStep": "inspecting", "EQ_disposition": "conformant"}, [INSPECTED]),
        ({"EQ_disposition": "conformant|in_transit"}, [INSPECTED, SHIPPED]),
        ({"EQ_readPoint": "https://czforge.example/loc/line%201"}, [INSPECTED]),
        ({"EQ_bizLocation": "https://czforge.example/loc/line%201"}, [INSPECTED]),
        ({"EQ_bizLocation": "https://czforge.example/loc/line%202"}, []),
        ({"MATCH_epc": unit(1)}, [INSPECTED, PACKED, SHIPPED, WRONG]),
        ({"MATCH_outputEPC": unit(1)}, [MADE]),
        ({"MATCH_inputEPC": unit(1)}, []),
        ({"MATCH_anyEPC": unit(1)}, [INSPECTED, MADE, PACKED, SHIPPED, WRONG]),
        ({"MATCH_anyEPC": unit(2)}, [MADE]),
        ({"MATCH_parentID": "https://czforge.example/obj/box.3"}, [PACKED]),
        ({"MATCH_anyEPC": "https://id.gs1.org/01/10614141073464/21/2017"}, [SENSOR]),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.107346.*"}, [SENSOR]),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.*.*"}, [SENSOR]),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.10.*"}, []),
        ({"MATCH_epcClass": "urn:epc:class:lgtin:4012345.012345.1"}, [SENSOR]),
        ({"MATCH_inputEPCClass": "https://czforge.example/class/L26-1107"}, [MADE]),
        ({"MATCH_anyEPCClass": "https://czforge.example/class/L26-1107"}, [MADE, PACKED]),
        ({"EQ_quantity": "2.5"}, [SENSOR]),
        ({"GT_quantity": "2.5"}, [MADE, PACKED]),
        ({"LE_quantity": "2.5"}, [SENSOR]),
        ({"EQ_eventID": "urn:x:sensed"}, [SENSOR]),
        ({"EXISTS_errorDeclaration": "true"}, [WRONG]),
        ({"EXISTS_errorDeclaration": "false"}, ALL),
        ({"GE_errorDeclarationTime": "2026-11-21T00:00:00Z"}, [WRONG]),
        ({"LT_errorDeclarationTime": "2026-11-21T00:00:00Z"}, []),
        ({"EQ_errorReason": "incorrect_data"}, [WRONG]),
        ({"EQ_errorReason": "did_not_occur"}, []),
        ({"EQ_persistentDisposition_set": "completeness_verified"}, [SENSOR]),
        ({"EQ_persistentDisposition_unset": "completeness_verified"}, []),
        ({"EQ_bizTransaction_po": "urn:x:o"}, [SHIPPED]),
        ({"EQ_bizTransaction_desadv": "urn:x:o"}, []),
        ({"EQ_source_owning_party": "https://id.gs1.org/417/4012345000009"}, [SENSOR]),
        ({"EQ_destination_possessing_party": "https://keller.example/loc/dock"}, [SHIPPED]),
        ({"EQ_type": "Temperature"}, [SENSOR]),
        ({"EQ_deviceID": "urn:x:dev"}, [SENSOR]),
        ({"EQ_booleanValue": "true"}, [SENSOR]),
        ({"EQ_booleanValue": "false"}, []),
        ({"GE_startTime": "2026-11-19T00:00:00Z"}, [SENSOR]),
        ({"LT_endTime": "2026-11-19T01:00:00Z"}, []),
        ({"EQ_ex:field": "yes"}, [SENSOR]),
        ({"EQ_ex:field": "no"}, []),
    ],
)
def test_each_parameter(parameters: dict[str, str], expected: list[int]) -> None:
    assert asked(parameters) == expected


@pytest.mark.parametrize("name", ["eventtype", "EQ_bizstep", "MATCH_EPC", "limit", "GE_eventtime", "", "EQ_"])
def test_an_unknown_parameter_is_named(name: str) -> None:
    with pytest.raises(QueryParameterError) as caught:
        read_query({name: ["x"]})
    assert caught.value.facts == {"name": name}


@pytest.mark.parametrize(
    "name",
    [
        "WD_readPoint", "HASATTR_x:y", "EQ_ILMD_x:y", "EQ_INNER_x:y", "EQ_value_CEL", "GE_minValue_CEL", "GT_x:y",
        "EXISTS_x:y", "EQ_SENSORREPORT_x:y", "EQ_ERROR_DECLARATION_x:y", "GE_time",
    ],
)  # fmt: skip
def test_a_parameter_that_is_not_offered_is_named(name: str) -> None:
    with pytest.raises(QueryUnsupportedError):
        read_query({name: ["x"]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GE_eventTime", "yesterday"), ("GE_eventTime", "2026-02-31T00:00:00Z"), ("GE_eventTime", ""),
        ("EQ_quantity", "many"), ("EQ_quantity", "NaN"), ("EXISTS_errorDeclaration", "1"), ("perPage", "-1"),
        ("perPage", "ten"), ("orderDirection", "UP"), ("orderBy", "bizStep"), ("eventCountLimit", "3"),
        ("orderBy", "eventTime|recordTime"),
    ],
)  # fmt: skip
def test_a_value_of_no_kind_is_named(name: str, value: str) -> None:
    with pytest.raises(QueryValueError) as caught:
        read_query({name: [value]})
    assert caught.value.facts["name"] == name


def test_bounds() -> None:
    with pytest.raises(QueryTooComplexError):
        read_query({"MATCH_epc": ["|".join(["urn:a:b"] * 501)]})
    with pytest.raises(QueryTooLargeError):
        answer(events(), read_query({"maxEventCount": ["5"]}))
    assert len(answer(events(), read_query({"maxEventCount": ["6"]})).events) == 6
    first = answer(
        events(), read_query({"eventCountLimit": ["1"], "orderBy": ["eventTime"], "orderDirection": ["ASC"]})
    )
    assert [one.event.event_id for one in first.events] == ["urn:x:sensed"]
    with pytest.raises(QueryValueError):
        read_query({"eventCountLimit": ["1"], "orderBy": ["eventTime"], "maxEventCount": ["1"]})


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 5), min_size=0, max_size=12), st.integers(1, 5), st.sampled_from(["ASC", "DESC"]))
def test_pages_together_are_the_whole(minutes: list[int], per_page: int, direction: str) -> None:
    made = [
        SENSED | {"eventID": f"urn:x:{number}", "eventTime": f"2026-11-19T08:0{minute}:00Z"}
        for number, minute in enumerate(minutes)
    ]
    everything = [read_document(document(one)).events[0] for one in made]
    query = {"orderBy": ["eventTime"], "orderDirection": [direction], "perPage": [str(per_page)]}
    seen: list[str] = []
    token: list[str] = []
    for _ in range(20):
        page = answer(everything, read_query(query | ({"nextPageToken": token} if token else {})))
        assert len(page.events) <= per_page
        seen += [one.event.event_id or "" for one in page.events]
        if page.next_page_token is None:
            break
        token = [page.next_page_token]
    key = {one["eventID"]: (one["eventTime"], one["eventID"]) for one in made}
    assert seen == sorted(key, key=lambda name: key[name], reverse=direction == "DESC")


def test_a_token_belongs_to_its_query() -> None:
    token = answer(events(), read_query({"perPage": ["2"]})).next_page_token
    assert token is not None
    assert len(answer(events(), read_query({"perPage": ["4"], "nextPageToken": [token]})).events) == 4
    for other in (
        {"EQ_action": ["ADD"], "nextPageToken": [token]},
        {"nextPageToken": [token[:-3]]},
        {"nextPageToken": ["x"]},
        {"nextPageToken": [json.dumps({})]},
    ):
        with pytest.raises(PageTokenError):
            answer(events(), read_query(other))
