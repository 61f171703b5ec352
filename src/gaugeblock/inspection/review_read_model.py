"""What the review pages, the API and training read: queue, second opinions, disagreements, agreement, labels."""

from __future__ import annotations

from typing import Literal

import msgspec

from gaugeblock.inspection.review_rules import Condition, Due, Opinion, Standing
from gaugeblock.plant.inspection_facets import DefectRegion
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.review_facets import DefectKind

QUEUE_LIMIT = 100
LABELS_LIMIT = 5_000

Kind = Literal["queue", "second", "disagreements"]
"""The three lists that people work off."""


class ReviewPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part for its first opinion: everything the station said of it. ``index`` is the verdict's record.

    ``peak_x`` and ``peak_y`` are fractions of the image's width and height.
    """

    index: int
    due: Due | None
    station: str
    unit: str | None
    product: str | None
    order: str | None
    verdict: Verdict
    reason: str | None
    score: float | None
    threshold: float | None
    review_from: float | None
    regions: tuple[DefectRegion, ...]
    observed_at: str
    image_sha256: str | None
    heatmap_sha256: str | None


class BlindPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part for its second opinion: which one, and its image. Nothing that anybody has said of it."""

    index: int
    station: str
    unit: str | None
    product: str | None
    image_sha256: str | None


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A part with opinions that differ, and all of them."""

    part: ReviewPart
    opinions: tuple[Opinion, ...]


class QueueFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which parts; ``after`` is the cursor: only verdicts with a larger index."""

    station: str | None = None
    product: str | None = None
    due: Due | None = None
    after: int = -1
    limit: int = 20


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How much work there is. ``oldest_at`` is when the oldest waiting part was inspected."""

    waiting: int
    by_reason: dict[Due, int]
    oldest_at: str | None
    second: int
    disputed: int
    stations: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class PersonAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decisions in counts, from which no single part can be told.

    Parameters
    ----------
    decided, unsure
        Opinions that stand, and those of them that left the question open.
    compared, agreed
        Parts with another person's opinion, both of them sure; and how many were the same.
    overturned
        Opinions that an adjudication set aside.
    referenced, missed, false_alarms
        Opinions about units of known condition: defective ones called good, good ones called defective.
    """

    person: str
    decided: int
    unsure: int
    compared: int
    agreed: int
    overturned: int
    referenced: int
    missed: int
    false_alarms: int


class ReviewedPart(msgspec.Struct, frozen=True, kw_only=True):
    """What the part's page shows of its reviews: every record, newest last, and where that leaves it."""

    verdict_index: int
    standing: Standing
    opinions: tuple[Opinion, ...]


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A training label: an image and the condition of its unit, from the record with ``source_index``.

    ``source`` is the reference, or else the review that settled it. ``observed_at`` (RFC 3339) is when the image was
    taken; with ``unit`` and ``order`` it tells which images resemble each other (see ``part_groups``).
    """

    verdict_index: int
    station: str
    product: str | None
    unit: str | None
    order: str | None
    observed_at: str
    image_sha256: str
    condition: Condition
    defects: tuple[str, ...]
    source: Literal["reference", "review"]
    source_index: int


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """The same image, or the same unit, with both conditions among the labels."""

    by: Literal["image", "unit"]
    key: str
    labels: tuple[Label, ...]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds of defect offered for a product. ``index`` is the record's, ``None`` for the built-in list."""

    product: str | None
    kinds: tuple[DefectKind, ...]
    index: int | None = None
    person: str | None = None

    @property
    def offered(self) -> tuple[DefectKind, ...]:
        """Those in use."""
        return tuple(kind for kind in self.kinds if kind.active)
