"""Values as XML Schema writes them, and texts as the metamodel allows them (IDTA-01001, 'Primitive Types')."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from typing import Literal

from gaugeblock.exchange.aas.errors import AasValueError

Scalar = str | bool | int | float | Decimal | dt.date | dt.datetime
ValueType = Literal[
    "xs:string",
    "xs:boolean",
    "xs:decimal",
    "xs:double",
    "xs:float",
    "xs:integer",
    "xs:long",
    "xs:int",
    "xs:positiveInteger",
    "xs:nonNegativeInteger",
    "xs:date",
    "xs:dateTime",
    "xs:duration",
    "xs:anyURI",
    "xs:base64Binary",
]

_ID_SHORT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WHOLE = frozenset({"xs:integer", "xs:long", "xs:int", "xs:positiveInteger", "xs:nonNegativeInteger"})
_LEAST: dict[str, int] = {"xs:positiveInteger": 1, "xs:nonNegativeInteger": 0, "xs:int": -(2**31), "xs:long": -(2**63)}
_MOST: dict[str, int] = {"xs:int": 2**31 - 1, "xs:long": 2**63 - 1}
_URI = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]{1,2000}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CONTENT_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9][A-Za-z0-9.+-]{0,80}")
_SHOWN = 80


def checked_id_short(id_short: str) -> str:
    """A name of an element: a letter, then letters, digits and underscores (AASd-002).

    Raises
    ------
    AasValueError
    """
    if _ID_SHORT.fullmatch(id_short) is None:
        raise AasValueError(where="idShort", value=id_short[:_SHOWN], rule="AASd-002")
    return id_short


def checked_text(where: str, text: str, most: int = 1023) -> str:
    """A text of 1 to ``most`` characters, each one that XML can carry (AASd-130).

    Raises
    ------
    AasValueError
    """
    if not 1 <= len(text) <= most:
        raise AasValueError(where=where, value=text[:_SHOWN], rule=f"1–{most} characters")
    if _UNWRITABLE.search(text) is not None:
        raise AasValueError(where=where, value=repr(text[:_SHOWN]), rule="AASd-130")
    return text


def checked_language(tag: str) -> str:
    """A language tag (BCP 47): language, then subtags.

    Raises
    ------
    AasValueError
    """
    if _LANGUAGE.fullmatch(tag) is None:
        raise AasValueError(where="language", value=tag[:_SHOWN], rule="BCP 47")
    return tag


def checked_content_type(content_type: str) -> str:
    """A media type without parameters (RFC 2046).

    Raises
    ------
    AasValueError
    """
    if _CONTENT_TYPE.fullmatch(content_type) is None:
        raise AasValueError(where="contentType", value=content_type[:_SHOWN], rule="RFC 2046")
    return content_type


def lexical(where: str, value: Scalar, value_type: ValueType) -> str:
    """A value in the lexical form of its type.

    Raises
    ------
    AasValueError
        The type cannot say the value.

    Examples
    --------
    >>> lexical("Speed", 3.5, "xs:double"), lexical("Mass", Decimal("0.10"), "xs:decimal")
    ('3.5', '0.10')
    >>> lexical("On", dt.datetime(2026, 11, 25, 8, tzinfo=dt.timezone.utc), "xs:dateTime")
    '2026-11-25T08:00:00Z'
    """
    written = _written(value, value_type)
    if written is None:
        raise AasValueError(where=where, value=str(value)[:_SHOWN], rule=value_type)
    if isinstance(value, str) and _UNWRITABLE.search(written) is not None:
        raise AasValueError(where=where, value=repr(written[:_SHOWN]), rule="AASd-130")
    return written


def _written(value: Scalar, value_type: ValueType) -> str | None:
    if isinstance(value, bool):
        return {True: "true", False: "false"}[value] if value_type == "xs:boolean" else None
    if isinstance(value, int | float | Decimal):
        return _number(value, value_type)
    if isinstance(value, dt.datetime):
        if value_type == "xs:date":
            return value.date().isoformat()
        zoned = value.tzinfo is not None and value_type == "xs:dateTime"
        return value.isoformat().replace("+00:00", "Z") if zoned else None
    if isinstance(value, dt.date):
        return value.isoformat() if value_type == "xs:date" else None
    if value_type == "xs:anyURI":
        return value if _URI.fullmatch(value) is not None else None
    return value if value_type in {"xs:string", "xs:duration", "xs:base64Binary"} else None


def _number(value: int | float | Decimal, value_type: ValueType) -> str | None:
    try:
        size = abs(float(value))
    except OverflowError:
        size = math.inf
    if not math.isfinite(size):
        return None
    if value_type in _WHOLE:
        whole = int(value)
        within = _LEAST.get(value_type, whole) <= whole <= _MOST.get(value_type, whole)
        return str(whole) if whole == value and within else None
    if value_type == "xs:decimal":
        return format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
    if value_type in {"xs:double", "xs:float"}:
        if value_type == "xs:float" and size > _FLOAT_MOST:
            return None
        return str(value) if isinstance(value, Decimal) else repr(float(value))
    return None


_FLOAT_MOST = 3.4028234e38
