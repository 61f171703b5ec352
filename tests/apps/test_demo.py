"""The virtual plant end to end, and what its people can do with what it leaves: evidence, audit, keys, users."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.opening import prepare
from tests.apps.conftest import FinishedDemo, gaugeblock

pytestmark = pytest.mark.xdist_group("demo")


def _first_verdict(demo: FinishedDemo) -> str:
    return "station:L1-ST10/1/2"


def test_the_scorecard_passes_and_says_every_figure(demo: FinishedDemo) -> None:
    assert demo.code == 0, demo.scorecard + demo.said
    for label in ("First verdict", "Escape", "Overkill", "Station latency p50 / p99", "PLC", "Log", "Evidence"):
        assert label in demo.scorecard
    total = re.search(r"Verdicts +(\d+):", demo.scorecard)
    assert total is not None
    assert int(total[1]) >= 5
    assert "PASS" in demo.scorecard


def test_evidence_verifies_where_only_it_and_the_key_exist(demo: FinishedDemo, tmp_path: Path) -> None:
    exported = gaugeblock("evidence", _first_verdict(demo), "--plant", demo.plant)
    assert exported.returncode == 0, exported.stderr
    evidence, key = tmp_path / "e.json", tmp_path / "log.key"
    evidence.write_text(exported.stdout)
    shutil.copy(demo.directory / "data" / "log.key", key)
    # Nothing of the plant is in reach: an empty directory, no environment but the interpreter's.
    bare = {"PATH": os.environ["PATH"], "GAUGEBLOCK_LANG": "zh"}
    command = [sys.executable, "-m", "gaugeblock", "verify", "e.json", "--key"]
    good = subprocess.run([*command, "log.key"], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert good.returncode == 0, good.stdout + good.stderr
    other = gaugeblock("log", "key", "--plant", demo.plant).stdout.strip()
    assert key.read_text().strip() == other

    content = json.loads(evidence.read_text())
    for text in (content["record"]["jws"], content["record"]["disclosures"]["statement"], content["checkpoint"]):
        middle = len(text) // 2
        other = text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]
        evidence.write_text(json.dumps(content).replace(json.dumps(text), json.dumps(other)))
        bad = subprocess.run([*command, "log.key"], cwd=tmp_path, env=bare, capture_output=True, text=True)
        assert bad.returncode == 1, bad.stdout
        assert "未通过" in bad.stdout


def test_withheld_facets_stay_withheld_and_the_rest_verifies(demo: FinishedDemo, tmp_path: Path) -> None:
    exported = gaugeblock("evidence", _first_verdict(demo), "--facets", "statement", "--plant", demo.plant)
    assert exported.returncode == 0, exported.stderr
    assert set(json.loads(exported.stdout)["record"]["disclosures"]) == {"statement"}
    file = tmp_path / "e.json"
    file.write_text(exported.stdout)
    assert gaugeblock("verify", file, "--key", demo.directory / "data" / "log.key").returncode == 0


def test_an_unknown_record_is_named_in_both_languages(demo: FinishedDemo) -> None:
    for lang, word in (("zh", "没有记录"), ("en", "There is no record")):
        answer = gaugeblock("evidence", "station:L1-ST10/9/9", "--plant", demo.plant, lang=lang)
        assert answer.returncode == 2
        assert word in answer.stderr
        assert "Traceback" not in answer.stderr


def test_audit_and_rebuild_find_the_log_sound(demo: FinishedDemo) -> None:
    assert gaugeblock("log", "audit", "--plant", demo.plant).returncode == 0
    rebuilt = gaugeblock("log", "rebuild", "--plant", demo.plant)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "byte for byte" in rebuilt.stderr


def test_audit_names_an_altered_record(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    with sqlite3.connect(copy / "data" / "log.sqlite") as database:
        (jws,) = database.execute("SELECT jws FROM log_records WHERE idx = 5").fetchone()
        position = len(jws) // 2
        altered = jws[:position] + bytes([jws[position] ^ 1]) + jws[position + 1 :]
        database.execute("UPDATE log_records SET jws = ? WHERE idx = 5", (altered,))
    audited = gaugeblock("log", "audit", "--plant", copy / "plant.toml")
    assert audited.returncode == 2
    assert "5" in audited.stderr


def test_keys_are_listed_made_rotated_and_revoked(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    plant = copy / "plant.toml"
    listed = gaugeblock("key", "list", "--plant", plant).stdout
    assert {"server:plant", "station:L1-ST10", "virtual:truth"} <= set(re.findall(r"^\S+", listed, re.M))
    for step in (
        ("create", "person:li.wei"),
        ("rotate", "person:li.wei"),
        ("rotate", "station:L1-ST10"),
        ("rotate", "server:plant"),
        ("revoke", "person:li.wei", "--reason", "left the company"),
    ):
        done = gaugeblock("key", *step, "--plant", plant)
        assert done.returncode == 0, (step, done.stderr)
    again = gaugeblock("key", "revoke", "person:li.wei", "--reason", "x", "--plant", plant)
    assert again.returncode == 2
    assert "person:li.wei" in again.stderr
    audited = gaugeblock("log", "audit", "--plant", plant)
    assert audited.returncode == 0, audited.stderr
    # What the old keys signed still verifies.
    evidence = tmp_path / "old.json"
    evidence.write_text(gaugeblock("evidence", _first_verdict(demo), "--plant", plant).stdout)
    assert gaugeblock("verify", evidence, "--key", copy / "data" / "log.key").returncode == 0


def test_users_are_added_and_the_last_administrator_stays(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    plant = copy / "plant.toml"
    added = gaugeblock("user", "add", "wang.fang", "--role", "quality", "--plant", plant)
    assert added.returncode == 0, added.stderr
    assert "wang.fang" in gaugeblock("user", "list", "--plant", plant).stdout
    assert gaugeblock("user", "password", "wang.fang", "--plant", plant).returncode == 0
    assert gaugeblock("user", "remove", "wang.fang", "--plant", plant).returncode == 0
    refused = gaugeblock("user", "remove", "admin", "--plant", plant)
    assert refused.returncode == 2


def test_a_log_that_is_gone_is_not_silently_begun_anew(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    for file in (copy / "data").glob("log.sqlite*"):
        file.unlink()
    refused = gaugeblock("key", "create", "person:li.wei", "--plant", copy / "plant.toml")
    assert refused.returncode == 2
    assert "gone" in refused.stderr


def test_a_demo_never_empties_a_directory_that_is_not_a_demos(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    refused = gaugeblock("demo", "--headless", "--for", "1", "--dir", tmp_path)
    assert refused.returncode == 2
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_time_that_is_none_is_never_signed(demo: FinishedDemo) -> None:
    refused = gaugeblock(
        "key", "revoke", "virtual:truth", "--reason", "lost", "--since", "yesterday", "--plant", demo.plant
    )
    assert refused.returncode == 2
    assert "yesterday" in refused.stderr


def test_two_demos_never_share_a_directory(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    directory.mkdir()
    with (directory / "gaugeblock-demo").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (directory / "data").mkdir()
        refused = gaugeblock("demo", "--headless", "--for", "1", "--dir", directory)
        assert refused.returncode == 2
        assert (directory / "data").exists()


def test_a_changed_log_name_is_found_before_the_start(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    plant = copy / "plant.toml"
    plant.write_text(plant.read_text().replace("gaugeblock.invalid/demo", "gaugeblock.invalid/other"))
    checked = gaugeblock("check", "--plant", plant)
    assert checked.returncode == 1
    assert "gaugeblock.invalid/demo" in checked.stderr


def test_the_data_directory_is_its_owners_alone(demo: FinishedDemo) -> None:
    assert (demo.directory / "data").stat().st_mode & 0o077 == 0


def test_an_interrupted_revocation_is_finished_by_the_next_start(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    plant = copy / "plant.toml"
    key = copy / "data" / "stations" / "L1-ST10" / "keys" / "station@L1-ST10.pem"
    pem = key.read_bytes()
    assert gaugeblock("key", "revoke", "station:L1-ST10", "--reason", "stolen", "--plant", plant).returncode == 0
    assert not key.exists()
    key.write_bytes(pem)  # as if the process had been killed between the record and the file
    key.chmod(0o600)
    prepare(load_installation(plant))
    assert key.read_bytes() != pem
    listed = gaugeblock("key", "list", "--plant", plant).stdout
    assert len(re.findall(r"station:L1-ST10 .*active", listed)) == 1


def test_altered_projections_are_found_and_mended(demo: FinishedDemo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.directory, copy)
    with sqlite3.connect(copy / "data" / "projections.sqlite") as database:
        database.execute("UPDATE inspection_verdicts SET verdict = 'OK'")
        database.execute("UPDATE inspection_counts SET n = n + 1")
    found = gaugeblock("log", "rebuild", "--plant", copy / "plant.toml")
    assert found.returncode == 1, found.stderr
    assert gaugeblock("log", "rebuild", "--plant", copy / "plant.toml").returncode == 0
