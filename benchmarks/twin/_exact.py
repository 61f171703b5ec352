"""The exactly known lines of the shared cases as lines of the twin, and which figure of a report each truth is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import SHARED
from gaugeblock.twin.distributions import Deterministic, Distribution, Erlang, Exponential
from gaugeblock.twin.line import (
    AGAIN,
    FINISHED,
    SCRAP,
    Arrivals,
    Buffer,
    Crew,
    Failures,
    Line,
    Outcome,
    Station,
    Step,
    Supply,
    serial_line,
)
from gaugeblock.twin.report import LineReport
from gaugeblock.twin.state import LineState, MachineState, PartState

CASES = SHARED / "conformance" / "line" / "exact_cases.json"
Value = Callable[[LineReport], float]


@dataclass(frozen=True)
class Truth:
    """A figure with its exact value, of a line."""

    name: str
    exact: float
    value: Value
    line: Line


def cases() -> list[dict[str, Any]]:
    """As they are written."""
    return list(json.loads(CASES.read_text("utf-8")))


def _rates(rates: list[float]) -> list[Distribution]:
    return [Exponential(1.0 / rate) for rate in rates]


def _failing(rates: list[float], buffers: list[int], p: list[float], r: list[float], counts: Any) -> Line:
    broken = [
        Failures(counts=counts, between=Exponential(1 / a), repair=Exponential(1 / b))
        for a, b in zip(p, r, strict=True)
    ]
    return serial_line(_rates(rates), buffers, failures=broken)


def _with_outcomes(line: Line, number: int, *outcomes: Outcome) -> Line:
    import msgspec

    steps = list(line.steps)
    steps[number] = msgspec.structs.replace(steps[number], to=None, outcomes=outcomes)
    return msgspec.structs.replace(line, steps=tuple(steps))


def _station(line: str, machines: int = 1) -> Station:
    return Station(name=line, blocking="after_service", machines=machines)


def _step(station: str, takes: tuple[str, ...], rate: float, to: str) -> Step:
    return Step(station=station, product="part", takes=takes, service=Exponential(1.0 / rate), to=to)


def _rework_loop(p: dict[str, Any]) -> Line:
    w, q = p["w"], p["q"]
    outcomes = (
        Outcome(share=w, to=("rework",), if_full="scrap"),
        Outcome(share=q, to=(SCRAP,)),
        Outcome(share=1.0 - w - q, to=(FINISHED,)),
    )
    return Line(
        name="rework loop",
        time_unit="min",
        products=("part",),
        supplies=(Supply(name="raw", products=("part",)),),
        buffers=(Buffer(name="b", capacity=p["b"]), Buffer(name="rework", capacity=p["rework_buffer"])),
        stations=(_station("s1"), _station("s2")),
        steps=(
            _step("s1", ("rework",), p["mu"][0], "b"),
            _step("s1", ("raw",), p["mu"][0], "b"),
            Step(station="s2", product="part", takes=("b",), service=Exponential(1.0 / p["mu"][1]), outcomes=outcomes),
        ),
    )


def _assembly(p: dict[str, Any]) -> Line:
    return Line(
        name="assembly",
        time_unit="min",
        products=("part",),
        supplies=(Supply(name="raw1", products=("part",)), Supply(name="raw2", products=("part",))),
        buffers=(Buffer(name="b1", capacity=p["b1"]), Buffer(name="b2", capacity=p["b2"])),
        stations=(_station("s1"), _station("s2"), _station("s3")),
        steps=(
            _step("s1", ("raw1",), p["mu1"], "b1"),
            _step("s2", ("raw2",), p["mu2"], "b2"),
            _step("s3", ("b1", "b2"), p["mu3"], FINISHED),
        ),
    )


def _conwip(p: dict[str, Any]) -> Line:
    count = p["M"]
    return Line(
        name="conwip",
        time_unit="min",
        products=("part",),
        wip_max=p["N"],
        supplies=(Supply(name="raw", products=("part",)),),
        buffers=tuple(Buffer(name=f"b{k}", capacity="unlimited") for k in range(count - 1)),
        stations=tuple(_station(f"s{k}") for k in range(count)),
        steps=tuple(
            _step(f"s{k}", (f"b{k - 1}" if k else "raw",), p["mu"], f"b{k}" if k < count - 1 else FINISHED)
            for k in range(count)
        ),
    )


def _queue(p: dict[str, Any]) -> Line:
    return Line(
        name="M/M/1",
        time_unit="min",
        products=("part",),
        arrivals=(Arrivals(name="in", into="queue", product="part", every=Exponential(1.0 / p["lam"])),),
        buffers=(Buffer(name="queue", capacity="unlimited"),),
        stations=(_station("s"),),
        steps=(_step("s", ("queue",), p["mu"], FINISHED),),
    )


def _repairmen(p: dict[str, Any]) -> Line:
    failures = Failures(
        counts="calendar_time", between=Exponential(p["mtbf"]), repair=Exponential(p["mttr"]), crew="fitters"
    )
    return Line(
        name="repairmen",
        time_unit="min",
        products=("part",),
        supplies=(Supply(name="raw", products=("part",)),),
        crews=(Crew(name="fitters", size=p["crew"]),),
        stations=(Station(name="s", blocking="after_service", machines=p["machines"], failures=failures),),
        steps=(_step("s", ("raw",), 1.0, FINISHED),),
    )


def line_of(case: dict[str, Any]) -> Line:
    """The line of a case.

    Raises
    ------
    KeyError
        A model that is not known here.
    """
    p, model = case["params"], case["model"]
    if model.startswith("two_machine_exponential_failures"):
        return _failing([p["mu1"], p["mu2"]], [p["N"] - 2], [p["p1"], p["p2"]], [p["r1"], p["r2"]], "operating_time")
    if model == "serial_exponential_failures_BAS":
        counts = {"ODF": "operating_time", "TDF": "calendar_time"}[p["mode"]]
        return _failing(p["mu"], p["b"], p["p"], p["r"], counts)
    if model == "serial_erlang2_BAS":
        return serial_line([Erlang(1.0 / rate, p["k"]) for rate in p["mu"]], p["b"])
    if model == "serial_exponential_BAS_scrap":
        line = serial_line(_rates(p["mu"]), p["b"])
        for k, share in enumerate(p["scrap"]):
            if share:
                to = line.steps[k].all_outcomes()[0].to
                line = _with_outcomes(line, k, Outcome(share=1.0 - share, to=to), Outcome(share=share, to=(SCRAP,)))
        return line
    if model == "serial_exponential_BAS_feedback":
        line = serial_line(_rates(p["mu"]), p["b"])
        for k, share in enumerate(p["rework"]):
            if share:
                to = line.steps[k].all_outcomes()[0].to
                line = _with_outcomes(line, k, Outcome(share=1.0 - share, to=to), Outcome(share=share, to=(AGAIN,)))
        return line
    if model == "two_stage_parallel_exponential_BAS":
        return serial_line(_rates([p["mu1"], p["mu2"]]), [p["b"]], machines=[p["c1"], p["c2"]])
    if model == "deterministic_BAS_makespan":
        return serial_line([Deterministic(float(t)) for t in p["t"]], p["b"])
    if model in ("serial_exponential_BAS", "transient_first_passage_BAS (ETA of K-th part)"):
        return serial_line(_rates(p["mu"]), p["b"])
    return {
        "rework_loop_exponential_BAS": _rework_loop,
        "assembly_2feeders_exponential_BAS": _assembly,
        "closed_balanced_exponential_infinite_buffers": _conwip,
        "M/M/1": _queue,
        "machine_repair_availability": _repairmen,
    }[model](p)


def state_of(case: dict[str, Any]) -> LineState | None:
    """Where a case's line stands at its beginning."""
    if "init" not in case["params"]:
        return None
    names = {-1: "blocked", 0: "starved", 1: "busy"}
    init = case["params"]["init"]
    status = next(value for key, value in init.items() if key.startswith("status"))
    return LineState(
        machines=tuple(
            MachineState(station=f"station-{k + 1}", status=names[code])  # type: ignore[arg-type]
            for k, code in enumerate(status)
        ),
        buffers={
            f"buffer-{k + 1}": (PartState(product="part", count=count),)
            for k, count in enumerate(init["buffers"])
            if count
        },
    )


def _of_station(number: int, field: str) -> Value:
    return lambda r: float(getattr(r.stations[number], field))


def truths_of(case: dict[str, Any]) -> list[Truth]:
    """All figures in steady state that a case gives."""
    line, model = line_of(case), case["model"]
    first: Value = lambda r: r.throughput  # noqa: E731
    if model == "machine_repair_availability":
        first = lambda r: 1.0 - r.stations[0].down  # noqa: E731
    found = [Truth("throughput", case["throughput"], first, line)]
    named: dict[str, Value] = {
        "wip": lambda r: r.wip,
        "lead_time": lambda r: r.flow_time,
        "mean_flow_time": lambda r: r.flow_time,
        # Of a card, its wait for the first station included: Little's law over all cards.
        "cycle_time": lambda r: case["params"]["N"] / r.throughput,
        "scrap_rate": lambda r: r.scrapped / r.time,
        "buf": lambda r: r.buffers[0].mean,
        "rb": lambda r: r.buffers[1].mean,
        # Parts that the first machine has made and the second has not.
        "nbar": lambda r: r.wip - 1.0 + r.stations[0].blocked,
    }
    fields = {"busy": "busy", "down": "down", "blocked": "blocked_in_all", "starved": "starved_in_all"}
    for name, exact in case.get("extra", {}).items():
        if name == "throughput_TDF":
            p = case["params"]
            other = _failing(
                [p["mu1"], p["mu2"]], [p["N"] - 2], [p["p1"], p["p2"]], [p["r1"], p["r2"]], "calendar_time"
            )
            found.append(Truth(name, exact, first, other))
        elif name in named:
            found.append(Truth(name, exact, named[name], line))
        elif name[:-1] in fields:
            found.append(Truth(name, exact, _of_station(int(name[-1]) - 1, fields[name[:-1]]), line))
        elif name[:3] == "buf":
            number = int(name[3:]) - 1
            found.append(Truth(name, exact, lambda r, number=number: r.buffers[number].mean, line))  # type: ignore[misc]
        elif name != "states":  # how many states the Markov chain has
            raise KeyError(name)
    return found
