"""The NIST test bed's recordings: cycles from the raw stream, joined with what was measured on the parts."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.harness import SHARED
from gaugeblock.connectors.errors import QifFormError, QifTooLargeError, ShdrEmptyError
from gaugeblock.connectors.qif import DEPTH_MAX, parse_qif
from gaugeblock.connectors.shdr import Cycle, parse_shdr, program_cycles

NIST = SHARED / "data" / "nist_sms_testbed"
there = pytest.mark.skipif(not NIST.is_dir(), reason="../shared/data/nist_sms_testbed is not there")


def _plates() -> dict[int, tuple[Cycle, ...]]:
    found = {}
    for path in sorted((NIST / "partdata").glob("Plate-*.txt")):
        number = int(path.stem.split("-")[-1].removesuffix("of20"))
        found[number] = program_cycles(parse_shdr(path.read_bytes()))
    return found


def test_holds_are_not_work_and_an_open_cycle_has_no_end() -> None:
    rows = [
        "10:00:00|Program_Status|ACTIVE|Program_Name_Running|A.NC",
        "10:00:10|Program_Status|PROGRAM_STOPPED",
        "10:00:15|Program_Status|FEED_HOLD",
        "10:00:30|Program_Status|ACTIVE",
        "10:01:00|Program_Status|PROGRAM_COMPLETED",
        "10:01:01|Part_Count|12",
        "10:02:00|Program_Status|ACTIVE",
        "10:02:30|Part_Count|13",
    ]
    stream = parse_shdr("\n".join(f"2017-02-01T{row}" for row in rows).encode())
    first, second = program_cycles(stream)
    assert (first.cycle_s, first.held_s, first.working_s, first.part_count, first.program) == (60, 20, 40, 12, "A.NC")
    assert np.isnan(second.end_s)
    assert second.part_count is None


def test_what_is_no_recording_is_named() -> None:
    for data in (b"", b"hello\nworld", b"\x00\xff|a|b"):
        with pytest.raises(ShdrEmptyError):
            parse_shdr(data)


def test_what_is_no_qif_is_named() -> None:
    for data in (b"", b"<a>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'):
        with pytest.raises(QifFormError):
            parse_qif(data)
    deep = b"<a>" * (DEPTH_MAX + 1)
    with pytest.raises(QifTooLargeError):
        parse_qif(deep)
    assert parse_qif(b"<a/>") == ()


@there
def test_each_plate_has_two_cycles_and_the_counter_counts_them() -> None:
    plates = _plates()
    assert sorted(plates) == list(range(1, 21))
    assert {len(cycles) for cycles in plates.values()} == {2}
    # The front takes some twenty minutes, the back under one; the counter goes on from plate to plate.
    front = np.array([plates[k][0].working_s for k in range(1, 21)])
    back = np.array([plates[k][1].working_s for k in range(1, 21)])
    assert np.median(front) == pytest.approx(1123.3, rel=0.05)
    assert np.median(back) == pytest.approx(52.1, abs=0.3)
    assert [plates[k][1].part_count for k in range(1, 21)] == list(range(1089, 1109))
    assert [plates[k][0].part_count for k in (1, 2, 3)] == [1066, 1067, 1068]
    # One plate was stopped for a quarter of an hour.
    held = {k: plates[k][0].held_s for k in plates}
    assert max(held, key=held.__getitem__) == 19
    assert held[19] == pytest.approx(1064, abs=2)


@there
def test_cycles_join_the_inspection_results() -> None:
    results = parse_qif((NIST / "inspection" / "PlateResults_20_samples.QIF").read_bytes())
    assert len(results) == 20
    assert sum(len(part.values) for part in results) == 620
    assert all(part.passed is False for part in results)  # each plate has a characteristic out of tolerance
    assert sum(value.passed is False for part in results for value in part.values) == 51
    plates = _plates()
    numbered = {}
    for part in results:
        if found := re.search(r"_A(\d\d)_", part.serial):
            numbered[int(found.group(1))] = part
    joined = {k: (plates[k][0].working_s, numbered[k]) for k in plates.keys() & numbered.keys()}
    assert len(joined) == 19  # the twentieth has no serial number in the file
    failed = {k: [v.characteristic for v in part.values if v.passed is False] for k, (_, part) in joined.items()}
    assert all(failed.values())
    boxes = parse_qif((NIST / "inspection" / "BoxResults_19_samples.QIF").read_bytes())
    assert (len(boxes), sum(part.passed is True for part in boxes)) == (19, 18)
