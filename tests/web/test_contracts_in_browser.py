"""The pages of contracts, customers and transfers in a real Chromium: both languages, light and dark, with axe.

``GAUGEBLOCK_SHOTS=folder`` keeps a picture of every page.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.conftest import PASSWORD, served
from tests.web.contracts_plant import contracts_plant
from tests.web.test_pages_in_browser import CHROMIUM, in_both_themes, open_context, watch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser-exchange"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def contracts():  # type: ignore[no-untyped-def]
    sample, pages = contracts_plant()
    with served(sample) as running:
        yield running, pages


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_whole(browser: Browser, contracts, language: str) -> None:  # type: ignore[no-untyped-def]
    running, pages = contracts
    found: list[str] = []
    context = open_context(browser, running, language, "light")
    page = context.new_page()
    faults = watch(page)
    for name, address in pages.items():
        response = page.goto(address, wait_until="load")
        assert response is not None
        assert response.status == 200, name
        found += in_both_themes(page, f"contracts-{name}", language)
    context.close()
    assert found == []
    assert faults == []


def test_a_person_previews_and_drafts(browser: Browser, contracts) -> None:  # type: ignore[no-untyped-def]
    running, _ = contracts
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto("/contracts/new?customer=acme&typical=true")
    page.fill('input[name="contract"]', "C-2026-7")
    page.select_option('select[name="customer"]', "acme")
    page.fill('textarea[name="purpose"]', "delivery dates")
    page.click('button[value="preview"]')
    row = page.locator("#preview tr", has_text="inspection.verdict")
    expect(row.locator("td.figure").first).to_have_text("3")
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text('"verdict"')
    expect(row.locator("pre")).not_to_contain_text("score")
    expect(page.locator("#preview")).to_contain_text("approval of another administrator")
    page.click('button[value="draft"]')
    expect(page.locator("h1")).to_have_text("C-2026-7")
    expect(page.locator(".stage").first).to_contain_text("awaiting approval")
    context.close()


def test_a_draft_that_makes_no_sense_says_why_and_keeps_what_was_typed(browser: Browser, contracts) -> None:  # type: ignore[no-untyped-def]
    running, _ = contracts
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto("/contracts/new?customer=acme&typical=true")
    page.fill('input[name="contract"]', "C-2026-8")
    page.fill('textarea[name="purpose"]', "delivery dates")
    page.fill('textarea[name="orders"]', "WO-1043")
    page.select_option('select[name="customer"]', "acme")
    page.click('button[value="draft"]')
    expect(page.locator("[role=alert].fault")).to_contain_text("WO-1043 belongs to another customer")
    expect(page.locator('textarea[name="purpose"]')).to_have_value("delivery dates")
    context.close()


def test_a_key_is_shown_once(browser: Browser, contracts) -> None:  # type: ignore[no-untyped-def]
    running, _ = contracts
    context = open_context(browser, running, "en", "light", session=False)
    token = running.sample.plant.accounts.login("admin", PASSWORD)
    context.add_cookies([{"name": "gaugeblock_session", "value": token, "url": running.url}])
    page = context.new_page()
    page.goto("/customers/beta")
    if not page.locator("#issue").is_visible():
        page.locator("summary", has_text="Issue a key").click()
    page.fill('#issue input[name="name"]', "portal")
    page.click('#issue button[type="submit"]')
    key = page.locator(".issued").inner_text()
    assert "gbk_" in key
    page.goto("/customers/beta")
    assert "gbk_" not in page.content()
    expect(page.locator("tr", has_text="portal")).to_be_visible()
    context.close()
