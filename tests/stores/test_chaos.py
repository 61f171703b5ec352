"""kill -9 of the log's writer at seeded moments; the long run is ``benchmarks.stores.chaos``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.stores.chaos import Chaos, run_chaos

SEED = 7


def check_chaos(chaos: Chaos, kills: int) -> None:
    assert chaos.faults == [], f"seed {SEED}"
    assert (chaos.kills, chaos.lost, chaos.duplicates, chaos.moved) == (kills, 0, 0, 0), f"seed {SEED}"
    assert (chaos.inconsistent, chaos.projections_differ) == (0, 0), f"seed {SEED}"
    assert len(chaos.acknowledged) > 0
    assert len(chaos.checkpoints) > 0


def test_a_killed_writer_loses_nothing_in_sqlite(tmp_path: Path) -> None:
    log, projections = (f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("log", "projections"))
    check_chaos(run_chaos(log, projections, kills=12, seed=SEED), 12)


def test_a_killed_writer_loses_nothing_in_postgresql(postgresql_url: str) -> None:
    check_chaos(run_chaos(postgresql_url, postgresql_url, kills=4, seed=SEED), 4)
