"""A watched folder as camera and trigger source: each new image file is a trigger, its bytes are the frame.

A file is taken when its size and time have stood still between two looks, and, where the system can tell, nobody
has it open for writing. Files are taken in order of modification time, then name. Each taken file gets a number,
durably, before the trigger is given out; the number is how the station's record and the file belong together.
So after a restart nothing is inspected twice: what has a record gets its verdict file from that record, what has
none is triggered again under its old number.

The verdict about ``part.png`` is written as ``part.png.verdict.json``; on request the image is moved to ``ok/``,
``nok/`` or ``undecided/`` below the verdicts' folder. A folder, other than a PLC, cannot refuse what comes late: so OK
is written only while the deadline can be shown to hold, and what was recorded as OK and could not be said in time
becomes UNDECIDED here, also after a restart, when nothing tells any more how long the file has waited.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gaugeblock.connectors import file_names
from gaugeblock.connectors.errors import FileGoneError, FileTooLargeError, FolderUnreadableError
from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.station import Frame, Trigger
from gaugeblock.plant.times import to_rfc3339

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
FILES_MAX = 100_000
POLL_S = 0.1
KEPT_DAYS = 30
UNIT_CHARS_MAX = 128
VERDICT_SUFFIX = ".verdict.json"
TOO_LATE = "edge.deadline"
"""Code of the reason; the room that owns it is a floor above."""
_NO_ENTRY = frozenset({".", "_"})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name BLOB NOT NULL, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL,
  verdict TEXT, done_at INTEGER,
  UNIQUE (name, mtime_ns, size)
);
"""

Describe = Callable[[int], Mapping[str, object] | None]
"""What is recorded of a trigger number: at least ``verdict``; ``None`` where it has no record."""


def _nothing_recorded(_number: int) -> Mapping[str, object] | None:
    return None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as one look found it; the name as the system's calls take it, which need not be text."""

    name: str
    mtime_ns: int
    size: int


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """How the folder is watched.

    Parameters
    ----------
    folder, verdicts
        Where images come in, and where verdicts go (below the folder: ``verdicts``, if not given).
    move
        Move judged images to ``ok/``, ``nok/`` or ``undecided/`` below ``verdicts``.
    deadline_ms
        From taking a file on.
    settle_s
        For so long a file's size and time must stand still.
    """

    folder: Path
    verdicts: Path | None = None
    move: bool = False
    deadline_ms: float = 10_000.0
    settle_s: float = 0.3
    poll_s: float = POLL_S
    bytes_max: int = IMAGE_BYTES_MAX


class WatchedFolder:
    """Camera and PLC in one; used by the station's loop only.

    Parameters
    ----------
    journal
        SQLite file with the numbers; in the station's data directory.
    describe
        What the spool has recorded about a trigger number; its facts go into the verdict file.
    """

    def __init__(
        self,
        settings: FolderSettings,
        journal: Path,
        describe: Describe = _nothing_recorded,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.verdicts = settings.verdicts or settings.folder / "verdicts"
        self._describe = describe
        self._monotonic_ns = monotonic_ns
        self._sleep = sleep
        self._watched: dict[str, tuple[_Seen, int]] = {}
        with self._named(settings.folder):
            settings.folder.mkdir(parents=True, exist_ok=True)
            self.verdicts.mkdir(parents=True, exist_ok=True)
            journal.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(journal, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
        self._open: list[int] = []
        self._answer_by_ns: dict[int, int] = {}
        self._scan_s = 0.0
        self._numbered: set[_Seen] = set()
        self._prune()
        self._resume()

    # ── trigger source ────────────────────────────────────────────────────────────────────────────────────

    def wait_trigger(self, timeout_s: float) -> Trigger | None:
        """The next file that is complete, as a trigger; its name without suffix is the unit.

        Raises
        ------
        FolderUnreadableError
        """
        until_ns = self._monotonic_ns() + round(timeout_s * 1e9)
        while True:
            if not self._open:
                self._look()
            if self._open:
                number = self._open.pop(0)
                row = self._row(number)
                assert row is not None
                unit = Path(file_names.readable(row.name)).stem[:UNIT_CHARS_MAX] or None
                now_ns = self._monotonic_ns()
                self._answer_by_ns[number] = now_ns + round(self.settings.deadline_ms * 1e6)
                # A camera program may write every picture under one name: it names a unit, and is no serial.
                return Trigger(number, unit, None, None, self.settings.deadline_ms, now_ns, is_serial=False)
            left_s = (until_ns - self._monotonic_ns()) / 1e9
            if left_s <= 0:
                return None
            # A folder that takes long to read is read less often.
            self._sleep(min(max(self.settings.poll_s, 4 * self._scan_s), left_s))

    def answer(self, number: int, verdict: Verdict) -> None:
        """Write the verdict file, and move the image if so set. OK after the deadline is written as UNDECIDED.

        Raises
        ------
        FolderUnreadableError
        """
        row = self._row(number)
        if row is None:
            return  # a number of another journal
        verdict = self._in_time(number, verdict)
        with self._named(self.verdicts):
            path = self.verdicts / file_names.name_for(row.name, VERDICT_SUFFIX, len(_part_of("")))
            part = _write_part(path, self._content(row, number, verdict))
            if self._in_time(number, verdict) is not verdict:  # the disk was slow
                verdict = Verdict.UNDECIDED
                part = _write_part(path, self._content(row, number, verdict))
            _put_in_place(part, path)
            if self.settings.move:
                self._move(row, verdict)
            self._db.execute(
                "UPDATE files SET verdict = ?, done_at = ? WHERE number = ?", (verdict, time.time_ns(), number)
            )
        self._answer_by_ns.pop(number, None)

    def _in_time(self, number: int, verdict: Verdict) -> Verdict:
        answer_by_ns = self._answer_by_ns.get(number)
        late = answer_by_ns is None or self._monotonic_ns() > answer_by_ns
        return Verdict.UNDECIDED if verdict is Verdict.OK and late else verdict

    def _content(self, row: _Seen, number: int, verdict: Verdict) -> bytes:
        recorded = dict(self._describe(number) or {})
        said = recorded.pop("verdict", verdict.value)
        content: dict[str, object] = {
            "file": file_names.readable(row.name),
            "trigger": number,
            "verdict": verdict.value,
            "answered_at": to_rfc3339(datetime.now(UTC)),
            **{name: value for name, value in recorded.items() if name not in ("file", "trigger")},
        }
        if verdict is Verdict.UNDECIDED and said == Verdict.OK:
            content |= {"reason": TOO_LATE, "recorded_verdict": said}
        return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()

    def last_trigger(self) -> int | None:
        """Number of the last file given out: none is missed while the station is down, for files wait."""
        with self._named(self.settings.folder):
            (number,) = self._db.execute(
                "SELECT COALESCE(MAX(number), 0) FROM files WHERE done_at IS NOT NULL"
            ).fetchone()
        return int(number)

    # ── camera ────────────────────────────────────────────────────────────────────────────────────────────

    def grab(self, trigger: Trigger, timeout_s: float) -> Frame:
        """The file's bytes; the time it was last written is the time it was taken.

        Raises
        ------
        FileGoneError, FileTooLargeError, FolderUnreadableError
        """
        del timeout_s  # a local file is there or not
        row = self._row(trigger.number)
        if row is None:
            raise FileGoneError(file=str(trigger.number))
        path = self.settings.folder / row.name
        if row.size > self.settings.bytes_max:
            raise FileTooLargeError(file=file_names.readable(row.name), bytes=row.size, limit=self.settings.bytes_max)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise FileGoneError(file=file_names.readable(row.name)) from error
        except OSError as error:
            raise FolderUnreadableError(
                folder=file_names.readable(row.name), detail=error.strerror or str(error)
            ) from error
        return Frame(data, to_rfc3339(datetime.fromtimestamp(row.mtime_ns / 1e9, UTC)))

    def close(self) -> None:
        """Let go of the journal."""
        self._db.close()

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        for number in sorted(self._answer_by_ns):
            # Its answer failed, or it could only be recorded later: the verdict file follows the record.
            self._answer_recorded(number)
        now_ns = self._monotonic_ns()
        found: dict[str, tuple[_Seen, int]] = {}
        complete: list[_Seen] = []
        for seen in self._files():
            before = self._watched.get(seen.name)
            since_ns = before[1] if before is not None and before[0] == seen else now_ns
            found[seen.name] = (seen, since_ns)
            if now_ns - since_ns >= self.settings.settle_s * 1e9 and seen not in self._numbered:
                complete.append(seen)
        self._watched = found
        self._scan_s = (self._monotonic_ns() - now_ns) / 1e9
        complete.sort(key=lambda seen: (seen.mtime_ns, seen.name))
        self._open = [
            self._number(seen) for seen in complete if not _is_being_written(self.settings.folder / seen.name)
        ]

    def _files(self) -> Iterator[_Seen]:
        count = 0
        with self._named(self.settings.folder), os.scandir(self.settings.folder) as entries:
            for entry in entries:
                if entry.name[0] in _NO_ENTRY or Path(entry.name).suffix.lower() not in SUFFIXES:
                    continue
                count += 1
                if count > FILES_MAX:
                    raise FolderUnreadableError(
                        folder=str(self.settings.folder), detail=f"more than {FILES_MAX} images"
                    )
                try:
                    stat = entry.stat()
                    if entry.is_file():
                        yield _Seen(entry.name, stat.st_mtime_ns, stat.st_size)
                except FileNotFoundError:
                    continue  # moved away between two system calls

    def _prune(self) -> None:
        """Load what is numbered; forget what was done long ago and is no longer in the folder."""
        present = {seen.name for seen in self._files()}
        before_ns = time.time_ns() - KEPT_DAYS * 86_400 * 10**9
        with self._named(self.settings.folder):
            rows = [
                (number, done_at, os.fsdecode(name), mtime_ns, size)
                for number, done_at, name, mtime_ns, size in self._db.execute(
                    "SELECT number, done_at, name, mtime_ns, size FROM files"
                )
            ]
            gone = [
                (number,)
                for number, done_at, name, _, _ in rows
                if name not in present and done_at is not None and done_at < before_ns
            ]
            self._db.executemany("DELETE FROM files WHERE number = ?", gone)
        self._numbered = {_Seen(name, mtime_ns, size) for _, _, name, mtime_ns, size in rows if name in present}

    def _number(self, seen: _Seen) -> int:
        with self._named(self.settings.folder):
            number = self._db.execute(
                "INSERT INTO files (name, mtime_ns, size) VALUES (?, ?, ?)",
                (os.fsencode(seen.name), seen.mtime_ns, seen.size),
            ).lastrowid
        assert number is not None
        self._numbered.add(seen)
        return number

    def _row(self, number: int) -> _Seen | None:
        with self._named(self.settings.folder):
            row = self._db.execute("SELECT name, mtime_ns, size FROM files WHERE number = ?", (number,)).fetchone()
        return None if row is None else _Seen(os.fsdecode(row[0]), row[1], row[2])

    def _resume(self) -> None:
        """Finish what a stop interrupted: numbers given out without a verdict file."""
        with self._named(self.settings.folder):
            rows = self._db.execute("SELECT number FROM files WHERE done_at IS NULL ORDER BY number").fetchall()
        self._open = [number for (number,) in rows if not self._answer_recorded(number)]

    def _answer_recorded(self, number: int) -> bool:
        recorded = self._describe(number)
        if recorded is None:
            return False
        self.answer(number, Verdict(str(recorded["verdict"])))
        return True

    def _move(self, row: _Seen, verdict: Verdict) -> None:
        target = self.verdicts / verdict.value.lower()
        target.mkdir(exist_ok=True)
        source = self.settings.folder / row.name
        if source.exists():
            destination = target / row.name
            if destination.exists():
                end = f".{row.mtime_ns}{destination.suffix}"
                stem = os.fsencode(destination.stem)[: file_names.NAME_BYTES_MAX - len(end)]
                destination = target / (os.fsdecode(stem) + end)
            source.replace(destination)

    @contextmanager
    def _named(self, folder: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise FolderUnreadableError(folder=str(folder), detail=str(error)) from error


def _is_being_written(path: Path) -> bool:
    """Does someone have the file open for writing? ``False`` where the system does not tell."""
    try:
        import fcntl

        with path.open("rb") as file:
            # A read lease is only given while nobody has the file open for writing (Linux, own files).
            # The signal with which the kernel would ask for it back is set to one that is ignored by default.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGWINCH)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (ImportError, AttributeError):
        return False
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def _part_of(name: str) -> str:
    return f".{name}.part"


def _write_part(path: Path, data: bytes) -> Path:
    part = path.with_name(_part_of(path.name))
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return part


def _put_in_place(part: Path, path: Path) -> None:
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
