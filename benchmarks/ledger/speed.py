"""How fast records are signed, admitted, appended, proven and verified, and how many bytes they take."""

from __future__ import annotations

import functools
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.harness import Figure
from gaugeblock.ledger import key_records
from gaugeblock.ledger.admission import admit
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.ledger.record import ClockState, Draft, SignedRecord, sign_record
from gaugeblock.ledger.tiles import GrowingTiles
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    Verdict,
)
from gaugeblock.stores.admission_pool import AdmissionPool
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.log import Log, LogWriter
from gaugeblock.stores.log_batch import admit_all
from gaugeblock.stores.log_records import Receipt, Submission

ORIGIN = "plant.example/log"
STATION = "station:L1-ST10"
NOW = "2026-11-22T05:00:00.000000Z"
CLOCK = ClockState("synchronised", 5.0)
RECORDS = 20_000
BATCH = 1_000
SINGLES = 400
PROOFS = 1_000
VAR = Path(__file__).resolve().parents[2] / "var"
SEED = 7


@functools.cache
def station_key() -> SigningKey:
    """The same in every process."""
    return SigningKey.from_seed(bytes([SEED]) * 32)


def log_key() -> SigningKey:
    """Signs checkpoints."""
    return SigningKey.from_seed(bytes([SEED + 1]) * 32)


def draft(number: int) -> Draft:
    """A verdict as a station states it: all five facets, nineteen values."""
    return Draft(
        record_type="inspection.verdict",
        version=1,
        author=STATION,
        identity=f"1/{number}",
        log=ORIGIN,
        stated_at=NOW,
        observed_at=NOW,
        clock=CLOCK,
        facets={
            "subject": InspectionSubject("L1-ST10", f"U{number:07d}", "housing-A", "WO-20261122-1", "cam-1"),
            "statement": InspectionStatement(Verdict.OK),
            "measurement": InspectionMeasurement(0.3123, 0.912, 0.25, 0.75),
            "process": InspectionProcess(
                1,
                number,
                number,
                300.0,
                41.25,
                ("frame", "size", "exposure", "module"),
                {"decode": 3.1, "embed": 20.2, "search": 11.9},
                "0.1.0",
            ),
            "inputs": InspectionInputs("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64),
        },
    )


def sign_range(start: int, stop: int) -> list[tuple[bytes, dict[str, str]]]:
    """What a station process does."""
    key = station_key()
    signed = [sign_record(draft(number), key, os.urandom) for number in range(start, stop)]
    return [(record.jws, dict(record.disclosures)) for record in signed]


def batches(items: Sequence[Submission], width: int) -> Iterator[Sequence[Submission]]:
    """Slices of a width."""
    for start in range(0, len(items), width):
        yield items[start : start + width]


def per_s(count: int, work: Callable[[], object]) -> float:
    """Wall time."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def must_append(outcomes: Sequence[object]) -> None:
    """A refused record is no appended record."""
    for outcome in outcomes:
        if isinstance(outcome, GaugeblockError):
            raise outcome


def new_log(folder: Path, name: str) -> Log:
    """An SQLite log with the station's key bound."""
    server = SigningKey.from_seed(bytes(32))
    log = Log.create(f"sqlite:///{folder / name}", ORIGIN, log_key(), SystemClock(), server)
    binding = key_records.binding(SERVER, STATION, station_key().public, log=ORIGIN, stated_at=NOW, clock=CLOCK)
    record = sign_record(binding, server, os.urandom)
    must_append(log.append([Submission(record.jws, record.disclosures)]))
    return log


def bare_sqlite(path: Path, submissions: Sequence[Submission], width: int) -> float:
    """The peer: the same bytes into one table by the standard library, WAL, FULL, one commit a batch."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE log (idx INTEGER PRIMARY KEY, identity TEXT UNIQUE, jws BLOB, disclosures BLOB)")

    def work() -> None:
        for batch in batches(submissions, width):
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO log (identity, jws, disclosures) VALUES (?, ?, ?)",
                [(s.jws[-40:].decode(), s.jws, "~".join(s.disclosures.values()).encode()) for s in batch],
            )
            database.execute("COMMIT")

    rate = per_s(len(submissions), work)
    database.close()
    return rate


def run() -> list[Figure]:
    """All figures of the ledger."""
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR) as folder:
        return _run(Path(folder))


def _run(folder: Path) -> list[Figure]:
    cores = os.cpu_count() or 1
    signed: list[tuple[bytes, dict[str, str]]] = []
    signing = per_s(RECORDS, lambda: signed.extend(sign_range(0, RECORDS)))
    submissions = [Submission(jws, disclosures) for jws, disclosures in signed]
    figures = [
        Figure(
            "records_signed_per_s",
            signing,
            "1/s",
            "one process, one thread: draft, five facets salted and digested, signed",
            SEED,
            "bare Ed25519 signature of as many bytes",
            bare := _bare_signatures(len(signed[0][0])),
            signing / bare,
        )
    ]
    with new_log(folder, "admit.sqlite") as log:
        directory = log.directory
        some = submissions[:3_000]
        admission = per_s(len(some), lambda: [admit(s.jws, s.disclosures, directory, ORIGIN) for s in some])
    bare = _bare_verifications(len(signed[0][0]))
    figures.append(
        Figure(
            "records_admitted_per_s",
            admission,
            "1/s",
            "one process, one thread: parsed, signature verified, facets opened and shaped; nothing stored",
            SEED,
            "bare Ed25519 verification of as many bytes",
            bare,
            admission / bare,
        )
    )
    figures += _append_signed(folder, submissions, cores)
    figures += _append_leaves(folder, submissions)
    figures += _prove(folder, submissions, bare)
    return figures


def _bare_signatures(size: int) -> float:
    key, message = station_key(), bytes(size)
    return per_s(3_000, lambda: [key.sign(message) for _ in range(3_000)])


def _bare_verifications(size: int) -> float:
    key, message = station_key(), bytes(size)
    signature = key.sign(message)
    return per_s(3_000, lambda: [key.public.verify(signature, message) for _ in range(3_000)])


def _append_signed(folder: Path, submissions: Sequence[Submission], cores: int) -> list[Figure]:
    def append_all(log: Log, items: Sequence[Submission]) -> None:
        # As the plant does: into the writer's queue; the writer signs a checkpoint before it ends.
        with LogWriter(log, commit_limit=BATCH) as writer:
            for future in writer.submit_many(items):
                future.result()

    peer = bare_sqlite(folder / "peer.sqlite", submissions, BATCH)
    with new_log(folder, "pool.sqlite") as log, AdmissionPool(cores) as pool:
        log.admit_with(pool)
        # The pool's processes start with the first batch; a plant's have long started.
        must_append(log.append(submissions[:BATCH]))
        appended = per_s(len(submissions) - BATCH, lambda: append_all(log, submissions[BATCH:]))
    with new_log(folder, "one.sqlite") as log:
        alone = per_s(5_000, lambda: append_all(log, submissions[:5_000]))

    def sign_and_append(log: Log, station: ProcessPoolExecutor) -> None:
        # The station signs the next batch while the plant appends the last.
        parts = [station.submit(sign_range, start, start + BATCH) for start in range(BATCH, RECORDS, BATCH)]
        with LogWriter(log, commit_limit=BATCH) as writer:
            receipts: list[Future[Receipt]] = []
            for part in parts:
                receipts += writer.submit_many([Submission(jws, disclosures) for jws, disclosures in part.result()])
            for receipt in receipts:
                receipt.result()

    with (
        new_log(folder, "both.sqlite") as log,
        AdmissionPool(cores) as pool,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as station,
    ):
        log.admit_with(pool)
        warm = station.submit(sign_range, 0, BATCH).result()
        must_append(log.append([Submission(jws, disclosures) for jws, disclosures in warm]))
        both = per_s(RECORDS - BATCH, lambda: sign_and_append(log, station))
    name = f"bare SQLite insert, {BATCH} a commit, nothing verified"
    return [
        Figure(
            "records_signed_appended_per_s",
            appended,
            "1/s",
            f"records signed beforehand, as stations do; through LogWriter as the plant does, up to {BATCH} a commit, "
            f"SQLite WAL FULL; one writer and {cores} admission processes on {cores} cores; each signature verified, "
            "each facet shaped",
            SEED,
            name,
            peer,
            appended / peer,
        ),
        Figure(
            "records_signed_appended_per_s_one_process",
            alone,
            "1/s",
            "the same without admission processes: one process, one thread",
            SEED,
            name,
            peer,
            alone / peer,
        ),
        Figure(
            "records_signing_included_appended_per_s",
            both,
            "1/s",
            f"the same with a station process that signs meanwhile: {cores + 2} processes on {cores} cores",
            SEED,
            name,
            peer,
            both / peer,
        ),
    ]


def _append_leaves(folder: Path, submissions: Sequence[Submission]) -> list[Figure]:
    figures = []
    for width, items in ((1, submissions[:SINGLES]), (BATCH, submissions)):
        peer = bare_sqlite(folder / f"peer{width}.sqlite", items, width)
        with new_log(folder, f"leaves{width}.sqlite") as log:
            admissions = admit_all(items, log.directory, ORIGIN)

            def work(
                log: Log = log, width: int = width, items: Sequence[Submission] = items, admitted: object = admissions
            ) -> None:
                assert isinstance(admitted, list)
                for start in range(0, len(items), width):
                    must_append(log.append_admitted(items[start : start + width], admitted[start : start + width]))

            rate = per_s(len(items), work)
        figures.append(
            Figure(
                f"leaves_appended_per_s_{width}",
                rate,
                "1/s",
                f"{width} a commit, SQLite WAL FULL, one thread; admission done before: identity looked up, record, "
                "disclosures and tiles written",
                SEED,
                f"bare SQLite insert of the same bytes, {width} a commit",
                peer,
                rate / peer,
            )
        )
    hashes = [leaf_hash(s.jws) for s in submissions]
    tiles = GrowingTiles()
    rate = per_s(len(hashes), lambda: [tiles.append(hashes[i : i + BATCH]) for i in range(0, len(hashes), BATCH)])
    figures.append(
        Figure("tree_leaves_per_s_1000", rate, "1/s", "the tree alone, in memory, 1000 leaves at a time", SEED)
    )
    return figures


def _prove(folder: Path, submissions: Sequence[Submission], bare: float) -> list[Figure]:
    path = folder / "leaves1000.sqlite"
    # The log of the step before.
    with Log.open(f"sqlite:///{path}", ORIGIN, log_key(), SystemClock()) as log:
        log.sign_checkpoint()
        size = log.size
        vkey = log.log_key
        indices = [(number * 7919) % size for number in range(PROOFS)]
        made: list[bytes] = []
        making = per_s(PROOFS, lambda: made.extend(log.evidence(index) for index in indices))
    results: list[bool] = []
    verifying = per_s(PROOFS, lambda: results.extend(verify_evidence(raw, vkey).ok for raw in made))
    if not all(results):
        raise RuntimeError("evidence of this run does not verify")
    stored = sum(path.stat().st_size for path in folder.glob("leaves1000.sqlite*"))
    record = SignedRecord(submissions[0].jws, submissions[0].disclosures)
    disclosed = sum(map(len, record.disclosures.values()))
    return [
        Figure("evidence_per_s", making, "1/s", f"made from the SQLite log of {size} records, one thread", SEED),
        Figure(
            "verify_per_s",
            verifying,
            "1/s",
            "one thread: four signatures (checkpoint, two key records, the record), three inclusion proofs",
            SEED,
            "four bare Ed25519 verifications",
            bare / 4,
            verifying / (bare / 4),
        ),
        Figure(
            "bytes_per_record",
            stored / size,
            "B",
            "the whole log database (records, disclosures, tiles, indices) divided by its records",
            SEED,
            "record and disclosures as signed",
            float(len(record.jws) + disclosed),
            stored / size / (len(record.jws) + disclosed),
        ),
        Figure("jws_bytes", len(record.jws), "B", "one verdict's JWS, the leaf", SEED),
        Figure("disclosure_bytes", disclosed, "B", "its five disclosures", SEED),
        Figure("evidence_bytes", sum(map(len, made)) / len(made), "B", f"in a log of {size} records, all facets", SEED),
    ]
