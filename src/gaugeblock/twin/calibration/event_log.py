"""An event log: parts visit stations, machines fail and are repaired. A struct of arrays, and its bounded builder.

A **visit** is a part's stay on one machine of a station, from when it came onto it until it left: in that time it was
served, may have waited for a repair, and may have been blocked. Times count in one unit from an origin.

Source: the form is that of XES lifecycle logs (IEEE 1849-2016), start and complete joined into one row.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from gaugeblock.twin.calibration.errors import LogTooLongError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

VISITS_MAX = 20_000_000
"""Ten million visits take 0.4 GB, and 1.8 GB at most while they are read and fitted."""
NAMES_MAX = 10_000_000


def _no_times() -> Floats:
    return np.empty(0)


def _no_codes() -> Codes:
    return np.empty(0, np.int32)


@dataclass(frozen=True)
class EventLog:
    """Visits in order of their start, (n,) each, and times when machines were down, (m,) each.

    Parameters
    ----------
    part, station, machine, product, order
        Numbers of names; −1: not stated.
    start, end
        In ``unit`` since ``origin``; an end is NaN where it is missing or the visit still goes on.
    rejected
        Whether the visit ended with the part rejected.
    known
        Whether start and end may be used as a measured stay; a repair clears it.
    down_machine, down_start, down_end
        A machine's failures; NaN where it is still down.
    closed
        When the log was closed: later nothing is known.

    Examples
    --------
    >>> builder = LogBuilder()
    >>> builder.visit("p1", "saw", "saw-1", 0.0, 2.0)
    >>> builder.visit("p1", "mill", "mill-1", 2.5, 4.0)
    >>> log = builder.build()
    >>> len(log), log.stations, log.closed
    (2, ('saw', 'mill'), 4.0)
    """

    part: Codes
    station: Codes
    machine: Codes
    start: Floats
    end: Floats
    product: Codes
    order: Codes
    rejected: Flags
    known: Flags
    parts: tuple[str, ...]
    stations: tuple[str, ...]
    machines: tuple[str, ...]
    products: tuple[str, ...]
    orders: tuple[str, ...]
    closed: float
    down_machine: Codes = field(default_factory=_no_codes)
    down_start: Floats = field(default_factory=_no_times)
    down_end: Floats = field(default_factory=_no_times)
    unit: str = "min"
    origin: str = ""

    def __len__(self) -> int:
        return len(self.start)

    def only(self, keep: Flags) -> EventLog:
        """These visits."""
        columns = ("part", "station", "machine", "start", "end", "product", "order", "rejected", "known")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})

    def until(self, time: float) -> EventLog:
        """What was known at a time: later visits and failures are not there, and ends after it are missing."""
        cut = self.only(self.start < time)
        kept = self.down_start < time
        later = cut.end > time
        return replace(
            cut,
            end=np.where(later, np.nan, cut.end),
            rejected=cut.rejected & ~later,
            down_machine=self.down_machine[kept],
            down_start=self.down_start[kept],
            down_end=np.where(self.down_end[kept] > time, np.nan, self.down_end[kept]),
            closed=min(time, self.closed),
        )


class _Names:
    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def code(self, name: str | None) -> int:
        if not name:
            return -1
        found = self._codes.get(name)
        if found is None:
            found = len(self._codes)
            if found >= NAMES_MAX:
                raise LogTooLongError(limit=NAMES_MAX)
            self._codes[name] = found
        return found

    def names(self) -> tuple[str, ...]:
        return tuple(self._codes)


class LogBuilder:
    """Collects visits and failures one by one, up to a bound.

    Raises
    ------
    LogTooLongError
    """

    def __init__(self, unit: str = "min", origin: str = "") -> None:
        self.unit, self.origin = unit, origin
        self.names = {kind: _Names() for kind in ("part", "station", "machine", "product", "order")}
        # Arrays of the standard library grow in place and take a row in a third of a microsecond.
        self._codes, self._times = array("i"), array("d")
        self._down: list[tuple[int, float, float]] = []

    def __len__(self) -> int:
        return len(self._times) // 2

    def visit(
        self,
        part: str,
        station: str,
        machine: str | None,
        start: float,
        end: float,
        *,
        product: str | None = None,
        order: str | None = None,
        rejected: bool = False,
    ) -> None:
        """A stay on a machine; where no machine is named, machines are told apart by who overlaps whom."""
        if len(self._times) >= 2 * VISITS_MAX:
            raise LogTooLongError(limit=VISITS_MAX)
        names = self.names
        self._codes.extend(
            (
                names["part"].code(part),
                names["station"].code(station),
                names["machine"].code(machine),
                names["product"].code(product),
                names["order"].code(order),
                rejected,
            )
        )
        self._times.extend((start, end))

    def down(self, machine: str, start: float, end: float) -> None:
        """A machine's failure, until the end of its repair; NaN: it is still down."""
        if len(self._down) >= VISITS_MAX:
            raise LogTooLongError(limit=VISITS_MAX)
        self._down.append((self.names["machine"].code(machine), start, end))

    def build(self, closed: float | None = None) -> EventLog:
        """The log; it was closed at its last time where nothing else is said."""
        times = np.array(self._times, np.float64).reshape(-1, 2)
        codes = np.array(self._codes, np.int32).reshape(-1, 6)
        order = np.lexsort((times[:, 1], times[:, 0])) if np.any(np.diff(times[:, 0]) < 0) else None
        if order is not None:
            times, codes = times[order], codes[order]
        down = np.array(self._down, np.float64).reshape(-1, 3)
        down = down[np.argsort(down[:, 1], kind="stable")]
        everything = [*(a[np.isfinite(a)] for a in (times[:, 0], times[:, 1], down[:, 1], down[:, 2]))]
        last = max((float(a.max()) for a in everything if len(a)), default=0.0)
        return EventLog(
            part=codes[:, 0].copy(),
            station=codes[:, 1].copy(),
            machine=codes[:, 2].copy(),
            start=times[:, 0].copy(),
            end=times[:, 1].copy(),
            product=codes[:, 3].copy(),
            order=codes[:, 4].copy(),
            rejected=codes[:, 5] != 0,
            known=np.isfinite(times[:, 0]) & np.isfinite(times[:, 1]),
            parts=self.names["part"].names(),
            stations=self.names["station"].names(),
            machines=self.names["machine"].names(),
            products=self.names["product"].names(),
            orders=self.names["order"].names(),
            closed=last if closed is None else closed,
            down_machine=down[:, 0].astype(np.int32),
            down_start=down[:, 1].copy(),
            down_end=down[:, 2].copy(),
            unit=self.unit,
            origin=self.origin,
        )
