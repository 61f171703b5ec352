"""Which fault strikes which unit: planned, seeded at a rate, or asked for while the line runs."""

from __future__ import annotations

from collections import deque

from gaugeblock.plant.errors import LimitError
from gaugeblock.virtual.config import FAULT_KINDS, FaultKind, PlannedFault
from gaugeblock.virtual.seeds import Purpose, Stream, generator

INJECTED_MAX = 10_000


class FaultSchedule:
    """The faults of a line.

    Parameters
    ----------
    planned
        At given units; where two overlap, the first in the list counts.
    rate, seed
        Probability of a fault at any other unit, drawn for each unit by itself.

    Examples
    --------
    >>> schedule = FaultSchedule((PlannedFault("black_frame", 3, 2),))
    >>> [schedule.take(unit) for unit in (2, 3, 4, 5)]
    [None, 'black_frame', 'black_frame', None]
    """

    def __init__(self, planned: tuple[PlannedFault, ...] = (), rate: float = 0.0, seed: int = 0) -> None:
        self._planned = planned
        self._rate = rate
        self._seed = seed
        self._injected: deque[FaultKind] = deque()

    def inject(self, kind: FaultKind, units: int = 1) -> None:
        """Let a fault strike the next ``units`` units, after those already asked for.

        Raises
        ------
        LimitError
            More than :data:`INJECTED_MAX` are waiting.
        """
        if len(self._injected) + units > INJECTED_MAX:
            raise LimitError(what="virtual line: injected faults", limit=INJECTED_MAX)
        self._injected.extend([kind] * units)

    def take(self, unit_number: int) -> FaultKind | None:
        """The fault of this unit; one that was asked for is used up."""
        if self._injected:
            return self._injected.popleft()
        for fault in self._planned:
            if fault.first_unit <= unit_number < fault.first_unit + fault.units:
                return fault.kind
        if self._rate > 0.0:
            rng = generator(self._seed, Stream.LIVE, unit_number, Purpose.FAULTS)
            if float(rng.random()) < self._rate:
                return FAULT_KINDS[int(rng.integers(len(FAULT_KINDS)))]
        return None
