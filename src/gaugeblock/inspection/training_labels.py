"""The labels of reviews and references as a training takes them, and the parts that nobody has looked at."""

from __future__ import annotations

from gaugeblock.inspection.labels import LabelReader
from gaugeblock.inspection.modules_queries import ProjectedModules
from gaugeblock.inspection.part_groups import PartGroups
from gaugeblock.inspection.training_set import Label
from gaugeblock.stores.database import Database

PAGE = 1_000


class TrainingLabels:
    """What :class:`~gaugeblock.inspection.training.LabelledParts` asks for, from the projected tables."""

    def __init__(self, database: Database, modules: ProjectedModules, groups: PartGroups) -> None:
        self._reader, self._modules, self._groups = LabelReader(database), modules, groups

    def labels(self, station: str, product: str | None, limit: int) -> list[Label]:
        """Settled reviews and references, in the order of their verdicts; the first ``limit``."""
        found: list[Label] = []
        after = -1
        while len(found) < limit:
            page = self._reader.labels(product, station, after=after, limit=min(PAGE, limit - len(found)))
            if not page:
                break
            after = page[-1].verdict_index
            groups = self._groups.of([(label.unit, label.observed_at) for label in page])
            found += [
                Label(
                    verdict_index=label.verdict_index,
                    image_sha256=label.image_sha256,
                    condition=label.condition,
                    group=group,
                    unit=label.unit,
                    defects=label.defects,
                )
                for label, group in zip(page, groups, strict=True)
            ]
        return found

    def passed(self, station: str, product: str | None, limit: int) -> list[Label]:
        """Parts that the station passed, newest first."""
        return self._modules.passed(station, product, limit)
