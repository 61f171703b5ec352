"""The order desk: what people state about orders, lots, units, results, shipments and certificates.

Each statement is whole: a later one of the same number takes the place of the earlier one, which stays in the log. One
desk works in the plant process, and takes one command at a time: each sees what those before it stated.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

import msgspec

from gaugeblock.plant.facet import Facet
from gaugeblock.plant.production_facets import (
    CertificateInputs,
    CertificateStatement,
    CertificateSubject,
    Component,
    GenealogyStatement,
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    OrderStatement,
    OrderSubject,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.production.checks import (
    COMPONENTS_MAX,
    check_characteristics,
    check_number,
    check_numbers,
    check_order,
    check_quantity,
    check_text,
    check_time,
    decimal_of,
)
from gaugeblock.production.errors import (
    CertificateExistsError,
    CustomerUnknownError,
    DocumentMissingError,
    ImportFaultyError,
    ImportInUseError,
    ImportMissingError,
    ListLengthError,
    LotOrderError,
    OrderChangedError,
    OrderCustomerError,
    OrderEndedError,
    OrderExistsError,
    OrderMissingError,
    OrderProductError,
    ProductUnknownError,
    ResultSubjectError,
    UnitTwiceError,
)
from gaugeblock.production.genealogy import ProjectedGenealogy
from gaugeblock.production.order_import import Known, OrderFile, read_orders
from gaugeblock.production.ports import Documents, Statements
from gaugeblock.production.queries import IMPORT_PREFIX, UNDO_PREFIX, ProjectedOrders
from gaugeblock.production.read_model import Order

RECORDS_MAX = 2_000


class OrderDesk:
    """Commands of people. ``author`` is ``person:<name>``; the same ``token`` again states nothing twice.

    Parameters
    ----------
    statements
        What it has stated, the readers show when it returns.
    reader, genealogy
        What has been stated so far.
    documents
        Holds the files of certificates.
    customers, products
        Ids of ``plant.toml``; a plant that lists no products takes any.
    """

    def __init__(
        self,
        statements: Statements,
        reader: ProjectedOrders,
        genealogy: ProjectedGenealogy,
        documents: Documents,
        customers: Collection[str],
        products: Collection[str],
    ) -> None:
        self.reader, self.genealogy = reader, genealogy
        self.customers, self.products = tuple(customers), tuple(products)
        self._statements, self._documents = statements, documents
        self._deciding = threading.Lock()

    # ── orders ──────────────────────────────────────────────────────────────────────────────────────────

    def open(self, author: str, token: str, order: str, statement: OrderStatement) -> int:
        """A new order; its record's index.

        Raises
        ------
        OrderExistsError, NumberFormError, CustomerUnknownError, ProductUnknownError, and what
        :func:`~gaugeblock.production.checks.check_order` refuses
        """
        self._check_order(order, statement)
        with self._deciding:
            known = self.reader.find(order)
            if known is not None and not self._stated_before(order, f"order/{order}/{token}"):
                raise OrderExistsError(order=order)
            return self._order(author, order, f"order/{order}/{token}", statement)

    def change(self, author: str, token: str, order: str, statement: OrderStatement, read_index: int) -> int:
        """The order as it stands from now on; its record's index.

        Parameters
        ----------
        read_index
            The record that its author had before them.

        Raises
        ------
        OrderMissingError, OrderChangedError, OrderCustomerError, OrderEndedError, and what :meth:`open` refuses
        """
        self._check_order(order, statement)
        with self._deciding:
            known = self._found(order)
            identity = f"order/{order}/{token}"
            if self._stated_before(order, identity):
                return self._order(author, order, identity, statement)
            if known.index != read_index:
                raise OrderChangedError(order=order, index=known.index)
            if known.state == "cancelled":
                raise OrderEndedError(order=order)
            if known.customer is not None and statement.customer != known.customer:
                raise OrderCustomerError(order=order)
            return self._order(author, order, identity, statement)

    # ── lots and units ──────────────────────────────────────────────────────────────────────────────────

    def lot(self, author: str, token: str, lot: str, statement: LotOfUnitsStatement) -> int:
        """A lot as it stands.

        Raises
        ------
        OrderMissingError, OrderEndedError, OrderProductError, LotOrderError, UnitTwiceError, NumberFormError,
        QuantityError, ListLengthError
        """
        check_number(lot)
        check_numbers("units", statement.units)
        if statement.heat is not None:
            check_number(statement.heat)
        if statement.quantity is not None:
            check_quantity(statement.quantity, 0)
        self._check_product(statement.product)
        with self._deciding:
            if statement.order is not None:
                order = self._found(statement.order)
                if order.state == "cancelled":
                    raise OrderEndedError(order=order.order)
                if order.product != statement.product:
                    raise OrderProductError(order=order.order, expected=order.product, found=statement.product)
            known = self.reader.find_lot(lot)
            if known is not None and known.order is not None and known.order != statement.order:
                raise LotOrderError(lot=lot, order=known.order)
            new = set(statement.units) - set(known.units if known else ())
            for unit in sorted(new):
                others = [other for other in self.reader.lots_of_unit(unit) if other != lot]
                if others:
                    raise UnitTwiceError(unit=unit, other=others[0])
            facets: dict[str, Facet] = {"subject": LotOfUnitsSubject(lot), "statement": statement}
            return self._statements.state(author, "production.lot", f"lot/{lot}/{token}", facets)

    def joined(self, author: str, token: str, subject: UnitSubject, statement: GenealogyStatement) -> int:
        """What a unit was made of, at one station; takes the place of what was stated for that station before.

        Raises
        ------
        GenealogyCycleError, NumberFormError, DecimalFormError, ListLengthError
        """
        self._check_components(subject.unit, statement.components)
        with self._deciding:
            self.genealogy.check(subject.unit, statement.components)
            facets: dict[str, Facet] = {"subject": subject, "statement": statement}
            return self._statements.state(author, "production.genealogy", f"unit/{subject.unit}/{token}", facets)

    def _check_components(self, unit: str, components: Sequence[Component]) -> None:
        check_number(unit)
        if not 1 <= len(components) <= COMPONENTS_MAX:
            raise ListLengthError(field="components", found=len(components), limit=COMPONENTS_MAX)
        for component in components:
            check_number(component.id)
            decimal_of(component.id, component.quantity)
            check_text("supplier", component.supplier)

    # ── results ─────────────────────────────────────────────────────────────────────────────────────────

    def result(self, author: str, token: str, subject: ResultSubject, statement: ResultStatement) -> int:
        """Values of an analysis or a test.

        Raises
        ------
        ResultSubjectError, NumberFormError, and what
        :func:`~gaugeblock.production.checks.check_characteristics` refuses
        """
        named = [value for value in msgspec.structs.astuple(subject) if value is not None]
        if not named:
            raise ResultSubjectError
        for value in named:
            check_number(value)
        check_characteristics(statement.characteristics, statement.conforms)
        check_text("laboratory", statement.laboratory)
        about = subject.unit or subject.lot or subject.heat or subject.order or subject.product
        facets: dict[str, Facet] = {"subject": subject, "statement": statement}
        return self._statements.state(author, "production.result", f"result/{about}/{token}", facets)

    # ── shipments ───────────────────────────────────────────────────────────────────────────────────────

    def shipment(self, author: str, token: str, shipment: str, order: str, statement: ShipmentStatement) -> int:
        """What left for the customer of an order.

        Raises
        ------
        OrderMissingError, OrderEndedError, CustomerUnknownError (an order for stock ships to nobody), LotMissingError,
        LotOrderError, UnitTwiceError, NumberFormError, TimeFormError, QuantityError, ListLengthError
        """
        check_number(shipment)
        check_time(statement.shipped_at)
        check_quantity(statement.quantity)
        check_numbers("units", statement.units)
        check_numbers("lots", statement.lots)
        check_text("carrier", statement.carrier)
        with self._deciding:
            known = self._found(order)
            if known.state == "cancelled":
                raise OrderEndedError(order=order)
            if known.customer is None:
                raise CustomerUnknownError(customer="")
            for lot in statement.lots:
                of = self.reader.lot(lot).order
                if of not in {None, order}:
                    raise LotOrderError(lot=lot, order=of or "")
            for unit in statement.units:
                others = [other for other in self.reader.shipments_of_unit(unit) if other != shipment]
                if others:
                    raise UnitTwiceError(unit=unit, other=others[0])
            facets: dict[str, Facet] = {
                "subject": ShipmentSubject(shipment, order, known.customer),
                "statement": statement,
            }
            return self._statements.state(author, "production.shipment", f"shipment/{shipment}/{token}", facets)

    # ── certificates ────────────────────────────────────────────────────────────────────────────────────

    def certificate(
        self,
        author: str,
        token: str,
        subject: CertificateSubject,
        statement: CertificateStatement,
        record_indices: Sequence[int] = (),
    ) -> int:
        """Issue a certificate whose documents the plant holds, or withdraw one.

        Raises
        ------
        CertificateExistsError, CertificateMissingError, DocumentMissingError, CustomerUnknownError, NumberFormError,
        ListLengthError
        """
        check_number(subject.certificate)
        if len(record_indices) > RECORDS_MAX:
            raise ListLengthError(field="record_indices", found=len(record_indices), limit=RECORDS_MAX)
        if subject.customer is not None and subject.customer not in self.customers:
            raise CustomerUnknownError(customer=subject.customer[:80])
        for digest in (statement.json_sha256, statement.pdf_sha256):
            if digest is not None and not self._documents.has(digest):
                raise DocumentMissingError(sha256=digest[:64])
        with self._deciding:
            if statement.replaces is not None:
                self.reader.certificate(statement.replaces)
            if statement.state == "withdrawn":
                self.reader.certificate(subject.certificate)
            elif self.reader.has_certificate(subject.certificate):
                known = self.reader.certificate(subject.certificate)
                same = (known.json_sha256, known.pdf_sha256) == (statement.json_sha256, statement.pdf_sha256)
                if not same or known.state != "issued":
                    raise CertificateExistsError(certificate=subject.certificate)
                return known.index
            facets: dict[str, Facet] = {
                "subject": subject,
                "statement": statement,
                "inputs": CertificateInputs(tuple(record_indices)),
            }
            identity = f"certificate/{subject.certificate}/{statement.state}/{token}"
            return self._statements.state(author, "production.certificate", identity, facets)

    def keep_document(self, data: bytes) -> str:
        """Keep the bytes of a certificate's file; the digest that names it."""
        return self._documents.put(data)

    # ── import ──────────────────────────────────────────────────────────────────────────────────────────

    def read_file(self, data: bytes) -> OrderFile:
        """What a file of orders holds, with its faults by line; states nothing.

        Raises
        ------
        ImportTooLargeError, ImportEncodingError, ImportColumnError
        """
        found = read_orders(data, Known(self.customers, self.products, self.reader.find))
        # What was taken back may be taken again: as another import, for records are stated once.
        while self.reader.undone(found.batch):
            found = dataclasses.replace(found, batch=sha256(found.batch.encode()).hexdigest()[:16])
        return found

    def take_file(self, author: str, data: bytes) -> OrderFile:
        """Take every order of a file, or none where a line has a fault. The same file again changes nothing.

        Raises
        ------
        ImportFaultyError, and what :meth:`read_file` refuses
        """
        with self._deciding:
            found = self.read_file(data)
            if found.faults:
                raise ImportFaultyError(faults=len(found.faults), line=found.faults[0].line)
            before = {version.note for version in self.reader.import_versions(found.batch)}
            for row in found.rows:
                if row.order not in before:
                    identity = f"{IMPORT_PREFIX}{found.batch}/{row.line}"
                    self._order(author, row.order, identity, row.statement)
        return found

    def undo_import(self, author: str, batch: str) -> list[str]:
        """Take an import back: orders that it opened are cancelled, changed ones stand as before; their numbers.

        Nothing is taken back where one of its orders has gone on since (changed again, lots, shipments).

        Raises
        ------
        ImportMissingError, ImportInUseError
        """
        with self._deciding:
            written = self.reader.import_versions(batch)
            if not written:
                raise ImportMissingError(batch=batch[:80])
            undo: list[tuple[str, OrderStatement]] = []
            done = []
            for version in written:
                order = version.note
                history = self.reader.versions(order)
                at = next(i for i, (known, _) in enumerate(history) if known.index == version.index)
                if at + 1 < len(history) and history[at + 1][0].identity == f"{UNDO_PREFIX}{batch}/{order}":
                    done.append(order)
                    continue
                case = self.reader.case(order)
                if history[-1][0].index != version.index or case.lots or case.shipments:
                    raise ImportInUseError(order=order)
                before = history[at - 1][1] if at else msgspec.structs.replace(history[at][1], state="cancelled")
                undo.append((order, before))
            for order, statement in undo:
                self._order(author, order, f"{UNDO_PREFIX}{batch}/{order}", statement)
            return [*done, *(order for order, _ in undo)]

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _check_order(self, order: str, statement: OrderStatement) -> None:
        check_number(order)
        check_order(statement)
        self._check_product(statement.product)
        if statement.customer is not None and statement.customer not in self.customers:
            raise CustomerUnknownError(customer=statement.customer[:80])

    def _check_product(self, product: str) -> None:
        if not product or (self.products and product not in self.products):
            raise ProductUnknownError(product=product[:80])

    def _found(self, order: str) -> Order:
        known = self.reader.find(order)
        if known is None:
            raise OrderMissingError(order=order[:200])
        return known

    def _stated_before(self, order: str, identity: str) -> bool:
        return any(version.identity == identity for version, _ in self.reader.versions(order))

    def _order(self, author: str, order: str, identity: str, statement: OrderStatement) -> int:
        facets: Mapping[str, Facet] = {"subject": OrderSubject(order), "statement": statement}
        return self._statements.state(author, "production.order", identity, facets)
