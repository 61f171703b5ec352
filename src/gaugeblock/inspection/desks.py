"""The desks of this room: what people decide and what the plant works out by itself, each over the same log.

The composition and the tests open them the same way, so that a desk is wired in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from gaugeblock.inspection.challenges import ChallengeDesk
from gaugeblock.inspection.complaint_keeper import ComplaintKeeper
from gaugeblock.inspection.keepers import Keeper
from gaugeblock.inspection.module_keeper import ModuleKeeper
from gaugeblock.inspection.modules import Assignments, KeptModules, ModuleDesk
from gaugeblock.inspection.modules_queries import ProjectedModules
from gaugeblock.inspection.nonconformity import NonconformityDesk, NonconformityOpener
from gaugeblock.inspection.nonconformity_lifecycle import Severity
from gaugeblock.inspection.nonconformity_queries import ProjectedNonconformities
from gaugeblock.inspection.operating_points import OperatingPointDesk
from gaugeblock.inspection.part_groups import PartGroups, site_zone
from gaugeblock.inspection.ports import Images, Statements
from gaugeblock.inspection.read_model import InspectionReader
from gaugeblock.inspection.retention_desk import RetentionDesk
from gaugeblock.inspection.review import ReviewDesk
from gaugeblock.inspection.sampling import LotKeeper, SamplingDesk
from gaugeblock.inspection.sampling_queries import ProjectedSampling
from gaugeblock.inspection.studies import StudyDesk
from gaugeblock.inspection.studies_queries import ProjectedStudies
from gaugeblock.inspection.training import JobQueue, TrainingDesk
from gaugeblock.inspection.training_labels import TrainingLabels
from gaugeblock.inspection.watch_desk import WatchDesk
from gaugeblock.inspection.watch_queries import WatchReader
from gaugeblock.plant.settings import PlantSettings
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What desks are made of.

    Parameters
    ----------
    database
        Holds the tables of :func:`~gaugeblock.inspection.projections.inspection_projections`.
    statements
        What it has stated, the tables show when it returns.
    images
        Photographs and heat-maps.
    clock, settings
        Time, and the plant as its owner describes it.
    inspections
        Verdicts as the pages read them.
    thumbnail
        Makes the small picture that is kept of an image that retention deletes.
    jobs
        For what takes longer than a request.
    module_files, assignments
        The modules' files, and where stations read which of them they shall use.
    folder_images
        How many images a folder of ``plant.toml`` holds; ``None`` where it cannot be read.
    plant_file
        The ``plant.toml`` that jobs read.
    """

    database: Database
    statements: Statements
    images: Images
    clock: Clock
    settings: PlantSettings
    inspections: InspectionReader
    jobs: JobQueue
    module_files: KeptModules
    assignments: Assignments
    folder_images: Callable[[str], int | None]
    plant_file: str
    thumbnail: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """All desks of the room; ``keepers`` work by themselves (see ``keepers``)."""

    reviews: ReviewDesk
    nonconformities: NonconformityDesk
    sampling: SamplingDesk
    studies: StudyDesk
    challenges: ChallengeDesk
    watch: WatchDesk
    retention: RetentionDesk
    modules: ModuleDesk
    training: TrainingDesk
    operating_points: OperatingPointDesk
    keepers: tuple[Keeper, ...] = ()


def open_desks(materials: Materials) -> Desks:
    """One of each."""
    statements, database, review = materials.statements, materials.database, materials.settings.review
    reviews = ReviewDesk(statements, database, materials.clock, [product.id for product in materials.settings.products])
    nonconformities = ProjectedNonconformities(database, review)
    sampling = ProjectedSampling(database, review)

    def severity_of(product: str | None, defect: str | None) -> Severity:
        kinds = reviews.reader.catalogue(product).kinds if defect else ()
        return next((kind.severity for kind in kinds if kind.code == defect), "major")

    def today() -> date:
        return local_date(materials.settings, materials.clock)

    watch = WatchDesk(WatchReader(database), statements)
    retention = RetentionDesk(
        database, materials.images, statements, materials.clock, materials.settings.retention, materials.thumbnail
    )
    groups = PartGroups(database, site_zone(materials.settings))
    projected = ProjectedModules(database, groups)
    modules = ModuleDesk(projected, statements, materials.module_files, materials.assignments)
    training = TrainingDesk(
        projected,
        TrainingLabels(database, projected, groups),
        materials.jobs,
        materials.settings,
        materials.folder_images,
        materials.plant_file,
    )
    return Desks(
        modules=modules,
        training=training,
        operating_points=OperatingPointDesk(projected, materials.module_files, statements),
        reviews=reviews,
        nonconformities=NonconformityDesk(statements, nonconformities, today),
        sampling=SamplingDesk(statements, sampling),
        studies=StudyDesk(statements, materials.images, ProjectedStudies(database)),
        challenges=ChallengeDesk(statements, database, materials.settings),
        watch=watch,
        retention=retention,
        keepers=(
            NonconformityOpener(statements, nonconformities, severity_of),
            ComplaintKeeper(statements, database),
            LotKeeper(statements, sampling),
            watch,
            retention,
            ModuleKeeper(modules, training),
        ),
    )


def local_date(settings: PlantSettings, clock: Clock) -> date:
    """The date at the first site: by it people say until when something is to be done."""
    return clock.now().astimezone(site_zone(settings)).date()
