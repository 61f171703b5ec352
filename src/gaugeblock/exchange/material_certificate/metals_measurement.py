"""Measurements of a Metals certificate: what was measured, the result, and its limits.

A result is one of six kinds, told apart by ``ResultType``: a number, yes or no, text, a range, a series over a
parameter, several values with their statistics.

Source: Metals schemas 0.1.1.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec

from gaugeblock.exchange.material_certificate.metals_base import Metals

Interpretation = Literal["In Specification", "Out of Specification", "Conditionally Acceptable", "Not Evaluated"]
Operator = Literal["=", "<", "<=", ">", ">="]
Digits = Annotated[int, msgspec.Meta(ge=1)]


class _Result(Metals, frozen=True, kw_only=True, tag_field="ResultType"):
    """Base of the six kinds."""


class NumericResult(_Result, frozen=True, kw_only=True, tag="numeric"):
    """A number; with ``operator`` "<" it says: below the value."""

    value: Decimal
    operator: Operator | None = None
    uncertainty: Decimal | None = None
    significant_digits: Digits | None = None


class BooleanResult(_Result, frozen=True, kw_only=True, tag="boolean"):
    """Passed or not."""

    value: bool
    description: str | None = None


class StringResult(_Result, frozen=True, kw_only=True, tag="string"):
    """A text, such as a class or a grade."""

    value: str
    allowed_values: tuple[str, ...] | None = None


class RangeResult(_Result, frozen=True, kw_only=True, tag="range"):
    """From a minimum to a maximum."""

    minimum: Decimal
    maximum: Decimal
    inclusive: bool | None = None


class DataPoint(Metals, frozen=True, kw_only=True):
    """One value of a series, with the limits at its parameter."""

    parameter: str
    value: NumericResult
    parameter_type: Literal["string", "number"] | None = None
    minimum: NumericResult | None = None
    maximum: NumericResult | None = None
    target: NumericResult | None = None
    status: Literal["Pass", "Fail", "Warning", "Info"] | None = None


class ArrayResult(_Result, frozen=True, kw_only=True, tag="array"):
    """A series over a parameter, such as hardness over the distance from the quenched end."""

    data: Annotated[tuple[DataPoint, ...], msgspec.Meta(min_length=1)]
    parameter_name: str | None = None
    parameter_unit: str | None = None


class Statistics(Metals, frozen=True, kw_only=True):
    """Statistics of several values."""

    average: NumericResult | None = None
    median: NumericResult | None = None
    minimum: NumericResult | None = None
    maximum: NumericResult | None = None
    standard_deviation: NumericResult | None = None
    standard_deviation_type: Literal["Sample", "Population"] | None = None
    method: str | None = None


class MultiValueResult(_Result, frozen=True, kw_only=True, tag="multiValue"):
    """Three or more values of one test, such as the specimens of an impact test."""

    values: Annotated[tuple[NumericResult, ...], msgspec.Meta(min_length=3)]
    statistics: Statistics | None = None


Result = NumericResult | BooleanResult | StringResult | RangeResult | ArrayResult | MultiValueResult


class SpecimenSpecification(Metals, frozen=True, kw_only=True):
    """Where in the product, and along which direction, a specimen was taken."""

    location: (
        Literal["Surface", "1/4T", "1/2T", "3/4T", "1/3R", "Center", "Edge", "Top", "Bottom", "Core", "Custom"] | None
    ) = None
    custom_location: str | None = None
    orientation: Literal["L", "T", "S", "Z", "R", "C", "L-T", "T-L", "S-L", "L-S", "T-S", "S-T"] | None = None
    identifier: str | None = None


class ChemicalElement(Metals, frozen=True, kw_only=True):
    """An element's share, or a formula over such shares (carbon equivalent)."""

    actual: Result
    property_id: str | None = None
    property_name: str | None = None
    property_symbol: str | None = None
    method: str | None = None
    unit: str | None = None
    test_conditions: str | None = None
    minimum: Result | None = None
    maximum: Result | None = None
    target: Result | None = None
    properties_standard: str | None = None
    interpretation: Interpretation | None = None
    formula: str | None = None
    sample_ref: str | None = None


class Measurement(Metals, frozen=True, kw_only=True):
    """A mechanical, physical or supplementary property."""

    actual: Result
    property_id: str | None = None
    property_name: str | None = None
    property_symbol: str | None = None
    method: str | None = None
    unit: str | None = None
    test_conditions: str | None = None
    specimen_specification: SpecimenSpecification | None = None
    minimum: Result | None = None
    maximum: Result | None = None
    target: Result | None = None
    properties_standard: str | None = None
    interpretation: Interpretation | None = None
    formula: str | None = None


CASTING_METHODS = (
    "IngotCasting", "ContinuousCasting", "SandCasting", "DieCasting", "InvestmentCasting", "PermanentMoldCasting",
    "CentrifugalCasting", "ShellMolding", "PlasterMoldCasting", "CeramicMoldCasting", "LostFoamCasting",
    "VacuumCasting", "SqueezeCasting", "Rheocasting", "Thixomolding", "Other",
)  # fmt: skip


class ChemicalAnalysis(Metals, frozen=True, kw_only=True):
    """The analysis of one heat."""

    heat_number: str
    elements: Annotated[tuple[ChemicalElement, ...], msgspec.Meta(min_length=1)]
    melting_process: str | None = None
    casting_date: datetime.date | None = None
    casting_method: str | None = None
    sample_location: str | None = None
    sample_type: str | None = None
    analysis_standard: str | None = None
    known_casting_methods: ClassVar[tuple[str, ...]] = CASTING_METHODS

    def __post_init__(self) -> None:
        """Raises ``ValueError``: a casting method that the schema does not list."""
        super().__post_init__()
        if self.casting_method is not None and self.casting_method not in self.known_casting_methods:
            raise ValueError(f"casting method {self.casting_method} is not one of the schema's")
