"""Reviewing in a real Chromium: by keyboard, in two presses, with undo, and every review page in both languages.

``GAUGEBLOCK_SHOTS=folder`` keeps a picture of every page.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.settings import Enterprise, PlantSettings, Product, Review
from tests.web.conftest import SamplePlant
from tests.web.test_pages_in_browser import (
    CHROMIUM,
    SHOTS,
    in_both_themes,
    open_context,
    watch,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
]
READABLE_MS = 350


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


def reviewed_plant(second: float = 0.0) -> SamplePlant:
    owner = PlantSettings(
        enterprise=Enterprise(name="示例"),
        review=Review(second_opinion_share=second, ok_share=1.0),
        products=[Product(id="bracket-7"), Product(id="bracket-8")],
    )
    sample = SamplePlant(owner, heartbeat_s=1.0)
    for number in range(6):
        sample.inspect(Verdict.OK if number % 3 == 2 else Verdict.NOK, "good" if number % 2 else "defective")
    return sample


def waiting(sample: SamplePlant) -> list[int]:
    from gaugeblock.inspection.review_read_model import QueueFilter

    return [part.index for part in sample.plant.services.desks.reviews.reader.queue(QueueFilter())]


def said(sample: SamplePlant, index: int) -> list[tuple[str, str, tuple[str, ...]]]:
    reviewed = sample.plant.services.desks.reviews.reader.reviewed(index)
    assert reviewed is not None
    return [(opinion.role, opinion.decision, opinion.defects) for opinion in reviewed.opinions]


def shown(page: Page, index: int) -> None:
    expect(page.locator(f'[data-part="{index}"]')).to_be_visible()
    page.wait_for_timeout(READABLE_MS)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_queue_by_keyboard(browser: Browser, serve, language: str) -> None:  # type: ignore[no-untyped-def]
    sample = reviewed_plant()
    a, b, c, d, *_ = waiting(sample)
    with serve(sample) as running:
        context = open_context(browser, running, language, "light")
        page = context.new_page()
        faults = watch(page)
        loads: list[str] = []
        page.goto("/review", wait_until="load")
        page.on("framenavigated", lambda frame: loads.append(frame.url))
        shown(page, a)
        expect(page.locator("canvas[data-painted=yes]")).to_be_visible()
        page.keyboard.press("h")
        expect(page.locator("canvas[data-heatmap]")).to_be_hidden()
        page.keyboard.press("g")
        shown(page, b)
        expect(page.locator("[data-left-count]")).to_have_text("5")
        expect(page.locator("[data-toast]")).to_be_visible()
        expect(page.locator("canvas[data-heatmap]")).to_be_hidden()
        page.keyboard.press("d")
        expect(page.locator(".chips")).to_be_visible()
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/review-chips-{language}.png")
        page.keyboard.press("2")
        shown(page, c)
        expect(page.locator("[data-left-count]")).to_have_text("4")
        page.keyboard.press("z")
        shown(page, b)
        expect(page.locator("[data-left-count]")).to_have_text("5")
        page.keyboard.press("u")
        shown(page, c)
        page.keyboard.press("ArrowRight")
        shown(page, d)
        expect(page.locator("[data-left-count]")).to_have_text("4")
        assert faults == []
        assert loads == []
        context.close()
    assert said(sample, a) == [("first", "good", ())]
    assert said(sample, b) == [("first", "defective", ("dent",)), ("first", "withdrawn", ()), ("first", "unsure", ())]
    assert said(sample, c) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_two_presses_a_part_and_the_undo_that_goes(browser: Browser, serve, language: str) -> None:  # type: ignore[no-untyped-def]
    sample = reviewed_plant()
    a, b, *_ = waiting(sample)
    with serve(sample) as running:
        context = open_context(browser, running, language, "light")
        page = context.new_page()
        page.clock.install()
        faults = watch(page)
        page.goto("/review", wait_until="load")
        shown(page, a)
        page.locator("summary.decision-defective").click()
        page.get_by_role("button", name={"zh": "裂纹", "en": "crack"}[language]).click()
        shown(page, b)
        toast = page.locator("[data-toast]")
        expect(toast).to_be_visible()
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/review-toast-{language}.png")
        toast.get_by_role("button").click()
        shown(page, a)
        with page.expect_response("**/api/v1/reviews/*"):
            page.locator(".decision-good").click()
        shown(page, b)
        expect(toast).to_be_visible()
        page.clock.run_for(8_500)
        expect(toast).to_be_hidden()
        assert faults == []
        context.close()
    assert said(sample, a) == [("first", "defective", ("crack",)), ("first", "withdrawn", ()), ("first", "good", ())]


def test_a_double_tap_decides_one_part_only(browser: Browser, serve) -> None:  # type: ignore[no-untyped-def]
    sample = reviewed_plant()
    a, b, *_ = waiting(sample)
    with serve(sample) as running:
        context = open_context(browser, running, "en", "light")
        page = context.new_page()
        page.goto("/review", wait_until="load")
        shown(page, a)
        page.locator(".decision-good").dblclick()
        shown(page, b)
        expect(page.locator("[data-left-count]")).to_have_text("5")
        context.close()
    assert said(sample, b) == []


def test_what_another_has_decided_is_told_and_what_fails_comes_back(browser: Browser, serve) -> None:  # type: ignore[no-untyped-def]
    from gaugeblock.inspection.review import Answer

    sample = reviewed_plant()
    a, b, *_ = waiting(sample)
    desk = sample.plant.services.desks.reviews
    with serve(sample) as running:
        context = open_context(browser, running, "en", "light")
        page = context.new_page()
        page.goto("/review", wait_until="load")
        shown(page, a)
        desk.decide("person:wang.fang", a, Answer(decision="good"))
        desk.decide("person:chen.jie", a, Answer(decision="good", asked="second"))
        page.keyboard.press("g")
        shown(page, b)
        expect(page.locator("[data-toast-text]")).to_contain_text("already decided")
        page.route("**/api/v1/reviews/*", lambda route: route.abort())
        page.keyboard.press("g")
        expect(page.locator("[data-toast]")).to_have_attribute("data-kind", "fault")
        shown(page, b)
        page.unroute("**/api/v1/reviews/*")
        with page.expect_response("**/api/v1/reviews/*"):  # a closed page would take its request with it
            page.keyboard.press("g")
        expect(page.locator(f'[data-part="{b}"]')).to_have_count(0)
        context.close()
    assert said(sample, b) == [("first", "good", ())]


def test_without_scripts_the_forms_do_the_same(browser: Browser, serve) -> None:  # type: ignore[no-untyped-def]
    sample = reviewed_plant()
    a, b, *_ = waiting(sample)
    with serve(sample) as running:
        token = sample.plant.accounts.login("quality", "correct horse battery")
        context = browser.new_context(base_url=running.url, locale="en-GB", java_script_enabled=False)
        context.add_cookies([{"name": "gaugeblock_session", "value": token, "url": running.url}])
        page = context.new_page()
        page.goto("/review")
        page.locator("summary.decision-defective").click()
        page.get_by_role("button", name="scratch").click()
        expect(page.locator(f'[data-part="{b}"]')).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(f'[data-part="{a}"]')).to_be_visible()
        context.close()
    assert said(sample, a) == [("first", "defective", ("scratch",)), ("first", "withdrawn", ())]


@pytest.fixture(scope="module")
def disputed() -> SamplePlant:
    from gaugeblock.inspection.review import Answer

    sample = reviewed_plant(1.0)
    desk = sample.plant.services.desks.reviews
    a, b, c, *_ = waiting(sample)
    desk.decide("person:li.wei", a, Answer(decision="good", seconds=2.0))
    desk.decide("person:wang.fang", a, Answer(decision="defective", defects=("scratch",), asked="second"))
    desk.decide("person:li.wei", b, Answer(decision="good"))
    desk.decide("person:li.wei", c, Answer(decision="defective", defects=("pit",)))
    desk.decide("person:wang.fang", c, Answer(decision="defective", defects=("pit",), asked="second"))
    return sample


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_review_page_is_whole(browser: Browser, serve, disputed: SamplePlant, language: str) -> None:  # type: ignore[no-untyped-def]
    found: list[str] = []
    settled = next(row.index for row in disputed.plant.inspections.rows if len(said(disputed, row.index)) == 2)
    pages = {
        "review": "/review",
        "review-second": "/review/second",
        "review-disagreements": "/review/disagreements",
        "review-catalogue": "/review/catalogue",
        "review-empty": "/review?station=nowhere",
        "review-part": f"/inspections/{settled}",
    }
    with serve(disputed) as running:
        for size in ((1024, 768), (1440, 900)):
            context = open_context(browser, running, language, "light", size)
            page = context.new_page()
            faults = watch(page)
            for name, address in pages.items():
                response = page.goto(address, wait_until="load")
                assert response is not None
                assert response.status == 200, name
                if page.locator("canvas[data-heatmap]").count():
                    page.wait_for_selector("canvas[data-painted]", state="attached")
                found += in_both_themes(page, f"{name}-{size[0]}", language)
                if size[0] == 1024 and name in {"review", "review-second"}:
                    button = page.locator(".decision-good").bounding_box()
                    assert button is not None
                    assert button["y"] + button["height"] < 768, "the decision is below the fold"
            assert faults == []
            context.close()
    assert found == []


def test_touch_targets_are_large_enough(browser: Browser, serve, disputed: SamplePlant) -> None:  # type: ignore[no-untyped-def]
    with serve(disputed) as running:
        context = open_context(browser, running, "zh", "light", size=(1024, 768))
        page = context.new_page()
        small = []
        for address in ("/review", "/review/second", "/review/disagreements", "/review/catalogue"):
            page.goto(address, wait_until="load")
            if page.locator("[data-defects]").count():
                page.locator("summary.decision").first.click()
            small += page.evaluate(
                """name => [...document.querySelectorAll(
                    'button, select, summary, nav a, .button, input:not([type=hidden])')]
                    .filter(e => e.checkVisibility() && !e.closest('.check'))
                    .map(e => [e, e.getBoundingClientRect()])
                    .filter(([e, box]) => box.height < 41 || box.width < 41)
                    .map(([e, box]) => `${name}: ${e.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)""",
                address,
            )
        context.close()
    assert small == []
