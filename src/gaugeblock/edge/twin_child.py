"""The twin of the inference child's inspector: it does what the frame's text says.

Run as ``python -m gaugeblock.edge.twin_child MODULE SHA256|-`` by tests and rigs that need a child which answers
at once, hangs, crashes or refuses on command. No configuration of a station leads here.

A frame is ``key=value`` pairs joined by ``;``: ``score`` (UNDECIDED above 0.9, NOK above 1), ``sleep_ms``, and
``do``: ``hang``, ``crash``, ``refuse`` or ``blank``.
"""

from __future__ import annotations

import os
import sys
import time

from gaugeblock.edge.guards import verdict_of
from gaugeblock.edge.inference_child import run
from gaugeblock.edge.ports import REVIEW_ZONE, ModuleFacts, Outcome, PixelFacts
from gaugeblock.plant.errors import UnexpectedError
from gaugeblock.plant.record_types import Verdict

THRESHOLD = 1.0
REVIEW_FROM = 0.9


class TwinInspector:
    """Satisfies :class:`gaugeblock.edge.inference_child.FrameInspector`.

    >>> TwinInspector(b"", "ab").inspect(b"score=1.5").verdict
    <Verdict.NOK: 'NOK'>
    """

    def __init__(self, data: bytes, sha256: str, mm_per_pixel: float | None = None) -> None:
        del data, mm_per_pixel
        self.facts = ModuleFacts(sha256, "0" * 64, "1" * 64, "2" * 64)

    def warm_up(self) -> None:
        """Nothing is cold."""

    def inspect(self, frame: bytes) -> Outcome:
        """Do as told."""
        wanted = dict(part.split("=", 1) for part in frame.decode("utf-8").split(";") if "=" in part)
        time.sleep(float(wanted.get("sleep_ms", "0")) / 1000)
        match wanted.get("do"):
            case "hang":
                time.sleep(3600)
            case "crash":
                os._exit(3)
            case "refuse":
                raise UnexpectedError(detail="refused on command")
        score = float(wanted.get("score", "0.5"))
        blank = wanted.get("do") == "blank"
        verdict = verdict_of(score, THRESHOLD, REVIEW_FROM)
        return Outcome(
            verdict=verdict,
            reason=REVIEW_ZONE if verdict is Verdict.UNDECIDED else None,
            score=score,
            threshold=THRESHOLD,
            review_from=REVIEW_FROM,
            peak=(0.5, 0.5),
            heatmap_png=b"heat of " + frame[:100],
            pixels=PixelFacts(64, 48, 0.0 if blank else 120.0, 0.0 if blank else 30.0),
            module=self.facts,
            guards=("size", "contrast", "exposure"),
            stage_ms={"twin": 0.0},
        )


if __name__ == "__main__":
    sys.exit(run(TwinInspector, sys.argv[1:]))
