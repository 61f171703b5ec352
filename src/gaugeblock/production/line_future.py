"""The line some time from now: where parts will be and what machines will do, as shares of simulated futures."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from gaugeblock.production.line_model import LineModel
from gaugeblock.production.start_state import Start

REPLICATIONS = 60
STATES = ("starved", "set_up", "producing", "blocked")


class BufferFuture(msgspec.Struct, frozen=True):
    """Parts in a buffer: mean, and the 5th and 95th of a hundred futures."""

    name: str
    mean: float
    low: float
    high: float


class LineFuture(msgspec.Struct, frozen=True, kw_only=True):
    """Over the futures.

    Parameters
    ----------
    ahead_s
        How far from the last event.
    states
        By machine: the share of futures in which it will be in each state, the likeliest first.
    finished
        Good parts until then: mean, 5th, 95th.
    done
        By order: the share of futures in which it is complete by then.
    """

    ahead_s: float
    at_s: float
    buffers: tuple[BufferFuture, ...]
    states: dict[str, tuple[tuple[str, float], ...]]
    finished: BufferFuture
    done: dict[str, float]
    replications: int


def future_of(
    model: LineModel, start: Start, ahead_s: float, *, seed: int = 1, replications: int = REPLICATIONS
) -> LineFuture:
    """Simulate from a start.

    Raises
    ------
    LineError, StateMismatchError, DeadlockError
    """
    from gaugeblock.twin import layout as at
    from gaugeblock.twin.simulation import Simulation
    from gaugeblock.twin.tables import flatten

    tables = flatten(start.line)
    names = [order.name for order in start.line.orders]
    counts: list[list[int]] = []
    finished: list[int] = []
    states: dict[str, dict[str, int]] = {name: {} for name in model.machines}
    done = dict.fromkeys(start.parts, 0)
    for number in range(replications):
        run = Simulation(tables, seed, number, start.state)
        run.advance(until=run.now + ahead_s / model.unit_s)
        counts.append(list(run.in_buffers().values()))
        finished.append(run.finished)
        words = run.words
        for name, (station, machine) in model.machines.items():
            place = tables.machines[[s.name for s in start.line.stations].index(station)][machine]
            if words[place + at.M_DOWN]:
                state = "down"
            elif words[place + at.M_OFF]:
                state = "off"
            else:
                state = STATES[int(words[place + at.M_STATUS])]
            states[name][state] = states[name].get(state, 0) + 1
        times = run.order_times()
        for order, parts in start.parts.items():
            done[order] += all(not math.isnan(times[names.index(part)]) for part in parts)
    grid = np.array(counts, float).reshape(replications, -1)
    made = np.array(finished, float)

    def spread(name: str, values: np.ndarray) -> BufferFuture:
        low, high = np.quantile(values, [0.05, 0.95])
        return BufferFuture(name, float(values.mean()), float(low), float(high))

    return LineFuture(
        ahead_s=ahead_s,
        at_s=model.at(start.state.time).timestamp() + ahead_s,
        buffers=tuple(spread(b.name, grid[:, k]) for k, b in enumerate(start.line.buffers)),
        states={
            name: tuple(sorted(((s, n / replications) for s, n in own.items()), key=lambda row: -row[1]))
            for name, own in states.items()
        },
        finished=spread("finished", made),
        done={order: n / replications for order, n in done.items()},
        replications=replications,
    )
