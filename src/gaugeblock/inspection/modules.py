"""The desk of modules: a person releases a candidate, goes back to an earlier module, or rejects a candidate.

The log is the truth; the station's assignment file follows from it. A decision is stated first and assigned when the
record is durable; an assignment that could not be written then is written at the plant's next start.

Two people are better than one and a plant may have one only. So nobody is refused for having trained what they
release; the record says who did either, and pages say it aloud where it is the same person.
"""

from __future__ import annotations

import threading
from typing import Protocol

import msgspec

from gaugeblock.inspection.module_errors import (
    ComparisonFailedError,
    ComparisonForeignError,
    ModuleInServiceError,
    ModuleNotCandidateError,
    ModuleUnknownError,
    NothingInServiceError,
    ReasonMissingError,
    ReasonTooLongError,
    RollbackTargetError,
    StationUnknownError,
)
from gaugeblock.inspection.modules_read_model import (
    Action,
    CandidateRow,
    KnownModule,
    ModuleReader,
    ServiceEntry,
    StationModules,
)
from gaugeblock.inspection.ports import Statements
from gaugeblock.plant.module_facets import ModuleSubject, ReleaseStatement

REASON_LEAST = 10
REASON_LIMIT = 1000


class KeptModules(Protocol):
    """Module files by SHA-256."""

    def put(self, data: bytes) -> str:
        """Durable when it returns; the digest."""
        ...

    def get(self, sha256: str) -> bytes:
        """The bytes, verified; a GaugeblockError ``stores.module_file_missing`` or ``…_damaged`` otherwise."""
        ...

    def has(self, sha256: str) -> bool:
        """Whether the file is there."""
        ...


class Assignments(Protocol):
    """Where stations read which module they shall use."""

    def assign(self, entry: ServiceEntry) -> None:
        """Durable when it returns; the same entry again changes nothing."""
        ...


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided: the record's index, and whether the same person trained and released."""

    index: int
    action: Action
    station: str
    module_sha256: str
    same_person: bool = False


class ModuleDesk:
    """Reads and decides. ``person`` is an entity: ``person:li.wei``; the caller has checked the role.

    Parameters
    ----------
    reader, statements
        What a statement says, the reader shows when it returns.
    files
        A module whose file is not there, or is damaged, is not released.
    assignments
        Written after the record is durable.
    """

    def __init__(
        self, reader: ModuleReader, statements: Statements, files: KeptModules, assignments: Assignments
    ) -> None:
        self.reader = reader
        self._statements, self._files, self._assignments = statements, files, assignments
        # One decision at a time: two at once would both come from the same predecessor.
        self._lock = threading.Lock()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────

    def station(self, station: str) -> StationModules:
        """One station.

        Raises
        ------
        StationUnknownError
        """
        found = self.reader.station(station)
        if found is None:
            raise StationUnknownError(station=station[:80])
        return found

    def module(self, module_sha256: str) -> KnownModule:
        """What records say of a module.

        Raises
        ------
        ModuleUnknownError
        """
        found = self.reader.known(module_sha256)
        if found is None:
            raise ModuleUnknownError(module=module_sha256[:64])
        return found

    def file(self, module_sha256: str) -> bytes:
        """The module's bytes, verified.

        Raises
        ------
        ModuleUnknownError, GaugeblockError
        """
        self.module(module_sha256)
        return self._files.get(module_sha256)

    # ── deciding ──────────────────────────────────────────────────────────────────────────────────────────

    def release(
        self, person: str, station: str, module_sha256: str, *, comparison_index: int | None = None, reason: str = ""
    ) -> Decision:
        """Put a candidate in service.

        Parameters
        ----------
        comparison_index
            The comparison on which the decision rests: of this candidate with the module in service now. Without
            one, or where it was not passed, ``reason`` says why the candidate is released all the same.

        Raises
        ------
        StationUnknownError, NothingInServiceError, ModuleNotCandidateError, ModuleInServiceError,
        ComparisonForeignError, ComparisonFailedError, ReasonMissingError, ReasonTooLongError
        GaugeblockError
            The file is missing or damaged.
        """
        reason = _reason(reason)
        with self._lock:
            at = self.station(station)
            candidate = _open_candidate(at, module_sha256)
            serving = _serving(at)
            if serving.module_sha256 == module_sha256:
                raise ModuleInServiceError(module=module_sha256, station=station)
            self._rests_on(candidate, serving, comparison_index, reason)
            self._files.get(module_sha256)
            trained_by = candidate.statement.requested_by
            index = self._state(
                person,
                ModuleSubject(module_sha256=module_sha256, product=candidate.product, station=station),
                ReleaseStatement(
                    action="release",
                    predecessor_sha256=serving.module_sha256,
                    comparison_index=comparison_index,
                    reason=reason,
                    trained_by=trained_by,
                ),
                serving.index,
            )
            self._assign(station)
        return Decision(
            index=index,
            action="release",
            station=station,
            module_sha256=module_sha256,
            same_person=trained_by == person,
        )

    def rollback(self, person: str, station: str, module_sha256: str, *, reason: str) -> Decision:
        """Go back to a module that has been in service at the station, in one step.

        Raises
        ------
        StationUnknownError, NothingInServiceError, ModuleInServiceError, RollbackTargetError, ReasonMissingError,
        ReasonTooLongError
        GaugeblockError
            The file is missing or damaged.
        """
        reason = _reason(reason, needed=True)
        with self._lock:
            at = self.station(station)
            serving = _serving(at)
            if serving.module_sha256 == module_sha256:
                raise ModuleInServiceError(module=module_sha256, station=station)
            target = next((entry for entry in at.earlier if entry.module_sha256 == module_sha256), None)
            if target is None:
                raise RollbackTargetError(module=module_sha256[:64], station=station)
            self._files.get(module_sha256)
            index = self._state(
                person,
                ModuleSubject(module_sha256=module_sha256, product=target.product, station=station),
                ReleaseStatement(action="rollback", predecessor_sha256=serving.module_sha256, reason=reason),
                serving.index,
            )
            self._assign(station)
        return Decision(index=index, action="rollback", station=station, module_sha256=module_sha256)

    def reject(self, person: str, station: str, module_sha256: str, *, reason: str) -> Decision:
        """Close a candidate; it runs in shadow no longer.

        Raises
        ------
        StationUnknownError, ModuleNotCandidateError, ReasonMissingError, ReasonTooLongError
        """
        reason = _reason(reason, needed=True)
        with self._lock:
            candidate = _open_candidate(self.station(station), module_sha256)
            index = self._state(
                person,
                ModuleSubject(module_sha256=module_sha256, product=candidate.product, station=station),
                ReleaseStatement(action="reject", reason=reason, trained_by=candidate.statement.requested_by),
                candidate.index,
            )
        return Decision(index=index, action="reject", station=station, module_sha256=module_sha256)

    def assign_all(self) -> int:
        """Write every station's assignment anew from the log; how many."""
        with self._lock:
            serving = [each.in_service for each in self.reader.stations() if each.in_service is not None]
            for entry in serving:
                self._assignments.assign(entry)
        return len(serving)

    def _state(self, person: str, subject: ModuleSubject, statement: ReleaseStatement, after: int) -> int:
        # The record it follows is part of its name, so that going back twice is two records, and a doubled press one.
        identity = f"{statement.action}/{subject.station}/{subject.module_sha256[:16]}/{after}"
        return self._statements.state(
            person, "inspection.release", identity, {"subject": subject, "statement": statement}
        )

    def _assign(self, station: str) -> None:
        serving = self.station(station).in_service
        if serving is not None:
            self._assignments.assign(serving)

    def _rests_on(
        self, candidate: CandidateRow, serving: ServiceEntry, comparison_index: int | None, reason: str
    ) -> None:
        if comparison_index is None:
            _long_enough(reason)
            return
        compared = self.reader.comparison(comparison_index)
        if (
            compared is None
            or compared.station != candidate.station
            or compared.candidate_sha256 != candidate.module_sha256
            or compared.in_service_sha256 != serving.module_sha256
        ):
            raise ComparisonForeignError(index=comparison_index)
        if not compared.passed and len(reason) < REASON_LEAST:
            raise ComparisonFailedError(index=comparison_index)


def _open_candidate(at: StationModules, module_sha256: str) -> CandidateRow:
    found = next((row for row in at.candidates if row.module_sha256 == module_sha256 and row.state == "open"), None)
    if found is None:
        raise ModuleNotCandidateError(module=module_sha256[:64], station=at.station)
    return found


def _serving(at: StationModules) -> ServiceEntry:
    if at.in_service is None:
        raise NothingInServiceError(station=at.station)
    return at.in_service


def _reason(text: str, *, needed: bool = False) -> str:
    reason = " ".join(text.split())
    if len(reason) > REASON_LIMIT:
        raise ReasonTooLongError(limit=REASON_LIMIT)
    if needed:
        _long_enough(reason)
    return reason


def _long_enough(reason: str) -> None:
    # Counted in characters: ten Chinese ones say as much as a sentence.
    if len(reason) < REASON_LEAST:
        raise ReasonMissingError(least=REASON_LEAST)
