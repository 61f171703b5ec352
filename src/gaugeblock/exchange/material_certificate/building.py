"""A 3.1 certificate as a Metals document: each value with its limits and what they mean.

No certificate of conformity is built over a value outside its limits, unless it names the customer's concession.

Source: EN 10204:2004, clause 4.1; Metals schemas 0.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from gaugeblock.exchange.decimal_text import decimal_of
from gaugeblock.exchange.document_errors import (
    CertificateFormError,
    CertificateInspectionError,
    CertificateNonconformingError,
)
from gaugeblock.exchange.material_certificate import metals_product as product_part
from gaugeblock.exchange.material_certificate.certificate import (
    Certificate,
    CertificateParty,
    CertifiedProduct,
    Heat,
    HeatTreatment,
    InspectionSummary,
    MeasuredValue,
)
from gaugeblock.exchange.material_certificate.conformity import average, interpretation
from gaugeblock.exchange.material_certificate.metals_document import (
    SCHEMA_URL,
    CertificateType,
    IndividualStatement,
    MetalsDocument,
    Passport,
    Provenance,
    ValidatingPerson,
    Validation,
    ValidationStatement,
)
from gaugeblock.exchange.material_certificate.metals_measurement import (
    ArrayResult,
    BooleanResult,
    ChemicalAnalysis,
    ChemicalElement,
    DataPoint,
    Interpretation,
    Measurement,
    MultiValueResult,
    NumericResult,
    Result,
    SpecimenSpecification,
    Statistics,
)

PROVENANCE = "provenance"
"""Id of the statement that names the records, for readers who do not know the member ``Provenance``."""
STANDARD, TYPE = "EN 10204:2004", "3.1"
STATEMENT = (
    "We certify that the products described here comply with the requirements of the order, and supply the results of "
    "specific inspection of this lot (EN 10204:2004, type 3.1)."
)
_STANDARD_WITH_YEAR = re.compile(r"(?P<standard>.+):(?P<year>[0-9]{4})")


def metals_document(certificate: Certificate) -> MetalsDocument:
    """A certificate in the form of Metals 0.1.1.

    Raises
    ------
    DecimalTextError, CertificateLimitsError, CertificateInspectionError, CertificateFormError
        Inputs that cannot be stated.
    CertificateNonconformingError
        A value lies outside its limits and names no concession, or no unit of the lot conforms.
    """
    heat = certificate.heat
    values = (*(heat.elements if heat else ()), *certificate.mechanical, *certificate.dimensional,
              *certificate.supplementary)  # fmt: skip
    outside = [value.symbol for value in values if interpretation(value) == "Out of Specification"]
    if outside:
        raise CertificateNonconformingError(values=", ".join(outside))
    try:
        passport = Passport(
            languages=("EN",),
            id=certificate.number,
            version=certificate.version,
            issue_date=certificate.issued_on,
            transaction_data=_transaction(certificate),
            product=_product(certificate.product),
            chemical_analysis=None if heat is None else _analysis(heat),
            heat_treatment=None if certificate.treatment is None else _treatment(certificate.treatment),
            mechanical_properties=_measurements(certificate.mechanical),
            supplementary_tests=_some(
                [_inspection(one) for one in certificate.inspections]
                + [_measurement(one) for one in (*certificate.dimensional, *certificate.supplementary)]
            ),
            validation=_validation(certificate, values),
        )
    except ValueError as fault:
        raise CertificateFormError(where=certificate.number, detail=str(fault)) from fault
    provenance = Provenance(log_origin=certificate.log_origin, records=tuple(sorted(set(certificate.records))))
    return MetalsDocument(ref_schema_url=SCHEMA_URL, digital_material_passport=passport, provenance=provenance)


def _some(measurements: Sequence[Measurement]) -> tuple[Measurement, ...] | None:
    return tuple(measurements) or None


def _measurements(values: Sequence[MeasuredValue]) -> tuple[Measurement, ...] | None:
    return _some([_measurement(value) for value in values])


def _party(party: CertificateParty) -> product_part.Party:
    return product_part.Party(
        name=party.name,
        street=(*party.street, *((party.registration,) if party.registration else ())),
        zip_code=party.postal_code,
        city=party.city,
        country=party.country,
        email=party.email,
        identifiers=None if party.vat is None else product_part.CompanyIdentifiers(vat=party.vat),
    )


def _transaction(certificate: Certificate) -> product_part.TransactionData:
    order = certificate.order
    quantity = decimal_of(order.quantity, "order.quantity")
    return product_part.TransactionData(
        parties=product_part.Parties(
            manufacturer=_party(certificate.manufacturer), customer=_party(certificate.customer)
        ),
        business_transaction=product_part.BusinessTransaction(
            order=product_part.Order(
                id=order.order,
                position=order.position,
                date=order.ordered_on,
                customer_product_id=order.customer_product,
            ),
            delivery=product_part.Delivery(
                id=order.delivery,
                quantity=quantity,
                quantity_unit=order.quantity_unit,
                date=order.delivered_on,
                internal_order_id=order.internal_order,
            ),
        ),
    )


def _norm(text: str) -> product_part.Norm:
    found = _STANDARD_WITH_YEAR.fullmatch(text)
    return product_part.Norm(standard=text) if found is None else product_part.Norm(**found.groupdict())


def _designation(product: CertifiedProduct) -> tuple[product_part.MaterialDesignation, ...] | None:
    if product.material is None and product.material_number is None:
        return None
    part = product_part.DesignationPart
    return (
        product_part.MaterialDesignation(
            name=None if product.material is None else part(value=product.material),
            number=None if product.material_number is None else part(value=product.material_number),
        ),
    )


def _product(product: CertifiedProduct) -> product_part.Product:
    shape = None
    if product.form is not None:
        sizes = {name: decimal_of(text, name) for name, text in product.dimensions.items()}
        try:
            shape = msgspec.convert({"Form": product.form, "Unit": product.unit, **sizes}, product_part.ProductShape)
        except msgspec.ValidationError as fault:
            raise CertificateFormError(where="product.form", detail=str(fault)) from fault
        unknown = [name for name in sizes if name not in product_part.ProductShape.__struct_encode_fields__]
        if unknown:
            raise CertificateFormError(where="product.dimensions", detail=", ".join(unknown))
    condition = product.delivery_condition
    return product_part.Product(
        name=product.name,
        batch_id=product.lot,
        product_norms=tuple(_norm(text) for text in product.standards) or None,
        material_designations=_designation(product),
        shape=shape,
        surface_condition=product.surface,
        country_of_origin=product.country_of_origin,
        manufacturing_location=product.place,
        production_date=product.produced_on,
        marking=product.marking,
        quantity=None if product.quantity is None else decimal_of(product.quantity, "product.quantity"),
        weight=None if product.weight is None else decimal_of(product.weight, "product.weight"),
        weight_unit=None if product.weight is None else product.weight_unit,
        delivery_condition=None if condition is None else product_part.DeliveryCondition(code=condition),
    )


def _number(text: str, where: str) -> NumericResult:
    return NumericResult(value=decimal_of(text, where))


def _limit(text: str | None, where: str) -> NumericResult | None:
    return None if text is None else _number(text, where)


def _result(measured: MeasuredValue) -> Result:
    """One value as a number; two as a series, for the schema's statistics want three; more with their statistics."""
    numbers = [decimal_of(text, measured.symbol) for text in measured.values]
    uncertainty = None if measured.uncertainty is None else decimal_of(measured.uncertainty, measured.symbol)
    results = tuple(
        NumericResult(value=number, operator=measured.operator, uncertainty=uncertainty) for number in numbers
    )
    if not results:
        raise CertificateFormError(where=measured.symbol, detail="no value")
    if len(results) == 1:
        return results[0]
    if len(results) == 2:
        points = tuple(
            DataPoint(parameter=str(number), parameter_type="number", value=result)
            for number, result in enumerate(results, 1)
        )
        return ArrayResult(parameter_name="Specimen", data=points)
    return MultiValueResult(
        values=results,
        statistics=Statistics(
            average=NumericResult(value=average(numbers)),
            minimum=NumericResult(value=min(numbers)),
            maximum=NumericResult(value=max(numbers)),
        ),
    )


def _conditions(measured: MeasuredValue) -> str | None:
    said = [measured.conditions] if measured.conditions else []
    if measured.concession is not None:
        said.append(f"accepted under concession {measured.concession}")
    return "; ".join(said) or None


def _measurement(measured: MeasuredValue) -> Measurement:
    specimen = None
    if measured.location or measured.orientation or measured.specimen:
        fields = {"Location": measured.location, "Orientation": measured.orientation, "Identifier": measured.specimen}
        try:
            specimen = msgspec.convert({k: v for k, v in fields.items() if v is not None}, SpecimenSpecification)
        except msgspec.ValidationError as fault:
            raise CertificateFormError(where=measured.symbol, detail=str(fault)) from fault
    return Measurement(
        property_name=measured.name,
        property_symbol=measured.symbol,
        method=measured.method,
        unit=measured.unit,
        test_conditions=_conditions(measured),
        specimen_specification=specimen,
        actual=_result(measured),
        minimum=_limit(measured.minimum, measured.symbol),
        maximum=_limit(measured.maximum, measured.symbol),
        target=_limit(measured.target, measured.symbol),
        interpretation=interpretation(measured),
    )


def _analysis(heat: Heat) -> ChemicalAnalysis:
    return ChemicalAnalysis(
        heat_number=heat.number,
        melting_process=heat.melting_process,
        casting_date=heat.cast_on,
        casting_method=heat.casting_method,
        sample_location=heat.sample_location,
        analysis_standard=heat.standard,
        elements=tuple(
            ChemicalElement(
                property_symbol=element.symbol,
                property_name=element.name,
                method=element.method,
                unit=element.unit,
                test_conditions=_conditions(element),
                actual=_result(element),
                minimum=_limit(element.minimum, element.symbol),
                maximum=_limit(element.maximum, element.symbol),
                target=_limit(element.target, element.symbol),
                interpretation=interpretation(element),
            )
            for element in heat.elements
        ),
    )


def _treatment(treatment: HeatTreatment) -> product_part.HeatTreatment:
    stages = []
    for stage in treatment.stages:
        fields = {
            "StageType": stage.kind,
            "Temperature": decimal_of(stage.temperature_c, stage.kind),
            "TemperatureUnit": "C",
            "Duration": None if stage.minutes is None else decimal_of(stage.minutes, stage.kind),
            "DurationUnit": None if stage.minutes is None else "min",
            "CoolingMedium": stage.cooling,
        }
        stages.append({name: value for name, value in fields.items() if value is not None})
    tree = {
        "Process": treatment.process,
        "HeatTreatmentLot": treatment.lot,
        "FurnaceId": treatment.furnace,
        "ProcessDate": treatment.treated_on,
        "Stages": stages,
    }
    try:
        return msgspec.convert({k: v for k, v in tree.items() if v is not None}, product_part.HeatTreatment)
    except msgspec.ValidationError as fault:
        raise CertificateFormError(where="treatment", detail=str(fault)) from fault


def _inspection(summary: InspectionSummary) -> Measurement:
    parts = summary.conforming + summary.rejected
    if parts != summary.units or min(summary.units, summary.conforming, summary.rejected) < 0 or not summary.units:
        raise CertificateInspectionError(units=summary.units, parts=parts)
    said = [f"stations {', '.join(summary.stations)}"] if summary.stations else []
    if summary.first_at and summary.last_at:
        said.append(f"{summary.first_at} to {summary.last_at}")
    if summary.records:
        said.append(f"records {', '.join(map(str, summary.records))}")
    stated: Interpretation = "In Specification" if summary.conforming else "Out of Specification"
    if not summary.conforming:
        raise CertificateNonconformingError(values=summary.name)
    described = f"{summary.conforming} of {summary.units} units conforming"
    if summary.rejected:
        described += f"; {summary.rejected} rejected and not delivered"
    modules = ", ".join(f"sha256:{module}" for module in summary.module_sha256)
    return Measurement(
        property_name=summary.name,
        method=f"AI inspection, released module {modules}" if modules else None,
        test_conditions="; ".join(said) or None,
        actual=BooleanResult(value=True, description=described),
        interpretation=stated,
    )


def _validation(certificate: Certificate, values: Sequence[MeasuredValue]) -> Validation:
    concessions = sorted({value.concession for value in values if value.concession is not None
                          and interpretation(value) == "Conditionally Acceptable"})  # fmt: skip
    statement = STATEMENT
    if concessions:
        statement += f" Values outside their limits are accepted under concession {', '.join(concessions)}."
    records = ", ".join(map(str, sorted(set(certificate.records))))
    derived = IndividualStatement(
        statement_id=PROVENANCE,
        statement_text=f"Derived from the records {records} of the transparency log {certificate.log_origin}.",
        confirmed=BooleanResult(value=True),
    )
    return Validation(
        validation_statement=ValidationStatement(
            statement=statement,
            standards=(STANDARD, *certificate.product.standards),
            compliance_type="Declaration of Conformity",
            individual_statements=(derived,) if records else None,
        ),
        validation_date=certificate.validated_on,
        validation_place=certificate.validation_place,
        validators=tuple(
            ValidatingPerson(name=one.name, title=one.role, department=one.department, email=one.email)
            for one in certificate.validators
        ),
        certificate_type=CertificateType(standard=STANDARD, type=TYPE),
    )


def total_records(certificate: Certificate) -> tuple[int, ...]:
    """All record indices that a certificate stands on, in order: its own and those of its inspections.

    For the transfer that binds the served certificate to what it was derived from.
    """
    return tuple(sorted({*certificate.records, *(index for one in certificate.inspections for index in one.records)}))
