"""The line: which unit comes when, for which order, and what became of it. Truth leaves it by callback only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gaugeblock.virtual.camera import encode_jpeg
from gaugeblock.virtual.challenge_parts import render_challenge_part
from gaugeblock.virtual.config import ChallengeUnit, VirtualLineConfig
from gaugeblock.virtual.defects import DefectKind
from gaugeblock.virtual.parts import geometry_of
from gaugeblock.virtual.plc import Routed
from gaugeblock.virtual.render import PartTruth, render


@dataclass(frozen=True, slots=True)
class Unit:
    """A part on the belt, as its job card names it; a challenge part's number says how often one was shown."""

    number: int
    serial: str
    product: str
    order: str
    challenge: bool = False


@dataclass(frozen=True, slots=True)
class PreparedUnit:
    """A unit, its photograph (JPEG), and apart from it the truth."""

    unit: Unit
    jpeg: bytes
    truth: PartTruth


@dataclass(frozen=True, slots=True)
class UnitTruth:
    """What the line knows of a unit after the gate; goes to the truth's own interface.

    Parameters
    ----------
    unit
        Serial, product, order.
    station, camera
        Where it was inspected.
    trigger
        The PLC's number.
    condition, defects
        From the seed; the defects' kinds, each once, in order of name.
    gate, late
        What the PLC did with it.
    routed_at
        RFC 3339 UTC.
    """

    unit: Unit
    station: str
    camera: str
    trigger: int
    condition: Literal["good", "defective"]
    defects: tuple[DefectKind, ...]
    gate: Literal["pass", "reject"]
    late: bool
    routed_at: str


@dataclass(slots=True)
class LineCounts:
    """Production units by condition and gate, and how many challenge parts were shown."""

    good_passed: int = 0
    good_rejected: int = 0
    defective_passed: int = 0
    defective_rejected: int = 0
    challenge_parts: int = 0

    @property
    def units(self) -> int:
        """All production units."""
        return self.good_passed + self.good_rejected + self.defective_passed + self.defective_rejected

    def count(self, truth: UnitTruth) -> None:
        """Add one unit."""
        if truth.unit.challenge:
            self.challenge_parts += 1
        elif truth.condition == "good":
            if truth.gate == "pass":
                self.good_passed += 1
            else:
                self.good_rejected += 1
        elif truth.gate == "pass":
            self.defective_passed += 1
        else:
            self.defective_rejected += 1


class VirtualLine:
    """Units of a line by number.

    Parameters
    ----------
    config
        The line.

    Raises
    ------
    UnknownProductError

    Examples
    --------
    >>> unit = VirtualLine(VirtualLineConfig(orders=("A", "B"), order_size=2)).unit(3)
    >>> unit.serial, unit.order
    ('P100-000003', 'B')
    """

    def __init__(self, config: VirtualLineConfig) -> None:
        geometry_of(config.product)
        self.config = config
        self.counts = LineCounts()

    def unit(self, number: int) -> Unit:
        """The job card of a unit."""
        config = self.config
        order = config.orders[((number - 1) // config.order_size) % len(config.orders)]
        return Unit(number, f"{config.product}-{number:06d}", config.product, order)

    def prepare(self, number: int) -> PreparedUnit:
        """Make the unit: its photograph, and the truth. Takes some tens of milliseconds."""
        part = render(self.config.seed, number, self.config.render)
        return PreparedUnit(self.unit(number), encode_jpeg(part.image, self.config.jpeg_quality), part.truth)

    def prepare_challenge(self, part: ChallengeUnit, showing: int, lamp_age: int) -> PreparedUnit:
        """Photograph a challenge part again; ``showing`` counts every such photograph of this line."""
        config = self.config
        shown = render_challenge_part(config.seed, part, config.render, lamp_age=lamp_age, exposure=showing)
        unit = Unit(showing, part.unit, config.product, config.orders[0], challenge=True)
        return PreparedUnit(unit, encode_jpeg(shown.image, config.jpeg_quality), shown.truth)

    def leave(self, prepared: PreparedUnit, routed: Routed, routed_at: str) -> UnitTruth:
        """The unit has gone through the gate: count it and say what is true of it."""
        truth = UnitTruth(
            unit=prepared.unit,
            station=self.config.station,
            camera=self.config.camera,
            trigger=routed.number,
            condition=prepared.truth.condition,
            defects=tuple(sorted({defect.kind for defect in prepared.truth.defects})),
            gate=routed.gate,
            late=routed.late,
            routed_at=routed_at,
        )
        self.counts.count(truth)
        return truth
