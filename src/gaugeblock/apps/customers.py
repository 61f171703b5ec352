"""``gaugeblock customer``: what customers call the exchange with, and who of them may sign in."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import make_private, new_password
from gaugeblock.exchange.access_errors import CustomerUnknownError
from gaugeblock.exchange.credentials import DEFAULT_SCOPES, CredentialDesk, is_in_force
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.settings import Exchange
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_state import CredentialRow, ExchangeState
from gaugeblock.stores.exchange_users import CustomerUsers


class JwkFileError(GaugeblockError):
    """The file of a public key cannot be read. Facts: ``file``, ``detail``."""

    code = "apps.jwk_file"


class _Opened(NamedTuple):
    installation: Installation
    desk: CredentialDesk
    users: CustomerUsers

    @property
    def url(self) -> str:
        return (self.installation.settings.exchange or Exchange()).url


@contextmanager
def opened(plant: Path) -> Iterator[_Opened]:
    """The exchange's state, whether the exchange runs or not."""
    installation, clock = load_installation(plant), SystemClock()
    for directory in (installation.data, installation.exchange_data):
        make_private(directory)
    with Database(installation.database_url("exchange")) as database:
        database.upgrade("exchange")
        state = ExchangeState(database, clock)
        customers = [customer.id for customer in installation.settings.customers]
        yield _Opened(
            installation, CredentialDesk(state, customers, clock, os.urandom, time.sleep), CustomerUsers(state, clock)
        )


def create_key_command(
    plant: Path, customer: str, console: Console, *, name: str, scopes: Sequence[str], days: float | None, test: bool
) -> int:
    """Issue an API key; it is printed once."""
    with opened(plant) as (_, desk, _users):
        key, row = desk.issue_key(customer, name, scopes or DEFAULT_SCOPES, days=days, test=test)
    console.say("apps.customer.key_created", id=row.id, customer=customer, key=key)
    return 0


def list_keys_command(plant: Path, customer: str | None, console: Console) -> int:
    """Print keys and clients with their states."""
    with opened(plant) as (_, desk, _users):
        for row in desk.list(customer):
            scopes = ",".join(row.scopes)
            parts = (row.id, row.customer, row.kind, scopes, _state(row, console), row.name)
            console.out("  ".join(parts).rstrip())
    return 0


def _state(row: CredentialRow, console: Console) -> str:
    if row.revoked_at is not None:
        return console.text("apps.customer.revoked")
    if not is_in_force(row, SystemClock().now()):
        return console.text("apps.customer.expired")
    if row.expires_at is not None:
        return console.text("apps.customer.until", until=row.expires_at)
    return console.text("apps.customer.in_force")


def revoke_key_command(plant: Path, credential: str, console: Console) -> int:
    """Revoke a key or a client; done when no answer to it can begin any more."""
    with opened(plant) as (_, desk, _users):
        row = desk.revoke(credential)
    console.say("apps.customer.key_revoked", id=row.id, customer=row.customer)
    return 0


def rotate_key_command(plant: Path, credential: str, overlap_h: float, console: Console) -> int:
    """A new key in the place of an old one."""
    with opened(plant) as (_, desk, _users):
        key, row = desk.rotate_key(credential, overlap_h)
    console.say("apps.customer.key_created", id=row.id, customer=row.customer, key=key)
    return 0


def add_client_command(
    plant: Path, customer: str, jwk: Path, console: Console, *, name: str, scopes: Sequence[str]
) -> int:
    """Register an OAuth client by its public key."""
    try:
        key = msgspec.json.decode(jwk.read_bytes(), type=dict[str, object])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise JwkFileError(file=str(jwk), detail=str(error)[:120]) from error
    with opened(plant) as at:
        row = at.desk.add_client(customer, key, name, scopes or DEFAULT_SCOPES)
        console.say("apps.customer.client_added", id=row.id, customer=customer, url=f"{at.url}/oauth/token")
    return 0


def add_user_command(plant: Path, customer: str, name: str, console: Console) -> int:
    """Let a person of a customer sign in; the password is printed once."""
    password = new_password()
    with opened(plant) as at:
        known = [each.id for each in at.installation.settings.customers]
        if customer not in known:
            raise CustomerUnknownError(customer=customer[:80], known=", ".join(known) or "–")
        at.users.create(customer, name, password)
        console.say(
            "apps.customer.user_created", name=name, customer=customer, url=f"{at.url}/sign-in", password=password
        )
    return 0


def remove_user_command(plant: Path, customer: str, name: str, console: Console) -> int:
    """Remove a person of a customer."""
    with opened(plant) as at:
        at.users.remove(customer, name)
    console.say("apps.customer.user_removed", name=name, customer=customer)
    return 0
