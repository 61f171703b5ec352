"""The challenge gate of a running station: its state kept with the spool, its steps stated as records.

The gate's state is written in the same transaction as the records that belong to it. In memory it is never more open
than on disk: it opens only after that was written, and closes at once. While a challenge part is being counted, the
disk says *due*; so a station that is killed at any moment comes back with the gate closed, or open by right.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from gaugeblock.edge import challenge_gate as gate
from gaugeblock.edge.challenge_gate import Conditions, GateState
from gaugeblock.edge.ports import REVIEW_ZONE, Clock, Duty, Entry, Report, Spool, Trigger
from gaugeblock.edge.statements import Handling, Statements
from gaugeblock.plant.assignment import set_digest
from gaugeblock.plant.control_facets import (
    ChallengeAnswer,
    ChallengeInputs,
    ChallengeMeasurement,
    ChallengeSetStatement,
    ChallengeStatement,
)
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import Purpose
from gaugeblock.plant.shifts import shift_began
from gaugeblock.plant.times import to_rfc3339

OWED_MAX = 100
"""Steps that wait for the disk; beyond, the oldest is forgotten (its verdicts were never answered)."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate says of a part: why it may not be judged, or what it must be judged if it is a challenge part."""

    conditions: Conditions
    code: str | None = None
    expected: Verdict | None = None

    @property
    def purpose(self) -> Purpose:
        return "production" if self.expected is None else "challenge"


@dataclass(frozen=True, slots=True)
class _Step:
    statement: ChallengeStatement
    measurement: ChallengeMeasurement
    inputs: ChallengeInputs
    product: str | None


class Challenges:
    """The gate of one station; used by its loop only."""

    def __init__(self, spool: Spool, clock: Clock, report: Report) -> None:
        self._spool, self._clock, self._report = spool, clock, report
        self._durable = spool.gate()
        self.state = _decoded(self._durable)
        self._owed: deque[_Step] = deque(maxlen=OWED_MAX)
        self._digest: tuple[ChallengeSetStatement, str] | None = None

    def look(self, duty: Duty, trigger: Trigger | None = None) -> Admission:
        """Ask the gate about a part, or about no part, for it may have become due by the clock alone."""
        expected = gate.expected(duty.challenge_set, trigger.unit if trigger else None)
        now = self._clock.now()
        shift = shift_began(now, duty.shifts, duty.timezone)
        conditions = Conditions(
            challenge_set=duty.challenge_set,
            set_sha256=self._set_sha256(duty.challenge_set),
            required=duty.require_challenge,
            module_sha256=duty.module_sha256,
            shift=to_rfc3339(shift) if shift else None,
            now_s=_seconds(now),
            product=trigger.product if trigger and expected is None else None,
        )
        cause = gate.cause_of(self.state, conditions)
        self.state = gate.look(self.state, conditions)
        if cause is not None:
            self._owe("due", conditions, duty.product)
            self._report("challenge_due", cause=cause)
        return Admission(conditions, None if expected else gate.closed(self.state, conditions), expected)

    def entries(self, statements: Statements) -> list[Entry]:
        """Records of the steps that have none yet; they are kept with the next :meth:`Spool.put`."""
        return [
            statements.challenge(
                statements.next_sequence(), step.product, step.statement, step.measurement, step.inputs
            )
            for step in self._owed
        ]

    def to_keep(self, *, counting: bool = False) -> bytes | None:
        """The state for the disk, where it differs from what is there.

        Parameters
        ----------
        counting
            A challenge part is recorded that is counted only after its answer.
        """
        data = msgspec.json.encode(gate.interrupted(self.state) if counting else self.state)
        return None if data == self._durable else data

    def kept(self, data: bytes | None) -> None:
        """What :meth:`entries` and :meth:`to_keep` gave is on the disk."""
        self._owed.clear()
        self._durable = self._durable if data is None else data

    @property
    def owes(self) -> bool:
        """There are steps without a record."""
        return bool(self._owed)

    def count(
        self,
        admission: Admission,
        handling: Handling,
        trigger: Trigger,
        identity: str,
        duty: Duty,
        statements: Statements,
    ) -> int | None:
        """A challenge part's answer stands: count it, durably; the position of the last record, if any was due.

        A part that was not judged counts for nothing and must be shown again.
        """
        if admission.expected is None or handling.reason not in (None, REVIEW_ZONE):
            return None
        answer = ChallengeAnswer(trigger.unit or "", admission.expected, handling.verdict, identity)
        after = gate.judged(self.state, admission.conditions, answer)
        before, owed, sequence = self.state, tuple(self._owed), statements.sequence
        self.state = after
        if after.state == "failed" and after != before:
            self._owe("failed", admission.conditions, duty.product)
        elif after.state == "open" and before.state != "open":
            self._owe("passed", admission.conditions, duty.product)
        try:
            entries, data = self.entries(statements), self.to_keep()
            positions = self._spool.put(entries, data) if entries or data is not None else []
        except GaugeblockError as error:
            statements.sequence = sequence
            if after.state != "failed":  # what is not written down has not passed
                self.state = before
                self._owed.clear()
                self._owed.extend(owed)
            self._report("challenge_not_counted", unit=trigger.unit or "", error=error)
            return None
        self.kept(data)
        if after.state != before.state:
            event = "challenge_passed" if after.state == "open" else "challenge_failed"
            self._report(event, unit=trigger.unit or "", verdict=handling.verdict.value)
        return positions[-1] if positions else None

    def _owe(self, state: str, conditions: Conditions, product: str | None) -> None:
        statement = msgspec.convert({"state": state, "cause": self.state.cause}, ChallengeStatement)
        inputs = ChallengeInputs(conditions.module_sha256, conditions.set_sha256 or "")
        self._owed.append(_Step(statement, ChallengeMeasurement(self.state.answers), inputs, product))

    def _set_sha256(self, challenge_set: ChallengeSetStatement | None) -> str | None:
        if challenge_set is None:
            return None
        if self._digest is None or self._digest[0] is not challenge_set:
            self._digest = (challenge_set, set_digest(challenge_set))
        return self._digest[1]


def _decoded(data: bytes | None) -> GateState:
    if data is None:
        return GateState()
    try:
        return msgspec.json.decode(data, type=GateState)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return GateState()  # as of a new station: the challenge is due


def _seconds(now: datetime) -> float:
    return now.astimezone(UTC).timestamp()
