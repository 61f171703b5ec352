"""Writes a batch's new leaves: rows as tuples straight to the driver, for the busiest statements of the plant."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from gaugeblock.ledger.tiles import Tile
from gaugeblock.stores.log_batch import NewLeaf
from gaugeblock.stores.log_records import pack_disclosures, row_checksum
from gaugeblock.stores.log_tables import log_disclosures, log_key_records, log_records, log_tiles


def insert_leaves(
    connection: Connection, leaves: Sequence[NewLeaf], tiles: Sequence[tuple[Tile, bytes]], received_at: str
) -> None:
    """Records, their disclosures and the tiles they change, in the connection's transaction."""
    _insert(
        connection,
        log_records,
        [
            (
                leaf.index,
                leaf.admitted.author,
                leaf.admitted.identity,
                leaf.submission.jws,
                received_at,
                row_checksum(leaf.index, leaf.admitted.leaf_hash, received_at),
            )
            for leaf in leaves
        ],
    )
    _insert(
        connection,
        log_disclosures,
        [(leaf.index, pack_disclosures(leaf.submission.disclosures)) for leaf in leaves],
    )
    if keys := [(leaf.index,) for leaf in leaves if leaf.admitted.key_record is not None]:
        _insert(connection, log_key_records, keys)
    _insert(
        connection,
        log_tiles,
        [(tile.level, tile.index, hashes) for tile, hashes in tiles],
        " ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
    )


def _insert(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]], conflict: str = "") -> None:
    # Compiled statements would cost as much again for every row as the database takes for it.
    placeholder = "?" if connection.dialect.name == "sqlite" else "%s"
    columns = ", ".join(column.name for column in table.columns)
    values = ", ".join([placeholder] * len(table.columns))
    statement = f"INSERT INTO {table.name} ({columns}) VALUES ({values}){conflict}"  # noqa: S608 - own names
    connection.exec_driver_sql(statement, list(rows))
