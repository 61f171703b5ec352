"""Inspection's projection and its reader: the tables and the in-memory twin give the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from gaugeblock.inspection.memory import MemoryInspections
from gaugeblock.inspection.projection import InspectionProjection, counts, metadata, references, stations, verdicts
from gaugeblock.inspection.queries import ProjectedInspections
from gaugeblock.inspection.read_model import StationRow, VerdictFilter, VerdictRow
from gaugeblock.inspection.review_projection import metadata as review_metadata
from gaugeblock.plant.inspection_facets import DefectRegion, Purpose, WatchMeasurement
from gaugeblock.plant.record_types import (
    Facet,
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    ReferenceStatement,
    StationStartedStatement,
    StationSubject,
    Verdict,
)
from gaugeblock.stores.database import Database
from gaugeblock.stores.projections import Add, OpenRecord, Put


def _record(index: int, record_type: str, facets: dict[str, Facet], second: int = 0) -> OpenRecord:
    at = f"2026-11-22T05:{second // 60:02d}:{second % 60:02d}.000000Z"
    return OpenRecord(index, record_type, 1, "station:ST1", f"1/{index}", at, at, facets)


def _verdict(
    index: int,
    unit: str,
    verdict: Verdict,
    latency_ms: float = 20.0,
    second: int = 0,
    purpose: Purpose = "production",
    measured: InspectionMeasurement | None = None,
) -> OpenRecord:
    return _record(
        index,
        "inspection.verdict",
        {
            "subject": InspectionSubject(station="ST1", unit=unit, product="P1"),
            "statement": InspectionStatement(
                verdict=verdict, reason="edge.deadline" if verdict is Verdict.UNDECIDED else None
            ),
            "measurement": measured or InspectionMeasurement(score=0.5, threshold=1.0),
            "process": InspectionProcess(
                boot_epoch=1, sequence=index, trigger=index, deadline_ms=100.0, latency_ms=latency_ms, purpose=purpose
            ),
            "inputs": InspectionInputs(image_sha256="a" * 64),
        },
        second,
    )


def _reference(index: int, unit: str, condition: str) -> OpenRecord:
    return _record(
        index,
        "inspection.reference",
        {
            "subject": InspectionSubject(station="ST1", unit=unit),
            "statement": ReferenceStatement(condition=condition),  # type: ignore[arg-type]
        },
    )


def _create(database: Database) -> None:
    # Verdicts are shown with what reviews have settled.
    for tables in (metadata, review_metadata):
        tables.create_all(database.engine)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(f"sqlite:///{tmp_path}/p.sqlite") as made:
        _create(made)
        yield made


def _apply(database: Database, records: list[OpenRecord]) -> None:
    """The plainest executor of changes, apart from the runner's, which has its own tests."""
    projection = InspectionProjection()
    with database.engine.begin() as connection:
        for record in records:
            for change in projection.changes(record):
                table = metadata.tables[change.table]
                match = [table.c[name] == value for name, value in change.key.items()]
                there = connection.execute(select(table).where(*match)).first() is not None
                if isinstance(change, Put):
                    new = dict(change.values)
                elif isinstance(change, Add):
                    row = connection.execute(select(table).where(*match)).mappings().first()
                    new = {name: (row[name] if row else 0) + amount for name, amount in change.amounts.items()}
                else:
                    raise AssertionError(change)
                if there:
                    connection.execute(update(table).where(*match).values(**new))
                else:
                    connection.execute(insert(table).values(**change.key, **new))


def _twin(records: list[OpenRecord]) -> MemoryInspections:
    reference = {
        r.facets["subject"].unit: r  # type: ignore[attr-defined]
        for r in records
        if r.record_type == "inspection.reference"
    }
    rows = []
    for r in records:
        if r.record_type != "inspection.verdict":
            continue
        subject, statement, process = r.facets["subject"], r.facets["statement"], r.facets["process"]
        assert isinstance(subject, InspectionSubject)
        assert isinstance(statement, InspectionStatement)
        assert isinstance(process, InspectionProcess)
        known = reference.get(subject.unit)
        rows.append(
            VerdictRow(
                index=r.index,
                station=subject.station,
                unit=subject.unit,
                product=subject.product,
                order=None,
                verdict=statement.verdict,
                reason=statement.reason,
                score=0.5,
                threshold=1.0,
                peak_x=None,
                peak_y=None,
                observed_at=r.observed_at,
                latency_ms=process.latency_ms,
                deadline_ms=process.deadline_ms,
                image_sha256="a" * 64,
                heatmap_sha256=None,
                module_sha256=None,
                reference_index=known.index if known else None,
                condition=known.facets["statement"].condition if known else None,  # type: ignore[attr-defined]
            )
        )
    last = rows[-1] if rows else None
    at = (
        [
            StationRow(
                station="ST1",
                boot_epoch=0,
                started_at="",
                module_sha256=None,
                missed_triggers=0,
                last_verdict_at=last.observed_at,
                last_verdict_index=last.index,
            )
        ]
        if last
        else []
    )
    return MemoryInspections(rows, at, len(records))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("v"), st.integers(0, 5), st.sampled_from(Verdict), st.floats(1, 200)),
        st.tuples(st.just("r"), st.integers(0, 5), st.sampled_from(["good", "defective"]), st.just(0.0)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_tables_and_twin_agree(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, object, float]]
) -> None:
    records = [
        _verdict(i, f"U{n}", value, latency, i) if kind == "v" else _reference(i, f"U{n}", str(value))  # type: ignore[arg-type]
        for i, (kind, n, value, latency) in enumerate(drawn)
    ]
    with Database(f"sqlite:///{tmp_path_factory.mktemp('p')}/p.sqlite") as database:
        _create(database)
        _apply(database, records)
        real, twin = ProjectedInspections(database, lambda: len(records)), _twin(records)
        assert real.overview() == twin.overview()
        for wanted in (
            VerdictFilter(),
            VerdictFilter(verdict=Verdict.NOK),
            VerdictFilter(unit="U1", limit=2),
            VerdictFilter(wrong=True),
            VerdictFilter(before=7, limit=3),
        ):
            assert real.verdicts(wanted) == twin.verdicts(wanted)
        assert [real.verdict(i) for i in range(len(records))] == [twin.verdict(i) for i in range(len(records))]
        assert real.unit("U2") == twin.unit("U2")


def test_escape_and_overkill_count_only_units_whose_condition_is_known(database: Database) -> None:
    _apply(
        database,
        [
            _verdict(0, "A", Verdict.OK),
            _verdict(1, "B", Verdict.NOK),
            _verdict(2, "C", Verdict.OK),
            _verdict(3, "D", Verdict.UNDECIDED),
            _reference(4, "A", "defective"),
            _reference(5, "B", "good"),
            _reference(6, "D", "good"),
        ],
    )
    seen = ProjectedInspections(database, lambda: 7).overview()
    assert (seen.escape.hits, seen.escape.of) == (1, 1)
    assert (seen.overkill.hits, seen.overkill.of) == (2, 2)
    assert seen.counts == {Verdict.OK: 2, Verdict.NOK: 1, Verdict.UNDECIDED: 1}
    wrong = ProjectedInspections(database, lambda: 7).verdicts(VerdictFilter(wrong=True))
    assert [row.unit for row in wrong] == ["D", "B", "A"]


def test_a_withheld_subject_shows_no_row_and_breaks_nothing(database: Database) -> None:
    record = _verdict(0, "A", Verdict.OK)
    bare = OpenRecord(0, record.record_type, 1, "station:ST1", "1/0", record.stated_at, record.observed_at, {})
    _apply(database, [bare])
    assert ProjectedInspections(database, lambda: 1).overview().counts[Verdict.OK] == 0


def test_a_new_start_keeps_what_the_station_did_last(database: Database) -> None:
    started = _record(
        1,
        "station.started",
        {
            "subject": StationSubject(station="ST1"),
            "statement": StationStartedStatement(boot_epoch=2, missed_triggers=3),
        },
    )
    _apply(database, [_verdict(0, "A", Verdict.OK), started])
    (row,) = ProjectedInspections(database, lambda: 2).overview().stations
    assert (row.boot_epoch, row.missed_triggers, row.last_verdict_index) == (2, 3, 0)


def test_all_tables_belong_to_the_room() -> None:
    assert {t.name for t in (verdicts, references, counts, stations)} == set(metadata.tables)
    assert all(name.startswith("inspection_") for name in metadata.tables)


def test_counts_are_of_all_verdicts_and_rates_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaugeblock.inspection.sums.WINDOW", 3)
    records = [_verdict(i, f"U{i}", Verdict.OK if i < 3 else Verdict.NOK) for i in range(6)]
    records += [_reference(6 + i, f"U{i}", "good") for i in range(6)]
    seen = _twin(records).overview()
    assert seen.counts == {Verdict.OK: 3, Verdict.NOK: 3, Verdict.UNDECIDED: 0}
    assert (seen.window, seen.overkill.hits, seen.overkill.of) == (3, 3, 3)


def test_challenge_parts_are_shown_and_counted_nowhere(database: Database) -> None:
    _apply(database, [_verdict(0, "A", Verdict.OK), _verdict(1, "GOLDEN", Verdict.NOK, purpose="challenge")])
    reader = ProjectedInspections(database, lambda: 2)
    seen = reader.overview()
    assert (seen.counts[Verdict.NOK], seen.window, [row.unit for row in seen.recent]) == (0, 1, ["A"])
    assert [row.unit for row in reader.verdicts(VerdictFilter())] == ["GOLDEN", "A"]
    assert [row.unit for row in reader.verdicts(VerdictFilter(purpose="production"))] == ["A"]
    twin = MemoryInspections(reader.verdicts(VerdictFilter()), seen.stations, 2)
    assert twin.overview() == seen


def test_zones_regions_and_watch_reach_the_reader(database: Database) -> None:
    region = DefectRegion(x=0.1, y=0.2, width=0.3, height=0.1, peak=1.4, area_mm2=2.5)
    watch = WatchMeasurement(light=128.0, focus=0.4)
    measured = InspectionMeasurement(score=0.9, threshold=1.0, review_from=0.8, regions=(region,), watch=watch)
    _apply(database, [_verdict(0, "A", Verdict.UNDECIDED, measured=measured)])
    row = ProjectedInspections(database, lambda: 1).verdict(0)
    assert row is not None
    assert (row.review_from, row.regions, row.watch, row.purpose) == (0.8, (region,), watch, "production")
