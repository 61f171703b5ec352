"""The keepers' thread: one that fails waits and is told, the others go on."""

from __future__ import annotations

from gaugeblock.apps.keepers import KeeperThread
from gaugeblock.stores.errors import StoreFullError


class Counting:
    """A keeper that fails while it is told to."""

    def __init__(self, name: str) -> None:
        self.name, self.steps, self.fails = name, 0, False

    def step(self) -> None:
        self.steps += 1
        if self.fails:
            raise StoreFullError(store="log", detail="no space left")


def test_a_fault_is_a_concern_until_the_step_succeeds_and_harms_no_other() -> None:
    now = [0.0]
    one, other = Counting("one"), Counting("other")
    keepers = KeeperThread([one, other], lambda: now[0])
    one.fails = True
    keepers.round()
    keepers.round()
    assert (one.steps, other.steps) == (1, 2)
    assert [error.code for error in keepers.faults()] == ["stores.full"]
    for now_s in (2.0, 6.0, 14.0):
        now[0] = now_s
        keepers.round()
    assert one.steps == 4, "waits twice as long each time"
    one.fails, now[0] = False, 1000.0
    keepers.round()
    assert keepers.faults() == []


def test_it_runs_and_ends() -> None:
    one = Counting("one")
    keepers = KeeperThread([one], lambda: 0.0, every_s=0.01)
    keepers.start()
    while one.steps < 3:
        pass
    keepers.stop()
    steps = one.steps
    assert one.steps == steps
