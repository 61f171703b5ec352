"""Facets of what a station says of a unit, and of what others know of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from gaugeblock.plant.facet import Facet, Verdict

# ── inspection.verdict: a station's answer about one unit ────────────────────────────────────────────────


class InspectionSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which unit, where, for which order."""

    station: str
    unit: str | None = None
    product: str | None = None
    order: str | None = None
    camera: str | None = None


class InspectionStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The verdict, and for UNDECIDED the reason: the code of a named error or guard."""

    verdict: Verdict
    reason: str | None = None


class InspectionMeasurementV1(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The anomaly score against its threshold (both dimensionless), and where the score is highest.

    ``peak_x`` and ``peak_y`` are fractions of image width and height from the top left.
    """

    score: float | None = None
    threshold: float | None = None
    peak_x: float | None = None
    peak_y: float | None = None


class InspectionProcessV1(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the answer was made: identity in the station, timing, guards that passed.

    ``latency_ms`` runs from the trigger to the signing of this record, which comes before the answer; the time until
    the answer was sent is ``stage_ms.previous_answer`` of the next record.
    """

    boot_epoch: int
    sequence: int
    trigger: int
    deadline_ms: float
    latency_ms: float
    guards_passed: tuple[str, ...] = ()
    stage_ms: dict[str, float] = msgspec.field(default_factory=dict)
    software: str = ""


class InspectionInputsV1(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Digests (SHA-256, hex) of what the answer was made from."""

    image_sha256: str | None = None
    heatmap_sha256: str | None = None
    module_sha256: str | None = None
    network_sha256: str | None = None
    bank_sha256: str | None = None


# ── inspection.reference: the true condition of a unit, from an authority other than the station ─────────


class ReferenceStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``condition`` as a master inspector, or the virtual plant's seed, knows it; defects by catalogue name."""

    condition: Literal["good", "defective"]
    defects: tuple[str, ...] = ()
    authority: str = ""


# ── version 2: zones, regions, what the watch looks at, and the purpose of the presentation ──────────────


class DefectRegion(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A connected place above the threshold: its box as fractions of image width and height from the top left.

    ``area_mm2`` and ``length_mm`` (the box's diagonal) only where the camera is calibrated.
    """

    x: float
    y: float
    width: float
    height: float
    peak: float
    area_mm2: float | None = None
    length_mm: float | None = None


class WatchMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What tells a changed camera, lamp or fixture from a changed part. Dimensionless unless said.

    Parameters
    ----------
    light
        Mean grey level of the frame, 0–255.
    contrast
        Standard deviation of the grey levels.
    focus
        Sharpness: mean squared gradient over the variance of grey levels.
    shift_x, shift_y
        Displacement against the module's template, in fractions of image width and height.
    feature
        Distance of the pooled features to the centre of the good parts, in their standard deviations.
    """

    light: float | None = None
    contrast: float | None = None
    focus: float | None = None
    shift_x: float | None = None
    shift_y: float | None = None
    feature: float | None = None


class InspectionMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Score, thresholds (dimensionless), regions above the threshold (16 at most, strongest first), and the watch.

    NOK above ``threshold``; above ``review_from`` and not above ``threshold`` a person decides. Where both are
    equal there is no review zone. ``peak_x`` and ``peak_y`` are fractions of image width and height.
    """

    score: float | None = None
    threshold: float | None = None
    peak_x: float | None = None
    peak_y: float | None = None
    review_from: float | None = None
    regions: tuple[DefectRegion, ...] = ()
    watch: WatchMeasurement | None = None


Purpose = Literal["production", "challenge"]


class InspectionProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """As version 1, and why the part was shown: a challenge part tests the station and is no product."""

    boot_epoch: int
    sequence: int
    trigger: int
    deadline_ms: float
    latency_ms: float
    guards_passed: tuple[str, ...] = ()
    stage_ms: dict[str, float] = msgspec.field(default_factory=dict)
    software: str = ""
    purpose: Purpose = "production"


class InspectionInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Digests (SHA-256, hex); ``operating_point_sha256`` names thresholds and costs they follow from."""

    image_sha256: str | None = None
    heatmap_sha256: str | None = None
    module_sha256: str | None = None
    network_sha256: str | None = None
    bank_sha256: str | None = None
    operating_point_sha256: str | None = None


# ── station.started: a new boot epoch ─────────────────────────────────────────────────────────────────────


class StationSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The station."""

    station: str


class StationStartedStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``missed_triggers`` counts triggers that the PLC reports and that no epoch of this station answered."""

    boot_epoch: int
    missed_triggers: int = 0


class StationStartedProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Software and module at start."""

    software: str
    module_sha256: str | None = None
    deadline_ms: float | None = None
