"""The watch: changes are found where they began, stated once, and a process that starts anew states nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.inspection.watch import BASELINE_SUBGROUPS, SUBGROUP, ChartFold, StationFold, WatchRow
from gaugeblock.inspection.watch_desk import AlarmSettledError, AlarmUnknownError, NoteTooLongError, WatchDesk
from gaugeblock.inspection.watch_projection import WatchProjection
from gaugeblock.inspection.watch_queries import WatchReader
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Purpose,
    WatchMeasurement,
)
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.log_writer import LogWriter
from gaugeblock.stores.memory import MemoryLog
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.stores.statements import MemoryKeys, SignedStatements

STATION = "station:ST1"
LEARNT = BASELINE_SUBGROUPS * SUBGROUP


def rows(values: np.ndarray, first: int = 0, module: str = "m1") -> list[WatchRow]:
    return [
        WatchRow(
            index=first + i,
            station="ST1",
            unit=f"U{first + i}",
            observed_at=f"2026-11-22T05:{i // 60 % 60:02d}:{i % 60:02d}.000000Z",
            module_sha256=module,
            image_sha256=f"{first + i:064x}",
            light=float(value),
        )
        for i, value in enumerate(values)
    ]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.floats(3.0, 12.0) | st.floats(-12.0, -3.0),
    at=st.integers(LEARNT + 20, LEARNT + 200),
)
def test_a_shift_is_seen_in_its_direction_and_dated(seed: int, shift: float, at: int) -> None:
    noise = np.random.default_rng(seed).normal(100, 1, at + 400)
    noise[at:] += shift
    fold = ChartFold("light")
    events = [event for row in rows(noise) for event in fold.add(row)]
    found = [event for event in events if event.raised and event.index >= at]
    assert found
    assert found[0].direction == ("up" if shift > 0 else "down")
    # The estimate is when the average left its centre for good: by chance that may be some while before the change.
    assert -40 * SUBGROUP <= found[0].since_index - at <= 4 * SUBGROUP
    assert found[0].index - at <= 12 * SUBGROUP
    assert found[0].before_sha256 is not None
    assert int(found[0].before_sha256, 16) < max(at, found[0].since_index)


def test_learning_says_how_far_it_is_and_judges_nothing() -> None:
    fold = ChartFold("light")
    values = np.random.default_rng(1).normal(100, 1, LEARNT - 1)
    assert [e for row in rows(values) for e in fold.add(row)] == []
    assert fold.learning == (BASELINE_SUBGROUPS - 1, BASELINE_SUBGROUPS)
    assert fold.centre is None


def test_a_camera_that_shows_one_picture_is_said_to_be_flat() -> None:
    fold = ChartFold("light")
    for row in rows(np.full(2 * LEARNT, 7.0)):
        fold.add(row)
    assert fold.flat
    assert fold.centre is None


def test_a_new_module_begins_new_baselines() -> None:
    fold = StationFold()
    first = np.random.default_rng(2).normal(100, 1, LEARNT + 50)
    second = np.random.default_rng(3).normal(140, 1, LEARNT + 50)
    events = [e for row in rows(first) + rows(second, 10_000, "m2") for e in fold.add(row)]
    assert events == []
    assert fold.charts["light"].centre == pytest.approx(140, abs=1)


# ── at work ───────────────────────────────────────────────────────────────────────────────────────────────


class Plant:
    """A log in memory, its projection on SQLite, a station that states verdicts, and the desk."""

    def __init__(self, folder: Path) -> None:
        clock, server = SystemClock(), SigningKey.generate()
        self.log = MemoryLog("plant.example/log", SigningKey.generate(), clock, server)
        self.writer = LogWriter(self.log)
        self.writer.start()
        self.database = Database(f"sqlite:///{folder}/projections.sqlite")
        self.runner = ProjectionRunner(self.database, self.log, [WatchProjection()])
        self.signed = SignedStatements(self.log, self.writer.submit, MemoryKeys({SERVER: server}), clock)
        self.reader = WatchReader(self.database)
        self.desk = WatchDesk(self.reader, self)
        self.number = 0

    def state(self, *arguments: object, **named: object) -> int:
        index = self.signed.state(*arguments, **named)  # type: ignore[arg-type]
        self.runner.catch_up()
        return index

    def inspect(
        self, light: float, verdict: Verdict = Verdict.OK, purpose: Purpose = "production", module: str = "ab"
    ) -> None:
        self.number += 1
        self.signed.state(
            STATION,
            "inspection.verdict",
            f"1/{self.number}",
            {
                "subject": InspectionSubject(station="ST1", unit=f"U{self.number}"),
                "statement": InspectionStatement(verdict),
                "measurement": InspectionMeasurement(
                    score=0.5, threshold=1.0, watch=WatchMeasurement(light=light, shift_x=0.03, shift_y=0.04)
                ),
                "process": InspectionProcess(
                    boot_epoch=1,
                    sequence=self.number,
                    trigger=self.number,
                    deadline_ms=100.0,
                    latency_ms=10.0,
                    purpose=purpose,
                ),
                "inputs": InspectionInputs(image_sha256=f"{self.number:064x}", module_sha256=module * 32),
            },
        )

    def run(self, values: np.ndarray) -> None:
        for value in values:
            self.inspect(float(value))
        self.runner.catch_up()
        self.desk.step()

    def close(self) -> None:
        self.writer.stop()
        self.database.close()


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    yield made
    made.close()


def test_an_alarm_is_raised_once_cleared_and_acknowledged(plant: Plant) -> None:
    random = np.random.default_rng(5)
    plant.run(random.normal(100, 1, LEARNT + 20))
    assert plant.desk.alarms() == []
    plant.run(random.normal(110, 1, 60))
    plant.run(random.normal(110, 1, 20))
    (alarm,) = plant.desk.alarms("ST1")
    assert (alarm.chart, alarm.direction, alarm.standing) == ("light", "up", True)
    assert alarm.now_sha256 is not None
    record = plant.log.record(alarm.index)
    assert record.index == alarm.index
    view = next(v for v in plant.desk.charts("ST1") if v.chart == "light")
    assert view.alarm is not None
    assert next(v for v in plant.desk.charts("ST1") if v.chart == "position").points[0].mean == pytest.approx(0.05)

    plant.desk.acknowledge(alarm.index, "person:li.wei", " lamp replaced ")
    (alarm,) = plant.desk.alarms()
    assert (alarm.acknowledged_by, alarm.note, alarm.standing) == ("person:li.wei", "lamp replaced", True)
    with pytest.raises(AlarmSettledError):
        plant.desk.acknowledge(alarm.index, "person:wang.fang")

    plant.run(random.normal(100, 1, 120))
    (alarm,) = plant.desk.alarms()
    assert alarm.cleared_at is not None
    assert not alarm.standing


def test_a_process_that_starts_anew_states_nothing_twice(plant: Plant) -> None:
    random = np.random.default_rng(6)
    plant.run(random.normal(100, 1, LEARNT + 20))
    plant.run(random.normal(110, 1, 60))
    size = plant.log.size
    for _ in range(2):
        anew = WatchDesk(plant.reader, plant)
        anew.step()
        anew.step()
    assert plant.log.size == size


def test_new_baselines_begin_where_a_person_says_so(plant: Plant) -> None:
    random = np.random.default_rng(7)
    plant.run(random.normal(100, 1, LEARNT + 20))
    plant.run(random.normal(110, 1, 60))
    (alarm,) = plant.desk.alarms()
    plant.desk.acknowledge(alarm.index, "person:li.wei", "new lamp", new_baseline=True)
    plant.run(random.normal(110, 1, LEARNT + 40))
    view = next(v for v in plant.desk.charts("ST1") if v.chart == "light")
    assert view.centre == pytest.approx(110, abs=1)
    assert [a.standing for a in plant.desk.alarms()] == [False]
    # And a process that starts anew knows it too.
    anew = WatchDesk(plant.reader, plant)
    anew.step()
    assert next(v for v in anew.charts("ST1") if v.chart == "light").centre == pytest.approx(110, abs=1)


def test_challenge_parts_and_defects_are_not_watched_as_good_parts(plant: Plant) -> None:
    plant.inspect(50.0, purpose="challenge")
    plant.inspect(100.0, verdict=Verdict.NOK)
    plant.inspect(100.0)
    plant.runner.catch_up()
    found = plant.reader.rows("ST1", -1)
    assert [(row.light, row.score) for row in found] == [(100.0, None), (100.0, 0.5)]


def test_refusals_are_named(plant: Plant) -> None:
    with pytest.raises(AlarmUnknownError):
        plant.desk.acknowledge(0, "person:li.wei")
    with pytest.raises(NoteTooLongError):
        plant.desk.acknowledge(0, "person:li.wei", "x" * 501)
