"""Small lines and their events, written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from gaugeblock.plant.production_facets import LineEvent, MachineEvent
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import LineFold
from gaugeblock.twin.distributions import Deterministic, Exponential
from gaugeblock.twin.line import FINISHED, SCRAP, Buffer, Failures, Line, Outcome, Station, Step, Supply

ZERO = datetime(2026, 1, 5, tzinfo=UTC)
ZERO_S = ZERO.timestamp()


def two_stations(places: int = 2, machines: int = 1, rework: bool = False) -> Line:
    """Raw parts, ``a``, a buffer, ``b`` which inspects: good, or scrapped, or reworked at ``a``."""
    outcomes = [Outcome(share=0.8, to=(FINISHED,)), Outcome(share=0.2, to=(SCRAP,))]
    steps = [Step(station="a", product="P", takes=("raw",), service=Deterministic(2.0), to="between")]
    buffers = [Buffer(name="between", capacity=places)]
    if rework:
        outcomes = [Outcome(share=0.9, to=(FINISHED,)), Outcome(share=0.1, to=("again",))]
        outcomes[1] = Outcome(share=0.1, to=("rework",), if_full="scrap")
        buffers.append(Buffer(name="rework", capacity=1))
        steps.insert(0, Step(station="a", product="P", takes=("rework",), service=Deterministic(1.0), to="between"))
    steps.append(
        Step(station="b", product="P", takes=("between",), service=Deterministic(3.0), outcomes=tuple(outcomes))
    )
    return Line(
        name="two",
        time_unit="s",
        products=("P",),
        supplies=(Supply(name="raw", products=("P",)),),
        buffers=tuple(buffers),
        stations=(
            Station(
                name="a",
                blocking="after_service",
                machines=machines,
                failures=Failures(counts="operating_time", between=Exponential(100.0), repair=Deterministic(10.0)),
            ),
            Station(name="b", blocking="after_service"),
        ),
        steps=tuple(steps),
    )


def model_of_two(**values: Any) -> LineModel:
    """Its clock is in seconds from :data:`ZERO`."""
    return LineModel("L", two_stations(**values), ZERO)


def at(seconds: float) -> str:
    """A time on the line's clock as text."""
    return datetime.fromtimestamp(ZERO_S + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def step(seconds: float, station: str, event: str, unit: str | None = None, **values: Any) -> LineEvent:
    """One step event."""
    return LineEvent(at=at(seconds), station=station, event=event, unit=unit, **values)  # type: ignore[arg-type]


def machine(seconds: float, name: str, state: str) -> MachineEvent:
    """One state of a machine."""
    return MachineEvent(at=at(seconds), machine=name, state=state)  # type: ignore[arg-type]


def folded(model: LineModel, *events: LineEvent | MachineEvent) -> LineFold:
    """A fold after these events."""
    fold = LineFold(model)
    fold.events(events)
    return fold


def of_order(event: LineEvent, order: str) -> LineEvent:
    """The event with an order."""
    return msgspec.structs.replace(event, order=order)
