"""File names as text: on Linux a name is bytes, and on Chinese shares often GBK and not UTF-8."""

from __future__ import annotations

import hashlib
import os

NAME_BYTES_MAX = 255
"""Of one name in a directory (POSIX ``NAME_MAX`` of the usual file systems)."""
TAG_CHARS = 8


def readable(name: str) -> str:
    """A name as people can read it and JSON can carry it.

    What is not UTF-8 is read as GB 18030, which contains GBK; what is neither, with replacement characters.

    Examples
    --------
    >>> readable("part.png"), readable(os.fsdecode("零件.png".encode("gbk"))), readable(os.fsdecode(b"\\xff.png"))
    ('part.png', '零件.png', '\ufffd.png')
    """
    raw = os.fsencode(name)
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def name_for(name: str, suffix: str, reserve: int = 0) -> str:
    """``name`` with ``suffix``, readable, and short enough with ``reserve`` bytes to spare.

    Two different names never give the same: one that had to be changed carries eight digits of the SHA-256 of its
    bytes.

    Examples
    --------
    >>> name_for("part.png", ".json")
    'part.png.json'
    >>> name_for(os.fsdecode("零件.png".encode("gbk")), ".json")
    '零件.png~1c5f8110.json'
    """
    text = readable(name)
    room = NAME_BYTES_MAX - reserve - len(suffix.encode())
    if text == name and len(text.encode()) <= room:
        return text + suffix
    tag = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:TAG_CHARS]
    return text.encode()[: room - len(tag)].decode("utf-8", "ignore") + tag + suffix
