"""Whether a draft's terms make sense: each rule with its own named error. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gaugeblock.exchange.contract import DISCLOSABLE, facets_of, fields_of
from gaugeblock.exchange.contract_errors import (
    ContractBasisError,
    ContractCountryError,
    ContractDocumentError,
    ContractFacetError,
    ContractForeignOrderError,
    ContractLimitError,
    ContractPeriodError,
    ContractPurposeError,
    ContractQuotaError,
    ContractRecordTypeError,
    ContractScopeError,
)
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import ContractStatement, Permission
from gaugeblock.plant.times import from_rfc3339

TEXT_MOST = 1000
NAMES_MOST = 500
NAME_MOST = 200
QUOTA_MOST = 10_000_000

_COUNTRY = re.compile(r"[A-Z]{2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_terms(
    statement: ContractStatement,
    customer: str,
    owners: Mapping[str, str | None],
    lot_orders: Mapping[str, str | None],
) -> None:
    """Refuse terms that could not be meant.

    Parameters
    ----------
    customer
        Whose contract it is.
    owners
        Order → customer, of the orders that the terms name and that there are.
    lot_orders
        Lot → order, of the lots that the terms name and that there are.

    Raises
    ------
    ContractPurposeError, ContractPeriodError, ContractCountryError, ContractQuotaError, ContractBasisError,
    ContractScopeError, ContractRecordTypeError, ContractFacetError, ContractForeignOrderError, ContractDocumentError,
    ContractLimitError
    """
    if not statement.purpose.strip() or len(statement.purpose) > TEXT_MOST:
        raise ContractPurposeError(limit=TEXT_MOST)
    _check_period(statement)
    if _COUNTRY.fullmatch(statement.recipient_country) is None:
        raise ContractCountryError(country=statement.recipient_country[:20] or "–")
    if not 1 <= statement.quota_per_day <= QUOTA_MOST:
        raise ContractQuotaError(value=statement.quota_per_day, limit=QUOTA_MOST)
    stated_basis = bool(statement.basis.strip())
    sensitive = statement.classification in ("important", "core") or statement.personal_information
    if (sensitive and not stated_basis) or len(statement.basis) > TEXT_MOST:
        raise ContractBasisError(limit=TEXT_MOST)
    _check_scope(statement, customer, owners, lot_orders)
    seen: set[str] = set()
    for permission in statement.permissions:
        if permission.record_type not in DISCLOSABLE or permission.record_type in seen:
            raise ContractRecordTypeError(record_type=permission.record_type[:64])
        seen.add(permission.record_type)
        _check_permission(permission)
    if not seen and not statement.documents:
        raise ContractRecordTypeError(record_type="–")


def _check_period(statement: ContractStatement) -> None:
    try:
        begin, end = from_rfc3339(statement.valid_from), from_rfc3339(statement.valid_until)
    except GaugeblockError:
        raise ContractPeriodError(begin=statement.valid_from[:40], end=statement.valid_until[:40]) from None
    if begin >= end:
        raise ContractPeriodError(begin=statement.valid_from, end=statement.valid_until)


def _check_scope(
    statement: ContractStatement,
    customer: str,
    owners: Mapping[str, str | None],
    lot_orders: Mapping[str, str | None],
) -> None:
    lists = {
        "orders": statement.orders,
        "lots": statement.lots,
        "products": statement.products,
        "documents": statement.documents,
    }
    for what, names in lists.items():
        if len(names) > NAMES_MOST or any(not name.strip() or len(name) > NAME_MOST for name in names):
            raise ContractLimitError(what=what, found=len(names), limit=NAMES_MOST)
    for digest in statement.documents:
        if _DIGEST.fullmatch(digest) is None:
            raise ContractDocumentError(value=digest[:80])
    if not (statement.own_orders or statement.orders or statement.lots or statement.products or statement.documents):
        raise ContractScopeError
    for order in statement.orders:
        if owners.get(order) not in (None, customer):
            raise ContractForeignOrderError(order=order)
    for lot in statement.lots:
        of_lot = lot_orders.get(lot)
        if of_lot is not None and owners.get(of_lot) not in (None, customer):
            raise ContractForeignOrderError(order=lot)


def _check_permission(permission: Permission) -> None:
    known = facets_of(permission.record_type)
    if "subject" not in permission.facets or len(set(permission.facets)) != len(permission.facets):
        raise ContractFacetError(record_type=permission.record_type, value="subject")
    for facet in permission.facets:
        if facet not in known:
            raise ContractFacetError(record_type=permission.record_type, value=facet[:64])
    for path in permission.fields:
        facet, _, name = path.partition(".")
        if facet == "subject" or facet not in permission.facets or name not in fields_of(permission.record_type, facet):
            raise ContractFacetError(record_type=permission.record_type, value=path[:64])
