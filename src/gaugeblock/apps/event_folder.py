"""Event files dropped into a folder become records: ``data/events/<line>/*.csv`` or ``*.jsonl``, each taken once.

A file is read when it has not changed since the round before, stated as batches of the source ``file:<digest>``, and
moved to ``done/``; one that cannot be used is moved to ``refused/`` with the reason in both languages beside it. A step
that was interrupted is repeated: the batches' identities come from the file's content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.production_facets import EventBatchSubject
from gaugeblock.production.event_files import BYTES_MAX, in_batches, read_events
from gaugeblock.production.line_errors import EventFileError, EventFileLimitError
from gaugeblock.production.ports import Statements

BATCHES_A_STEP = 100
SUFFIXES = (".csv", ".jsonl")


class EventFolder:
    """A keeper of the plant process.

    Parameters
    ----------
    statements
        Into the log.
    folder
        Holds a folder for each line.
    lines
        Ids of the lines; other folders are left alone.
    timezone
        Of times that are written without an offset.
    """

    name = "event_files"

    def __init__(self, statements: Statements, folder: Path, lines: Sequence[str], timezone: str) -> None:
        self._statements, self._folder, self._lines, self._timezone = statements, folder, tuple(lines), timezone
        self._sizes: dict[Path, tuple[int, int]] = {}
        self._position: dict[str, int] = {}

    def step(self) -> None:
        """A bounded piece of one file of each line."""
        for line in self._lines:
            file = self._next(self._folder / line)
            if file is not None:
                self._take(line, file)

    def _next(self, folder: Path) -> Path | None:
        if not folder.is_dir():
            return None
        for file in sorted(folder.iterdir()):
            if file.suffix not in SUFFIXES or not file.is_file() or file.is_symlink():
                continue
            facts = file.stat()
            seen = (facts.st_size, facts.st_mtime_ns)
            if self._sizes.get(file) == seen:
                return file
            self._sizes[file] = seen
        return None

    def _take(self, line: str, file: Path) -> None:
        try:
            data = _bytes(file)
            digest = hashlib.sha256(data).hexdigest()
            events = read_events(data, file.name, self._timezone)
        except GaugeblockError as error:
            self._move(file, "refused")
            reason = f"{error.text('zh')} {error.remedy('zh')}\n{error}\n"
            (file.parent / "refused" / f"{file.name}.reason.txt").write_text(reason, "utf-8")
            return
        start = self._position.get(digest, 0)
        done = True
        for batch in islice(in_batches(events), start, None):
            if batch.sequence >= start + BATCHES_A_STEP:
                self._position[digest] = batch.sequence
                done = False
                break
            self._statements.state(
                SERVER,
                "production.events",
                f"events/{line}/{digest[:32]}/{batch.sequence}",
                {"subject": EventBatchSubject(line=line, source=f"file:{digest[:16]}"), "statement": batch},
            )
        if done:
            self._position.pop(digest, None)
            self._move(file, "done")

    def _move(self, file: Path, to: str) -> None:
        target = file.parent / to
        target.mkdir(exist_ok=True)
        self._sizes.pop(file, None)
        file.replace(target / file.name)


def _bytes(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > BYTES_MAX:
            raise EventFileLimitError(file=file.name, found=size, limit=BYTES_MAX)
        return file.read_bytes()
    except OSError as fault:
        raise EventFileError(file=file.name, detail=fault.strerror or str(fault)) from fault
