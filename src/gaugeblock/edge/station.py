"""The one station loop: trigger → frame → guards → inference → spool → verdict → hand over.

What always holds, whatever fails:

- the PLC sees a verdict only after its record, and the images it names, are durable in the spool;
- OK is said only when every guard passed, and only inside the deadline; after it the station says UNDECIDED;
- each trigger is answered at most once and has exactly one record, known by (station, boot epoch, sequence);
- silence is safe: the PLC's watchdog rejects what it gets no answer for.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from gaugeblock.edge import errors
from gaugeblock.edge.adapter_call import adapter_call
from gaugeblock.edge.corrections import Corrections
from gaugeblock.edge.guards import GuardFacts, judge
from gaugeblock.edge.ports import Camera, Clock, Entry, Frame, InferencePort, Outcome, PlcLink, Report, Spool, Trigger
from gaugeblock.edge.statements import Handling, Identity, Statements
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.limits import IMAGE_BYTES_MAX
from gaugeblock.plant.record_types import Verdict

MISSED_RECORDS_MAX = 10_000
"""Records written one by one for triggers missed at a stretch; the rest are only counted."""
REPEATS_MAX = 3
"""So many triggers in a row that are not above the last are repetitions; more, and the PLC counts anew."""
LATENCIES_KEPT = 1024


@dataclass(frozen=True, slots=True)
class StationSettings:
    """Bounds of the loop.

    Parameters
    ----------
    released_sha256
        Digest of the module that was released for this station; without one nothing is ever OK.
    reserve_ms_min
        Least time kept before the deadline for spooling and answering; grows with what these really take.
    frame_bytes_max
        Of one encoded image.
    """

    released_sha256: str | None
    reserve_ms_min: float = 10.0
    frame_bytes_max: int = IMAGE_BYTES_MAX
    idle_s: float = 0.2
    plc_retry_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Handled:
    """One trigger and what became of it. ``answered`` is false where only the watchdog could answer."""

    trigger: int
    verdict: Verdict
    reason: str | None
    answered: bool
    recorded: bool
    latency_ms: float


class Station:
    """The loop over its ports.

    Parameters
    ----------
    salt
        Gives unpredictable bytes for the records (``os.urandom``).

    Examples
    --------
    >>> from gaugeblock.edge import memory
    >>> clock = memory.MemoryClock()
    >>> plc, spool = memory.MemoryPlc(clock), memory.MemorySpool()
    >>> station = Station(
    ...     Identity("ST10", "plant.example/log"), SigningKey.from_seed(bytes(32)),
    ...     StationSettings(memory.MemoryInference.MODULE.module_sha256), plc, memory.MemoryCamera(clock),
    ...     memory.MemoryInference(clock), spool, clock, memory.MemoryReport(), lambda n: bytes(n))
    >>> station.start()
    >>> _ = plc.trigger()
    >>> station.step().verdict, plc.passed
    (<Verdict.OK: 'OK'>, {1})
    """

    def __init__(
        self,
        identity: Identity,
        key: SigningKey,
        settings: StationSettings,
        plc: PlcLink,
        camera: Camera,
        inference: InferencePort,
        spool: Spool,
        clock: Clock,
        report: Report,
        salt: Callable[[int], bytes],
    ) -> None:
        self.settings = settings
        self.latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self.counts: dict[str, int] = {v.value: 0 for v in Verdict} | {"unanswered": 0, "unrecorded": 0}
        self.last: Handled | None = None
        self.fault: GaugeblockError | None = None
        self.epoch = 0
        self._identity, self._key, self._salt = identity, key, salt
        self._plc, self._camera, self._inference = plc, camera, inference
        self._spool, self._clock, self._report = spool, clock, report
        self._statements: Statements | None = None
        self._corrections = Corrections(spool, report)
        self._behind: list[int] = []
        self._lost = False
        self._held: Trigger | None = None
        self._gap_reason = errors.TriggerMissedError.code
        self._last_number: int | None = None
        self._previous_sha256: str | None = None
        self._previous_known = True
        self._previous_answer_ms: float | None = None
        self._spool_ms: deque[float] = deque(maxlen=64)

    # ── start ─────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, plc_timeout_s: float = 0.0) -> None:
        """Begin a boot epoch: ``station.started``, and a record for each trigger that nobody handled meanwhile.

        Parameters
        ----------
        plc_timeout_s
            How long to wait for the PLC to say where its counter is. If it does not, what was missed is
            recorded with its first trigger instead.

        Raises
        ------
        GaugeblockError
            The spool takes no record; the station must not run.
        """
        self.epoch = self._spool.start_epoch()
        statements = Statements(self._identity, self._key, self._clock, self.epoch, self._salt)
        self._previous_sha256 = self._spool.last_frame()
        announced = self._announced(plc_timeout_s)
        handled = self._spool.last_trigger()
        if handled is None:
            # A new station has missed nothing: what the PLC counted before is not its work.
            handled = announced
        elif announced is not None and announced < handled:
            self._report("plc_counter_restarted", last=handled, now=announced)
            handled = announced
        missed = range(0) if announced is None or handled is None else range(handled + 1, announced + 1)
        entries = [statements.started(len(missed), self.settings.released_sha256, handled)]
        entries += [statements.missed(n, errors.StationDownError.code) for n in missed[-MISSED_RECORDS_MAX:]]
        self._spool.release(self._spool.put(entries)[-1])
        self._last_number = handled if announced is None else announced
        self._gap_reason = errors.StationDownError.code if announced is None else errors.TriggerMissedError.code
        # A frame that belonged to a missed trigger is not known here, and a frozen camera would show it again.
        # (``None``: a new station, which nothing has been shown to yet.)
        self._previous_known = self._previous_sha256 != "" and not missed and handled == announced
        self._statements = statements
        self._report("started", boot_epoch=self.epoch, missed=len(missed))

    def _announced(self, timeout_s: float) -> int | None:
        """The number before the first trigger that this epoch handles, where the PLC tells it."""
        until_ns = self._clock.monotonic_ns() + round(timeout_s * 1e9)
        while (announced := self._last_trigger()) is None and self._clock.monotonic_ns() < until_ns:
            try:
                self._held = self._wait_trigger(min(self.settings.idle_s, timeout_s))
            except GaugeblockError as error:
                self._plc_lost(error)
                continue
            if self._held is not None:
                return self._held.number - 1
        return announced

    def _last_trigger(self) -> int | None:
        try:
            with adapter_call(errors.PlcFailedError):
                return self._plc.last_trigger()
        except GaugeblockError as error:
            self._plc_lost(error)
            return None

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────

    def run(self, stop: threading.Event) -> None:
        """Handle triggers until ``stop`` is set."""
        while not stop.is_set():
            try:
                self.step()
            except GaugeblockError as error:
                self._plc_lost(error)
                self._corrections.retry()
                stop.wait(self.settings.plc_retry_s)
        self._corrections.retry()

    def _plc_lost(self, error: GaugeblockError) -> None:
        if not self._lost:  # said once a loss, not at each try
            self._report("plc_lost", error=error)
        self._lost, self.fault = True, error

    def step(self) -> Handled | None:
        """Wait for one trigger and handle it; ``None`` when none came.

        Raises
        ------
        GaugeblockError
            The link to the PLC is down.
        """
        trigger, self._held = self._held or self._wait_trigger(self.settings.idle_s), None
        if trigger is None or not self._is_new(trigger.number):
            self._corrections.retry()
            return None
        handled = self._handle(trigger)
        self._corrections.retry()
        self.last = handled
        self.counts[handled.verdict if handled.answered else "unanswered"] += 1
        if not handled.recorded:
            self.counts["unrecorded"] += 1
        self._report(
            "handled",
            trigger=trigger.number,
            verdict=handled.verdict.value,
            reason=handled.reason or "",
            answered=int(handled.answered),
            latency_ms=round(handled.latency_ms, 2),
        )
        return handled

    def _wait_trigger(self, timeout_s: float) -> Trigger | None:
        with adapter_call(errors.PlcFailedError):
            trigger = self._plc.wait_trigger(timeout_s)
        if self._lost:
            self._lost, self.fault = False, None
        return trigger

    def _is_new(self, number: int) -> bool:
        """Is this not a trigger that has its record already?

        A number that is not above the last is taken for a repetition and stays unanswered. When several follow
        one another, the PLC counts anew: from then on they are new, and those left unanswered are recorded.
        """
        if self._last_number is None or number > self._last_number:
            self._behind.clear()
            return True
        if self._behind and number != self._behind[-1] + 1:
            self._behind.clear()
        self._behind.append(number)
        if len(self._behind) <= REPEATS_MAX:
            self._report("trigger_repeated", trigger=number)
            return False
        self._report("plc_counter_restarted", last=self._last_number, now=number)
        self._last_number = self._behind[0] - 1
        self._behind.clear()
        return True

    def _handle(self, trigger: Trigger) -> Handled:
        statements = self._statements
        assert statements is not None, "start() comes first"
        if not math.isfinite(trigger.deadline_ms):
            trigger = replace(trigger, deadline_ms=0.0)
        deadline_ns = trigger.received_ns + round(trigger.deadline_ms * 1e6)
        handling, outcome = self._decide(trigger, deadline_ns - round(self._reserve_ms(trigger) * 1e6))
        before = statements.sequence
        try:
            self._corrections.check()
            entries = self._missed_before(trigger.number, statements)
            sequence = statements.next_sequence()
            entries.append(statements.verdict(sequence, trigger, handling, outcome))
            spooling_ns = self._clock.monotonic_ns()
            position = self._spool.put(entries)[-1]
        except GaugeblockError as error:
            # No record, no answer: the watchdog rejects. The gap is recorded with the next trigger that is, and
            # the sequence numbers are used then, so that a reader finds none missing.
            statements.sequence = before
            self.fault = error
            self._report("unrecorded", trigger=trigger.number, error=error)
            self._previous_answer_ms = None
            return Handled(trigger.number, handling.verdict, handling.reason, False, False, self._since(trigger))
        self.fault = None
        self._last_number = trigger.number
        self._gap_reason = errors.TriggerMissedError.code
        verdict, reason = handling.verdict, handling.reason
        stands = True
        if self._clock.monotonic_ns() > deadline_ns:
            verdict, reason = Verdict.UNDECIDED, errors.DeadlineError.code
            stands = self._take_back(position, statements, sequence, trigger, handling, outcome)
        # While the record says otherwise, nothing is said: it is late anyway, and silence rejects.
        answered = stands and self._answer(trigger.number, verdict)
        latency_ms = self._since(trigger)
        self._corrections.release(position)
        self._spool_ms.append((self._clock.monotonic_ns() - spooling_ns) / 1e6)
        self._previous_answer_ms = latency_ms if answered else None
        if answered:
            self.latencies_ms.append(latency_ms)
        return Handled(trigger.number, verdict, reason, answered, True, latency_ms)

    # ── deciding ──────────────────────────────────────────────────────────────────────────────────────────

    def _decide(self, trigger: Trigger, answer_by_ns: int) -> tuple[Handling, Outcome | None]:
        stage_ms: dict[str, float] = {}
        if self._previous_answer_ms is not None:
            # A record is signed before its answer is sent, so the time until then stands in the next one.
            stage_ms["previous_answer"] = self._previous_answer_ms
        spool_error: str | None = None
        try:
            self._spool.check()
        except GaugeblockError as error:
            spool_error = error.code
        frame: Frame | None = None
        sha256: str | None = None
        outcome: Outcome | None = None
        try:
            frame = self._grab(trigger, answer_by_ns)
            grabbed_ns = self._clock.monotonic_ns()
            stage_ms["camera"] = (grabbed_ns - trigger.received_ns) / 1e6
            sha256 = hashlib.sha256(frame.data).hexdigest()
            outcome = self._inference.inspect(frame.data, answer_by_ns)
            stage_ms |= outcome.stage_ms
            stage_ms["inspect"] = (self._clock.monotonic_ns() - grabbed_ns) / 1e6
            reason = outcome.reason
        except GaugeblockError as error:
            reason = error.code
        judgement = judge(
            GuardFacts(
                verdict=outcome.verdict if outcome else Verdict.UNDECIDED,
                score=outcome.score if outcome else None,
                threshold=outcome.threshold if outcome else None,
                pixels=outcome.pixels if outcome else None,
                module=outcome.module if outcome else None,
                released_sha256=self.settings.released_sha256,
                inspector=outcome.guards if outcome else (),
                frame_sha256=sha256,
                previous_sha256=self._previous_sha256,
                previous_known=self._previous_known,
                now_ns=self._clock.monotonic_ns(),
                deadline_ns=answer_by_ns,
                spool_error=spool_error,
                clock_source=self._clock.state()[0],
            ),
            spool_error or reason,
        )
        if sha256 is not None:
            self._previous_sha256, self._previous_known = sha256, True
        heatmap = outcome.heatmap_png if outcome else None
        keeps_images = spool_error is None
        return (
            Handling(
                verdict=judgement.verdict,
                reason=judgement.reason,
                guards_passed=judgement.passed,
                latency_ms=self._since(trigger),
                stage_ms=stage_ms,
                captured_at=frame.captured_at if frame else None,
                image_sha256=sha256,
                image=frame.data if frame and keeps_images else None,
                heatmap_sha256=hashlib.sha256(heatmap).hexdigest() if heatmap and keeps_images else None,
                heatmap=heatmap if keeps_images else None,
            ),
            outcome,
        )

    def _grab(self, trigger: Trigger, answer_by_ns: int) -> Frame:
        left_s = (answer_by_ns - self._clock.monotonic_ns()) / 1e9
        if left_s <= 0:
            raise errors.DeadlineError(deadline_ms=trigger.deadline_ms)
        with adapter_call(errors.CameraFailedError):
            frame = self._camera.grab(trigger, left_s)
        if len(frame.data) > self.settings.frame_bytes_max:
            raise errors.FrameTooLargeError(bytes=len(frame.data), limit=self.settings.frame_bytes_max)
        return frame

    # ── recording and answering ───────────────────────────────────────────────────────────────────────────

    def _missed_before(self, number: int, statements: Statements) -> list[Entry]:
        """Records for the triggers between the last recorded one and this one."""
        if self._last_number is None or number <= self._last_number + 1:
            return []
        first = max(self._last_number + 1, number - MISSED_RECORDS_MAX)
        self._report("triggers_missed", missed=number - self._last_number - 1, before=number)
        return [statements.missed(n, self._gap_reason) for n in range(first, number)]

    def _take_back(
        self,
        position: int,
        statements: Statements,
        sequence: int,
        trigger: Trigger,
        handling: Handling,
        outcome: Outcome | None,
    ) -> bool:
        """The disk was slower than the reserve: what was decided no longer counts, and the record says so before
        it leaves the station. False when it cannot say so yet: then it is held back, with all that follow."""
        late = Handling(
            verdict=Verdict.UNDECIDED,
            reason=errors.DeadlineError.code,
            guards_passed=tuple(name for name in handling.guards_passed if name != "in_time"),
            latency_ms=self._since(trigger),
            stage_ms=handling.stage_ms,
            captured_at=handling.captured_at,
            image_sha256=handling.image_sha256,
            heatmap_sha256=handling.heatmap_sha256,
        )
        entry = statements.verdict(sequence, trigger, late, outcome)
        return self._corrections.correct(position, trigger.number, entry)

    def _answer(self, number: int, verdict: Verdict) -> bool:
        try:
            with adapter_call(errors.PlcFailedError):
                self._plc.answer(number, verdict)
        except GaugeblockError as error:
            self._report("unanswered", trigger=number, error=error)
            return False
        return True

    def _reserve_ms(self, trigger: Trigger) -> float:
        # Bounded by a third of the deadline: one slow flush must not cost the next 64 units their verdict.
        wanted = max(self.settings.reserve_ms_min, 1.5 * max(self._spool_ms, default=0.0))
        return min(wanted, trigger.deadline_ms / 3)

    def _since(self, trigger: Trigger) -> float:
        return (self._clock.monotonic_ns() - trigger.received_ns) / 1e6
