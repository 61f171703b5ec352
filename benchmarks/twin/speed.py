"""Parts a second on one core: both kernels beside SimPy and cimba on the same line in the same run.

The line: 10 stations of mean service 1 (exponential), five places between neighbours, blocking after service, a
failure every 50 of operating time, repairs of 10 (both exponential). All are timed in CPU seconds without compilation,
in turns; the figure is the median of the rounds. The peers live in an environment of their own, ``.envs/twin-peers``,
made when it is missing; ``GAUGEBLOCK_TWIN_PEERS`` names the Python of another. Who cannot be had is left out, with the
reason.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.harness import Figure
from gaugeblock.twin.distributions import Exponential
from gaugeblock.twin.line import Failures, Line, serial_line
from gaugeblock.twin.max_plus import MaxPlusRun
from gaugeblock.twin.replications import replicate
from gaugeblock.twin.simulation import Simulation

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".envs" / "twin-peers"
VARIABLE = "GAUGEBLOCK_TWIN_PEERS"
SEED, ROUNDS = 1, 5
MAX_PLUS_PARTS, EVENT_PARTS, SIMPY_PARTS, CIMBA_PARTS = 5_000_000, 1_000_000, 30_000, 500_000
STATIONS, PLACES = 10, 5
WEEK, REPLICATIONS, PIECES = 10_080.0, 10_000, 40
THROUGHPUT_TOLERANCE = 0.03
_FIRST_CALL = """
import time
began = time.perf_counter()
from gaugeblock.twin.distributions import Exponential
from gaugeblock.twin.line import serial_line
from gaugeblock.twin.simulation import Simulation
Simulation(serial_line([Exponential(1.0)] * 10, [5] * 9)).advance(parts=1000)
print(time.perf_counter() - began)
"""


def the_line(stations: int = STATIONS) -> Line:
    """The line that all simulate."""
    broken = Failures(counts="operating_time", between=Exponential(50.0), repair=Exponential(10.0))
    return serial_line([Exponential(1.0)] * stations, [PLACES] * (stations - 1), failures=[broken] * stations)


def peers_python() -> Path | str:
    """The Python that has the peers, or why there is none."""
    named = os.environ.get(VARIABLE)
    python = Path(named) if named else PEERS / "bin" / "python"
    if named or python.exists():
        return python if python.exists() else f"{VARIABLE} names no file"
    made = subprocess.run([sys.executable, "-m", "venv", str(PEERS)], capture_output=True, text=True, check=False)
    if made.returncode:
        return made.stderr.strip()[-200:]
    for package in ("simpy", "cimba"):
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package],
            capture_output=True,
            check=False,
        )
    return python


def _peer(python: Path | str, name: str, parts: int, seed: int) -> dict[str, float] | str:
    if isinstance(python, str):
        return python
    command = [str(python), str(HERE / f"_peer_{name}.py"), str(parts), str(seed)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return (ran.stderr.strip().splitlines() or ["no answer"])[-1]
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def _timed_event(run: Simulation, parts: int) -> float:
    started = time.process_time()
    run.advance(parts=run.finished + parts)
    return parts / (time.process_time() - started)


def _timed_max_plus(run: MaxPlusRun, parts: int) -> float:
    started = time.process_time()
    run.advance(parts)
    return parts / (time.process_time() - started)


def _week(first: int) -> tuple[int, float]:
    """A share of the replications, in a process of its own: parts and CPU seconds."""
    started = time.process_time()
    count = REPLICATIONS // PIECES
    reports = replicate(the_line(), range(first * count, (first + 1) * count), until=WEEK, seed=SEED)
    return sum(report.finished for report in reports), time.process_time() - started


def _weeks(workers: int, pieces: int) -> tuple[float, int, float]:
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        # Each has loaded the kernels before the clock starts.
        list(pool.map(_first_parts, range(4 * workers)))
        started = time.perf_counter()
        done = list(pool.map(_week, range(pieces)))
        wall_s = time.perf_counter() - started
    return wall_s, sum(parts for parts, _ in done), sum(cpu_s for _, cpu_s in done)


def _first_parts(number: int) -> int:
    run = Simulation(the_line(), SEED, number)
    run.advance(parts=100)
    return run.finished


def _growth() -> None:
    print("  growth: stations, parts/s of the event kernel, ns an event; parts/s of max-plus")
    for stations in (2, 5, 10, 20, 50, 100):
        event, fast = Simulation(the_line(stations)), MaxPlusRun(the_line(stations))
        parts = 1_000_000 // stations
        for run_parts in (1000, parts):
            before, started = event.events, time.process_time()
            event.advance(parts=event.finished + run_parts)
            took = time.process_time() - started
        rate = _timed_max_plus(fast, 2 * parts)
        print(f"    {stations:4d}  {parts / took:12,.0f}  {1e9 * took / (event.events - before):6.1f}  {rate:12,.0f}")
    print("  growth: parts, seconds of the event kernel, of max-plus")
    for parts in (100_000, 1_000_000, 4_000_000):
        event, fast = Simulation(the_line()), MaxPlusRun(the_line())
        print(
            f"    {parts:9,d}  {parts / _timed_event(event, parts):6.2f}  {parts / _timed_max_plus(fast, parts):6.2f}"
        )


def _alike(name: str, found: float, ours: float) -> None:
    if abs(found / ours - 1.0) > THROUGHPUT_TOLERANCE:
        raise AssertionError(f"{name} simulates another line: throughput {found:.4f}, ours {ours:.4f}")


def run() -> list[Figure]:
    """Rounds of all, then replications on one and two cores, and growth."""
    line, python = the_line(), peers_python()
    event, fast = Simulation(line, SEED), MaxPlusRun(line, SEED)
    event.advance(parts=10_000)
    fast.advance(10_000)
    rates: dict[str, list[float]] = {name: [] for name in ("max_plus", "event", "simpy", "cimba")}
    missing: dict[str, str] = {}
    for number in range(ROUNDS):
        for name, parts in (("simpy", SIMPY_PARTS), ("cimba", CIMBA_PARTS)):
            answer = missing.get(name) or _peer(python, name, parts, SEED + number)
            if isinstance(answer, str):
                missing[name] = answer
            else:
                rates[name].append(answer["parts_per_s"])
                _alike(name, answer["throughput"], 0.4549)
        rates["event"].append(_timed_event(event, EVENT_PARTS))
        rates["max_plus"].append(_timed_max_plus(fast, MAX_PLUS_PARTS))
    rate = {name: statistics.median(found) for name, found in rates.items() if found}
    for name, reason in missing.items():
        print(f"  {name} left out: {reason}")
    first_calls = [
        float(subprocess.run([sys.executable, "-c", _FIRST_CALL], capture_output=True, text=True, check=True).stdout)
        for _ in range(4)
    ][1:]  # the first may have compiled
    _growth()
    two_s, parts, two_cpu_s = _weeks(2, PIECES)
    one_s, _, one_cpu_s = _weeks(1, PIECES // 4)
    print(f"  {REPLICATIONS:,} replications of a {STATIONS}-station week, {parts:,} parts:")
    print(f"    on two cores {two_s:.1f} s, with {two_cpu_s:.1f} CPU seconds; load {os.getloadavg()[0]:.1f}")
    print(f"    on one, four times a quarter of them, {4 * one_s:.1f} s, with {4 * one_cpu_s:.1f} CPU seconds")
    protocol = f"{STATIONS} stations, {PLACES} places, exponential, failures; CPU seconds, median of {ROUNDS} in turns"
    figures = [
        Figure("maxplus_parts_per_s", rate["max_plus"], "parts/s", protocol, SEED),
        Figure("event_parts_per_s", rate["event"], "parts/s", protocol, SEED),
    ]
    for figure, ours, peer in (
        ("maxplus_ratio_to_simpy", "max_plus", "simpy"),
        ("event_ratio_to_simpy", "event", "simpy"),
        ("event_ratio_to_cimba", "event", "cimba"),
    ):
        if peer in rate:
            ratio = rate[ours] / rate[peer]
            figures.append(Figure(figure, ratio, "1", protocol, SEED, peer, rate[peer], ratio))
    return [
        *figures,
        Figure("first_call_s", max(first_calls), "s", "a new process: import and 1,000 parts, kernels from the cache"),
        Figure("replications_10000_week_s", two_s, "s", f"two cores, wall time, {parts:,} parts", SEED),
        Figure("two_cores_to_one", 4 * one_s / two_s, "1", "wall time, one core to two; other work beside", SEED),
        Figure(
            "two_cores_cpu_to_one", two_cpu_s / (4 * one_cpu_s), "1", "CPU seconds of two cores to those of one", SEED
        ),
    ]
