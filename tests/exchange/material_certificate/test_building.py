"""Certificates built from inputs: valid by the schema, with the laboratory's digits, and never over a bad value."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.document_errors import (
    CertificateFormError,
    CertificateInspectionError,
    CertificateLimitsError,
    CertificateNonconformingError,
    DecimalTextError,
)
from gaugeblock.exchange.material_certificate.building import metals_document, total_records
from gaugeblock.exchange.material_certificate.certificate import MeasuredValue
from gaugeblock.exchange.material_certificate.conformity import average, interpretation
from gaugeblock.exchange.material_certificate.metals_json import read_metals, write_metals
from tests.exchange.material_certificate.certificates import forged_impeller

SCHEMA = Path(__file__).resolve().parents[3].parent / "shared/conformance/metals/schemas/v0.1.1/schema.json"
needs_schema = pytest.mark.skipif(not SCHEMA.is_file(), reason="../shared/conformance/metals is not there")
replace = msgspec.structs.replace


def _valid(raw: bytes) -> None:
    schema = json.loads(SCHEMA.read_bytes())
    jsonschema.Draft201909Validator(schema, format_checker=jsonschema.FormatChecker()).validate(json.loads(raw))


@needs_schema
def test_a_certificate_is_valid_and_read_again() -> None:
    raw = write_metals(metals_document(forged_impeller()))
    _valid(raw)
    read = read_metals(raw)
    assert read.not_understood == {}
    assert write_metals(read.document) == raw


def test_it_says_what_was_entered() -> None:
    passport = json.loads(write_metals(metals_document(forged_impeller())), parse_float=str)["DigitalMaterialPassport"]
    assert passport["ChemicalAnalysis"]["Elements"][0]["Actual"]["Value"] == "0.410"
    assert passport["ChemicalAnalysis"]["Elements"][1]["Actual"]["Operator"] == "<"
    assert passport["Product"]["Weight"] == "1842.60"
    assert passport["Product"]["ProductNorms"][0] == {"Standard": "EN 10250-3", "Year": "2022"}
    assert [one["Actual"]["ResultType"] for one in passport["MechanicalProperties"]] == [
        "multiValue",
        "array",
        "multiValue",
        "numeric",
    ]
    assert passport["SupplementaryTests"][0]["Actual"]["Description"].startswith("498 of 500 units conforming")
    assert passport["SupplementaryTests"][1]["Interpretation"] == "Conditionally Acceptable"
    assert "K-2026-031" in passport["Validation"]["ValidationStatement"]["Statement"]


def test_it_names_the_records_it_was_derived_from() -> None:
    tree = json.loads(write_metals(metals_document(forged_impeller())))
    assert tree["Provenance"] == {"LogOrigin": "czforge.example/gaugeblock", "Records": [10231, 10902]}
    assert total_records(forged_impeller()) == (10231, 10740, 10902)


def test_a_value_outside_its_limits_gets_no_certificate() -> None:
    certificate = forged_impeller()
    bad = replace(certificate.dimensional[0], concession=None)
    with pytest.raises(CertificateNonconformingError) as caught:
        metals_document(replace(certificate, dimensional=(bad,)))
    assert caught.value.facts == {"values": "Ra"}


def test_undecided_units_get_no_certificate() -> None:
    certificate = forged_impeller()
    open_ = replace(certificate.inspections[0], conforming=497)
    with pytest.raises(CertificateInspectionError):
        metals_document(replace(certificate, inspections=(open_,)))
    none = replace(certificate.inspections[0], conforming=0, rejected=500)
    with pytest.raises(CertificateNonconformingError):
        metals_document(replace(certificate, inspections=(none,)))


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "+1", ".5", "1.", "NaN", "１", "0" * 50, "1 000"])
def test_a_value_that_is_no_decimal_is_named(text: str) -> None:
    certificate = forged_impeller()
    value = replace(certificate.mechanical[3], values=(text,))
    with pytest.raises(DecimalTextError):
        metals_document(replace(certificate, mechanical=(value,)))


def test_a_form_that_metals_has_not_is_named() -> None:
    certificate = forged_impeller()
    for product in (
        replace(certificate.product, form="Impeller"),
        replace(certificate.product, dimensions={"Girth": "3"}),
    ):
        with pytest.raises(CertificateFormError):
            metals_document(replace(certificate, product=product))
    assert certificate.treatment is not None
    with pytest.raises(CertificateFormError):
        metals_document(replace(certificate, treatment=replace(certificate.treatment, process="Ageing in a drawer")))
    with pytest.raises(CertificateFormError):
        write_metals(metals_document(replace(certificate, validators=())))


def _measured(value: str, operator: str | None = None, **limits: str) -> MeasuredValue:
    return MeasuredValue(symbol="X", unit="%", values=(value,), operator=operator, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (_measured("0.20", maximum="0.20"), "In Specification"),
        (_measured("0.2001", maximum="0.20"), "Out of Specification"),
        (_measured("0.20", minimum="0.20"), "In Specification"),
        (_measured("0.20"), "Not Evaluated"),
        (_measured("0.005", "<", maximum="0.005"), "In Specification"),
        (_measured("0.005", "<", maximum="0.004"), "Not Evaluated"),
        (_measured("0.005", "<", minimum="0.005"), "Out of Specification"),
        (_measured("0.005", "<=", minimum="0.005"), "Not Evaluated"),
        (_measured("0.005", "<", minimum="0.001"), "Not Evaluated"),
        (_measured("100", ">", minimum="90"), "In Specification"),
        (_measured("100", ">", maximum="100"), "Out of Specification"),
        (_measured("100", ">=", maximum="100"), "Not Evaluated"),
    ],
)
def test_interpretation(measured: MeasuredValue, expected: str) -> None:
    assert interpretation(measured) == expected


def test_each_value_or_their_average() -> None:
    each = MeasuredValue(symbol="KV2", unit="J", values=("33", "41", "52"), minimum="35")
    assert interpretation(each) == "Out of Specification"
    assert interpretation(replace(each, judged="average")) == "In Specification"


def test_limits_that_cross_are_named() -> None:
    with pytest.raises(CertificateLimitsError):
        interpretation(_measured("1", minimum="3", maximum="2"))


decimals = st.decimals(min_value=0, max_value=10**6, places=4, allow_nan=False).map(lambda d: format(d, "f"))


@given(st.lists(decimals, min_size=1, max_size=8))
def test_an_average_lies_between_its_values(values: list[str]) -> None:
    numbers = [Decimal(value) for value in values]
    assert min(numbers) - Decimal("0.0001") <= average(numbers) <= max(numbers) + Decimal("0.0001")


@needs_schema
@settings(max_examples=40, deadline=None)
@given(
    name=st.text(min_size=1, max_size=100).filter(lambda text: text.isprintable()),
    values=st.lists(decimals, min_size=1, max_size=6),
    unit=st.sampled_from(["%", "MPa", "J", "µm", "HBW 10/3000"]),
    year=st.sampled_from(["EN 1", "EN 1:2020", "a:b:2019"]),
)
def test_drawn_certificates_are_valid(name: str, values: list[str], unit: str, year: str) -> None:
    certificate = forged_impeller()
    measured = MeasuredValue(symbol=name[:20], name=name, unit=unit, values=tuple(values), minimum="0")
    drawn = replace(
        certificate,
        mechanical=(measured,),
        supplementary=(measured,),
        product=replace(certificate.product, name=name, standards=(year,)),
        customer=replace(certificate.customer, name=name),
    )
    raw = write_metals(metals_document(drawn))
    _valid(raw)
    assert write_metals(read_metals(raw).document) == raw
