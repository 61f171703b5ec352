"""The pages: each reads the same ports as the API and renders one template."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import anyio.to_thread
import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.read_model import VerdictFilter, VerdictRow
from gaugeblock.inspection.review_read_model import QueueFilter
from gaugeblock.ledger.record import parse
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.plant.record_types import Verdict
from gaugeblock.web.access import SignInBrake, needs, own_form
from gaugeblock.web.api_inspections import TEXT_LIMIT, inspection_out, page_of, stations_or_fault
from gaugeblock.web.api_log import health_out, log_out
from gaugeblock.web.api_records import record_out
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.docs_page import operations
from gaugeblock.web.errors import InspectionNotFoundError, UnitNotFoundError
from gaugeblock.web.part_reviews import reviews_of
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.proof import climb
from gaugeblock.web.reader import (
    GUEST_COOKIE,
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    THEMES,
    Reader,
    Theme,
    preference_cookie,
    private_cookie,
)
from gaugeblock.web.templating import render

RECORDS_SHOWN = 15
INSPECTIONS_SHOWN = 40
PASSWORD_LIMIT = 1024


def page(
    request: Request[Any, Any, Any], reader: Reader, template: str, status: int = 200, **context: Any
) -> Response[str]:
    """Renders a whole page for this reader."""
    services: Services = request.app.state.services
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    html = render(
        template,
        reader.language,
        reader=reader,
        settings=services.settings,
        here=here,
        base=str(request.base_url).rstrip("/"),
        themes=THEMES,
        **context,
    )
    response = Response(html, media_type=MediaType.HTML, status_code=status, headers={"Cache-Control": "no-store"})
    if reader.fresh_guest and reader.token:
        response.set_cookie(private_cookie(GUEST_COOKIE, reader.token, services.settings))
    return response


def error_page(request: Request[Any, Any, Any], problem: Problem, theme: Theme, language: Language) -> Response[str]:
    """A refusal as a page. It knows nobody: it must also work where sessions do not."""
    reader = Reader(language, theme, None, None)
    return page(request, reader, "error.html.j2", problem.status, problem=problem)


def local(target: str | None) -> str:
    """A path on this server to go back to; anything that could lead elsewhere becomes the overview.

    >>> local("/log"), local("//evil.example"), local("https://evil.example"), local("/\\\\evil.example")
    ('/log', '/', '/', '/')
    """
    if not target or not target.startswith("/") or target.startswith("//") or len(target) > 500:
        return "/"
    return "/" if any(ord(character) < 33 or character == "\\" for character in target) else target


# ── overview ────────────────────────────────────────────────────────────────────────────────────────────


def _overview(services: Services, language: Language) -> dict[str, Any]:
    overview = services.inspections.overview()
    latest = overview.recent[0] if overview.recent else None
    stations, stations_fault = stations_or_fault(services, language)
    return {
        "overview": overview,
        "latest": inspection_out(latest) if latest else None,
        "recent": [inspection_out(row) for row in overview.recent[:12]],
        "stations": stations,
        "stations_fault": stations_fault,
        "deadline_ms": latest.deadline_ms if latest else None,
        "health": health_out(services, language),
        "to_review": services.desks.reviews.reader.waiting(QueueFilter()),
    }


@get("/", guards=[needs("viewer")], include_in_schema=False)
async def overview(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """Parts arriving, sums, stations."""
    context = await anyio.to_thread.run_sync(_overview, services, reader.language)
    return page(request, reader, "overview.html.j2", here_nav="overview", **context)


@get("/fragments/overview", guards=[needs("viewer")], include_in_schema=False)
async def overview_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader
) -> Response[str]:
    """The live part of the overview."""
    context = await anyio.to_thread.run_sync(_overview, services, reader.language)
    return page(request, reader, "_overview.html.j2", **context)


# ── inspections and parts ───────────────────────────────────────────────────────────────────────────────

View = Annotated[str, QueryParameter(pattern="^(table|gallery)$")]
Text = Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)]


@get("/inspections", guards=[needs("viewer")], include_in_schema=False)
async def inspections(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    verdict: Annotated[str, QueryParameter(pattern="^(|OK|NOK|UNDECIDED)$")] = "",
    station: Text = None,
    unit: Text = None,
    wrong: FromQuery[bool] = False,
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
    view: View = "table",
) -> Response[str]:
    """Verdicts as table or gallery, filtered, newest first."""
    wanted = VerdictFilter(
        verdict=Verdict(verdict) if verdict else None,
        station=station or None,
        unit=unit or None,
        wrong=wrong,
        before=cursor,
        limit=INSPECTIONS_SHOWN,
    )

    def read() -> dict[str, Any]:
        rows, following = page_of(services, wanted)
        names = [row.station for row in services.inspections.overview().stations]
        return {"rows": [inspection_out(row) for row in rows], "following": following, "station_names": sorted(names)}

    context = await anyio.to_thread.run_sync(read)
    kept = {"verdict": verdict, "station": station or "", "unit": unit or "", "wrong": "true" if wrong else ""}
    query = {key: value for key, value in kept.items() if value}
    following = context["following"]
    return page(
        request,
        reader,
        "inspections.html.j2",
        here_nav="inspections",
        wanted=wanted,
        view=view,
        first_url="/inspections?" + urlencode({**query, "view": view}),
        table_url="/inspections?" + urlencode({**query, "view": "table"}),
        gallery_url="/inspections?" + urlencode({**query, "view": "gallery"}),
        next_url=None
        if following is None
        else "/inspections?" + urlencode({**query, "view": view, "cursor": str(following)}),
        **context,
    )


@get("/inspections/{index:int}", guards=[needs("viewer")], include_in_schema=False)
async def inspection(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, index: FromPath[int]
) -> Response[str]:
    """A part, at one of its verdicts."""

    def read() -> dict[str, Any]:
        row = services.inspections.verdict(index)
        if row is None:
            raise InspectionNotFoundError(index=index)
        return _part(services, reader, row, services.inspections.unit(row.unit) if row.unit else [])

    context = await anyio.to_thread.run_sync(read)
    return page(request, reader, "part.html.j2", here_nav="inspections", **context)


@get("/units/{unit:str}", guards=[needs("viewer")], include_in_schema=False)
async def unit(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, unit: FromPath[str]
) -> Response[str]:
    """A part, at its latest verdict."""

    def read() -> dict[str, Any]:
        rows = services.inspections.unit(unit)
        if not rows:
            raise UnitNotFoundError(unit=unit[:TEXT_LIMIT])
        return _part(services, reader, rows[-1], rows)

    context = await anyio.to_thread.run_sync(read)
    return page(request, reader, "part.html.j2", here_nav="inspections", **context)


def _part(services: Services, reader: Reader, row: VerdictRow, rows: list[VerdictRow]) -> dict[str, Any]:
    shown, gone = inspection_out(row), None
    if row.image_sha256 is not None and not services.blobs.has(row.image_sha256):
        gone = services.desks.retention.deleted(row.image_sha256)
        # What is left is the thumbnail, which lists show too; without one there is no picture.
        left = shown.image if gone is not None and gone.thumbnail_sha256 is not None else None
        shown = msgspec.structs.replace(shown, image=left, heatmap=None)
    return {
        "row": shown,
        "gone": gone,
        "rows": [inspection_out(other) for other in rows or [row]],
        "nonconformity": services.desks.nonconformities.reader.of_verdict(row.index),
        **reviews_of(services, reader, row),
    }


# ── records and log ─────────────────────────────────────────────────────────────────────────────────────


@get("/records/{index:int}", guards=[needs("viewer")], include_in_schema=False)
async def record(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, index: FromPath[int]
) -> Response[str]:
    """A record with its proof."""

    def read() -> dict[str, Any]:
        shown = record_out(services, index)
        path = [bytes.fromhex(step) for step in shown.proof.path or []]
        rungs = climb(bytes.fromhex(shown.proof.leaf_hash), index, shown.proof.tree_size, path)
        return {"record": shown, "rungs": rungs, "log": log_out(services)}

    context = await anyio.to_thread.run_sync(read)
    return page(request, reader, "record.html.j2", here_nav="log", pretty=_pretty, **context)


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _recent_records(services: Services) -> list[dict[str, Any]]:
    size = services.log.size
    recent = []
    for stored in services.log.records(max(0, size - RECORDS_SHOWN), size):
        recent.append({"index": stored.index, "received_at": stored.received_at, "payload": parse(stored.jws)})
    return recent[::-1]


@get("/log", guards=[needs("viewer")], include_in_schema=False)
async def log(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """The log: size, checkpoint, key, how to check it with other tools."""
    context = await anyio.to_thread.run_sync(_log, services)
    return page(request, reader, "log.html.j2", here_nav="log", **context)


def _log(services: Services) -> dict[str, Any]:
    return {"log": log_out(services), "records": _recent_records(services)}


@get("/fragments/log", guards=[needs("viewer")], include_in_schema=False)
async def log_fragment(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """The live part of the log page."""
    context = await anyio.to_thread.run_sync(_log, services)
    return page(request, reader, "_log.html.j2", **context)


@get("/stations", guards=[needs("viewer")], include_in_schema=False)
async def stations(request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader) -> Response[str]:
    """Every station's condition."""
    shown, fault = await anyio.to_thread.run_sync(stations_or_fault, services, reader.language)
    return page(request, reader, "stations.html.j2", here_nav="stations", stations=shown, stations_fault=fault)


@get("/fragments/stations", guards=[needs("viewer")], include_in_schema=False)
async def stations_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader
) -> Response[str]:
    """The live part of the stations page."""
    shown, fault = await anyio.to_thread.run_sync(stations_or_fault, services, reader.language)
    return page(request, reader, "_stations.html.j2", stations=shown, stations_fault=fault)


@get("/api", include_in_schema=False)
async def api_docs(request: Request[Any, Any, Any], reader: GivenReader) -> Response[str]:
    """The API's documentation, rendered from its own OpenAPI description."""
    schema = request.app.openapi_schema.to_schema()
    return page(request, reader, "api.html.j2", here_nav="api", schema=schema, groups=operations(schema))


# ── sign-in and preferences ─────────────────────────────────────────────────────────────────────────────

Form = URLEncodedBody[dict[str, str]]


@get("/sign-in", include_in_schema=False)
async def sign_in_page(
    request: Request[Any, Any, Any],
    reader: GivenReader,
    following: Annotated[str | None, QueryParameter(name="next", max_length=500)] = None,
) -> Response[str] | Redirect:
    """The sign-in form."""
    if reader.account is not None:
        return Redirect(local(following), status_code=303)
    return page(request, reader, "sign_in.html.j2", following=local(following), refusal=None)


@post("/sign-in", guards=[own_form], include_in_schema=False)
async def sign_in(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """Opens a session, or shows the form again with what is wrong."""
    brake: SignInBrake = request.app.state.brake
    address = request.client.host if request.client else "unknown"
    following = local(data.get("next"))
    now_s = services.clock.monotonic_ns() / 1e9
    try:
        brake.check(address, now_s)
        token = await anyio.to_thread.run_sync(
            services.accounts.login,
            data.get("name", "")[:TEXT_LIMIT].strip(),
            data.get("password", "")[:PASSWORD_LIMIT],
            limiter=request.app.state.hashing,
        )
    except GaugeblockError as error:
        problem = problem_of(error, reader.language, "/sign-in")
        if problem.status not in {401, 429}:
            raise
        if problem.status == 401:
            brake.failed(address, now_s)
        return page(request, reader, "sign_in.html.j2", problem.status, following=following, refusal=problem)
    brake.succeeded(address)
    response = Redirect(following, status_code=303)
    response.set_cookie(private_cookie(SESSION_COOKIE, token, services.settings))
    response.set_cookie(private_cookie(GUEST_COOKIE, "", services.settings, ends=True))
    return response


@post("/sign-out", guards=[needs("viewer")], include_in_schema=False)
async def sign_out(services: GivenServices, reader: GivenReader) -> Redirect:
    """Ends the session."""
    if reader.token:
        await anyio.to_thread.run_sync(services.accounts.revoke, reader.token)
    response = Redirect("/sign-in", status_code=303)
    response.set_cookie(private_cookie(SESSION_COOKIE, "", services.settings, ends=True))
    return response


@post("/preferences", guards=[own_form], include_in_schema=False)
async def preferences(services: GivenServices, data: Form) -> Redirect:
    """Language and theme, kept in cookies."""
    response = Redirect(local(data.get("next")), status_code=303)
    if data.get("language") in services.settings.languages:
        response.set_cookie(preference_cookie(LANGUAGE_COOKIE, data["language"], services.settings))
    if data.get("theme") in THEMES:
        response.set_cookie(preference_cookie(THEME_COOKIE, data["theme"], services.settings))
    return response


HANDLERS = [
    overview,
    overview_fragment,
    inspections,
    inspection,
    unit,
    record,
    log,
    log_fragment,
    stations,
    stations_fragment,
    api_docs,
    sign_in_page,
    sign_in,
    sign_out,
    preferences,
]
