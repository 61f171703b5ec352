"""Drives the stations around the virtual inspection in real time, and hands their events on in batches."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from gaugeblock.apps.supervision import write_atomically
from gaugeblock.plant.production_facets import EventBatchStatement
from gaugeblock.production.event_files import in_batches
from gaugeblock.virtual.line import Unit, VirtualLine
from gaugeblock.virtual.production import Event, Piece, ProductionConfig, ProductionState, VirtualProduction

TICK_S = 0.05
BATCH_S = 1.0
HELD_MAX = 200


class ProductionDriver:
    """The line in real time.

    Parameters
    ----------
    production
        The line; its inspection waits for :meth:`infeed`.
    put
        Takes a batch about once a second.
    state
        Where its state is kept; ``None``: nowhere.
    """

    def __init__(
        self,
        production: VirtualProduction,
        put: Callable[[EventBatchStatement], None],
        state: Path | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._production, self._put, self._state, self._now_s = production, put, state, now_s
        self._held: list[Event] = []
        self._sequence = 0
        self._handed_s = now_s()

    async def infeed(self, unit: Unit, stop: asyncio.Event) -> None:
        """Wait until the unit stands at the inspection, and let it in."""
        while not stop.is_set():
            self.tick()
            waiting = self._production.waiting()
            if waiting is not None and waiting.number < unit.number:
                # Inspected before the process was stopped: it goes through.
                self._production.let_in()
                self._production.judged(waiting.serial, True)
            elif waiting is not None:
                if waiting.serial == unit.serial:
                    self._production.let_in()
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TICK_S)

    def routed(self, serial: str, good: bool) -> None:
        """The gate's decision."""
        self._production.judged(serial, good)

    def tick(self) -> None:
        """Bring the line to now; hand on what is due."""
        now_s = self._now_s()
        self._held += self._production.advance(now_s)
        if self._held and (now_s - self._handed_s >= BATCH_S or len(self._held) >= HELD_MAX):
            self.hand_on(now_s)

    def hand_on(self, now_s: float) -> None:
        """All events so far as one batch."""
        self._handed_s = now_s
        for batch in in_batches(self._held, self._sequence):
            self._put(batch)
            self._sequence = batch.sequence + 1
        self._held = []
        if self._state is not None:
            write_atomically(self._state, msgspec.json.encode(self._production.saved()))

    async def run(self) -> None:
        """Tick for ever; cancel it to end."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def end(self) -> None:
        """What has happened until now is handed on."""
        self.tick()
        self.hand_on(self._now_s())


@contextlib.asynccontextmanager
async def driving(
    config: ProductionConfig,
    line: VirtualLine,
    put: Callable[[EventBatchStatement], None],
    state: Path | None = None,
    now_s: Callable[[], float] = time.time,
) -> AsyncIterator[ProductionDriver]:
    """The driver while this lasts. A state file that is there and can be read is gone on from."""

    def piece(number: int) -> Piece:
        unit = line.unit(number)
        return Piece(number, unit.serial, unit.product, unit.order)

    before = None
    if state is not None and state.is_file():
        with contextlib.suppress(msgspec.DecodeError, OSError):
            before = msgspec.json.decode(state.read_bytes(), type=ProductionState)
        if before is not None and len(before.stations) != len(config.stations):
            before = None
    production = VirtualProduction(config, line.config.seed, piece, now_s(), line.config.first_unit, before)
    driver = ProductionDriver(production, put, state, now_s)
    task = asyncio.create_task(driver.run())
    try:
        yield driver
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        driver.end()
