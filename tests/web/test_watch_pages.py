"""The pages of watch and retention: alarms in words with two images, seen to by a person, in both languages."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaugeblock.inspection.watch import BASELINE_SUBGROUPS, SUBGROUP
from gaugeblock.plant.inspection_facets import WatchMeasurement
from gaugeblock.plant.record_types import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Verdict,
)
from gaugeblock.plant.settings import Enterprise, PlantSettings, Retention
from gaugeblock.stores.log_records import Submission

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("GAUGEBLOCK_SHOTS")
STATION = "L1-ST10"
ALARM_WORDS = {"zh": "图像变暗了。", "en": "The picture has become darker."}


def photograph(grey: int) -> bytes:
    plate = np.full((240, 320, 3), grey, np.uint8)
    plate[60:180, 100:220] = grey // 3
    buffer = io.BytesIO()
    Image.fromarray(plate).save(buffer, "JPEG")
    return buffer.getvalue()


def darken(sample: Any) -> None:
    """A lamp that fades after the baseline was learnt."""
    random = np.random.default_rng(3)
    parts = BASELINE_SUBGROUPS * SUBGROUP + 120
    small, large = (sample.plant.blobs.put(photograph(grey)) for grey in (124, 115))
    records = []
    for number in range(parts):
        faded = number >= BASELINE_SUBGROUPS * SUBGROUP + 60
        watch = WatchMeasurement(
            light=float(random.normal(124, 1.5) - (9 if faded else 0)),
            contrast=float(random.normal(41, 1)),
            focus=float(random.normal(0.18, 0.01)),
            shift_x=float(random.normal(0, 0.002)),
            shift_y=float(random.normal(0, 0.002)),
            feature=float(random.normal(1.1, 0.1)),
        )
        records.append(
            sample.signed(
                "inspection.verdict",
                {
                    "subject": InspectionSubject(station=STATION, unit=f"W-{number:04d}", product="bracket-7"),
                    "statement": InspectionStatement(Verdict.OK),
                    "measurement": InspectionMeasurement(score=0.8, threshold=1.85, watch=watch),
                    "process": InspectionProcess(
                        boot_epoch=1, sequence=number, trigger=number, deadline_ms=300.0, latency_ms=60.0
                    ),
                    "inputs": InspectionInputs(image_sha256=large if faded else small, module_sha256="ab" * 32),
                },
                identity=f"watch/{number}",
            )
        )
    sample.log.append([Submission(record.jws, record.disclosures) for record in records])
    sample.log.sign_checkpoint()
    sample.plant.follow()
    sample.plant.services.desks.watch.step()


@pytest.fixture
def faded(make_plant: Callable[..., Any]) -> Any:
    sample = make_plant()
    darken(sample)
    return sample


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_alarm_is_told_in_words_with_two_images(
    faded: Any, session_of: Callable[..., AbstractContextManager[Any]], language: str
) -> None:
    with session_of(faded.app(), "quality") as session:
        html = session.client.get("/stations/watch", headers={"Accept-Language": language}).text
        assert ALARM_WORDS[language] in html
        assert html.count('class="alarm-image"') == 2
        alarm = faded.plant.services.desks.watch.alarms()[0]
        assert f"/records/{alarm.index}" in html
        answer = session.client.post(
            f"/stations/watch/{alarm.index}",
            data={"csrf": session.csrf, "note": "换灯", "new_baseline": "true"},
            follow_redirects=False,
        )
        assert (answer.status_code, answer.headers["location"]) == (303, f"/stations/watch?station={STATION}")
        html = session.client.get("/stations/watch", headers={"Accept-Language": language}).text
        assert "换灯" in html
        again = session.client.post(f"/stations/watch/{alarm.index}", data={"csrf": session.csrf})
        assert again.status_code == 409


def test_a_viewer_may_look_and_not_acknowledge(
    faded: Any, session_of: Callable[..., AbstractContextManager[Any]]
) -> None:
    with session_of(faded.app(), "viewer") as session:
        alarm = faded.plant.services.desks.watch.alarms()[0]
        assert "alarm-form" not in session.client.get("/stations/watch").text
        assert session.client.post(f"/stations/watch/{alarm.index}", data={"csrf": session.csrf}).status_code == 403


def test_empty_pages_say_what_will_appear(plant: Any, session_of: Callable[..., AbstractContextManager[Any]]) -> None:
    with session_of(plant.app()) as session:
        for path in ("/stations/watch", "/log/retention", "/fragments/watch"):
            assert session.client.get(path).status_code == 200


# ── in a browser ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed")
@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_pages_in_a_browser(
    faded: Any, serve: Callable[..., AbstractContextManager[Any]], browser: Any, language: str, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with serve(faded) as running:
        context = browser.new_context(
            base_url=running.url,
            locale={"zh": "zh-CN", "en": "en-GB"}[language],
            color_scheme=theme,
            viewport={"width": 1024, "height": 768},
        )
        token = faded.plant.accounts.login("quality", "correct horse battery")
        context.add_cookies([{"name": "gaugeblock_session", "value": token, "url": running.url}])
        for name, path in (("watch", "/stations/watch"), ("retention", "/log/retention")):
            page = context.new_page()
            faults: list[str] = []
            page.on(
                "console", lambda message, kept=faults: kept.append(message.text) if message.type == "error" else None
            )
            page.goto(path)
            page.wait_for_load_state("load")
            text = page.inner_text("main")
            assert not re.search(r"\b(?:web|plant|inspection)\.[a-z_]+(?:\.[a-z_]+)+\b", text)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{language}-{theme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            found = axe.Axe().run(page)
            serious = [v["id"] for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
            assert serious == []
            assert [f for f in faults if "blobs" not in f and "Failed to load resource" not in f] == []
            page.close()
        context.close()


def test_a_deleted_image_leaves_its_thumbnail_and_says_so(
    make_plant: Callable[..., Any], session_of: Callable[..., AbstractContextManager[Any]]
) -> None:
    rule = Retention(good_days=1.0, good_share=0.0)
    sample = make_plant(owner=PlantSettings(enterprise=Enterprise(name="x"), retention=rule))
    sample._now -= timedelta(days=2)
    wide = np.random.default_rng(1).integers(0, 255, (200, 640, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(wide).save(buffer, "JPEG")
    index = sample.inspect(Verdict.OK, "good", photograph=buffer.getvalue())
    image = hashlib.sha256(buffer.getvalue()).hexdigest()
    assert sample.plant.blobs.has(image)
    sample.plant.follow()
    sample.plant.services.desks.retention.step()
    assert not sample.plant.blobs.has(image)
    with session_of(sample.app(), "viewer") as session:
        html = session.client.get(f"/inspections/{index}", headers={"Accept-Language": "en"}).text
        assert "deleted by rule" in html
        small = session.client.get(f"/api/v1/blobs/{image}?width=320")
        assert Image.open(io.BytesIO(small.content)).width == 320
        assert session.client.get(f"/api/v1/blobs/{image}").status_code == 404
