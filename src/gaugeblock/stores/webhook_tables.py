"""Tables of the exchange's own state for webhooks: where news is sent, and what was sent."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from gaugeblock.stores.exchange_tables import metadata

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("event_types", Text, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_because", Text),
    Column("created_at", Text, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),
    Column("old_secret_until_s", Float),
    Column("failing_since_s", Float),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("event_type", Text, nullable=False),
    Column("record_index", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_s", Float),
    Column("attempts", Integer, nullable=False),
    Column("history", Text, nullable=False),
    Index("webhook_deliveries_due", "state", "due_s"),
    Index("webhook_deliveries_endpoint", "endpoint", "created_at"),
)
