"""The station as a process: kill -9 under load, graceful ends, refusals; and a watched folder end to end."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.edge._rig import LAUNCH, Rig
from gaugeblock.apps.station import LogLines
from gaugeblock.connectors.errors import PlantBusyError
from gaugeblock.plant.assignment import Assignment, write_assignment
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement
from gaugeblock.plant.language import Language
from gaugeblock.stores.spool import SqliteSpool

RigMaker = Callable[..., Rig]


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[RigMaker]:
    rigs: list[Rig] = []

    def make(**options: Any) -> Rig:
        rigs.append(Rig(tmp_path / f"rig{len(rigs)}", **options))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def _until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "timed out"
        time.sleep(0.05)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_under_load_it_leaves_no_gap_and_no_duplicate(make_rig: RigMaker, seed: int) -> None:
    tally = make_rig(seed=seed, frame_faults=0.05, plant_faults=0.2).play(kills=6)
    wrong = {
        name: getattr(tally, name)
        for name in (
            "late_ok_accepted",
            "wrong_ok",
            "answered_twice",
            "lost",
            "unrecorded",
            "duplicates",
            "conflicts",
            "contradicted",
            "missing_images",
            "sequence_gaps",
        )
        if getattr(tally, name)
    }
    assert not wrong
    assert tally.acknowledged > 0
    assert tally.triggers > tally.acknowledged


def test_it_works_without_a_plant_and_hands_over_later(make_rig: RigMaker) -> None:
    rig = make_rig(seed=3)
    url, rig.config["plant_url"] = rig.config["plant_url"], "http://127.0.0.1:9"
    rig.start()
    rig.plc.running.set()
    _until(lambda: len(rig.plc.answers) >= 20)
    _until(lambda: rig.status()["fault_code"] == "connectors.plant_unreachable")
    assert rig.stop() == 0
    assert rig.status()["state"] == "stopped"
    assert not rig.plant.records
    rig.config["plant_url"] = url
    rig.start()
    _until(lambda: len(rig.plant.records) > 20)
    rig.plc.running.clear()
    rig.drain()
    tally = rig.tally(0)
    assert (tally.lost, tally.unrecorded, tally.duplicates, tally.missing_images) == (0, 0, 0, 0)
    assert [r["identity"] for r in rig.plant.records][:2] == ["1/0", "1/1"]


def test_it_ends_with_its_supervisor(make_rig: RigMaker) -> None:
    rig = make_rig(seed=4)
    rig.start()
    assert rig.process is not None
    assert rig.process.stdin is not None
    rig.process.stdin.close()
    assert rig.process.wait(20) == 0
    rig.process = None


def test_a_second_station_on_one_spool_is_refused(make_rig: RigMaker) -> None:
    rig = make_rig(seed=5)
    rig.start()
    again = subprocess.run(
        [sys.executable, "-m", "gaugeblock.apps.station", "--config", str(rig.folder / "station.json")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 2
    assert json.loads(again.stderr.splitlines()[-1])["code"] == "edge.already_running"


def _refused(config: dict[str, Any], folder: Path) -> str:
    file = folder / "bad.json"
    file.write_text(json.dumps(config))
    ended = subprocess.run(
        [sys.executable, "-m", "gaugeblock.apps.station", "--config", str(file)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    code: str = json.loads(ended.stderr.splitlines()[-1])["code"]
    return code


def test_an_unknown_setting_and_an_open_key_are_refused_by_name(make_rig: RigMaker) -> None:
    rig = make_rig(seed=6)
    assert _refused({**rig.config, "colour": 1}, rig.folder) == "edge.config"
    Path(rig.config["key_file"]).chmod(0o644)
    assert _refused(rig.config, rig.folder) == "edge.key_file"


def test_a_watched_folder_is_judged_recorded_and_never_twice(make_rig: RigMaker, tmp_path: Path) -> None:
    rig = make_rig(seed=7)
    folder = tmp_path / "in"
    folder.mkdir()
    rig.config["ports"] = {"kind": "watched_folder", "folder": str(folder), "settle_s": 0.1, "move": True}
    (folder / "a.png").write_bytes(b"score=0.5;n=a")
    (folder / "b.png").write_bytes(b"score=1.5;n=b")
    (folder / "c.png").write_bytes(b"do=refuse;n=c")
    (rig.folder / "station.json").write_text(json.dumps(rig.config))

    def verdict(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((folder / "verdicts" / f"{name}.verdict.json").read_text())
        return content

    def launch() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(rig.folder / "station.json")],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ},
        )

    for expected in (3, 4):
        with launch() as process:
            _until(lambda n=expected: len(list((folder / "verdicts").glob("*.verdict.json"))) == n)  # type: ignore[misc]
            process.kill()
        (folder / "d.png").write_bytes(b"score=0.2;n=d")
    assert {name: verdict(f"{name}.png")["verdict"] for name in "abcd"} == {
        "a": "OK",
        "b": "NOK",
        "c": "UNDECIDED",
        "d": "OK",
    }
    assert verdict("c.png")["reason"] == "plant.unexpected"
    assert verdict("d.png")["record"] == "station:RIG/2/1"
    assert (folder / "verdicts" / "nok" / "b.png").exists()
    spool = SqliteSpool(rig.data)
    triggers = [record.trigger for record in spool.records() if record.verdict is not None]
    spool.close()
    assert triggers == [1, 2, 3, 4]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_line_of_the_journal_is_in_one_language(language: Language, capsys: pytest.CaptureFixture[str]) -> None:
    error = PlantBusyError(url="http://plant", status=503, retry_after_s=1.0)
    LogLines("ST10", language)("uplink_failed", error=error)
    line = json.loads(capsys.readouterr().err)
    assert error.text(language) in line["text"]
    assert (line["code"], line["remedy"]) == (error.code, error.remedy(language))
    other = "en" if language == "zh" else "zh"
    assert error.text(other) not in line["text"]


def test_a_watched_folder_takes_a_gbk_name(make_rig: RigMaker, tmp_path: Path) -> None:
    rig = make_rig(seed=8)
    folder = tmp_path / "in"
    folder.mkdir()
    rig.config["ports"] = {"kind": "watched_folder", "folder": str(folder), "settle_s": 0.1}
    (folder / os.fsdecode("零件.png".encode("gbk"))).write_bytes(b"score=0.5")
    (rig.folder / "station.json").write_text(json.dumps(rig.config))
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(rig.folder / "station.json")],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        _until(lambda: bool(list((folder / "verdicts").glob("零件.png~*.verdict.json"))))
        _until(lambda: len(rig.plant.records) == 2)
        process.terminate()
        assert process.wait(20) == 0
    assert rig.plant.records[-1]["subject"]["unit"] == "零件"


def _assign(rig: Rig, module: bytes, **more: Any) -> str:
    """Assign a module as the plant does: the file whole, its name last."""
    sha256 = hashlib.sha256(module).hexdigest()
    file = rig.folder / f"{sha256[:8]}.gbm"
    file.write_bytes(module)
    rig.data.mkdir(exist_ok=True)
    part = rig.data / "assignment.part"
    part.write_bytes(write_assignment(Assignment(module=str(file), module_sha256=sha256, **more)))
    part.replace(rig.data / "assignment.json")
    rig.config["assignment"] = str(rig.data / "assignment.json")
    return sha256


def test_a_running_station_follows_its_assignment_and_a_bad_one_is_named(make_rig: RigMaker) -> None:
    rig = make_rig(seed=9)
    first = _assign(rig, b"first")
    rig.start()
    rig.plc.running.set()
    _until(lambda: len(rig.plc.answers) >= 10)
    second = _assign(rig, b"second")
    _until(lambda: rig.status()["module_sha256"] == second)
    _until(lambda: rig.status()["fault_code"] is None)
    Path(rig.folder / f"{_assign(rig, b'third')[:8]}.gbm").write_bytes(b"altered")
    _until(lambda: rig.status()["fault_code"] == "edge.module_digest")
    answered = len(rig.plc.answers)
    _until(lambda: len(rig.plc.answers) >= answered + 10)
    rig.plc.running.clear()
    rig.drain()
    assert rig.stop() == 0
    tally = rig.tally(0)
    assert (tally.lost, tally.unrecorded, tally.contradicted, tally.wrong_ok) == (0, 0, 0, 0)
    modules = [r["inputs"].get("module_sha256") for r in rig.plant.records if r["type"] == "inspection.verdict"]
    assert set(modules) - {None} == {first, second}
    changes = [a != b for a, b in itertools.pairwise(m for m in modules if m is not None)]
    assert sum(changes) == 1, "exchanged once, and not back"


def test_a_challenge_survives_a_kill_and_its_parts_never_pass(make_rig: RigMaker) -> None:
    rig = make_rig(seed=10)
    good = next(n for n in range(5, 99) if not rig.camera.defective(n))
    bad = next(n for n in range(good + 100, good + 200) if rig.camera.defective(n))
    parts = ChallengeSetStatement((ChallengePart(f"U{good}", "good"), ChallengePart(f"U{bad}", "defective")))
    _assign(rig, b"first", challenge_set=parts, require_challenge=True)
    rig.start()
    rig.plc.running.set()
    _until(lambda: len(rig.plc.answers) > good + 1)
    rig.plc.running.clear()
    _until(lambda: len(rig.plc.answers) >= rig.plc.number)
    assert rig.plc.number < bad
    rig.kill()
    rig.start()
    rig.plc.running.set()
    _until(lambda: rig.plc.number > bad + 20)
    rig.plc.running.clear()
    rig.drain()
    assert rig.status()["challenge"] == "passed"
    assert min(rig.plc.passed) > bad
    assert rig.stop() == 0
