"""What a line is made of, as its log shows it: stations in order, their machines, routes with their shares, places.

Stations are ranked by how early parts come to them first. A step to a later station is forward; one back, or to the
same station again, is rework. A station has one place for what comes forward and one for what comes back. A part that
was last seen early enough that parts behind it have gone on is out of the line: scrap where it was rejected or where
nearly all go on, finished elsewhere; one that was seen late is still on the line.

Source: van der Aalst, Process Mining (2nd ed., 2016), chapters 6 and 9, for the directly-follows relation; capacities
from who waits for whom follow from blocking after service (Li, Meerkov, Production Systems Engineering, 2009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaugeblock.twin.calibration.cleaning import Remark, next_of
from gaugeblock.twin.calibration.errors import RouteEndlessInLogError
from gaugeblock.twin.calibration.event_log import EventLog, Flags, Floats, Ints

END, OPEN, SCRAPPED = -1, -2, -3
"""What follows a visit besides a station: the part was finished, is still on the line, was scrapped."""
SCRAP_SHARE_MAX = 0.5
EVIDENCE = 0.01


@dataclass(frozen=True)
class Place:
    """Where parts wait for a station.

    Parameters
    ----------
    into
        The station that takes from it.
    back
        Whether it is for rework.
    sources
        Stations that put into it.
    capacity
        The most parts ever in it; ``told``: whether a full place was seen to block, so that there is no room for more.
    entered, left
        (n,) times; infinite: not yet.
    visits
        (n,) visits that ended into it.
    blocked
        Of these, whether room was made at the moment when the part left.
    full_since
        For each, since when the place had been full.
    full_at_close
        Since when it is full at the end of the log; infinite: it is not.
    """

    into: int
    back: bool
    sources: tuple[int, ...]
    capacity: int
    told: bool
    entered: Floats
    left: Floats
    visits: Ints
    blocked: Flags
    full_since: Floats
    full_at_close: float


@dataclass(frozen=True)
class Structure:
    """A line's parts.

    Parameters
    ----------
    order
        Stations, the earliest first.
    machines
        Of each station in that order: numbers of machines.
    after
        (n,) of each visit: the next station, or ``END``, ``OPEN``, ``SCRAPPED``.
    following
        (n,) the part's next visit, or −1.
    outcomes
        Counts of (station, product) → what follows.
    first
        (n,) whether the part came from outside.
    """

    order: tuple[int, ...]
    machines: dict[int, tuple[int, ...]]
    after: Ints
    following: Ints
    outcomes: dict[tuple[int, int], dict[int, int]]
    first: Flags
    places: tuple[Place, ...]
    remarks: tuple[Remark, ...]

    def place(self, visit_from: int, to: int) -> Place:
        """Where a part waits on its way between two stations."""
        back = self.order.index(to) <= self.order.index(visit_from)
        return next(p for p in self.places if p.into == to and p.back == back)


def discover(log: EventLog, resolution: float = 0.0, *, ends_told: bool = False) -> Structure:
    """The structure behind a clean log.

    Parameters
    ----------
    resolution
        The grain of the log's clock.
    ends_told
        Whether a part whose last visit has an end is known to have left the line, finished where it was not rejected.

    Raises
    ------
    RouteEndlessInLogError

    Examples
    --------
    >>> from gaugeblock.twin.calibration.event_log import LogBuilder
    >>> builder = LogBuilder()
    >>> for k in range(20):
    ...     builder.visit(f"p{k}", "saw", "saw-1", 3.0 * k, 3.0 * k + 2.0)
    ...     builder.visit(f"p{k}", "mill", "mill-1", 3.0 * k + 2.0, 3.0 * k + 4.5)
    >>> found = discover(builder.build())
    >>> [builder.build().stations[s] for s in found.order], found.outcomes[0, -1]
    (['saw', 'mill'], {1: 20})
    """
    remarks: list[Remark] = []
    following = next_of(log.part, log.start)
    after = np.where(following >= 0, log.station[following], END).astype(np.int64)
    order = _ranked(log)
    rank = {station: k for k, station in enumerate(order)}
    _close(log, after, following, ends_told, remarks)
    outcomes: dict[tuple[int, int], dict[int, int]] = {}
    decided = after != OPEN
    keys, counts = np.unique(
        np.stack([log.station[decided], log.product[decided], after[decided]], axis=1), axis=0, return_counts=True
    )
    for (station, product, to), count in zip(keys.tolist(), counts.tolist(), strict=True):
        outcomes.setdefault((station, product), {})[to] = count
    _ends(log, order, outcomes)
    earlier = np.zeros(len(log), np.bool_)
    earlier[following[following >= 0]] = True
    machines = {s: tuple(int(m) for m in np.unique(log.machine[log.station == s])) for s in order}
    shared = [m for m in np.unique(log.machine) if sum(int(m) in own for own in machines.values()) > 1]
    if shared:
        remarks.append(Remark("machine_shared", {"count": len(shared), "machine": log.machines[int(shared[0])]}))
    places = []
    for into in order:
        for back in (False, True):
            sources = tuple(s for s in order if (rank[into] <= rank[s]) == back)
            which = (after == into) & np.isin(log.station, sources)
            if which.any():
                places.append(_place(log, into, back, which, following, machines[into], resolution))
    return Structure(order, machines, after, following, outcomes, ~earlier, tuple(places), tuple(remarks))


def _ranked(log: EventLog) -> tuple[int, ...]:
    order = np.lexsort((log.start, log.part))
    part, station = log.part[order], log.station[order]
    begins = np.concatenate([[True], part[1:] != part[:-1]])
    position = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    _, first = np.unique(part.astype(np.int64) * len(log.stations) + station, return_index=True)
    totals = np.bincount(station[first], position[first], len(log.stations))
    counts = np.bincount(station[first], minlength=len(log.stations))
    seen = np.flatnonzero(counts)
    return tuple(int(s) for s in seen[np.argsort(totals[seen] / counts[seen], kind="stable")])


def _close(log: EventLog, after: Ints, following: Ints, ends_told: bool, remarks: list[Remark]) -> None:
    """Tell the finished, the scrapped and those still on the line apart; ``after`` is changed."""
    told = bool(log.rejected.any())
    last = after == END
    after[last & ~np.isfinite(log.end)] = OPEN
    if ends_told:
        after[last & np.isfinite(log.end) & log.rejected] = SCRAPPED
        return
    guessed = 0
    for station in np.unique(log.station):
        of = log.station == station
        goes_on = of & (after >= 0)
        ends = of & (after == END)
        if not ends.any():
            continue
        if goes_on.any():
            # Later than any that has gone on, or so late that it may still wait as long as one ever did.
            went = np.flatnonzero(goes_on & np.isfinite(log.end))
            longest = float((log.start[following[went]] - log.end[went]).max(initial=0.0))
            latest = min(float(log.end[went].max(initial=-np.inf)), log.closed - longest)
            after[ends & (log.end > latest) & ~log.rejected] = OPEN
            ends = of & (after == END)
        after[ends & log.rejected] = SCRAPPED
        ends = of & (after == END)
        if not told and goes_on.any() and ends.sum() < SCRAP_SHARE_MAX * (ends.sum() + goes_on.sum()):
            guessed += int(ends.sum())
            after[ends] = SCRAPPED
    if guessed:
        remarks.append(Remark("scrap_guessed", {"count": guessed}))


def _ends(log: EventLog, order: tuple[int, ...], outcomes: dict[tuple[int, int], dict[int, int]]) -> None:
    """From every station parts must be able to leave."""
    leads = dict.fromkeys(order, False)
    ways: dict[int, set[int]] = {station: set() for station in order}
    for (station, _), follows in outcomes.items():
        ways[station] |= follows.keys()
    for _ in order:
        for station, to in ways.items():
            leads[station] = leads[station] or any(t in (END, SCRAPPED) or leads.get(t, False) for t in to)
    for station, leaves in leads.items():
        if not leaves:
            parts = int(np.sum(log.station == station))
            raise RouteEndlessInLogError(station=log.stations[station], parts=parts)


def _place(
    log: EventLog, into: int, back: bool, which: Flags, following: Ints, machines: tuple[int, ...], resolution: float
) -> Place:
    visits = np.flatnonzero(which)
    entered, left = log.end[visits], log.start[following[visits]]
    usable = np.isfinite(entered) & (left >= entered - resolution)
    visits, entered, left = visits[usable], entered[usable], np.maximum(entered, left)[usable]
    # Half a grain: times of one tick are the same, those of the next are not.
    near = max(0.5 * resolution, 1e-9 * max(1.0, log.closed))
    capacity = _levels(entered, left, near)[1].max(initial=0)
    if capacity > 0:
        blocked, since, closing = _blocked(entered, left, entered, int(capacity), near)
        told = _evident(entered, left, int(capacity), near)
    else:
        # No part was ever between the stations: they may hand over directly, and the machines are the room.
        inside = (log.station == into) & np.isfinite(log.start)
        leaving = np.where(np.isfinite(log.end[inside]), log.end[inside], np.inf)
        blocked, since, closing = _blocked(log.start[inside], leaving, entered, len(machines), near)
        told = bool(blocked.sum() > 1 and blocked.sum() > 0.01 * len(blocked))
    if not told:
        blocked, closing = np.zeros_like(blocked), np.inf
        capacity = max(1, int(capacity))
    return Place(
        into=into,
        back=back,
        sources=tuple(int(s) for s in np.unique(log.station[visits])),
        capacity=int(capacity),
        told=told,
        entered=entered,
        left=left,
        visits=visits,
        blocked=blocked,
        full_since=since,
        full_at_close=closing,
    )


def _levels(entered: Floats, left: Floats, near: float) -> tuple[Floats, Ints]:
    """Times of change, those nearer than ``near`` as one, and how many parts are there after each."""
    gone = left[np.isfinite(left)]
    times = np.concatenate([entered, gone])
    steps = np.concatenate([np.ones(len(entered), np.int64), -np.ones(len(gone), np.int64)])
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(steps[order])
    last = np.concatenate([np.diff(times) > near, [True]])[: len(times)]
    return times[last], level[last]


def _blocked(entered: Floats, left: Floats, at: Floats, capacity: int, near: float) -> tuple[Flags, Floats, float]:
    """For each time ``at`` that a part came: whether room was made then in a full place, and since when it was full."""
    times, level = _levels(entered, left, near)
    full = level >= capacity
    number = np.arange(len(times))
    # The first of the unbroken full stretch that a change belongs to.
    begins = np.maximum.accumulate(np.where(full, 0, number + 1)) if len(times) else number
    before = np.searchsorted(times, at - near, side="left") - 1
    held = (before >= 0) & full[before]
    gone = np.sort(left[np.isfinite(left)])
    made = np.searchsorted(gone, at + near, side="right") > np.searchsorted(gone, at - near, side="left")
    since = np.where(held, times[np.minimum(begins[before], len(times) - 1)], at)
    closing = float(times[begins[-1]]) if len(times) and full[-1] else np.inf
    return held & made, since, closing


def _evident(entered: Floats, left: Floats, capacity: int, near: float) -> bool:
    """Parts leave for a full place always when room is made, for one with room hardly: it is full, not just high."""
    times, level = _levels(entered, left, near)
    before = np.searchsorted(times, entered - near, side="left") - 1
    held = (before >= 0) & (level[before] >= capacity)
    gone = np.sort(left[np.isfinite(left)])
    made = np.searchsorted(gone, entered + near, side="right") > np.searchsorted(gone, entered - near, side="left")
    # Passing straight through an empty place makes room at the same moment too.
    roomy = ~held & (before >= 0) & (level[before] > 0)
    chance = (made[roomy].sum() + 1) / (roomy.sum() + 2) if roomy.any() else 1.0 / (len(entered) + 2)
    count, hits = int(held.sum()), int((made & held).sum())
    if hits != count or count == 0:
        return False
    return bool(chance**count < EVIDENCE)
