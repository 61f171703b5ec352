"""The 10-station line in cimba, run by itself: ``python _peer_cimba.py PARTS SEED``.

The same line as in SimPy: stores of five places, a part is put before the next is taken, failures count operating time.
The class is written out by a loop, because each station is a compiled process of its own.
"""

from __future__ import annotations

import json
import linecache
import sys
import time

import cimba as cb

STATIONS, PLACES, FAILURE_RATE, REPAIR_RATE = 10, 5, 0.02, 0.1


def _source(parts: int) -> str:
    lines = ["import cimba as cb", "class Line(cb.Model):", "    done: int = 0", "    makespan: cb.Output[float]"]
    for k in range(STATIONS - 1):
        lines.append(f"    store{k}: cb.Store[int] = cb.Store(capacity={PLACES})")
    for k in range(STATIONS):
        lines += [
            "    @cb.process",
            f"    def station{k}(self):",
            f"        uptime = cb.random.exponential({1 / FAILURE_RATE})",
            "        while True:",
            *([f"            self.store{k - 1}.get()"] if k else []),
            "            work = cb.random.exponential(1.0)",
            "            while uptime < work:",
            "                cb.hold(uptime)",
            "                work -= uptime",
            f"                cb.hold(cb.random.exponential({1 / REPAIR_RATE}))",
            f"                uptime = cb.random.exponential({1 / FAILURE_RATE})",
            "            cb.hold(work)",
            "            uptime -= work",
        ]
        if k < STATIONS - 1:
            lines.append(f"            self.store{k}.put(1)")
        else:
            lines += [
                "            self.done += 1",
                f"            if self.done == {parts}:",
                "                self.makespan = cb.now()",
                "                cb.end_trial()",
            ]
    return "\n".join(lines) + "\n"


def run(parts: int, seed: int) -> dict[str, float]:
    """Parts per CPU second without compilation, and throughput."""
    text = _source(parts)
    # The compiler reads the source of a class, wherever it says that it stands.
    name = "<line>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    space: dict[str, object] = {"__name__": "line_model"}
    sys.modules["line_model"] = type(sys)("line_model")
    sys.modules["line_model"].__dict__.update(space)
    exec(compile(text, name, "exec"), sys.modules["line_model"].__dict__)
    model = sys.modules["line_model"].Line()
    experiment = cb.Experiment(model, replications=1, seed=seed)
    experiment.run(workers=1)
    started = time.process_time()
    results = cb.Experiment(model, replications=1, seed=seed + 1).run(workers=1)
    cpu_s = time.process_time() - started
    makespan = float(results[model].makespan.values.ravel()[0])
    return {"parts_per_s": parts / cpu_s, "throughput": parts / makespan}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
