"""init → train → check → up with a watched folder: a person's own photographs, and processes that are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gaugeblock.apps.supervision import read_supervision
from gaugeblock.virtual.config import RenderConfig
from gaugeblock.virtual.training_set import training_set
from tests.apps.conftest import gaugeblock

pytestmark = pytest.mark.xdist_group("up")


def _until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person has after ``init`` and ``inspect train``."""
    directory = tmp_path_factory.mktemp("workshop")
    made = gaugeblock("init", directory, lang="zh")
    assert made.returncode == 0, made.stderr
    assert "plant.toml" in made.stderr
    good = directory / "good"
    good.mkdir()
    for name, jpeg in training_set(30, 7, RenderConfig(size_px=240)):
        (good / name).write_bytes(jpeg)
    (good / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photograph")
    trained = gaugeblock("inspect", "train", good, "--out", directory / "modules" / "P100.gbm")
    assert trained.returncode == 0, trained.stderr
    assert "broken.jpg" in trained.stdout + trained.stderr
    plant = directory / "plant.toml"
    plant.write_text(re.sub(r"port = \d+", f"port = {_free_port()}", plant.read_text()))
    return directory


def test_init_never_overwrites(workshop: Path) -> None:
    again = gaugeblock("init", workshop)
    assert again.returncode == 2
    assert "plant.toml" in again.stderr


def test_check_holds_and_names_what_does_not(workshop: Path, tmp_path: Path) -> None:
    assert gaugeblock("check", "--plant", workshop / "plant.toml").returncode == 0
    wrong = tmp_path / "plant.toml"
    wrong.write_text((workshop / "plant.toml").read_text().replace("deadline_ms", "deadlin_ms"))
    refused = gaugeblock("check", "--plant", wrong)
    assert refused.returncode == 2
    assert "stations[0].deadlin_ms" in refused.stderr
    assert "stations[0].deadline_ms" in refused.stderr


def test_doctor_names_what_is_wrong(workshop: Path, tmp_path: Path) -> None:
    sound = gaugeblock("doctor", "--plant", workshop / "plant.toml")
    assert sound.returncode == 0, sound.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = tmp_path / "plant.toml"
        port = taken.getsockname()[1]
        busy.write_text(re.sub(r"port = \d+", f"port = {port}", (workshop / "plant.toml").read_text()))
        ill = gaugeblock("doctor", "--plant", busy)
    assert ill.returncode == 1
    assert str(port) in ill.stderr
    assert gaugeblock("doctor", "--plant", tmp_path / "none.toml").returncode == 1


def test_up_says_at_once_that_its_port_is_taken(workshop: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = tmp_path / "plant.toml"
        busy.write_text(re.sub(r"port = \d+", f"port = {port}", (workshop / "plant.toml").read_text()))
        refused = gaugeblock("up", "--plant", busy)
    assert refused.returncode == 2
    assert port in refused.stderr
    assert not (tmp_path / "data").exists(), "nothing is made by a start that is refused"


def test_a_station_without_its_module_is_refused_before_anything_is_made(workshop: Path, tmp_path: Path) -> None:
    bare = tmp_path / "plant.toml"
    bare.write_text((workshop / "plant.toml").read_text())
    refused = gaugeblock("up", "--plant", bare)
    assert refused.returncode == 2
    assert "P100.gbm" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_check_opens_the_module_and_keeps_folders_apart(workshop: Path, tmp_path: Path) -> None:
    text = (workshop / "plant.toml").read_text()
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "P100.gbm").write_bytes((workshop / "modules" / "P100.gbm").read_bytes()[:-100])
    plant = tmp_path / "plant.toml"
    plant.write_text(text.replace('verdicts = "verdicts"', 'verdicts = "incoming"'))
    checked = gaugeblock("check", "--plant", plant)
    assert checked.returncode == 1
    assert checked.stderr.count("✗") == 2


def test_init_where_nothing_can_be_written_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = gaugeblock("init", tmp_path / "file" / "plant")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_the_language_may_be_said_anywhere(tmp_path: Path) -> None:
    for arguments in (
        ("check", "--plant", "none.toml", "--lang", "zh"),
        ("check", "--lang=zh", "--plant", "none.toml"),
    ):
        answer = subprocess.run(
            [sys.executable, "-m", "gaugeblock", *arguments], capture_output=True, text=True, cwd=tmp_path
        )
        assert "无法读取" in answer.stderr


@pytest.fixture(scope="module")
def running(workshop: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    with (workshop / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gaugeblock", "--lang", "en", "up", "--plant", str(workshop / "plant.toml")],
            stderr=log,
            stdout=log,
        )
    try:
        _until(lambda: "Pages:" in (workshop / "up.log").read_text(), "the pages")
        yield workshop, process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _photograph(folder: Path, name: str, number: int) -> None:
    (_, jpeg) = next(training_set(1, 1000 + number, RenderConfig(size_px=240)))
    partial = folder / f".{name}.part"
    partial.write_bytes(jpeg)
    partial.rename(folder / name)


def _verdicts(folder: Path) -> dict[str, dict[str, object]]:
    return {p.name: json.loads(p.read_text()) for p in folder.glob("*.verdict.json")}


def _pid(workshop: Path, name: str) -> int | None:
    status = read_supervision(workshop / "data" / "run" / "supervision.json")
    return next((p.pid for p in status.processes if p.name == name), None) if status else None


def test_photographs_are_judged_across_kills_and_each_has_evidence(
    running: tuple[Path, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    workshop, process = running
    incoming, verdicts = workshop / "incoming", workshop / "verdicts"
    _photograph(incoming, "a.jpg", 1)
    (incoming / "letter.jpg").write_bytes(b"dear sir")
    _until(lambda: len(_verdicts(verdicts)) >= 2, "the first verdicts")
    for number, name in enumerate(("plant", "station:L1-ST10")):
        before = _pid(workshop, name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        _until(lambda name=name, before=before: _pid(workshop, name) not in (None, before), f"{name} again")  # type: ignore[misc]
        _photograph(incoming, f"after-{number}.jpg", 2 + number)
        _until(lambda wanted=3 + number: len(_verdicts(verdicts)) >= wanted, f"a verdict after {name} died")  # type: ignore[misc]
    seen = _verdicts(verdicts)
    assert {name.split(".")[0] for name in seen} == {"a", "letter", "after-0", "after-1"}
    letter = next(v for name, v in seen.items() if name.startswith("letter"))
    assert letter["verdict"] == "UNDECIDED"
    plant = workshop / "plant.toml"
    refused = gaugeblock("key", "rotate", "station:L1-ST10", "--plant", plant)
    assert refused.returncode == 2, "its process would go on signing with the old key"
    assert gaugeblock("doctor", "--plant", plant).returncode == 0, "our own server is no stranger on its port"
    _until(lambda: gaugeblock("evidence", "station:L1-ST10/2/1", "--plant", plant).returncode == 0, "the last record")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    audited = gaugeblock("log", "audit", "--plant", plant)
    assert audited.returncode == 0, audited.stderr
    evidence = tmp_path / "e.json"
    evidence.write_text(gaugeblock("evidence", "station:L1-ST10/1/2", "--plant", plant).stdout)
    assert gaugeblock("verify", evidence, "--key", workshop / "data" / "log.key").returncode == 0
