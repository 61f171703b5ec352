"""The pages of nonconformities: what is open, one with its units and steps, and its 8D report."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, get_args

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.eight_d import eight_d
from gaugeblock.inspection.nonconformity_lifecycle import TEXT_MAX, Severity
from gaugeblock.inspection.nonconformity_read_model import PAGE
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

UNITS_SHOWN = 200
FORMS = (
    "containment",
    "disposition",
    "cause",
    "corrective_action",
    "effectiveness",
    "prevention",
    "closure",
    "reopening",
    "note",
)
DISPOSITIONS = ("rework", "scrap", "concession", "return", "regrade", "sort")
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

Form = URLEncodedBody[dict[str, str]]


@get("/quality", guards=[needs("viewer")], include_in_schema=False)
async def nonconformities(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    all: FromQuery[bool] = False,
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """What is open, or all; newest first."""
    return await _list(request, services, reader, show_all=all, cursor=cursor)


async def _list(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    *,
    show_all: bool = False,
    cursor: int | None = None,
    refusal: Problem | None = None,
) -> Response[str]:
    desk = services.desks.nonconformities

    def read() -> dict[str, Any]:
        rows = desk.reader.listed(desk.today(), only_open=not show_all, before=cursor)
        return {"rows": rows, "following": rows[-1].index if len(rows) == PAGE else None}

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "nonconformities.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="quality",
        show_all=show_all,
        cursor=cursor,
        refusal=refusal,
        severities=SEVERITIES,
        token=secrets.token_hex(8),
        text_max=TEXT_MAX,
        **context,
    )


@post("/quality", guards=[needs("quality")], include_in_schema=False)
async def open_nonconformity(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """A person opens one."""
    severity: Severity = next((known for known in SEVERITIES if known == data.get("severity")), "major")

    def state() -> str:
        return services.desks.nonconformities.open(
            person_of(reader),
            _token(data),
            severity,
            data.get("text", ""),
            None,
            product=data.get("product", "")[:200],
            station=data.get("station", "")[:200],
            order=data.get("order", "")[:200],
            defect=data.get("defect", "")[:200],
        )

    try:
        name = await anyio.to_thread.run_sync(state)
    except GaugeblockError as error:
        refusal = _refusal(error, reader, "/quality")
        return await _list(request, services, reader, refusal=refusal)
    return Redirect(f"/quality/nonconformities/{name}", status_code=303)


@get("/quality/nonconformities/{name:str}", guards=[needs("viewer")], include_in_schema=False)
async def nonconformity(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, name: FromPath[str]
) -> Response[str]:
    """One with its units, steps and the forms of the next ones."""
    return await _case(request, services, reader, name)


async def _case(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    name: str,
    refusal: Problem | None = None,
    tried: str = "",
) -> Response[str]:
    desk = services.desks.nonconformities
    case = await anyio.to_thread.run_sync(desk.reader.case, name, desk.today())
    stage = case.head.stage
    return page(
        request,
        reader,
        "nonconformity.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="quality",
        case=case,
        head=case.head,
        shown=case.units[:UNITS_SHOWN],
        forms=("reopening", "effectiveness", "prevention", "note") if case.head.closed else FORMS[:-2] + FORMS[-1:],
        unfolded=tried or ("" if stage == "closed" else stage),
        dispositions=DISPOSITIONS,
        refusal=refusal,
        today=desk.today(),
        token=secrets.token_hex(8),
        text_max=TEXT_MAX,
    )


@post("/quality/nonconformities/{name:str}/steps", guards=[needs("quality")], include_in_schema=False)
async def state_step(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, name: FromPath[str]
) -> Response[Any]:
    """A person's step."""
    form = await request.form()
    given = {key: value for key in form if isinstance(value := form[key], str)}
    units = [unit for unit in form.getall("unit", []) if isinstance(unit, str)]
    desk = services.desks.nonconformities
    try:
        statement = _statement(given, units)
        await anyio.to_thread.run_sync(desk.step, person_of(reader), name, _token(given), statement)
    except GaugeblockError as error:
        refusal = _refusal(error, reader, f"/quality/nonconformities/{name}")
        if error.code == "inspection.nonconformity_missing":
            raise
        return await _case(request, services, reader, name, refusal, given.get("step", ""))
    return Redirect(f"/quality/nonconformities/{name}", status_code=303)


def _statement(given: dict[str, str], units: list[str]) -> StepStatement:
    effective = {"yes": True, "no": False}.get(given.get("effective", ""))
    values = {
        "step": given.get("step", ""),
        "text": given.get("text", "").strip(),
        "disposition": given.get("disposition") or None,
        "units": units,
        "authority": given.get("authority", "")[:200].strip(),
        "responsible": given.get("responsible", "")[:200].strip(),
        "due": given.get("due") or None,
        "effective": effective,
    }
    try:
        return msgspec.convert(values, StepStatement)
    except msgspec.ValidationError as error:
        raise BadRequestError(detail=str(error)[:300]) from error


def _token(given: dict[str, str]) -> str:
    token = given.get("token", "")
    if not (6 <= len(token) <= 64 and token.isalnum()):
        raise BadRequestError(detail="token")
    return token


def _refusal(error: GaugeblockError, reader: Reader, instance: str) -> Problem:
    problem = problem_of(error, reader.language, instance)
    if problem.status >= 500:
        raise error
    return problem


@get("/quality/nonconformities/{name:str}/8d", guards=[needs("viewer")], include_in_schema=False)
async def eight_d_page(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, name: FromPath[str]
) -> Response[str]:
    """The 8D report, to be read or printed."""
    desk = services.desks.nonconformities
    case = await anyio.to_thread.run_sync(desk.reader.case, name, desk.today())
    report = eight_d(case, services.settings.origin)
    return page(request, reader, "eight_d.html.j2", here_nav="quality", report=report, head=case.head)


@get("/quality/nonconformities/{name:str}/8d.json", guards=[needs("viewer")], include_in_schema=False)
async def eight_d_file(services: GivenServices, name: FromPath[str]) -> Response[bytes]:
    """The same as a file for the customer's system."""
    desk = services.desks.nonconformities
    case = await anyio.to_thread.run_sync(desk.reader.case, name, desk.today())
    report = msgspec.json.format(msgspec.json.encode(eight_d(case, services.settings.origin)), indent=2)
    return Response(
        report,
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="8d.json"', "Cache-Control": "no-store"},
    )


HANDLERS = [nonconformities, open_nonconformity, nonconformity, state_step, eight_d_page, eight_d_file]
