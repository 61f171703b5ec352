"""Engines, durability settings, schema versions, and the words for every error."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.stores import errors, log_tables, projections, state_tables, webhook_tables
from gaugeblock.stores.database import HEADS, Database, Family, version_table
from gaugeblock.stores.errors import StoreMissingError, StoreNewerError, StoreUnavailableError, StoreUrlError
from gaugeblock.stores.migrations import config_of

METADATA = {
    "log": log_tables.metadata,
    "projections": projections.positions_metadata,
    "state": state_tables.metadata,
    "exchange": webhook_tables.metadata,  # with those of exchange_tables
}


@pytest.mark.parametrize("family", get_args(Family))
def test_the_migrations_make_the_tables_that_the_code_uses(database_url: str, family: Family) -> None:
    with Database(database_url) as database:
        assert database.version(family) is None
        with pytest.raises(StoreMissingError):
            database.require(family)
        database.upgrade(family)
        database.upgrade(family)
        database.require(family)
        with database.reading() as connection:
            tables = set(METADATA[family].tables)
            options = {
                "version_table": version_table(family),
                "include_name": lambda name, kind, _: kind != "table" or name in tables,
                "compare_type": True,
            }
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, METADATA[family]) == []


@pytest.mark.parametrize("family", get_args(Family))
def test_the_head_in_the_code_is_the_migrations_head(family: Family) -> None:
    assert ScriptDirectory.from_config(config_of(family)).get_heads() == [HEADS[family]]


def test_a_newer_schema_is_not_touched(database_url: str) -> None:
    with Database(database_url) as database:
        database.upgrade("state")
        with database.writing() as connection:
            connection.execute(text("UPDATE state_schema SET version_num = 'state_9999'"))
        for act in (database.upgrade, database.require):
            with pytest.raises(StoreNewerError):
                act("state")
        assert database.version("state") == "state_9999"


def test_sqlite_is_durable_at_every_commit(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/a.sqlite") as database, database.reading() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


def test_a_failed_transaction_leaves_nothing(database_url: str) -> None:
    with Database(database_url) as database:

        def half_way() -> None:
            with database.writing() as connection:
                connection.execute(text("CREATE TABLE half (a INTEGER)"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half_way()
        with pytest.raises(StoreMissingError), database.reading() as connection:
            connection.execute(text("SELECT * FROM half"))


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a/b", "sqlite://", "sqlite:///:memory:", "postgresql://a/b"])
def test_other_urls_are_named(url: str) -> None:
    with pytest.raises(StoreUrlError):
        Database(url)


def test_a_password_is_never_in_a_message() -> None:
    database = Database("postgresql+psycopg://someone:secret@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailableError) as caught:
        database.version("log")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg//someone:secret@127.0.0.1/none",
        "postgresql+psycopg://someone:secret@127.0.0.1:port/none",
        "someone:secret@127.0.0.1/none",
        "mysql://someone:more@secret@127.0.0.1/none",
        "postgresql://someone@127.0.0.1/none?password=secret",
    ],
)
def test_a_url_that_is_refused_is_not_quoted(url: str) -> None:
    with pytest.raises(StoreUrlError) as caught:
        Database(url)
    assert "secret" not in str(caught.value)
    assert "secret" not in caught.value.text("zh") + caught.value.remedy("zh")


def test_a_password_among_the_parameters_is_in_no_name() -> None:
    assert "secret" not in Database("postgresql+psycopg://a@127.0.0.1:1/none?password=secret").name


def test_every_error_has_words_in_both_languages() -> None:
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if error.__module__ == errors.__name__ and "code" in vars(error):
            name = error.code.split(".", 1)[1]
            for language in LANGUAGES:
                for part in ("text", "remedy"):
                    assert catalogue(language)[f"stores.error.{name}.{part}"]
