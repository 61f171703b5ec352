"""What a number, a date, a quantity and a measured value must look like before they enter a record. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.production_facets import Characteristic, OrderStatement
from gaugeblock.plant.times import from_rfc3339
from gaugeblock.production.errors import (
    ConformityError,
    DateFormError,
    DecimalFormError,
    LimitsOrderError,
    ListLengthError,
    NumberFormError,
    QuantityError,
    TextLengthError,
    TimeFormError,
)

QUANTITY_MAX = 1_000_000_000
TEXT_MAX = 200
NOTE_MAX = 2_000
UNITS_MAX = 1_000
CHARACTERISTICS_MAX = 200
COMPONENTS_MAX = 200

_NUMBER = re.compile(r"\w[\w.:+=()-]{0,63}")
_DECIMAL = re.compile(r"[+-]?(?:\d{1,20})(?:\.\d{1,15})?")


def check_number(value: str) -> str:
    """``value`` if it may number an order, lot, unit, heat, shipment or certificate.

    1–64 letters of any script, digits and ``_ . : + = ( ) -``, first a letter or digit: it goes into addresses as it
    is, so neither slash nor space.

    Raises
    ------
    NumberFormError

    >>> check_number("WO-1042"), check_number("工单7")
    ('WO-1042', '工单7')
    """
    if not _NUMBER.fullmatch(value):
        raise NumberFormError(value=value[:80])
    return value


def check_quantity(value: int, least: int = 1) -> int:
    """``value`` if so many units can be ordered, made or shipped.

    Raises
    ------
    QuantityError
    """
    if not least <= value <= QUANTITY_MAX:
        raise QuantityError(value=value, limit=QUANTITY_MAX)
    return value


def check_date(value: str | None) -> str | None:
    """``value`` if it is a date as ``2026-12-24``.

    Raises
    ------
    DateFormError
    """
    if value is None:
        return None
    try:
        return date.fromisoformat(value).isoformat() if len(value) == 10 else _no_date(value)
    except ValueError:
        return _no_date(value)


def _no_date(value: str) -> str:
    raise DateFormError(value=value[:40]) from None


def check_time(value: str) -> str:
    """``value`` if it is a time in RFC 3339, UTC.

    Raises
    ------
    TimeFormError
    """
    try:
        from_rfc3339(value)
    except GaugeblockError:
        raise TimeFormError(value=value[:40]) from None
    return value


def check_text(field: str, value: str | None, limit: int = TEXT_MAX) -> None:
    """Raises :class:`TextLengthError` where it is longer than ``limit`` characters."""
    if value is not None and len(value) > limit:
        raise TextLengthError(field=field, limit=limit)


def check_numbers(field: str, values: Sequence[str], limit: int = UNITS_MAX) -> None:
    """Each is a number, none stands twice, and there are ``limit`` at most.

    Raises
    ------
    ListLengthError, NumberFormError
    """
    if len(values) > limit or len(set(values)) != len(values):
        raise ListLengthError(field=field, found=len(values), limit=limit)
    for value in values:
        check_number(value)


def check_order(statement: OrderStatement) -> None:
    """What can be said of an order by itself.

    Raises
    ------
    QuantityError, DateFormError, TextLengthError
    """
    check_quantity(statement.quantity)
    check_date(statement.due)
    check_date(statement.promised)
    for field in ("product", "customer_reference", "line"):
        check_text(field, getattr(statement, field))
    check_text("note", statement.note, NOTE_MAX)
    if not -1000 <= statement.priority <= 1000:
        raise QuantityError(value=statement.priority, limit=1000)


def decimal_of(name: str, text: str) -> Decimal:
    """A decimal string as a number; at most 20 digits before and 15 after the point.

    Raises
    ------
    DecimalFormError

    >>> decimal_of("C", "0.12")
    Decimal('0.12')
    """
    if not _DECIMAL.fullmatch(text):
        raise DecimalFormError(name=name[:80], value=text[:40])
    try:
        return Decimal(text)
    except InvalidOperation:
        raise DecimalFormError(name=name[:80], value=text[:40]) from None


def within(characteristic: Characteristic) -> bool:
    """Whether the value lies within its limits, both included.

    Raises
    ------
    DecimalFormError, LimitsOrderError

    >>> within(Characteristic("chemistry", "C", "0.12", "%", upper="0.20"))
    True
    """
    value = decimal_of(characteristic.name, characteristic.value)
    lower = None if characteristic.lower is None else decimal_of(characteristic.name, characteristic.lower)
    upper = None if characteristic.upper is None else decimal_of(characteristic.name, characteristic.upper)
    if lower is not None and upper is not None and lower > upper:
        raise LimitsOrderError(name=characteristic.name[:80], lower=str(lower), upper=str(upper))
    return (lower is None or value >= lower) and (upper is None or value <= upper)


def check_characteristics(characteristics: Sequence[Characteristic], conforms: bool | None) -> None:
    """Whether the values have a form, and do not contradict ``conforms``.

    That all lie within does not make a result conform: what is not measured may be wrong. That one lies outside makes
    it not conform.

    Raises
    ------
    ListLengthError, TextLengthError, DecimalFormError, LimitsOrderError, ConformityError
    """
    if not 1 <= len(characteristics) <= CHARACTERISTICS_MAX:
        raise ListLengthError(field="characteristics", found=len(characteristics), limit=CHARACTERISTICS_MAX)
    for characteristic in characteristics:
        for field in ("name", "quantity_unit", "method", "location", "equipment"):
            check_text(field, getattr(characteristic, field))
        if not within(characteristic) and conforms:
            raise ConformityError(name=characteristic.name[:80], value=characteristic.value)
