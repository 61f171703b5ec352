"""The station's status file, written while it runs."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Literal

import msgspec

from gaugeblock.apps.station_status import StationStatus
from gaugeblock.edge.duty import FollowedDuties
from gaugeblock.edge.hand_over import HandOver
from gaugeblock.edge.ports import Clock
from gaugeblock.edge.station import Station
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.spool import SpoolFill, SqliteSpool

STATUS_EVERY_S = 1.0


class StatusFile:
    """Writes ``status.json`` once a second, and follows the assignment in the same breath.

    Parameters
    ----------
    path, name
        The file, and the station's id.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        station: Station,
        duties: FollowedDuties,
        spool: SqliteSpool,
        hand_over: HandOver | None,
        clock: Clock,
    ) -> None:
        self._path, self._name, self._station = path, name, station
        self._duties, self._spool, self._hand_over, self._clock = duties, spool, hand_over, clock

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        while not stop.is_set():
            self._duties.poll()
            self.write("running")
            stop.wait(STATUS_EVERY_S)

    def write(self, state: Literal["starting", "running", "stopped"]) -> None:
        """Write it now; where the disk takes nothing the old one stays, and its time tells."""
        duty = self._station.duty
        inference = duty.inference if duty is not None else None
        fault = self._station.fault or (inference.fault() if inference is not None else None) or self._duties.fault
        fill: SpoolFill | None = None
        try:
            fill = self._spool.state()
            self._spool.check()
        except GaugeblockError as error:
            fault = fault or error
        fault = fault or (self._hand_over.fault if self._hand_over else None)
        station, last = self._station, self._station.last
        ordered = sorted(station.latencies_ms)
        status = StationStatus(
            station=self._name,
            state=state,
            pid=os.getpid(),
            written_at=to_rfc3339(self._clock.now()),
            boot_epoch=station.epoch,
            inference=inference.state() if inference is not None else "starting",
            module_sha256=duty.module_sha256 if duty is not None else None,
            challenge=_challenge(station),
            challenge_cause=station.gate.cause if _challenge(station) in ("due", "failed") else None,
            counts=dict(station.counts),
            last_trigger=last.trigger if last else None,
            last_verdict=last.verdict.value if last else None,
            last_reason=last.reason if last else None,
            latency_ms_p50=ordered[len(ordered) // 2] if ordered else None,
            latency_ms_p99=ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else None,
            spool_backlog=fill.backlog if fill else 0,
            refused=fill.refused + fill.refused_images if fill else 0,
            delivered=self._hand_over.delivered if self._hand_over else 0,
            spool_bytes=fill.bytes_used if fill else 0,
            spool_bytes_limit=fill.bytes_limit if fill else 0,
            fault_code=fault.code if fault else None,
            fault_facts=fault.facts if fault else {},
        )
        part = self._path.with_suffix(".part")
        try:
            part.write_bytes(msgspec.json.encode(status))
            part.replace(self._path)
        except OSError:
            return


def _challenge(station: Station) -> Literal["none", "missing", "due", "failed", "passed"]:
    duty = station.duty
    if duty is None or duty.challenge_set is None:
        return "missing" if duty is not None and duty.require_challenge else "none"
    state = station.gate.state
    return "passed" if state == "open" else "failed" if state == "failed" else "due"
