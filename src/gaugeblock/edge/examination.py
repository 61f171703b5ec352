"""One trigger's examination: frame, inference, guards, and what came of it. It records and answers nothing."""

from __future__ import annotations

import hashlib

from gaugeblock.edge import errors
from gaugeblock.edge.adapter_call import adapter_call
from gaugeblock.edge.challenge import Admission
from gaugeblock.edge.frozen_camera import FrozenCamera
from gaugeblock.edge.guards import GuardFacts, judge
from gaugeblock.edge.passed_units import PassedUnits
from gaugeblock.edge.ports import Camera, Clock, Duty, Frame, Outcome, Spool, Trigger
from gaugeblock.edge.statements import Handling
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict


class Examination:
    """Examines triggers one after the other, and remembers what the next one is compared with.

    Parameters
    ----------
    frame_bytes_max
        Of one encoded image.

    Attributes
    ----------
    previous_sha256, previous_known
        The frame before, and whether it is known: a camera may have shown it to a trigger that was missed.
    """

    def __init__(self, camera: Camera, spool: Spool, clock: Clock, frame_bytes_max: int) -> None:
        self.previous_sha256: str | None = None
        self.previous_known = True
        self._camera, self._spool, self._clock = camera, spool, clock
        self._frame_bytes_max = frame_bytes_max
        self._frozen = FrozenCamera()
        self._passed = PassedUnits()

    def passed(self, unit: str | None) -> None:
        """The PLC was told OK about this unit."""
        self._passed.passed(unit)

    def examine(
        self,
        duty: Duty,
        trigger: Trigger,
        admission: Admission,
        answer_by_ns: int,
        previous_answer_ms: float | None,
    ) -> tuple[Handling, Outcome | None]:
        """Judge one part.

        Parameters
        ----------
        admission
            What the challenge gate says of it.
        answer_by_ns
            The last moment at which recording may begin.
        previous_answer_ms
            From the trigger before to its answer, where it had one.
        """
        self._passed.count()
        stage_ms: dict[str, float] = {}
        if previous_answer_ms is not None:
            # A record is signed before its answer is sent, so the time until then stands in the next one.
            stage_ms["previous_answer"] = previous_answer_ms
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
            outcome = duty.inference.inspect(frame.data, answer_by_ns)
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
                review_from=outcome.review_from if outcome else None,
                pixels=outcome.pixels if outcome else None,
                module=outcome.module if outcome else None,
                released_sha256=duty.module_sha256,
                inspector=outcome.guards if outcome else (),
                frame_sha256=sha256,
                previous_sha256=self.previous_sha256,
                previous_known=self.previous_known,
                frozen=self._frozen.shows(outcome.glance if outcome else None),
                product=trigger.product,
                passed_before=admission.expected is None and trigger.is_serial and self._passed.holds(trigger.unit),
                challenge=admission.code,
                now_ns=self._clock.monotonic_ns(),
                deadline_ns=answer_by_ns,
                spool_error=spool_error,
                clock_source=self._clock.state()[0],
            ),
            spool_error or reason,
        )
        if sha256 is not None:
            self.previous_sha256, self.previous_known = sha256, True
        heatmap = outcome.heatmap_png if outcome else None
        keeps_images = spool_error is None
        return (
            Handling(
                verdict=judgement.verdict,
                reason=judgement.reason,
                guards_passed=judgement.passed,
                latency_ms=(self._clock.monotonic_ns() - trigger.received_ns) / 1e6,
                stage_ms=stage_ms,
                captured_at=frame.captured_at if frame else None,
                image_sha256=sha256,
                image=frame.data if frame and keeps_images else None,
                heatmap_sha256=hashlib.sha256(heatmap).hexdigest() if heatmap and keeps_images else None,
                heatmap=heatmap if keeps_images else None,
                purpose=admission.purpose,
            ),
            outcome,
        )

    def _grab(self, trigger: Trigger, answer_by_ns: int) -> Frame:
        left_s = (answer_by_ns - self._clock.monotonic_ns()) / 1e9
        if left_s <= 0:
            raise errors.DeadlineError(deadline_ms=trigger.deadline_ms)
        with adapter_call(errors.CameraFailedError):
            frame = self._camera.grab(trigger, left_s)
        if len(frame.data) > self._frame_bytes_max:
            raise errors.FrameTooLargeError(bytes=len(frame.data), limit=self._frame_bytes_max)
        return frame
