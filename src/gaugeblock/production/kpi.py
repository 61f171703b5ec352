"""Key performance indicators of ISO 22400-2 from what machines did and what came out.

Times of a machine over a period, in seconds: ``PBT`` planned busy time is the period less what was off or planned
maintenance; ``APT`` actual production time is the time it worked on parts; ``AUST`` set-up; ``AUPT`` = APT + AUST;
``ADOT`` down; the rest of PBT it was blocked or starved. ``PRI`` is the planned run time of an item. Then

- availability A = APT/PBT, effectiveness E = PRI·PQ/APT, quality ratio Q = GQ/PQ;
- OEE = A·E·Q = GQ·PRI/PBT, whatever APT and PQ are; NEE = AUPT/PBT·E·Q;
- utilization efficiency APT/AUBT and allocation efficiency AUBT/PBT, with the busy time AUBT = APT + AUST + ADOT +
  blocked; technical efficiency APT/(APT + ADOT); set-up ratio AUST/AUPT; scrap ratio SQ/PQ; rework ratio RQ/PQ; first
  pass yield GQ at the first attempt/PQ; throughput rate PQ/PBT;
- MTTF = work/failures, MTTR = down/failures, MTBF = MTTF + MTTR, over the failures that began in the period.

A ratio whose denominator is zero is not stated. Source: ISO 22400-2:2014, clauses 5 and 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import Completion, Span


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Times (s) and counts of one machine in a period, by their ISO 22400 names."""

    period_s: float
    pbt_s: float
    apt_s: float = 0.0
    aust_s: float = 0.0
    adot_s: float = 0.0
    blocked_s: float = 0.0
    starved_s: float = 0.0
    failures: int = 0
    pri_s: float = 0.0
    produced: int = 0
    good: int = 0
    scrapped: int = 0
    reworked: int = 0
    first_pass: int = 0


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's or line's figures; ``values`` by ISO 22400-2 names."""

    machine: str | None
    times: Times
    values: dict[str, float]


def indicators(times: Times) -> dict[str, float]:
    """All figures whose denominator is above zero.

    >>> found = indicators(Times(period_s=100.0, pbt_s=100.0, apt_s=80.0, pri_s=7.0, produced=10, good=9, first_pass=9))
    >>> round(found["availability"], 2), round(found["effectiveness"], 3), round(found["OEE_index"], 2)
    (0.8, 0.875, 0.63)
    """
    t = times
    aupt, aubt = t.apt_s + t.aust_s, t.apt_s + t.aust_s + t.adot_s + t.blocked_s
    ratios = {
        "availability": (t.apt_s, t.pbt_s),
        "effectiveness": (t.pri_s * t.produced, t.apt_s),
        "quality_ratio": (float(t.good), float(t.produced)),
        "utilization_efficiency": (t.apt_s, aubt),
        "allocation_efficiency": (aubt, t.pbt_s),
        "technical_efficiency": (t.apt_s, t.apt_s + t.adot_s),
        "setup_ratio": (t.aust_s, aupt),
        "scrap_ratio": (float(t.scrapped), float(t.produced)),
        "rework_ratio": (float(t.reworked), float(t.produced)),
        "first_pass_yield": (float(t.first_pass), float(t.produced)),
        "blocked_ratio": (t.blocked_s, t.pbt_s),
        "starved_ratio": (t.starved_s, t.pbt_s),
        "throughput_rate_per_h": (3600.0 * t.produced, t.pbt_s),
        "mean_time_to_failure_s": (t.apt_s, float(t.failures)),
        "mean_time_to_repair_s": (t.adot_s, float(t.failures)),
        "mean_time_between_failures_s": (t.apt_s + t.adot_s, float(t.failures)),
    }
    found = {name: over / under for name, (over, under) in ratios.items() if under > 0.0}
    if t.pri_s > 0.0 and t.pbt_s > 0.0:
        # Not the product of the three: where nothing was made, A·E·Q has no value and the index is zero.
        found["OEE_index"] = t.good * t.pri_s / t.pbt_s
    if {"effectiveness", "quality_ratio"} <= found.keys():
        found["NEE_index"] = aupt / t.pbt_s * found["effectiveness"] * found["quality_ratio"]
    return found


def machine_times(
    spans: Iterable[Span],
    begin_s: float,
    end_s: float,
    *,
    pri_s: float = 0.0,
    produced: int = 0,
    good: int = 0,
    scrapped: int = 0,
    reworked: int = 0,
    first_pass: int = 0,
) -> Times:
    """From the spans of one machine, cut to the period; what no span says is idle and planned."""
    period = max(0.0, end_s - begin_s)
    by = dict.fromkeys(("producing", "set_up", "blocked", "down", "maintenance", "off"), 0.0)
    failures = 0
    for span in spans:
        low, high = max(span.begin_s, begin_s), min(span.end_s, end_s)
        if high > low and span.state in by:
            by[span.state] += high - low
        failures += span.state == "down" and begin_s <= span.begin_s < end_s
    pbt = max(0.0, period - by["off"] - by["maintenance"])
    used = by["producing"] + by["set_up"] + by["down"] + by["blocked"]
    return Times(
        period_s=period,
        pbt_s=pbt,
        apt_s=by["producing"],
        aust_s=by["set_up"],
        adot_s=by["down"],
        blocked_s=by["blocked"],
        starved_s=max(0.0, pbt - used),
        failures=failures,
        pri_s=pri_s,
        produced=produced,
        good=good,
        scrapped=scrapped,
        reworked=reworked,
        first_pass=first_pass,
    )


def planned_run_s(model: LineModel, station: str) -> float:
    """PRI of one machine: the model's mean service of the station, over its products alike."""
    means = [step.service.mean for step in model.line.steps if step.station == station]
    return model.unit_s * sum(means) / len(means) if means else 0.0


def line_kpis(
    model: LineModel, spans: Sequence[Span], completions: Sequence[Completion], begin_s: float, end_s: float
) -> tuple[Kpis, ...]:
    """Of each machine, and first of the line: its times are those of the station that is slowest by plan.

    A machine's parts are the spans of work that ended in the period; what was scrapped is told at the line's end only,
    so a machine's quality ratio is the line's.
    """
    inside = [c for c in completions if begin_s <= c.at_s < end_s]
    good = sum(c.good for c in inside)
    scrapped = len(inside) - good
    reworked = sum(c.reworked for c in inside)
    first_pass = sum(c.good and not c.reworked for c in inside)
    share = good / len(inside) if inside else 1.0
    slowest = max(model.line.stations, key=lambda station: planned_run_s(model, station.name) / station.machines)
    rows, line_machine = [], model.machine_names[slowest.name]
    for name, (station, _) in model.machines.items():
        own = [span for span in spans if span.machine == name]
        produced = len(
            {(s.unit, round(s.end_s, 6)) for s in own if s.state == "producing" and begin_s <= s.end_s < end_s}
        )
        times = machine_times(
            own,
            begin_s,
            end_s,
            pri_s=planned_run_s(model, station),
            produced=produced,
            good=round(share * produced),
            scrapped=produced - round(share * produced),
        )
        rows.append(Kpis(machine=name, times=times, values=indicators(times)))
    own = [span for span in spans if span.machine in line_machine]
    one = machine_times(own, begin_s, end_s)
    machines = len(line_machine)
    times = msgspec.structs.replace(
        one,
        pbt_s=max(0.0, one.pbt_s)
        if machines == 1
        else sum(r.times.pbt_s for r in rows if r.machine in line_machine) / machines,
        apt_s=one.apt_s / machines,
        aust_s=one.aust_s / machines,
        adot_s=one.adot_s / machines,
        blocked_s=one.blocked_s / machines,
        pri_s=planned_run_s(model, slowest.name) / machines,
        produced=len(inside),
        good=good,
        scrapped=scrapped,
        reworked=reworked,
        first_pass=first_pass,
    )
    return (Kpis(machine=None, times=times, values=indicators(times)), *rows)
