"""``gaugeblock up``: prepare the installation, then supervise server and stations until told to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import msgspec

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import Prepared, prepare
from gaugeblock.apps.station import FolderPorts, StationConfig, VirtualPorts
from gaugeblock.apps.station_assignment import refresh, require_module
from gaugeblock.apps.supervision import ProcessSpec, Supervisor
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.settings import FolderCamera, Station
from gaugeblock.stores.files import write_whole
from gaugeblock.stores.keyring import Keyring

READY_S = 60.0


class StartSlowError(GaugeblockError):
    """The plant process does not answer yet. Facts: ``name``, ``seconds``, ``log``."""

    code = "apps.start_slow"


class PortTakenError(GaugeblockError):
    """Another program has the port of the pages. Facts: ``port``."""

    code = "apps.port_taken"


def check_port_free(host: str, port: int) -> None:
    """Refuse to start behind a port that somebody else has: the plant process would only be restarted for ever.

    Raises
    ------
    PortTakenError
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(port=port) from error


def server_spec(installation: Installation) -> ProcessSpec:
    """The plant process."""
    return ProcessSpec(
        "plant",
        ["-m", "gaugeblock.apps.plant", "--plant", str(installation.file), "--watch-input"],
        installation.logs / "plant.log",
        # Its jobs inherit this. Threads of linear algebra wait by spinning: two of them beside a busy station make a
        # training three times slower, and take the station's core. Whoever has cores to spare sets the variables.
        {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
    )


def station_spec(installation: Installation, station: Station) -> ProcessSpec:
    """A station's process; its configuration and its assignment are written for it.

    Raises
    ------
    StationModuleMissingError
    """
    assignment = refresh(installation, station)
    data = installation.station_data(station.id)
    data.mkdir(parents=True, exist_ok=True)
    camera = station.camera
    ports: FolderPorts | VirtualPorts
    if isinstance(camera, FolderCamera):
        folder = installation.path(camera.folder)
        folder.mkdir(parents=True, exist_ok=True)
        verdicts = str(installation.path(camera.verdicts)) if camera.verdicts else None
        ports = FolderPorts(folder=str(folder), verdicts=verdicts, move=camera.move, deadline_ms=station.deadline_ms)
    else:
        ports = VirtualPorts(plc_port=camera.plc_port, camera_port=camera.camera_port, host=camera.host)
    settings = installation.settings
    config = StationConfig(
        station=station.id,
        data=str(data),
        key_file=str(Keyring(data / "keys").path(f"station:{station.id}")),
        log_origin=settings.server.log_origin,
        module=assignment.module,
        module_sha256=assignment.module_sha256,
        assignment=str(installation.assignment(station.id)),
        ports=ports,
        plant_url=installation.url,
        product=station.product,
        language=settings.server.language,
        spool_bytes_max=station.spool_bytes_max,
    )
    file = installation.run / f"station-{station.id}.json"
    write_whole(file, msgspec.json.format(msgspec.json.encode(config)), 0o600)
    return ProcessSpec(
        f"station:{station.id}",
        ["-m", "gaugeblock.apps.station", "--config", str(file)],
        installation.logs / f"station-{station.id}.log",
    )


def exchange_spec(installation: Installation) -> ProcessSpec:
    """The exchange's process."""
    return ProcessSpec(
        "exchange",
        ["-m", "gaugeblock.apps.exchange", "--plant", str(installation.file), "--watch-input"],
        installation.logs / "exchange.log",
    )


def plant_specs(installation: Installation) -> list[ProcessSpec]:
    """Server first, then the stations, then the exchange where there is one."""
    specs = [server_spec(installation), *(station_spec(installation, s) for s in installation.settings.stations)]
    return specs if installation.settings.exchange is None else [*specs, exchange_spec(installation)]


def tell_events(console: Console) -> Callable[[str, str, str], None]:
    """What the supervisor reports, as sentences."""

    def tell(name: str, event: str, detail: str) -> None:
        console.say(
            f"apps.up.process_{event}", style="yellow" if event == "exited" else "dim", name=name, detail=detail
        )

    return tell


def wait_until_ready(installation: Installation, go_on: Callable[[], bool], timeout_s: float = READY_S) -> bool:
    """Wait until the plant process answers ``/healthz``; whether it did before ``go_on`` said no or time was up."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and go_on():
        try:
            if httpx.get(f"{installation.url}/healthz", timeout=2.0, trust_env=False).status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    return False


def say_prepared(installation: Installation, prepared: Prepared, console: Console) -> None:
    """Where the pages are, the log's key, and, once, the administrator's password."""
    console.say("apps.up.ready", style="bold", url=installation.url)
    if prepared.admin_password is not None:
        console.say("apps.up.admin", password=prepared.admin_password)
    console.say("apps.up.log_key", key=prepared.log_key)


def up_command(file: Path, console: Console) -> int:
    """Start the plant of ``plant.toml`` and keep it alive; Ctrl+C or SIGTERM stops it in order."""
    installation = load_installation(file)
    server = installation.settings.server
    check_port_free(server.host, server.port)
    exchange = installation.settings.exchange
    if exchange is not None:
        check_port_free(exchange.host, exchange.port)
    # Before anything is made: the log's name is fixed with its first record.
    for station in installation.settings.stations:
        require_module(installation, station)
    console.say("apps.up.preparing")
    prepared = prepare(installation)
    if not installation.settings.stations:
        console.say("apps.up.no_stations", style="yellow")
    specs = plant_specs(installation)
    return supervise(installation, specs, console, lambda: say_prepared(installation, prepared, console))


def supervise(
    installation: Installation, specs: Sequence[ProcessSpec], console: Console, on_ready: Callable[[], None]
) -> int:
    """Run the processes until a signal asks to stop; ``on_ready`` is called once the plant process answers.

    A plant process that is slow to answer (a long rebuild, a database that is away) is said and waited for: the
    stations work on meanwhile. 0 where a signal ended it, 1 where the supervisor ended by itself.
    """
    supervisor = Supervisor(specs, installation.supervision, tell_events(console))
    asked = threading.Event()

    def stop(*_: object) -> None:
        asked.set()
        supervisor.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    thread = threading.Thread(target=supervisor.run, name="supervisor")
    thread.start()
    try:
        while not wait_until_ready(installation, lambda: thread.is_alive() and not asked.is_set()):
            if asked.is_set() or not thread.is_alive():
                break
            console.error(
                StartSlowError(name="plant", seconds=round(READY_S), log=str(installation.logs / "plant.log"))
            )
        else:
            on_ready()
            console.say("apps.up.stop_hint", style="dim")
        while thread.is_alive():
            thread.join(0.5)
    finally:
        supervisor.stop()
        thread.join()
        console.say("apps.up.stopped", style="dim")
    return 0 if asked.is_set() else 1
