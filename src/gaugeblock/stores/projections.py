"""Projections: tables that are nothing but the log read in order, and the runner that keeps them so.

A projection is a pure function of one record, ``changes(record)``. The runner applies it from where it stands to
the log's end and writes position and rows in one transaction, so that after any crash each record counts exactly
once. Whatever goes wrong with the tables, they can be built again from the log, byte for byte.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, delete, select, update

from gaugeblock.ledger.record import open_facets, parse
from gaugeblock.plant.record_types import LATEST, Facet, read_facet, upcast
from gaugeblock.stores.changes import Add, Change, ChangeFaultError, ChangeFold, Put, Remove
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    ProjectionChangeError,
    ProjectionForeignError,
    ProjectionGapError,
    ProjectionUnknownError,
)
from gaugeblock.stores.log_records import StoredRecord
from gaugeblock.stores.table_dump import copy_rows, dump_digest, shape_of

__all__ = [
    "Add",
    "Change",
    "OpenRecord",
    "Projection",
    "ProjectionRunner",
    "Put",
    "Rebuilt",
    "RecordSource",
    "Remove",
    "open_record",
]

BATCH = 1000
READ_KEPT = 256

positions_metadata = MetaData()
projection_positions = Table(
    "projection_positions",
    positions_metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("shape", Text, nullable=False),
    Column("tables", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("last_leaf", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A record as a projection sees it: in its type's newest version, whichever it was stated in.

    A facet that was withheld or erased is not in ``facets``.
    """

    index: int
    record_type: str
    version: int
    author: str
    identity: str
    stated_at: str
    observed_at: str
    facets: Mapping[str, Facet]


class Projection(Protocol):
    """Tables read from the log. Pure: what ``changes`` gives depends on the record alone.

    ``version`` goes up whenever ``changes`` or the tables mean something else; the runner then builds them anew.
    The tables' names are the projection's own; rows do not depend on each other (no foreign or unique keys
    beside the primary key).
    """

    @property
    def name(self) -> str:
        """Unique among the projections of a database."""
        ...

    @property
    def version(self) -> int:
        """Of meaning and tables."""
        ...

    @property
    def metadata(self) -> MetaData:
        """The tables."""
        ...

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """What this record changes."""
        ...


class RecordSource(Protocol):
    """Where projections read from: the log's reader or its in-memory twin."""

    @property
    def size(self) -> int:
        """How many records there are."""
        ...

    def records(self, start: int, stop: int) -> Iterator[StoredRecord]:
        """Records ``start`` up to, not including, ``stop``."""
        ...


def open_record(stored: StoredRecord) -> OpenRecord:
    """Read a stored record's payload and facets; digests are checked, the signature was at admission.

    Raises
    ------
    RecordFormError, DisclosureError, UnknownRecordTypeError, FacetShapeError
    """
    payload = parse(stored.jws)
    values = open_facets(payload, stored.disclosures)
    return OpenRecord(
        index=stored.index,
        record_type=payload.record_type,
        version=LATEST[payload.record_type],
        author=payload.author,
        identity=payload.identity,
        stated_at=payload.stated_at,
        observed_at=payload.observed_at,
        facets={
            name: upcast(payload.record_type, name, read_facet(payload.record_type, payload.version, name, value))
            for name, value in values.items()
        },
    )


@dataclass(frozen=True, slots=True)
class _Position:
    version: int
    shape: str
    tables: tuple[str, ...]
    position: int
    last_leaf: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a projection's tables were at ``position``: the ``same`` as built anew from the log, or not."""

    position: int
    same: bool


class _LastRead:
    """Reads records, and keeps the last few that were read: one projection after the other asks for the same."""

    def __init__(self, source: RecordSource) -> None:
        self._source = source
        self._range = (0, 0)
        self._kept: list[tuple[StoredRecord, OpenRecord]] = []
        self._leaf: tuple[int, str] | None = None

    def records(self, start: int, stop: int) -> Iterator[tuple[StoredRecord, OpenRecord]]:
        if self._range == (start, stop):
            yield from self._kept
        elif stop - start > READ_KEPT:
            for stored in self._source.records(start, stop):
                yield stored, open_record(stored)
        else:
            self._kept = [(stored, open_record(stored)) for stored in self._source.records(start, stop)]
            self._range = (start, stop)
            yield from self._kept

    def leaf(self, index: int) -> str | None:
        """The leaf hash (hex) of a record, None where there is none; the last one asked for is kept."""
        if self._leaf is None or self._leaf[0] != index:
            for stored in self._source.records(index, index + 1):
                self._leaf = index, stored.leaf_hash.hex()
                return self._leaf[1]
            return None
        return self._leaf[1]


class ProjectionRunner:
    """Keeps projections at the log's end.

    Several runners may work on the same tables, also from several processes: each record counts once, whoever
    applies it.

    Parameters
    ----------
    database
        Where the projections' tables are; upgraded here when needed.
    source
        The log.
    projections
        Names and tables must differ.

    Raises
    ------
    ProjectionGapError
        A projection stands beyond the log (an older log was put back), or records are missing.
    ProjectionForeignError
        The record that a projection applied last is another one in this log.
    ProjectionChangeError
        A projection's change does not fit its tables.
    """

    def __init__(self, database: Database, source: RecordSource, projections: Sequence[Projection]) -> None:
        self._database = database
        self._source = source
        self._projections = {projection.name: projection for projection in projections}
        tables = [table for projection in projections for table in projection.metadata.tables]
        if len(self._projections) != len(projections) or len(set(tables)) != len(tables):
            raise ValueError("two projections share a name or a table")
        database.upgrade("projections")
        for projection in projections:
            self._prepare(projection)

    def position(self, name: str) -> int:
        """The index of the next record that the projection will read."""
        with self._database.reading() as connection:
            return _stored(connection, self._named(name).name).position

    def catch_up(self, batch: int = BATCH, *, upto: int | None = None) -> int:
        """Bring every projection to the log's end (or to ``upto``); the lowest position then."""
        end = self._source.size if upto is None else min(upto, self._source.size)
        last = _LastRead(self._source)
        positions = [self._follow(projection, end, batch, last) for projection in self._projections.values()]
        return min(positions, default=end)

    def rebuild(self, name: str, batch: int = BATCH, *, upto: int | None = None) -> int:
        """Empty the projection's tables and read the log again, to its end or to ``upto``; safe to interrupt.

        Readers see the tables grow; :meth:`verify` builds them beside those that are in use.
        """
        projection = self._named(name)
        with self._database.writing() as connection:
            self._reset(connection, projection)
        end = self._source.size if upto is None else min(upto, self._source.size)
        return self._follow(projection, end, batch)

    def verify(self, name: str) -> Rebuilt:
        """Build the tables anew in scratch tables, compare, and replace those in use where they differ.

        Safe beside a running plant. Another runner may move the tables all the while: they are compared at the
        position at which one read transaction finds them, and replaced in one write transaction at the position
        where that one finds them. Also tables that stand beyond the log, or come from another log, are repaired.

        Raises
        ------
        ProjectionUnknownError, ProjectionGapError, ProjectionChangeError, StoreFullError
        """
        projection = self._named(name)
        path = self._database.path
        # Beside the tables in use: there is the room for as much again.
        folder = None if path is None else path.parent
        with (
            tempfile.TemporaryDirectory(prefix="scratch-", dir=folder) as scratch_folder,
            Database(f"sqlite:///{Path(scratch_folder).absolute()}/scratch.sqlite") as scratch,
        ):
            built = ProjectionRunner(scratch, self._source, [projection])
            built._stand_at(projection, self.position(name))
            with self._database.reading() as connection:
                live = _stored(connection, name)
                digest = dump_digest(connection, projection.metadata)
            at = built._stand_at(projection, live.position)
            if (live.position, live.last_leaf, digest) == (at.position, at.last_leaf, built.digest(name)):
                return Rebuilt(live.position, same=True)
            with self._database.writing() as connection:
                live = _stored(connection, name, lock=True)
                at = built._stand_at(projection, live.position)
                self._reset(connection, projection, at)
                with scratch.reading() as origin:
                    for table in projection.metadata.sorted_tables:
                        copy_rows(origin, connection, table)
            return Rebuilt(at.position, same=False)

    def digest(self, name: str) -> str:
        """SHA-256 (hex) over the canonical dump of the projection's tables: equal tables, equal digest."""
        with self._database.reading() as connection:
            return dump_digest(connection, self._named(name).metadata)

    def projection(self, name: str) -> Projection:
        """The projection of this name.

        Raises
        ------
        ProjectionUnknownError
        """
        return self._named(name)

    @property
    def database(self) -> Database:
        """Where the tables are."""
        return self._database

    def _named(self, name: str) -> Projection:
        projection = self._projections.get(name)
        if projection is None:
            raise ProjectionUnknownError(projection=name[:64])
        return projection

    def _prepare(self, projection: Projection) -> None:
        shape = shape_of(projection.metadata)
        with self._database.writing() as connection:
            query = select(projection_positions).where(projection_positions.c.name == projection.name)
            row = connection.execute(query).first()
            if row is not None and (row.version, row.shape) == (projection.version, shape):
                return
            if row is not None:
                # The tables of the version before, by their stored names: this release may not know them.
                for table in msgspec.json.decode(row.tables, type=list[str]):
                    Table(table, MetaData()).drop(connection, checkfirst=True)
                connection.execute(delete(projection_positions).where(projection_positions.c.name == projection.name))
            projection.metadata.create_all(connection)
            values = {
                "name": projection.name,
                "version": projection.version,
                "shape": shape,
                "tables": msgspec.json.encode(sorted(projection.metadata.tables)).decode(),
                "position": 0,
                "last_leaf": "",
            }
            connection.execute(projection_positions.insert(), values)

    def _reset(self, connection: Connection, projection: Projection, at: _Position | None = None) -> None:
        named = projection_positions.c.name == projection.name
        values = {"position": at.position, "last_leaf": at.last_leaf} if at else {"position": 0, "last_leaf": ""}
        connection.execute(update(projection_positions).where(named).values(values))
        for table in reversed(projection.metadata.sorted_tables):
            connection.execute(delete(table))

    def _follow(self, projection: Projection, end: int, batch: int, last: _LastRead | None = None) -> int:
        last = last or _LastRead(self._source)
        position = self._where(projection, last)
        while position < end:
            stop = min(position + batch, end)
            # Where another runner was first, its position is the one to go on from.
            position = stop if self._apply(projection, position, stop, last) else self._where(projection, last)
        return position

    def _where(self, projection: Projection, last: _LastRead) -> int:
        with self._database.reading() as connection:
            at = _stored(connection, projection.name)
        if at.position > self._source.size:
            raise ProjectionGapError(projection=projection.name, position=at.position, size=self._source.size)
        if at.position > 0:
            _check_leaf(projection.name, at.position, at.last_leaf, last.leaf(at.position - 1), self._source.size)
        return at.position

    def _stand_at(self, projection: Projection, position: int) -> _Position:
        # For scratch tables, which nobody else moves.
        end = min(position, self._source.size)
        if self.position(projection.name) > end:
            self.rebuild(projection.name, upto=end)
        else:
            self._follow(projection, end, BATCH)
        with self._database.reading() as connection:
            return _stored(connection, projection.name)

    def check_leaf(self, name: str, position: int, last_leaf: str) -> None:
        """Whether the record before ``position`` is the one with this leaf hash.

        Raises
        ------
        ProjectionForeignError, ProjectionGapError
        """
        found = _LastRead(self._source).leaf(position - 1)
        _check_leaf(name, position, last_leaf, found, self._source.size)

    def _apply(self, projection: Projection, start: int, stop: int, last: _LastRead) -> bool:
        fold = ChangeFold(projection.metadata.tables)
        expected, last_leaf = start, b""
        for record, opened in last.records(start, stop):
            if record.index != expected:
                break
            try:
                fold.add(projection.changes(opened))
            except ChangeFaultError as fault:
                raise ProjectionChangeError(
                    projection=projection.name, index=record.index, detail=str(fault)
                ) from fault
            last_leaf = record.leaf_hash
            expected += 1
        if expected != stop:
            raise ProjectionGapError(projection=projection.name, position=expected, size=self._source.size)
        with self._database.writing() as connection:
            here = (projection_positions.c.name == projection.name) & (projection_positions.c.position == start)
            moved = update(projection_positions).where(here).values(position=stop, last_leaf=last_leaf.hex())
            # First, so that a second runner on the same tables waits here and then finds the position moved.
            if connection.execute(moved).rowcount != 1:
                return False
            fold.write(connection)
        return True


def _check_leaf(name: str, position: int, expected: str, found: str | None, size: int) -> None:
    if found is None:
        raise ProjectionGapError(projection=name, position=position, size=size)
    if found != expected:
        raise ProjectionForeignError(projection=name, position=position)


def _stored(connection: Connection, name: str, *, lock: bool = False) -> _Position:
    query = select(projection_positions).where(projection_positions.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one()
    tables = tuple(msgspec.json.decode(row.tables, type=list[str]))
    return _Position(row.version, row.shape, tables, row.position, row.last_leaf)
