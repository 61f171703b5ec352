"""The verifiers that customers download, against the product's own: three programs, one answer."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger.cosignature import cosign, witness_key
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.web.customer.verifiers import JAVASCRIPT, PYTHON

VECTORS = Path(__file__).resolve().parents[2] / "docs" / "test-vectors" / "ledger"
UNIX_S = 1_795_323_600
OF_STEP = {"keys_given": "key", "witnesses": "witness"}
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")

DRIVER = """
import { createInterface } from "node:readline";
import { webcrypto } from "node:crypto";
globalThis.crypto ??= webcrypto;
const { verify } = await import(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const { file, key, witnesses } = JSON.parse(line);
  const result = await verify(new Uint8Array(Buffer.from(file, "base64")), key, witnesses);
  console.log(JSON.stringify({ failed: result.failed?.step ?? null, index: result.index, facets: result.facets }));
}
"""

Case = tuple[bytes, str, list[str]]


@pytest.fixture(scope="module")
def stand_alone() -> ModuleType:
    spec = importlib.util.spec_from_file_location("downloaded_verifier", PYTHON)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def in_javascript(cases: list[Case], folder: Path) -> list[dict[str, Any]]:
    assert NODE is not None
    driver = folder / "driver.mjs"
    driver.write_text(DRIVER, "utf-8")
    lines = "".join(
        json.dumps({"file": base64.b64encode(raw).decode(), "key": key, "witnesses": witnesses}) + "\n"
        for raw, key, witnesses in cases
    )
    done = subprocess.run(
        [NODE, str(driver), JAVASCRIPT.as_uri()], input=lines, capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def expected(raw: bytes, key: str, witnesses: list[str]) -> str | None:
    """The product's answer in the words of the stand-alone ones, which do not know the record types."""
    failed = verify_evidence(raw, key, witnesses).failed
    return None if failed is None or failed.name == "facets" else OF_STEP.get(failed.name, failed.name)


def told(result: Any) -> str | None:
    return None if result.failed is None else str(result.failed[0])


@pytest.fixture(scope="module")
def eventful_log(kit: Any) -> Any:
    """Rotations of server and station, a revocation, a second key for the same person, records between."""
    log = kit.log()
    log.sign_and_append(kit.draft(1), kit.key("station"))
    log.rotate(SERVER, log.server, kit.key("server 2"))
    log.rotate(kit.station, kit.key("station"), kit.key("station 2"))
    log.sign_and_append(kit.draft(2), kit.key("station 2"))
    log.bind("person:li.wei", kit.key("li.wei"))
    log.sign_and_append(kit.draft(3, author="person:li.wei"), kit.key("li.wei"))
    log.revoke(SERVER, log.server, "person:li.wei", kit.key("li.wei"))
    log.bind("person:li.wei", kit.key("li.wei 2"))
    log.sign_and_append(kit.draft(4, author="person:li.wei"), kit.key("li.wei 2"))
    return log


@pytest.fixture(scope="module")
def cases(kit: Any, eventful_log: Any) -> list[Case]:
    """Evidence of every record, cosigned, and what somebody makes of it who wants to deceive."""
    witness = witness_key("w.example", kit.key("w")).vkey
    note = cosign(eventful_log.checkpoint(), "w.example", kit.key("w"), UNIX_S)
    sound = [eventful_log.evidence(index, None, note) for index in range(len(eventful_log.records))]
    found: list[Case] = [(raw, eventful_log.vkey, [witness]) for raw in sound]
    for raw in sound[2:]:
        content = json.loads(raw)
        for change in (
            {"key_chain": content["key_chain"][:-1]},
            {"key_chain": content["key_chain"][::-1]},
            {"record": {**content["record"], "index": content["record"]["index"] - 1}},
            {"record": {**content["record"], "proof": content["record"]["proof"][1:]}},
            {"record": {**content["record"], "jws": content["record"]["jws"][:-1] + "A"}},
            {"record": {**content["record"], "disclosures": {"statement": content["record"]["jws"].split(".")[1]}}},
            {"checkpoint": content["checkpoint"].replace("\n" + str(eventful_log.tiles.size), "\n9999", 1)},
            {"form": "gaugeblock-evidence/2"},
            {"extra": 1},
        ):
            found.append((json.dumps({**content, **change}).encode(), eventful_log.vkey, [witness]))
    first = sound[0]
    found += [
        (first, eventful_log.vkey.replace("plant", "plont"), []),
        (first, eventful_log.vkey, [witness_key("other.example", kit.key("other")).vkey]),
        (first, eventful_log.vkey, [witness, witness]),
        (first[:-1] + b',"form":"gaugeblock-evidence/1"}', eventful_log.vkey, []),
        (first.replace(b'"index":0', b'"index":0.0', 1), eventful_log.vkey, []),
        (first.replace(b'"index":0', b'"index":90071992547409930', 1), eventful_log.vkey, []),
        (b"", eventful_log.vkey, []),
        (b"[" * 100_000, eventful_log.vkey, []),
        (b"\xff\xfe", eventful_log.vkey, []),
        (first + b" ", eventful_log.vkey, []),
    ]
    return found


def test_python_says_what_the_product_says(stand_alone: ModuleType, cases: list[Case]) -> None:
    answers = [(expected(*case), told(stand_alone.verify(case[0], case[1], tuple(case[2])))) for case in cases]
    assert [pair for pair in answers if pair[0] != pair[1]] == []
    assert {step for step, _ in answers} >= {None, "key", "form", "checkpoint", "witness", "inclusion", "key_chain"}


@needs_node
def test_javascript_says_what_the_product_says(cases: list[Case], tmp_path: Path) -> None:
    answers = in_javascript(cases, tmp_path)
    assert [
        (expected(*c), a["failed"]) for c, a in zip(cases, answers, strict=True) if expected(*c) != a["failed"]
    ] == []


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_python_finds_a_flipped_bit_anywhere(stand_alone: ModuleType, eventful_log: Any, data: st.DataObject) -> None:
    altered = bytearray(eventful_log.evidence(9))
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not stand_alone.verify(bytes(altered), eventful_log.vkey).ok


@needs_node
def test_javascript_finds_flipped_bits(eventful_log: Any, tmp_path: Path) -> None:
    raw = eventful_log.evidence(9)
    altered = []
    for position in range(0, len(raw), 23):
        changed = bytearray(raw)
        changed[position] ^= 1 << (position % 8)
        altered.append((bytes(changed), eventful_log.vkey, []))
    assert [a for a in in_javascript(altered, tmp_path) if a["failed"] is None] == []


@pytest.mark.parametrize("file", sorted(VECTORS.glob("evidence*.json")), ids=lambda path: path.stem)
def test_vectors_from_the_command_line(file: Path, tmp_path: Path) -> None:
    keys = json.loads((VECTORS / "keys.json").read_text("utf-8"))
    key = tmp_path / "log.key"
    key.write_text(keys["log_vkey"] + "\n", "utf-8")
    programs = [[sys.executable, "-I", str(PYTHON), str(file), "--key", str(key)]]
    if NODE is not None:
        programs.append([NODE, str(JAVASCRIPT), str(file), str(key)])
    for program in programs:
        done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == int(file.stem != "evidence"), done.stdout + done.stderr
        assert ("VERIFIED: record 7." in done.stdout) == (file.stem == "evidence")


def test_the_command_line_speaks_chinese_and_names_a_missing_file(tmp_path: Path) -> None:
    keys = json.loads((VECTORS / "keys.json").read_text("utf-8"))
    base = [sys.executable, "-I", str(PYTHON)]
    options = ["--key", keys["log_vkey"], "--witness", keys["witness_vkey"], "--language", "zh"]
    done = subprocess.run(
        [*base, str(VECTORS / "evidence.json"), *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "已验证：第 7 条记录。" in done.stdout
    missing = subprocess.run(
        [*base, str(tmp_path / "none.json"), *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert missing.returncode == 2
    assert "none.json" in missing.stderr
