"""In-memory twins of the station's ports: the same promises, no machine, no disk, no child.

Faults are given in advance, so that a seeded simulation can play any order of them.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gaugeblock.edge.errors import CameraFailedError, InferenceRestartingError
from gaugeblock.edge.frozen_camera import BRIGHT, DARK
from gaugeblock.edge.guards import verdict_of
from gaugeblock.edge.ports import (
    REVIEW_ZONE,
    Assignment,
    Duty,
    Entry,
    InferencePort,
    ModuleFacts,
    Outcome,
    PixelFacts,
    Submittable,
    WatchMeasurement,
)
from gaugeblock.plant.errors import GaugeblockError, LimitError, UnexpectedError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.station import Frame, Trigger
from gaugeblock.plant.times import to_rfc3339


class MemoryClock:
    """A clock that moves when told.

    >>> clock = MemoryClock(); clock.advance_ms(5); clock.monotonic_ns()
    5000000
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._ns = 0

    def now(self) -> datetime:
        return self._start + timedelta(microseconds=self._ns / 1000)

    def monotonic_ns(self) -> int:
        return self._ns

    def advance_ms(self, milliseconds: float) -> None:
        self._ns += round(milliseconds * 1e6)

    def state(self) -> tuple[str, float | None]:
        return "local", None


@dataclass
class MemoryPlc:
    """A PLC that plays the triggers queued for it and routes as a real one: late, second or unasked answers are
    refused, and a unit passes only on OK in time.

    ``passed`` and ``refused`` hold trigger numbers; ``answers`` everything that was said, in order.
    """

    clock: MemoryClock
    number: int = 0
    queue: deque[Trigger] = field(default_factory=deque)
    lost: bool = False
    answers: list[tuple[int, Verdict]] = field(default_factory=list)
    passed: set[int] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)
    _open: dict[int, int] = field(default_factory=dict)

    def trigger(
        self,
        deadline_ms: float = 300.0,
        *,
        delivered: bool = True,
        unit: str | None = None,
        product: str | None = "P1",
    ) -> int:
        """A unit arrives; with ``delivered=False`` the station never hears of it."""
        self.number += 1
        now = self.clock.monotonic_ns()
        if delivered:
            self._open[self.number] = now + round(deadline_ms * 1e6)
            self.queue.append(Trigger(self.number, unit or f"U{self.number}", product, "O1", deadline_ms, now))
        return self.number

    def wait_trigger(self, timeout_s: float) -> Trigger | None:
        if self.queue:
            return self.queue.popleft()
        self.clock.advance_ms(timeout_s * 1000)
        return None

    def answer(self, number: int, verdict: Verdict) -> None:
        if self.lost:
            raise UnexpectedError(detail="PLC link lost")
        self.answers.append((number, verdict))
        deadline = self._open.pop(number, None)
        if deadline is None or self.clock.monotonic_ns() > deadline:
            self.refused.append(number)
        elif verdict is Verdict.OK:
            self.passed.add(number)

    def last_trigger(self) -> int | None:
        return self.number

    def close(self) -> None:
        self.queue.clear()


@dataclass
class MemoryCamera:
    """Gives a fresh frame for each trigger; ``faults`` names triggers at which it times out, ``frozen`` those at
    which it gives the frame before again."""

    clock: MemoryClock
    faults: set[int] = field(default_factory=set)
    frozen: set[int] = field(default_factory=set)
    _last: bytes = b""

    def grab(self, trigger: Trigger, timeout_s: float) -> Frame:
        if trigger.number in self.faults:
            self.clock.advance_ms(timeout_s * 1000)
            raise CameraFailedError(detail="timed out")
        if trigger.number not in self.frozen or not self._last:
            self._last = f"frame {trigger.number} {trigger.unit}".encode()
        return Frame(self._last, to_rfc3339(self.clock.now()))

    def close(self) -> None:
        self._last = b""


class MemoryInference:
    """Answers from a function of the frame's bytes; takes ``duration_ms`` of the clock for it.

    ``outcomes`` are played first, one a frame, where given. Frames of different bytes are different pictures.
    """

    MODULE = ModuleFacts("aa" * 32, "bb" * 32, "cc" * 32, "dd" * 32)

    def __init__(
        self,
        clock: MemoryClock,
        score: Callable[[bytes], float] = lambda frame: frame[-1] / 128,
        duration_ms: float = 20.0,
        module: ModuleFacts = MODULE,
        review_from: float = 1.0,
    ) -> None:
        self.module = module
        self.review_from = review_from
        self._clock = clock
        self._score = score
        self.duration_ms = duration_ms
        self.outcomes: deque[Outcome | None] = deque()
        self.ready = True

    def inspect(self, frame: bytes, deadline_ns: int) -> Outcome:
        if not self.ready:
            return Outcome(Verdict.UNDECIDED, InferenceRestartingError.code)
        planned = self.outcomes.popleft() if self.outcomes else None
        if planned is not None:
            if planned.reason == "edge.deadline":
                self._clock.advance_ms(max(0, deadline_ns - self._clock.monotonic_ns()) / 1e6)
            return planned
        self._clock.advance_ms(self.duration_ms)
        score = self._score(frame)
        verdict = verdict_of(score, 1.0, self.review_from)
        digest = hashlib.sha256(frame).digest()
        return Outcome(
            verdict=verdict,
            reason=REVIEW_ZONE if verdict is Verdict.UNDECIDED else None,
            score=score,
            threshold=1.0,
            review_from=self.review_from,
            watch=WatchMeasurement(light=120.0, contrast=30.0),
            glance=bytes(DARK + b % (BRIGHT - DARK) for b in digest * 32),
            peak=(0.5, 0.5),
            heatmap_png=b"heat " + digest,
            pixels=PixelFacts(64, 48, 120.0, 30.0),
            module=self.module,
            guards=("size", "contrast", "exposure"),
            stage_ms={"inference": self.duration_ms},
        )

    def state(self) -> str:
        return "ready" if self.ready else "restarting"

    def fault(self) -> GaugeblockError | None:
        return None if self.ready else InferenceRestartingError()

    def close(self) -> None:
        self.ready = False


class MemoryDuties:
    """Gives the duty it was last told; with ``inference`` alone, that of its module and no challenge."""

    def __init__(
        self, inference: InferencePort, module_sha256: str | None = MemoryInference.MODULE.module_sha256
    ) -> None:
        self.duty = Duty(inference, module_sha256)

    def take_up(self) -> Duty:
        return self.duty


class MemoryAssignments:
    """Gives the assignment it was last told, or raises the ``fault`` it was told."""

    def __init__(self, assignment: Assignment | None = None) -> None:
        self.assignment = assignment
        self.fault: GaugeblockError | None = None

    def read(self) -> Assignment | None:
        if self.fault is not None:
            raise self.fault
        return self.assignment


@dataclass(frozen=True)
class MemoryRecord:
    """A spooled record and what has become of it."""

    position: int
    entry: Entry
    state: str = "spooled"
    index: int | None = None
    error_code: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        return self.entry.identity

    @property
    def jws(self) -> bytes:
        return self.entry.jws

    @property
    def disclosures(self) -> Mapping[str, str]:
        return self.entry.disclosures

    @property
    def blobs(self) -> tuple[str, ...]:
        return self.missing


@dataclass(frozen=True)
class MemoryFill:
    """How full the twin is; bytes count images only."""

    backlog: int
    refused: int
    refused_images: int
    bytes_used: int
    bytes_limit: int


DAMAGED = b"damaged"
"""An image in the twin that plays one whose stored bytes have changed."""


class MemorySpool:
    """The spool's promises over a list. ``full`` plays a full disk; ``amend_faults`` so many amendments that fail;
    ``restart()`` a new start of the process."""

    def __init__(self, limit_bytes: int = 10**9) -> None:
        self.rows: list[MemoryRecord] = []
        self.images: dict[str, bytes] = {}
        self.refused_images: dict[str, str] = {}
        self.full = False
        self.amend_faults = 0
        self._limit = limit_bytes
        self.waited_s = 0.0
        self._handed: set[str] = set()
        self._positions: dict[str, int] = {}
        self._epoch = 0
        self._last: int | None = None
        self._frame: str | None = None
        self._released = 0
        self._gate: bytes | None = None

    def restart(self) -> None:
        self._released = len(self.rows)

    def start_epoch(self) -> int:
        self._epoch += 1
        return self._epoch

    def last_trigger(self) -> int | None:
        return self._last

    def last_frame(self) -> str | None:
        return self._frame

    def check(self) -> None:
        if self.full or self._used() >= self._limit:
            raise LimitError(what="the spool", limit=self._limit)

    def gate(self) -> bytes | None:
        return self._gate

    def put(self, entries: Sequence[Entry], gate: bytes | None = None) -> list[int]:
        if self.full:
            raise LimitError(what="the spool", limit=self._limit)
        self._gate = self._gate if gate is None else gate
        positions = []
        for entry in entries:
            known = self._positions.get(entry.identity)
            if known is not None:
                if self.rows[known - 1].jws != entry.jws:
                    raise UnexpectedError(detail=f"identity {entry.identity} twice")
                positions.append(known)
                continue
            self._positions[entry.identity] = len(self.rows) + 1
            self.images.update(entry.blobs)
            self.rows.append(MemoryRecord(len(self.rows) + 1, entry))
            positions.append(len(self.rows))
            self._frame = self._frame if entry.verdict is None else entry.frame_sha256 or ""
            self._last = self._last if entry.trigger is None else entry.trigger
        return positions

    def amend(self, position: int, entry: Entry) -> None:
        if self.full or self.amend_faults or position <= self._released:
            self.amend_faults -= self.amend_faults > 0
            raise UnexpectedError(detail="cannot amend")
        self.images.update(entry.blobs)
        kept = {**self.rows[position - 1].entry.blobs, **entry.blobs}
        self.rows[position - 1] = replace(self.rows[position - 1], entry=replace(entry, blobs=kept))

    def release(self, position: int) -> None:
        self._released = max(self._released, position)

    def wait(self, timeout_s: float) -> None:
        self.waited_s += timeout_s

    def pending(self, limit: int) -> list[MemoryRecord]:
        waiting = [row for row in self.rows[: self._released] if row.state == "spooled"]
        return [
            replace(row, missing=tuple(sha for sha in row.entry.blobs if sha not in self._handed))
            for row in waiting[:limit]
        ]

    def blob(self, sha256: str) -> bytes | None:
        data = self.images.get(sha256)
        if data == DAMAGED:
            raise UnexpectedError(detail="damaged", permanent=1)
        return data

    def blob_handed_over(self, sha256: str) -> None:
        self._handed.add(sha256)

    def refuse_blob(self, sha256: str, code: str, detail: str) -> None:
        self._handed.add(sha256)
        self.refused_images[sha256] = f"{code} {detail}"

    def handed_over(self, receipts: Sequence[tuple[int, int]]) -> None:
        for position, index in receipts:
            self.rows[position - 1] = replace(self.rows[position - 1], state="handed_over", index=index)

    def refuse(self, position: int, code: str, detail: str) -> None:
        self.rows[position - 1] = replace(self.rows[position - 1], state="refused", error_code=f"{code} {detail}")

    def requeue_refused(self) -> int:
        refused = [
            row.position
            for row in self.rows
            if row.state == "refused" or (row.state == "handed_over" and self.refused_images.keys() & row.entry.blobs)
        ]
        self._handed -= self.refused_images.keys()
        self.refused_images.clear()
        for position in refused:
            self.rows[position - 1] = replace(self.rows[position - 1], state="spooled")
        return len(refused)

    def maintain(self) -> None:
        """A list needs none."""

    def state(self) -> MemoryFill:
        states = [row.state for row in self.rows]
        return MemoryFill(
            states.count("spooled"), states.count("refused"), len(self.refused_images), self._used(), self._limit
        )

    def close(self) -> None:
        """A list needs none."""

    def _used(self) -> int:
        return sum(map(len, self.images.values()))


@dataclass(frozen=True)
class MemoryAnswer:
    """The twin plant's answer about one record."""

    index: int | None
    duplicate: bool = False
    error_code: str | None = None
    error_text: str | None = None


class MemoryUplink:
    """A plant that takes each JWS once, after its images. ``faults`` are played first, one a call: an error to
    raise, or ``"lost"`` for a delivery whose receipt never comes back. ``refuse`` holds JWS it will not take."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.images: set[str] = set()
        self.faults: deque[GaugeblockError | str | None] = deque()
        self.refuse: set[bytes] = set()
        self._lock = threading.Lock()

    def send(self, records: Sequence[Submittable]) -> list[MemoryAnswer]:
        with self._lock:
            fault = self._fault()
            answers = [self._take(bytes(record.jws)) for record in records]
            if fault == "lost":
                raise UnexpectedError(detail="receipt lost")
            return answers

    def send_blob(self, sha256: str, data: bytes) -> None:
        with self._lock:
            fault = self._fault()
            if hashlib.sha256(data).hexdigest() != sha256:
                raise UnexpectedError(detail="digest differs", permanent=1)
            self.images.add(sha256)
            if fault == "lost":
                raise UnexpectedError(detail="receipt lost")

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, jws: bytes) -> MemoryAnswer:
        if jws in self.refuse:
            return MemoryAnswer(None, error_code="plant.unexpected", error_text="refused")
        if jws in self.log:
            return MemoryAnswer(self.log.index(jws), duplicate=True)
        self.log.append(jws)
        return MemoryAnswer(len(self.log) - 1)

    def _fault(self) -> str | None:
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, GaugeblockError):
            raise fault
        return fault


class MemoryReport:
    """Keeps events. ``names()`` gives them in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, str | int | float | GaugeblockError]]] = []

    def __call__(self, event: str, **facts: str | int | float | GaugeblockError) -> None:
        self.events.append((event, facts))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]
