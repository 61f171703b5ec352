"""Facets of what keeps a station honest: challenge parts, alarms of the watch, sampling, retention, studies."""

from __future__ import annotations

from typing import Literal

from gaugeblock.plant.facet import Facet, Verdict

# ── inspection.challenge_set: which parts a station must judge rightly before it may judge others ─────────


class ChallengeSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The station, and the product where the parts are for one only."""

    station: str
    product: str | None = None


class ChallengePart(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of known condition. Its ``unit`` is what the PLC reads from it, by which the station knows it."""

    unit: str
    condition: Literal["good", "defective"]
    defects: tuple[str, ...] = ()


class ChallengeSetStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The parts, and when they are due: at each shift, changeover of product, and change of module.

    ``valid_h`` is the longest time for which a passed challenge counts.
    """

    parts: tuple[ChallengePart, ...]
    each_shift: bool = True
    each_changeover: bool = True
    valid_h: float = 12.0


# ── inspection.challenge: a station's account of one challenge ────────────────────────────────────────────


class ChallengeStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``due``: from here on the station answers UNDECIDED. ``passed``: it judges again. ``failed``: it does not."""

    state: Literal["due", "passed", "failed"]
    cause: Literal["start", "shift", "changeover", "module", "expired", "set", "failed"]


class ChallengeAnswer(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One part's verdict beside what it should be, and the verdict record's identity."""

    unit: str
    expected: Verdict
    verdict: Verdict
    identity: str


class ChallengeMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The answers so far."""

    answers: tuple[ChallengeAnswer, ...]


class ChallengeInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SHA-256 (hex) of the module that was tested, and of the set's canonical JSON."""

    module_sha256: str | None
    set_sha256: str


# ── inspection.alarm: a control chart has signalled, or a person has seen to it ───────────────────────────

Chart = Literal["light", "contrast", "focus", "position", "feature", "score"]


class AlarmSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Station and chart."""

    station: str
    chart: Chart
    product: str | None = None


class AlarmStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``raised`` and ``cleared`` by the server, ``acknowledged`` by a person with a note.

    ``raised_index`` is the record that raised it, where this one ends or acknowledges it. ``new_baseline``: the
    set-up was changed on purpose, and all charts of the station begin anew.
    """

    state: Literal["raised", "cleared", "acknowledged"]
    direction: Literal["up", "down"] | None = None
    note: str = ""
    raised_index: int | None = None
    new_baseline: bool = False


class AlarmMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The chart at the alarm: EWMA, centre and limit in the unit of what is charted; where the change began."""

    ewma: float
    centre: float
    limit: float
    sigma: float
    verdict_index: int
    since_index: int | None = None


class AlarmInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SHA-256 (hex) of a typical image of the time before, and of the image at the alarm."""

    before_sha256: str | None = None
    now_sha256: str | None = None


# ── inspection.sampling_plan and inspection.lot (ISO 2859-1) ──────────────────────────────────────────────


class SamplingSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The product, and the station where its lots are inspected."""

    product: str
    station: str | None = None


class SamplingPlanStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Level and AQL (per cent nonconforming); a plan that is not ``active`` ends sampling for the product.

    ``resumes`` takes up sampling again after it was discontinued (ISO 2859-1, 9.4): the supplier has acted, and who
    states this has the authority.
    """

    level: Literal["I", "II", "III", "S-1", "S-2", "S-3", "S-4"]
    aql: str
    steady_production: bool = False
    reduced_allowed: bool = False
    active: bool = True
    resumes: bool = False


class LotSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A lot of a product; the station's units of this order where ``order`` is given."""

    lot: str
    product: str
    order: str | None = None


class LotOpenedStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A lot is presented for acceptance.

    Parameters
    ----------
    lot_size
        Units in the lot.
    inspected
        ``all``: the station sees every unit of the order, and a sample of them counts; ``sample``: it sees only the
        units drawn.
    resubmitted
        Presented again after it was rejected: judged, but without weight for switching.
    """

    lot_size: int
    inspected: Literal["all", "sample"] = "all"
    resubmitted: bool = False


class LotStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The decision about a lot, and under which severity of inspection it was made."""

    decision: Literal["accepted", "rejected"]
    severity: Literal["normal", "tightened", "reduced"]
    next_severity: Literal["normal", "tightened", "reduced", "discontinued"]
    resubmitted: bool = False


class LotMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Sizes and numbers of units; code letter and acceptance number of the plan."""

    lot_size: int
    sample_size: int
    nonconforming: int
    acceptance_number: int
    code_letter: str
    aql: str
    level: str


class LotInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The verdicts of the sample, by their indices in the log, the seed that drew it, and the lot's opening."""

    verdict_indices: tuple[int, ...]
    seed: int
    opened_index: int


# ── retention.deletion: what was deleted, by digest, and under which rule ────────────────────────────────


class DeletionSubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The class of the images: ``good`` (not in the sample kept) or ``undecided`` (and never reviewed)."""

    retention_class: Literal["good", "undecided"]


class DeletedImage(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One image by its SHA-256 (hex), the verdict it belongs to, its heat-map, and what is kept of it instead."""

    image_sha256: str
    verdict_index: int
    size_bytes: int
    heatmap_sha256: str | None = None
    thumbnail_sha256: str | None = None


class DeletionStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was deleted, 100 images at most a record, and how many bytes in all, heat-maps included."""

    images: tuple[DeletedImage, ...]
    size_bytes: int


class DeletionProcess(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The rule as it was in force: SHA-256 of its canonical JSON, and what it said."""

    rule_sha256: str
    kept_days: float
    kept_share: float
    seed: int


# ── inspection.agreement_study: measurement-system analysis with the station as an appraiser ──────────────


class StudySubject(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The study's name, and which station and product it is about."""

    study: str
    station: str
    product: str | None = None


class StudyStatement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The conclusion (AIAG MSA), and the warnings about the study itself (keys of the catalogue)."""

    conclusion: Literal["acceptable", "marginal", "unacceptable", "unknown"]
    warnings: tuple[str, ...] = ()


class StudyMeasurement(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of the station: shares with 95 % intervals (value, low, high), Cohen's kappa against the reference, sizes.

    ``gauge_rr_percent`` is the gauge's share of the total deviation of the score, where scores were given.
    """

    parts: int
    trials: int
    appraisers: int
    effectiveness: tuple[float, float, float]
    miss_rate: tuple[float, float, float] | None = None
    false_alarm_rate: tuple[float, float, float] | None = None
    kappa: tuple[float, float, float] | None = None
    fleiss_kappa: tuple[float, float, float] | None = None
    gauge_rr_percent: float | None = None


class StudyInputs(Facet, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SHA-256 (hex) of the table of decisions and of the whole result as JSON, both kept as blobs."""

    table_sha256: str
    result_sha256: str
    module_sha256: str | None = None
