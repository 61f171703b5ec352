"""``gaugeblock twin ask``: what if, where to put places, which order first, energy of a part; and ``twin score``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gaugeblock.apps.console import Console
from gaugeblock.apps.twin import LineFileError, read_line
from gaugeblock.apps.twin_jobs import run_pieces
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.twin.allocation import allocate
from gaugeblock.twin.energy import energy_of, parse_powers
from gaugeblock.twin.errors import ChangeFormError
from gaugeblock.twin.intervals import Interval
from gaugeblock.twin.questions import Question, answer, pieces
from gaugeblock.twin.sensitivity import sensitivities
from gaugeblock.twin.sequence import sequence_orders
from gaugeblock.twin.state import LineState
from gaugeblock.twin.validation import validate
from gaugeblock.twin.what_if import Comparison, Plan, observe


class ForecastFileError(GaugeblockError):
    """A row of forecasts and outcomes that cannot be read. Facts: ``path``, ``row``, ``detail``."""

    code = "twin.forecast_file"


FILE_BYTES_MAX = 64 * 1024 * 1024


@contextlib.contextmanager
def _progress(console: Console) -> Iterator[Any]:
    """A callable for progress, and a word when kernels are compiled."""
    from gaugeblock.twin.compiled import telling_of_compilation

    told: list[str] = []

    def tell(function: str) -> None:
        if not told:
            console.say("twin.run.compiling", "dim")
        told.append(function)

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console.rich,
        transient=True,
    )
    with telling_of_compilation(tell), bar:
        task = bar.add_task(console.text("twin.ask.progress"), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def ask_command(
    file: Path,
    console: Console,
    *,
    changes: Sequence[str],
    plan: Plan,
    state: Path | None = None,
    power: Path | None = None,
    places: int | None = None,
    sequence: bool = False,
    sensitivity: bool = False,
    workers: int = 1,
    dask: str | None = None,
    json: bool = False,
) -> int:
    """Answer whatever of these is asked; 0.

    Raises
    ------
    LineFileError, LineError, ChangeFormError, StateMismatchError, PlanMissingError, PowerError, WorkersDiedError
    """
    line = validate(read_line(file))
    start = None if state is None else _state(state)
    plan.check()
    if not (changes or places or sequence or sensitivity or power):
        raise ChangeFormError(
            change="–", kinds="buffer, machine, service, repair, failures, scrap, shift, rush, maintenance"
        )
    found: dict[str, Any] = {}
    lines: list[str] = []
    with _progress(console) as progress:
        if changes:
            question = Question(changes=tuple(changes), plan=plan)
            done = run_pieces(pieces(line, question, start), workers=workers, dask=dask, progress=progress)
            compared = answer(line, question, start, done)
            found["compare"] = compared
            lines += _comparison(compared, changes, console)
        if sensitivity:
            gains = sensitivities(line, plan, state=start, progress=progress)
            found["sensitivity"] = gains
            lines += [
                "",
                console.text("twin.ask.sensitivity", percent=f"{100 * gains.faster:g}"),
                *(
                    f"  {s.name}  {_percent(s.gain)}"
                    + ("" if k or gains.clear else f"  {console.text('twin.ask.unclear')}")
                    for k, s in enumerate(gains.stations)
                ),
                console.text("twin.ask.one_place"),
                *(f"  {s.name}  {_percent(s.gain)}" for s in gains.buffers),
            ]
        if places:
            given = allocate(line, places, plan, state=start, progress=progress)
            found["buffers"] = given
            best = given.selected.values[given.selected.best]
            lines += [
                "",
                console.text(
                    "twin.ask.buffers" if given.selected.decided else "twin.ask.buffers_undecided",
                    confidence=f"{100 * given.selected.confidence:g}",
                    indifference=f"{given.selected.indifference:.4g}",
                    candidates=len(given.candidates),
                ),
                *(f"  {name}  {count}" for name, count in zip(given.buffers, given.best, strict=True)),
                console.text("twin.ask.buffers_throughput", unit=line.time_unit, **_facts(best)),
                *([] if given.all_of_them else [console.text("twin.ask.buffers_searched")]),
            ]
        if sequence:
            ordered = sequence_orders(line, plan, state=start, progress=progress)
            found["sequence"] = ordered
            lines += ["", console.text("twin.ask.sequence", confidence=f"{100 * ordered.selected.confidence:g}")]
            for k, candidate in enumerate(ordered.candidates):
                mark = "▶" if k == ordered.selected.best else " "
                value = ordered.selected.values[k]
                lines.append(
                    f" {mark} {console.text('twin.ask.rule.' + candidate.rule)}  {value.mean:.3g}"
                    f"  {' → '.join(candidate.orders)}"
                )
        if power:
            powers = parse_powers(_text(power))
            seen = observe(line, range(plan.replications), plan, state=start, progress=progress)
            energy = energy_of(line, powers, seen.reports)
            found["energy"] = energy
            lines += [
                "",
                console.text("twin.ask.energy", **_facts(energy.energy_kWh)),
                console.text("twin.ask.carbon", source=energy.carbon_source, **_facts(energy.carbon_kg)),
                *(f"  {name}  {100 * share:.1f} %" for name, share in sorted(energy.by_station.items())),
            ]
    if json:
        console.out(msgspec.json.encode(found).decode())
    else:
        console.out("\n".join(lines).strip("\n"))
    return 0


def _comparison(found: Comparison, changes: Sequence[str], console: Console) -> list[str]:
    lines = [
        console.text("twin.ask.title", changes="; ".join(changes), replications=found.replications, seed=found.seed)
    ]
    for figure in found.figures:
        lines.append(
            "  "
            + console.text(
                "twin.ask.figure",
                name=console.text(f"twin.ask.name.{figure.name}"),
                a=f"{figure.a.mean:.4g}",
                b=f"{figure.b.mean:.4g}",
                difference=f"{figure.difference.mean:+.4g}",
                low=f"{figure.difference.low:+.4g}",
                high=f"{figure.difference.high:+.4g}",
            )
            + ("" if figure.clear else f"  {console.text('twin.ask.unclear')}")
        )
    for order in found.orders:
        lines.append(
            "  "
            + console.text(
                "twin.ask.order",
                order=order.order,
                a="–" if order.on_time_a is None else f"{100 * order.on_time_a:.1f} %",
                b="–" if order.on_time_b is None else f"{100 * order.on_time_b:.1f} %",
                median_a="–" if order.median_a is None else f"{order.median_a:.4g}",
                median_b="–" if order.median_b is None else f"{order.median_b:.4g}",
            )
        )
    return lines


def score_command(file: Path, console: Console, *, run_length: float = 500.0, json: bool = False) -> int:
    """Score forecasts against outcomes: a CSV with ``pit``, and ``crps`` where there is one; 1 where the twin drifted.

    Raises
    ------
    LineFileError, RunParameterError
    """
    import csv
    import io

    from gaugeblock.twin.trust import trust

    pits, scores = [], []
    for number, row in enumerate(csv.DictReader(io.StringIO(_text(file))), 2):
        try:
            pits.append(float(row["pit"]))
            if row.get("crps"):
                scores.append(float(row["crps"]))
        except (KeyError, ValueError, TypeError) as fault:
            raise ForecastFileError(path=str(file), row=number, detail=str(fault)) from fault
    found = trust(pits, run_length=run_length)
    if json:
        console.out(
            msgspec.json.encode({"trust": found, "crps": sum(scores) / len(scores) if scores else None}).decode()
        )
    else:
        lines = [
            console.text("twin.score.title", forecasts=found.forecasts, run_length=f"{run_length:g}"),
            console.text("twin.score.coverage", coverage=f"{100 * found.coverage_90:.1f}", p=f"{found.uniform_p:.3f}"),
        ]
        if scores:
            lines.append(console.text("twin.score.crps", crps=f"{sum(scores) / len(scores):.4g}"))
        lines += [
            console.text(
                "twin.score.alarm", drift=console.text(f"twin.score.drift.{a.drift}"), at=a.at + 1, since=a.since + 1
            )
            for a in found.alarms
        ] or [console.text("twin.score.no_alarm")]
        console.out("\n".join(lines))
    return 1 if found.drifted else 0


def _state(file: Path) -> LineState:
    try:
        return msgspec.json.decode(_text(file), type=LineState)
    except msgspec.DecodeError as fault:
        raise LineFileError(path=str(file)) from fault


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise LineFileError(path=str(file))
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise LineFileError(path=str(file)) from fault


def _facts(interval: Interval) -> dict[str, object]:
    return {name: f"{getattr(interval, name):.4g}" for name in ("mean", "low", "high")}


def _percent(interval: Interval) -> str:
    return f"{100 * interval.mean:+.2f} % ({100 * interval.low:+.2f} … {100 * interval.high:+.2f})"
