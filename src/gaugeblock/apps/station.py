"""The station process: settings, wiring, signals, status. One a station; the supervisor starts it.

``python -m gaugeblock.apps.station --config station.json``. It ends on SIGTERM or SIGINT, and when its standard
input, a pipe from the supervisor, reaches its end. Log lines are JSON on standard error.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

import gaugeblock
from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.station_report import StatusFile
from gaugeblock.connectors.assignment_file import AssignmentFile
from gaugeblock.connectors.plant_http import PlantHttp
from gaugeblock.connectors.watched_folder import FolderSettings, WatchedFolder
from gaugeblock.edge.duty import FollowedDuties, duty_of
from gaugeblock.edge.errors import AlreadyRunningError, KeyFileError, StationConfigError
from gaugeblock.edge.hand_over import HandOver
from gaugeblock.edge.inference import CHILD, InferenceProcess
from gaugeblock.edge.ports import Assignment, Assignments, Camera, Duty, PlcLink
from gaugeblock.edge.statements import Identity
from gaugeblock.edge.station import Station, StationSettings
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError, sentence_of
from gaugeblock.plant.language import Language, say
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.spool import SpoolLimits, SqliteSpool
from gaugeblock.virtual.link import VirtualCamera, VirtualPlcLink

CLOCK_ASKED_EVERY_S = 10.0
FINISH_S = 3.0
EXIT_OK = 0
EXIT_FAULT = 1
EXIT_REFUSED = 2


class VirtualPorts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="virtual", tag_field="kind"):
    """PLC and camera of the virtual plant."""

    plc_port: int
    camera_port: int
    host: str = "127.0.0.1"


class FolderPorts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="watched_folder", tag_field="kind"):
    """A watched folder as camera and trigger source."""

    folder: str
    verdicts: str | None = None
    move: bool = False
    deadline_ms: float = 10_000.0
    settle_s: float = 0.3


class StationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that a station process is told. Paths are absolute or relative to the working directory.

    Parameters
    ----------
    data
        The station's own directory: spool, lock, status, journal.
    key_file
        Its signing key (PKCS#8 PEM, readable by the owner only).
    module, module_sha256
        The module file and the digest that was released, where there is no assignment. Without a digest nothing is
        ever OK.
    assignment
        The file in which the plant says what holds; followed while the station runs.
    plant_url
        ``http://host:port``; without one the station works on and keeps everything.
    first_epoch
        Boot epoch of a new spool; above the last one after a spool was lost.
    """

    station: str
    data: str
    key_file: str
    log_origin: str
    module: str
    module_sha256: str | None
    ports: VirtualPorts | FolderPorts
    assignment: str | None = None
    plant_url: str | None = None
    product: str | None = None
    camera: str | None = None
    language: Language = "zh"
    spool_bytes_max: Annotated[int, msgspec.Meta(ge=1 << 20)] = 20 * 10**9
    disk_reserve_bytes: Annotated[int, msgspec.Meta(ge=0)] = 512 * 1024 * 1024
    keep_s: Annotated[float, msgspec.Meta(ge=0)] = 24 * 3600.0
    reserve_ms_min: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    plc_wait_s: Annotated[float, msgspec.Meta(ge=0)] = 3.0
    ready_wait_s: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    first_epoch: Annotated[int, msgspec.Meta(ge=1)] = 1


class StationClock(SystemClock):
    """The system's clock with what the kernel says of its synchronisation, asked every ten seconds."""

    def __init__(self) -> None:
        self._asked_ns: int | None = None
        self._state: tuple[str, float | None] = ("unknown", None)

    def state(self) -> tuple[str, float | None]:
        """Source, and uncertainty in ms where known."""
        now_ns = self.monotonic_ns()
        if self._asked_ns is None or now_ns - self._asked_ns > CLOCK_ASKED_EVERY_S * 1e9:
            self._asked_ns, self._state = now_ns, clock_synchronisation()
        return self._state


class LogLines:
    """Events as JSON lines on standard error: the catalogue's sentence, and errors in it, in one language."""

    def __init__(self, station: str, language: Language) -> None:
        self._station, self._language = station, language
        self._lock = threading.Lock()
        self._clock = SystemClock()

    def __call__(self, event: str, **facts: str | int | float | GaugeblockError) -> None:
        words: dict[str, str | int | float] = {}
        plain: dict[str, str | int | float] = {}
        for name, fact in facts.items():
            if isinstance(fact, GaugeblockError):
                words[name] = fact.text(self._language)
                plain |= {"code": fact.code, "remedy": fact.remedy(self._language)}
            else:
                words[name] = plain[name] = fact
        line = {
            "at": to_rfc3339(self._clock.now()),
            "station": self._station,
            "event": event,
            "text": say(f"edge.event.{event}", self._language, **words),
            **plain,
        }
        with self._lock:
            print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201 - its log


def read_config(path: Path) -> StationConfig:
    """The configuration file.

    Raises
    ------
    StationConfigError
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=StationConfig)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StationConfigError(file=str(path), detail=str(error)) from error


def read_key(path: Path) -> SigningKey:
    """The signing key; refused when anyone but its owner may read it.

    Raises
    ------
    KeyFileError
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyFileError(file=str(path), detail="others may read it")
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(file=str(path), detail=error.strerror or str(error)) from error
    return SigningKey.from_pem(pem)


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Hold the data directory: two stations on one spool would both count the same epoch.

    Raises
    ------
    AlreadyRunningError
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "station.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(directory=str(directory)) from None
        yield


def run_station(config: StationConfig, child: Sequence[str] = CHILD) -> int:
    """Run until told to stop; returns the exit status.

    Parameters
    ----------
    child
        How the inference child is started (tests give one that hangs or crashes).

    Raises
    ------
    GaugeblockError
        The station cannot start: key, lock, spool or configuration.
    """
    data = Path(config.data)
    stop = threading.Event()
    _stop_on_signals(stop)
    report = LogLines(config.station, config.language)
    key = read_key(Path(config.key_file))
    clock = StationClock()
    with ExitStack() as open_things:
        open_things.enter_context(only_one(data))
        limits = SpoolLimits(
            bytes_limit=config.spool_bytes_max,
            disk_reserve_bytes=config.disk_reserve_bytes,
            keep_s=config.keep_s,
        )
        spool = SqliteSpool(data, limits, config.first_epoch)
        open_things.callback(spool.close)
        duties = _duties(config, child, clock, report)
        open_things.callback(duties.close)
        plc, camera = _ports(config, data, spool)
        open_things.callback(plc.close)
        open_things.callback(camera.close)
        identity = Identity(
            station=config.station,
            log_origin=config.log_origin,
            product=config.product,
            camera=config.camera,
            software=f"gaugeblock {gaugeblock.__version__}",
        )
        settings = StationSettings(config.reserve_ms_min)
        station = Station(identity, key, settings, plc, camera, duties, spool, clock, report, os.urandom)
        requeued = spool.requeue_refused()
        if requeued:
            report("requeued", records=requeued)
        station.start(config.plc_wait_s)
        hand_over: HandOver | None = None
        if config.plant_url is not None:
            uplink = PlantHttp(config.plant_url, key, language=config.language)
            open_things.callback(uplink.close)
            # Jitter only spreads stations in time; nobody gains by guessing it.
            hand_over = HandOver(spool, uplink, report, random.Random())  # noqa: S311
        status = StatusFile(data / "status.json", config.station, station, duties, spool, hand_over, clock)
        workers = [_Worker("status", status.run, stop)]
        if hand_over is not None:
            workers.append(_Worker("hand-over", hand_over.run, stop))
        for worker in workers:
            worker.start()
        station.run(stop)
        stop.set()
        for worker in workers:
            # A request on its way may last longer; what it delivers is delivered again, and changes nothing.
            worker.join(FINISH_S)
        status.write("stopped")
        report("stopped", boot_epoch=station.epoch)
    return EXIT_FAULT if any(worker.failed for worker in workers) else EXIT_OK


def _duties(config: StationConfig, child: Sequence[str], clock: StationClock, report: LogLines) -> FollowedDuties:
    """What the station starts with: the assignment where there is one, else what its configuration says."""

    def start(module: str, sha256: str | None, mm_per_pixel: float | None) -> InferenceProcess:
        return InferenceProcess(Path(module), sha256, clock, report, child, mm_per_pixel=mm_per_pixel)

    assignments: Assignments | None = None
    assigned: Assignment | None = None
    if config.assignment is not None:
        assignments = AssignmentFile(Path(config.assignment))
        try:
            assigned = assignments.read()
        except GaugeblockError as error:
            report("assignment_not_followed", error=error)
    if assigned is not None:
        inference = start(assigned.module, assigned.module_sha256, assigned.mm_per_pixel)
        first = duty_of(assigned, inference)
    else:
        inference = start(config.module, config.module_sha256, None)
        if config.module_sha256 is not None:
            assigned = Assignment(module=config.module, module_sha256=config.module_sha256)
        # Where the plant assigns, but cannot be read, nobody knows whether a challenge is due: nothing is judged.
        first = Duty(inference, config.module_sha256, require_challenge=_is_there(config.assignment))
    # Before the first word to the PLC: a station that has just started should not reject for being cold.
    inference.wait_ready(config.ready_wait_s)
    return FollowedDuties(
        assignments, lambda a: start(a.module, a.module_sha256, a.mm_per_pixel), first, assigned, clock, report
    )


def _is_there(file: str | None) -> bool:
    return file is not None and Path(file).exists()


class _Worker(threading.Thread):
    """A thread without which the process must not go on: when it ends, all ends, and the supervisor starts anew."""

    def __init__(self, name: str, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.failed = False
        self._work, self._stop_event = work, stop

    def run(self) -> None:
        try:
            self._work(self._stop_event)
        finally:
            self.failed = not self._stop_event.is_set()
            self._stop_event.set()


def _ports(config: StationConfig, data: Path, spool: SqliteSpool) -> tuple[PlcLink, Camera]:
    ports = config.ports
    if isinstance(ports, VirtualPorts):
        return VirtualPlcLink(ports.host, ports.plc_port), VirtualCamera(ports.host, ports.camera_port)

    def describe(number: int) -> Mapping[str, object] | None:
        record = spool.recorded(number)
        if record is None or record.verdict is None:
            return None
        return {
            "verdict": record.verdict.value,
            "reason": record.reason,
            "text": sentence_of(record.reason, config.language) if record.reason else None,
            "record": f"station:{config.station}/{record.identity}",
        }

    folder = WatchedFolder(
        FolderSettings(
            folder=Path(ports.folder),
            verdicts=Path(ports.verdicts) if ports.verdicts else None,
            move=ports.move,
            deadline_ms=ports.deadline_ms,
            settle_s=ports.settle_s,
        ),
        data / "watched_folder.sqlite",
        describe,
    )
    return folder, folder


def _stop_on_signals(stop: threading.Event) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
    if _is_pipe(0):
        threading.Thread(target=_watch_input, args=(stop.set,), name="parent-watch", daemon=True).start()


def _is_pipe(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _watch_input(gone: Callable[[], None]) -> None:
    try:
        while os.read(0, 4096):
            time.sleep(0)
    except OSError:
        pass
    gone()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the process."""
    parser = argparse.ArgumentParser(prog="gaugeblock-station")
    parser.add_argument("--config", required=True, type=Path)
    options = parser.parse_args(arguments)
    language: Language = "zh"
    try:
        config = read_config(options.config)
        language = config.language
        return run_station(config)
    except GaugeblockError as error:
        text = f"{error.text(language)} {error.remedy(language)}"
        print(json.dumps({"event": "refused", "code": error.code, "text": text}, ensure_ascii=False), file=sys.stderr)  # noqa: T201
        return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
