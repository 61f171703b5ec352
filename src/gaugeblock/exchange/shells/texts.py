"""Values of records as templates take them: texts that XML can carry, exact numbers, moments. Pure."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import from_rfc3339

TEXT_MOST = 1000
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIGITS_MOST = 40


def plain(text: str, instead: str = "-") -> str:
    """A text without what XML cannot carry, cut where the metamodel ends it; ``instead`` where nothing is left.

    >>> plain("SN\\x001"), plain("  ")
    ('SN1', '-')
    """
    return _UNWRITABLE.sub("", text)[:TEXT_MOST].strip() or instead


def maybe(text: str | None) -> str | None:
    """As :func:`plain`; None where there is nothing."""
    return (plain(text, "") or None) if text else None


def both(zh: str | None, en: str | None, instead: str) -> Texts:
    """A text in the languages that there are; ``instead`` as English where there is neither.

    >>> both("轴", None, "P1"), both("", "", "P1")
    ({'zh': '轴'}, {'en': 'P1'})
    """
    found = {"en": maybe(en), "zh": maybe(zh)}
    return {language: text for language, text in found.items() if text} or {"en": plain(instead)}


def number(text: str | None) -> Decimal | None:
    """A decimal number as records write it; None where it is none, or of a size that no instrument has.

    >>> number("0.120"), number("<5"), number("1e999")
    (Decimal('0.120'), None, None)
    """
    try:
        value = Decimal(text or "")
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _DIGITS_MOST // 2 else None


def moment(text: str | None) -> dt.datetime | None:
    """A time as records write it (RFC 3339); None where it is none."""
    if not text:
        return None
    try:
        return from_rfc3339(text)
    except GaugeblockError:
        return None
