"""The challenge gate: while not all challenge parts have been judged rightly, a station judges no other part.

A pure state machine: it knows no clock and no file, takes values and gives the next state. Its law, which the tests
hold it to in any order of events: between *due* and *passed* nothing is admitted.

The gate is closed (*due*) at the first start, when the set or the module changes, at a changeover of product, at the
beginning of a shift, and when a passed challenge has become too old. It opens when every part of the set has been
judged as it should since then. A part that is judged wrongly, at any time, closes it (*failed*), and all parts must be
shown again. A part that could not be judged (no picture, no answer in time) counts for nothing and is shown again; one
that falls into the review zone is judged wrongly, for it is neither passed nor rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from gaugeblock.plant.control_facets import ChallengeAnswer, ChallengeSetStatement
from gaugeblock.plant.facet import Verdict

Cause = Literal["start", "shift", "changeover", "module", "expired", "set", "failed"]

CHALLENGE_DUE = "edge.challenge_due"
CHALLENGE_FAILED = "edge.challenge_failed"
CHALLENGE_MISSING = "edge.challenge_missing"
CLOCK_TOLERANCE_S = 60.0
"""A passed challenge that lies farther in the future than this was passed by another clock: it does not count."""


class GateState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the gate stands; what is kept across restarts.

    Parameters
    ----------
    state
        ``new`` before there was any set; ``counting`` is on the disk only, see :func:`interrupted`.
    cause
        Why it is, or last was, due.
    set_sha256, module_sha256
        For which set and module it holds.
    product, shift
        Of the last production part, and the beginning of the shift it was last asked in (RFC 3339).
    passed_at_s
        Seconds since 1970, UTC.
    answers
        Of the parts judged rightly since it became due.
    """

    state: Literal["new", "due", "failed", "open", "counting"] = "new"
    cause: Cause = "start"
    set_sha256: str | None = None
    module_sha256: str | None = None
    product: str | None = None
    shift: str | None = None
    passed_at_s: float | None = None
    answers: tuple[ChallengeAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds now.

    Parameters
    ----------
    challenge_set, set_sha256
        The set assigned, and its digest.
    required
        Nothing may be judged without a set.
    module_sha256
        The released module.
    shift
        Beginning of the present shift, RFC 3339; ``None`` where there are none.
    now_s
        Seconds since 1970, UTC.
    product
        Of the production part at hand; ``None`` when there is none, or the PLC does not say.
    """

    challenge_set: ChallengeSetStatement | None
    set_sha256: str | None
    required: bool
    module_sha256: str | None
    shift: str | None
    now_s: float
    product: str | None = None


def look(state: GateState, now: Conditions) -> GateState:
    """The state under present conditions: it may have become due, never the other way.

    Examples
    --------
    >>> from gaugeblock.plant.control_facets import ChallengePart
    >>> parts = ChallengeSetStatement((ChallengePart("G1", "good"), ChallengePart("N1", "defective")))
    >>> state = look(GateState(), Conditions(parts, "ab", True, "m1", None, 0.0))
    >>> state.state, state.cause, closed(state, Conditions(parts, "ab", True, "m1", None, 0.0))
    ('due', 'start', 'edge.challenge_due')
    """
    if now.challenge_set is None:
        return state
    cause = cause_of(state, now)
    here = msgspec.structs.replace(
        state,
        set_sha256=now.set_sha256,
        module_sha256=now.module_sha256,
        product=now.product or state.product,
        shift=now.shift or state.shift,
    )
    if cause is None:
        return here
    return msgspec.structs.replace(here, state="due", cause=cause, answers=(), passed_at_s=None)


def cause_of(state: GateState, now: Conditions) -> Cause | None:
    """Why the challenge becomes due, or due anew, under present conditions; ``None`` where it does not."""
    parts = now.challenge_set
    if parts is None:
        return None
    if state.state in ("new", "counting"):
        return "start"
    if state.set_sha256 != now.set_sha256:
        return "set"
    if state.module_sha256 != now.module_sha256:
        return "module"
    if parts.each_changeover and now.product is not None and state.product not in (None, now.product):
        return "changeover"
    if parts.each_shift and now.shift is not None and state.shift != now.shift:
        return "shift"
    if state.state == "open" and not _still_valid(state, now.now_s, parts.valid_h):
        return "expired"
    return None


def _still_valid(state: GateState, now_s: float, valid_h: float) -> bool:
    if state.passed_at_s is None:
        return False
    return -CLOCK_TOLERANCE_S <= now_s - state.passed_at_s <= 3600.0 * valid_h


def closed(state: GateState, now: Conditions) -> str | None:
    """Why an ordinary part may not be judged; ``None`` where it may. ``state`` comes from :func:`look`."""
    if now.challenge_set is None:
        return CHALLENGE_MISSING if now.required else None
    if state.state == "open":
        return None
    return CHALLENGE_FAILED if state.state == "failed" else CHALLENGE_DUE


def expected(challenge_set: ChallengeSetStatement | None, unit: str | None) -> Verdict | None:
    """What a challenge part must be judged; ``None`` for a unit that is none.

    >>> expected(None, "U1") is None
    True
    """
    for part in challenge_set.parts if challenge_set is not None and unit is not None else ():
        if part.unit == unit:
            return Verdict.OK if part.condition == "good" else Verdict.NOK
    return None


def judged(state: GateState, now: Conditions, answer: ChallengeAnswer) -> GateState:
    """A challenge part has been judged; ``UNDECIDED`` stands for the review zone, and is wrong.

    The state ``failed`` holds the answers up to the wrong one; the next answer begins anew.
    """
    if now.challenge_set is None or state.state == "new":
        return state
    wrong = answer.verdict is not answer.expected
    if state.state == "open" and not wrong:
        return state
    anew = state.state == "open" or any(a.verdict is not a.expected for a in state.answers)
    before = () if anew else tuple(a for a in state.answers if a.unit != answer.unit)
    answers = (*before, answer)
    if wrong:
        return msgspec.structs.replace(state, state="failed", cause="failed", answers=answers, passed_at_s=None)
    if {a.unit for a in answers} >= {part.unit for part in now.challenge_set.parts}:
        return msgspec.structs.replace(state, state="open", answers=answers, passed_at_s=now.now_s)
    return msgspec.structs.replace(state, answers=answers)


def interrupted(state: GateState) -> GateState:
    """What a crash would leave while a challenge part is being counted: an open gate would be due again."""
    return msgspec.structs.replace(state, state="counting") if state.state == "open" else state
