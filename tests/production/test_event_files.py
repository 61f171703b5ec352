"""Events from files: what is read, and what is wrong with which row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.plant.production_facets import LineEvent, MachineEvent
from gaugeblock.production import event_files
from gaugeblock.production.event_files import in_batches, read_events
from gaugeblock.production.line_errors import EventFileError, EventFileLimitError, EventRowError

HEADER = "at,station,event,unit,machine,state\n"


def test_both_kinds_in_one_file_sorted_by_time() -> None:
    text = HEADER + "2026-01-01T08:00:05+08:00,a,finished,u1,,\n2026-01-01T08:00:01,a,started,u1,,\n"
    text += "2026-01-01T00:00:03Z,,,,a,down\n"
    found = read_events(text.encode("utf-8-sig"), "x.csv", "Asia/Shanghai")
    assert [event.at for event in found] == [f"2026-01-01T00:00:0{s}.000000Z" for s in (1, 3, 5)]
    assert [type(event) for event in found] == [LineEvent, MachineEvent, LineEvent]


def test_json_lines_say_the_same() -> None:
    lines = b'{"at":"2026-01-01T00:00:01Z","station":"a","event":"started","unit":"u1","order":"A"}\n\n'
    lines += b'{"at":"2026-01-01T00:00:02Z","machine":"a","state":"down","reason":"tool"}\n'
    first, second = read_events(lines, "x.jsonl")
    assert isinstance(first, LineEvent)
    assert first.order == "A"
    assert isinstance(second, MachineEvent)
    assert second.reason == "tool"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("yesterday,a,started,u1,,", "at"),
        (",a,started,u1,,", "at"),
        ("2026-01-01T00:00:01Z,a,begun,u1,,", "event"),
        ("2026-01-01T00:00:01Z,,started,u1,,", "station"),
        ("2026-01-01T00:00:01Z,,,,m,asleep", "state"),
        ("2026-01-01T00:00:01Z,,,,,down", "machine"),
        (f"2026-01-01T00:00:01Z,a,started,{'u' * 300},,", "unit"),
    ],
)
def test_a_row_that_says_nothing_is_named(row: str, column: str) -> None:
    with pytest.raises(EventRowError) as caught:
        read_events((HEADER + row + "\n").encode(), "x.csv")
    assert (caught.value.facts["column"], caught.value.facts["row"]) == (column, 2)


def test_files_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EventFileError):
        read_events(b"", "x.csv")
    with pytest.raises(EventFileError):
        read_events(b"at\n\xff\n", "x.csv")
    with pytest.raises(EventFileError):
        read_events(b"time,station\n", "x.csv")
    with pytest.raises(EventRowError):
        read_events(b"[1]\n", "x.jsonl")
    monkeypatch.setattr(event_files, "ROWS_MAX", 2)
    rows = "2026-01-01T00:00:01Z,a,started,u1,,\n" * 3
    with pytest.raises(EventFileLimitError):
        read_events((HEADER + rows).encode(), "x.csv")


@given(st.lists(st.text(max_size=200), max_size=50), st.integers(1, 20))
def test_batches_hold_every_event_once_and_fit_a_record(units: list[str], size: int) -> None:
    events = [LineEvent("2026-01-01T00:00:01Z", "a", "started", unit=unit) for unit in units]
    batches = list(in_batches(events, 5, size))
    assert [event for batch in batches for event in batch.steps] == events
    assert [batch.sequence for batch in batches] == list(range(5, 5 + len(batches)))
    assert all(0 < len(batch.steps) <= size for batch in batches)
