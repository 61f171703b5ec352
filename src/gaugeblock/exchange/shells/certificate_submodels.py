"""Submodels of a certificate: the document itself (Digital Quality Documents, IDTA 02065), and what a steel certificate
says as data (Inspection Documents of Steel Products, 02032), read from the certificate's own Metals JSON."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import get_args

from gaugeblock.exchange.document_errors import CertificateFormError
from gaugeblock.exchange.material_certificate.metals_document import MetalsDocument, Passport
from gaugeblock.exchange.material_certificate.metals_json import read_metals
from gaugeblock.exchange.material_certificate.metals_measurement import (
    ArrayResult,
    ChemicalElement,
    Measurement,
    MultiValueResult,
    NumericResult,
    Result,
)
from gaugeblock.exchange.material_certificate.metals_product import Party as MetalsParty
from gaugeblock.exchange.shells.reading import Built, Reading, built, held_file
from gaugeblock.exchange.shells.texts import maybe, moment, plain
from gaugeblock.exchange.submodels import quality_documents, steel_inspection
from gaugeblock.exchange.submodels.documents import DocumentId, vdi_2770
from gaugeblock.exchange.submodels.quality_documents import Identification, QualityDocument, Statement
from gaugeblock.exchange.submodels.steel_inspection import (
    ELEMENTS,
    Customer,
    DocumentType,
    HardnessTest,
    ImpactTest,
    Order,
    Party,
    Product,
    SteelInspection,
    TensileTest,
)
from gaugeblock.exchange.view_model import CertificateView
from gaugeblock.ledger.detail import LedgerError
from gaugeblock.stores.errors import BlobMissingError

_YIELD = frozenset({"ReH", "ReL", "Re", "Rp0.2", "Rp0,2", "Rp02", "Rp1.0"})
_ELONGATION = frozenset({"A", "A5", "A50", "A80", "A11.3"})
_IMPACT = frozenset({"KV", "KV2", "KV8", "KU", "KU2"})
_HARDNESS = ("HBW", "HB", "HV", "HRC", "HRB")
_TO_KG = {"kg": Decimal(1), "t": Decimal(1000)}


# ── the document ────────────────────────────────────────────────────────────────────────────────────────────────


def has_files(certificate: CertificateView) -> bool:
    """Whether any of its files may be seen: a document without one is none."""
    return certificate.json_sha256 is not None or certificate.pdf_sha256 is not None


def quality_document_of(reading: Reading, identifier: str, certificate: CertificateView) -> Built:
    """The certificate with its files, what it is about, and that it declares conformity."""
    stated = moment(certificate.stated_at)
    assert stated is not None, "records state when"
    number = plain(certificate.certificate)
    kind = f"EN 10204 {certificate.kind}" if certificate.kind is not None else "EN 10204"
    files = [
        held_file(sha256, media_type)
        for sha256, media_type in (
            (certificate.pdf_sha256, "application/pdf"),
            (certificate.json_sha256, "application/json"),
        )
        if sha256 is not None
    ]
    # Whether it was withdrawn has to be known before anything is declared by it.
    declared = certificate.kind is not None and reading.may_see("production.certificate", "statement", "state")
    item = tuple(
        Identification(value=plain(value), name={"en": en, "zh": zh})
        for en, zh, value in (
            ("Lot", "批次", certificate.lot),
            ("Heat", "炉号", certificate.heat),
            ("Product", "产品", certificate.product),
            ("Order", "订单", certificate.order),
        )
        if value
    )
    given = QualityDocument(
        ids=(DocumentId(domain=reading.names.root, identifier=number, primary=True),),
        classes=(vdi_2770("02-04"),),
        languages=("en",),
        version="1" if certificate.replaces is None else f"replaces {plain(certificate.replaces)}",
        title={"en": f"Certificate {number}", "zh": f"证书 {number}"},
        description={"en": f"Inspection certificate, {kind}", "zh": f"检验证书，{kind}"},
        status_set=stated,
        organization_short_name=reading.maker.plain_name,
        organization_official_name=reading.maker.plain_name,
        files=tuple(files),
        unique_identifier=reading.names.asset("certificate", certificate.certificate),
        issued=stated,
        items=(item,) if item else (),
        statements=(Statement(conformity="pass", date=stated, reference=kind),) if declared else (),
    )
    return built(quality_documents.build(identifier, given), certificate.record_index)


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────────


def steel_document(reading: Reading, certificate: CertificateView) -> SteelInspection | None:
    """What the certificate's JSON says, as far as the template has places for it; None where it lacks what the template
    demands (the order's date, an EN 10204 type, a validator), cannot be read, or may have been withdrawn for all that
    the contract lets be known."""
    withdrawn_is_known = reading.may_see("production.certificate", "statement", "state")
    if certificate.json_sha256 is None or not withdrawn_is_known or reading.view.file(certificate.json_sha256) is None:
        return None
    try:
        document: MetalsDocument = read_metals(reading.files.get(certificate.json_sha256)).document
    except (LedgerError, CertificateFormError, BlobMissingError):
        return None
    return _inspection(document.digital_material_passport)


def steel_inspection_of(identifier: str, given: SteelInspection, certificate: CertificateView) -> Built:
    """The data of the certificate."""
    return built(steel_inspection.build(identifier, given), certificate.record_index)


def _inspection(passport: Passport) -> SteelInspection | None:
    parties, business = passport.transaction_data.parties, passport.transaction_data.business_transaction
    kind = passport.validation.certificate_type
    validators = passport.validation.validators
    if business.order.date is None or kind is None or kind.type not in get_args(DocumentType):
        return None
    maker, customer = _party(parties.manufacturer), _party(parties.customer)
    if maker is None or customer is None or not maybe(validators[0].name):
        return None
    product, mechanical = passport.product, passport.mechanical_properties or ()
    material = (product.material_designations or (None,))[0]
    analysis = passport.chemical_analysis
    weight = None
    if product.weight is not None and product.weight_unit in _TO_KG:
        weight = product.weight * _TO_KG[product.weight_unit]
    pieces = business.delivery.quantity if business.delivery.quantity_unit in {"pcs", "piece", "C62"} else None
    measured = [*mechanical, *(passport.supplementary_tests or ())]
    return SteelInspection(
        manufacturer=maker,
        customers=(Customer(party=customer),),
        order=Order(
            type=_type(kind.type),
            date=business.order.date,
            manufacturer_number=maybe(business.delivery.internal_order_id),
            purchaser_number=maybe(business.order.id),
            delivery_note=maybe(business.delivery.id),
        ),
        product=Product(
            description={"en": plain(product.name)},
            batch=maybe(product.batch_id),
            article_number=maybe(business.order.customer_product_id),
            material_number=maybe(material.number.value) if material is not None and material.number else None,
            material_name=maybe(material.name.value) if material is not None and material.name else None,
            pieces=int(pieces) if pieces is not None and pieces == int(pieces) and pieces >= 1 else None,
            actual_mass_kg=weight,
        ),
        complies=not _outside([*measured, *(analysis.elements if analysis is not None else ())]),
        issued=passport.issue_date,
        originator=plain(validators[0].name),
        tensile=_tensile(mechanical),
        hardness=_hardness(mechanical),
        impact=_impact(mechanical),
        mass_fractions_percent=_fractions(analysis.elements if analysis is not None else ()),
    )


def _type(text: str | None) -> DocumentType:
    return next(each for each in get_args(DocumentType) if each == text)


def _party(given: MetalsParty) -> Party | None:
    """A company; None where the address lacks what the template demands."""
    street = maybe(", ".join(given.street))
    name, zip_code, city = maybe(given.name), maybe(given.zip_code), maybe(given.city)
    if not (street and name and zip_code and city):
        return None
    return Party(company=name, street=street, zip_code=zip_code, city=city, country=given.country)


def _outside(measured: Iterable[Measurement | ChemicalElement]) -> bool:
    return any(each.interpretation == "Out of Specification" for each in measured)


def values_of(result: Result) -> tuple[Decimal, ...]:
    """The numbers of a result; those below what a method can tell have no number.

    >>> values_of(NumericResult(value=Decimal("0.5"), operator="<"))
    ()
    """
    if isinstance(result, NumericResult):
        numbers: Iterable[NumericResult] = (result,)
    elif isinstance(result, MultiValueResult):
        numbers = result.values
    elif isinstance(result, ArrayResult):
        numbers = (point.value for point in result.data)
    else:
        numbers = ()
    return tuple(each.value for each in numbers if each.operator in (None, "="))


def _mean(result: Result) -> Decimal | None:
    """As the certificate gives it: the standard says how it is rounded."""
    statistics = result.statistics if isinstance(result, MultiValueResult) else None
    average = statistics.average if statistics is not None else None
    return None if average is None else average.value


def _first(measured: Iterable[Measurement], symbols: Iterable[str], unit: str) -> Result | None:
    known = frozenset(symbols)
    return next((each.actual for each in measured if each.property_symbol in known and each.unit == unit), None)


def _tensile(measured: tuple[Measurement, ...]) -> tuple[TensileTest, ...]:
    strength, at_yield = _first(measured, ("Rm",), "MPa"), _first(measured, _YIELD, "MPa")
    elongation = _first(measured, _ELONGATION, "%")
    if not any((strength, at_yield, elongation)):
        return ()
    return (
        TensileTest(
            yield_mpa=values_of(at_yield) if at_yield else (),
            yield_mean_mpa=_mean(at_yield) if at_yield else None,
            tensile_mpa=values_of(strength) if strength else (),
            tensile_mean_mpa=_mean(strength) if strength else None,
            elongation_percent=values_of(elongation) if elongation else (),
            elongation_mean_percent=_mean(elongation) if elongation else None,
        ),
    )


def _hardness(measured: tuple[Measurement, ...]) -> tuple[HardnessTest, ...]:
    found = []
    for each in measured:
        if (each.property_symbol or "").startswith(_HARDNESS):
            scale = plain(each.property_symbol or "")
            values = tuple(f"{value:f} {scale}" for value in values_of(each.actual))
            if values:
                found.append(HardnessTest(method=maybe(each.method), values=values))
    return tuple(found)


def _impact(measured: tuple[Measurement, ...]) -> tuple[ImpactTest, ...]:
    work = _first(measured, _IMPACT, "J")
    values = values_of(work) if work is not None else ()
    return (ImpactTest(work_j=values, work_mean_j=_mean(work)),) if work is not None and values else ()


def _fractions(elements: Iterable[ChemicalElement]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in elements:
        values = values_of(each.actual) if each.unit == "%" else ()
        if each.property_symbol in ELEMENTS and len(values) == 1:
            found.setdefault(each.property_symbol or "", values[0])
    return found
