"""What-if, changes, selection, allocation, sequence, sensitivity, energy: laws, exact cases, bad input."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from gaugeblock.twin.allocation import allocate
from gaugeblock.twin.changes import Moment, changed, parse_change, without
from gaugeblock.twin.distributions import Deterministic, Exponential, Gamma
from gaugeblock.twin.energy import Powers, StationPower, energy_of, parse_powers
from gaugeblock.twin.errors import ChangeFormError, PowerError, RunParameterError, SelectionError, UnknownNameError
from gaugeblock.twin.line import SCRAP, Calendar, Failures, Line, Order, Outcome, Supply, parse_line, serial_line
from gaugeblock.twin.questions import Question, answer, pieces, run
from gaugeblock.twin.selection import kim_nelson
from gaugeblock.twin.sensitivity import sensitivities
from gaugeblock.twin.sequence import sequence_orders, solve
from gaugeblock.twin.simulation import Simulation
from gaugeblock.twin.validation import validate
from gaugeblock.twin.what_if import Plan, compare, observe, together

FAILING = Failures(counts="operating_time", between=Exponential(50.0), repair=Exponential(5.0))


def line_of(*means: float, places: int = 2, **values: object) -> Line:
    return serial_line([Exponential(m) for m in means], [places] * (len(means) - 1), **values)  # type: ignore[arg-type]


def with_orders(*orders: Order) -> Line:
    line = serial_line([Deterministic(1.0), Deterministic(2.0)], [3])
    return msgspec.structs.replace(line, supplies=(Supply(name="raw"),), orders=orders)


def order(name: str, quantity: int, due: float | None = None) -> Order:
    return Order(name=name, supply="raw", product="part", quantity=quantity, due=due)


# ── common random numbers ─────────────────────────────────────────────────────────────────────────────────


def test_nothing_changed_is_a_difference_of_nothing() -> None:
    line = line_of(1.0, 1.2, failures=[FAILING, None])
    found = compare(line, line, Plan(until=200.0, replications=5))
    assert all(f.difference.mean == 0.0 and f.difference.high == 0.0 and not f.clear for f in found.figures)


def test_shared_luck_makes_the_difference_narrow() -> None:
    line = line_of(1.0, 1.0, 1.0)
    more = changed(line, [parse_change("buffer:buffer-1=+3")])
    found = compare(line, more, Plan(until=500.0, warm_up=50.0, replications=30)).figures[0]
    apart = math.hypot(found.a.high - found.a.low, found.b.high - found.b.low)
    assert found.clear
    assert found.difference.mean > 0.0
    assert found.difference.high - found.difference.low < 0.6 * apart


def test_pieces_put_together_are_the_whole() -> None:
    line = line_of(1.0, 1.3, failures=[None, FAILING])
    plan = Plan(until=100.0, replications=7, seed=3)
    question = Question(changes=("repair:station-2=0.5",), plan=plan)
    small = [run(piece) for piece in pieces(line, question, None, size=2)]
    large = [run(piece) for piece in pieces(line, question, None, size=100)]
    assert answer(line, question, None, small) == answer(line, question, None, large)
    assert together(small[:4]) == observe(line, range(7), plan)


def test_orders_on_time_are_paired() -> None:
    line = with_orders(order("A", 5, due=11.0), order("B", 5, due=30.0))
    quicker = changed(line, [parse_change("service:station-2=0.9")])
    found = compare(line, quicker, Plan(until=100.0, replications=2))
    assert [(o.order, o.on_time_a, o.on_time_b) for o in found.orders] == [("A", 1.0, 1.0), ("B", 1.0, 1.0)]
    assert found.orders[0].median_a == 11.0
    assert found.orders[0].median_b == pytest.approx(10.0)
    parts: dict[str, tuple[str, ...]] = {"AB": ("A", "B")}
    question = Question(changes=("service:station-2=0.9",), plan=Plan(until=100.0, replications=2), parts=parts)
    whole = answer(line, question, None, [run(piece) for piece in pieces(line, question, None)])
    assert [(o.order, o.median_a) for o in whole.orders] == [("AB", 21.0)]


# ── changes ───────────────────────────────────────────────────────────────────────────────────────────────


NO_CHANGES = (
    "",
    "buffer",
    "buffer:x",
    "what:x=1",
    "buffer:buffer-1=many",
    "buffer:buffer-1=-9",
    "service:station-1=0",
    "service:station-1=nan",
    "machine:station-1=0",
    "rush:R=P",
    "maintenance:station-1=5@-3",
    "scrap:station-1=-1",
)


@pytest.mark.parametrize("text", NO_CHANGES)
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(ChangeFormError):
        changed(line_of(1.0, 1.0), [parse_change(text)])


@pytest.mark.parametrize("text", ["buffer:x=1", "machine:x=1", "repair:station-1=0.5", "shift:x=0-1", "rush:R=PxY@z"])
def test_what_is_not_there_is_named(text: str) -> None:
    with pytest.raises((UnknownNameError, ChangeFormError)):
        changed(line_of(1.0, 1.0), [parse_change(text)])


def test_scrap_is_scaled_and_shares_still_add_up() -> None:
    line = line_of(1.0, 1.0)
    steps = (
        line.steps[0],
        msgspec.structs.replace(
            line.steps[1],
            to=None,
            outcomes=(Outcome(share=0.8, to=("finished",)), Outcome(share=0.2, to=(SCRAP,))),
        ),
    )
    line = msgspec.structs.replace(line, steps=steps)
    found = validate(changed(line, [parse_change("scrap:station-2=0.5")]))
    assert [o.share for o in found.steps[1].outcomes] == pytest.approx([0.9, 0.1])


def test_a_rush_order_comes_behind_what_is_on_the_line() -> None:
    line = with_orders(order("on line", 2), order("A", 5))
    found = changed(line, [parse_change("rush:R=partx3@raw,due=9")], Moment(released=frozenset({"on line"})))
    assert [(o.name, o.quantity, o.due) for o in found.orders] == [("on line", 2, None), ("R", 3, 9.0), ("A", 5, None)]


def test_maintenance_takes_its_time_once() -> None:
    """One deterministic machine: what is lost is what was not worked, now or tonight."""
    line = serial_line([Deterministic(1.0)], [])
    plan = Plan(until=100.0, replications=2)
    for at in ("now", "40"):
        later = changed(line, [parse_change(f"maintenance:station-1=10@{at}")], Moment(horizon=plan.until))
        validate(later)
        found = compare(line, later, plan).figures[1]
        assert found.difference.mean == -10.0, at


@given(
    period=st.integers(4, 30),
    edges=st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True),
    at=st.integers(0, 100),
    length=st.integers(1, 20),
    span=st.integers(21, 80),
)
def test_a_calendar_without_a_while_is_the_usual_one_elsewhere(
    period: int, edges: list[int], at: int, length: int, span: int
) -> None:
    cut = sorted(min(edge, period) for edge in edges)
    work = tuple((float(a), float(b)) for a, b in zip(cut[::2], cut[1::2], strict=False) if b > a)
    usual = Calendar(name="c", period=float(period), work=work)
    found = without(usual, float(at), float(length), float(span), "x", parse_change("maintenance:s=1@1"))
    assert all(a < b for a, b in found.work)
    assert all(first[1] <= second[0] for first, second in zip(found.work, found.work[1:], strict=False))
    for moment in range(at, at + span):
        here = moment + 0.5
        works = any(a <= here % period < b for a, b in work)
        gap = at <= here < at + length
        assert any(a <= here % found.period < b for a, b in found.work) == (works and not gap)


# ── choosing ──────────────────────────────────────────────────────────────────────────────────────────────


def test_kim_nelson_is_right_as_often_as_it_says() -> None:
    """Best by exactly the indifference, correlated within replications: 400 selections, 90 % promised."""
    right = 0
    for trial in range(400):

        def values(c: int, numbers: range, trial: int = trial) -> list[float]:
            found = []
            for n in numbers:
                shared = random.Random(f"{trial}/{n}").gauss(0.0, 1.0)
                own = random.Random(f"{trial}/{n}/{c}").gauss(0.0, 1.0)
                found.append((0.5 if c == 3 else 0.0) + shared + own)
            return found

        found = kim_nelson(5, values, indifference=0.5, confidence=0.9, first=10, most=5000, batch=1)
        assert found.decided
        right += found.best == 3
    # Were it right in 90 % only, fewer than 345 of 400 would have a chance below one in a thousand.
    assert right >= 345


def test_selection_without_enough_observations_says_so() -> None:
    def values(c: int, numbers: range) -> list[float]:
        return [random.Random(f"{n}/{c}").gauss(0.0, 1.0) for n in numbers]

    found = kim_nelson(3, values, indifference=0.001, first=5, most=10)
    assert not found.decided
    assert len(found.left) > 1
    with pytest.raises(SelectionError):
        kim_nelson(0, values, indifference=1.0)
    with pytest.raises(RunParameterError):
        kim_nelson(2, values, indifference=0.0)


def test_places_go_to_where_the_line_is_uneven() -> None:
    line = serial_line([Gamma(1.0, 0.1), Gamma(1.0, 0.1), Exponential(1.0), Exponential(1.0)], [2, 2, 2])
    found = allocate(line, 8, Plan(until=800.0, warm_up=50.0, replications=40), indifference=0.02)
    assert sum(found.best) == 8
    assert found.all_of_them
    assert found.best[2] == max(found.best)
    with pytest.raises(SelectionError):
        allocate(line, 2, Plan(until=10.0))
    with pytest.raises(UnknownNameError):
        allocate(line, 8, Plan(until=10.0), buffers=["none", "buffer-1"])


def test_many_places_are_searched_for() -> None:
    line = line_of(1.0, 1.0, 1.0, 1.0)
    found = allocate(line, 30, Plan(until=60.0, warm_up=10.0, replications=20), indifference=0.2)
    assert not found.all_of_them
    assert all(sum(candidate) == 30 for candidate in found.candidates)


def test_the_sequence_that_is_on_time_is_found() -> None:
    """Only the due dates' order makes all three: 5 + 5 + 5 parts at 2 each."""
    line = with_orders(order("late", 5, due=40.0), order("soon", 5, due=11.5), order("then", 5, due=22.5))
    found = sequence_orders(line, Plan(until=100.0, replications=20), with_solver=False)
    assert found.best.orders == ("soon", "then", "late")
    assert found.selected.values[found.selected.best].mean == 3.0
    with pytest.raises(SelectionError):
        sequence_orders(with_orders(order("A", 1)), Plan(until=10.0))


def test_constraint_programming_gives_the_sequence_of_least_tardiness() -> None:
    pytest.importorskip("ortools")
    orders = (order("late", 5, due=40.0), order("soon", 5, due=11.5), order("then", 5, due=22.5))
    assert solve(with_orders(*orders), orders, 2.0) == ("soon", "then", "late")


def test_the_slow_station_is_the_sensitive_one() -> None:
    found = sensitivities(line_of(1.0, 1.6, 1.0), Plan(until=1000.0, warm_up=100.0, replications=6))
    assert found.stations[0].name == "station-2"
    assert found.stations[0].gain.mean == pytest.approx(found.faster, rel=0.3)
    assert found.clear


# ── energy ────────────────────────────────────────────────────────────────────────────────────────────────


def powers(*stations: StationPower, base: float = 0.0) -> Powers:
    return Powers(carbon_kg_per_kWh=0.5, carbon_source="a grid, 2025", stations=stations, base_kW=base)


def test_energy_of_a_deterministic_line_is_power_times_time() -> None:
    """Station 1 works 30 s of every 60 s and is blocked the rest; station 2 always works; 1 kW is always drawn."""
    line = serial_line([Deterministic(30.0), Deterministic(60.0)], [0], time_unit="s")
    plan = Plan(until=6600.0, warm_up=600.0, replications=2)
    reports = observe(line, range(2), plan).reports
    given = powers(
        StationPower(station="station-1", busy=12.0, blocked=2.0),
        StationPower(station="station-2", busy=6.0),
        base=1.0,
    )
    found = energy_of(line, given, reports)
    assert found.energy_kWh.mean == pytest.approx((12 * 30 + 2 * 30 + 6 * 60 + 1 * 60) / 3600)
    assert found.carbon_kg.mean == pytest.approx(0.5 * found.energy_kWh.mean)
    assert sum(found.by_state.values()) == pytest.approx(1.0)
    assert sum(found.by_station.values()) == pytest.approx(1.0)


def test_powers_that_do_not_fit_are_refused() -> None:
    line = line_of(1.0, 1.0)
    reports = observe(line, range(2), Plan(until=10.0)).reports
    with pytest.raises(PowerError):
        energy_of(line, powers(StationPower(station="station-1", busy=1.0)), reports)
    with pytest.raises(PowerError):
        energy_of(msgspec.structs.replace(line, time_unit="moons"), powers(), reports)
    with pytest.raises(PowerError):
        parse_powers('carbon_kg_per_kWh = -1\ncarbon_source = ""\nstation = []')


@given(factor=st.floats(0.3, 0.95), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_faster_machine_never_makes_a_serial_line_slower(factor: float, seed: int) -> None:
    """Path by path: on the same draws no part is finished later (monotonicity of tandem lines)."""
    line = line_of(1.0, 1.2, 0.9)
    quick = changed(line, [parse_change(f"service:station-2={factor!r}")])
    slow_run, quick_run = Simulation(line, seed, log=60), Simulation(quick, seed, log=60)
    slow_run.advance(parts=50)
    quick_run.advance(parts=50)
    pairs = zip(slow_run.finished_parts().time, quick_run.finished_parts().time, strict=False)
    assert all(b <= a + 1e-9 for a, b in pairs)


def test_the_example_with_its_changes_is_still_a_line() -> None:
    from pathlib import Path

    example = Path(__file__).resolve().parents[2] / "docs" / "examples" / "line.toml"
    line = parse_line(example.read_text("utf-8"))
    texts = [
        "shift:two shifts=0-480,480-960,960-1440",
        "machine:drilling=2",
        "failures:turning=2",
        "scrap:inspection=0.5",
    ]
    texts += ["maintenance:drilling=60@840", "buffer:washed=12"]
    found = validate(changed(line, [parse_change(text) for text in texts], Moment(horizon=3000.0)))
    assert {s.calendar for s in found.stations} == {"two shifts", "drilling · maintenance"}
