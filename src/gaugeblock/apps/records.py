"""Commands about the log: evidence of a record, the log's key, the audit, the rebuilding of projections."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress

from gaugeblock.apps.console import Console
from gaugeblock.apps.evidence import read_key
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import log_exists
from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.ledger.note import NoteKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.production.projections import production_projections
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
        if not log_exists(database):
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


def trusted_key(installation: Installation) -> NoteKey:
    """The log's public key from its own file: one that stands in the database under audit proves nothing."""
    return NoteKey.from_vkey(installation.log_key.read_text("utf-8").strip())


def audit_command(plant: Path, key: str | None, console: Console) -> int:
    """Check everything stored against the log's public key; a damaged part is a named error.

    Parameters
    ----------
    key
        The public key as it was handed out; that of ``log.key`` in the data directory where ``None``.
    """
    installation = load_installation(plant)
    with reading_log(installation) as (database, reader):
        trusted = NoteKey.from_vkey(read_key(key)) if key is not None else trusted_key(installation)
        with Progress(console=console.rich, transient=True) as progress:
            task = progress.add_task(console.text("apps.log.auditing"), total=reader.size)
            report = audit(
                database,
                reader,
                trusted,
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
    """Build the projections anew from the log and compare; what differs is replaced. Safe while the plant runs."""
    installation = load_installation(plant)
    with (
        reading_log(installation) as (_, reader),
        Database(installation.database_url("projections")) as database,
    ):
        projections = [*inspection_projections(installation.settings.review), *production_projections()]
        runner = ProjectionRunner(database, reader, projections)
        runner.catch_up()
        same = True
        for projection in projections:
            with console.rich.status(console.text("apps.log.rebuilding", name=projection.name)):
                rebuilt = runner.verify(projection.name)
            console.say(
                "apps.log.rebuilt_same" if rebuilt.same else "apps.log.rebuilt_other",
                style="green" if rebuilt.same else "bold yellow",
                name=projection.name,
                size=rebuilt.position,
            )
            same = same and rebuilt.same
    return 0 if same else 1
