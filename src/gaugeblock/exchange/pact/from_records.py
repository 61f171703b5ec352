"""Footprints that a customer may see, as PACT says them. Pure: from a view to documents of the standard."""

from __future__ import annotations

from decimal import localcontext
from typing import Any, Final, get_args
from urllib.parse import quote

from gaugeblock.exchange.decimal_text import decimal_of, plain
from gaugeblock.exchange.document_errors import DecimalTextError
from gaugeblock.exchange.pact.footprint import (
    SPEC_VERSION,
    CarbonFootprint,
    DeclaredUnit,
    EmissionFactorSource,
    ProductFootprint,
    Region,
    footprint_id,
)
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import FootprintView

PAGE = 500
STANDARDS = ("PACT Methodology 3.0",)

DEMANDED: Final = (
    "begin",
    "end",
    "kg_co2e_per_unit",
    "declared_unit",
    "declared_amount",
    "mass_kg_per_unit",
    "fossil_carbon_content_kg_per_unit",
    "biogenic_uptake_kg_co2e_per_unit",
    "exempted_emissions_percent",
    "methods",
    "characterization",
    "geography",
)
"""What PACT demands of a footprint and a record may leave open. Nothing is put in its place."""
MALFORMED: Final = "form"


def footprints_of(view: CustomerView, company: str, origin: str) -> list[tuple[ProductFootprint, int]]:
    """The footprints that the view holds and that PACT can say, each with its record's index.

    One that does not state what PACT demands, or whose contract does not permit it, is left out: nothing is made up.
    See :func:`gaps_of`.

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
        found += [
            (_footprint(one, _carbon(one), company, origin), one.record_index) for one in page.items if not gaps_of(one)
        ]
        if page.next is None:
            return found
        before = int(page.next)


def gaps_of(one: FootprintView) -> tuple[str, ...]:
    """Why PACT cannot say a footprint: the fields that it demands and that are not stated, or :data:`MALFORMED` where
    one is stated in a form that PACT does not take. Empty: it can.

    Examples
    --------
    >>> bare = FootprintView(record_index=0, stated_at="2026-01-01T00:00:00Z", product="P1", kg_co2e_per_unit="1.2")
    >>> "mass_kg_per_unit" in gaps_of(bare), "kg_co2e_per_unit" in gaps_of(bare)
    (True, False)
    """
    missing = tuple(name for name in DEMANDED if not getattr(one, name))
    if missing:
        return missing
    try:
        _carbon(one)
    except (ValueError, DecimalTextError):
        return (MALFORMED,)
    return ()


def _carbon(one: FootprintView) -> CarbonFootprint:
    """Raises ``ValueError`` or :class:`DecimalTextError` of a value that PACT does not take."""
    value = _stated(one.kg_co2e_per_unit)
    uptake = decimal_of(_stated(one.biogenic_uptake_kg_co2e_per_unit), "biogenic_uptake")
    if uptake > 0:
        raise ValueError("an uptake above zero")
    with localcontext() as context:
        context.prec = 100
        including = plain(decimal_of(value, "kg_co2e_per_unit") + uptake)
    return CarbonFootprint(
        declared_unit_of_measurement=_unit(one.declared_unit),
        declared_unit_amount=_stated(one.declared_amount),
        product_mass_per_declared_unit=_stated(one.mass_kg_per_unit),
        reference_period_start=_stated(one.begin),
        reference_period_end=_stated(one.end),
        pcf_excluding_biogenic_uptake=value,
        pcf_including_biogenic_uptake=including,
        fossil_ghg_emissions=value,
        fossil_carbon_content=_stated(one.fossil_carbon_content_kg_per_unit),
        biogenic_co2_uptake=plain(uptake),
        ipcc_characterization_factors=one.characterization,
        cross_sectoral_standards=one.methods,
        exempted_emissions_percent=_stated(one.exempted_emissions_percent),
        primary_data_share=one.primary_data_share_percent,
        secondary_emission_factor_sources=_sources(one) or None,
        **_place(_stated(one.geography)),
    )


def _stated(value: str | None) -> str:
    if not value:
        raise ValueError("not stated")
    return value


def _unit(name: str | None) -> DeclaredUnit:
    unit: DeclaredUnit | None = next((known for known in get_args(DeclaredUnit) if known == name), None)
    if unit is None:
        raise ValueError("a unit that PACT does not have")
    return unit


def _place(geography: str) -> dict[str, Any]:
    """A country, a subdivision of one, or a region: told by its form."""
    if geography in get_args(Region):
        return {"geography_region_or_subregion": geography}
    return {"geography_country_subdivision" if "-" in geography else "geography_country": geography}


def _sources(one: FootprintView) -> tuple[EmissionFactorSource, ...]:
    """Data bases that were used, where they are named with their version."""
    stated = [(one.grid_factor_source, one.grid_factor_version)]
    if not one.material_primary:
        stated.append((one.material_factor_source, one.material_factor_version))
    named = dict.fromkeys((name, version) for name, version in stated if name and version)
    return tuple(EmissionFactorSource(name=name, version=version) for name, version in named)


def _footprint(one: FootprintView, pcf: CarbonFootprint, company: str, origin: str) -> ProductFootprint:
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
        comment=f"Stated by record {one.record_index} of the log {origin}.",
    )
