"""Reads a customer's stock up to one index of the log: the part of a view that every question shares."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from gaugeblock.exchange.customer_stock import CustomerStock, Item, Nouns
from gaugeblock.exchange.view_model import Page

LIMIT_MOST = 500

V = TypeVar("V")
Wanted = Callable[[Item], bool]


def everything(_item: Item) -> bool:
    """No condition."""
    return True


class StockReading:
    """A stock as it was when the log had ``end`` records.

    Parameters
    ----------
    stock
        ``None``: nothing may be seen.
    """

    def __init__(self, stock: CustomerStock | None, end: int) -> None:
        self._stock, self._end = stock, end

    def _below(self, indices: Sequence[int]) -> Sequence[int]:
        """Those that this view has read: what was appended since is not there for it."""
        return indices[: bisect_left(indices, self._end)] if indices and indices[-1] >= self._end else indices

    def _items(self, indices: Sequence[int]) -> list[Item]:
        stock = self._stock
        return [stock.items[index] for index in self._below(indices)] if stock is not None else []

    def _item(self, index: int) -> Item | None:
        item = self._stock.items.get(index) if self._stock is not None else None
        return item if item is not None and item.index < self._end else None

    def _of_noun(self, record_type: str, noun: str) -> list[Item]:
        nouns = self._stock.nouns.get(record_type) if self._stock is not None else None
        return self._items(nouns.indices.get(noun, ())) if nouns is not None else []

    def _one(self, record_type: str, noun: str, make: Callable[[list[Item]], V | None]) -> V | None:
        items = self._of_noun(record_type, noun)
        return make(items) if items else None

    def _page(
        self,
        record_type: str,
        make: Callable[[list[Item]], V | None],
        after: str | None,
        limit: int,
        wanted: Wanted = everything,
    ) -> Page[V]:
        nouns = self._stock.nouns.get(record_type) if self._stock is not None else None
        return Page(()) if nouns is None else self._page_of(nouns, make, after, limit, wanted)

    def _page_of(
        self,
        nouns: Nouns,
        make: Callable[[list[Item]], V | None],
        after: str | None,
        limit: int,
        wanted: Wanted = everything,
    ) -> Page[V]:
        ids = nouns.ids
        start = 0 if after is None else bisect_right(ids, after)
        found: list[tuple[str, V]] = []
        for noun in ids[start:]:
            items = self._items(nouns.indices[noun])
            if items and wanted(items[-1]):
                made = make(items)
                if made is not None:
                    found.append((noun, made))
                    if len(found) > clamp(limit):
                        break
        page = cut(found, limit, lambda pair: pair[0])
        return Page(tuple(made for _, made in page.items), page.next)

    def _newest_first(
        self,
        record_type: str,
        make: Callable[[Item], V],
        before: int | None,
        limit: int,
        wanted: Wanted,
    ) -> Page[V]:
        indices = self._stock.of_type.get(record_type, []) if self._stock is not None else []
        return self._backwards(indices, make, before, limit, wanted)

    def _backwards(
        self,
        indices: Sequence[int],
        make: Callable[[Item], V],
        before: int | None,
        limit: int,
        wanted: Wanted,
    ) -> Page[V]:
        stock = self._stock
        if stock is None:
            return Page(())
        end = self._end if before is None else min(before, self._end)
        found: list[Item] = []
        for at in range(bisect_left(indices, end) - 1, -1, -1):
            item = stock.items[indices[at]]
            if wanted(item):
                found.append(item)
                if len(found) > clamp(limit):
                    break
        page = cut(found, limit, lambda item: item.index)
        return Page(tuple(make(item) for item in page.items), page.next)

    def _lot_of(self, item: Item) -> str | None:
        """The lot that lists the unit, where the contract permits lots."""
        stock = self._stock
        if item.unit is None or stock is None or stock.terms.permission("production.lot") is None:
            return item.lot
        lots = stock.unit_lots.get(item.unit, frozenset())
        return item.lot or (next(iter(lots)) if len(lots) == 1 else None)


def clamp(limit: int) -> int:
    """A limit within what is served."""
    return min(max(limit, 1), LIMIT_MOST)


def cut(found: Sequence[V], limit: int, key: Callable[[V], int | str]) -> Page[V]:
    """A page of some that were found; one more than the limit says that there is a next one."""
    most = clamp(limit)
    return Page(tuple(found[:most]), key(found[most - 1]) if len(found) > most else None)


def newest(make: Callable[[Item], V]) -> Callable[[list[Item]], V]:
    """Makes it of the newest record alone."""
    return lambda items: make(items[-1])


def belongs(order: str | None = None, lot: str | None = None) -> Wanted:
    """Of an order or lot, where it is given."""
    return lambda item: order in (None, item.order) and lot in (None, item.lot)
