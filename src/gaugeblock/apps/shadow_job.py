"""``inspection.shadow``: candidates judge what their station has judged, and nobody acts on it.

A job that runs as long as there are open candidates. It follows the verdicts in the log, judges the images that the
stations handed over, and states what the candidate would have answered. Where it stands is saved; a killed job that
said something before it could save says it again under the same identity, which changes nothing.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gaugeblock.apps.job_plant import JobPlant, Said, job_plant
from gaugeblock.apps.jobs import step_back
from gaugeblock.apps.judging import Judge, Judged
from gaugeblock.inspection.modules_read_model import CandidateRow, ShadowTask
from gaugeblock.inspection.training import SHADOW
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import InspectionMeasurement
from gaugeblock.plant.module_facets import ShadowInputs, ShadowStatement, ShadowSubject
from gaugeblock.stores.jobs_runner import JobContext

RUN_S = 6 * 3600.0
PAUSE_S = 1.0
BATCH = 20
JUDGES_MAX = 4
STAGE = "inspection.module.stage.shadow"
NO_IMAGE = "stores.blob_missing"


@dataclass
class ShadowRun:
    """One run over all open candidates.

    Parameters
    ----------
    positions
        By station and candidate, the last verdict judged.
    broken
        By candidate, the code of the error that keeps its module from being loaded: the others go on.
    """

    plant: JobPlant
    positions: dict[str, int]
    judged: int = 0
    broken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._judges: OrderedDict[str, Judge] = OrderedDict()

    def round(self, go_on: Callable[[], None] = lambda: None) -> int | None:
        """One batch for each open candidate; how many verdicts that were, ``None`` without candidates."""
        waiting = self.plant.modules.open_candidates()
        if not waiting:
            return None
        return sum(self._batch(candidate, go_on) for candidate in waiting)

    def _batch(self, candidate: CandidateRow, go_on: Callable[[], None]) -> int:
        key = f"{candidate.station}/{candidate.module_sha256}"
        tasks = self.plant.modules.shadow_tasks(candidate, self.positions.get(key, 0), BATCH)
        if not tasks or candidate.module_sha256 in self.broken:
            return 0
        try:
            judge = self._judge(candidate.module_sha256)
        except GaugeblockError as error:
            self.broken[candidate.module_sha256] = error.code
            return 0
        said = []
        for task in tasks:
            go_on()
            said.append(self._said(candidate, task, judge))
        self.plant.statements.submit(*said)
        self.positions[key] = tasks[-1].verdict_index
        self.judged += len(tasks)
        return len(tasks)

    def _judge(self, module_sha256: str) -> Judge:
        judge = self._judges.pop(module_sha256, None) or Judge(self.plant.files.get(module_sha256), self.plant.images)
        self._judges[module_sha256] = judge
        while len(self._judges) > JUDGES_MAX:
            self._judges.popitem(last=False)
        return judge

    def _said(self, candidate: CandidateRow, task: ShadowTask, judge: Judge) -> Said:
        answer = judge(task.image_sha256) if task.image_sha256 else Judged(Verdict.UNDECIDED, NO_IMAGE)
        return Said(
            "inspection.shadow",
            f"shadow/{candidate.module_sha256[:16]}/{task.verdict_index}",
            {
                "subject": ShadowSubject(
                    station=task.station, verdict_index=task.verdict_index, unit=task.unit, product=task.product
                ),
                "statement": ShadowStatement(answer.verdict, answer.reason),
                "measurement": InspectionMeasurement(
                    score=answer.score, threshold=answer.threshold, review_from=answer.review_from
                ),
                "inputs": ShadowInputs(candidate.module_sha256, task.image_sha256 or ""),
            },
        )


def shadow_job(context: JobContext, *, plant: str, run_s: float = RUN_S) -> dict[str, Any]:
    """The job's function; how many verdicts it judged, and which candidates it could not load."""
    step_back()
    saved = context.saved_state()
    positions = msgspec.json.decode(saved, type=dict[str, int]) if saved else {}
    end_s = time.monotonic() + run_s
    with job_plant(plant, context.raise_if_cancelled) as opened:
        run = ShadowRun(opened, positions)
        while time.monotonic() < end_s:
            context.raise_if_cancelled()
            done = run.round(context.raise_if_cancelled)
            if done is None:
                opened.jobs.unschedule(SHADOW)
                break
            if done:
                context.save_state(msgspec.json.encode(run.positions))
                context.progress(run.judged, run.judged, STAGE)
            else:
                time.sleep(PAUSE_S)
        return {"judged": run.judged, "broken": run.broken}
