"""A new customer who has only the portal: from key to verified evidence in five commands, from the door in five clicks.

The commands are taken from the page and run as they stand; the clicks are made in a browser. Both against a real
exchange beside a real plant.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from benchmarks.exchange._rig import CONTRACT, PERSON, Rig, running
from gaugeblock.apps.customers import opened
from gaugeblock.plant.exchange_facets import ContractStatement, ContractStepStatement, ContractSubject, Permission
from gaugeblock.plant.times import to_rfc3339

COMMANDS_MOST = 5
CLICKS_MOST = 5
CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("first") / "plant") as made:
        made.order("WO-1")
        prove_orders(made)
        with opened(made.file) as at:
            at.users.create("acme", "anna", PASSWORD)
        yield made


def prove_orders(rig: Rig) -> None:
    """A contract under which the plant's orders are disclosed with proof: a person stated them."""
    now = datetime.now(UTC)
    subject = ContractSubject(CONTRACT, "acme")
    statement = ContractStatement(
        version=1,
        purpose="incoming goods",
        permissions=(Permission("production.order", ("subject", "statement")),),
        valid_from=to_rfc3339(now - timedelta(days=1)),
        valid_until=to_rfc3339(now + timedelta(days=30)),
        recipient_country="DE",
        classification="general",
        personal_information=True,
        basis="consent",
    )
    rig.state(PERSON, "exchange.contract", {"subject": subject, "statement": statement})
    steps = ContractStepStatement(1, "approved"), ContractStepStatement(1, "accepted")
    for author, step in zip(("person:wang.fang", "customer:acme"), steps, strict=True):
        rig.state(author, "exchange.contract_step", {"subject": subject, "statement": step})


def commands_on(page: str) -> list[str]:
    """What stands in the list of commands, as a person would copy it."""
    (listed,) = re.findall(r'<ol class="commands">(.*?)</ol>', page, re.DOTALL)
    found = re.findall(r"<pre[^>]*>(.*?)</pre>|<code[^>]*>(.*?)</code>", listed, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", "".join(one))) for one in found]


def run(lines: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One shell, as one terminal."""
    script = "set -e\n" + "\n".join(lines)
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_from_key_to_verified_evidence_in_five_commands(rig: Rig, tmp_path: Path, language: str) -> None:
    page = httpx.get(rig.url + "/", headers={"Accept-Language": language}).text
    lines = commands_on(page)
    assert 2 <= len(lines) <= COMMANDS_MOST
    # The page shows no key of anybody's: the plant hands it out. Nothing else is put in.
    key = rig.issue_test_key()
    lines = [line.replace("gbk_…", key) for line in lines]
    assert any(key in line for line in lines)
    assert not [line for line in lines if "…" in line or "EXAMPLE" in line or "<" in line.replace("<(", "")]
    done = run(lines, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^VERIFIED: record \d+", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert list(tmp_path.glob("*.json"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_last_command_refuses_evidence_that_was_altered(rig: Rig, tmp_path: Path) -> None:
    """Without this, a verifier that always says yes would pass."""
    lines = [line.replace("gbk_…", rig.issue_test_key()) for line in commands_on(httpx.get(rig.url + "/").text)]
    assert run(lines[:-1], tmp_path).returncode == 0
    (evidence,) = tmp_path.glob("*.json")
    text = evidence.read_text()
    place = text.index('"jws"') + 60
    evidence.write_text(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :])
    refused = run([lines[0], lines[-1]], tmp_path)
    assert "VERIFIED: record" not in refused.stdout
    assert refused.returncode != 0


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed")
def test_from_the_door_to_verified_evidence_in_five_clicks(rig: Rig) -> None:
    """Of the plant's own record, with a name and a password; each click is counted as the browser sees it."""
    api = pytest.importorskip("playwright.sync_api")
    end_s = time.monotonic() + 15
    key = rig.issue_key()
    while not httpx.get(f"{rig.url}/api/v1/orders", headers={"Authorization": f"Bearer {key}"}).json().get("orders"):
        assert time.monotonic() < end_s
        time.sleep(0.1)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM))
        try:
            context = browser.new_context(base_url=rig.url, locale="en-GB")
            context.set_default_timeout(15_000)
            clicks: list[str] = []
            context.expose_function("counted", lambda target: clicks.append(target))
            context.add_init_script(
                "addEventListener('click', e => e.isTrusted && counted(e.target.outerHTML.slice(0, 80)), true)"
            )
            page = context.new_page()
            page.goto("/sign-in")
            page.get_by_label(re.compile("customer", re.IGNORECASE)).first.fill("acme")
            page.locator("input[name=name]").fill("anna")
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("form button[type=submit]").first.click()
            page.wait_for_url("**/my/orders")
            page.get_by_role("link", name="WO-1").first.click()
            page.wait_for_url("**/my/orders/WO-1")
            page.locator("a[href^='/my/records/']").first.click()
            page.wait_for_url("**/my/records/*")
            assert page.locator(".answer-good:visible").count() == 0
            page.get_by_role("button", name=re.compile("verify", re.IGNORECASE)).first.click()
            api.expect(page.locator(".answer-good")).to_be_visible()
            steps = page.locator("[data-steps] li").evaluate_all("found => found.map(item => item.dataset.step)")
            assert {"checkpoint", "inclusion", "signature", "disclosures"} <= set(steps)
            assert "WO-1" in page.locator("[data-verified-facets]").inner_text()
            page.wait_for_timeout(300)
            assert 4 <= len(clicks) <= CLICKS_MOST, clicks
        finally:
            browser.close()
