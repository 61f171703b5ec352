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
from typing import Annotated, Literal

import msgspec

import gaugeblock
from gaugeblock.apps.clock import clock_synchronisation
from gaugeblock.apps.station_status import StationStatus
from gaugeblock.connectors.plant_http import PlantHttp
from gaugeblock.connectors.watched_folder import FolderSettings, WatchedFolder
from gaugeblock.edge.errors import AlreadyRunningError, KeyFileError, StationConfigError
from gaugeblock.edge.hand_over import HandOver
from gaugeblock.edge.inference import CHILD, InferenceProcess
from gaugeblock.edge.ports import Camera, PlcLink
from gaugeblock.edge.statements import Identity
from gaugeblock.edge.station import Station, StationSettings
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.errors import GaugeblockError, sentence_of
from gaugeblock.plant.language import Language, say
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.spool import SpoolFill, SpoolLimits, SqliteSpool
from gaugeblock.virtual.link import VirtualCamera, VirtualPlcLink

STATUS_EVERY_S = 1.0
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
        The module file and the digest that was released. Without a digest nothing is ever OK.
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
        inference = InferenceProcess(Path(config.module), config.module_sha256, clock, report, child)
        open_things.callback(inference.close)
        # Before the first word to the PLC: a station that has just started should not reject for being cold.
        inference.wait_ready(config.ready_wait_s)
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
        settings = StationSettings(config.module_sha256, config.reserve_ms_min)
        station = Station(identity, key, settings, plc, camera, inference, spool, clock, report, os.urandom)
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
        status = _Status(data / "status.json", config.station, station, inference, spool, hand_over, clock)
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


class _Status:
    def __init__(
        self,
        path: Path,
        name: str,
        station: Station,
        inference: InferenceProcess,
        spool: SqliteSpool,
        hand_over: HandOver | None,
        clock: StationClock,
    ) -> None:
        self._path, self._name, self._station = path, name, station
        self._inference, self._spool, self._hand_over, self._clock = inference, spool, hand_over, clock

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.write("running")
            stop.wait(STATUS_EVERY_S)

    def write(self, state: Literal["starting", "running", "stopped"]) -> None:
        fault = self._station.fault or self._inference.fault()
        fill: SpoolFill | None = None
        try:
            fill = self._spool.state()
            self._spool.check()
        except GaugeblockError as error:
            fault = fault or error
        fault = fault or (self._hand_over.fault if self._hand_over else None)
        station, last = self._station, self._station.last
        ordered = sorted(station.latencies_ms)
        status = StationStatus(
            station=self._name,
            state=state,
            pid=os.getpid(),
            written_at=to_rfc3339(self._clock.now()),
            boot_epoch=station.epoch,
            inference=self._inference.state(),
            counts=dict(station.counts),
            last_trigger=last.trigger if last else None,
            last_verdict=last.verdict.value if last else None,
            last_reason=last.reason if last else None,
            latency_ms_p50=ordered[len(ordered) // 2] if ordered else None,
            latency_ms_p99=ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else None,
            spool_backlog=fill.backlog if fill else 0,
            refused=fill.refused + fill.refused_images if fill else 0,
            delivered=self._hand_over.delivered if self._hand_over else 0,
            spool_bytes=fill.bytes_used if fill else 0,
            spool_bytes_limit=fill.bytes_limit if fill else 0,
            fault_code=fault.code if fault else None,
            fault_facts=fault.facts if fault else {},
        )
        part = self._path.with_suffix(".part")
        try:
            part.write_bytes(msgspec.json.encode(status))
            part.replace(self._path)
        except OSError:
            return  # a full disk: the old status stays and its time tells


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
