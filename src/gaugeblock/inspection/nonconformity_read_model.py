"""Nonconformities as pages and API show them."""

from __future__ import annotations

import msgspec

from gaugeblock.inspection.nonconformity_lifecycle import Missing, Severity
from gaugeblock.plant.nonconformity_facets import StepStatement

PAGE = 40


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step as it was stated; ``index`` is its record. ``in_force`` is false for a closure that closed nothing."""

    index: int
    author: str
    stated_at: str
    statement: StepStatement
    in_force: bool = True


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """A person's review of a unit."""

    index: int
    person: str
    decision: str
    role: str
    defects: tuple[str, ...]
    note: str


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit with what is known of it; ``passed_again_index`` is a later OK verdict, after rework say."""

    unit: str
    verdict_index: int
    image_sha256: str | None
    belongs: bool
    good_index: int | None
    disposition: str | None
    disposition_index: int | None
    passed_again_index: int | None
    opinions: tuple[Opinion, ...]
    failures: int


class Nonconformity(msgspec.Struct, frozen=True, kw_only=True):
    """A nonconformity in one line.

    Parameters
    ----------
    units, open_units
        That belong to it; of those, without a disposition.
    stage
        What comes next: a step's name, or ``closed``. Words: ``inspection.nonconformity.stage.<value>``.
    due, responsible
        Of the corrective action, while it is not verified.
    overdue
        Whether ``due`` has passed.
    """

    nonconformity: str
    index: int
    author: str
    opened_at: str
    product: str
    station: str
    order: str
    defect: str
    severity: Severity
    text: str
    verdict_index: int | None
    review_index: int | None
    units: int
    open_units: int
    left_units: int
    stage: str
    closed: bool
    missing: tuple[Missing, ...]
    due: str | None
    responsible: str
    overdue: bool


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A nonconformity with everything: units in the order in which they joined, steps in the order of the log.

    ``kinds`` are the kinds of defect that people named, with the number of units.
    """

    head: Nonconformity
    units: tuple[Unit, ...]
    kinds: dict[str, int]
    steps: tuple[Step, ...]
    closed_index: int | None
    effective: bool | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that was found nonconforming, and by which record; ``defect`` is empty while nobody has named it."""

    index: int
    verdict_index: int
    review_index: int | None
    unit: str | None
    product: str
    station: str
    order: str
    defect: str
