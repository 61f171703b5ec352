"""Identifiers in addresses: UTF-8, then base64url (RFC 4648, section 5), padded or not (IDTA-01002)."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from gaugeblock.exchange.aas.errors import AasIdentifierError

IDENTIFIER_MOST_CHARACTERS = 2000
_ENCODED_MOST = IDENTIFIER_MOST_CHARACTERS * 4 * 4 // 3 + 4
_SHOWN = 60


def encoded(identifier: str) -> str:
    """An identifier as it stands in an address.

    >>> encoded("https://example.com/ids/1")
    'aHR0cHM6Ly9leGFtcGxlLmNvbS9pZHMvMQ'
    """
    return urlsafe_b64encode(identifier.encode("utf-8")).decode("ascii").rstrip("=")


def decoded(value: str) -> str:
    """The identifier that an address names.

    Raises
    ------
    AasIdentifierError
        Not base64url, not UTF-8, empty or too long.

    Examples
    --------
    >>> decoded("aHR0cHM6Ly9leGFtcGxlLmNvbS9pZHMvMQ=="[:34])
    'https://example.com/ids/1'
    """
    bare = value.rstrip("=")
    if not bare or len(value) > _ENCODED_MOST or len(value) - len(bare) > 2 or not _is_alphabet(bare):
        raise AasIdentifierError(value=value[:_SHOWN])
    try:
        identifier = urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise AasIdentifierError(value=value[:_SHOWN]) from None
    if encoded(identifier) != bare:
        # Bits that the last character has to spare are zero, so that one identifier has one address.
        raise AasIdentifierError(value=value[:_SHOWN])
    return identifier


def _is_alphabet(text: str) -> bool:
    # Python's decoder drops what is not of the alphabet; two addresses would then name one thing.
    return text.isascii() and text.replace("-", "a").replace("_", "a").isalnum()
