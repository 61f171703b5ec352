"""EPCIS documents and events as JSON-LD: read into types and written again, with all that vendors add.

What the types do not know is kept beside the event by its JSON pointer. A name without a colon that the standard does
not know is a mistake, not an extension: it is refused, since no vocabulary can give it a meaning.

Source: EPCIS 2.0, section 10 (JSON/JSON-LD binding) and its JSON schema.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from gaugeblock.exchange.document_errors import EventExtensionError, EventFormError
from gaugeblock.exchange.epcis.events import KINDS, Context, Event, ExtendedEvent, Time
from gaugeblock.exchange.epcis.vocabulary import CONTEXT_URL
from gaugeblock.exchange.text_forms import MOMENT, check_forms
from gaugeblock.exchange.unknown_members import ReadOtherwise, unknown_members, with_unknown_members
from gaugeblock.ledger import i_json

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 32
MAX_MEMBERS = 200_000

_VERSION = re.compile(r"\d+(\.\d+)*", re.ASCII)

Kind = Literal["EPCISDocument", "EPCISQueryDocument"]

_encoder = msgspec.json.Encoder(decimal_format="number")
_exact = msgspec.json.Decoder(float_hook=Decimal)
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}
_extended = msgspec.json.Decoder(ExtendedEvent)


class ReadEvent(msgspec.Struct, frozen=True):
    """An event, and what vendors added to it, by JSON pointer into the event."""

    event: Event
    extensions: Mapping[str, object] = msgspec.field(default_factory=dict)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An EPCIS document, a query's answer, or (``kind`` is None) a bare event.

    ``head`` holds the outer members as they were, in their order, without the events. ``repeated`` names members that
    stood twice in one object, of which only the last was kept.
    """

    events: tuple[ReadEvent, ...]
    head: Mapping[str, object]
    kind: Kind | None
    repeated: tuple[str, ...] = ()

    @property
    def context(self) -> object:
        """The JSON-LD context."""
        return self.head.get("@context")


class _Named(msgspec.Struct):
    type: str


class _Head(msgspec.Struct, kw_only=True, rename="camel"):
    type: Kind
    context: Context = msgspec.field(name="@context")
    epcis_body: msgspec.Raw
    schema_version: str | None = None
    creation_date: Time | None = None
    id: str | None = None
    sender: str | None = None
    receiver: str | None = None
    instance_identifier: str | None = None
    epcis_header: dict[str, object] | None = None

    def __post_init__(self) -> None:
        check_forms(self, {"schema_version": _VERSION, "creation_date": MOMENT})
        if self.type == "EPCISDocument" and (self.schema_version is None or self.creation_date is None):
            raise ValueError("an EPCISDocument states schemaVersion and creationDate")


class _Body(msgspec.Struct, kw_only=True, rename="camel"):
    event_list: tuple[msgspec.Raw, ...]


class _Results(msgspec.Struct, kw_only=True, rename="camel"):
    query_name: str
    results_body: _Body
    subscription_id: str | None = msgspec.field(default=None, name="subscriptionID")


class _QueryBody(msgspec.Struct, kw_only=True, rename="camel"):
    query_results: _Results


_head_decoder = msgspec.json.Decoder(_Head)
_named_decoder = msgspec.json.Decoder(_Named)
_body_decoder = msgspec.json.Decoder(_Body)
_query_body_decoder = msgspec.json.Decoder(_QueryBody)


def guarded(raw: bytes, what: str = "EPCIS") -> None:
    """Refuse text past the limits (8 MiB, 32 levels, 200,000 members) or that two readers could read in two ways.

    Raises
    ------
    LedgerError
        One of its subclasses.
    """
    i_json.read(raw, what, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH, max_members=MAX_MEMBERS)


def form_error(fault: Exception, where: str) -> EventFormError:
    """A decoder's finding as the document's named error, with its place."""
    detail, _, place = str(fault).partition(" - at `")
    return EventFormError(where=where + place.rstrip("`").removeprefix("$"), detail=detail)


def read_event(raw: bytes, where: str = "$") -> ReadEvent:
    """One event.

    Parameters
    ----------
    raw
        JSON that :func:`guarded` has let pass.
    where
        Its place in the document, for the error's sentence.

    Raises
    ------
    EventFormError
        A member is missing, of the wrong kind, or against a rule of the event's kind.
    EventExtensionError
        A member that the standard does not know and that no prefix makes an extension.
    """
    try:
        kind = _named_decoder.decode(raw).type
        event: Event = _decoders.get(kind, _extended).decode(raw)
    except msgspec.DecodeError as fault:
        raise form_error(fault, where) from fault
    written = _tree(event)
    try:
        extensions = unknown_members(_exact.decode(raw), written)
    except ReadOtherwise as finding:
        raise EventFormError(where=where + finding.place, detail="a value of another kind") from finding
    for pointer in extensions:
        name = pointer.rsplit("/", 1)[1]
        if ":" not in name and kind in KINDS:
            raise EventExtensionError(where=f"{where}{pointer}"[:200])
    return ReadEvent(event, extensions)


def _tree(event: Event) -> dict[str, object]:
    tree: dict[str, object] = _exact.decode(_encoder.encode(event))
    tree.setdefault("type", event.type)  # the kind is its type's default, which the encoder omits
    return tree


def event_tree(read: ReadEvent) -> dict[str, object]:
    """An event as a JSON tree, extensions where they were."""
    tree = _tree(read.event)
    with_unknown_members(tree, read.extensions)
    return tree


def read_document(raw: bytes, *, repeated: Literal["refuse", "last"] = "refuse") -> Document:
    """A document with its events.

    Parameters
    ----------
    raw
        UTF-8 JSON: an EPCISDocument, an EPCISQueryDocument, or one event with its ``@context``.
    repeated
        What becomes of a name that stands twice in one object (RFC 8259 leaves it open, and readers differ): the text
        is refused, or the last one counts and the document tells which.

    Raises
    ------
    LedgerError
        Its subclasses for text that is no I-JSON or passes a limit.
    EventFormError, EventExtensionError
    """
    opened = open_document(raw, repeated=repeated)
    events = tuple(read_event(one, where) for where, one in opened.events)
    return Document(events=events, head=opened.head, kind=opened.kind, repeated=opened.repeated)


class OpenedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document of which only the head was read; ``events`` are the events' places and texts."""

    events: tuple[tuple[str, bytes], ...]
    head: Mapping[str, object]
    kind: Kind | None
    repeated: tuple[str, ...] = ()


def open_document(raw: bytes, *, repeated: Literal["refuse", "last"] = "refuse") -> OpenedDocument:
    """The head of a document, its events yet unread: for whoever takes good events out of a bad document.

    Parameters and errors are those of :func:`read_document`, but for what is wrong with single events.
    """
    doubled: tuple[str, ...] = ()
    if repeated == "last":
        raw, doubled = _last_of_each(raw)
    guarded(raw)
    try:
        kind = _named_decoder.decode(raw).type
        if kind not in ("EPCISDocument", "EPCISQueryDocument"):
            if "@context" not in _exact.decode(raw):
                raise EventFormError(where="$", detail="an event by itself states its @context")
            return OpenedDocument(events=(("$", raw),), head={}, kind=None, repeated=doubled)
        head = _head_decoder.decode(raw)
        where = "$.epcisBody.eventList"
        if head.type == "EPCISDocument":
            body = _body_decoder.decode(head.epcis_body)
        else:
            where = "$.epcisBody.queryResults.resultsBody.eventList"
            body = _query_body_decoder.decode(head.epcis_body).query_results.results_body
    except msgspec.DecodeError as fault:
        raise form_error(fault, "$") from fault
    tree = _exact.decode(raw)
    _event_list(tree, head.type).clear()
    known = set(_Head.__struct_encode_fields__)
    for name in tree:
        if name not in known and ":" not in name:
            raise EventExtensionError(where=f"$.{name}"[:200])
    events = tuple((f"{where}[{number}]", bytes(one)) for number, one in enumerate(body.event_list))
    return OpenedDocument(events=events, head=tree, kind=head.type, repeated=doubled)


def _last_of_each(raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The text with each name once, and the names that stood more often; as it was where none did."""
    doubled: list[str] = []

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        kept = dict(pairs)
        if len(kept) != len(pairs):
            doubled.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return kept

    if len(raw) > MAX_BYTES:
        return raw, ()  # the guard says so
    try:
        tree = json.loads(raw, object_pairs_hook=members, parse_float=Decimal)
    except (ValueError, RecursionError):
        return raw, ()  # the guard names what is wrong
    return (_encoder.encode(tree), tuple(doubled)) if doubled else (raw, ())


def _event_list(tree: object, kind: Kind) -> list[object]:
    path = ("epcisBody",) if kind == "EPCISDocument" else ("epcisBody", "queryResults", "resultsBody")
    for name in (*path, "eventList"):
        assert isinstance(tree, dict)
        tree = tree[name]
    assert isinstance(tree, list)
    return tree


def write_document(document: Document) -> bytes:
    """A document as JSON-LD: what was read from it is written again."""
    if document.kind is None:
        return _encoder.encode(event_tree(document.events[0]))
    tree = _exact.decode(_encoder.encode(document.head))
    _event_list(tree, document.kind).extend(event_tree(one) for one in document.events)
    return _encoder.encode(tree)


def epcis_document(
    events: Sequence[Event | ReadEvent], *, creation_date: str, prefixes: Mapping[str, str] | None = None
) -> Document:
    """A document of our own around events.

    Parameters
    ----------
    creation_date
        RFC 3339.
    prefixes
        Prefix → vocabulary, for the extensions that the events carry.
    """
    context: list[object] = [CONTEXT_URL, *({name: url} for name, url in (prefixes or {}).items())]
    head: dict[str, object] = {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": creation_date,
        "epcisBody": {"eventList": []},
    }
    return Document(events=_read(events), head=head, kind="EPCISDocument")


def query_document(
    events: Sequence[Event | ReadEvent],
    *,
    creation_date: str,
    query_name: str = "SimpleEventQuery",
    prefixes: Mapping[str, str] | None = None,
) -> Document:
    """The answer of a query around events."""
    context: list[object] = [CONTEXT_URL, *({name: url} for name, url in (prefixes or {}).items())]
    head: dict[str, object] = {
        "@context": context,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": creation_date,
        "epcisBody": {"queryResults": {"queryName": query_name, "resultsBody": {"eventList": []}}},
    }
    return Document(events=_read(events), head=head, kind="EPCISQueryDocument")


def _read(events: Sequence[Event | ReadEvent]) -> tuple[ReadEvent, ...]:
    return tuple(one if isinstance(one, ReadEvent) else ReadEvent(one) for one in events)
