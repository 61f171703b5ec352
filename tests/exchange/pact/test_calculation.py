"""A footprint from activities: sums that a reader can add up again, primary share, quality, and a valid document."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.document_errors import DecimalTextError, FootprintFormError, FootprintInputError
from gaugeblock.exchange.pact.calculation import Activity, calculate
from gaugeblock.exchange.pact.footprint import read_footprint, write_footprint
from tests.exchange.pact.footprints import ECOINVENT, footprint, impeller

OPENAPI = Path(__file__).resolve().parents[3].parent / "shared/conformance/pact/v3-openapi.yaml"
needs_shared = pytest.mark.skipif(not OPENAPI.is_file(), reason="../shared/conformance/pact is not there")


@cache
def validator() -> jsonschema.Draft202012Validator:
    components = yaml.safe_load(OPENAPI.read_text("utf-8"))["components"]
    schema = {"$ref": "#/components/schemas/ProductFootprint", "components": components}
    return jsonschema.Draft202012Validator(schema)


def test_the_numbers() -> None:
    pcf = footprint().pcf
    assert pcf.fossil_ghg_emissions == "14.449200000"  # 6.4392 electricity + 7.79 steel + 0.22 packaging
    assert pcf.pcf_excluding_biogenic_uptake == "14.449200000"
    assert pcf.biogenic_co2_uptake == "-0.280000000"
    assert pcf.pcf_including_biogenic_uptake == "14.169200000"
    assert pcf.packaging_ghg_emissions == "0.220000000"
    assert pcf.packaging_emissions_included is True
    assert pcf.primary_data_share == "44.6"
    assert pcf.dqi is not None
    assert (pcf.dqi.technological, pcf.dqi.geographical, pcf.dqi.temporal) == ("2.1", "2.0", "1.6")
    assert pcf.secondary_emission_factor_sources == (ECOINVENT,)


@needs_shared
def test_it_is_valid_by_the_specification_and_read_again() -> None:
    raw = write_footprint(footprint())
    validator().validate(json.loads(raw))
    assert read_footprint(raw) == footprint()


def test_the_id_follows_from_the_inputs() -> None:
    assert footprint().id == footprint().id
    assert footprint(units_produced="1001").id != footprint().id


@needs_shared
@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**7),
            st.decimals(min_value=0, max_value=50, places=4),
            st.sampled_from(
                ["fossil", "land_use_change", "land_management", "biogenic_non_co2", "packaging", "outbound"]
            ),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 10**6),
)
def test_drawn_footprints_are_valid_and_add_up(drawn: list[tuple[int, Decimal, str, bool]], produced: int) -> None:
    activities = tuple(
        Activity(
            name="a",
            amount=str(amount),
            unit="u",
            factor_kg_co2e=format(factor, "f"),
            kind=kind,  # type: ignore[arg-type]
            primary=primary,
            source=ECOINVENT,
        )
        for amount, factor, kind, primary in drawn
    )
    result = calculate(impeller(activities=activities, units_produced=str(produced)))
    tree = json.loads(write_footprint(result))
    validator().validate(tree)
    pcf = tree["pcf"]
    parts = (
        "fossilGhgEmissions",
        "landUseChangeGhgEmissions",
        "landManagementBiogenicCO2Emissions",
        "biogenicNonCO2Emissions",
    )
    total = sum(Decimal(pcf.get(name, "0")) for name in parts)
    assert total == Decimal(pcf["pcfExcludingBiogenicUptake"])
    exact = sum((Decimal(amount) * factor for amount, factor, _, _ in drawn), Decimal(0)) / produced
    assert abs(total - exact) < Decimal("0.00000001")
    assert 0 <= Decimal(pcf["primaryDataShare"]) <= 100


@pytest.mark.parametrize(
    "changes",
    [
        {"activities": ()},
        {"units_produced": "0"},
        {"company_ids": ()},
        {"activities": (Activity(name="x", amount="1", unit="kg", factor_kg_co2e="1"),)},
        {"activities": (Activity(name="x", amount="-1", unit="kg", factor_kg_co2e="1", primary=True),)},
        {"activities": (Activity(name="x", amount="1", unit="kg", factor_kg_co2e="-1", primary=True),)},
        {
            "activities": (
                Activity(name="x", amount="1", unit="kg", factor_kg_co2e="1", kind="biogenic_uptake", primary=True),
            )
        },
    ],
)
def test_inputs_that_say_nothing_are_named(changes: dict[str, object]) -> None:
    with pytest.raises(FootprintInputError):
        footprint(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"country": "China"},
        {"period_start": "2027-01-01T00:00:00Z"},
        {"period_end": "2026"},
        {"product_ids": ("kg-5512",)},
        {"product_ids": ("urn:a:b", "urn:a:b")},
        {"company_name": ""},
        {"characterization": ("IPCC",)},
        {"created": "now"},
    ],
)
def test_what_pact_does_not_take_is_named(changes: dict[str, object]) -> None:
    with pytest.raises(FootprintFormError):
        read_footprint(write_footprint(footprint(**changes)))


def test_numbers_in_words_are_named() -> None:
    with pytest.raises(DecimalTextError):
        footprint(mass_kg="about 4")
    with pytest.raises(FootprintFormError):
        read_footprint(b"{}")
    with pytest.raises(FootprintFormError):
        read_footprint(b" " * 2_000_000)


def test_validity_is_three_years_from_the_end_of_the_period() -> None:
    start, end = footprint().validity()
    assert (start.isoformat(), end.isoformat()) == ("2026-01-01T00:00:00+00:00", "2029-01-01T00:00:00+00:00")
    _, leap = footprint(period_end="2024-02-29T00:00:00Z", period_start="2024-01-01T00:00:00Z").validity()
    assert leap.isoformat() == "2027-02-28T00:00:00+00:00"
