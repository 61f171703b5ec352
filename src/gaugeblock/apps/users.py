"""``gaugeblock user``: who may sign in, and as what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.opening import new_password
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.users import Role, Users


@contextmanager
def _users(plant: Path) -> Iterator[Users]:
    installation = load_installation(plant)
    installation.data.mkdir(parents=True, exist_ok=True)
    with Database(installation.database_url("state")) as database:
        database.upgrade("state")
        yield Users(database, SystemClock())


def list_command(plant: Path, console: Console) -> int:
    """Print each user with the role."""
    with _users(plant) as users:
        for user in users.list():
            console.out(console.text("apps.user.line", name=user.name, role=user.role.value))
    return 0


def add_command(plant: Path, name: str, role: str, console: Console) -> int:
    """Add a user with a random password, shown once."""
    password = new_password()
    with _users(plant) as users:
        users.create(name, password, Role(role))
    console.say("apps.user.created", name=name, role=role, password=password)
    return 0


def password_command(plant: Path, name: str, console: Console) -> int:
    """Give a user a new random password; the user's sessions end."""
    password = new_password()
    with _users(plant) as users:
        users.set_password(name, password)
    console.say("apps.user.password", name=name, password=password)
    return 0


def remove_command(plant: Path, name: str, console: Console) -> int:
    """Remove a user and end the user's sessions; the last administrator stays."""
    with _users(plant) as users:
        users.delete(name)
    console.say("apps.user.removed", name=name)
    return 0
