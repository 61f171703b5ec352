"""``inspection.train``: from labels and images to a candidate that nobody has released yet.

A killed or interrupted training goes on from its feature cache and ends with the same bytes. A full disk ends it by
name; the module file is written whole or not at all, and the candidate is stated after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.apps.image_folder import ImageFolder
from gaugeblock.apps.job_plant import JobPlant, Said, job_plant
from gaugeblock.apps.jobs import step_back
from gaugeblock.inspection.operating_points import candidate_facets, candidate_identity
from gaugeblock.inspection.ports import Images
from gaugeblock.inspection.training import LABELS_LIMIT, PASSED_LIMIT, TrainingOptions, schedule_shadow
from gaugeblock.inspection.training_set import HELD_OUT_SEED, Label, TrainingSet, training_set
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.stores.feature_cache import FileFeatureCache
from gaugeblock.stores.jobs_runner import JobContext
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.errors import ImageError, ImageUnreadableError
from gaugeblock.vision.groups import near_duplicate_groups, thumbnail
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.reject_option import Costs
from gaugeblock.vision.training import TrainingOptions as VisionOptions
from gaugeblock.vision.training import lite0_network, train

STAGES = "inspection.module.stage"
LEFT_OUT_NAMED = 20

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledImages:
    """Images of labels, decoded when asked for, and after them those of a folder."""

    images: Images
    labels: Sequence[Label]
    folder: ImageFolder | None = None
    go_on: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self.labels) + (len(self.folder) if self.folder else 0)

    def __getitem__(self, index: int) -> Pixels:
        self.go_on()
        if index >= len(self.labels):
            assert self.folder is not None
            return self.folder[index - len(self.labels)]
        try:
            data = self.images.get(self.labels[index].image_sha256)
        except GaugeblockError as error:
            raise ImageUnreadableError(detail=error.text("en")) from error
        return decode(data)

    def name(self, index: int) -> str:
        """For people."""
        if index >= len(self.labels):
            assert self.folder is not None
            return self.folder.name(index - len(self.labels))
        label = self.labels[index]
        return label.unit or f"#{label.verdict_index}"


def groups_of(images: LabelledImages) -> list[Hashable] | None:
    """The labels' groups, and near-duplicates among the folder's pictures; ``None`` where there are no labels.

    With a folder alone, training proposes groups by itself and says so.
    """
    if not images.labels:
        return None
    folder = images.folder
    if folder is None:
        return [label.group for label in images.labels]
    thumbnails, seen = [], []
    for index in range(len(folder)):
        images.go_on()
        try:
            thumbnails.append(thumbnail(folder[index]))
            seen.append(index)
        except ImageError:
            continue  # training will leave it out and name it
    proposed: list[Hashable] = [f"file:{index}" for index in range(len(folder))]
    if seen:
        for index, group in zip(seen, near_duplicate_groups(np.stack(thumbnails)).tolist(), strict=True):
            proposed[index] = f"near:{group}"
    return [*(label.group for label in images.labels), *proposed]


def kinds_of(labels: Sequence[Label]) -> list[str] | None:
    """The kind of each defective part, where a person has named one for all; the first where several were named."""
    if not labels or not all(label.defects for label in labels):
        return None
    return [label.defects[0] for label in labels]


def train_candidate(
    plant: JobPlant,
    options: TrainingOptions,
    told: Callable[[str, int, int], None],
    go_on: Callable[[], None],
) -> tuple[Inspector, TrainingSet, list[str]]:
    """Train on the station's labels as they are now; the inspector, what was used, and the names left out.

    Raises
    ------
    GaugeblockError
        Too few parts, an unreadable folder, a full disk.
    """
    labels = plant.labels.labels(options.station, options.product, LABELS_LIMIT)
    passed = plant.labels.passed(options.station, options.product, PASSED_LIMIT) if options.with_passed else []
    chosen = training_set(labels, passed, seed=HELD_OUT_SEED)
    folder = ImageFolder.open(plant.installation.path(options.folder)) if options.folder else None
    good = LabelledImages(plant.images, chosen.good, folder, go_on)
    defective = LabelledImages(plant.images, chosen.defective, None, go_on) if chosen.defective else None
    network = lite0_network(lite0_checkpoint())
    left_out: list[str] = []
    costs = options.costs
    inspector = train(
        good,
        network=network,
        groups=groups_of(good),
        defective=defective,
        defective_groups=[label.group for label in chosen.defective] if chosen.defective else None,
        kinds=kinds_of(chosen.defective),
        seed=options.seed,
        progress=told,
        left_out=lambda index, _error: left_out.append(good.name(index)),
        product=options.product or "",
        options=VisionOptions(
            overkill_target=options.overkill_target,
            costs=None if costs is None else Costs(costs.escape, costs.overkill, costs.review),
            defect_rate=None if costs is None else costs.defect_rate,
        ),
        threads=max(1, (os.cpu_count() or 2) - 1),
        cache=FileFeatureCache(plant.installation.feature_cache),
    )
    return inspector, chosen, left_out


def train_job(context: JobContext, *, plant: str, person: str, options: dict[str, Any]) -> dict[str, Any]:
    """The job's function; the candidate and what it was made of."""
    step_back()
    wanted = msgspec.convert(options, TrainingOptions)

    def told(stage: str, done: int, total: int) -> None:
        context.raise_if_cancelled()
        context.progress(done, total, f"{STAGES}.{stage}")

    with job_plant(plant, context.raise_if_cancelled) as opened:
        inspector, chosen, left_out = train_candidate(opened, wanted, told, context.raise_if_cancelled)
        told("keep", 0, 1)
        opened.files.put(inspector.to_bytes())
        at = opened.modules.station(wanted.station)
        manifest = inspector.manifest
        facets = candidate_facets(
            manifest,
            station=wanted.station,
            product=wanted.product,
            person=person,
            contradictions=len(chosen.contradictions),
            predecessor=at.in_service.module_sha256 if at is not None and at.in_service is not None else None,
        )
        identity = candidate_identity(wanted.station, manifest.module_sha256)
        (index,) = opened.statements.submit(Said("inspection.candidate", identity, facets))
        schedule_shadow(opened.jobs, opened.file)
        told("keep", 1, 1)
        return {
            "module_sha256": manifest.module_sha256,
            "station": wanted.station,
            "index": index,
            "good": manifest.training.images,
            "defective": manifest.training.defective,
            "left_out": manifest.training.left_out,
            "left_out_names": left_out[:LEFT_OUT_NAMED],
            "contradictions": len(chosen.contradictions),
            "held_out": len(chosen.held_out),
        }
