"""The pages of quality in a real Chromium: both languages, light and dark, tablet and desk, with axe; and by hand.

``GAUGEBLOCK_SHOTS=folder`` keeps a picture of every page.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.conftest import served
from tests.web.quality_plant import quality_plant, study_table
from tests.web.test_pages_in_browser import CHROMIUM, check_page, in_both_themes, open_context, shoot, watch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def quality():  # type: ignore[no-untyped-def]
    sample, pages = quality_plant()
    with served(sample) as running:
        yield running, pages


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_whole(browser: Browser, quality, language: str) -> None:  # type: ignore[no-untyped-def]
    running, pages = quality
    found: list[str] = []
    context = open_context(browser, running, language, "light")
    page = context.new_page()
    faults = watch(page)
    for name, address in pages.items():
        response = page.goto(address, wait_until="load")
        assert response is not None
        assert response.status == 200, name
        found += in_both_themes(page, f"quality-{name}", language)
        page.set_viewport_size({"width": 1440, "height": 900})
        found += [f"1440 {fault}" for fault in check_page(page, name, language, ["color-contrast"])]
        shoot(page, f"quality-{name}-{language}-1440")
        page.set_viewport_size({"width": 1024, "height": 768})
    context.close()
    assert found == []
    assert faults == []


def test_a_person_disposes_of_units_and_is_told_why_it_cannot_be_closed(browser: Browser, quality) -> None:  # type: ignore[no-untyped-def]
    running, pages = quality
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto(pages["nonconformity"])
    page.locator("summary", has_text="Closure").click()
    page.fill("#form-closure textarea", "done")
    page.click("#form-closure button")
    expect(page.locator("[role=alert].fault")).to_contain_text("It cannot be closed")
    page.locator("summary", has_text="Disposition").click()
    if not page.locator("#form-disposition select").is_visible():
        page.locator("summary", has_text="Disposition").click()
    page.check('input[name="unit"][value="U-3"]', force=True)
    page.select_option("#form-disposition select", "scrap")
    page.click("#form-disposition button")
    expect(page.locator("tr", has_text="U-3")).to_contain_text("scrap")
    expect(page.locator("tr", has_text="U-1").first).to_contain_text("rework")
    context.close()


def test_a_study_is_uploaded_with_its_errors_by_line(browser: Browser, quality, tmp_path) -> None:  # type: ignore[no-untyped-def]
    running, pages = quality
    wrong = tmp_path / "wrong.csv"
    wrong.write_bytes(study_table().replace(b"P03,defective,li.wei,1,NOK", b"P03,defective,li.wei,1,maybe"))
    right = tmp_path / "right.csv"
    right.write_bytes(study_table())
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto(pages["studies"])
    for file in (wrong, right):
        page.set_input_files("input[type=file]", str(file))
        page.locator('form[action="/quality/studies/table"] input[name="study"]').fill("November")
        page.locator('form[action="/quality/studies/table"] button').click()
        if file is wrong:
            expect(page.locator("[role=alert].fault")).to_contain_text("column “decision”: “maybe” cannot be read")
    expect(page.locator("h1")).to_contain_text("November")
    context.close()


def test_reports_print_without_the_frame(browser: Browser, quality) -> None:  # type: ignore[no-untyped-def]
    running, pages = quality
    context = open_context(browser, running, "zh", "light")
    page = context.new_page()
    for name in ("study", "eight-d"):
        page.goto(pages[name])
        page.emulate_media(media="print")
        expect(page.locator("header.top")).to_be_hidden()
        expect(page.locator("h1")).to_be_visible()
        shoot(page, f"quality-{name}-print")
        page.emulate_media(media="screen")
    context.close()
