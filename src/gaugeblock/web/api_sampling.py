"""Acceptance sampling as JSON: plans with the severity in force, lots, and a person's commands."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gaugeblock.inspection.sampling_plan import LOT_MAX
from gaugeblock.inspection.sampling_queries import PAGE, Lot, LotLine, ProductPlan
from gaugeblock.plant.control_facets import LotOpenedStatement, SamplingPlanStatement
from gaugeblock.web.access import needs
from gaugeblock.web.api_nonconformities import StatedOut, Text200, Token, person_of
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.problems import may_answer


class LotsOut(msgspec.Struct, frozen=True):
    """A page; ``next`` is the cursor of the following one."""

    lots: list[LotLine]
    next: int | None


class PlanIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product's plan; ``aql`` is a value of ISO 2859-1 up to 10, in per cent nonconforming."""

    token: Token
    product: Text200
    level: Literal["I", "II", "III", "S-1", "S-2", "S-3", "S-4"]
    aql: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?$")]
    steady_production: bool = False
    reduced_allowed: bool = False
    active: bool = True
    resumes: bool = False

    def statement(self) -> SamplingPlanStatement:
        """As the record says it."""
        return SamplingPlanStatement(
            self.level, self.aql, self.steady_production, self.reduced_allowed, self.active, self.resumes
        )


class LotIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lot that is presented; without an ``order`` the lot's name is the order's."""

    token: Token
    product: Text200
    lot: Text200
    lot_size: Annotated[int, msgspec.Meta(ge=0, le=LOT_MAX)]
    order: Text200 = ""
    inspected: Literal["all", "sample"] = "all"
    resubmitted: bool = False

    def statement(self) -> LotOpenedStatement:
        """As the record says it."""
        return LotOpenedStatement(self.lot_size, self.inspected, self.resubmitted)


@get(
    "/sampling/plans",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Sampling plans and the severity in force",
    responses=may_answer(401),
)
def plans(services: GivenServices) -> list[ProductPlan]:
    """Of every product that has or had one."""
    return services.desks.sampling.reader.plans()


@post(
    "/sampling/plans",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Set a product's plan",
    responses=may_answer(401, 403, 422),
)
def set_plan(services: GivenServices, reader: GivenReader, data: JSONBody[PlanIn]) -> StatedOut:
    """Level and AQL after ISO 2859-1; another level or AQL begins a new series."""
    index = services.desks.sampling.plan(person_of(reader), data.token, data.product, data.statement())
    return StatedOut(index)


@get(
    "/sampling/lots",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Lots, newest first",
    responses=may_answer(401),
)
def lots(
    services: GivenServices,
    cursor: Annotated[int | None, QueryParameter(ge=0, description="From `next` of the page before.")] = None,
) -> LotsOut:
    """By their opening."""
    rows = services.desks.sampling.reader.listed(before=cursor)
    return LotsOut(rows, rows[-1].opened.index if len(rows) == PAGE else None)


@get(
    "/sampling/lots/{index:int}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="One lot",
    responses=may_answer(401, 404),
)
def lot(services: GivenServices, index: FromPath[int]) -> Lot:
    """By the record that opened it: plan, sample drawn, decision."""
    return services.desks.sampling.reader.lot(index)


@post(
    "/sampling/lots",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Present a lot",
    responses=may_answer(401, 403, 409, 422),
)
def open_lot(services: GivenServices, reader: GivenReader, data: JSONBody[LotIn]) -> StatedOut:
    """The server decides it as soon as every unit of its sample is settled."""
    desk = services.desks.sampling
    return StatedOut(desk.open_lot(person_of(reader), data.token, data.product, data.lot, data.order, data.statement()))


HANDLERS = [plans, set_plan, lots, lot, open_lot]
