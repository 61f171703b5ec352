"""A log in memory with real records and the real projections over it, for tests of this room's desks."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from gaugeblock.inspection.keepers import Keeper
from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Purpose,
    ReferenceStatement,
)
from gaugeblock.plant.record_types import Facet, Verdict
from gaugeblock.plant.review_facets import Decision, ReviewStatement, ReviewSubject, Role
from gaugeblock.plant.settings import Enterprise, PlantSettings, Review
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.web.memory import memory_plant

STATION = "ST10"
CLOCK = ClockState("synchronised", 5.0)


class FixedClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return 0


class Line:
    """One station, and people by name."""

    def __init__(self, owner: PlantSettings | None = None) -> None:
        self.clock = FixedClock()
        # Unless a test is about second opinions, one person settles a part.
        one_opinion = PlantSettings(enterprise=Enterprise(name="示例工厂"), review=Review(second_opinion_share=0.0))
        self.owner = owner or one_opinion
        self.plant = memory_plant(self.clock, [], self.owner)
        self.desks = self.plant.services.desks
        self.key = SigningKey.from_seed(bytes([7]) * 32)
        introduction = binding(
            "server:plant",
            f"station:{STATION}",
            self.key.public,
            log=self.plant.log.origin,
            stated_at=to_rfc3339(self.clock.now()),
            clock=CLOCK,
        )
        self._append(sign_record(introduction, self.plant.server_key, os.urandom))
        self.sequence = 0

    def _append(self, signed: object) -> int:
        (outcome,) = self.plant.log.append([Submission(signed.jws, signed.disclosures)])  # type: ignore[attr-defined]
        assert isinstance(outcome, Receipt), outcome
        self.plant.follow()
        return outcome.index

    def inspect(
        self,
        verdict: Verdict,
        unit: str | None,
        order: str | None = "WO-1",
        product: str = "P1",
        purpose: Purpose = "production",
        score: float = 1.0,
    ) -> int:
        """A part passes the station; its verdict's index."""
        self.sequence += 1
        at = to_rfc3339(self.clock.now() + timedelta(seconds=self.sequence))
        facets: dict[str, Facet] = {
            "subject": InspectionSubject(station=STATION, unit=unit, product=product, order=order),
            "statement": InspectionStatement(verdict=verdict),
            "measurement": InspectionMeasurement(score=score, threshold=1.2),
            "process": InspectionProcess(
                boot_epoch=1,
                sequence=self.sequence,
                trigger=self.sequence,
                deadline_ms=300.0,
                latency_ms=60.0,
                purpose=purpose,
            ),
            "inputs": InspectionInputs(image_sha256=f"{self.sequence:064x}"),
        }
        author = f"station:{STATION}"
        draft = Draft(
            "inspection.verdict", 2, author, f"1/{self.sequence}", self.plant.log.origin, at, at, CLOCK, facets
        )
        return self._append(sign_record(draft, self.key, os.urandom))

    def review(self, person: str, verdict_index: int, decision: Decision, *defects: str, role: Role = "first") -> int:
        """A person's opinion."""
        row = next(r for r in self._verdicts() if r["index"] == verdict_index)
        facets: dict[str, Facet] = {
            "subject": ReviewSubject(STATION, verdict_index, row["unit"], row["product"], row["order"]),
            "statement": ReviewStatement(decision, role, defects),
        }
        identity = f"{verdict_index}/{role}/{self.plant.log.size}"
        return self.plant.statements.state(f"person:{person}", "inspection.review", identity, facets)

    def reference(self, unit: str, condition: str) -> int:
        """The server knows a unit's condition."""
        facets: dict[str, Facet] = {
            "subject": InspectionSubject(station=STATION, unit=unit, product="P1"),
            "statement": ReferenceStatement(condition=condition),  # type: ignore[arg-type]
        }
        return self.plant.statements.state("server:plant", "inspection.reference", f"reference/{unit}", facets)

    def keep(self, name: str) -> None:
        """Let one keeper do a step."""
        self.keeper(name).step()

    def keeper(self, name: str) -> Keeper:
        """The keeper of this name."""
        return next(keeper for keeper in self.desks.keepers if keeper.name == name)

    def _verdicts(self) -> list[dict[str, object]]:
        from sqlalchemy import select

        from gaugeblock.inspection.projection import verdicts

        with self.plant.projections.database.reading() as connection:
            return [dict(row) for row in connection.execute(select(verdicts)).mappings()]
