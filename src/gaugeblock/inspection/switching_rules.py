"""When lots are inspected normally, more strictly or less: the switching rules of ISO 2859-1:1999, clause 9.

Without them an acceptance quality limit protects nobody: a supplier who delivers just beyond it would have most lots
accepted for ever. Inspection starts normal and

* becomes tightened when 2 of 5 or fewer successive lots were rejected (9.3.1), and normal again after 5 successive
  accepted lots (9.3.2);
* becomes reduced when the switching score reaches 30, production is steady and the responsible authority wants it
  (9.3.3), and normal again after one rejected lot, when production is irregular or delayed, or when the authority wants
  that (9.3.4);
* stops when, on tightened inspection, 5 lots in sum were rejected (9.4). It is taken up again, tightened, once the
  supplier has acted and the authority agrees.

The score, kept on normal inspection only: with Ac 2 or more, 3 for a lot that would have passed one AQL step tighter,
else back to 0; with Ac 0 or 1, 2 for an accepted lot, else back to 0. Only lots presented for the first time count.

A pure state machine: the state is a value, kept wherever the caller keeps it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gaugeblock.inspection.sampling_plan import SamplingPlan, Severity, accepts, tighter_accept
from gaugeblock.inspection.study_errors import InspectionDiscontinuedError, LotSeverityError

SCORE_FOR_REDUCED = 30
SCORE_MAX = 1_000_000
WINDOW = 5
REJECTED_FOR_TIGHTENED = 2
ACCEPTED_FOR_NORMAL = 5
REJECTED_FOR_STOP = 5


class Change(StrEnum):
    """Why the severity changed. Each value is the catalogue key of its sentence."""

    TWO_OF_FIVE = "inspection.switching.two_of_five"
    FIVE_ACCEPTED = "inspection.switching.five_accepted"
    SCORE_REACHED = "inspection.switching.score_reached"
    LOT_REJECTED = "inspection.switching.lot_rejected"
    PRODUCTION_IRREGULAR = "inspection.switching.production_irregular"
    AUTHORITY = "inspection.switching.authority"
    DISCONTINUED = "inspection.switching.discontinued"


class SwitchingState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a series of lots stands.

    Parameters
    ----------
    severity
        For the next lot.
    score
        Switching score; 0 unless inspection is normal.
    recent
        Whether the last lots were accepted, oldest first, since this severity began; at most five.
    rejected_on_tightened
        Since tightened inspection began.
    discontinued
        No lot may be accepted by sampling until :func:`resume`.
    """

    severity: Severity = Severity.NORMAL
    score: int = 0
    recent: tuple[bool, ...] = ()
    rejected_on_tightened: int = 0
    discontinued: bool = False


class LotOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a lot's result led to: whether it is accepted, and the state for the next; ``change`` where it changed."""

    accepted: bool
    state: SwitchingState
    change: Change | None


def after_lot(
    state: SwitchingState,
    plan: SamplingPlan,
    nonconforming: int,
    *,
    original: bool = True,
    production_steady: bool = True,
    reduced_wanted: bool = False,
) -> LotOutcome:
    """One lot's result.

    Parameters
    ----------
    plan
        By which it was inspected; of the state's severity.
    nonconforming
        Found in its sample.
    original
        Presented for the first time. A lot presented again is judged and changes nothing else.
    production_steady
        Production runs at a steady rate.
    reduced_wanted
        The responsible authority considers reduced inspection desirable. Never presumed.

    Raises
    ------
    InspectionDiscontinuedError, LotSeverityError, LotCountError

    Examples
    --------
    >>> from gaugeblock.inspection.sampling_plan import sampling_plan
    >>> state = SwitchingState()
    >>> for found in (0, 4, 1, 5):
    ...     outcome = after_lot(state, sampling_plan(1000, 1.0), found)
    ...     state = outcome.state
    >>> outcome.accepted, outcome.change.value, state.severity.value
    (False, 'inspection.switching.two_of_five', 'tightened')
    """
    if state.discontinued:
        raise InspectionDiscontinuedError(rejected=state.rejected_on_tightened)
    if plan.severity is not state.severity:
        raise LotSeverityError(found=plan.severity.value, expected=state.severity.value)
    accepted = accepts(plan, nonconforming)
    if not original:
        return LotOutcome(accepted, state, None)
    recent = (*state.recent, accepted)[-WINDOW:]
    if state.severity is Severity.TIGHTENED:
        after, change = _after_tightened(state, accepted, recent)
    elif state.severity is Severity.REDUCED:
        after, change = _after_reduced(state, accepted, recent, production_steady, reduced_wanted)
    else:
        score = _scored(state.score, plan, nonconforming, accepted)
        after, change = _after_normal(score, recent, production_steady, reduced_wanted)
    return LotOutcome(accepted, after, change)


def resume(state: SwitchingState) -> SwitchingState:
    """Take up inspection again after it was discontinued: tightened, counts from zero (9.4).

    A state that is not discontinued stays as it is.

    >>> resume(SwitchingState(Severity.TIGHTENED, rejected_on_tightened=5, discontinued=True)).discontinued
    False
    """
    return SwitchingState(Severity.TIGHTENED) if state.discontinued else state


def _after_normal(
    score: int, recent: tuple[bool, ...], steady: bool, wanted: bool
) -> tuple[SwitchingState, Change | None]:
    if recent.count(False) >= REJECTED_FOR_TIGHTENED:
        return SwitchingState(Severity.TIGHTENED), Change.TWO_OF_FIVE
    if score >= SCORE_FOR_REDUCED and steady and wanted:
        return SwitchingState(Severity.REDUCED), Change.SCORE_REACHED
    return SwitchingState(Severity.NORMAL, score, recent), None


def _after_tightened(
    state: SwitchingState, accepted: bool, recent: tuple[bool, ...]
) -> tuple[SwitchingState, Change | None]:
    rejected = state.rejected_on_tightened + (not accepted)
    if rejected >= REJECTED_FOR_STOP:
        return SwitchingState(Severity.TIGHTENED, 0, recent, rejected, discontinued=True), Change.DISCONTINUED
    if len(recent) >= ACCEPTED_FOR_NORMAL and all(recent[-ACCEPTED_FOR_NORMAL:]):
        return SwitchingState(), Change.FIVE_ACCEPTED
    return SwitchingState(Severity.TIGHTENED, 0, recent, rejected), None


def _after_reduced(
    state: SwitchingState, accepted: bool, recent: tuple[bool, ...], steady: bool, wanted: bool
) -> tuple[SwitchingState, Change | None]:
    for holds, change in (
        (not accepted, Change.LOT_REJECTED),
        (not steady, Change.PRODUCTION_IRREGULAR),
        (not wanted, Change.AUTHORITY),
    ):
        if holds:
            return SwitchingState(), change
    return msgspec.structs.replace(state, recent=recent), None


def _scored(score: int, plan: SamplingPlan, nonconforming: int, accepted: bool) -> int:
    if plan.accept >= 2:
        tighter = tighter_accept(plan)
        passes = tighter is not None and nonconforming <= tighter
        return min(score + 3, SCORE_MAX) if passes else 0
    return min(score + 2, SCORE_MAX) if accepted else 0
