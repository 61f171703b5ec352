"""A footprint calculated from what a product consumed in a period: activity × emission factor, per declared unit.

Each activity (electricity, gas, a material bought) has an amount in the period and an emission factor. Emissions are
summed by kind, divided by the units produced, and rounded to a microgram; the totals are the sums of the rounded kinds,
so that a reader's own addition gives what is stated.

The primary data share is the part of the emissions that rests on activity data and factors measured in the own or the
supplier's operation. Data quality ratings are averaged by emissions.

Source: PACT Methodology 3, sections 3.3.1 (calculation), 4.2.2 (primary data share), 4.2.3 (data quality).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Literal

import msgspec

from gaugeblock.exchange.decimal_text import decimal_of, plain
from gaugeblock.exchange.document_errors import FootprintFormError, FootprintInputError
from gaugeblock.exchange.pact.footprint import (
    SPEC_VERSION,
    CarbonFootprint,
    DataQuality,
    DeclaredUnit,
    EmissionFactorSource,
    ProductFootprint,
    footprint_id,
)

STEP = Decimal("0.000000001")
"""Kilograms: a microgram."""
MAX_ACTIVITIES = 10_000

Kind = Literal[
    "fossil", "land_use_change", "land_management", "biogenic_non_co2", "biogenic_uptake", "packaging", "outbound",
    "aircraft",
]  # fmt: skip
_OF_FOSSIL: tuple[Kind, ...] = ("fossil", "packaging", "outbound", "aircraft")
"""Kinds that fossil emissions include; packaging, outbound logistics and aircraft are stated again by themselves."""
_BESIDE: tuple[Kind, ...] = ("land_use_change", "land_management", "biogenic_non_co2")


class _Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: immutable, closed."""


class Quality(_Input, frozen=True, kw_only=True):
    """Ratings from 1 (best) to 5, decimal text."""

    technological: str
    geographical: str
    temporal: str


class Activity(_Input, frozen=True, kw_only=True):
    """Something consumed in the period.

    Parameters
    ----------
    amount, unit
        In the whole period, decimal text: 1840.5 ``kWh``.
    factor_kg_co2e
        Kilograms of CO₂ equivalents a unit, decimal text; below zero only for ``biogenic_uptake``.
    kind
        Which emissions they are.
    primary
        Measured in the own operation or the supplier's, and not taken from a data base.
    source
        Where the factor comes from, unless it is primary.
    """

    name: str
    amount: str
    unit: str
    factor_kg_co2e: str
    kind: Kind = "fossil"
    primary: bool = False
    source: EmissionFactorSource | None = None
    quality: Quality | None = None


class FootprintInputs(_Input, frozen=True, kw_only=True):
    """A product and its period.

    Parameters
    ----------
    declared_unit, declared_amount
        What the footprint is of: 1 ``piece``.
    units_produced
        Declared units that left the gate in the period, decimal text.
    mass_kg
        Of one declared unit without packaging.
    period_start, period_end, created
        RFC 3339.
    """

    company_name: str
    company_ids: tuple[str, ...]
    product_name: str
    product_ids: tuple[str, ...]
    product_description: str
    declared_unit: DeclaredUnit
    units_produced: str
    mass_kg: str
    period_start: str
    period_end: str
    created: str
    activities: tuple[Activity, ...]
    declared_amount: str = "1"
    country: str | None = None
    country_subdivision: str | None = None
    boundary: str | None = None
    allocation: str | None = None
    fossil_carbon_content_kg: str = "0"
    biogenic_carbon_content_kg: str | None = None
    exempted_percent: str = "0"
    exempted_description: str | None = None
    classifications: tuple[str, ...] = ()
    comment: str | None = None
    preceding: tuple[str, ...] = ()
    standards: tuple[str, ...] = ("PACT Methodology 3.0",)
    characterization: tuple[str, ...] = ("AR6",)


class Emissions(_Input, frozen=True, kw_only=True):
    """What activities emit, kg CO₂e per declared unit.

    Parameters
    ----------
    of_activities
        Of each, in their order, not rounded.
    by_kind
        Rounded; the totals are their sums.
    primary_share_percent
        Decimal text.
    """

    of_activities: tuple[Decimal, ...]
    by_kind: dict[Kind, Decimal]
    fossil: Decimal
    excluding_uptake: Decimal
    including_uptake: Decimal
    primary_share_percent: str
    quality: DataQuality | None


def emissions_of(activities: Sequence[Activity], units_produced: str = "1") -> Emissions:
    """What activities emit for each of the units that were produced.

    Raises
    ------
    DecimalTextError, FootprintInputError

    Examples
    --------
    >>> grid = EmissionFactorSource(name="National grid", version="2024")
    >>> power = Activity(name="power", amount="2.4", unit="kWh", factor_kg_co2e="0.5", source=grid)
    >>> steel = Activity(name="steel", amount="1", unit="piece", factor_kg_co2e="3.6", primary=True)
    >>> found = emissions_of((power, steel))
    >>> str(found.fossil), found.primary_share_percent
    ('4.800000000', '75.0')
    """
    _check_activities(activities)
    produced = decimal_of(units_produced, "units_produced")
    if produced <= 0:
        raise FootprintInputError(where="units_produced", detail=units_produced)
    with localcontext() as context:
        context.prec = 60
        emitted = [
            (one, decimal_of(one.amount, one.name) * decimal_of(one.factor_kg_co2e, one.name) / produced)
            for one in activities
        ]
        by_kind: dict[Kind, Decimal] = {
            kind: _round(sum((kg for one, kg in emitted if one.kind == kind), Decimal(0)))
            for kind in {one.kind for one in activities}
        }
        fossil = sum((by_kind.get(kind, Decimal(0)) for kind in _OF_FOSSIL), Decimal(0))
        excluding = sum((by_kind.get(kind, Decimal(0)) for kind in _BESIDE), fossil)
        counted = [(one, kg) for one, kg in emitted if one.kind != "biogenic_uptake"]
        return Emissions(
            of_activities=tuple(kg for _, kg in emitted),
            by_kind=by_kind,
            fossil=fossil,
            excluding_uptake=excluding,
            including_uptake=excluding + by_kind.get("biogenic_uptake", Decimal(0)),
            primary_share_percent=_share(counted),
            quality=_quality(counted),
        )


def calculate(inputs: FootprintInputs) -> ProductFootprint:
    """The footprint that the inputs come to.

    Raises
    ------
    DecimalTextError, FootprintInputError
        Inputs that say nothing: no activity, nothing produced, secondary data without its source.
    FootprintFormError
        Identifiers, times or places that PACT does not take.
    """
    if not inputs.company_ids or not inputs.product_ids:
        raise FootprintInputError(where="company_ids, product_ids", detail="0")
    emitted = emissions_of(inputs.activities, inputs.units_produced)
    by_kind = emitted.by_kind
    secondary = {(one.source.name, one.source.version) for one in inputs.activities if one.source and not one.primary}

    def stated(kind: Kind) -> str | None:
        return plain(by_kind[kind]) if kind in by_kind else None

    try:
        pcf = CarbonFootprint(
            declared_unit_of_measurement=inputs.declared_unit,
            declared_unit_amount=inputs.declared_amount,
            product_mass_per_declared_unit=plain(decimal_of(inputs.mass_kg, "mass_kg")),
            reference_period_start=inputs.period_start,
            reference_period_end=inputs.period_end,
            geography_country=inputs.country if inputs.country_subdivision is None else None,
            geography_country_subdivision=inputs.country_subdivision,
            boundary_processes_description=inputs.boundary,
            pcf_excluding_biogenic_uptake=plain(emitted.excluding_uptake),
            pcf_including_biogenic_uptake=plain(emitted.including_uptake),
            fossil_ghg_emissions=plain(emitted.fossil),
            fossil_carbon_content=plain(decimal_of(inputs.fossil_carbon_content_kg, "fossil_carbon_content_kg")),
            biogenic_carbon_content=inputs.biogenic_carbon_content_kg,
            land_use_change_ghg_emissions=stated("land_use_change"),
            land_management_biogenic_co2_emissions=stated("land_management"),
            biogenic_non_co2_emissions=stated("biogenic_non_co2"),
            biogenic_co2_uptake=stated("biogenic_uptake"),
            aircraft_ghg_emissions=stated("aircraft"),
            packaging_emissions_included="packaging" in by_kind,
            packaging_ghg_emissions=stated("packaging"),
            outbound_logistics_ghg_emissions=stated("outbound"),
            ccs_technological_co2_capture_included=False,
            ipcc_characterization_factors=inputs.characterization,
            cross_sectoral_standards=inputs.standards,
            exempted_emissions_percent=plain(decimal_of(inputs.exempted_percent, "exempted_percent")),
            exempted_emissions_description=inputs.exempted_description,
            allocation_rules_description=inputs.allocation,
            secondary_emission_factor_sources=tuple(
                EmissionFactorSource(name=name, version=version) for name, version in sorted(secondary)
            )
            or None,
            primary_data_share=emitted.primary_share_percent,
            dqi=emitted.quality,
        )
        return ProductFootprint(
            id=footprint_id(inputs),
            spec_version=SPEC_VERSION,
            created=inputs.created,
            status="Active",
            company_name=inputs.company_name,
            company_ids=inputs.company_ids,
            product_description=inputs.product_description,
            product_ids=inputs.product_ids,
            product_name_company=inputs.product_name,
            product_classifications=inputs.classifications or None,
            preceding_pf_ids=inputs.preceding or None,
            comment=inputs.comment,
            pcf=pcf,
        )
    except ValueError as fault:
        raise FootprintFormError(where=inputs.product_name[:60], detail=str(fault)) from fault


def _round(kg: Decimal) -> Decimal:
    return kg.quantize(STEP, ROUND_HALF_EVEN)


def _check_activities(activities: Sequence[Activity]) -> None:
    if not 0 < len(activities) <= MAX_ACTIVITIES:
        raise FootprintInputError(where="activities", detail=str(len(activities)))
    for one in activities:
        amount, factor = decimal_of(one.amount, one.name), decimal_of(one.factor_kg_co2e, one.name)
        if amount < 0 or (factor > 0 if one.kind == "biogenic_uptake" else factor < 0):
            raise FootprintInputError(where=one.name[:60], detail=f"{one.amount} × {one.factor_kg_co2e}")
        if not one.primary and one.source is None:
            raise FootprintInputError(where=one.name[:60], detail="source")


def _share(counted: Sequence[tuple[Activity, Decimal]]) -> str:
    """Percent of the emissions that rest on primary data; of none, none."""
    total = sum((kg for _, kg in counted), Decimal(0))
    if not total:
        return "0.0"
    primary = sum((kg for one, kg in counted if one.primary), Decimal(0))
    return plain((100 * primary / total).quantize(Decimal("0.1"), ROUND_HALF_EVEN))


def _quality(counted: Sequence[tuple[Activity, Decimal]]) -> DataQuality | None:
    """Ratings averaged by emissions; unknown where an activity that emits has none."""
    total = sum((kg for _, kg in counted), Decimal(0))
    if not total or any(one.quality is None and kg for one, kg in counted):
        return None

    def mean(name: str) -> str:
        rated = sum(
            (kg * decimal_of(getattr(one.quality, name), one.name) for one, kg in counted if one.quality is not None),
            Decimal(0),
        )
        return plain((rated / total).quantize(Decimal("0.1"), ROUND_HALF_EVEN))

    return DataQuality(
        technological=mean("technological"), geographical=mean("geographical"), temporal=mean("temporal")
    )
