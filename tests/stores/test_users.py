"""Users, roles, sessions, throttling; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text

from gaugeblock.stores import users as users_module
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import (
    LastAdminError,
    LoginRefusedError,
    LoginThrottledError,
    PasswordWeakError,
    SessionInvalidError,
    UserExistsError,
    UserNameError,
    UserUnknownError,
)
from gaugeblock.stores.users import Role, SessionLimits, Users

PASSWORD = "correct horse battery"


@pytest.fixture
def people(database_url: str, clock: Any) -> Iterator[Users]:
    quick = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    with Database(database_url) as database:
        yield Users(database, clock, SessionLimits(idle_s=600, absolute_s=3600), quick)


def test_the_right_password_opens_a_session(people: Users) -> None:
    people.create("li.wei", PASSWORD, Role.QUALITY)
    user = people.user_of(people.login("li.wei", PASSWORD))
    assert (user.name, user.role) == ("li.wei", Role.QUALITY)
    for name, password in (("li.wei", "correct horse batter"), ("nobody", PASSWORD), ("li.wei", "x" * 5000)):
        with pytest.raises(LoginRefusedError):
            people.login(name, password)


def test_neither_password_nor_token_is_stored(people: Users) -> None:
    people.create("li.wei", PASSWORD, Role.ADMIN)
    token = people.login("li.wei", PASSWORD)
    with people._database.reading() as connection:
        rows = [
            repr(tuple(row))
            for table in ("users", "sessions")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert len(rows) == 2
    assert "$argon2id$" in rows[0]
    assert not any(PASSWORD in row or token in row for row in rows)


def test_sessions_end_when_idle_old_or_revoked(people: Users, clock: Any) -> None:
    people.create("li.wei", PASSWORD, Role.VIEWER)
    idle, used, revoked = (people.login("li.wei", PASSWORD) for _ in range(3))
    people.revoke(revoked)
    with pytest.raises(SessionInvalidError):
        people.user_of(revoked)
    for _ in range(6):
        clock.forward(500)
        people.user_of(used)
    with pytest.raises(SessionInvalidError):
        people.user_of(idle)
    clock.forward(500)
    people.user_of(used)
    clock.forward(200)  # 3,700 s old, in use all the time
    with pytest.raises(SessionInvalidError):
        people.user_of(used)
    with pytest.raises(SessionInvalidError):
        people.user_of("no such token")


def test_a_changed_password_ends_all_sessions(people: Users) -> None:
    people.create("li.wei", PASSWORD, Role.VIEWER)
    token = people.login("li.wei", PASSWORD)
    with pytest.raises(LoginRefusedError):
        people.change_password("li.wei", "wrong password", "another good one")
    people.change_password("li.wei", PASSWORD, "another good one")
    with pytest.raises(SessionInvalidError):
        people.user_of(token)
    with pytest.raises(LoginRefusedError):
        people.login("li.wei", PASSWORD)
    people.login("li.wei", "another good one")


def test_a_changed_role_counts_at_once(people: Users) -> None:
    people.create("boss", PASSWORD, Role.ADMIN)
    people.create("li.wei", PASSWORD, Role.VIEWER)
    token = people.login("li.wei", PASSWORD)
    people.set_role("li.wei", Role.QUALITY)
    assert people.user_of(token).role is Role.QUALITY
    people.delete("li.wei")
    with pytest.raises(SessionInvalidError):
        people.user_of(token)
    assert [user.name for user in people.list()] == ["boss"]


def test_failed_logins_slow_down_known_and_unknown_names_alike(people: Users, clock: Any) -> None:
    people.create("li.wei", PASSWORD, Role.VIEWER)
    for name in ("li.wei", "nobody"):
        for _ in range(5):
            with pytest.raises(LoginRefusedError):
                people.login(name, "wrong password")
        with pytest.raises(LoginThrottledError):
            people.login(name, PASSWORD)
    clock.forward(1)
    people.login("li.wei", PASSWORD)
    with pytest.raises(LoginRefusedError):
        people.login("li.wei", "wrong password")  # counted from zero again


def test_the_wait_grows_and_is_bounded(people: Users, clock: Any) -> None:
    waits = []
    for _ in range(20):
        try:
            people.login("nobody", "wrong password")
        except LoginThrottledError as error:
            waits.append(error.facts["wait_s"])
            clock.forward(float(waits[-1]))
            with pytest.raises(LoginRefusedError):
                people.login("nobody", "wrong password")
        except LoginRefusedError:
            continue
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == 900


def test_the_memory_of_failed_logins_is_bounded(people: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_module, "FAILURES_KEPT", 10)
    for number in range(15):
        with pytest.raises(LoginRefusedError):
            people.login(f"nobody{number}", "wrong password")
    with people._database.reading() as connection:
        assert len(connection.execute(select(users_module.login_failures)).all()) == 10


def test_names_and_passwords_are_checked(people: Users) -> None:
    people.create("li.wei", PASSWORD, Role.VIEWER)
    with pytest.raises(UserExistsError):
        people.create("li.wei", PASSWORD, Role.ADMIN)
    for name in ("", "Li Wei", "-x", "a" * 65, "a\n"):
        with pytest.raises(UserNameError):
            people.create(name, PASSWORD, Role.VIEWER)
    for password in ("short", "x" * 1025):
        with pytest.raises(PasswordWeakError):
            people.create("other", password, Role.VIEWER)
    for act in (lambda: people.delete("who"), lambda: people.set_role("who", Role.ADMIN)):
        with pytest.raises(UserUnknownError):
            act()


def test_the_last_administrator_stays(people: Users) -> None:
    people.create("boss", PASSWORD, Role.ADMIN)
    with pytest.raises(LastAdminError):
        people.delete("boss")
    with pytest.raises(LastAdminError):
        people.set_role("boss", Role.VIEWER)
    people.create("second", PASSWORD, Role.ADMIN)
    people.delete("boss")


def test_old_sessions_are_swept_and_their_number_bounded(people: Users, clock: Any) -> None:
    people.create("li.wei", PASSWORD, Role.VIEWER)
    first = people.login("li.wei", PASSWORD)
    for _ in range(users_module.SESSIONS_PER_USER):
        clock.forward(1)
        people.login("li.wei", PASSWORD)
    with pytest.raises(SessionInvalidError):
        people.user_of(first)
    clock.forward(601)
    assert people.sweep() == users_module.SESSIONS_PER_USER
