"""The system's clock, for processes; tests and the pure rooms take another, or a value."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Satisfies :class:`gaugeblock.plant.times.Clock`.

    >>> SystemClock().now().tzinfo is UTC
    True
    """

    def now(self) -> datetime:
        """Wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        """A clock that never goes back."""
        return time.monotonic_ns()
