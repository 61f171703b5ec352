"""Service told from stay: what of a part's stay on a machine was work.

A stay ends when the part leaves. If it left at the very moment when room was made in a full place, it may have been
finished long before: it was finished after the place became full (else it would have left then) and by the time it
left. Its service is known only to lie between the working times to these two moments: interval-censored. In every
other stay, working time is service. Working time leaves out what the machine was down. This keeps the likelihood
exact, for what makes room downstream does not depend on the service that it hides.

Source: Lawless, Statistical Models and Methods for Lifetime Data (2nd ed., 2003), section 2.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaugeblock.twin.calibration.discovery import OPEN, Structure
from gaugeblock.twin.calibration.event_log import EventLog, Floats


@dataclass(frozen=True)
class DownTimes:
    """When one machine was down: starts and ends (k,), in order and apart; an infinite end: it still is."""

    start: Floats
    end: Floats

    def before(self, time: Floats) -> Floats:
        """Time down until each time."""
        if not len(self.start):
            return np.zeros(len(time))
        end = np.where(np.isfinite(self.end), self.end, np.inf)
        lengths = np.where(np.isfinite(end), end - self.start, 0.0)
        whole = np.concatenate([[0.0], np.cumsum(lengths)])
        at = np.searchsorted(self.start, time, side="right")
        last = np.maximum(at - 1, 0)
        partly = np.where(at > 0, np.minimum(end[last], time) - self.start[last], 0.0)
        result: Floats = np.where(at > 0, whole[last] + partly, 0.0)
        return result


def down_times(log: EventLog) -> dict[int, DownTimes]:
    """Of each machine that failed; failures that overlap are one."""
    found = {}
    for machine in np.unique(log.down_machine):
        of = log.down_machine == machine
        starts = log.down_start[of]
        ends = np.where(np.isfinite(log.down_end[of]), log.down_end[of], np.inf)
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], np.maximum.accumulate(ends[order])
        fresh = np.concatenate([[True], starts[1:] > ends[:-1]])
        last = np.concatenate([fresh[1:], [True]])
        kept = ends[last] > starts[fresh]
        found[int(machine)] = DownTimes(starts[fresh][kept], ends[last][kept])
    return found


@dataclass(frozen=True)
class Stays:
    """Service of each visit: in (low, high]; both alike: known; infinite high: still going on; NaN: not to be used.

    ``unsure_from``: since when the part may have been finished and blocked; the end of the stay where it was not.
    """

    low: Floats
    high: Floats
    unsure_from: Floats


def stays(log: EventLog, structure: Structure, downs: dict[int, DownTimes], finish_up: bool = True) -> Stays:
    """What each visit tells of its service.

    Parameters
    ----------
    finish_up
        Whether machines fail only while they work, so that a failure in a stay shows that the part was not finished.
    """
    high_time = np.where(np.isfinite(log.end), log.end, log.closed)
    low_time = high_time.copy()
    for place in structure.places:
        low_time[place.visits] = np.where(
            place.blocked, np.maximum(log.start[place.visits], place.full_since), low_time[place.visits]
        )
        if np.isfinite(place.full_at_close):
            waiting = (structure.after == OPEN) & ~np.isfinite(log.end) & np.isin(log.station, place.sources)
            low_time[waiting] = np.maximum(log.start[waiting], np.minimum(low_time[waiting], place.full_at_close))
    unsure_from = low_time.copy()
    low, high = low_time - log.start, high_time - log.start
    for machine, down in downs.items():
        of = log.machine == machine
        begun = down.before(log.start[of])
        if finish_up:
            last = np.searchsorted(down.start, high_time[of], side="left") - 1
            up = np.where(last >= 0, down.end[np.maximum(last, 0)], -np.inf)
            low_time[of] = np.where(up <= high_time[of], np.maximum(low_time[of], up), low_time[of])
        low[of] = down.before(low_time[of]) * -1.0 + low_time[of] - log.start[of] + begun
        high[of] = down.before(high_time[of]) * -1.0 + high_time[of] - log.start[of] + begun
    going = ~np.isfinite(log.end)
    high[going] = np.inf
    useless = (~log.known & ~going) | (high <= 0.0)
    low[useless] = high[useless] = np.nan
    return Stays(np.maximum(low, 0.0), high, unsure_from)
