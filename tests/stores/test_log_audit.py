"""The audit beside a plant that writes: what comes meanwhile is not damage, and damage is still found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.ledger.note import NoteKey
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import LogDamagedError, LogShortenedError
from gaugeblock.stores.log import Log, LogReader
from gaugeblock.stores.log_audit import audit


class BusyReader(LogReader):
    """After whatever is read of the log's extent, the log has grown and signed a checkpoint."""

    def __init__(self, database: Database, grow: Callable[[], None]) -> None:
        super().__init__(database)
        self.grow = grow

    @property
    def size(self) -> int:
        size = super().size
        self.grow()
        return size

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        yield from super().checkpoints()
        self.grow()


@pytest.mark.parametrize("bound_before", [250, 255, 256, 300])
def test_a_log_that_grows_meanwhile_is_whole(
    database_url: str, author: Any, clock: Any, bound_before: int, tmp_path: Path
) -> None:
    with Log.create(database_url, author.origin, author.log_key, clock, author.server_key) as log:
        log.append([author.bind(), *(author.verdict(n) for n in range(bound_before))])
        log.sign_checkpoint()
        number = iter(range(10_000, 20_000))

        def grow() -> None:
            # A key record too, and enough to change every kind of tile row.
            first = next(number)
            key = author.other_key
            if first == 10_000:
                log.append([author.bind("station:L1-ST20", key)])
            log.append([author.verdict(next(number)) for _ in range(130)])
            log.sign_checkpoint()

        with Database(database_url) as database:
            reader = BusyReader(database, grow)
            report = audit(database, reader, NoteKey(author.origin, author.log_key.public), lambda *_: grow())
        assert bound_before + 2 <= report.records < log.size
        assert report.checkpoints >= 2
        assert log.audit().records == log.size


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("INSERT INTO log_disclosures VALUES (900, x'00')", "disclosure"),
        ("INSERT INTO log_tiles VALUES (0, 5, x'00')", "tile"),
        ("UPDATE log_tiles SET hashes = hashes || x'00' WHERE level = 0", "tile"),
        ("UPDATE log_tiles SET hashes = hashes || zeroblob(32) WHERE level = 0", "tile"),
        ("INSERT INTO log_key_records VALUES (900)", "key_index"),
        ("INSERT INTO log_key_records VALUES (7)", "key_index"),
    ],
)
def test_a_stray_row_is_found_in_a_growing_log(
    sqlite_log: Callable[[], Log], author: Any, tmp_path: Path, statement: str, part: str
) -> None:
    log = sqlite_log()
    log.append([author.bind(), *(author.verdict(n) for n in range(20))])
    log.sign_checkpoint()

    def grow() -> None:
        log.append([author.verdict(100)])
        with sqlite3.connect(tmp_path / "log.sqlite") as connection:
            connection.execute(statement)
        connection.close()

    with Database(f"sqlite:///{tmp_path}/log.sqlite") as database, pytest.raises(LogDamagedError) as caught:
        audit(database, LogReader(database), NoteKey(author.origin, author.log_key.public), lambda *_: grow())
    assert caught.value.facts["part"] == part


def test_a_checkpoint_beyond_the_records_is_still_a_shortened_log(
    sqlite_log: Callable[[], Log], author: Any, tmp_path: Path
) -> None:
    log = sqlite_log()
    log.append([author.bind(), *(author.verdict(n) for n in range(20))])
    log.sign_checkpoint()
    with sqlite3.connect(tmp_path / "log.sqlite") as connection:
        connection.execute("DELETE FROM log_records WHERE idx > 15")
    connection.close()
    with pytest.raises(LogShortenedError):
        log.audit()
