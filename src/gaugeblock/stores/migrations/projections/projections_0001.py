"""The first schema of the projections' positions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projections_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of positions."""
    op.create_table(
        "projection_positions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("tables", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("last_leaf", sa.Text, nullable=False),
    )
