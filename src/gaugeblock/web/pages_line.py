"""The line's pages: map, Gantt and bottleneck at any moment, past, now or forecast; order dates; what-if A and B."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.production.line_desk import LineDesk, LineView, OrderDate
from gaugeblock.production.line_errors import LineUnknownError
from gaugeblock.production.line_future import LineFuture
from gaugeblock.production.line_queries import OutcomeRow
from gaugeblock.production.line_state import STATES
from gaugeblock.twin.what_if import Difference
from gaugeblock.web.access import needs
from gaugeblock.web.api_inspections import TEXT_LIMIT
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services

RECTANGLES_MAX = 2000
LABEL_W, CHART_W, ROW_H = 130.0, 870.0, 26.0
STATION_W, GAP_W, MAP_H = 132.0, 88.0, 150.0
PIT_W, PIT_H, RIM = 600.0, 140.0, 10.0
PITS_DRAWN = 300
WINDOWS_MIN = (5, 15, 60, 240)
BACK_MIN, AHEAD_MIN = 120, 60
CHANGE_KINDS = ("buffer", "machine", "service", "repair", "failures", "scrap", "maintenance", "rush")

HEIGHTS = {
    "producing": 20,
    "set_up": 15,
    "blocked": 10,
    "starved": 5,
    "idle": 5,
    "down": 20,
    "maintenance": 15,
    "off": 2,
    "unknown": 2,
}
"""Of a state's bar: no state is told by its colour alone."""

Form = URLEncodedBody[dict[str, str]]


class Box(msgspec.Struct, frozen=True):
    """A rectangle of the Gantt or the ribbon."""

    x: float
    y: float
    w: float
    state: str
    title: str


class GanttRow(msgspec.Struct, frozen=True):
    """A machine's row: label, and where it lies."""

    machine: str
    y: float


class Gantt(msgspec.Struct, frozen=True, kw_only=True):
    """Machines over time; ``ribbon`` says who was the bottleneck."""

    width: float
    height: float
    rows: tuple[GanttRow, ...]
    boxes: tuple[Box, ...]
    ribbon: tuple[Box, ...]
    ribbon_y: float
    ticks: tuple[tuple[float, str], ...]


class MapStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station on the map with its machines, and the buffer behind it."""

    name: str
    x: float
    machines: tuple[tuple[str, str, str | None, float], ...]
    """Name, state, part on it, seconds since; of a forecast: name, likeliest state, None, its share."""
    buffer: str | None
    count: float | None
    low: float | None
    high: float | None
    capacity: int | None
    fill: float
    blocked: bool
    starved: bool
    bottleneck: bool


def gantt(view: LineView) -> Gantt:
    """Drawn with :data:`RECTANGLES_MAX` rectangles at most: what is narrower than a pixel joins its neighbour."""
    length = max(view.at_s - view.begin_s, 1e-6)
    scale = CHART_W / length
    names = [machine.name for machine in view.machines]
    y_of = {name: ROW_H * k for k, name in enumerate(names)}
    least = max(0.35, CHART_W * len(names) / RECTANGLES_MAX)
    boxes: list[Box] = []
    for name in names:
        # The row in pixels: of each stretch the state that lasts longest in it.
        held: dict[str, float] = {}
        edge = 0.0
        for span in sorted((s for s in view.spans if s.machine == name), key=lambda s: s.begin_s):
            low, high = (span.begin_s - view.begin_s) * scale, (span.end_s - view.begin_s) * scale
            held[span.state] = held.get(span.state, 0.0) + high - low
            if high - edge >= least:
                state = max(held, key=lambda each: held[each])
                boxes.append(_box(edge, y_of[name], high, state, span.unit))
                edge, held = high, {}
        if held:
            boxes.append(_box(edge, y_of[name], CHART_W, max(held, key=lambda each: held[each]), None))
    ribbon_y = ROW_H * len(names) + 6.0
    ribbon = tuple(
        Box(
            round(LABEL_W + (reign.begin_s - view.begin_s) * scale, 1),
            ribbon_y,
            round(max(0.5, (reign.end_s - reign.begin_s) * scale), 1),
            "sole" if reign.sole else "shifting",
            reign.machine,
        )
        for reign in view.reigns[-RECTANGLES_MAX // 4 :]
        if (reign.end_s - reign.begin_s) * scale >= 0.3
    )
    ticks = tuple((round(LABEL_W + CHART_W * k / 4, 1), _clock(view.begin_s + length * k / 4)) for k in range(5))
    return Gantt(
        width=LABEL_W + CHART_W + 4.0,
        height=ribbon_y + ROW_H + 22.0,
        rows=tuple(GanttRow(name, y_of[name]) for name in names),
        boxes=tuple(boxes),
        ribbon=ribbon,
        ribbon_y=ribbon_y,
        ticks=ticks,
    )


def _box(low: float, y: float, high: float, state: str, unit: str | None) -> Box:
    return Box(round(LABEL_W + low, 1), y + 3.0, round(max(0.3, high - low), 1), state, unit or "")


def _clock(at_s: float) -> str:
    return to_rfc3339(datetime.fromtimestamp(at_s, UTC))


def line_map(view: LineView, future: LineFuture | None = None) -> list[MapStation]:
    """The stations along the line, or what is likeliest of them some time from now."""
    buffers = {buffer.name: buffer for buffer in view.buffers}
    coming = {b.name: b for b in future.buffers} if future else {}
    arrows = {(arrow.first, arrow.second): arrow for arrow in view.arrows.arrows}
    leader = view.bottleneck[0].machine if view.bottleneck else None
    found = []
    for k, station in enumerate(view.row):
        behind = buffers.get(view.between.get(station, ""))
        ahead = coming.get(behind.name) if behind is not None else None
        count = ahead.mean if ahead is not None else (float(behind.count) if behind is not None else None)
        following = view.row[k + 1] if k + 1 < len(view.row) else None
        arrow = arrows.get((station, following)) if following is not None else None
        own = [machine for machine in view.machines if machine.station == station]
        machines = tuple(
            (m.name, future.states[m.name][0][0], None, future.states[m.name][0][1])
            if future is not None
            else (m.name, m.state, m.unit, max(0.0, view.at_s - m.since_s))
            for m in own
        )
        found.append(
            MapStation(
                name=station,
                x=k * (STATION_W + GAP_W),
                machines=machines,
                buffer=behind.name if behind is not None else None,
                count=count,
                low=ahead.low if ahead is not None else None,
                high=ahead.high if ahead is not None else None,
                capacity=behind.capacity if behind is not None else None,
                fill=min(1.0, (count or 0.0) / behind.capacity) if behind is not None and behind.capacity else 0.0,
                blocked=future is None and arrow is not None and arrow.downstream and arrow.blocked > 0.005,
                starved=future is None and arrow is not None and not arrow.downstream and arrow.starved > 0.005,
                bottleneck=any(m.name == leader for m in own),
            )
        )
    return found


class DateShown(msgspec.Struct, frozen=True, kw_only=True):
    """An order's date as a bar between the earliest and the latest moment of all."""

    date: OrderDate
    low_x: float | None
    high_x: float | None
    median_x: float | None
    due_x: float | None
    p05: str | None
    p50: str | None
    p95: str | None


def date_rows(dates: list[OrderDate], desk: LineDesk) -> list[DateShown]:
    """On one scale of 0 to 100."""
    stated = [
        (d, {q.probability: from_rfc3339(q.at).timestamp() for q in d.stated.completion}) for d in dates if d.stated
    ]
    dues = {d.order.order: moment.timestamp() for d in dates if (moment := desk.reader.due_at(d.due)) is not None}
    ends = [v for _, values in stated for v in values.values()] + list(dues.values())
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if ends and dues:
        # A due date months away must not make the intervals invisible.
        widest = max((v for _, values in stated for v in values.values()), default=high)
        high = min(high, widest + 2.0 * max(60.0, widest - low))

    def x(at_s: float) -> float:
        return round(min(100.0, max(0.0, 100.0 * (at_s - low) / max(high - low, 1e-6))), 2)

    rows = []
    by = {d.order.order: values for d, values in stated}
    for date in dates:
        values = by.get(date.order.order)
        due = dues.get(date.order.order)
        first, last = (values[min(values)], values[max(values)]) if values else (None, None)
        median = values.get(0.5) if values else None
        rows.append(
            DateShown(
                date=date,
                low_x=None if first is None else x(first),
                high_x=None if last is None else x(last),
                median_x=None if median is None else x(median),
                due_x=None if due is None else x(due),
                p05=None if first is None else _clock(first),
                p50=None if median is None else _clock(median),
                p95=None if last is None else _clock(last),
            )
        )
    return rows


class Pits(msgspec.Struct, frozen=True, kw_only=True):
    """Where outcomes lay in their forecasts, in the order of time: dots between 0 and 1."""

    dots: tuple[tuple[float, float, bool, str], ...]
    low_y: float
    high_y: float
    middle_y: float
    rolling: str


def draw_pits(rows: list[OutcomeRow]) -> Pits:
    """The last :data:`PITS_DRAWN`, with the share inside the 90 % band over the last twenty as a line."""
    shown = rows[-PITS_DRAWN:]

    def x(k: int) -> float:
        return round(RIM + (PIT_W - 2 * RIM) * k / max(1, len(shown) - 1), 1)

    def y(pit: float) -> float:
        return round(PIT_H - RIM - (PIT_H - 2 * RIM) * pit, 1)

    inside = [0.05 <= row.pit <= 0.95 for row in shown]
    rolling = [(x(k), y(sum(inside[k - 19 : k + 1]) / 20.0)) for k in range(19, len(shown))]
    return Pits(
        dots=tuple((x(k), y(row.pit), inside[k], row.order) for k, row in enumerate(shown)),
        low_y=y(0.05),
        high_y=y(0.95),
        middle_y=y(0.5),
        rolling=" ".join(f"{a},{b}" for a, b in rolling),
    )


def _desk(services: Services) -> LineDesk:
    if services.line is None:
        raise LineUnknownError(line="–")
    return services.line


def _chosen(desk: LineDesk, line: str | None) -> str:
    lines = desk.lines()
    if line is None and lines:
        return lines[0]
    if line is None or line not in lines:
        raise LineUnknownError(line=(line or "–")[:64])
    return line


def _at(services: Services, line: str | None, offset_min: float, window_min: int) -> dict[str, Any]:
    """The line at now plus so many minutes."""
    desk = _desk(services)
    chosen = _chosen(desk, line)
    follower_now = desk.follower(chosen).look(lambda fold: fold.now_s)
    future = None
    if offset_min < 0:
        moment = datetime.fromtimestamp(max(0.0, follower_now + 60.0 * offset_min), UTC)
        view = desk.view(chosen, moment, 60.0 * window_min)
    else:
        view = desk.view(chosen, None, 60.0 * window_min)
        if offset_min > 0 and view.at_s > 0:
            future = desk.future(chosen, 60.0 * offset_min)
    return {
        "line": chosen,
        "view": view,
        "future": future,
        "offset": offset_min,
        "at": _clock(future.at_s if future else view.at_s) if view.at_s > 0 else None,
        "stations": line_map(view, future),
        "gantt": gantt(view) if view.spans else None,
        "map_width": len(view.row) * (STATION_W + GAP_W) - GAP_W,
        "heights": HEIGHTS,
        "states": [state for state in STATES if state not in ("unknown", "idle")],
    }


def _orders(services: Services, line: str | None) -> dict[str, Any]:
    desk = _desk(services)
    chosen = _chosen(desk, line)
    outcomes, trusted = desk.outcomes(chosen)
    newest = desk.forecast(chosen)
    return {
        "line": chosen,
        "dates": date_rows(desk.dates(chosen), desk),
        "pits": draw_pits(outcomes),
        "outcomes": outcomes,
        "trust": trusted,
        "notes": newest.notes if newest else {},
        "crps_s": sum(row.crps_s for row in outcomes) / len(outcomes) if outcomes else None,
    }


Line = Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)]
Offset = Annotated[float, QueryParameter(ge=-BACK_MIN, le=AHEAD_MIN)]
Window = Annotated[int, QueryParameter(ge=1, le=240)]


@get("/line", guards=[needs("viewer")], include_in_schema=False)
async def line_page(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    line: Line = None,
    offset: Offset = 0.0,
    window: Window = 15,
) -> Response[str]:
    """The line's map, Gantt, figures, dates and questions."""
    if services.line is None:
        return page(request, reader, "line_none.html.j2", here_nav="line")

    def read() -> dict[str, Any]:
        context = _at(services, line, offset, window)
        desk = _desk(services)
        model = desk.follower(context["line"]).model
        return {
            **context,
            **_orders(services, context["line"]),
            "lines": desk.lines(),
            "window": window,
            "windows": WINDOWS_MIN,
            "back": BACK_MIN,
            "ahead": AHEAD_MIN,
            "kinds": CHANGE_KINDS,
            "names": [s.name for s in model.line.stations] + [b.name for b in model.line.buffers],
            "questions": desk.questions(6),
        }

    context = await anyio.to_thread.run_sync(read)
    return page(request, reader, "line.html.j2", here_nav="line", **context)


@get("/fragments/line", guards=[needs("viewer")], include_in_schema=False)
async def line_fragment(
    request: Request[Any, Any, Any],
    services: GivenServices,
    reader: GivenReader,
    line: Line = None,
    offset: Offset = 0.0,
    window: Window = 15,
) -> Response[str]:
    """Map, Gantt and figures at a moment."""
    context = await anyio.to_thread.run_sync(_at, services, line, offset, window)
    return page(request, reader, "_line.html.j2", **context)


@get("/fragments/line/orders", guards=[needs("viewer")], include_in_schema=False)
async def orders_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, line: Line = None
) -> Response[str]:
    """Dates and their calibration."""
    context = await anyio.to_thread.run_sync(_orders, services, line)
    return page(request, reader, "_line_orders.html.j2", **context)


@post("/line/questions", guards=[needs("quality")], include_in_schema=False)
async def ask(services: GivenServices, data: Form) -> Redirect:
    """Ask what would be if. Up to three changes together."""

    def submit() -> str:
        desk = _desk(services)
        chosen = _chosen(desk, data.get("line"))
        changes = [
            f"{data.get(f'kind{k}', '')}:{data.get(f'name{k}', '').strip()}={data.get(f'value{k}', '').strip()}"
            for k in (1, 2, 3)
            if data.get(f"value{k}", "").strip()
        ]
        minutes = data.get("minutes", "")
        horizon_s = 60.0 * float(minutes) if minutes.isdigit() else 0.0
        return desk.ask(chosen, changes or [""], horizon_s, endless=data.get("basis") == "endless")

    job = await anyio.to_thread.run_sync(submit)
    return Redirect(f"/line/questions/{job}", status_code=303)


def _question(services: Services, job: str) -> dict[str, Any]:
    found, answer = _desk(services).question(job)
    asked = found.args["question"]
    return {
        "job": found,
        "answer": answer,
        "changes": asked["changes"],
        "plan": asked["plan"],
        "unit": found.args["line"]["time_unit"],
        "bars": [] if answer is None else [_bar(figure) for figure in answer.figures],
    }


def _bar(figure: Difference) -> dict[str, Any]:
    """Both intervals on one scale of 0 to 100."""
    ends = [figure.a.low, figure.a.high, figure.b.low, figure.b.high]
    low, high = min(ends), max(ends)
    margin = 0.1 * (high - low) or 1e-9
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return round(100.0 * (value - low) / (high - low), 2)

    rows = [(x(i.low), x(i.high), x(i.mean)) for i in (figure.a, figure.b)]
    return {"figure": figure, "a": rows[0], "b": rows[1]}


@get("/line/questions/{job:str}", guards=[needs("viewer")], include_in_schema=False)
async def question_page(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, job: FromPath[str]
) -> Response[str]:
    """A question and its answer: A against B with intervals."""
    context = await anyio.to_thread.run_sync(_question, services, job)
    return page(request, reader, "line_question.html.j2", here_nav="line", **context)


@get("/fragments/line/questions/{job:str}", guards=[needs("viewer")], include_in_schema=False)
async def question_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, job: FromPath[str]
) -> Response[str]:
    """The answer's part of the page, while it is worked out."""
    context = await anyio.to_thread.run_sync(_question, services, job)
    return page(request, reader, "_line_question.html.j2", **context)


HANDLERS = [line_page, line_fragment, orders_fragment, ask, question_page, question_fragment]
