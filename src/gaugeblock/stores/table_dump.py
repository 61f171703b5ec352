"""Tables as rows in a fixed order: their digest, their copy, and the digest of their definitions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, MetaData, String, Table, select
from sqlalchemy.schema import CreateTable

BLOCK_ROWS = 1000


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
    result = connection.execution_options(yield_per=BLOCK_ROWS).execute(select(table).order_by(*order))
    for row in result:
        yield [bytes(value) if isinstance(value, memoryview) else value for value in row]


def copy_rows(origin: Connection, target: Connection, table: Table) -> None:
    """Put the table's rows of one database into the same, empty table of another."""
    names = [column.name for column in table.columns]
    rows = dump_rows(origin, table)
    while block := list(islice(rows, BLOCK_ROWS)):
        target.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in block])


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
