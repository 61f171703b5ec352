"""What a virtual line is told: its seed, pace, product and faults."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gaugeblock.virtual.defects import DefectKind

FaultKind = Literal[
    "camera_disconnected",
    "frozen_frame",
    "black_frame",
    "truncated_jpeg",
    "late_frame",
    "plc_drop",
]
"""What can be made to go wrong, each named by what the station sees."""

FAULT_KINDS: tuple[FaultKind, ...] = (
    "camera_disconnected",
    "frozen_frame",
    "black_frame",
    "truncated_jpeg",
    "late_frame",
    "plc_drop",
)


class PlannedFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault for ``units`` units, beginning with the unit numbered ``first_unit``."""

    kind: FaultKind
    first_unit: Annotated[int, msgspec.Meta(ge=0)]
    units: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1


class RenderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a picture of a part depends on apart from seed and unit number.

    Parameters
    ----------
    size_px
        Side of the square picture.
    defect_rate
        Probability that a part is defective.
    product
        A name of :data:`gaugeblock.virtual.parts.PRODUCTS`.
    """

    size_px: Annotated[int, msgspec.Meta(ge=96, le=2048)] = 480
    defect_rate: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.12
    product: str = "P100"


class ChallengeUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of known condition that is shown to test the station.

    Parameters
    ----------
    unit
        What the PLC reads from it.
    number
        Which part of the challenge parts' own random stream it is.
    defect
        The kind of its obvious defects; ``None`` for a good part.
    """

    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    number: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    defect: DefectKind | None = None


CHALLENGE_UNITS: tuple[ChallengeUnit, ...] = (
    ChallengeUnit("CH-GOOD-1", 1),
    ChallengeUnit("CH-NOK-1", 2, "scratch"),
    ChallengeUnit("CH-NOK-2", 3, "chip"),
)


class VirtualLineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A virtual line: one PLC, one camera, one station position.

    Parameters
    ----------
    name, station, camera
        Names on the line; the PLC is called ``<name>-PLC``.
    seed
        Parts, light, defects, noise and the fault schedule follow from it.
    first_unit
        Number of the first unit: a restarted line goes on where it stopped.
    cycle_time_s
        Time from one trigger to the next.
    deadline_ms
        The PLC's watchdog.
    orders, order_size
        Order numbers in turn, ``order_size`` units each; after the last the first comes again.
    station_wait_s
        How long the first part waits for a station to connect: a line is started when its station is there.
    faults, fault_rate
        Faults at given units, and the probability of a seeded one at any other unit.
    challenge_every_units, challenge_units
        The challenge parts are shown before the first unit and before each so-manieth one, and whenever five units in
        a row were UNDECIDED, as an operator would; never, where the number is left out.
    host, plc_port, camera_port
        Where the two servers listen; port 0 takes a free one.
    jpeg_quality
        Of the camera's pictures.

    Examples
    --------
    >>> VirtualLineConfig(seed=7).product
    'P100'
    """

    name: str = "L1"
    station: str = "L1-ST10"
    camera: str = "L1-CAM10"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] = 1
    first_unit: Annotated[int, msgspec.Meta(ge=1, le=2**40)] = 1
    defect_rate: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.12
    cycle_time_s: Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)] = 1.0
    deadline_ms: Annotated[float, msgspec.Meta(gt=0.0, le=60_000.0)] = 300.0
    image_size_px: Annotated[int, msgspec.Meta(ge=96, le=2048)] = 480
    product: str = "P100"
    orders: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=1000)] = ("A-1001", "A-1002")
    order_size: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 50
    station_wait_s: Annotated[float, msgspec.Meta(ge=0.0, le=600.0)] = 0.0
    faults: Annotated[tuple[PlannedFault, ...], msgspec.Meta(max_length=10_000)] = ()
    fault_rate: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    challenge_every_units: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    challenge_units: Annotated[tuple[ChallengeUnit, ...], msgspec.Meta(min_length=1, max_length=64)] = CHALLENGE_UNITS
    host: str = "127.0.0.1"
    plc_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    camera_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    jpeg_quality: Annotated[int, msgspec.Meta(ge=50, le=95)] = 92

    @property
    def render(self) -> RenderConfig:
        """What the pictures depend on."""
        return RenderConfig(size_px=self.image_size_px, defect_rate=self.defect_rate, product=self.product)
