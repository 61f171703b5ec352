"""Canonical JSON (RFC 8785): one value, one text, so that a digest names the value and anyone can compute it again.

Names sorted by their UTF-16 code units, no spaces, UTF-8, strings with the least escaping, and numbers as ECMAScript
writes them: the shortest digits that give the same double back.
"""

from __future__ import annotations

import hashlib
import json
import math

import msgspec

_SAFE_INTEGER = 2**53


def canonical_json(value: object) -> bytes:
    """The one text of a value: plain, or a msgspec struct.

    Raises
    ------
    ValueError
        NaN, an infinity, an integer beyond ±2⁵³ or a lone surrogate: JSON cannot carry it to every reader.

    Examples
    --------
    >>> canonical_json({"b": 1.0, "a": [1e-7, 1e21, 0.1, None, True]}).decode()
    '{"a":[1e-7,1e+21,0.1,null,true],"b":1}'
    """
    return _text(msgspec.to_builtins(value, str_keys=True)).encode("utf-8")


def canonical_sha256(value: object) -> str:
    """SHA-256, in hex, of :func:`canonical_json`.

    >>> canonical_sha256({})
    '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER:
            raise ValueError(f"{value} is beyond 2^53")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def _number(value: float) -> str:
    """ECMA-262, Number::toString; Python finds the same shortest digits and only sets them differently."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if value == 0.0:
        return "0"
    mantissa, _, exponent = f"{abs(value)!r}e0".partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent.removesuffix("e0")) + len(whole)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= power <= 21:
        return sign + digits + "0" * (power - len(digits))
    if 0 < power <= 21:
        return f"{sign}{digits[:power]}.{digits[power:]}"
    if -6 < power <= 0:
        return f"{sign}0.{'0' * -power}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{power - 1:+d}"
