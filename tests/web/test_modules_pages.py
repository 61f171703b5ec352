"""Pages and API of modules over real records: decisions with reasons, comparisons, operating points, training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.inspection.comparison import JudgedPart, compare_set, judge
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import InspectionMeasurement
from gaugeblock.plant.module_facets import (
    ComparisonMeasurement,
    ComparisonStatement,
    ComparisonSubject,
    ShadowInputs,
    ShadowStatement,
    ShadowSubject,
)
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.plant.settings import PlantSettings, parse_settings
from tests.inspection.sample_modules import candidate, introduce, sample_module

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("GAUGEBLOCK_SHOTS")
STATION = "L1-ST10"


def owner() -> PlantSettings:
    return parse_settings(
        '[enterprise]\nname = "示例工厂"\nname_en = "Example Works"\n[review]\nsecond_opinion_share = 0.0\n'
        '[[sites]]\nid = "S"\n[[lines]]\nid = "L1"\nsite = "S"\n'
        '[[products]]\nid = "bracket-7"\n[products.costs]\nescape = 200\noverkill = 5\nreview = 1\ndefect_rate = 0.02\n'
        f'[[stations]]\nid = "{STATION}"\nline = "L1"\nproduct = "bracket-7"\nmodule = "m.gbm"\n'
        '[stations.camera]\nkind = "watched_folder"\nfolder = "in"\n'
    )


def populate(sample: Any) -> dict[str, str]:
    """A first module, one that was released, and candidates: compared and passed, compared and failed, fresh."""
    plant = sample.plant
    found = {"first": introduce(plant, STATION, sample_module(1))}
    verdicts = [sample.inspect() for _ in range(12)]
    for _ in range(8):
        sample.inspect(Verdict.OK, None)
    second = candidate(plant, STATION, sample_module(2), "person:quality")
    plant.services.desks.modules.release("person:quality", STATION, second, reason="首件验证后放行，旧模型过杀过高")
    found["second"] = second
    found["passed"] = candidate(plant, STATION, sample_module(3))
    found["failed"] = candidate(plant, STATION, sample_module(4))
    found["fresh"] = candidate(plant, STATION, sample_module(5))
    for name, passed in (("passed", True), ("failed", False)):
        state_comparison(plant, found[name], second, passed=passed)
    for _ in range(9):
        index = sample.inspect()
        facets: dict[str, Any] = {
            "subject": ShadowSubject(STATION, index, None, "bracket-7"),
            "statement": ShadowStatement(Verdict.OK),
            "measurement": InspectionMeasurement(score=0.9, threshold=1.2),
            "inputs": ShadowInputs(found["passed"], "0" * 64),
        }
        identity = f"shadow/{found['passed'][:16]}/{index}"
        plant.statements.state("server:plant", "inspection.shadow", identity, facets)
    for index in verdicts[:6]:
        row = plant.services.inspections.verdict(index)
        subject = ReviewSubject(STATION, index, row.unit, row.product, row.order)
        for number, decision in enumerate(("good", "good")):
            facets = {"subject": subject, "statement": ReviewStatement(decision)}
            plant.statements.state("person:quality", "inspection.review", f"{index}/{number}", facets)
    return found


def state_comparison(plant: Any, module: str, serving: str, *, passed: bool) -> int:
    bad = JudgedPart("defective", not passed, False)
    sets = [
        compare_set("held_out", [JudgedPart("good", True, True)] * 80 + [JudgedPart("good", True, False)] + [bad] * 8),
        compare_set("challenge", [JudgedPart("defective", False, False)] * 3 + [JudgedPart("good", True, True)] * 3),
        compare_set("shadow", [JudgedPart(None, True, True)] * 210),
    ]
    found = judge(sets)
    facets: dict[str, Any] = {
        "subject": ComparisonSubject(module, serving, STATION, "bracket-7"),
        "statement": ComparisonStatement(found.passed, found.failed, found.criteria),
        "measurement": ComparisonMeasurement(tuple(sets), 2),
    }
    identity = f"comparison/{module[:16]}"
    index: int = plant.statements.state("server:plant", "inspection.comparison", identity, facets)
    return index


Session = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def plant(make_plant: Callable[..., Any]) -> Any:
    return make_plant(owner())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_before_there_is_anything(plant: Any, session_of: Session, language: str) -> None:
    with session_of(plant.app(), "viewer") as session:
        for address in ("/modules", "/modules/training"):
            page = session.client.get(address, headers={"Accept-Language": language})
            assert page.status_code == 200, page.text
        assert session.client.get("/modules/" + "a" * 64, headers={"Accept": "text/html"}).status_code == 404
        posted = session.client.post(f"/modules/{'a' * 64}/release", data={"csrf": session.csrf})
        assert posted.status_code == 403


def test_release_rollback_and_reject_by_form(plant: Any, session_of: Session) -> None:
    found = populate(plant)
    english = {"Accept-Language": "en", "Accept": "text/html"}
    with session_of(plant.app(), "quality") as session:

        def post(module: str, action: str, **data: str) -> Any:
            form = {"csrf": session.csrf, "station": STATION, **data}
            address = f"/modules/{module}/{action}"
            return session.client.post(address, data=form, headers=english, follow_redirects=False)

        page = session.client.get("/modules", headers=english).text
        assert "The same person trained and released it: quality" in page
        assert found["passed"][:12] in page
        index = plant.plant.services.desks.modules.reader.candidate(STATION, found["passed"]).comparison.index
        unconfirmed = post(found["passed"], "release", comparison_index=str(index))
        assert unconfirmed.status_code == 400
        assert "not ticked" in unconfirmed.text
        without = post(found["fresh"], "release", confirm="yes")
        assert without.status_code == 422
        assert "needs a reason" in without.text
        failed = plant.plant.services.desks.modules.reader.candidate(STATION, found["failed"]).comparison.index
        refused = post(found["failed"], "release", confirm="yes", comparison_index=str(failed))
        assert refused.status_code == 409
        released = post(found["passed"], "release", confirm="yes", comparison_index=str(index))
        assert released.status_code == 303
        shown = session.client.get(released.headers["location"], headers=english).text
        assert "Released: record #" in shown
        assert "with a module that is no longer in service" in shown
        rejected = post(found["failed"], "reject", confirm="yes", reason="lets scratches through")
        assert rejected.status_code == 303
        back = post(found["first"], "rollback", confirm="yes", reason="the new lamp is not installed yet")
        assert back.status_code == 303
        serving = plant.plant.services.desks.modules.station(STATION).in_service
        assert (serving.module_sha256, serving.author) == (found["first"], "person:quality")
        comparing = post(found["fresh"], "compare")
        assert comparing.headers["location"] == "/modules?done=compare"
        assert "disabled" in session.client.get("/modules", headers=english).text


def test_operating_point_by_form(plant: Any, session_of: Session) -> None:
    found = populate(plant)
    english = {"Accept-Language": "en", "Accept": "text/html"}
    with session_of(plant.app(), "quality") as session:
        address = f"/modules/{found['second']}"
        plain = session.client.get(address, headers=english).text
        assert "Three zones" in plain or "Two zones" in plain
        costs = {"escape": "5000", "overkill": "1", "review": "", "rate": "1"}
        tried = session.client.get(address, params=costs, headers=english)
        assert tried.status_code == 200
        assert "With these costs" in tried.text
        wrong = session.client.get(address, params={**costs, "escape": "much"}, headers=english)
        assert wrong.status_code == 400
        assert "not numbers" in wrong.text
        form = {"csrf": session.csrf, "station": STATION, **costs}
        made = session.client.post(f"{address}/operating-point", data=form, headers=english, follow_redirects=False)
        assert made.status_code == 303, made.text
        assert "begins to run in shadow" in session.client.get(made.headers["location"], headers=english).text
        again = session.client.post(f"{address}/operating-point", data=form, headers=english, follow_redirects=False)
        # The same costs give the same module: one candidate, however often it is made.
        assert again.headers["location"] == made.headers["location"]


def test_training_by_form(plant: Any, session_of: Session) -> None:
    populate(plant)
    english = {"Accept-Language": "en", "Accept": "text/html"}
    with session_of(plant.app(), "quality") as session:
        seen = session.client.get(
            "/modules/training", params={"station": STATION, "with_passed": "yes"}, headers=english
        )
        assert "of these only presumed good" in seen.text
        folder = session.client.get(
            "/modules/training", params={"station": STATION, "folder": "nowhere"}, headers=english
        )
        assert folder.status_code == 422
        assert "cannot be read" in folder.text
        form = {"csrf": session.csrf, "station": STATION, "product": "bracket-7", "with_passed": "yes"}
        started = session.client.post("/modules/training", data=form, headers=english, follow_redirects=False)
        assert started.status_code == 303, started.text
        assert "waiting" in session.client.get("/fragments/modules/training", headers=english).text
        twice = session.client.post("/modules/training", data=form, headers=english)
        assert twice.status_code == 409
        (job,) = session.client.get("/api/v1/trainings").json()["jobs"]
        cancelled = session.client.post(f"/modules/training/{job['id']}/cancel", data={"csrf": session.csrf})
        assert cancelled.status_code == 200
        assert session.client.get(f"/api/v1/trainings/{job['id']}").json()["state"] == "cancelled"


def test_the_api_says_and_does_the_same(plant: Any, session_of: Session) -> None:
    found = populate(plant)
    with session_of(plant.app(), "quality") as session:
        (station,) = session.client.get("/api/v1/modules").json()["stations"]
        assert station["in_service"]["module_sha256"] == found["second"]
        assert {row["module_sha256"] for row in station["candidates"] if row["state"] == "open"} == {
            found["passed"],
            found["failed"],
            found["fresh"],
        }
        one = session.client.get(f"/api/v1/modules/{found['second']}").json()
        assert one["operating_point_sha256"]
        tried = session.client.get(
            f"/api/v1/modules/{found['second']}/operating-point",
            params={"escape": 5000, "overkill": 1, "defect_rate": 0.01},
        ).json()
        assert tried["threshold"] < one["operating_point"]["threshold"]
        file = session.client.get(f"/api/v1/modules/{found['second']}/file")
        assert file.content == sample_module(2)
        header = {"x-csrf-token": session.csrf}

        def post(address: str, **body: Any) -> Any:
            return session.client.post(f"/api/v1{address}", json=body, headers=header)

        refused = post(f"/modules/{found['fresh']}/release", station=STATION)
        assert (refused.status_code, refused.json()["code"]) == (422, "inspection.reason_missing")
        decided = post(
            f"/modules/{found['fresh']}/release", station=STATION, reason="the fixture has changed completely"
        )
        assert decided.status_code == 201, decided.text
        assert decided.json()["same_person"] is False
        back = post(f"/modules/{found['first']}/rollback", station=STATION, reason="the fixture was changed back")
        assert back.json()["action"] == "rollback"
        seen = post("/trainings/preview", station=STATION, product="bracket-7", with_passed=True)
        assert seen.json()["enough"] is True
        assert post(f"/modules/{'0' * 64}/compare", station=STATION).status_code == 409


# ── in a browser ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_in_a_browser(browser: Any, plant: Any, serve: Any, language: str) -> None:
    from tests.web.test_pages_in_browser import in_both_themes, open_context, watch

    found = populate(plant)
    addresses = {
        "modules": "/modules",
        "module": f"/modules/{found['second']}?escape=5000&overkill=1&review=0.5&rate=1",
        "training": f"/modules/training?station={STATION}&with_passed=yes",
    }
    faults: list[str] = []
    with serve(plant) as running:
        plant.plant.services.desks.training.start("person:quality", _options())
        for size in ((1024, 768), (1440, 900)):
            context = open_context(browser, running, language, "light", size)
            page = context.new_page()
            seen = watch(page)
            for name, address in addresses.items():
                page.goto(address, wait_until="load")
                page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
                faults += in_both_themes(page, f"{name}-{size[0]}", language)
            faults += seen
            context.close()
        context = open_context(browser, running, language, "light")
        page = context.new_page()
        page.goto("/modules")
        card = page.locator(".candidate", has_text=found["passed"][:10])
        card.locator("details").first.locator("summary").click()
        card.locator("form[action$='/release'] input[type=checkbox]").check()
        card.locator("form[action$='/release'] button").click()
        page.wait_for_url("**/modules?done=release**")
        assert page.locator(".answer-good").count() == 1
        context.close()
    assert plant.plant.services.desks.modules.station(STATION).in_service.module_sha256 == found["passed"]
    assert faults == []


def _options() -> Any:
    from gaugeblock.inspection.training import TrainingOptions

    return TrainingOptions(station=STATION, product="bracket-7", with_passed=True)
