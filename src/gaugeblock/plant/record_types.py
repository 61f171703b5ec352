"""The record types: what each kind of statement says, facet by facet.

A record's **facets** are subject (about what), statement (what is claimed), measurement (values with unit),
process (how and when it was made) and inputs (from which digests). Each facet is disclosed or withheld whole.
A type is never changed: a new version is a new struct, and the old one is read for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from gaugeblock.plant.errors import GaugeblockError

FACETS: tuple[str, ...] = ("subject", "statement", "measurement", "process", "inputs")


class UnknownRecordTypeError(GaugeblockError):
    """A record type or version this release does not know. Facts: ``record_type``, ``version``."""

    code = "plant.unknown_record_type"


class FacetShapeError(GaugeblockError):
    """A facet does not have the shape its record type states. Facts: ``record_type``, ``facet``, ``detail``."""

    code = "plant.facet_shape"


class Verdict(StrEnum):
    """The three answers of an inspection. UNDECIDED routes as reject."""

    OK = "OK"
    NOK = "NOK"
    UNDECIDED = "UNDECIDED"


class Facet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all facets: closed, immutable, defaults left out of the bytes."""


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


class InspectionMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The anomaly score against its threshold (both dimensionless), and where the score is highest.

    ``peak_x`` and ``peak_y`` are fractions of image width and height from the top left.
    """

    score: float | None = None
    threshold: float | None = None
    peak_x: float | None = None
    peak_y: float | None = None


class InspectionProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
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
    stage_ms: dict[str, float] = {}
    software: str = ""


class InspectionInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
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


# ── inspection.module: an inspector was put in service ────────────────────────────────────────────────────


class ModuleSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The module and the product it inspects."""

    module_sha256: str
    product: str | None = None
    station: str | None = None


class ModuleStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Its operating point: threshold and the bound it was chosen with."""

    threshold: float
    overkill_target: float
    overkill_upper_bound: float
    confidence: float
    good_parts_held_out: int


class ModuleInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Digests of what the module consists of, and of the training images' list."""

    network_sha256: str
    bank_sha256: str
    training_sha256: str | None = None


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


# ── key.*: who may sign for which entity ──────────────────────────────────────────────────────────────────


class KeySubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The entity (``station:ST10``, ``server:plant``, ``person:li.wei``) and the RFC 7638 thumbprint of its key."""

    entity: str
    thumbprint: str


class KeyStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is stated of the key. ``jwk`` is the public key (RFC 8037); ``successor`` names its replacement."""

    action: Literal["bind", "rotate", "revoke"]
    jwk: dict[str, str] | None = None
    predecessor: str | None = None
    cross_signature: str | None = None
    reason: str | None = None
    compromised_since: str | None = None


FacetSet = Mapping[str, type[Facet]]

RECORD_TYPES: Mapping[tuple[str, int], FacetSet] = {
    ("inspection.verdict", 1): {
        "subject": InspectionSubject,
        "statement": InspectionStatement,
        "measurement": InspectionMeasurement,
        "process": InspectionProcess,
        "inputs": InspectionInputs,
    },
    ("inspection.reference", 1): {"subject": InspectionSubject, "statement": ReferenceStatement},
    ("inspection.module", 1): {
        "subject": ModuleSubject,
        "statement": ModuleStatement,
        "inputs": ModuleInputs,
    },
    ("station.started", 1): {
        "subject": StationSubject,
        "statement": StationStartedStatement,
        "process": StationStartedProcess,
    },
    ("key.binding", 1): {"subject": KeySubject, "statement": KeyStatement},
    ("key.rotation", 1): {"subject": KeySubject, "statement": KeyStatement},
    ("key.revocation", 1): {"subject": KeySubject, "statement": KeyStatement},
}


def facet_set(record_type: str, version: int) -> FacetSet:
    """The facets of a record type.

    Raises
    ------
    UnknownRecordTypeError

    >>> sorted(facet_set("inspection.reference", 1))
    ['statement', 'subject']
    """
    try:
        return RECORD_TYPES[record_type, version]
    except KeyError:
        raise UnknownRecordTypeError(record_type=record_type[:64], version=version) from None


def read_facet(record_type: str, version: int, name: str, value: object) -> Facet:
    """A disclosed facet (plain JSON value) as its struct.

    Raises
    ------
    UnknownRecordTypeError, FacetShapeError
    """
    shape = facet_set(record_type, version).get(name)
    if shape is None:
        raise FacetShapeError(record_type=record_type, facet=name[:64], detail="no such facet")
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise FacetShapeError(record_type=record_type, facet=name, detail=str(error)) from error
