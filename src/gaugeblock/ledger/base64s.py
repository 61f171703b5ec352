"""Base64 with exactly one spelling for every byte string (RFC 4648 §3.5): other spellings are refused.

Python's decoders skip foreign characters and ignore the unused bits of the last letter; a signed text could
then be respelled without its signature noticing.
"""

from __future__ import annotations

import binascii

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", b"===", b"==", b"=")
# Letters whose unused bits are zero, by the length of the last, incomplete group; "" is in every one of them.
_LAST = (_ALPHABET, b"", b"AQgw", b"AEIMQUYcgkosw048")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/\x00\x00\x00")


def encode_url(data: bytes) -> bytes:
    """base64url without padding (RFC 7515 §2).

    >>> encode_url(b"\\xff\\xfe")
    b'__4'
    """
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def decode_url(text: bytes) -> bytes:
    """Inverse of :func:`encode_url`.

    Raises
    ------
    ValueError
        Foreign characters, padding, or unused bits that are not zero.

    >>> decode_url(b"__4")
    b'\\xff\\xfe'
    """
    data = binascii.a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) & 3], strict_mode=True)
    if text[-1:] not in _LAST[len(text) & 3]:
        raise ValueError("not the canonical spelling")
    return data


def encode(data: bytes) -> str:
    """Standard base64 with padding, as signed notes use it.

    >>> encode(b"abcd")
    'YWJjZA=='
    """
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode(text: str) -> bytes:
    """Inverse of :func:`encode`.

    Raises
    ------
    ValueError
        Anything :func:`encode` would not write.
    """
    data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    if encode(data) != text:
        raise ValueError("not the canonical spelling")
    return data
