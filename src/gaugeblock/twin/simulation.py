"""One simulation of a line: advanced, reported, saved, loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.twin import layout as at
from gaugeblock.twin.deadlock import standing
from gaugeblock.twin.errors import (
    DeadlockError,
    QueueOverflowError,
    RunParameterError,
    SavedStateError,
    ShortSupplyError,
)
from gaugeblock.twin.event_kernel import advance, open_line
from gaugeblock.twin.line import Line
from gaugeblock.twin.report import LineReport, report_between
from gaugeblock.twin.state import LineState, put_state
from gaugeblock.twin.tables import Block, Tables, flatten

PARTS_MAX = 10**12
LOG_MAX = 20_000_000
_MAGIC = b"GBTWIN01"


@dataclass(frozen=True)
class FinishedParts:
    """The parts that left the line good, in that order: (n,) each; ``order`` is a position in the line's, or −1."""

    time: npt.NDArray[np.float64]
    entered: npt.NDArray[np.float64]
    product: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]


class Simulation:
    """A line on its way through time, by the event kernel.

    Parameters
    ----------
    line
        The line, or its tables where many simulations share them.
    seed, replication
        Which random streams: the same two give the same path, always.
    state
        Where the line stands at its beginning; ``None``: empty.
    log
        How many finished parts are logged one by one; parts beyond are only counted.

    Raises
    ------
    LineError, StateMismatchError

    Examples
    --------
    >>> from gaugeblock.twin.distributions import Deterministic
    >>> from gaugeblock.twin.line import serial_line
    >>> line = Simulation(serial_line([Deterministic(t) for t in (2.0, 3.0, 1.5)], [1, 1]))
    >>> line.advance(parts=100)
    >>> line.now
    303.5
    """

    def __init__(
        self,
        line: Line | Tables,
        seed: int = 1,
        replication: int = 0,
        state: LineState | None = None,
        log: int = 0,
    ) -> None:
        _within("log", log, 0, LOG_MAX)
        self.tables = line if isinstance(line, Tables) else flatten(line)
        block = self.tables.seeded(seed, replication)
        if log:
            start = len(block.words)
            block = Block(np.concatenate([block.words, np.zeros(log * at.LOG_COLUMNS, np.int64)]))
            block.words[at.H_LOG], block.words[at.H_LOG_MAX] = start, log
        if state is not None:
            put_state(self.tables, block, state, seed, replication)
        self._take(block)
        open_line(self._words)
        self._check(at.OVERFLOW if self._words[at.H_FULL] else at.UNTIL)
        self.begin_report()

    def _take(self, block: Block) -> None:
        self._block, self._words, self._floats = block, block.words, block.floats

    @property
    def now(self) -> float:
        """Simulated time, in the line's unit."""
        return float(self._floats[at.H_NOW])

    @property
    def finished(self) -> int:
        """Parts finished since the beginning."""
        return int(self._words[at.H_FINISHED])

    @property
    def events(self) -> int:
        """Events since the beginning."""
        return int(self._words[at.H_EVENTS])

    def advance(self, *, parts: int | None = None, until: float | None = None) -> None:
        """Go on until so many parts have been finished since the beginning, or until a time, whichever is first.

        Raises
        ------
        DeadlockError
            Machines wait for each other's room in a ring.
        ShortSupplyError
            Nothing can happen any more, and ``until`` does not say when to stop.
        QueueOverflowError
        """
        if parts is None and until is None:
            raise RunParameterError(name="parts", value="–", low=0, high=PARTS_MAX)
        if parts is not None:
            _within("parts", parts, 0, PARTS_MAX)
        if until is not None and not until >= self.now:
            raise RunParameterError(name="until", value=until, low=self.now, high=math.inf)
        reason = advance(
            self._words,
            math.inf if until is None else float(until),
            np.iinfo(np.int64).max if parts is None else parts,
        )
        self._check(int(reason))

    def _check(self, reason: int) -> None:
        if reason == at.OVERFLOW:
            full = self.tables.buffers.index(int(self._words[at.H_FULL]))
            buffer = self.tables.line.buffers[full]
            raise QueueOverflowError(buffer=buffer.name, limit=at.QUEUE_MAX, time=self.now)
        if reason == at.STUCK:
            inside = int(self._words[at.H_INSIDE])
            cycle = standing(self.tables, self._words)
            if cycle:
                raise DeadlockError(cycle=cycle, time=self.now, inside=inside)
            raise ShortSupplyError(time=self.now, finished=self.finished, inside=inside)

    def begin_report(self) -> None:
        """Reports count from here, as after a warm-up."""
        self._before = self._words[: len(self.tables.empty.words)].copy()

    def report(self) -> LineReport:
        """Of the time since :meth:`begin_report`."""
        return report_between(self.tables, self._before, self._words)

    def finished_parts(self) -> FinishedParts:
        """The log of finished parts."""
        start, count = int(self._words[at.H_LOG]), int(self._words[at.H_LOGGED])
        end = start + count * at.LOG_COLUMNS
        words = self._words[start:end].reshape(-1, at.LOG_COLUMNS)
        floats = self._floats[start:end].reshape(-1, at.LOG_COLUMNS)
        orders = {position: number for number, position in enumerate(self.tables.orders)}
        return FinishedParts(
            floats[:, 0].copy(),
            floats[:, 1].copy(),
            words[:, 2].copy(),
            np.array([orders.get(int(position), -1) for position in words[:, 3]], np.int64),
        )

    def order_times(self) -> npt.NDArray[np.float64]:
        """When each of the line's orders was complete, (orders,); NaN where it is not."""
        return self._floats[np.array(self.tables.orders, np.int64) + at.G_DONE].copy()

    @property
    def words(self) -> npt.NDArray[np.int64]:
        """The block as it stands, to be read only; ``layout`` says what stands where."""
        return self._words

    def in_buffers(self) -> dict[str, int]:
        """Parts in each buffer now."""
        return {
            buffer.name: int(self._words[position + at.B_COUNT])
            for buffer, position in zip(self.tables.line.buffers, self.tables.buffers, strict=True)
        }

    def save(self) -> bytes:
        """Everything, random streams included: the loaded simulation goes on along the same path."""
        return _MAGIC + self._words.astype("<i8").tobytes()

    @classmethod
    def load(cls, line: Line | Tables, saved: bytes) -> Simulation:
        """A saved simulation of the same line.

        Raises
        ------
        SavedStateError
        """
        tables = line if isinstance(line, Tables) else flatten(line)
        if not saved.startswith(_MAGIC) or (len(saved) - len(_MAGIC)) % 8:
            raise SavedStateError(detail="form")
        words = np.frombuffer(saved, "<i8", offset=len(_MAGIC)).astype(np.int64)
        static = (at.H_VERSION, at.H_STATIC, at.H_SIZE)
        size = len(tables.empty.words)
        if len(words) < size or any(words[part] != tables.empty.words[part] for part in static):
            raise SavedStateError(detail="line")
        if len(words) != size + int(words[at.H_LOG_MAX]) * at.LOG_COLUMNS:
            raise SavedStateError(detail="length")
        loaded = cls.__new__(cls)
        loaded.tables = tables
        loaded._take(Block(words))
        loaded.begin_report()
        return loaded


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise RunParameterError(name=name, value=value, low=low, high=high)
