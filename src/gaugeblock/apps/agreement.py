"""``gaugeblock inspect agreement``: a measurement study from a table, without a plant."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import msgspec

from gaugeblock.apps.console import Console
from gaugeblock.apps.output_file import output_file, write_output
from gaugeblock.inspection.studies import StudyResult, analyse
from gaugeblock.inspection.study_table import TABLE_BYTES_MAX, StudyTable, read_table
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language
from gaugeblock.web.study_report import criteria, render_study


class TableUnreadableError(GaugeblockError):
    """A table that cannot be opened. Facts: ``path``, ``detail``."""

    code = "apps.table_unreadable"


def agreement_command(table: Path, *, report: str, json: str | None, station: str | None, language: Language) -> int:
    """Analyse ``table``, write the report and, where asked for, the result as JSON.

    Parameters
    ----------
    station
        Which appraiser the conclusion is about; the table's first where not given.

    Returns
    -------
    The exit code: 0, or 2 with a named error on standard error.
    """
    console = Console(language)
    try:
        _agreement(table, report, json, station, console)
    except GaugeblockError as error:
        console.error(error)
        return 2
    return 0


def _agreement(path: Path, report_named: str, json_named: str | None, station: str | None, console: Console) -> None:
    data = _read(path)
    table: StudyTable = read_table(data)
    result = analyse(table, path.stem[:200] or "table", station or table.appraisers[0])
    report = output_file(report_named, console)
    kept = msgspec.json.encode(result)
    digests = hashlib.sha256(data).hexdigest(), hashlib.sha256(kept).hexdigest()
    html = render_study(result, console.language, *digests, version("gaugeblock"))
    if json_named is not None:
        write_output(output_file(json_named, console), msgspec.json.format(kept, indent=2))
    write_output(report, html.encode())
    _say(result, report, console)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(TABLE_BYTES_MAX + 1)
    except OSError as error:
        raise TableUnreadableError(path=str(path), detail=error.strerror or type(error).__name__) from error


def _say(result: StudyResult, report: Path, console: Console) -> None:
    for name, criterion in criteria(result).items():
        share = criterion.share
        if share.value is None:
            console.say(f"web.study.unknown.{name}")
            continue
        sentence = console.text(
            f"web.study.words.{name}",
            station=result.station,
            hits=share.hits,
            of=share.of,
            value=f"{share.value:.1%}",
            low=f"{share.low:.1%}",
            high=f"{share.high:.1%}",
        )
        console.out(f"{sentence} {console.text(f'inspection.band.{criterion.band.value}')}")
    for warning in result.warnings:
        console.say(warning, "yellow")
    console.say("apps.agreement_done", "green", report=report)
