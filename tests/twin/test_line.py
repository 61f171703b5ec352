"""What is wrong with a line is named before anything runs, or when it stands."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gaugeblock.twin import errors
from gaugeblock.twin.distributions import Deterministic, Exponential
from gaugeblock.twin.line import (
    FINISHED,
    Arrivals,
    Buffer,
    Calendar,
    Failures,
    Line,
    Order,
    Outcome,
    Station,
    Step,
    Supply,
    parse_line,
    serial_line,
)
from gaugeblock.twin.max_plus import MaxPlusRun, is_serial
from gaugeblock.twin.simulation import Simulation
from gaugeblock.twin.validation import validate

ROOT = Path(__file__).resolve().parents[2]
PLAIN = serial_line([Exponential(1.0)] * 3, [1, 1])
WORK = Exponential(1.0)


def _changed(line: Line = PLAIN, **fields: object) -> Line:
    return msgspec.structs.replace(line, **fields)


def _step(number: int, **fields: object) -> Line:
    steps = list(PLAIN.steps)
    steps[number] = msgspec.structs.replace(steps[number], **fields)
    return _changed(steps=tuple(steps))


def _loop(capacity: int, wip_max: int | None = None, raw_first: bool = False) -> Line:
    """Rework goes back to the first station and is waited for."""
    makes = [
        Step(station="make", product="part", takes=("back",), service=WORK, to="ahead"),
        Step(station="make", product="part", takes=("raw",), service=WORK, to="ahead"),
    ]
    outcomes = (Outcome(share=0.6, to=(FINISHED,)), Outcome(share=0.4, to=("back",)))
    return Line(
        name="loop",
        time_unit="min",
        products=("part",),
        supplies=(Supply(name="raw", products=("part",)),),
        buffers=(Buffer(name="ahead", capacity=capacity), Buffer(name="back", capacity=capacity)),
        stations=(Station(name="make", blocking="after_service"), Station(name="test", blocking="after_service")),
        steps=(
            *(reversed(makes) if raw_first else makes),
            Step(station="test", product="part", takes=("ahead",), service=WORK, outcomes=outcomes),
        ),
        wip_max=wip_max,
    )


def test_the_example_is_a_line() -> None:
    line = validate(parse_line((ROOT / "docs" / "examples" / "line.toml").read_text("utf-8")))
    assert [station.name for station in line.stations] == ["turning", "washing", "drilling", "inspection"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (_changed(products=("part", "part")), errors.DuplicateNameError),
        (_step(1, takes=("nowhere",)), errors.UnknownNameError),
        (_step(1, to="nowhere"), errors.UnknownNameError),
        (_step(0, service=Exponential(0.0)), errors.TimeNotPositiveError),
        (_step(0, to=None), errors.StepOutcomeError),
        (_step(0, to=None, outcomes=(Outcome(share=0.5, to=("buffer-1",)),)), errors.SharesError),
        (_step(0, to=None, outcomes=(Outcome(share=1.0, to=("buffer-1",), makes=()),)), errors.MakesError),
        (_step(2, to=None, outcomes=(Outcome(share=1.0, to=("again",)),)), errors.RouteEndlessError),
        (_step(2, to="buffer-2"), errors.RouteEndlessError),
        (_changed(steps=PLAIN.steps[:2]), errors.StationIdleError),
        (_changed(buffers=(Buffer(name="buffer-1", capacity=-1), PLAIN.buffers[1])), errors.CapacityError),
        (_changed(wip_max=0), errors.CapacityError),
        (
            serial_line([WORK] * 2, [0], blocking="before_service"),
            errors.RoomBeforeServiceError,
        ),
        (
            _changed(calendars=(Calendar(name="day", period=24.0, work=((0.0, 9.0), (8.0, 12.0))),)),
            errors.CalendarError,
        ),
        (
            _changed(orders=(Order(name="o", supply="raw", product="part", quantity=1),)),
            errors.UnknownNameError,
        ),
        (_loop(2), errors.DeadlockPossibleError),
        (_loop(2, wip_max=6), errors.DeadlockPossibleError),
    ],
)
def test_what_is_wrong_is_named(line: Line, error: type[errors.LineError]) -> None:
    with pytest.raises(error):
        validate(line)


def test_a_possible_deadlock_names_its_ring_and_its_places() -> None:
    with pytest.raises(errors.DeadlockPossibleError) as caught:
        validate(_loop(2))
    assert caught.value.facts == {"cycle": "make → ahead → test → back → make", "places": 6}
    assert validate(_loop(2, wip_max=5)).name == "loop"


def test_fewer_parts_than_places_never_deadlock() -> None:
    run = Simulation(_loop(1, wip_max=3), 4)
    run.advance(parts=2_000)
    assert run.finished == 2_000


def test_a_line_that_stands_is_named_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaugeblock.twin.validation._no_deadlock", lambda line: None)
    with pytest.raises(errors.DeadlockError) as caught:
        Simulation(_loop(1, raw_first=True), 4).advance(parts=2_000)
    assert caught.value.facts["cycle"] == "make → ahead → test → back → make"
    assert caught.value.facts["inside"] == 4


def test_orders_that_run_out_are_named() -> None:
    line = _changed(supplies=(Supply(name="raw"),), orders=(Order(name="o", supply="raw", product="part", quantity=7),))
    run = Simulation(line)
    with pytest.raises(errors.ShortSupplyError) as caught:
        run.advance(parts=8)
    assert (caught.value.facts["finished"], caught.value.facts["inside"]) == (7, 0)


def test_a_queue_that_grows_without_end_is_named() -> None:
    line = _changed(
        supplies=(),
        arrivals=(Arrivals(name="in", into="queue", product="part", every=Deterministic(0.01)),),
        buffers=(*PLAIN.buffers, Buffer(name="queue", capacity="unlimited")),
        steps=(msgspec.structs.replace(PLAIN.steps[0], takes=("queue",)), *PLAIN.steps[1:]),
    )
    with pytest.raises(errors.QueueOverflowError) as caught:
        Simulation(line).advance(until=1e6)
    assert caught.value.facts["buffer"] == "queue"


def test_the_recursion_says_where_it_does_not_hold() -> None:
    failing = Failures(counts="calendar_time", between=Exponential(9.0), repair=WORK)
    for line in (
        serial_line([WORK] * 2, [1], machines=[1, 2]),
        serial_line([WORK] * 2, [1], blocking="before_service"),
        serial_line([WORK] * 2, [1], failures=[None, failing]),
        _changed(wip_max=3),
    ):
        assert not is_serial(line)
        with pytest.raises(errors.NotSerialError):
            MaxPlusRun(line)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name = ", errors.LineSyntaxError),
        ('name = "x"', errors.LineShapeError),
        ('name = "x"\nspeed = 3', errors.LineShapeError),
    ],
)
def test_a_text_that_is_no_line_is_named(text: str, error: type[errors.LineError]) -> None:
    with pytest.raises(error):
        parse_line(text)


@pytest.mark.parametrize("missing", ["blocking", "counts"])
def test_what_changes_the_throughput_has_no_default(missing: str) -> None:
    text = (ROOT / "docs" / "examples" / "line.toml").read_text("utf-8")
    needle = {"blocking": 'blocking = "after_service"', "counts": 'counts = "calendar_time", '}[missing]
    assert needle in text
    with pytest.raises(errors.LineShapeError) as caught:
        parse_line(text.replace(needle, "", 1))
    assert missing in str(caught.value.facts["detail"])
