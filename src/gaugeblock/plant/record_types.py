"""The record types: what each kind of statement says, facet by facet, and who may state it.

A record's **facets** are subject (about what), statement (what is claimed), measurement (values with unit),
process (how and when it was made) and inputs (from which digests). Each facet is disclosed or withheld whole.
A type is never changed: a new version is a new struct, and the old one is read for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gaugeblock.plant.control_facets import (
    AlarmInputs,
    AlarmMeasurement,
    AlarmStatement,
    AlarmSubject,
    ChallengeInputs,
    ChallengeMeasurement,
    ChallengeSetStatement,
    ChallengeStatement,
    ChallengeSubject,
    DeletionProcess,
    DeletionStatement,
    DeletionSubject,
    LotInputs,
    LotMeasurement,
    LotOpenedStatement,
    LotStatement,
    LotSubject,
    SamplingPlanStatement,
    SamplingSubject,
    StudyInputs,
    StudyMeasurement,
    StudyStatement,
    StudySubject,
)
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import (
    ContractStatement,
    ContractStepStatement,
    ContractSubject,
    CustomerProcess,
    DocumentStatement,
    DocumentSubject,
    FootprintStatement,
    FootprintSubject,
    MessageInputs,
    MessageStatement,
    MessageSubject,
    TransferStatement,
    TransferSubject,
)
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionInputsV1,
    InspectionMeasurement,
    InspectionMeasurementV1,
    InspectionProcess,
    InspectionProcessV1,
    InspectionStatement,
    InspectionSubject,
    ReferenceStatement,
    StationStartedProcess,
    StationStartedStatement,
    StationSubject,
)
from gaugeblock.plant.key_facets import KeyStatement, KeySubject
from gaugeblock.plant.module_facets import (
    CandidateInputs,
    CandidateStatement,
    ComparisonMeasurement,
    ComparisonStatement,
    ComparisonSubject,
    ModuleInputs,
    ModuleStatement,
    ModuleSubject,
    ReleaseStatement,
    ShadowInputs,
    ShadowStatement,
    ShadowSubject,
)
from gaugeblock.plant.nonconformity_facets import (
    NonconformityInputs,
    NonconformityStatement,
    NonconformitySubject,
    StepStatement,
)
from gaugeblock.plant.production_facets import (
    CertificateInputs,
    CertificateStatement,
    CertificateSubject,
    EventBatchStatement,
    EventBatchSubject,
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    GenealogyStatement,
    KpiStatement,
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
    OutcomeStatement,
    PeriodSubject,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.plant.review_facets import (
    CatalogueStatement,
    CatalogueSubject,
    ReviewInputs,
    ReviewProcess,
    ReviewStatement,
    ReviewSubject,
)

__all__ = [
    "AUTHORS",
    "FACETS",
    "LATEST",
    "RECORD_TYPES",
    "AuthorKindError",
    "Facet",
    "FacetSet",
    "FacetShapeError",
    "InspectionInputs",
    "InspectionMeasurement",
    "InspectionProcess",
    "InspectionStatement",
    "InspectionSubject",
    "KeyStatement",
    "KeySubject",
    "ModuleInputs",
    "ModuleStatement",
    "ModuleSubject",
    "ReferenceStatement",
    "StationStartedProcess",
    "StationStartedStatement",
    "StationSubject",
    "UnknownRecordTypeError",
    "Verdict",
    "check_author",
    "facet_set",
    "read_facet",
    "upcast",
]

FACETS: tuple[str, ...] = ("subject", "statement", "measurement", "process", "inputs")


class UnknownRecordTypeError(GaugeblockError):
    """A record type or version this release does not know. Facts: ``record_type``, ``version``."""

    code = "plant.unknown_record_type"


class FacetShapeError(GaugeblockError):
    """A facet does not have the shape its record type states. Facts: ``record_type``, ``facet``, ``detail``."""

    code = "plant.facet_shape"


class AuthorKindError(GaugeblockError):
    """Authors of this kind do not state records of this type. Facts: ``record_type``, ``author``, ``allowed``."""

    code = "plant.author_kind"


FacetSet = Mapping[str, type[Facet]]

RECORD_TYPES: Mapping[tuple[str, int], FacetSet] = {
    ("inspection.verdict", 1): {
        "subject": InspectionSubject,
        "statement": InspectionStatement,
        "measurement": InspectionMeasurementV1,
        "process": InspectionProcessV1,
        "inputs": InspectionInputsV1,
    },
    ("inspection.verdict", 2): {
        "subject": InspectionSubject,
        "statement": InspectionStatement,
        "measurement": InspectionMeasurement,
        "process": InspectionProcess,
        "inputs": InspectionInputs,
    },
    ("inspection.reference", 1): {"subject": InspectionSubject, "statement": ReferenceStatement},
    ("inspection.review", 1): {
        "subject": ReviewSubject,
        "statement": ReviewStatement,
        "process": ReviewProcess,
        "inputs": ReviewInputs,
    },
    ("inspection.catalogue", 1): {"subject": CatalogueSubject, "statement": CatalogueStatement},
    ("inspection.module", 1): {
        "subject": ModuleSubject,
        "statement": ModuleStatement,
        "inputs": ModuleInputs,
    },
    ("inspection.candidate", 1): {
        "subject": ModuleSubject,
        "statement": CandidateStatement,
        "inputs": CandidateInputs,
    },
    ("inspection.shadow", 1): {
        "subject": ShadowSubject,
        "statement": ShadowStatement,
        "measurement": InspectionMeasurement,
        "inputs": ShadowInputs,
    },
    ("inspection.comparison", 1): {
        "subject": ComparisonSubject,
        "statement": ComparisonStatement,
        "measurement": ComparisonMeasurement,
    },
    ("inspection.release", 1): {"subject": ModuleSubject, "statement": ReleaseStatement},
    ("inspection.challenge_set", 1): {"subject": ChallengeSubject, "statement": ChallengeSetStatement},
    ("inspection.challenge", 1): {
        "subject": ChallengeSubject,
        "statement": ChallengeStatement,
        "measurement": ChallengeMeasurement,
        "inputs": ChallengeInputs,
    },
    ("inspection.alarm", 1): {
        "subject": AlarmSubject,
        "statement": AlarmStatement,
        "measurement": AlarmMeasurement,
        "inputs": AlarmInputs,
    },
    ("inspection.sampling_plan", 1): {"subject": SamplingSubject, "statement": SamplingPlanStatement},
    ("inspection.lot_opened", 1): {"subject": LotSubject, "statement": LotOpenedStatement},
    ("inspection.lot", 1): {
        "subject": LotSubject,
        "statement": LotStatement,
        "measurement": LotMeasurement,
        "inputs": LotInputs,
    },
    ("inspection.agreement_study", 1): {
        "subject": StudySubject,
        "statement": StudyStatement,
        "measurement": StudyMeasurement,
        "inputs": StudyInputs,
    },
    ("nonconformity.opened", 1): {
        "subject": NonconformitySubject,
        "statement": NonconformityStatement,
        "inputs": NonconformityInputs,
    },
    ("nonconformity.step", 1): {"subject": NonconformitySubject, "statement": StepStatement},
    ("production.order", 1): {"subject": OrderSubject, "statement": OrderStatement},
    ("production.lot", 1): {"subject": LotOfUnitsSubject, "statement": LotOfUnitsStatement},
    ("production.genealogy", 1): {"subject": UnitSubject, "statement": GenealogyStatement},
    ("production.result", 1): {"subject": ResultSubject, "statement": ResultStatement},
    ("production.shipment", 1): {"subject": ShipmentSubject, "statement": ShipmentStatement},
    ("production.certificate", 1): {
        "subject": CertificateSubject,
        "statement": CertificateStatement,
        "inputs": CertificateInputs,
    },
    ("production.events", 1): {"subject": EventBatchSubject, "statement": EventBatchStatement},
    ("production.kpi", 1): {"subject": PeriodSubject, "statement": KpiStatement},
    ("production.forecast", 1): {
        "subject": ForecastSubject,
        "statement": ForecastStatement,
        "process": ForecastProcess,
    },
    ("production.outcome", 1): {"subject": ForecastSubject, "statement": OutcomeStatement},
    ("exchange.contract", 1): {"subject": ContractSubject, "statement": ContractStatement},
    ("exchange.contract_step", 1): {
        "subject": ContractSubject,
        "statement": ContractStepStatement,
        "process": CustomerProcess,
    },
    ("exchange.transfer", 1): {"subject": TransferSubject, "statement": TransferStatement},
    ("exchange.message", 1): {
        "subject": MessageSubject,
        "statement": MessageStatement,
        "process": CustomerProcess,
        "inputs": MessageInputs,
    },
    ("exchange.document", 1): {"subject": DocumentSubject, "statement": DocumentStatement},
    ("exchange.footprint", 1): {"subject": FootprintSubject, "statement": FootprintStatement},
    ("retention.deletion", 1): {
        "subject": DeletionSubject,
        "statement": DeletionStatement,
        "process": DeletionProcess,
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

LATEST: Mapping[str, int] = {
    name: max(version for other, version in RECORD_TYPES if other == name) for name, _ in RECORD_TYPES
}
"""The newest version of each type: what is stated from now on, and what old records are shown as."""

AUTHORS: Mapping[str, tuple[str, ...]] = {
    "inspection.verdict": ("station",),
    "inspection.reference": ("person", "server", "virtual"),
    "inspection.review": ("person",),
    "inspection.catalogue": ("person", "server"),
    "inspection.module": ("server",),
    "inspection.candidate": ("server",),
    "inspection.shadow": ("server",),
    "inspection.comparison": ("server",),
    "inspection.release": ("person",),
    "inspection.challenge_set": ("person", "server"),
    "inspection.challenge": ("station",),
    "inspection.alarm": ("server", "person"),
    "inspection.sampling_plan": ("person",),
    "inspection.lot_opened": ("person",),
    "inspection.lot": ("server",),
    "inspection.agreement_study": ("person", "server"),
    "nonconformity.opened": ("server", "person"),
    "nonconformity.step": ("person",),
    "production.order": ("person", "server"),
    "production.lot": ("person", "server"),
    "production.genealogy": ("station", "person", "server"),
    "production.result": ("station", "person", "server"),
    "production.shipment": ("person", "server"),
    "production.certificate": ("person",),
    "production.events": ("server", "station", "virtual"),
    "production.kpi": ("server",),
    "production.forecast": ("server",),
    "production.outcome": ("server",),
    "exchange.contract": ("person",),
    "exchange.contract_step": ("person", "exchange", "customer"),
    "exchange.transfer": ("exchange",),
    "exchange.message": ("person", "exchange", "customer"),
    "exchange.document": ("person",),
    "exchange.footprint": ("person", "server"),
    "retention.deletion": ("server",),
    "station.started": ("station",),
}
"""Which kinds of entity may state a type. Who may speak about keys is the key directory's rule."""


def check_author(record_type: str, author: str) -> None:
    """Refuse a statement that is not this author's to make: a station cannot release its own module.

    Raises
    ------
    AuthorKindError

    >>> check_author("inspection.verdict", "station:L1-ST10")
    >>> check_author("inspection.release", "station:L1-ST10")
    Traceback (most recent call last):
    gaugeblock.plant.record_types.AuthorKindError: ...
    """
    allowed = AUTHORS.get(record_type)
    if allowed is not None and author.partition(":")[0] not in allowed:
        raise AuthorKindError(record_type=record_type, author=author[:80], allowed=", ".join(allowed))


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


def upcast(record_type: str, name: str, facet: Facet) -> Facet:
    """A facet of an earlier version as the newest one shows it, so that readers know one shape only.

    So far every new version only adds what an old record leaves open; a version that changes more brings its own
    rule here.

    >>> old = InspectionMeasurementV1(score=0.5, threshold=1.0)
    >>> upcast("inspection.verdict", "measurement", old).review_from is None
    True
    """
    shape = RECORD_TYPES[record_type, LATEST[record_type]][name]
    return facet if type(facet) is shape else msgspec.convert(msgspec.to_builtins(facet), shape)
