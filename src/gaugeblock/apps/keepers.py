"""Runs the keepers of the working rooms in one thread of the plant process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from gaugeblock.inspection.keepers import Keeper
from gaugeblock.plant.errors import GaugeblockError

EVERY_S = 1.0
RETRY_S_FIRST = 2.0
RETRY_S_MAX = 120.0

_logger = logging.getLogger(__name__)


class KeeperThread:
    """Steps each keeper about once a second; one that fails waits longer each time, and the others go on.

    Parameters
    ----------
    keepers
        In the order in which they step.
    clock_s
        Monotonic seconds.
    every_s
        Pause between rounds.

    Examples
    --------
    ``thread = KeeperThread(desks.keepers, time.monotonic); thread.start(); ...; thread.stop()``
    """

    def __init__(self, keepers: Sequence[Keeper], clock_s: Callable[[], float], every_s: float = EVERY_S) -> None:
        self._keepers = tuple(keepers)
        self._clock_s, self._every_s = clock_s, every_s
        self._faults: dict[str, GaugeblockError] = {}
        self._not_before: dict[str, float] = {}
        self._wait_s: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keepers", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def faults(self) -> list[GaugeblockError]:
        """What keeps a keeper from its work now."""
        return list(self._faults.values())

    def round(self) -> None:
        """Step each keeper that is not waiting after a fault."""
        for keeper in self._keepers:
            now_s = self._clock_s()
            if now_s < self._not_before.get(keeper.name, 0.0):
                continue
            try:
                keeper.step()
            except GaugeblockError as error:
                wait_s = min(RETRY_S_MAX, self._wait_s.get(keeper.name, RETRY_S_FIRST / 2) * 2)
                self._wait_s[keeper.name], self._not_before[keeper.name] = wait_s, now_s + wait_s
                if keeper.name not in self._faults:
                    _logger.error("%s: %s", keeper.name, error)
                self._faults[keeper.name] = error
            else:
                self._faults.pop(keeper.name, None)
                self._wait_s.pop(keeper.name, None)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.round()
