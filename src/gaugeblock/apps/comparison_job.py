"""``inspection.compare``: a candidate and the module in service judge the same parts, and the record says how.

Held-out and challenge parts are judged by both here. Of what ran in shadow, the station's own answers count, where the
module now in service gave them. A part counts in the first of the sets that it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gaugeblock.apps.job_plant import JobPlant, Said, job_plant
from gaugeblock.apps.jobs import step_back
from gaugeblock.apps.judging import Judge
from gaugeblock.inspection.comparison import (
    DEFAULT_CRITERIA,
    Condition,
    Criteria,
    JudgedPart,
    compare_set,
    judge,
)
from gaugeblock.inspection.module_errors import (
    ModuleNotCandidateError,
    NothingInServiceError,
    StationUnknownError,
)
from gaugeblock.inspection.modules_read_model import CandidateRow
from gaugeblock.inspection.training import LABELS_LIMIT
from gaugeblock.inspection.training_set import Label, training_set
from gaugeblock.plant.module_facets import (
    ComparisonMeasurement,
    ComparisonStatement,
    ComparisonSubject,
)
from gaugeblock.stores.jobs_runner import JobContext

HELD_OUT_MAX = 5_000
SHADOW_MAX = 50_000
STAGE = "inspection.module.stage.compare"

Told = Callable[[int, int], None]


def compare(plant: JobPlant, station: str, module_sha256: str, told: Told, criteria: Criteria) -> Said:
    """Judge all parts by both modules; the statement to submit, whose identity the caller completes.

    Raises
    ------
    StationUnknownError, NothingInServiceError, ModuleNotCandidateError
    GaugeblockError
        A module's file is missing or damaged.
    """
    at = plant.modules.station(station)
    if at is None:
        raise StationUnknownError(station=station[:80])
    if at.in_service is None:
        raise NothingInServiceError(station=station)
    candidate = plant.modules.candidate(station, module_sha256)
    if candidate is None or candidate.state != "open":
        raise ModuleNotCandidateError(module=module_sha256[:64], station=station)
    serving = at.in_service.module_sha256
    labels = plant.labels.labels(station, candidate.product, LABELS_LIMIT)
    held = training_set(labels, seed=candidate.statement.held_out_seed).held_out[-HELD_OUT_MAX:]
    challenges = list({part.image_sha256: part for part in plant.modules.challenges(station)}.values())
    pair = _Pair(plant, module_sha256, serving, told, len(held) + len(challenges))
    sets = [
        compare_set("held_out", pair.judged(held)),
        compare_set("challenge", pair.judged(challenges)),
        compare_set("shadow", _shadow(plant, candidate, serving, labels, {part.verdict_index for part in held})),
    ]
    judged = judge(sets, criteria)
    return Said(
        "inspection.comparison",
        f"comparison/{module_sha256[:16]}/{serving[:16]}",
        {
            "subject": ComparisonSubject(module_sha256, serving, station, candidate.product),
            "statement": ComparisonStatement(judged.passed, judged.failed, judged.criteria),
            "measurement": ComparisonMeasurement(tuple(sets), pair.missing),
        },
    )


class _Pair:
    """Both modules over labelled images."""

    def __init__(self, plant: JobPlant, candidate: str, serving: str, told: Told, total: int) -> None:
        self._images = plant.images
        self._candidate = Judge(plant.files.get(candidate), plant.images)
        self._serving = Judge(plant.files.get(serving), plant.images)
        self._told, self._total, self._done = told, total, 0
        self.missing = 0

    def judged(self, parts: Iterable[Label]) -> Iterable[JudgedPart]:
        for part in parts:
            self._done += 1
            self._told(self._done, self._total)
            if not self._images.has(part.image_sha256):
                self.missing += 1
                continue
            yield JudgedPart(
                part.condition, self._candidate(part.image_sha256).accepts, self._serving(part.image_sha256).accepts
            )


def _shadow(
    plant: JobPlant, candidate: CandidateRow, serving: str, labels: Iterable[Label], counted: set[int]
) -> Iterable[JudgedPart]:
    conditions: dict[int, set[Condition]] = {}
    for label in labels:
        conditions.setdefault(label.verdict_index, set()).add(label.condition)
    for index, candidate_accepts, station_accepted in plant.modules.shadowed(candidate, serving, SHADOW_MAX):
        if index in counted:
            continue
        known = conditions.get(index, set())
        condition = next(iter(known)) if len(known) == 1 else None
        yield JudgedPart(condition, candidate_accepts, station_accepted)


def compare_job(context: JobContext, *, plant: str, station: str, module_sha256: str) -> dict[str, Any]:
    """The job's function; the comparison's record and whether it was passed."""
    step_back()

    def told(done: int, total: int) -> None:
        context.raise_if_cancelled()
        context.progress(done, total, STAGE)

    with job_plant(plant, context.raise_if_cancelled) as opened:
        said = compare(opened, station, module_sha256, told, DEFAULT_CRITERIA)
        # The job is part of the name: comparing again later, with more shadow, is another statement.
        named = Said(said.record_type, f"{said.identity}/{context.job}", said.facets)
        (index,) = opened.statements.submit(named)
        statement = said.facets["statement"]
        assert isinstance(statement, ComparisonStatement)
        return {"index": index, "passed": statement.passed, "station": station, "module_sha256": module_sha256}
