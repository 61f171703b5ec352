"""Which images a training uses, which it leaves out, and which are kept for comparing what comes out of it.

Parts that belong together (a unit, a lot) are a **group** and stay together: a whole group is either trained on or held
out. Which, follows from its name and the plant's seed alone, so that every training of the plant holds out the same
groups and later modules can be compared on parts that none of them has seen.

An image, or a unit, about which decisions contradict each other teaches nothing. It is left out and named: a unit may
honestly change between two looks, but then somebody has to say which look counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from gaugeblock.inspection.module_errors import TrainingTooManyError

HELD_OUT_SHARE = 0.2
HELD_OUT_SEED = 1
IMAGES_MAX = 200_000
NAMED_MAX = 100

Condition = Literal["good", "defective"]


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody says of an image.

    Parameters
    ----------
    verdict_index
        The verdict about the image, by its index in the log.
    image_sha256
        The image.
    condition, defects
        As decided.
    group
        What the image must not be separated from: its lot, unit or day (see ``part_groups``).
    unit
        For people to find it.
    sure
        ``False`` for a part that the station passed and nobody has looked at: good by presumption only. It may be
        trained on and is never used to compare.
    """

    verdict_index: int
    image_sha256: str
    condition: Condition
    group: str
    unit: str | None = None
    defects: tuple[str, ...] = ()
    sure: bool = True


class Contradiction(msgspec.Struct, frozen=True):
    """An image, or a unit with several, that is called good and defective, with the verdicts about it.

    ``by`` says whether the decisions are about one image or about different images of one unit.
    """

    by: Literal["image", "unit"]
    key: str
    units: tuple[str, ...]
    verdict_indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Labels by use; each image once, in the order of its first verdict."""

    good: tuple[Label, ...]
    defective: tuple[Label, ...]
    held_out: tuple[Label, ...]
    contradictions: tuple[Contradiction, ...]

    @property
    def groups(self) -> int:
        """Groups among the good and the defective ones."""
        return len({label.group for label in (*self.good, *self.defective)})

    @property
    def presumed(self) -> int:
        """Good ones that nobody has looked at."""
        return sum(not label.sure for label in self.good)


def held_out(group: str, seed: int = HELD_OUT_SEED, share: float = HELD_OUT_SHARE) -> bool:
    """Whether a group is kept from all trainings: SHA-256 of seed and name, read as a fraction, is below ``share``.

    >>> sum(held_out(f"unit:{n}") for n in range(1000))
    215
    """
    digest = hashlib.sha256(f"{seed}\x00{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def training_set(
    labels: Iterable[Label], presumed_good: Iterable[Label] = (), *, seed: int = HELD_OUT_SEED
) -> TrainingSet:
    """Sort labels by use.

    Parameters
    ----------
    labels
        Decisions. One image may have several; they must agree.
    presumed_good
        Parts that were passed and not overruled; a decision about the same image comes before.

    Raises
    ------
    TrainingTooManyError

    Examples
    --------
    >>> twice = [Label(1, "a" * 64, "good", "g1"), Label(2, "a" * 64, "defective", "g1")]
    >>> chosen = training_set([*twice, Label(3, "b" * 64, "good", "g2")])
    >>> len(chosen.contradictions), [label.verdict_index for label in (*chosen.good, *chosen.held_out)]
    (1, [3])
    """
    said: dict[str, list[Label]] = {}
    for label in labels:
        said.setdefault(label.image_sha256, []).append(label)
        _bound(len(said))
    contradictions = [_contradiction("image", sha256, of) for sha256, of in said.items() if _contradict(of)]
    left_out = {each.key for each in contradictions}
    chosen = [of[0] for sha256, of in said.items() if sha256 not in left_out]
    by_unit: dict[str, list[Label]] = {}
    for label in chosen:
        if label.unit:
            by_unit.setdefault(label.unit, []).append(label)
    units = [_contradiction("unit", unit, of) for unit, of in by_unit.items() if _contradict(of)]
    disputed = {each.key for each in units}
    contradictions += units
    chosen = [label for label in chosen if label.unit not in disputed]
    for label in presumed_good:
        if label.image_sha256 not in said and label.unit not in disputed:
            said[label.image_sha256] = [label]
            _bound(len(said))
            chosen.append(label)
    chosen.sort(key=lambda label: (label.verdict_index, label.image_sha256))
    kept = [label for label in chosen if held_out(label.group, seed)]
    used = [label for label in chosen if not held_out(label.group, seed)]
    return TrainingSet(
        good=tuple(label for label in used if label.condition == "good"),
        defective=tuple(label for label in used if label.condition == "defective"),
        held_out=tuple(label for label in kept if label.sure),
        contradictions=tuple(sorted(contradictions, key=lambda each: each.verdict_indices)),
    )


def _contradict(said: Sequence[Label]) -> bool:
    return len({label.condition for label in said}) > 1


def _contradiction(by: Literal["image", "unit"], key: str, said: Sequence[Label]) -> Contradiction:
    units = dict.fromkeys(label.unit for label in said if label.unit)
    return Contradiction(by, key, tuple(units), tuple(sorted({label.verdict_index for label in said})))


def _bound(found: int) -> None:
    if found > IMAGES_MAX:
        raise TrainingTooManyError(found=found, limit=IMAGES_MAX)
