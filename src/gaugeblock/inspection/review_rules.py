"""Which verdicts a person is asked about, who is asked a second time, and what their answers settle. Pure.

Every verdict has three **slots**: the first opinion, the second opinion, and the adjudication. The last record of a
role fills its slot, a withdrawn one empties it. Two people who agree settle the part; where they differ, or one is
not sure after the other was, a third decides (AIAG MSA: an appraiser is judged blind, and by another).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Literal

import msgspec

from gaugeblock.plant.inspection_facets import Purpose
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.review_facets import Decision, Role
from gaugeblock.plant.settings import Review

REVIEW_ZONE = "edge.review_zone"

Due = Literal["zone", "undecided", "nok", "ok"]
"""Why a verdict is to be reviewed."""

DUES: tuple[Due, ...] = ("zone", "undecided", "nok", "ok")

Stage = Literal["open", "second", "disputed", "settled"]
"""Where a part stands: nobody has decided; a second opinion is wanted; opinions differ; decided."""

Condition = Literal["good", "defective"]


def drawn(question: str, seed: int, verdict_index: int, share: float) -> bool:
    """Whether a verdict belongs to a seeded share; anyone can compute it again.

    The first 8 bytes of SHA-256 over ``<question>/<seed>/<verdict index>``, as a fraction of 2^64, lie below the
    share. Different questions draw independently of each other.

    Parameters
    ----------
    question
        ``review`` or ``second``.
    share
        Between 0 and 1.

    Examples
    --------
    >>> drawn("review", 1, 42, 1.0), drawn("review", 1, 42, 0.0)
    (True, False)
    >>> sum(drawn("review", 1, index, 0.25) for index in range(4000))
    1043
    """
    digest = hashlib.sha256(f"{question}/{seed}/{verdict_index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2.0**64


def due(
    verdict_index: int, verdict: Verdict, reason: str | None, *, has_image: bool, purpose: Purpose, settings: Review
) -> Due | None:
    """Why a person is to look at a verdict; ``None`` where nobody is asked.

    A part without an image cannot be judged here, and a challenge part's condition is known.

    >>> due(7, Verdict.UNDECIDED, "edge.review_zone", has_image=True, purpose="production", settings=Review())
    'zone'
    """
    if not has_image or purpose != "production":
        return None
    if verdict is Verdict.UNDECIDED:
        return "zone" if reason == REVIEW_ZONE else "undecided"
    share = settings.nok_share if verdict is Verdict.NOK else settings.ok_share
    if not drawn("review", settings.seed, verdict_index, share):
        return None
    return "nok" if verdict is Verdict.NOK else "ok"


def second_drawn(verdict_index: int, settings: Review) -> bool:
    """Whether a second person is asked, whatever the first says."""
    return drawn("second", settings.seed, verdict_index, settings.second_opinion_share)


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What one person last said of a part in one role. ``index`` is its record's."""

    index: int
    person: str
    role: Role
    decision: Decision
    defects: tuple[str, ...] = ()
    note: str = ""
    blind: bool = False
    seconds: float | None = None
    stated_at: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a part stands, and once it is settled: its condition, and the record that settled it."""

    stage: Stage
    condition: Condition | None = None
    index: int | None = None
    defects: tuple[str, ...] = ()


def standing(
    first: Opinion | None, second: Opinion | None, adjudication: Opinion | None, *, second_wanted: bool
) -> Standing:
    """What the three slots settle.

    Parameters
    ----------
    first, second, adjudication
        The slots; ``None`` where nobody has spoken or has taken it back. A second opinion of the first one's author
        counts for nothing.
    second_wanted
        The draw of :func:`second_drawn`.

    Examples
    --------
    >>> good = Opinion(index=8, person="person:li.wei", role="first", decision="good")
    >>> standing(good, None, None, second_wanted=False).condition
    'good'
    >>> bad = Opinion(index=9, person="person:wang.fang", role="second", decision="defective")
    >>> standing(good, bad, None, second_wanted=False).stage
    'disputed'
    """
    settled = _settled(adjudication)
    if settled is not None:
        return settled
    if first is None:
        return Standing(stage="open")
    if second is None or second.person == first.person:
        alone = None if second_wanted else _settled(first)
        return alone or Standing(stage="second")
    if first.decision == second.decision or first.decision == "unsure":
        agreed = _settled(second, first)
        if agreed is not None:
            return agreed
    return Standing(stage="disputed")


def _settled(opinion: Opinion | None, earlier: Opinion | None = None) -> Standing | None:
    if opinion is None or opinion.decision not in {"good", "defective"}:
        return None
    defects = opinion.defects or (earlier.defects if earlier is not None else ())
    condition: Condition = "good" if opinion.decision == "good" else "defective"
    return Standing(stage="settled", condition=condition, index=opinion.index, defects=defects)


def may_adjudicate(person: str, earlier: Collection[str], *, admin: bool) -> bool:
    """A third person, or an administrator; nobody else judges between two opinions.

    >>> may_adjudicate("person:li.wei", ["person:li.wei"], admin=False)
    False
    """
    return admin or person not in earlier
