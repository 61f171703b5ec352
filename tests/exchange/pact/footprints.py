"""Inputs of a footprint as a foundry would have them, for the tests of this folder."""

from __future__ import annotations

from gaugeblock.exchange.pact.calculation import Activity, FootprintInputs, Quality, calculate
from gaugeblock.exchange.pact.footprint import EmissionFactorSource, ProductFootprint

ECOINVENT = EmissionFactorSource(name="ecoinvent", version="3.11")
GOOD = Quality(technological="1", geographical="2", temporal="1")
FAIR = Quality(technological="3", geographical="2", temporal="2")


def impeller(**changes: object) -> FootprintInputs:
    """A year of pump impellers: own electricity and gas, bought steel, packaging, road freight."""
    fields: dict[str, object] = {
        "company_name": "Changzhou Precision Forging",
        "company_ids": ("urn:pact:czforge.example:company:1",),
        "product_name": "Pump impeller KG-5512",
        "product_ids": ("urn:pact:czforge.example:product:kg-5512",),
        "product_description": "Forged and machined pump impeller, 42CrMo4",
        "declared_unit": "piece",
        "units_produced": "1000",
        "mass_kg": "3.70",
        "period_start": "2025-01-01T00:00:00Z",
        "period_end": "2026-01-01T00:00:00Z",
        "created": "2026-02-01T00:00:00Z",
        "country": "CN",
        "classifications": ("urn:pact:productclassification:un-cpc:4321",),
        "activities": (
            Activity(
                name="electricity", amount="12000", unit="kWh", factor_kg_co2e="0.5366", primary=True, quality=GOOD,
            ),
            Activity(name="steel", amount="4100", unit="kg", factor_kg_co2e="1.9", source=ECOINVENT, quality=FAIR),
            Activity(
                name="carton", amount="200", unit="kg", factor_kg_co2e="1.1", kind="packaging", source=ECOINVENT,
                quality=FAIR,
            ),
            Activity(
                name="carton fibre", amount="200", unit="kg", factor_kg_co2e="-1.4", kind="biogenic_uptake",
                source=ECOINVENT,
            ),
        ),
    }  # fmt: skip
    return FootprintInputs(**(fields | changes))  # type: ignore[arg-type]


def footprint(**changes: object) -> ProductFootprint:
    """The footprint of :func:`impeller`."""
    return calculate(impeller(**changes))
