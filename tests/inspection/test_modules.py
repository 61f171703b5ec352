"""The life of a module over real records and projections: candidate, comparison, release, rollback, rejection."""

from __future__ import annotations

from typing import Any

import pytest

from gaugeblock.inspection.comparison import Criteria, JudgedPart, compare_set, judge
from gaugeblock.inspection.module_errors import (
    ComparisonFailedError,
    ComparisonForeignError,
    ModuleInServiceError,
    ModuleNotCandidateError,
    PointUnchangedError,
    ReasonMissingError,
    ReasonTooLongError,
    RollbackTargetError,
    StationUnknownError,
    TrainingRunningError,
    TrainingTooFewError,
)
from gaugeblock.inspection.training import SHADOW, TrainingOptions
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import InspectionMeasurement
from gaugeblock.plant.module_facets import (
    ComparisonMeasurement,
    ComparisonStatement,
    ComparisonSubject,
    ShadowInputs,
    ShadowStatement,
    ShadowSubject,
)
from gaugeblock.plant.settings import InspectionCosts, parse_settings
from gaugeblock.stores.errors import ModuleFileMissingError
from tests.inspection.plant_in_memory import STATION, Line
from tests.inspection.sample_modules import candidate, introduce, sample_module

OWNER = parse_settings(
    '[enterprise]\nname = "示例"\n[review]\nsecond_opinion_share = 0.0\n'
    '[[sites]]\nid = "S"\n[[lines]]\nid = "L1"\nsite = "S"\n'
    '[[products]]\nid = "P1"\n[products.costs]\nescape = 100\noverkill = 2\ndefect_rate = 0.01\n'
    f'[[stations]]\nid = "{STATION}"\nline = "L1"\nproduct = "P1"\nmodule = "m.gbm"\n'
    '[stations.camera]\nkind = "watched_folder"\nfolder = "in"\n'
)
LI, CHEN = "person:li.wei", "person:chen"


@pytest.fixture
def line() -> Line:
    return Line(OWNER)


def compared(line: Line, module: str, in_service: str, *, passed: bool = True, name: str = "1") -> int:
    """A comparison record, judged by the real rules."""
    bad = JudgedPart("defective", not passed, False)
    sets = [
        compare_set("held_out", [JudgedPart("good", True, True)] * 80 + [bad] * 8),
        compare_set("shadow", [JudgedPart(None, True, True)] * 200),
    ]
    found = judge(sets, Criteria())
    assert found.passed is passed
    facets: dict[str, Any] = {
        "subject": ComparisonSubject(module, in_service, STATION, "P1"),
        "statement": ComparisonStatement(found.passed, found.failed, found.criteria),
        "measurement": ComparisonMeasurement(tuple(sets)),
    }
    return line.plant.statements.state(
        "server:plant", "inspection.comparison", f"comparison/{module[:8]}/{name}", facets
    )


def test_released_on_a_comparison_and_rolled_back_in_one_step(line: Line) -> None:
    desk = line.desks.modules
    first = introduce(line.plant, STATION, sample_module(1))
    second = candidate(line.plant, STATION, sample_module(2))
    index = compared(line, second, first)
    decided = desk.release(LI, STATION, second, comparison_index=index)
    assert not decided.same_person
    at = desk.station(STATION)
    assert at.in_service is not None
    assert (at.in_service.module_sha256, at.in_service.author, at.in_service.trained_by) == (second, LI, CHEN)
    assert at.in_service.comparison_index == index
    assert at.in_service.predecessor_sha256 == first
    assert [row.state for row in at.candidates] == ["released"]
    assert line.desks.modules._assignments.entries[STATION].module_sha256 == second  # type: ignore[attr-defined]
    third = candidate(line.plant, STATION, sample_module(3))
    desk.release(CHEN, STATION, third, reason="夹具换新，旧模型全部过杀，已人工全检")
    assert desk.station(STATION).in_service.same_person  # type: ignore[union-attr]
    assert [entry.module_sha256 for entry in desk.station(STATION).earlier] == [second, first]
    # Over the one in between, to the very first one.
    desk.rollback(LI, STATION, first, reason="新模型漏检划伤，退回首个模型")
    assert desk.station(STATION).in_service.module_sha256 == first  # type: ignore[union-attr]
    desk.rollback(LI, STATION, third, reason="查明是光源问题，恢复到第三个模型")
    desk.rollback(LI, STATION, first, reason="再次退回，等待光源更换")
    history = desk.station(STATION).history
    assert [entry.action for entry in history] == [
        "rollback",
        "rollback",
        "rollback",
        "release",
        "release",
        "introduced",
    ]
    assert line.desks.modules._assignments.entries[STATION].module_sha256 == first  # type: ignore[attr-defined]


def test_a_release_needs_a_passed_comparison_or_a_reason(line: Line) -> None:
    desk = line.desks.modules
    first = introduce(line.plant, STATION, sample_module(1))
    second = candidate(line.plant, STATION, sample_module(2))
    with pytest.raises(ReasonMissingError):
        desk.release(LI, STATION, second)
    with pytest.raises(ReasonMissingError):
        desk.release(LI, STATION, second, reason="   短   ")
    with pytest.raises(ReasonTooLongError):
        desk.release(LI, STATION, second, reason="x" * 1001)
    failed = compared(line, second, first, passed=False)
    with pytest.raises(ComparisonFailedError):
        desk.release(LI, STATION, second, comparison_index=failed)
    other = compared(line, second, "f" * 64, name="2")
    for foreign in (other, 0, 10**9):
        with pytest.raises(ComparisonForeignError):
            desk.release(LI, STATION, second, comparison_index=foreign, reason="有理由也不行，比较对象不对")
    decided = desk.release(LI, STATION, second, comparison_index=failed, reason="漏检的是已停产的缺陷类型")
    entry = desk.station(STATION).in_service
    assert entry is not None
    assert (entry.index, entry.comparison_index) == (decided.index, failed)
    assert entry.reason.startswith("漏检")


def test_what_cannot_be_released_or_gone_back_to(line: Line) -> None:
    desk = line.desks.modules
    with pytest.raises(StationUnknownError):
        desk.release(LI, "nowhere", "a" * 64, reason="没有这个工位也要试")
    first = introduce(line.plant, STATION, sample_module(1))
    with pytest.raises(ModuleNotCandidateError):
        desk.release(LI, STATION, first, reason="已经在用的模型再发布")
    with pytest.raises(ModuleInServiceError):
        desk.rollback(LI, STATION, first, reason="已经在用的模型再退回")
    second = candidate(line.plant, STATION, sample_module(2))
    with pytest.raises(RollbackTargetError):
        desk.rollback(LI, STATION, second, reason="从未用过的模型不能退回")
    desk.reject(LI, STATION, second, reason="影子运行中对油污过敏")
    with pytest.raises(ModuleNotCandidateError):
        desk.release(LI, STATION, second, reason="已否决的候选再发布")
    assert desk.station(STATION).candidates[0].state == "rejected"
    assert desk.reader.open_candidates() == []
    lost = candidate(line.plant, STATION, sample_module(3))
    del desk._files._modules[lost]  # type: ignore[attr-defined]
    with pytest.raises(ModuleFileMissingError):
        desk.release(LI, STATION, lost, reason="文件不在的候选不能发布")
    assert desk.station(STATION).in_service.module_sha256 == first  # type: ignore[union-attr]


def test_assignments_are_written_anew_from_the_log(line: Line) -> None:
    first = introduce(line.plant, STATION, sample_module(1))
    assignments = line.desks.modules._assignments
    line.keep("modules")
    assert assignments.entries[STATION].module_sha256 == first  # type: ignore[attr-defined]
    second = candidate(line.plant, STATION, sample_module(2))
    line.desks.modules.release(LI, STATION, second, reason="首个模型对新批次过杀严重")
    assignments.entries.clear()  # type: ignore[attr-defined]
    assert line.desks.modules.assign_all() == 1
    assert assignments.entries[STATION].module_sha256 == second  # type: ignore[attr-defined]


def test_open_candidates_are_scheduled_to_run_in_shadow(line: Line) -> None:
    introduce(line.plant, STATION, sample_module(1))
    line.keep("modules")
    jobs = line.desks.training._jobs
    assert [each.name for each in jobs.schedules()] == []  # type: ignore[attr-defined]
    candidate(line.plant, STATION, sample_module(2))
    line.keep("modules")
    (schedule,) = jobs.schedules()  # type: ignore[attr-defined]
    assert (schedule.name, schedule.kind) == (SHADOW, SHADOW)
    before = schedule.next_at
    line.keep("modules")
    assert jobs.schedules()[0].next_at == before  # type: ignore[attr-defined]


def test_shadow_tasks_are_what_came_after_and_was_not_judged(line: Line) -> None:
    introduce(line.plant, STATION, sample_module(1))
    line.inspect(Verdict.OK, "U1")
    sha256 = candidate(line.plant, STATION, sample_module(2))
    reader = line.desks.modules.reader
    row = reader.candidate(STATION, sha256)
    assert row is not None
    verdicts = [line.inspect(Verdict.OK, f"U{n}") for n in range(2, 6)]
    line.inspect(Verdict.OK, "C1", purpose="challenge")
    line.inspect(Verdict.OK, "U9", product="P2")
    assert [task.verdict_index for task in reader.shadow_tasks(row, 0)] == verdicts  # type: ignore[attr-defined]
    for index in verdicts[:2]:
        facets: dict[str, Any] = {
            "subject": ShadowSubject(STATION, index, "U2", "P1"),
            "statement": ShadowStatement(Verdict.NOK),
            "measurement": InspectionMeasurement(score=2.0, threshold=1.0),
            "inputs": ShadowInputs(sha256, "0" * 64),
        }
        line.plant.statements.state("server:plant", "inspection.shadow", f"shadow/{sha256[:16]}/{index}", facets)
    assert [task.verdict_index for task in reader.shadow_tasks(row, 0)] == verdicts[2:]  # type: ignore[attr-defined]
    again = reader.candidate(STATION, sha256)
    assert again is not None
    assert (again.shadowed, again.shadowed_up_to) == (2, verdicts[1])


def test_training_preview_counts_and_names_contradictions(line: Line) -> None:
    introduce(line.plant, STATION, sample_module(1))
    for n in range(40):
        index = line.inspect(Verdict.OK if n % 4 else Verdict.NOK, f"U{n}")
        line.review("li.wei", index, "good" if n % 4 else "defective")
    again = line.inspect(Verdict.NOK, "U1")
    line.review("li.wei", again, "defective", "scratch")
    desk = line.desks.training
    seen = desk.preview(TrainingOptions(station=STATION, product="P1"))
    assert seen.good + seen.defective + seen.held_out_good + seen.held_out_defective == 39
    assert seen.held_out_good + seen.held_out_defective > 0
    (contradiction,) = seen.contradictions
    assert (contradiction.by, contradiction.units) == ("unit", ("U1",))
    assert seen.costs == InspectionCosts(escape=100, overkill=2, defect_rate=0.01)
    assert seen.enough
    job = desk.start(CHEN, TrainingOptions(station=STATION, product="P1"))
    assert desk.job(job).args["person"] == CHEN
    with pytest.raises(TrainingRunningError):
        desk.start(CHEN, TrainingOptions(station=STATION, product="P1"))
    desk.cancel(job)
    assert desk.running() is None
    with pytest.raises(TrainingTooFewError):
        desk.start(CHEN, TrainingOptions(station=STATION, product="P9"))
    with pytest.raises(StationUnknownError):
        desk.preview(TrainingOptions(station="nowhere"))


def test_passed_parts_are_used_where_wanted_and_overruled_ones_never(line: Line) -> None:
    introduce(line.plant, STATION, sample_module(1))
    indices = [line.inspect(Verdict.OK, f"U{n}") for n in range(30)]
    line.review("li.wei", indices[0], "defective", "dent")
    desk = line.desks.training
    without = desk.chosen(TrainingOptions(station=STATION, product="P1"))
    assert len(without.good) == 0
    chosen = desk.chosen(TrainingOptions(station=STATION, product="P1", with_passed=True))
    assert chosen.presumed == len(chosen.good) > 15
    assert indices[0] not in {label.verdict_index for label in chosen.good}


def test_another_operating_point_is_another_candidate(line: Line) -> None:
    first = introduce(line.plant, STATION, sample_module(1))
    desk = line.desks.operating_points
    cheap = desk.attempt(first, InspectionCosts(escape=1.0, overkill=50.0, defect_rate=0.01))
    dear = desk.attempt(first, InspectionCosts(escape=5000.0, overkill=1.0, defect_rate=0.01))
    assert dear.threshold < cheap.threshold
    made = desk.make(LI, STATION, first, InspectionCosts(escape=5000.0, overkill=1.0, defect_rate=0.01))
    manifest, before = desk.manifest(made), desk.manifest(first)
    assert manifest.operating_point == dear
    assert (manifest.network_sha256, manifest.bank_sha256) == (before.network_sha256, before.bank_sha256)
    assert manifest.module_sha256 == made != first
    row = line.desks.modules.reader.candidate(STATION, made)
    assert row is not None
    assert (row.statement.source, row.statement.requested_by) == ("operating_point", LI)
    assert row.inputs.operating_point_sha256 == dear.digest()
    with pytest.raises(PointUnchangedError):
        desk.make(LI, STATION, made, InspectionCosts(escape=5000.0, overkill=1.0, defect_rate=0.01))
    line.desks.modules.release(LI, STATION, made, reason="客户要求把漏检成本提高")
    assert line.desks.modules.station(STATION).in_service.same_person  # type: ignore[union-attr]
