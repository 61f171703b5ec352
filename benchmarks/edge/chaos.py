"""kill -9 of a real station process at seeded moments under load, with faults in frames and in the plant."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.edge._rig import DEADLINE_MS, Rig
from benchmarks.harness import Figure

SEED = 20261122
KILLS = 200


def run(kills: int = KILLS, seed: int = SEED) -> list[Figure]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), seed, interval_s=0.02, frame_faults=0.02, plant_faults=0.1)
        try:
            tally = rig.play(kills)
        finally:
            rig.close()
    protocol = (
        f"station process killed with SIGKILL at {kills} seeded moments; a trigger each 20 ms (also while it is"
        f" down), deadline {DEADLINE_MS:g} ms; 2 % of frames hang, crash or refuse; 10 % of the plant's answers"
        " are 503 or lost; twin inspector"
    )
    names = (
        "kills",
        "triggers",
        "acknowledged",
        "answered_in_deadline",
        "late_ok_accepted",
        "wrong_ok",
        "answered_twice",
        "lost",
        "unrecorded",
        "duplicates",
        "conflicts",
        "contradicted",
        "missing_images",
        "sequence_gaps",
        "second_deliveries",
    )
    return [Figure(name, getattr(tally, name), "", protocol, seed) for name in names]
