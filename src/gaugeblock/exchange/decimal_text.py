"""Decimal numbers as the laboratory wrote them: text in, text out, no digit gained or lost.

A certificate that says 0.0150 means four digits were read; a binary double forgets the last. So values travel as text
and are compared as :class:`decimal.Decimal`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from gaugeblock.exchange.document_errors import DecimalTextError

MAX_LETTERS = 40
_FORM = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)


def decimal_of(text: str, where: str) -> Decimal:
    """The number that a text says, with all its digits.

    Parameters
    ----------
    text
        Digits, with a point and a leading minus where needed; no exponent, no sign ``+``, no thousands.
    where
        What the value is of, for the error's sentence.

    Raises
    ------
    DecimalTextError

    Examples
    --------
    >>> str(decimal_of("0.0150", "C"))
    '0.0150'
    """
    if len(text) > MAX_LETTERS or _FORM.fullmatch(text) is None:
        raise DecimalTextError(where=where, value=text[:MAX_LETTERS])
    return Decimal(text)


def plain(number: Decimal) -> str:
    """A number in digits, never with an exponent.

    >>> plain(Decimal("1E+2")), plain(Decimal("0.010"))
    ('100', '0.010')
    """
    return format(number, "f")
