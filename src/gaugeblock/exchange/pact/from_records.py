"""Footprints that a customer may see, as PACT says them. Pure: from a view to documents of the standard."""

from __future__ import annotations

from typing import get_args
from urllib.parse import quote

from gaugeblock.exchange.pact.footprint import (
    SPEC_VERSION,
    CarbonFootprint,
    DeclaredUnit,
    ProductFootprint,
    footprint_id,
)
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import FootprintView

PAGE = 500
STANDARDS = ("PACT Methodology 3.0",)
CHARACTERIZATION = ("AR6",)


def footprints_of(view: CustomerView, company: str, origin: str) -> list[tuple[ProductFootprint, int]]:
    """The footprints that the view holds and that PACT can say, each with its record's index.

    One without its mass, its period or its value is left out: PACT demands them, and nothing is made up.

    Parameters
    ----------
    company
        The plant's name.
    origin
        Of its log: the base of the identifiers.
    """
    found: list[tuple[ProductFootprint, int]] = []
    before: int | None = None
    while True:
        page = view.footprints(before=before, limit=PAGE)
        for one in page.items:
            footprint = _footprint(one, company, origin)
            if footprint is not None:
                found.append((footprint, one.record_index))
        if page.next is None:
            return found
        before = int(page.next)


def _footprint(one: FootprintView, company: str, origin: str) -> ProductFootprint | None:
    value, mass, begin, end = one.kg_co2e_per_unit, one.mass_kg_per_unit, one.begin, one.end
    unit = next((known for known in get_args(DeclaredUnit) if known == one.declared_unit), None)
    if value is None or mass is None or begin is None or end is None or unit is None:
        return None
    country = one.geography if one.geography and len(one.geography) == 2 else None
    pcf = CarbonFootprint(
        declared_unit_of_measurement=unit,
        declared_unit_amount=one.declared_amount or "1",
        product_mass_per_declared_unit=mass,
        reference_period_start=begin,
        reference_period_end=end,
        pcf_excluding_biogenic_uptake=value,
        pcf_including_biogenic_uptake=value,
        fossil_ghg_emissions=value,
        fossil_carbon_content="0",
        ipcc_characterization_factors=CHARACTERIZATION,
        cross_sectoral_standards=one.methods or STANDARDS,
        exempted_emissions_percent="0",
        geography_country=country,
        geography_region_or_subregion=None if country else "Asia",
        primary_data_share=one.primary_data_share_percent,
    )
    name = quote(one.product, safe="")
    return ProductFootprint(
        id=footprint_id({"log": origin, "record": one.record_index}),
        spec_version=SPEC_VERSION,
        created=one.stated_at,
        status="Active",
        company_name=company,
        company_ids=(f"urn:gaugeblock:log:{quote(origin, safe='')}",),
        product_description=one.product,
        product_ids=(f"urn:gaugeblock:product:{quote(origin, safe='')}:{name}",),
        product_name_company=one.product,
        pcf=pcf,
        comment=(
            f"Stated by record {one.record_index} of the log {origin}. "
            "Fossil carbon content and exempted emissions were not measured and are given as 0."
        ),
    )
