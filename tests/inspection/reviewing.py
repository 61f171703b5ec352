"""A small real plant for tests of desks: a log in memory, signed statements, projections in a database on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.inspection.review import ReviewDesk
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Purpose,
    ReferenceStatement,
)
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.settings import Review
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.stores.memory import MemoryLog
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.stores.statements import MemoryKeys, SignedStatements

STATION = "L1-ST10"


class SteppedClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        self.seconds += 0.001
        return datetime(2026, 11, 22, 5, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)


class SmallPlant:
    """Verdicts of one station, references, and the review desk over them."""

    def __init__(self, folder: Path, review: Review | None = None, url: str | None = None) -> None:
        self.clock = SteppedClock()
        server = SigningKey.from_seed(bytes([1]) * 32)
        self.log = MemoryLog("plant.example/log", SigningKey.from_seed(bytes([2]) * 32), self.clock, server)
        self._keys = {SERVER: server, f"station:{STATION}": SigningKey.from_seed(bytes([3]) * 32)}
        key = self._keys[f"station:{STATION}"]
        bound = binding(
            SERVER,
            f"station:{STATION}",
            key.public,
            log=self.log.origin,
            stated_at=to_rfc3339(self.clock.now()),
            clock=ClockState("local", None),
        )
        signed = sign_record(bound, server, os.urandom)
        self.log.append([Submission(signed.jws, signed.disclosures)])
        self.database = Database(url or f"sqlite:///{folder}/projections.sqlite")
        self.runner = ProjectionRunner(self.database, self.log, inspection_projections(review or Review()))
        self._statements = SignedStatements(self.log, self._submit, MemoryKeys(self._keys), self.clock)
        self._number = 0
        self.desk = ReviewDesk(self, self.database, self.clock)

    def _submit(self, given: Submission) -> Future[Receipt]:
        future: Future[Receipt] = Future()
        (outcome,) = self.log.append([given])
        if isinstance(outcome, Receipt):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
        return future

    def state(
        self,
        author: str,
        record_type: str,
        identity: str,
        facets: Mapping[str, Facet],
        observed_at: str | None = None,
    ) -> int:
        """As the plant's statements do: stated, and seen by the projections."""
        index = self._statements.state(author, record_type, identity, facets, observed_at)
        self.runner.catch_up()
        return index

    def inspect(
        self,
        verdict: Verdict = Verdict.NOK,
        *,
        unit: str | None = None,
        reason: str | None = None,
        image: str | None = "image",
        purpose: Purpose = "production",
        product: str | None = "P1",
    ) -> int:
        """A verdict of the station; ``image`` stands for a photograph, the same word for the same one."""
        self._number += 1
        digest = None if image is None else hashlib.sha256(f"{image}{self._number}".encode()).hexdigest()
        if image is not None and image.startswith("same"):
            digest = hashlib.sha256(image.encode()).hexdigest()
        moment = to_rfc3339(self.clock.now())
        facets: dict[str, Facet] = {
            "subject": InspectionSubject(
                station=STATION, unit=unit or f"U-{self._number}", product=product, order="WO-1"
            ),
            "statement": InspectionStatement(verdict=verdict, reason=reason),
            "measurement": InspectionMeasurement(score=0.5, threshold=1.0),
            "process": InspectionProcess(
                boot_epoch=1,
                sequence=self._number,
                trigger=self._number,
                deadline_ms=100.0,
                latency_ms=20.0,
                purpose=purpose,
            ),
            "inputs": InspectionInputs(image_sha256=digest),
        }
        author = f"station:{STATION}"
        draft = Draft(
            "inspection.verdict",
            LATEST["inspection.verdict"],
            author,
            f"1/{self._number}",
            self.log.origin,
            moment,
            moment,
            ClockState("local", None),
            facets,
        )
        signed = sign_record(draft, self._keys[author], os.urandom)
        (receipt,) = self.log.append([Submission(signed.jws, signed.disclosures)])
        assert isinstance(receipt, Receipt), receipt
        self.runner.catch_up()
        return receipt.index

    def refer(self, unit: str, condition: str) -> int:
        """A reference decision about a unit."""
        return self.state(
            "person:master",
            "inspection.reference",
            f"{unit}/{condition}/{to_rfc3339(self.clock.now())}",
            {
                "subject": InspectionSubject(station=STATION, unit=unit),
                "statement": ReferenceStatement(condition=condition),  # type: ignore[arg-type]
            },
        )
