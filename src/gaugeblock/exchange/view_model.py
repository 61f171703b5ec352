"""What a customer sees, as structs: each names the records it was derived from; what is not permitted is absent.

A field that the contract does not permit is left out, as one that was never filled in is: the two are not told apart.
Times are RFC 3339 as the records state them, dates ISO 8601; indices are those of the log.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

import msgspec

from gaugeblock.plant.exchange_facets import Permission

T = TypeVar("T")

ContractState = Literal["offered", "accepted", "declined", "revoked"]
"""What the customer knows of a version; drafts that await an approval are not shown."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of many; ``next`` is the argument for the following page, ``None`` at the end."""

    items: tuple[T, ...]
    next: int | str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything derived from one record.

    Parameters
    ----------
    record_index
        The record that states it, in the log.
    stated_at
        When its author stated it.
    proven_facets
        Facets that evidence of the record discloses to this customer; empty where there is none to be had.
    """

    record_index: int
    stated_at: str
    proven_facets: tuple[str, ...] = ()


class ContractView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a contract, with what became of it. ``in_force`` is said for the view's time."""

    contract: str
    version: int
    state: ContractState
    in_force: bool
    record_index: int
    stated_at: str
    purpose: str
    permissions: tuple[Permission, ...]
    valid_from: str
    valid_until: str
    recipient_country: str
    own_orders: bool
    products: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    quota_per_day: int
    classification: str
    personal_information: bool = False
    step_index: int | None = None
    step_at: str | None = None


class Promise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the plant promised of an order by one of its records."""

    record_index: int
    stated_at: str
    promised: str | None = None
    due: str | None = None
    state: str | None = None


class CompletionQuantile(msgspec.Struct, frozen=True):
    """``probability`` that the order is complete by ``at``."""

    probability: float
    at: str


class DeliveryForecast(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """When an order will be complete. ``earliest`` and ``latest`` bound the central 90 % where they were stated."""

    order: str
    completion: tuple[CompletionQuantile, ...] = ()
    remaining: int | None = None
    due: str | None = None
    on_time: float | None = None
    earliest: str | None = None
    median: str | None = None
    latest: str | None = None


class OrderProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts of an order, as far as the contract permits the records they come from.

    A unit counts by its latest verdict; verdicts without a serial count singly. ``last_index`` is the newest verdict.
    """

    inspected: int | None = None
    ok: int | None = None
    nok: int | None = None
    undecided: int | None = None
    shipped: int | None = None
    last_index: int | None = None


class OrderView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """An order as it stands."""

    order: str
    product: str | None = None
    quantity: int | None = None
    customer_reference: str | None = None
    due: str | None = None
    promised: str | None = None
    line: str | None = None
    priority: int | None = None
    state: str | None = None
    note: str | None = None
    promises: tuple[Promise, ...] = ()
    progress: OrderProgress | None = None
    delivery: DeliveryForecast | None = None


class LotView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """A lot as it stands."""

    lot: str
    product: str | None = None
    order: str | None = None
    heat: str | None = None
    quantity: int | None = None
    units: tuple[str, ...] = ()
    state: str | None = None


class UnitView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One serial number, with the records about it that may be seen, oldest first; ``verdict`` is the latest."""

    unit: str
    record_indices: tuple[int, ...]
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    verdict: str | None = None
    verdict_index: int | None = None


class ComponentView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that went into a unit."""

    kind: str | None = None
    id: str | None = None
    quantity: str | None = None
    quantity_unit: str | None = None
    supplier: str | None = None


class GenealogyView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """What a unit was made of, by one record."""

    unit: str
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    station: str | None = None
    components: tuple[ComponentView, ...] = ()


class CharacteristicView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value against its limits; decimal strings in ``quantity_unit``."""

    kind: str | None = None
    name: str | None = None
    value: str | None = None
    quantity_unit: str | None = None
    lower: str | None = None
    upper: str | None = None
    method: str | None = None
    location: str | None = None
    equipment: str | None = None


class ResultView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """What was measured or entered of a unit, a lot or a heat."""

    product: str | None = None
    order: str | None = None
    lot: str | None = None
    heat: str | None = None
    unit: str | None = None
    characteristics: tuple[CharacteristicView, ...] = ()
    conforms: bool | None = None
    laboratory: str | None = None


class ShipmentView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """What left the plant."""

    shipment: str
    order: str | None = None
    shipped_at: str | None = None
    quantity: int | None = None
    lots: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    carrier: str | None = None


class CertificateView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate; its files are read by digest (:meth:`~gaugeblock.exchange.view.CustomerView.file`)."""

    certificate: str
    kind: str | None = None
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    heat: str | None = None
    json_sha256: str | None = None
    pdf_sha256: str | None = None
    replaces: str | None = None
    state: str | None = None
    record_indices: tuple[int, ...] = ()


class RegionView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place above the threshold: fractions of image width and height from the top left; mm where calibrated."""

    x: float
    y: float
    width: float
    height: float
    peak: float
    area_mm2: float | None = None
    length_mm: float | None = None


class InspectionView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """A station's verdict about a unit. ``image_sha256`` is there where the photograph itself may be seen.

    ``decision`` is a person's, where reviews may be seen and there is one (``review_index``).
    """

    station: str | None = None
    unit: str | None = None
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    verdict: str | None = None
    reason: str | None = None
    score: float | None = None
    threshold: float | None = None
    review_from: float | None = None
    regions: tuple[RegionView, ...] = ()
    image_sha256: str | None = None
    module_sha256: str | None = None
    software: str | None = None
    latency_ms: float | None = None
    decision: str | None = None
    defects: tuple[str, ...] = ()
    review_index: int | None = None


class InspectionFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Of all that is given; times half open (RFC 3339, of the statement)."""

    order: str | None = None
    lot: str | None = None
    unit: str | None = None
    product: str | None = None
    station: str | None = None
    verdict: Literal["OK", "NOK", "UNDECIDED"] | None = None
    since: str | None = None
    until: str | None = None


class NonconformityStep(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """One step of dealing with a nonconformity."""

    step: str | None = None
    text: str | None = None
    disposition: str | None = None
    units: tuple[str, ...] = ()
    responsible: str | None = None
    due: str | None = None
    effective: bool | None = None


class NonconformityView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """A nonconformity with its steps, oldest first: a customer's 8D."""

    nonconformity: str
    product: str | None = None
    order: str | None = None
    station: str | None = None
    severity: str | None = None
    defect: str | None = None
    text: str | None = None
    steps: tuple[NonconformityStep, ...] = ()
    closed: bool = False


class HealthView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A station that inspected what this customer may see, and the module it works with."""

    station: str
    record_indices: tuple[int, ...]
    last_verdict_at: str | None = None
    module_sha256: str | None = None
    module_index: int | None = None
    released_index: int | None = None
    released_at: str | None = None
    study_index: int | None = None
    study_conclusion: str | None = None


class DocumentView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """A document that the plant shares; its bytes by digest."""

    sha256: str
    name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    kind: str | None = None
    title_zh: str | None = None
    title_en: str | None = None
    product: str | None = None
    machine: str | None = None
    order: str | None = None


class FootprintView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """A product's carbon footprint over a period; decimal strings."""

    product: str
    begin: str | None = None
    end: str | None = None
    order: str | None = None
    kg_co2e_per_unit: str | None = None
    declared_unit: str | None = None
    declared_amount: str | None = None
    primary_data_share_percent: str | None = None
    energy_kwh_per_unit: str | None = None
    grid_kg_co2e_per_kwh: str | None = None
    mass_kg_per_unit: str | None = None
    methods: tuple[str, ...] = ()
    geography: str | None = None
    material_kg_co2e_per_unit: str | None = None
    material_primary: bool | None = None
    grid_factor_source: str | None = None
    grid_factor_version: str | None = None
    material_factor_source: str | None = None
    material_factor_version: str | None = None
    fossil_carbon_content_kg_per_unit: str | None = None
    exempted_emissions_percent: str | None = None
    biogenic_uptake_kg_co2e_per_unit: str | None = None
    characterization: tuple[str, ...] = ()


class AttachedDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document of a message."""

    sha256: str
    name: str
    media_type: str
    size_bytes: int
    kind: str = "other"


class MessageView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """One message. ``by`` says which side wrote it; people of the plant are not named."""

    thread: str
    kind: str
    by: Literal["plant", "customer"]
    text: str = ""
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    unit: str | None = None
    date: str | None = None
    units: tuple[str, ...] = ()
    quantity: int | None = None
    defect: str | None = None
    severity: str | None = None
    nonconformity: str | None = None
    answers: int | None = None
    documents: tuple[AttachedDocument, ...] = ()


class ThreadView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversation: what opened it, and all its messages, oldest first."""

    thread: str
    kind: str
    opened_at: str
    last_at: str
    last_index: int
    messages: tuple[MessageView, ...]
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    unit: str | None = None


class RecordView(Seen, frozen=True, kw_only=True, omit_defaults=True):
    """Any record that may be seen: its facets as far as permitted, as plain values."""

    record_type: str
    facets: dict[str, dict[str, Any]]


class ChangeView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of the changes feed: which record made which noun change. ``id`` is the noun's, where it has one."""

    record_index: int
    stated_at: str
    record_type: str
    order: str | None = None
    lot: str | None = None
    unit: str | None = None
    product: str | None = None
    id: str | None = None


class FileGrant(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that may be seen, by digest; ``record_indices`` name the records that refer to them.

    ``media_type`` and ``name`` are ``None`` where no record states them (photographs: the bytes tell).
    """

    sha256: str
    kind: Literal["image", "certificate", "document"]
    record_indices: tuple[int, ...]
    media_type: str | None = None
    name: str | None = None
