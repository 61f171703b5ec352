"""Orders and what belongs to them as pages and API read them. Every value names the record it comes from."""

from __future__ import annotations

from typing import Literal

import msgspec

from gaugeblock.plant.production_facets import Characteristic, Quantile

PAGE = 50

OrderState = Literal["planned", "released", "completed", "cancelled"]
ORDER_STATES: tuple[OrderState, ...] = ("planned", "released", "completed", "cancelled")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an order is, in units.

    Parameters
    ----------
    good, rejected, undecided
        Units by what was last said of them: the station's verdict, or a later review.
    shipped
        Sum of its shipments.
    """

    good: int = 0
    rejected: int = 0
    undecided: int = 0
    shipped: int = 0


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """The newest forecast of completion."""

    index: int
    stated_at: str
    completion: tuple[Quantile, ...]
    remaining: int
    due: str | None = None
    on_time: float | None = None

    def at(self, probability: float) -> str | None:
        """The time of the quantile at ``probability``, where it was stated."""
        return next((q.at for q in self.completion if abs(q.probability - probability) < 1e-9), None)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands. ``index`` is the record that says so, ``first_index`` the one that opened it."""

    order: str
    index: int
    stated_at: str
    author: str
    product: str
    quantity: int
    customer: str | None
    customer_reference: str | None
    due: str | None
    promised: str | None
    line: str | None
    priority: int
    state: OrderState
    note: str
    progress: Progress = Progress()
    forecast: Forecast | None = None


class OrderVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an order: the history of promises is in these."""

    index: int
    stated_at: str
    author: str
    identity: str
    quantity: int
    due: str | None
    promised: str | None
    state: OrderState
    note: str


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as it stands."""

    lot: str
    index: int
    stated_at: str
    product: str
    order: str | None
    heat: str | None
    quantity: int | None
    units: tuple[str, ...]
    state: Literal["open", "closed", "shipped"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured or entered."""

    index: int
    stated_at: str
    author: str
    product: str | None
    order: str | None
    lot: str | None
    heat: str | None
    unit: str | None
    characteristics: tuple[Characteristic, ...]
    conforms: bool | None
    laboratory: str


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """What left."""

    shipment: str
    index: int
    order: str
    customer: str
    shipped_at: str
    quantity: int
    lots: tuple[str, ...]
    units: tuple[str, ...]
    carrier: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and the digests of its documents."""

    certificate: str
    index: int
    stated_at: str
    author: str
    kind: str
    customer: str | None
    product: str | None
    order: str | None
    lot: str | None
    heat: str | None
    json_sha256: str
    pdf_sha256: str | None
    replaces: str | None
    state: Literal["issued", "withdrawn"]
    record_indices: tuple[int, ...]


class UnitVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was last said of a unit."""

    order: str
    unit: str
    verdict: str | None
    verdict_index: int | None
    decision: str | None
    decision_index: int | None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A node of a genealogy: what went in, and what that was made of.

    ``index`` is the record that says that it went in; ``cut`` says that the tree goes on and is not shown further.
    """

    kind: Literal["unit", "lot", "heat"]
    id: str
    index: int | None = None
    quantity: str = "1"
    quantity_unit: str = "C62"
    supplier: str = ""
    station: str | None = None
    parts: tuple[Part, ...] = ()
    cut: bool = False


class OrderCase(msgspec.Struct, frozen=True, kw_only=True):
    """An order with everything that belongs to it."""

    head: Order
    versions: tuple[OrderVersion, ...]
    lots: tuple[Lot, ...]
    units: tuple[UnitVerdict, ...]
    results: tuple[Result, ...]
    shipments: tuple[Shipment, ...]
    certificates: tuple[Certificate, ...]
    forecasts: tuple[Forecast, ...]


class ImportBatch(msgspec.Struct, frozen=True, kw_only=True):
    """An import: its number, when, by whom, and the orders that it wrote."""

    batch: str
    stated_at: str
    author: str
    orders: tuple[str, ...]
