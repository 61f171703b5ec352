"""The in-memory twins of the ports, and a whole set of services made of them, for tests and try-outs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace

from gaugeblock.inspection.memory import MemoryInspections
from gaugeblock.ledger.errors import UnknownKeyError
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import Clock
from gaugeblock.stores.errors import LoginRefusedError, PasswordWeakError, SessionInvalidError
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.memory import MemoryBlobs, MemoryLog
from gaugeblock.stores.users import PASSWORD_LEAST, PASSWORD_MOST
from gaugeblock.web.ports import Concern, Role, Services, StationState, VerifyingKey, WebSettings


class MemoryLogAccess(MemoryLog):
    """A log in memory, read and written from one process; every write is under a fresh checkpoint at once."""

    def key_of(self, kid: str) -> VerifyingKey | None:
        """See :class:`~gaugeblock.web.ports.LogAccess`."""
        try:
            bound = self.directory.key_for(kid)
        except UnknownKeyError:
            return None
        return bound.key if bound.revoked_at_index is None else None


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


@dataclass(frozen=True)
class MemoryPlant:
    """A plant in memory: the twins, named, beside the services made of them."""

    log: MemoryLogAccess
    server_key: SigningKey
    submitter: MemorySubmitter
    inspections: MemoryInspections
    blobs: MemoryBlobs
    accounts: MemoryAccounts
    stations: MemoryStations
    health: MemoryHealth
    services: Services


def memory_plant(clock: Clock, accounts: Iterable[MemoryAccount], **settings: object) -> MemoryPlant:
    """A plant with an empty line. ``settings`` override those of :class:`~gaugeblock.web.ports.WebSettings`."""
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
    people, stations, health = MemoryAccounts(accounts), MemoryStations(), MemoryHealth()
    services = Services(
        settings=WebSettings(**{**values, **settings}),  # type: ignore[arg-type]  # checked by the dataclass' tests
        inspections=inspections,
        log=log,
        submitter=submitter,
        blobs=blobs,
        accounts=people,
        stations=stations,
        health=health,
        clock=clock,
    )
    return MemoryPlant(log, server_key, submitter, inspections, blobs, people, stations, health, services)
