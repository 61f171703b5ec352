"""The log's tables: records, disclosures apart from them, tiles as growing rows, checkpoints.

Bytes are stored as bytes and never re-serialised. ``checksum`` guards the two things that neither signature nor
tree covers, the row's place and its time of receipt, against accidents (not against a hostile owner).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()
Index = BigInteger().with_variant(Integer, "sqlite")

log_identity = Table(
    "log_identity",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("log_key", Text, nullable=False),
)

log_records = Table(
    "log_records",
    metadata,
    Column("idx", Index, primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("jws", LargeBinary, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    UniqueConstraint("author", "identity", name="log_records_identity"),
)

log_disclosures = Table(
    "log_disclosures",
    metadata,
    Column("idx", Index, primary_key=True, autoincrement=False),
    Column("disclosures", LargeBinary, nullable=False),
)

log_key_records = Table(
    "log_key_records",
    metadata,
    Column("idx", Index, primary_key=True, autoincrement=False),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Index, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("size", Index, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
)

log_cosignatures = Table(
    "log_cosignatures",
    metadata,
    Column("size", Index, primary_key=True, autoincrement=False),
    Column("witness", Text, primary_key=True),
    Column("line", LargeBinary, nullable=False),
    Column("received_at", Text, nullable=False),
)
"""Signature lines by which witnesses cosigned the checkpoint of that size; ``witness`` is the witness's vkey."""
