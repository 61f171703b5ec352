"""The one station loop: trigger → challenge gate → frame → inference → guards → spool → verdict → hand over.

What always holds, whatever fails:

- the PLC sees a verdict only after its record, and the images it names, are durable in the spool;
- OK is said only when every guard passed, and only inside the deadline; after it the station says UNDECIDED;
- no OK while a challenge is due, and none for a challenge part, however it is judged;
- a module is exchanged between two triggers, never within one, and only the released one answers;
- each trigger is answered at most once and has exactly one record, known by (station, boot epoch, sequence);
- silence is safe: the PLC's watchdog rejects what it gets no answer for.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from gaugeblock.edge import errors
from gaugeblock.edge.adapter_call import adapter_call
from gaugeblock.edge.challenge import Challenges
from gaugeblock.edge.challenge_gate import GateState
from gaugeblock.edge.corrections import Corrections
from gaugeblock.edge.examination import Examination
from gaugeblock.edge.ports import Camera, Clock, Duties, Duty, Entry, Outcome, PlcLink, Report, Spool, Trigger
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
    reserve_ms_min
        Least time kept before the deadline for spooling and answering; grows with what these really take.
    frame_bytes_max
        Of one encoded image.
    """

    reserve_ms_min: float = 10.0
    frame_bytes_max: int = IMAGE_BYTES_MAX
    idle_s: float = 0.2
    plc_retry_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Handled:
    """One trigger and what the PLC was told of it. ``answered`` is false where only the watchdog could answer."""

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
    ...     StationSettings(), plc, memory.MemoryCamera(clock), memory.MemoryDuties(memory.MemoryInference(clock)),
    ...     spool, clock, memory.MemoryReport(), lambda n: bytes(n))
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
        duties: Duties,
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
        self._plc, self._duties = plc, duties
        self._duty: Duty | None = None
        self._examination = Examination(camera, spool, clock, settings.frame_bytes_max)
        self._challenges = Challenges(spool, clock, report)
        self._spool, self._clock, self._report = spool, clock, report
        self._statements: Statements | None = None
        self._corrections = Corrections(spool, report)
        self._behind: list[int] = []
        self._lost = False
        self._held: Trigger | None = None
        self._gap_reason = errors.TriggerMissedError.code
        self._last_number: int | None = None
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
        duty, examination = self._take_up(), self._examination
        examination.previous_sha256 = self._spool.last_frame()
        announced = self._announced(plc_timeout_s)
        handled = self._spool.last_trigger()
        if handled is None:
            # A new station has missed nothing: what the PLC counted before is not its work.
            handled = announced
        elif announced is not None and announced < handled:
            self._report("plc_counter_restarted", last=handled, now=announced)
            handled = announced
        missed = range(0) if announced is None or handled is None else range(handled + 1, announced + 1)
        entries = [statements.started(len(missed), duty.module_sha256, handled)]
        entries += [statements.missed(n, errors.StationDownError.code) for n in missed[-MISSED_RECORDS_MAX:]]
        self._spool.release(self._spool.put(entries)[-1])
        self._last_number = handled if announced is None else announced
        self._gap_reason = errors.StationDownError.code if announced is None else errors.TriggerMissedError.code
        # A frame that belonged to a missed trigger is not known here, and a frozen camera would show it again.
        # (``None``: a new station, which nothing has been shown to yet.)
        examination.previous_known = examination.previous_sha256 != "" and not missed and handled == announced
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
            self._look_at_gate()
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

    @property
    def gate(self) -> GateState:
        """Where the challenge gate stands, for the status."""
        return self._challenges.state

    @property
    def duty(self) -> Duty | None:
        """What the station works by, for the status."""
        return self._duty

    def _take_up(self) -> Duty:
        """What holds from now on."""
        duty = self._duties.take_up()
        if self._duty is not None and duty.module_sha256 != self._duty.module_sha256:
            self._report("module_changed", old=self._duty.module_sha256 or "-", new=duty.module_sha256 or "-")
        self._duty = duty
        return duty

    def _look_at_gate(self) -> None:
        """While no part comes: a challenge may have become due by the clock or by a new module."""
        statements = self._statements
        assert statements is not None, "start() comes first"
        self._challenges.look(self._take_up())
        if not self._challenges.owes:
            return
        before = statements.sequence
        try:
            data = self._challenges.to_keep()
            position = self._spool.put(self._challenges.entries(statements), data)[-1]
        except GaugeblockError as error:
            statements.sequence, self.fault = before, error  # it is tried again, at the latest with the next part
            return
        self._challenges.kept(data)
        self._corrections.release(position)

    def _handle(self, trigger: Trigger) -> Handled:
        statements = self._statements
        assert statements is not None, "start() comes first"
        if not math.isfinite(trigger.deadline_ms):
            trigger = replace(trigger, deadline_ms=0.0)
        deadline_ns = trigger.received_ns + round(trigger.deadline_ms * 1e6)
        duty, challenges = self._take_up(), self._challenges
        admission = challenges.look(duty, trigger)
        handling, outcome = self._examination.examine(
            duty, trigger, admission, deadline_ns - round(self._reserve_ms(trigger) * 1e6), self._previous_answer_ms
        )
        verdict, reason = handling.told
        before = statements.sequence
        try:
            self._corrections.check()
            entries = self._missed_before(trigger.number, statements)
            entries += challenges.entries(statements)
            sequence = statements.next_sequence()
            entries.append(statements.verdict(sequence, trigger, handling, outcome))
            gate = challenges.to_keep(counting=admission.expected is not None)
            spooling_ns = self._clock.monotonic_ns()
            position = self._spool.put(entries, gate)[-1]
        except GaugeblockError as error:
            # No record, no answer: the watchdog rejects. The gap is recorded with the next trigger that is, and
            # the sequence numbers are used then, so that a reader finds none missing.
            statements.sequence = before
            self.fault = error
            self._report("unrecorded", trigger=trigger.number, error=error)
            self._previous_answer_ms = None
            return Handled(trigger.number, verdict, reason, False, False, self._since(trigger))
        challenges.kept(gate)
        self.fault = None
        self._last_number = trigger.number
        self._gap_reason = errors.TriggerMissedError.code
        stands = in_time = True
        if self._clock.monotonic_ns() > deadline_ns:
            verdict, reason, in_time = Verdict.UNDECIDED, errors.DeadlineError.code, False
            stands = self._take_back(position, statements, sequence, trigger, handling, outcome)
        # While the record says otherwise, nothing is said: it is late anyway, and silence rejects.
        answered = stands and self._answer(trigger.number, verdict)
        latency_ms = self._since(trigger)
        self._corrections.release(position)
        if answered and verdict is Verdict.OK:
            self._examination.passed(trigger.unit)
        if in_time:
            identity = f"{statements.epoch}/{sequence}"
            counted = challenges.count(admission, handling, trigger, identity, duty, statements)
            if counted is not None:
                self._corrections.release(counted)
        self._spool_ms.append((self._clock.monotonic_ns() - spooling_ns) / 1e6)
        self._previous_answer_ms = latency_ms if answered else None
        if answered:
            self.latencies_ms.append(latency_ms)
        return Handled(trigger.number, verdict, reason, answered, True, latency_ms)

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
            purpose=handling.purpose,
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
