"""Portal and customers' pages in a real headless Chromium: both languages, light and dark, phone and tablet, with axe;
five clicks from the door to verified evidence; verification without WebCrypto.

``GAUGEBLOCK_SHOTS=folder`` keeps a picture of every page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright")
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright  # noqa: E402

from gaugeblock.exchange.sandbox_story import CUSTOMER, DONE_ORDER, OPEN_ORDER  # noqa: E402
from gaugeblock.exchange.view_model import InspectionFilter  # noqa: E402
from tests.web.customer.site import PASSWORD, PERSON, Site  # noqa: E402

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("GAUGEBLOCK_SHOTS")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser-exchange"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
]
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
HTML_LANG = {"zh": "zh-Hans", "en": "en"}
UNTRANSLATED = re.compile(r"\b(?:customer|web|plant|exchange)\.[a-z_]+(?:\.[a-z_]+)+\b")
PHONE, TABLET = (390, 844), (820, 1180)
OPEN = {
    "start": "/",
    "api": "/portal/api",
    "samples": "/portal/samples",
    "webhooks-docs": "/portal/webhooks",
    "verify-docs": "/portal/verify",
    "changelog": "/portal/changelog",
    "sign-in": "/sign-in",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def own(site: Site) -> dict[str, str]:
    verdict = site.sandbox.view().inspections(InspectionFilter(verdict="NOK")).items[0]
    endpoint = site.webhooks.add(CUSTOMER, "https://hooks.customer.example/in", "whsec_" + "A" * 43 + "=")
    assert endpoint is not None
    message = site.dispatcher.fire_test(endpoint, "b" * 24)
    site.dispatcher.turn(endpoint)
    return {
        "orders": "/my/orders",
        "order": f"/my/orders/{OPEN_ORDER}",
        "order-done": f"/my/orders/{DONE_ORDER}",
        "inspections": "/my/inspections",
        "inspection": f"/my/inspections/{verdict.record_index}",
        "record": f"/my/records/{verdict.record_index}",
        "certificates": "/my/certificates",
        "messages": "/my/messages",
        "thread": "/my/messages/T-0001",
        "complaint": "/my/complaint",
        "contract": "/my/contract",
        "requests": "/console/requests",
        "webhooks": "/console/webhooks",
        "webhook": f"/console/webhooks/{endpoint.id}",
        "delivery": f"/console/webhooks/{endpoint.id}/{message}",
        "missing": "/my/orders/WO-0000",
    }


def open_context(
    browser: Browser, site: Site, language: str, size: tuple[int, int] = TABLET, signed_in: bool = True
) -> BrowserContext:
    context = browser.new_context(
        base_url=site.url,
        locale=LANGUAGES[language],
        color_scheme="light",
        viewport={"width": size[0], "height": size[1]},
    )
    context.set_default_timeout(10_000)
    if signed_in:
        token = site.users.sign_in(CUSTOMER, PERSON, PASSWORD)
        context.add_cookies([{"name": "gaugeblock_customer", "value": token, "url": site.url}])
    return context


def watch(page: Page) -> list[str]:
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


def check(page: Page, name: str, language: str, rules: list[str] | None = None) -> list[str]:
    found = []
    if page.evaluate("document.documentElement.lang") != HTML_LANG[language]:
        found.append("lang attribute")
    if name not in {"api", "missing"}:  # these two name codes on purpose
        unknown = set(UNTRANSLATED.findall(page.evaluate("document.body.innerText")))
        if unknown - {"exchange.customer.example"}:
            found.append(f"untranslated {unknown}")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        found.append(f"{overflow} px too wide")
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules is not None:
        options["runOnly"] = rules
    for violation in axe_module.Axe().run(page, options=options).response["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            nodes = [node["html"][:160] for node in violation["nodes"][:3]]
            found.append(f"axe {violation['id']}: {nodes}")
    return [f"{name} {language}: {fault}" for fault in found]


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page="api" not in name)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_whole(browser: Browser, site: Site, own: dict[str, str], language: str) -> None:
    found: list[str] = []
    faults: list[str] = []
    for pages, signed_in in ((OPEN, False), (own, True)):
        context = open_context(browser, site, language, signed_in=signed_in)
        page = context.new_page()
        faults += watch(page)
        for name, address in pages.items():
            response = page.goto(address, wait_until="load")
            assert response is not None
            assert response.status == (404 if name == "missing" else 200), name
            found += check(page, name, language)
            shoot(page, f"{name}-{language}-light")
            if language == "en" and not SHOTS:
                continue  # colours do not depend on the language
            page.emulate_media(color_scheme="dark")
            found += [f"dark {fault}" for fault in check(page, name, language, ["color-contrast"])]
            shoot(page, f"{name}-{language}-dark")
            page.emulate_media(color_scheme="light")
        context.close()
    assert found == []
    assert [fault for fault in faults if "404 (Not Found)" not in fault] == []


def test_on_a_phone_nothing_is_too_wide_or_too_small(browser: Browser, site: Site, own: dict[str, str]) -> None:
    language = "en"  # the longer words
    found: list[str] = []
    for pages, signed_in in ((OPEN, False), (own, True)):
        context = open_context(browser, site, language, PHONE, signed_in)
        page = context.new_page()
        for name, address in pages.items():
            page.goto(address, wait_until="load")
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if overflow > 0:
                found.append(f"{name}: {overflow} px too wide")
            found += page.evaluate(
                """name => [...document.querySelectorAll(
                    'button, select, summary, nav a:not(.api-index a), .button, input:not([type=hidden])')]
                    .filter(e => e.checkVisibility() && !e.closest('.check'))
                    .map(e => [e, e.getBoundingClientRect()])
                    .filter(([e, box]) => box.height < 41 || box.width < 41)
                    .map(([e, box]) => `${name}: ${e.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)""",
                name,
            )
            shoot(page, f"{name}-{language}-phone")
        context.close()
    assert found == []


def test_five_clicks_from_the_door_to_verified_evidence(browser: Browser, site: Site) -> None:
    context = open_context(browser, site, "en", signed_in=False)
    page = context.new_page()
    faults = watch(page)
    clicks = 0

    def click(name: str, role: str = "link") -> None:
        nonlocal clicks
        page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
        clicks += 1

    page.goto("/")
    click("Sign in")
    page.fill("input[name=customer]", CUSTOMER)
    page.fill("input[name=name]", PERSON)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    clicks += 1
    page.wait_for_url("**/my/orders")
    click("Latest inspection")
    page.wait_for_url("**/my/inspections/*")
    click("Verify", "button")
    expect(page.locator(".answer-good")).to_be_visible()
    assert clicks <= 5
    steps = page.locator("[data-steps] li").evaluate_all("found => found.map(item => item.dataset.step)")
    assert steps == ["key", "form", "checkpoint", "inclusion", "key_chain", "signature", "disclosures"]
    assert '"verdict": "OK"' in page.locator("[data-verified-facets]").inner_text()
    shoot(page, "verified-en-light")
    assert faults == []
    context.close()


def test_altered_evidence_fails_and_names_the_step(browser: Browser, site: Site) -> None:
    index = site.sandbox.view().inspections().items[0].record_index
    context = open_context(browser, site, "zh")
    page = context.new_page()

    def altered(route: Route) -> None:
        body = route.fetch().text()
        at = body.index('"proof":["') + 12
        changed = body[:at] + ("A" if body[at] != "A" else "B") + body[at + 1 :]
        route.fulfill(body=changed, content_type="application/json")

    page.route("**/evidence", altered)
    page.goto(f"/my/inspections/{index}")
    page.locator("[data-verify-button]").click()
    expect(page.locator(".answer-bad")).to_be_visible()
    assert page.locator(".step-failed").get_attribute("data-step") == "inclusion"
    shoot(page, "verify-failed-zh-light")
    # Evidence of another record, genuine by itself, is not taken for this one.
    page.unroute("**/evidence")
    other = index - 2
    page.route("**/evidence", lambda route: route.continue_(url=f"{site.url}/my/records/{other}/evidence"))
    page.locator("[data-verify-button]").click()
    expect(page.locator(".step-failed")).to_contain_text(f"#{other}")
    context.close()


def test_without_webcrypto_it_verifies_too(browser: Browser, site: Site) -> None:
    index = site.sandbox.view().inspections().items[0].record_index
    context = open_context(browser, site, "en")
    page = context.new_page()
    page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })")
    page.goto(f"/my/inspections/{index}")
    page.locator("[data-verify-button]").click()
    expect(page.locator(".answer-good")).to_be_visible()
    context.close()


def test_language_and_theme_are_kept_without_scripts(browser: Browser, site: Site) -> None:
    context = browser.new_context(base_url=site.url, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto("/portal/verify")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("h1")).to_have_text("验证")
    assert page.url.endswith("/portal/verify")
    page.get_by_role("link", name="深色外观").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    context.close()


def test_sandbox_people_see_that_it_is_one(browser: Browser, site: Site, own: dict[str, str]) -> None:
    context = open_context(browser, site, "en")
    page = context.new_page()
    site.people_test = True
    try:
        page.goto("/console/webhooks")
        expect(page.locator(".sandbox-mark")).to_be_visible()
        page.fill("input[name=description]", "trying")
        page.get_by_role("button", name="Create").click()
        expect(page.locator("pre")).to_contain_text("whsec_")
        sent = len(site.sent)
        page.get_by_role("link", name="https://sandbox.invalid/sink").click()
        page.get_by_role("button", name="Test").click()
        page.get_by_role("link", name="msg_").first.click()
        expect(page.locator("body")).to_contain_text("webhook-signature")
        assert len(site.sent) == sent
    finally:
        site.people_test = False
    context.close()
