"""The whole plant under kill -9: plant and station processes die at seeded moments while parts keep coming.

What must hold afterwards: every answer that reached the PLC in time has exactly one record; every checkpoint that was
ever read is consistent with the log; the audit finds nothing; projections are what a rebuild makes of the log.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import msgspec

from benchmarks.harness import Figure
from gaugeblock.apps.console import Console
from gaugeblock.apps.demo import AUTHOR, DEADLINE_MS, LINE, PLANT, STATION, free_ports, train_on_virtual_parts
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import prepare
from gaugeblock.apps.records import reading_log
from gaugeblock.apps.supervision import Supervisor
from gaugeblock.apps.up import plant_specs, wait_until_ready
from gaugeblock.inspection.projection import InspectionProjection
from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.inspection.queries import ProjectedInspections
from gaugeblock.ledger.checkpoint import Checkpoint
from gaugeblock.ledger.merkle import verify_consistency
from gaugeblock.ledger.note import NoteKey, read_note
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.database import Database
from gaugeblock.stores.log_audit import audit
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.virtual.config import VirtualLineConfig
from gaugeblock.virtual.line import UnitTruth
from gaugeblock.virtual.server import VirtualLineServer

SEED = 20261122
KILLS = int(os.environ.get("GAUGEBLOCK_CHAOS_KILLS", "200"))
CYCLE_TIME_S = 0.25
PAUSE_S = (0.2, 2.0)
SETTLE_S = 120.0


class _Line:
    """The virtual line in a thread, with what the PLC saw of each unit."""

    def __init__(self, plc_port: int, camera_port: int) -> None:
        self.truths: list[UnitTruth] = []
        self._config = VirtualLineConfig(
            name=LINE,
            station=STATION,
            seed=SEED,
            cycle_time_s=CYCLE_TIME_S,
            deadline_ms=DEADLINE_MS,
            plc_port=plc_port,
            camera_port=camera_port,
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="line")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = VirtualLineServer(self._config, self.truths.append)
        await server.start()
        self._ready.set()
        try:
            await server.run(stop=self._stop)
        finally:
            await server.close()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


def _checkpoint(installation: Installation) -> bytes | None:
    try:
        answer = httpx.get(f"{installation.url}/log/checkpoint", timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return None
    return answer.content if answer.status_code == 200 else None


def _torment(installation: Installation, supervisor: Supervisor) -> tuple[Counter[str], list[bytes]]:
    """Kill one of the two processes at seeded moments; keep the checkpoints that were seen."""
    chance = random.Random(SEED)
    kills: Counter[str] = Counter()
    checkpoints: list[bytes] = []
    names = ("plant", f"station:{STATION}")
    while sum(kills.values()) < KILLS:
        time.sleep(chance.uniform(*PAUSE_S))
        name = chance.choice(names)
        seen = _checkpoint(installation)
        if seen is not None:
            checkpoints.append(seen)
        pid = supervisor.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            kills[name] += 1
    return kills, checkpoints


def _settle(installation: Installation) -> int:
    """Wait until the station says that its spool is empty; what it still holds when patience ends."""
    file = installation.station_data(STATION) / "status.json"
    end, backlog = time.monotonic() + SETTLE_S, -1
    # The first status after the last kill may be older than the last records: wait for a fresh one.
    asked = time.time() + 2.0
    while time.monotonic() < end:
        if file.exists() and file.stat().st_mtime > asked:
            backlog = msgspec.json.decode(file.read_bytes())["spool_backlog"]
            if backlog == 0:
                break
        time.sleep(0.2)
    return int(backlog)


def _examine(installation: Installation, truths: list[UnitTruth], checkpoints: list[bytes]) -> dict[str, int]:
    with (
        reading_log(installation) as (database, reader),
        Database(installation.database_url("projections")) as projected,
    ):
        try:
            audit(database, reader, NoteKey.from_vkey(reader.log_key))
            audit_faults = 0
        except GaugeblockError as error:
            print(f"audit: {error}")
            audit_faults = 1
        final = reader.last_checkpoint()
        inconsistent = 0
        for raw in checkpoints:
            old = Checkpoint.from_text(read_note(raw).text)
            proof = reader.consistency(old.size, final.size) if 0 < old.size < final.size else []
            inconsistent += not verify_consistency(old.size, final.size, proof, old.root, final.root)
        projection = InspectionProjection()
        runner = ProjectionRunner(projected, reader, inspection_projections())
        runner.catch_up()
        before = runner.digest(projection.name)
        runner.rebuild(projection.name)
        rebuilt_other = int(runner.digest(projection.name) != before)
        inspections = ProjectedInspections(projected, lambda: reader.size)
        in_time = [t for t in truths if not t.late]
        lost = duplicates = wrong_gate = 0
        for truth in in_time:
            rows = inspections.unit(truth.unit.serial)
            lost += not rows
            duplicates += len(rows) > 1
            if truth.gate == "pass" and not any(row.verdict is Verdict.OK for row in rows):
                wrong_gate += 1
        return {
            "answered": len(in_time),
            "records": reader.size,
            "lost": lost,
            "duplicates": duplicates,
            "passed_without_ok_record": wrong_gate,
            "checkpoints_inconsistent": inconsistent,
            "audit_faults": audit_faults,
            "projections_differ": rebuilt_other,
        }


def run() -> list[Figure]:
    """Torment a plant and count what must be zero."""
    console = Console("en")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        port, plc_port, camera_port = free_ports(3)
        plant_file = directory / "plant.toml"
        plant_file.write_text(
            PLANT.format(port=port, plc_port=plc_port, camera_port=camera_port, deadline_ms=DEADLINE_MS), "utf-8"
        )
        installation = load_installation(plant_file)
        train_on_virtual_parts(directory / "modules" / "P100.gbm", SEED, console)
        prepare(installation, (AUTHOR,))
        supervisor = Supervisor(plant_specs(installation), installation.supervision, back_off_s_max=0.5)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        line = _Line(plc_port, camera_port)
        try:
            assert wait_until_ready(installation, thread.is_alive)
            line.start()
            started_s = time.monotonic()
            kills, checkpoints = _torment(installation, supervisor)
            took_s = time.monotonic() - started_s
            line.stop()
            backlog = _settle(installation)
        finally:
            supervisor.stop()
            thread.join()
        found = _examine(installation, line.truths, checkpoints)
    protocol = (
        f"virtual line, one unit each {CYCLE_TIME_S} s, kill -9 after {PAUSE_S[0]}–{PAUSE_S[1]} s (seeded), "
        f"{took_s:.0f} s in all"
    )
    figures = [
        Figure("kills_plant", kills["plant"], "1", protocol, SEED),
        Figure("kills_station", kills[f"station:{STATION}"], "1", protocol, SEED),
        Figure("triggers", len(line.truths), "1", protocol, SEED),
        Figure("not_handed_over", backlog, "1", protocol, SEED),
        Figure("checkpoints_seen", len(checkpoints), "1", protocol, SEED),
    ]
    figures += [Figure(name, value, "1", protocol, SEED) for name, value in found.items()]
    return figures
