"""The line as JSON: live state, key figures, bottleneck, forecasts, and what-if questions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.production.bottleneck import BottleneckShare
from gaugeblock.production.line_errors import LineUnknownError
from gaugeblock.twin.what_if import Comparison
from gaugeblock.web.access import needs
from gaugeblock.web.dependencies import GivenServices
from gaugeblock.web.problems import may_answer

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class MachineOut(msgspec.Struct, frozen=True):
    """A machine: what it does and since when."""

    machine: str
    station: str
    state: str
    since: str | None
    unit: str | None
    reason: str


class BufferOut(msgspec.Struct, frozen=True):
    """A buffer; ``capacity`` is ``null`` where it is unlimited."""

    buffer: str
    parts: int
    capacity: int | None


class LineOut(msgspec.Struct, frozen=True):
    """A line at a moment; figures are of the window before it."""

    line: str
    at: str | None
    live: bool
    record_index: int
    units: int
    machines: list[MachineOut]
    buffers: list[BufferOut]
    bottleneck: list[BottleneckShare]
    arrow_rule_primary: str | None
    kpis: dict[str, dict[str, float]]
    oddities: dict[str, int]


class LinesOut(msgspec.Struct, frozen=True):
    """Lines that have a model."""

    lines: list[str]


class DateOut(msgspec.Struct, frozen=True):
    """An order's newest stated forecast; ``forecast_index`` is its record."""

    order: str
    product: str
    quantity: int
    finished: int
    due: str | None
    forecast_index: int | None
    completion: dict[str, str]
    on_time: float | None


class DatesOut(msgspec.Struct, frozen=True):
    """Open orders; ``coverage_90`` is of the outcomes so far, one an order."""

    orders: list[DateOut]
    outcomes: int
    coverage_90: float | None
    drifts: list[str]


class QuestionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What if? ``changes`` as ``gaugeblock twin ask -w`` writes them; ``endless`` leaves the orders out."""

    changes: Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=500)]], msgspec.Meta(max_length=20)]
    horizon_s: Annotated[float, msgspec.Meta(ge=1.0, le=2_592_000.0)]
    replications: Annotated[int, msgspec.Meta(ge=2, le=5_000)] = 200
    endless: bool = False


class QuestionOut(msgspec.Struct, frozen=True):
    """A question as it stands; ``answer`` once ``state`` is ``done``."""

    question: str
    state: str
    done: int
    total: int
    error_code: str | None
    answer: Comparison | None


def _desk(services: Any) -> Any:
    if services.line is None:
        raise LineUnknownError(line="–")
    return services.line


@get("/lines", guards=[needs("viewer")], tags=["line"], sync_to_thread=True, responses=may_answer(401))
def lines(services: GivenServices) -> LinesOut:
    """Lines that have a model."""
    return LinesOut([] if services.line is None else services.line.lines())


@get(
    "/lines/{line:str}",
    guards=[needs("viewer")],
    tags=["line"],
    sync_to_thread=True,
    responses=may_answer(401, 403, 404, 422),
)
def line_state(
    services: GivenServices,
    line: FromPath[str],
    at: Annotated[str | None, QueryParameter(max_length=40)] = None,
    window_s: Annotated[float, QueryParameter(ge=1.0, le=86_400.0)] = 900.0,
) -> LineOut:
    """The line now, or at a moment of the past (RFC 3339 UTC)."""
    view = _desk(services).view(line, None if at is None else from_rfc3339(at), window_s)

    def text(at_s: float) -> str | None:
        return to_rfc3339(datetime.fromtimestamp(at_s, UTC)) if at_s > 0 else None

    return LineOut(
        line=view.line,
        at=text(view.at_s),
        live=view.live,
        record_index=view.index,
        units=view.units,
        machines=[MachineOut(m.name, m.station, m.state, text(m.since_s), m.unit, m.reason) for m in view.machines],
        buffers=[BufferOut(b.name, b.count, b.capacity) for b in view.buffers],
        bottleneck=list(view.bottleneck),
        arrow_rule_primary=view.arrows.primary,
        kpis={row.machine or "": row.values for row in view.kpis},
        oddities=view.oddities,
    )


@get(
    "/lines/{line:str}/dates",
    guards=[needs("viewer")],
    tags=["line"],
    sync_to_thread=True,
    responses=may_answer(401, 403, 404),
)
def line_dates(services: GivenServices, line: FromPath[str]) -> DatesOut:
    """When the line's open orders will be complete, and how earlier forecasts came true."""
    desk = _desk(services)
    rows, trusted = desk.outcomes(line)
    return DatesOut(
        [
            DateOut(
                d.order.order,
                d.order.product,
                d.order.quantity,
                d.order.finished,
                d.due,
                d.stated.index if d.stated else None,
                {f"{q.probability:g}": q.at for q in d.stated.completion} if d.stated else {},
                d.stated.on_time if d.stated else None,
            )
            for d in desk.dates(line)
        ],
        len(rows),
        trusted.coverage_90 if rows else None,
        [alarm.drift for alarm in trusted.alarms],
    )


@post(
    "/lines/{line:str}/questions",
    guards=[needs("quality")],
    tags=["line"],
    sync_to_thread=True,
    responses=may_answer(401, 403, 404, 422),
)
def ask(services: GivenServices, line: FromPath[str], data: JSONBody[QuestionIn]) -> QuestionOut:
    """Ask what would be if, from the live state."""
    desk = _desk(services)
    return _question(desk, desk.ask(line, data.changes, data.horizon_s, data.replications, endless=data.endless))


@get(
    "/questions/{question:str}",
    guards=[needs("viewer")],
    tags=["line"],
    sync_to_thread=True,
    responses=may_answer(401, 403, 404),
)
def question(services: GivenServices, question: FromPath[str]) -> QuestionOut:
    """A question and its answer."""
    return _question(_desk(services), question)


def _question(desk: Any, job: str) -> QuestionOut:
    found, answer = desk.question(job)
    return QuestionOut(found.id, found.state, found.done, found.total, found.error_code, answer)


HANDLERS = [lines, line_state, line_dates, ask, question]
