"""What ``up`` writes for a station: from plant.toml until a person has released a module."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.station_assignment import (
    StationModuleMissingError,
    StationUnknownError,
    assign,
    read_assigned,
    refresh,
)
from gaugeblock.plant.assignment import Assignment, ChallengeSetError
from gaugeblock.plant.control_facets import ChallengePart, ChallengeSetStatement
from gaugeblock.plant.settings import Station

PLANT = """
[enterprise]
name = "示例"
[[sites]]
id = "S1"
timezone = "Europe/Berlin"
[[lines]]
id = "L1"
site = "S1"
shifts = ["06:00", "14:00"]
[[products]]
id = "P1"
[[stations]]
id = "ST10"
line = "L1"
product = "P1"
module = "first.gbm"
mm_per_pixel = 0.02
require_challenge = {required}
camera = {{ kind = "watched_folder", folder = "in" }}
"""
PARTS = ChallengeSetStatement((ChallengePart("G", "good"), ChallengePart("N", "defective")))


def _plant(folder: Path, required: str = "false") -> tuple[Installation, Station]:
    file = folder / "plant.toml"
    file.write_text(PLANT.format(required=required), "utf-8")
    installation = load_installation(file)
    return installation, installation.settings.stations[0]


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_first_assignment_is_what_plant_toml_says(tmp_path: Path) -> None:
    installation, station = _plant(tmp_path)
    with pytest.raises(StationModuleMissingError):
        refresh(installation, station)
    (tmp_path / "first.gbm").write_bytes(b"first")
    expected = Assignment(
        module=str((tmp_path / "first.gbm").resolve()),
        module_sha256=_sha(b"first"),
        product="P1",
        shifts=("06:00", "14:00"),
        timezone="Europe/Berlin",
        mm_per_pixel=0.02,
    )
    assert refresh(installation, station) == expected
    assert read_assigned(installation, "ST10") == expected
    assert installation.assignment("ST10").stat().st_mode & 0o077 == 0


def test_settings_follow_plant_toml_and_decisions_stay(tmp_path: Path) -> None:
    installation, station = _plant(tmp_path)
    (tmp_path / "first.gbm").write_bytes(b"first")
    refresh(installation, station)
    assign(installation, "ST10", challenge_set=PARTS)
    (tmp_path / "first.gbm").write_bytes(b"trained anew")
    installation, station = _plant(tmp_path, "true")
    renewed = refresh(installation, station)
    assert (renewed.module_sha256, renewed.challenge_set) == (_sha(b"trained anew"), PARTS)
    assert renewed.require_challenge
    released = tmp_path / "released.gbm"
    released.write_bytes(b"released")
    assign(installation, "ST10", module=str(released), module_sha256=_sha(b"released"), release_index=12)
    assert refresh(installation, station).module_sha256 == _sha(b"released")
    released.unlink()
    with pytest.raises(StationModuleMissingError):
        refresh(installation, station)


def test_what_a_station_could_not_follow_is_not_written(tmp_path: Path) -> None:
    installation, station = _plant(tmp_path)
    (tmp_path / "first.gbm").write_bytes(b"first")
    before = refresh(installation, station)
    with pytest.raises(ChallengeSetError):
        assign(installation, "ST10", challenge_set=ChallengeSetStatement(()))
    with pytest.raises(StationUnknownError):
        assign(installation, "ST99", challenge_set=PARTS)
    assert read_assigned(installation, "ST10") == before
