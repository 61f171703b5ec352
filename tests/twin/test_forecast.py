"""When orders are complete: from a state, by due date, with the line itself uncertain."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from gaugeblock.twin.distributions import Deterministic, Exponential, Gamma
from gaugeblock.twin.errors import RunParameterError
from gaugeblock.twin.forecast import forecast_completions
from gaugeblock.twin.line import Arrivals, Buffer, Line, Order, Supply, serial_line
from gaugeblock.twin.state import LineState, MachineState, OrderState, PartState

LINE = msgspec.structs.replace(
    serial_line([Deterministic(2.0), Deterministic(3.0)], [2]), supplies=(Supply(name="raw"),)
)
ORDERS = (
    Order(name="a", supply="raw", product="part", quantity=3, due=12.0),
    Order(name="b", supply="raw", product="part", quantity=2, due=13.0),
)


def test_orders_follow_each_other() -> None:
    a, b = forecast_completions(LINE, None, ORDERS, replications=3)
    assert a.draws == (11.0, 11.0, 11.0)
    assert b.draws == (17.0, 17.0, 17.0)
    assert (a.on_time, b.on_time) == (1.0, 0.0)
    assert a.interval() == (11.0, 11.0)


def test_a_live_state_shortens_them() -> None:
    state = LineState(
        time=100.0,
        machines=(
            MachineState(station="station-1", status="busy", elapsed=1.0, order="a"),
            MachineState(station="station-2", status="busy", elapsed=2.0, order="a"),
        ),
        buffers={"buffer-1": (PartState(product="part", order="a"),)},
        orders=(OrderState(order="a", released=3, finished=0),),
    )
    a, b = forecast_completions(LINE, state, ORDERS, replications=2)
    assert a.draws == (107.0, 107.0)
    assert b.draws == (113.0, 113.0)


def test_an_order_of_exponential_parts_takes_an_erlang_time() -> None:
    line = msgspec.structs.replace(serial_line([Exponential(2.0)], []), supplies=(Supply(name="raw"),))
    [found] = forecast_completions(line, None, [ORDERS[0]], replications=4000, seed=3)
    assert np.mean(found.draws) == pytest.approx(6.0, rel=0.03)
    assert found.on_time == pytest.approx(1 - math.exp(-6) * (1 + 6 + 18), abs=0.02)
    low, high = found.interval(0.9)
    assert np.mean([(low <= x <= high) for x in found.draws]) == pytest.approx(0.9, abs=0.01)
    again = forecast_completions(line, None, [ORDERS[0]], replications=4000, seed=3)
    assert again == (found,)


def test_an_uncertain_line_widens_the_interval() -> None:
    fixed = msgspec.structs.replace(serial_line([Gamma(2.0, 0.1)], []), supplies=(Supply(name="raw"),))

    def drawn(generator: np.random.Generator) -> Line:
        step = msgspec.structs.replace(fixed.steps[0], service=Gamma(float(generator.uniform(1.5, 2.5)), 0.1))
        return msgspec.structs.replace(fixed, steps=(step,))

    [sure] = forecast_completions(fixed, None, [ORDERS[0]], replications=300)
    [unsure] = forecast_completions(drawn, None, [ORDERS[0]], replications=300)
    assert np.std(unsure.draws) > 2 * np.std(sure.draws)
    assert np.mean(unsure.draws) == pytest.approx(6.0, rel=0.05)


def test_beyond_the_horizon_it_is_not_complete() -> None:
    a, b = forecast_completions(LINE, None, ORDERS, replications=2, horizon=12.0)
    assert a.draws == (11.0, 11.0)
    assert b.draws == (math.inf, math.inf)
    assert b.quantile(0.5) == math.inf
    assert b.on_time == 0.0


def test_orders_take_the_place_of_arrivals() -> None:
    line = serial_line([Deterministic(2.0)], [])
    line = msgspec.structs.replace(
        line,
        supplies=(),
        buffers=(Buffer(name="in", capacity="unlimited"),),
        arrivals=(Arrivals(name="x", into="in", product="part", every=Exponential(1.0)),),
        steps=(msgspec.structs.replace(line.steps[0], takes=("in",)),),
    )
    [found] = forecast_completions(
        line, None, [Order(name="o", supply="in", product="part", quantity=2)], replications=2
    )
    assert found.draws == (4.0, 4.0)


def test_nothing_is_asked() -> None:
    with pytest.raises(RunParameterError):
        forecast_completions(LINE, None, [], replications=2)
    with pytest.raises(RunParameterError):
        forecast_completions(LINE, None, ORDERS, replications=0)
