"""Cursors of lists: opaque to the customer, bound to the customer, the list and its filters. Pure.

A cursor says where the next page begins and carries a keyed digest over what it belongs to. It gives no access, for
every page is read through the customer's own view; the digest makes a damaged or misplaced one an error and not a
wrong page.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import msgspec

from gaugeblock.web.customer.rest_errors import CursorFormError

CURSOR_MAX = 400
_SEAL = 12


class Cursors:
    """Makes and reads them.

    Parameters
    ----------
    key
        Secret of the installation; with another one cursors end.

    Examples
    --------
    >>> cursors = Cursors(b"secret")
    >>> text = cursors.write("acme", "orders", "", "WO-7")
    >>> cursors.read("acme", "orders", "", text)
    'WO-7'
    >>> cursors.read("other", "orders", "", text)
    Traceback (most recent call last):
    gaugeblock.web.customer.rest_errors.CursorFormError: ...
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, customer: str, listing: str, filters: str, at: int | str) -> str:
        """The cursor of the page that begins after ``at``."""
        value = msgspec.json.encode(at)
        return urlsafe_b64encode(self._seal(customer, listing, filters, value) + value).decode().rstrip("=")

    def read(self, customer: str, listing: str, filters: str, text: str) -> int | str:
        """Where the page begins.

        Raises
        ------
        CursorFormError
        """
        if len(text) > CURSOR_MAX or not text.isascii():
            raise CursorFormError
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raise CursorFormError from None
        # Base64 has several spellings of some bytes: only ours is taken.
        if urlsafe_b64encode(raw).decode().rstrip("=") != text:
            raise CursorFormError
        seal, value = raw[:_SEAL], raw[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(customer, listing, filters, value)):
            raise CursorFormError
        return msgspec.json.decode(value, type=int | str)

    def _seal(self, customer: str, listing: str, filters: str, value: bytes) -> bytes:
        about = msgspec.json.encode([customer, listing, filters, value.decode()])
        return hmac.new(self._key, b"gaugeblock cursor 1\x00" + about, sha256).digest()[:_SEAL]
