"""The live line from its events, good and bad; and the twin's start from it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.plant.production_facets import EventBatchStatement
from gaugeblock.production.line_errors import TimeUnitError
from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import LineFold
from gaugeblock.production.start_state import ON_LINE, ORDERS_AHEAD, OpenOrder, live_start, start_of
from gaugeblock.virtual.production import Piece, VirtualProduction, demo_production
from gaugeblock.virtual.production_model import model_of
from tests.production.line_events import ZERO, ZERO_S, folded, machine, model_of_two, step, two_stations


def test_a_part_is_followed_from_the_first_machine_to_the_end() -> None:
    model = model_of_two()
    fold = folded(model, step(0, "a", "started", "u1", order="A"), step(2, "a", "finished", "u1"))
    assert fold.machines["a"].state == "blocked"
    fold.events([step(2.5, "a", "left", "u1"), step(2.5, "b", "arrived", "u1")])
    assert fold.buffers["between"] == ["u1"]
    assert fold.machines["a"].state == "starved"
    fold.events([step(3, "b", "started", "u1"), step(6, "b", "finished", "u1"), step(6, "b", "left", "u1")])
    assert not fold.units
    assert fold.finished == {"A": 1}
    (done,) = fold.completions
    assert (done.at_s - done.entered_s, done.good) == (6.0, True)  # type: ignore[operator]
    spans = [(s.machine, s.state, s.begin_s - ZERO_S, s.end_s - ZERO_S, s.unit) for s in fold.spans]
    assert ("a", "producing", 0, 2, "u1") in spans
    assert ("a", "blocked", 2, 2.5, "u1") in spans
    assert not fold.oddities


def test_scrap_and_rework_stand_in_the_place_of_left() -> None:
    model = model_of_two(rework=True)
    start = [step(0, "a", "started", "u1"), step(2, "a", "finished", "u1"), step(2, "a", "left", "u1")]
    fold = folded(model, *start, step(2, "b", "started", "u1"), step(5, "b", "finished", "u1"))
    fold.events([step(5, "b", "reworked", "u1")])
    assert fold.buffers["rework"] == ["u1"]
    fold.events([step(6, "a", "arrived", "u1"), step(6, "a", "started", "u1"), step(7, "a", "finished", "u1")])
    fold.events([step(7, "a", "left", "u1"), step(7, "b", "started", "u1"), step(9, "b", "scrapped", "u1")])
    assert not fold.units
    assert not fold.completions[0].good
    assert not fold.oddities


@pytest.mark.parametrize(
    ("events", "oddity"),
    [
        (
            [step(0, "a", "started", "u1"), step(1, "a", "finished", "u1"), step(2, "a", "finished", "u1")],
            "finished_twice",
        ),
        ([step(0, "a", "finished", "u1")], "finish_without_start"),
        ([step(0, "a", "started", "u1"), step(1, "a", "started", "u2")], "start_before_left"),
        ([step(0, "a", "started", "u1"), step(1, "a", "started", "u1")], "started_twice"),
        ([step(0, "a", "left", "u1")], "left_without_start"),
        ([step(0, "b", "started", "u1")], "unit_from_nowhere"),
        ([step(0, "c", "started", "u1")], "station_unknown"),
        ([machine(0, "c", "down")], "machine_unknown"),
        ([step(0, "a", "arrived")], "unit_missing"),
    ],
)
def test_events_that_do_not_fit_are_counted_by_name(events: list[object], oddity: str) -> None:
    fold = folded(model_of_two(), *events)  # type: ignore[arg-type]
    assert fold.oddities[oddity] == 1


def test_a_second_part_pushes_the_first_on() -> None:
    fold = folded(model_of_two(), step(0, "a", "started", "u1"), step(2, "a", "started", "u2"))
    assert fold.machines["a"].unit == "u2"
    assert fold.buffers["between"] == ["u1"]


def test_a_batch_that_came_before_is_left_out_and_a_gap_is_counted() -> None:
    fold = LineFold(model_of_two())
    batch = EventBatchStatement(0, (step(0, "a", "started", "u1"),))
    assert fold.batch("s", batch)
    assert not fold.batch("s", batch)
    assert fold.batch("other", batch)
    assert fold.batch("s", msgspec.structs.replace(batch, sequence=3, steps=(step(2, "a", "finished", "u1"),)))
    assert fold.oddities["batch_again"] == 1
    assert fold.oddities["batches_missing"] == 2


def test_work_stands_while_the_machine_is_down_and_uptime_begins_with_the_repair() -> None:
    model = model_of_two()
    fold = folded(model, step(0, "a", "started", "u1"), machine(0.5, "a", "down"))
    start = start_of(model, fold, [], ZERO_S + 4.5)
    (state,) = [m for m in start.state.machines if m.station == "a"]
    assert (state.status, state.elapsed, state.down_for) == ("busy", 0.5, 4.0)
    fold.events([machine(6.0, "a", "producing")])
    (state,) = [m for m in start_of(model, fold, [], ZERO_S + 6.75).state.machines if m.station == "a"]
    assert (state.elapsed, state.uptime, state.down_for) == (1.25, 0.75, None)


def test_orders_are_split_into_what_is_on_the_line_and_the_rest() -> None:
    model = model_of_two(places=2)
    fold = folded(model, step(0, "a", "started", "u1", order="A"), step(2, "a", "finished", "u1"))
    fold.events([step(2, "a", "left", "u1"), step(2, "a", "started", "u2", order="B")])
    orders = [
        OpenOrder(order="B", product="P", quantity=5, priority=1),
        OpenOrder(order="A", product="P", quantity=3, finished=2),
        OpenOrder(order="C", product="Q", quantity=3),
    ]
    start = start_of(model, fold, orders)
    assert [(o.name, o.quantity) for o in start.line.orders] == [("B" + ON_LINE, 1), ("A" + ON_LINE, 1), ("B", 4)]
    assert start.parts == {"B": ("B" + ON_LINE, "B"), "A": ("A" + ON_LINE,)}
    assert start.notes == {"order_not_of_this_line": 1}
    assert start.line.supplies[0].products == ()


def test_silence_is_knowledge_for_two_minutes_and_then_said() -> None:
    model = model_of_two()
    fold = folded(model, step(0, "a", "started", "u1"))
    soon, late = (live_start(model, fold, [], ZERO_S + seconds) for seconds in (20.0, 500.0))
    assert (soon.state.time, soon.notes) == (17.0, {})
    assert soon.state.machines[0].elapsed == 17.0
    assert (late.state.time, late.notes) == (0.0, {"events_stale": 500})
    assert live_start(model, LineFold(model), [], ZERO_S + 9.0).state.time == 9.0


def test_orders_far_ahead_are_left_for_later_but_not_what_is_on_the_line() -> None:
    model = model_of_two()
    fold = folded(model, step(0, "a", "started", "u1", order="O-39"))
    orders = [OpenOrder(order=f"O-{k:02d}", product="P", quantity=2, index=k) for k in range(40)]
    start = start_of(model, fold, orders)
    assert list(start.parts) == ["O-39", *(f"O-{k:02d}" for k in range(ORDERS_AHEAD - 1))]
    assert start.notes == {"orders_later": 40 - ORDERS_AHEAD}


def test_a_buffer_that_holds_more_than_the_model_says_is_given_the_room_and_said() -> None:
    model = model_of_two(places=1)
    fold = LineFold(model)
    for k in range(3):
        fold.events([step(k, "a", "started", f"u{k}"), step(k + 0.5, "a", "left", f"u{k}")])
    start = start_of(model, fold, [])
    assert start.line.buffers[0].capacity == 3
    assert start.notes["buffer_over_capacity"] == 2


def test_a_model_in_an_unknown_unit_is_refused() -> None:
    with pytest.raises(TimeUnitError):
        LineModel("L", msgspec.structs.replace(two_stations(), time_unit="furlongs"), ZERO)


@given(seed=st.integers(0, 2**32), cut=st.floats(1.0, 400.0))
@settings(max_examples=25, deadline=None)
def test_the_fold_knows_what_the_virtual_line_knows(seed: int, cut: float) -> None:
    """Machines, buffers and parts as the line itself has them, at any moment, from its events alone."""
    config = msgspec.structs.replace(demo_production(), reject_share=0.2)
    line = VirtualProduction(config, seed, lambda n: Piece(n, f"u{n}", "P", "A"), ZERO_S)
    model = LineModel("L", model_of(config, "L", "P", 0.2), ZERO)
    fold = LineFold(model)
    fold.events(line.advance(ZERO_S + cut))
    saved = line.saved()
    assert not fold.oddities
    assert [[p.serial for p in own] for own in saved.buffers] == list(fold.buffers.values())
    for config_of, truth in zip(config.stations, saved.stations, strict=True):
        seen = fold.machines[config_of.name]
        assert seen.unit == (truth.piece.serial if truth.piece else None)
        assert (seen.said == "down") == truth.down
    start = start_of(model, fold, [OpenOrder(order="A", product="P", quantity=10_000)])
    held = sum(o.quantity for o in start.line.orders if o.name in start.on_line)
    assert held == len(fold.units)
    assert start.notes == {}
