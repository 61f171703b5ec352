"""Retention: what must be kept is kept, deletions are recorded before they happen, evidence verifies afterwards."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.inspection.retention import ImageFacts, rule_sha256, why_kept
from gaugeblock.inspection.retention_desk import RetentionDesk
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.control_facets import AlarmInputs, AlarmStatement, AlarmSubject, DeletionStatement
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Purpose,
    ReferenceStatement,
)
from gaugeblock.plant.review_facets import ReviewStatement, ReviewSubject
from gaugeblock.plant.settings import Retention
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import StoreFullError
from gaugeblock.stores.log_writer import LogWriter
from gaugeblock.stores.memory import MemoryBlobs, MemoryLog
from gaugeblock.stores.projections import ProjectionRunner, open_record
from gaugeblock.stores.statements import MemoryKeys, SignedStatements
from gaugeblock.web.thumbnails import thumbnail

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


class StandingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return round((self.moment - NOW).total_seconds() * 1e9)


class Plant:
    """A log in memory with verdicts of any age, and their images."""

    def __init__(self, folder: Path, rule: Retention) -> None:
        self.clock, server = StandingClock(), SigningKey.generate()
        self.log = MemoryLog("plant.example/log", SigningKey.generate(), self.clock, server)
        self.writer = LogWriter(self.log)
        self.writer.start()
        self.database = Database(f"sqlite:///{folder}/projections.sqlite")
        self.runner = ProjectionRunner(self.database, self.log, inspection_projections())
        self.signed = SignedStatements(self.log, self.writer.submit, MemoryKeys({SERVER: server}), self.clock)
        self.blobs = MemoryBlobs()
        self.rule = rule
        self.number = 0
        self.full = False
        self.desk = self.desk_anew()

    def desk_anew(self) -> RetentionDesk:
        return RetentionDesk(self.database, self.blobs, self, self.clock, self.rule, thumbnail)

    def state(self, *arguments: object, **named: object) -> int:
        if self.full:
            raise StoreFullError(store="log", detail="no space left")
        index = self.signed.state(*arguments, **named)  # type: ignore[arg-type]
        self.runner.catch_up()
        return index

    def inspect(
        self,
        verdict: Verdict = Verdict.OK,
        age_days: float = 100.0,
        purpose: Purpose = "production",
        image: bytes | None = None,
    ) -> tuple[int, str, str]:
        """Index, image and heat-map of a new verdict."""
        self.number += 1
        image_sha256 = self.blobs.put(image or photograph(self.number))
        heatmap_sha256 = self.blobs.put(b"heat-map %d" % self.number)
        index = self.state(
            "station:ST1",
            "inspection.verdict",
            f"1/{self.number}",
            {
                "subject": InspectionSubject(station="ST1", unit=f"U{self.number}", product="P1"),
                "statement": InspectionStatement(verdict, "edge.review_zone" if verdict is Verdict.UNDECIDED else None),
                "process": InspectionProcess(
                    boot_epoch=1,
                    sequence=self.number,
                    trigger=self.number,
                    deadline_ms=100.0,
                    latency_ms=10.0,
                    purpose=purpose,
                ),
                "inputs": InspectionInputs(image_sha256=image_sha256, heatmap_sha256=heatmap_sha256),
            },
            observed_at=to_rfc3339(self.clock.now() - timedelta(days=age_days)),
        )
        return index, image_sha256, heatmap_sha256

    def deletions(self) -> list[DeletionStatement]:
        opened = [open_record(record) for record in self.log.records(0, self.log.size)]
        statements = [r.facets["statement"] for r in opened if r.record_type == "retention.deletion"]
        return [s for s in statements if isinstance(s, DeletionStatement)]

    def close(self) -> None:
        self.writer.stop()
        self.database.close()


def photograph(number: int, width: int = 640) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (48, width, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path, Retention(good_days=30.0, good_share=0.0, undecided_days=90.0))
    yield made
    made.close()


def facets_of_review(index: int, unit: str, decision: str) -> dict[str, Facet]:
    return {
        "subject": ReviewSubject(station="ST1", verdict_index=index, unit=unit, product="P1"),
        "statement": ReviewStatement(decision),  # type: ignore[arg-type]
    }


def test_what_must_be_kept_is_kept_and_the_rest_goes(plant: Plant) -> None:
    _, gone, gone_heat = plant.inspect()
    _, young, _ = plant.inspect(age_days=10.0)
    _, rejected, _ = plant.inspect(Verdict.NOK)
    _, challenge, _ = plant.inspect(purpose="challenge")
    _, undecided_old, _ = plant.inspect(Verdict.UNDECIDED, age_days=91.0)
    _, undecided_young, _ = plant.inspect(Verdict.UNDECIDED, age_days=89.0)
    reviewed_index, reviewed, _ = plant.inspect()
    plant.state("person:li", "inspection.review", "r/1", facets_of_review(reviewed_index, f"U{plant.number}", "good"))
    _, escaped, _ = plant.inspect()
    plant.state(
        "virtual:truth",
        "inspection.reference",
        "t/1",
        {
            "subject": InspectionSubject(station="ST1", unit=f"U{plant.number}"),
            "statement": ReferenceStatement(condition="defective"),
        },
    )
    _, alarmed, _ = plant.inspect()
    plant.state(
        SERVER,
        "inspection.alarm",
        "a/1",
        {
            "subject": AlarmSubject(station="ST1", chart="light"),
            "statement": AlarmStatement(state="raised", direction="up"),
            "inputs": AlarmInputs(before_sha256=alarmed),
        },
    )
    shared = photograph(999)
    plant.inspect(image=shared)
    _, shared_digest, _ = plant.inspect(Verdict.NOK, image=shared)

    plant.desk.step()

    for digest in (young, rejected, challenge, undecided_young, reviewed, escaped, alarmed, shared_digest):
        assert plant.blobs.has(digest)
    for digest in (gone, gone_heat, undecided_old):
        assert not plant.blobs.has(digest)
    deleted = plant.desk.deleted(gone)
    assert deleted is not None
    assert deleted.thumbnail_sha256 is not None
    small = Image.open(io.BytesIO(plant.blobs.get(deleted.thumbnail_sha256)))
    assert small.width <= 320
    assert plant.desk.deleted(gone_heat) == deleted
    assert {s.retention_class: s.deleted for s in plant.desk.sums()} == {"good": 1, "undecided": 1}
    assert [row.rule_sha256 for row in plant.desk.deletions()] == [rule_sha256(plant.rule)] * 2


def test_evidence_verifies_after_the_image_is_gone(plant: Plant) -> None:
    index, gone, _ = plant.inspect()
    plant.desk.step()
    assert not plant.blobs.has(gone)
    plant.log.sign_checkpoint()
    assert verify_evidence(plant.log.evidence(index), plant.log.log_key).ok


def test_nothing_is_deleted_before_its_record_is_durable(plant: Plant) -> None:
    _, image, _ = plant.inspect()
    plant.full = True
    with pytest.raises(GaugeblockError):
        plant.desk.step()
    assert plant.blobs.has(image)
    plant.full = False
    plant.desk.step()
    assert not plant.blobs.has(image)


def test_what_was_recorded_and_not_deleted_is_deleted_at_the_next_start(plant: Plant) -> None:
    _, image, heatmap = plant.inspect()
    content, heat = plant.blobs.get(image), plant.blobs.get(heatmap)
    plant.desk.step()
    plant.blobs.put(content)  # as if the process had ended between record and deletion
    plant.blobs.put(heat)
    plant.desk_anew().step()
    assert not plant.blobs.has(image)
    assert not plant.blobs.has(heatmap)
    assert len(plant.deletions()) == 1


def test_a_picture_as_small_as_its_thumbnail_stays(plant: Plant) -> None:
    _, image, _ = plant.inspect(image=photograph(5, width=200))
    plant.desk.step()
    assert plant.blobs.has(image)
    assert plant.deletions() == []


def test_a_large_plant_is_worked_through_in_steps(plant: Plant) -> None:
    digests = [plant.inspect()[1] for _ in range(620)]
    plant.desk.step()
    left = sum(plant.blobs.has(d) for d in digests)
    assert 0 < left < len(digests)
    plant.clock.moment += timedelta(minutes=20)
    plant.desk.step()
    assert not any(plant.blobs.has(d) for d in digests)
    assert all(len(s.images) <= 100 for s in plant.deletions())
    assert sum(len(s.images) for s in plant.deletions()) == 620


facts = st.builds(
    ImageFacts,
    verdict_index=st.integers(0, 10**9),
    verdict=st.sampled_from(Verdict),
    observed_at=st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 1)).map(  # noqa: DTZ001 - hypothesis wants them naive
        lambda moment: to_rfc3339(moment.replace(tzinfo=UTC))
    ),
    purpose=st.sampled_from(["production", "challenge"]),
    condition=st.sampled_from([None, "good", "defective"]),
    reviewed=st.booleans(),
    alarm=st.booleans(),
)


@given(facts, st.floats(0, 1), st.floats(0, 3000), st.integers(0, 2**53 - 1))
def test_no_defect_and_nothing_reviewed_ever_goes(one: ImageFacts, share: float, days: float, seed: int) -> None:
    why = why_kept(one, Retention(good_share=share, good_days=days, undecided_days=days, seed=seed), NOW)
    if one.verdict is Verdict.NOK or one.condition == "defective" or one.reviewed or one.purpose == "challenge":
        assert why is not None
    if share == 1.0 and one.verdict is Verdict.OK:
        assert why is not None


def test_the_sample_kept_is_about_the_share_and_the_same_for_everybody() -> None:
    rule = Retention(good_share=0.1)
    kept = [
        index
        for index in range(20_000)
        if why_kept(
            ImageFacts(
                verdict_index=index,
                verdict=Verdict.OK,
                observed_at="2020-01-01T00:00:00.000000Z",
                purpose="production",
                condition=None,
                reviewed=False,
                alarm=False,
            ),
            rule,
            NOW,
        )
        == "sample"
    ]
    assert 1850 < len(kept) < 2150
