"""The guards: what must hold before a station may say OK.

A guard is a pure question about facts that were collected while the trigger was handled. Each has a name, which
goes into the record when it passed; ``edge.guard_<name>`` is the reason of UNDECIDED when it failed. Guards never
turn a rejection into an acceptance: failing one only ever takes an OK (or a NOK) away. Some have a reason of another
name (:data:`CODES`), because it is the fault, and not what was asked, that a person should read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gaugeblock.edge.ports import REVIEW_ZONE, ModuleFacts, PixelFacts
from gaugeblock.plant.record_types import Verdict

DARKEST_MEAN = 4.0
BRIGHTEST_MEAN = 251.0
FLATTEST_DEVIATION = 1.0


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """All that the guards may look at.

    Parameters
    ----------
    verdict, score, threshold, review_from
        What inference answered (all but the verdict dimensionless); without ``review_from`` there is no review zone.
    pixels
        The decoded frame; ``None`` where it could not be decoded.
    module, released_sha256
        The module that answered, and the digest that was released for this station.
    inspector
        What the inspector checked against its training images: ``size``, ``contrast``, ``exposure``.
    frame_sha256, previous_sha256
        Digests of this frame's bytes and of those of the trigger before.
    previous_known
        False for the first frame after triggers were missed: the camera may have shown it to one of those.
    now_ns, deadline_ns
        Monotonic clock when the guards are asked, and the last moment at which recording may begin.
    spool_error
        Code of the error for which the spool is not healthy, if any.
    clock_source
        ``synchronised``, ``local`` or ``unknown``; noted in the record, never a reason to reject.
    product
        What the PLC says the part is; ``None`` where it does not.
    frozen
        The picture is one that was shown before, whatever its bytes.
    passed_before
        A unit of this serial was passed a short while ago.
    challenge
        Code for which the challenge gate is closed to this part; ``None`` where it is open.
    """

    verdict: Verdict
    score: float | None
    threshold: float | None
    pixels: PixelFacts | None
    module: ModuleFacts | None
    released_sha256: str | None
    inspector: tuple[str, ...]
    frame_sha256: str | None
    previous_sha256: str | None
    previous_known: bool
    now_ns: int
    deadline_ns: int
    spool_error: str | None
    clock_source: str
    review_from: float | None = None
    product: str | None = None
    frozen: bool = False
    passed_before: bool = False
    challenge: str | None = None


def _module(f: GuardFacts) -> bool:
    return f.module is not None and f.released_sha256 is not None and f.module.module_sha256 == f.released_sha256


def _decoded(f: GuardFacts) -> bool:
    return f.pixels is not None


def _size(f: GuardFacts) -> bool:
    # Only the inspector knows the sizes it was trained on.
    return f.pixels is not None and "size" in f.inspector


def _exposed(f: GuardFacts) -> bool:
    return (
        f.pixels is not None
        and DARKEST_MEAN <= f.pixels.mean <= BRIGHTEST_MEAN
        and f.pixels.deviation >= FLATTEST_DEVIATION
        and "exposure" in f.inspector
        and "contrast" in f.inspector
    )


def _fresh(f: GuardFacts) -> bool:
    return f.previous_known and f.frame_sha256 is not None and f.frame_sha256 != f.previous_sha256


def _moving(f: GuardFacts) -> bool:
    return not f.frozen


def _product(f: GuardFacts) -> bool:
    trained = f.module.product if f.module is not None else None
    return f.product is None or trained is None or f.product == trained


def _unit(f: GuardFacts) -> bool:
    return not f.passed_before


def _challenge(f: GuardFacts) -> bool:
    return f.challenge is None


def _finite(f: GuardFacts) -> bool:
    return (
        f.score is not None
        and f.threshold is not None
        and math.isfinite(f.score)
        and math.isfinite(f.threshold)
        and f.threshold > 0
        and (f.review_from is None or math.isfinite(f.review_from))
    )


def verdict_of(score: float, threshold: float, review_from: float | None) -> Verdict:
    """The zone a score falls into: OK up to ``review_from``, UNDECIDED up to the threshold, NOK above.

    Written so that a score that is not a number is NOK.

    >>> [verdict_of(score, 1.0, 0.8).value for score in (0.8, 0.9, 1.0, 1.1)]
    ['OK', 'UNDECIDED', 'UNDECIDED', 'NOK']
    """
    if score <= (threshold if review_from is None else min(review_from, threshold)):
        return Verdict.OK
    return Verdict.UNDECIDED if score <= threshold else Verdict.NOK


def _consistent(f: GuardFacts) -> bool:
    # A verdict that contradicts its own score would be a fault in transit or in the module.
    if not _finite(f) or f.score is None or f.threshold is None:
        return False
    if f.review_from is not None and f.review_from > f.threshold:
        return False
    return f.verdict is verdict_of(f.score, f.threshold, f.review_from)


def _in_time(f: GuardFacts) -> bool:
    return f.now_ns <= f.deadline_ns


def _spool(f: GuardFacts) -> bool:
    return f.spool_error is None


def _clock(f: GuardFacts) -> bool:
    return f.clock_source in ("synchronised", "local", "unknown")


GUARDS: tuple[tuple[str, Callable[[GuardFacts], bool]], ...] = (
    ("spool_healthy", _spool),
    ("module_released", _module),
    ("frame_decoded", _decoded),
    ("frame_size", _size),
    ("frame_exposed", _exposed),
    ("frame_fresh", _fresh),
    ("frame_moving", _moving),
    ("product", _product),
    ("unit_not_passed_before", _unit),
    ("challenge", _challenge),
    ("score_finite", _finite),
    ("verdict_consistent", _consistent),
    ("in_time", _in_time),
    ("clock_noted", _clock),
)


CODES = {
    "frame_moving": "edge.guard_frame_frozen",
    "product": "edge.product_mismatch",
    "unit_not_passed_before": "edge.duplicate_unit",
    "challenge": "edge.challenge_due",
}
"""Reasons that are not called after their guard."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict after the guards, its reason when UNDECIDED, and the names of the guards that passed."""

    verdict: Verdict
    reason: str | None
    passed: tuple[str, ...]


def judge(facts: GuardFacts, reason: str | None = None) -> Judgement:
    """Ask every guard.

    Parameters
    ----------
    reason
        Why inference is UNDECIDED, where it is: it tells more than the guards that fail as a consequence.

    Examples
    --------
    >>> facts = GuardFacts(Verdict.OK, 0.5, 1.0, PixelFacts(64, 64, 120.0, 30.0), ModuleFacts("ab"), "ab",
    ...                    ("size", "contrast", "exposure"), "f1", "f0", True, 10, 20, None, "local")
    >>> judge(facts).verdict
    <Verdict.OK: 'OK'>
    >>> from dataclasses import replace
    >>> judge(replace(facts, previous_sha256="f1")).reason
    'edge.guard_frame_fresh'
    """
    failed = [name for name, holds in GUARDS if not holds(facts)]
    passed = tuple(name for name, _ in GUARDS if name not in failed)
    undecided = reason is not None or facts.verdict is Verdict.UNDECIDED
    # Whether a person should look is asked last: a part that was not judged at all is not a doubtful one.
    if undecided and reason != REVIEW_ZONE:
        return Judgement(
            Verdict.UNDECIDED, reason or (_code(failed[0], facts) if failed else "edge.inference_fault"), passed
        )
    if failed:
        return Judgement(Verdict.UNDECIDED, _code(failed[0], facts), passed)
    return Judgement(Verdict.UNDECIDED if undecided else facts.verdict, reason, passed)


def _code(guard: str, facts: GuardFacts) -> str:
    if guard == "challenge" and facts.challenge is not None:
        return facts.challenge
    return code_of(guard)


def code_of(guard: str) -> str:
    """Reason of UNDECIDED where this guard failed; the challenge gate gives its own.

    >>> code_of("frame_size"), code_of("product")
    ('edge.guard_frame_size', 'edge.product_mismatch')
    """
    return CODES.get(guard, f"edge.guard_{guard}")
