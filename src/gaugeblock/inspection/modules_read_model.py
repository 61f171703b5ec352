"""What pages, API and desks read of modules: service, candidates, comparisons, shadow; and the port that gives it."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from gaugeblock.plant.module_facets import (
    CandidateInputs,
    CandidateStatement,
    CriterionResult,
    ModuleInputs,
    ModuleStatement,
    SetComparison,
)

HISTORY_LIMIT = 200
CANDIDATES_LIMIT = 100

Action = Literal["introduced", "release", "rollback", "reject"]
CandidateState = Literal["open", "released", "rejected"]


class ServiceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a station's module, or its first introduction; ``index`` is its record's."""

    index: int
    station: str
    module_sha256: str
    action: Action
    author: str
    at: str
    product: str | None = None
    predecessor_sha256: str | None = None
    comparison_index: int | None = None
    reason: str = ""
    trained_by: str = ""

    @property
    def same_person(self) -> bool:
        """Whether the one who asked for the module also released it."""
        return self.action == "release" and self.trained_by == self.author


class ComparisonRow(msgspec.Struct, frozen=True, kw_only=True):
    """An ``inspection.comparison`` record."""

    index: int
    at: str
    station: str
    candidate_sha256: str
    in_service_sha256: str
    passed: bool
    criteria: tuple[CriterionResult, ...]
    sets: tuple[SetComparison, ...]
    missing: int = 0


class CandidateRow(msgspec.Struct, frozen=True, kw_only=True):
    """An ``inspection.candidate`` record, how far its shadow is, its latest comparison, and what became of it."""

    index: int
    at: str
    module_sha256: str
    station: str
    product: str | None
    statement: CandidateStatement
    inputs: CandidateInputs
    state: CandidateState = "open"
    shadowed: int = 0
    shadowed_up_to: int | None = None
    comparison: ComparisonRow | None = None


class StationModules(msgspec.Struct, frozen=True, kw_only=True):
    """A station: what is in service, what could be, what was. ``earlier`` are modules to go back to, newest first."""

    station: str
    product: str | None
    in_service: ServiceEntry | None
    candidates: tuple[CandidateRow, ...]
    history: tuple[ServiceEntry, ...]
    earlier: tuple[ServiceEntry, ...]


class KnownModule(msgspec.Struct, frozen=True, kw_only=True):
    """What records say of one module, wherever it is."""

    module_sha256: str
    introduced: tuple[ServiceEntry, ...]
    candidates: tuple[CandidateRow, ...]
    entries: tuple[ServiceEntry, ...]
    statement: ModuleStatement | None = None
    inputs: ModuleInputs | None = None


class ShadowTask(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that a candidate has not judged yet."""

    verdict_index: int
    station: str
    unit: str | None
    product: str | None
    image_sha256: str | None


class ModuleReader(Protocol):
    """Answered by ``modules_queries.ProjectedModules``."""

    def stations(self) -> list[StationModules]:
        """Every station that a module record names, by name."""
        ...

    def station(self, station: str) -> StationModules | None:
        """One station."""
        ...

    def candidate(self, station: str, module_sha256: str) -> CandidateRow | None:
        """One candidate."""
        ...

    def comparison(self, index: int) -> ComparisonRow | None:
        """One comparison."""
        ...

    def known(self, module_sha256: str) -> KnownModule | None:
        """All that records say of a module."""
        ...

    def open_candidates(self) -> list[CandidateRow]:
        """Those that run in shadow."""
        ...

    def latest(self) -> int:
        """Index of the newest record that an assignment or the list of open candidates depends on; -1 for none."""
        ...
