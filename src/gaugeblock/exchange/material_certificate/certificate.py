"""What a material certificate by EN 10204 type 3.1 is made from: entered results, and records of the log.

Numbers are decimal text with the digits of the laboratory (see ``exchange/decimal_text.py``); dates are ISO 8601
(``2026-11-25``); the type of a 3.1 certificate says that specific inspection of the lot was validated by someone
independent of manufacture, who is named here.

Source: EN 10204:2004, clause 4.1; EN 10168:2004 for the groups of content.
"""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec


class _Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: immutable, closed."""


class CertificateParty(_Input, frozen=True, kw_only=True):
    """A company. ``street`` one to five lines; ``country`` ISO 3166-1 alpha-2.

    ``vat`` is a tax number of 8 to 15 letters. ``registration`` is what a longer one is called, such as the unified
    social credit code of China: Metals has no field for it, so it closes the address.
    """

    name: str
    street: tuple[str, ...]
    postal_code: str
    city: str
    country: str
    email: str | None = None
    vat: str | None = None
    registration: str | None = None


class CertificateOrder(_Input, frozen=True, kw_only=True):
    """The customer's order and this delivery. ``quantity`` in ``quantity_unit`` (``pcs``, ``kg``)."""

    order: str
    delivery: str
    quantity: str
    quantity_unit: str
    position: str | None = None
    ordered_on: datetime.date | None = None
    delivered_on: datetime.date | None = None
    customer_product: str | None = None
    internal_order: str | None = None


class CertifiedProduct(_Input, frozen=True, kw_only=True):
    """The lot. ``standards`` with their year after a colon (``EN 10025-2:2019``); dimensions in ``unit``.

    Parameters
    ----------
    dimensions
        By Metals' names: ``Length``, ``Width``, ``Thickness``, ``Diameter``, ``OuterDiameter``, ``InnerDiameter``,
        ``WallThickness``, ``Height``; decimal text.
    """

    name: str
    lot: str
    standards: tuple[str, ...] = ()
    material: str | None = None
    material_number: str | None = None
    form: str | None = None
    dimensions: dict[str, str] = msgspec.field(default_factory=dict)
    unit: Literal["mm", "in", "m", "ft"] = "mm"
    quantity: str | None = None
    weight: str | None = None
    weight_unit: Literal["kg", "t", "lb"] = "kg"
    country_of_origin: str | None = None
    place: str | None = None
    produced_on: datetime.date | None = None
    surface: str | None = None
    marking: str | None = None
    delivery_condition: str | None = None


class MeasuredValue(_Input, frozen=True, kw_only=True):
    """A property of the lot with its limits: an element's share, a tensile, hardness or impact value, a dimension.

    Parameters
    ----------
    symbol, name
        ``Rm``, ``Tensile strength``.
    unit
        As printed: ``%``, ``MPa``, ``HBW``, ``J``, ``mm``.
    values
        One or more results, decimal text.
    operator
        ``<`` where the result lies below what the method can tell.
    minimum, maximum
        Limits, decimal text.
    judged
        Whether ``each`` value must keep the limits, or their ``average`` (as for impact energy).
    concession
        The customer's concession that accepts a value outside its limits.
    """

    symbol: str
    unit: str
    values: tuple[str, ...]
    name: str | None = None
    operator: Literal["<", "<=", ">", ">="] | None = None
    minimum: str | None = None
    maximum: str | None = None
    target: str | None = None
    uncertainty: str | None = None
    method: str | None = None
    conditions: str | None = None
    location: str | None = None
    orientation: str | None = None
    specimen: str | None = None
    judged: Literal["each", "average"] = "each"
    concession: str | None = None


class Heat(_Input, frozen=True, kw_only=True):
    """The heat (cast) and its analysis; ``sample_location`` such as ``Ladle``."""

    number: str
    elements: tuple[MeasuredValue, ...]
    melting_process: str | None = None
    cast_on: datetime.date | None = None
    casting_method: str | None = None
    sample_location: str | None = None
    standard: str | None = None


class TreatmentStage(_Input, frozen=True, kw_only=True):
    """A stage by Metals' name (``Austenitizing``, ``Quenching``, ``Tempering`` …): °C and minutes as decimal text."""

    kind: str
    temperature_c: str
    minutes: str | None = None
    cooling: str | None = None


class HeatTreatment(_Input, frozen=True, kw_only=True):
    """How the lot was heat treated; ``process`` by Metals' name, such as ``Quenching and Tempering``."""

    process: str
    lot: str
    stages: tuple[TreatmentStage, ...]
    furnace: str | None = None
    treated_on: datetime.date | None = None


class InspectionSummary(_Input, frozen=True, kw_only=True):
    """What the verdict records of the lot come to.

    Parameters
    ----------
    name
        ``Visual inspection``.
    units, conforming, rejected
        Counts after review: every unit is one or the other.
    stations, module_sha256
        Who judged, with which released modules.
    first_at, last_at
        RFC 3339 UTC of the first and last verdict.
    records
        Indices in the log of the verdicts, or of the lot's record that counts them.
    """

    name: str
    units: int
    conforming: int
    rejected: int
    stations: tuple[str, ...] = ()
    module_sha256: tuple[str, ...] = ()
    first_at: str | None = None
    last_at: str | None = None
    records: tuple[int, ...] = ()


class CertificateValidator(_Input, frozen=True, kw_only=True):
    """The authorised inspection representative, independent of manufacture (EN 10204, clause 4.1)."""

    name: str
    role: str
    department: str | None = None
    email: str | None = None


class Certificate(_Input, frozen=True, kw_only=True):
    """A 3.1 certificate before it is written.

    Parameters
    ----------
    number
        The certificate's own; unique with the maker.
    records, log_origin
        Indices of all records it is derived from, and the log they are in.
    """

    number: str
    issued_on: datetime.date
    validated_on: datetime.date
    manufacturer: CertificateParty
    customer: CertificateParty
    order: CertificateOrder
    product: CertifiedProduct
    validators: tuple[CertificateValidator, ...]
    log_origin: str
    records: tuple[int, ...]
    heat: Heat | None = None
    treatment: HeatTreatment | None = None
    mechanical: tuple[MeasuredValue, ...] = ()
    dimensional: tuple[MeasuredValue, ...] = ()
    supplementary: tuple[MeasuredValue, ...] = ()
    inspections: tuple[InspectionSummary, ...] = ()
    validation_place: str | None = None
    version: str = "1.0.0"
