"""Changes to a line that people ask about, as data: each says what it touches and gives the changed line.

A change is written ``kind:name=value``: ``buffer:washed=12`` (or ``+4``), ``machine:drilling=2``,
``service:drilling=0.9`` (times the factor), ``repair:drilling=0.5``, ``failures:drilling=2`` (time between them times
the factor), ``shift:two shifts=0-480,480-960,960-1440``, ``scrap:inspection=0.5`` (its shares of scrap times the
factor), ``rush:A-1003=P100x40@castings`` (first in its supply; ``,due=300`` besides), ``maintenance:drilling=60@now``
or ``=60@840`` (for 60, from a time on the line's clock).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

import msgspec

from gaugeblock.twin.distributions import Distribution, Empirical
from gaugeblock.twin.errors import ChangeFormError, UnknownNameError
from gaugeblock.twin.line import SCRAP, Calendar, Line, Order, Outcome, Station

CHANGES_MAX = 50
WINDOWS_MAX = 10_000
_FORM = re.compile(r"^(?P<kind>[a-z]+):(?P<name>[^=]{1,100})=(?P<value>.{1,2000})$")
_RUSH = re.compile(r"^(?P<product>.+?)x(?P<quantity>\d{1,8})@(?P<supply>[^,]+)(,due=(?P<due>[0-9.e+-]+))?$")


class Change(msgspec.Struct, frozen=True):
    """``kind``, what it is of, and the value as it was written."""

    kind: str
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}={self.value}"


def parse_change(text: str) -> Change:
    """A change as it is written.

    >>> parse_change("buffer:washed=+4")
    Change(kind='buffer', name='washed', value='+4')

    Raises
    ------
    ChangeFormError
    """
    found = _FORM.match(text.strip())
    if found is None or found["kind"] not in _KINDS:
        raise ChangeFormError(change=text[:100], kinds=", ".join(sorted(_KINDS)))
    return Change(found["kind"], found["name"].strip(), found["value"].strip())


class Moment(msgspec.Struct, frozen=True):
    """When a change is asked about.

    Parameters
    ----------
    now
        On the line's clock: what ``now`` in a change stands for.
    horizon
        Until when, from now, the line will be simulated: a maintenance happens once in it.
    released
        Orders whose parts are all on the line: a rush order comes after them.
    """

    now: float = 0.0
    horizon: float = math.inf
    released: frozenset[str] = frozenset()


AT_ZERO = Moment()


def changed(line: Line, changes: Iterable[Change], moment: Moment = AT_ZERO) -> Line:
    """The line with all changes made, in order.

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Exponential
    >>> from gaugeblock.twin.line import serial_line
    >>> line = serial_line([Exponential(1.0)] * 2, [1])
    >>> changed(line, [parse_change("buffer:buffer-1=+4")]).buffers[0].capacity
    5

    Raises
    ------
    ChangeFormError, UnknownNameError
    """
    for number, change in enumerate(changes):
        if number >= CHANGES_MAX:
            raise ChangeFormError(change=str(change), kinds=f"≤ {CHANGES_MAX}")
        line = _KINDS[change.kind](line, change, moment)
    return line


def _number(change: Change, low: float = 0.0, high: float = 1e9) -> float:
    try:
        value = float(change.value)
    except ValueError:
        value = math.nan
    if not low < value <= high:
        raise ChangeFormError(change=str(change), kinds=change.kind)
    return value


def _count(change: Change, before: int, low: int) -> int:
    text = change.value
    try:
        value = before + int(text) if text[0] in "+-" else int(text)
    except ValueError:
        raise ChangeFormError(change=str(change), kinds=change.kind) from None
    if not low <= value <= 1_000_000:
        raise ChangeFormError(change=str(change), kinds=change.kind)
    return value


def _known(name: str, names: Iterable[str], change: Change) -> None:
    known = list(names)
    if name not in known:
        raise UnknownNameError(where=str(change), name=name, known=", ".join(known[:20]))


def _stations(line: Line, change: Change, edit: Callable[[Station], Station]) -> Line:
    _known(change.name, (station.name for station in line.stations), change)
    return msgspec.structs.replace(
        line, stations=tuple(edit(each) if each.name == change.name else each for each in line.stations)
    )


def scaled(times: Distribution, factor: float) -> Distribution:
    """The same shape, all times multiplied.

    >>> from gaugeblock.twin.distributions import Gamma
    >>> scaled(Gamma(mean=2.0, cv=0.3), 0.5).mean
    1.0
    """
    if isinstance(times, Empirical):
        return Empirical(tuple(factor * value for value in times.values))
    return msgspec.structs.replace(times, mean=factor * times.mean)


def _buffer(line: Line, change: Change, _moment: Moment) -> Line:
    _known(change.name, (buffer.name for buffer in line.buffers), change)

    def edit(capacity: int | str) -> int:
        if capacity == "unlimited" and change.value[0] in "+-":
            raise ChangeFormError(change=str(change), kinds=change.kind)
        return _count(change, 0 if isinstance(capacity, str) else capacity, 0)

    return msgspec.structs.replace(
        line,
        buffers=tuple(
            msgspec.structs.replace(b, capacity=edit(b.capacity)) if b.name == change.name else b for b in line.buffers
        ),
    )


def _machine(line: Line, change: Change, _moment: Moment) -> Line:
    return _stations(
        line, change, lambda station: msgspec.structs.replace(station, machines=_count(change, station.machines, 1))
    )


def _service(line: Line, change: Change, _moment: Moment) -> Line:
    _known(change.name, (station.name for station in line.stations), change)
    factor = _number(change, 0.0, 1000.0)
    return msgspec.structs.replace(
        line,
        steps=tuple(
            msgspec.structs.replace(s, service=scaled(s.service, factor)) if s.station == change.name else s
            for s in line.steps
        ),
    )


def _failing(part: str) -> Callable[[Line, Change, Moment], Line]:
    def edit(line: Line, change: Change, _moment: Moment) -> Line:
        factor = _number(change, 0.0, 1000.0)

        def of(station: Station) -> Station:
            if station.failures is None:
                raise UnknownNameError(where=str(change), name="failures", known=station.name)
            times = scaled(getattr(station.failures, part), factor)
            return msgspec.structs.replace(station, failures=msgspec.structs.replace(station.failures, **{part: times}))

        return _stations(line, change, of)

    return edit


def _scrap(line: Line, change: Change, _moment: Moment) -> Line:
    _known(change.name, (station.name for station in line.stations), change)
    factor = _number(change, -1e-12, 1000.0)
    steps = []
    for step in line.steps:
        if step.station == change.name and any(outcome.to == (SCRAP,) for outcome in step.outcomes):
            step = msgspec.structs.replace(step, outcomes=_with_scrap(step.outcomes, factor, change))
        steps.append(step)
    return msgspec.structs.replace(line, steps=tuple(steps))


def _with_scrap(outcomes: tuple[Outcome, ...], factor: float, change: Change) -> tuple[Outcome, ...]:
    scrap = sum(outcome.share for outcome in outcomes if outcome.to == (SCRAP,))
    rest = 1.0 - scrap
    if factor * scrap >= 1.0 or rest <= 0.0:
        raise ChangeFormError(change=str(change), kinds=change.kind)
    other = (1.0 - factor * scrap) / rest
    return tuple(msgspec.structs.replace(o, share=o.share * (factor if o.to == (SCRAP,) else other)) for o in outcomes)


def _shift(line: Line, change: Change, _moment: Moment) -> Line:
    _known(change.name, (calendar.name for calendar in line.calendars), change)
    try:
        pairs = [tuple(float(edge) for edge in window.split("-")) for window in change.value.split(",")]
        work = tuple((begin, end) for begin, end in pairs)
    except ValueError:
        raise ChangeFormError(change=str(change), kinds=change.kind) from None
    return msgspec.structs.replace(
        line,
        calendars=tuple(msgspec.structs.replace(c, work=work) if c.name == change.name else c for c in line.calendars),
    )


def _rush(line: Line, change: Change, moment: Moment) -> Line:
    found = _RUSH.match(change.value)
    if found is None:
        raise ChangeFormError(change=str(change), kinds=change.kind)
    _known(found["supply"], (supply.name for supply in line.supplies), change)
    try:
        due = float(found["due"]) if found["due"] else None
        order = Order(
            name=change.name,
            supply=found["supply"],
            product=found["product"],
            quantity=int(found["quantity"]),
            release=moment.now,
            due=due,
        )
    except ValueError:
        raise ChangeFormError(change=str(change), kinds=change.kind) from None
    others = [each for each in line.orders if each.name != change.name]
    before = [each for each in others if each.name in moment.released]
    after = [each for each in others if each.name not in moment.released]
    # What is on the line is not taken off it.
    return msgspec.structs.replace(line, orders=(*before, order, *after))


def _maintenance(line: Line, change: Change, moment: Moment) -> Line:
    """The station does not work for a while, once: a calendar of its own whose period is longer than the horizon."""
    length_text, _, at_text = change.value.partition("@")
    try:
        length = float(length_text)
        at = moment.now if at_text in ("", "now") else float(at_text)
    except ValueError:
        length, at = math.nan, math.nan
    if not (0.0 < length < 1e9 and moment.now <= at < math.inf):
        raise ChangeFormError(change=str(change), kinds=change.kind)
    station = next((each for each in line.stations if each.name == change.name), None)
    if station is None:
        _known(change.name, (each.name for each in line.stations), change)
        raise AssertionError("an unknown name was refused")
    usual = next((c for c in line.calendars if c.name == station.calendar), None)
    span = (at - moment.now) + length + (moment.horizon if math.isfinite(moment.horizon) else 0.0)
    calendar = without(usual, at, length, span, f"{station.name} · {change.kind}", change)
    lines = _stations(line, change, lambda each: msgspec.structs.replace(each, calendar=calendar.name))
    return msgspec.structs.replace(
        lines, calendars=(*(c for c in lines.calendars if c.name != calendar.name), calendar)
    )


def without(usual: Calendar | None, at: float, length: float, span: float, name: str, change: Change) -> Calendar:
    """A calendar of the same working times but for ``length`` from ``at`` on, that repeats after ``span`` at least.

    >>> usual = Calendar(name="day", period=10.0, work=((0.0, 8.0),))
    >>> without(usual, 13.0, 2.0, 15.0, "x", Change("maintenance", "s", "2@13")).work
    ((0.0, 8.0), (10.0, 13.0), (15.0, 18.0))
    """
    base = usual.period if usual is not None else 2.0 * (span + length)
    windows = usual.work if usual is not None else ((0.0, base),)
    repeats = max(2, math.ceil((span + length) / base)) if usual is not None else 1
    period = repeats * base
    if repeats * len(windows) > WINDOWS_MAX:
        raise ChangeFormError(change=str(change), kinds=change.kind)
    begin = at % period
    gaps = [(begin, min(begin + length, period))]
    if begin + length > period:
        gaps.insert(0, (0.0, begin + length - period))
    work = [(k * base + a, k * base + b) for k in range(repeats) for a, b in windows]
    for low, high in gaps:
        pieces = [piece for a, b in work for piece in ((a, min(b, low)), (max(a, high), b))]
        work = [(a, b) for a, b in pieces if b > a]
    return Calendar(name=name, period=period, work=tuple(work))


_KINDS: dict[str, Callable[[Line, Change, Moment], Line]] = {
    "buffer": _buffer,
    "machine": _machine,
    "service": _service,
    "repair": _failing("repair"),
    "failures": _failing("between"),
    "scrap": _scrap,
    "shift": _shift,
    "rush": _rush,
    "maintenance": _maintenance,
}
