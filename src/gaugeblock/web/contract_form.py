"""The form in which a person drafts a contract: its fields to terms and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

import msgspec
from litestar.datastructures import FormMultiDict

from gaugeblock.exchange.contract import DISCLOSABLE, IMAGE_TYPES, facets_of, fields_of
from gaugeblock.plant.exchange_facets import Classification, ContractStatement, Permission

CLASSIFICATIONS: tuple[Classification, ...] = get_args(Classification)
CHARACTERS_MOST = 4_000
_SEPARATORS = re.compile(r"[\s,;，；、]+")

TYPICAL = (
    Permission(
        "production.order",
        ("subject", "statement"),
        (
            "statement.product",
            "statement.quantity",
            "statement.customer",
            "statement.customer_reference",
            "statement.due",
            "statement.promised",
            "statement.state",
        ),
    ),
    Permission("production.forecast", ("subject", "statement")),
    Permission("production.lot", ("subject", "statement")),
    Permission("inspection.verdict", ("subject", "statement")),
    Permission("production.certificate", ("subject", "statement")),
    Permission("production.shipment", ("subject", "statement")),
)
"""What most customers ask for: where their orders stand, verdicts without scores, certificates, shipments."""


class FacetChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A facet as the form offers it: its fields, and which of them are ticked (none: the facet whole)."""

    name: str
    chosen: bool
    fields: tuple[str, ...]
    chosen_fields: frozenset[str]


class TypeChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A record type as the form offers it."""

    record_type: str
    chosen: bool
    facets: tuple[FacetChoice, ...]
    images: bool | None


def type_choices(statement: ContractStatement) -> tuple[TypeChoice, ...]:
    """Every type that can be permitted, with what the terms tick."""
    given = {permission.record_type: permission for permission in statement.permissions}
    return tuple(_type_choice(record_type, given.get(record_type)) for record_type in DISCLOSABLE)


def _type_choice(record_type: str, permission: Permission | None) -> TypeChoice:
    facets = permission.facets if permission is not None else ()
    fields = permission.fields if permission is not None else ()
    return TypeChoice(
        record_type=record_type,
        chosen=permission is not None,
        facets=tuple(
            FacetChoice(
                name=facet,
                chosen=facet in facets,
                fields=fields_of(record_type, facet),
                chosen_fields=frozenset(path.partition(".")[2] for path in fields if path.partition(".")[0] == facet),
            )
            for facet in facets_of(record_type)
        ),
        images=(permission is not None and permission.images) if record_type in IMAGE_TYPES else None,
    )


def statement_of(form: FormMultiDict, version: int) -> ContractStatement:
    """The terms that a form states; what makes no sense in them the desk refuses by name.

    Parameters
    ----------
    form
        ``type`` for each record type permitted, ``facet:<type>`` and ``field:<type>`` for what of it,
        ``images`` for types with photographs, ``document`` for each document ticked; texts and lists under the terms'
        own names.
    """
    given = {key: value for key in form if isinstance(value := form[key], str)}
    types = _all(form, "type")
    permissions = tuple(_permission(form, record_type) for record_type in DISCLOSABLE if record_type in types)
    named: Classification = next(
        (known for known in CLASSIFICATIONS if known == given.get("classification")), "unclassified"
    )
    return ContractStatement(
        version=version,
        purpose=given.get("purpose", "")[:CHARACTERS_MOST].strip(),
        permissions=permissions,
        valid_from=_day(given.get("valid_from", "")),
        valid_until=_day(given.get("valid_until", "")),
        recipient_country=given.get("recipient_country", "")[:20].strip().upper(),
        products=_names(given, "products"),
        orders=_names(given, "orders"),
        lots=_names(given, "lots"),
        own_orders=given.get("own_orders") == "yes",
        documents=_documents(form, given),
        quota_per_day=_number(given.get("quota_per_day", "")),
        classification=named,
        personal_information=given.get("personal_information") == "yes",
        basis=given.get("basis", "")[:CHARACTERS_MOST].strip(),
    )


def _permission(form: FormMultiDict, record_type: str) -> Permission:
    chosen = _all(form, f"facet:{record_type}") | {"subject"}
    facets = tuple(facet for facet in facets_of(record_type) if facet in chosen)
    wanted = _all(form, f"field:{record_type}")
    fields: list[str] = []
    for facet in facets:
        known = fields_of(record_type, facet)
        ticked = [f"{facet}.{name}" for name in known if f"{facet}.{name}" in wanted]
        # All ticked is the facet whole, which can be proven.
        if facet != "subject" and 0 < len(ticked) < len(known):
            fields += ticked
    images = record_type in IMAGE_TYPES and record_type in _all(form, "images")
    return Permission(record_type, facets, tuple(fields), images)


def _documents(form: FormMultiDict, given: Mapping[str, str]) -> tuple[str, ...]:
    """Those ticked among the plant's, and those typed by their digest."""
    return tuple(dict.fromkeys((*sorted(_all(form, "document")), *_names(given, "documents"))))


def _all(form: FormMultiDict, name: str) -> set[str]:
    return {value for value in form.getall(name, []) if isinstance(value, str)}


def _names(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Names apart by blanks, commas or lines; each once."""
    return tuple(dict.fromkeys(part for part in _SEPARATORS.split(given.get(name, "")) if part))


def _day(text: str) -> str:
    """A date as the beginning of that day (UTC); anything else as it is, to be refused."""
    day = text.strip()[:40]
    return f"{day}T00:00:00.000000Z" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) else day


def _number(text: str) -> int:
    """A whole number; 0, which no quota may be, for anything else."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else 0
