"""Nonconformities as JSON: what is open, one with everything, its 8D report, and a person's steps."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from gaugeblock.inspection.eight_d import EightD, eight_d
from gaugeblock.inspection.nonconformity_lifecycle import Severity
from gaugeblock.inspection.nonconformity_read_model import PAGE, Case, Nonconformity
from gaugeblock.plant.nonconformity_facets import StepStatement
from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.problems import may_answer
from gaugeblock.web.reader import Reader

Token = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{6,64}$")]
Text200 = Annotated[str, msgspec.Meta(max_length=200)]
Text4000 = Annotated[str, msgspec.Meta(max_length=4000)]


class NonconformitiesOut(msgspec.Struct, frozen=True):
    """A page; ``next`` is the cursor of the following one."""

    nonconformities: list[Nonconformity]
    next: int | None


class StepIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step; the same ``token`` again states nothing twice. Other fields as in the record's statement."""

    token: Token
    step: Literal[
        "containment",
        "disposition",
        "cause",
        "corrective_action",
        "effectiveness",
        "prevention",
        "closure",
        "reopening",
        "note",
    ]
    text: Text4000 = ""
    disposition: Literal["rework", "scrap", "concession", "return", "regrade", "sort"] | None = None
    units: Annotated[tuple[Text200, ...], msgspec.Meta(max_length=1000)] = ()
    authority: Text200 = ""
    responsible: Text200 = ""
    due: Annotated[str, msgspec.Meta(max_length=10)] | None = None
    effective: bool | None = None

    def statement(self) -> StepStatement:
        """As the record says it."""
        values = msgspec.structs.asdict(self)
        del values["token"]
        return StepStatement(**values)


class NonconformityIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A nonconformity opened by hand."""

    token: Token
    severity: Severity
    text: Text4000
    verdict_index: Annotated[int, msgspec.Meta(ge=0)] | None = None
    product: Text200 = ""
    station: Text200 = ""
    order: Text200 = ""
    defect: Text200 = ""


class OpenedOut(msgspec.Struct, frozen=True):
    """Its number."""

    nonconformity: str


class StatedOut(msgspec.Struct, frozen=True):
    """The index of the record that states it."""

    index: int


def person_of(reader: Reader) -> str:
    """Who states what this reader sends."""
    assert reader.account is not None, "needs() lets nobody else in"
    return f"person:{reader.account.name}"


@get(
    "/nonconformities",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Nonconformities, newest first",
    responses=may_answer(401),
)
def nonconformities(
    services: GivenServices,
    all: FromQuery[bool] = False,
    cursor: Annotated[int | None, QueryParameter(ge=0, description="From `next` of the page before.")] = None,
) -> NonconformitiesOut:
    """Those that are open; with `all=true` also those that are closed."""
    desk = services.desks.nonconformities
    rows = desk.reader.listed(desk.today(), only_open=not all, before=cursor)
    return NonconformitiesOut(rows, rows[-1].index if len(rows) == PAGE else None)


@get(
    "/nonconformities/{nonconformity:str}",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="One nonconformity",
    responses=may_answer(401, 404),
)
def nonconformity(services: GivenServices, nonconformity: FromPath[str]) -> Case:
    """With its units and steps; each names its record."""
    desk = services.desks.nonconformities
    return desk.reader.case(nonconformity, desk.today())


@get(
    "/nonconformities/{nonconformity:str}/8d",
    guards=[needs("viewer")],
    sync_to_thread=True,
    tags=["quality"],
    summary="One nonconformity as 8D report",
    responses=may_answer(401, 404),
)
def eight_d_report(services: GivenServices, nonconformity: FromPath[str]) -> EightD:
    """D1 to D8 filled from the steps; `missing` where nothing has been stated."""
    desk = services.desks.nonconformities
    return eight_d(desk.reader.case(nonconformity, desk.today()), services.settings.origin)


@post(
    "/nonconformities",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["quality"],
    summary="Open a nonconformity by hand",
    responses=may_answer(401, 403, 422),
)
def open_nonconformity(services: GivenServices, reader: GivenReader, data: JSONBody[NonconformityIn]) -> OpenedOut:
    """For what no station saw, a complaint say. The stations' NOK parts open theirs by themselves."""
    name = services.desks.nonconformities.open(
        person_of(reader),
        data.token,
        data.severity,
        data.text,
        data.verdict_index,
        product=data.product,
        station=data.station,
        order=data.order,
        defect=data.defect,
    )
    return OpenedOut(name)


@post(
    "/nonconformities/{nonconformity:str}/steps",
    guards=[needs("quality")],
    sync_to_thread=True,
    tags=["quality"],
    summary="State a step",
    responses=may_answer(401, 403, 404, 409, 422),
)
def state_step(
    services: GivenServices, reader: GivenReader, nonconformity: FromPath[str], data: JSONBody[StepIn]
) -> StatedOut:
    """Refused where it makes no sense now: closing, for one, until every unit has a disposition."""
    desk = services.desks.nonconformities
    return StatedOut(desk.step(person_of(reader), nonconformity, data.token, data.statement()))


HANDLERS = [nonconformities, nonconformity, eight_d_report, open_nonconformity, state_step]
