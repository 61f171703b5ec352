"""Bad logs: what is wrong is named, and either refused or repaired in a way that the report states.

A repair never invents a time: a visit that was cut or completed stays on its part's route, but is no measured stay.
Each :class:`Remark` says what was found, how often, and where first.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from gaugeblock.twin.calibration.errors import (
    ClocksApartError,
    LogEmptyError,
    NegativeTimesError,
    OverlapError,
)
from gaugeblock.twin.calibration.event_log import Codes, EventLog, Flags, Floats, Ints

PARTS_LEAST = 10
NEGATIVE_SHARE_MAX = 0.02
OVERLAP_SHARE_MAX = 0.2
CLOCK_SHARE_LEAST = 0.9
CLOCK_VISITS_LEAST = 20


class Remark(msgspec.Struct, frozen=True):
    """Something that the reader of a fit should know: a key of the catalogue (``twin.fit.remark.…``) and its facts."""

    key: str
    facts: dict[str, str | int | float]


def clean(log: EventLog) -> tuple[EventLog, tuple[Remark, ...]]:
    """The log without what cannot be, and what was done about it.

    * no start, or a second row of the same stay: left out;
    * a machine that finishes a part twice: the first end counts;
    * an end before its start (few): kept on the route, not as a time; the same for a stay of length zero;
    * a missing end: the machine's next start or the part's next start closes it, not as a time; the last visit of a
      machine stays open;
    * two parts at once on one machine (few): the earlier is cut at the later's start, not as a time.

    Raises
    ------
    LogEmptyError, NegativeTimesError, OverlapError, ClocksApartError
    """
    remarks: list[Remark] = []
    log = _without_start(log, remarks)
    log = _named_machines(log, remarks)
    log = _twice(log, remarks)
    log = _negative(log, remarks)
    _clocks_within(log)
    log = _missing_ends(log, remarks)
    log = _overlaps(log, remarks)
    parts = len(np.unique(log.part))
    if parts < PARTS_LEAST:
        raise LogEmptyError(parts=parts, least=PARTS_LEAST)
    return log, tuple(remarks)


def _first(log: EventLog, which: Flags) -> dict[str, str | int | float]:
    at = int(np.flatnonzero(which)[0])
    return {
        "count": int(which.sum()),
        "visits": len(log),
        "part": log.parts[log.part[at]] if log.part[at] >= 0 else "?",
        "station": log.stations[log.station[at]] if log.station[at] >= 0 else "?",
    }


def _without_start(log: EventLog, remarks: list[Remark]) -> EventLog:
    bad = ~np.isfinite(log.start) | (log.part < 0) | (log.station < 0)
    if bad.any():
        remarks.append(Remark("no_start", _first(log, bad)))
        log = log.only(~bad)
    return log


def _named_machines(log: EventLog, remarks: list[Remark]) -> EventLog:
    """Where no machine is named, the fewest that explain the overlaps of a station."""
    unnamed = log.machine < 0
    if not unnamed.any():
        return log
    machine, names = log.machine.copy(), list(log.machines)
    following = next_of(log.part, log.start)
    until = np.where(following >= 0, log.start[following], np.inf)
    until = np.where(np.isfinite(log.end), log.end, until)
    for station in np.unique(log.station[unnamed]):
        taken: list[float] = []
        first = len(names)
        for at in np.flatnonzero(unnamed & (log.station == station)):
            slot = next((k for k, time in enumerate(taken) if time <= log.start[at]), len(taken))
            if slot == len(taken):
                names.append(f"{log.stations[station]} {slot + 1}")
                taken.append(0.0)
            machine[at] = first + slot
            taken[slot] = float(until[at])
    remarks.append(Remark("machines_unnamed", _first(log, unnamed)))
    return replace(log, machine=machine, machines=tuple(names))


def _twice(log: EventLog, remarks: list[Remark]) -> EventLog:
    order = np.lexsort((log.end, log.start, log.machine, log.station, log.part))
    columns = (log.part, log.station, log.machine, log.start)
    same = np.ones(max(0, len(log) - 1), np.bool_)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    if not same.any():
        return log
    bad = np.zeros(len(log), np.bool_)
    bad[order[1:][same]] = True
    remarks.append(Remark("finished_twice", _first(log, bad)))
    return log.only(~bad)


def _negative(log: EventLog, remarks: list[Remark]) -> EventLog:
    negative = log.end < log.start
    if negative.sum() > NEGATIVE_SHARE_MAX * len(log):
        raise NegativeTimesError(**_first(log, negative))
    zero = log.end == log.start
    if negative.any():
        remarks.append(Remark("negative", _first(log, negative)))
    if zero.any():
        remarks.append(Remark("zero", _first(log, zero)))
    bad = negative | zero
    return replace(log, end=np.where(negative, log.start, log.end), known=log.known & ~bad) if bad.any() else log


def next_of(group: Codes, start: Floats) -> Ints:
    """The number of the next visit of the same group (part or machine) for each, (n,); −1 where there is none."""
    order = np.lexsort((start, group))
    following = np.full(len(group), -1, np.int64)
    same = group[order][1:] == group[order][:-1]
    following[order[:-1][same]] = order[1:][same]
    return following


def _clocks_within(log: EventLog) -> None:
    """A part that starts at one station before it has left another, nearly always and by the same hours."""
    after = next_of(log.part, log.start)
    have = (after >= 0) & log.known
    first, second = np.flatnonzero(have), after[have]
    gap = log.start[second] - log.end[first]
    pair = log.station[first].astype(np.int64) * len(log.stations) + log.station[second]
    for code in np.unique(pair[gap < 0]):
        gaps = gap[pair == code]
        share = float(np.mean(gaps < 0))
        one, other = divmod(int(code), len(log.stations))
        if one == other or len(gaps) < CLOCK_VISITS_LEAST or share < CLOCK_SHARE_LEAST:
            continue
        typical = float(np.median(gaps))
        hours = -typical / 60.0 if log.unit == "min" else -typical / 3600.0 if log.unit == "s" else -typical
        raise ClocksApartError(
            first=log.stations[one], second=log.stations[other], hours=round(hours, 3), share=round(share, 3)
        )


def _missing_ends(log: EventLog, remarks: list[Remark]) -> EventLog:
    missing = ~np.isfinite(log.end)
    if not missing.any():
        return log
    by_machine, by_part = next_of(log.machine, log.start), next_of(log.part, log.start)
    upper = np.full(len(log), np.inf)
    for following in (by_machine, by_part):
        upper = np.minimum(upper, np.where(following >= 0, log.start[following], np.inf))
    closable = missing & np.isfinite(upper)
    if closable.any():
        remarks.append(Remark("no_end", _first(log, closable)))
    still = missing & ~closable
    if still.any():
        remarks.append(Remark("still_open", _first(log, still)))
    return replace(log, end=np.where(closable, upper, log.end), known=log.known & ~missing)


def _overlaps(log: EventLog, remarks: list[Remark]) -> EventLog:
    following = next_of(log.machine, log.start)
    later = np.where(following >= 0, log.start[following], np.inf)
    over = np.isfinite(log.end) & (log.end > later)
    if not over.any():
        return log
    for machine in np.unique(log.machine[over]):
        of = log.machine == machine
        if over[of].sum() > max(2.0, OVERLAP_SHARE_MAX * of.sum()):
            raise OverlapError(machine=log.machines[machine], count=int(over[of].sum()), visits=int(of.sum()))
    remarks.append(Remark("overlap", _first(log, over)))
    return replace(log, end=np.where(over, later, log.end), known=log.known & ~over)


def clock_offset(first: EventLog, second: EventLog) -> tuple[float, float]:
    """How far the second log's clock is ahead of the first's where both tell of the same visits, and how many agree.

    Visits are the same by part, station, machine and their number in this order. The offset is the most frequent
    difference of starts, to a thousandth of the unit; the second value is its share of the shared visits (0: none).

    >>> from gaugeblock.twin.calibration.event_log import LogBuilder
    >>> logs = []
    >>> for shift in (0.0, 120.0):
    ...     builder = LogBuilder()
    ...     for k in range(5):
    ...         builder.visit(f"p{k}", "saw", "saw-1", shift + 10.0 * k, shift + 10.0 * k + 4.0)
    ...     logs.append(builder.build())
    >>> clock_offset(*logs)
    (120.0, 1.0)
    """
    keyed = [_keys(log) for log in (first, second)]
    shared = keyed[0].keys() & keyed[1].keys()
    if not shared:
        return 0.0, 0.0
    differences = np.round(np.array([keyed[1][key] - keyed[0][key] for key in shared]), 3)
    values, counts = np.unique(differences, return_counts=True)
    best = int(np.argmax(counts))
    return float(values[best]), float(counts[best] / len(shared))


def _keys(log: EventLog) -> dict[tuple[str, str, str, int], float]:
    seen: dict[tuple[str, str, str], int] = {}
    keys: dict[tuple[str, str, str, int], float] = {}
    for part, station, machine, start in zip(log.part, log.station, log.machine, log.start, strict=True):
        name = (log.parts[part], log.stations[station], log.machines[machine] if machine >= 0 else "")
        number = seen[name] = seen.get(name, -1) + 1
        keys[(*name, number)] = float(start)
    return keys


def joined(first: EventLog, second: EventLog, *, align: bool = False) -> tuple[EventLog, tuple[Remark, ...]]:
    """Two logs of one line as one; what both tell counts once.

    Parameters
    ----------
    align
        Whether a second clock that is apart is set to the first's, and said so.

    Raises
    ------
    ClocksApartError
        The clocks are apart and ``align`` is not asked for.
    """
    from gaugeblock.twin.calibration.event_log import LogBuilder

    offset, share = clock_offset(first, second)
    remarks: list[Remark] = []
    if offset != 0.0:
        hours = offset / 60.0 if first.unit == "min" else offset / 3600.0
        if not align:
            raise ClocksApartError(first="1", second="2", hours=round(hours, 3), share=round(share, 3))
        remarks.append(Remark("clocks", {"hours": hours, "share": 100.0 * share}))
    builder = LogBuilder(first.unit, first.origin)
    known = set(_keys(first))
    for log, shift, skip in ((first, 0.0, set()), (second, -offset, known)):
        seen: dict[tuple[str, str, str], int] = {}
        for k in range(len(log)):
            machine = log.machines[log.machine[k]] if log.machine[k] >= 0 else ""
            name = (log.parts[log.part[k]], log.stations[log.station[k]], machine)
            number = seen[name] = seen.get(name, -1) + 1
            if (*name, number) in skip:
                continue
            builder.visit(
                *name,
                float(log.start[k]) + shift,
                float(log.end[k]) + shift,
                product=log.products[log.product[k]] if log.product[k] >= 0 else None,
                order=log.orders[log.order[k]] if log.order[k] >= 0 else None,
                rejected=bool(log.rejected[k]),
            )
        for m, begin, end in zip(log.down_machine, log.down_start, log.down_end, strict=True):
            builder.down(log.machines[m], float(begin) + shift, float(end) + shift)
    return builder.build(), tuple(remarks)
