"""When the present shift began: local times of day, counted in the site's time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def shift_began(now: datetime, starts: Sequence[str], timezone: str) -> datetime | None:
    """The latest start of a shift that is not after ``now``, in UTC; ``None`` where no shifts are configured.

    A start that the change to summer time skips is that much later; one that comes twice counts the first time.

    Parameters
    ----------
    now
        Aware.
    starts
        Local times of day, ``HH:MM``.
    timezone
        IANA name.

    Examples
    --------
    >>> shift_began(datetime(2026, 3, 2, 1, 0, tzinfo=UTC), ["08:00", "20:00"], "Asia/Shanghai")
    datetime.datetime(2026, 3, 2, 0, 0, tzinfo=datetime.timezone.utc)
    >>> shift_began(datetime(2026, 3, 1, 23, 0, tzinfo=UTC), ["08:00", "20:00"], "Asia/Shanghai")
    datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.timezone.utc)
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    begun: list[datetime] = []
    for day in (today - timedelta(days=1), today):
        for start in starts:
            hour, minute = map(int, start.split(":"))
            local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            begun.append(local.astimezone(UTC))
    return max((start for start in begun if start <= now), default=None)
