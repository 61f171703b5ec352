"""Facets of what is made: orders, lots, units and what they are made of, the line's events, forecasts (ISA-95)."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet

# ── production.order: what a customer ordered, whole, each time it changes ────────────────────────────────


class OrderSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The plant's number of the order."""

    order: str


class OrderStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The order as it stands; a later record of the same order takes its place whole.

    Parameters
    ----------
    product, quantity
        What, and how many good units.
    customer
        Id of ``plant.toml``; ``None`` for stock.
    customer_reference
        The customer's own number of it.
    due
        The date wanted (ISO 8601, by the site's calendar).
    promised
        The date that the plant has promised; the history of promises is the history of these records.
    line
        Where it is made.
    priority
        The larger is made first.
    """

    product: str
    quantity: int
    customer: str | None = None
    customer_reference: str | None = None
    due: str | None = None
    promised: str | None = None
    line: str | None = None
    priority: int = 0
    state: Literal["planned", "released", "completed", "cancelled"] = "released"
    note: str = ""


# ── production.lot and production.genealogy: what belongs together, and what it was made of ───────────────


class LotOfUnitsSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The lot's number."""

    lot: str


class LotOfUnitsStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The lot as it stands, whole. ``heat`` is the melt of the material; ``units`` are serials, where there are any."""

    product: str
    order: str | None = None
    heat: str | None = None
    quantity: int | None = None
    units: tuple[str, ...] = ()
    state: Literal["open", "closed", "shipped"] = "open"


class UnitSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One serial number."""

    unit: str
    product: str | None = None
    order: str | None = None
    lot: str | None = None


class Component(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that went into the unit; ``quantity`` is a decimal string in ``quantity_unit`` (UN/ECE; C62 = one)."""

    kind: Literal["unit", "lot", "heat"]
    id: str
    quantity: str = "1"
    quantity_unit: str = "C62"
    supplier: str = ""


class GenealogyStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the unit was made of; ``station`` is where it was joined."""

    components: tuple[Component, ...]
    station: str | None = None


# ── production.result: what was measured or entered of a unit, a lot or a heat ────────────────────────────


class ResultSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of what: one of them at least."""

    product: str | None = None
    order: str | None = None
    lot: str | None = None
    heat: str | None = None
    unit: str | None = None


class Characteristic(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One value against its limits. ``value``, ``lower``, ``upper`` are decimal strings in ``quantity_unit``.

    Parameters
    ----------
    kind
        ``chemistry`` (name is the element's symbol), ``mechanical``, ``dimension``, ``other``.
    method
        The standard it was measured by, such as ``ISO 6892-1``.
    location
        Where on the part or specimen.
    """

    kind: Literal["chemistry", "mechanical", "dimension", "other"]
    name: str
    value: str
    quantity_unit: str
    lower: str | None = None
    upper: str | None = None
    method: str = ""
    location: str = ""
    equipment: str = ""


class ResultStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Values of a chemical analysis, a mechanical test, a measuring machine; ``conforms`` as the author judges them."""

    characteristics: tuple[Characteristic, ...]
    conforms: bool | None = None
    laboratory: str = ""


# ── production.shipment ───────────────────────────────────────────────────────────────────────────────────


class ShipmentSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The shipment's number and its order."""

    shipment: str
    order: str
    customer: str


class ShipmentStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What left, and when (RFC 3339)."""

    shipped_at: str
    quantity: int
    lots: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    carrier: str = ""


# ── production.certificate: a certificate that a named person of the plant issues ─────────────────────────


class CertificateSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The certificate's number, and what it is about."""

    certificate: str
    customer: str | None = None
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    heat: str | None = None


class CertificateStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``kind`` after EN 10204; the document is named by the digest of its JSON and of its PDF (SHA-256, hex)."""

    kind: Literal["2.1", "2.2", "3.1", "3.2"]
    json_sha256: str
    pdf_sha256: str | None = None
    replaces: str | None = None
    state: Literal["issued", "withdrawn"] = "issued"


class CertificateInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The records that it was drawn from, by their indices in the log."""

    record_indices: tuple[int, ...] = ()


# ── production.events: the line's events, in batches (ISO 22400, ISA-95) ──────────────────────────────────


class LineEvent(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happened to a part at a station, and when (RFC 3339).

    ``arrived`` in front of it, work ``started``, work ``finished``, it ``left`` the machine (later than finished where
    the next buffer was full); it was ``scrapped`` or sent to be ``reworked``.
    """

    at: str
    station: str
    event: Literal["arrived", "started", "finished", "left", "scrapped", "reworked"]
    unit: str | None = None
    machine: str | None = None
    product: str | None = None
    order: str | None = None


class MachineEvent(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change of a machine's state in a batch."""

    at: str
    machine: str
    state: Literal["producing", "idle", "blocked", "starved", "set_up", "down", "maintenance", "off"]
    reason: str = ""


class EventBatchSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The line whose events they are, and the source that numbers its batches."""

    line: str
    source: str = ""


class EventBatchStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Events of some seconds, in the order of their times: one record, so that a fast line stays affordable."""

    sequence: int
    steps: tuple[LineEvent, ...] = ()
    states: tuple[MachineEvent, ...] = ()


# ── production.kpi and production.forecast: what the plant works out from them ────────────────────────────


class PeriodSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line or machine, and the period (RFC 3339, half open)."""

    line: str
    begin: str
    end: str
    machine: str | None = None


class KpiStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Values by their ISO 22400-2 name (``OEE_index``, ``availability``, ``mean_time_to_repair_s`` …)."""

    values: dict[str, float]
    produced: int = 0
    good: int = 0


class Quantile(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``probability`` that it is done by ``at`` (RFC 3339)."""

    probability: float
    at: str


class ForecastSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The order whose completion is forecast, on which line."""

    order: str
    line: str | None = None
    product: str | None = None
    customer: str | None = None


class ForecastStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When the order will be complete: quantiles from 0.05 to 0.95, and how many units are still to be made.

    ``on_time`` is the probability of completion by ``due``.
    """

    completion: tuple[Quantile, ...]
    remaining: int
    due: str | None = None
    on_time: float | None = None


class ForecastProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How: model, software, replications, seed; the state was read at the log's ``state_index``."""

    software: str
    replications: int
    seed: int
    model_sha256: str
    state_index: int | None = None


class OutcomeStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What became of a forecast: completion (RFC 3339) and the forecast's index in the log.

    ``pit`` is the forecast distribution's value at the outcome, ``crps_s`` its continuous ranked probability score.
    """

    forecast_index: int
    completed_at: str
    pit: float
    crps_s: float
