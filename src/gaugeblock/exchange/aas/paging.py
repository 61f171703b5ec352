"""Pages of a listing: a limit, and a cursor that says after which item the page begins (IDTA-01002, 'Pagination')."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from gaugeblock.exchange.aas.errors import AasCursorError, AasIdentifierError, AasParameterError
from gaugeblock.exchange.aas.identifiers import decoded, encoded

PAGE_DEFAULT = 100
PAGE_MOST = 1000

Query = Mapping[str, Sequence[str]]
_SHOWN = 60


def single(query: Query, name: str, allowed: str = "1 ×") -> str | None:
    """The value of a parameter that may be there once.

    Raises
    ------
    AasParameterError
    """
    values = query.get(name)
    if not values:
        return None
    if len(values) > 1:
        raise AasParameterError(name=name, value=", ".join(values)[:_SHOWN], allowed=allowed)
    return values[0]


class Page(msgspec.Struct, frozen=True):
    """The items ``first`` to ``after`` (not included) of a listing; ``cursor`` leads to the next page."""

    first: int
    after: int
    cursor: str | None


def page(query: Query, names: Sequence[str], position: Callable[[str], int | None]) -> Page:
    """The page that a query asks for.

    Parameters
    ----------
    names
        What names each item, in order.
    position
        Where a name is in ``names``.

    Raises
    ------
    AasParameterError, AasCursorError

    Examples
    --------
    >>> names = ["a", "b", "c"]
    >>> page({"limit": ["2"]}, names, names.index)
    Page(first=0, after=2, cursor='Yg')
    >>> page({"limit": ["2"], "cursor": ["Yg"]}, names, names.index)
    Page(first=2, after=3, cursor=None)
    """
    first, limit = 0, page_limit(query)
    last = page_start(query)
    if last is not None:
        place = position(last)
        if place is None:
            raise AasCursorError
        first = place + 1
    after = min(first + limit, len(names))
    return Page(first=first, after=after, cursor=encoded(names[after - 1]) if after < len(names) else None)


def page_start(query: Query) -> str | None:
    """The name of the item after which the page begins.

    Raises
    ------
    AasParameterError, AasCursorError
    """
    cursor = single(query, "cursor")
    try:
        return None if cursor is None else decoded(cursor)
    except AasIdentifierError:
        raise AasCursorError from None


def page_limit(query: Query) -> int:
    """How many items the page may have.

    Raises
    ------
    AasParameterError
    """
    text = single(query, "limit")
    if text is None:
        return PAGE_DEFAULT
    if not (text.isascii() and text.isdecimal() and text.strip("0")):
        raise AasParameterError(name="limit", value=text[:_SHOWN], allowed="≥ 1")
    digits = text.lstrip("0")
    return min(int(digits[:9]), PAGE_MOST)
