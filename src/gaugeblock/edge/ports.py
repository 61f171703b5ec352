"""The ports of the station: what the loop asks of a PLC, a camera, inference, spool, uplink and clock.

Adapters in ``connectors/``, ``stores/`` and ``virtual/`` satisfy them by shape, without importing this file;
:mod:`gaugeblock.edge.memory` holds a twin of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from gaugeblock.plant.assignment import Assignment
from gaugeblock.plant.control_facets import ChallengeSetStatement
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.inspection_facets import DefectRegion, WatchMeasurement
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.station import Frame, Trigger
from gaugeblock.plant.times import Clock as WallClock

__all__ = [
    "Answered",
    "Assignment",
    "Assignments",
    "Camera",
    "Clock",
    "DefectRegion",
    "Duties",
    "Duty",
    "Entry",
    "Frame",
    "InferencePort",
    "ModuleFacts",
    "Outcome",
    "Pending",
    "PixelFacts",
    "PlcLink",
    "Report",
    "Spool",
    "SpoolState",
    "Submittable",
    "Trigger",
    "Uplink",
    "Verdict",
    "WatchMeasurement",
]


# ── the machine's side ────────────────────────────────────────────────────────────────────────────────────


class PlcLink(Protocol):
    """The PLC that triggers and routes."""

    def wait_trigger(self, timeout_s: float) -> Trigger | None:
        """The next trigger, or ``None`` after ``timeout_s``. Raises a GaugeblockError when the link is down."""
        ...

    def answer(self, number: int, verdict: Verdict) -> None:
        """Tell the PLC the verdict about trigger ``number``; raises a GaugeblockError when it cannot."""
        ...

    def last_trigger(self) -> int | None:
        """The highest trigger number the PLC has reported on this connection; ``None`` when it tells none."""
        ...

    def close(self) -> None:
        """Let go of the link."""
        ...


class Camera(Protocol):
    """Gives the frame that belongs to a trigger."""

    def grab(self, trigger: Trigger, timeout_s: float) -> Frame:
        """One encoded image; raises a GaugeblockError after ``timeout_s`` or when the camera fails."""
        ...

    def close(self) -> None:
        """Let go of the camera."""
        ...


REGIONS_MAX = 16
"""Regions in a record, strongest first."""
REVIEW_ZONE = "edge.review_zone"
"""Reason of UNDECIDED where the score is neither good enough to pass nor bad enough to reject: a person decides."""


# ── inference ─────────────────────────────────────────────────────────────────────────────────────────────


class ModuleFacts(msgspec.Struct, frozen=True):
    """What the loaded module is, by digests (SHA-256, hex), and the product it was trained on."""

    module_sha256: str
    network_sha256: str | None = None
    bank_sha256: str | None = None
    operating_point_sha256: str | None = None
    product: str | None = None


class PixelFacts(msgspec.Struct, frozen=True):
    """The decoded frame in four numbers: size in pixels, mean and standard deviation of all samples (0–255)."""

    width: int
    height: int
    mean: float
    deviation: float


class Outcome(msgspec.Struct, frozen=True):
    """What inference says of one frame, before the guards.

    ``verdict`` is UNDECIDED with a ``reason`` (the code of an error, or :data:`REVIEW_ZONE`) whenever it is not a plain
    answer. Without ``review_from`` there is no review zone. ``guards`` names what the inspector itself has checked
    against its training images: ``size``, ``contrast``, ``exposure``. ``glance`` is what frozen pictures are known by
    (see ``frozen_camera``).
    """

    verdict: Verdict
    reason: str | None = None
    score: float | None = None
    threshold: float | None = None
    review_from: float | None = None
    regions: tuple[DefectRegion, ...] = ()
    watch: WatchMeasurement | None = None
    glance: bytes | None = None
    peak: tuple[float, float] | None = None
    heatmap_png: bytes | None = None
    pixels: PixelFacts | None = None
    module: ModuleFacts | None = None
    guards: tuple[str, ...] = ()
    stage_ms: dict[str, float] = {}


class InferencePort(Protocol):
    """Inspects frames; always answers by the deadline, with UNDECIDED if need be; never raises for a bad frame."""

    def inspect(self, frame: bytes, deadline_ns: int) -> Outcome:
        """``deadline_ns`` is on the station's monotonic clock."""
        ...

    def state(self) -> str:
        """``ready``, ``starting``, ``restarting`` or ``failed``."""
        ...

    def fault(self) -> GaugeblockError | None:
        """Why it is not ready, where it is not."""
        ...

    def close(self) -> None:
        """End the child."""
        ...


# ── what the plant has assigned ───────────────────────────────────────────────────────────────────────────


class Assignments(Protocol):
    """Where the plant says what this station works by."""

    def read(self) -> Assignment | None:
        """The present assignment, ``None`` where there never was one. Raises a GaugeblockError."""
        ...


@dataclass(frozen=True, slots=True)
class Duty:
    """What the station works by, taken up whole between two triggers: which inference answers, and what it must be.

    Parameters
    ----------
    inference
        Has loaded, or is loading, the released module.
    module_sha256
        Of the released module; without one nothing is ever OK.
    challenge_set, require_challenge, shifts, timezone
        See :class:`gaugeblock.plant.assignment.Assignment`.
    product
        Of the challenge parts.
    """

    inference: InferencePort
    module_sha256: str | None
    challenge_set: ChallengeSetStatement | None = None
    require_challenge: bool = False
    shifts: tuple[str, ...] = ()
    timezone: str = "Asia/Shanghai"
    product: str | None = None


class Duties(Protocol):
    """Gives the duty in force."""

    def take_up(self) -> Duty:
        """What holds from now on; the station asks between two triggers, and keeps to it until it asks again."""
        ...


# ── spool and uplink ──────────────────────────────────────────────────────────────────────────────────────


class Submittable(Protocol):
    """A signed record as it is handed over: the JWS bytes and the disclosures of its facets."""

    @property
    def jws(self) -> bytes: ...

    @property
    def disclosures(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed record with the images it names, as the spool shall keep it.

    ``verdict`` and ``reason`` are what the PLC may be told, which of a challenge part is never OK, whatever its record
    says. ``verdict`` is ``None`` for a record that answers no trigger; its ``trigger``, if any, is then the number up
    to which triggers are accounted for (``station.started``).
    """

    identity: str
    jws: bytes
    disclosures: Mapping[str, str]
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    trigger: int | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    frame_sha256: str | None = None


class Pending(Protocol):
    """A record that waits for hand-over; ``blobs`` are the digests of its images not handed over yet."""

    @property
    def position(self) -> int: ...

    @property
    def identity(self) -> str: ...

    @property
    def jws(self) -> bytes: ...

    @property
    def disclosures(self) -> Mapping[str, str]: ...

    @property
    def blobs(self) -> Sequence[str]: ...


class SpoolState(Protocol):
    """How full the spool is."""

    @property
    def backlog(self) -> int: ...

    @property
    def refused(self) -> int: ...

    @property
    def refused_images(self) -> int: ...

    @property
    def bytes_used(self) -> int: ...

    @property
    def bytes_limit(self) -> int: ...


class Spool(Protocol):
    """Keeps records and images durably until they are handed over, and the counters that survive a restart."""

    def start_epoch(self) -> int:
        """Count the boot epoch up by one, durably, and return it."""
        ...

    def last_trigger(self) -> int | None:
        """The number of the last trigger that has a record."""
        ...

    def last_frame(self) -> str | None:
        """Digest of the last recorded trigger's frame, empty where it had none; ``None`` before any trigger.

        A camera may freeze across a restart.
        """
        ...

    def check(self) -> None:
        """Raise a GaugeblockError when there is no room for a record with images."""
        ...

    def gate(self) -> bytes | None:
        """The challenge gate's state as last kept; ``None`` before any."""
        ...

    def put(self, entries: Sequence[Entry], gate: bytes | None = None) -> list[int]:
        """Keep all entries or none, and with them the gate's state where one is given; durable when it returns.

        Gives their positions. Raises a GaugeblockError.
        """
        ...

    def amend(self, position: int, entry: Entry) -> None:
        """Replace an entry that has not been released yet."""
        ...

    def release(self, position: int) -> None:
        """Everything up to ``position`` may be handed over."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Return when something was released since the last wait, at the latest after ``timeout_s``."""
        ...

    def pending(self, limit: int) -> Sequence[Pending]:
        """The oldest released records not handed over, in order of position."""
        ...

    def blob(self, sha256: str) -> bytes | None:
        """The bytes of an image, ``None`` when purged.

        Raises a GaugeblockError with the fact ``permanent`` = 1 when they are damaged.
        """
        ...

    def blob_handed_over(self, sha256: str) -> None:
        """The plant has this image."""
        ...

    def refuse_blob(self, sha256: str, code: str, detail: str) -> None:
        """Set an image aside that the plant refuses, or that is damaged: kept with its records until it has it."""
        ...

    def handed_over(self, receipts: Sequence[tuple[int, int]]) -> None:
        """``(position, index in the log)`` of records the plant has."""
        ...

    def refuse(self, position: int, code: str, detail: str) -> None:
        """Set a record aside that the plant refuses; it is kept with the error."""
        ...

    def requeue_refused(self) -> int:
        """Offer all refused records again, and those with refused images; gives their number."""
        ...

    def maintain(self) -> None:
        """Purge what was handed over and is past its keep time; called now and then by the hand-over."""
        ...

    def state(self) -> SpoolState:
        """How full it is."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class Answered(Protocol):
    """The plant's answer about one record: an index, or the code and detail of a refusal."""

    @property
    def index(self) -> int | None: ...

    @property
    def duplicate(self) -> bool: ...

    @property
    def error_code(self) -> str | None: ...

    @property
    def error_text(self) -> str | None: ...


class Uplink(Protocol):
    """The way to the plant.

    Both methods raise a GaugeblockError when the plant cannot be reached or has no room now. Where the plant
    said when to come again, the error has the fact ``retry_after_s``. An error with the fact ``permanent`` = 1
    says that this very request will never be taken.
    """

    def send(self, records: Sequence[Submittable]) -> Sequence[Answered]:
        """Submit records in order; one answer each."""
        ...

    def send_blob(self, sha256: str, data: bytes) -> None:
        """Hand over one image."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


# ── clock and report ──────────────────────────────────────────────────────────────────────────────────────


class Clock(WallClock, Protocol):
    """The station's clock, which also knows whether it is synchronised."""

    def state(self) -> tuple[str, float | None]:
        """``synchronised``, ``local`` or ``unknown``, and the uncertainty in ms where known."""
        ...


class Report(Protocol):
    """Where the station says what happens: an event of the catalogue (``edge.event.<event>``) and its facts.

    A fact may be an error: whoever reads it hears it in a language of their own.
    """

    def __call__(self, event: str, **facts: str | int | float | GaugeblockError) -> None: ...
