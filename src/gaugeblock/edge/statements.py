"""What a station states: its records, drafted and signed once, as entries for the spool."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from gaugeblock.edge.ports import REGIONS_MAX, Clock, Entry, ModuleFacts, Outcome, Trigger
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.control_facets import (
    ChallengeInputs,
    ChallengeMeasurement,
    ChallengeStatement,
    ChallengeSubject,
)
from gaugeblock.plant.inspection_facets import Purpose
from gaugeblock.plant.record_types import (
    LATEST,
    Facet,
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    StationStartedProcess,
    StationStartedStatement,
    StationSubject,
    Verdict,
)
from gaugeblock.plant.times import to_rfc3339


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the station is.

    Parameters
    ----------
    station
        Its id; its records' author is ``station:<id>``.
    log_origin
        The log its records are for.
    product, camera
        What it looks at and with what, where the trigger does not say.
    software
        Name and version, for the record.
    """

    station: str
    log_origin: str
    product: str | None = None
    camera: str | None = None
    software: str = ""

    @property
    def author(self) -> str:
        return f"station:{self.station}"


CHALLENGE_PART = "edge.challenge_part"
"""Why the PLC is told UNDECIDED about a challenge part that was judged good: it is no product."""


@dataclass(frozen=True, slots=True)
class Handling:
    """How one trigger was handled, beside what inference said: all times in ms, all digests SHA-256 in hex."""

    verdict: Verdict
    reason: str | None
    guards_passed: tuple[str, ...] = ()
    latency_ms: float = 0.0
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    captured_at: str | None = None
    image_sha256: str | None = None
    image: bytes | None = None
    heatmap_sha256: str | None = None
    heatmap: bytes | None = None
    purpose: Purpose = "production"

    @property
    def told(self) -> tuple[Verdict, str | None]:
        """Verdict and reason for the PLC: a challenge part never joins the good ones, however it was judged."""
        if self.purpose == "challenge" and self.verdict is Verdict.OK:
            return Verdict.UNDECIDED, CHALLENGE_PART
        return self.verdict, self.reason


class Statements:
    """Drafts and signs a station's records in one boot epoch.

    Parameters
    ----------
    salt
        Gives unpredictable bytes (``os.urandom``).
    """

    def __init__(
        self, identity: Identity, key: SigningKey, clock: Clock, epoch: int, salt: Callable[[int], bytes]
    ) -> None:
        self.identity = identity
        self.epoch = epoch
        self.sequence = 0
        self._key = key
        self._clock = clock
        self._salt = salt

    def started(self, missed: int, module_sha256: str | None, accounted: int | None) -> Entry:
        """``station.started``: sequence 0 of the epoch. Triggers up to ``accounted`` have their records."""
        facets: dict[str, Facet] = {
            "subject": StationSubject(self.identity.station),
            "statement": StationStartedStatement(self.epoch, missed),
            "process": StationStartedProcess(self.identity.software, module_sha256),
        }
        return replace(self._sign("station.started", 0, facets, None), trigger=accounted)

    def next_sequence(self) -> int:
        """Count the sequence up; each number is used for one trigger, whatever becomes of it."""
        self.sequence += 1
        return self.sequence

    def verdict(self, sequence: int, trigger: Trigger, handling: Handling, outcome: Outcome | None) -> Entry:
        """``inspection.verdict`` about one trigger, with its images."""
        module = (outcome.module if outcome else None) or ModuleFacts("")
        peak_x, peak_y = (outcome.peak if outcome and outcome.peak else None) or (None, None)
        facets: dict[str, Facet] = {
            "subject": InspectionSubject(
                station=self.identity.station,
                unit=trigger.unit,
                product=trigger.product or self.identity.product,
                order=trigger.order,
                camera=self.identity.camera,
            ),
            "statement": InspectionStatement(handling.verdict, handling.reason),
            "measurement": InspectionMeasurement(
                score=_finite(outcome.score if outcome else None),
                threshold=_finite(outcome.threshold if outcome else None),
                peak_x=_finite(peak_x),
                peak_y=_finite(peak_y),
                review_from=_finite(outcome.review_from if outcome else None),
                regions=outcome.regions[:REGIONS_MAX] if outcome else (),
                watch=outcome.watch if outcome else None,
            ),
            "process": InspectionProcess(
                boot_epoch=self.epoch,
                sequence=sequence,
                trigger=trigger.number,
                deadline_ms=trigger.deadline_ms,
                latency_ms=round(handling.latency_ms, 3),
                guards_passed=handling.guards_passed,
                stage_ms={name: round(value, 3) for name, value in handling.stage_ms.items()},
                software=self.identity.software,
                purpose=handling.purpose,
            ),
            "inputs": InspectionInputs(
                image_sha256=handling.image_sha256,
                heatmap_sha256=handling.heatmap_sha256,
                module_sha256=module.module_sha256 or None,
                network_sha256=module.network_sha256,
                bank_sha256=module.bank_sha256,
                operating_point_sha256=module.operating_point_sha256,
            ),
        }
        told, reason = handling.told
        entry = self._sign("inspection.verdict", sequence, facets, handling.captured_at)
        images = ((handling.image_sha256, handling.image), (handling.heatmap_sha256, handling.heatmap))
        return replace(
            entry,
            blobs={sha: data for sha, data in images if sha is not None and data is not None},
            trigger=trigger.number,
            verdict=told,
            reason=reason,
            frame_sha256=handling.image_sha256,
        )

    def missed(self, number: int, reason: str) -> Entry:
        """UNDECIDED about a trigger that this station did not handle when it came."""
        trigger = Trigger(number, None, None, None, 0.0, self._clock.monotonic_ns())
        return self.verdict(self.next_sequence(), trigger, Handling(Verdict.UNDECIDED, reason), None)

    def challenge(
        self,
        sequence: int,
        product: str | None,
        statement: ChallengeStatement,
        measurement: ChallengeMeasurement,
        inputs: ChallengeInputs,
    ) -> Entry:
        """``inspection.challenge``: due, passed or failed, with the answers."""
        facets: dict[str, Facet] = {
            "subject": ChallengeSubject(self.identity.station, product),
            "statement": statement,
            "measurement": measurement,
            "inputs": inputs,
        }
        return self._sign("inspection.challenge", sequence, facets, None)

    def _sign(self, record_type: str, sequence: int, facets: Mapping[str, Facet], observed_at: str | None) -> Entry:
        source, uncertainty_ms = self._clock.state()
        stated_at = to_rfc3339(self._clock.now())
        identity = f"{self.epoch}/{sequence}"
        draft = Draft(
            record_type=record_type,
            version=LATEST[record_type],
            author=self.identity.author,
            identity=identity,
            log=self.identity.log_origin,
            stated_at=stated_at,
            observed_at=observed_at or stated_at,
            clock=ClockState(cast(Literal["synchronised", "local", "unknown"], source), uncertainty_ms),
            facets=facets,
        )
        signed = sign_record(draft, self._key, self._salt)
        return Entry(identity, signed.jws, signed.disclosures)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
