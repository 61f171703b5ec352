"""Choosing the best of several variants by simulation, with a stated probability of being right.

**KN** (Kim and Nelson) is fully sequential: all candidates are observed, those that are behind by more than chance
explains are dropped, and the last one stands. If the best is better than every other by ``indifference`` at least, it
is chosen with probability ``confidence`` or more, for normal observations, also under common random numbers. Candidates
nearer to the best than that are as good as it for whoever asks.

Source: Kim, Nelson, "A fully sequential procedure for indifference-zone selection in simulation", ACM TOMACS 11 (2001)
251-273.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.twin.errors import RunParameterError, SelectionError
from gaugeblock.twin.intervals import Interval, interval_of

CANDIDATES_MAX = 2000
Floats = npt.NDArray[np.float64]

Observe = Callable[[int, range], Sequence[float]]
"""The values of a candidate in the replications of these numbers; larger is better."""


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen, and what may be said of it.

    Parameters
    ----------
    best
        The chosen candidate's position.
    decided
        Whether one was left: then the guarantee holds. Else the observations ran out, and ``left`` are those that
        could not be told apart; ``best`` has the largest mean of them.
    values
        Each candidate's mean and interval, over the observations it had; intervals are of each by itself.
    observations
        How many each had.
    """

    best: int
    decided: bool
    left: tuple[int, ...]
    values: tuple[Interval, ...]
    observations: tuple[int, ...]
    confidence: float
    indifference: float


def kim_nelson(
    candidates: int,
    observe: Observe,
    *,
    indifference: float,
    confidence: float = 0.95,
    first: int = 20,
    most: int = 2000,
    batch: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> Selected:
    """The candidate with the largest mean.

    Parameters
    ----------
    candidates
        How many there are.
    observe
        Gives observations by number, so that all candidates meet the same luck.
    indifference
        The smallest difference worth finding, in the values' unit.
    first
        Observations of each before any is dropped.
    most
        Observations of each at most.
    batch
        Observations between looks after that. Looks are stricter than needed where it is more than one.
    progress
        Called with candidates dropped and candidates that have to be.

    Raises
    ------
    SelectionError, RunParameterError

    Examples
    --------
    >>> kim_nelson(2, lambda c, numbers: [float(c) + 0.1 * (n % 3) for n in numbers], indifference=0.5).best
    1
    """
    if not 1 <= candidates <= CANDIDATES_MAX:
        raise SelectionError(found=candidates, low=1, high=CANDIDATES_MAX)
    if not indifference > 0.0:
        raise RunParameterError(name="indifference", value=indifference, low=0.0, high=float("inf"))
    if not 0.5 < confidence < 1.0:
        raise RunParameterError(name="confidence", value=confidence, low=0.5, high=1.0)
    if not 2 <= first <= most:
        raise RunParameterError(name="first", value=first, low=2, high=most)
    seen = [list(map(float, observe(c, range(first)))) for c in range(candidates)]
    alive = list(range(candidates))
    if candidates > 1:
        eta = 0.5 * ((2.0 * (1.0 - confidence) / (candidates - 1)) ** (-2.0 / (first - 1)) - 1.0)
        slack = 2.0 * eta * (first - 1)
        start = np.array(seen)
        # The variance of each difference, from the first observations alone, as the proof wants it.
        spread = np.array([[float(np.var(start[i] - start[k], ddof=1)) for k in alive] for i in alive])
        count = first
        alive = _standing(alive, seen, spread, slack, indifference, count)
        while len(alive) > 1 and count < most:
            grown = range(count, min(count + batch, most))
            for c in alive:
                seen[c].extend(map(float, observe(c, grown)))
            count = grown.stop
            alive = _standing(alive, seen, spread, slack, indifference, count)
            if progress is not None:
                progress(candidates - len(alive), candidates - 1)
    values = tuple(interval_of(each) for each in seen)
    return Selected(
        best=max(alive, key=lambda c: values[c].mean),
        decided=len(alive) == 1,
        left=tuple(alive),
        values=values,
        observations=tuple(len(each) for each in seen),
        confidence=confidence,
        indifference=indifference,
    )


def _standing(
    alive: list[int], seen: list[list[float]], spread: Floats, slack: float, indifference: float, count: int
) -> list[int]:
    """Those that no other is ahead of by more than ``W = max(0, δ/2 · (h² S² / δ² − r))`` in sums."""
    sums = {c: float(np.sum(seen[c])) for c in alive}

    def behind(c: int, other: int) -> bool:
        room = max(0.0, 0.5 * (slack * float(spread[c, other]) / indifference - indifference * count))
        return sums[c] < sums[other] - room

    return [c for c in alive if not any(behind(c, other) for other in alive if other != c)]
