"""Opening an installation's log and bringing it to where a plant can start: keys made and bound, an administrator."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.layout import Installation
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.key_records import binding, hand_over
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import ModuleInputs, ModuleStatement, ModuleSubject
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import StoreMissingError
from gaugeblock.stores.files import make_directory, write_whole
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.log import Log
from gaugeblock.stores.log_reader import LogReader
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.users import Role, Users

if TYPE_CHECKING:
    from gaugeblock.vision.inspector import Inspector

CHECKPOINTS = "log:checkpoint"
ADMINISTRATOR = "admin"
EXCHANGE = "exchange:main"
PASSWORD_BYTES = 12


class LogGoneError(GaugeblockError):
    """This data directory had a log, and it is not where the settings say. Facts: ``store``, ``file``."""

    code = "apps.log_gone"


def open_log(installation: Installation) -> Log:
    """Open the installation's log for writing; made, with its keys, where there never was one.

    Raises
    ------
    LogGoneError
        There was a log (its public key is on file) and it is gone: starting another under the same name would
        show two histories.
    KeyFileMissingError
        The log is there and its keys are not: restore them from their backup.
    GaugeblockError
        What :meth:`Log.open` and the keyring raise.
    """
    make_private(installation.data)
    keyring, clock = Keyring(installation.keys), SystemClock()
    url, origin = installation.database_url("log"), installation.settings.server.log_origin
    with Database(url) as database:
        exists = log_exists(database)
    if exists:
        log = Log.open(url, origin, keyring.load(CHECKPOINTS), clock)
    elif installation.log_key.exists():
        raise LogGoneError(store=database.name, file=str(installation.log_key))
    else:
        keys = keyring.load_or_create(CHECKPOINTS), keyring.load_or_create(SERVER)
        log = Log.create(url, origin, keys[0], clock, keys[1])
    if not installation.log_key.exists():
        write_whole(installation.log_key, (log.log_key + "\n").encode(), 0o644)
    return log


def log_exists(database: Database) -> bool:
    """Whether a log was begun here, with its first record."""
    if database.version("log") is None:
        return False
    database.upgrade("log")
    try:
        LogReader(database)
    except StoreMissingError:
        return False
    return True


def make_private(directory: Path) -> None:
    """A directory that only its owner may enter: it holds password hashes, disclosures and photographs."""
    make_directory(directory, 0o700)
    if directory.stat().st_mode & 0o077:
        directory.chmod(0o700)


def usable_key(log: Log, keyring: Keyring, entity: str) -> SigningKey:
    """The entity's key on this machine; a new one where there is none, or where the log has ended the old one.

    A revocation that was interrupted before it put the file aside is finished here.
    """
    key = keyring.load_or_create(entity)
    kid = key.public.thumbprint
    if log.directory.knows(kid) and log.directory.key_for(kid).revoked_at_index is not None:
        keyring.retire(entity)
        key = keyring.create(entity)
    return key


def clock_state() -> ClockState:
    """The state of this machine's clock as records carry it."""
    source, uncertainty_ms = clock_synchronisation()
    return ClockState(source, uncertainty_ms)


def state_at(draft: Callable[[str, ClockState], Draft], key: SigningKey) -> Submission:
    """Sign a draft made for the present moment."""
    signed = sign_record(draft(to_rfc3339(SystemClock().now()), clock_state()), key, os.urandom)
    return Submission(signed.jws, signed.disclosures)


def append_one(log: Log, submission: Submission) -> Receipt:
    """Append one record and wait for it; its refusal is raised."""
    (outcome,) = log.append([submission])
    if isinstance(outcome, GaugeblockError):
        raise outcome
    return outcome


def bind_key(log: Log, server_key: SigningKey, entity: str, key: SigningKey) -> int | None:
    """Bind an entity's key unless it is in force already; the binding record's index.

    The key signs its own introduction, so that nobody is introduced with a key that somebody else holds.
    """
    current = log.directory.current(entity)
    if current is not None and current.key == key.public:
        return None
    possession = hand_over(log.origin, entity, "", key)

    def draft(stated_at: str, clock: ClockState) -> Draft:
        return binding(
            SERVER, entity, key.public, log=log.origin, stated_at=stated_at, clock=clock, possession=possession
        )

    return append_one(log, state_at(draft, server_key)).index


def record_module(log: Log, server_key: SigningKey, inspector: Inspector, station: str, product: str | None) -> None:
    """State once that this module is in service at this station, with its operating point."""
    manifest = inspector.manifest
    point = manifest.operating_point
    identity = f"module/{station}/{manifest.module_sha256}"
    if log.find(SERVER, identity) is not None:
        return

    def draft(stated_at: str, clock: ClockState) -> Draft:
        return Draft(
            record_type="inspection.module",
            version=1,
            author=SERVER,
            identity=identity,
            log=log.origin,
            stated_at=stated_at,
            observed_at=stated_at,
            clock=clock,
            facets={
                "subject": ModuleSubject(module_sha256=manifest.module_sha256, product=product, station=station),
                "statement": ModuleStatement(
                    threshold=point.threshold,
                    overkill_target=point.overkill_target,
                    overkill_upper_bound=point.overkill_upper_bound,
                    confidence=point.confidence,
                    good_parts_held_out=point.good_parts_held_out,
                ),
                "inputs": ModuleInputs(
                    network_sha256=manifest.network_sha256,
                    bank_sha256=manifest.bank_sha256,
                    training_sha256=manifest.training.training_sha256,
                ),
            },
        )

    append_one(log, state_at(draft, server_key))


@dataclass(frozen=True)
class Prepared:
    """What the person who starts a plant is told once."""

    log_key: str
    admin_password: str | None


def prepare(installation: Installation, entities: tuple[str, ...] = ()) -> Prepared:
    """Everything that must stand before the processes start; doing it again changes nothing.

    Parameters
    ----------
    entities
        Besides the configured stations, entities on this machine whose keys are to be made and bound.
    """
    # Here and not above: most commands open a log and look at no image.
    from gaugeblock.vision.inspector import Inspector

    for directory in (installation.data, installation.run, installation.logs):
        make_private(directory)
    with open_log(installation) as log:
        server_key = Keyring(installation.keys).load(SERVER)
        for entity in entities:
            bind_key(log, server_key, entity, usable_key(log, Keyring(installation.keys), entity))
        for station in installation.settings.stations:
            entity = f"station:{station.id}"
            keyring = Keyring(installation.station_data(station.id) / "keys")
            bind_key(log, server_key, entity, usable_key(log, keyring, entity))
            module = installation.path(station.module)
            if module.is_file():
                inspector = Inspector.from_bytes(module.read_bytes())
                record_module(log, server_key, inspector, station.id, station.product)
        if installation.settings.exchange is not None:
            make_private(installation.exchange_data)
            bind_key(log, server_key, EXCHANGE, usable_key(log, Keyring(installation.exchange_keys), EXCHANGE))
        log.sign_checkpoint()
        key = log.log_key
    return Prepared(key, _first_administrator(installation))


def _first_administrator(installation: Installation) -> str | None:
    with Database(installation.database_url("state")) as database:
        database.upgrade("state")
        users = Users(database, SystemClock())
        if users.list():
            return None
        password = new_password()
        users.create(ADMINISTRATOR, password, Role.ADMIN)
        return password


def renew_administrator(installation: Installation) -> str:
    """Give the administrator a new random password; sessions of the old one end."""
    with Database(installation.database_url("state")) as database:
        password = new_password()
        Users(database, SystemClock()).set_password(ADMINISTRATOR, password)
        return password


def new_password() -> str:
    """A random password of 16 characters."""
    return secrets.token_urlsafe(PASSWORD_BYTES)
