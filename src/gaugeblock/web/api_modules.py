"""Modules as JSON: what is in service, candidates, decisions, operating points, trainings."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gaugeblock.inspection.modules import Decision
from gaugeblock.inspection.modules_read_model import CandidateRow, ServiceEntry, StationModules
from gaugeblock.inspection.training import TrainingOptions, TrainingPreview
from gaugeblock.plant.settings import InspectionCosts
from gaugeblock.stores.jobs import Job
from gaugeblock.vision.inspector import TrainingFacts
from gaugeblock.vision.operating_point import ZonedOperatingPoint
from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.pages_modules import person_of
from gaugeblock.web.problems import may_answer

MODULE = "/modules/{module_sha256:str}"


class ModulesOut(msgspec.Struct, frozen=True):
    """All stations by name."""

    stations: list[StationModules]


class PointOut(ZonedOperatingPoint, frozen=True, kw_only=True):
    """An operating point. Above ``review_from`` and up to ``threshold`` a person decides; equal where nobody does."""

    review_from: float


def point_out(point: ZonedOperatingPoint) -> PointOut:
    """The point as the API gives it: its review zone is always said."""
    return PointOut(**msgspec.structs.asdict(point))


class ModuleOut(msgspec.Struct, frozen=True):
    """A module: digests, training, operating point; and what records say of it, newest first."""

    module_sha256: str
    product: str
    network_sha256: str
    bank_sha256: str
    side: int
    training: TrainingFacts
    operating_point: PointOut
    operating_point_sha256: str
    entries: list[ServiceEntry]
    candidates: list[CandidateRow]


class ReleaseIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release rests on a comparison that was passed, or on a reason."""

    station: str
    comparison_index: int | None = None
    reason: str = ""


class ReasonIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rollback or a rejection."""

    station: str
    reason: str


class StationIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which station."""

    station: str


class PointIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Costs from which thresholds follow; without, the line is drawn on good parts alone."""

    station: str
    costs: InspectionCosts | None = None
    overkill_target: float = 0.05


class JobOut(msgspec.Struct, frozen=True):
    """A job was submitted."""

    job: str


class CandidateOut(msgspec.Struct, frozen=True):
    """A candidate was made."""

    module_sha256: str


class TrainingsOut(msgspec.Struct, frozen=True):
    """The latest trainings and comparisons, newest first."""

    jobs: list[Job]


@get(
    "/modules",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["modules"],
    summary="Stations, their modules and candidates",
    responses=may_answer(401),
)
def modules(services: GivenServices) -> ModulesOut:
    """What is in service since when, by whom and why; candidates with their latest comparison; history."""
    return ModulesOut(services.desks.modules.reader.stations())


@get(
    MODULE,
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["modules"],
    summary="One module",
    responses=may_answer(401, 404),
)
def module(services: GivenServices, module_sha256: FromPath[str]) -> ModuleOut:
    """From its file and from the records about it."""
    known = services.desks.modules.module(module_sha256)
    manifest = services.desks.operating_points.manifest(module_sha256)
    return ModuleOut(
        module_sha256=manifest.module_sha256,
        product=manifest.product,
        network_sha256=manifest.network_sha256,
        bank_sha256=manifest.bank_sha256,
        side=manifest.side,
        training=manifest.training,
        operating_point=point_out(manifest.operating_point),
        operating_point_sha256=manifest.operating_point.digest(),
        entries=list(known.entries),
        candidates=list(known.candidates),
    )


@get(
    f"{MODULE}/file",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["modules"],
    summary="The module's file",
    media_type="application/octet-stream",
    responses=may_answer(401, 403, 404),
)
def module_file(services: GivenServices, module_sha256: FromPath[str]) -> Response[bytes]:
    """The `.gbm` file, verified against its digest."""
    data = services.desks.modules.file(module_sha256)
    headers = {
        "Content-Disposition": f'attachment; filename="{module_sha256}.gbm"',
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


@get(
    f"{MODULE}/operating-point",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["modules"],
    summary="The operating point for other costs",
    responses=may_answer(401, 404, 422),
)
def try_costs(
    services: GivenServices,
    module_sha256: FromPath[str],
    escape: Annotated[float, QueryParameter(gt=0, le=1e12)],
    overkill: Annotated[float, QueryParameter(gt=0, le=1e12)],
    defect_rate: Annotated[float, QueryParameter(gt=0, lt=1)],
    review: Annotated[float | None, QueryParameter(gt=0, le=1e12)] = None,
) -> PointOut:
    """Recomputed from the held-out scores that the module keeps; nothing changes."""
    costs = InspectionCosts(escape=escape, overkill=overkill, review=review, defect_rate=defect_rate)
    return point_out(services.desks.operating_points.attempt(module_sha256, costs))


@post(
    f"{MODULE}/operating-point",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["modules"],
    summary="Make a candidate with another operating point",
    responses=may_answer(401, 403, 404, 409, 422),
)
def make_candidate(
    services: GivenServices, reader: GivenReader, module_sha256: FromPath[str], data: JSONBody[PointIn]
) -> CandidateOut:
    """Same network and bank, other thresholds: again a candidate to be compared and released."""
    made = services.desks.operating_points.make(
        person_of(reader), data.station, module_sha256, data.costs, data.overkill_target
    )
    return CandidateOut(made)


@post(
    f"{MODULE}/release",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["modules"],
    summary="Put a candidate in service",
    responses=may_answer(401, 403, 404, 409, 422),
)
def release(
    services: GivenServices, reader: GivenReader, module_sha256: FromPath[str], data: JSONBody[ReleaseIn]
) -> Decision:
    """`same_person` says whether the one who asked for the candidate also released it."""
    return services.desks.modules.release(
        person_of(reader), data.station, module_sha256, comparison_index=data.comparison_index, reason=data.reason
    )


@post(
    f"{MODULE}/rollback",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["modules"],
    summary="Go back to an earlier module",
    responses=may_answer(401, 403, 404, 409, 422),
)
def rollback(
    services: GivenServices, reader: GivenReader, module_sha256: FromPath[str], data: JSONBody[ReasonIn]
) -> Decision:
    """To any module that has been in service at the station."""
    return services.desks.modules.rollback(person_of(reader), data.station, module_sha256, reason=data.reason)


@post(
    f"{MODULE}/reject",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["modules"],
    summary="Reject a candidate",
    responses=may_answer(401, 403, 404, 409, 422),
)
def reject(
    services: GivenServices, reader: GivenReader, module_sha256: FromPath[str], data: JSONBody[ReasonIn]
) -> Decision:
    """It runs in shadow no longer; its file and records stay."""
    return services.desks.modules.reject(person_of(reader), data.station, module_sha256, reason=data.reason)


@post(
    f"{MODULE}/compare",
    guards=[needs("quality")],
    sync_to_thread=True,
    status_code=202,
    tags=["modules"],
    summary="Compare a candidate with the module in service",
    responses=may_answer(401, 403, 404, 409),
)
def compare(services: GivenServices, module_sha256: FromPath[str], data: JSONBody[StationIn]) -> JobOut:
    """A job; the comparison is a record when it is done."""
    return JobOut(services.desks.training.compare(data.station, module_sha256))


@get(
    "/trainings",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["modules"],
    summary="Trainings and comparisons",
    responses=may_answer(401),
)
def trainings(services: GivenServices) -> TrainingsOut:
    """With progress, result, or the error by code and facts."""
    return TrainingsOut(services.desks.training.jobs())


@post(
    "/trainings/preview",
    guards=[needs("viewer")],
    sync_to_thread=True,
    status_code=200,
    tags=["modules"],
    summary="What a training would use",
    responses=may_answer(401, 403, 404, 422),
)
def preview(services: GivenServices, data: JSONBody[TrainingOptions]) -> TrainingPreview:
    """Counts, and the contradicting labels by name."""
    return services.desks.training.preview(data)


@post(
    "/trainings",
    guards=[needs("quality")],
    sync_to_thread=True,
    status_code=202,
    tags=["modules"],
    summary="Start a training",
    responses=may_answer(401, 403, 404, 409, 422),
)
def start(services: GivenServices, reader: GivenReader, data: JSONBody[TrainingOptions]) -> JobOut:
    """A job; the candidate is a record when it is done."""
    return JobOut(services.desks.training.start(person_of(reader), data))


@get(
    "/trainings/{job:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["modules"],
    summary="One training or comparison",
    responses=may_answer(401, 404),
)
def training(services: GivenServices, job: FromPath[str]) -> Job:
    """As it stands."""
    return services.desks.training.job(job)


@post(
    "/trainings/{job:str}/cancel",
    guards=[needs("quality")],
    sync_to_thread=True,
    status_code=202,
    tags=["modules"],
    summary="Ask a training or comparison to stop",
    responses=may_answer(401, 403, 404),
)
def cancel(services: GivenServices, job: FromPath[str]) -> JobOut:
    """It stops at its next look; what is in the feature cache stays for the next one."""
    services.desks.training.cancel(job)
    return JobOut(job)


HANDLERS = [
    modules,
    module,
    module_file,
    try_costs,
    make_candidate,
    release,
    rollback,
    reject,
    compare,
    trainings,
    preview,
    start,
    training,
    cancel,
]
