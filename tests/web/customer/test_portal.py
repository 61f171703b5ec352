"""The portal: what it shows can be done as it stands, offline, and every word of it is used."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from string import Formatter

import httpx
import pytest
from jinja2 import nodes

from gaugeblock.exchange.collaboration import KINDS
from gaugeblock.exchange.webhooks import EVENT_TYPES, headers, new_secret
from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.web.customer.portal import CHANGES, SAMPLES, VERIFIER_FILES, commands
from gaugeblock.web.customer.reading import THEMES
from gaugeblock.web.templating import TEMPLATES, environment
from tests.web.customer.site import Site

PAGES = TEMPLATES / "customer"
STEPS = ("key", "form", "checkpoint", "witness", "inclusion", "key_chain", "signature", "disclosures")
DYNAMIC = {
    "nav.": (
        *("orders", "certificates", "messages", "contract", "console"),
        *("docs", "api", "samples", "webhooks", "verify", "changes"),
    ),
    "theme.": THEMES,
    "order.states.": ("planned", "released", "completed", "cancelled"),
    "lot.states.": ("open", "closed", "shipped"),
    "unit.kind.": ("unit", "lot", "heat"),
    "verify.step.": STEPS,
    "verify.word.": ("passed", "failed", "running", "good", "bad", "again", "said_good", "said_bad", "unavailable"),
    "message.kinds.": KINDS,
    "message.by.": ("plant", "customer"),
    "message.severities.": ("critical", "major", "minor"),
    "contract.states.": ("offered", "accepted", "declined", "revoked"),
    "contract.classes.": ("unclassified", "general", "important", "core"),
    "console.": ("requests", "webhooks"),
    "console.disabled.": ("gone", "failing", "owner"),
    "console.action.": ("test", "rotate", "enable", "disable"),
    "console.done.": ("test", "replay", "enable", "disable"),
    "console.delivery.": ("pending", "delivered", "failed", "withheld"),
    "start.command.": ("key", "orders", "inspections", "evidence", "verify"),
    "changes.entry.": tuple(item for _, items in CHANGES for item in items),
    "webhooks_docs.event.": tuple(name.replace(".", "_") for name in EVENT_TYPES),
    "webhooks_docs.rule.": ("public", "fast", "twice", "order", "transfer"),
}


def facts_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def asked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in PAGES.glob("*.j2"):
        for call in environment().parse(path.read_text("utf-8")).find_all(nodes.Call):
            if not isinstance(call.node, nodes.Name) or call.node.name != "t":
                continue
            key, facts = call.args[0], {argument.key for argument in call.kwargs}
            if isinstance(key, nodes.Const):
                found[f"customer.{key.value}"] = facts
            else:
                prefix = key.nodes[0]  # type: ignore[attr-defined]
                for end in DYNAMIC[prefix.value]:
                    found[f"customer.{prefix.value}{end}"] = facts
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_and_used(language: str) -> None:
    words = {key: text for key, text in catalogue(language).items() if key.startswith("customer.")}  # type: ignore[arg-type]
    wanted = asked()
    assert set(wanted) - set(words) == set()
    assert set(words) - set(wanted) == set()
    for key, facts in wanted.items():
        assert facts_of(words[key]) <= facts, key


def test_pages_carry_no_script_style_or_address_of_elsewhere() -> None:
    for path in PAGES.glob("*.j2"):
        text = path.read_text("utf-8").replace('placeholder="https://"', "")
        assert not re.search(r"https?://", text), path
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text), path
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script, path


def test_the_script_s_words_are_on_the_page() -> None:
    script = (Path(TEMPLATES).parent / "static" / "customer_verify.js").read_text("utf-8")
    named = set(re.findall(r'"([a-z_]+)"', " ".join(re.findall(r"word\(([^)]*)\)", script))))
    assert len(named) >= 8
    assert named - set(DYNAMIC["verify.word."]) == set()


def test_five_commands_as_they_stand(site: Site, tmp_path: Path) -> None:
    for tool in ("bash", "curl", "python3"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    shown = commands(site.portal.settings)
    assert len(shown) <= 5
    script = "set -euo pipefail\n" + "\n".join(command for _, command in shown)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "VERIFIED: record" in done.stdout


def run_sample(site: Site, tmp_path: Path, *command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    file = httpx.get(f"{site.url}/portal/samples/{command[-1]}")
    (tmp_path / command[-1]).write_bytes(file.content)
    line = [*command, site.url, site.keys[True], site.sandbox.log_key]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sample_in_shell(site: Site, tmp_path: Path) -> None:
    assert "VERIFIED: record" in run_sample(site, tmp_path, "sh", "first_evidence.sh")


def test_a_test_key_is_told_the_sandbox_s_log(site: Site) -> None:
    for test in (True, False):
        answer = httpx.get(f"{site.url}/api/v1/me", headers={"Authorization": f"Bearer {site.keys[test]}"})
        assert (answer.json()["log_key"] == site.sandbox.log_key) is test


def test_sample_in_python(site: Site, tmp_path: Path) -> None:
    assert "VERIFIED: record" in run_sample(site, tmp_path, sys.executable, "first_evidence.py")


def test_sample_in_java(site: Site, tmp_path: Path) -> None:
    assert "CHECKED: record" in run_sample(site, tmp_path, "java", "FirstEvidence.java")


def test_sample_in_c_sharp(site: Site, tmp_path: Path) -> None:
    assert "CHECKED: record" in run_sample(site, tmp_path, "dotnet", "run", "FirstEvidence.cs")


def test_a_sample_notices_a_wrong_key(site: Site, tmp_path: Path) -> None:
    sample = str(SAMPLES / "first_evidence.py")
    line = [sys.executable, sample, site.url, site.keys[True], "other.example+00000000+" + "A" * 44]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "VERIFIED: record" not in done.stdout


def test_webhook_receiver_of_the_samples(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret, other = new_secret(os.urandom), new_secret(os.urandom)
    line = [sys.executable, str(SAMPLES / "webhook_receiver.py"), str(port), secret]
    running = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        body = b'{"type":"order.updated","timestamp":"","data":{"customer":"acme","index":7}}'
        now_s = int(time.time())

        def send(sent: dict[str, str], content: bytes = body) -> int:
            return httpx.post(f"http://127.0.0.1:{port}/", content=content, headers=sent, timeout=10).status_code

        good = headers("msg_1", now_s, body, [secret])
        assert send(good) == 204
        assert send(good) == 204
        assert send(headers("msg_2", now_s, body, [other])) == 401
        assert send(good, body.replace(b"7", b"8")) == 401
        assert send(headers("msg_3", now_s - 1000, body, [secret])) == 401
        assert send(headers("msg_4", now_s, body, [other, secret])) == 204
    finally:
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=10)
    assert out.splitlines() == ['order.updated {"customer": "acme", "index": 7}'] * 2


def test_verifiers_are_served_as_they_are(site: Site) -> None:
    for name in VERIFIER_FILES:
        answer = httpx.get(f"{site.url}/portal/verifiers/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/javascript" if name.endswith(".mjs") else "text/plain")
    for path in ("/portal/verifiers/../portal.py", "/portal/verifiers/__init__.py", "/portal/samples/..%2fportal.py"):
        assert httpx.get(site.url + path).status_code == 404
