"""Time Series Data 1.1 (IDTA 02008-1-1): what was measured, in segments here, in files or behind an address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from gaugeblock.exchange.aas.elements import Texts, element, prop
from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded, numbered

SEMANTIC_ID = "https://admin-shell.io/idta/TimeSeries/1/1"
RECORDS_MOST = 2000
"""Records that one internal segment carries here; more belong into a file."""

_BASE = "https://admin-shell.io/idta/TimeSeries/"
_WORDS = Vocabulary(
    _BASE + "Segment/{}/1/1",
    {
        name: f"{_BASE}{path}/1/1"
        for name, path in {
            "Metadata": "Metadata",
            "MetadataName": "Metadata/Name",
            "MetadataDescription": "Metadata/Description",
            "Record": "Record",
            "Records": "Records",
            "Time": "RelativePointInTime",
            "Segments": "Segments",
            "ExternalSegment": "Segments/ExternalSegment",
            "LinkedSegment": "Segments/LinkedSegment",
            "InternalSegment": "Segments/InternalSegment",
            "File": "File",
            "Endpoint": "Endpoint",
            "Query": "Query",
        }.items()
    },
)


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured beside the time."""

    name: str
    semantic_id: str


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """What every segment has; the sampling interval in seconds."""

    name: Texts | None = None
    description: Texts | None = None
    count: int | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    sampling_interval_s: int | None = None
    state: Literal["in progress", "completed"] | None = None
    last_update: dt.datetime | None = None


class ExternalSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment in a file."""

    segment: Segment
    file: HeldFile


class LinkedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment behind an address and a query."""

    segment: Segment
    endpoint: str
    query: str


class InternalSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that stands in the submodel.

    Parameters
    ----------
    records
        Whole seconds since the segment's start, and a value for each variable; None where there is none.
    """

    segment: Segment
    records: tuple[tuple[int, tuple[Decimal | None, ...]], ...] = ()


class TimeSeries(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says."""

    name: Texts
    variables: tuple[Variable, ...]
    description: Texts | None = None
    external: tuple[ExternalSegment, ...] = ()
    linked: tuple[LinkedSegment, ...] = ()
    internal: tuple[InternalSegment, ...] = ()


def build(identifier: str, given: TimeSeries) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    metadata = [
        _WORDS.texts("Name", given.name, means="MetadataName"),
        _WORDS.texts("Description", given.description, means="MetadataDescription"),
        _WORDS.group("Record", _shape(given.variables)),
    ]
    segments = [
        *[
            _segment("ExternalSegment", place, each.segment, [_WORDS.file("File", each.file)])
            for place, each in enumerate(given.external)
        ],
        *[
            _segment(
                "LinkedSegment",
                place,
                each.segment,
                [_WORDS.prop("Endpoint", each.endpoint), _WORDS.prop("Query", each.query)],
            )
            for place, each in enumerate(given.linked)
        ],
        *[
            _segment("InternalSegment", place, each.segment, [_records(given.variables, each)])
            for place, each in enumerate(given.internal)
        ],
    ]
    return submodel(
        identifier,
        "TimeSeries",
        SEMANTIC_ID,
        [_WORDS.group("Metadata", metadata), _WORDS.group("Segments", segments)],
        version="1",
        revision="1",
    )


def _segment(name: str, place: int, given: Segment, inside: list[Tree | None]) -> Tree | None:
    return _WORDS.group(
        numbered(name, place),
        [
            _WORDS.texts("Name", given.name),
            _WORDS.texts("Description", given.description),
            _WORDS.prop("RecordCount", given.count, "xs:long"),
            _WORDS.prop("StartTime", _moment(given.start)),
            _WORDS.prop("EndTime", _moment(given.end)),
            _WORDS.prop("SamplingInterval", given.sampling_interval_s, "xs:long"),
            _WORDS.prop("State", given.state),
            _WORDS.prop("LastUpdate", _moment(given.last_update)),
            *inside,
        ],
        means=name,
    )


def _moment(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _shape(variables: Sequence[Variable]) -> list[Tree | None]:
    """What each record has: variables without values, and the time at the start, for the template demands a value."""
    declared: list[Tree | None] = [
        {**element("Property", each.name, each.semantic_id), "valueType": "xs:double"} for each in variables
    ]
    return [_WORDS.prop("Time", 0, "xs:long"), *declared]


def _records(variables: Sequence[Variable], given: InternalSegment) -> Tree | None:
    uneven = next((time_s for time_s, values in given.records if len(values) != len(variables)), None)
    if uneven is not None:
        raise AasValueError(where="Records", value=f"{uneven} s", rule=f"{len(variables)} values")
    if len(given.records) > RECORDS_MOST:
        raise AasValueError(where="Records", value=str(len(given.records)), rule=f"≤ {RECORDS_MOST}")
    records = [
        _WORDS.group(f"Record{place:05d}", _record(variables, time_s, values), means="Record")
        for place, (time_s, values) in enumerate(given.records)
    ]
    return _WORDS.group("Records", records)


def _record(variables: Sequence[Variable], time_s: int, values: Sequence[Decimal | None]) -> list[Tree | None]:
    measured = [
        prop(each.name, value, each.semantic_id, type="xs:double")
        for each, value in zip(variables, values, strict=True)
    ]
    return [_WORDS.prop("Time", time_s, "xs:long"), *measured]
