"""A lot presented for acceptance: which of its units are the sample, and what is decided about it. Pure.

Where the station sees every unit of the order, the sample is drawn when the lot is complete, with a seed that nobody
could know before: it is taken from the record of the lot's last unit, the digest of its photograph, and the lot's
opening. Where the station sees the sample only, it is drawn when the lot is presented, and the first units of the
order that the station sees are taken for it: that they were drawn as told rests with whoever brought them.

A unit of the sample counts as what people settled it to be. An OK that nobody reviewed is conforming; a NOK or
UNDECIDED waits for a person, because a machine's overkill must not reject a lot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from gaugeblock.inspection.sampling_plan import SamplingPlan, acceptance_probability, drawn_positions
from gaugeblock.plant.facet import Verdict

SEED_BITS = 48
OC_POINTS = 61

Settled = Literal["good", "defective"]


class LotOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as it was presented; ``index`` is the record."""

    index: int
    lot: str
    product: str
    order: str
    lot_size: int
    inspected: Literal["all", "sample"]
    resubmitted: bool
    author: str
    stated_at: str


class SeenUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of the order at its first verdict since the lot counts."""

    unit: str
    verdict_index: int
    verdict: Verdict
    observed_at: str
    image_sha256: str | None


class SampleUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of the sample; ``conforming`` is ``None`` while a person has to decide."""

    position: int | None
    unit: str
    verdict_index: int
    verdict: Verdict
    conforming: bool | None
    reviewed: bool


class LotProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a lot is.

    Parameters
    ----------
    state
        ``filling``: units are missing; ``reviewing``: the sample waits for people; ``ready``: it can be decided.
    seen
        Units of the order so far, at most as many as count.
    positions
        Of the sample in the order of production; ``None`` before it is drawn.
    drawn_from
        The record from which the seed was taken.
    """

    state: Literal["filling", "reviewing", "ready"]
    plan: SamplingPlan
    seen: int
    needed: int
    seed: int | None
    drawn_from: int | None
    positions: tuple[int, ...] | None
    sample: tuple[SampleUnit, ...]

    @property
    def nonconforming(self) -> int:
        """Of the sample, so far."""
        return sum(unit.conforming is False for unit in self.sample)

    @property
    def waiting(self) -> list[SampleUnit]:
        """Units that a person has to decide."""
        return [unit for unit in self.sample if unit.conforming is None]


def lot_seed(*facts: object) -> int:
    """A seed from facts of the log: the first 48 bits of SHA-256 over them, joined by ``|``.

    >>> lot_seed(7, "2026-11-22T05:00:00.000000Z") == lot_seed(7, "2026-11-22T05:00:00.000000Z")
    True
    """
    digest = hashlib.sha256("|".join(str(fact) for fact in facts).encode()).digest()
    return int.from_bytes(digest[: SEED_BITS // 8], "big")


def lot_progress(
    opened: LotOpened, plan: SamplingPlan, units: Sequence[SeenUnit], settled: Mapping[int, Settled | None]
) -> LotProgress:
    """How far a lot is.

    Parameters
    ----------
    plan
        In force when it was drawn.
    units
        Of the order, by first verdict; more than the lot's size are passed over.
    settled
        What people made of verdicts, by index; absent where nobody has looked, ``None`` where they do not agree.
    """
    whole = opened.inspected == "all"
    needed = opened.lot_size if whole else plan.sample_size
    seen = list(units[:needed])
    if whole and len(seen) < needed:
        return LotProgress(
            state="filling",
            plan=plan,
            seen=len(seen),
            needed=needed,
            seed=None,
            drawn_from=None,
            positions=None,
            sample=(),
        )
    if whole:
        last = seen[-1]
        # Where the lot was complete before it was presented, its last photograph was known to whoever presented it.
        drawn_from = max(last.verdict_index, opened.index)
        facts = (last.verdict_index, last.observed_at, last.image_sha256 or "")
        seed = lot_seed(*facts, opened.index, opened.stated_at)
    else:
        drawn_from = opened.index
        seed = lot_seed(opened.index, opened.stated_at)
    positions = drawn_positions(plan, str(seed), opened.lot)
    if whole:
        sample = tuple(_sampled(position, seen[position - 1], settled) for position in positions)
    else:
        sample = tuple(_sampled(None, unit, settled) for unit in seen)
    filling = len(sample) < plan.sample_size
    waiting = any(unit.conforming is None for unit in sample)
    return LotProgress(
        state="filling" if filling else "reviewing" if waiting else "ready",
        plan=plan,
        seen=len(seen),
        needed=needed,
        seed=seed,
        drawn_from=drawn_from,
        positions=positions,
        sample=sample,
    )


def _sampled(position: int | None, unit: SeenUnit, settled: Mapping[int, Settled | None]) -> SampleUnit:
    reviewed = unit.verdict_index in settled
    answer = settled.get(unit.verdict_index)
    conforming = answer == "good" if answer is not None else None
    if not reviewed and unit.verdict is Verdict.OK:
        conforming = True
    return SampleUnit(
        position=position,
        unit=unit.unit,
        verdict_index=unit.verdict_index,
        verdict=unit.verdict,
        conforming=conforming,
        reviewed=reviewed,
    )


def operating_characteristic(plan: SamplingPlan) -> list[tuple[float, float]]:
    """Points (share nonconforming, chance of acceptance) of the plan's curve, to where 1 % would still be accepted.

    >>> from gaugeblock.inspection.sampling_plan import sampling_plan
    >>> points = operating_characteristic(sampling_plan(1000, 1.0))
    >>> points[0], len(points)
    ((0.0, 1.0), 61)
    """
    end = 1.0
    while end > 1e-4 and acceptance_probability(plan.sample_size, plan.accept, end / 1.25) < 0.01:
        end /= 1.25
    shares = [end * step / (OC_POINTS - 1) for step in range(OC_POINTS)]
    return [(share, acceptance_probability(plan.sample_size, plan.accept, share)) for share in shares]
