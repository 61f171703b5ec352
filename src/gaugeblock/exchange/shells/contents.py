"""What there is in a customer's view that becomes a shell or submodel: looked up, and not yet built."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

from gaugeblock.exchange.aas.elements import Semantics
from gaugeblock.exchange.shells import certificate_submodels as certificates
from gaugeblock.exchange.shells import module_submodels as modules
from gaugeblock.exchange.shells import quality, series
from gaugeblock.exchange.shells import type_submodels as types
from gaugeblock.exchange.shells.module_submodels import ModuleKnown
from gaugeblock.exchange.shells.naming import Kind, can_be_named
from gaugeblock.exchange.shells.reading import Reading
from gaugeblock.exchange.submodels import (
    ai_dataset,
    ai_deployment,
    ai_model,
    carbon_footprint,
    handover,
    machining_quality,
    nameplate,
    quality_documents,
    steel_inspection,
    technical_data,
    time_series,
)
from gaugeblock.exchange.submodels.steel_inspection import SteelInspection
from gaugeblock.exchange.view_model import CertificateView, LotView, UnitView

NAMEPLATE, TECHNICAL, HANDOVER, FOOTPRINT = "Nameplate", "TechnicalData", "HandoverDocumentation", "CarbonFootprint"
QUALITY, SERIES = "QualityControlForMachining", "TimeSeries"
DOCUMENT, STEEL = "DigitalQualityDocuments", "InspectionDocumentsOfSteelProducts"
MODEL, DATASET, DEPLOYMENT = "AIModelNameplate", "AIDataset", "AIDeployment"
SEMANTICS: dict[str, Semantics] = {
    NAMEPLATE: nameplate.SEMANTIC_ID,
    TECHNICAL: technical_data.SEMANTIC_ID,
    HANDOVER: handover.SEMANTIC_ID,
    FOOTPRINT: carbon_footprint.SEMANTIC_ID,
    QUALITY: machining_quality.SEMANTIC_ID,
    SERIES: time_series.SEMANTIC_ID,
    DOCUMENT: quality_documents.SEMANTIC_ID,
    STEEL: steel_inspection.SEMANTIC_ID,
    MODEL: ai_model.SEMANTIC_ID,
    DATASET: ai_dataset.SEMANTIC_ID,
    DEPLOYMENT: ai_deployment.SEMANTIC_ID,
}

SHELL_KINDS: tuple[Kind, ...] = ("product", "module", "lot", "unit")
"""In the order of listings: what there is little of comes first."""
OWNERS: tuple[Kind, ...] = ("product", "module", "order", "certificate", "lot", "unit")
CERTIFICATES_MOST = 100
"""That one shell names."""
Owned = tuple[Kind, str, str]
"""A submodel: kind and number of what it is of, and its name."""


class Contents:
    """See the module.

    Parameters
    ----------
    reading
        The view, the names, who makes it, and files.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading, self.names, self._view = reading, reading.names, reading.view
        self._numbers: dict[Kind, tuple[str, ...]] = {}
        self._steel: dict[str, SteelInspection | None] = {}

    # ── what there is ───────────────────────────────────────────────────────────────────────────────────

    def numbers(self, kind: Kind) -> tuple[str, ...]:
        """All of a kind, sorted."""
        known = self._numbers.get(kind)
        if known is None:
            known = self._numbers[kind] = tuple(filter(can_be_named, self._listed(kind)))
        return known

    def _listed(self, kind: Kind) -> Sequence[str]:
        match kind:
            case "product":
                return tuple(self._products)
            case "unit":
                return self._view.unit_names()
            case "lot":
                return self._view.nouns("production.lot")
            case "module":
                return tuple(self._modules)
            case "order":
                # Those with a submodel of their own.
                forecast = self._view.nouns("production.forecast") if series.has_progress(self.reading) else ()
                return sorted({*forecast, *self.reading.documents_of_orders})
            case "certificate":
                return sorted(self._certificates)

    @cached_property
    def _products(self) -> dict[str, int]:
        return self._view.products()

    @cached_property
    def _modules(self) -> dict[str, ModuleKnown]:
        return modules.modules_of(self.reading)

    @cached_property
    def _certificates(self) -> dict[str, CertificateView]:
        return {each.certificate: each for each in self.reading.certificates}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        return not any(map(self.numbers, OWNERS))

    def _has(self, kind: Kind, number: str) -> bool:
        numbers = self.numbers(kind)
        place = bisect_left(numbers, number)
        return place < len(numbers) and numbers[place] == number

    # ── which submodels ─────────────────────────────────────────────────────────────────────────────────

    def own(self, kind: Kind, number: str) -> tuple[str, ...]:
        """Names of the submodels that something has of its own."""
        if not self._has(kind, number):
            return ()
        return tuple(self._own(kind, number))

    def _own(self, kind: Kind, number: str) -> Iterator[str]:
        reading = self.reading
        match kind:
            case "product":
                if reading.maker.address is not None:
                    yield NAMEPLATE
                yield TECHNICAL
                if number in reading.documents_of_products:
                    yield HANDOVER
                if types.footprints_of(reading, number):
                    yield FOOTPRINT
            case "unit" | "lot":
                unit = self._unit(number) if kind == "unit" else None
                lot = self._lot(number) if unit is None else None
                about = unit or lot
                if reading.maker.address is not None and about is not None and about.product is not None:
                    yield NAMEPLATE
                indices = unit.record_indices if unit is not None else self._view.lot_records(number)
                if quality.quality_records(reading, indices):
                    yield QUALITY
                if lot is not None and series.has_scores(reading, lot):
                    yield SERIES
            case "order":
                if number in reading.documents_of_orders:
                    yield HANDOVER
                if series.has_progress(reading) and self._view.forecasts(number):
                    yield SERIES
            case "certificate":
                certificate = self._certificates[number]
                if certificates.has_files(certificate):
                    yield DOCUMENT
                if self._steel_document(certificate) is not None:
                    yield STEEL
            case "module":
                module = self._modules[number]
                yield MODEL
                if module.held_out is not None:
                    yield DATASET
                if module.in_service:
                    yield DEPLOYMENT

    def named_by(self, kind: Kind, number: str) -> list[Owned]:
        """The submodels that a shell names: its own, and those of its order and of its certificates."""
        found: list[Owned] = [(kind, number, name) for name in self.own(kind, number)]
        order, lot = self._order_and_lot(kind, number)
        if order is not None:
            found += [("order", order, name) for name in self.own("order", order)]
        of_lot = self.reading.certificates_of_lots.get(lot or "", [])
        of_order = self.reading.certificates_of_orders.get(order or "", [])
        for certificate in islice([*of_lot, *of_order], CERTIFICATES_MOST):
            number_of_it = certificate.certificate
            found += [("certificate", number_of_it, name) for name in self.own("certificate", number_of_it)]
        return found

    def _order_and_lot(self, kind: Kind, number: str) -> tuple[str | None, str | None]:
        if kind == "unit":
            unit = self._unit(number)
            return unit.order, unit.lot
        return (self._lot(number).order, number) if kind == "lot" else (None, None)

    def _unit(self, number: str) -> UnitView:
        unit = self._view.unit(number)
        assert unit is not None, "it is among the view's"
        return unit

    def _product_of(self, kind: Kind, number: str) -> str | None:
        return self._unit(number).product if kind == "unit" else self._lot(number).product

    def _lot(self, number: str) -> LotView:
        lot = self._view.lot(number)
        assert lot is not None, "it is among the view's"
        return lot

    def _records_of(self, kind: Kind, number: str) -> tuple[int, ...]:
        return self._unit(number).record_indices if kind == "unit" else self._view.lot_records(number)

    def _steel_document(self, certificate: CertificateView) -> SteelInspection | None:
        if certificate.certificate not in self._steel:
            self._steel[certificate.certificate] = certificates.steel_document(self.reading, certificate)
        return self._steel[certificate.certificate]
