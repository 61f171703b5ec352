"""Which functions the plant's durable jobs run, and how many at once.

One slot is for a training or a comparison, of which the training desk lets only one run; one for the shadow, which runs
as long as there are candidates; one for what is short. Jobs step back (``nice``) before the stations of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from gaugeblock.inspection.training import COMPARE, SHADOW, TRAIN
from gaugeblock.production.line_desk import QUESTION
from gaugeblock.stores.jobs_runner import JobRunner

SLOTS = 3
NICE = 10

FUNCTIONS: Mapping[str, str] = {
    TRAIN: "gaugeblock.apps.training_job:train_job",
    COMPARE: "gaugeblock.apps.comparison_job:compare_job",
    SHADOW: "gaugeblock.apps.shadow_job:shadow_job",
    QUESTION: "gaugeblock.apps.twin_jobs:question_job",
}


def plant_runner(state_url: str) -> JobRunner:
    """The runner of the plant process; not yet started."""
    return JobRunner(state_url, FUNCTIONS, slots=SLOTS)


def step_back() -> None:
    """Let stations on the same machine go first."""
    os.nice(max(0, NICE - os.nice(0)))
