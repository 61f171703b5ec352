"""Acceptance sampling by attributes: how many parts of a lot to inspect, and how many may be nonconforming.

Single sampling plans of ISO 2859-1:1999 (identical with GB/T 2828.1-2012): lot size and inspection level give a code
letter (Table 1); letter, acceptance quality limit and severity give sample size n, acceptance number Ac and rejection
number Re = Ac + 1 (Tables 2-A normal, 2-B tightened, 2-C reduced). Arrows are followed, to another sample size where
they lead there; where n reaches the lot, every part is inspected.

The tables are not stored cell by cell: in each of them Ac is constant along diagonals (one letter on, one AQL down),
and the few exceptions are stated. AQL up to 10 is per cent nonconforming units; above 10 the standard means
nonconformities per 100 units only.

Which severity applies after which lots: :mod:`gaugeblock.inspection.switching_rules`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

from gaugeblock.inspection.study_errors import AqlUnknownError, LotCountError, LotQualityError, LotSizeError
from gaugeblock.signals.binomial import incomplete_beta
from gaugeblock.signals.distributions import incomplete_gamma

LOT_MAX = 100_000_000

Level = Literal["S-1", "S-2", "S-3", "S-4", "I", "II", "III"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Severity(StrEnum):
    """How strictly lots are inspected. Words: ``inspection.severity.<value>``."""

    NORMAL = "normal"
    TIGHTENED = "tightened"
    REDUCED = "reduced"


AQLS = (
    *(0.010, 0.015, 0.025, 0.040, 0.065, 0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5, 10.0),
    *(15.0, 25.0, 40.0, 65.0, 100.0, 150.0, 250.0, 400.0, 650.0, 1000.0),
)
"""The standard's acceptance quality limits."""
AQL_PERCENT_MAX = 10.0
"""Above, an AQL is nonconformities per 100 units, not per cent nonconforming."""

_LETTERS = "ABCDEFGHJKLMNPQRS"
_SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
_REDUCED_SIZES = (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800)

# Table 1: the largest lot of each row, and the letters of its seven levels in the order of LEVELS.
_LOTS: tuple[tuple[int, str], ...] = (
    (8, "AAAAAAB"),
    (15, "AAAAABC"),
    (25, "AABBBCD"),
    (50, "ABBCCDE"),
    (90, "BBCCCEF"),
    (150, "BBCDDFG"),
    (280, "BCDEEGH"),
    (500, "BCDEFHJ"),
    (1_200, "CCEFGJK"),
    (3_200, "CDEGHKL"),
    (10_000, "CDFGJLM"),
    (35_000, "CDFHKMN"),
    (150_000, "DEGJLNP"),
    (500_000, "DEGJMPQ"),
    (LOT_MAX, "DEHKNQR"),
)

# Ac by diagonal (position of the letter + position of the AQL); a diagonal that is absent holds arrows.
_ACCEPT: Mapping[Severity, Mapping[int, int]] = MappingProxyType(
    {
        Severity.NORMAL: {14: 0, 17: 1, 18: 2, 19: 3, 20: 5, 21: 7, 22: 10, 23: 14, 24: 21, 25: 30, 26: 44},
        Severity.TIGHTENED: {15: 0, 18: 1, 19: 2, 20: 3, 21: 5, 22: 8, 23: 12, 24: 18, 25: 27, 26: 41},
        Severity.REDUCED: {14: 0, 18: 1, 19: 2, 20: 3, 21: 5, 22: 6, 23: 8, 24: 10, 25: 14, 26: 21},
    }
)
# The last diagonal of arrows between acceptance numbers 0 and 1.
_LAST_ARROW = 17
# Diagonals beyond this one exist for the five smallest samples only.
_LAST_COMMON, _LETTERS_BEYOND = 24, 5
# Between acceptance numbers 0 and 1 the first arrow of tables 2-A and 2-C points to the smaller sample.
_UPWARDS = {Severity.NORMAL: 15, Severity.REDUCED: 15}
# In 2-C, letters A and B have two parts like C, and C's column of acceptance numbers does not fit them.
_REDUCED_PAIR = dict(enumerate((1, 2, 3, 5, 7, 10, 14, 21, 30), start=17))


class SamplingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with one lot.

    Parameters
    ----------
    letter
        Code letter of lot size and level.
    plan_letter
        Code letter of the plan that applies after arrows.
    sample_size
        Parts to inspect; the whole lot where ``full_inspection``.
    accept, reject
        Ac and Re: the lot passes with up to Ac nonconforming in the sample.
    counts
        What is counted: nonconforming units, or above AQL 10 nonconformities.
    """

    lot_size: int
    level: Level
    aql: float
    severity: Severity
    letter: str
    plan_letter: str
    sample_size: int
    accept: int
    reject: int
    full_inspection: bool
    counts: Literal["units", "nonconformities"]


def sampling_plan(lot_size: int, aql: float, level: Level = "II", severity: Severity = Severity.NORMAL) -> SamplingPlan:
    """The plan for one lot.

    Parameters
    ----------
    lot_size
        2 to :data:`LOT_MAX` parts.
    aql
        One of :data:`AQLS`.

    Raises
    ------
    LotSizeError, AqlUnknownError

    Examples
    --------
    >>> plan = sampling_plan(1000, 1.0)
    >>> plan.letter, plan.sample_size, plan.accept, plan.reject
    ('J', 80, 2, 3)
    >>> sampling_plan(20, 0.65).full_inspection  # an arrow leads to 20 parts
    True
    """
    letter = code_letter(lot_size, level)
    plan_letter, size, accept = _resolved(_LETTERS.index(letter), aql_position(aql), severity)
    return SamplingPlan(
        lot_size=lot_size,
        level=level,
        aql=AQLS[aql_position(aql)],
        severity=severity,
        letter=letter,
        plan_letter=plan_letter,
        sample_size=min(size, lot_size),
        accept=accept,
        reject=accept + 1,
        full_inspection=size >= lot_size,
        counts="units" if aql <= AQL_PERCENT_MAX else "nonconformities",
    )


def code_letter(lot_size: int, level: Level) -> str:
    """The sample size code letter (Table 1).

    >>> code_letter(1000, "II"), code_letter(2, "III"), code_letter(1_000_000, "S-3")
    ('J', 'B', 'H')
    """
    if not 2 <= lot_size <= LOT_MAX:
        raise LotSizeError(value=lot_size, limit=LOT_MAX)
    letters = next(letters for largest, letters in _LOTS if lot_size <= largest)
    return letters[LEVELS.index(level)]


def aql_position(aql: float) -> int:
    """Where in :data:`AQLS` a value stands.

    Raises
    ------
    AqlUnknownError
    """
    for position, known in enumerate(AQLS):
        if math.isclose(aql, known, rel_tol=1e-9):
            return position
    nearest = min(AQLS, key=lambda known: abs(math.log(known / aql))) if 0 < aql < math.inf else AQLS[0]
    raise AqlUnknownError(value=aql, nearest=nearest)


def plan_of_letter(letter: str, aql: float, severity: Severity) -> tuple[str, int, int]:
    """A cell of tables 2-A, 2-B, 2-C with its arrow followed: plan letter, sample size, acceptance number.

    >>> plan_of_letter("F", 1.5, Severity.NORMAL), plan_of_letter("K", 1.0, Severity.REDUCED)
    (('G', 32, 1), ('K', 50, 2))
    """
    return _resolved(_LETTERS.index(letter), aql_position(aql), severity)


def tighter_accept(plan: SamplingPlan) -> int | None:
    """The acceptance number had the AQL been one step tighter, with the same sample; ``None`` for the tightest.

    >>> tighter_accept(sampling_plan(1000, 1.0))
    1
    """
    position = aql_position(plan.aql)
    if position == 0:
        return None
    return _cell(_LETTERS.index(plan.plan_letter), position - 1, plan.severity)


def accepts(plan: SamplingPlan, nonconforming: int) -> bool:
    """Whether a lot passes with so many nonconforming in its sample.

    Raises
    ------
    LotCountError
        A negative count, or more nonconforming units than were inspected.
    """
    too_many = plan.counts == "units" and nonconforming > plan.sample_size
    if nonconforming < 0 or too_many:
        raise LotCountError(found=nonconforming, inspected=plan.sample_size)
    return nonconforming <= plan.accept


def acceptance_probability(sample_size: int, accept: int, share: float) -> float:
    """The operating characteristic: the chance that a lot with this share of nonconforming units passes (binomial).

    Exact for units from a running process; for one finite lot a little pessimistic about good lots.

    >>> round(acceptance_probability(80, 2, 0.01), 4)
    0.9534
    """
    _check_share(share)
    if accept >= sample_size:
        return 1.0
    return incomplete_beta(sample_size - accept, accept + 1, 1.0 - share)


def acceptance_probability_of_nonconformities(sample_size: int, accept: int, per_unit: float) -> float:
    """The same where nonconformities are counted, ``per_unit`` of them on average (Poisson).

    >>> round(acceptance_probability_of_nonconformities(5, 2, 0.15), 4)
    0.9595
    """
    if not 0.0 <= per_unit < math.inf:
        raise LotQualityError(value=per_unit)
    return 1.0 - incomplete_gamma(accept + 1.0, sample_size * per_unit)


def average_outgoing_quality(plan: SamplingPlan, share: float) -> float:
    """The share of nonconforming units after inspection, where rejected lots are sorted and what is found replaced.

    >>> round(average_outgoing_quality(sampling_plan(1000, 1.0), 0.02), 5)
    0.01443
    """
    if plan.full_inspection:
        return 0.0
    passed = acceptance_probability(plan.sample_size, plan.accept, share)
    return share * passed * (plan.lot_size - plan.sample_size) / plan.lot_size


def drawn_positions(plan: SamplingPlan, seed: str, lot: str) -> tuple[int, ...]:
    """Which parts of the lot to inspect: positions from 1 in the order of production, ascending.

    Anyone can draw them again: count k from 0; take the first eight bytes of SHA-256 over the UTF-8 text
    ``seed|lot|lot size|k`` as a number, most significant byte first; pass over it if it is not below the largest
    multiple of the lot size within 2⁶⁴; its remainder by the lot size, plus 1, is a position; pass over one drawn
    before; stop at the sample size. The seed must not be known while the lot is made: a checkpoint of the log that is
    issued after it, say.

    >>> drawn_positions(sampling_plan(26, 6.5), "checkpoint 7", "lot 3")
    (2, 7, 12, 13, 18, 20, 23, 26)
    """
    if plan.full_inspection:
        return tuple(range(1, plan.lot_size + 1))
    bound = 2**64 - 2**64 % plan.lot_size
    drawn: set[int] = set()
    count = 0
    while len(drawn) < plan.sample_size:
        digest = hashlib.sha256(f"{seed}|{lot}|{plan.lot_size}|{count}".encode()).digest()
        number = int.from_bytes(digest[:8], "big")
        if number < bound:
            drawn.add(1 + number % plan.lot_size)
        count += 1
    return tuple(sorted(drawn))


def _cell(letter: int, aql: int, severity: Severity) -> int | None:
    """The acceptance number printed in a cell; ``None`` for an arrow."""
    diagonal = letter + aql
    if _LETTERS[letter] == "S":
        return 1 if severity is Severity.TIGHTENED and AQLS[aql] == 0.025 else None
    if severity is Severity.REDUCED and letter < 2 and diagonal > 16:
        # Both letters, column for column.
        return _REDUCED_PAIR.get(aql)
    if diagonal > _LAST_COMMON and letter >= _LETTERS_BEYOND:
        return None
    return _ACCEPT[severity].get(diagonal)


def _resolved(letter: int, aql: int, severity: Severity) -> tuple[str, int, int]:
    sizes = _REDUCED_SIZES if severity is Severity.REDUCED else _SIZES
    here = _cell(letter, aql, severity)
    if here is not None:
        return _LETTERS[letter], sizes[letter], here
    upwards = letter + aql == _UPWARDS.get(severity) or letter + aql > _LAST_ARROW
    smaller, larger = range(letter - 1, -1, -1), range(letter + 1, len(sizes))
    # An arrow at the edge of the table has one way to go.
    for other in (*smaller, *larger) if upwards else (*larger, *smaller):
        found = _cell(other, aql, severity)
        if found is not None:
            return _LETTERS[other], sizes[other], found
    raise AssertionError("every column of the tables holds a plan")


def _check_share(share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise LotQualityError(value=share)
