"""A projection's tables as one file, so that a new machine need not read the whole log again.

The file is msgpack: a header, blocks of rows, and at its end the SHA-256 of all before. It says from which record
on to continue, and the leaf hash of the last record it holds: restored onto another log it is refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
from sqlalchemy import delete, select, update

from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import ProjectionGapError, SnapshotDamagedError
from gaugeblock.stores.files import TEMPORARY_PREFIX, named_os_error, sync_directory
from gaugeblock.stores.projections import Projection, ProjectionRunner, projection_positions
from gaugeblock.stores.table_dump import BLOCK_ROWS, dump_rows, shape_of

SNAPSHOT_MAGIC = b"gaugeblock-snapshot-1\n"
_FRAME_MOST_BYTES = 256 * 1024 * 1024
_SHA256_BYTES = 32
_T = TypeVar("_T")


class _Header(msgspec.Struct, frozen=True):
    name: str
    version: int
    shape: str
    position: int
    last_leaf: str


class _Block(msgspec.Struct, frozen=True):
    table: str
    rows: list[list[Any]]


def write_snapshot(runner: ProjectionRunner, name: str, path: Path) -> int:
    """Write the projection's tables to ``path``, whole or not at all; the position that the file holds.

    Raises
    ------
    ProjectionUnknownError, StoreFullError, StoreUnavailableError
    """
    projection = runner.projection(name)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{path.name}"
    try:
        with temporary.open("wb") as file:
            position = _write(runner.database, projection, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise named_os_error(error, path) from error
    return position


def _write(database: Database, projection: Projection, file: BinaryIO) -> int:
    digest = hashlib.sha256()

    def put(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    def frame(value: object) -> None:
        data = msgspec.msgpack.encode(value)
        put(len(data).to_bytes(4, "big") + data)

    put(SNAPSHOT_MAGIC)
    with database.reading() as connection:
        row = connection.execute(
            select(projection_positions).where(projection_positions.c.name == projection.name)
        ).one()
        frame(_Header(projection.name, projection.version, shape_of(projection.metadata), row.position, row.last_leaf))
        for table_name in sorted(projection.metadata.tables):
            block: list[list[Any]] = []
            for values in dump_rows(connection, projection.metadata.tables[table_name]):
                block.append(values)
                if len(block) == BLOCK_ROWS:
                    frame(_Block(str(table_name), block))
                    block = []
            if block:
                frame(_Block(str(table_name), block))
    frame(None)
    file.write(digest.digest())
    return int(row.position)


def read_snapshot(runner: ProjectionRunner, name: str, path: Path) -> int:
    """Replace the projection's tables with the file's in one transaction; the position they then stand at.

    Raises
    ------
    SnapshotDamagedError
        The file is cut off, altered, of another projection, version or shape.
    ProjectionForeignError, ProjectionGapError
        The file was made from another log, or a longer one.
    """
    projection = runner.projection(name)
    try:
        with path.open("rb") as file:
            _verify(file, path)
            file.seek(len(SNAPSHOT_MAGIC))
            frames = _frames(file, path)
            header = _convert(next(frames), _Header, path)
            shape = shape_of(projection.metadata)
            if (header.name, header.version, header.shape) != (projection.name, projection.version, shape):
                raise SnapshotDamagedError(path=str(path), detail="of another projection or version")
            if header.position > 0:
                runner.check_leaf(projection.name, header.position, header.last_leaf)
            _restore(runner.database, projection, header, frames, path)
    except OSError as error:
        raise named_os_error(error, path) from error
    return header.position


def _restore(database: Database, projection: Projection, header: _Header, frames: Iterator[bytes], path: Path) -> None:
    tables = projection.metadata.tables
    with database.writing() as connection:
        named = projection_positions.c.name == projection.name
        values = {"position": header.position, "last_leaf": header.last_leaf}
        if connection.execute(update(projection_positions).where(named).values(values)).rowcount != 1:
            raise ProjectionGapError(projection=projection.name, position=0, size=0)
        for table in reversed(projection.metadata.sorted_tables):
            connection.execute(delete(table))
        for data in frames:
            block = _convert(data, _Block, path)
            table = tables[block.table]
            names = [column.name for column in table.columns]
            connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in block.rows])


def _verify(file: BinaryIO, path: Path) -> None:
    end = file.seek(0, 2) - _SHA256_BYTES
    file.seek(0)
    if end < len(SNAPSHOT_MAGIC) or file.read(len(SNAPSHOT_MAGIC)) != SNAPSHOT_MAGIC:
        raise SnapshotDamagedError(path=str(path), detail="not a snapshot")
    digest, left = hashlib.sha256(SNAPSHOT_MAGIC), end - len(SNAPSHOT_MAGIC)
    while left > 0:
        data = file.read(min(left, 1024 * 1024))
        if not data:
            break
        digest.update(data)
        left -= len(data)
    if file.read(_SHA256_BYTES) != digest.digest():
        raise SnapshotDamagedError(path=str(path), detail="its digest does not fit")


def _frames(file: BinaryIO, path: Path) -> Iterator[bytes]:
    while True:
        size = int.from_bytes(file.read(4), "big")
        if size > _FRAME_MOST_BYTES:
            raise SnapshotDamagedError(path=str(path), detail="a block beyond its bound")
        data = file.read(size)
        if data == b"\xc0":  # msgpack nil: the end
            return
        yield data


def _convert(data: bytes, kind: type[_T], path: Path) -> _T:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise SnapshotDamagedError(path=str(path), detail=str(error)) from error
