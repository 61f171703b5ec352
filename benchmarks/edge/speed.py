"""How long a station takes from trigger to answer, seen from the PLC's end of the line."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.edge._rig import Rig
from benchmarks.harness import Figure

SEED = 7
TRIGGERS = 400
FRAME_BYTES = 50_000


def run(triggers: int = TRIGGERS) -> list[Figure]:
    """Loop, pipes, signature, spool and line; the inspector is a twin that costs nothing."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), SEED, interval_s=0.04, pad=FRAME_BYTES)
        try:
            rig.start()
            rig.plc.running.set()
            while rig.plc.number < triggers:
                time.sleep(0.1)
            rig.plc.running.clear()
            rig.drain()
            rig.stop()
            latencies_ms = sorted(rig.tally(0).latencies_ms)
        finally:
            rig.close()
    protocol = (
        f"{len(latencies_ms)} triggers at 25/s over TCP, {FRAME_BYTES} byte frames, record and image flushed to"
        " disk before the answer, hand-over running; trigger sent to answer received at the PLC; twin inspector,"
        " so that vision's own time is not in it"
    )
    return [
        Figure("trigger_to_result_ms_p50", latencies_ms[len(latencies_ms) // 2], "ms", protocol, SEED),
        Figure("trigger_to_result_ms_p99", latencies_ms[int(0.99 * len(latencies_ms))], "ms", protocol, SEED),
    ]
