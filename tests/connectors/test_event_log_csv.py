"""Event logs as CSV: common exports are known by their headers, times in several forms, bad rows named."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import SHARED
from gaugeblock.connectors.event_log_csv import event_log_csv, read_event_log
from gaugeblock.twin.calibration.cleaning import clock_offset, joined
from gaugeblock.twin.calibration.errors import ClocksApartError, LogColumnError, LogRowError
from gaugeblock.twin.calibration.event_log import LogBuilder

SHOP = SHARED / "data" / "production_4tu"
HEADER = "part,station,machine,start,end\n"


def test_times_as_numbers_and_as_dates() -> None:
    log = read_event_log([HEADER, "a,saw,m,1.5,2.25\n", "b,saw,m,3e-05,\n"])
    assert log.start.tolist() == [3e-05, 1.5]
    assert np.isnan(log.end[0])
    for row in (
        "a,saw,m,2026-03-01T06:30:00Z,2026-03-01T07:00:30Z",
        "a,saw,m,2026-03-01T08:30:00+02:00,2026-03-01T09:00:30+02:00",
        "a,saw,m,2026/03/01 06:30:00.000,2026/03/01 07:00:30.000",
    ):
        log = read_event_log([HEADER, row])
        assert (log.start[0], log.end[0]) == (390.0, 420.5)
        assert log.origin == "2026-03-01T00:00:00"
    assert read_event_log([HEADER, row], unit="h").start[0] == 6.5


def test_columns_by_name_order_and_delimiter() -> None:
    log = read_event_log(
        ["\ufeffAus;Teil;Platz;Ein;Ausschuss\n", "4;a;saw;2;ja\n"],
        columns={"part": "Teil", "station": "Platz", "start": "Ein", "end": "Aus", "rejected": "Ausschuss"},
    )
    assert (log.parts, log.stations, log.start[0], log.end[0]) == (("a",), ("saw",), 2.0, 4.0)
    assert read_event_log([HEADER, "a,saw,m,1,2\n"], columns={"machine": "-"}).machines == ()
    with pytest.raises(LogColumnError) as caught:
        read_event_log(["part,station,start\n"])
    assert caught.value.facts["column"] == "end"
    with pytest.raises(LogColumnError):
        read_event_log([HEADER], columns={"machine": "robot"})
    with pytest.raises(LogColumnError):
        read_event_log([])


def test_down_times_and_rejects() -> None:
    log = read_event_log(
        [
            "part,station,machine,start,end,rejected,state\n",
            "a,saw,m,1,2,1,\n",
            ",,m,2,5,,down\n",
            ",,m,9,,,down\n",
        ]
    )
    assert log.rejected.tolist() == [True]
    assert log.down_start.tolist() == [2.0, 9.0]
    assert math.isnan(log.down_end[1])
    assert len(log) == 1


@pytest.mark.parametrize("row", ["a,saw,m,yesterday,2", "a,saw,m,2026-13-01T00:00:00,2", "a,saw", "a,saw,m,1,2x"])
def test_a_bad_row_is_named(row: str) -> None:
    with pytest.raises(LogRowError) as caught:
        read_event_log([HEADER, "a,saw,m,1,2\n", row])
    assert caught.value.facts["row"] == 3


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.visit("a", "saw, left", "m", 0.1, 0.30000000000000004, product="p", order="o", rejected=True)
    builder.visit('b "2"', "saw, left", "m", 2.0, math.nan)
    builder.down("m", 1.0, math.nan)
    log = builder.build()
    path = tmp_path / "log.csv"
    path.write_text("".join(event_log_csv(log)), "utf-8")
    with path.open(encoding="utf-8", newline="") as file:
        again = read_event_log(file)
    assert (again.parts, again.stations, again.products, again.orders) == (
        log.parts,
        log.stations,
        log.products,
        log.orders,
    )
    assert again.start.tolist() == log.start.tolist()
    assert again.end[0] == log.end[0]
    assert again.rejected.tolist() == [True, False]
    assert again.down_start.tolist() == [1.0]


def test_progress_is_told_as_it_streams() -> None:
    seen: list[int] = []

    def rows() -> object:
        yield HEADER
        for k in range(120_000):
            yield f"p{k},saw,m,{k}.0,{k}.5\n"

    log = read_event_log(rows(), progress=seen.append)  # type: ignore[arg-type]
    assert seen == [50_000, 100_000]
    assert len(log) == 120_000


@pytest.mark.skipif(not SHOP.is_dir(), reason="../shared/data/production_4tu is not there")
def test_the_metal_shops_two_files_are_two_hours_apart() -> None:
    logs = []
    for name in ("Production.csv", "Production_full_columns.csv"):
        with (SHOP / name).open(encoding="utf-8-sig", newline="") as file:
            logs.append(read_event_log(file))
    assert [(len(log), len(log.parts)) for log in logs] == [(4503, 225), (4503, 225)]
    offset, share = clock_offset(*logs)
    assert offset == 120.0
    assert 0.9 < share < 0.92  # the rest is three hours apart: summer time
    with pytest.raises(ClocksApartError):
        joined(*logs)
    both, remarks = joined(*logs, align=True)
    assert [remark.key for remark in remarks] == ["clocks"]
    assert len(both) == 4503
