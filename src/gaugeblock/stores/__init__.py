"""Satisfies the rooms' ports on SQLite, PostgreSQL and files: log, projections, blobs, jobs, users, keys."""
