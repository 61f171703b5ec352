"""What a simulated stretch of time showed: throughput, states of stations, work in process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from gaugeblock.twin import layout as at

if TYPE_CHECKING:
    from gaugeblock.twin.tables import Tables, Words

STATES = ("starved", "setup", "busy", "blocked")


class StationReport(msgspec.Struct, frozen=True):
    """A station's shares of time, averaged over its machines.

    ``busy``, ``setup``, ``blocked`` and ``starved`` are of the time in which it is up and on shift, so the six add up
    to one. ``blocked_in_all`` and ``starved_in_all`` count also what of ``down`` and ``off`` was spent so.
    """

    name: str
    busy: float
    setup: float
    blocked: float
    starved: float
    down: float
    off: float
    blocked_in_all: float
    starved_in_all: float
    served: int


class BufferReport(msgspec.Struct, frozen=True):
    """A buffer's mean number of parts."""

    name: str
    mean: float


class LineReport(msgspec.Struct, frozen=True):
    """A stretch of simulated time.

    Parameters
    ----------
    time
        Its length, in the line's unit.
    throughput
        Parts finished per unit of time.
    wip
        Mean parts on the line.
    flow_time
        Mean time on the line of the parts finished; NaN where there are none.
    lost
        Arrivals turned away.
    """

    time: float
    finished: int
    scrapped: int
    lost: int
    throughput: float
    wip: float
    flow_time: float
    stations: tuple[StationReport, ...]
    buffers: tuple[BufferReport, ...]
    finished_of: dict[str, int]


def report_between(tables: Tables, before: Words, after: Words) -> LineReport:
    """The difference of two closed accounts of one simulation."""
    floats = after.view(np.float64), before.view(np.float64)

    def grown(position: int) -> float:
        return float(floats[0][position] - floats[1][position])

    def more(position: int) -> int:
        return int(after[position] - before[position])

    time, finished = grown(at.H_NOW), more(at.H_FINISHED)
    length = time if time > 0 else math.nan
    products = int(after[at.H_PRODUCTS])
    return LineReport(
        time=time,
        finished=finished,
        scrapped=more(at.H_SCRAPPED),
        lost=more(at.H_LOST),
        throughput=finished / length,
        wip=grown(at.H_AREA) / length,
        flow_time=grown(at.H_FLOW) / finished if finished else math.nan,
        stations=tuple(
            _station(name, machines, floats, length, more(station + at.T_SERVED))
            for name, machines, station in zip(
                (station.name for station in tables.line.stations), tables.machines, tables.stations, strict=True
            )
        ),
        buffers=tuple(
            BufferReport(buffer.name, grown(position + at.B_AREA) / length)
            for buffer, position in zip(tables.line.buffers, tables.buffers, strict=True)
        ),
        finished_of={name: more(products + 2 * i) for i, name in enumerate(tables.line.products)},
    )


def _station(
    name: str, machines: tuple[int, ...], floats: tuple[np.ndarray, np.ndarray], length: float, served: int
) -> StationReport:
    shares = np.zeros((4, 3))
    for machine in machines:
        start = machine + at.M_SHARES
        shares += (floats[0][start : start + 12] - floats[1][start : start + 12]).reshape(4, 3)
    shares /= length * len(machines)
    up = shares[:, at.UP]
    return StationReport(
        name=name,
        busy=float(up[at.BUSY]),
        setup=float(up[at.SETTING]),
        blocked=float(up[at.BLOCKED]),
        starved=float(up[at.STARVED]),
        down=float(shares[:, at.DOWN].sum()),
        off=float(shares[:, at.OFF].sum()),
        blocked_in_all=float(shares[at.BLOCKED].sum()),
        starved_in_all=float(shares[at.STARVED].sum()),
        served=served,
    )
