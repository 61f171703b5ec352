"""What a log cannot tell, and what was assumed instead."""

from __future__ import annotations

import math

import numpy as np

from gaugeblock.twin.calibration.assembly import Key, firsts, place_name, product_name
from gaugeblock.twin.calibration.cleaning import Remark
from gaugeblock.twin.calibration.discovery import Structure
from gaugeblock.twin.calibration.event_log import EventLog
from gaugeblock.twin.calibration.failures import Counting
from gaugeblock.twin.calibration.fitting import TIMES_MAX, TimesFit

CERTAIN = 0.05


def cannot_tell(
    log: EventLog,
    structure: Structure,
    counted: dict[int, Counting],
    failing: list[int],
    endless: dict[int, bool],
    service: dict[Key, TimesFit],
    grain: float,
) -> list[Remark]:
    """What was assumed because the log does not say."""
    remarks = [Remark("blocking_assumed", {})]
    for place in structure.places:
        facts: dict[str, str | int | float] = {"place": place_name(log, place), "capacity": place.capacity}
        if not place.told:
            remarks.append(Remark("capacity_open" if not place.back else "rework_open", facts))
    if not failing:
        remarks.append(Remark("no_states", {}))
    elif any(s not in failing for s in structure.order):
        names = ", ".join(log.stations[s] for s in structure.order if s not in failing)
        remarks.append(Remark("no_failure", {"stations": names[:200]}))
    for s in failing:
        if counted[s].odds < 1.0 / CERTAIN:
            remarks.append(Remark("counting_open", {"station": log.stations[s], "odds": counted[s].odds}))
    if failing:
        remarks.append(Remark("crew_unknown", {}))
    for s in structure.order:
        if firsts(log, structure, s).any() and not endless[s]:
            remarks.append(Remark("arrivals_seen_late", {"station": log.stations[s]}))
    if len(np.unique(log.product)) > 1:
        remarks.append(Remark("setup_in_service", {}))
    for key, fitted in service.items():
        facts = {"station": log.stations[key[0]], "product": product_name(log, key[1]), "count": fitted.count}
        if fitted.count and fitted.censored > 0.5 * fitted.count:
            remarks.append(Remark("mostly_blocked", {**facts, "share": 100.0 * fitted.censored / fitted.count}))
        if int((log.station == key[0]).sum()) > TIMES_MAX >= fitted.count >= TIMES_MAX // 2:
            remarks.append(Remark("thinned", facts))
        if fitted.sample is not None:
            remarks.append(Remark("no_family", facts))
        if math.isnan(fitted.fit_p) and len(fitted.us):
            remarks.append(Remark("fit_untested", facts))
    rough = [log.stations[k[0]] for k, f in service.items() if grain > 0.02 * f.chosen.mean]
    if rough:
        remarks.append(Remark("clock_coarse", {"stations": ", ".join(dict.fromkeys(rough))[:200], "grain": grain}))
    hours = _quiet_hours(log)
    if hours:
        remarks.append(Remark("shifts_unseen", {"hours": hours}))
    return remarks


def _quiet_hours(log: EventLog) -> int:
    """Hours of the day in which nothing ever started, in a log of some days."""
    day = {"min": 1440.0, "s": 86400.0, "h": 24.0}.get(log.unit)
    if day is None or not log.origin or log.closed - float(log.start.min()) < 5 * day:
        return 0
    hour = np.floor((log.start % day) / day * 24.0).astype(np.int64)
    counts = np.bincount(hour, minlength=24)
    return int((counts < 0.002 * counts.sum()).sum())
