"""Bytes that were serialised once, kept within a bound: two generations, of which the older is dropped whole.

What was used since the younger generation began survives; a look-up is one or two dictionary reads.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any


class Memo:
    """A bounded store of what can be worked out again.

    Parameters
    ----------
    limit_bytes
        The most that both generations hold together, counted as the callers say.

    Examples
    --------
    >>> memo = Memo(limit_bytes=100)
    >>> memo.put("a", b"answer", 6); memo.get("a"), memo.get("b")
    (b'answer', None)
    """

    def __init__(self, limit_bytes: int = 64 * 2**20) -> None:
        self._half = limit_bytes // 2
        self._young: dict[Hashable, tuple[Any, int]] = {}
        self._old: dict[Hashable, tuple[Any, int]] = {}
        self._young_bytes = 0

    def get(self, key: Hashable) -> Any:
        """What was put under ``key``, or None."""
        kept = self._young.get(key)
        if kept is not None:
            return kept[0]
        kept = self._old.get(key)
        if kept is None:
            return None
        self.put(key, *kept)
        return kept[0]

    def put(self, key: Hashable, value: Any, size_bytes: int) -> None:
        """Keep ``value``; something larger than a generation is not kept."""
        if size_bytes > self._half or key in self._young:
            return
        if self._young_bytes + size_bytes > self._half:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        self._young[key] = value, size_bytes
        self._young_bytes += size_bytes
