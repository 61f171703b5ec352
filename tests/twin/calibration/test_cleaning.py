"""Bad logs: each is refused by name, or repaired as the report says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaugeblock.twin.calibration import event_log
from gaugeblock.twin.calibration.calibrate import calibrate
from gaugeblock.twin.calibration.cleaning import clean, clock_offset, joined
from gaugeblock.twin.calibration.discovery import discover
from gaugeblock.twin.calibration.errors import (
    ClocksApartError,
    LogEmptyError,
    LogTooLongError,
    NegativeTimesError,
    OverlapError,
    RouteEndlessInLogError,
)
from gaugeblock.twin.calibration.event_log import LogBuilder
from tests.twin.calibration.logs import beat


def _remarks(builder: LogBuilder) -> dict[str, dict[str, str | int | float]]:
    return {remark.key: remark.facts for remark in clean(builder.build())[1]}


def test_a_good_log_is_left_alone() -> None:
    log, remarks = clean(beat().build())
    assert remarks == ()
    assert len(log) == 80
    assert log.known.all()


def test_negative_and_zero_times_are_no_times() -> None:
    builder = beat(60, p7_saw=(21.0, 20.5), p9_mill=(29.1, 29.1))
    log, remarks = clean(builder.build())
    found = {remark.key: remark.facts for remark in remarks}
    assert found["negative"]["part"] == "p7"
    assert found["zero"]["count"] == 1
    assert (~log.known).sum() == 2
    assert len(log) == 120  # they stay on their routes


def test_many_negative_times_are_refused() -> None:
    builder = LogBuilder()
    for k in range(20):
        builder.visit(f"p{k}", "saw", "saw-1", 3.0 * k + 2.0, 3.0 * k)
    with pytest.raises(NegativeTimesError) as caught:
        clean(builder.build())
    assert caught.value.facts["count"] == 20


def test_an_overlap_is_cut_and_many_are_refused() -> None:
    log, remarks = clean(beat(p7_saw=(21.0, 24.5)).build())
    assert [r.key for r in remarks] == ["overlap"]
    of = (log.part == 7) & (log.station == 0)
    assert log.end[of].tolist() == [24.0]
    assert not log.known[of].any()
    builder = LogBuilder()
    for k in range(40):
        builder.visit(f"p{k}", "oven", "oven-1", 1.0 * k, 1.0 * k + 5.0)
    with pytest.raises(OverlapError) as caught:
        clean(builder.build())
    assert caught.value.facts["machine"] == "oven-1"


def test_a_machine_that_finishes_twice_counts_once() -> None:
    builder = beat()
    builder.visit("p7", "saw", "saw-1", 21.0, 25.0)
    builder.visit("p8", "saw", "saw-1", 24.0, 26.0)
    log, remarks = clean(builder.build())
    assert {r.key: r.facts["count"] for r in remarks} == {"finished_twice": 2}
    assert len(log) == 80
    assert log.end[(log.part == 7) & (log.station == 0)].tolist() == [23.0]


def test_missing_ends_are_closed_by_what_came_next() -> None:
    log, remarks = clean(beat(p7_saw=(21.0, math.nan), p39_mill=(119.1, math.nan)).build())
    assert {r.key for r in remarks} == {"no_end", "still_open"}
    of = (log.part == 7) & (log.station == 0)
    assert log.end[of].tolist() == [23.1]
    assert not log.known[of].any()
    assert np.isnan(log.end[(log.part == 39) & (log.station == 1)]).all()


def test_rows_without_start_are_left_out() -> None:
    assert _remarks(beat(p7_saw=(math.nan, 23.0)))["no_start"]["count"] == 1


def test_machines_without_names_are_told_apart_by_overlaps() -> None:
    builder = LogBuilder()
    for k in range(20):
        builder.visit(f"p{k}", "oven", None, 2.0 * k, 2.0 * k + 3.0)
    log, remarks = clean(builder.build())
    assert log.machines == ("oven 1", "oven 2")
    assert [r.key for r in remarks] == ["machines_unnamed"]


def test_two_logs_whose_clocks_are_two_hours_apart() -> None:
    early = beat().build()
    builder = LogBuilder()
    for k in range(len(early)):
        builder.visit(
            early.parts[early.part[k]],
            early.stations[early.station[k]],
            early.machines[early.machine[k]],
            early.start[k] + 120.0,
            early.end[k] + 120.0,
        )
    builder.visit("later", "saw", "saw-1", 300.0, 302.0)
    late = builder.build()
    assert clock_offset(early, late) == (120.0, 1.0)
    with pytest.raises(ClocksApartError) as caught:
        joined(early, late)
    assert caught.value.facts["hours"] == 2.0
    both, remarks = joined(early, late, align=True)
    assert len(both) == len(early) + 1
    assert both.start.max() == 180.0
    assert remarks[0].key == "clocks"


def test_a_station_whose_clock_is_behind_is_named() -> None:
    builder = LogBuilder()
    for k in range(40):
        builder.visit(f"p{k}", "saw", "saw-1", 3.0 * k, 3.0 * k + 2.0)
        builder.visit(f"p{k}", "mill", "mill-1", 3.0 * k + 2.1 - 1.5, 3.0 * k + 4.6 - 1.5)
    with pytest.raises(ClocksApartError) as caught:
        clean(builder.build())
    assert (caught.value.facts["first"], caught.value.facts["second"]) == ("saw", "mill")
    assert caught.value.facts["hours"] == pytest.approx(1.4 / 60, abs=1e-3)


def test_one_part_tells_no_spread() -> None:
    with pytest.raises(LogEmptyError):
        calibrate(beat(1).build())
    with pytest.raises(LogEmptyError):
        calibrate(LogBuilder().build())


def test_a_route_that_cannot_end_is_named() -> None:
    builder = LogBuilder()
    for k in range(12):
        for turn in range(4):
            builder.visit(f"p{k}", "saw", "saw-1", 48.0 * turn + 4.0 * k, 48.0 * turn + 4.0 * k + 2.0)
            builder.visit(f"p{k}", "mill", "mill-1", 48.0 * turn + 4.0 * k + 2.0, math.nan if turn == 3 else 0)
    log = builder.build()
    log = event_log.replace(log, end=np.where(log.end == 0, log.start + 1.5, log.end))
    with pytest.raises(RouteEndlessInLogError) as caught:
        discover(log)
    assert caught.value.facts["station"] in ("saw", "mill")


def test_a_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "VISITS_MAX", 5)
    builder = LogBuilder()
    for k in range(5):
        builder.visit(f"p{k}", "saw", "saw-1", k, k + 0.5)
    with pytest.raises(LogTooLongError):
        builder.visit("p5", "saw", "saw-1", 5.0, 5.5)


def test_what_was_known_earlier() -> None:
    builder = beat()
    builder.down("saw-1", 10.0, 12.0)
    builder.down("saw-1", 58.0, 70.0)
    builder.down("saw-1", 90.0, 91.0)
    log = builder.build().until(60.5)
    assert log.closed == 60.5
    assert log.start.max() <= 60.5
    assert np.isnan(log.end).sum() == 2
    assert log.down_start.tolist() == [10.0, 58.0]
    assert np.isnan(log.down_end[1])
