"""I-JSON (RFC 7493) with limits: every reader of the same bytes sees the same value.

Refused are NaN and infinities, integers beyond ±2⁵³ (a JavaScript reader would round them), a name twice in
one object, lone surrogates, and more depth, members or bytes than stated.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

import msgspec

from gaugeblock.ledger.detail import because, because_of
from gaugeblock.ledger.errors import (
    CountLimitError,
    DepthLimitError,
    JsonFormError,
    NumberRangeError,
    SizeLimitError,
)

MAX_INTEGER = 2**53
"""Largest magnitude of an integer that every JSON reader keeps exact."""
MAX_DEPTH = 16
"""Levels of arrays and objects."""
MAX_NUMBER_LETTERS = 64
"""Of one number's text; seventeen digits tell every double from its neighbours."""
MAX_MEMBERS = 4096
"""Array items and object members in one text, all levels together."""

_DIGITS = bytes(ord("0") if chr(code).isascii() and chr(code).isdigit() else ord(".") for code in range(256))
_MANY_DIGITS = b"0" * 16
_NO_BRACKETS = bytes(code for code in range(256) if chr(code) not in "[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
# The closing quote is optional, so that an unterminated string is passed over once and not from every quote on.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)

_encoder = msgspec.json.Encoder()
_quick_decoder = msgspec.json.Decoder()


class _RuleBrokenError(Exception):
    """Carries a finding out of the decoder's hooks, which do not know what is being read."""

    def __init__(self, kind: type[NumberRangeError] | type[JsonFormError], detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(detail)


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise _RuleBrokenError(NumberRangeError, text[:40])
    return int(text)


def _real(text: str) -> float:
    if len(text) > MAX_NUMBER_LETTERS:
        raise _RuleBrokenError(NumberRangeError, text[:40])
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _RuleBrokenError(NumberRangeError, text[:40])
    return value


def _constant(text: str) -> NoReturn:
    raise _RuleBrokenError(NumberRangeError, text)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RuleBrokenError(JsonFormError, "name_twice")
    return members


_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_int=_integer, parse_float=_real, parse_constant=_constant)


def _may_hold_large_integer(raw: bytes) -> bool:
    """An integer beyond 2⁵³ has sixteen digits or more; a digest's text may have as many, so: may."""
    return _MANY_DIGITS in raw.translate(_DIGITS)


def _is_shallow(raw: bytes, max_depth: int) -> bool:
    """Whether brackets pair up and are nested no deeper; a text with escapes or other faults is not judged here.

    Innermost pairs are taken out, all at once, level by level: ten times faster than reading token by token.

    >>> _is_shallow(b'{"a":["[[["]}', 2), _is_shallow(b"[{}]", 1), _is_shallow(b"[[", 2)
    (True, False, False)
    """
    parts = raw.split(b'"')
    if b"\\" in raw or len(parts) % 2 == 0:
        return False
    # Of one kind, so that each turn takes out one level; whether the kinds match is the decoder's to say.
    brackets = b"".join(parts[::2]).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(max_depth):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return True
    return False


def _check_extent(raw: bytes, what: str, max_depth: int, max_members: int) -> None:
    # A member takes two bytes at least: short texts need no count.
    if len(raw) >= 2 * max_members and raw.count(b",") >= max_members:
        commas = _STRING_OR_BRACKET.sub(b"", raw).count(b",")
        if commas >= max_members:
            raise CountLimitError(what=what, limit=max_members)
    if raw.count(b"[") + raw.count(b"{") > max_depth and not _is_shallow(raw, max_depth):
        depth = 0
        for match in _STRING_OR_BRACKET.finditer(raw):
            token = match.group()
            if token in b"[{":
                depth += 1
                if depth > max_depth:
                    raise DepthLimitError(what=what, limit=max_depth)
            elif token in b"]}":
                depth -= 1


def read(
    raw: bytes, what: str, *, max_bytes: int, max_depth: int = MAX_DEPTH, max_members: int = MAX_MEMBERS
) -> object:
    """One I-JSON text as plain values.

    Parameters
    ----------
    raw
        UTF-8.
    what
        What is being read, for the error's sentence.
    max_bytes, max_depth, max_members
        Limits.

    Raises
    ------
    JsonFormError, NumberRangeError, SizeLimitError, DepthLimitError, CountLimitError

    Examples
    --------
    >>> read(b'{"a":[1,2.5,null]}', "example", max_bytes=100)
    {'a': [1, 2.5, None]}
    """
    if len(raw) > max_bytes:
        raise SizeLimitError(what=what, limit=max_bytes)
    _check_extent(raw, what, max_depth, max_members)
    if not _may_hold_large_integer(raw):
        # Bytes that our own writer would have written keep all rules by that alone; it is five times faster.
        try:
            quick: object = _quick_decoder.decode(raw)
            if _encoder.encode(quick) == raw:
                return quick
        except (ValueError, RecursionError):
            pass  # the strict reader names what is wrong
    try:
        value: object = _decoder.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            # json lets lone surrogates pass; the second reader does not.
            msgspec.json.decode(raw)
    except _RuleBrokenError as broken:
        if broken.kind is NumberRangeError:
            raise NumberRangeError(what=what, value=broken.detail) from None
        raise JsonFormError(what=what, **because(broken.detail)) from None
    except RecursionError as error:
        raise DepthLimitError(what=what, limit=max_depth) from error
    except (ValueError, msgspec.DecodeError) as error:
        raise JsonFormError(what=what, **because_of(error)) from error
    return value


def write(value: object, what: str, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> bytes:
    """A value (plain, or a msgspec struct) as I-JSON.

    Raises
    ------
    JsonFormError, NumberRangeError, SizeLimitError, DepthLimitError, CountLimitError

    Examples
    --------
    >>> write({"score": 0.5}, "example", max_bytes=100)
    b'{"score":0.5}'
    >>> write({"score": float("nan")}, "example", max_bytes=100)
    Traceback (most recent call last):
    ...
    gaugeblock.ledger.errors.NumberRangeError: example holds nan; ...
    """
    try:
        raw = _encoder.encode(value)
    except OverflowError as error:
        raise NumberRangeError(what=what, value="> 2^64") from error
    except RecursionError as error:
        raise DepthLimitError(what=what, limit=max_depth) from error
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise JsonFormError(what=what, **because_of(error)) from error
    if len(raw) > max_bytes:
        raise SizeLimitError(what=what, limit=max_bytes)
    _check_extent(raw, what, max_depth, MAX_MEMBERS)
    # The encoder writes NaN and infinity as null.
    if b"null" in raw or _may_hold_large_integer(raw):
        _check_numbers(msgspec.to_builtins(value), what)
    return raw


def _check_numbers(value: object, what: str) -> None:
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise NumberRangeError(what=what, value=str(value))
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise NumberRangeError(what=what, value=str(value)[:40])
    elif isinstance(value, dict):
        for member in value.values():
            _check_numbers(member, what)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_numbers(item, what)
