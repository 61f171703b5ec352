"""Where do places between stations help most? Places are moved about, and the best allocation is selected.

Up to :data:`ENUMERATED_MAX` allocations are all candidates. Where there are more, a search goes from the even
allocation to the best neighbour (one place moved) on few observations each, and the best that it met are the
candidates: then the selection's guarantee is among these, not among all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import msgspec

from gaugeblock.twin.errors import SelectionError, UnknownNameError
from gaugeblock.twin.line import Line
from gaugeblock.twin.selection import Selected, kim_nelson
from gaugeblock.twin.state import LineState
from gaugeblock.twin.tables import Tables, flatten
from gaugeblock.twin.what_if import Plan, observe

ENUMERATED_MAX = 60
FINALISTS = 10
STEPS_MAX = 60
PLACES_MAX = 10_000
LOOK = 8
"""Observations of a neighbour while searching."""

Places = tuple[int, ...]


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates (places of each buffer named), and what was selected; ``all_of_them``: every allocation was one."""

    buffers: tuple[str, ...]
    candidates: tuple[Places, ...]
    selected: Selected
    all_of_them: bool

    @property
    def best(self) -> Places:
        """The places to give."""
        return self.candidates[self.selected.best]


def allocate(
    line: Line,
    places: int,
    plan: Plan,
    *,
    buffers: Sequence[str] | None = None,
    indifference: float = 0.005,
    confidence: float = 0.95,
    state: LineState | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Allocation:
    """The allocation of so many places with the largest throughput.

    Parameters
    ----------
    places
        To share among the buffers in all; each keeps one at least.
    buffers
        Which; all that are limited where ``None``.
    plan
        Of one observation; its ``replications`` are the most that a candidate gets.
    indifference
        Share of the even allocation's throughput that is worth finding.

    Raises
    ------
    SelectionError, UnknownNameError, RunParameterError
    """
    known = [buffer.name for buffer in line.buffers if buffer.capacity != "unlimited"]
    names = tuple(known if buffers is None else buffers)
    for name in names:
        if name not in known:
            raise UnknownNameError(where="allocate", name=name, known=", ".join(known[:20]))
    if not (2 <= len(names) <= places <= PLACES_MAX):
        raise SelectionError(found=places, low=max(2, len(names)), high=PLACES_MAX)
    plan.check()

    @lru_cache(maxsize=256)
    def tables(places_of: Places) -> Tables:
        return flatten(with_places(line, names, places_of))

    kept: dict[tuple[Places, int], float] = {}

    def throughput(places_of: Places, number: int) -> float:
        key = (places_of, number)
        if key not in kept:
            seen = observe(tables(places_of), range(number, number + 1), plan, state=state)
            kept[key] = seen.reports[0].throughput
        return kept[key]

    def mean(places_of: Places) -> float:
        return math.fsum(throughput(places_of, n) for n in range(LOOK)) / LOOK

    whole = math.comb(places - 1, len(names) - 1) <= ENUMERATED_MAX
    even = _even(places, len(names))
    candidates = list(_compositions(places, len(names))) if whole else _search(even, mean)
    reference = abs(mean(even)) or 1.0
    selected = kim_nelson(
        len(candidates),
        lambda c, numbers: [throughput(candidates[c], n) for n in numbers],
        indifference=indifference * reference,
        confidence=confidence,
        first=min(20, plan.replications),
        most=plan.replications,
        progress=progress,
    )
    return Allocation(buffers=names, candidates=tuple(candidates), selected=selected, all_of_them=whole)


def with_places(line: Line, names: Sequence[str], places: Places) -> Line:
    """The line with these capacities."""
    given = dict(zip(names, places, strict=True))
    return msgspec.structs.replace(
        line,
        buffers=tuple(msgspec.structs.replace(b, capacity=given.get(b.name, b.capacity)) for b in line.buffers),
    )


def _even(places: int, buffers: int) -> Places:
    whole, rest = divmod(places, buffers)
    return tuple(whole + (k < rest) for k in range(buffers))


def _compositions(places: int, parts: int) -> Iterator[Places]:
    if parts == 1:
        yield (places,)
        return
    for first in range(1, places - parts + 2):
        for rest in _compositions(places - first, parts - 1):
            yield (first, *rest)


def _search(start: Places, mean: Callable[[Places], float]) -> list[Places]:
    met = {start: mean(start)}
    here = start
    step = max(1, max(start) // 2)
    for _ in range(STEPS_MAX):
        around = [n for n in _neighbours(here, step) if n not in met]
        met.update({n: mean(n) for n in around})
        best = max(met, key=lambda places: met[places])
        if best != here:
            here = best
        elif step == 1:
            break
        else:
            step = max(1, step // 2)
    return sorted(met, key=lambda places: -met[places])[:FINALISTS]


def _neighbours(places: Places, step: int) -> Iterator[Places]:
    for source in range(len(places)):
        for target in range(len(places)):
            if source != target and places[source] > step:
                moved = list(places)
                moved[source] -= step
                moved[target] += step
                yield tuple(moved)
