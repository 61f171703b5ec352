"""What a contract permits: pure rules over its terms. Deny by default.

Two questions are asked of each record. Is it **in scope**, that is, about an order, lot or product that the contract
names? And what of it is **permitted**: which facets, which fields, whether its photographs? Only what passes both is
ever given to any face of the exchange.

A record that names an order of another customer is out, whatever else matches. What a record is about follows from what
it names, in this order: its order; the order of its lot; where it names neither, the lots that list its unit. Where
these differ, all of them must be in scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from gaugeblock.plant.exchange_facets import ContractStatement, Permission
from gaugeblock.plant.record_types import LATEST, RECORD_TYPES

Disclosable = Literal[
    "production.order",
    "production.forecast",
    "production.outcome",
    "production.lot",
    "production.genealogy",
    "inspection.verdict",
    "inspection.review",
    "inspection.reference",
    "inspection.lot",
    "production.result",
    "production.certificate",
    "production.shipment",
    "nonconformity.opened",
    "nonconformity.step",
    "inspection.module",
    "inspection.release",
    "inspection.agreement_study",
    "exchange.footprint",
    "exchange.document",
]
DISCLOSABLE: tuple[Disclosable, ...] = get_args(Disclosable)
"""Record types that a contract can permit. Keys, other customers' affairs, the line's events and alarms are none."""

PRODUCT_TYPES: frozenset[str] = frozenset(
    {
        "inspection.module",
        "inspection.release",
        "inspection.agreement_study",
        "exchange.footprint",
        "exchange.document",
        "production.certificate",
        "production.result",
    }
)
"""Of these, a record that names a product and nothing narrower is about the product as such."""

IMAGE_TYPES: frozenset[str] = frozenset({"inspection.verdict"})
"""Records that name photographs."""

DOCUMENT_PERMISSION = Permission(record_type="exchange.document", facets=("subject", "statement"))
"""A document that the contract names by its digest is permitted by that."""

UNKNOWN = ""
"""The owner of an order that no record has introduced."""


def facets_of(record_type: str) -> tuple[str, ...]:
    """The facets of a type's newest version.

    >>> facets_of("production.order")
    ('subject', 'statement')
    """
    return tuple(RECORD_TYPES[record_type, LATEST[record_type]])


def fields_of(record_type: str, facet: str) -> tuple[str, ...]:
    """The fields of a facet in the type's newest version.

    >>> fields_of("inspection.verdict", "statement")
    ('verdict', 'reason')
    """
    return RECORD_TYPES[record_type, LATEST[record_type]][facet].__struct_fields__


def well_formed(permission: Permission) -> bool:
    """Whether a permission names what its type has, and the subject whole: what a record is about is told or all of it
    is withheld.

    >>> well_formed(Permission("production.order", ("statement",)))
    False
    """
    if permission.record_type not in DISCLOSABLE or "subject" not in permission.facets:
        return False
    if not set(permission.facets) <= set(facets_of(permission.record_type)):
        return False
    pairs = [path.partition(".")[::2] for path in permission.fields]
    return all(
        facet in permission.facets and facet != "subject" and name in fields_of(permission.record_type, facet)
        for facet, name in pairs
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRef:
    """What a record is about.

    Parameters
    ----------
    customer
        As the record names it.
    orders
        The order it names and the order of the lot it names; where it names neither, the orders of the lots that list
        its unit.
    lots
        The lot it names, or the lots that list its unit where it names no lot and no order.
    document
        Digest of the document it shares.
    """

    record_type: str
    customer: str | None = None
    orders: frozenset[str] = frozenset()
    lots: frozenset[str] = frozenset()
    product: str | None = None
    unit: str | None = None
    heat: str | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one version, with what must be known of the plant to apply them.

    Parameters
    ----------
    customer
        Whose contract it is.
    statement
        The terms.
    owners
        Order → its customer by its latest record, ``None`` for stock; orders that no record introduced are absent.
    heats
        Heats of lots in scope: what was measured of such a heat belongs to them, too.

    Examples
    --------
    >>> statement = ContractStatement(
    ...     version=1, purpose="incoming goods", valid_from="2026-01-01T00:00:00Z", valid_until="2027-01-01T00:00:00Z",
    ...     recipient_country="DE", permissions=(Permission("inspection.verdict", ("subject", "statement")),))
    >>> terms = Terms(customer="acme", statement=statement, owners={"A1": "acme", "B1": "beta"})
    >>> terms.permits(SubjectRef(record_type="inspection.verdict", orders=frozenset({"A1"}))).facets
    ('subject', 'statement')
    >>> terms.permits(SubjectRef(record_type="inspection.verdict", orders=frozenset({"B1"}))) is None
    True
    """

    customer: str
    statement: ContractStatement
    owners: Mapping[str, str | None]
    heats: frozenset[str] = frozenset()
    _by_type: dict[str, Permission] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Of two permissions for one type the first counts; drafts with two, or with a malformed one, are refused.
        by_type = {given.record_type: given for given in reversed(self.statement.permissions) if well_formed(given)}
        object.__setattr__(self, "_by_type", {name: by_type[name] for name in DISCLOSABLE if name in by_type})

    @property
    def record_types(self) -> tuple[str, ...]:
        """Types of which anything may be seen."""
        types = tuple(self._by_type)
        return types if "exchange.document" in types or not self.statement.documents else (*types, "exchange.document")

    def permission(self, record_type: str) -> Permission | None:
        """What of the type is permitted, of records in scope."""
        return self._by_type.get(record_type)

    def permits(self, record: SubjectRef) -> Permission | None:
        """What of this record may be seen; ``None``: nothing, not even that it exists."""
        if self.foreign(record):
            return None
        given = self._by_type.get(record.record_type)
        if record.record_type == "exchange.document" and record.document in self.statement.documents:
            return given or DOCUMENT_PERMISSION
        return given if given is not None and self.in_scope(record) else None

    def foreign(self, record: SubjectRef) -> bool:
        """Whether it names another customer, or an order of another customer."""
        if record.customer is not None and record.customer != self.customer:
            return True
        return any(self.owners.get(order) not in (None, self.customer) for order in record.orders)

    def order_in_scope(self, order: str) -> bool:
        """Whether the contract covers an order."""
        owner = self.owners.get(order, UNKNOWN)
        if owner == self.customer:
            return self.statement.own_orders or order in self.statement.orders
        return owner in (None, UNKNOWN) and order in self.statement.orders

    def in_scope(self, record: SubjectRef) -> bool:
        """Whether the contract covers what the record is about."""
        if self.foreign(record):
            return False
        if record.lots and all(lot in self.statement.lots for lot in record.lots):
            return True
        if record.orders:
            return all(self.order_in_scope(order) for order in record.orders)
        if record.lots or record.unit is not None:
            return False
        if record.customer is not None and self.statement.own_orders:
            return True
        if record.heat is not None:
            return record.heat in self.heats
        return record.record_type in PRODUCT_TYPES and record.product in self.statement.products
