"""The watched folder: whole files only, in order, each once, whatever is restarted in between."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gaugeblock.connectors.errors import FileGoneError, FileTooLargeError, FolderUnreadableError
from gaugeblock.connectors.watched_folder import FolderSettings, WatchedFolder
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.station import Trigger


class _Time:
    def __init__(self) -> None:
        self.ns = 0

    def monotonic_ns(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


class _Folder:
    """A folder, its journal, and what a spool would have recorded."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root, self.time = root, _Time()
        self.recorded: dict[int, Mapping[str, object]] = {}
        self.settings = FolderSettings(root / "in", **settings)  # type: ignore[arg-type]
        (root / "in").mkdir(exist_ok=True)
        self.open()

    def open(self) -> None:
        self.link = WatchedFolder(
            self.settings,
            self.root / "journal.sqlite",
            self.recorded.get,
            self.time.monotonic_ns,
            self.time.sleep,
        )

    def restart(self) -> None:
        self.link.close()
        self.open()

    def put(self, name: str, data: bytes = b"image", mtime_s: int = 1_700_000_000) -> Path:
        path = self.root / "in" / name
        path.write_bytes(data)
        os.utime(path, (mtime_s, mtime_s))
        return path

    def take(self) -> list[Trigger]:
        """All triggers that come, unanswered."""
        triggers = []
        while (trigger := self.link.wait_trigger(1.0)) is not None:
            triggers.append(trigger)
        return triggers

    def verdict(self, name: str) -> dict[str, object]:
        content: dict[str, object] = json.loads((self.link.verdicts / f"{name}.verdict.json").read_text())
        return content


@pytest.fixture
def folder(tmp_path: Path) -> _Folder:
    return _Folder(tmp_path)


def test_files_come_in_order_of_time_then_name(folder: _Folder) -> None:
    folder.put("b.png", mtime_s=100)
    folder.put("c.jpg", mtime_s=50)
    folder.put("a.PNG", mtime_s=100)
    folder.put("notes.txt")
    folder.put(".hidden.png")
    triggers = folder.take()
    assert [trigger.unit for trigger in triggers] == ["c", "a", "b"]
    assert [trigger.number for trigger in triggers] == [1, 2, 3]
    frame = folder.link.grab(triggers[0], 1.0)
    assert (frame.data, frame.captured_at) == (b"image", "1970-01-01T00:00:50.000000Z")


def test_a_file_that_still_grows_is_left_alone(folder: _Folder) -> None:
    folder.put("a.png", b"1")
    assert folder.link.wait_trigger(0.2) is None
    folder.put("a.png", b"12")
    assert folder.link.wait_trigger(0.2) is None, "the wait began anew"
    assert folder.link.wait_trigger(1.0) is not None
    assert folder.take() == []


def test_a_file_that_someone_writes_is_left_alone(folder: _Folder) -> None:
    path = folder.put("a.png")
    with path.open("ab"):
        assert folder.take() == []
    assert len(folder.take()) == 1


def test_the_verdict_is_written_with_what_is_recorded(folder: _Folder) -> None:
    folder.put("a.png")
    (trigger,) = folder.take()
    folder.recorded[1] = {"verdict": "NOK", "record": "1/1", "reason": None}
    folder.link.answer(trigger.number, Verdict.NOK)
    content = folder.verdict("a.png")
    assert (content["verdict"], content["record"], content["file"]) == ("NOK", "1/1", "a.png")
    assert folder.link.last_trigger() == 1


def test_images_are_moved_on_request_and_never_written_over(tmp_path: Path) -> None:
    folder = _Folder(tmp_path, move=True)
    for mtime_s in (100, 200):
        folder.put("a.png", b"%d" % mtime_s, mtime_s)
        (trigger,) = folder.take()
        folder.link.answer(trigger.number, Verdict.OK)
    kept = sorted((folder.link.verdicts / "ok").iterdir())
    assert [path.read_bytes() for path in kept] == [b"200", b"100"]
    assert not (tmp_path / "in" / "a.png").exists()


def test_after_a_restart_nothing_is_inspected_twice(folder: _Folder) -> None:
    for name in ("a.png", "b.png", "c.png"):
        folder.put(name)
    assert [t.number for t in folder.take()] == [1, 2, 3]
    folder.link.answer(1, Verdict.OK)
    folder.recorded[2] = {"verdict": "NOK"}  # recorded, but killed before the verdict file was there
    folder.restart()
    assert folder.verdict("b.png")["verdict"] == "NOK"
    assert [(t.number, t.unit) for t in folder.take()] == [(3, "c")], "its old number"
    folder.link.answer(3, Verdict.OK)
    folder.restart()
    assert folder.take() == []


def test_a_verdict_that_is_recorded_later_gets_its_file_then(folder: _Folder) -> None:
    folder.put("a.png")
    assert len(folder.take()) == 1
    folder.recorded[1] = {"verdict": "UNDECIDED", "reason": "edge.trigger_missed"}
    assert folder.take() == []
    assert folder.verdict("a.png")["reason"] == "edge.trigger_missed"


def test_new_content_under_an_old_name_is_a_new_part(folder: _Folder) -> None:
    folder.put("a.png", b"one", 100)
    folder.link.answer(folder.take()[0].number, Verdict.OK)
    folder.put("a.png", b"two", 200)
    (trigger,) = folder.take()
    assert folder.link.grab(trigger, 1.0).data == b"two"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = _Folder(tmp_path, bytes_max=3)
    folder.put("a.png", b"1234")
    path = folder.put("b.png", b"12")
    large, gone = folder.take()
    path.unlink()
    with pytest.raises(FileTooLargeError):
        folder.link.grab(large, 1.0)
    with pytest.raises(FileGoneError):
        folder.link.grab(gone, 1.0)
    folder.link.answer(gone.number, Verdict.UNDECIDED)
    folder.link.close()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderUnreadableError):
        WatchedFolder(FolderSettings(tmp_path / "file"), tmp_path / "j.sqlite")


GBK = os.fsdecode("零件1.png".encode("gbk"))


def test_a_name_that_is_not_utf8_is_a_part_like_any_other(tmp_path: Path) -> None:
    folder = _Folder(tmp_path, move=True)
    folder.put(GBK, b"gbk", 100)
    folder.put("零件1.png", b"utf-8", 200)
    folder.put(os.fsdecode(b"\xff\xfe.png"), b"neither", 300)
    triggers = folder.take()
    assert [trigger.unit for trigger in triggers] == ["零件1", "零件1", "\ufffd\ufffd"]
    assert [folder.link.grab(trigger, 1.0).data for trigger in triggers] == [b"gbk", b"utf-8", b"neither"]
    for trigger in triggers[:2]:
        folder.link.answer(trigger.number, Verdict.NOK)
    folder.recorded[3] = {"verdict": "NOK"}
    folder.restart()
    assert folder.take() == []
    files = sorted(path.name for path in folder.link.verdicts.glob("*.json"))
    assert len(files) == 3, "one for each, though two read the same"
    assert "零件1.png.verdict.json" in files
    assert all(name.encode() for name in files), "readable everywhere"
    for name in files:
        assert json.loads((folder.link.verdicts / name).read_text("utf-8"))["verdict"] == "NOK"
    assert (folder.link.verdicts / "nok" / GBK).read_bytes() == b"gbk", "the image keeps its name"


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "零" * 83 + ".png"])
def test_a_name_as_long_as_may_be_gets_its_verdict(tmp_path: Path, name: str) -> None:
    folder = _Folder(tmp_path, move=True)
    for mtime_s in (100, 200):
        folder.put(name, b"%d" % mtime_s, mtime_s)
        (trigger,) = folder.take()
        folder.link.answer(trigger.number, Verdict.OK)
    (file,) = folder.link.verdicts.glob("*.json")
    assert json.loads(file.read_text("utf-8"))["file"] == name
    assert len(list((folder.link.verdicts / "ok").iterdir())) == 2


def _stop_and_start(folder: _Folder) -> None:
    folder.restart()


def _wait(folder: _Folder) -> None:
    folder.time.sleep(60)
    folder.take()


@pytest.mark.parametrize("later", [_stop_and_start, _wait])
def test_an_ok_that_could_not_be_said_in_time_is_undecided(folder: _Folder, later: Callable[[_Folder], None]) -> None:
    folder.put("a.png")
    folder.put("b.png")
    assert len(folder.take()) == 2
    folder.recorded[1] = {"verdict": "OK", "reason": None, "record": "1/1"}
    folder.recorded[2] = {"verdict": "NOK", "reason": None, "record": "1/2"}
    later(folder)
    content = folder.verdict("a.png")
    assert (content["verdict"], content["reason"]) == ("UNDECIDED", "edge.deadline")
    assert (content["record"], content["recorded_verdict"]) == ("1/1", "OK")
    assert folder.verdict("b.png")["verdict"] == "NOK", "a rejection is never too late"


def test_an_ok_whose_file_took_too_long_to_write_is_undecided(folder: _Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.put("a.png")
    trigger = folder.link.wait_trigger(1.0)
    assert trigger is not None
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (folder.time.sleep(11), flush(fd)))
    folder.link.answer(trigger.number, Verdict.OK)
    assert folder.verdict("a.png")["verdict"] == "UNDECIDED"
