"""A line put together from what was discovered and what was fitted: stations, places, routes with their shares."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from gaugeblock.twin.calibration.discovery import END, SCRAPPED, Place, Structure
from gaugeblock.twin.calibration.event_log import EventLog, Flags, Floats
from gaugeblock.twin.calibration.failures import Counting
from gaugeblock.twin.distributions import Distribution
from gaugeblock.twin.errors import DeadlockPossibleError
from gaugeblock.twin.line import FINISHED, SCRAP, Arrivals, Buffer, Failures, Line, Outcome, Station, Step, Supply
from gaugeblock.twin.validation import validate

MIX_LENGTH = 20
Key = tuple[int, int]
"""A station and a product."""


def product_name(log: EventLog, product: int) -> str:
    return log.products[product] if product >= 0 else "part"


def firsts(log: EventLog, structure: Structure, station: int, product: int | None = None) -> Flags:
    of: Flags = structure.first & (log.station == station)
    return of if product is None else of & (log.product == product)


def place_name(log: EventLog, place: Place) -> str:
    """What the line calls a place."""
    return f"{'rework' if place.back else 'before'} {log.stations[place.into]}"


def assembled(
    log: EventLog,
    structure: Structure,
    service: dict[Key, Distribution],
    uptime: dict[int, Distribution],
    repair: dict[int, Distribution],
    counted: dict[int, Counting],
    arriving: dict[Key, Distribution],
    weigh: Callable[[list[int]], Floats],
    name: str,
) -> Line:
    names = log.stations
    stations = tuple(
        Station(
            name=names[s],
            blocking="after_service",
            machines=len(structure.machines[s]),
            failures=Failures(counts=counted[s].counts, between=uptime[s], repair=repair[s]) if s in uptime else None,
        )
        for s in structure.order
    )
    buffers = [
        Buffer(
            name=place_name(log, place),
            capacity="unlimited" if place.back and not place.told else place.capacity,
        )
        for place in structure.places
    ]
    supplies, arrivals, steps = [], [], []
    for s in structure.order:
        mix = _mix(log, structure, s)
        if not mix:
            continue
        if any(key[0] == s for key in arriving):
            buffers.append(Buffer(name=f"arrived {names[s]}", capacity="unlimited"))
            arrivals += [
                Arrivals(
                    name=f"{product_name(log, p)} to {names[s]}",
                    into=f"arrived {names[s]}",
                    product=product_name(log, p),
                    every=arriving[key],
                )
                for key in arriving
                if key[0] == s
                for p in (key[1],)
            ]
        else:
            supplies.append(Supply(name=f"raw {names[s]}", products=mix))
    outside = {supply.name for supply in supplies} | {arrival.into for arrival in arrivals}
    for (s, product), times in service.items():
        outcomes = _outcomes(log, structure, s, product, weigh)
        came = {
            structure.order.index(into) <= structure.order.index(source)
            for (source, p), follows in structure.outcomes.items()
            for into in follows
            if into == s and p == product
        }
        takes = [place_name(log, place) for place in structure.places if place.into == s and place.back in came]
        takes.sort(key=lambda name: not name.startswith("rework"))
        if firsts(log, structure, s, product).any():
            takes += [n for n in (f"raw {names[s]}", f"arrived {names[s]}") if n in outside]
        for place in takes:
            steps.append(
                Step(
                    station=names[s],
                    product=product_name(log, product),
                    takes=(place,),
                    service=times,
                    to=outcomes[0].to[0] if len(outcomes) == 1 else None,
                    outcomes=outcomes if len(outcomes) > 1 else (),
                )
            )
    line = Line(
        name=name,
        time_unit=log.unit,
        products=tuple(dict.fromkeys(product_name(log, p) for _, p in service)),
        stations=stations,
        steps=tuple(steps),
        buffers=tuple(buffers),
        supplies=tuple(supplies),
        arrivals=tuple(arrivals),
    )
    return _without_rings(line)


def _without_rings(line: Line) -> Line:
    """A ring of full places that the log did not show standing: its rework places are made unlimited."""
    try:
        return validate(line)
    except DeadlockPossibleError:
        freed = tuple(
            msgspec.structs.replace(b, capacity="unlimited") if b.name.startswith("rework ") else b
            for b in line.buffers
        )
        return validate(msgspec.structs.replace(line, buffers=freed))


def _outcomes(
    log: EventLog, structure: Structure, station: int, product: int, weigh: Callable[[list[int]], Floats]
) -> tuple[Outcome, ...]:
    counts = structure.outcomes.get((station, product), {END: 1})
    weights = weigh(list(counts.values()))
    shares = weights / weights.sum()
    found: dict[str, float] = {}
    for to, share in zip(counts, shares, strict=True):
        place = {END: FINISHED, SCRAPPED: SCRAP}.get(to)
        if place is None:
            place = place_name(log, structure.place(station, to))
        found[place] = found.get(place, 0.0) + float(share)
    return tuple(Outcome(share=share, to=(place,)) for place, share in found.items() if share > 0.0)


def _mix(log: EventLog, structure: Structure, station: int) -> tuple[str, ...]:
    """Products in a cycle, each as often and as evenly as it came."""
    of = firsts(log, structure, station)
    products, counts = np.unique(log.product[of], return_counts=True)
    if not len(products):
        return ()
    if len(products) == 1:
        return (product_name(log, int(products[0])),)
    length = max(len(products), MIX_LENGTH)
    shares = counts / counts.sum()
    owed = np.zeros(len(products))
    cycle = []
    for _ in range(length):
        owed += shares
        pick = int(np.argmax(owed))
        owed[pick] -= 1.0
        cycle.append(product_name(log, int(products[pick])))
    return tuple(cycle)
