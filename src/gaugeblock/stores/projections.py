"""Projections: tables that are nothing but the log read in order, and the runner that keeps them so.

A projection is a pure function of one record, ``changes(record)``. The runner applies it from where it stands to
the log's end and writes position and rows in one transaction, so that after any crash each record counts exactly
once. Whatever goes wrong with the tables, they can be built again from the log, byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, Text, delete, select, update
from sqlalchemy.schema import CreateTable

from gaugeblock.ledger.record import open_facets, parse
from gaugeblock.plant.record_types import Facet, read_facet
from gaugeblock.stores.changes import Add, Change, ChangeFaultError, ChangeFold, Put, Remove
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    ProjectionChangeError,
    ProjectionForeignError,
    ProjectionGapError,
    ProjectionRaceError,
    ProjectionUnknownError,
)
from gaugeblock.stores.log_records import StoredRecord

__all__ = [
    "Add",
    "Change",
    "OpenRecord",
    "Projection",
    "ProjectionRunner",
    "Put",
    "RecordSource",
    "Remove",
    "open_record",
]

BATCH = 1000

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
    """A record as a projection sees it. A facet that was withheld or erased is not in ``facets``."""

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
        version=payload.version,
        author=payload.author,
        identity=payload.identity,
        stated_at=payload.stated_at,
        observed_at=payload.observed_at,
        facets={name: read_facet(payload.record_type, payload.version, name, value) for name, value in values.items()},
    )


@dataclass(frozen=True, slots=True)
class _Position:
    version: int
    shape: str
    tables: tuple[str, ...]
    position: int
    last_leaf: str


class ProjectionRunner:
    """Keeps projections at the log's end.

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
    ProjectionRaceError
        Another runner works on the same tables.
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
        positions = [self._follow(projection, end, batch) for projection in self._projections.values()]
        return min(positions, default=end)

    def rebuild(self, name: str, batch: int = BATCH) -> int:
        """Empty the projection's tables and read the whole log again; safe to interrupt."""
        projection = self._named(name)
        with self._database.writing() as connection:
            self._reset(connection, projection)
        return self._follow(projection, self._source.size, batch)

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

    def _reset(self, connection: Connection, projection: Projection) -> None:
        named = projection_positions.c.name == projection.name
        connection.execute(update(projection_positions).where(named).values(position=0, last_leaf=""))
        for table in reversed(projection.metadata.sorted_tables):
            connection.execute(delete(table))

    def _follow(self, projection: Projection, end: int, batch: int) -> int:
        with self._database.reading() as connection:
            at = _stored(connection, projection.name)
        position = at.position
        if position > self._source.size:
            raise ProjectionGapError(projection=projection.name, position=position, size=self._source.size)
        if position > 0:
            self.check_leaf(projection.name, position, at.last_leaf)
        while position < end:
            position = self._apply(projection, position, min(position + batch, end))
        return position

    def check_leaf(self, name: str, position: int, last_leaf: str) -> None:
        """Whether the record before ``position`` is the one with this leaf hash.

        Raises
        ------
        ProjectionForeignError, ProjectionGapError
        """
        for record in self._source.records(position - 1, position):
            if record.leaf_hash.hex() != last_leaf:
                raise ProjectionForeignError(projection=name, position=position)
            return
        raise ProjectionGapError(projection=name, position=position, size=self._source.size)

    def _apply(self, projection: Projection, start: int, stop: int) -> int:
        fold = ChangeFold(projection.metadata.tables)
        expected, last_leaf = start, b""
        for record in self._source.records(start, stop):
            if record.index != expected:
                break
            try:
                fold.add(projection.changes(open_record(record)))
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
                raise ProjectionRaceError(projection=projection.name)
            fold.write(connection)
        return stop


def _stored(connection: Connection, name: str) -> _Position:
    row = connection.execute(select(projection_positions).where(projection_positions.c.name == name)).one()
    tables = tuple(msgspec.json.decode(row.tables, type=list[str]))
    return _Position(row.version, row.shape, tables, row.position, row.last_leaf)


def shape_of(metadata: MetaData) -> str:
    """Digest of the tables' definitions: a changed column is a changed shape, whatever the version says."""
    text = "\n".join(str(CreateTable(metadata.tables[name])) for name in sorted(metadata.tables))
    return hashlib.sha256(text.encode()).hexdigest()


def dump_rows(connection: Connection, table: Table) -> Iterator[list[Any]]:
    """The table's rows in primary-key order, the same on every database."""
    order = []
    for column in table.primary_key:
        # PostgreSQL orders text by locale unless told otherwise; SQLite by bytes.
        by_bytes = connection.dialect.name == "postgresql" and isinstance(column.type, String)
        order.append(column.collate("C") if by_bytes else column)
    result = connection.execution_options(yield_per=BATCH).execute(select(table).order_by(*order))
    for row in result:
        yield [bytes(value) if isinstance(value, memoryview) else value for value in row]


def dump_digest(connection: Connection, metadata: MetaData) -> str:
    """SHA-256 (hex) over all rows of all tables, tables by name and rows by primary key."""
    digest = hashlib.sha256()
    encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode
    for name in sorted(metadata.tables):
        table = metadata.tables[name]
        digest.update(encode([str(name), [str(column.name) for column in table.columns]]))
        for row in dump_rows(connection, table):
            digest.update(encode(row))
    return digest.hexdigest()
