"""Both kernels and the reference engine walk the same path on the same draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.twin.errors import DeadlockPossibleError
from gaugeblock.twin.line import Line
from gaugeblock.twin.max_plus import MaxPlusRun, is_serial
from gaugeblock.twin.reference import ReferenceLine
from gaugeblock.twin.report import STATES
from gaugeblock.twin.simulation import Simulation
from gaugeblock.twin.validation import validate
from tests.twin.lines import any_lines, serial_lines

_SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@_SETTINGS
@given(serial_lines())
def test_max_plus_event_kernel_and_reference_are_equal_to_the_last_bit(line: Line) -> None:
    assert is_serial(line)
    fast, event, slow = MaxPlusRun(line, 7, 3, log=60), Simulation(line, 7, 3, log=60), ReferenceLine(line, 7, 3)
    fast.advance(60)
    event.advance(parts=60)
    slow.run(60)
    times = [time for time, _ in slow.finished]
    assert fast.finish_times().tolist() == times
    assert event.finished_parts().time.tolist() == times


@_SETTINGS
@given(any_lines())
def test_event_kernel_and_reference_are_equal_for_every_line(line: Line) -> None:
    try:
        validate(line)
    except DeadlockPossibleError:
        assume(False)
    until = 60.0
    event, slow = Simulation(line, 5, 2, log=5000), ReferenceLine(line, 5, 2)
    event.advance(until=until)
    slow.run(10**9, until)
    parts = event.finished_parts()
    assert parts.time.tolist() == [time for time, _ in slow.finished]
    assert parts.entered.tolist() == [part.entered for _, part in slow.finished]
    assert [line.products[p] for p in parts.product] == [part.product for _, part in slow.finished]
    assert [line.orders[o].name if o >= 0 else None for o in parts.order] == [part.order for _, part in slow.finished]
    np.testing.assert_array_equal(event.order_times(), list(slow.order_done.values()))
    report = event.report()
    assert (report.scrapped, report.lost) == (len(slow.scrapped), slow.lost)
    assert report.wip == pytest.approx(slow.wip_area / until, abs=1e-9)
    for station, found in zip(line.stations, report.stations, strict=True):
        for state in STATES:
            share = sum(m.shares.get((state, "up"), 0.0) for m in slow.machines[station.name])
            assert getattr(found, state) == pytest.approx(share / until / station.machines, abs=1e-9)
        total = found.busy + found.setup + found.blocked + found.starved + found.down + found.off
        assert total == pytest.approx(1.0, abs=1e-9)
    for buffer in report.buffers:
        assert buffer.mean == pytest.approx(slow.buffers[buffer.name].area / until, abs=1e-9)


@settings(_SETTINGS, max_examples=25)
@given(any_lines())
def test_cut_saved_and_loaded_the_path_is_the_same(line: Line) -> None:
    try:
        whole = Simulation(line, 3, log=2000)
    except DeadlockPossibleError:
        assume(False)
    cut = Simulation(line, 3, log=2000)
    for until in (10.0, 10.0, 17.5, 40.0):
        cut.advance(until=until)
        cut = Simulation.load(line, cut.save())
    whole.advance(until=40.0)
    assert cut.finished_parts().time.tolist() == whole.finished_parts().time.tolist()
    assert cut.in_buffers() == whole.in_buffers()
    assert math.isclose(cut.now, 40.0)


def test_saved_bytes_of_another_line_are_refused() -> None:
    from gaugeblock.twin.distributions import Exponential
    from gaugeblock.twin.line import serial_line

    saved = Simulation(serial_line([Exponential(1.0)] * 2, [1])).save()
    for line, content in (
        (serial_line([Exponential(2.0)] * 2, [1]), saved),
        (serial_line([Exponential(1.0)] * 2, [1]), saved[:-8]),
        (serial_line([Exponential(1.0)] * 2, [1]), b"GBTWIN01abc"),
    ):
        with pytest.raises(GaugeblockError) as caught:
            Simulation.load(line, content)
        assert caught.value.code == "twin.saved_state"
