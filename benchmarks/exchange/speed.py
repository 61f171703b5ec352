"""Requests a CPU second of the exchange process: authenticated, every transfer durable in the log before its answer.

A plant and an exchange as real processes over SQLite, one customer with a contract, 1,000 shells in a shared AAS
environment. CPU is counted at 256 connections that stay open, where there is always work; latency is told at 50, and
CPU there beside it: a process that mostly waits for the log pays for each waking. The client is a process of its own
and counts nowhere. The peer is one bare Litestar route on granian that gives the same bytes with no authentication, no
record and no view, in the same run, at 256 connections as well.

Run with ``python -m benchmarks exchange.speed``.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec

from benchmarks.exchange._rig import Load, Rig, drive, environment, free_port, percentile, running, submodel_path
from benchmarks.harness import Figure

SHELLS = 1_000
CONNECTIONS, SATURATING = 50, 256
SECONDS = 8.0
WARM_S = 1.5

PEER = """
import asyncio, sys
from pathlib import Path
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, Response, get
from litestar.params import FromPath

SMALL, LARGE = Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes()

@get("/submodels/{identifier:str}", sync_to_thread=False)
def submodel(identifier: FromPath[str]) -> Response[bytes]:
    return Response(SMALL, media_type="application/json")

@get("/shells", sync_to_thread=False)
def shells() -> Response[bytes]:
    return Response(LARGE, media_type="application/json")

app = Litestar([submodel, shells], openapi_config=None, logging_config=None)
server = Server(app, address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.ASGI, log_access=False,
                websockets=False)
asyncio.run(server.serve())
"""


class _Outcome(msgspec.Struct):
    """What the client's process prints."""

    count: int
    statuses: dict[int, int]
    p50_ms: float
    p99_ms: float
    errors: int


def submodel_paths() -> list[str]:
    """The addresses of all submodels."""
    return [submodel_path(number) for number in range(SHELLS)]


def request_of(port: int, paths: list[str], key: str) -> Callable[[int], bytes]:
    """The request of each turn, as bytes."""
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    made = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{authorization}\r\n".encode() for path in paths]
    return lambda turn: made[turn * 7 % len(made)]


def _measure(
    port: int, which: str, key: str, cpu_of: list[Callable[[], float]], connections: int
) -> tuple[_Outcome, list[float]]:
    """Drive from another process; CPU seconds of each process meanwhile."""
    _client(port, which, key, WARM_S, connections)
    before = [cpu() for cpu in cpu_of]
    outcome = _client(port, which, key, SECONDS, connections)
    return outcome, [cpu() - start for cpu, start in zip(cpu_of, before, strict=True)]


def _client(port: int, which: str, key: str, seconds: float, connections: int) -> _Outcome:
    arguments = [sys.executable, "-m", "benchmarks.exchange.speed", str(port), which, key or "-"]
    arguments += [str(seconds), str(connections)]
    done = subprocess.run(arguments, capture_output=True, check=True, timeout=seconds + 60)
    outcome = msgspec.json.decode(done.stdout, type=_Outcome)
    if set(outcome.statuses) != {200} or outcome.errors:
        raise RuntimeError(f"answers {outcome.statuses}, errors {outcome.errors}")
    return outcome


def _process_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run() -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "plant") as rig:
        sha256 = rig.share(environment(SHELLS))
        rig.contract(documents=(sha256,))
        key = rig.issue_key()
        headers = {"Authorization": f"Bearer {key}"}
        time.sleep(1.0)
        small = httpx.get(rig.url + submodel_paths()[7], headers=headers, trust_env=False)
        large = httpx.get(f"{rig.url}/aas/shells?limit=100", headers=headers, trust_env=False)
        if small.status_code != 200 or large.status_code != 200:
            raise RuntimeError(f"{small.status_code} {large.status_code}: {small.text[:200]}")
        figures = _ours(rig, key)
        peers = _peer(Path(folder), small.content, large.content)
        named = []
        for figure, peer_value in zip(figures, (*peers, *[None] * len(figures)), strict=False):
            ratio = None if peer_value is None else float(figure.value) / peer_value
            peer = None if peer_value is None else "bare Litestar route, same bytes, nothing else"
            named.append(replace(figure, peer=peer, peer_value=peer_value, ratio=ratio))
        unrecorded = _unrecorded(rig)
        if unrecorded:
            raise RuntimeError(f"{unrecorded} answers are in no transfer record")
    return named


_counted = 0


def _ours(rig: Rig, key: str) -> list[Figure]:
    global _counted
    cpu_of = [lambda: rig.cpu_s("exchange"), lambda: _plant_cpu_s(rig)]
    figures: list[Figure] = []
    more: list[Figure] = []
    for name, which, what in (
        ("submodel", "submodels", "GET /aas/submodels/{id}, 1,000 ids in turn"),
        ("shells100", "shells", "GET /aas/shells?limit=100 of 1,000"),
    ):
        busy, (busy_exchange_s, busy_plant_s) = _measure(rig.exchange_port, which, key, cpu_of, SATURATING)
        outcome, (exchange_s, plant_s) = _measure(rig.exchange_port, which, key, cpu_of, CONNECTIONS)
        _counted += busy.count + outcome.count
        durable = f"{SECONDS:g} s, transfers durable (SQLite, full sync)"
        saturated = f"{what}; {SATURATING} connections, {durable}"
        protocol = f"{what}; {CONNECTIONS} connections, {durable}"
        figures.append(Figure(f"{name}_requests_per_cpu_s", busy.count / busy_exchange_s, "1/s", saturated))
        more += [
            Figure(
                f"{name}_requests_per_cpu_s_with_plant",
                busy.count / (busy_exchange_s + busy_plant_s),
                "1/s",
                f"{saturated}; CPU of exchange and plant",
            ),
            Figure(f"{name}_requests_per_s_saturated", busy.count / SECONDS, "1/s", saturated),
            Figure(f"{name}_p99_saturated", busy.p99_ms, "ms", saturated),
        ]
        more += [
            Figure(f"{name}_p50", outcome.p50_ms, "ms", protocol),
            Figure(f"{name}_p99", outcome.p99_ms, "ms", protocol),
            Figure(f"{name}_requests_per_s", outcome.count / SECONDS, "1/s", protocol),
            Figure(f"{name}_cpu_us", 1e6 * exchange_s / outcome.count, "µs", f"{protocol}; CPU of the exchange"),
            Figure(f"{name}_plant_cpu_us", 1e6 * plant_s / outcome.count, "µs", f"{protocol}; CPU of the plant"),
            Figure(
                f"{name}_requests_per_cpu_s_at_50",
                outcome.count / exchange_s,
                "1/s",
                f"{protocol}; CPU of the exchange",
            ),
        ]
    return [*figures, *more]


def _plant_cpu_s(rig: Rig) -> float:
    """With its admission processes, while they live."""
    pid = rig.processes["plant"].pid
    total = rig.cpu_s("plant")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                total += _process_cpu_s(int(entry.name)) if parent == pid else 0.0
            except (OSError, IndexError, ValueError):
                continue
    return total


def _peer(folder: Path, small: bytes, large: bytes) -> tuple[float, float]:
    script, port = folder / "peer.py", free_port()
    script.write_text(PEER)
    (folder / "small").write_bytes(small)
    (folder / "large").write_bytes(large)
    arguments = [sys.executable, str(script), str(port), str(folder / "small"), str(folder / "large")]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while time.monotonic() < end:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/shells", trust_env=False)
                    break
                except httpx.HTTPError:
                    time.sleep(0.05)
            rates = []
            for which in ("peer-submodels", "peer-shells"):
                outcome, (cpu_s,) = _measure(port, which, "", [lambda: _process_cpu_s(process.pid)], SATURATING)
                rates.append(outcome.count / cpu_s)
        finally:
            process.terminate()
    return rates[0], rates[1]


def _unrecorded(rig: Rig) -> int:
    """Answers that the client had and no record names."""
    recorded = sum(len(facets["statement"]["entries"]) for _, _, facets in rig.transfers())
    return max(0, _counted - recorded)


def _main() -> None:
    """The client's process: ``port which key seconds connections``."""
    port, which, key, seconds = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    connections = int(sys.argv[5])
    paths = {
        "submodels": submodel_paths(),
        "shells": ["/aas/shells?limit=100"],
        "peer-submodels": [path.removeprefix("/aas") for path in submodel_paths()],
        "peer-shells": ["/shells"],
    }[which]
    load: Load = asyncio.run(drive(port, request_of(port, paths, "" if key == "-" else key), seconds, connections))
    outcome = _Outcome(
        load.count,
        load.statuses,
        1e3 * percentile(load.latencies_s, 0.5),
        1e3 * percentile(load.latencies_s, 0.99),
        load.errors,
    )
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    _main()
