"""Projections are the log read in order: the same rows, however it was cut, interrupted, restored or rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Float, Integer, MetaData, Table, Text, inspect, select, text

from gaugeblock.plant.record_types import InspectionMeasurement, InspectionStatement, InspectionSubject
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    ProjectionChangeError,
    ProjectionForeignError,
    ProjectionGapError,
    ProjectionUnknownError,
    SnapshotDamagedError,
)
from gaugeblock.stores.log import StoredRecord
from gaugeblock.stores.memory import MemoryLog
from gaugeblock.stores.projections import Add, Change, OpenRecord, ProjectionRunner, Put, Remove
from gaugeblock.stores.snapshots import read_snapshot, write_snapshot


class Verdicts:
    """A row a unit, a counter a verdict; NOK units that come again as OK leave the list of open ones."""

    name = "verdicts"

    def __init__(self, version: int = 1, extra: str | None = None) -> None:
        self.version = version
        self.metadata = MetaData()
        more = [Column(extra, Text)] if extra else []
        self.units = Table(
            "units",
            self.metadata,
            Column("unit", Text, primary_key=True),
            Column("last", Text),
            Column("score", Float),
            *more,
        )
        Table(
            "counts",
            self.metadata,
            Column("verdict", Text, primary_key=True),
            Column("n", Integer),
            Column("sum", Integer),
        )
        Table("open_units", self.metadata, Column("unit", Text, primary_key=True), Column("since", Integer))

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        subject, statement = record.facets.get("subject"), record.facets.get("statement")
        if not isinstance(subject, InspectionSubject) or not isinstance(statement, InspectionStatement):
            return
        unit = str(subject.unit)
        yield Put("units", {"unit": unit}, {"last": statement.verdict.value})
        measurement = record.facets.get("measurement")
        if isinstance(measurement, InspectionMeasurement):
            yield Put("units", {"unit": unit}, {"score": measurement.score})
        yield Add("counts", {"verdict": statement.verdict.value}, {"n": 1, "sum": record.index})
        if statement.verdict.value == "NOK":
            yield Put("open_units", {"unit": unit}, {"since": record.index})
        else:
            yield Remove("open_units", {"unit": unit})


def expected(log: MemoryLog, stop: int) -> dict[str, Any]:
    from gaugeblock.stores.projections import open_record

    units: dict[str, Any] = {}
    counts: dict[str, list[int]] = {}
    open_units: dict[str, int] = {}
    for stored in log.records(0, stop):
        record = open_record(stored)
        if record.record_type != "inspection.verdict":
            continue
        facets: dict[str, Any] = dict(record.facets)
        unit, verdict = facets["subject"].unit, facets["statement"].verdict.value
        units[unit] = (verdict, facets["measurement"].score)
        count = counts.setdefault(verdict, [0, 0])
        count[0] += 1
        count[1] += record.index
        if verdict == "NOK":
            open_units[unit] = record.index
        else:
            open_units.pop(unit, None)
    return {"units": units, "counts": {k: tuple(v) for k, v in counts.items()}, "open_units": open_units}


def stored_rows(runner: ProjectionRunner) -> dict[str, Any]:
    tables = runner.projection("verdicts").metadata.tables
    with runner.database.reading() as connection:
        units = {r.unit: (r.last, r.score) for r in connection.execute(select(tables["units"]))}
        counts = {r.verdict: (r.n, r.sum) for r in connection.execute(select(tables["counts"]))}
        open_units = {r.unit: r.since for r in connection.execute(select(tables["open_units"]))}
    return {"units": units, "counts": counts, "open_units": open_units}


class SomeLog:
    """The first ``size`` records of a log."""

    def __init__(self, log: MemoryLog, size: int) -> None:
        self.log, self.size = log, size

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        return self.log.records(start, min(stop, self.size))


@pytest.fixture(scope="module")
def long_log() -> MemoryLog:
    import importlib.util

    spec = importlib.util.spec_from_file_location("stores_conftest", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    helpers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helpers)
    author = helpers.Author()
    log = MemoryLog(author.origin, author.log_key, helpers.SteeredClock(), author.server_key)
    verdicts = ("OK", "NOK", "UNDECIDED")
    batch = [
        author.verdict(n % 17, verdict=verdicts[n * 7 % 5 % 3], score=n / 7, identity=f"2/{n}") for n in range(150)
    ]
    log.append([author.bind(), *batch])
    return log


@pytest.fixture
def projections(database_url: str) -> Iterator[Database]:
    with Database(database_url) as database:
        yield database


def test_rows_are_what_the_records_say(projections: Database, long_log: MemoryLog) -> None:
    runner = ProjectionRunner(projections, long_log, [Verdicts()])
    assert runner.catch_up(batch=20) == 152
    assert stored_rows(runner) == expected(long_log, 152)


def test_rebuilt_tables_are_byte_equal(projections: Database, long_log: MemoryLog) -> None:
    runner = ProjectionRunner(projections, long_log, [Verdicts()])
    runner.catch_up(batch=1)
    digest = runner.digest("verdicts")
    for batch in (1, 7, 1000):
        assert runner.rebuild("verdicts", batch) == 152
        assert runner.digest("verdicts") == digest


def test_both_databases_have_the_same_digest(postgresql_url: str, tmp_path: Path, long_log: MemoryLog) -> None:
    digests = set()
    for url in (postgresql_url, f"sqlite:///{tmp_path}/p.sqlite"):
        with Database(url) as database:
            runner = ProjectionRunner(database, long_log, [Verdicts()])
            runner.catch_up()
            digests.add(runner.digest("verdicts"))
    assert len(digests) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(0, 152), max_size=5), batches=st.lists(st.integers(1, 200), min_size=6, max_size=6))
def test_the_way_the_log_is_cut_leaves_no_trace(
    tmp_path_factory: pytest.TempPathFactory, long_log: MemoryLog, stops: list[int], batches: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    with Database(f"sqlite:///{folder}/a.sqlite") as one, Database(f"sqlite:///{folder}/b.sqlite") as two:
        whole = ProjectionRunner(one, long_log, [Verdicts()])
        whole.catch_up()
        for stop, batch in zip([*sorted(stops), 152], batches, strict=False):
            # A new runner each time: as after a restart.
            ProjectionRunner(two, long_log, [Verdicts()]).catch_up(batch, upto=stop)
        runner = ProjectionRunner(two, long_log, [Verdicts()])
        runner.catch_up()
        assert runner.digest("verdicts") == whole.digest("verdicts")


def test_a_batch_that_fails_moves_neither_rows_nor_position(projections: Database, long_log: MemoryLog) -> None:
    class Failing(Verdicts):
        broken = True

        def changes(self, record: OpenRecord) -> Iterable[Change]:
            yield from super().changes(record)
            if self.broken and record.index == 25:
                yield Add("counts", {"verdict": "OK"}, {"n": 0.5})  # type: ignore[dict-item]

    projection = Failing()
    runner = ProjectionRunner(projections, long_log, [projection])
    with pytest.raises(ProjectionChangeError) as caught:
        runner.catch_up(batch=10)
    assert caught.value.facts["index"] == 25
    assert runner.position("verdicts") == 20
    assert stored_rows(runner) == expected(long_log, 20)
    projection.broken = False
    runner.catch_up(batch=10)
    assert stored_rows(runner) == expected(long_log, 152)


@pytest.mark.parametrize(
    "change",
    [
        Put("nowhere", {"unit": "U"}),
        Put("units", {"part": "U"}),
        Put("units", {"unit": "U"}, {"colour": "red"}),
        Add("counts", {"verdict": "OK"}, {"n": True}),
        Add("counts", {"verdict": "OK"}, {"n": 2**60}),
    ],
)
def test_a_change_that_does_not_fit_is_named(projections: Database, long_log: MemoryLog, change: Change) -> None:
    class Wrong(Verdicts):
        def changes(self, record: OpenRecord) -> Iterable[Change]:
            return [change]

    with pytest.raises(ProjectionChangeError):
        ProjectionRunner(projections, long_log, [Wrong()]).catch_up()


def test_a_new_version_or_shape_builds_anew(projections: Database, long_log: MemoryLog) -> None:
    ProjectionRunner(projections, long_log, [Verdicts()]).catch_up()
    assert ProjectionRunner(projections, long_log, [Verdicts()]).position("verdicts") == 152
    assert ProjectionRunner(projections, long_log, [Verdicts(version=2)]).position("verdicts") == 0
    runner = ProjectionRunner(projections, long_log, [Verdicts(version=2, extra="note")])
    assert runner.position("verdicts") == 0
    runner.catch_up()
    assert stored_rows(runner) == expected(long_log, 152)
    with projections.reading() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("units")}
    assert columns == {"unit", "last", "score", "note"}


def test_a_gap_and_another_log_are_named(projections: Database, long_log: MemoryLog, author: Any, clock: Any) -> None:
    runner = ProjectionRunner(projections, long_log, [Verdicts()])
    runner.catch_up(upto=100)
    with pytest.raises(ProjectionGapError) as caught:
        ProjectionRunner(projections, SomeLog(long_log, 50), [Verdicts()]).catch_up()
    assert caught.value.facts == {"projection": "verdicts", "position": 100, "size": 50}
    other = MemoryLog(author.origin, author.log_key, clock, author.server_key)
    other.append([author.bind(), *(author.verdict(n) for n in range(150))])
    with pytest.raises(ProjectionForeignError):
        ProjectionRunner(projections, other, [Verdicts()]).catch_up()

    class Holey(SomeLog):
        def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
            return (record for record in super().records(start, stop) if record.index != 120)

    with pytest.raises(ProjectionGapError) as caught:
        ProjectionRunner(projections, Holey(long_log, 152), [Verdicts()]).catch_up()
    assert caught.value.facts["position"] == 120

    with pytest.raises(ProjectionUnknownError):
        runner.digest("nothing")


class Overtaken(SomeLog):
    """Whenever one runner reads the log, another one, on the same tables, gets ahead of it."""

    def __init__(self, log: MemoryLog, size: int, projections: Database) -> None:
        super().__init__(log, size)
        self.projections = projections
        self.overtaking = 0

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        if stop - start > 1 and self.overtaking < 5:
            self.overtaking += 1
            other = ProjectionRunner(self.projections, self.log, [Verdicts()])
            other.catch_up(4, upto=other.position("verdicts") + 6)
        return super().records(start, stop)


def test_two_runners_on_the_same_tables_share_the_work(projections: Database, long_log: MemoryLog) -> None:
    source = Overtaken(long_log, 152, projections)
    assert ProjectionRunner(projections, source, [Verdicts()]).catch_up(10) == 152
    assert source.overtaking == 5
    runner = ProjectionRunner(projections, long_log, [Verdicts()])
    assert stored_rows(runner) == expected(long_log, 152)


def test_two_runners_in_threads_end_with_the_same_rows(
    database_url: str, projections: Database, long_log: MemoryLog
) -> None:
    def follow(batch: int) -> int:
        with Database(database_url) as own:
            return ProjectionRunner(own, long_log, [Verdicts()]).catch_up(batch)

    ProjectionRunner(projections, long_log, [Verdicts()])
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(follow, (3, 4, 5))) == [152] * 3
    assert stored_rows(ProjectionRunner(projections, long_log, [Verdicts()])) == expected(long_log, 152)


class Moving(SomeLog):
    """A log that the plant's own runner follows while somebody else reads: twice, then it rests."""

    def __init__(self, log: MemoryLog, size: int, projections: Database, step: int) -> None:
        super().__init__(log, size)
        self.projections, self.step, self.moves, self.moving = projections, step, 0, False

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        if self.moving or stop - start == 1 or self.step == 0 or self.moves == 2:
            return super().records(start, stop)
        self.moving = True
        self.moves += 1
        self.size = min(self.size + self.step, self.log.size)
        ProjectionRunner(self.projections, SomeLog(self.log, self.size), [Verdicts()]).catch_up()
        self.moving = False
        return super().records(start, stop)


@pytest.mark.parametrize("step", [0, 3, 40])
def test_tables_are_verified_while_the_plant_moves_them(
    projections: Database, long_log: MemoryLog, tmp_path: Path, step: int
) -> None:
    source = Moving(long_log, 60, projections, step)
    runner = ProjectionRunner(projections, source, [Verdicts()])
    runner.catch_up()
    result = runner.verify("verdicts")
    assert (result.position, result.same) == (source.size, True)
    assert stored_rows(runner) == expected(long_log, source.size)
    assert list(tmp_path.glob("**/scratch*")) == []


@pytest.mark.parametrize("step", [0, 40])
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE counts SET n = n + 1",
        "DELETE FROM counts WHERE verdict = 'OK'",
        "INSERT INTO open_units VALUES ('nowhere', 1)",
        "UPDATE projection_positions SET position = position + 1000",
        "UPDATE projection_positions SET position = 20",
        "UPDATE projection_positions SET last_leaf = '00'",
    ],
)
def test_tables_that_differ_are_repaired_where_they_stand(
    projections: Database, long_log: MemoryLog, damage: str, step: int
) -> None:
    source = Moving(long_log, 60, projections, 0)
    runner = ProjectionRunner(projections, source, [Verdicts()])
    runner.catch_up()
    with projections.writing() as connection:
        connection.execute(text(damage))
    source.step = step if "position" not in damage else 0
    assert not runner.verify("verdicts").same
    position = runner.position("verdicts")
    assert stored_rows(runner) == expected(long_log, position)
    assert runner.catch_up() == source.size
    assert stored_rows(runner) == expected(long_log, source.size)
    assert runner.verify("verdicts").same


def test_a_snapshot_restores_the_tables(
    projections: Database, long_log: MemoryLog, tmp_path: Path, author: Any, clock: Any
) -> None:
    runner = ProjectionRunner(projections, long_log, [Verdicts()])
    runner.catch_up(upto=120)
    digest, path = runner.digest("verdicts"), tmp_path / "verdicts.snapshot"
    assert write_snapshot(runner, "verdicts", path) == 120
    with Database(f"sqlite:///{tmp_path}/new.sqlite") as empty:
        other = ProjectionRunner(empty, long_log, [Verdicts()])
        assert read_snapshot(other, "verdicts", path) == 120
        assert other.digest("verdicts") == digest
        other.catch_up()
        assert stored_rows(other) == expected(long_log, 152)
        stranger = MemoryLog(author.origin, author.log_key, clock, author.server_key)
        stranger.append([author.bind(), *(author.verdict(n) for n in range(150))])
        with pytest.raises(ProjectionForeignError):
            read_snapshot(ProjectionRunner(empty, stranger, [Verdicts()]), "verdicts", path)
        with pytest.raises(ProjectionGapError):
            read_snapshot(ProjectionRunner(empty, SomeLog(long_log, 50), [Verdicts()]), "verdicts", path)
        content = path.read_bytes()
        for damaged in (content[:-1], content[:40], b"", content[:200] + b"\0" + content[201:]):
            path.write_bytes(damaged)
            with pytest.raises(SnapshotDamagedError):
                read_snapshot(other, "verdicts", path)
        path.write_bytes(content)
        with pytest.raises(SnapshotDamagedError):
            read_snapshot(ProjectionRunner(empty, long_log, [Verdicts(version=9)]), "verdicts", path)
