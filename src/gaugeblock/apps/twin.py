"""``gaugeblock twin``: a line from its file, simulated; the kernels are imported where a command needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gaugeblock.apps.console import Console
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.twin.intervals import Interval
from gaugeblock.twin.line import Line, parse_line

if TYPE_CHECKING:
    from gaugeblock.twin.replications import LineSummary

LINE_BYTES_MAX = 16 << 20
STATES = ("busy", "setup", "blocked", "starved", "down", "off")


class LineFileError(GaugeblockError):
    """No file with a line where one was named, or none that can be read. Facts: ``path``."""

    code = "twin.line_file"


def read_line(path: Path) -> Line:
    """The line in a file.

    Raises
    ------
    LineFileError, LineSyntaxError, LineShapeError
    """
    try:
        with path.open("rb") as file:
            content = file.read(LINE_BYTES_MAX + 1)
        if len(content) > LINE_BYTES_MAX:
            raise LineFileError(path=str(path))
        return parse_line(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise LineFileError(path=str(path)) from fault


def run_command(
    path: Path,
    console: Console,
    *,
    length: float,
    warm_up: float,
    replications: int,
    seed: int,
) -> int:
    """Simulate a line and print throughput, states and parts with their intervals."""
    line = read_line(path)
    # Here and not above: numba takes most of a second to import, and is an extra.
    from gaugeblock.twin.compiled import telling_of_compilation
    from gaugeblock.twin.replications import replicate, summarise

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
        task = bar.add_task(console.text("twin.run.progress"), total=replications)
        reports = replicate(
            line,
            range(replications),
            until=warm_up + length,
            warm_up=warm_up,
            seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    unit = line.time_unit
    title = console.text(
        "twin.run.title",
        name=line.name,
        replications=replications,
        length=f"{length:g}",
        warm_up=f"{warm_up:g}",
        seed=seed,
        unit=unit,
    )
    console.out("\n".join([title, *_lines(summarise(reports), unit, console)]))
    return 0


def _lines(summary: LineSummary, unit: str, console: Console) -> list[str]:
    lines = [
        console.text("twin.run.throughput", unit=unit, **_facts(summary.throughput)),
        console.text("twin.run.wip", **_facts(summary.wip)),
        console.text("twin.run.flow_time", unit=unit, **_facts(summary.flow_time))
        if summary.flow_time.mean == summary.flow_time.mean
        else console.text("twin.run.flow_time_none"),
    ]
    if summary.scrapped.mean:
        lines.append(console.text("twin.run.scrapped", mean=f"{summary.scrapped.mean:.4g}"))
    states = [[console.text("twin.run.station"), *(console.text(f"twin.run.state.{state}") for state in STATES)]]
    states += [[s.name, *(f"{100 * s.shares[state].mean:.1f} %" for state in STATES)] for s in summary.stations]
    buffers = [[console.text("twin.run.buffer"), console.text("twin.run.parts")]]
    buffers += [[name, f"{mean.mean:.3g} ({mean.low:.3g}–{mean.high:.3g})"] for name, mean in summary.buffers.items()]
    return [*lines, "", *_table(states), *(["", *_table(buffers)] if len(buffers) > 1 else [])]


def _facts(interval: Interval) -> dict[str, object]:
    return {name: f"{getattr(interval, name):.4g}" for name in ("mean", "low", "high")}


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(_width(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Columns in a terminal: CJK characters take two."""
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)
