"""The two image sets and how they are split: read from ../shared, never copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.harness import SHARED
from gaugeblock.vision.decode import decode

MTD = SHARED / "data" / "mtd"
CASTING = SHARED / "data" / "casting"
GROUPS = SHARED / "conformance" / "vision" / "mtd_groups.json"


class Photographs:
    """Image files, decoded when asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return decode(self.paths[index].read_bytes())


@dataclass(frozen=True)
class Split:
    """Good parts to train on with their groups, and the parts to test on."""

    train: list[Path]
    groups: list[int] | None
    good: list[Path]
    defective: list[Path]


@cache
def _mtd() -> tuple[dict[str, int], list[list[int]], frozenset[str]]:
    content = json.loads(GROUPS.read_text())
    return content["images"], content["folds"], frozenset(content["contested"])


def mtd_fold(fold: int) -> Split:
    """The protocol written in mtd_groups.json: contested images are left out of both sides."""
    images, folds, contested = _mtd()
    inside = set(folds[fold])
    names = sorted(n for n in images if n not in contested)
    free = [n for n in names if n.startswith("MT_Free/")]
    train = [n for n in free if images[n] not in inside]
    return Split(
        train=[MTD / n for n in train],
        groups=[images[n] for n in train],
        good=[MTD / n for n in free if images[n] in inside],
        defective=[MTD / n for n in names if not n.startswith("MT_Free/") and images[n] in inside],
    )


def mtd_random(seed: int) -> Split:
    """80 % of all good photographs to train on, the rest and all defects to test: as papers split it."""
    images, _, _ = _mtd()
    free = sorted(n for n in images if n.startswith("MT_Free/"))
    order = np.random.default_rng(seed).permutation(len(free))
    cut = len(free) * 4 // 5
    return Split(
        train=[MTD / free[i] for i in sorted(order[:cut])],
        groups=None,
        good=[MTD / free[i] for i in sorted(order[cut:])],
        defective=[MTD / n for n in sorted(images) if not n.startswith("MT_Free/")],
    )


def casting() -> Split:
    """As published: 400 good to train, 262 good and 453 defective to test."""
    return Split(
        train=sorted((CASTING / "train" / "ok_front").glob("*.jpeg")),
        groups=None,
        good=sorted((CASTING / "test" / "ok_front").glob("*.jpeg")),
        defective=sorted((CASTING / "test" / "def_front").glob("*.jpeg")),
    )
