"""Facets of what people say of units, and of the catalogue of defects in which they say it."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet

Decision = Literal["good", "defective", "unsure", "withdrawn"]
Role = Literal["first", "second", "adjudication"]
Severity = Literal["critical", "major", "minor"]

# ── inspection.review: a person's decision about one unit ─────────────────────────────────────────────────


class ReviewSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The unit, and the verdict it was decided on by its index in the log."""

    station: str
    verdict_index: int
    unit: str | None = None
    product: str | None = None
    order: str | None = None


class ReviewStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The decision.

    Parameters
    ----------
    decision
        ``unsure`` leaves the question to somebody else; ``withdrawn`` takes back what the person said in this role.
    defects
        Codes of the catalogue of defects.
    role
        ``first`` opinion, ``second`` opinion given blind to the first, or ``adjudication`` of a disagreement.
    note
        Free text, 500 characters at most.
    """

    decision: Decision
    role: Role = "first"
    defects: tuple[str, ...] = ()
    note: str = ""


class ReviewProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``blind``: neither verdict, score, heat-map nor another's decision was shown. ``seconds`` on the screen."""

    blind: bool = False
    seconds: float | None = None


class ReviewInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SHA-256 (hex) of the image that the person saw."""

    image_sha256: str | None = None


# ── inspection.catalogue: the kinds of defect, whole, each time they change ───────────────────────────────


class CatalogueSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """For one product, or for all that have none of their own."""

    product: str | None = None


class DefectKind(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A kind of defect; ``code`` never changes its meaning. ``severity`` after ISO 2859-1 practice."""

    code: str
    zh: str
    en: str
    severity: Severity = "major"
    active: bool = True


class CatalogueStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All kinds, in the order in which they are offered."""

    kinds: tuple[DefectKind, ...]
