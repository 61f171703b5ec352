"""The in-memory twins of the ports, and a whole set of services made of them, for tests and try-outs."""

from __future__ import annotations

import secrets
import tempfile
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import event

from gaugeblock.exchange.desks import ExchangeMaterials, open_exchange_desks
from gaugeblock.exchange.projections import exchange_projections
from gaugeblock.inspection.desks import Materials, open_desks
from gaugeblock.inspection.memory import MemoryAssignments, MemoryInspections
from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.ledger.errors import UnknownKeyError
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.note import read_note
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.settings import Enterprise, PlantSettings
from gaugeblock.plant.times import Clock
from gaugeblock.production.desks import open_production_desks
from gaugeblock.production.projections import production_projections
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    LoginRefusedError,
    PasswordWeakError,
    SessionInvalidError,
    WitnessUnknownError,
)
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.stores.jobs import Jobs
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.memory import MemoryBlobs, MemoryLog, MemoryModuleFiles
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.stores.statements import MemoryKeys, SignedStatements
from gaugeblock.stores.users import PASSWORD_LEAST, PASSWORD_MOST
from gaugeblock.web.ports import Concern, Role, Services, StationState, VerifyingKey, WebSettings
from gaugeblock.web.thumbnails import thumbnail


class MemoryLogAccess(MemoryLog):
    """A log in memory, read and written from one process; every write is under a fresh checkpoint at once."""

    def key_of(self, kid: str) -> VerifyingKey | None:
        """See :class:`~gaugeblock.web.ports.LogAccess`."""
        try:
            bound = self.directory.key_for(kid)
        except UnknownKeyError:
            return None
        return bound.key if bound.revoked_at_index is None else None

    def add_cosignatures(self, note: bytes) -> list[str]:
        """See :class:`~gaugeblock.web.ports.LogAccess`; this twin knows no witness, whatever checkpoint they saw."""
        read_note(note)
        raise WitnessUnknownError(known="–")


class MemorySubmitter:
    """Appends at once, in the caller's thread. ``refuse`` is raised by the next submission where it is set."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.refuse: GaugeblockError | None = None

    def submit(self, jws: bytes, disclosures: Mapping[str, str]) -> Future[Receipt]:
        """See :class:`~gaugeblock.web.ports.Submitter`."""
        if self.refuse is not None:
            raise self.refuse
        future: Future[Receipt] = Future()
        for outcome in self._log.append([Submission(jws, disclosures)]):
            if isinstance(outcome, GaugeblockError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        self._log.sign_checkpoint()
        return future

    def queued(self) -> int:
        """Nothing ever waits."""
        return 0


@dataclass(frozen=True, slots=True)
class MemoryAccount:
    """A user and, because it is a twin for tests, the password as it is."""

    name: str
    role: Role
    password: str


class MemoryAccounts:
    """Users and sessions that end with the process. ``fault`` is raised by every look-up where it is set.

    >>> people = MemoryAccounts([MemoryAccount("li.wei", "quality", "correct horse")])
    >>> people.user_of(people.login("li.wei", "correct horse")).role
    'quality'
    """

    def __init__(self, accounts: Iterable[MemoryAccount]) -> None:
        self._accounts = {account.name: account for account in accounts}
        self._sessions: dict[str, str] = {}
        self.fault: GaugeblockError | None = None

    def login(self, name: str, password: str) -> str:
        """See :class:`~gaugeblock.web.ports.Accounts`."""
        account = self._accounts.get(name)
        if account is None or not secrets.compare_digest(account.password.encode(), password.encode()):
            raise LoginRefusedError
        token = secrets.token_urlsafe(32)
        self._sessions[token] = name
        return token

    def user_of(self, token: str) -> MemoryAccount:
        """See :class:`~gaugeblock.web.ports.Accounts`."""
        if self.fault is not None:
            raise self.fault
        try:
            return self._accounts[self._sessions[token]]
        except KeyError:
            raise SessionInvalidError from None

    def revoke(self, token: str) -> None:
        """See :class:`~gaugeblock.web.ports.Accounts`."""
        self._sessions.pop(token, None)

    def change_password(self, name: str, old: str, new: str) -> None:
        """See :class:`~gaugeblock.web.ports.Accounts`."""
        if not PASSWORD_LEAST <= len(new) <= PASSWORD_MOST:
            raise PasswordWeakError(least=PASSWORD_LEAST, most=PASSWORD_MOST)
        self.login(name, old)
        self._accounts[name] = replace(self._accounts[name], password=new)
        self._sessions = {token: of for token, of in self._sessions.items() if of != name}


class MemoryStations:
    """Station states as they are set. ``fault`` is raised instead where it is set."""

    def __init__(self, states: Iterable[StationState] = ()) -> None:
        self.states = list(states)
        self.fault: GaugeblockError | None = None

    def stations(self) -> list[StationState]:
        """See :class:`~gaugeblock.web.ports.StationSupervision`."""
        if self.fault is not None:
            raise self.fault
        return list(self.states)


class MemoryHealth:
    """Concerns as they are set."""

    def __init__(self) -> None:
        self.list: list[Concern] = []

    def concerns(self) -> list[Concern]:
        """See :class:`~gaugeblock.web.ports.Health`."""
        return list(self.list)


class ScratchProjections:
    """The projections of the plant over a log in memory, in a database that ends with this object.

    ``follow`` brings them to the log's end; with ``MemoryStatements`` that happens after each statement.
    """

    def __init__(self, log: MemoryLog, settings: PlantSettings) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gaugeblock-", ignore_cleanup_errors=True)
        self.database = Database(f"sqlite:///{self._folder.name}/projections.sqlite")
        # Nothing here has to survive a power cut.
        event.listen(self.database.engine, "connect", _never_wait_for_the_disk)
        self.runner = ProjectionRunner(
            self.database,
            log,
            [*inspection_projections(settings.review), *production_projections(), *exchange_projections()],
        )
        self._lock = threading.Lock()

    def follow(self) -> int:
        """Read the log to its end; the position then."""
        with self._lock:
            return self.runner.catch_up()


def _never_wait_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


class MemoryStatements:
    """Signs for the server and for people, appends at once, and brings the projections to the log's end."""

    def __init__(
        self, log: MemoryLog, submitter: MemorySubmitter, server_key: SigningKey, clock: Clock, seen: ScratchProjections
    ) -> None:
        keys = MemoryKeys({SERVER: server_key})
        self._statements = SignedStatements(
            log, lambda given: submitter.submit(given.jws, given.disclosures), keys, clock
        )
        self._seen = seen

    def state(
        self,
        author: str,
        record_type: str,
        identity: str,
        facets: Mapping[str, Facet],
        observed_at: str | None = None,
    ) -> int:
        """See :class:`~gaugeblock.inspection.ports.Statements`."""
        index = self._statements.state(author, record_type, identity, facets, observed_at)
        self._seen.follow()
        return index


@dataclass(frozen=True)
class MemoryPlant:
    """A plant in memory: the twins, named, beside the services made of them.

    ``projections`` hold what the desks' readers read; call ``follow()`` after records that came another way than
    through ``statements``.
    """

    log: MemoryLogAccess
    server_key: SigningKey
    submitter: MemorySubmitter
    inspections: MemoryInspections
    blobs: MemoryBlobs
    accounts: MemoryAccounts
    stations: MemoryStations
    health: MemoryHealth
    statements: MemoryStatements
    projections: ScratchProjections
    services: Services

    def follow(self) -> int:
        """Bring the projections to the log's end."""
        return self.projections.follow()


def _exchange_state(database: Database, clock: Clock) -> ExchangeState:
    database.upgrade("exchange")
    return ExchangeState(database, clock)


def memory_plant(
    clock: Clock, accounts: Iterable[MemoryAccount], owner: PlantSettings | None = None, **settings: object
) -> MemoryPlant:
    """A plant with an empty line.

    Parameters
    ----------
    owner
        What ``plant.toml`` would say.
    settings
        Override those of :class:`~gaugeblock.web.ports.WebSettings`.
    """
    origin = "plant.example/log"
    server_key = SigningKey.generate()
    log = MemoryLogAccess(origin, SigningKey.generate(), clock, server_key)
    values: dict[str, object] = {
        "plant_name": "示例工厂",
        "plant_name_en": "Example Works",
        "version": "0.0.0",
        "origin": origin,
        "log_key": log.log_key,
    }
    submitter, inspections, blobs = MemorySubmitter(log), MemoryInspections([]), MemoryBlobs()
    owner = owner or PlantSettings(enterprise=Enterprise(name="示例工厂", name_en="Example Works"))
    projections = ScratchProjections(log, owner)
    statements = MemoryStatements(log, submitter, server_key, clock, projections)
    people, stations, health = MemoryAccounts(accounts), MemoryStations(), MemoryHealth()
    materials = Materials(
        database=projections.database,
        statements=statements,
        images=blobs,
        clock=clock,
        settings=owner,
        thumbnail=thumbnail,
        inspections=inspections,
        jobs=Jobs(projections.database, clock),
        module_files=MemoryModuleFiles(),
        assignments=MemoryAssignments(),
        folder_images=lambda _folder: None,
        plant_file="plant.toml",
    )
    services = Services(
        settings=WebSettings(**{**values, **settings}),  # type: ignore[arg-type]  # checked by the dataclass' tests
        inspections=inspections,
        log=log,
        submitter=submitter,
        statements=statements,
        desks=open_desks(materials),
        production=open_production_desks(projections.database, statements, blobs, owner),
        exchange=open_exchange_desks(
            ExchangeMaterials(
                database=projections.database,
                statements=statements,
                log=log,
                blobs=blobs,
                clock=clock,
                settings=owner,
                state=_exchange_state(projections.database, clock) if owner.exchange is not None else None,
            )
        ),
        blobs=blobs,
        accounts=people,
        stations=stations,
        health=health,
        clock=clock,
    )
    return MemoryPlant(
        log, server_key, submitter, inspections, blobs, people, stations, health, statements, projections, services
    )
