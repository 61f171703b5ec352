"""A customer's view as shells and submodels. Nothing is built before it is asked for, and what was built is kept
within a bound: a hundred thousand units are as many identifiers, and no trees.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import msgspec

from gaugeblock.exchange.aas.elements import reference_of
from gaugeblock.exchange.aas.errors import AasIdentifierError, AasValueError
from gaugeblock.exchange.aas.identifiables import shell
from gaugeblock.exchange.aas.identifiers import decoded
from gaugeblock.exchange.aas.memo import Memo
from gaugeblock.exchange.aas.references import Tree, model_reference
from gaugeblock.exchange.aas.view import Kind as AasKind
from gaugeblock.exchange.aas.view import StoredFile, submodels_of
from gaugeblock.exchange.shells import certificate_submodels as certificates
from gaugeblock.exchange.shells import module_submodels as modules
from gaugeblock.exchange.shells import quality, series
from gaugeblock.exchange.shells import type_submodels as types
from gaugeblock.exchange.shells.contents import (
    DATASET,
    DEPLOYMENT,
    MODEL,
    NAMEPLATE,
    OWNERS,
    SEMANTICS,
    SHELL_KINDS,
    Contents,
    Owned,
)
from gaugeblock.exchange.shells.nameplates import nameplate_of
from gaugeblock.exchange.shells.naming import Kind, Named, id_short
from gaugeblock.exchange.shells.reading import FILES, Built, Reading, built
from gaugeblock.exchange.shells.texts import plain
from gaugeblock.stores.errors import BlobMissingError

_logger = logging.getLogger("gaugeblock.exchange")

UNITS_NAMING_MOST = 1000
"""Units of an order or lot that are given as naming one of its submodels."""
TREES_MOST_BYTES = 32 * 2**20
_TREE_FACTOR = 5
"""What a tree takes in memory against its JSON."""

_ASSET_NAMES: dict[Kind, str] = {
    "unit": "serialNumber",
    "lot": "lotNumber",
    "product": "productNumber",
    "module": "sha256",
}
_UNIQUE: dict[str, Kind] = {"serialNumber": "unit", "lotNumber": "lot", "sha256": "module"}
"""Names of asset ids by which there is one shell; a product's number stands on its units, too."""
_HEADS: dict[str, Tree] = {
    name: {"idShort": name, "semanticId": reference_of(semantic)}
    for name, semantic in SEMANTICS.items()
    if semantic is not None
}


def _asked_asset(text: str) -> tuple[Kind | None, str]:
    """The one thing that an asset id of a query can mean; what it is not, the filter itself refuses."""
    try:
        asked = msgspec.json.decode(decoded(text))
    except (AasIdentifierError, msgspec.DecodeError, RecursionError):
        return None, ""
    if not isinstance(asked, dict) or not isinstance(asked.get("value"), str):
        return None, ""
    return _UNIQUE.get(str(asked.get("name"))), asked["value"]


class ShellIds(Sequence[str]):
    """Identifiers of shells, written when they are read."""

    def __init__(self, owner: RecordShells) -> None:
        self._owner = owner
        self._parts = [(kind, owner.numbers(kind)) for kind in SHELL_KINDS]
        self._length = sum(len(numbers) for _, numbers in self._parts)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self._at(each) for each in range(*place.indices(self._length))]
        if not -self._length <= place < self._length:
            raise IndexError(place)
        return self._at(place % self._length)

    def _at(self, place: int) -> str:
        for kind, numbers in self._parts:
            if place < len(numbers):
                return self._owner.names.shell(kind, numbers[place])
            place -= len(numbers)
        raise IndexError(place)

    def position(self, named: Named) -> int | None:
        """Where a shell is."""
        before = 0
        for kind, numbers in self._parts:
            if kind == named.kind:
                place = bisect_left(numbers, named.number)
                return before + place if place < len(numbers) and numbers[place] == named.number else None
            before += len(numbers)
        return None


class RecordShells(Contents):
    """See the module; an :class:`~gaugeblock.exchange.aas.view.AasView`.

    Parameters
    ----------
    reading
        The view, the names, who makes it, and files.
    """

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.version = reading.view.version
        self.memo = Memo()
        self._built = Memo(TREES_MOST_BYTES)
        self._rewritten_numbers: dict[Kind, tuple[str, ...]] = {}

    # ── identifiers ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def was_listed(self) -> bool:
        """Whether somebody has gone through its submodels."""
        return "_submodel_ids" in self.__dict__

    def list_ahead(self) -> None:
        """Work out now what a listing needs, before somebody waits for it."""
        self._submodel_positions  # noqa: B018 - kept by being read

    @cached_property
    def _submodel_ids(self) -> tuple[str, ...]:
        return tuple(
            self.names.submodel(kind, number, name)
            for kind in OWNERS
            for number in self.numbers(kind)
            for name in self.own(kind, number)
        )

    @cached_property
    def _submodel_positions(self) -> dict[str, int]:
        return {identifier: place for place, identifier in enumerate(self._submodel_ids)}

    @cached_property
    def _shell_ids(self) -> ShellIds:
        return ShellIds(self)

    # ── as AasView ──────────────────────────────────────────────────────────────────────────────────────

    def ids(self, kind: AasKind) -> Sequence[str]:
        if kind == "shell":
            return self._shell_ids
        return self._submodel_ids if kind == "submodel" else ()

    def position(self, kind: AasKind, identifier: str) -> int | None:
        named = self.names.read(identifier)
        if named is None or kind == "concept" or (kind == "shell") != (named.submodel is None):
            return None
        return self._shell_ids.position(named) if kind == "shell" else self._submodel_positions.get(identifier)

    def tree(self, kind: AasKind, identifier: str) -> Tree | None:
        found = self._found(kind, identifier)
        return None if found is None else found.tree

    def derived_from(self, kind: AasKind, identifier: str) -> tuple[int, ...]:
        found = self._found(kind, identifier)
        return () if found is None else found.sources

    def file(self, path: str) -> StoredFile | None:
        sha256 = path.removeprefix(FILES).partition(".")[0]
        grant = self._view.file(sha256) if path.startswith(FILES) else None
        if grant is None or grant.kind == "image":
            return None
        try:
            return StoredFile(grant.media_type or "application/octet-stream", self.reading.files.get(sha256))
        except BlobMissingError:
            return None

    def head(self, kind: AasKind, identifier: str) -> Tree | None:
        if not identifier.startswith(self.names.base):
            return None
        if kind == "submodel":
            return _HEADS.get(identifier.rpartition("/")[2])
        named = self.names.read(identifier)
        return self._bare_shell(named.kind, named.number) if named is not None and self._is_shell(named) else None

    def candidates(self, kind: AasKind, query: Mapping[str, Sequence[str]]) -> Sequence[str]:
        for text in query.get("assetIds") or () if kind == "shell" else ():
            of, number = _asked_asset(text)
            if of is not None and self._has(of, number):
                # Numbers that are not written as they are may be another's in writing.
                found = sorted({number, *self._rewritten(of)})
                return [self.names.shell(of, each) for each in found]
        return self.ids(kind)

    def _rewritten(self, kind: Kind) -> tuple[str, ...]:
        known = self._rewritten_numbers.get(kind)
        if known is None:
            odd = (each for each in self.numbers(kind) if not each.isprintable() or each.strip() != each)
            known = self._rewritten_numbers[kind] = tuple(odd)
        return known

    def shells_naming(self, submodel: str) -> Sequence[str]:
        named = self.names.read(submodel)
        if named is None:
            return ()
        if named.kind in SHELL_KINDS:
            candidates = [self.names.shell(named.kind, named.number)]
        else:
            candidates = list(self._shells_about(named))
        return [each for each in candidates if submodel in submodels_of(self.tree("shell", each) or {})]

    def _shells_about(self, named: Named) -> Iterator[str]:
        order, lot = named.number, None
        if named.kind == "certificate":
            certificate = self._certificates.get(named.number)
            order, lot = (certificate.order or "", certificate.lot) if certificate is not None else ("", None)
        if lot is not None and self._has("lot", lot):
            yield self.names.shell("lot", lot)
        elif lot is None and order:
            for each in self._view.lots(order, limit=500).items:
                if self._has("lot", each.lot):
                    yield self.names.shell("lot", each.lot)
        after: str | None = None
        for _ in range(UNITS_NAMING_MOST // 500):
            page = self._view.units(None if lot is not None else order, lot, after, 500)
            yield from (self.names.shell("unit", each.unit) for each in page.items if self._has("unit", each.unit))
            if not isinstance(page.next, str):
                return
            after = page.next

    # ── building ────────────────────────────────────────────────────────────────────────────────────────

    def _is_shell(self, named: Named) -> bool:
        return named.submodel is None and named.kind in SHELL_KINDS and self._has(named.kind, named.number)

    def _found(self, kind: AasKind, identifier: str) -> Built | None:
        known: Built | None = self._built.get((kind, identifier))
        if known is not None:
            return known
        named = self.names.read(identifier)
        made: Built | None = None
        if named is None:
            return None
        if kind == "shell" and self._is_shell(named):
            made = self._shell(named.kind, named.number)
        elif kind == "submodel" and named.submodel in self.own(named.kind, named.number):
            made = self._submodel_or_bare(identifier, named)
        if made is not None:
            size = len(msgspec.json.encode(made.tree))
            self._built.put((kind, identifier), made, size * _TREE_FACTOR)
        return made

    def _bare_shell(self, kind: Kind, number: str) -> Tree:
        asset_kind: Literal["Instance", "Type"] = "Type" if kind == "product" else "Instance"
        specific = {_ASSET_NAMES[kind]: plain(number)}
        if kind in ("unit", "lot") and (product := self._product_of(kind, number)) is not None:
            specific["productNumber"] = plain(product)
        return shell(
            self.names.shell(kind, number),
            id_short(kind, number),
            self.names.asset(kind, number),
            (),
            asset_kind=asset_kind,
            specific_asset_ids=specific,
        )

    def _shell(self, kind: Kind, number: str) -> Built:
        tree = self._bare_shell(kind, number)
        product = self._product_of(kind, number) if kind in ("unit", "lot") else None
        if product is not None and self._has("product", product):
            tree["derivedFrom"] = model_reference(("AssetAdministrationShell", self.names.shell("product", product)))
        named = self.named_by(kind, number)
        if named:
            tree["submodels"] = [self._reference(each) for each in named]
        return built(tree, *self._sources(kind, number, named))

    def _reference(self, owned: Owned) -> Tree:
        reference = model_reference(("Submodel", self.names.submodel(*owned)))
        return {**reference, "referredSemanticId": _HEADS[owned[2]]["semanticId"]}

    def _sources(self, kind: Kind, number: str, named: Sequence[Owned]) -> Iterator[int]:
        """The records that a shell itself says: that there is such a thing, and such submodels of it."""
        match kind:
            case "product":
                yield self._products[number]
            case "unit":
                yield from self._unit(number).record_indices
            case "lot":
                yield self._lot(number).record_index
            case "module":
                yield from self._modules[number].sources
        yield from (self._certificates[each].record_index for owner, each, _ in named if owner == "certificate")

    def _submodel_or_bare(self, identifier: str, named: Named) -> Built:
        """A record with a value that the template cannot say must not end a listing: then it is there, and empty."""
        name = named.submodel or ""
        try:
            return self._submodel(identifier, named.kind, named.number, name)
        except AasValueError as error:
            _logger.warning("%s: %s", identifier, error)
            return Built({"modelType": "Submodel", "kind": "Instance", "id": identifier, **_HEADS[name]}, ())

    def _submodel(self, identifier: str, kind: Kind, number: str, name: str) -> Built:
        reading = self.reading
        match name:
            case "Nameplate":
                product = number if kind == "product" else self._product_of(kind, number) or number
                sources = (self._products[product],) if kind == "product" else self._origin_of(kind, number)
                return nameplate_of(reading, identifier, kind, number, product, sources)
            case "TechnicalData":
                found = types.technical_data_of(reading, identifier, number)
                return built(found.tree, self._products[number], *found.sources)
            case "HandoverDocumentation":
                of = reading.documents_of_products if kind == "product" else reading.documents_of_orders
                return types.handover_of(reading, identifier, of[number])
            case "CarbonFootprint":
                return types.carbon_footprint_of(identifier, types.footprints_of(reading, number))
            case "QualityControlForMachining":
                records = quality.quality_records(reading, self._records_of(kind, number))
                lot = number if kind == "lot" else self._unit(number).lot
                return quality.quality_of(reading, identifier, kind, number, lot, records)
            case "TimeSeries" if kind == "order":
                return series.progress_of(reading, identifier, number)
            case "TimeSeries":
                return series.scores_of(reading, identifier, self._lot(number))
            case "DigitalQualityDocuments":
                return certificates.quality_document_of(reading, identifier, self._certificates[number])
            case "InspectionDocumentsOfSteelProducts":
                certificate = self._certificates[number]
                steel = self._steel_document(certificate)
                assert steel is not None, "own has looked"
                return certificates.steel_inspection_of(identifier, steel, certificate)
            case _:
                return self._ai(identifier, number, name)

    def _origin_of(self, kind: Kind, number: str) -> tuple[int, ...]:
        if kind == "unit":
            return self._unit(number).record_indices
        return (self._lot(number).record_index,)

    def _ai(self, identifier: str, number: str, name: str) -> Built:
        reading, module = self.reading, self._modules[number]
        contact = None
        if module.product is not None and NAMEPLATE in self.own("product", module.product):
            contact = self.names.submodel("product", module.product, NAMEPLATE)
        if name == DATASET:
            return modules.dataset_of(reading, identifier, module, contact)
        if name == DEPLOYMENT:
            model = self.names.submodel("module", number, MODEL)
            return modules.deployment_of(reading, identifier, module, model, contact)
        dataset = self.names.submodel("module", number, DATASET) if module.held_out is not None else None
        return modules.model_of(reading, identifier, module, dataset, contact)


assert set(get_args(Kind)) == set(OWNERS), "every kind is listed"
