"""Identifiers of the plant's nouns, and the Unified Social Credit Code with its check character."""

from __future__ import annotations

import re

from gaugeblock.plant.errors import GaugeblockError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# GB 32100-2015: digits and capital letters without I, O, S, V, Z; position i weighs 3**i mod 31.
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))


class IdentifierError(GaugeblockError):
    """An identifier with characters that do not travel. Facts: ``value``."""

    code = "plant.identifier"


class SocialCreditCodeError(GaugeblockError):
    """Not a Unified Social Credit Code. Facts: ``value``, ``expected`` (the right check character, or ``?``)."""

    code = "plant.social_credit_code"


def check_identifier(value: str) -> str:
    """``value`` if it may name an asset: 1–64 letters, digits, ``.``, ``_``, ``-``, first a letter or digit.

    Raises
    ------
    IdentifierError

    >>> check_identifier("L1-ST10")
    'L1-ST10'
    """
    if not _ID.fullmatch(value):
        raise IdentifierError(value=value[:80])
    return value


def social_credit_check_character(body: str) -> str:
    """The 18th character of a Unified Social Credit Code from its first 17 (GB 32100-2015, 5.5).

    >>> social_credit_check_character("91350100M000100Y4")
    '3'
    """
    total = sum(_USCC_ALPHABET.index(c) * w for c, w in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_ALPHABET[(31 - total % 31) % 31]


def check_social_credit_code(value: str) -> str:
    """``value`` if it is a well-formed Unified Social Credit Code.

    Raises
    ------
    SocialCreditCodeError
        Wrong length, a letter that the code does not use, or a wrong check character.

    Source: GB 32100-2015.

    >>> check_social_credit_code("91350100M000100Y43")
    '91350100M000100Y43'
    """
    if len(value) != 18 or any(c not in _USCC_ALPHABET for c in value):
        raise SocialCreditCodeError(value=value[:40], expected="?")
    expected = social_credit_check_character(value[:17])
    if value[17] != expected:
        raise SocialCreditCodeError(value=value, expected=expected)
    return value
