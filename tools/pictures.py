"""Makes the pictures of the README from a demo that runs: ``make pictures``.

Needs the ``test`` extra and a Chromium; nothing is drawn by hand, so the pictures are what a person sees.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
PORT = 8479
SETTLE_S = 45.0


def _start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "gaugeblock", "--lang", "en", "demo", "--port", str(PORT), "--dir", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)  # noqa: S603
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"shown only this once\): (\S+)", line)
        if found:
            return process, found[1]
    raise SystemExit("the demo did not start")


def _sign_in(page: Page, password: str) -> None:
    page.goto(f"http://127.0.0.1:{PORT}/sign-in")
    page.fill("input[name=name]", "admin")
    page.fill("input[type=password]", password)
    page.press("input[type=password]", "Enter")
    page.wait_for_url(f"http://127.0.0.1:{PORT}/")


def main() -> None:
    """Run a demo, take the pictures, stop it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium found")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        process, password = _start(Path(folder) / "plant")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium)
                for language, locale in (("zh", "zh-CN"), ("en", "en-GB")):
                    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale=locale)
                    page = context.new_page()
                    _sign_in(page, password)
                    if language == "zh":
                        time.sleep(SETTLE_S)
                    time.sleep(3.0)
                    page.screenshot(path=PICTURES / f"overview-{language}.png")
                    page.goto(f"http://127.0.0.1:{PORT}/inspections?verdict=NOK")
                    page.click("tbody a >> nth=0")
                    time.sleep(2.0)
                    page.screenshot(path=PICTURES / f"part-{language}.png")
                browser.close()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


if __name__ == "__main__":
    main()
