"""Challenge parts registered by hand: who may, what is refused, what the station is told, and how the page looks."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.plant.control_facets import (
    ChallengeAnswer,
    ChallengeInputs,
    ChallengeMeasurement,
    ChallengeStatement,
    ChallengeSubject,
)
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.settings import parse_settings
from gaugeblock.stores.log_records import Submission

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("GAUGEBLOCK_SHOTS")
STATION = "L1-ST10"
OWNER = parse_settings(
    """
[enterprise]
name = "示例工厂"
[[sites]]
id = "S1"
[[lines]]
id = "L1"
site = "S1"
[[stations]]
id = "L1-ST10"
line = "L1"
module = "m.gbm"
require_challenge = true
camera = { kind = "watched_folder", folder = "in" }
"""
)
SET = {
    "station": STATION,
    "product": "",
    "good": "G-1\nG-2\n",
    "defective": "N-1",
    "valid_h": "8",
    "each_shift": "true",
}

Sessions = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def owned(make_plant: Callable[..., Any]) -> Any:
    return make_plant(owner=OWNER)


def tell(sample: Any, state: str, cause: str, *answers: ChallengeAnswer) -> None:
    record = sample.signed(
        "inspection.challenge",
        {
            "subject": ChallengeSubject(STATION),
            "statement": ChallengeStatement(state, cause),  # type: ignore[arg-type]
            "measurement": ChallengeMeasurement(answers),
            "inputs": ChallengeInputs("ab" * 32, "cd" * 32),
        },
        identity=f"challenge/{state}/{cause}",
    )
    sample.log.append([Submission(record.jws, record.disclosures)])
    sample.log.sign_checkpoint()
    sample.plant.follow()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_set_is_registered_shown_and_withdrawn(owned: Any, session_of: Sessions, language: str) -> None:
    with session_of(owned.app(), "quality") as session:
        headers = {"Accept-Language": language}
        html = session.client.get("/stations/challenges", headers=headers).text
        assert {"zh": "未登记挑战件，而本工位要求挑战", "en": "this station requires a challenge"}[language] in html
        answer = session.client.post("/stations/challenges", data={"csrf": session.csrf, **SET}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/stations/challenges?station={STATION}")
        desk = owned.plant.services.desks.challenges
        (registered,) = desk.sets(STATION)
        assert [(part.unit, part.condition) for part in registered.parts.parts] == [
            ("G-1", "good"),
            ("G-2", "good"),
            ("N-1", "defective"),
        ]
        assert (registered.parts.valid_h, registered.parts.each_shift, registered.parts.each_changeover) == (
            8.0,
            True,
            False,
        )
        html = session.client.get("/stations/challenges", headers=headers).text
        assert "G-2" in html
        assert f"/records/{registered.index}" in html
        assert '"person:quality"' in session.client.get(f"/api/v1/records/{registered.index}").text
        withdrawn = {"csrf": session.csrf, "station": STATION, "product": "", "action": "withdraw"}
        assert session.client.post("/stations/challenges", data=withdrawn, follow_redirects=False).status_code == 303
        assert desk.sets(STATION) == []


@pytest.mark.parametrize(
    "change",
    [
        {"defective": ""},
        {"good": "N-1"},
        {"valid_h": "soon"},
        {"valid_h": "-1"},
        {"good": "\n".join(map(str, range(99)))},
    ],
)
def test_a_set_that_tests_nothing_is_refused(owned: Any, session_of: Sessions, change: dict[str, str]) -> None:
    with session_of(owned.app(), "quality") as session:
        answer = session.client.post("/stations/challenges", data={"csrf": session.csrf, **SET, **change})
        assert answer.status_code == 422
        other = session.client.post("/stations/challenges", data={"csrf": session.csrf, **SET, "station": "ST99"})
        assert other.status_code in (404, 422)
    assert owned.plant.services.desks.challenges.sets(STATION) == []


def test_a_viewer_may_look_and_not_register(owned: Any, session_of: Sessions) -> None:
    with session_of(owned.app(), "viewer") as session:
        assert "<form" not in session.client.get("/stations/challenges").text.split("<main")[1]
        assert session.client.post("/stations/challenges", data={"csrf": session.csrf, **SET}).status_code == 403


def test_outcomes_are_told_with_what_was_expected(owned: Any, session_of: Sessions) -> None:
    tell(owned, "due", "shift")
    tell(
        owned,
        "failed",
        "shift",
        ChallengeAnswer("G-1", Verdict.OK, Verdict.OK, "1/1"),
        ChallengeAnswer("N-1", Verdict.NOK, Verdict.OK, "1/2"),
    )
    with session_of(owned.app(), "viewer") as session:
        html = session.client.get("/stations/challenges", headers={"Accept-Language": "en"}).text
    assert "should be NOK" in html
    assert html.index("failed") < html.index("due</td>")


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed")
@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_the_page_in_a_browser(
    owned: Any, serve: Callable[..., AbstractContextManager[Any]], language: str, theme: str
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    owned.plant.services.desks.challenges.register("person:quality", STATION, None, ["G-1"], ["N-1"])
    owned.plant.follow()
    tell(owned, "passed", "start", ChallengeAnswer("G-1", Verdict.OK, Verdict.OK, "1/1"))
    with serve(owned) as running, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM))
        context = browser.new_context(
            base_url=running.url,
            locale={"zh": "zh-CN", "en": "en-GB"}[language],
            color_scheme=theme,
            viewport={"width": 1024, "height": 768},
        )
        token = owned.plant.accounts.login("quality", "correct horse battery")
        context.add_cookies([{"name": "gaugeblock_session", "value": token, "url": running.url}])
        page = context.new_page()
        page.goto("/stations/challenges")
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/challenges-{language}-{theme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = axe.Axe().run(page)
        assert [v["id"] for v in found.response["violations"] if v["impact"] in ("serious", "critical")] == []
        browser.close()
