"""What the submodels refuse: their templates have no place for it, or demand what is not given."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from gaugeblock.exchange.aas.errors import AasValueError
from gaugeblock.exchange.aas.id_short_path import found
from gaugeblock.exchange.submodels import handover, machining_quality, steel_inspection, technical_data, time_series
from gaugeblock.exchange.submodels.machining_quality import (
    Feature,
    LinearFeature,
    MachiningQuality,
    MeasuringDevice,
    MeasuringJob,
    Result,
)
from gaugeblock.exchange.submodels.steel_inspection import Customer, Order, Party, Product, SteelInspection, TensileTest

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
PARTY = Party(company="Works", street="1 Road", zip_code="213000", city="Changzhou", country="CN")
CERTIFICATE = SteelInspection(
    manufacturer=PARTY,
    customers=(Customer(party=PARTY),),
    order=Order(type="3.1", date=NOON.date()),
    product=Product(batch="H1"),
    complies=True,
    issued=NOON.date(),
    originator="Inspector",
    tensile=(TensileTest(yield_mpa=(Decimal("355.5"), Decimal(360)), yield_mean_mpa=Decimal("357.8")),),
    mass_fractions_percent={"C": Decimal("0.17")},
)
QUALITY = MachiningQuality(
    part_identifier="urn:part:1",
    devices=(MeasuringDevice(name="CMM", measures="length", unit="mm", range=(0.0, 500.0)),),
    runs=(
        MeasuringJob(
            start=NOON,
            order_numbers=("O1",),
            results=(Result(kind="linear", place=0, in_spec=True, values=(10.01,), unit="mm"),),
        ),
    ),
    linear=(
        LinearFeature(
            feature=Feature(name="Bore", procedure="three points"),
            nominal=Decimal(10),
            unit="mm",
            upper_tolerance=Decimal("0.02"),
        ),
    ),
)


def value_at(submodel: dict[str, object], path: str) -> object:
    way = found(submodel, path)
    assert way is not None, path
    return way[-1].get("value")


def test_a_certificate_says_what_was_given() -> None:
    built = steel_inspection.build("urn:s", CERTIFICATE)
    assert value_at(built, "OrderData.TypeOfInspectionDocument") == "3.1"
    assert value_at(built, "MechanicalTests.TensileTest00.YieldOrProofStrengthIndividualValues[0]") == "355.5"
    assert value_at(built, "ChemicalAnalysis.MassFraction_C") == "0.17"
    assert value_at(built, "Validation.StatementOfCompliance") == "true"
    assert found(built, "Validation.CEMarking") is None


def test_a_chemical_element_without_a_place_is_refused() -> None:
    with pytest.raises(AasValueError, match="Xx"):
        steel_inspection.build("urn:s", msgspec.structs.replace(CERTIFICATE, mass_fractions_percent={"Xx": Decimal(1)}))


def test_a_certificate_for_nobody_is_refused() -> None:
    with pytest.raises(AasValueError, match="customers"):
        steel_inspection.build("urn:s", msgspec.structs.replace(CERTIFICATE, customers=()))


def test_what_is_demanded_deep_inside_is_found() -> None:
    nameless = msgspec.structs.replace(PARTY, city="")
    with pytest.raises(AasValueError, match=r"Party\.city"):
        steel_inspection.build("urn:s", msgspec.structs.replace(CERTIFICATE, customers=(Customer(party=nameless),)))
    with pytest.raises(AasValueError, match="documents"):
        handover.build("urn:h", handover.HandoverDocumentation(documents=()))


def test_a_result_refers_to_its_feature_and_device() -> None:
    built = machining_quality.build("urn:q", QUALITY)
    reference = value_at(built, "MetrologyJobResults00.MetrologyResultsList[0].QualityFeatureReference")
    assert [key["value"] for key in reference["keys"]] == ["urn:q", "QualityFeatures", "LinearFeaturesList", "0"]  # type: ignore[index]
    assert value_at(built, "QualityFeatures.LinearFeaturesList[0].OneSided") == "true"


@pytest.mark.parametrize("change", [{"place": 1}, {"place": -1}, {"device": 1}, {"kind": "geometric"}])
def test_a_result_of_nothing_is_refused(change: dict[str, object]) -> None:
    run = QUALITY.runs[0]
    wrong = msgspec.structs.replace(run, results=(msgspec.structs.replace(run.results[0], **change),))
    with pytest.raises(AasValueError):
        machining_quality.build("urn:q", msgspec.structs.replace(QUALITY, runs=(wrong,)))


def test_statements_need_a_date() -> None:
    given = technical_data.TechnicalData(
        manufacturer_name="Works",
        product_designation={"en": "Shaft"},
        article_number="A1",
        order_code="O1",
        statements=({"en": "As is."},),
    )
    with pytest.raises(AasValueError, match="ValidDate"):
        technical_data.build("urn:t", given)
    dated = msgspec.structs.replace(given, valid_until=NOON.date())
    assert value_at(technical_data.build("urn:t", dated), "FurtherInformation.ValidDate") == "2026-11-25"


def test_more_datums_than_there_are_fields_are_refused() -> None:
    feature = machining_quality.GeometricFeature(
        feature=Feature(name="Bore", procedure="CMM"), type="position", datums=("A", "B", "C", "D")
    )
    with pytest.raises(AasValueError, match="DatumField"):
        machining_quality.build("urn:q", msgspec.structs.replace(QUALITY, geometric=(feature,)))


@pytest.mark.parametrize(
    "records", [((0, (Decimal(1), Decimal(2))),), ((0, ()),), tuple((second, (None,)) for second in range(2001))]
)
def test_records_that_do_not_fit_are_refused(records: tuple[tuple[int, tuple[Decimal | None, ...]], ...]) -> None:
    segment = time_series.InternalSegment(segment=time_series.Segment(), records=records)
    given = time_series.TimeSeries(
        name={"en": "Torque"},
        variables=(time_series.Variable(name="Torque", semantic_id="https://example.com/torque/1/0"),),
        internal=(segment,),
    )
    with pytest.raises(AasValueError):
        time_series.build("urn:t", given)
