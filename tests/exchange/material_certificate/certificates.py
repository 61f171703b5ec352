"""A certificate as a forge would issue it, for the tests of this folder."""

from __future__ import annotations

import datetime

from gaugeblock.exchange.material_certificate.certificate import (
    Certificate,
    CertificateOrder,
    CertificateParty,
    CertificateValidator,
    CertifiedProduct,
    Heat,
    HeatTreatment,
    InspectionSummary,
    MeasuredValue,
    TreatmentStage,
)

DAY = datetime.date(2026, 11, 24)


def forged_impeller() -> Certificate:
    """Chemistry, tensile test, impact, hardness, sizes, a visual inspection, and one concession."""
    value = MeasuredValue
    return Certificate(
        number="GB-2026-0817",
        issued_on=DAY,
        validated_on=DAY,
        manufacturer=CertificateParty(
            name="常州精锻 Changzhou Precision Forging",
            street=("No. 18 Huanghe West Road",),
            postal_code="213022",
            city="Changzhou",
            country="CN",
            email="quality@czforge.example",
            registration="USCC 91320411MA1WXYZ12",
        ),
        customer=CertificateParty(
            name="Maschinenbau Keller GmbH",
            street=("Industriestraße 42",),
            postal_code="70565",
            city="Stuttgart",
            country="DE",
            vat="DE123456789",
        ),
        order=CertificateOrder(
            order="4500018823",
            position="10",
            delivery="LS-20931",
            quantity="498",
            quantity_unit="pcs",
            delivered_on=DAY,
        ),
        product=CertifiedProduct(
            name="Pump impeller, forged",
            lot="L26-1107-02",
            standards=("EN 10250-3:2022", "works standard 7"),
            material="42CrMo4",
            material_number="1.7225",
            form="Forging",
            dimensions={"Diameter": "180.0", "Height": "62.5"},
            weight="1842.60",
            country_of_origin="CN",
            delivery_condition="+QT",
        ),
        heat=Heat(
            number="H88213",
            casting_method="ContinuousCasting",
            elements=(
                value(symbol="C", unit="%", values=("0.410",), minimum="0.38", maximum="0.45"),
                value(symbol="S", unit="%", values=("0.005",), operator="<", maximum="0.035"),
            ),
        ),
        treatment=HeatTreatment(
            process="Quenching and Tempering",
            lot="HT-881",
            stages=(
                TreatmentStage(kind="Austenitizing", temperature_c="860", minutes="90"),
                TreatmentStage(kind="Quenching", temperature_c="40", cooling="Oil"),
                TreatmentStage(kind="Tempering", temperature_c="580", minutes="120", cooling="Air"),
            ),
            furnace="F3",
            treated_on=DAY,
        ),
        mechanical=(
            value(symbol="Rm", unit="MPa", values=("958", "962", "971"), minimum="900", maximum="1100"),
            value(symbol="A", unit="%", values=("14.5", "15.0"), minimum="12", location="1/4T", orientation="L"),
            value(symbol="KV2", unit="J", values=("33", "41", "52"), minimum="35", judged="average"),
            value(symbol="HBW", unit="HBW", values=("289",), minimum="265", maximum="325", uncertainty="4"),
        ),
        dimensional=(value(symbol="Ra", unit="µm", values=("2.1",), maximum="1.6", concession="K-2026-031"),),
        inspections=(
            InspectionSummary(
                name="Visual inspection",
                units=500,
                conforming=498,
                rejected=2,
                stations=("S1",),
                module_sha256=("a3" * 32,),
                first_at="2026-11-20T01:02:03Z",
                last_at="2026-11-20T09:12:55Z",
                records=(10231, 10740),
            ),
        ),
        validators=(CertificateValidator(name="李娜 Li Na", role="Head of quality"),),
        log_origin="czforge.example/gaugeblock",
        records=(10902, 10231),
        validation_place="Changzhou",
    )
