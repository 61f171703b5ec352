"""The log's first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "log_0001"
down_revision = None
branch_labels = None
depends_on = None

_INDEX = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the log's tables."""
    op.create_table(
        "log_identity",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("log_key", sa.Text, nullable=False),
    )
    op.create_table(
        "log_records",
        sa.Column("idx", _INDEX, primary_key=True, autoincrement=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("jws", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.Text, nullable=False),
        sa.Column("checksum", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("author", "identity", name="log_records_identity"),
    )
    op.create_table(
        "log_disclosures",
        sa.Column("idx", _INDEX, primary_key=True, autoincrement=False),
        sa.Column("disclosures", sa.LargeBinary, nullable=False),
    )
    op.create_table("log_key_records", sa.Column("idx", _INDEX, primary_key=True, autoincrement=False))
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", _INDEX, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("size", _INDEX, primary_key=True, autoincrement=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
    )
