"""Capture: all or nothing, or as many as are good; ids and record times are filled in."""

from __future__ import annotations

import json

import pytest

from gaugeblock.exchange.document_errors import (
    CaptureBehaviourError,
    EventCountLimitError,
    EventExtensionError,
    EventFormError,
)
from gaugeblock.exchange.epcis.capture import MAX_EVENTS, capture, read_behaviour
from gaugeblock.exchange.epcis.event_hash import event_hash
from tests.exchange.epcis.test_json_ld import EVENT, document

NOW = "2026-11-25T00:00:00.000000Z"
BAD = EVENT | {"action": "LOOK"}
VENDORED = EVENT | {"stray": 1}


def test_good_events_are_taken_with_id_and_record_time() -> None:
    other = EVENT | {"eventID": "urn:x:own", "recordTime": "1999-01-01T00:00:00Z", "ex:f": "1"}
    result = capture(document(EVENT, other), recorded_at=NOW)
    assert result.success
    first, second = result.events
    assert first.event.event_id == event_hash(first, result.prefixes)
    assert second.event.event_id == "urn:x:own"
    assert (first.event.record_time, second.event.record_time) == (NOW, NOW)
    assert second.extensions == {"/ex:f": "1"}


def test_rollback_takes_nothing() -> None:
    result = capture(document(EVENT, BAD), recorded_at=NOW)
    assert not result.success
    assert result.events == ()
    assert [(one.event, type(one.error)) for one in result.refused] == [(1, EventFormError)]


def test_proceed_takes_the_good_ones_and_names_the_bad() -> None:
    result = capture(document(BAD, EVENT, VENDORED, EVENT), recorded_at=NOW, behaviour="proceed")
    assert len(result.events) == 2
    assert [(one.event, type(one.error)) for one in result.refused] == [(0, EventFormError), (2, EventExtensionError)]
    assert "eventList[2]" in result.refused[1].error.text("zh")


def test_a_bare_event_is_a_capture() -> None:
    bare = EVENT | {"@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"e": "urn:e:"}]}
    result = capture(json.dumps(bare | {"e:x": "1"}).encode(), recorded_at=NOW)
    assert result.events[0].event.event_id == event_hash(result.events[0], {"e": "urn:e:"})


def test_a_bad_document_is_refused_whatever_is_asked() -> None:
    with pytest.raises(EventFormError):
        capture(document(EVENT, schemaVersion=2), recorded_at=NOW, behaviour="proceed")


def test_events_are_bounded() -> None:
    with pytest.raises(EventCountLimitError) as caught:
        capture(document(*([EVENT] * (MAX_EVENTS + 1))), recorded_at=NOW)
    assert caught.value.facts == {"found": MAX_EVENTS + 1, "limit": MAX_EVENTS}


@pytest.mark.parametrize(
    ("header", "expected"), [(None, "rollback"), ("rollback", "rollback"), (" proceed ", "proceed")]
)
def test_the_header(header: str | None, expected: str) -> None:
    assert read_behaviour(header) == expected


@pytest.mark.parametrize("header", ["", "Proceed", "ignore"])
def test_another_header_is_named(header: str) -> None:
    with pytest.raises(CaptureBehaviourError):
        read_behaviour(header)
