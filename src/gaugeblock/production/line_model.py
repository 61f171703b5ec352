"""A line's model beside its name and clock: how events of stations and machines fit the twin's description.

A machine is called as its station where the station has one, else ``station/1``, ``station/2`` …. The model's time zero
is a Monday's first shift at the site, so that its calendars count from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from gaugeblock.production.line_errors import TimeUnitError
from gaugeblock.twin.line import AGAIN, FINISHED, SCRAP, Line, Step

SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "秒": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "分钟": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "小时": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "天": 86400.0,
}
ZERO = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday."""


@dataclass(frozen=True)
class LineModel:
    """A line of the plant and its model.

    Parameters
    ----------
    id
        As in ``plant.toml``.
    line
        The twin's description.
    zero
        The model's time zero.

    Raises
    ------
    TimeUnitError
    """

    id: str
    line: Line
    zero: datetime = ZERO

    def __post_init__(self) -> None:
        if self.line.time_unit not in SECONDS:
            raise TimeUnitError(unit=self.line.time_unit, known=", ".join(SECONDS))

    @property
    def unit_s(self) -> float:
        """Seconds in one unit of the model's time."""
        return SECONDS[self.line.time_unit]

    def on_clock(self, moment: datetime) -> float:
        """A moment on the model's clock."""
        return (moment - self.zero).total_seconds() / self.unit_s

    def at(self, time_: float) -> datetime:
        """The moment of a time on the model's clock."""
        return self.zero + timedelta(seconds=time_ * self.unit_s)

    @cached_property
    def machines(self) -> dict[str, tuple[str, int]]:
        """Station and number by the machine's name."""
        found = {}
        for station in self.line.stations:
            for number in range(station.machines):
                found[machine_name(station.name, number, station.machines)] = (station.name, number)
        return found

    @cached_property
    def machine_names(self) -> dict[str, tuple[str, ...]]:
        """The machines' names by station."""
        return {
            s.name: tuple(machine_name(s.name, number, s.machines) for number in range(s.machines))
            for s in self.line.stations
        }

    @cached_property
    def supplies(self) -> frozenset[str]:
        """Names of raw parts that are always there."""
        return frozenset(supply.name for supply in self.line.supplies)

    @cached_property
    def buffers(self) -> frozenset[str]:
        """Names of the places between stations."""
        return frozenset(buffer.name for buffer in self.line.buffers)

    @cached_property
    def _steps(self) -> dict[tuple[str, str | None], tuple[Step, ...]]:
        by: dict[tuple[str, str | None], tuple[Step, ...]] = {}
        for step in self.line.steps:
            for key in ((step.station, step.product), (step.station, None)):
                by[key] = (*by.get(key, ()), step)
        return by

    def steps(self, station: str, product: str | None) -> tuple[Step, ...]:
        """What the station does with the product; of an unknown product, what it does at all."""
        return self._steps.get((station, product)) or self._steps.get((station, None), ())

    def waits_in(self, station: str, product: str | None, *, rework: bool) -> str | None:
        """The buffer in which a part waits in front of a station: of several, the usual way in, or that of rework."""
        takes = [place for step in self.steps(station, product) for place in step.takes if place in self.buffers]
        usual = [place for place in takes if place in self._usual]
        other = [place for place in takes if place not in self._usual]
        ranked = [*other, *usual] if rework else [*usual, *other]
        return ranked[0] if ranked else None

    def enters(self, station: str, product: str | None) -> bool:
        """Whether a part that is taken at this station may come from a supply."""
        return any(place in self.supplies for step in self.steps(station, product) for place in step.takes)

    @cached_property
    def _usual(self) -> frozenset[str]:
        """Buffers that are the likeliest way out of some step, and those that arrivals come into."""
        usual = {arrival.into for arrival in self.line.arrivals}
        for step in self.line.steps:
            usual |= set(self.leads_to(step))
        return frozenset(usual)

    def leads_to(self, step: Step) -> tuple[str, ...]:
        """Where the likeliest good outcome puts the part."""
        good = [o for o in step.all_outcomes() if o.to not in ((SCRAP,), (AGAIN,))]
        return max(good, key=lambda outcome: outcome.share).to if good else ()

    def way_out(self, station: str, product: str | None) -> str | None:
        """Where a part goes that leaves the station good: a buffer or ``finished``."""
        for step in self.steps(station, product):
            to = self.leads_to(step)
            if to:
                return to[0]
        return None

    def rework_way(self, station: str, product: str | None) -> str | None:
        """Where a part goes that is to be reworked; ``again`` where it stays on the machine."""
        for step in self.steps(station, product):
            usual = self.leads_to(step)
            for outcome in step.all_outcomes():
                if outcome.to != usual and outcome.to[0] not in (FINISHED, SCRAP):
                    return outcome.to[0]
        return None

    @cached_property
    def supply_of(self) -> dict[str, str]:
        """The supply that a product's parts are released to."""
        found: dict[str, str] = {}
        for step in self.line.steps:
            for place in step.takes:
                if place in self.supplies:
                    found.setdefault(step.product, place)
        return found


def machine_name(station: str, number: int, machines: int) -> str:
    """What a machine is called in events.

    >>> machine_name("drilling", 0, 1), machine_name("turning", 1, 2)
    ('drilling', 'turning/2')
    """
    return station if machines == 1 else f"{station}/{number + 1}"


def zero_of(timezone: str, first_shift: str | None) -> datetime:
    """The model's time zero: Monday 2024-01-01, at the site's first shift or at midnight.

    >>> zero_of("Asia/Shanghai", "08:00").isoformat()
    '2024-01-01T00:00:00+00:00'
    """
    hour, minute = (int(part) for part in (first_shift or "00:00").split(":"))
    local = datetime.combine(ZERO.date(), time(hour, minute), ZoneInfo(timezone))
    return local.astimezone(UTC)
