"""Orders of a metal shop (the production log of 4TU): fitted on the first two thirds, the rest forecast.

Protocol. The log is cut at two thirds of its time. What is known then: every row that has begun, and which orders are
complete. Forecast is the completion of each order, from the cut for those in work, from its first row for those that
begin later. An order is complete with its last row if that is packing or final inspection, or is more than a week
before the log's end; the others still go on, and outcome and forecasts are all cut at the log's end (the threshold-
weighted CRPS, proper with censored outcomes).

The naive forecast knows the same: the distribution of times from first to last row of all orders until the cut, those
in work right-censored (Kaplan–Meier), given that an order in work has lasted as long as it has. A second one, less
naive, does so from the order's present operation on.

The twin: rows of one operation in a row are one visit, which lasts until the next begins (with its waiting);
the calibration finds stations, routes with their loops, and distributions, those still going on right-censored; each
order in work is on its station since so long; :func:`forecast_completions` draws from there. Operations that fewer
than six orders have left by then are one. This form – operations alone, not with what came before them or how often
they were visited; the best line, not draws of lines – was chosen within the first two thirds, cut at 40, 50 and 62 %.

Asked is twice: once for each order, at the cut or at its first row; and **rolling**, at the beginning of each later
operation too, as one asks who follows an order through the shop. Each order counts alike.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import msgspec
import numpy as np

from benchmarks.harness import SHARED, Figure
from gaugeblock.connectors.event_log_csv import read_event_log
from gaugeblock.twin.calibration.calibrate import Calibration, calibrate
from gaugeblock.twin.calibration.event_log import EventLog, Floats, LogBuilder
from gaugeblock.twin.forecast import forecast_completions
from gaugeblock.twin.line import Order, Supply
from gaugeblock.twin.state import LineState, MachineState, OrderState
from gaugeblock.twin.trust import crps_of_draws, pit_of_draws, uniform_p_value

LOG = SHARED / "data" / "production_4tu" / "Production.csv"
DAY = 1440.0
LAST_OPERATIONS = ("Packing", "Final Inspection Q.C.", "Final Inspection")
DRAWS = 400
SEED = 4
RARE = 6
SHARE = 2.0 / 3.0


@dataclass(frozen=True)
class Case:
    """An order: its operations as (name, start), its last end, whether it is complete."""

    name: str
    operations: tuple[tuple[str, float], ...]
    end: float
    complete: bool

    @property
    def start(self) -> float:
        """Of its first row."""
        return self.operations[0][1]


def cases_of(log: EventLog) -> list[Case]:
    """The orders in a log."""
    rows: dict[int, list[tuple[float, float, str]]] = defaultdict(list)
    for part, station, start, end in zip(log.part, log.station, log.start, log.end, strict=True):
        rows[int(part)].append((float(start), float(end), log.stations[station]))
    close = float(log.end.max())
    cases = []
    for part, own in rows.items():
        own.sort()
        end = max(row[1] for row in own)
        operations = [(name, start) for k, (start, _, name) in enumerate(own) if k == 0 or own[k - 1][2] != name]
        complete = own[-1][2] in LAST_OPERATIONS or end < close - 7 * DAY
        cases.append(Case(log.parts[part], tuple(operations), end, complete))
    return sorted(cases, key=lambda case: case.start)


def rare_as_one(cases: list[Case], cut: float) -> list[Case]:
    """Operations that few orders have left until the cut share a name."""
    left: dict[str, int] = defaultdict(int)
    for case in cases:
        for k, (name, _) in enumerate(case.operations):
            following = case.operations[k + 1][1] if k + 1 < len(case.operations) else case.end
            left[name] += following < cut and (k + 1 < len(case.operations) or case.complete)
    return [
        Case(
            case.name,
            tuple((name if left[name] >= RARE else "other", start) for name, start in case.operations),
            case.end,
            case.complete,
        )
        for case in cases
    ]


def known_at(cases: list[Case], cut: float) -> EventLog:
    """The visits known at a moment, as a log whose ends are told."""
    builder = LogBuilder()
    for case in cases:
        done = case.complete and case.end <= cut
        begun = [operation for operation in case.operations if operation[1] < cut]
        for (name, start), following in zip(begun, [*begun[1:], None][: len(begun)], strict=True):
            end = following[1] if following else case.end if done else float("nan")
            builder.visit(case.name, name, None, start, max(end, start + 1.0) if end == end else end)
    return builder.build(closed=cut)


def survival(durations: Floats, complete: np.ndarray, elapsed: float, draws: int) -> Floats:
    """Kaplan–Meier quantiles of a duration given that it is longer than ``elapsed``."""
    order = np.argsort(durations, kind="stable")
    times, events = durations[order], complete[order]
    at_risk = len(times) - np.arange(len(times))
    alive = np.cumprod(1.0 - events / at_risk)
    reached = alive[times <= elapsed][-1] if np.any(times <= elapsed) else 1.0
    levels = reached * (1.0 - (np.arange(draws) + 0.5) / draws)
    # Beyond the last completed duration nothing is known: later than all.
    index = np.searchsorted(-alive, -levels, side="left")
    return np.where(index < len(times), times[np.minimum(index, len(times) - 1)], np.inf)


class Naive:
    """Times from first to last row, given how long it has been; or from the present operation on, given since when."""

    def __init__(self, cases: list[Case], cut: float) -> None:
        self.by: dict[str, tuple[Floats, np.ndarray]] = {}
        lasted: dict[str, list[tuple[float, bool]]] = defaultdict(list)
        for case in cases:
            done = case.complete and case.end <= cut
            for name, start in (("", case.start), *case.operations):
                if start < cut:
                    lasted[name].append(((case.end if done else cut) - start, done))
        for name, own in lasted.items():
            self.by[name] = np.array([time for time, _ in own]), np.array([done for _, done in own])

    def whole(self, ask: Asked) -> Floats:
        """By the whole order."""
        return ask.case.start + survival(*self.by[""], max(0.0, ask.at - ask.case.start), DRAWS)

    def by_operation(self, ask: Asked) -> Floats:
        """By the operation, where at least five orders have been seen to end after it."""
        if ask.operation not in self.by or self.by[ask.operation][1].sum() < 5:
            return self.whole(ask)
        return ask.since + survival(*self.by[ask.operation], max(0.0, ask.at - ask.since), DRAWS)


class Twin:
    """Forecasts of a fitted line from where an order stands."""

    def __init__(self, fitted: Calibration) -> None:
        # Only orders come in: each has been seen to begin.
        into = sorted({arrivals.into for arrivals in fitted.line.arrivals})
        supplies = tuple(Supply(name=name) for name in (*(s.name for s in fitted.line.supplies), *into))
        self.line = msgspec.structs.replace(
            fitted.line,
            arrivals=(),
            buffers=tuple(b for b in fitted.line.buffers if b.name not in into),
            supplies=supplies,
        )
        self.entry = supplies[0].name
        self.stations = {station.name for station in self.line.stations}
        self.begun: dict[str, Floats] = {}

    def in_work(self, cases: list[Case], cut: float) -> dict[str, Floats]:
        """Completion times of all orders in work at a moment, from the line's state then."""
        machines: dict[str, int] = defaultdict(int)
        states, orders, progress = [], [], []
        for case in cases:
            name, since = [operation for operation in case.operations if operation[1] < cut][-1]
            states.append(
                MachineState(
                    station=name,
                    machine=machines[name],
                    status="busy",
                    elapsed=cut - since,
                    age=cut - case.start,
                    order=case.name,
                )
            )
            machines[name] += 1
            orders.append(Order(name=case.name, supply=self.entry, product="part", quantity=1))
            progress.append(OrderState(order=case.name, released=1, finished=0))
        state = LineState(machines=tuple(states), orders=tuple(progress))
        found = forecast_completions(self.line, state, orders, replications=DRAWS, seed=SEED)
        return {forecast.order: cut + np.array(forecast.draws) for forecast in found}

    def from_operation(self, operation: str) -> Floats:
        """Times to completion from the beginning of an operation."""
        name = operation if operation in self.stations else "other"
        if name not in self.stations:
            name = self.line.stations[0].name
        if name not in self.begun:
            state = LineState(
                machines=(MachineState(station=name, status="busy", order="one"),),
                orders=(OrderState(order="one", released=1, finished=0),),
            )
            order = Order(name="one", supply=self.entry, product="part", quantity=1)
            [forecast] = forecast_completions(self.line, state, [order], replications=DRAWS, seed=SEED)
            self.begun[name] = np.array(forecast.draws)
        return self.begun[name]


@dataclass(frozen=True)
class Asked:
    """A forecast asked for: of an order, at a moment."""

    case: Case
    at: float
    operation: str
    since: float


def asked(cases: list[Case], cut: float, rolling: bool) -> list[Asked]:
    """The moments: the cut for orders in work, the first row of the others; rolling: each operation's beginning too."""
    found = []
    for case in cases:
        if case.complete and case.end <= cut:
            continue
        before = [operation for operation in case.operations if operation[1] < cut]
        later = [operation for operation in case.operations if operation[1] >= cut]
        if before:
            found.append(Asked(case, cut, *before[-1]))
        if not before or rolling:
            found += [Asked(case, start, name, start) for name, start in (later if rolling else later[:1])]
    return found


@dataclass(frozen=True)
class Scores:
    """Mean CRPS in days, coverage of the central 90 %, and PITs: each order counts alike."""

    crps: float
    coverage: float
    pits: Floats
    forecasts: int
    orders: int


def scores(found: list[tuple[Asked, Floats]], close: float) -> Scores:
    """Of forecasts, cut at the log's end as their outcomes are."""
    by_order: dict[str, list[tuple[float, float]]] = defaultdict(list)
    pits = []
    generator = np.random.default_rng(SEED)
    for ask, draws in found:
        cut = np.minimum(draws, close)
        outcome = ask.case.end if ask.case.complete else close
        low, high = np.quantile(cut, [0.05, 0.95])
        by_order[ask.case.name].append((crps_of_draws(cut, outcome) / DAY, float(low <= outcome <= high)))
        pits.append(pit_of_draws(cut, outcome, float(generator.random())))
    means = np.array([np.mean(own, axis=0) for own in by_order.values()])
    return Scores(float(means[:, 0].mean()), float(means[:, 1].mean()), np.array(pits), len(found), len(by_order))


def study(cases: list[Case], cut: float, close: float, rolling: bool) -> dict[str, Scores]:
    """All three forecasts of the rest after a cut."""
    cases = rare_as_one(cases, cut)
    twin = Twin(calibrate(known_at(cases, cut), name="metal shop", seed=SEED, ends_told=True))
    naive = Naive(cases, cut)
    asks = asked(cases, cut, rolling)
    in_work = twin.in_work([ask.case for ask in asks if ask.since < cut], cut)

    def by_twin(ask: Asked) -> Floats:
        return in_work[ask.case.name] if ask.since < cut else ask.at + twin.from_operation(ask.operation)

    return {
        name: scores([(ask, forecast(ask)) for ask in asks], close)
        for name, forecast in (("twin", by_twin), ("naive", naive.whole), ("by operation", naive.by_operation))
    }


def read() -> tuple[list[Case], float, float]:
    """The orders, and the log's first and last time."""
    with LOG.open(encoding="utf-8-sig", newline="") as file:
        log = read_event_log(file)
    return cases_of(log), float(log.start.min()), float(log.end.max())


def figures() -> list[Figure]:
    """The twin's scores beside the naive ones'."""
    if not LOG.is_file():
        print("the metal shop's log is not there: ../shared/data/production_4tu/Production.csv")
        return []
    print(__doc__)
    cases, first, close = read()
    cut = first + SHARE * (close - first)
    figures = []
    for rolling in (False, True):
        found = study(cases, cut, close, rolling)
        ours, whole, part = found["twin"], found["naive"], found["by operation"]
        name = "metal_shop_rolling" if rolling else "metal_shop"
        when = (
            "at the cut or the first row, and at each operation's beginning" if rolling else "at the cut or first row"
        )
        protocol = f"{ours.forecasts} forecasts of {ours.orders} orders {when}; outcomes cut at the log's end"
        figures += [
            Figure(
                f"{name}_crps", ours.crps, "days", protocol, SEED, "naive quantiles", whole.crps, ours.crps / whole.crps
            ),
            Figure(
                f"{name}_crps_2", ours.crps, "days", protocol, SEED, "by operation", part.crps, ours.crps / part.crps
            ),
            Figure(f"{name}_coverage_90", ours.coverage, "share", protocol, SEED, "naive quantiles", whole.coverage),
            Figure(f"{name}_pit_p", uniform_p_value(ours.pits), "1", "Kolmogorov–Smirnov, as if independent", SEED),
        ]
    return figures
