"""The SimpleEventQuery of EPCIS over events: which match, in which order, a page at a time.

Values of one parameter are alternatives, parameters must all hold. Objects match by what they are, not by how they are
written: an EPC URN and the Digital Link of the same object are one. A page ends at an event; the token goes on from
there.

Source: EPCIS 2.0, section 8.2.7.1 (SimpleEventQuery) and its REST binding (lists are separated by ``|``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from gaugeblock.exchange.document_errors import (
    PageTokenError,
    QueryParameterError,
    QueryTooComplexError,
    QueryTooLargeError,
    QueryUnsupportedError,
    QueryValueError,
)
from gaugeblock.exchange.epcis.digital_link import canonical
from gaugeblock.exchange.epcis.events import Event, SensorReport, Time
from gaugeblock.exchange.epcis.json_ld import ReadEvent
from gaugeblock.exchange.text_forms import moment_of

PER_PAGE: Final = 30
MAX_PER_PAGE: Final = 1000
MAX_VALUES: Final = 500
"""Of all parameters together."""

Test = Callable[[ReadEvent], bool]
_COMPARED: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "EQ": lambda one, other: one == other,
    "GT": lambda one, other: one > other,
    "GE": lambda one, other: one >= other,
    "LT": lambda one, other: one < other,
    "LE": lambda one, other: one <= other,
}
_MATCHED: Final = {
    "MATCH_epc": ("epc_list", "child_epcs"),
    "MATCH_parentID": ("parent_id",),
    "MATCH_inputEPC": ("input_epc_list",),
    "MATCH_outputEPC": ("output_epc_list",),
    "MATCH_anyEPC": ("epc_list", "child_epcs", "parent_id", "input_epc_list", "output_epc_list"),
}
_CLASSES: Final = {
    "MATCH_epcClass": ("quantity_list", "child_quantity_list"),
    "MATCH_inputEPCClass": ("input_quantity_list",),
    "MATCH_outputEPCClass": ("output_quantity_list",),
    "MATCH_anyEPCClass": (
        "quantity_list", "child_quantity_list", "input_quantity_list", "output_quantity_list",
    ),
}  # fmt: skip
_QUANTITIES = _CLASSES["MATCH_anyEPCClass"]
_EQUAL: Final = {
    "eventType": "type",
    "EQ_action": "action",
    "EQ_bizStep": "biz_step",
    "EQ_disposition": "disposition",
    "EQ_transformationID": "transformation_id",
    "EQ_eventID": "event_id",
}
_REPORTED: Final = {
    "EQ_type": "type",
    "EQ_deviceID": "device_id",
    "EQ_dataProcessingMethod": "data_processing_method",
    "EQ_microorganism": "microorganism",
    "EQ_chemicalSubstance": "chemical_substance",
    "EQ_bizRules": "biz_rules",
    "EQ_stringValue": "string_value",
    "EQ_hexBinaryValue": "hex_binary_value",
    "EQ_uriValue": "uri_value",
}
_TIMES: Final = {
    "eventTime": "event_time",
    "recordTime": "record_time",
    "errorDeclarationTime": "error_declaration",
    "startTime": "start_time",
    "endTime": "end_time",
}
_UNSUPPORTED = re.compile(
    r"(WD_|HASATTR_|EQATTR_|EQ_ATTR_|(EQ|GT|GE|LT|LE|EXISTS)_(INNER|ILMD|ERROR_DECLARATION|SENSOR|readPoint_|bizLocation_)"
    r"|(EQ|GT|GE|LT|LE)_(value|minValue|maxValue|meanValue|sDev|percRank|percValue)"
    r"|(GT|GE|LT|LE)_[A-Za-z]\w*:|EXISTS_[A-Za-z]\w*:|(GE|LT)_time$)"
)
_TYPED = re.compile(r"EQ_(bizTransaction|source|destination)_(\S+)")
_EXTENSION = re.compile(r"EQ_([A-Za-z][\w.\-]*:[\w.\-]+)")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query that was read: what an event must hold, the order, and the bounds."""

    tests: tuple[Test, ...]
    order_by: str
    descending: bool
    count_limit: int | None
    max_count: int | None
    per_page: int
    after: tuple[str, str] | None
    digest: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Events, and the token of the next page, if there is one."""

    events: tuple[ReadEvent, ...]
    next_page_token: str | None = None


def read_query(parameters: Mapping[str, Sequence[str]]) -> Query:
    """A query from its parameters.

    Parameters
    ----------
    parameters
        Name → values as they were sent, decoded; lists may be several values or one separated by ``|``.

    Raises
    ------
    QueryParameterError
        The standard has no such parameter.
    QueryUnsupportedError
        The standard has it, it is not offered here: master data (``WD_``, ``HASATTR_``), inner extensions, sensors.
    QueryValueError, QueryTooComplexError, PageTokenError
    """
    given = {
        name: [part for value in values for part in value.split("|") if part] for name, values in parameters.items()
    }
    count = sum(max(1, len(values)) for values in given.values())
    if count > MAX_VALUES:
        raise QueryTooComplexError(found=count, limit=MAX_VALUES)
    tests = []
    for name, values in given.items():
        if not values:
            raise QueryValueError(name=name[:60], value="", expected="…")
        if name in ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount", "perPage", "nextPageToken"):
            continue
        tests.append(_test(name, values))
    order_by = _one(given, "orderBy") or "eventTime"
    if order_by not in ("eventTime", "recordTime"):
        raise QueryValueError(name="orderBy", value=order_by[:60], expected="eventTime, recordTime")
    direction = _one(given, "orderDirection") or "DESC"
    if direction not in ("ASC", "DESC"):
        raise QueryValueError(name="orderDirection", value=direction[:60], expected="ASC, DESC")
    count_limit, max_count = _whole(given, "eventCountLimit"), _whole(given, "maxEventCount")
    if count_limit is not None and (max_count is not None or "orderBy" not in given):
        raise QueryValueError(name="eventCountLimit", value=str(count_limit), expected="orderBy, ¬maxEventCount")
    per_page = _whole(given, "perPage")
    told = sorted((name, sorted(values)) for name, values in given.items() if name not in ("perPage", "nextPageToken"))
    digest = hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]
    token = _one(given, "nextPageToken")
    return Query(
        tests=tuple(tests),
        order_by=order_by,
        descending=direction == "DESC",
        count_limit=count_limit,
        max_count=max_count,
        per_page=PER_PAGE if per_page is None else max(1, min(per_page, MAX_PER_PAGE)),
        after=None if token is None else _read_token(token, digest),
        digest=digest,
    )


def answer(events: Iterable[ReadEvent], query: Query) -> Page:
    """The page of a query, of the events that the caller may see.

    Raises
    ------
    QueryTooLargeError
        More events match than ``maxEventCount`` allows.
    """
    found = [(_position(event, query.order_by), event) for event in events if all(test(event) for test in query.tests)]
    if query.max_count is not None and len(found) > query.max_count:
        raise QueryTooLargeError(limit=query.max_count)
    found.sort(key=lambda one: one[0], reverse=query.descending)
    if query.count_limit is not None:
        found = found[: query.count_limit]
    if query.after is not None:
        after = query.after
        found = [one for one in found if (one[0] < after if query.descending else one[0] > after)]
    page = found[: query.per_page]
    more = len(found) > len(page)
    return Page(
        events=tuple(event for _, event in page),
        next_page_token=_write_token(page[-1][0], query.digest) if more and page else None,
    )


def _position(read: ReadEvent, order_by: str) -> tuple[str, str]:
    time = read.event.event_time if order_by == "eventTime" else read.event.record_time
    return ("" if time is None else moment_of(time).isoformat(timespec="microseconds"), read.event.event_id or "")


def _one(given: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = given.get(name)
    if not values:
        return None
    if len(values) > 1:
        raise QueryValueError(name=name, value="|".join(values)[:60], expected="1")
    return values[0]


def _whole(given: Mapping[str, Sequence[str]], name: str) -> int | None:
    value = _one(given, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise QueryValueError(name=name, value=value[:60], expected="0, 1, 2, …")
    return int(value)


def _test(name: str, values: Sequence[str]) -> Test:
    """What an event must hold for one parameter."""
    if name in _EQUAL:
        field, wanted = _EQUAL[name], frozenset(values)
        return lambda read: getattr(read.event, field, None) in wanted
    if name in _MATCHED:
        fields = _MATCHED[name]
        return lambda read: any(_same(value, epc) for epc in _epcs(read.event, fields) for value in values)
    if name in _CLASSES:
        fields = _CLASSES[name]
        return lambda read: any(_same(value, one) for one, _ in _amounts(read.event, fields) for value in values)
    if name in _REPORTED:
        field, wanted = _REPORTED[name], frozenset(values)
        return lambda read: any(getattr(one, field) in wanted for one in _reports(read.event))
    operator, _, rest = name.partition("_")
    if operator in ("GE", "LT") and rest in _TIMES:
        return _time_test(name, rest, operator, values)
    if rest == "quantity" and operator in _COMPARED:
        wanted_numbers = [_number(name, value) for value in values]
        compare = _COMPARED[operator]
        return lambda read: any(
            amount is not None and compare(amount, number)
            for _, amount in _amounts(read.event, _QUANTITIES)
            for number in wanted_numbers
        )
    return _other_test(name, values)


def _other_test(name: str, values: Sequence[str]) -> Test:
    wanted = frozenset(values)
    match name:
        case "EQ_readPoint" | "EQ_bizLocation":
            field = "read_point" if name == "EQ_readPoint" else "biz_location"
            places = frozenset(map(canonical, values))
            return lambda read: (
                (place := getattr(read.event, field, None)) is not None and canonical(place.id) in places
            )
        case "EQ_persistentDisposition_set" | "EQ_persistentDisposition_unset":
            part = name.rsplit("_", 1)[1]
            return lambda read: (
                not wanted.isdisjoint(getattr(getattr(read.event, "persistent_disposition", None), part, None) or ())
            )
        case "EQ_booleanValue" | "EXISTS_errorDeclaration":
            if len(values) != 1 or values[0] not in ("true", "false"):
                raise QueryValueError(name=name, value="|".join(values)[:60], expected="true, false")
            truth = values[0] == "true"
            if name == "EXISTS_errorDeclaration":
                return lambda read: not truth or read.event.error_declaration is not None
            return lambda read: any(one.boolean_value is truth for one in _reports(read.event))
        case "EQ_errorReason":
            return lambda read: (error := read.event.error_declaration) is not None and error.reason in wanted
        case "EQ_correctiveEventID":
            return lambda read: (
                (error := read.event.error_declaration) is not None
                and not wanted.isdisjoint(error.corrective_event_ids or ())
            )
    typed = _TYPED.fullmatch(name)
    if typed is not None:
        list_name, field = f"{_snake(typed[1])}_list", _snake(typed[1])
        uris = frozenset(map(canonical, values))
        return lambda read: any(
            one.type == typed[2] and canonical(getattr(one, field)) in uris
            for one in getattr(read.event, list_name, None) or ()
        )
    if _UNSUPPORTED.match(name):
        raise QueryUnsupportedError(name=name[:60])
    extension = _EXTENSION.fullmatch(name)
    if extension is not None:
        pointer = f"/{extension[1]}"
        return lambda read: pointer in read.extensions and str(read.extensions[pointer]) in wanted
    raise QueryParameterError(name=name[:60])


def _snake(name: str) -> str:
    return re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name)


def _time_test(name: str, which: str, operator: str, values: Sequence[str]) -> Test:
    if len(values) != 1:
        raise QueryValueError(name=name, value="|".join(values)[:60], expected="1")
    try:
        limit = moment_of(values[0])
    except ValueError as fault:
        raise QueryValueError(name=name, value=values[0][:60], expected="RFC 3339") from fault

    def holds(read: ReadEvent) -> bool:
        return any((moment_of(time) >= limit) == (operator == "GE") for time in _times(read.event, which))

    return holds


def _times(event: Event, which: str) -> list[Time]:
    if which == "errorDeclarationTime":
        return [] if event.error_declaration is None else [event.error_declaration.declaration_time]
    if which in ("startTime", "endTime"):
        metadata = [one.sensor_metadata for one in getattr(event, "sensor_element_list", None) or ()]
        times = [getattr(one, _TIMES[which]) for one in metadata if one is not None]
        return [time for time in times if time is not None]
    time = getattr(event, _TIMES[which])
    return [] if time is None else [time]


def _number(name: str, value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation as fault:
        raise QueryValueError(name=name, value=value[:60], expected="0.5") from fault
    if not number.is_finite():
        raise QueryValueError(name=name, value=value[:60], expected="0.5")
    return number


def _epcs(event: Event, fields: Sequence[str]) -> list[str]:
    found: list[str] = []
    for field in fields:
        value = getattr(event, field, None)
        found += [value] if isinstance(value, str) else list(value or ())
    return found


def _amounts(event: Event, fields: Sequence[str]) -> list[tuple[str, Decimal | None]]:
    return [(one.epc_class, one.quantity) for field in fields for one in getattr(event, field, None) or ()]


def _reports(event: Event) -> list[SensorReport]:
    return [one for element in getattr(event, "sensor_element_list", None) or () for one in element.sensor_report]


def _same(wanted: str, epc: str) -> bool:
    """Whether an object is the one that is wanted, or fits its pattern (section 8.2.7.1.1)."""
    if wanted.startswith("urn:epc:idpat:") and wanted.endswith(".*"):
        stem = wanted.removeprefix("urn:epc:idpat:")
        while stem.endswith(".*"):
            stem = stem[:-2]
        return epc == wanted or epc.startswith(f"urn:epc:id:{stem}.")
    return canonical(wanted) == canonical(epc)


def _seal(position: tuple[str, str], digest: str) -> str:
    """Ties a position to its query; it keeps no secret, for whoever forges one gets only what they may see anyway."""
    return hashlib.sha256("~".join((digest, *position)).encode("utf-8")).hexdigest()[:16]


def _write_token(position: tuple[str, str], digest: str) -> str:
    text = "~".join((_seal(position, digest), *position))
    return base64.urlsafe_b64encode(text.encode("utf-8")).decode("ascii").rstrip("=")


def _read_token(token: str, digest: str) -> tuple[str, str]:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as fault:
        raise PageTokenError from fault
    seal, _, rest = raw.partition("~")
    time, _, identity = rest.partition("~")
    if seal != _seal((time, identity), digest):
        raise PageTokenError
    return time, identity
