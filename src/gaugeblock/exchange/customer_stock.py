"""What one customer may see under one contract version, kept in memory and only ever appended to.

Only the permitted part of a record is kept: what is not here cannot leak. A view reads the stock up to an index of the
log; records that come later are appended behind it, so that views of different moments share one stock.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gaugeblock.exchange.contract import IMAGE_TYPES, SubjectRef, Terms
from gaugeblock.exchange.disclosure import disclose, proven_facets
from gaugeblock.exchange.items_projection import MESSAGE
from gaugeblock.plant.exchange_facets import Permission

MESSAGE_PERMISSION = Permission(record_type=MESSAGE, facets=("subject", "statement", "inputs"))
"""A conversation is seen whole by the customer who takes part in it."""

NOUN: Mapping[str, tuple[str, str]] = {
    "production.order": ("subject", "order"),
    "production.forecast": ("subject", "order"),
    "production.outcome": ("subject", "order"),
    "production.lot": ("subject", "lot"),
    "production.genealogy": ("subject", "unit"),
    "production.shipment": ("subject", "shipment"),
    "production.certificate": ("subject", "certificate"),
    "nonconformity.opened": ("subject", "nonconformity"),
    "nonconformity.step": ("subject", "nonconformity"),
    "inspection.module": ("subject", "module_sha256"),
    "inspection.release": ("subject", "module_sha256"),
    "inspection.agreement_study": ("subject", "station"),
    MESSAGE: ("subject", "thread"),
}
"""By which field of which facet records of a type belong together."""

Facets = dict[str, dict[str, Any]]
_decode: Callable[[bytes], Facets] = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A row of ``exchange_items``."""

    record_index: int
    record_type: str
    author: str
    stated_at: str
    customer: str | None
    order: str | None
    lot: str | None
    unit: str | None
    heat: str | None
    product: str | None
    verdict_index: int | None
    nonconformity: str | None
    document: str | None
    image_sha256: str | None
    facets: str


class Item(msgspec.Struct, frozen=True, gc=False):
    """The permitted part of a record. ``facets`` is JSON; ``order``, ``lot`` and ``unit`` are what it belongs to."""

    index: int
    record_type: str
    stated_at: str
    by_person: bool
    facets: bytes
    proven: tuple[str, ...]
    order: str | None
    lot: str | None
    unit: str | None
    noun: str | None
    product: str | None
    station: str | None
    verdict: str | None
    verdict_index: int | None
    image: str | None

    def opened(self) -> Facets:
        """The facets as values."""
        return _decode(self.facets)


@dataclass(slots=True)
class Nouns:
    """Records of one type that belong together by an id; ``ids`` are sorted."""

    ids: list[str] = field(default_factory=list)
    indices: dict[str, list[int]] = field(default_factory=dict)

    def add(self, noun: str, index: int) -> None:
        """One more record."""
        known = self.indices.get(noun)
        if known is None:
            self.indices[noun] = [index]
            insort(self.ids, noun)
        else:
            known.append(index)


@dataclass(frozen=True, slots=True)
class Belongings:
    """To whom and to what things of the plant belong, as their latest records say."""

    owners: dict[str, str | None] = field(default_factory=dict)
    lots: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    def orders_of(self, lots: frozenset[str]) -> frozenset[str]:
        """The orders of lots, where there are any."""
        return frozenset(order for lot in lots if (order := self.lots.get(lot, (None, None))[0]) is not None)


class CustomerStock:
    """See the module.

    Parameters
    ----------
    terms
        The contract version's.
    belongings
        Shared with the stocks of other customers; kept up to date by whoever loads them.
    unit_lots
        Unit → the lots that list it, of units of this customer's lots.
    """

    def __init__(self, terms: Terms, belongings: Belongings, unit_lots: Mapping[str, frozenset[str]]) -> None:
        self.terms, self._belongings = terms, belongings
        self.unit_lots: dict[str, frozenset[str]] = dict(unit_lots)
        self.items: dict[int, Item] = {}
        self.indices: list[int] = []
        self.of_type: dict[str, list[int]] = {}
        self.of_order: dict[str, list[int]] = {}
        self.of_unit: dict[str, list[int]] = {}
        self.of_lot: dict[str, list[int]] = {}
        self.products: dict[str, int] = {}
        self.of_station: dict[str, list[int]] = {}
        self.stations: list[str] = []
        self.units: list[str] = []
        self.nouns: dict[str, Nouns] = {}
        self.reviews: dict[int, list[int]] = {}
        self.documents: Nouns = Nouns()
        self.withdrawn: dict[str, int] = {}
        self.files: dict[str, list[int]] = {}
        self.progress_memo: dict[tuple[str, int], Any] = {}
        self.signature = 0

    def resolve(self, row: ItemRow) -> SubjectRef:
        """What a record is about."""
        lots = frozenset() if row.lot is None else frozenset((row.lot,))
        if row.order is None and row.lot is None and row.unit is not None:
            lots = self.unit_lots.get(row.unit, frozenset())
        orders = self._belongings.orders_of(lots)
        return SubjectRef(
            record_type=row.record_type,
            customer=row.customer,
            orders=orders if row.order is None else orders | {row.order},
            lots=lots,
            product=row.product,
            unit=row.unit,
            heat=row.heat,
            document=row.document,
        )

    def permitted(self, row: ItemRow) -> tuple[SubjectRef, Permission] | None:
        """What a record is about and what of it may be seen; ``None``: nothing.

        A review is seen only with its verdict, a step only with its nonconformity.
        """
        ref = self.resolve(row)
        if row.record_type == MESSAGE:
            return (ref, MESSAGE_PERMISSION) if row.customer == self.terms.customer and _own(row) else None
        if row.record_type == "inspection.review" and row.verdict_index not in self.items:
            return None
        if row.record_type == "nonconformity.step":
            opened = self.nouns.get("nonconformity.opened")
            if opened is None or row.nonconformity not in opened.indices or self.terms.foreign(ref):
                return None
            permission = self.terms.permission(row.record_type)
        else:
            permission = self.terms.permits(ref)
        return None if permission is None else (ref, permission)

    def offer(self, row: ItemRow) -> bool:
        """Take a record if it is permitted; whether anything that can be seen changed. Indices must ascend."""
        if row.document in self.documents.indices and _decode(row.facets.encode())["statement"].get("withdrawn"):
            self._sign(row.record_index)
            self.withdrawn[row.document] = row.record_index
            return True
        found = self.permitted(row)
        if found is None:
            return False
        self._add(row, *found)
        return True

    def _add(self, row: ItemRow, ref: SubjectRef, permission: Permission) -> None:
        whole = _decode(row.facets.encode())
        seen = disclose(whole, permission)
        facet, name = NOUN.get(row.record_type, ("subject", ""))
        noun = seen.get(facet, {}).get(name)
        subject = seen.get("subject", {})
        images = permission.images and row.record_type in IMAGE_TYPES
        item = Item(
            index=row.record_index,
            record_type=row.record_type,
            stated_at=row.stated_at,
            by_person=row.author.startswith("person:"),
            facets=msgspec.json.encode(seen),
            proven=proven_facets(
                permission,
                whole.keys(),
                row.author,
                personal_information=self.terms.statement.personal_information,
            ),
            order=row.order or (next(iter(ref.orders)) if len(ref.orders) == 1 else None),
            lot=row.lot or (next(iter(ref.lots)) if len(ref.lots) == 1 else None),
            unit=subject.get("unit"),
            noun=noun,
            product=subject.get("product"),
            station=subject.get("station"),
            verdict=seen.get("statement", {}).get("verdict"),
            verdict_index=row.verdict_index,
            image=row.image_sha256 if images else None,
        )
        self._index(item, seen)

    def _index(self, item: Item, seen: Facets) -> None:
        index = item.index
        self._sign(index)
        # Readers find items by the lists below, so it is there before it is in any of them.
        self.items[index] = item
        if item.order is not None:
            self.of_order.setdefault(item.order, []).append(index)
        if item.unit is not None and item.record_type != MESSAGE:
            if item.unit not in self.of_unit:
                insort(self.units, item.unit)
            self.of_unit.setdefault(item.unit, []).append(index)
        if item.lot is not None and item.unit is None and item.record_type != MESSAGE:
            self.of_lot.setdefault(item.lot, []).append(index)
        for product in (item.product, seen.get("statement", {}).get("product")):
            if isinstance(product, str) and item.record_type != MESSAGE:
                self.products.setdefault(product, index)
        if item.record_type == "inspection.verdict" and item.station is not None:
            if item.station not in self.of_station:
                insort(self.stations, item.station)
            self.of_station.setdefault(item.station, []).append(index)
        if item.noun is not None:
            self.nouns.setdefault(item.record_type, Nouns()).add(item.noun, index)
        if item.record_type == "inspection.review" and item.verdict_index is not None:
            self.reviews.setdefault(item.verdict_index, []).append(index)
        for digest in _files(item, seen):
            self.files.setdefault(digest, []).append(index)
        if item.record_type == "exchange.document":
            digest = seen.get("statement", {}).get("document", {}).get("sha256")
            if digest is not None:
                self.documents.add(digest, index)
        self.of_type.setdefault(item.record_type, []).append(index)
        self.indices.append(index)

    def _sign(self, index: int) -> None:
        # Sums commute: the same records give the same signature however they were loaded.
        self.signature = (self.signature + (index + 1) * 0x9E3779B97F4A7C15) % (1 << 64)


def _own(row: ItemRow) -> bool:
    """A customer's own key speaks for that customer alone."""
    kind, _, name = row.author.partition(":")
    return kind != "customer" or name == row.customer


def _files(item: Item, seen: Facets) -> list[str]:
    """Digests of files that the record lets its reader see."""
    found: list[object] = [item.image]
    statement = seen.get("statement", {})
    if item.record_type == "production.certificate":
        found += [statement.get("json_sha256"), statement.get("pdf_sha256")]
    elif item.record_type == "exchange.document":
        found.append(statement.get("document", {}).get("sha256"))
    elif item.record_type == MESSAGE:
        found += [document.get("sha256") for document in seen.get("inputs", {}).get("documents", ())]
    return [digest for digest in found if isinstance(digest, str)]


def upto(indices: list[int], end: int) -> int:
    """How many of ascending indices are below ``end``."""
    return bisect_left(indices, end)
