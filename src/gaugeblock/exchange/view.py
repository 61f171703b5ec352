"""What one customer may see now: the one way by which every face of the exchange reads.

A view is an immutable snapshot: one state of the log, one version of the contract. Whatever is not permitted is not in
it, so that no face can leak it: a foreign id and an absent one take the same path to the same ``None``.

Threads may share a view; its methods read memory alone, but for :meth:`CustomerView.evidence`, which reads the log.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from gaugeblock.exchange import view_building as building
from gaugeblock.exchange.contract_errors import EvidenceNotPermittedError
from gaugeblock.exchange.contract_history import ContractState, VersionState
from gaugeblock.exchange.customer_stock import CustomerStock, Item
from gaugeblock.exchange.items_projection import MESSAGE
from gaugeblock.exchange.progress import order_progress
from gaugeblock.exchange.view_model import (
    CertificateView,
    ChangeView,
    ContractView,
    DeliveryForecast,
    DocumentView,
    FileGrant,
    FootprintView,
    GenealogyView,
    HealthView,
    InspectionFilter,
    InspectionView,
    LotView,
    NonconformityView,
    OrderProgress,
    OrderView,
    Page,
    RecordView,
    ResultView,
    ShipmentView,
    ThreadView,
    UnitView,
)
from gaugeblock.exchange.view_reading import StockReading, belongs, clamp, cut, everything, newest
from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.stores.log_records import StoredRecord

LIMIT = 100
QUOTA_WITHOUT_CONTRACT = 1000
PROGRESS_KEPT = 10_000

_EVERYTHING = InspectionFilter()


class EvidenceLog(Protocol):
    """The log, read-only: a reader of a database or its in-memory twin."""

    def record(self, index: int) -> StoredRecord:
        """The record at ``index``."""
        ...

    def evidence(self, index: int, facets: Collection[str] | None = None) -> bytes:
        """Evidence that discloses these facets."""
        ...


class CustomerView(StockReading):
    """See the module. Made by :class:`~gaugeblock.exchange.view_source.ViewSource`; one for each customer, contract
    version and state of the log.

    Lists of nouns are sorted by their id; ``after`` is the last id of the page before (``Page.next``). Lists of records
    are newest first; ``before`` is the last index of the page before. Limits are taken as 1 to 500.
    """

    customer: str
    """Id of ``plant.toml``."""
    contract: ContractView | None
    """The version in force; ``None``: there is none, and everything but :meth:`contracts` is empty."""
    version: str
    """Changes when anything that this customer can see changes; safe to show (it tells nothing)."""
    log_size: int
    """How many records the view has read."""
    quota_per_day: int
    """Of the contract in force; 1,000 without one."""

    def __init__(
        self,
        *,
        customer: str,
        contracts: Iterable[ContractState],
        state: VersionState | None,
        stock: CustomerStock | None,
        log_size: int,
        log: EvidenceLog,
    ) -> None:
        super().__init__(stock, log_size)
        self.customer, self.log_size, self._log = customer, log_size, log
        shown = [
            view
            for known in contracts
            for version in known.versions
            if (view := building.contract_view(version, state)) is not None
        ]
        self._contracts = tuple(sorted(shown, key=lambda view: -view.record_index))
        self.contract = next((view for view in self._contracts if view.in_force), None)
        self.quota_per_day = QUOTA_WITHOUT_CONTRACT if self.contract is None else self.contract.quota_per_day
        self._contract_indices = frozenset(
            index for view in shown for index in (view.record_index, view.step_index) if index is not None
        )
        told = (customer, [(v.record_index, v.state, v.in_force) for v in shown], stock.signature if stock else 0)
        self.version = hashlib.sha256(repr(told).encode()).hexdigest()[:20]

    # ── contracts ───────────────────────────────────────────────────────────────────────────────────────

    def contracts(self) -> tuple[ContractView, ...]:
        """Every version that was offered to this customer, newest first. Seen without a contract in force, too."""
        return self._contracts

    # ── orders and what they consist of ─────────────────────────────────────────────────────────────────

    def orders(self, after: str | None = None, limit: int = LIMIT) -> Page[OrderView]:
        """Orders in scope, by number."""
        return self._page("production.order", self._order, after, limit)

    def order(self, order: str) -> OrderView | None:
        """One order; ``None`` where there is none, or none for this customer."""
        return self._one("production.order", order, self._order)

    def forecasts(self, order: str) -> tuple[DeliveryForecast, ...]:
        """All forecasts of an order's completion that may be seen, oldest first."""
        return tuple(building.forecast_view(item) for item in self._of_noun("production.forecast", order))

    def _order(self, history: Sequence[Item]) -> OrderView:
        order = str(history[-1].noun)
        forecasts = self._of_noun("production.forecast", order)
        delivery = building.forecast_view(forecasts[-1]) if forecasts else None
        return building.order_view(history[-1], history, self._progress(order), delivery)

    def _progress(self, order: str) -> OrderProgress | None:
        stock = self._stock
        assert stock is not None, "there is an order, so there is a stock"
        indices = self._below(stock.of_order.get(order, ()))
        # The same records give the same counts, for every view of them.
        key = (order, indices[-1] if indices else -1)
        known = stock.progress_memo.get(key)
        if known is None:
            if len(stock.progress_memo) >= PROGRESS_KEPT:
                stock.progress_memo.clear()
            known = stock.progress_memo[key] = (order_progress([stock.items[at] for at in indices], stock.terms),)
        return known[0]

    def lots(self, order: str | None = None, after: str | None = None, limit: int = LIMIT) -> Page[LotView]:
        """Lots in scope, of one order where it is given."""
        return self._page("production.lot", newest(building.lot_view), after, limit, belongs(order=order))

    def lot(self, lot: str) -> LotView | None:
        """One lot."""
        return self._one("production.lot", lot, newest(building.lot_view))

    def units(
        self, order: str | None = None, lot: str | None = None, after: str | None = None, limit: int = LIMIT
    ) -> Page[UnitView]:
        """Serial numbers in scope, of one order or lot where it is given."""
        stock = self._stock
        if stock is None:
            return Page(())
        names: Sequence[str] = stock.units
        if lot is not None:
            known = self.lot(lot)
            names = sorted(set(known.units)) if known is not None else ()
        if order is not None:
            found_units = (stock.items[at].unit for at in self._below(stock.of_order.get(order, ())))
            of_order = {unit for unit in found_units if unit is not None}
            names = [name for name in names if name in of_order] if lot is not None else sorted(of_order)
        start = 0 if after is None else bisect_right(names, after)
        found: list[UnitView] = []
        for name in names[start:]:
            view = self.unit(name)
            if view is not None:
                found.append(view)
                if len(found) > clamp(limit):
                    break
        return cut(found, limit, lambda view: view.unit)

    def unit(self, unit: str) -> UnitView | None:
        """One serial number."""
        items = self._items(self._stock.of_unit.get(unit, ()) if self._stock is not None else ())
        if not items:
            return None
        verdicts = [item for item in items if item.record_type == "inspection.verdict"]
        return UnitView(
            unit=unit,
            record_indices=tuple(item.index for item in items),
            product=next((item.product for item in reversed(items) if item.product), None),
            order=next((item.order for item in reversed(items) if item.order), None),
            lot=self._lot_of(items[-1]),
            verdict=verdicts[-1].verdict if verdicts else None,
            verdict_index=verdicts[-1].index if verdicts else None,
        )

    def genealogy(self, unit: str) -> tuple[GenealogyView, ...]:
        """What a unit was made of, by each record of it, oldest first; empty where there is none."""
        return tuple(building.genealogy_view(item) for item in self._of_noun("production.genealogy", unit))

    def results(
        self,
        order: str | None = None,
        lot: str | None = None,
        heat: str | None = None,
        unit: str | None = None,
        before: int | None = None,
        limit: int = LIMIT,
    ) -> Page[ResultView]:
        """Values that were measured or entered, newest first; of one order, lot, heat or unit where given."""

        def wanted(item: Item) -> bool:
            subject = item.opened().get("subject", {})
            return (
                order in (None, item.order)
                and lot in (None, item.lot)
                and heat in (None, subject.get("heat"))
                and unit in (None, item.unit)
            )

        return self._newest_first("production.result", building.result_view, before, limit, wanted)

    def shipments(self, order: str | None = None, after: str | None = None, limit: int = LIMIT) -> Page[ShipmentView]:
        """Shipments in scope, by number."""
        return self._page("production.shipment", newest(building.shipment_view), after, limit, belongs(order=order))

    def shipment(self, shipment: str) -> ShipmentView | None:
        """One shipment."""
        return self._one("production.shipment", shipment, newest(building.shipment_view))

    def certificates(
        self, order: str | None = None, lot: str | None = None, after: str | None = None, limit: int = LIMIT
    ) -> Page[CertificateView]:
        """Certificates in scope, by number; withdrawn ones say so."""
        return self._page(
            "production.certificate",
            newest(building.certificate_view),
            after,
            limit,
            belongs(order=order, lot=lot),
        )

    def certificate(self, certificate: str) -> CertificateView | None:
        """One certificate."""
        return self._one("production.certificate", certificate, newest(building.certificate_view))

    # ── inspections ─────────────────────────────────────────────────────────────────────────────────────

    def inspections(
        self, wanted: InspectionFilter = _EVERYTHING, before: int | None = None, limit: int = LIMIT
    ) -> Page[InspectionView]:
        """Verdicts, newest first.

        Raises
        ------
        TimeFormatError
        """
        stock = self._stock
        if stock is None:
            return Page(())
        since = to_rfc3339(from_rfc3339(wanted.since)) if wanted.since is not None else None
        until = to_rfc3339(from_rfc3339(wanted.until)) if wanted.until is not None else None
        candidates = [stock.of_type.get("inspection.verdict", [])]
        for key, lists in (
            (wanted.unit, stock.of_unit),
            (wanted.order, stock.of_order),
            (wanted.station, stock.of_station),
        ):
            if key is not None:
                candidates.append(lists.get(key, []))

        def fits(item: Item) -> bool:
            return (
                item.record_type == "inspection.verdict"
                and wanted.order in (None, item.order)
                and wanted.unit in (None, item.unit)
                and wanted.product in (None, item.product)
                and wanted.station in (None, item.station)
                and wanted.verdict in (None, item.verdict)
                and (since is None or item.stated_at >= since)
                and (until is None or item.stated_at < until)
                and (wanted.lot is None or self._lot_of(item) == wanted.lot)
            )

        return self._backwards(min(candidates, key=len), self._inspection, before, limit, fits)

    def inspection(self, index: int) -> InspectionView | None:
        """One verdict by its record."""
        item = self._item(index)
        return self._inspection(item) if item is not None and item.record_type == "inspection.verdict" else None

    def _inspection(self, item: Item) -> InspectionView:
        reviews = self._items(self._stock.reviews.get(item.index, ()) if self._stock is not None else ())
        return building.inspection_view(item, self._lot_of(item), reviews[-1] if reviews else None)

    def health(self) -> tuple[HealthView, ...]:
        """Stations that inspected what may be seen, and their modules as far as permitted."""
        stock = self._stock
        if stock is None:
            return ()
        found = []
        for station in list(stock.stations):
            verdicts = self._items(self._below(stock.of_station[station])[-1:])
            if verdicts:
                found.append(self._station(station, verdicts[-1]))
        return tuple(found)

    def _station(self, station: str, last: Item) -> HealthView:
        module = last.opened().get("inputs", {}).get("module_sha256")
        introduced = self._of_noun("inspection.module", module) if module is not None else []
        released = self._of_noun("inspection.release", module) if module is not None else []
        studies = self._of_noun("inspection.agreement_study", station)
        used = [last, *introduced[-1:], *released[-1:], *studies[-1:]]
        return HealthView(
            station=station,
            record_indices=tuple(sorted(item.index for item in used)),
            last_verdict_at=last.stated_at,
            module_sha256=module,
            module_index=introduced[-1].index if introduced else None,
            released_index=released[-1].index if released else None,
            released_at=released[-1].stated_at if released else None,
            study_index=studies[-1].index if studies else None,
            study_conclusion=studies[-1].opened().get("statement", {}).get("conclusion") if studies else None,
        )

    def nonconformities(self, after: str | None = None, limit: int = LIMIT) -> Page[NonconformityView]:
        """Nonconformities in scope, by number."""
        return self._page("nonconformity.opened", self._nonconformity, after, limit)

    def nonconformity(self, nonconformity: str) -> NonconformityView | None:
        """One nonconformity with its steps."""
        return self._one("nonconformity.opened", nonconformity, self._nonconformity)

    def _nonconformity(self, items: Sequence[Item]) -> NonconformityView:
        # The record that opened it, and none that states its number again.
        return building.nonconformity_view(items[0], self._of_noun("nonconformity.step", str(items[0].noun)))

    # ── collaboration, documents, footprints ────────────────────────────────────────────────────────────

    def threads(self, after: str | None = None, limit: int = LIMIT) -> Page[ThreadView]:
        """Conversations between plant and customer, by number: always whole, whatever the permissions."""
        return self._page(MESSAGE, building.thread_view, after, limit)

    def thread(self, thread: str) -> ThreadView | None:
        """One conversation."""
        return self._one(MESSAGE, thread, building.thread_view)

    def documents(self, after: str | None = None, limit: int = LIMIT) -> Page[DocumentView]:
        """Documents that are shared, by digest; withdrawn ones are gone."""
        stock = self._stock
        return Page(()) if stock is None else self._page_of(stock.documents, self._document, after, limit)

    def document(self, sha256: str) -> DocumentView | None:
        """One document."""
        items = self._items(self._stock.documents.indices.get(sha256, ()) if self._stock is not None else ())
        return self._document(items) if items else None

    def _document(self, items: Sequence[Item]) -> DocumentView | None:
        view = building.document_view(items[-1])
        assert self._stock is not None, "there is a document, so there is a stock"
        gone = self._stock.withdrawn.get(view.sha256)
        return None if gone is not None and items[-1].index < gone < self._end else view

    def footprints(
        self, product: str | None = None, before: int | None = None, limit: int = LIMIT
    ) -> Page[FootprintView]:
        """Carbon footprints in scope, newest first."""
        return self._newest_first(
            "exchange.footprint", building.footprint_view, before, limit, lambda item: product in (None, item.product)
        )

    def footprint(self, index: int) -> FootprintView | None:
        """One footprint by its record."""
        item = self._item(index)
        return building.footprint_view(item) if item and item.record_type == "exchange.footprint" else None

    # ── what there is, without reading it ───────────────────────────────────────────────────────────────

    def products(self) -> dict[str, int]:
        """Every product that a record which may be seen names, sorted, with the first such record."""
        # Copied at once: records of later views are appended meanwhile.
        known = dict(self._stock.products) if self._stock is not None else {}
        return {product: known[product] for product in sorted(known) if known[product] < self._end}

    def unit_names(self) -> tuple[str, ...]:
        """The serial numbers of :meth:`units`, all at once: a hundred thousand take some hundredths of a second."""
        stock = self._stock
        if stock is None:
            return ()
        known = stock.of_unit
        return tuple(name for name in list(stock.units) if (at := known.get(name)) and at[0] < self._end)

    def nouns(self, record_type: str) -> tuple[str, ...]:
        """The ids that records of a type go by (``production.lot``: lots), sorted."""
        nouns = self._stock.nouns.get(record_type) if self._stock is not None else None
        if nouns is None:
            return ()
        return tuple(name for name in list(nouns.ids) if nouns.indices[name][0] < self._end)

    def lot_records(self, lot: str) -> tuple[int, ...]:
        """Records that name a lot and no unit, oldest first."""
        return tuple(self._below(self._stock.of_lot.get(lot, ()))) if self._stock is not None else ()

    def headline(self, index: int) -> tuple[str, str | None] | None:
        """Type and verdict of a record that may be seen, without opening it."""
        item = self._item(index)
        return None if item is None else (item.record_type, item.verdict)

    # ── records ─────────────────────────────────────────────────────────────────────────────────────────

    def record(self, index: int) -> RecordView | None:
        """Any record that may be seen, as its permitted facets."""
        item = self._item(index)
        return building.record_view(item) if item is not None else None

    def records(
        self, record_type: str | None = None, before: int | None = None, limit: int = LIMIT
    ) -> Page[RecordView]:
        """Records, newest first; of one type where it is given."""
        stock = self._stock
        if stock is None:
            return Page(())
        indices = stock.indices if record_type is None else stock.of_type.get(record_type, [])
        return self._backwards(indices, building.record_view, before, limit, everything)

    def changes(self, after: int = -1, limit: int = LIMIT) -> Page[ChangeView]:
        """Records that may be seen with an index beyond ``after``, oldest first. ``next`` is always given: where to
        go on, now or later (the last index of the page, or ``after`` itself).

        A record that a new record of its order or lot brings into scope later is not repeated: it keeps its index.
        """
        indices = self._below(self._stock.indices if self._stock is not None else ())
        start = bisect_right(indices, after)
        items = self._items(indices[start : start + clamp(limit)])
        return Page(tuple(building.change_view(item) for item in items), items[-1].index if items else after)

    def evidence(self, index: int) -> bytes | None:
        """Evidence of a record that discloses the permitted facets only; ``None`` where the record cannot be seen.

        Reads the log. Of the contract itself everything is disclosed to its customer.

        Raises
        ------
        EvidenceNotPermittedError
            No facet of it may be disclosed whole, or it would name a person and the contract does not permit that.
        CheckpointPendingError
            No checkpoint covers it yet: again in a second.
        """
        if index in self._contract_indices:
            return self._log.evidence(index)
        item = self._item(index)
        if item is None:
            return None
        # What was erased since cannot be opened any more.
        kept = self._log.record(index).disclosures
        facets = [name for name in item.proven if name in kept]
        if not facets:
            raise EvidenceNotPermittedError(index=index)
        return self._log.evidence(index, facets)

    def file(self, sha256: str) -> FileGrant | None:
        """Whether bytes of this digest (a photograph, a certificate's file, a document) may be seen; the caller reads
        them from the blobs."""
        items = self._items(self._stock.files.get(sha256, ()) if self._stock is not None else ())
        if items and all(item.record_type == "exchange.document" for item in items) and self.document(sha256) is None:
            return None
        return building.file_grant(sha256, items)
