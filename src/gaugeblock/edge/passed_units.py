"""Serials that have been passed: a part that left with the good ones cannot be in front of the camera again.

When it seems to be, the code reader repeats itself, or a label is on two parts: one of them would be passed under the
other's name. So a serial that was answered OK among the last :data:`TRIGGERS_KEPT` triggers of this boot epoch is
UNDECIDED from then on, and a person looks. A part that was *not* passed may come again as often as it likes, for it
was wiped, turned, or taken out of the reject box. Challenge parts never pass and are never held here.
"""

from __future__ import annotations

from collections import OrderedDict

TRIGGERS_KEPT = 1000


class PassedUnits:
    """The serials passed among the last triggers.

    Examples
    --------
    >>> units = PassedUnits()
    >>> units.passed("U1"); units.holds("U1"), units.holds("U2"), units.holds(None)
    (True, False, False)
    >>> for _ in range(TRIGGERS_KEPT): units.count()
    >>> units.holds("U1")
    False
    """

    def __init__(self) -> None:
        self._at: OrderedDict[str, int] = OrderedDict()
        self._triggers = 0

    def count(self) -> None:
        """One more trigger."""
        self._triggers += 1
        while self._at and next(iter(self._at.values())) <= self._triggers - TRIGGERS_KEPT:
            self._at.popitem(last=False)

    def passed(self, unit: str | None) -> None:
        """This unit was answered OK."""
        if unit is not None:
            self._at[unit] = self._triggers
            self._at.move_to_end(unit)

    def holds(self, unit: str | None) -> bool:
        """Was it?"""
        return unit is not None and unit in self._at
