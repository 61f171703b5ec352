"""Event files in a folder become records once; what cannot be used is put aside with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaugeblock.apps import event_folder
from gaugeblock.apps.event_folder import EventFolder
from gaugeblock.production.line_queries import LineFollower, LineReader
from tests.production.line_events import at, model_of_two
from tests.web.conftest import SamplePlant

ROWS = [
    (0, "a", "started", "u1"),
    (2, "a", "finished", "u1"),
    (2, "a", "left", "u1"),
    (3, "b", "started", "u1"),
    (6, "b", "left", "u1"),
    (6, "a", "started", "u2"),
]
HEADER = "at,station,event,unit,order\n"


def text(rows: list[tuple[int, str, str, str]]) -> str:
    return HEADER + "".join(f"{at(s)},{station},{event},{unit},A\n" for s, station, event, unit in rows)


@pytest.fixture
def plant() -> SamplePlant:
    return SamplePlant()


def test_a_file_is_taken_once_when_it_stands_still(
    plant: SamplePlant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_folder, "BATCHES_A_STEP", 2)
    monkeypatch.setattr("gaugeblock.production.event_files.BATCH_BYTES", 200)
    folder = tmp_path / "events" / "L"
    folder.mkdir(parents=True)
    keeper = EventFolder(plant.plant.statements, tmp_path / "events", ["L", "none"], "UTC")
    (folder / "one.csv").write_text(text(ROWS[:3]))
    keeper.step()
    (folder / "one.csv").write_text(text(ROWS))
    keeper.step()
    reader = LineReader(plant.plant.projections.database)
    assert not reader.after("L", -1), "the file was still growing"
    for _ in range(8):
        keeper.step()
    assert [p.name for p in (folder / "done").iterdir()] == ["one.csv"]
    batches = len(reader.after("L", -1))
    assert batches > 2
    fold = LineFollower(reader, model_of_two())
    state = fold.look(lambda f: (dict(f.finished), f.machines["a"].unit, dict(f.oddities)))
    assert state == ({"A": 1}, "u2", {})
    (folder / "again.csv").write_text(text(ROWS))
    for _ in range(8):
        keeper.step()
    assert len(reader.after("L", -1)) == batches, "the same content is the same statement"


def test_a_file_that_cannot_be_used_is_put_aside_with_the_reason(plant: SamplePlant, tmp_path: Path) -> None:
    folder = tmp_path / "L"
    folder.mkdir()
    (folder / "bad.csv").write_text(HEADER + "yesterday,a,started,u1,A\n")
    (folder / "notes.txt").write_text("not events")
    keeper = EventFolder(plant.plant.statements, tmp_path, ["L"], "UTC")
    keeper.step()
    keeper.step()
    assert sorted(p.name for p in (folder / "refused").iterdir()) == ["bad.csv", "bad.csv.reason.txt"]
    assert "yesterday" in (folder / "refused" / "bad.csv.reason.txt").read_text("utf-8")
    assert (folder / "notes.txt").exists()
    assert not LineReader(plant.plant.projections.database).after("L", -1)
