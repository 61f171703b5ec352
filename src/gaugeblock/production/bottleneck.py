"""Where the line is held back, from what its machines did: active periods, and the arrow rule.

**Active period** (Roser, Nakano, Tanaka 2002): a machine is active while it works, is set up, is down or maintained –
while it waits for nobody. At each moment the machine with the longest active period is the bottleneck; where two such
periods overlap, the bottleneck is shifting from one to the other.

**Arrow rule** (Kuo, Lim, Meerkov 1996): between neighbours an arrow points downstream where the first is blocked more
often than the second is starved, else upstream. A machine that no arrow leads away from is a bottleneck; of several,
the severest is the primary one. Both are indicators: whether the line gains when the machine is faster is asked by
simulation (``twin/sensitivity.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from gaugeblock.production.line_model import LineModel
from gaugeblock.production.line_state import Span

ACTIVE = frozenset({"producing", "set_up", "down", "maintenance"})
JOIN_S = 1e-3
"""Active spans that follow each other within this are one period."""


class Reign(msgspec.Struct, frozen=True):
    """A stretch of time in which a machine is the bottleneck, alone or while another takes over."""

    machine: str
    begin_s: float
    end_s: float
    sole: bool


def active_periods(spans: Sequence[Span], join_s: float = JOIN_S) -> dict[str, list[tuple[float, float]]]:
    """By machine: from where to where it waited for nobody, (begin, end) in s."""
    found: dict[str, list[tuple[float, float]]] = {}
    for span in sorted(spans, key=lambda s: (s.begin_s, s.end_s)):
        if span.state not in ACTIVE:
            continue
        own = found.setdefault(span.machine, [])
        if own and span.begin_s - own[-1][1] <= join_s:
            own[-1] = (own[-1][0], max(own[-1][1], span.end_s))
        else:
            own.append((span.begin_s, span.end_s))
    return found


def shifting_bottleneck(spans: Sequence[Span], begin_s: float, end_s: float) -> list[Reign]:
    """The bottleneck over time.

    Examples
    --------
    >>> spans = [Span("a", "producing", 0, 6), Span("b", "producing", 4, 12), Span("c", "producing", 1, 2)]
    >>> [(r.machine, r.begin_s, r.end_s, r.sole) for r in shifting_bottleneck(spans, 0, 12)]
    [('a', 0, 4, True), ('a', 4, 6, False), ('b', 4, 6, False), ('b', 6, 12, True)]
    """
    stretches = _momentary(spans, begin_s, end_s)
    # The periods that reign, one after the other; a stretch knows the one before its own and the one after.
    order: list[_Period] = []
    places = []
    for _, _, period in stretches:
        if not order or order[-1] != period:
            order.append(period)
        places.append(len(order) - 1)
    reigns: list[Reign] = []
    for (low, high, period), place in zip(stretches, places, strict=True):
        others = [order[k] for k in (place - 1, place + 1) if 0 <= k < len(order)]
        beside = [other for other in others if other[1] <= low and other[2] >= high]
        reigns += [Reign(other[3], low, high, sole=False) for other in beside]
        reigns.append(Reign(period[3], low, high, sole=not beside))
    return _joined(reigns)


_Period = tuple[float, float, float, str]
"""Length, begin, end, machine."""


def _momentary(spans: Sequence[Span], begin_s: float, end_s: float) -> list[tuple[float, float, _Period]]:
    """Stretches of time and the longest period active in each."""
    turns: list[tuple[float, bool, _Period]] = []
    for machine, own in active_periods(spans).items():
        for a, b in own:
            if b > begin_s and a < end_s:
                turns += [
                    (max(a, begin_s), True, (b - a, a, b, machine)),
                    (min(b, end_s), False, (b - a, a, b, machine)),
                ]
    turns.sort(key=lambda turn: (turn[0], turn[1]))
    active: dict[str, _Period] = {}
    found: list[tuple[float, float, _Period]] = []
    for number, (at, begins, period) in enumerate(turns):
        if begins:
            active[period[3]] = period
        elif active.get(period[3]) == period:
            del active[period[3]]
        until = turns[number + 1][0] if number + 1 < len(turns) else at
        if active and until > at:
            found.append((at, until, max(active.values())))
    return found


def _joined(reigns: Sequence[Reign]) -> list[Reign]:
    """Those of one machine that follow each other as one."""
    last: dict[tuple[str, bool], int] = {}
    found: list[Reign] = []
    for reign in sorted(reigns, key=lambda r: (r.begin_s, r.end_s, r.machine)):
        key = (reign.machine, reign.sole)
        at = last.get(key)
        if at is not None and found[at].end_s >= reign.begin_s:
            found[at] = Reign(reign.machine, found[at].begin_s, max(found[at].end_s, reign.end_s), reign.sole)
        else:
            last[key] = len(found)
            found.append(reign)
    return found


class BottleneckShare(msgspec.Struct, frozen=True):
    """Shares of the time in which a machine was the bottleneck: alone, and shifting."""

    machine: str
    sole: float
    shifting: float


def shares(reigns: Sequence[Reign], begin_s: float, end_s: float) -> list[BottleneckShare]:
    """By machine, the largest first."""
    length = end_s - begin_s
    found: dict[str, list[float]] = {}
    for reign in reigns:
        own = found.setdefault(reign.machine, [0.0, 0.0])
        own[0 if reign.sole else 1] += reign.end_s - reign.begin_s
    rows = [BottleneckShare(machine, a / length, b / length) for machine, (a, b) in found.items() if length > 0]
    return sorted(rows, key=lambda row: -(row.sole + row.shifting))


class Arrow(msgspec.Struct, frozen=True):
    """Between neighbours: ``downstream`` where the first is blocked more than the second is starved."""

    first: str
    second: str
    blocked: float
    starved: float

    @property
    def downstream(self) -> bool:
        """Which way it points."""
        return self.blocked > self.starved


class ArrowRule(msgspec.Struct, frozen=True):
    """Arrows, the stations that none leads away from with their severities, and the primary of them."""

    arrows: tuple[Arrow, ...]
    bottlenecks: dict[str, float]
    primary: str | None


def arrow_rule(stations: Sequence[str], blocked: Mapping[str, float], starved: Mapping[str, float]) -> ArrowRule:
    """For stations in a row.

    Parameters
    ----------
    stations
        From the first to the last.
    blocked, starved
        Shares of time, by station.

    Examples
    --------
    >>> rule = arrow_rule("abc", {"a": 0.3, "b": 0.02, "c": 0.0}, {"a": 0.0, "b": 0.05, "c": 0.25})
    >>> rule.primary
    'b'
    """
    arrows = tuple(Arrow(a, b, blocked.get(a, 0.0), starved.get(b, 0.0)) for a, b in pairwise(stations))
    found: dict[str, float] = {}
    for k, station in enumerate(stations):
        before, after = (arrows[k - 1] if k else None), (arrows[k] if k < len(arrows) else None)
        leads_away = (before is not None and not before.downstream) or (after is not None and after.downstream)
        if not leads_away:
            found[station] = sum(abs(a.starved - a.blocked) for a in (before, after) if a is not None)
    primary = max(found, key=lambda name: found[name]) if found else None
    return ArrowRule(arrows, found, primary)


def station_row(model: LineModel) -> list[str]:
    """The stations along the likeliest way from the supply to the end; without loops."""
    into = {place: step.station for step in reversed(model.line.steps) for place in step.takes}
    first = next((step for step in model.line.steps if set(step.takes) & model.supplies), model.line.steps[0])
    row: list[str] = []
    station: str | None = first.station
    while station is not None and station not in row:
        row.append(station)
        way = model.way_out(station, None)
        station = into.get(way) if way is not None else None
    return row


def shares_of_state(
    spans: Sequence[Span], model: LineModel, state: str, begin_s: float, end_s: float
) -> dict[str, float]:
    """By station: the share of its machines' time in a state."""
    found: dict[str, float] = {station.name: 0.0 for station in model.line.stations}
    for span in spans:
        if span.state == state:
            station = model.machines[span.machine][0]
            overlap = min(span.end_s, end_s) - max(span.begin_s, begin_s)
            found[station] += max(0.0, overlap)
    length = max(end_s - begin_s, 1e-9)
    return {name: value / length / len(model.machine_names[name]) for name, value in found.items()}
