"""What the store tests share: a steerable clock, an author, logs of every kind, PostgreSQL if there is one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.stores.log import Log, Submission
from gaugeblock.stores.memory import MemoryLog

POSTGRESQL = os.environ.get("GAUGEBLOCK_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1/test")
ORIGIN = "plant.example/log"
LOG_KEY, SERVER_KEY, STATION_KEY, OTHER_KEY = (SigningKey.from_seed(bytes([n]) * 32) for n in range(1, 5))
STATION = "station:L1-ST10"


class SteeredClock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return int(self.moment.timestamp() * 1e9)

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Author:
    """Makes the records that the tests append."""

    origin = ORIGIN
    log_key, server_key, station_key, other_key = LOG_KEY, SERVER_KEY, STATION_KEY, OTHER_KEY
    station = STATION
    stated_at = "2026-11-22T05:00:00.000000Z"

    def bind(self, entity: str = STATION, key: SigningKey = STATION_KEY, signer: SigningKey = SERVER_KEY) -> Submission:
        draft = binding(
            "server:plant",
            entity,
            key.public,
            log=ORIGIN,
            stated_at=self.stated_at,
            clock=ClockState("local", None),
        )
        signed = sign_record(draft, signer, os.urandom)
        return Submission(signed.jws, signed.disclosures)

    def verdict(
        self,
        number: int,
        *,
        verdict: str = "OK",
        key: SigningKey = STATION_KEY,
        entity: str = STATION,
        identity: str | None = None,
        origin: str = ORIGIN,
        score: float = 0.5,
    ) -> Submission:
        facets: dict[str, Any] = {
            "subject": {"station": "L1-ST10", "unit": f"U{number}"},
            "statement": {"verdict": verdict},
            "measurement": {"score": score, "threshold": 1.0},
            "process": {
                "boot_epoch": 1,
                "sequence": number,
                "trigger": number,
                "deadline_ms": 300.0,
                "latency_ms": 30.0,
            },
            "inputs": {"image_sha256": f"{number:064x}"},
        }
        identity = identity if identity is not None else f"1/{number}"
        clock = ClockState("synchronised", 5.0)
        draft = Draft("inspection.verdict", 1, entity, identity, origin, self.stated_at, self.stated_at, clock, facets)
        signed = sign_record(draft, key, os.urandom)
        return Submission(signed.jws, signed.disclosures)


@pytest.fixture
def clock() -> SteeredClock:
    return SteeredClock()


@pytest.fixture
def author() -> Author:
    return Author()


def _postgresql() -> str | None:
    try:
        engine = sqlalchemy.create_engine(POSTGRESQL, connect_args={"connect_timeout": 2})
        with engine.connect():
            pass
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        return f"no PostgreSQL at {POSTGRESQL}: {str(error)[:80]}"
    return None


@pytest.fixture(scope="session")
def postgresql_missing() -> str | None:
    return _postgresql()


@pytest.fixture
def postgresql_url(postgresql_missing: str | None) -> Iterator[str]:
    """A schema of its own, dropped afterwards."""
    if postgresql_missing:
        pytest.skip(postgresql_missing)
    schema = f"gaugeblock_test_{secrets.token_hex(6)}"
    engine = sqlalchemy.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {schema}"))
        yield f"{POSTGRESQL}?options=-csearch_path%3D{schema}"
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    url: str = request.getfixturevalue("postgresql_url")
    return url


AnyLog = Log | MemoryLog


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path, clock: SteeredClock) -> Iterator[AnyLog]:
    """Every kind of log, with only its genesis record."""
    if request.param == "memory":
        yield MemoryLog(ORIGIN, LOG_KEY, clock, SERVER_KEY)
        return
    url = f"sqlite:///{tmp_path}/log.sqlite"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    with Log.create(url, ORIGIN, LOG_KEY, clock, SERVER_KEY) as made:
        yield made


@pytest.fixture
def sqlite_log(tmp_path: Path, clock: SteeredClock) -> Iterator[Callable[[], Log]]:
    """Opens (first creates) one SQLite log again and again."""
    url = f"sqlite:///{tmp_path}/log.sqlite"
    opened: list[Log] = []

    def reopen() -> Log:
        for earlier in opened:
            earlier.close()
        if (tmp_path / "log.sqlite").exists():
            opened.append(Log.open(url, ORIGIN, LOG_KEY, clock))
        else:
            opened.append(Log.create(url, ORIGIN, LOG_KEY, clock, SERVER_KEY))
        return opened[-1]

    yield reopen
    for earlier in opened:
        earlier.close()
