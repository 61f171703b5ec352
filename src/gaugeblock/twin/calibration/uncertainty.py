"""What a fitted line makes, with an interval that carries how sure its parameters are.

Lines are drawn that the log does not rule out, and each is simulated twice, on random streams of its own. What the two
runs differ by is luck; its share of the variance is taken away, what remains is the parameters'. The draws are set
around one long run of the fitted line, for the mean of a line's throughput over uncertain parameters is below that at
their best: whichever station is slow in a draw is its bottleneck.

Sources: Barton, Lam, Song, Input uncertainty in stochastic simulation (Palgrave Handbook of Simulation, 2022); Sun,
Apley, Staum, Efficient nested simulation for estimating the variance of a conditional expectation (Operations Research
59, 2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from gaugeblock.twin.calibration.calibrate import Calibration
from gaugeblock.twin.calibration.event_log import Floats
from gaugeblock.twin.errors import QueueOverflowError
from gaugeblock.twin.line import Line
from gaugeblock.twin.max_plus import MaxPlusRun, is_serial
from gaugeblock.twin.simulation import Simulation

DRAWS = 100
PARTS, WARM_UP, LONG = 3_000, 300, 100_000
LUCK_MAX = 0.9
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ThroughputInterval:
    """Good parts per unit of time in the long run: of the fitted line, its 95 % interval, and the draws behind it."""

    value: float
    low: float
    high: float
    draws: Floats


def throughput(line: Line, *, parts: int = LONG, warm_up: int = WARM_UP, seed: int = 1) -> float:
    """Good parts per unit of time in one run, after a warm-up.

    >>> from gaugeblock.twin.distributions import Deterministic
    >>> from gaugeblock.twin.line import serial_line
    >>> round(throughput(serial_line([Deterministic(2.0), Deterministic(4.0)], [1]), parts=100), 6)
    0.25
    """
    if is_serial(line):
        run = MaxPlusRun(line, seed)
        run.advance(warm_up)
        began = run.now
        run.advance(parts)
        return parts / (run.now - began)
    event = Simulation(line, seed)
    # More may come than the line can make: then what it has made until a place overflows is what it can make.
    with suppress(QueueOverflowError):
        event.advance(parts=warm_up)
        event.begin_report()
        event.advance(parts=warm_up + parts)
    return event.report().throughput


def throughput_interval(
    calibration: Calibration,
    *,
    draws: int = DRAWS,
    parts: int = PARTS,
    seed: int = 1,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> ThroughputInterval:
    """The fitted line's throughput and its interval.

    Parameters
    ----------
    draws, parts
        Lines drawn, and parts in each of their two runs.
    """
    generator = np.random.default_rng([seed, 1])
    value = throughput(calibration.line, seed=seed)
    twice = np.empty((draws, 2))
    for k in range(draws):
        line = calibration.draw(generator)
        for run in (0, 1):
            twice[k, run] = throughput(line, parts=parts, seed=seed + 1 + 2 * k + run)
        if progress is not None:
            progress(k + 1, draws)
    logs = np.log(twice)
    luck = float(np.mean((logs[:, 0] - logs[:, 1]) ** 2)) / 4.0
    middle = logs.mean(axis=1)
    total = float(middle.var(ddof=1))
    kept = math.sqrt(1.0 - min(LUCK_MAX, luck / total)) if total > 0.0 else 0.0
    found = value * np.exp(kept * (middle - middle.mean()))
    # Positions p·(n + 1): with as few draws other rules give an interval that holds less than it says.
    low, high = np.quantile(found, [(1.0 - confidence) / 2, (1.0 + confidence) / 2], method="weibull")
    return ThroughputInterval(value, float(low), float(high), found)
