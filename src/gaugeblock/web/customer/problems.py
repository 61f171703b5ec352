"""Every refusal of the exchange as RFC 9457 problem details, in the customer's language: English, or Chinese."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec

from gaugeblock.exchange.transfers import resource_of
from gaugeblock.plant.errors import GaugeblockError, UnexpectedError
from gaugeblock.plant.language import Language, language_of
from gaugeblock.web.errors import BadRequestError, BodyTooLargeError, MethodNotAllowedError, NotFoundError
from gaugeblock.web.words import LOCALE, word

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_logger = logging.getLogger("gaugeblock.exchange")

STATUS: dict[str, int] = {
    "web.not_found": 404,
    "web.tile_not_found": 404,
    "web.bad_request": 400,
    "web.method_not_allowed": 405,
    "web.body_too_large": 413,
    "web.cursor_form": 400,
    "web.version_unknown": 400,
    "web.query_unknown": 400,
    "web.body_media_type": 415,
    "web.precondition_missing": 428,
    "web.precondition_failed": 412,
    "web.idempotency_missing": 400,
    "web.idempotency_conflict": 422,
    "web.idempotency_running": 409,
    "web.export_too_large": 422,
    "exchange.thread_missing": 404,
    "exchange.contract_missing": 404,
    "exchange.contract_step": 409,
    "exchange.contract_other_in_force": 409,
    "exchange.message_kind": 409,
    "exchange.message_unknown": 404,
    "exchange.thread_full": 409,
    "exchange.document_size": 413,
    "exchange.document_type": 415,
    "exchange.evidence_not_permitted": 403,
    "exchange.sign_in_needed": 401,
    "exchange.scope_needed": 403,
    "exchange.too_fast": 429,
    "exchange.quota_spent": 429,
    "exchange.not_recorded": 503,
    "exchange.recorder_full": 503,
    "exchange.contract_ended": 403,
    "exchange.answer_too_large": 413,
    "exchange.request_too_long": 414,
    "exchange.transfer_refused": 503,
    "stores.blob_missing": 404,
    "stores.record_missing": 404,
    "stores.checkpoint_pending": 503,
    "stores.busy": 503,
    "stores.full": 503,
    "stores.unavailable": 503,
    "stores.identity_conflict": 409,
}
"""Codes with a status of their own; another refusal of what was sent is 422, a fault of ours 500."""

REFUSING_ROOMS = frozenset({"exchange", "plant", "ledger", "web"})
NAMED_STATUS = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457 problem details. ``code`` names the error, ``remedy`` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    remedy: str


def status_of(error: GaugeblockError) -> int:
    """The HTTP status of a named error.

    >>> status_of(BadRequestError(detail="no body")), status_of(UnexpectedError(detail="disk"))
    (400, 500)
    """
    known = STATUS.get(error.code)
    if known is not None:
        return known
    if error.code == UnexpectedError.code:
        return 500
    return 422 if error.code.split(".", 1)[0] in REFUSING_ROOMS else 500


def problem_of(error: GaugeblockError, language: Language, instance: str) -> Problem:
    """A named error in the customer's language."""
    status = status_of(error)
    return Problem(
        type=f"urn:gaugeblock:problem:{error.code}",
        title=word(f"status.{status}", language) if status in NAMED_STATUS else HTTPStatus(status).phrase,
        status=status,
        detail=error.text(language),
        instance=instance,
        code=error.code,
        remedy=error.remedy(language),
    )


def problem_headers(error: GaugeblockError, status: int, language: Language) -> dict[str, str]:
    """What goes with a problem: when to come again, in which language it is, never to be kept."""
    headers = {"Cache-Control": "private, no-store", "Content-Language": LOCALE[language]}
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == 429:
        headers["Retry-After"] = str(max(1, int(float(error.facts.get("seconds", RETRY_AFTER_S)))))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Gaugeblock"'
    return headers


def named(exception: Exception, request: Request[Any, Any, Any]) -> GaugeblockError:
    """Any exception as one of ours; what was not foreseen goes to the log and is named without its inside."""
    match exception:
        case GaugeblockError():
            return exception
        case NotFoundException():
            return NotFoundError(path=request.url.path[:200])
        case MethodNotAllowedException():
            return MethodNotAllowedError(method=request.method[:20])
        case ValidationException():
            return BadRequestError(detail=_faults(exception))
        case ClientException(status_code=413):
            return BodyTooLargeError(limit_bytes=request.route_handler.resolve_request_max_body_size() or 0)
        case RecursionError():
            # The decoder's own limit on how deep a body may be nested.
            return BadRequestError(detail="nested too deeply")
        case HTTPException() if exception.status_code < 500:
            return BadRequestError(detail=exception.detail[:300])
    # As it is recorded: no character of an address can end a line of the log.
    asked = resource_of(request.url.path, b"")
    _logger.exception("unforeseen fault answering %s %s", request.method, asked, exc_info=exception)
    return UnexpectedError(detail=type(exception).__name__)


def _faults(exception: ValidationException) -> str:
    extra = exception.extra if isinstance(exception.extra, list) else []
    faults = [f"{item.get('key', '')}: {item.get('message', '')}" for item in extra if isinstance(item, dict)]
    return ("; ".join(faults) or exception.detail)[:300]


def answer(request: Request[Any, Any, Any], exception: Exception) -> Response[Any]:
    """The exception handler of the API."""
    error = named(exception, request)
    language = language_of(request.headers.get("accept-language"), "en")
    problem = problem_of(error, language, request.url.path)
    headers = problem_headers(error, problem.status, language)
    if isinstance(exception, MethodNotAllowedException) and exception.headers:
        headers["Allow"] = str(exception.headers.get("allow", ""))
    return Response(
        content=msgspec.json.encode(problem),
        media_type=PROBLEM_MEDIA_TYPE,
        status_code=problem.status,
        headers=headers,
    )


def may_answer(*statuses: int) -> dict[int, ResponseSpec]:
    """What an operation's OpenAPI entry says of its refusals; every operation may be refused by the gate."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            media_type=PROBLEM_MEDIA_TYPE,
            description=HTTPStatus(status).phrase,
        )
        for status in sorted({400, 401, 403, 404, 414, 429, 503, *statuses})
    }
