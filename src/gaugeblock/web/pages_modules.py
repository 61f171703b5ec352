"""Pages about modules: service, candidates and their comparisons, one module with its operating point, training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.comparison import DEFAULT_CRITERIA
from gaugeblock.inspection.modules_read_model import KnownModule, StationModules
from gaugeblock.inspection.operating_points import SCORES_LEAST
from gaugeblock.inspection.training import COMPARE, GOOD_NEEDED, TrainingOptions, TrainingPreview
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language, catalogue
from gaugeblock.plant.settings import InspectionCosts
from gaugeblock.stores.jobs import Job
from gaugeblock.vision.inspector import Manifest
from gaugeblock.vision.operating_point import ZonedOperatingPoint
from gaugeblock.web.access import needs
from gaugeblock.web.api_inspections import TEXT_LIMIT
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.errors import ConfirmationMissingError, CostsNumberError, SignInRequiredError
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services
from gaugeblock.web.problems import Problem, problem_of
from gaugeblock.web.reader import Reader
from gaugeblock.web.words import fault_text

Form = URLEncodedBody[dict[str, str]]
Text = Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)]
MODULE = "/modules/{module_sha256:str}"
SHOWN_ROOMS = (
    "inspection.",
    "stores.module_file",
    "stores.job",
    "vision.cost",
    "vision.level",
    "vision.module",
    "web.confirmation",
    "web.costs",
)
"""Refusals that the person at the form can do something about are shown on the page."""


def person_of(reader: Reader) -> str:
    """Who decides, as an entity.

    Raises
    ------
    SignInRequiredError
    """
    if reader.account is None:
        raise SignInRequiredError
    return f"person:{reader.account.name}"


def name_of(entity: str) -> str:
    """A person's name without its kind."""
    return entity.removeprefix("person:")


# ── all modules ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Done:
    """What has just been decided, for the sentence at the head of the page."""

    action: str
    index: int | None = None
    same: bool = False
    sha: str | None = None


def _modules(services: Services) -> dict[str, Any]:
    stations: list[StationModules] = services.desks.modules.reader.stations()
    running = services.desks.training.running()
    return {"stations": stations, "running": running, "needed": DEFAULT_CRITERIA.shadow_needed, "name_of": name_of}


async def _modules_page(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    refusal: Problem | None = None,
    done: Done | None = None,
) -> Response[str]:
    context = await anyio.to_thread.run_sync(_modules, services)
    status = 200 if refusal is None else refusal.status
    return page(request, reader, "modules.html.j2", status, here_nav="modules", refusal=refusal, done=done, **context)


@get("/modules", guards=[needs("viewer")], include_in_schema=False)
async def modules(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    done: Annotated[str, QueryParameter(pattern="^(|release|rollback|reject|compare|candidate)$")] = "",
    index: Annotated[int | None, QueryParameter(ge=0)] = None,
    same: FromQuery[bool] = False,
    sha: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> Response[str]:
    """Each station's module, candidates and history."""
    told = Done(done, index, same, sha) if done else None
    return await _modules_page(request, services, reader, done=told)


@get("/fragments/modules", guards=[needs("viewer")], include_in_schema=False)
async def modules_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader
) -> Response[str]:
    """The live part of the page: how far shadows are."""
    context = await anyio.to_thread.run_sync(_modules, services)
    return page(request, reader, "_modules.html.j2", **context)


def _confirmed(data: dict[str, str]) -> None:
    if data.get("confirm") != "yes":
        raise ConfirmationMissingError


def _index(data: dict[str, str]) -> int | None:
    text = data.get("comparison_index", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


async def _decide(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    act: Callable[[], dict[str, str]],
) -> Response[Any]:
    """Do it and go back to the page with a sentence, or show the page with why not."""
    try:
        told = await anyio.to_thread.run_sync(act)
    except GaugeblockError as error:
        if not error.code.startswith(SHOWN_ROOMS):
            raise
        return await _modules_page(request, services, reader, problem_of(error, reader.language, request.url.path))
    return Redirect("/modules?" + urlencode(told), status_code=303)


@post(f"{MODULE}/release", guards=[needs("quality")], include_in_schema=False)
async def release(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    module_sha256: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Puts a candidate in service."""
    person = person_of(reader)

    def act() -> dict[str, str]:
        _confirmed(data)
        decided = services.desks.modules.release(
            person,
            data.get("station", ""),
            module_sha256,
            comparison_index=_index(data),
            reason=data.get("reason", ""),
        )
        return {"done": "release", "index": str(decided.index), "same": "true" if decided.same_person else "false"}

    return await _decide(request, services, reader, act)


@post(f"{MODULE}/rollback", guards=[needs("quality")], include_in_schema=False)
async def rollback(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    module_sha256: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Goes back to an earlier module."""
    person = person_of(reader)

    def act() -> dict[str, str]:
        _confirmed(data)
        decided = services.desks.modules.rollback(
            person, data.get("station", ""), module_sha256, reason=data.get("reason", "")
        )
        return {"done": "rollback", "index": str(decided.index)}

    return await _decide(request, services, reader, act)


@post(f"{MODULE}/reject", guards=[needs("quality")], include_in_schema=False)
async def reject(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    module_sha256: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Closes a candidate."""
    person = person_of(reader)

    def act() -> dict[str, str]:
        _confirmed(data)
        decided = services.desks.modules.reject(
            person, data.get("station", ""), module_sha256, reason=data.get("reason", "")
        )
        return {"done": "reject", "index": str(decided.index)}

    return await _decide(request, services, reader, act)


@post(f"{MODULE}/compare", guards=[needs("quality")], include_in_schema=False)
async def compare(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    module_sha256: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Starts a comparison."""

    def act() -> dict[str, str]:
        services.desks.training.compare(data.get("station", ""), module_sha256)
        return {"done": "compare"}

    return await _decide(request, services, reader, act)


# ── one module ──────────────────────────────────────────────────────────────────────────────────────────


def costs_of(escape: str | None, overkill: str | None, review: str | None, rate_percent: str | None) -> InspectionCosts:
    """Costs as typed; the defect rate in per cent.

    Raises
    ------
    CostsNumberError

    >>> costs_of("100", "2", "", "1")
    InspectionCosts(escape=100.0, overkill=2.0, review=None, defect_rate=0.01)
    """
    try:
        numbers = [float((text or "").replace(",", ".")) for text in (escape, overkill, rate_percent)]
        looked = float(review.replace(",", ".")) if review and review.strip() else None
    except ValueError:
        raise CostsNumberError from None
    if not all(math.isfinite(number) for number in (*numbers, looked or 0.0)):
        raise CostsNumberError
    return InspectionCosts(escape=numbers[0], overkill=numbers[1], review=looked, defect_rate=numbers[2] / 100.0)


def _module(services: Services, module_sha256: str, language: Language) -> dict[str, Any]:
    known: KnownModule = services.desks.modules.module(module_sha256)
    manifest: Manifest | None = None
    fault: str | None = None
    try:
        manifest = services.desks.operating_points.manifest(module_sha256)
    except GaugeblockError as error:
        fault = f"{error.text(language)} {error.remedy(language)}"
    stations = services.desks.modules.reader.stations()
    serving = [each.station for each in stations if each.in_service and each.in_service.module_sha256 == module_sha256]
    return {
        "known": known,
        "manifest": manifest,
        "fault": fault,
        "serving": serving,
        "station_names": [each.station for each in stations],
        "can_try": manifest is not None and len(manifest.held_out_scores) >= SCORES_LEAST,
        "name_of": name_of,
    }


def _typed(given: dict[str, str | None], point: ZonedOperatingPoint | None) -> dict[str, str]:
    """What the form shows: what was typed, else the module's own costs."""
    if any(given.values()) or point is None or point.costs is None:
        return {name: value or "" for name, value in given.items()}
    costs = point.costs
    return {
        "escape": f"{costs.escape:g}",
        "overkill": f"{costs.overkill:g}",
        "review": "" if costs.review is None else f"{costs.review:g}",
        "rate": "" if point.defect_rate is None else f"{100 * point.defect_rate:g}",
    }


@get(MODULE, guards=[needs("viewer")], include_in_schema=False)
async def module(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    module_sha256: FromPath[str],
    escape: Text = None,
    overkill: Text = None,
    review: Text = None,
    rate: Text = None,
) -> Response[str]:
    """A module: facts, operating point, and what other costs would mean."""
    given = {"escape": escape, "overkill": overkill, "review": review, "rate": rate}

    def read() -> tuple[dict[str, Any], ZonedOperatingPoint | None, Problem | None]:
        context = _module(services, module_sha256, reader.language)
        if not (context["can_try"] and any(given.values())):
            return context, None, None
        try:
            costs = costs_of(escape, overkill, review, rate)
            return context, services.desks.operating_points.attempt(module_sha256, costs), None
        except GaugeblockError as error:
            return context, None, problem_of(error, reader.language, request.url.path)

    context, tried, refusal = await anyio.to_thread.run_sync(read)
    manifest = context["manifest"]
    return page(
        request,
        reader,
        "module.html.j2",
        200 if refusal is None else refusal.status,
        here_nav="modules",
        tried=tried,
        refusal=refusal,
        typed=_typed(given, None if manifest is None else manifest.operating_point),
        **context,
    )


@post(f"{MODULE}/operating-point", guards=[needs("quality")], include_in_schema=False)
async def make_candidate(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    module_sha256: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Makes a candidate with another operating point."""
    person = person_of(reader)

    def act() -> dict[str, str]:
        costs = costs_of(data.get("escape"), data.get("overkill"), data.get("review"), data.get("rate"))
        made = services.desks.operating_points.make(person, data.get("station", ""), module_sha256, costs)
        return {"done": "candidate", "sha": made}

    return await _decide(request, services, reader, act)


# ── training ────────────────────────────────────────────────────────────────────────────────────────────


def stage_word(stage: str | None, language: Language) -> str:
    """What a job is doing; a stage that this release has no word for is work all the same."""
    words = catalogue(language)
    return words.get(stage or "", words["inspection.module.stage.working"])


def job_fault(job: Job, language: Language) -> str:
    """Why a job failed, in words."""
    return "" if job.error_code is None else fault_text(job.error_code, job.error_facts or {}, language)


def _jobs(services: Services, language: Language) -> dict[str, Any]:
    return {
        "running": services.desks.training.running(),
        "jobs": services.desks.training.jobs(),
        "stage_word": lambda stage: stage_word(stage, language),
        "job_fault": lambda job: job_fault(job, language),
        "compare_kind": COMPARE,
    }


def _options(services: Services, data: dict[str, str]) -> TrainingOptions:
    station = data.get("station", "")
    product = data.get("product") or None
    if "product" not in data:
        product = services.desks.training.product_of(station)
    return TrainingOptions(
        station=station,
        product=product,
        with_passed=data.get("with_passed") == "yes",
        folder=(data.get("folder") or "").strip()[:500] or None,
    )


async def _training_page(
    request: Request[Any, Any, Any],
    services: Services,
    reader: Reader,
    asked: dict[str, str] | None,
    refusal: Problem | None = None,
) -> Response[str]:
    def read() -> tuple[dict[str, Any], TrainingPreview | None, TrainingOptions | None, Problem | None]:
        stations = services.desks.training.stations()
        context = {
            "station_names": stations,
            "product_of": {station: services.desks.training.product_of(station) for station in stations},
            **_jobs(services, reader.language),
        }
        wanted = asked if asked is not None else {"station": stations[0]} if stations else None
        if wanted is None:
            return context, None, None, None
        try:
            options = _options(services, wanted)
            return context, services.desks.training.preview(options), options, None
        except GaugeblockError as error:
            if not error.code.startswith(SHOWN_ROOMS):
                raise
            return context, None, None, problem_of(error, reader.language, request.url.path)

    context, preview, options, found = await anyio.to_thread.run_sync(read)
    shown = refusal or found
    return page(
        request,
        reader,
        "module_training.html.j2",
        200 if shown is None else shown.status,
        here_nav="modules",
        preview=preview,
        options=options,
        refusal=shown,
        needed=GOOD_NEEDED,
        **context,
    )


@get("/modules/training", guards=[needs("viewer")], include_in_schema=False)
async def training(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    station: Text = None,
    product: Text = None,
    with_passed: Annotated[str, QueryParameter(pattern="^(|yes)$")] = "",
    folder: Annotated[str | None, QueryParameter(max_length=500)] = None,
) -> Response[str]:
    """What a training would use, the one that runs, and the latest ones."""
    asked = None
    if station is not None:
        asked = {"station": station, "with_passed": with_passed, "folder": folder or ""}
        if product is not None:
            asked["product"] = product
    return await _training_page(request, services, reader, asked)


@get("/fragments/modules/training", guards=[needs("viewer")], include_in_schema=False)
async def training_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader
) -> Response[str]:
    """The live part of the training page."""
    context = await anyio.to_thread.run_sync(_jobs, services, reader.language)
    return page(request, reader, "_module_training.html.j2", **context)


@post("/modules/training", guards=[needs("quality")], include_in_schema=False)
async def start_training(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, data: Form
) -> Response[Any]:
    """Starts a training."""
    person = person_of(reader)

    def act() -> None:
        services.desks.training.start(person, _options(services, data))

    try:
        await anyio.to_thread.run_sync(act)
    except GaugeblockError as error:
        if not error.code.startswith(SHOWN_ROOMS):
            raise
        return await _training_page(request, services, reader, data, problem_of(error, reader.language, "/modules"))
    return Redirect("/modules/training", status_code=303)


@post("/modules/training/{job:str}/cancel", guards=[needs("quality")], include_in_schema=False)
async def cancel_training(services: GivenServices, job: FromPath[str]) -> Redirect:
    """Asks a training or comparison to stop."""
    await anyio.to_thread.run_sync(services.desks.training.cancel, job)
    return Redirect("/modules/training", status_code=303)


HANDLERS = [
    modules,
    modules_fragment,
    release,
    rollback,
    reject,
    compare,
    training,
    training_fragment,
    start_training,
    cancel_training,
    module,
    make_candidate,
]
