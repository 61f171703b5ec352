"""Challenge parts are registered by a command: a record in the log, and the station's assignment."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaugeblock.apps.challenge import challenge_command
from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import load_installation
from gaugeblock.apps.project import init_command
from gaugeblock.apps.records import reading_log
from gaugeblock.apps.station_assignment import read_assigned
from gaugeblock.inspection.module_errors import StationUnknownError
from gaugeblock.plant.assignment import ChallengeSetError
from gaugeblock.stores.projections import open_record


def test_a_set_is_stated_once_and_assigned(tmp_path: Path) -> None:
    console = Console("en")
    init_command(tmp_path, console)
    plant = tmp_path / "plant.toml"
    (tmp_path / "modules" / "P100.gbm").write_bytes(b"the station loads it, this command names it by digest")
    for _ in range(2):
        assert challenge_command(plant, "L1-ST10", ["G1"], ["D1", "D2"], 8.0, console) == 0
    installation = load_installation(plant)
    assigned = read_assigned(installation, "L1-ST10")
    assert assigned is not None
    assert assigned.challenge_set is not None
    assert [(p.unit, p.condition) for p in assigned.challenge_set.parts] == [
        ("G1", "good"),
        ("D1", "defective"),
        ("D2", "defective"),
    ]
    with reading_log(installation) as (_, reader):
        types = [open_record(record).record_type for record in reader.records(0, reader.size)]
    assert types.count("inspection.challenge_set") == 1


def test_what_tests_nothing_is_refused(tmp_path: Path) -> None:
    console = Console("en")
    init_command(tmp_path, console)
    with pytest.raises(ChallengeSetError):
        challenge_command(tmp_path / "plant.toml", "L1-ST10", ["G1"], [], 8.0, console)
    with pytest.raises(StationUnknownError):
        challenge_command(tmp_path / "plant.toml", "L9", ["G1"], ["D1"], 8.0, console)
