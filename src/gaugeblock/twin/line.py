"""The one line model: what a factory's line is, as closed and immutable structs, from TOML or from code.

Parts flow from supplies and arrivals through buffers to stations and end as ``finished`` or ``scrap``. A **step** says
what a station does with a product: where it takes parts (several: assembly), how long it serves, and what comes of it
(several destinations: disassembly; shares: scrap and rework). Blocking after or before service and whether failures
count operating or calendar time have no default: they change the throughput by several per cent and are stated.

Rules that hold for both engines
--------------------------------
* A machine takes the first of its station's steps, in the order written, whose parts are all there; a part of another
  product at the head of a buffer is waited for, not overtaken. Room that several wait for goes to who waited longest,
  parts that several could take to the station written first.
* A buffer of capacity 0 hands from machine to machine. Several outputs are unloaded in the order written.
* ``after_service``: the machine keeps its finished part until there is room. ``before_service``: the part is on the
  machine, and its service begins when room for its outcome is reserved.
* A failure interrupts service, which is resumed. A machine that is off shift takes no part, one that is down only as
  ``takes_when_down`` says; either lets a finished part go as soon as there is room. Repairs, and clocks that count
  calendar time, go on outside working hours.
* The first product of a machine needs no set-up. A set-up precedes the first part of another product.
* An order counts good parts: one that is scrapped is released again. Through an assembly an order follows the first
  input, through a disassembly the first output.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from gaugeblock.twin.distributions import Distribution
from gaugeblock.twin.errors import LineShapeError, LineSyntaxError

FINISHED, SCRAP, AGAIN = "finished", "scrap", "again"
"""Where a part may go besides a buffer; ``again``: it stays on the machine and is served once more."""

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Names = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=100)]
Blocking = Literal["after_service", "before_service"]
Counts = Literal["operating_time", "calendar_time"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base: closed and immutable."""


class Failures(_Part, frozen=True, kw_only=True):
    """When a machine fails and how long its repair takes.

    Parameters
    ----------
    counts
        What the time between failures counts: ``operating_time`` only while it works, ``calendar_time`` always.
    between, repair
        Times between repair and next failure; times of repair, without waiting for the crew.
    crew
        Who repairs; ``None``: someone is always free.
    takes_when_down
        Whether a part may come onto an empty machine that is down, where no machine beside it is up: its place is a
        place of the line. Only where calendar time counts; it makes some 0.1 % of the throughput.
    """

    counts: Counts
    between: Distribution
    repair: Distribution
    crew: Name | None = None
    takes_when_down: bool = True


class SetupChange(_Part, frozen=True, kw_only=True):
    """A set-up of one product after another that takes another time than the station's usual one."""

    after: Name
    before: Name
    time: Distribution


class Setup(_Part, frozen=True, kw_only=True):
    """Set-up at a change of product."""

    time: Distribution
    changes: tuple[SetupChange, ...] = ()


class Station(_Part, frozen=True, kw_only=True):
    """One or several like machines in parallel."""

    name: Name
    blocking: Blocking
    machines: int = 1
    failures: Failures | None = None
    setup: Setup | None = None
    calendar: Name | None = None


class Buffer(_Part, frozen=True, kw_only=True):
    """Places between stations, first in first out, for all products alike."""

    name: Name
    capacity: int | Literal["unlimited"]


class Outcome(_Part, frozen=True, kw_only=True):
    """What may come of a step.

    Parameters
    ----------
    share
        Its probability.
    to
        Buffers, or ``finished``, ``scrap``; or ``again`` alone.
    makes
        The product at each destination; where not given, the product goes on as it is.
    if_full
        ``wait`` for room, or ``scrap`` the part.
    """

    share: float
    to: Names
    makes: tuple[Name, ...] | None = None
    if_full: Literal["wait", "scrap"] = "wait"


class Step(_Part, frozen=True, kw_only=True):
    """What a station does with a product: ``to`` where one outcome is certain, else ``outcomes``."""

    station: Name
    product: Name
    takes: Names
    service: Distribution
    to: Name | None = None
    outcomes: tuple[Outcome, ...] = ()

    def all_outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes, however they are written."""
        return self.outcomes if self.to is None else (Outcome(share=1.0, to=(self.to,)),)


class Supply(_Part, frozen=True, kw_only=True):
    """Raw parts that are always there: ``products`` in turn for ever; where none is named, those of the orders."""

    name: Name
    products: tuple[Name, ...] = ()


class Arrivals(_Part, frozen=True, kw_only=True):
    """Parts that come by themselves. Where the buffer is full they are turned away, and counted."""

    name: Name
    into: Name
    product: Name
    every: Distribution


class Order(_Part, frozen=True, kw_only=True):
    """Good parts of a product, released to a supply in the order written, not before ``release``."""

    name: Name
    supply: Name
    product: Name
    quantity: Annotated[int, Meta(ge=1, le=10_000_000)]
    release: Annotated[float, Meta(ge=0.0)] = 0.0
    due: float | None = None


class Calendar(_Part, frozen=True, kw_only=True):
    """Working times (from, to) in a period that repeats from time zero, for example a week."""

    name: Name
    period: float
    work: tuple[tuple[float, float], ...]


class Crew(_Part, frozen=True, kw_only=True):
    """People who repair, shared by stations; who failed first is served first."""

    name: Name
    size: int


class Line(_Part, frozen=True, kw_only=True):
    """A line.

    Parameters
    ----------
    time_unit
        Of all times, in words for people.
    wip_max
        Supplies release nothing while so many parts are on the line (CONWIP).

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Exponential
    >>> line = serial_line([Exponential(1.0)] * 3, [2, 2])
    >>> [station.name for station in line.stations], line.buffers[0].capacity
    (['station-1', 'station-2', 'station-3'], 2)
    """

    name: Name
    time_unit: Name
    products: Names
    stations: tuple[Station, ...] = field(name="station")
    steps: tuple[Step, ...] = field(name="step")
    buffers: tuple[Buffer, ...] = field(name="buffer", default=())
    supplies: tuple[Supply, ...] = field(name="supply", default=())
    arrivals: tuple[Arrivals, ...] = ()
    orders: tuple[Order, ...] = field(name="order", default=())
    calendars: tuple[Calendar, ...] = field(name="calendar", default=())
    crews: tuple[Crew, ...] = field(name="crew", default=())
    wip_max: int | None = None


def serial_line(
    services: Sequence[Distribution],
    capacities: Sequence[int],
    *,
    failures: Sequence[Failures | None] | None = None,
    machines: Sequence[int] | None = None,
    blocking: Blocking = "after_service",
    name: str = "line",
    time_unit: str = "min",
) -> Line:
    """A line of stations in a row that never lacks raw parts, for studies and tests.

    Parameters
    ----------
    services
        Of each station.
    capacities
        Places between neighbours, one fewer than stations.
    """
    last = len(services) - 1
    return Line(
        name=name,
        time_unit=time_unit,
        products=("part",),
        supplies=(Supply(name="raw", products=("part",)),),
        buffers=tuple(Buffer(name=f"buffer-{i + 1}", capacity=c) for i, c in enumerate(capacities)),
        stations=tuple(
            Station(
                name=f"station-{i + 1}",
                blocking=blocking,
                machines=machines[i] if machines else 1,
                failures=failures[i] if failures else None,
            )
            for i in range(last + 1)
        ),
        steps=tuple(
            Step(
                station=f"station-{i + 1}",
                product="part",
                takes=(f"buffer-{i}" if i else "raw",),
                service=service,
                to=f"buffer-{i + 1}" if i < last else FINISHED,
            )
            for i, service in enumerate(services)
        ),
    )


def parse_line(text: str) -> Line:
    """A line from TOML text; not yet validated.

    Raises
    ------
    LineSyntaxError, LineShapeError
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise LineSyntaxError(detail=str(fault)) from fault
    try:
        return msgspec.convert(content, Line)
    except msgspec.ValidationError as fault:
        raise LineShapeError(detail=str(fault)) from fault
