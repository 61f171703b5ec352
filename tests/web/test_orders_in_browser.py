"""The pages of orders and messages in a real Chromium: both languages, light and dark, axe; and by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.conftest import served
from tests.web.test_pages_in_browser import CHROMIUM, check_page, in_both_themes, open_context, shoot, watch
from tests.web.trading_plant import FAULTY, trading_plant

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
def trading():  # type: ignore[no-untyped-def]
    sample, pages = trading_plant()
    with served(sample) as running:
        yield running, pages


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_whole(browser: Browser, trading, language: str) -> None:  # type: ignore[no-untyped-def]
    running, pages = trading
    found: list[str] = []
    context = open_context(browser, running, language, "light")
    page = context.new_page()
    faults = watch(page)
    for name, address in pages.items():
        response = page.goto(address, wait_until="load")
        assert response is not None
        assert response.status == 200, name
        for details in page.locator("details").all():
            details.evaluate("node => { node.open = true }")
        found += in_both_themes(page, f"orders-{name}", language)
        page.set_viewport_size({"width": 1440, "height": 900})
        found += [f"1440 {fault}" for fault in check_page(page, name, language, ["color-contrast"])]
        shoot(page, f"orders-{name}-{language}-1440")
        page.set_viewport_size({"width": 1024, "height": 768})
    context.close()
    assert found == []
    assert faults == []


def test_an_order_from_its_form_to_its_shipment(browser: Browser, trading) -> None:  # type: ignore[no-untyped-def]
    running, _ = trading
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto("/orders/new")
    page.get_by_label("Order", exact=True).fill("WO/9")
    page.get_by_label("Product").fill("bracket-7")
    page.get_by_label("Quantity").fill("12")
    page.locator("select[name=customer]").select_option("acme")
    page.get_by_role("button", name="State it").click()
    expect(page.get_by_role("alert")).to_contain_text("WO/9")
    expect(page.get_by_label("Quantity")).to_have_value("12")
    page.get_by_label("Order", exact=True).fill("WO-9")
    page.get_by_role("button", name="State it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("WO-9")
    page.get_by_text("State a lot", exact=True).click()
    lot = page.locator("form[action$='/lot']")
    lot.get_by_label("Lot").fill("L-9")
    lot.get_by_label("Serial numbers").fill("N1, N2\nN3")
    lot.get_by_role("button").click()
    expect(page.locator("div.table-frame[aria-labelledby=lots-title]")).to_contain_text("N3")
    page.get_by_text("State a shipment", exact=True).click()
    shipment = page.locator("form[action$='/shipment']")
    shipment.get_by_label("Shipment").fill("S-9")
    shipment.get_by_label("Shipped at").fill("2026-12-02T08:30")
    shipment.get_by_label("Quantity").fill("3")
    shipment.get_by_role("button").click()
    expect(page.locator("div.table-frame[aria-labelledby=shipments-title]")).to_contain_text("S-9")
    expect(page.locator(".progress-words").first).to_contain_text("3 shipped")
    context.close()


def test_an_import_is_told_line_by_line_and_taken_back(browser: Browser, trading) -> None:  # type: ignore[no-untyped-def]
    running, _ = trading
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto("/orders/import")
    page.locator("input[type=file]").set_input_files(
        {"name": "orders.csv", "mimeType": "text/csv", "buffer": FAULTY.encode()}
    )
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("section", has_text="What the file holds")).to_contain_text("nobody")
    good = b"order,product,quantity\nWO-3001,bracket-7,4\n"
    page.locator("input[type=file]").set_input_files({"name": "o.csv", "mimeType": "text/csv", "buffer": good})
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("1 new, 0 changed")).to_be_visible()
    page.get_by_role("button", name="Take back").first.click()
    page.goto("/orders/WO-3001")
    expect(page.locator(".title-line")).to_contain_text("cancelled")
    context.close()


def test_a_customers_question_is_answered(browser: Browser, trading) -> None:  # type: ignore[no-untyped-def]
    running, _ = trading
    context = open_context(browser, running, "en", "light")
    page = context.new_page()
    page.goto("/messages")
    page.get_by_role("link", name="Date requested").click()
    page.get_by_role("group").filter(has_text="Date confirmed").get_by_role("button", name="Send").click()
    expect(page.locator(".talk li").last).to_contain_text("Date confirmed · 2026-12-18")
    page.goto("/messages/T-complaint")
    page.get_by_role("link", name="Nonconformity NC-C").click()
    expect(page.locator("main")).to_contain_text("Scratches on two parts.")
    context.close()
