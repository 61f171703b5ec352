"""The exchange's sender of webhooks: serves every endpoint that is switched on, each by one worker at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from gaugeblock.exchange.webhook_dispatch import WebhookDispatcher
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.webhooks import Endpoint, WebhookStore

EVERY_S = 1.0
WORKERS = 8
"""A slow receiver holds one; the others go on."""
KEPT_DAYS = 30
SWEEP_EVERY_S = 3600.0

_logger = logging.getLogger("gaugeblock.webhooks")


class WebhookSender:
    """A thread that looks for work, and some that do it.

    Parameters
    ----------
    store, dispatcher
        The queue, and what sends.
    clock
        Wall clock.
    """

    def __init__(
        self, store: WebhookStore, dispatcher: WebhookDispatcher, clock: Clock, every_s: float = EVERY_S
    ) -> None:
        self._store, self._dispatcher, self._clock, self._every_s = store, dispatcher, clock, every_s
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="webhook")
        self._stop = threading.Event()
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._swept_at = clock.now() - timedelta(seconds=SWEEP_EVERY_S)
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self.fault: GaugeblockError | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    async def close(self) -> None:
        """End after the messages under way. On the event loop that records transfers, which goes on meanwhile."""
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """End after the messages under way."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._look()
                self.fault = None
            except GaugeblockError as error:
                self._say(error)

    def _look(self) -> None:
        for endpoint in self._store.enabled():
            with self._lock:
                if endpoint.id in self._busy:
                    continue
                self._busy.add(endpoint.id)
            self._pool.submit(self._serve, endpoint)
        now = self._clock.now()
        if (now - self._swept_at).total_seconds() >= SWEEP_EVERY_S:
            self._store.sweep(to_rfc3339(now - timedelta(days=KEPT_DAYS)))
            self._swept_at = now

    def _serve(self, endpoint: Endpoint) -> None:
        try:
            self._dispatcher.turn(endpoint)
        except GaugeblockError as error:
            self._say(error)
        finally:
            with self._lock:
                self._busy.discard(endpoint.id)

    def _say(self, error: GaugeblockError) -> None:
        # A store that is away is said once, not each second.
        if self.fault is None or self.fault.code != error.code:
            _logger.error("webhooks: %s", error)
        self.fault = error
