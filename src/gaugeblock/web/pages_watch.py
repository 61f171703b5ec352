"""The watch's pages: charts of each station, alarms in words with two images, and what a person does about them."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gaugeblock.inspection.watch import SUBGROUP, ChartPoint
from gaugeblock.inspection.watch_desk import ChartView
from gaugeblock.inspection.watch_queries import AlarmRow
from gaugeblock.web.access import needs
from gaugeblock.web.api_inspections import TEXT_LIMIT
from gaugeblock.web.dependencies import GivenReader, GivenServices
from gaugeblock.web.pages import page
from gaugeblock.web.ports import Services

WIDTH, HEIGHT, RIM = 600.0, 132.0, 8.0
POINTS_DRAWN = 200
ALARMS_SHOWN = 20

Form = URLEncodedBody[dict[str, str]]


class ChartDrawing(msgspec.Struct, frozen=True, kw_only=True):
    """A chart as lines of an SVG of ``WIDTH`` × ``HEIGHT``; empty strings where there is nothing to draw."""

    view: ChartView
    ewma: str
    means: list[tuple[float, float]]
    low: str
    high: str
    centre_y: float | None
    outside: list[tuple[float, float]]
    top: float | None
    bottom: float | None
    newest: ChartPoint | None


def draw(view: ChartView) -> ChartDrawing:
    """The last :data:`POINTS_DRAWN` averages. The scale holds limits and EWMA whole; averages beyond are clipped."""
    points = view.points[-POINTS_DRAWN:]
    limits = [v for p in points for v in (p.low, p.high, p.ewma) if v is not None]
    values = limits or [p.mean for p in points]
    if not values:
        return ChartDrawing(
            view=view, ewma="", means=[], low="", high="", centre_y=None, outside=[], top=None, bottom=None, newest=None
        )
    low, high = min(values), max(values)
    margin = 0.25 * (high - low) or 0.05 * max(abs(high), 1e-6)
    bottom, top = low - margin, high + margin

    def x(position: int) -> float:
        return round(RIM + (WIDTH - 2 * RIM) * position / max(1, len(points) - 1), 1)

    def y(value: float) -> float:
        return round(HEIGHT - HEIGHT * (min(max(value, bottom), top) - bottom) / (top - bottom), 1)

    def line(name: str) -> str:
        marks = [(x(i), y(v)) for i, p in enumerate(points) if (v := getattr(p, name)) is not None]
        return " ".join(f"{a},{b}" for a, b in marks)

    return ChartDrawing(
        view=view,
        ewma=line("ewma"),
        means=[(x(i), y(p.mean)) for i, p in enumerate(points)],
        low=line("low"),
        high=line("high"),
        centre_y=None if view.centre is None else y(view.centre),
        outside=[(x(i), y(p.ewma)) for i, p in enumerate(points) if p.outside is not None and p.ewma is not None],
        top=top,
        bottom=bottom,
        newest=points[-1] if points else None,
    )


class AlarmShown(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm with the parts it speaks of: since which unit, and at which it was seen."""

    alarm: AlarmRow
    since_unit: str | None
    at_unit: str | None


def _alarm(services: Services, alarm: AlarmRow) -> AlarmShown:
    def unit(index: int | None) -> str | None:
        return None if index is None else services.desks.watch.unit_from(alarm.station, index)

    return AlarmShown(alarm=alarm, since_unit=unit(alarm.since_index), at_unit=unit(alarm.verdict_index))


def _watch(services: Services, station: str | None) -> dict[str, Any]:
    desk = services.desks.watch
    names = desk.stations()
    chosen = station if station in names else (names[0] if names else None)
    charts = [draw(view) for view in desk.charts(chosen)] if chosen else []
    alarms = [_alarm(services, alarm) for alarm in desk.alarms(chosen)[:ALARMS_SHOWN]] if chosen else []
    return {
        "names": names,
        "station": chosen,
        "charts": charts,
        "open_alarms": [a for a in alarms if a.alarm.standing or a.alarm.acknowledged_at is None],
        "old_alarms": [a for a in alarms if not (a.alarm.standing or a.alarm.acknowledged_at is None)],
        "subgroup": SUBGROUP,
    }


Station = Annotated[str | None, QueryParameter(max_length=TEXT_LIMIT)]


@get("/stations/watch", guards=[needs("viewer")], include_in_schema=False)
async def watch(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, station: Station = None
) -> Response[str]:
    """Charts and alarms of one station."""
    context = await anyio.to_thread.run_sync(_watch, services, station)
    return page(request, reader, "watch.html.j2", here_nav="stations", **context)


@get("/fragments/watch", guards=[needs("viewer")], include_in_schema=False)
async def watch_fragment(
    request: Request[Any, Any, Any], services: GivenServices, reader: GivenReader, station: Station = None
) -> Response[str]:
    """The charts alone: the live part of the page."""
    context = await anyio.to_thread.run_sync(_watch, services, station)
    return page(request, reader, "_watch_charts.html.j2", **context)


@post("/stations/watch/{index:int}", guards=[needs("quality")], include_in_schema=False)
async def acknowledge(services: GivenServices, reader: GivenReader, index: FromPath[int], data: Form) -> Redirect:
    """A person has seen to an alarm."""
    assert reader.account is not None, "needs() has let nobody else in"
    by = f"person:{reader.account.name}"

    def state() -> str:
        desk = services.desks.watch
        desk.acknowledge(index, by, data.get("note", ""), new_baseline=data.get("new_baseline") == "true")
        alarm = next((a for a in desk.alarms() if a.index == index), None)
        return alarm.station if alarm is not None else ""

    station = await anyio.to_thread.run_sync(state)
    return Redirect(f"/stations/watch?station={station}", status_code=303)


HANDLERS = [watch, watch_fragment, acknowledge]
