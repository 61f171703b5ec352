"""The twin against lines whose figures are known exactly: 10⁷ parts each, batch means, |z| below 3.5 for every figure.

The figures are throughput, states of stations, parts in buffers and on the line, time on the line, rates of scrap;
and for completion times from an empty line and from a line that stands full their mean and their 10th, 50th and 90th
percentile over 100,000 replications (a percentile's z is that of the share of runs below the exact one).

Then the calibration's intervals on 400 logs of known truth (:mod:`benchmarks.twin.calibration`), and delivery dates of
400 orders of the virtual plant (:mod:`benchmarks.twin._delivery`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.harness import Figure
from benchmarks.twin._delivery import delivery_figures
from benchmarks.twin._exact import CASES, Truth, cases, line_of, state_of, truths_of
from benchmarks.twin.calibration import coverage_figures
from gaugeblock.twin.intervals import interval_of
from gaugeblock.twin.line import Line
from gaugeblock.twin.max_plus import MaxPlusRun, is_serial
from gaugeblock.twin.replications import batch_means, completion_times

SEED = 20261125
BATCHES, BATCH_PARTS, WARM_UP_PARTS = 200, 50_000, 20_000
REPLICATIONS = 100_000
Z_MAX = 3.5
ROUNDING = 1e-9


def z_of(values: list[float], exact: float) -> float:
    """Of the mean of independent values; values that do not vary have to be right."""
    found = interval_of(values)
    if abs(found.mean - exact) <= ROUNDING * max(1.0, abs(exact)):
        return 0.0
    return (found.mean - exact) / found.error if found.error > 0 else math.inf


def _max_plus_z(line: Line, exact: float) -> float:
    run = MaxPlusRun(line, SEED + 1)
    run.advance(WARM_UP_PARTS)
    values = []
    for _ in range(BATCHES):
        run.begin_report()
        run.advance(BATCH_PARTS)
        values.append(run.report().throughput)
    return z_of(values, exact)


def _steady(case: dict[str, Any]) -> dict[str, float]:
    by_line: dict[Line, list[Truth]] = {}
    for truth in truths_of(case):
        by_line.setdefault(truth.line, []).append(truth)
    scores = {}
    for line, truths in by_line.items():
        reports = batch_means(line, batches=BATCHES, parts=BATCH_PARTS, warm_up=WARM_UP_PARTS, seed=SEED)
        for truth in truths:
            scores[truth.name] = z_of([truth.value(report) for report in reports], truth.exact)
        if is_serial(line):
            scores[f"{truths[0].name} by max-plus"] = _max_plus_z(line, truths[0].exact)
    return scores


def _makespan(case: dict[str, Any]) -> dict[str, float]:
    times = completion_times(line_of(case), range(1), parts=case["params"]["parts"])
    exact = case["extra"]["makespan"]
    return {
        "makespan": z_of([float(times[0])] * 2, exact),
        "throughput": z_of([case["params"]["parts"] / float(times[0])] * 2, case["throughput"]),
    }


def _completion(case: dict[str, Any]) -> dict[str, float]:
    extra = case["extra"]
    times = completion_times(
        line_of(case), range(REPLICATIONS), parts=case["params"]["K"], seed=SEED, state=state_of(case)
    )
    scores = {"mean": z_of(list(times), extra["mean"])}
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        below = float(np.mean(times <= extra[name]))
        scores[name] = (below - share) / math.sqrt(share * (1 - share) / REPLICATIONS)
    # The variance of a sample's deviation from its fourth moment.
    deviation = float(times.std(ddof=1))
    fourth = float(((times - times.mean()) ** 4).mean())
    error = math.sqrt(max(0.0, fourth - deviation**4) / REPLICATIONS) / (2 * deviation)
    scores["sd"] = (deviation - extra["sd"]) / error
    return scores


def scores_of(case: dict[str, Any]) -> dict[str, float]:
    """z of every figure of a case."""
    if case["model"].startswith("deterministic"):
        return _makespan(case)
    if case["model"].startswith("transient"):
        return _completion(case)
    return _steady(case)


def exact_figures() -> list[Figure]:
    """All cases."""
    if not CASES.is_file():
        print("the exactly known lines are not there: ../shared/conformance/line/exact_cases.json")
        return []
    passed, figures, worst = 0, 0, 0.0
    for case in cases():
        scores = scores_of(case)
        bad = {name: z for name, z in scores.items() if not abs(z) < Z_MAX}
        passed += not bad
        figures += len(scores)
        worst = max(worst, *(abs(z) for z in scores.values()))
        listed = ", ".join(f"{name} {z:+.2f}" for name, z in scores.items())
        print(f"  {'ok ' if not bad else 'NO '} {case['id']}: {listed}", flush=True)
    count = len(cases())
    protocol = f"{BATCHES * BATCH_PARTS:,} parts each in {BATCHES} batches; every figure given has |z| < {Z_MAX}"
    return [
        Figure("exact_cases_passed", passed, "cases", protocol, SEED),
        Figure("exact_cases", count, "cases", "../shared/conformance/line/exact_cases.json", SEED),
        Figure("exact_figures", figures, "figures", "compared in all, max-plus apart where it holds", SEED),
        Figure("exact_z_max", worst, "1", "the largest |z| of all figures", SEED),
    ]


def run() -> list[Figure]:
    """Exactly known lines, the calibration's coverage of known truth, delivery dates."""
    return [*exact_figures(), *coverage_figures(), *delivery_figures()]
