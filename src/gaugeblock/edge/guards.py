"""The guards: what must hold before a station may say OK.

A guard is a pure question about facts that were collected while the trigger was handled. Each has a name, which
goes into the record when it passed; ``edge.guard_<name>`` is the reason of UNDECIDED when it failed. Guards never
turn a rejection into an acceptance: failing one only ever takes an OK (or a NOK) away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gaugeblock.edge.ports import ModuleFacts, PixelFacts
from gaugeblock.plant.record_types import Verdict

DARKEST_MEAN = 4.0
BRIGHTEST_MEAN = 251.0
FLATTEST_DEVIATION = 1.0


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """All that the guards may look at.

    Parameters
    ----------
    verdict, score, threshold
        What inference answered (score and threshold dimensionless).
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


def _finite(f: GuardFacts) -> bool:
    return (
        f.score is not None
        and f.threshold is not None
        and math.isfinite(f.score)
        and math.isfinite(f.threshold)
        and f.threshold > 0
    )


def _consistent(f: GuardFacts) -> bool:
    # A verdict that contradicts its own score would be a fault in transit or in the module.
    if not _finite(f) or f.score is None or f.threshold is None:
        return False
    return f.verdict is (Verdict.OK if f.score <= f.threshold else Verdict.NOK)


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
    ("score_finite", _finite),
    ("verdict_consistent", _consistent),
    ("in_time", _in_time),
    ("clock_noted", _clock),
)


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
    if reason is not None or facts.verdict is Verdict.UNDECIDED:
        first = f"edge.guard_{failed[0]}" if failed else "edge.inference_fault"
        return Judgement(Verdict.UNDECIDED, reason or first, passed)
    if failed:
        return Judgement(Verdict.UNDECIDED, f"edge.guard_{failed[0]}", passed)
    return Judgement(facts.verdict, None, passed)
