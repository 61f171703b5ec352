"""Times as the ledger writes them: RFC 3339 UTC with microseconds, and the clock port that gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from gaugeblock.plant.errors import GaugeblockError


class TimeFormatError(GaugeblockError):
    """A time that is not RFC 3339 UTC with a ``Z``. Facts: ``value``."""

    code = "plant.time_format"


class Clock(Protocol):
    """Where a shell gets the time from; pure code takes a value instead."""

    def now(self) -> datetime:
        """Wall clock, aware, UTC."""
        ...

    def monotonic_ns(self) -> int:
        """A clock that never goes back, for deadlines and durations."""
        ...


def to_rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals so that text order is time order.

    >>> to_rfc3339(datetime(2026, 11, 22, 5, 0, tzinfo=UTC))
    '2026-11-22T05:00:00.000000Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> datetime:
    """Inverse of :func:`to_rfc3339`; also reads fewer decimals, never an offset other than ``Z``.

    Raises
    ------
    TimeFormatError

    >>> from_rfc3339("2026-11-22T05:00:00Z").hour
    5
    """
    if not text.endswith("Z"):
        raise TimeFormatError(value=text[:64])
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeFormatError(value=text[:64]) from error
