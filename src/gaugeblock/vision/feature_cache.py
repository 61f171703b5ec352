"""Keep what a long training has computed of each picture, so that an interrupted one goes on where it stopped.

The pass over the pictures – decoding, network, drawn defects – is nearly all of a training. What it yields for one
picture depends on that picture's pixels, the network and the settings alone, and is stored under a digest of all
three. A training that is begun again finds what is there, computes the rest, and ends with the same bytes. An entry
that cannot be read counts as absent.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

BYTES_MAX = 2**30


class FeatureCache(Protocol):
    """Bytes by key; what was put may be forgotten at any time."""

    def get(self, key: str, /) -> bytes | None:
        """What was put under this key, if it is still there."""
        ...

    def put(self, key: str, data: bytes, /) -> None:
        """Keep ``data`` under ``key``, which is a SHA-256 in hex."""
        ...


class NoFeatureCache:
    """Keeps nothing."""

    def get(self, _key: str, /) -> bytes | None:
        """Never anything."""
        return None

    def put(self, _key: str, _data: bytes, /) -> None:
        """Forgets at once."""


class MemoryFeatureCache:
    """In memory, the oldest entries dropped above a limit.

    Examples
    --------
    >>> cache = MemoryFeatureCache(bytes_max=5)
    >>> cache.put("a", b"123")
    >>> cache.put("b", b"456")
    >>> cache.get("a"), cache.get("b")
    (None, b'456')
    """

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self._entries: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, /) -> bytes | None:
        """What was put under this key, if it is still there."""
        return self._entries.get(key)

    def put(self, key: str, data: bytes, /) -> None:
        """Keep ``data``; the oldest go where there is no room."""
        self._bytes += len(data) - len(self._entries.pop(key, b""))
        self._entries[key] = data
        while self._bytes > self.bytes_max and self._entries:
            self._bytes -= len(self._entries.popitem(last=False)[1])
