"""A simple PLC as a cyclic state machine: infeed, trigger, wait for the answer, route, outfeed.

Time comes as an argument, so that a scan is a pure step and a test can put an answer on the very nanosecond of
the deadline. The gate stands at *reject* unless an OK answer for this very trigger came in time. The trigger
counter lives in the PLC's memory only: a PLC that is switched off counts from one again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict

Gate = Literal["pass", "reject"]


class PlcSequenceError(GaugeblockError):
    """A unit was loaded while another is in front of the camera. Facts: ``state``."""

    code = "virtual.plc_sequence"


class PlcState(StrEnum):
    """Where the unit is."""

    INFEED = "infeed"
    TRIGGER = "trigger"
    WAIT = "wait"
    ROUTE = "route"
    OUTFEED = "outfeed"


@dataclass(frozen=True, slots=True)
class Triggered:
    """Output: the camera and the station are triggered."""

    number: int


@dataclass(frozen=True, slots=True)
class Routed:
    """Output: the unit has gone through the gate. ``late`` says that no answer came before the deadline."""

    number: int
    gate: Gate
    late: bool


@dataclass(slots=True)
class PlcCounts:
    """What a PLC counts. ``late_answers``, ``repeated_answers`` and ``foreign_answers`` moved no gate."""

    triggers: int = 0
    passed: int = 0
    rejected: int = 0
    late_answers: int = 0
    repeated_answers: int = 0
    foreign_answers: int = 0


class VirtualPlc:
    """One inspection position of a line.

    Parameters
    ----------
    deadline_ms
        The watchdog: an answer at or after it is late.

    Attributes
    ----------
    said
        What the station answered about the last trigger, in time.

    Examples
    --------
    >>> plc = VirtualPlc(deadline_ms=300.0)
    >>> plc.load()
    >>> plc.scan(now_ns=0)
    [Triggered(number=1)]
    >>> plc.answer(1, Verdict.OK, now_ns=299_999_999)
    >>> plc.scan(now_ns=299_999_999)
    [Routed(number=1, gate='pass', late=False)]
    """

    def __init__(self, deadline_ms: float) -> None:
        self._deadline_ns = round(deadline_ms * 1e6)
        self.state = PlcState.INFEED
        self.last_trigger = 0
        self.counts = PlcCounts()
        self.said: Verdict | None = None
        self._unit_present = False
        self._triggered_ns = 0
        self._gate: Gate = "reject"
        self._answered: int | None = None

    @property
    def deadline_at_ns(self) -> int | None:
        """When the watchdog strikes, ``None`` while nothing is waited for."""
        return self._triggered_ns + self._deadline_ns if self.state is PlcState.WAIT else None

    def load(self) -> None:
        """A unit arrives at the infeed.

        Raises
        ------
        PlcSequenceError
        """
        if self.state is not PlcState.INFEED or self._unit_present:
            raise PlcSequenceError(state=self.state.value)
        self._unit_present = True

    def answer(self, number: int, verdict: Verdict, now_ns: int) -> None:
        """A station's answer arrives; it counts only for the waiting trigger and before the deadline."""
        if number == self._answered:
            self.counts.repeated_answers += 1
        elif number > self.last_trigger or number < 1:
            self.counts.foreign_answers += 1
        elif self.deadline_at_ns is None or number != self.last_trigger or now_ns >= self.deadline_at_ns:
            self.counts.late_answers += 1
        else:
            self._answered = number
            self.said = verdict
            self._gate = "pass" if verdict is Verdict.OK else "reject"
            self.state = PlcState.ROUTE

    def scan(self, now_ns: int) -> list[Triggered | Routed]:
        """One program cycle: as many steps as are due at ``now_ns``, with the outputs they give."""
        outputs: list[Triggered | Routed] = []
        if self.state is PlcState.INFEED and self._unit_present:
            self.state = PlcState.TRIGGER
        if self.state is PlcState.TRIGGER:
            self.last_trigger += 1
            self.counts.triggers += 1
            self._triggered_ns, self._gate, self._answered = now_ns, "reject", None
            self.said = None
            self.state = PlcState.WAIT
            outputs.append(Triggered(self.last_trigger))
        if self.state is PlcState.WAIT and now_ns - self._triggered_ns >= self._deadline_ns:
            self.state = PlcState.ROUTE
        if self.state is PlcState.ROUTE:
            assert self._gate == "reject" or self._answered == self.last_trigger, "pass needs an answer"
            if self._gate == "pass":
                self.counts.passed += 1
            else:
                self.counts.rejected += 1
            outputs.append(Routed(self.last_trigger, self._gate, late=self._answered is None))
            self._gate = "reject"
            self.state = PlcState.OUTFEED
        if self.state is PlcState.OUTFEED:
            self._unit_present = False
            self.state = PlcState.INFEED
        return outputs
