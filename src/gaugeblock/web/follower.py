"""Looks at log, verdicts and stations several times a second and tells the event hub and the metrics what is new."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio.to_thread

from gaugeblock.inspection.read_model import PAGE_LIMIT, VerdictFilter, VerdictRow
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.web.events import EventHub
from gaugeblock.web.metrics import Metrics
from gaugeblock.web.ports import Services, StationState

PAGES_LIMIT = 5
LONGEST_PAUSE_S = 10.0
logger = logging.getLogger("gaugeblock.web")


@dataclass(frozen=True)
class Sight:
    """What one look found."""

    log_size: int
    checkpoint: bytes
    rows: list[VerdictRow]
    """New verdicts, oldest first."""
    skipped: bool
    """More came than one look reads: listeners have to read afresh."""
    stations: list[StationState]


class Follower:
    """One task of the web application."""

    def __init__(self, services: Services, hub: EventHub, metrics: Metrics) -> None:
        self._services, self._hub, self._metrics = services, hub, metrics
        self._last_verdict: int | None = None
        self._log_size = -1
        self._stations: list[StationState] = []

    def look(self) -> Sight:
        """Reads the ports once; blocks, so it runs in a thread."""
        services = self._services
        rows, skipped = self._new_rows()
        try:
            stations = services.stations.stations()
        except GaugeblockError:
            # News of parts do not wait for the supervision; pages show its fault when they are read.
            stations = self._stations
        return Sight(services.log.size, services.log.checkpoint(), rows, skipped, stations)

    def _new_rows(self) -> tuple[list[VerdictRow], bool]:
        reader = self._services.inspections
        if self._last_verdict is None:
            newest = reader.verdicts(VerdictFilter(limit=1))
            self._last_verdict = newest[0].index if newest else -1
            return [], False
        rows: list[VerdictRow] = []
        before: int | None = None
        for _ in range(PAGES_LIMIT):
            page = reader.verdicts(VerdictFilter(before=before, limit=PAGE_LIMIT))
            fresh = [row for row in page if row.index > self._last_verdict]
            rows.extend(fresh)
            if len(fresh) < len(page) or len(page) < PAGE_LIMIT:
                return self._advance(rows), False
            before = page[-1].index
        return self._advance(rows), True

    def _advance(self, rows: list[VerdictRow]) -> list[VerdictRow]:
        if rows:
            self._last_verdict = rows[0].index
        return rows[::-1]

    def tell(self, sight: Sight) -> None:
        """Publishes what differs from the last look."""
        self._metrics.saw_checkpoint(sight.checkpoint, self._services.clock.monotonic_ns())
        for row in sight.rows:
            self._metrics.saw_verdict(row)
        if sight.skipped:
            self._hub.publish("resync", {})
        else:
            for row in sight.rows:
                self._hub.publish("verdict", {"index": row.index, "station": row.station, "verdict": row.verdict})
        if sight.stations != self._stations:
            for state in sight.stations:
                if state not in self._stations:
                    self._hub.publish("station", {"station": state.station, "condition": state.condition})
            self._stations = sight.stations
        if sight.log_size != self._log_size:
            if self._log_size >= 0:
                self._hub.publish("log", {"size": sight.log_size})
            self._log_size = sight.log_size

    async def run(self) -> None:
        """Until cancelled. A failing look is logged and tried again, ever more slowly: pages go stale, visibly."""
        pause_s = every_s = self._services.settings.follow_every_s
        while True:
            try:
                self.tell(await anyio.to_thread.run_sync(self.look))
                pause_s = every_s
            except Exception:  # a supervisor: the pages outlive a database that is away
                logger.exception("could not look for news; next look in %.1f s", pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)


@contextlib.asynccontextmanager
async def following(follower: Follower) -> AsyncIterator[None]:
    """Runs the follower while the application lives."""
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
