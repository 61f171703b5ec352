"""The exchange's own state, on SQLite and PostgreSQL; and what its database role may not do to the plant's tables."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from gaugeblock.exchange.contract_projection import ContractProjection
from gaugeblock.exchange.transfers_projection import TransfersProjection
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import LoginRefusedError, LoginThrottledError, StoreError, UserExistsError
from gaugeblock.stores.exchange_state import ExchangeState, RequestRow
from gaugeblock.stores.exchange_users import SESSION_IDLE_S, SESSION_MOST_S, CustomerUsers
from gaugeblock.stores.log import Log
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.projections import ProjectionRunner

from .conftest import ORIGIN, SteeredClock

PASSWORD = "correct horse battery"
ROLE = Path(__file__).parents[2] / "docs" / "examples" / "exchange-role.sql"


@pytest.fixture
def state(database_url: str, clock: SteeredClock) -> Iterator[ExchangeState]:
    with Database(database_url) as database:
        database.upgrade("exchange")
        yield ExchangeState(database, clock)


def row(number: int, **more: object) -> RequestRow:
    values = {
        "request": f"r{number}",
        "at": f"2026-11-22T05:00:{number:02d}.000000Z",
        "credential": "c",
        "method": "GET",
        "resource": f"/api/v1/orders/{number}",
        "status": 200,
    }
    return RequestRow(**(values | more))  # type: ignore[arg-type]


def test_no_epoch_is_used_twice(state: ExchangeState) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(state.begin_epoch())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 9))


def test_an_assertion_is_used_once_and_forgotten_when_it_has_expired(state: ExchangeState, clock: SteeredClock) -> None:
    until = "2026-11-22T05:10:00.000000Z"
    assert state.use_assertion("client-a", "1", until)
    assert not state.use_assertion("client-a", "1", until)
    assert state.use_assertion("client-b", "1", until)
    assert state.use_assertion("client-a", "2", until)
    clock.forward(601)
    assert state.use_assertion("client-a", "3", "2026-11-22T06:00:00.000000Z")
    with state.database.reading() as connection:
        kept = connection.execute(sqlalchemy.text("SELECT count(*) FROM exchange_assertions")).scalar()
    assert kept == 1


def test_a_repeated_request_gets_the_first_answer(state: ExchangeState, clock: SteeredClock) -> None:
    assert state.begin_idempotent("acme", "k", "aa") is None
    running = state.begin_idempotent("acme", "k", "aa")
    assert running is not None
    assert running.status is None
    assert state.begin_idempotent("beta", "k", "aa") is None
    state.finish_idempotent("acme", "k", 201, "application/json", b"{}")
    kept = state.begin_idempotent("acme", "k", "bb")
    assert kept is not None
    assert (kept.request_sha256, kept.status, kept.body) == ("aa", 201, b"{}")
    state.drop_idempotent("beta", "k")
    assert state.begin_idempotent("beta", "k", "cc") is None
    clock.forward(timedelta(hours=25).total_seconds())
    assert state.begin_idempotent("acme", "k", "dd") is None


def test_usage_never_goes_down(state: ExchangeState) -> None:
    state.keep_usage("2026-11-22", {"acme": 5}, {"acme": 1})
    state.keep_usage("2026-11-22", {"acme": 3}, {"acme": 1, "beta": 2})
    assert state.usage("2026-11-22") == {"acme": 5, "beta": 0}
    assert state.usage("2026-11-23") == {}


def test_the_log_of_requests_is_searched_newest_first(state: ExchangeState) -> None:
    state.keep_requests({"acme": [row(1), row(2, status=404, error="web.not_found")], "beta": [row(9)]})
    state.keep_requests({"acme": [row(3, method="POST"), row(4)]})
    names = [one.request for one in state.requests("acme")[0]]
    assert names == ["r4", "r3", "r2", "r1"]
    page, following = state.requests("acme", limit=3)
    assert [one.request for one in page] == ["r4", "r3", "r2"]
    assert [one.request for one in state.requests("acme", before=following)[0]] == ["r1"]
    assert [one.request for one in state.requests("acme", method="POST")[0]] == ["r3"]
    assert [one.request for one in state.requests("acme", status=4)[0]] == ["r2"]
    assert [one.request for one in state.requests("acme", text="orders/4")[0]] == ["r4"]
    assert [one.request for one in state.requests("acme", text="not_found")[0]] == ["r2"]
    since = "2026-11-22T05:00:02.000000Z"
    assert [one.request for one in state.requests("acme", since=since, until=row(4).at)[0]] == ["r3", "r2"]
    assert state.requests("gamma") == ([], None)


def test_the_log_of_requests_is_bounded(
    state: ExchangeState, clock: SteeredClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gaugeblock.stores.exchange_state.REQUEST_ROWS_PER_CUSTOMER", 2)
    for number in range(5):
        state.keep_requests({"acme": [row(number)]})
    state.keep_requests({"beta": [row(7)]})
    state.forget()
    assert [one.request for one in state.requests("acme")[0]] == ["r4", "r3"]
    assert len(state.requests("beta")[0]) == 1
    clock.forward(timedelta(days=31).total_seconds())
    state.forget()
    assert state.requests("acme")[0] == []


def test_people_of_customers(state: ExchangeState, clock: SteeredClock) -> None:
    users = CustomerUsers(state, clock)
    users.create("acme", "anna", PASSWORD)
    users.create("beta", "anna", PASSWORD + "2")
    with pytest.raises(UserExistsError):
        users.create("acme", "anna", PASSWORD)
    token = users.sign_in("acme", "anna", PASSWORD)
    found = users.signed_in(token)
    assert found is not None
    assert (found.customer, found.name) == ("acme", "anna")
    for customer, name, password in (("acme", "anna", "wrong"), ("beta", "anna", PASSWORD), ("gamma", "x", "y")):
        with pytest.raises(LoginRefusedError):
            users.sign_in(customer, name, password)
    clock.forward(SESSION_IDLE_S - 1)
    assert users.signed_in(token) is not None
    clock.forward(SESSION_IDLE_S + 1)
    assert users.signed_in(token) is None
    token = users.sign_in("acme", "anna", PASSWORD)
    for _ in range(4):
        clock.forward(SESSION_MOST_S / 4)
        alive = users.signed_in(token)
    assert alive is not None
    clock.forward(1)
    assert users.signed_in(token) is None
    token = users.sign_in("acme", "anna", PASSWORD)
    version = state.access_version()
    users.remove("acme", "anna")
    assert users.signed_in(token) is None
    assert state.access_version() > version
    assert [user.customer for user in users.list()] == ["beta"]


def test_guessing_is_slowed_down(state: ExchangeState, clock: SteeredClock) -> None:
    users = CustomerUsers(state, clock)
    users.create("acme", "anna", PASSWORD)
    for _ in range(5):
        with pytest.raises(LoginRefusedError):
            users.sign_in("acme", "anna", "wrong")
    with pytest.raises(LoginThrottledError):
        users.sign_in("acme", "anna", PASSWORD)
    clock.forward(1000)
    assert users.sign_in("acme", "anna", PASSWORD)


def test_the_exchanges_role_reads_log_and_projections_and_writes_its_own_state_alone(
    postgresql_url: str, clock: SteeredClock
) -> None:
    """By the statements that an administrator runs."""
    Log.create(postgresql_url, ORIGIN, SigningKey.generate(), clock, SigningKey.generate()).close()
    schema = postgresql_url.rsplit("%3D", 1)[1]
    role, password = f"exchange_{secrets.token_hex(4)}", secrets.token_hex(8)
    script = ROLE.read_text("utf-8").replace("gaugeblock_exchange", role).replace("choose-one", password)
    script = script.replace("SCHEMA public", f"SCHEMA {schema}")
    owner = Database(postgresql_url)
    ProjectionRunner(owner, LogReader(owner), [ContractProjection(), TransfersProjection()]).catch_up()
    for family in ("state", "exchange"):
        owner.upgrade(family)  # type: ignore[arg-type]
    with owner.writing() as connection:
        connection.exec_driver_sql(script)
    url = make_url(postgresql_url).set(username=role, password=password).render_as_string(hide_password=False)
    try:
        with Database(url) as limited:
            assert LogReader(limited).size == 1
            state = ExchangeState(limited, clock)
            assert state.begin_epoch() == 1
            state.keep_requests({"acme": [row(1)]})
            assert len(state.requests("acme")[0]) == 1
            assert CustomerUsers(state, clock).list() == []
            for statement in (
                "INSERT INTO log_checkpoints (size, note) VALUES (99, '')",
                "UPDATE log_records SET jws = ''",
                "DELETE FROM log_records",
                "TRUNCATE log_records",
                "DROP TABLE log_records",
                "INSERT INTO exchange_transfers (record_index) VALUES (1)",
                "DELETE FROM exchange_contract_steps",
                "UPDATE projection_positions SET position = 0",
                "SELECT * FROM users",
                "CREATE TABLE mine (a int)",
            ):
                with pytest.raises(StoreError) as refused, limited.writing() as connection:
                    connection.execute(sqlalchemy.text(statement))
                assert any(word in str(refused.value.facts["detail"]) for word in ("permission", "owner"))
    finally:
        with owner.writing() as connection:
            connection.execute(sqlalchemy.text(f"DROP OWNED BY {role}"))
            connection.execute(sqlalchemy.text(f"DROP ROLE {role}"))
        owner.close()
