"""When machines fail and how long repairs take, from their down times; what still goes on is right-censored.

What failures count is told by where they fall: one that began while the machine had no part counts **calendar time**;
where none did although there was much such time, they count **operating time**. The uptime that was running when the
log began is left out, for nobody knows how long it had run; the one running at its end is censored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gaugeblock.twin.calibration.event_log import EventLog, Floats
from gaugeblock.twin.calibration.fitting import Times
from gaugeblock.twin.calibration.stays import DownTimes, Stays

FIRST_SPELLS_LEAST = 3


@dataclass(frozen=True)
class Counting:
    """What failures count.

    Parameters
    ----------
    odds
        How many times more probable the log is under what was chosen than under the other; infinite: it rules it out.
    failures
        How many were seen.
    """

    counts: Literal["operating_time", "calendar_time"]
    odds: float
    failures: int


def counting(
    log: EventLog, machines: tuple[int, ...], downs: dict[int, DownTimes], told: Stays, work: Floats
) -> Counting:
    """What a station's failures count, by where in the time of their machines they fall.

    Where a part may have been blocked already, they fall by operating time only in what of it was still work, by
    calendar time in all of it; without a part only by calendar time.

    Parameters
    ----------
    told
        The stays, as they are whatever the failures count.
    work
        (n,) service of each visit, what blocking hides drawn.
    """
    failures, outside, unsure = 0, 0, 0
    calendar_time = operating_time = unsure_time = unsure_work = 0.0
    for machine in machines:
        of = log.machine == machine
        down = downs.get(machine, DownTimes(np.empty(0), np.empty(0)))
        starts, since = log.start[of], told.unsure_from[of]
        ends = np.where(np.isfinite(log.end[of]), log.end[of], log.closed)
        began = float(log.start[0])
        calendar_time += log.closed - began - float(down.before(np.array([log.closed]))[0])
        operating_time += float(np.nansum(work[of]))
        hidden = np.isfinite(told.high[of]) & (told.high[of] > told.low[of])
        unsure_time += float((told.high[of] - told.low[of])[hidden].sum())
        unsure_work += float((work[of] - told.low[of])[hidden].sum())
        failures += len(down.start)
        if not len(starts):
            outside += len(down.start)
            continue
        at = np.searchsorted(starts, down.start, side="left") - 1
        visit = np.maximum(at, 0)
        inside = (at >= 0) & (down.start < ends[visit])
        outside += int((~inside).sum())
        unsure += int((inside & (down.start > since[visit])).sum())
    if outside:
        return Counting("calendar_time", math.inf, failures)
    if not failures or not 0.0 < operating_time < calendar_time:
        return Counting("operating_time", 1.0, failures)
    log_odds = failures * math.log(operating_time / calendar_time)
    if unsure:
        log_odds += unsure * math.log(unsure_time / max(unsure_work, 1e-9 * unsure_time))
    odds = math.exp(min(abs(log_odds), 700.0))
    return Counting("calendar_time" if log_odds > 0.0 else "operating_time", odds, failures)


def repairs(log: EventLog, machines: tuple[int, ...], downs: dict[int, DownTimes]) -> Times:
    """How long a station's machines were down."""
    exact, going = [np.empty(0)], [np.empty(0)]
    for machine in machines:
        if machine in downs:
            down = downs[machine]
            over = np.isfinite(down.end)
            exact.append(down.end[over] - down.start[over])
            going.append(log.closed - down.start[~over])
    low = np.concatenate(going)
    low = low[low > 0.0]
    return Times(np.concatenate(exact), low, np.full(len(low), np.inf))


def uptimes(
    log: EventLog,
    machines: tuple[int, ...],
    downs: dict[int, DownTimes],
    counts: Literal["operating_time", "calendar_time"],
    service: Floats,
) -> Times:
    """Times between a repair and the next failure.

    Parameters
    ----------
    service
        (n,) of each visit of the log, those hidden by blocking drawn.
    """
    whole, running, first = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for machine in machines:
        down = downs.get(machine, DownTimes(np.empty(0), np.empty(0)))
        of = log.machine == machine
        clock = _Clock(log.start[of], service[of], down) if counts == "operating_time" else None
        began = float(log.start[0]) if len(log) else 0.0

        def at(times: Floats, clock: _Clock | None = clock) -> Floats:
            return times if clock is None else clock.at(times)

        starts, ends = at(down.start), at(np.where(np.isfinite(down.end), down.end, log.closed))
        origin = at(np.array([began]))[0]
        closing = at(np.array([log.closed]))[0]
        if len(starts):
            first.append(starts[:1] - origin)
            whole.append(starts[1:] - ends[:-1])
            if np.isfinite(down.end[-1]):
                running.append(np.array([closing - ends[-1]]))
        else:
            running.append(np.array([closing - origin]))
    exact, low = np.concatenate(whole), np.concatenate(running)
    if len(exact) < FIRST_SPELLS_LEAST:
        exact = np.concatenate([exact, *first])
    exact, low = exact[exact > 0.0], low[low > 0.0]
    return Times(exact, low, np.full(len(low), np.inf))


class _Clock:
    """A machine's operating time, by the calendar's."""

    def __init__(self, start: Floats, service: Floats, down: DownTimes) -> None:
        self.start, self.service, self.down = start, np.nan_to_num(service), down
        self.before = np.concatenate([[0.0], np.cumsum(self.service)])

    def at(self, times: Floats) -> Floats:
        if not len(self.start):
            return np.zeros(len(times))
        visit = np.searchsorted(self.start, times, side="right") - 1
        known = np.maximum(visit, 0)
        worked = times - self.start[known] - (self.down.before(times) - self.down.before(self.start[known]))
        result: Floats = np.where(visit >= 0, self.before[known] + np.clip(worked, 0.0, self.service[known]), 0.0)
        return result
