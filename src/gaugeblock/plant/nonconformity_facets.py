"""Facets of nonconforming output and corrective action (ISO 9001:2015, 8.7 and 10.2)."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet


class NonconformitySubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The nonconformity's number, and where it was found."""

    nonconformity: str
    product: str | None = None
    station: str | None = None
    order: str | None = None


class NonconformityStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is wrong. Later NOK units of the same product, station, order and kind of defect join it while it is open.

    ``defect`` is a code of the catalogue of defects, or ``None`` while nobody has said.
    """

    severity: Literal["critical", "major", "minor"]
    defect: str | None = None
    text: str = ""


class NonconformityInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The verdict that opened it, and the review where a person found it, by their indices in the log."""

    verdict_index: int | None = None
    review_index: int | None = None


class StepStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step of dealing with it.

    Parameters
    ----------
    step
        ``containment``; ``disposition`` of units (8.7.1); ``cause`` (10.2.1 b); ``corrective_action`` (10.2.1 c);
        ``effectiveness`` of it (10.2.1 d); ``prevention`` elsewhere (10.2.1 b 3, e, f); ``closure``; ``reopening``;
        ``note``.
    text
        What was done or found, 4,000 characters at most.
    disposition
        Of the units named; ``concession`` is use as it is, with the authority's name.
    units
        Serials; empty for all units of the nonconformity.
    authority
        Who decided, where that is not the author.
    responsible, due
        Of a corrective action; ``due`` is a date (ISO 8601).
    effective
        Of an effectiveness check.
    """

    step: Literal[
        "containment",
        "disposition",
        "cause",
        "corrective_action",
        "effectiveness",
        "prevention",
        "closure",
        "reopening",
        "note",
    ]
    text: str
    disposition: Literal["rework", "scrap", "concession", "return", "regrade", "sort"] | None = None
    units: tuple[str, ...] = ()
    authority: str = ""
    responsible: str = ""
    due: str | None = None
    effective: bool | None = None
