"""Parties, order, product and heat treatment of a Metals certificate.

Source: Metals schemas 0.1.1.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec

from gaugeblock.exchange.material_certificate.metals_base import Metals
from gaugeblock.exchange.text_forms import COUNTRY, EMAIL, MOMENT, YEAR

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Count = Annotated[int, msgspec.Meta(ge=1)]
LengthUnit = Literal["mm", "in", "m", "ft"]


class Person(Metals, frozen=True, kw_only=True):
    """A contact."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"email": EMAIL}
    name: str
    role: str
    department: str | None = None
    email: str | None = None
    phone: str | None = None


class CompanyIdentifiers(Metals, frozen=True, kw_only=True):
    """What registers call a company."""

    cage_code: str | None = None
    vat: Annotated[str, msgspec.Meta(min_length=8, max_length=15)] | None = msgspec.field(default=None, name="VAT")
    duns: Annotated[str, msgspec.Meta(min_length=9, max_length=9)] | None = msgspec.field(default=None, name="DUNS")


class Party(Metals, frozen=True, kw_only=True):
    """A company with its address; ``logo`` is a picture as base64 or data URI."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"country": COUNTRY, "email": EMAIL}
    name: Short
    street: Annotated[tuple[Short, ...], msgspec.Meta(min_length=1, max_length=5)]
    zip_code: str
    city: str
    country: str
    district: Short | None = None
    state_province: Short | None = None
    email: str | None = None
    logo: str | None = None
    identifiers: CompanyIdentifiers | None = None
    contacts: tuple[Person, ...] | None = None


class Parties(Metals, frozen=True, kw_only=True):
    """Who makes, buys, receives."""

    manufacturer: Party
    customer: Party
    subcustomer: Party | None = None
    goods_receiver: Party | None = None
    certificate_receiver: Party | None = None


class Contract(Metals, frozen=True, kw_only=True):
    """The frame contract."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    date: datetime.date | None = None
    description: str | None = None


class Order(Metals, frozen=True, kw_only=True):
    """The customer's order position."""

    id: str
    position: str | None = None
    date: datetime.date | None = None
    quantity: Decimal | None = None
    quantity_unit: str | None = None
    customer_product_id: str | None = None
    customer_product_name: str | None = None
    goods_receipt_id: str | None = None


class Delivery(Metals, frozen=True, kw_only=True):
    """The delivery that the certificate goes with."""

    id: str
    quantity: Decimal
    quantity_unit: str
    position: str | None = None
    date: datetime.date | None = None
    internal_order_id: str | None = None
    internal_order_position: str | None = None
    transport: tuple[str, ...] | None = None


class BusinessTransaction(Metals, frozen=True, kw_only=True):
    """Order and delivery."""

    order: Order
    delivery: Delivery
    contract: Contract | None = None


class TransactionData(Metals, frozen=True, kw_only=True):
    """Parties and what they agreed."""

    parties: Parties
    business_transaction: BusinessTransaction


class Norm(Metals, frozen=True, kw_only=True):
    """A standard of the product or material; ``tolerance_class`` only of a product's."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"year": YEAR}
    standard: str
    year: str | None = None
    tolerance_class: str | None = None


class DesignationPart(Metals, frozen=True, kw_only=True):
    """A name or number within a system of designations."""

    value: str
    system: str | None = None


class MaterialDesignation(Metals, frozen=True, kw_only=True):
    """The material by name, by number, or both."""

    name: DesignationPart | None = None
    number: DesignationPart | None = None


_DIMENSIONS = (
    "length", "width", "thickness", "diameter", "outer_diameter", "inner_diameter", "wall_thickness", "height",
    "flange_width", "flange_thickness", "web_thickness",
)  # fmt: skip


class ProductShape(Metals, frozen=True, kw_only=True):
    """Form and nominal dimensions, in ``unit``."""

    above_zero: ClassVar[tuple[str, ...]] = (*_DIMENSIONS, "area", "mass_per_length")
    form: Literal[
        "Plate", "Sheet", "Coil", "Strip", "RoundBar", "SquareBar", "HexBar", "FlatBar", "Beam", "Channel", "Angle",
        "Tee", "ZProfile", "Tube", "Pipe", "Hollow", "Wire", "Forging", "Casting", "Other",
    ]  # fmt: skip
    unit: LengthUnit
    length: Decimal | None = None
    width: Decimal | None = None
    thickness: Decimal | None = None
    diameter: Decimal | None = None
    outer_diameter: Decimal | None = None
    inner_diameter: Decimal | None = None
    wall_thickness: Decimal | None = None
    height: Decimal | None = None
    flange_width: Decimal | None = None
    flange_thickness: Decimal | None = None
    web_thickness: Decimal | None = None
    area: Decimal | None = None
    mass_per_length: Decimal | None = None
    mass_per_length_unit: Literal["kg/m", "lb/ft"] | None = None
    other_dimensions: dict[str, Decimal] | None = None


class DeliveryCondition(Metals, frozen=True, kw_only=True):
    """How the material was treated before delivery: N, QT, …"""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]
    description: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    standard: str | None = None


class ToleranceRange(Metals, frozen=True, kw_only=True):
    """Deviations for a range of the dimension."""

    not_below_zero: ClassVar[tuple[str, ...]] = ("applies_to_min", "applies_to_max")
    applies_to_min: Decimal
    applies_to_max: Decimal
    upper_deviation: Decimal
    lower_deviation: Decimal


class DimensionTolerance(Metals, frozen=True, kw_only=True):
    """Both deviations, or a class, or ranges."""

    not_below_zero: ClassVar[tuple[str, ...]] = ("out_of_roundness_max",)
    upper_deviation: Decimal | None = None
    lower_deviation: Decimal | None = None
    unit: LengthUnit | None = None
    tolerance_class: str | None = None
    standard: str | None = None
    out_of_roundness_max: Decimal | None = None
    ranges: Annotated[tuple[ToleranceRange, ...], msgspec.Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError``: a tolerance that says nothing."""
        super().__post_init__()
        both = self.upper_deviation is not None and self.lower_deviation is not None
        if not both and self.tolerance_class is None and self.ranges is None:
            raise ValueError("a tolerance needs both deviations, a class or ranges")


class DimensionTolerances(Metals, frozen=True, kw_only=True):
    """Tolerances by dimension."""

    length: DimensionTolerance | None = None
    width: DimensionTolerance | None = None
    thickness: DimensionTolerance | None = None
    diameter: DimensionTolerance | None = None
    outer_diameter: DimensionTolerance | None = None
    inner_diameter: DimensionTolerance | None = None
    wall_thickness: DimensionTolerance | None = None
    height: DimensionTolerance | None = None
    flange_width: DimensionTolerance | None = None
    flange_thickness: DimensionTolerance | None = None
    web_thickness: DimensionTolerance | None = None


class DimensionalTolerances(Metals, frozen=True, kw_only=True):
    """Classes of a standard, and tolerances by dimension."""

    standard: str | None = None
    thickness_class: Literal["A", "B", "C", "D"] | None = None
    flatness_class: Literal["N", "S"] | None = None
    steel_type: Literal["L", "H"] | None = None
    edge_condition: Literal["G", "NK"] | None = None
    limited_camber_and_squareness: bool | None = None
    tolerances: DimensionTolerances | None = None


class RegionalCode(Metals, frozen=True, kw_only=True):
    """The customs code of one region."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"region": COUNTRY, "code": re.compile("[0-9]{8,10}")}
    region: str
    code: str
    system: Literal["CN8", "TARIC", "HTS", "NCM", "AHTN", "JCT"]
    description: str | None = None


class CustomsClassification(Metals, frozen=True, kw_only=True):
    """The six digits of the Harmonized System, and regions' longer codes."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"hs_code": re.compile("[0-9]{6}")}
    hs_code: str = msgspec.field(name="HSCode")
    standard_description: str
    regional_codes: tuple[RegionalCode, ...] | None = None


class SpecificationReference(Metals, frozen=True, kw_only=True):
    """The customer's or maker's specification."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"revision": re.compile(r"[A-Za-z0-9.\-/]+")}
    name: str
    revision: str
    revision_date: datetime.date | None = None
    creator: str | None = None
    base_standard: str | None = None


class PackagingAndMarking(Metals, frozen=True, kw_only=True):
    """How it is packed, marked and coloured."""

    marking: str | None = None
    packaging: str | None = None
    coloring: str | None = None
    special_instructions: str | None = None


class Product(Metals, frozen=True, kw_only=True):
    """What is certified: ``batch_id`` is the lot; ``weight`` in ``weight_unit``."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"country_of_origin": COUNTRY}
    above_zero: ClassVar[tuple[str, ...]] = ("quantity", "weight")
    name: str
    batch_id: str
    product_norms: tuple[Norm, ...] | None = None
    material_norms: tuple[Norm, ...] | None = None
    material_designations: tuple[MaterialDesignation, ...] | None = None
    shape: ProductShape | None = None
    tooling_id: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    surface_condition: str | None = None
    country_of_origin: str | None = None
    manufacturing_location: str | None = None
    production_date: datetime.date | None = None
    marking: str | None = None
    quantity: Decimal | None = None
    weight: Decimal | None = None
    weight_unit: Literal["kg", "t", "lb"] | None = None
    supplementary_standards: tuple[str, ...] | None = None
    customs_classification: CustomsClassification | None = None
    specification_reference: SpecificationReference | None = None
    delivery_condition: DeliveryCondition | None = None
    dimensional_tolerances: DimensionalTolerances | None = None
    packaging_and_marking: PackagingAndMarking | None = None


class HeatTreatmentStage(Metals, frozen=True, kw_only=True):
    """One stage: temperature in C, F or K; duration in s, min or h; rates in degrees a unit of duration."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"temperature_tolerance": re.compile(r"\+/-\d+[CFK]")}
    above_zero: ClassVar[tuple[str, ...]] = ("duration", "heating_rate", "cooling_rate")
    not_below_zero: ClassVar[tuple[str, ...]] = ("atmosphere_pressure",)
    stage_type: Literal[
        "Austenitizing", "Soaking", "Quenching", "Tempering", "Cooling", "Preheating", "Stress Relief", "Carburizing",
        "Diffusion",
    ]  # fmt: skip
    temperature: Decimal
    temperature_unit: Literal["C", "F", "K"]
    temperature_tolerance: str | None = None
    duration: Decimal | None = None
    duration_unit: Literal["s", "min", "h"] | None = None
    heating_rate: Decimal | None = None
    cooling_rate: Decimal | None = None
    cooling_medium: (
        Literal["Water", "Oil", "Air", "Forced Air", "Salt Bath", "Polymer", "Furnace", "Nitrogen", "Mist"] | None
    ) = None
    atmosphere_type: (
        Literal["Air", "Nitrogen", "Hydrogen", "Argon", "Vacuum", "Endothermic", "Exothermic", "Dissociated Ammonia"]
        | None
    ) = None
    atmosphere_pressure: Decimal | None = None
    atmosphere_pressure_unit: Literal["Pa", "mbar", "Torr", "psi"] | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError``: a temperature outside 20 to 1300."""
        super().__post_init__()
        if not 20 <= self.temperature <= 1300:
            raise ValueError("a stage's temperature lies between 20 and 1300")


class ProcessBundling(Metals, frozen=True, kw_only=True):
    """How the pieces lay in the furnace."""

    above_zero: ClassVar[tuple[str, ...]] = ("max_load_weight", "actual_load_weight")
    items_per_charge: Count | None = None
    arrangement_pattern: (
        Literal["stacked", "spaced", "hanging", "basket", "fixture", "single_layer", "multi_layer"] | None
    ) = None
    separator_type: Literal["ceramic_spacers", "steel_racks", "wire_mesh", "ceramic_plates", "none"] | None = None
    load_configuration: Literal["vertical", "horizontal", "angled", "mixed"] | None = None
    max_load_weight: Decimal | None = None
    actual_load_weight: Decimal | None = None
    weight_unit: Literal["kg", "t", "lbs", "MT"] | None = None


class QualityCheck(Metals, frozen=True, kw_only=True):
    """A check during heat treatment."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"timestamp": MOMENT}
    check_type: Literal[
        "Hardness", "Temperature", "Atmosphere", "Carbon Potential", "Dew Point", "Visual", "Dimensional"
    ]
    result: Annotated[str, msgspec.Meta(max_length=200)]
    method: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    timestamp: str | None = None


class HeatTreatment(Metals, frozen=True, kw_only=True):
    """The heat treatment of the lot."""

    forms: ClassVar[dict[str, re.Pattern[str]]] = {"process_start_time": MOMENT, "process_end_time": MOMENT}
    process: Literal[
        "Quenching", "Tempering", "Annealing", "Normalizing", "Quenching and Tempering", "Case Hardening",
        "Solution Treatment", "Stress Relief", "Age Hardening",
    ]  # fmt: skip
    heat_treatment_lot: Annotated[str, msgspec.Meta(max_length=100)]
    stages: Annotated[tuple[HeatTreatmentStage, ...], msgspec.Meta(min_length=1)]
    charge_number: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    process_bundling: ProcessBundling | None = None
    furnace_id: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    process_date: datetime.date | None = None
    process_start_time: str | None = None
    process_end_time: str | None = None
    equipment_certification: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    operator: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    quality_checks: tuple[QualityCheck, ...] | None = None
