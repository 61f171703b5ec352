"""In which order should orders be made? Candidates by rule and by constraint programming, chosen by simulation.

Rules give sequences: by due date (EDD, the least maximum lateness on one machine: Jackson 1955), by work (SPT), by due
date less work (slack). With the extra ``plan``, OR-Tools' CP-SAT adds the sequence of least weighted tardiness on the
stations' mean times without failures (a permutation flow shop of lots). Each candidate is then simulated with all its
luck, and the one with the largest expected number of orders on time is selected (:mod:`gaugeblock.twin.selection`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gaugeblock.twin.errors import PlanMissingError, SelectionError
from gaugeblock.twin.line import Line, Order
from gaugeblock.twin.selection import Selected, kim_nelson
from gaugeblock.twin.state import LineState
from gaugeblock.twin.tables import Tables, flatten
from gaugeblock.twin.what_if import Plan, observe

ORDERS_MAX = 60
SOLVE_S = 10.0
_SCALE = 1000


class OrderSequence(msgspec.Struct, frozen=True):
    """A sequence of orders' names and the rule that gave it first."""

    rule: str
    orders: tuple[str, ...]


class Sequenced(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates, and what was selected: by the expected number of orders on time."""

    candidates: tuple[OrderSequence, ...]
    selected: Selected
    on_time: tuple[tuple[float, ...], ...]
    """Of each candidate, each order's share of replications in which it was on time, in the candidate's sequence."""

    @property
    def best(self) -> OrderSequence:
        """The sequence to make."""
        return self.candidates[self.selected.best]


def sequence_orders(
    line: Line,
    plan: Plan,
    *,
    fixed: frozenset[str] = frozenset(),
    with_solver: bool = True,
    indifference: float = 0.1,
    confidence: float = 0.95,
    state: LineState | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sequenced:
    """The sequence of the line's orders with the largest expected number on time.

    Parameters
    ----------
    fixed
        Orders that are on the line already: they stay in front.
    with_solver
        Also the sequence of CP-SAT.
    indifference
        Orders on time that are worth finding.

    Raises
    ------
    PlanMissingError
        ``with_solver``, and OR-Tools is not installed.
    SelectionError, RunParameterError
    """
    free = [order for order in line.orders if order.name not in fixed]
    if not 2 <= len(free) <= ORDERS_MAX:
        raise SelectionError(found=len(free), low=2, high=ORDERS_MAX)
    held = [order for order in line.orders if order.name in fixed]
    candidates = _candidates(line, free, with_solver)
    by_name = {order.name: order for order in line.orders}
    tables: list[Tables] = [
        flatten(msgspec.structs.replace(line, orders=(*held, *(by_name[name] for name in candidate.orders))))
        for candidate in candidates
    ]
    hits: list[dict[int, tuple[float, ...]]] = [{} for _ in candidates]

    def values(c: int, numbers: range) -> list[float]:
        seen = observe(tables[c], numbers, plan, state=state)
        orders = tables[c].line.orders
        for number, row in zip(numbers, seen.completed, strict=True):
            hits[c][number] = tuple(
                1.0 if order.due is None or (time is not None and time <= order.due) else 0.0
                for order, time in zip(orders, row, strict=True)
                if order.name not in fixed
            )
        return [sum(hits[c][number]) for number in numbers]

    selected = kim_nelson(
        len(candidates),
        values,
        indifference=indifference,
        confidence=confidence,
        first=min(20, plan.replications),
        most=plan.replications,
        progress=progress,
    )
    shares = tuple(tuple(sum(row[k] for row in rows.values()) / len(rows) for k in range(len(free))) for rows in hits)
    return Sequenced(candidates=tuple(candidates), selected=selected, on_time=shares)


def work_of(line: Line, order: Order) -> dict[str, float]:
    """Mean time of the order's parts at each station, on all its machines, outcomes and failures left out."""
    times: dict[str, float] = {}
    machines = {station.name: station.machines for station in line.stations}
    for step in line.steps:
        if step.product == order.product and step.station not in times:
            times[step.station] = order.quantity * step.service.mean / machines[step.station]
    return times


def _candidates(line: Line, free: Sequence[Order], with_solver: bool) -> list[OrderSequence]:
    far = max((order.due for order in free if order.due is not None), default=0.0) + 1.0
    work = {order.name: max(work_of(line, order).values(), default=0.0) for order in free}

    def by(rule: str, key: Callable[[Order], float]) -> OrderSequence:
        return OrderSequence(rule, tuple(order.name for order in sorted(free, key=key)))

    def due(order: Order) -> float:
        return far if order.due is None else order.due

    found = [
        OrderSequence("as_written", tuple(order.name for order in free)),
        by("due_date", due),
        by("shortest", lambda order: work[order.name]),
        by("slack", lambda order: due(order) - work[order.name]),
    ]
    if with_solver:
        found.append(OrderSequence("cp_sat", solve(line, free)))
    seen: set[tuple[str, ...]] = set()
    return [c for c in found if not (c.orders in seen or seen.add(c.orders))]  # type: ignore[func-returns-value]


def solve(line: Line, orders: Sequence[Order], seconds: float = SOLVE_S) -> tuple[str, ...]:
    """The permutation of least total tardiness on the stations' mean times, by CP-SAT; one worker, one seed.

    Raises
    ------
    PlanMissingError
    """
    try:
        from ortools.sat.python import cp_model
    except ModuleNotFoundError as fault:
        raise PlanMissingError from fault
    stations = [station.name for station in line.stations]
    work = [work_of(line, order) for order in orders]
    unit = max((max(each.values(), default=0.0) for each in work), default=1.0) / _SCALE or 1.0
    length = [[max(0, round(each.get(station, 0.0) / unit)) for station in stations] for each in work]
    horizon = sum(max(row) + sum(row) // max(1, len(row)) for row in length) + max(sum(row) for row in length)
    start_time = min((order.release for order in orders), default=0.0)
    model: Any = cp_model.CpModel()
    lots = range(len(orders))
    starts = [[model.new_int_var(0, 2 * horizon, f"s{o},{s}") for s in range(len(stations))] for o in lots]
    before = {}
    for o in lots:
        # Parts of a lot flow on one by one: the next station begins when the first part is through.
        for s in range(1, len(stations)):
            first = max(1, length[o][s - 1] // orders[o].quantity) if length[o][s - 1] else 0
            model.add(starts[o][s] >= starts[o][s - 1] + first)
            model.add(starts[o][s] + length[o][s] >= starts[o][s - 1] + length[o][s - 1])
        for other in range(o + 1, len(orders)):
            first_is = model.new_bool_var(f"b{o},{other}")
            before[o, other] = first_is
            for s in range(len(stations)):
                model.add(starts[other][s] >= starts[o][s] + length[o][s]).only_enforce_if(first_is)
                model.add(starts[o][s] >= starts[other][s] + length[other][s]).only_enforce_if(first_is.negated())
    late = []
    for o in lots:
        due = orders[o].due
        if due is None:
            continue
        tardy = model.new_int_var(0, 4 * horizon, f"t{o}")
        model.add(tardy >= starts[o][-1] + length[o][-1] - round((due - start_time) / unit))
        late.append(tardy)
    ends = model.new_int_var(0, 4 * horizon, "end")
    for o in lots:
        model.add(ends >= starts[o][-1] + length[o][-1])
    model.minimize(sum(late) * 1000 + ends)
    solver: Any = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = seconds
    solver.parameters.max_time_in_seconds = 3.0 * seconds
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return tuple(order.name for order in orders)
    return tuple(orders[o].name for o in sorted(lots, key=lambda o: (solver.value(starts[o][0]), o)))
