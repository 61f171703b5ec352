"""The account page: the present password is asked for, the new one is checked, all older sessions end."""

from __future__ import annotations

import pytest
from litestar.testing import TestClient

from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.users import Role, Users
from gaugeblock.web.app import create_app

OLD, NEW = "correct horse battery", "four unrelated words"


def change(session, **fields: str):  # type: ignore[no-untyped-def]
    data = {"csrf": session.csrf, "old": OLD, "new": NEW, "again": NEW, **fields}
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    return session.client.post("/account/password", data=data, headers=headers, follow_redirects=False)


def test_a_password_is_changed_and_other_sessions_end(viewer, plant) -> None:  # type: ignore[no-untyped-def]
    accounts = plant.plant.accounts
    elsewhere = accounts.login("viewer", OLD)
    answer = change(viewer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?changed=true")
    page = viewer.client.get("/account?changed=true", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "The password is changed." in page.text
    viewer.client.cookies.clear()
    viewer.client.cookies.set("gaugeblock_session", elsewhere)
    assert viewer.client.get("/api/v1/log").status_code == 401
    assert accounts.user_of(accounts.login("viewer", NEW)).name == "viewer"


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"old": "not the password"}, 401, "password is wrong"),
        ({"new": "short", "again": "short"}, 400, "10 to 1024 characters"),
        ({"again": "four unrelated wards"}, 400, "the same way twice"),
        ({"new": "x" * 2000, "again": "x" * 2000}, 400, "10 to 1024 characters"),
        ({"csrf": "wrong"}, 403, "present session"),
    ],
)
def test_a_change_that_may_not_be_says_why(viewer, plant, fields, status: int, says: str) -> None:  # type: ignore[no-untyped-def]
    answer = change(viewer, **fields)
    assert answer.status_code == status
    assert says in answer.text
    assert plant.plant.accounts.login("viewer", OLD)
    assert viewer.client.get("/api/v1/log").status_code == 200


def test_nobody_changes_a_password_without_a_session(plant) -> None:  # type: ignore[no-untyped-def]
    with TestClient(plant.app()) as client:
        assert client.get("/account", headers={"Accept": "text/html"}, follow_redirects=False).status_code == 303
        answer = client.post("/account/password", data={"old": OLD, "new": NEW, "again": NEW})
    assert answer.status_code == 401


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_reached_from_the_header_in_both_languages(viewer, language: str) -> None:  # type: ignore[no-untyped-def]
    words = {"zh": "账户", "en": "Account"}
    headers = {"Accept-Language": language}
    assert f'href="/account">{words[language]}</a>' in viewer.client.get("/log", headers=headers).text
    assert f'<h1 id="account-title">{words[language]}</h1>' in viewer.client.get("/account", headers=headers).text


def test_the_store_of_users_takes_it(plant, session_of, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import dataclasses

    with Database(f"sqlite:///{tmp_path}/state.sqlite") as database:
        people = Users(database, SystemClock())
        people.create("viewer", OLD, Role.VIEWER)
        with session_of(create_app(dataclasses.replace(plant.plant.services, accounts=people))) as session:
            assert change(session, old="not the password").status_code == 401
            assert change(session).status_code == 303
            assert session.client.get("/account").status_code == 200
        assert people.user_of(people.login("viewer", NEW)).role is Role.VIEWER
