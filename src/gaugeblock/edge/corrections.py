"""Which records may leave the station: all that are written, up to the first that does not say yet what was decided.

A record is written before its verdict is given. Where that took too long the verdict no longer counts, and the
record is replaced by one that says so. If the disk does not take the replacement either, the record, and all after
it, stay in the station until it does, and the PLC is told nothing.
"""

from __future__ import annotations

from collections import deque

from gaugeblock.edge.ports import Entry, Report, Spool
from gaugeblock.plant.errors import GaugeblockError, LimitError

CORRECTIONS_MAX = 1000
"""While so many wait, no trigger is recorded or answered."""


class Corrections:
    """Releases records in order, and holds back those whose correction failed.

    Examples
    --------
    >>> from gaugeblock.edge.memory import MemoryReport, MemorySpool
    >>> spool = MemorySpool()
    >>> held = Corrections(spool, MemoryReport())
    >>> position, spool.amend_faults = spool.put([Entry("1/1", b"OK", {})])[0], 1
    >>> held.correct(position, 1, Entry("1/1", b"UNDECIDED", {}))
    False
    >>> held.release(position); spool.pending(9)
    []
    >>> held.retry(); [record.jws for record in spool.pending(9)]
    [b'UNDECIDED']
    """

    def __init__(self, spool: Spool, report: Report) -> None:
        self._spool, self._report = spool, report
        self._waiting: deque[tuple[int, int, Entry]] = deque()
        self._recorded_to = 0

    def check(self) -> None:
        """May another record be written?

        Raises
        ------
        LimitError
        """
        if len(self._waiting) >= CORRECTIONS_MAX:
            raise LimitError(what="records waiting for their correction", limit=CORRECTIONS_MAX)

    def correct(self, position: int, trigger: int, entry: Entry) -> bool:
        """Replace the record at ``position``, which was not released; false when it has to wait."""
        try:
            self._spool.amend(position, entry)
        except GaugeblockError as error:
            self._report("not_amended", trigger=trigger, error=error)
            self._waiting.append((position, trigger, entry))
            return False
        return True

    def release(self, position: int) -> None:
        """Everything up to ``position`` may be handed over, except what waits and what comes after it."""
        self._recorded_to = max(self._recorded_to, position)
        self._spool.release(self._waiting[0][0] - 1 if self._waiting else self._recorded_to)

    def retry(self) -> None:
        """Try again what waits, with the same bytes."""
        while self._waiting:
            position, trigger, entry = self._waiting[0]
            try:
                self._spool.amend(position, entry)
            except GaugeblockError:
                return  # said when it failed first
            self._waiting.popleft()
            self._report("amended", trigger=trigger)
            self.release(self._recorded_to)
