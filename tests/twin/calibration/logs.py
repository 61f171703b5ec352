"""Small logs for tests: a serial line's, and ones with a fault."""

from __future__ import annotations

import math

from benchmarks.twin._shop import Shop
from gaugeblock.twin.calibration.event_log import EventLog, LogBuilder
from gaugeblock.twin.line import Line

__all__ = ["beat", "log_of"]


def log_of(line: Line, parts: int, seed: int = 1) -> EventLog:
    """The log of a line with scrap and rework, written by the benchmark's own simulator."""
    return Shop(line, seed).run(parts)


def beat(parts: int = 40, **changes: tuple[float, float]) -> LogBuilder:
    """Every three minutes a part is sawn for two and milled for two and a half; ``p7_saw`` changes that visit."""
    builder = LogBuilder()
    for k in range(parts):
        for station, start, end in (("saw", 3.0 * k, 3.0 * k + 2.0), ("mill", 3.0 * k + 2.1, 3.0 * k + 4.6)):
            start, end = changes.get(f"p{k}_{station}", (start, end))
            if not math.isinf(start):
                builder.visit(f"p{k}", station, f"{station}-1", start, end)
    return builder
