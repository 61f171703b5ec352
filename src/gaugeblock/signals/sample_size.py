"""How many more counts would tell as much as is wanted about a proportion.

What a Clopper–Pearson interval would be after more counts depends on what they bring; here they bring hits at the rate
seen so far. Rounded hits make the answer ragged by a few counts.
"""

from __future__ import annotations

from collections.abc import Callable

from gaugeblock.signals.binomial import clopper_pearson

COUNTS_MAX = 100_000_000


def more_to_halve(hits: int, of: int, confidence: float = 0.95) -> int | None:
    """Further counts until the two-sided interval is half as wide; ``None`` where nothing was counted.

    Roughly three times as many as there are; about as many where there was no hit.

    >>> more_to_halve(5, 100), more_to_halve(0, 100), more_to_halve(0, 0)
    (259, 102, None)
    """
    if of == 0:
        return None
    low, high = clopper_pearson(hits, of, confidence)
    wanted = (high - low) / 2.0

    def narrow(counts: int) -> bool:
        low, high = clopper_pearson(round(hits / of * counts), counts, confidence)
        return high - low <= wanted

    return _fewest(of, narrow)


def more_for_bound(hits: int, of: int, bound: float, confidence: float = 0.95) -> int | None:
    """Further counts until the two-sided interval's upper end is at or below ``bound``; ``None`` if it never is.

    >>> more_for_bound(0, 100, 0.01), more_for_bound(5, 100, 0.04)
    (268, None)
    """
    rate = hits / of if of else 0.0
    if rate >= bound:
        return None
    return _fewest(of, lambda counts: clopper_pearson(round(rate * counts), counts, confidence)[1] <= bound)


def _fewest(of: int, holds: Callable[[int], bool]) -> int | None:
    if of and holds(of):
        return 0
    low, high = of, max(2 * of, 2)
    while not holds(high):
        low, high = high, 2 * high
        if high > COUNTS_MAX:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high - of
