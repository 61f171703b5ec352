"""The same views over PostgreSQL, where there is one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
import sqlalchemy

from gaugeblock.plant.facet import Verdict
from tests.exchange.exchange_plant import LOTS, ORDERS, VERDICTS, ExchangePlant

POSTGRESQL = os.environ.get("GAUGEBLOCK_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1/test")


@pytest.fixture
def plant() -> Iterator[ExchangePlant]:
    schema = f"gb_{secrets.token_hex(6)}"
    try:
        engine = sqlalchemy.create_engine(POSTGRESQL, connect_args={"connect_timeout": 2})
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f'CREATE SCHEMA "{schema}"'))
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: {str(error)[:80]}")
    made = ExchangePlant(f"{POSTGRESQL}?options=-csearch_path%3D{schema}")
    yield made
    made.close()
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f'DROP SCHEMA "{schema}" CASCADE'))
    engine.dispose()


def test_orders_lots_and_verdicts(plant: ExchangePlant) -> None:
    plant.order("A1", "acme")
    plant.order("B1", "beta")
    plant.contract(ORDERS, LOTS, VERDICTS)
    plant.lot("L1", "A1", ("U1",))
    mine, theirs = plant.inspect("A1", "U1", Verdict.NOK), plant.inspect("B1", "U2")
    by_unit = plant.inspect(None, "U1")
    view = plant.view()
    assert [found.record_index for found in view.inspections().items] == [by_unit, mine]
    assert view.inspection(theirs) is None
    assert view.lot("L1").units == ("U1",)  # type: ignore[union-attr]
    assert plant.fresh_view().version == view.version
    plant.order("A1", "beta")
    assert plant.view().records().items == ()
