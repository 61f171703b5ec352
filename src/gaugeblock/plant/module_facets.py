"""Facets of the life of an inspection module: trained, compared, released by a person, rolled back."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet, Verdict

# ── inspection.module: an inspector was put in service ────────────────────────────────────────────────────


class ModuleSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The module and the product it inspects."""

    module_sha256: str
    product: str | None = None
    station: str | None = None


class ModuleStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Its operating point: threshold and the bound it was chosen with."""

    threshold: float
    overkill_target: float
    overkill_upper_bound: float
    confidence: float
    good_parts_held_out: int


class ModuleInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Digests of what the module consists of, and of the training images' list."""

    network_sha256: str
    bank_sha256: str
    training_sha256: str | None = None


# ── inspection.candidate: a training has made a module that nobody has released yet ───────────────────────


class CandidateStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What it was trained on, and its operating point.

    Parameters
    ----------
    good, defective, left_out
        Parts used and left out.
    groups, groups_source
        How many groups the held-out figures keep apart, and who says which parts belong together.
    threshold, review_from
        Dimensionless.
    escape_held_out, overkill_held_out
        Shares on held-out parts, where they are known.
    quantised
        Whether the network is int8.
    source
        A training, or another operating point for the network and bank of a module that is there.
    requested_by
        The person who asked for it, as an entity: ``person:li.wei``.
    held_out_seed
        By which groups were held out of the training, so that comparisons can use them.
    contradictions
        Images left out because people contradict each other about them.
    """

    good: int
    defective: int
    left_out: int
    groups: int
    groups_source: Literal["given", "near_duplicates"]
    threshold: float
    review_from: float
    overkill_held_out: float
    escape_held_out: float | None = None
    quantised: bool = False
    source: Literal["training", "operating_point"] = "training"
    requested_by: str = ""
    held_out_seed: int = 1
    contradictions: int = 0


class CandidateInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Digests (SHA-256, hex); ``predecessor_sha256`` is the module in service when it was trained."""

    network_sha256: str
    bank_sha256: str
    training_sha256: str
    operating_point_sha256: str
    predecessor_sha256: str | None = None


# ── inspection.shadow: what a candidate says of a unit that the module in service has judged ──────────────


class ShadowSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The verdict it stands beside, by its index in the log."""

    station: str
    verdict_index: int
    unit: str | None = None
    product: str | None = None


class ShadowStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the candidate would have answered; nobody acted on it."""

    verdict: Verdict
    reason: str | None = None


class ShadowInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Digests (SHA-256, hex) of the image and of the candidate."""

    module_sha256: str
    image_sha256: str


# ── inspection.comparison: a candidate beside the module in service, on the same parts ────────────────────


class ComparisonSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Both modules by digest."""

    candidate_sha256: str
    in_service_sha256: str
    station: str
    product: str | None = None


class CriterionResult(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One criterion: its name (a key of the catalogue), and the figures it was decided by.

    ``not_tested``: there was nothing to test it on, which is not the same as passed.
    """

    name: str
    state: Literal["passed", "failed", "not_tested"]
    candidate: float | None = None
    in_service: float | None = None
    limit: float | None = None


class ComparisonStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``passed`` where no criterion failed; ``failed`` names those that did (keys of the catalogue)."""

    passed: bool
    failed: tuple[str, ...] = ()
    criteria: tuple[CriterionResult, ...] = ()


class SetComparison(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Both modules on one set of parts: how many of the good they reject, and of the defective they pass.

    Whatever is not OK counts as rejected. ``agree`` of ``of`` parts, those of unknown condition too, got the same
    answer; ``only_candidate_right`` and ``only_in_service_right`` count the others whose condition is known.
    """

    name: Literal["held_out", "challenge", "shadow"]
    good: int
    defective: int
    overkill_candidate: int
    overkill_in_service: int
    escape_candidate: int
    escape_in_service: int
    agree: int
    of: int
    only_candidate_right: int = 0
    only_in_service_right: int = 0


class ComparisonMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The sets; ``missing`` counts parts whose image is gone or unreadable and that no set therefore holds."""

    sets: tuple[SetComparison, ...]
    missing: int = 0


# ── inspection.release: a person puts a module in service, or goes back to an earlier one ─────────────────


class ReleaseStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``comparison_index`` is the record on which the decision rests; without one, ``reason`` says why not.

    ``trained_by`` repeats who asked for the candidate, so that one record shows whether two people were involved.
    """

    action: Literal["release", "rollback", "reject"]
    predecessor_sha256: str | None = None
    comparison_index: int | None = None
    reason: str = ""
    trained_by: str = ""
