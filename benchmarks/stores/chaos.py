"""kill -9 at seeded moments under load: is every acknowledged record there once, and the log as it was signed?

A child process opens the log, submits signed records through the group commit and prints what was acknowledged and
every checkpoint it saw; a projection follows in another of its threads. The parent kills it without warning at a
seeded moment, starts it again, and lets it send some of the acknowledged records a second time.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, Text

from benchmarks.harness import Figure
from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, parse, sign_record
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import InspectionStatement
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.errors import LogLockedError, StoreMissingError
from gaugeblock.stores.log import Log, LogWriter, Receipt, Submission
from gaugeblock.stores.projections import Add, Change, OpenRecord, ProjectionRunner, Put

SEED = 20261122
KILLS = 200
ORIGIN = "chaos.example/log"
STATION = "station:L1-ST10"
LOG_KEY, SERVER_KEY, STATION_KEY = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
START_LIMIT_S = 60.0


class ChaosProjection:
    """Counts verdicts and keeps the last index of each of 50 units."""

    name, version = "chaos", 1

    def __init__(self) -> None:
        self.metadata = MetaData()
        Table("chaos_counts", self.metadata, Column("verdict", Text, primary_key=True), Column("n", Integer))
        Table("chaos_units", self.metadata, Column("unit", Integer, primary_key=True), Column("last", Integer))

    def changes(self, record: OpenRecord) -> Iterable[Change]:
        """A count and a row."""
        statement = record.facets.get("statement")
        if isinstance(statement, InspectionStatement):
            yield Add("chaos_counts", {"verdict": statement.verdict.value}, {"n": 1})
            yield Put("chaos_units", {"unit": int(record.identity.split("/")[1]) % 50}, {"last": record.index})


def _stated_at() -> str:
    return to_rfc3339(SystemClock().now())


def _submission(draft: Draft, key: SigningKey) -> Submission:
    signed = sign_record(draft, key, os.urandom)
    return Submission(signed.jws, signed.disclosures)


def _verdict(number: int) -> Submission:
    # The same bytes each time it is made, as a spool would send them: salt and times come from the number.
    facets = {
        "subject": {"station": "L1-ST10", "unit": f"U{number}"},
        "statement": {"verdict": ("OK", "NOK", "UNDECIDED")[number % 3]},
    }
    at = "2026-11-22T05:00:00.000000Z"
    clock = ClockState("local", None)
    draft = Draft("inspection.verdict", 1, STATION, f"1/{number}", ORIGIN, at, at, clock, facets)
    signed = sign_record(draft, STATION_KEY, lambda n: random.Random(number).randbytes(n))
    return Submission(signed.jws, signed.disclosures)


def _open(url: str, tries: int = 100) -> Log:
    try:
        return Log.open(url, ORIGIN, LOG_KEY, SystemClock())
    except StoreMissingError:
        return Log.create(url, ORIGIN, LOG_KEY, SystemClock(), SERVER_KEY)
    except LogLockedError:
        # A PostgreSQL session outlives its killed client by the statement that it is in.
        if tries == 0:
            raise
        time.sleep(0.1)
        return _open(url, tries - 1)


def child(url: str, projections_url: str, first: int, seed: int) -> None:
    """Append until killed. Speaks one line a fact: ``A number index duplicate``, ``C size root``."""
    rng = random.Random(seed)
    log = _open(url)
    if log.directory.current(STATION) is None:
        clock = ClockState("local", None)
        draft = binding("server:plant", STATION, STATION_KEY.public, log=ORIGIN, stated_at=_stated_at(), clock=clock)
        log.append([_submission(draft, SERVER_KEY)])
    database = Database(projections_url)
    runner = ProjectionRunner(database, log.reader, [ChaosProjection()])
    with LogWriter(log, checkpoint_every_s=0.05) as writer:
        threading.Thread(target=_follow, args=(writer, runner), daemon=True).start()
        print("READY", flush=True)
        number, seen = first, b""
        while True:
            count = rng.choice((1, 3, 10, 50))
            futures = writer.submit_many([_verdict(n) for n in range(number, number + count)])
            _tell(number, futures)
            number += count
            if (note := log.checkpoint()) != seen:
                seen = note
                checkpoint = log.last_checkpoint()
                print(f"C {checkpoint.size} {checkpoint.root.hex()}", flush=True)


def _tell(number: int, futures: list[Future[Receipt]]) -> None:
    lines = []
    for position, future in enumerate(futures):
        receipt = future.result(timeout=60)
        lines.append(f"A {number + position} {receipt.index} {int(receipt.duplicate)}\n")
    # One write: a line is there whole or it is the last.
    sys.stdout.write("".join(lines))
    sys.stdout.flush()


def _follow(writer: LogWriter, runner: ProjectionRunner) -> None:
    size = 0
    while True:
        size = writer.wait_beyond(size, timeout_s=1.0)
        runner.catch_up(batch=100)


@dataclass
class Chaos:
    """What the kills showed."""

    kills: int = 0
    acknowledged: dict[int, int] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    delivered_again: int = 0
    lost: int = 0
    duplicates: int = 0
    moved: int = 0
    inconsistent: int = 0
    projections_differ: int = 0
    faults: list[str] = field(default_factory=list)


def run_chaos(url: str, projections_url: str, kills: int, seed: int) -> Chaos:
    """Kill ``kills`` times and look at what is left."""
    rng = random.Random(seed)
    chaos = Chaos()
    for round_number in range(kills):
        # Some records that were acknowledged are sent again, as by a station that never saw the receipt.
        newest = max(chaos.acknowledged, default=-1)
        first = max(0, newest + 1 - rng.choice((0, 5, 40)))
        delay_s = rng.choice((0.0, 0.01, 0.05, 0.1)) * rng.random()
        after_lines = rng.choice((1, 2, 5, 60, 300))
        _one_life(chaos, url, projections_url, first, seed + round_number, after_lines, delay_s)
        chaos.kills += 1
    _check(chaos, url, projections_url)
    return chaos


def _one_life(
    chaos: Chaos, url: str, projections_url: str, first: int, seed: int, after_lines: int, delay_s: float
) -> None:
    command = [sys.executable, "-m", "benchmarks.stores.chaos", url, projections_url, str(first), str(seed)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        lines: list[str] = []
        ready = threading.Event()
        assert process.stdout is not None
        assert process.stderr is not None
        output = process.stdout

        def listen() -> None:
            for line in output:
                lines.append(line)
                if len(lines) >= after_lines:
                    ready.set()
            ready.set()

        listener = threading.Thread(target=listen)
        listener.start()
        ready.wait(START_LIMIT_S)
        time.sleep(delay_s)
        died = process.poll() is not None
        process.kill()
        listener.join()
        if died:
            chaos.inconsistent += 1
            chaos.faults.append(process.stderr.read()[-2000:])
    for line in lines:
        _hear(chaos, line)


def _hear(chaos: Chaos, line: str) -> None:
    words = line.split()
    if not line.endswith("\n"):
        return
    if words[0] == "A":
        number, index = int(words[1]), int(words[2])
        chaos.delivered_again += int(words[3])
        chaos.moved += chaos.acknowledged.setdefault(number, index) != index
    elif words[0] == "C":
        size, root = int(words[1]), words[2]
        chaos.inconsistent += chaos.checkpoints.setdefault(size, root) != root


def _check(chaos: Chaos, url: str, projections_url: str) -> None:
    with _open(url) as log:
        log.sign_checkpoint()
        try:
            log.audit()
        except GaugeblockError as error:
            chaos.inconsistent += 1
            chaos.faults.append(str(error))
        there: Counter[str] = Counter()
        at: dict[str, int] = {}
        for record in log.records(0, log.size):
            identity = parse(record.jws).identity
            there[identity] += 1
            at[identity] = record.index
        chaos.lost = sum(there[f"1/{number}"] == 0 for number in chaos.acknowledged)
        chaos.duplicates = sum(count - 1 for count in there.values())
        chaos.moved += sum(at.get(f"1/{n}", index) != index for n, index in chaos.acknowledged.items())
        for size, root in chaos.checkpoints.items():
            chaos.inconsistent += size > log.size or log.reader.root_at(size).hex() != root
        with Database(projections_url) as database:
            runner = ProjectionRunner(database, log.reader, [ChaosProjection()])
            runner.catch_up()
            before = runner.digest("chaos")
            runner.rebuild("chaos")
            chaos.projections_differ = int(runner.digest("chaos") != before)


def run() -> list[Figure]:
    """200 kills on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        chaos = run_chaos(f"sqlite:///{folder}/log.sqlite", f"sqlite:///{folder}/projections.sqlite", KILLS, SEED)
    protocol = "kill -9 of the log's writer under load, SQLite on the local disk, 1 to 50 records a submission"
    figures = {
        "kills": chaos.kills,
        "acknowledged": len(chaos.acknowledged),
        "delivered_again": chaos.delivered_again,
        "checkpoints_seen": len(chaos.checkpoints),
        "lost": chaos.lost,
        "duplicates": chaos.duplicates,
        "moved": chaos.moved,
        "inconsistent": chaos.inconsistent,
        "projections_differ": chaos.projections_differ,
    }
    for fault in chaos.faults[:3]:
        print(fault)
    return [Figure(name, value, "count", protocol, seed=SEED) for name, value in figures.items()]


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
