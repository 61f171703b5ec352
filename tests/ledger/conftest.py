"""A log on paper: records, tiles and checkpoints in dictionaries, made with the ledger's public functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gaugeblock.ledger import key_records
from gaugeblock.ledger.admission import admit
from gaugeblock.ledger.checkpoint import Checkpoint, sign_checkpoint
from gaugeblock.ledger.evidence import make_evidence
from gaugeblock.ledger.key_directory import SERVER, KeyDirectory
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.note import NoteKey
from gaugeblock.ledger.record import ClockState, Draft, SignedRecord, sign_record
from gaugeblock.ledger.tiles import ENTRIES, TILE_WIDTH, GrowingTiles, Tile, TileReader, encode_bundle
from gaugeblock.plant.record_types import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    ReferenceStatement,
    Verdict,
)

ORIGIN = "plant.example/log"
NOW = "2026-11-22T05:00:00.000000Z"
CLOCK = ClockState("synchronised", 5.0)
STATION = "station:L1-ST10"


def key_of(name: str) -> SigningKey:
    return SigningKey.from_seed(hashlib.sha256(name.encode()).digest())


def seeded_salt(seed: str) -> Callable[[int], bytes]:
    return lambda count: hashlib.shake_128(seed.encode()).digest(count)


@dataclass
class PaperLog:
    """What a log is, without a store."""

    origin: str = ORIGIN
    log_key: SigningKey = field(default_factory=lambda: key_of("log"))
    server: SigningKey = field(default_factory=lambda: key_of("server"))
    records: list[SignedRecord] = field(default_factory=list)
    directory: KeyDirectory = field(default_factory=KeyDirectory)
    tiles: GrowingTiles = field(default_factory=GrowingTiles)
    files: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def append(self, record: SignedRecord) -> int:
        admitted = admit(record.jws, record.disclosures, self.directory, self.origin)
        index = len(self.records)
        self.directory.apply(index, admitted.payload, admitted.facets)
        self.records.append(record)
        for tile, data in self.tiles.append([admitted.leaf_hash]):
            self.files[tile.level, tile.index] = data
        return index

    def sign_and_append(self, draft: Draft, key: SigningKey) -> int:
        return self.append(sign_record(draft, key, seeded_salt(draft.identity)))

    def bind(self, entity: str, key: SigningKey, **changes: Any) -> int:
        options: dict[str, Any] = {"log": self.origin, "stated_at": NOW, "clock": CLOCK, **changes}
        return self.sign_and_append(key_records.binding(SERVER, entity, key.public, **options), self.server)

    def rotate(self, entity: str, old: SigningKey, new: SigningKey) -> int:
        cross = key_records.hand_over(self.origin, entity, old.public.thumbprint, new)
        draft = key_records.rotation(entity, old.public, new.public, cross, log=self.origin, stated_at=NOW, clock=CLOCK)
        index = self.sign_and_append(draft, old)
        if entity == SERVER:
            self.server = new
        return index

    def revoke(self, author: str, signer: SigningKey, entity: str, key: SigningKey) -> int:
        draft = key_records.revocation(
            author, entity, key.public.thumbprint, log=self.origin, stated_at=NOW, clock=CLOCK, reason="lost"
        )
        return self.sign_and_append(draft, signer)

    def read_tile(self, tile: Tile) -> bytes:
        if tile.level == ENTRIES:
            start = tile.index * TILE_WIDTH
            return encode_bundle([record.jws for record in self.records[start : start + tile.width]])
        return self.files[tile.level, tile.index][: tile.width * 32]

    def reader(self) -> TileReader:
        return TileReader(self.read_tile, self.tiles.size)

    @property
    def vkey(self) -> str:
        return NoteKey(self.origin, self.log_key.public).vkey

    def checkpoint(self) -> bytes:
        return sign_checkpoint(Checkpoint(self.origin, self.tiles.size, self.tiles.root()), self.log_key)

    def evidence(self, index: int, facets: list[str] | None = None, checkpoint: bytes | None = None) -> bytes:
        return make_evidence(
            index,
            self.records.__getitem__,
            self.directory,
            self.reader(),
            self.tiles.size,
            checkpoint or self.checkpoint(),
            facets,
        ).to_bytes()


def verdict_draft(number: int, **changes: Any) -> Draft:
    """A verdict of the station; of another author, a reference decision, which is theirs to state."""
    if not str(changes.get("author", STATION)).startswith("station:"):
        facets = {
            "subject": InspectionSubject(station="L1-ST10", unit=f"U{number:06d}"),
            "statement": ReferenceStatement(condition="good"),
        }
        changes = {"record_type": "inspection.reference", "version": 1, "facets": facets, **changes}
    values: dict[str, Any] = {
        "record_type": "inspection.verdict",
        "version": 2,
        "author": STATION,
        "identity": f"3/{number}",
        "log": ORIGIN,
        "stated_at": NOW,
        "observed_at": NOW,
        "clock": CLOCK,
        "facets": {
            "subject": InspectionSubject(station="L1-ST10", unit=f"U{number:06d}", product="P-100"),
            "statement": InspectionStatement(Verdict.OK),
            "measurement": InspectionMeasurement(score=0.25, threshold=0.5, peak_x=0.1, peak_y=0.9),
            "process": InspectionProcess(
                boot_epoch=3, sequence=number, trigger=number, deadline_ms=300.0, latency_ms=41.5
            ),
            "inputs": InspectionInputs(image_sha256="ab" * 32, module_sha256="cd" * 32),
        },
        **changes,
    }
    return Draft(**values)


@dataclass(frozen=True)
class Kit:
    """What tests of the ledger are made with."""

    log: Callable[[], PaperLog]
    key: Callable[[str], SigningKey]
    draft: Callable[..., Draft]
    salt: Callable[[str], Callable[[int], bytes]]
    station: str
    origin: str
    now: str
    clock: ClockState


def _new_log() -> PaperLog:
    log = PaperLog()
    log.bind(SERVER, log.server)
    log.bind(STATION, key_of("station"))
    return log


@pytest.fixture(scope="session")
def kit() -> Kit:
    """Builders."""
    return Kit(_new_log, key_of, verdict_draft, seeded_salt, STATION, ORIGIN, NOW, CLOCK)


@pytest.fixture(scope="module")
def small_log(kit: Kit) -> PaperLog:
    """Genesis, one station, twenty verdicts. Not to be changed by tests."""
    log = kit.log()
    for number in range(20):
        log.sign_and_append(kit.draft(number), kit.key("station"))
    return log
