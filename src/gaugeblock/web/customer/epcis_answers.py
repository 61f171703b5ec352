"""How EPCIS answers: its headers, what a client may ask for by them, and refusals under the standard's names.

Source: EPCIS 2.0 (ISO/IEC 19987), section 12, REST binding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response

from gaugeblock import __version__
from gaugeblock.exchange.document_errors import EventVersionError
from gaugeblock.exchange.epcis.building import PREFIXES
from gaugeblock.exchange.epcis.capture import MAX_EVENTS, Refusal
from gaugeblock.exchange.epcis.json_ld import MAX_BYTES
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, language_of
from gaugeblock.web.customer.problems import PROBLEM_MEDIA_TYPE, named, problem_headers, problem_of, status_of
from gaugeblock.web.customer.rest_common import Req, answered

LD_JSON = "application/ld+json"
JSON_TYPES = ("application/json", LD_JSON)
VERSION = "2.0.0"
_OUR_VERSIONS = frozenset({"2.0", "2.0.0"})
REFUSALS_TOLD = 50

_TYPES: Mapping[str, tuple[int, str]] = {
    "exchange.query_parameter": (400, "QueryParameterException"),
    "exchange.query_value": (400, "QueryParameterException"),
    "exchange.page_token": (400, "QueryParameterException"),
    "exchange.query_unsupported": (501, "ImplementationException"),
    "exchange.query_too_complex": (413, "QueryTooComplexException"),
    "exchange.query_too_large": (413, "QueryTooLargeException"),
    "exchange.capture_behaviour": (400, "ValidationException"),
    "exchange.event_form": (400, "ValidationException"),
    "exchange.event_extension": (400, "ValidationException"),
    "exchange.event_count_limit": (413, "CaptureLimitExceededException"),
    "exchange.event_version": (406, "NotAcceptableException"),
    "exchange.event_exists": (409, "ResourceAlreadyExistsException"),
    "exchange.event_missing": (404, "NoSuchResourceException"),
    "web.not_found": (404, "NoSuchResourceException"),
    "web.body_media_type": (415, "UnsupportedMediaTypeException"),
    "web.body_too_large": (413, "CaptureLimitExceededException"),
}
"""What the standard calls our errors; by status for the others."""
_TYPE_OF_STATUS: Mapping[int, str] = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    501: "ImplementationException",
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refusal of a capture, as a problem; ``event`` is its number in the document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    event: int | None = None


# ── headers ─────────────────────────────────────────────────────────────────────────────────────────────────


HEADERS: Mapping[str, str] = {
    "GS1-EPCIS-Version": VERSION,
    "GS1-CBV-Version": VERSION,
    "GS1-Extensions": ", ".join(f"{name}={url}" for name, url in PREFIXES.items()),
    "GS1-Vendor-Version": __version__,
}
DISCOVERED: Mapping[str, str] = {
    **HEADERS,
    "GS1-EPCIS-Min": VERSION,
    "GS1-EPCIS-Max": VERSION,
    "GS1-CBV-Min": VERSION,
    "GS1-CBV-Max": VERSION,
    "GS1-EPC-Format": "Never_Translates",
    "GS1-EPCIS-Capture-Limit": str(MAX_EVENTS),
    "GS1-EPCIS-Capture-File-Size-Limit": str(MAX_BYTES),
    "GS1-Capture-Error-Behaviour": "rollback, proceed",
}
"""What a client finds out by OPTIONS."""


def check_asked(headers: Mapping[str, str]) -> None:
    """Whether what a client asks for is offered: EPCIS and CBV 2.0, JSON, names as they are.

    Raises
    ------
    EventVersionError

    >>> check_asked({"GS1-EPCIS-Min": "1.2.0", "accept": "application/ld+json, */*;q=0.1"})
    """
    for standard in ("EPCIS", "CBV"):
        exact = headers.get(f"GS1-{standard}-Version")
        least, most = headers.get(f"GS1-{standard}-Min"), headers.get(f"GS1-{standard}-Max")
        if exact is not None and exact not in _OUR_VERSIONS:
            raise EventVersionError(header=f"GS1-{standard}-Version", value=exact[:40], offered=VERSION)
        if least is not None and _number(least) > (2, 0, 0):
            raise EventVersionError(header=f"GS1-{standard}-Min", value=least[:40], offered=VERSION)
        if most is not None and _number(most) < (2, 0, 0):
            raise EventVersionError(header=f"GS1-{standard}-Max", value=most[:40], offered=VERSION)
    form = headers.get("GS1-EPC-Format", "No_Preference")
    if form not in ("No_Preference", "Never_Translates"):
        raise EventVersionError(header="GS1-EPC-Format", value=form[:40], offered="Never_Translates")
    accept = headers.get("accept", "")
    kinds = [part.split(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    if kinds and not any(kind in ("*/*", "application/*", *JSON_TYPES) for kind in kinds):
        raise EventVersionError(header="Accept", value=accept[:80], offered=LD_JSON)


def _number(text: str) -> tuple[int, int, int]:
    parts = [int(part) if part.isascii() and part.isdecimal() and len(part) < 6 else 0 for part in text.split(".")[:3]]
    return (*parts, 0, 0, 0)[:3]  # type: ignore[return-value]  # three of them


async def check_epcis(request: Req) -> None:
    """Litestar's ``before_request``."""
    check_asked(request.headers)


def written(request: Req, body: bytes, media_type: str = LD_JSON, **more: str) -> Response[Any]:
    """A representation with the standard's headers."""
    return answered(request, body, media_type, headers={**HEADERS, **more})


# ── problems ────────────────────────────────────────────────────────────────────────────────────────────────


def epcis_type(error: GaugeblockError) -> tuple[int, str]:
    """Status and exception by the standard's names.

    >>> from gaugeblock.exchange.document_errors import QueryParameterError
    >>> epcis_type(QueryParameterError(name="EQ_colour"))
    (400, 'epcisException:QueryParameterException')
    """
    known = _TYPES.get(error.code)
    if known is not None:
        return known[0], f"epcisException:{known[1]}"
    # Text that is no I-JSON is the document's fault, whatever the room.
    status = 400 if error.code.startswith("ledger.") else status_of(error)
    return status, f"epcisException:{_TYPE_OF_STATUS.get(status, 'ImplementationException')}"


def fault_of(error: GaugeblockError, language: Language, event: int | None = None) -> Fault:
    """A refusal as a capture's job tells it."""
    status, kind = epcis_type(error)
    return Fault(
        type=kind,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.text(language),
        code=error.code,
        event=event,
    )


class RejectedError(Exception):
    """A capture of which nothing was taken."""

    def __init__(self, refused: Sequence[Refusal]) -> None:
        self.refused = refused
        super().__init__(refused[0].error.code)


def epcis_problem(request: Request[Any, Any, Any], exception: Exception) -> Response[Any]:
    """The exception handler: problem details whose ``type`` is the standard's."""
    language = language_of(request.headers.get("accept-language"), "en")
    refused = exception.refused if isinstance(exception, RejectedError) else ()
    error = refused[0].error if refused else named(exception, request)
    status, kind = epcis_type(error)
    body = {
        **msgspec.to_builtins(problem_of(error, language, request.url.path)),
        "type": kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    if refused:
        body["errors"] = [fault_of(one.error, language, one.event) for one in refused[:REFUSALS_TOLD]]
    headers = problem_headers(error, status, language)
    headers |= DISCOVERED if status == 413 else HEADERS
    return Response(msgspec.json.encode(body), media_type=PROBLEM_MEDIA_TYPE, status_code=status, headers=headers)
