"""Our inspector as a worker beside ``_peer_anomalib.py``: same job file, same lines, so that both are timed alike.

A process of its own, because the numerical libraries read how many threads they may use when they are loaded.
The first such process trains and leaves the module in the job's folder; one with other threads loads it.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path

from benchmarks.vision._sets import Photographs
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.errors import ImageError
from gaugeblock.vision.heatmap import encode_heatmap
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.training import lite0_network, train


def _answer(inspector: Inspector, paths: list[str]) -> dict[str, list[float] | int]:
    """Score and milliseconds of each file, from its bytes to score and encoded heat-map.

    An image that the guards refuse is UNDECIDED on a station: it never passes, so it ranks above every score.
    """
    scores, times, undecided = [], [], 0
    for path in paths:
        data = Path(path).read_bytes()
        started = time.perf_counter_ns()
        try:
            inspection = inspector.inspect(decode(data))
            encode_heatmap(inspection.heatmap, inspection.threshold)
            score = inspection.score
        except ImageError:
            score, undecided = math.inf, undecided + 1
        times.append((time.perf_counter_ns() - started) / 1e6)
        scores.append(score)
    return {"scores": scores, "ms": times, "undecided": undecided}


def main(job_file: str) -> None:
    """Train, say so, answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    module = Path(job["module"])
    started = time.perf_counter()
    if module.exists():
        inspector = Inspector.from_bytes(module.read_bytes(), job["threads"])
    else:
        inspector = train(
            Photographs([Path(name) for name in job["train"]]),
            network=lite0_network(lite0_checkpoint()),
            groups=job["groups"],
            seed=job["seed"],
            threads=job["threads"],
        )
        module.write_bytes(inspector.to_bytes())
    facts = {
        "bank_vectors": inspector.manifest.bank_vectors,
        "channels": inspector.manifest.channels,
        "fit_s": time.perf_counter() - started,
    }
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(inspector, json.loads(line)["paths"])), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
