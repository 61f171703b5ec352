"""A Metals certificate as a whole: the passport, who validated it, and which records it was derived from.

The schema closes every object but the outermost; there ``Provenance`` stands, for which other readers need not care.

Source: Metals schemas 0.1.1.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, ClassVar, Literal

import msgspec

from gaugeblock.exchange.material_certificate.metals_base import Metals
from gaugeblock.exchange.material_certificate.metals_measurement import BooleanResult, ChemicalAnalysis, Measurement
from gaugeblock.exchange.material_certificate.metals_product import HeatTreatment, Product, TransactionData
from gaugeblock.exchange.text_forms import EMAIL

SCHEMA_URL = "https://schemas.materialidentity.org/metals-schemas/v0.1.1/schema.json"


class IndividualStatement(Metals, frozen=True, kw_only=True):
    """One statement that is confirmed, or not."""

    statement_text: str
    confirmed: BooleanResult
    statement_id: str | None = None
    regulatory_reference: str | None = None


class ValidationStatement(Metals, frozen=True, kw_only=True):
    """What is declared."""

    statement: str
    standards: tuple[str, ...] | None = None
    compliance_type: (
        Literal["Declaration of Conformity", "Certificate of Compliance", "Statement of Compliance", "Type Approval"]
        | None
    ) = None
    individual_statements: tuple[IndividualStatement, ...] | None = None


class ValidatingPerson(Metals, frozen=True, kw_only=True):
    """Who validated."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"email": EMAIL}
    name: str
    title: str
    department: str | None = None
    stamp_image: str | None = None
    email: str | None = None
    phone: str | None = None


class CEMarking(Metals, frozen=True, kw_only=True):
    """The CE mark with its notified body."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"doc_year": re.compile("[0-9]{2}|[0-9]{4}")}
    ce_image: str = msgspec.field(name="CEImage")
    notified_body_number: str
    doc_year: str = msgspec.field(name="DoCYear")
    doc_number: str | None = msgspec.field(default=None, name="DoCNumber")
    directives: tuple[str, ...] | None = None
    harmonized_standards: tuple[str, ...] | None = None


class OtherMarking(Metals, frozen=True, kw_only=True):
    """Another mark, such as CCC or UKCA."""

    marking_type: str
    marking_image: str | None = None
    certificate_number: str | None = None
    issuing_body: str | None = None
    issue_date: datetime.date | None = None
    expiry_date: datetime.date | None = None


class CertificateType(Metals, frozen=True, kw_only=True):
    """EN 10204, 3.1."""

    standard: str
    type: str | None = None


class Validation(Metals, frozen=True, kw_only=True):
    """The declaration and who signs for it."""

    validation_statement: ValidationStatement
    validation_date: datetime.date
    validators: Annotated[tuple[ValidatingPerson, ...], msgspec.Meta(min_length=1)]
    ce_marking: CEMarking | None = msgspec.field(default=None, name="CEMarking")
    other_markings: tuple[OtherMarking, ...] | None = None
    disclaimer: str | None = None
    validation_place: str | None = None
    certificate_type: CertificateType | None = None


class Passport(Metals, frozen=True, kw_only=True):
    """``DigitalMaterialPassport``: ``version`` is the schema's field for the certificate's own version."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"version": re.compile(r"\d+\.\d+\.\d+", re.ASCII)}
    languages: Annotated[tuple[Literal["EN", "DE"], ...], msgspec.Meta(min_length=1)]
    id: str
    version: str
    issue_date: datetime.date
    transaction_data: TransactionData
    product: Product
    validation: Validation
    expiration_date: datetime.date | None = None
    heat_treatment: HeatTreatment | None = None
    chemical_analysis: ChemicalAnalysis | None = None
    mechanical_properties: tuple[Measurement, ...] | None = None
    physical_properties: tuple[Measurement, ...] | None = None
    supplementary_tests: tuple[Measurement, ...] | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError``: a language twice."""
        super().__post_init__()
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("a language stands twice")


class Provenance(Metals, frozen=True, kw_only=True):
    """The records of a log that the certificate was derived from, by index."""

    log_origin: str
    records: tuple[Annotated[int, msgspec.Meta(ge=0)], ...]


class MetalsDocument(Metals, frozen=True, kw_only=True):
    """The outermost object."""

    digital_material_passport: Passport
    ref_schema_url: str | None = None
    provenance: Provenance | None = None
