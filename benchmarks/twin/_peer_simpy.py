"""The 10-station line in SimPy, as its documentation would write it; by itself: ``python _peer_simpy.py PARTS SEED``.

Blocking after service: a part is put into the next buffer before the station takes another. Failures count operating
time: a service is held in pieces, with a repair between them.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Generator
from typing import Any

import simpy

STATIONS, PLACES, FAILURE_RATE, REPAIR_RATE = 10, 5, 0.02, 0.1


def _station(
    env: simpy.Environment, number: int, stores: list[simpy.Store], draw: random.Random, done: list[int], parts: int
) -> Generator[Any, Any, None]:
    uptime = draw.expovariate(FAILURE_RATE)
    while True:
        if number:
            yield stores[number - 1].get()
        work = draw.expovariate(1.0)
        while uptime < work:
            yield env.timeout(uptime)
            work -= uptime
            yield env.timeout(draw.expovariate(REPAIR_RATE))
            uptime = draw.expovariate(FAILURE_RATE)
        yield env.timeout(work)
        uptime -= work
        if number < STATIONS - 1:
            yield stores[number].put(1)
        else:
            done[0] += 1
            if done[0] == parts:
                raise simpy.core.StopSimulation(None)


def run(parts: int, seed: int) -> dict[str, float]:
    """Parts per CPU second, and throughput."""
    env = simpy.Environment()
    stores = [simpy.Store(env, PLACES) for _ in range(STATIONS - 1)]
    done = [0]
    for number in range(STATIONS):
        env.process(_station(env, number, stores, random.Random(1000 * seed + number), done, parts))
    started = time.process_time()
    env.run()
    cpu_s = time.process_time() - started
    return {"parts_per_s": parts / cpu_s, "throughput": parts / env.now}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
