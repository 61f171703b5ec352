"""Energy and carbon of a good part, from the power that each station draws in each of its states.

A machine that waits draws power too: what a part costs depends on how the line runs. Energy of a run is the sum over
stations and states of power × time in the state × machines; divided by its good parts. Scrapped parts' energy is borne
by the good ones.

Source: ISO 14955-1 (power by operating state); the carbon factor is the user's, with its source.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from gaugeblock.twin.errors import LineSyntaxError, PowerError
from gaugeblock.twin.intervals import Interval, interval_of
from gaugeblock.twin.line import Line
from gaugeblock.twin.report import LineReport

Power_kW = Annotated[float, Meta(ge=0.0, le=1e6)]
HOURS = {"s": 1 / 3600, "sec": 1 / 3600, "min": 1 / 60, "h": 1.0, "hour": 1.0, "d": 24.0, "day": 24.0}
"""Of the time units that a line may be written in, where energy is asked for."""


class StationPower(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Power of one machine of the station in each state, kW."""

    station: str
    busy: Power_kW
    setup: Power_kW = 0.0
    blocked: Power_kW = 0.0
    starved: Power_kW = 0.0
    down: Power_kW = 0.0
    off: Power_kW = 0.0


class Powers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a line.

    Parameters
    ----------
    carbon_kg_per_kWh
        Of the electricity bought, CO₂ equivalent.
    carbon_source
        Where the factor is from, and of which year.
    base_kW
        What is always drawn: light, extraction, compressed air.
    """

    carbon_kg_per_kWh: Annotated[float, Meta(ge=0.0, le=10.0)]  # noqa: N815 – the unit's own capitals
    carbon_source: str
    stations: tuple[StationPower, ...] = msgspec.field(name="station")
    base_kW: Power_kW = 0.0  # noqa: N815


class EnergyReport(msgspec.Struct, frozen=True):
    """Per good part, with intervals over replications; ``shares`` of the energy by state of the line's machines."""

    energy_kWh: Interval  # noqa: N815
    carbon_kg: Interval
    by_state: dict[str, float]
    by_station: dict[str, float]
    carbon_source: str


def parse_powers(text: str) -> Powers:
    """From TOML.

    Raises
    ------
    LineSyntaxError, PowerError
    """
    try:
        return msgspec.convert(tomllib.loads(text), Powers)
    except tomllib.TOMLDecodeError as fault:
        raise LineSyntaxError(detail=str(fault)) from fault
    except msgspec.ValidationError as fault:
        raise PowerError(where="power", detail=str(fault)) from fault


def energy_of(line: Line, powers: Powers, reports: Sequence[LineReport], confidence: float = 0.95) -> EnergyReport:
    """Energy and carbon of a good part over independent reports of the line.

    Raises
    ------
    PowerError
        A station without powers, powers of a station that is not there, a time unit that is not known, or no good part.
    """
    hours = HOURS.get(line.time_unit)
    if hours is None:
        raise PowerError(where="time_unit", detail=line.time_unit)
    given = {power.station: power for power in powers.stations}
    names = {station.name for station in line.stations}
    if given.keys() != names:
        raise PowerError(where="station", detail=", ".join(sorted(given.keys() ^ names)))
    machines = {station.name: station.machines for station in line.stations}
    by_state = dict.fromkeys(StationPower.__struct_fields__[1:], 0.0)
    by_station = dict.fromkeys(names, 0.0)
    per_part = []
    for report in reports:
        if not report.finished:
            raise PowerError(where=line.name, detail="0")
        whole = powers.base_kW * report.time * hours
        for station in report.stations:
            for state in by_state:
                used = getattr(given[station.name], state) * getattr(station, state) * report.time * hours
                used *= machines[station.name]
                by_state[state] += used
                by_station[station.name] += used
                whole += used
        per_part.append(whole / report.finished)
    total = math.fsum(by_state.values()) or 1.0
    factor = powers.carbon_kg_per_kWh
    return EnergyReport(
        interval_of(per_part, confidence),
        interval_of([factor * each for each in per_part], confidence),
        {state: used / total for state, used in by_state.items()},
        {name: used / total for name, used in by_station.items()},
        powers.carbon_source,
    )
