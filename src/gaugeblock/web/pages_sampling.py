"""The pages of acceptance sampling: plans with the severity in force, lots, and one lot with its sample and curve."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, TypeVar

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.lots import operating_characteristic
from gaugeblock.inspection.sampling_plan import AQL_PERCENT_MAX, AQLS, LEVELS, SamplingPlan, acceptance_probability
from gaugeblock.inspection.sampling_queries import PAGE
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import person_of
from gaugeblock.web.api_sampling import LotIn, PlanIn
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import BadRequestError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader

WIDTH, HEIGHT, LEFT, FOOT = 480.0, 200.0, 44.0, 26.0

Form = URLEncodedBody[dict[str, str]]
T = TypeVar("T")


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """An operating characteristic as lines of an SVG; ``at_aql`` is the chance of acceptance at the AQL."""

    line: str
    end: float
    aql_x: float
    at_aql: float
    ticks: list[tuple[float, float]]


def curve_of(plan: SamplingPlan) -> Curve:
    """The plan's curve, drawn.

    >>> from gaugeblock.inspection.sampling_plan import sampling_plan
    >>> curve = curve_of(sampling_plan(1000, 1.0))
    >>> round(curve.at_aql, 3), curve.line[:9]
    (0.953, '44.0,6.0 ')
    """
    points = operating_characteristic(plan)
    end = points[-1][0]

    def x(share: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 12) * min(1.0, share / end), 1)

    def y(chance: float) -> float:
        return round(6 + (HEIGHT - FOOT - 6) * (1 - chance), 1)

    share = plan.aql / 100
    return Curve(
        line=" ".join(f"{x(p)},{y(chance)}" for p, chance in points),
        end=end,
        aql_x=x(share),
        at_aql=acceptance_probability(plan.sample_size, plan.accept, share),
        ticks=[(x(end * step / 4), end * step / 4) for step in range(5)],
    )


@get("/quality/sampling", guards=[needs("viewer")], include_in_schema=False)
async def sampling(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Plans and lots."""
    return await _overview(request, services, reader, cursor=cursor)


async def _overview(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    *,
    cursor: int | None = None,
    refusal: Problem | None = None,
    tried: str = "",
    given: dict[str, str] | None = None,
) -> Response[str]:
    projected = services.desks.sampling.reader

    def read() -> dict[str, Any]:
        lots = projected.listed(before=cursor)
        return {
            "plans": projected.plans(),
            "lots": lots,
            "following": lots[-1].opened.index if len(lots) == PAGE else None,
        }

    context = await anyio.to_thread.run_sync(read)
    return page(
        request,
        reader,
        "sampling.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="quality",
        cursor=cursor,
        refusal=refusal,
        tried=tried,
        given=given or {},
        levels=LEVELS,
        aqls=[f"{aql:g}" for aql in AQLS if aql <= AQL_PERCENT_MAX],
        token=secrets.token_hex(8),
        **context,
    )


@post("/quality/sampling/plans", guards=[needs("quality")], include_in_schema=False)
async def set_plan(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """A person sets a product's plan."""

    def state() -> None:
        flags = ("steady_production", "reduced_allowed", "resumes")
        values: dict[str, object] = {name: data.get(name) == "true" for name in flags}
        values |= {name: data.get(name, "") for name in ("token", "product", "level", "aql")}
        plan = _converted(values | {"active": data.get("active", "true") == "true"}, PlanIn)
        services.desks.sampling.plan(person_of(reader), plan.token, plan.product, plan.statement())

    try:
        await anyio.to_thread.run_sync(state)
    except GaugeblockError as error:
        refusal = _refusal(error, reader)
        return await _overview(request, services, reader, refusal=refusal, tried="plan", given=data)
    return Redirect("/quality/sampling", status_code=303)


@post("/quality/sampling/lots", guards=[needs("quality")], include_in_schema=False)
async def open_lot(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """A person presents a lot."""

    def state() -> int:
        values: dict[str, object] = {name: data.get(name, "") for name in ("token", "product", "lot", "order")}
        size = data.get("lot_size", "").strip()
        values["lot_size"] = int(size) if size.isascii() and size.isdigit() and len(size) < 10 else 0
        values["inspected"] = data.get("inspected", "all")
        values["resubmitted"] = data.get("resubmitted") == "true"
        lot = _converted(values, LotIn)
        desk = services.desks.sampling
        return desk.open_lot(person_of(reader), lot.token, lot.product, lot.lot, lot.order, lot.statement())

    try:
        index = await anyio.to_thread.run_sync(state)
    except GaugeblockError as error:
        refusal = _refusal(error, reader)
        return await _overview(request, services, reader, refusal=refusal, tried="lot", given=data)
    return Redirect(f"/quality/sampling/lots/{index}", status_code=303)


def _converted(values: dict[str, object], shape: type[T]) -> T:
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise BadRequestError(detail=str(error)[:300]) from error


def _refusal(error: GaugeblockError, reader: Reader) -> Problem:
    problem = problem_of(error, reader.language, "/quality/sampling")
    if problem.status >= 500:
        raise error
    return problem


@get("/quality/sampling/lots/{index:int}", guards=[needs("viewer")], include_in_schema=False)
async def lot(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, index: FromPath[int]
) -> Response[str]:
    """One lot: its plan, sample and decision."""
    shown = await anyio.to_thread.run_sync(services.desks.sampling.reader.lot, index)
    plan = shown.progress.plan if shown.progress is not None else None
    return page(
        request,
        reader,
        "lot.html.j2",
        here_nav="quality",
        lot=shown,
        plan=plan,
        curve=curve_of(plan) if plan is not None else None,
        size=(WIDTH, HEIGHT, LEFT, FOOT),
    )


HANDLERS = [sampling, set_plan, open_lot, lot]
