"""The tables of state that is not projected from the log: jobs, schedules, users, sessions, failed logins."""

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
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("submitted_at", Text, nullable=False),
    Column("due_at", Text, nullable=False),
    Column("started_at", Text),
    Column("finished_at", Text),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("timeout_s", Float, nullable=False),
    Column("runner", Text),
    Column("lease_until", Text),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("stage", Text),
    Column("cancel_requested", Boolean, nullable=False),
    Column("result", Text),
    Column("error_code", Text),
    Column("error_facts", Text),
    Column("saved_state", LargeBinary),
    Index("jobs_state_due", "state", "due_at"),
)

job_schedules = Table(
    "job_schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("every_s", Float, nullable=False),
    Column("next_at", Text, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("timeout_s", Float, nullable=False),
    Column("last_job", Text),
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("password_changed_at", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("name", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Text, nullable=False),
    Column("last_seen_at", Text, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Text, nullable=False),
    Index("login_failures_last_at", "last_at"),
)
