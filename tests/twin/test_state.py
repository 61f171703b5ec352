"""A line starts where it stands: parts and their ages, what has elapsed, who is down and since when."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from gaugeblock.twin.distributions import Deterministic, Exponential
from gaugeblock.twin.errors import StateMismatchError
from gaugeblock.twin.line import Calendar, Crew, Failures, Line, Order, Setup, Supply, serial_line
from gaugeblock.twin.replications import completion_times
from gaugeblock.twin.simulation import Simulation
from gaugeblock.twin.state import LineState, MachineState, OrderState, PartState, empty_state

FIXED = serial_line([Deterministic(2.0), Deterministic(3.0)], [2])


def _failing(counts: str, crew: bool = False) -> Line:
    failures = Failures(
        counts=counts,  # type: ignore[arg-type]
        between=Deterministic(100.0),
        repair=Deterministic(10.0),
        crew="fitters" if crew else None,
    )
    line = serial_line([Deterministic(2.0), Deterministic(3.0)], [2], failures=[failures, failures])
    return msgspec.structs.replace(line, crews=(Crew(name="fitters", size=1),) if crew else ())


def test_what_is_left_of_a_service_is_what_has_not_elapsed() -> None:
    state = LineState(
        time=50.0,
        machines=(
            MachineState(station="station-1", status="busy", elapsed=1.5),
            MachineState(station="station-2", status="busy", elapsed=1.0, age=7.0),
        ),
        buffers={"buffer-1": (PartState(product="part", age=4.0, count=2),)},
    )
    run = Simulation(FIXED, state=state, log=10)
    assert run.in_buffers() == {"buffer-1": 2}
    run.advance(parts=4)
    parts = run.finished_parts()
    assert parts.time.tolist() == [52.0, 55.0, 58.0, 61.0]
    assert parts.entered.tolist() == [43.0, 46.0, 46.0, 50.0]
    assert run.report().wip >= 3.0


def test_a_blocked_machine_lets_its_part_go_when_there_is_room() -> None:
    state = LineState(
        machines=(
            MachineState(station="station-1", status="blocked"),
            MachineState(station="station-2", status="busy", elapsed=2.0),
        ),
        buffers={"buffer-1": (PartState(product="part", count=2),)},
    )
    run = Simulation(FIXED, state=state)
    run.advance(until=1.0)
    assert run.report().stations[0].blocked == 1.0
    run.advance(until=2.0)
    assert run.report().stations[0].blocked == 0.5


@pytest.mark.parametrize("counts", ["operating_time", "calendar_time"])
def test_a_machine_down_since_six_minutes_is_up_in_four(counts: str) -> None:
    state = LineState(machines=(MachineState(station="station-1", status="busy", elapsed=0.5, down_for=6.0),))
    run = Simulation(_failing(counts), state=state, log=1)
    run.advance(parts=1)
    assert run.finished_parts().time.tolist() == [4.0 + 1.5 + 3.0]
    assert run.report().stations[0].down == pytest.approx(4.0 / 8.5)


def test_who_awaits_the_crew_gets_it_when_it_is_free() -> None:
    state = LineState(
        machines=(
            MachineState(station="station-1", status="busy", elapsed=1.0, down_for=6.0),
            MachineState(station="station-2", status="busy", elapsed=1.0, awaits_crew=True),
        )
    )
    run = Simulation(_failing("operating_time", crew=True), state=state, log=1)
    run.advance(parts=1)
    assert run.finished_parts().time.tolist() == [4.0 + 10.0 + 2.0]


def test_uptime_so_far_counts() -> None:
    state = LineState(machines=(MachineState(station="station-1", uptime=99.0),))
    run = Simulation(_failing("operating_time"), state=state, log=1)
    run.advance(parts=1)
    assert run.finished_parts().time.tolist() == [2.0 + 10.0 + 3.0]


def test_remaining_times_are_drawn_anew_in_each_replication() -> None:
    line = serial_line([Exponential(1.0)], [])
    state = LineState(machines=(MachineState(station="station-1", status="busy", elapsed=30.0),))
    times = completion_times(line, range(4_000), parts=1, state=state)
    assert times.mean() == pytest.approx(1.0, abs=4 / math.sqrt(4_000))
    assert len(np.unique(times)) == 4_000


def test_orders_go_on_where_they_stand() -> None:
    line = msgspec.structs.replace(
        FIXED,
        supplies=(Supply(name="raw"),),
        orders=(
            Order(name="A", supply="raw", product="part", quantity=3),
            Order(name="B", supply="raw", product="part", quantity=2),
        ),
    )
    state = LineState(
        machines=(MachineState(station="station-2", status="busy", order="A"),),
        orders=(OrderState(order="A", released=2, finished=1),),
    )
    run = Simulation(line, state=state)
    run.advance(until=100.0)
    assert run.order_times().tolist() == [6.0, 12.0]
    assert run.finished == 4


def test_set_up_and_calendar_are_taken_up() -> None:
    line = msgspec.structs.replace(
        FIXED,
        stations=(
            msgspec.structs.replace(FIXED.stations[0], setup=Setup(time=Deterministic(5.0)), calendar="day"),
            FIXED.stations[1],
        ),
        calendars=(Calendar(name="day", period=10.0, work=((2.0, 8.0),)),),
    )
    state = LineState(time=27.0, machines=(MachineState(station="station-1", status="setup", elapsed=3.0),))
    run = Simulation(line, state=state, log=1)
    run.advance(parts=1)
    # One minute of set-up until 28, off until 32, one more, two of service, three at the next station.
    assert run.finished_parts().time.tolist() == [38.0]


@pytest.mark.parametrize(
    "state",
    [
        LineState(machines=(MachineState(station="nobody"),)),
        LineState(machines=(MachineState(station="station-1", machine=1),)),
        LineState(machines=(MachineState(station="station-1"), MachineState(station="station-1"))),
        LineState(machines=(MachineState(station="station-1", down_for=1.0),)),
        LineState(machines=(MachineState(station="station-1", status="setup"),)),
        LineState(machines=(MachineState(station="station-1", status="busy", product="other"),)),
        LineState(machines=(MachineState(station="station-1", status="blocked", outcome=1),)),
        LineState(buffers={"nowhere": ()}),
        LineState(buffers={"buffer-1": (PartState(product="part", count=3),)}),
        LineState(orders=(OrderState(order="A", released=1, finished=0),)),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state: LineState) -> None:
    with pytest.raises(StateMismatchError):
        Simulation(FIXED, state=state)


def test_an_empty_state_is_the_empty_line() -> None:
    plain, stated = Simulation(FIXED, log=9), Simulation(FIXED, state=empty_state(FIXED), log=9)
    plain.advance(parts=9)
    stated.advance(parts=9)
    assert plain.finished_parts().time.tolist() == stated.finished_parts().time.tolist()
