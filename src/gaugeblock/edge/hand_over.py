"""The hand-over: what the spool holds goes to the plant, images first, then records in order, until it is there.

Delivery is at least once; the plant knows a record by (author, identity) and an image by its digest, so a second
delivery changes nothing and each arrives exactly once. A record that the plant refuses is set aside with the
plant's reason, reported, and offered again at the next start; it never holds up the others. So is an image that
the plant refuses or that is damaged: its record goes on, and record and image stay in the spool together.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from gaugeblock.edge import errors
from gaugeblock.edge.ports import Answered, Pending, Report, Spool, Uplink
from gaugeblock.plant.errors import GaugeblockError

LATER = frozenset(
    {
        "ledger.unknown_key",  # of this station: it holds for all its records until the key is bound
        "stores.queue_full",
        "stores.unavailable",
        "stores.full",
        "stores.busy",
        "stores.log_closed",
        "web.busy",
    }
)
"""Refusals of single records that are about the plant's state and not about the record."""


@dataclass(frozen=True, slots=True)
class HandOverSettings:
    """Bounds of the hand-over.

    Parameters
    ----------
    batch
        Records a request.
    backoff_s_first, backoff_s_max
        Wait after a failure: doubles from the first to the greatest, with jitter of up to half of it, so that
        the stations of a plant do not all come back in the same moment.
    """

    batch: int = 64
    idle_s: float = 0.5
    backoff_s_first: float = 0.2
    backoff_s_max: float = 30.0
    maintain_every: int = 16


class HandOver:
    """Moves records from a spool to an uplink.

    Examples
    --------
    >>> from gaugeblock.edge import memory
    >>> from gaugeblock.edge.ports import Entry
    >>> spool, uplink = memory.MemorySpool(), memory.MemoryUplink()
    >>> spool.release(spool.put([Entry("1/0", b"a.b.c", {})])[-1])
    >>> HandOver(spool, uplink, memory.MemoryReport(), random.Random(0)).step()
    0.0
    >>> uplink.log, spool.state().backlog
    ([b'a.b.c'], 0)
    """

    def __init__(
        self,
        spool: Spool,
        uplink: Uplink,
        report: Report,
        jitter: random.Random,
        settings: HandOverSettings | None = None,
    ) -> None:
        self.settings = settings or HandOverSettings()
        self.fault: GaugeblockError | None = None
        self.delivered = 0
        self._spool, self._uplink, self._report, self._jitter = spool, uplink, report, jitter
        self._backoff_s = self.settings.backoff_s_first
        self._batch = self.settings.batch
        self._steps = 0

    def run(self, stop: threading.Event) -> None:
        """Hand over until ``stop`` is set."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Hand over one batch; returns how long to wait (s) before the next."""
        try:
            self._steps += 1
            if self._steps % self.settings.maintain_every == 0:
                self._spool.maintain()
            pending = self._spool.pending(self._batch)
            if not pending:
                self._spool.wait(self.settings.idle_s)
                return 0.0
            # One frame may belong to several records.
            for sha256 in dict.fromkeys(sha256 for record in pending for sha256 in record.blobs):
                self._send_image(sha256)
            later = self._send(pending)
        except GaugeblockError as error:
            return self._failed(error)
        if later is not None:
            return self._wait(later, None)
        if self.fault is not None:
            self._report("uplink_restored")
        self.fault = None
        self._backoff_s = self.settings.backoff_s_first
        self._batch = self.settings.batch
        return 0.0

    def _send_image(self, sha256: str) -> None:
        try:
            data = self._spool.blob(sha256)
            if data is not None:
                self._uplink.send_blob(sha256, data)
        except GaugeblockError as error:
            if not error.facts.get("permanent"):
                raise
            # The record still says what was seen, and goes on. The image stays here: it may be nowhere else.
            self._spool.refuse_blob(sha256, error.code, str(error))
            self._report("image_refused", sha256=sha256, error=error)
        else:
            self._spool.blob_handed_over(sha256)

    def _send(self, pending: Sequence[Pending]) -> GaugeblockError | None:
        """Returns why some of it has to be sent again later, if so."""
        answers = self._uplink.send(pending)
        receipts: list[tuple[int, int]] = []
        later: GaugeblockError | None = None
        for record, answer in zip(pending, answers, strict=False):
            if answer.index is not None:
                receipts.append((record.position, answer.index))
            elif answer.error_code in LATER:
                later = later or errors.PlantPutsOffError(reason=answer.error_text or answer.error_code or "")
            else:
                self._refused(record, answer)
        self._spool.handed_over(receipts)
        self.delivered += len(receipts)
        return later or (None if len(answers) >= len(pending) else errors.ReceiptsMissingError())

    def _refused(self, record: Pending, answer: Answered) -> None:
        code, detail = answer.error_code or "plant.unexpected", answer.error_text or ""
        self._spool.refuse(record.position, code, detail)
        error = errors.RecordRefusedError(code=code, reason=detail)
        self._report("record_refused", identity=record.identity, error=error)

    def _failed(self, error: GaugeblockError) -> float:
        if error.facts.get("permanent") and self._batch > 1:
            # Something in this batch makes the whole request unacceptable: halve it until it stands alone.
            self._batch //= 2
            return 0.0
        if error.facts.get("permanent"):
            self._batch = self.settings.batch
            for record in self._spool.pending(1):
                self._spool.refuse(record.position, error.code, str(error))
                self._report("record_refused", identity=record.identity, error=error)
            return 0.0
        after = error.facts.get("retry_after_s")
        return self._wait(error, float(after) if isinstance(after, int | float) else None)

    def _wait(self, error: GaugeblockError, after_s: float | None) -> float:
        if self.fault is None or self.fault.code != error.code:
            self._report("uplink_failed", error=error)
        self.fault = error
        wait_s = self._backoff_s * (1 + 0.5 * self._jitter.random())
        self._backoff_s = min(self.settings.backoff_s_max, 2 * self._backoff_s)
        return wait_s if after_s is None else min(max(after_s, wait_s), 10 * self.settings.backoff_s_max)
