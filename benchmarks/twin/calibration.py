"""Calibration against known truth: does the 95 % interval of throughput hold the true one in 95 % of logs?

Each log is of a random line (two to six stations with one or two machines, places 0 to 8, seven families of times,
failures by operating or calendar time on half of the stations, scrap, rework), written by a simulator of its own
(:mod:`benchmarks.twin._shop`): who came onto which machine and left it, and when machines were down. The calibration
is told nothing else; it discovers stations, machines, places and routes, and its interval carries the parameters'
uncertainty through simulation. A log that cannot be calibrated counts as a miss. The truth is one run of 300,000 parts.

Then two real logs, where they are there: orders of a metal shop (:mod:`benchmarks.twin._metal_shop`), and the reading
of ten million events.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.harness import Figure
from benchmarks.twin import _metal_shop
from benchmarks.twin._shop import Shop, random_line
from gaugeblock.connectors.event_log_csv import read_event_log
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.twin.calibration.calibrate import calibrate
from gaugeblock.twin.calibration.uncertainty import throughput, throughput_interval

SEED = 20261125
LOGS, PARTS, TRUE_PARTS = 400, 1_000, 300_000
CONFIDENCE = 0.95
ROWS = 10_000_000


def binomial_p(hits: int, count: int, share: float) -> float:
    """Two-sided exact p-value: the probability of all numbers of hits that are no more probable than this one."""
    chances = [
        math.exp(
            math.lgamma(count + 1)
            - math.lgamma(k + 1)
            - math.lgamma(count - k + 1)
            + k * math.log(share)
            + (count - k) * math.log1p(-share)
        )
        for k in range(count + 1)
    ]
    return min(1.0, math.fsum(c for c in chances if c <= chances[hits] * (1 + 1e-9)))


def covered(number: int, parts: int = PARTS, true_parts: int = TRUE_PARTS, seed: int = SEED) -> tuple[bool, float]:
    """Whether log ``number``'s interval holds the truth, and its half-width relative to the truth."""
    line = random_line(np.random.default_rng([seed, number]))
    log = Shop(line, seed + number).run(parts)
    truth = throughput(line, parts=true_parts, seed=seed)
    try:
        found = throughput_interval(calibrate(log, seed=number), seed=number, confidence=CONFIDENCE)
    except GaugeblockError as error:
        print(f"  log {number}: {error}", flush=True)
        return False, math.nan
    return found.low <= truth <= found.high, 0.5 * (found.high - found.low) / truth


def coverage(
    logs: int = LOGS, parts: int = PARTS, seed: int = SEED, true_parts: int = TRUE_PARTS
) -> tuple[int, list[float]]:
    """Hits and half-widths over so many logs."""
    hits, widths, began = 0, [], time.perf_counter()
    for number in range(logs):
        hit, width = covered(number, parts, true_parts, seed)
        hits += hit
        widths.append(width)
        if (number + 1) % 50 == 0:
            took = time.perf_counter() - began
            print(f"  {number + 1} logs: {hits} hold the true throughput, {took:.0f} s", flush=True)
    return hits, widths


@cache
def coverage_figures() -> list[Figure]:
    """The figures of the coverage study."""
    began = time.process_time()
    hits, widths = coverage()
    p = binomial_p(hits, LOGS, CONFIDENCE)
    protocol = (
        f"{LOGS} logs of {PARTS} parts of random lines, structure discovered; share of 95 % intervals that hold the "
        f"true throughput; binomial test of 0.95: p = {p:.3g}, {'not ' if p > 0.05 else ''}rejected at 5 %"
    )
    return [
        Figure("calibration_coverage", hits / LOGS, "share", protocol, SEED),
        Figure("calibration_coverage_p", p, "1", "two-sided binomial test of 0.95", SEED),
        Figure("calibration_half_width", float(np.nanmedian(widths)), "share", "median, relative to the truth", SEED),
        Figure("calibration_cpu_s", time.process_time() - began, "s", "all logs: written, fitted, simulated", SEED),
    ]


def _rows(count: int) -> Iterator[str]:
    yield "part,station,machine,start,end\n"
    for k in range(count // 5):
        for s in range(5):
            begin = 0.5 * k + s
            yield f"p{k},s{s},s{s}/1,{begin:.2f},{begin + 0.5:.2f}\n"


def ten_million() -> list[Figure]:
    """Ten million events read, cleaned, discovered and fitted."""
    began = time.process_time()
    log = read_event_log(_rows(ROWS))
    read = time.process_time() - began
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    calibrate(log)
    fitted = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    protocol = f"{ROWS:,} visits of a serial line of five stations as CSV; CPU seconds"
    return [
        Figure("log_read_s", read, "s", protocol),
        Figure("log_read_peak_mb", before / 1024, "MB", "resident at most after reading"),
        Figure("log_fit_s", fitted, "s", "cleaned, discovered, fitted"),
        Figure("log_fit_peak_mb", peak / 1024, "MB", "resident at most"),
    ]


def run() -> list[Figure]:
    """All of it."""
    return [*_metal_shop.figures(), *coverage_figures(), *ten_million()]
