"""Commands about the log: evidence of a record, the log's key, the audit, the rebuilding of projections."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.inspection.projection import InspectionProjection
from gaugeblock.ledger.note import NoteKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.database import Database
from gaugeblock.stores.log_audit import audit
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.projections import ProjectionRunner


class RecordNotFoundError(GaugeblockError):
    """No such record. Facts: ``record``, ``last``."""

    code = "apps.record_not_found"


class NoLogError(GaugeblockError):
    """There is no log yet. Facts: ``store``."""

    code = "apps.no_log"


@contextmanager
def reading_log(installation: Installation) -> Iterator[tuple[Database, LogReader]]:
    """The log for reading, beside a plant process that may be running.

    Raises
    ------
    NoLogError
    """
    with Database(installation.database_url("log")) as database:
        if database.version("log") is None:
            raise NoLogError(store=database.name)
        yield database, LogReader(database)


def find_record(reader: LogReader, record: str) -> int:
    """The index that ``record`` names: an index, or ``<author>/<identity>`` as in ``station:L1-ST10/1/42``.

    Raises
    ------
    RecordNotFoundError
    """
    found: int | None
    if record.isdecimal():
        found = int(record) if int(record) < reader.size else None
    else:
        author, _, identity = record.partition("/")
        found = reader.find(author, identity)
    if found is None:
        raise RecordNotFoundError(record=record[:120], last=reader.size - 1)
    return found


def evidence_command(plant: Path, record: str, facets: Collection[str] | None, console: Console) -> int:
    """Write a record's evidence to standard output."""
    with reading_log(load_installation(plant)) as (_, reader):
        index = find_record(reader, record)
        raw = reader.evidence(index, facets)
        console.out(raw.decode("utf-8"))
        console.say("apps.records.written", index=index, bytes=len(raw), key=reader.log_key)
    return 0


def log_key_command(plant: Path, console: Console) -> int:
    """Print the log's public key."""
    with reading_log(load_installation(plant)) as (_, reader):
        console.out(reader.log_key)
    return 0


def audit_command(plant: Path, console: Console) -> int:
    """Check everything stored; a damaged part is a named error."""
    with reading_log(load_installation(plant)) as (database, reader):
        with Progress(console=console.rich, transient=True) as progress:
            task = progress.add_task(console.text("apps.log.auditing"), total=reader.size)
            report = audit(
                database,
                reader,
                NoteKey.from_vkey(reader.log_key),
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        console.say(
            "apps.log.good",
            style="green",
            size=report.records,
            tiles=report.tiles,
            checkpoints=report.checkpoints,
            root=reader.last_checkpoint().root.hex(),
        )
    return 0


def rebuild_command(plant: Path, console: Console) -> int:
    """Build the projections anew from the log, and say whether they are what they were."""
    installation = load_installation(plant)
    with (
        reading_log(installation) as (_, reader),
        Database(installation.database_url("projections")) as database,
    ):
        projection = InspectionProjection()
        runner = ProjectionRunner(database, reader, [projection])
        runner.catch_up()
        before = runner.digest(projection.name)
        with console.rich.status(console.text("apps.log.rebuilding", name=projection.name)):
            runner.rebuild(projection.name)
        same = runner.digest(projection.name) == before
        console.say(
            "apps.log.rebuilt_same" if same else "apps.log.rebuilt_other",
            style="green" if same else "bold yellow",
            name=projection.name,
            size=reader.size,
        )
    return 0 if same else 1
