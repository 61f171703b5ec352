"""Capture: the events of a document that somebody sends, all of them or as many as are good.

Events get what they lack: an id from their content, and the time at which they were recorded. What is wrong with an
event is a named error with its place.

Source: EPCIS 2.0, sections 8.1 (capture) and 12 (REST binding): header ``GS1-Capture-Error-Behaviour``.
"""

from __future__ import annotations

from typing import Final, Literal, cast

import msgspec

from gaugeblock.exchange.document_errors import CaptureBehaviourError, EventCountLimitError
from gaugeblock.exchange.epcis.event_hash import event_hash, prefixes_of
from gaugeblock.exchange.epcis.json_ld import ReadEvent, open_document, read_event
from gaugeblock.plant.errors import GaugeblockError

MAX_EVENTS: Final = 1000
"""Of one capture; the limit that the endpoint announces."""

Behaviour = Literal["rollback", "proceed"]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was not taken: its number in the document and why."""

    event: int
    error: GaugeblockError


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a capture; with ``rollback`` there are events or refusals, never both."""

    events: tuple[ReadEvent, ...]
    refused: tuple[Refusal, ...]
    prefixes: dict[str, str]

    @property
    def success(self) -> bool:
        """Whether every event was taken."""
        return not self.refused


def read_behaviour(header: str | None) -> Behaviour:
    """The behaviour that a header asks for; all or nothing where there is none.

    Raises
    ------
    CaptureBehaviourError
    """
    value = "rollback" if header is None else header.strip()
    if value not in ("rollback", "proceed"):
        raise CaptureBehaviourError(value=value[:60])
    return cast(Behaviour, value)


def capture(raw: bytes, *, recorded_at: str, behaviour: Behaviour = "rollback") -> Capture:
    """The events of a document.

    Parameters
    ----------
    raw
        An EPCISDocument, an EPCISQueryDocument, or one event with its context.
    recorded_at
        RFC 3339 UTC: when the events are taken; it stands in for any record time that the sender gave.
    behaviour
        ``rollback``: one bad event refuses all. ``proceed``: the good ones are taken.

    Raises
    ------
    LedgerError
        Its subclasses for text that is no I-JSON or passes a limit.
    EventFormError, EventExtensionError
        The document around the events breaks its form.
    EventCountLimitError
    """
    opened = open_document(raw)
    if len(opened.events) > MAX_EVENTS:
        raise EventCountLimitError(found=len(opened.events), limit=MAX_EVENTS)
    prefixes = prefixes_of(opened.head.get("@context"))
    taken: list[ReadEvent] = []
    refused: list[Refusal] = []
    for number, (where, text) in enumerate(opened.events):
        try:
            taken.append(_completed(read_event(text, where), prefixes, recorded_at))
        except GaugeblockError as error:
            refused.append(Refusal(event=number, error=error))
    if refused and behaviour == "rollback":
        taken = []
    return Capture(events=tuple(taken), refused=tuple(refused), prefixes=prefixes)


def _completed(read: ReadEvent, prefixes: dict[str, str], recorded_at: str) -> ReadEvent:
    own = {**prefixes, **prefixes_of(read.event.context)} if read.event.context is not None else prefixes
    identity = read.event.event_id or event_hash(read, own)
    event = msgspec.structs.replace(read.event, event_id=identity, record_time=recorded_at)
    return ReadEvent(event, read.extensions)
