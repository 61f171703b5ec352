"""How long images are kept, by class: every defect, a seeded sample of the good, thumbnails and digests of the rest.

A record names its image by digest, so evidence verifies whether the image is kept or not; what is lost with the
image is the possibility to look again. Therefore kept for ever: images of NOK verdicts, of units that a reference or
a review calls defective, of everything that a person has reviewed, of challenge parts, and those that an alarm of
the watch points at. Of parts judged good that nobody questioned, a share drawn by seed is kept, so that anyone can
check that the sample was not chosen by what it shows.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from gaugeblock.inspection.review_rules import drawn
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import Purpose
from gaugeblock.plant.settings import Retention
from gaugeblock.plant.times import to_rfc3339

RetentionClass = Literal["good", "undecided"]
Keep = Literal["defect", "reviewed", "challenge", "alarm", "sample", "young"]
QUESTION = "retention"


class ImageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What decides about one image: the verdict it belongs to, and what became of the unit.

    Parameters
    ----------
    condition
        Of the unit, by reference or settled review.
    reviewed
        Somebody has given an opinion on it, or on another verdict of its unit.
    alarm
        An alarm of the watch shows it.
    """

    verdict_index: int
    verdict: Verdict
    observed_at: str
    purpose: Purpose
    condition: Literal["good", "defective"] | None
    reviewed: bool
    alarm: bool


def class_of(verdict: Verdict) -> RetentionClass | None:
    """The class whose rule applies; ``None`` for NOK, which is always kept.

    >>> class_of(Verdict.OK), class_of(Verdict.NOK)
    ('good', None)
    """
    return {Verdict.OK: "good", Verdict.UNDECIDED: "undecided"}.get(verdict)  # type: ignore[return-value]


def kept_days(rule: Retention, retention_class: RetentionClass) -> float:
    """Days that images of the class are kept in any case."""
    return rule.good_days if retention_class == "good" else rule.undecided_days


def kept_share(rule: Retention, retention_class: RetentionClass) -> float:
    """Share of the class that is kept for ever."""
    return rule.good_share if retention_class == "good" else 0.0


def cutoff(rule: Retention, retention_class: RetentionClass, now: datetime) -> str:
    """Images observed before this RFC 3339 time are old enough to be deleted."""
    return to_rfc3339(now - timedelta(days=kept_days(rule, retention_class)))


def why_kept(facts: ImageFacts, rule: Retention, now: datetime) -> Keep | None:
    """The first reason to keep the image; ``None`` where it may be deleted.

    Examples
    --------
    >>> from datetime import UTC
    >>> facts = ImageFacts(verdict_index=7, verdict=Verdict.OK, observed_at="2026-01-01T00:00:00.000000Z",
    ...                    purpose="production", condition=None, reviewed=False, alarm=False)
    >>> now = datetime(2026, 11, 1, tzinfo=UTC)
    >>> why_kept(facts, Retention(good_share=0.0), now), why_kept(facts, Retention(good_share=1.0), now)
    (None, 'sample')
    """
    retention_class = class_of(facts.verdict)
    if retention_class is None or facts.condition == "defective":
        return "defect"
    if facts.purpose != "production":
        return "challenge"
    if facts.reviewed:
        return "reviewed"
    if facts.alarm:
        return "alarm"
    if facts.observed_at >= cutoff(rule, retention_class, now):
        return "young"
    if drawn(QUESTION, rule.seed, facts.verdict_index, kept_share(rule, retention_class)):
        return "sample"
    return None


def rule_sha256(rule: Retention) -> str:
    """SHA-256 (hex) of the rule's canonical JSON: what a deletion record names as the rule in force."""
    return hashlib.sha256(msgspec.json.encode(rule, order="sorted")).hexdigest()
