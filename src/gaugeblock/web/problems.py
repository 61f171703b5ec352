"""Every refusal as RFC 9457 problem details, or as a page where a person asked; both in the reader's language."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

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
from litestar.response import Redirect

from gaugeblock.plant.errors import GaugeblockError, UnexpectedError
from gaugeblock.plant.language import Language
from gaugeblock.web.errors import (
    BadRequestError,
    BodyTooLargeError,
    MethodNotAllowedError,
    NotFoundError,
    SignInRequiredError,
)
from gaugeblock.web.reader import preferred_language, preferred_theme
from gaugeblock.web.words import word

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
logger = logging.getLogger("gaugeblock.web")

STATUS: dict[str, int] = {
    "web.sign_in_required": 401,
    "web.key_header": 401,
    "web.key_refused": 401,
    "web.key_time": 401,
    "web.role_required": 403,
    "web.csrf": 403,
    "web.not_found": 404,
    "web.record_not_found": 404,
    "web.inspection_not_found": 404,
    "web.unit_not_found": 404,
    "web.tile_not_found": 404,
    "web.cosignature_not_found": 404,
    "stores.checkpoint_unknown": 409,
    "stores.witness_unknown": 403,
    "ledger.witness_missing": 403,
    "ledger.note_form": 400,
    "ledger.checkpoint_form": 400,
    "web.method_not_allowed": 405,
    "web.body_too_large": 413,
    "web.too_many_records": 413,
    "web.bad_request": 400,
    "web.password_repeat": 400,
    "web.confirmation_missing": 400,
    "web.costs_number": 400,
    "stores.password_weak": 400,
    "web.digest_mismatch": 400,
    "web.throttled": 429,
    "web.too_many_listeners": 503,
    "web.busy": 503,
    "stores.queue_full": 503,
    "stores.checkpoint_pending": 503,
    "stores.busy": 503,
    "stores.unavailable": 503,
    "stores.full": 503,
    "stores.login_refused": 401,
    "stores.login_throttled": 429,
    "stores.record_missing": 404,
    "stores.tile_missing": 404,
    "stores.blob_missing": 404,
    "stores.facet_missing": 404,
    "stores.blob_too_large": 413,
    "stores.identity_conflict": 409,
    "inspection.nonconformity_missing": 404,
    "inspection.nonconformity_closed": 409,
    "inspection.nonconformity_not_closed": 409,
    "inspection.units_open": 409,
    "inspection.corrective_action_missing": 409,
    "inspection.effectiveness_missing": 409,
    "inspection.lot_missing": 404,
    "inspection.lot_decided": 409,
    "inspection.lot_not_rejected": 409,
    "inspection.not_discontinued": 409,
    "inspection.discontinued": 409,
    "inspection.study_missing": 404,
    "inspection.study_bytes_limit": 413,
    "inspection.review_unknown": 404,
    "inspection.review_decided": 409,
    "inspection.review_own": 409,
    "inspection.review_not_begun": 409,
    "inspection.review_defects": 422,
    "inspection.review_note": 422,
    "inspection.catalogue_changed": 409,
    "inspection.catalogue_code": 422,
    "inspection.catalogue_name": 422,
    "inspection.catalogue_limit": 422,
    "inspection.catalogue_dropped": 422,
    "stores.job_unknown": 404,
    "vision.level_range": 422,
    "vision.cost_range": 422,
    "stores.module_file_missing": 404,
    "inspection.point_unchanged": 409,
    "inspection.scores_missing": 422,
    "inspection.training_too_many": 422,
    "inspection.training_folder": 422,
    "inspection.training_too_few": 422,
    "inspection.training_running": 409,
    "inspection.comparison_failed": 409,
    "inspection.comparison_foreign": 409,
    "inspection.reason_too_long": 422,
    "inspection.reason_missing": 422,
    "inspection.rollback_target": 409,
    "inspection.nothing_in_service": 409,
    "inspection.module_in_service": 409,
    "inspection.module_not_candidate": 409,
    "inspection.module_unknown": 404,
    "inspection.station_unknown": 404,
    "inspection.alarm_settled": 409,
    "inspection.alarm_unknown": 404,
    "inspection.note_too_long": 400,
    "exchange.contract_missing": 404,
    "exchange.shared_missing": 404,
    "exchange.shared_already": 409,
    "exchange.document_size": 413,
    "exchange.contract_step": 409,
    "exchange.contract_party": 409,
    "exchange.contract_four_eyes": 409,
    "exchange.contract_changed": 409,
    "exchange.contract_number": 409,
    "exchange.contract_other_in_force": 409,
    "exchange.credential_missing": 404,
    "exchange.transfer_export_limit": 413,
    "exchange.thread_missing": 404,
    "exchange.message_kind": 409,
    "exchange.thread_full": 409,
    "production.order_missing": 404,
    "production.lot_missing": 404,
    "production.certificate_missing": 404,
    "production.import_missing": 404,
    "production.document_missing": 404,
    "production.order_exists": 409,
    "production.order_changed": 409,
    "production.order_customer": 409,
    "production.order_ended": 409,
    "production.lot_order": 409,
    "production.unit_twice": 409,
    "production.certificate_exists": 409,
    "production.import_in_use": 409,
    "production.import_too_large": 413,
    "production.line_unknown": 404,
    "production.question": 404,
    "production.period": 422,
    "twin.change_form": 422,
    "twin.unknown_name": 422,
    "twin.run_parameter": 422,
    "twin.capacity": 422,
    "twin.calendar": 422,
    "twin.shares": 422,
    "twin.deadlock_possible": 422,
    "twin.room_before_service": 422,
    "twin.line_too_large": 422,
}
"""Codes with a status of their own; another room's refusal of what was sent is 422, a fault of ours 500."""

RETRIED = frozenset(code for code, status in STATUS.items() if status == 503)
"""Answered with Retry-After."""


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457 problem details. ``code`` names the error, ``remedy`` says what the reader can do."""

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
    return 422 if error.code.split(".", 1)[0] in {"ledger", "plant", "inspection", "exchange", "production"} else 500


def problem_of(error: GaugeblockError, language: Language, instance: str) -> Problem:
    """A named error in the reader's language."""
    status = status_of(error)
    return Problem(
        type=f"urn:gaugeblock:problem:{error.code}",
        title=status_title(status, language),
        status=status,
        detail=error.text(language),
        instance=instance,
        code=error.code,
        remedy=error.remedy(language),
    )


def status_title(status: int, language: Language) -> str:
    """What an HTTP status means, for people; the same for every occurrence, as RFC 9457 asks."""
    return word(f"status.{status}", language) if status in NAMED_STATUS else HTTPStatus(status).phrase


NAMED_STATUS = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})


def named(exception: Exception, request: Request[Any, Any, Any]) -> GaugeblockError:
    """Any exception as one of ours; what was not foreseen goes to the log and is named without its inside."""
    match exception:
        case GaugeblockError():
            return exception
        case NotFoundException():
            return NotFoundError(path=request.url.path[:200])
        case MethodNotAllowedException():
            return MethodNotAllowedError(method=request.method)
        case ValidationException():
            return BadRequestError(detail=_faults(exception))
        case ClientException(status_code=413):
            return BodyTooLargeError(limit_bytes=request.route_handler.resolve_request_max_body_size() or 0)
        case HTTPException() if exception.status_code < 500:
            return BadRequestError(detail=exception.detail[:300])
    logger.exception("unforeseen fault answering %s %s", request.method, request.url.path, exc_info=exception)
    return UnexpectedError(detail=type(exception).__name__)


def _faults(exception: ValidationException) -> str:
    extra = exception.extra if isinstance(exception.extra, list) else []
    faults = [f"{item.get('key', '')}: {item.get('message', '')}" for item in extra if isinstance(item, dict)]
    return ("; ".join(faults) or exception.detail)[:300]


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether a person with a browser asked for a page."""
    path = request.url.path
    machine = path.startswith(("/api/v1", "/log/", "/blobs/", "/static/")) or path in {"/metrics", "/healthz"}
    return not machine and "text/html" in request.headers.get("accept", "")


def answer(request: Request[Any, Any, Any], exception: Exception) -> Response[Any]:
    """The exception handler of the whole application."""
    from gaugeblock.web.pages import error_page  # the pages render through Litestar and name errors themselves

    error = named(exception, request)
    settings = request.app.state.services.settings
    language = preferred_language(request, settings)
    problem = problem_of(error, language, request.url.path)
    if wants_page(request):
        if isinstance(error, SignInRequiredError):
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return Redirect(f"/sign-in?next={quote(back, safe='')}", status_code=303)
        return error_page(request, problem, preferred_theme(request), language)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if error.code in RETRIED else {}
    if problem.status == 429:
        headers["Retry-After"] = str(error.facts.get("seconds") or error.facts.get("wait_s") or RETRY_AFTER_S)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Gaugeblock-Key" if error.code.startswith("web.key") else "Session"
    headers["Cache-Control"] = "no-store"
    headers["Content-Language"] = "zh-Hans" if language == "zh" else "en"
    return Response(
        content=msgspec.json.encode(problem),
        media_type=PROBLEM_MEDIA_TYPE,
        status_code=problem.status,
        headers=headers,
    )


def may_answer(*statuses: int) -> dict[int, ResponseSpec]:
    """What an operation's OpenAPI entry says of its refusals."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            media_type=PROBLEM_MEDIA_TYPE,
            description=HTTPStatus(status).phrase,
        )
        for status in {400, *statuses}  # any parameter may be malformed
    }
