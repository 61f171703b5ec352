"""``gaugeblock doctor``: what is wrong with installation, settings, disk, clock, ports, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.plant.errors import GaugeblockError

Level = Literal["good", "warning", "fault"]

DISK_FREE_BYTES_MIN = 1_000_000_000
DISK_FREE_BYTES_WANTED = 20_000_000_000
CLOCK_ERROR_MS_WANTED = 100.0


@dataclass(frozen=True)
class Finding:
    """One check's outcome; the catalogue's sentence is ``apps.doctor.<key>``."""

    level: Level
    key: str
    facts: dict[str, str | int | float]
    error: GaugeblockError | None = None


def _finding(level: Level, key: str, **facts: str | int | float) -> Finding:
    return Finding(level, key, facts)


def _needed() -> list[str]:
    """What the installed package itself says it needs, without extras."""
    requirements = importlib.metadata.requires("gaugeblock") or []
    return [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requirements if "extra ==" not in line]


def examine_installation() -> Iterator[Finding]:
    """Python, packages and the backbone's weights."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield _finding("good" if sys.version_info >= (3, 11) else "fault", "python", version=python)
    missing = []
    needed = _needed()
    for name in needed:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield _finding("fault", "packages_missing", names=", ".join(missing))
    else:
        yield _finding("good", "packages", count=len(needed))


def examine_disk(installation: Installation) -> Iterator[Finding]:
    """Room and rights where state is kept."""
    place = installation.data
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    level: Level = "good" if free >= DISK_FREE_BYTES_WANTED else "warning"
    yield _finding(
        "fault" if free < DISK_FREE_BYTES_MIN else level, "disk", path=str(place), free_gb=round(free / 1e9, 1)
    )
    if not os.access(place, os.W_OK | os.X_OK):
        yield _finding("fault", "not_writable", path=str(place))
    if installation.data.exists() and installation.data.stat().st_mode & 0o077:
        yield _finding("fault", "data_open", path=str(installation.data))
    for key in sorted(installation.data.glob("**/keys/*.pem")):
        if key.stat().st_mode & 0o077:
            yield _finding("fault", "key_readable", path=str(key))


def examine_clock() -> Iterator[Finding]:
    """Whether records will carry a time that can be trusted."""
    source, error_ms = clock_synchronisation()
    if source == "synchronised":
        level: Level = "good" if (error_ms or 0.0) <= CLOCK_ERROR_MS_WANTED else "warning"
        yield _finding(level, "clock", error_ms=round(error_ms or 0.0, 1))
    else:
        yield _finding("warning", "clock_local" if source == "local" else "clock_unknown")


def examine_port(installation: Installation) -> Iterator[Finding]:
    """The plant's port: free, ours, or somebody else's."""
    server = installation.settings.server
    if server.host not in ("127.0.0.1", "::1", "localhost"):
        yield _finding("warning", "listens_beyond_loopback", host=server.host)
    try:
        answer = httpx.get(f"{installation.url}/healthz", timeout=2.0, trust_env=False)
        ours = _is_healthz(answer.content)
        yield _finding("good" if ours else "fault", "port_running" if ours else "port_taken", port=server.port)
        return
    except httpx.ConnectError:
        pass
    except httpx.HTTPError:
        yield _finding("fault", "port_taken", port=server.port)
        return
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            yield _finding("fault", "port_refused", port=server.port, detail=error.strerror or str(error))
            return
    yield _finding("good", "port_free", port=server.port)


class _Healthz(msgspec.Struct):
    """What only our own ``/healthz`` answers with."""

    status: str
    version: str
    log_size: int


def _is_healthz(content: bytes) -> bool:
    try:
        msgspec.json.decode(content, type=_Healthz)
    except msgspec.MsgspecError:
        return False
    return True


def examine_state(installation: Installation) -> Iterator[Finding]:
    """The log and the modules, as far as they exist."""
    from gaugeblock.apps.opening import log_exists
    from gaugeblock.stores.database import Database
    from gaugeblock.stores.log_reader import LogReader
    from gaugeblock.vision.inspector import Inspector

    for station in installation.settings.stations:
        module = installation.path(station.module)
        if not module.is_file():
            yield _finding("fault", "module_missing", station=station.id, path=str(module))
            continue
        try:
            Inspector.from_bytes(module.read_bytes())
        except GaugeblockError as error:
            yield Finding("fault", "error", {}, error)
        else:
            yield _finding("good", "module", station=station.id, path=str(module))
    try:
        with Database(installation.database_url("log")) as database:
            if log_exists(database):
                yield _finding("good", "log", size=LogReader(database).size)
            else:
                yield _finding("good", "log_none")
    except GaugeblockError as error:
        yield Finding("fault", "error", {}, error)


def doctor_command(file: Path, console: Console) -> int:
    """Print every finding; return 1 if one is a fault."""
    examinations: list[Callable[[], Iterator[Finding]]] = [examine_installation, examine_clock]
    findings: list[Finding] = []
    try:
        installation = load_installation(file)
    except GaugeblockError as error:
        findings.append(Finding("fault", "error", {}, error))
    else:
        findings.append(_finding("good", "settings", file=str(file)))
        examinations += [
            lambda: examine_disk(installation),
            lambda: examine_port(installation),
            lambda: examine_state(installation),
        ]
    for examine in examinations:
        findings.extend(examine())
    marks = {"good": ("✓", "green"), "warning": ("!", "yellow"), "fault": ("✗", "bold red")}
    for finding in findings:
        mark, style = marks[finding.level]
        if finding.error is not None:
            console.error(finding.error)
            continue
        text = console.text(f"apps.doctor.{finding.key}.{'text'}", **finding.facts)
        console.rich.print(f"[{style}]{mark}[/] ", end="")
        console.rich.print(text, markup=False)
        if finding.level != "good":
            console.rich.print(
                "  → " + console.text(f"apps.doctor.{finding.key}.remedy", **finding.facts), markup=False
            )
    faults = sum(f.level == "fault" for f in findings)
    warnings = sum(f.level == "warning" for f in findings)
    console.say("apps.doctor.sum", faults=faults, warnings=warnings)
    return 1 if faults else 0
