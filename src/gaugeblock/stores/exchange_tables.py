"""The tables of the exchange's own state: who may call, what was answered, what is to be sent.

What left the plant is not here: that is in the log. Losing these tables loses credentials, not history.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

exchange_counters = Table(
    "exchange_counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""``epoch``: starts of the exchange. ``access``: goes up with every change of credentials and users."""

exchange_credentials = Table(
    "exchange_credentials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("secret_sha256", Text),
    Column("jwk", Text),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("revoked_at", Text),
    Column("replaced_by", Text),
    Index("exchange_credentials_customer", "customer"),
)

exchange_assertions = Table(
    "exchange_assertions",
    metadata,
    Column("client", Text, primary_key=True),
    Column("jti_sha256", Text, primary_key=True),
    Column("expires_at", Text, nullable=False),
    Index("exchange_assertions_expiry", "expires_at"),
)
"""Client assertions that were used: none is taken twice (RFC 7523, 3)."""

exchange_idempotency = Table(
    "exchange_idempotency",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_sha256", Text, nullable=False),
    Column("status", Integer),
    Column("media_type", Text),
    Column("body", LargeBinary),
    Column("at", Text, nullable=False),
    Index("exchange_idempotency_at", "at"),
)

exchange_requests = Table(
    "exchange_requests",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("customer", Text, nullable=False),
    Column("first_at", Text, nullable=False),
    Column("last_at", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("entries", LargeBinary, nullable=False),
    Index("exchange_requests_customer", "customer", "id"),
    Index("exchange_requests_last_at", "last_at"),
)
"""Some requests a row: the log of requests is written in batches and read newest first."""

exchange_usage = Table(
    "exchange_usage",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("answers", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)

exchange_users = Table(
    "exchange_users",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

exchange_sessions = Table(
    "exchange_sessions",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("last_seen_at", Text, nullable=False),
    Index("exchange_sessions_user", "customer", "name"),
)

exchange_sign_in_failures = Table(
    "exchange_sign_in_failures",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Text, nullable=False),
)
