"""``gaugeblock key``: make keys, bind them to entities, rotate and revoke them. Each step is a record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import append_one, open_log, state_at
from gaugeblock.apps.records import reading_log
from gaugeblock.connectors.errors import PlantUnreachableError
from gaugeblock.connectors.plant_http import PlantHttp
from gaugeblock.ledger.errors import KeyFormError
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.key_records import binding, hand_over, revocation, rotation
from gaugeblock.ledger.keys import PublicKey, SigningKey
from gaugeblock.ledger.record import ClockState, Draft
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.stores.errors import LogLockedError
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.log_records import Submission


class RefusedError(GaugeblockError):
    """The plant refused a record. Facts: ``detail``."""

    code = "apps.refused"


class PlantBusyElsewhereError(GaugeblockError):
    """A plant process holds the log and does not answer. Facts: ``url``, ``detail``."""

    code = "apps.plant_unreachable"


class NoKeyInForceError(GaugeblockError):
    """The entity has no key in force. Facts: ``entity``."""

    code = "apps.no_key_in_force"


class StationBusyError(GaugeblockError):
    """A station's key cannot be replaced now. Facts: ``station``, ``backlog``."""

    code = "apps.station_busy"


class StationRunsError(GaugeblockError):
    """A station's key cannot be replaced while its process runs. Facts: ``station``."""

    code = "apps.station_runs"


NEXT = ".next"
"""Suffix of the entity under which a rotation keeps the new key until the log knows it."""
SPOOL_FILE = "spool.sqlite"


def keyring_of(installation: Installation, entity: str) -> Keyring:
    """Where an entity's key is kept on this machine: a station's beside its spool, the exchange's with its state."""
    kind, _, name = entity.partition(":")
    if kind == "station":
        return Keyring(installation.station_data(name) / "keys")
    if kind == "exchange":
        return Keyring(installation.exchange_keys)
    return Keyring(installation.keys)


def submit(installation: Installation, submission: Submission) -> int:
    """Append through the running plant process, or directly where none runs; the record's index.

    Raises
    ------
    RefusedError, PlantBusyElsewhereError, GaugeblockError
    """
    try:
        with open_log(installation) as log:
            index = append_one(log, submission).index
            log.sign_checkpoint()
            return index
    except LogLockedError:
        pass
    http = PlantHttp(installation.url, SigningKey.generate())
    try:
        (answer,) = http.send([submission])
    except PlantUnreachableError as error:
        raise PlantBusyElsewhereError(url=installation.url, detail=str(error.facts["detail"])) from error
    finally:
        http.close()
    if answer.index is None:
        raise RefusedError(detail=f"{answer.error_code}: {answer.error_text}")
    return answer.index


def _origin(installation: Installation) -> str:
    return installation.settings.server.log_origin


def list_command(plant: Path, console: Console) -> int:
    """Every key that the log knows, and whether it is in force."""
    with reading_log(load_installation(plant)) as (_, reader):
        directory = reader.directory
        for bound in directory.keys():  # noqa: SIM118 - not a mapping
            state = (
                console.text("apps.key.active", index=bound.bound_at_index)
                if bound.revoked_at_index is None
                else console.text("apps.key.revoked_state", index=bound.revoked_at_index)
            )
            console.out(
                console.text("apps.key.line", entity=bound.entity, thumbprint=bound.key.thumbprint, state=state)
            )
    return 0


def create_command(plant: Path, entity: str, console: Console) -> int:
    """Make a key for an entity on this machine and bind it."""
    installation = load_installation(plant)
    keyring = keyring_of(installation, entity)
    key = _key_to_bind(installation, keyring, entity)
    console.say("apps.key.created", entity=entity, thumbprint=key.public.thumbprint, file=str(keyring.path(entity)))
    possession = hand_over(_origin(installation), entity, "", key)
    return _bind(installation, entity, key.public, possession, console)


def _key_to_bind(installation: Installation, keyring: Keyring, entity: str) -> SigningKey:
    """A new key, or the one that an interrupted ``create`` left on disk and the log has not heard of."""
    if entity in keyring.list():
        key = keyring.load(entity)
        with reading_log(installation) as (_, reader):
            if not reader.directory.knows(key.public.thumbprint):
                return key
    return keyring.create(entity)


def bind_command(plant: Path, entity: str, jwk_file: Path, console: Console) -> int:
    """Bind a public key (JWK file) that was made elsewhere."""
    try:
        jwk = msgspec.json.decode(jwk_file.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise KeyFormError(detail=f"{jwk_file}: {error}") from error
    return _bind(load_installation(plant), entity, PublicKey.from_jwk(jwk), None, console)


def _bind(installation: Installation, entity: str, key: PublicKey, possession: str | None, console: Console) -> int:
    server_key = Keyring(installation.keys).load(SERVER)

    def draft(stated_at: str, clock: ClockState) -> Draft:
        return binding(
            SERVER, entity, key, log=_origin(installation), stated_at=stated_at, clock=clock, possession=possession
        )

    index = submit(installation, state_at(draft, server_key))
    console.say("apps.key.bound", thumbprint=key.thumbprint, entity=entity, index=index)
    return 0


def rotate_command(plant: Path, entity: str, console: Console) -> int:
    """Replace an entity's key by a new one; both keys sign, the old file is set aside.

    The new key is on disk before the log knows it, and an interrupted rotation goes on with that key.

    Raises
    ------
    StationBusyError
        The station runs, or its spool holds records that the old key signed: they would be refused.
    """
    installation = load_installation(plant)
    with _idle(installation, entity):
        old, new, index = _rotate(installation, entity)
    console.say("apps.key.rotated", entity=entity, old=old, new=new, index=index)
    return 0


def _rotate(installation: Installation, entity: str) -> tuple[str, str, int]:
    keyring = keyring_of(installation, entity)
    old, new = keyring.load(entity), keyring.load_or_create(entity + NEXT)
    with reading_log(installation) as (_, reader):
        current = reader.directory.current(entity)
    index = current.bound_at_index if current is not None and current.key == new.public else None
    if index is None:
        cross = hand_over(_origin(installation), entity, old.public.thumbprint, new)

        def draft(stated_at: str, clock: ClockState) -> Draft:
            return rotation(
                entity, old.public, new.public, cross, log=_origin(installation), stated_at=stated_at, clock=clock
            )

        index = submit(installation, state_at(draft, old))
    keyring.replace(entity, new)
    keyring.path(entity + NEXT).unlink()
    return old.public.thumbprint, new.public.thumbprint, index


@contextmanager
def _idle(installation: Installation, entity: str) -> Iterator[None]:
    """Hold a station of this machine still: its own lock is taken, and its spool, not a status file, is asked."""
    kind, _, name = entity.partition(":")
    data = installation.station_data(name)
    if kind != "station" or not (data / SPOOL_FILE).exists():
        yield
        return
    # Here and not above: the station's process is a large one, and no other command needs it.
    from gaugeblock.apps.station import only_one
    from gaugeblock.edge.errors import AlreadyRunningError
    from gaugeblock.stores.spool import SqliteSpool

    try:
        with only_one(data):
            spool = SqliteSpool(data)
            try:
                fill = spool.state()
            finally:
                spool.close()
            if fill.backlog or fill.refused:
                raise StationBusyError(station=name, backlog=fill.backlog + fill.refused)
            yield
    except AlreadyRunningError:
        raise StationRunsError(station=name) from None


def revoke_command(plant: Path, entity: str, reason: str, since: str | None, console: Console) -> int:
    """Revoke the key that an entity has in force; signed by the server's key, for the entity's own may be lost."""
    installation = load_installation(plant)
    if since is not None:
        since = to_rfc3339(from_rfc3339(since))
    keyring = keyring_of(installation, entity)
    with reading_log(installation) as (_, reader):
        directory = reader.directory
        current = directory.current(entity)
    if current is None:
        if entity in keyring.list() and directory.knows(keyring.load(entity).public.thumbprint):
            keyring.retire(entity)  # what an interrupted revocation left undone
        raise NoKeyInForceError(entity=entity)
    server_key = Keyring(installation.keys).load(SERVER)

    def draft(stated_at: str, clock: ClockState) -> Draft:
        return revocation(
            SERVER,
            entity,
            current.key.thumbprint,
            log=_origin(installation),
            stated_at=stated_at,
            clock=clock,
            reason=reason,
            compromised_since=since,
        )

    index = submit(installation, state_at(draft, server_key))
    if entity in keyring.list():
        keyring.retire(entity)
    console.say("apps.key.revoked", entity=entity, thumbprint=current.key.thumbprint, index=index)
    return 0
