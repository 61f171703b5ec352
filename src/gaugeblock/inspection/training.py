"""The desk of training: what a training would use, starting one, watching it, comparing what came out of it.

The work itself takes minutes and runs as a durable job; this desk only submits it. A job is told station, product and
options, and reads labels and images itself when it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gaugeblock.inspection.module_errors import (
    ModuleNotCandidateError,
    NothingInServiceError,
    StationUnknownError,
    TrainingFolderError,
    TrainingRunningError,
    TrainingTooFewError,
)
from gaugeblock.inspection.modules_read_model import ModuleReader
from gaugeblock.inspection.training_set import HELD_OUT_SEED, Contradiction, Label, TrainingSet, training_set
from gaugeblock.plant.settings import InspectionCosts, PlantSettings
from gaugeblock.stores.jobs import TERMINAL, Job, JobState, Schedule

TRAIN, COMPARE, SHADOW = "inspection.train", "inspection.compare", "inspection.shadow"
KINDS = frozenset({TRAIN, COMPARE})
GOOD_NEEDED = 5
LABELS_LIMIT = 100_000
PASSED_LIMIT = 2_000
TRAINING_TIMEOUT_S = 24 * 3600.0
COMPARISON_TIMEOUT_S = 6 * 3600.0
SHADOW_TIMEOUT_S = 12 * 3600.0
SHADOW_EVERY_S = 20.0
JOBS_SHOWN = 12
JOBS_LOOKED_AT = 200
CONTRADICTIONS_SHOWN = 20


class JobQueue(Protocol):
    """Durable jobs; ``stores.jobs.Jobs`` is one."""

    def submit(self, kind: str, args: Mapping[str, Any], *, timeout_s: float = ..., max_attempts: int = ...) -> str:
        """The job's id, durable."""
        ...

    def get(self, job: str) -> Job:
        """As it stands."""
        ...

    def list(self, state: JobState | None = None, limit: int = 50) -> Sequence[Job]:
        """Newest first."""
        ...

    def cancel(self, job: str) -> None:
        """Ask it to stop."""
        ...

    def schedule(
        self,
        name: str,
        kind: str,
        args: Mapping[str, Any],
        every_s: float,
        *,
        timeout_s: float = ...,
        max_attempts: int = ...,
    ) -> None:
        """Submit such a job again and again; the same name replaces."""
        ...

    def schedules(self) -> Sequence[Schedule]:
        """All schedules."""
        ...


class LabelledParts(Protocol):
    """Labels and presumed good parts; ``modules_queries.ProjectedModules`` with the review's labels."""

    def labels(self, station: str, product: str | None, limit: int) -> list[Label]:
        """What people and references say."""
        ...

    def passed(self, station: str, product: str | None, limit: int) -> list[Label]:
        """Parts that the station passed, newest first."""
        ...


class TrainingOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person chooses.

    Parameters
    ----------
    with_passed
        Also use the newest parts that the station passed and nobody overruled, as good ones.
    folder
        Further photographs of good parts, as those of the first training; a path as in ``plant.toml``.
    costs
        From which the operating point follows; those of the product where left out.
    """

    station: str
    product: str | None = None
    with_passed: bool = False
    folder: str | None = None
    costs: InspectionCosts | None = None
    overkill_target: float = 0.05
    seed: int = 1


class TrainingPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a training would use. ``folder_images`` is ``None`` where no folder is asked for."""

    station: str
    product: str | None
    good: int
    presumed: int
    defective: int
    held_out_good: int
    held_out_defective: int
    groups: int
    folder_images: int | None
    contradictions: tuple[Contradiction, ...]
    contradictions_total: int
    costs: InspectionCosts | None
    enough: bool


class TrainingDesk:
    """Previews, starts, cancels and lists.

    Parameters
    ----------
    folder_images
        How many images a folder holds, ``None`` where it cannot be read.
    plant_file
        The ``plant.toml`` that jobs read.
    """

    def __init__(
        self,
        reader: ModuleReader,
        parts: LabelledParts,
        jobs: JobQueue,
        settings: PlantSettings,
        folder_images: Callable[[str], int | None],
        plant_file: str,
    ) -> None:
        self._reader, self._parts, self._jobs, self._settings = reader, parts, jobs, settings
        self._folder_images, self._plant_file = folder_images, plant_file
        self._lock = threading.Lock()

    def stations(self) -> list[str]:
        """Stations that can be trained for."""
        return [station.id for station in self._settings.stations]

    def product_of(self, station: str) -> str | None:
        """The station's product.

        Raises
        ------
        StationUnknownError
        """
        found = self._settings.station(station)
        if found is None:
            raise StationUnknownError(station=station[:80])
        return found.product

    def costs_of(self, product: str | None) -> InspectionCosts | None:
        """Costs that ``plant.toml`` states for a product."""
        return next((each.costs for each in self._settings.products if each.id == product), None)

    def preview(self, options: TrainingOptions) -> TrainingPreview:
        """What would be used now.

        Raises
        ------
        StationUnknownError, TrainingFolderError, TrainingTooManyError
        """
        self.product_of(options.station)
        chosen = self.chosen(options)
        folder_images = None
        if options.folder:
            folder_images = self._folder_images(options.folder)
            if folder_images is None:
                raise TrainingFolderError(folder=options.folder[:200])
        held_good = sum(label.condition == "good" for label in chosen.held_out)
        return TrainingPreview(
            station=options.station,
            product=options.product,
            good=len(chosen.good),
            presumed=chosen.presumed,
            defective=len(chosen.defective),
            held_out_good=held_good,
            held_out_defective=len(chosen.held_out) - held_good,
            groups=chosen.groups,
            folder_images=folder_images,
            contradictions=chosen.contradictions[:CONTRADICTIONS_SHOWN],
            contradictions_total=len(chosen.contradictions),
            costs=options.costs or self.costs_of(options.product),
            enough=len(chosen.good) + (folder_images or 0) >= GOOD_NEEDED,
        )

    def chosen(self, options: TrainingOptions) -> TrainingSet:
        """The labels by use."""
        labels = self._parts.labels(options.station, options.product, LABELS_LIMIT)
        passed = self._parts.passed(options.station, options.product, PASSED_LIMIT) if options.with_passed else []
        return training_set(labels, passed, seed=HELD_OUT_SEED)

    def start(self, person: str, options: TrainingOptions) -> str:
        """Submit a training; the job's id.

        Raises
        ------
        TrainingRunningError, TrainingTooFewError, StationUnknownError, TrainingFolderError, TrainingTooManyError
        """
        with self._lock:
            running = self.running()
            if running is not None:
                raise TrainingRunningError(job=running.id)
            seen = self.preview(options)
            if not seen.enough:
                raise TrainingTooFewError(found=seen.good + (seen.folder_images or 0), needed=GOOD_NEEDED)
            whole = msgspec.structs.replace(options, costs=seen.costs)
            args = {"plant": self._plant_file, "person": person, "options": msgspec.to_builtins(whole)}
            return self._jobs.submit(TRAIN, args, timeout_s=TRAINING_TIMEOUT_S, max_attempts=3)

    def compare(self, station: str, module_sha256: str) -> str:
        """Submit a comparison of an open candidate with the module in service; the job's id.

        Raises
        ------
        StationUnknownError, ModuleNotCandidateError, NothingInServiceError, TrainingRunningError
        """
        with self._lock:
            running = self.running()
            if running is not None:
                raise TrainingRunningError(job=running.id)
            at = self._reader.station(station)
            if at is None:
                raise StationUnknownError(station=station[:80])
            if at.in_service is None:
                raise NothingInServiceError(station=station)
            if not any(row.module_sha256 == module_sha256 and row.state == "open" for row in at.candidates):
                raise ModuleNotCandidateError(module=module_sha256[:64], station=station)
            args = {"plant": self._plant_file, "station": station, "module_sha256": module_sha256}
            return self._jobs.submit(COMPARE, args, timeout_s=COMPARISON_TIMEOUT_S, max_attempts=3)

    def candidates_waiting(self) -> bool:
        """Whether there are open candidates."""
        return bool(self._reader.open_candidates())

    def watch_candidates(self) -> None:
        """Let open candidates run in shadow. A schedule that is there is left alone."""
        if all(schedule.name != SHADOW for schedule in self._jobs.schedules()):
            schedule_shadow(self._jobs, self._plant_file)

    def running(self) -> Job | None:
        """The training or comparison that waits or runs."""
        return next((job for job in self._recent() if job.state not in TERMINAL), None)

    def jobs(self) -> list[Job]:
        """The latest trainings and comparisons, newest first."""
        return self._recent()[:JOBS_SHOWN]

    def job(self, job: str) -> Job:
        """One of them.

        Raises
        ------
        GaugeblockError
            ``stores.job_unknown``.
        """
        return self._jobs.get(job)

    def cancel(self, job: str) -> None:
        """Ask it to stop.

        Raises
        ------
        GaugeblockError
            ``stores.job_unknown``.
        """
        self._jobs.cancel(job)

    def _recent(self) -> list[Job]:
        return [job for job in self._jobs.list(limit=JOBS_LOOKED_AT) if job.kind in KINDS]


def schedule_shadow(jobs: JobQueue, plant_file: str) -> None:
    """Run the shadow again and again while there are candidates; it ends its own schedule when there are none."""
    jobs.schedule(SHADOW, SHADOW, {"plant": plant_file}, SHADOW_EVERY_S, timeout_s=SHADOW_TIMEOUT_S, max_attempts=3)
