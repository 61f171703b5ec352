"""``gaugeblock twin fit``: event logs to a line's description, with all that was found, assumed and left open."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.output_file import output_file, write_output
from gaugeblock.apps.recorded_events import recorded_events
from gaugeblock.apps.records import reading_log
from gaugeblock.connectors.event_log_csv import read_event_log
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.twin.calibration.cleaning import Remark, joined
from gaugeblock.twin.calibration.event_log import EventLog
from gaugeblock.twin.distributions import cv_of
from gaugeblock.twin.line_toml import line_toml

if TYPE_CHECKING:
    from gaugeblock.twin.calibration.calibrate import Calibration
    from gaugeblock.twin.calibration.fitting import TimesFit
    from gaugeblock.twin.calibration.uncertainty import ThroughputInterval

UNITS = ("s", "min", "h")


class LogFileError(GaugeblockError):
    """No event log where one was named, or none that can be read as text. Facts: ``path``."""

    code = "twin.log_file"


class LogOptionError(GaugeblockError):
    """An option's value that is not what it may be. Facts: ``option``, ``value``, ``known``."""

    code = "twin.log_option"


def fit_command(
    paths: list[Path],
    output: Path,
    console: Console,
    *,
    columns: list[str],
    unit: str,
    name: str | None,
    align: bool,
    as_json: bool,
    seed: int,
    interval: bool,
    plant: Path | None = None,
    line: str | None = None,
) -> int:
    """Fit a line to event logs, or to what a plant's own log says of its line; write it, and print the report."""
    named = _columns(columns)
    if unit not in UNITS:
        raise LogOptionError(option="--unit", value=unit, known=", ".join(UNITS))
    if (line is None) == (not paths):
        raise LogOptionError(option="LOGS, --line", value="–", known="event logs, or --line")
    target = output_file(output, console)
    # Here and not above: numba takes most of a second to import, and is an extra.
    from gaugeblock.twin.calibration.calibrate import calibrate
    from gaugeblock.twin.calibration.uncertainty import throughput_interval
    from gaugeblock.twin.compiled import telling_of_compilation

    told: list[str] = []

    def tell(function: str) -> None:
        if not told:
            console.say("twin.run.compiling", "dim")
        told.append(function)

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console.rich, transient=True
    )
    with telling_of_compilation(tell), bar:
        remarks: tuple[Remark, ...] = ()
        if line is not None:
            log = _recorded(plant or Path("plant.toml"), line, unit)
        else:
            log, remarks = _read(paths, named, unit, align, bar, console)
        task = bar.add_task(console.text("twin.fit.progress.fit"), total=None)
        fitted = calibrate(
            log,
            name=name or line or paths[0].stem,
            seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        made = None
        if interval:
            task = bar.add_task(console.text("twin.fit.progress.throughput"), total=None)
            made = throughput_interval(
                fitted, seed=seed, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
    remarks = (*remarks, *fitted.remarks)
    comment = "\n".join(
        ["gaugeblock twin fit", *(console.text(f"twin.fit.remark.{r.key}", **_facts(r)) for r in remarks)]
    )
    write_output(target, line_toml(fitted.line, comment).encode("utf-8"))
    if as_json:
        console.out(json.dumps(report_json(fitted, remarks, made), indent=1, ensure_ascii=False))
    else:
        console.out("\n".join(report_lines(fitted, remarks, made, console)))
    console.say("twin.fit.written", path=target)
    return 0


def _recorded(plant: Path, line: str, unit: str) -> EventLog:
    with reading_log(load_installation(plant)) as (_, reader):
        return recorded_events(reader, line, unit)


def _columns(given: list[str]) -> dict[str, str]:
    named = {}
    for entry in given:
        meaning, _, header = entry.partition("=")
        if not header:
            raise LogOptionError(option="--column", value=entry, known="part=…, station=…, machine=…, start=…, end=…")
        named[meaning.strip()] = header.strip()
    return named


def _read(
    paths: list[Path], named: Mapping[str, str], unit: str, align: bool, bar: Progress, console: Console
) -> tuple[EventLog, tuple[Remark, ...]]:
    log: EventLog | None = None
    remarks: tuple[Remark, ...] = ()
    for path in paths:
        task = bar.add_task(console.text("twin.fit.progress.read", file=path.name), total=None)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                one = read_event_log(
                    file,
                    columns=named,
                    unit=unit,
                    progress=lambda rows, task=task: bar.update(task, completed=rows),  # type: ignore[misc]
                )
        except (OSError, UnicodeDecodeError) as fault:
            raise LogFileError(path=str(path)) from fault
        bar.update(task, completed=len(one), total=len(one))
        if log is None:
            log = one
        else:
            log, more = joined(log, one, align=align)
            remarks += more
    assert log is not None
    return log, remarks


def _facts(remark: Remark) -> dict[str, object]:
    return {key: f"{value:.3g}" if isinstance(value, float) else value for key, value in remark.facts.items()}


def report_json(fitted: Calibration, remarks: tuple[Remark, ...], made: ThroughputInterval | None) -> dict[str, Any]:
    """Everything of the report, for another program."""
    log = fitted.log
    return {
        "line": fitted.line.name,
        "unit": log.unit,
        "origin": log.origin,
        "visits": len(log),
        "parts": len(set(log.part.tolist())),
        "span": log.closed - float(log.start.min()),
        "stations": [
            {
                "station": log.stations[station],
                "product": log.products[product] if product >= 0 else "part",
                "machines": len(fitted.structure.machines[station]),
                "service": _fit_json(times),
            }
            for (station, product), times in fitted.service.items()
        ],
        "failures": [
            {
                "station": log.stations[station],
                "counts": fitted.counted[station].counts,
                "odds": _finite(fitted.counted[station].odds),
                "failures": fitted.counted[station].failures,
                "between": _fit_json(times),
                "repair": _fit_json(fitted.repair[station]),
            }
            for station, times in fitted.uptime.items()
        ],
        "places": [
            {"place": buffer.name, "capacity": buffer.capacity, "told": told}
            for buffer, told in zip(fitted.line.buffers, (p.told for p in fitted.structure.places), strict=False)
        ],
        "throughput": None if made is None else {"value": made.value, "low": made.low, "high": made.high},
        "remarks": [{"key": remark.key, "facts": remark.facts} for remark in remarks],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _fit_json(times: TimesFit) -> dict[str, Any]:
    return {
        "kind": type(times.chosen).__name__.lower(),
        "mean": times.chosen.mean,
        "mean_95": list(times.mean),
        "cv": cv_of(times.chosen),
        "cv_95": list(times.cv),
        "count": times.count,
        "censored": times.censored,
        "fit_p": _finite(times.fit_p),
        "candidates": [{"family": c.family, "bic": _finite(c.bic), "weight": c.weight} for c in times.candidates],
    }


def report_lines(
    fitted: Calibration, remarks: tuple[Remark, ...], made: ThroughputInterval | None, console: Console
) -> list[str]:
    """The report for a person."""
    log, text = fitted.log, console.text
    lines = [
        text(
            "twin.fit.title",
            name=fitted.line.name,
            visits=len(log),
            parts=len(set(log.part.tolist())),
            span=f"{log.closed - float(log.start.min()):.4g}",
            unit=log.unit,
        )
    ]
    if made is not None:
        facts = {key: f"{getattr(made, key):.4g}" for key in ("value", "low", "high")}
        lines.append(text("twin.fit.throughput", unit=log.unit, **facts))
    rows = [[text(f"twin.fit.head.{k}") for k in ("station", "machines", "service", "mean", "cv", "hidden", "fit")]]
    several = len(fitted.line.products) > 1
    for (station, product), times in fitted.service.items():
        name = log.stations[station]
        if several:
            name += f" · {log.products[product] if product >= 0 else 'part'}"
        rows.append([name, str(len(fitted.structure.machines[station])), *_fit_cells(times, console)])
    lines += ["", *_table(rows)]
    if fitted.uptime:
        rows = [[text(f"twin.fit.head.{k}") for k in ("failures", "counts", "seen", "between", "repair")]]
        for station, times in fitted.uptime.items():
            counted, repair = fitted.counted[station], fitted.repair[station]
            rows.append(
                [
                    log.stations[station],
                    text(f"twin.fit.counts.{counted.counts}"),
                    str(counted.failures),
                    f"{_family(times, console)} {_span(times.chosen.mean, times.mean)}",
                    f"{_family(repair, console)} {_span(repair.chosen.mean, repair.mean)}",
                ]
            )
        lines += ["", *_table(rows)]
    if fitted.structure.places:
        rows = [[text(f"twin.fit.head.{k}") for k in ("place", "capacity")]]
        for place, buffer in zip(fitted.structure.places, fitted.line.buffers, strict=False):
            capacity = text("twin.fit.unlimited") if buffer.capacity == "unlimited" else str(buffer.capacity)
            rows.append([buffer.name, capacity if place.told else text("twin.fit.at_least", capacity=place.capacity)])
        lines += ["", *_table(rows)]
    routes = [
        f"{step.station}: " + ", ".join(f"{100 * o.share:.1f} % → {_to(o.to[0], console)}" for o in step.outcomes)
        for step in {(s.station, s.product): s for s in fitted.line.steps}.values()
        if step.outcomes
    ]
    if routes:
        lines += ["", text("twin.fit.routes"), *(f"  {route}" for route in routes)]
    if remarks:
        lines += ["", text("twin.fit.remarks")]
        lines += [f"  · {text(f'twin.fit.remark.{remark.key}', **_facts(remark))}" for remark in remarks]
    return lines


def _to(place: str, console: Console) -> str:
    return console.text(f"twin.fit.to.{place}") if place in ("finished", "scrap") else place


def _family(times: TimesFit, console: Console) -> str:
    return console.text(f"twin.fit.family.{type(times.chosen).__name__.lower()}")


def _span(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.4g} ({interval[0]:.4g}–{interval[1]:.4g})"


def _fit_cells(times: TimesFit, console: Console) -> list[str]:
    fit = "–" if math.isnan(times.fit_p) else f"{times.fit_p:.2g}"
    hidden = f"{100 * times.censored / times.count:.0f} %" if times.count else "–"
    return [
        _family(times, console),
        _span(times.chosen.mean, times.mean),
        _span(cv_of(times.chosen), times.cv),
        hidden,
        fit,
    ]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(cell_len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  " + "  ".join(c + " " * (width - cell_len(c)) for c, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
