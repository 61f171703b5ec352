"""The line's pages: live, past and forecast, dates with their calibration, a question from form to answer."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba")

from tests.web.line_plant import LinePlant

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("GAUGEBLOCK_SHOTS")


@pytest.fixture
def works(make_plant: Callable[..., Any]) -> LinePlant:
    made = LinePlant(make_plant())
    for _ in range(4):
        made.run(70.0)
    return made


def test_a_plant_without_a_model_says_what_to_write(
    plant: Any, session_of: Callable[..., AbstractContextManager[Any]]
) -> None:
    with session_of(plant.app()) as session:
        assert "plant.toml" in session.client.get("/line").text
        assert session.client.get("/fragments/line").status_code == 404
        assert session.client.get("/api/v1/lines").json() == {"lines": []}
        assert session.client.get("/api/v1/lines/L1").status_code == 404


def test_live_past_and_forecast(works: LinePlant, session_of: Callable[..., AbstractContextManager[Any]]) -> None:
    with session_of(works.app()) as session:
        get = session.client.get
        live = get("/line", headers={"Accept-Language": "en"}).text
        for station in works.config.stations:
            assert station.name in live
        assert live.count("<rect") < 2_000
        past = get("/fragments/line?offset=-2", headers={"Accept-Language": "en"}).text
        assert "Past" in past
        assert "Gantt" not in past
        coming = get("/fragments/line?offset=2", headers={"Accept-Language": "en"}).text
        assert "simulated futures" in coming
        assert "Good parts from now" in coming
        assert get("/fragments/line?offset=5000").status_code == 400
        assert get("/fragments/line?line=nowhere").status_code == 404
        api = get("/api/v1/lines/L1").json()
        assert {machine["machine"] for machine in api["machines"]} == {s.name for s in works.config.stations}
        kpi = api["kpis"][""]
        assert kpi["OEE_index"] == pytest.approx(kpi["availability"] * kpi["effectiveness"] * kpi["quality_ratio"])
        two_minutes_ago = datetime.fromtimestamp(works.line.now_s - 120, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        then = get(f"/api/v1/lines/L1?at={two_minutes_ago}").json()
        assert then["at"] <= two_minutes_ago.replace("Z", ".000000Z")
        assert not then["live"]


def test_dates_are_records_and_come_true(
    works: LinePlant, session_of: Callable[..., AbstractContextManager[Any]]
) -> None:
    outcomes, _ = works.desk.outcomes("L1")
    assert len(outcomes) >= 2, "orders were completed"
    with session_of(works.app()) as session:
        dates = session.client.get("/api/v1/lines/L1/dates").json()
        html = session.client.get("/line", headers={"Accept-Language": "en"}).text
    stated = [d for d in dates["orders"] if d["forecast_index"] is not None]
    assert stated
    assert dates["outcomes"] == len(outcomes)
    assert f"/records/{stated[0]['forecast_index']}" in html
    assert list(stated[0]["completion"]) == ["0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_question_is_answered(
    works: LinePlant, session_of: Callable[..., AbstractContextManager[Any]], language: str
) -> None:
    with session_of(works.app(), "quality") as session:
        form = {
            "csrf": session.csrf,
            "line": "L1",
            "kind1": "service",
            "name1": "L1-ST10",
            "value1": "0.5",
            "minutes": "5",
            "basis": "endless",
        }
        answer = session.client.post("/line/questions", data=form, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
        assert "<progress" in session.client.get(address).text
        works.answer(address.rsplit("/", 1)[1])
        html = session.client.get(address, headers={"Accept-Language": language}).text
        assert "service:L1-ST10=0.5" in html
        assert {"zh": "产出率", "en": "Throughput"}[language] in html
        # Parts without end: what a faster inspection brings is not cut off by the end of the orders.
        throughput = works.desk.question(address.rsplit("/", 1)[1])[1].figures[0]  # type: ignore[union-attr]
        assert throughput.difference.mean >= 0.0
        assert throughput.a.mean > 0.5
        wrong = session.client.post("/line/questions", data={**form, "name1": "nothing"})
        assert wrong.status_code == 422
        assert session.client.get("/line/questions/none").status_code == 404
    with session_of(works.app(), "viewer") as session:
        assert session.client.post("/line/questions", data={**form, "csrf": session.csrf}).status_code == 403


# ── in a browser ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser-exchange")
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed")
@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_pages_in_a_browser(
    works: LinePlant, serve: Callable[..., AbstractContextManager[Any]], browser: Any, language: str, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    job = works.desk.ask("L1", ["buffer:L1-TURN → L1-WASH=+6", "repair:L1-TURN=0.5"], 600.0, 40)
    works.answer(job)
    with serve(works) as running:
        context = browser.new_context(
            base_url=running.url,
            locale={"zh": "zh-CN", "en": "en-GB"}[language],
            color_scheme=theme,
            viewport={"width": 1024, "height": 768},
        )
        token = works.plant.accounts.login("quality", "correct horse battery")
        context.add_cookies([{"name": "gaugeblock_session", "value": token, "url": running.url}])
        for name, path in (("line", "/line"), ("question", f"/line/questions/{job}")):
            page = context.new_page()
            faults: list[str] = []
            page.on(
                "console", lambda message, kept=faults: kept.append(message.text) if message.type == "error" else None
            )
            page.goto(path)
            page.wait_for_load_state("load")
            if name == "line":
                page.locator("#line-slider").evaluate(
                    "(each) => { each.value = 3; each.dispatchEvent(new Event('input')); }"
                )
                page.locator("#future-title").wait_for()
                if SHOTS:
                    page.screenshot(path=f"{SHOTS}/line-future-{language}-{theme}.png", full_page=True)
                page.locator("#line-now").click()
                page.locator("#gantt-title").wait_for()
            text = page.inner_text("main")
            assert not re.search(r"\b(?:web|plant|production|twin)\.[a-z_]+(?:\.[a-z_]+)+\b", text)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{language}-{theme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            found = axe.Axe().run(page)
            serious = [
                (v["id"], [n["html"] for n in v["nodes"]][:3])
                for v in found.response["violations"]
                if v["impact"] in ("serious", "critical")
            ]
            assert serious == []
            assert faults == []
            page.close()
        context.close()
