"""Sees to it that what the log says of modules is so: assignments are written, candidates run in shadow."""

from __future__ import annotations

from gaugeblock.inspection.modules import ModuleDesk
from gaugeblock.inspection.training import TrainingDesk

IDLE_STEPS = 60


class ModuleKeeper:
    """A :class:`~gaugeblock.inspection.keepers.Keeper`.

    Assignments also name the challenge set in force, so they are renewed when that changes; a file that would stay the
    same is not written.
    """

    name = "modules"

    def __init__(self, modules: ModuleDesk, training: TrainingDesk) -> None:
        self._modules, self._training = modules, training
        self._seen: int | None = None
        self._idle = 0

    def step(self) -> None:
        """See :class:`~gaugeblock.inspection.keepers.Keeper`. Where nothing was stated since, it rarely looks again.

        It does look again, because a shadow that ends for want of candidates may just have taken its schedule away
        when the next candidate came.
        """
        latest = self._modules.reader.latest()
        if latest == self._seen and self._idle < IDLE_STEPS:
            self._idle += 1
            return
        self._modules.assign_all()
        if self._training.candidates_waiting():
            self._training.watch_candidates()
        self._seen, self._idle = latest, 0
