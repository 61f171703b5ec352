"""What builders read from: one customer's view, the names of its objects, who made them, and files by digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol, TypeVar

import msgspec

from gaugeblock.exchange.aas.references import Tree, external_reference, model_reference
from gaugeblock.exchange.shells.maker import Maker
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.exchange.submodels.vocabulary import HeldFile
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_model import CertificateView, DocumentView, ResultView

V = TypeVar("V")

PAGE = 500
PAGES_MOST = 20
"""Pages of certificates and documents that are looked through: 10,000 of each."""
RESULTS_FOR_LIMITS = 200
"""The newest results, from which a product's limits are read."""
FILES = "/aasx/files/"
_ENDINGS = {
    "application/pdf": "pdf",
    "application/json": "json",
    "image/png": "png",
    "image/jpeg": "jpg",
    "application/zip": "zip",
    "model/step": "step",
}
_ENDING_OTHERWISE = "bin"


class Files(Protocol):
    """Bytes by digest."""

    def get(self, sha256: str) -> bytes: ...


class Built(msgspec.Struct, frozen=True):
    """A shell or submodel, and the records that it says."""

    tree: Tree
    sources: tuple[int, ...]


def built(tree: Tree, *sources: int) -> Built:
    """With each record once, in the order of the log."""
    return Built(tree, tuple(sorted(set(sources))))


def held_file(sha256: str, media_type: str | None) -> HeldFile:
    """How a File element names bytes that are held by digest."""
    content_type = media_type if media_type in _ENDINGS else "application/octet-stream"
    return HeldFile(f"{FILES}{sha256}.{_ENDINGS.get(content_type, _ENDING_OTHERWISE)}", content_type)


class Reading:
    """See the module. What is looked through once is kept with it, so it lives no longer than its view."""

    def __init__(self, view: CustomerView, names: Naming, maker: Maker, files: Files) -> None:
        self.view, self.names, self.maker, self.files = view, names, maker, files

    def may_see(self, record_type: str, facet: str, field: str) -> bool:
        """Whether the contract permits a field. A field that a record leaves at its default is not in it: only by this
        can that be told from one that is withheld."""
        contract = self.view.contract
        for given in contract.permissions if contract is not None else ():
            if given.record_type == record_type:
                named = [path for path in given.fields if path.startswith(facet + ".")]
                return facet in given.facets and (not named or f"{facet}.{field}" in named)
        return False

    def contact(self, nameplate: str | None) -> Tree:
        """Who answers for it: the address on its nameplate; without one, the enterprise as such."""
        if nameplate is None:
            return external_reference(f"{self.names.root}/enterprise")
        return model_reference(("Submodel", nameplate), ("SubmodelElementCollection", "AddressInformation"))

    @cached_property
    def certificates(self) -> tuple[CertificateView, ...]:
        """All that have not been withdrawn."""
        found: list[CertificateView] = []
        after: str | None = None
        for _ in range(PAGES_MOST):
            page = self.view.certificates(after=after, limit=PAGE)
            found += [each for each in page.items if each.state != "withdrawn"]
            if not isinstance(page.next, str):
                break
            after = page.next
        return tuple(found)

    @cached_property
    def certificates_of_lots(self) -> Mapping[str, list[CertificateView]]:
        """By the lot that they name."""
        return _by((each.lot, each) for each in self.certificates)

    @cached_property
    def certificates_of_orders(self) -> Mapping[str, list[CertificateView]]:
        """By the order that they name, of those that name no lot."""
        return _by((each.order, each) for each in self.certificates if each.lot is None)

    @cached_property
    def documents(self) -> tuple[DocumentView, ...]:
        """All that are shared, but for environments: these stand beside as shells of their own."""
        found: list[DocumentView] = []
        after: str | None = None
        for _ in range(PAGES_MOST):
            page = self.view.documents(after, PAGE)
            found += [each for each in page.items if each.kind != "aas"]
            if not isinstance(page.next, str):
                break
            after = page.next
        return tuple(found)

    @cached_property
    def documents_of_products(self) -> Mapping[str, list[DocumentView]]:
        """Of the product as such."""
        of_products = ((each.product, each) for each in self.documents if each.order is None and each.machine is None)
        return _by(of_products)

    @cached_property
    def documents_of_orders(self) -> Mapping[str, list[DocumentView]]:
        """By order."""
        return _by((each.order, each) for each in self.documents)

    @cached_property
    def results_of_products(self) -> Mapping[str, list[ResultView]]:
        """The newest results by product, their own or their lot's; newest first."""
        found: dict[str, list[ResultView]] = defaultdict(list)
        for result in self.view.results(limit=RESULTS_FOR_LIMITS).items:
            product = result.product
            if product is None and result.lot is not None and (lot := self.view.lot(result.lot)) is not None:
                product = lot.product
            if product is not None:
                found[product].append(result)
        return found


def _by(pairs: Iterable[tuple[str | None, V]]) -> Mapping[str, list[V]]:
    found: dict[str, list[V]] = defaultdict(list)
    for key, value in pairs:
        if key is not None:
            found[key].append(value)
    return found
