"""Events and errors of PACT 3: footprints are asked for, sent, refused and announced as CloudEvents 1.0.

Source: PACT Technical Specifications 3.0.3, Action Events and Error; CloudEvents 1.0, JSON format, structured mode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from gaugeblock.exchange.document_errors import (
    FootprintEventError,
    FootprintMissingError,
    PageTokenError,
    QueryParameterError,
    QueryTooComplexError,
    QueryValueError,
)
from gaugeblock.exchange.pact.footprint import ProductFootprint
from gaugeblock.exchange.text_forms import MOMENT, URI, check_forms
from gaugeblock.ledger import i_json
from gaugeblock.plant.errors import GaugeblockError

MEDIA_TYPE: Final = "application/cloudevents+json"
MAX_BYTES: Final = 4 * 2**20
MAX_DEPTH: Final = 16
MAX_MEMBERS: Final = 50_000
PREFIX: Final = "org.wbcsd.pact.ProductFootprint."
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URN = re.compile(r"[uU][rR][nN]:\S{1,1024}")

ErrorCode = Literal["BadRequest", "AccessDenied", "TokenExpired", "NotFound", "InternalError", "NotImplemented"]
STATUS: Final[dict[ErrorCode, int]] = {
    "BadRequest": 400,
    "AccessDenied": 403,
    "TokenExpired": 401,
    "NotFound": 404,
    "InternalError": 500,
    "NotImplemented": 400,
}


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Base: immutable, absent where ``None``; subclasses name the forms of their texts."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {}

    def __post_init__(self) -> None:
        """Raises ``ValueError``, which msgspec reports with its place."""
        check_forms(self, self.forms)


class ErrorBody(_Part, frozen=True, kw_only=True):
    """What every error's answer holds."""

    code: ErrorCode
    message: str


class Published(_Part, frozen=True, kw_only=True):
    """New or updated footprints, by id."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"pf_ids": _UUID}
    pf_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=1000)]


class RequestCreated(_Part, frozen=True, kw_only=True):
    """A request for footprints, by the criteria of ListFootprints."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        "product_id": _URN, "company_id": _URN, "classification": _URN, "valid_on": MOMENT, "valid_after": MOMENT,
        "valid_before": MOMENT,
    }  # fmt: skip
    product_id: tuple[str, ...] | None = None
    company_id: tuple[str, ...] | None = None
    geography: tuple[str, ...] | None = None
    classification: tuple[str, ...] | None = None
    valid_on: str | None = None
    valid_after: str | None = None
    valid_before: str | None = None
    status: Literal["Active", "Deprecated"] | None = None
    comment: str | None = None

    def query(self) -> dict[str, list[str]]:
        """The same as query parameters of ListFootprints."""
        query: dict[str, list[str]] = {}
        for name, field in zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True):
            value = getattr(self, field)
            if name != "comment" and value is not None:
                query[name] = [value] if isinstance(value, str) else list(value)
        return query


class RequestFulfilled(_Part, frozen=True, kw_only=True):
    """The footprints that were asked for."""

    request_event_id: str
    pfs: Annotated[tuple[ProductFootprint, ...], msgspec.Meta(min_length=1, max_length=1000)]


class RequestRejected(_Part, frozen=True, kw_only=True):
    """Why a request is not fulfilled."""

    request_event_id: str
    error: ErrorBody


Data = Published | RequestCreated | RequestFulfilled | RequestRejected
_KINDS: Final[dict[str, type[Data]]] = {
    "PublishedEvent.3": Published,
    "RequestCreatedEvent.3": RequestCreated,
    "RequestFulfilledEvent.3": RequestFulfilled,
    "RequestRejectedEvent.3": RequestRejected,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


class FootprintEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its envelope: ``time`` RFC 3339, ``source`` the endpoint it came from."""

    id: str
    source: str
    time: str
    data: Data


class _Envelope(msgspec.Struct, kw_only=True):
    type: str
    specversion: str
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    time: str
    data: msgspec.Raw

    def __post_init__(self) -> None:
        check_forms(self, {"time": MOMENT})
        if self.specversion != "1.0":
            raise ValueError(f"specversion {self.specversion[:20]!r} is not 1.0")


_envelope = msgspec.json.Decoder(_Envelope)
_data = {name: msgspec.json.Decoder(kind) for name, kind in _KINDS.items()}
_encoder = msgspec.json.Encoder()


def read_event(raw: bytes) -> FootprintEvent:
    """An event that somebody sent.

    Raises
    ------
    LedgerError
        Its subclasses for text that is no I-JSON or passes a limit.
    FootprintEventError
        The envelope or the data break their form, or PACT 3 has no such event.
    """
    i_json.read(raw, "CloudEvent", max_bytes=MAX_BYTES, max_depth=MAX_DEPTH, max_members=MAX_MEMBERS)
    try:
        envelope = _envelope.decode(raw)
        name = envelope.type.removeprefix(PREFIX)
        if not envelope.type.startswith(PREFIX) or name not in _data:
            raise FootprintEventError(where="$.type", detail=envelope.type[:120])
        data = _data[name].decode(envelope.data)
    except msgspec.DecodeError as fault:
        detail, _, place = str(fault).partition(" - at `")
        raise FootprintEventError(where=place.rstrip("`") or "$", detail=detail) from fault
    return FootprintEvent(id=envelope.id, source=envelope.source, time=envelope.time, data=data)


def write_event(event: FootprintEvent) -> bytes:
    """An event to send, in structured mode.

    Raises
    ------
    FootprintEventError
        The source is no URI.
    """
    if URI.fullmatch(event.source) is None and not event.source.startswith("/"):
        raise FootprintEventError(where="$.source", detail=event.source[:120])
    return _encoder.encode(
        {
            "type": PREFIX + _NAMES[type(event.data)],
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "time": event.time,
            "data": event.data,
        }
    )


def answer(
    request: FootprintEvent, footprints: Sequence[ProductFootprint], *, event_id: str, source: str, time: str
) -> FootprintEvent:
    """The event that answers a request: fulfilled with what was found, else rejected as not found."""
    data: Data = (
        RequestFulfilled(request_event_id=request.id, pfs=tuple(footprints))
        if footprints
        else RequestRejected(
            request_event_id=request.id, error=ErrorBody(code="NotFound", message="No footprint meets the request.")
        )
    )
    return FootprintEvent(id=event_id, source=source, time=time, data=data)


def error_body(error: GaugeblockError) -> ErrorBody:
    """A named error as PACT says it; what is none of the caller's making is an internal error without detail."""
    if isinstance(error, FootprintMissingError):
        return ErrorBody(code="NotFound", message=error.text("en"))
    bad = (FootprintEventError, QueryParameterError, QueryValueError, QueryTooComplexError, PageTokenError)
    if isinstance(error, bad) or error.code.startswith("ledger."):
        return ErrorBody(code="BadRequest", message=str(error))
    return ErrorBody(code="InternalError", message="Internal error")
