"""The virtual line: the same for the same seed at any pace, obeying its own rules, and driven in real time."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.apps.virtual_production import driving
from gaugeblock.plant.production_facets import EventBatchStatement, LineEvent, MachineEvent
from gaugeblock.virtual.config import VirtualLineConfig
from gaugeblock.virtual.line import VirtualLine
from gaugeblock.virtual.production import Piece, VirtualProduction, demo_production

CONFIG = msgspec.structs.replace(demo_production(), reject_share=0.1)
BEGIN_S = 1_800_000_000.0


def piece(number: int) -> Piece:
    return Piece(number, f"u{number}", "P100", "A")


@given(seed=st.integers(0, 2**32), cuts=st.lists(st.floats(0.0, 100.0), max_size=5))
@settings(max_examples=10, deadline=None)
def test_the_pace_of_asking_changes_nothing(seed: int, cuts: list[float]) -> None:
    whole = VirtualProduction(CONFIG, seed, piece, BEGIN_S).advance(BEGIN_S + 100.0)
    line = VirtualProduction(CONFIG, seed, piece, BEGIN_S)
    pieces = [event for cut in [*sorted(cuts), 100.0] for event in line.advance(BEGIN_S + cut)]
    assert pieces == whole


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_buffers_keep_their_places_and_parts_their_order(seed: int) -> None:
    line = VirtualProduction(CONFIG, seed, piece, BEGIN_S)
    started: dict[str, list[str]] = {}
    for second in range(200):
        for event in line.advance(BEGIN_S + second):
            if isinstance(event, LineEvent) and event.event == "started":
                started.setdefault(event.station, []).append(event.unit or "")
        for own, station in zip(line.saved().buffers, CONFIG.stations, strict=False):
            assert len(own) <= station.places
    for units in started.values():
        numbers = [int(unit[1:]) for unit in units]
        assert numbers == sorted(set(numbers))


def test_failures_count_working_time_and_repairs_end() -> None:
    line = VirtualProduction(CONFIG, 3, piece, BEGIN_S)
    events = line.advance(BEGIN_S + 7200.0)
    states = Counter((e.machine, e.state) for e in events if isinstance(e, MachineEvent))
    # Some 6,500 s of work at 120 s between failures.
    assert 30 <= states["L1-TURN", "down"] <= 85
    assert abs(states["L1-TURN", "down"] - states["L1-TURN", "producing"]) <= 1
    assert states["L1-WASH", "down"] == 0


def test_a_saved_line_goes_on_as_if_it_had_not_stopped() -> None:
    whole = VirtualProduction(CONFIG, 9, piece, BEGIN_S)
    whole.advance(BEGIN_S + 100.0)
    first = VirtualProduction(CONFIG, 9, piece, BEGIN_S)
    first.advance(BEGIN_S + 100.0)
    second = VirtualProduction(CONFIG, 9, piece, BEGIN_S + 100.0, state=first.saved())

    def told(events: list[Any]) -> list[tuple[str, str]]:
        return [(e.station, f"{e.event} {e.unit}") for e in events if isinstance(e, LineEvent)]

    assert told(second.advance(BEGIN_S + 200.0)) == told(whole.advance(BEGIN_S + 200.0))


def test_the_inspection_waits_to_be_asked() -> None:
    config = msgspec.structs.replace(CONFIG, reject_share=None)
    line = VirtualProduction(config, 1, piece, BEGIN_S)
    line.advance(BEGIN_S + 60.0)
    assert line.waiting() == piece(1)
    line.let_in()
    assert line.waiting() is None
    line.judged("u7", True)
    later = [event for event in line.advance(BEGIN_S + 70.0) if isinstance(event, LineEvent)]
    assert not [event for event in later if event.station == "L1-ST10" and event.event == "finished"]
    line.judged("u1", False)
    events = [e for e in line.advance(BEGIN_S + 71.0) if isinstance(e, LineEvent) and e.unit == "u1"]
    assert [e.event for e in events] == ["finished", "scrapped"]
    assert line.waiting() == piece(2)


@pytest.mark.parametrize("restart", [False, True])
def test_units_come_to_the_inspection_in_turn_and_events_in_batches(tmp_path: Path, restart: bool) -> None:
    config = demo_production("L1-ST10", cycle_s=0.02)
    batches: list[EventBatchStatement] = []
    state = tmp_path / "line.production.json"

    async def run(first: int, units: int) -> None:
        line = VirtualLine(VirtualLineConfig(seed=4, first_unit=first))
        stop = asyncio.Event()
        async with driving(config, line, batches.append, state) as driver:
            for number in range(first, first + units):
                unit = line.unit(number)
                await asyncio.wait_for(driver.infeed(unit, stop), 10.0)
                driver.routed(unit.serial, number % 3 != 0)
            await asyncio.sleep(0.1)

    asyncio.run(run(1, 8))
    if restart:
        asyncio.run(run(9, 6))
    steps = [step for batch in batches for step in batch.steps if step.station == "L1-ST10"]
    began = [step.unit for step in steps if step.event == "started"]
    wanted = [f"P100-{number:06d}" for number in range(1, 15 if restart else 9)]
    assert list(dict.fromkeys(began)) == wanted
    out = [step.unit for step in steps if step.event == "scrapped"]
    assert set(out) >= {f"P100-{number:06d}" for number in (3, 6)}
