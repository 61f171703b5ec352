"""The data model of PACT 3: a product's carbon footprint, with decimals as text and times in RFC 3339.

Source: PACT Technical Specifications 3.0.3 (WBCSD), data model; PACT Methodology 3, section 3 and 4.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from gaugeblock.exchange.document_errors import FootprintFormError
from gaugeblock.exchange.text_forms import COUNTRY, MOMENT, URI, check_forms, moment_of
from gaugeblock.plant.canonical_json import canonical_json

SPEC_VERSION: Final = "3.0.3"
MAX_BYTES = 2**20
VALID_YEARS = 3
"""A footprint without a stated validity is valid for so long from the end of its reference period."""

_URN = re.compile(r"[uU][rR][nN]:\S{1,1024}")
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DECIMAL = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)
_NOT_NEGATIVE = re.compile(r"\+?\d{1,40}(\.\d{1,40})?", re.ASCII)
_NOT_POSITIVE = re.compile(r"-\d{1,40}(\.\d{1,40})?|0+(\.0+)?", re.ASCII)
_ABOVE_ZERO = re.compile(r"\+?(?=[0.]*[1-9])\d{1,40}(\.\d{1,40})?", re.ASCII)

DeclaredUnit = Literal[
    "liter", "kilogram", "cubic meter", "kilowatt hour", "megajoule", "ton kilometer", "square meter", "piece", "hour",
    "megabit second",
]  # fmt: skip
Region = Literal[
    "Africa", "Americas", "Asia", "Europe", "Oceania", "Australia and New Zealand", "Central Asia", "Eastern Asia",
    "Eastern Europe", "Latin America and the Caribbean", "Melanesia", "Micronesia", "Northern Africa",
    "Northern America", "Northern Europe", "Polynesia", "South-eastern Asia", "Southern Asia", "Southern Europe",
    "Sub-Saharan Africa", "Western Asia", "Western Europe",
]  # fmt: skip


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Base: immutable, absent where ``None``; subclasses name the forms of their texts."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {}

    def __post_init__(self) -> None:
        """Raises ``ValueError``, which msgspec reports with its place."""
        check_forms(self, self.forms)
        self._check()

    def _check(self) -> None:
        """The type's own rules."""


Some = msgspec.Meta(min_length=1)


class EmissionFactorSource(_Part, frozen=True, kw_only=True):
    """A data base of emission factors, such as ecoinvent 3.11."""

    name: Annotated[str, Some]
    version: Annotated[str, Some]


class SectorRule(_Part, frozen=True, kw_only=True):
    """Rules for the product or sector; ``other_operator_name`` where the operator is ``Other``."""

    operator: Literal["PEF", "EPD International", "Other"]
    rule_names: Annotated[tuple[str, ...], Some]
    other_operator_name: Annotated[str, Some] | None = None


class DataQuality(_Part, frozen=True, kw_only=True):
    """Data quality ratings, 1 (best) to 5."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        "technological": _NOT_NEGATIVE, "geographical": _NOT_NEGATIVE, "temporal": _NOT_NEGATIVE,
    }  # fmt: skip
    technological: str = msgspec.field(name="technologicalDQR")
    geographical: str = msgspec.field(name="geographicalDQR")
    temporal: str = msgspec.field(name="temporalDQR")


class Verification(_Part, frozen=True, kw_only=True):
    """Whether and by whom the footprint was verified."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"completed_at": MOMENT}
    coverage: Literal["PCF calculation model", "PCF program", "product level"] | None = None
    provider_name: str | None = None
    completed_at: str | None = None
    standard_name: str | None = None
    comments: str | None = None


class Extension(_Part, frozen=True, kw_only=True):
    """A data model extension."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"data_schema": URI, "documentation": URI}
    spec_version: str
    data_schema: str
    data: dict[str, object]
    documentation: str | None = None


_NOT_NEGATIVE_FIELDS = (
    "fossil_carbon_content", "biogenic_carbon_content", "recycled_carbon_content", "fossil_ghg_emissions",
    "land_use_change_ghg_emissions", "land_carbon_leakage", "land_management_fossil_ghg_emissions",
    "land_management_biogenic_co2_emissions", "biogenic_non_co2_emissions", "land_area_occupation",
    "aircraft_ghg_emissions", "packaging_ghg_emissions", "packaging_biogenic_carbon_content",
    "outbound_logistics_ghg_emissions", "ccu_carbon_content",
)  # fmt: skip
_NOT_POSITIVE_FIELDS = (
    "land_management_biogenic_co2_removals", "biogenic_co2_uptake", "ccs_technological_co2_capture",
    "technological_co2_removals",
)  # fmt: skip


def _field(name: str) -> str | None:
    return msgspec.field(default=None, name=name)


class CarbonFootprint(_Part, frozen=True, kw_only=True):
    """The footprint of one declared unit: emissions in kg CO₂e, carbon contents in kg C, both per declared unit."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        "declared_unit_amount": _ABOVE_ZERO,
        "product_mass_per_declared_unit": _DECIMAL,
        "reference_period_start": MOMENT,
        "reference_period_end": MOMENT,
        "pcf_excluding_biogenic_uptake": _DECIMAL,
        "pcf_including_biogenic_uptake": _DECIMAL,
        "exempted_emissions_percent": _DECIMAL,
        "primary_data_share": _DECIMAL,
        "geography_country": COUNTRY,
        "geography_country_subdivision": re.compile("[A-Z]{2}-[A-Z0-9]{1,3}"),
        "ipcc_characterization_factors": re.compile(r"AR\d+", re.ASCII),
        "ccu_credit_certification": URI,
        **dict.fromkeys(_NOT_NEGATIVE_FIELDS, _NOT_NEGATIVE),
        **dict.fromkeys(_NOT_POSITIVE_FIELDS, _NOT_POSITIVE),
    }
    declared_unit_of_measurement: DeclaredUnit
    declared_unit_amount: str
    product_mass_per_declared_unit: str
    reference_period_start: str
    reference_period_end: str
    pcf_excluding_biogenic_uptake: str
    pcf_including_biogenic_uptake: str
    fossil_ghg_emissions: str
    fossil_carbon_content: str
    ipcc_characterization_factors: Annotated[tuple[str, ...], Some]
    cross_sectoral_standards: Annotated[tuple[str, ...], Some]
    exempted_emissions_percent: str
    geography_region_or_subregion: Region | None = None
    geography_country: str | None = None
    geography_country_subdivision: str | None = None
    boundary_processes_description: str | None = None
    biogenic_carbon_content: str | None = None
    recycled_carbon_content: str | None = None
    land_use_change_ghg_emissions: str | None = None
    land_carbon_leakage: str | None = None
    land_management_fossil_ghg_emissions: str | None = None
    land_management_biogenic_co2_emissions: str | None = _field("landManagementBiogenicCO2Emissions")
    land_management_biogenic_co2_removals: str | None = _field("landManagementBiogenicCO2Removals")
    biogenic_co2_uptake: str | None = _field("biogenicCO2Uptake")
    biogenic_non_co2_emissions: str | None = _field("biogenicNonCO2Emissions")
    land_area_occupation: str | None = None
    aircraft_ghg_emissions: str | None = None
    packaging_emissions_included: bool | None = None
    packaging_ghg_emissions: str | None = None
    packaging_biogenic_carbon_content: str | None = None
    outbound_logistics_ghg_emissions: str | None = None
    ccs_technological_co2_capture_included: bool | None = msgspec.field(
        default=None, name="ccsTechnologicalCO2CaptureIncluded"
    )
    ccs_technological_co2_capture: str | None = _field("ccsTechnologicalCO2Capture")
    technological_co2_capture_origin: str | None = _field("technologicalCO2CaptureOrigin")
    technological_co2_removals: str | None = _field("technologicalCO2Removals")
    ccu_carbon_content: str | None = None
    ccu_calculation_approach: Literal["Cut-off", "Credit"] | None = None
    ccu_credit_certification: str | None = None
    product_or_sector_specific_rules: Annotated[tuple[SectorRule, ...], Some] | None = None
    exempted_emissions_description: str | None = None
    allocation_rules_description: str | None = None
    secondary_emission_factor_sources: Annotated[tuple[EmissionFactorSource, ...], Some] | None = None
    primary_data_share: str | None = None
    dqi: DataQuality | None = None
    verification: Verification | None = None

    def _check(self) -> None:
        places = (self.geography_region_or_subregion, self.geography_country, self.geography_country_subdivision)
        if sum(place is not None for place in places) > 1:
            raise ValueError("a footprint states a region, a country or a subdivision, and only one of them")
        if moment_of(self.reference_period_start) > moment_of(self.reference_period_end):
            raise ValueError("the reference period ends before it starts")
        if self.packaging_emissions_included is False and self.packaging_ghg_emissions is not None:
            raise ValueError("packaging emissions are stated though they are not included")


class ProductFootprint(_Part, frozen=True, kw_only=True):
    """A product's footprint: it never changes; another calculation is another footprint with another ``id``."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {
        "id": _UUID,
        "spec_version": re.compile(r"\d+\.\d+\.\d+(-\d{8})?", re.ASCII),
        "preceding_pf_ids": _UUID,
        "created": MOMENT,
        "validity_period_start": MOMENT,
        "validity_period_end": MOMENT,
        "company_ids": _URN,
        "product_ids": _URN,
        "product_classifications": _URN,
    }
    id: str
    spec_version: str
    created: str
    status: Literal["Active", "Deprecated"]
    company_name: Annotated[str, Some]
    company_ids: Annotated[tuple[str, ...], Some]
    product_description: str
    product_ids: Annotated[tuple[str, ...], Some]
    product_name_company: Annotated[str, Some]
    pcf: CarbonFootprint
    preceding_pf_ids: Annotated[tuple[str, ...], Some] | None = None
    validity_period_start: str | None = None
    validity_period_end: str | None = None
    product_classifications: Annotated[tuple[str, ...], Some] | None = None
    comment: str | None = None
    extensions: tuple[Extension, ...] | None = None

    def _check(self) -> None:
        for name in ("company_ids", "product_ids", "product_classifications", "preceding_pf_ids"):
            values = getattr(self, name)
            if values is not None and len(set(values)) != len(values):
                raise ValueError(f"{name} holds a value twice")

    def validity(self) -> tuple[datetime, datetime]:
        """From when until when it may be used: as stated, else three years from the end of the reference period."""
        start = moment_of(self.validity_period_start or self.pcf.reference_period_end)
        if self.validity_period_end is not None:
            return start, moment_of(self.validity_period_end)
        end = moment_of(self.pcf.reference_period_end)
        day = 28 if (end.month, end.day) == (2, 29) else end.day
        return start, end.replace(year=end.year + VALID_YEARS, day=day)


_decoder = msgspec.json.Decoder(ProductFootprint)
_encoder = msgspec.json.Encoder()


def read_footprint(raw: bytes) -> ProductFootprint:
    """A footprint from JSON.

    Raises
    ------
    FootprintFormError
    """
    if len(raw) > MAX_BYTES:
        raise FootprintFormError(where="$", detail=f"more than {MAX_BYTES} bytes")
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError as fault:
        detail, _, place = str(fault).partition(" - at `")
        raise FootprintFormError(where=place.rstrip("`") or "$", detail=detail) from fault


def write_footprint(footprint: ProductFootprint) -> bytes:
    """A footprint as JSON."""
    return _encoder.encode(footprint)


def footprint_id(content: object) -> str:
    """An id that names a footprint's content: what changes gets another, what is calculated again the same.

    A name-based UUID (RFC 9562, version 5) over the canonical JSON of the content.

    >>> footprint_id({"product": "P1"}) == footprint_id({"product": "P1"})
    True
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, canonical_json(content).decode("utf-8")))
