"""What the inspection pages and API read: rows and sums projected from the log, and the port that gives them."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from gaugeblock.inspection.review_rules import Stage
from gaugeblock.plant.inspection_facets import DefectRegion, Purpose, WatchMeasurement
from gaugeblock.plant.record_types import Verdict

PAGE_LIMIT = 200


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """One ``inspection.verdict`` record, joined with what others know of its unit.

    ``index`` is the record's index in the log: every figure names its record. ``condition`` and ``defects`` are those
    of the unit's reference decision (``reference_index``); where there is none, those that reviews have settled
    (``review_index``). ``escape`` and ``overkill`` are ``None`` while the condition is unknown.

    ``review_stage`` says where the part stands among reviewers, ``None`` where nobody is asked. ``regions`` are
    places above the threshold, ``watch`` the values by which a changed camera or lamp is told.
    """

    index: int
    station: str
    unit: str | None
    product: str | None
    order: str | None
    verdict: Verdict
    reason: str | None
    score: float | None
    threshold: float | None
    peak_x: float | None
    peak_y: float | None
    observed_at: str
    latency_ms: float
    deadline_ms: float
    image_sha256: str | None
    heatmap_sha256: str | None
    module_sha256: str | None
    reference_index: int | None = None
    condition: Literal["good", "defective"] | None = None
    defects: tuple[str, ...] = ()
    review_index: int | None = None
    review_stage: Stage | None = None
    review_from: float | None = None
    regions: tuple[DefectRegion, ...] = ()
    watch: WatchMeasurement | None = None
    purpose: Purpose = "production"
    operating_point_sha256: str | None = None

    @property
    def escape(self) -> bool | None:
        """A defective unit that was passed."""
        return None if self.condition is None else self.condition == "defective" and self.verdict is Verdict.OK

    @property
    def overkill(self) -> bool | None:
        """A good unit that was rejected."""
        return None if self.condition is None else self.condition == "good" and self.verdict is not Verdict.OK


class StationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A station as its records show it."""

    station: str
    boot_epoch: int
    started_at: str
    module_sha256: str | None
    missed_triggers: int
    last_verdict_at: str | None
    last_verdict_index: int | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """``hits`` of ``of`` with the two-sided 95 % Clopper–Pearson interval; ``low``/``high`` are 0 and 1 for none."""

    hits: int
    of: int
    low: float
    high: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of the overview page. ``log_size`` says up to which record they hold.

    Challenge parts are left out. ``counts`` are of all verdicts; rates and latencies are of the last ``window``
    verdicts, ``late`` of them after their deadline.
    """

    log_size: int
    counts: dict[Verdict, int]
    window: int
    escape: Rate
    overkill: Rate
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    late: int
    parts_per_minute: float
    stations: list[StationRow]
    recent: list[VerdictRow]


class VerdictFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which verdicts to list; ``before`` is the cursor: only records with a smaller index."""

    verdict: Verdict | None = None
    station: str | None = None
    unit: str | None = None
    wrong: bool = False
    purpose: Purpose | None = None
    before: int | None = None
    limit: int = 50


class InspectionReader(Protocol):
    """What pages and API ask of this room; :class:`ProjectedInspections` and the in-memory twin answer it."""

    def overview(self) -> Overview:
        """The sums now."""
        ...

    def verdicts(self, wanted: VerdictFilter) -> list[VerdictRow]:
        """Newest first, at most ``wanted.limit`` (bounded by :data:`PAGE_LIMIT`)."""
        ...

    def verdict(self, index: int) -> VerdictRow | None:
        """The verdict recorded at ``index``, if that record is one."""
        ...

    def unit(self, unit: str) -> list[VerdictRow]:
        """All verdicts about one unit, oldest first."""
        ...
