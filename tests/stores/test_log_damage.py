"""A log that was closed, killed, shortened or altered: opened again, or refused with the place named."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gaugeblock.ledger.keys import SigningKey
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    LogDamagedError,
    LogExistsError,
    LogLockedError,
    LogOriginError,
    LogShortenedError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    StoreNewerError,
)
from gaugeblock.stores.log import Log, LogReader, Receipt

RECORDS = 300

Reopen = Callable[[], Log]


def change(path: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def filled(sqlite_log: Reopen, author: Any) -> Log:
    log = sqlite_log()
    log.append([author.bind()])
    for start in range(0, RECORDS - 2, 100):
        log.append([author.verdict(n) for n in range(start, min(start + 100, RECORDS - 2))])
        log.sign_checkpoint()
    assert log.size == RECORDS
    return log


def test_an_opened_log_goes_on_where_it_stopped(sqlite_log: Reopen, author: Any) -> None:
    log = filled(sqlite_log, author)
    log.append([author.verdict(5000)])  # not under a checkpoint yet
    again = sqlite_log()
    assert (again.size, again.last_checkpoint().size) == (RECORDS + 1, RECORDS)
    (receipt,) = again.append([author.verdict(5001)])
    assert isinstance(receipt, Receipt)
    assert receipt.index == RECORDS + 1
    again.sign_checkpoint()
    report = again.audit()
    assert (report.records, report.disclosures, report.key_records) == (RECORDS + 2, 5 * RECORDS + 4, 2)


def test_postgresql_goes_on_where_it_stopped(postgresql_url: str, author: Any, clock: Any) -> None:
    arguments = (postgresql_url, author.origin, author.log_key, clock)
    with Log.create(*arguments, author.server_key) as log:
        log.append([author.bind(), *(author.verdict(n) for n in range(300))])
        with pytest.raises(LogLockedError):
            Log.open(*arguments)
    with Log.open(*arguments) as log:
        log.append([author.verdict(300)])
        log.sign_checkpoint()
        assert log.audit().records == 303


def test_postgresql_sessions_that_end_are_taken_up_again(postgresql_url: str, author: Any, clock: Any) -> None:
    import sqlalchemy

    arguments = (postgresql_url, author.origin, author.log_key, clock)
    with Log.create(*arguments, author.server_key) as log:
        log.append([author.bind()])
        engine = sqlalchemy.create_engine(postgresql_url)
        with engine.connect() as connection:
            end = "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory'"
            connection.execute(sqlalchemy.text(end))
        engine.dispose()
        # What fails is named; the session is taken up again, at the latest by the second try.
        outcomes = []
        for _ in range(3):
            try:
                outcomes = log.append([author.verdict(1)])
                break
            except StoreError:
                continue
        assert isinstance(outcomes[0], Receipt)
        assert log.audit().records == 3


def test_a_log_has_one_writer(sqlite_log: Reopen, author: Any, clock: Any, tmp_path: Path) -> None:
    sqlite_log()
    url = f"sqlite:///{tmp_path}/log.sqlite"
    with pytest.raises(LogLockedError):
        Log.open(url, author.origin, author.log_key, clock)
    program = f"""
from gaugeblock.stores.log import Log
from gaugeblock.stores.clock import SystemClock
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.stores.errors import LogLockedError
try:
    Log.open({url!r}, {author.origin!r}, SigningKey.from_seed(bytes([1]) * 32), SystemClock())
except LogLockedError:
    print("locked")
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "locked"


def test_a_reader_in_another_thread_of_view_sees_what_is_durable(
    sqlite_log: Reopen, author: Any, tmp_path: Path
) -> None:
    log = filled(sqlite_log, author)
    with LogReader.connect(f"sqlite:///{tmp_path}/log.sqlite") as reader:
        assert reader.size == RECORDS
        assert reader.directory.current(author.station).key == author.station_key.public
        bind = author.bind("station:L1-ST20", author.other_key)
        log.append([bind])
        assert reader.directory.current("station:L1-ST20").key == author.other_key.public


def test_what_is_not_this_log_is_named(sqlite_log: Reopen, author: Any, clock: Any, tmp_path: Path) -> None:
    sqlite_log().close()
    url = f"sqlite:///{tmp_path}/log.sqlite"
    with pytest.raises(LogOriginError):
        Log.open(url, "other.example/log", author.log_key, clock)
    with pytest.raises(LogOriginError):
        Log.open(url, author.origin, SigningKey.from_seed(bytes(32)), clock)
    with pytest.raises(LogExistsError):
        Log.create(url, author.origin, author.log_key, clock, author.server_key)
    with pytest.raises(StoreMissingError):
        Log.open(f"sqlite:///{tmp_path}/none.sqlite", author.origin, author.log_key, clock)


def test_a_newer_database_is_left_alone(sqlite_log: Reopen, tmp_path: Path) -> None:
    sqlite_log().close()
    change(tmp_path / "log.sqlite", "UPDATE log_schema SET version_num = 'log_9999'")
    with pytest.raises(StoreNewerError) as caught:
        sqlite_log()
    assert caught.value.facts["found"] == "log_9999"
    with pytest.raises(StoreNewerError):
        LogReader(Database(f"sqlite:///{tmp_path}/log.sqlite"))


def test_a_shortened_log_is_refused_at_the_door(sqlite_log: Reopen, author: Any, tmp_path: Path) -> None:
    filled(sqlite_log, author).close()
    change(tmp_path / "log.sqlite", "DELETE FROM log_records WHERE idx >= 290")
    with pytest.raises(LogShortenedError) as caught:
        sqlite_log()
    assert caught.value.facts == {"size": 290, "checkpoint_size": RECORDS}


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE log_tiles SET hashes = substr(hashes, 1, 32) WHERE level = 0 AND number = 1", "tile"),
        ("DELETE FROM log_tiles WHERE level = 1", "tile"),
        ("UPDATE log_records SET jws = CAST('x' AS BLOB) WHERE idx = 299", "record"),
        ("UPDATE log_checkpoints SET note = CAST('x' AS BLOB) WHERE size = 300", "checkpoint"),
    ],
)
def test_a_damaged_edge_is_refused_at_the_door(
    sqlite_log: Reopen, author: Any, tmp_path: Path, statement: str, part: str
) -> None:
    filled(sqlite_log, author).close()
    change(tmp_path / "log.sqlite", statement)
    with pytest.raises(LogDamagedError) as caught:
        sqlite_log()
    assert caught.value.facts["part"] == part


COLUMNS = {
    "record": ("log_records", "idx", ("jws", "author", "identity", "received_at", "checksum")),
    "disclosure": ("log_disclosures", "idx", ("disclosures",)),
    "tile": ("log_tiles", "level || '/' || number", ("hashes",)),
    "checkpoint": ("log_checkpoints", "size", ("note",)),
}


@pytest.fixture
def damaged_copy(sqlite_log: Reopen, author: Any, tmp_path: Path) -> Path:
    filled(sqlite_log, author).close()
    return tmp_path / "log.sqlite"


def audited(path: Path, log_key: SigningKey, origin: str) -> None:
    from gaugeblock.ledger.note import NoteKey
    from gaugeblock.stores.log_audit import audit

    with Database(f"sqlite:///{path}") as database:
        audit(database, LogReader(database), NoteKey(origin, log_key.public))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found_and_named(damaged_copy: Path, author: Any, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(COLUMNS)))
    table, position, columns = COLUMNS[part]
    column = data.draw(st.sampled_from(columns))
    with sqlite3.connect(damaged_copy) as connection:
        rows = connection.execute(f"SELECT rowid, {position}, {column} FROM {table} ORDER BY 2").fetchall()
        rowid, where, value = data.draw(st.sampled_from(rows))
        raw = bytearray(value.encode() if isinstance(value, str) else value)
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= 1 << data.draw(st.integers(0, 6 if isinstance(value, str) else 7))
        flipped = bytes(raw).decode() if isinstance(value, str) else bytes(raw)
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (flipped, rowid))
        except sqlite3.IntegrityError:
            assume(False)  # the flip made another row's identity of it: the database itself does not take that
    connection.close()
    try:
        with pytest.raises(LogDamagedError) as caught:
            audited(damaged_copy, author.log_key, author.origin)
        assert caught.value.facts["part"] == part
        assert caught.value.facts["position"] == where
    finally:
        with sqlite3.connect(damaged_copy) as connection:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, rowid))
        connection.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_of_the_file_is_found_or_holds_nothing(
    damaged_copy: Path, author: Any, data: st.DataObject
) -> None:
    content = damaged_copy.read_bytes()
    altered = bytearray(content)
    at = data.draw(st.integers(0, len(content) - 1))
    altered[at] ^= data.draw(st.integers(1, 255))

    def everything(path: Path) -> list[Any]:
        with sqlite3.connect(path) as connection:
            tables = ("log_identity", "log_records", "log_disclosures", "log_tiles", "log_checkpoints")
            rows = [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
        connection.close()
        return rows

    before = everything(damaged_copy)
    damaged_copy.write_bytes(bytes(altered))
    try:
        audited(damaged_copy, author.log_key, author.origin)
        # Free space, or a header field without content: all that is stored is what was stored.
        assert everything(damaged_copy) == before
    except (LogDamagedError, LogShortenedError, StoreError):
        pass  # named
    finally:
        for extra in ("-wal", "-shm"):
            Path(f"{damaged_copy}{extra}").unlink(missing_ok=True)
        damaged_copy.write_bytes(content)


def test_removed_parts_are_named(damaged_copy: Path, author: Any) -> None:
    cases = [
        ("DELETE FROM log_disclosures WHERE idx = 77", "disclosure", 77),
        ("DELETE FROM log_key_records WHERE idx = 1", "key_index", 1),
        ("UPDATE log_checkpoints SET size = 150 WHERE size = 202", "checkpoint", 150),
        ("DELETE FROM log_records WHERE idx = 123", "record", 123),
    ]
    content = damaged_copy.read_bytes()
    for statement, part, position in cases:
        damaged_copy.write_bytes(content)
        change(damaged_copy, statement)
        with pytest.raises(LogDamagedError) as caught:
            audited(damaged_copy, author.log_key, author.origin)
        assert (caught.value.facts["part"], caught.value.facts["position"]) == (part, position)


def test_an_audit_says_how_far_it_is(sqlite_log: Reopen, author: Any) -> None:
    told: list[tuple[int, int]] = []
    filled(sqlite_log, author).audit(lambda done, total: told.append((done, total)))
    assert told == [(256, RECORDS), (RECORDS, RECORDS)]


def test_a_full_disk_loses_nothing_that_was_acknowledged(sqlite_log: Reopen, author: Any) -> None:
    from sqlalchemy import event, text

    log = filled(sqlite_log, author)
    pages = 0

    def bound(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    with log._database.reading() as connection:
        pages = int(connection.execute(text("PRAGMA page_count")).scalar_one()) + 8
    event.listen(log._database.engine, "checkout", bound)
    acknowledged: list[int] = []

    def until_full() -> None:
        for number in range(1000, 2000):
            (receipt,) = log.append([author.verdict(number)])
            assert isinstance(receipt, Receipt)
            acknowledged.append(receipt.index)

    with pytest.raises(StoreFullError):
        until_full()
    assert acknowledged == list(range(RECORDS, RECORDS + len(acknowledged)))
    assert log.record(acknowledged[-1]).index == acknowledged[-1]
    pages = 1_000_000  # someone made room
    (receipt,) = log.append([author.verdict(3000)])
    assert isinstance(receipt, Receipt)
    assert receipt.index == RECORDS + len(acknowledged)
    log.sign_checkpoint()
    assert sqlite_log().audit().records == receipt.index + 1
