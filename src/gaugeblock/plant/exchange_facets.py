"""Facets of the exchange: contracts with customers, what left the plant, and what customers say."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet

Classification = Literal["unclassified", "general", "important", "core"]
"""Of data that leaves the country: nobody has said, or as the Data Security Law of China (2021) art. 21 grades it."""

# ── exchange.contract: the terms, whole, each version a record ────────────────────────────────────────────


class ContractSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The contract's number and whose it is."""

    contract: str
    customer: str


class Permission(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of one record type may be seen. What is not named stays in.

    Parameters
    ----------
    record_type
        Such as ``inspection.verdict``.
    facets
        Facets that may be disclosed.
    fields
        Dotted ``facet.field`` that may be seen of them; empty for all. Where fields are named for a facet, the facet is
        never disclosed whole: such a record can be read, but not be proven by the customer, and the answer says so.
    images
        Whether the photographs that the records name may be seen.
    """

    record_type: str
    facets: tuple[str, ...]
    fields: tuple[str, ...] = ()
    images: bool = False


class ContractStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The terms of one version. Deny by default.

    Parameters
    ----------
    version
        1, 2, …; the greatest one accepted is in force.
    purpose
        What the customer may use it for.
    products, orders, lots
        The scope: records about these. Orders of the customer in general are named by ``own_orders``.
    own_orders
        Every order whose record names the customer.
    permissions
        By record type.
    documents
        Digests (SHA-256, hex) of documents that are shared under it (supplier's AAS, drawings, certificates of others).
    valid_from, valid_until
        RFC 3339, half open.
    quota_per_day
        Answers a day (UTC).
    recipient_country
        ISO 3166-1 alpha-2.
    classification, personal_information, basis
        Of the data, and why they may leave: unclassified, important or core data, and personal information, need an
        ``exchange.approval`` by a named person.
    """

    version: int
    purpose: str
    permissions: tuple[Permission, ...]
    valid_from: str
    valid_until: str
    recipient_country: str
    products: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    own_orders: bool = True
    documents: tuple[str, ...] = ()
    quota_per_day: int = 100_000
    classification: Classification = "unclassified"
    personal_information: bool = False
    basis: str = ""


class ContractStepStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of a version: a named person approves the transfer abroad; the customer accepts or declines it;
    either side revokes."""

    version: int
    step: Literal["approved", "accepted", "declined", "revoked"]
    reason: str = ""


class CustomerProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the customer said it: by which credential (its public id), in which request."""

    credential: str
    request: str = ""


# ── exchange.transfer: what left, recorded before it left ─────────────────────────────────────────────────


class TransferSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """To whom, under which contract (``None``: an answer that no contract names, such as a refusal)."""

    customer: str
    contract: str | None = None
    version: int | None = None


class TransferEntry(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer.

    Parameters
    ----------
    request
        The request's id, as the answer carried it.
    at
        RFC 3339.
    credential
        Public id of the credential.
    method, resource, status
        Of the HTTP exchange; the resource is path and query, without secrets, 500 characters at most. The status is 0
        where nobody answered: a webhook's message is recorded before it is sent.
    sha256, size_bytes
        Of the body that was served; of a 304 the digest of the representation that the customer already has.
    derived_from
        Indices of the records that the answer was derived from, as runs ``(first, last)``, the last 64; ``truncated``
        says that there were more (the resource and the log's size then tell which).
    log_size
        How many records the exchange had read.
    """

    request: str
    at: str
    credential: str
    method: str
    resource: str
    status: int
    sha256: str
    size_bytes: int
    log_size: int
    derived_from: tuple[tuple[int, int], ...] = ()
    truncated: bool = False


class TransferStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The answers of some milliseconds to one customer under one contract version; a facet holds some hundred."""

    entries: tuple[TransferEntry, ...]


# ── exchange.message: what a customer, or the plant in answer, says about an order, a lot, a unit ─────────


class MessageSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Between whom, and about what."""

    thread: str
    customer: str
    product: str | None = None
    order: str | None = None
    lot: str | None = None
    unit: str | None = None


class MessageStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One message of a thread; the first one opens it.

    Parameters
    ----------
    kind
        ``order_acknowledged``; ``date_requested`` (``date``), ``date_confirmed``, ``date_refused``;
        ``first_article_submitted``, ``first_article_approved``, ``first_article_refused``;
        ``concession_requested``, ``concession_granted``, ``concession_refused``;
        ``complaint_opened``, ``complaint_answered``, ``complaint_closed`` (its 8D is the nonconformity of that number);
        ``document_shared`` (drawing, golden sample); ``note``.
    text
        4,000 characters at most.
    units
        Serials that it is about.
    severity
        Of a complaint.
    """

    kind: Literal[
        "order_acknowledged",
        "date_requested",
        "date_confirmed",
        "date_refused",
        "first_article_submitted",
        "first_article_approved",
        "first_article_refused",
        "concession_requested",
        "concession_granted",
        "concession_refused",
        "complaint_opened",
        "complaint_answered",
        "complaint_closed",
        "document_shared",
        "note",
    ]
    text: str = ""
    date: str | None = None
    units: tuple[str, ...] = ()
    quantity: int | None = None
    defect: str | None = None
    severity: Literal["critical", "major", "minor"] | None = None
    nonconformity: str | None = None


class SharedDocument(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A document by its digest."""

    sha256: str
    name: str
    media_type: str
    size_bytes: int
    kind: Literal["drawing", "golden_sample", "aas", "photograph", "report", "manual", "other"] = "other"


class MessageInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Documents that go with it, and the message it answers by its index in the log."""

    documents: tuple[SharedDocument, ...] = ()
    answers: int | None = None


# ── exchange.document: a document that the plant shares (type plate, supplier's AAS, manual) ──────────────


class DocumentSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What it is about: a product, a machine, an order, or the plant as a whole."""

    product: str | None = None
    machine: str | None = None
    order: str | None = None


class DocumentStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The document and its title in both languages; ``withdrawn`` takes it back."""

    document: SharedDocument
    title_zh: str = ""
    title_en: str = ""
    withdrawn: bool = False


# ── exchange.footprint: a product's carbon footprint over a period ────────────────────────────────────────


class FootprintSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of which product, over which period (RFC 3339, half open)."""

    product: str
    begin: str
    end: str
    order: str | None = None


class FootprintStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Decimal strings: kg CO2e for one declared unit, and how it was worked out.

    Parameters
    ----------
    kg_co2e_per_unit
        Fossil, cradle to gate, without biogenic uptake.
    declared_unit, declared_amount
        As PACT names units (``piece``, ``kilogram`` …).
    primary_data_share_percent
        Share of primary data.
    energy_kwh_per_unit, grid_kg_co2e_per_kwh
        The plant's own part.
    methods
        Standards followed.
    material_kg_co2e_per_unit
        What was bought for one declared unit, as its supplier or a data base says.
    material_primary
        The supplier's own figure, and none of a data base.
    grid_factor_source, grid_factor_version, material_factor_source, material_factor_version
        The data bases that the factors were taken from.
    fossil_carbon_content_kg_per_unit
        Kilograms of fossil carbon in one declared unit.
    exempted_emissions_percent
        Share of emissions that were left out of the calculation.
    biogenic_uptake_kg_co2e_per_unit
        Taken from the air by what it is made of; zero or less.
    characterization
        Assessment reports of the IPCC whose factors were used (``AR6``).

    What is ``None`` or empty was not stated, which is not the same as nought.
    """

    kg_co2e_per_unit: str
    declared_unit: str = "piece"
    declared_amount: str = "1"
    primary_data_share_percent: str = "0"
    energy_kwh_per_unit: str | None = None
    grid_kg_co2e_per_kwh: str | None = None
    mass_kg_per_unit: str | None = None
    methods: tuple[str, ...] = ()
    geography: str = "CN"
    material_kg_co2e_per_unit: str | None = None
    material_primary: bool = False
    grid_factor_source: str | None = None
    grid_factor_version: str | None = None
    material_factor_source: str | None = None
    material_factor_version: str | None = None
    fossil_carbon_content_kg_per_unit: str | None = None
    exempted_emissions_percent: str | None = None
    biogenic_uptake_kg_co2e_per_unit: str | None = None
    characterization: tuple[str, ...] = ()
