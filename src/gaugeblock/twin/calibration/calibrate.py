"""A line with its times, fitted to a log: the model, how sure each part of it is, and what the log cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gaugeblock.twin.calibration.assembly import Key, assembled, firsts, product_name
from gaugeblock.twin.calibration.cleaning import Remark, clean
from gaugeblock.twin.calibration.discovery import Structure, discover
from gaugeblock.twin.calibration.event_log import EventLog, Floats
from gaugeblock.twin.calibration.failures import Counting, counting, repairs, uptimes
from gaugeblock.twin.calibration.fitting import Times, TimesFit, fit
from gaugeblock.twin.calibration.likelihood import values_inside
from gaugeblock.twin.calibration.stays import DownTimes, Stays, down_times, stays
from gaugeblock.twin.calibration.untold import cannot_tell
from gaugeblock.twin.line import (
    Line,
)
from gaugeblock.twin.validation import validate

ENDLESS_SHARE = 0.02
"""Gaps between parts at a first station above which raw parts are not always there."""
OWN_FIT_LEAST = 20
"""Visits of a product below which it takes its station's times."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Calibration:
    """A line, and all that it was made of.

    Parameters
    ----------
    line
        The line with the best of each distribution.
    log
        As cleaned.
    structure
        What was discovered.
    service
        Fits of (station, product).
    uptime, repair
        Fits of stations that failed.
    counted
        What their failures count.
    arrivals
        Fits of (station, product) where raw parts are not always there.
    remarks
        What was repaired, assumed, or cannot be told.
    """

    line: Line
    log: EventLog
    structure: Structure
    service: dict[Key, TimesFit]
    uptime: dict[int, TimesFit]
    repair: dict[int, TimesFit]
    counted: dict[int, Counting]
    arrivals: dict[Key, TimesFit]
    remarks: tuple[Remark, ...]

    def draw(self, generator: np.random.Generator) -> Line:
        """A line that the log does not rule out: each distribution and share drawn anew."""
        return assembled(
            self.log,
            self.structure,
            {key: fitted.draw(generator) for key, fitted in self.service.items()},
            {key: fitted.draw(generator) for key, fitted in self.uptime.items()},
            {key: fitted.draw(generator) for key, fitted in self.repair.items()},
            self.counted,
            {key: fitted.draw(generator) for key, fitted in self.arrivals.items()},
            lambda counts: generator.gamma(np.array(counts, float)),
            self.line.name,
        )


def calibrate(
    log: EventLog,
    *,
    name: str = "line",
    seed: int = 1,
    resolution: float | None = None,
    ends_told: bool = False,
    progress: Progress | None = None,
) -> Calibration:
    """Fit a line to a log.

    Parameters
    ----------
    seed
        Of the draws that intervals are made of.
    resolution
        The grain of the log's clock in its unit; ``None``: found from the times.
    ends_told
        Whether a part whose last visit has an end is known to have left the line (:func:`discover`).
    progress
        Called with fits done and fits in all.

    Raises
    ------
    LogError, LineError, NumbaMissingError
    """
    generator = np.random.default_rng(seed)
    log, found = clean(log)
    remarks = list(found)
    grain = clock_resolution(log) if resolution is None else resolution
    structure = discover(log, grain, ends_told=ends_told)
    remarks += structure.remarks
    downs = down_times(log)
    failing = [s for s in structure.order if any(m in downs for m in structure.machines[s])]
    keys = _keys(log, structure)
    endless = {s: _endless(log, structure, s, downs, grain) for s in structure.order}
    total = len(keys) + 2 * len(failing)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    # First as it is whatever failures count; then, where they count operating time, with what they tell besides.
    told = stays(log, structure, downs, finish_up=False)
    service, rare = _services(log, keys, told, generator, grain, step)
    work = _work(log, told, service, generator)
    counted = {s: counting(log, structure.machines[s], downs, told, work) for s in structure.order}
    operating = [s for s in failing if counted[s].counts == "operating_time"]
    if operating:
        finer = stays(log, structure, downs, finish_up=True)
        of = np.isin(log.station, operating)
        again = np.unique(log.station[of & (finer.low > told.low)])
        told = Stays(np.where(of, finer.low, told.low), np.where(of, finer.high, told.high), told.unsure_from)
        if len(again):
            anew = [key for key in keys if key[0] in again]
            service |= _services(log, anew, told, generator, grain, lambda: None)[0]
            work = _work(log, told, service, generator)
    remarks += rare
    uptime, repair = {}, {}
    for station in failing:
        machines = structure.machines[station]
        uptime[station] = fit(uptimes(log, machines, downs, counted[station].counts, work), generator)
        step()
        repair[station] = fit(repairs(log, machines, downs), generator)
        step()
    arriving = {
        (station, product): fit(_between(log, structure, station, product), generator, resolution=grain)
        for station, product in keys
        if not endless[station] and firsts(log, structure, station, product).sum() > 1
    }
    line = assembled(
        log,
        structure,
        {key: fitted.chosen for key, fitted in service.items()},
        {key: fitted.chosen for key, fitted in uptime.items()},
        {key: fitted.chosen for key, fitted in repair.items()},
        counted,
        {key: fitted.chosen for key, fitted in arriving.items()},
        lambda counts: np.array(counts, float),
        name,
    )
    remarks += cannot_tell(log, structure, counted, failing, endless, service, grain)
    return Calibration(validate(line), log, structure, service, uptime, repair, counted, arriving, tuple(remarks))


def clock_resolution(log: EventLog) -> float:
    """The grain of a log's clock: the coarsest of an hour down to a millisecond that all times are multiples of.

    >>> from gaugeblock.twin.calibration.event_log import LogBuilder
    >>> builder = LogBuilder(unit="min")
    >>> builder.visit("p", "saw", "m", 3.0, 5.0)
    >>> clock_resolution(builder.build())
    1.0
    """
    times = np.concatenate([log.start[:2000], log.end[:2000]])
    times = times[np.isfinite(times)]
    if not len(times):
        return 0.0
    minute = {"min": 1.0, "s": 60.0, "h": 1.0 / 60.0}.get(log.unit, 1.0)
    for grain in (60.0, 15.0, 5.0, 1.0, 1.0 / 60.0, 0.1 / 60.0, 0.01 / 60.0, 0.001 / 60.0):
        multiples = times / (grain * minute)
        if np.all(np.abs(multiples - np.round(multiples)) < 1e-6 * np.maximum(1.0, np.abs(multiples)) + 1e-7):
            return grain * minute
    return 0.0


def _keys(log: EventLog, structure: Structure) -> list[Key]:
    pairs = {(int(s), int(p)) for s, p in zip(*np.unique(np.stack([log.station, log.product]), axis=1), strict=True)}
    return sorted(pairs, key=lambda key: (structure.order.index(key[0]), key[1]))


def _services(
    log: EventLog,
    keys: list[Key],
    told: Stays,
    generator: np.random.Generator,
    grain: float,
    step: Callable[[], None],
) -> tuple[dict[Key, TimesFit], list[Remark]]:
    """A fit for each station and product; a rare product takes its station's times."""
    service: dict[Key, TimesFit] = {}
    whole: dict[int, TimesFit] = {}
    remarks = []
    for key in keys:
        station, product = key
        of = log.station == station
        own = of & (log.product == product)
        if own.sum() < OWN_FIT_LEAST and any(k[0] == station for k in keys if k != key):
            if station not in whole:
                whole[station] = fit(_times(told, of), generator, resolution=grain)
            service[key] = whole[station]
            facts: dict[str, str | int | float] = {
                "station": log.stations[station],
                "product": product_name(log, product),
            }
            remarks.append(Remark("product_rare", facts))
        else:
            service[key] = fit(_times(told, own), generator, resolution=grain)
        step()
    return service, remarks


def _times(told: Stays, which: np.ndarray) -> Times:
    low, high = told.low[which], told.high[which]
    usable = ~np.isnan(high)
    low, high = low[usable], high[usable]
    exact = np.isfinite(high) & (high - low <= 1e-9 * np.maximum(1.0, high))
    between = ~exact & ((low > 0.0) | np.isfinite(high))
    return Times(high[exact], low[between], high[between])


def _work(log: EventLog, told: Stays, service: dict[Key, TimesFit], generator: np.random.Generator) -> Floats:
    """The service of each visit; where blocking hides it, drawn from its distribution within its interval."""
    work = np.where(np.isfinite(told.high), told.high, told.low)
    hidden = np.isfinite(told.high) & (told.high - told.low > 1e-9 * np.maximum(1.0, told.high))
    for (station, product), fitted in service.items():
        of = np.flatnonzero(hidden & (log.station == station) & (log.product == product))
        if len(fitted.us):
            kind, u, v = int(fitted.kinds[0]), float(fitted.us[0]), float(fitted.vs[0])
            work[of] = values_inside(kind, u, v, told.low[of], told.high[of], generator.random(len(of)))
        else:
            work[of] = np.clip(fitted.chosen.mean, told.low[of], told.high[of])
    return work


def _endless(log: EventLog, structure: Structure, station: int, downs: dict[int, DownTimes], grain: float) -> bool:
    """Whether a first station never waited for raw parts: it took the next as soon as it could."""
    first = firsts(log, structure, station)
    waits, count = 0, 0
    for machine in structure.machines[station]:
        at = np.flatnonzero(log.machine == machine)
        if len(at) < 2:
            continue
        down = downs.get(machine, DownTimes(np.empty(0), np.empty(0)))
        since = log.end[at[:-1]]
        gap = log.start[at[1:]] - since - (down.before(log.start[at[1:]]) - down.before(since))
        taken = first[at[1:]] & np.isfinite(gap)
        waits += int((gap[taken] > 2.0 * grain + 1e-9 * max(1.0, log.closed)).sum())
        count += int(taken.sum())
    return count == 0 or waits <= ENDLESS_SHARE * count


def _between(log: EventLog, structure: Structure, station: int, product: int) -> Times:
    starts = np.sort(log.start[firsts(log, structure, station, product)])
    gaps = np.diff(starts)
    going = np.array([log.closed - starts[-1]])
    return Times(gaps[gaps > 0.0], going[going > 0.0], np.full(int((going > 0.0).sum()), np.inf))
