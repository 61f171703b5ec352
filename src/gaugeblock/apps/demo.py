"""``gaugeblock demo``: the virtual plant, end to end, over the same processes as a real one."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gaugeblock.apps.console import Console
from gaugeblock.apps.demo_challenge import choose_challenge_units, register_challenge_set
from gaugeblock.apps.demo_customer import (
    CUSTOMER,
    CustomerSaw,
    DemoCustomer,
    ask_as_customer,
    register_demo_customer,
)
from gaugeblock.apps.demo_line import ORDER_SIZE, demo_orders, register_demo_orders, write_demo_model
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import make_private, prepare, renew_administrator
from gaugeblock.apps.scorecard import add_customer_row, print_scorecard, score
from gaugeblock.apps.supervised_stations import SupervisedStations
from gaugeblock.apps.supervision import ProcessSpec, Supervisor
from gaugeblock.apps.up import READY_S, check_port_free, plant_specs, say_prepared, tell_events, wait_until_ready
from gaugeblock.apps.virtual_line import AUTHOR, LINE_AUTHOR, LineProcessSettings
from gaugeblock.inspection.queries import ProjectedInspections
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Verdict
from gaugeblock.stores.database import Database
from gaugeblock.stores.files import write_whole
from gaugeblock.virtual.config import CHALLENGE_UNITS, ChallengeUnit, VirtualLineConfig
from gaugeblock.virtual.production import demo_production
from gaugeblock.virtual.training_set import training_set
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.training import lite0_network, train

GOOD_PARTS = 120
STATION = "L1-ST10"
LINE = "L1"
PRODUCT = "P100"
CYCLE_TIME_S = 0.6
DEADLINE_MS = 500.0
MARKER = "gaugeblock-demo"
HAND_OVER_S = 10.0
CHALLENGE_EVERY_UNITS = 200
EXCHANGE_PORT = 8471
STATION_READY_S = 20.0

PLANT = """\
# 演示工厂，由 gaugeblock demo 写成 · The demo's plant, written by gaugeblock demo.
[enterprise]
name = "虚拟工厂"
name_en = "Virtual plant"
address = {{ street = "示范路 1 号", postal_code = "215000", city = "苏州", country = "CN" }}

[server]
port = {port}
log_origin = "gaugeblock.invalid/demo"

[[sites]]
id = "S1"
name = "一厂"
name_en = "Site 1"

[[lines]]
id = "L1"
site = "S1"
area = "machining"
shifts = ["08:00", "20:00"]
model = "line.toml"
name = "机加工一线"
name_en = "Machining line 1"

[[machines]]
id = "L1-MC1"
line = "L1"
name = "车铣中心"
name_en = "Turn-mill centre"

[[products]]
id = "P100"
name = "法兰"
name_en = "Flange"

[[customers]]
id = "ACME"
name = "ACME 有限公司"
name_en = "ACME GmbH"
country = "DE"

[exchange]
port = {exchange_port}

[[stations]]
id = "L1-ST10"
line = "L1"
product = "P100"
name = "端面外观检测"
name_en = "Face inspection"
module = "modules/P100.gbm"
deadline_ms = {deadline_ms}
require_challenge = true

[stations.camera]
kind = "virtual"
camera_port = {camera_port}
plc_port = {plc_port}
"""


class DirectoryInUseError(GaugeblockError):
    """The directory holds something that is not a demo, or a demo that runs. Facts: ``file``."""

    code = "apps.directory_in_use"


class DemoNotReadyError(GaugeblockError):
    """The plant process did not answer in time. Facts: ``seconds``, ``log``."""

    code = "apps.demo_not_ready"


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody had a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextlib.contextmanager
def _claimed(directory: Path, *, keep: bool) -> Iterator[None]:
    """Hold the demo's directory, emptied unless ``keep``: two demos in one would read each other's records."""
    marker = directory / MARKER
    if directory.exists() and any(directory.iterdir()) and not marker.is_file():
        raise DirectoryInUseError(file=str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    with marker.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DirectoryInUseError(file=str(directory)) from None
        if not keep:
            for entry in directory.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry != marker:
                    entry.unlink()
        yield


class _Photographs:
    """The rendered good parts, encoded, decoded one at a time."""

    def __init__(self, encoded: list[bytes]) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, index: int, /) -> npt.NDArray[np.uint8]:
        return decode(self._encoded[index])


def train_on_virtual_parts(module: Path, seed: int, console: Console) -> None:
    """Render good parts, train on them and write the module, with progress."""
    started_s = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console.rich, transient=True) as progress:
        task = progress.add_task(console.text("apps.demo.rendering"), total=GOOD_PARTS)
        photographs = []
        for _, encoded in training_set(GOOD_PARTS, seed):
            photographs.append(encoded)
            progress.advance(task)

        def report(stage: str, done: int, total: int) -> None:
            stage_name = console.text(f"apps.demo.stage_{stage}")
            progress.update(
                task, description=console.text("apps.demo.training", stage=stage_name), completed=done, total=total
            )

        inspector = train(
            _Photographs(photographs),
            network=lite0_network(lite0_checkpoint()),
            seed=seed,
            progress=report,
            product=PRODUCT,
            threads=2,
        )
    module.parent.mkdir(parents=True, exist_ok=True)
    write_whole(module, inspector.to_bytes(), 0o644)
    console.say(
        "apps.demo.trained",
        images=GOOD_PARTS,
        seconds=f"{time.monotonic() - started_s:.1f}",
        threshold=f"{inspector.manifest.threshold:.3f}",
    )


def line_spec(
    installation: Installation,
    plc_port: int,
    camera_port: int,
    seed: int,
    challenge_units: tuple[ChallengeUnit, ...] = CHALLENGE_UNITS,
) -> ProcessSpec:
    """The process of the virtual line."""
    settings = LineProcessSettings(
        line=VirtualLineConfig(
            name=LINE,
            station=STATION,
            seed=seed,
            cycle_time_s=CYCLE_TIME_S,
            deadline_ms=DEADLINE_MS,
            plc_port=plc_port,
            camera_port=camera_port,
            station_wait_s=STATION_READY_S,
            challenge_every_units=CHALLENGE_EVERY_UNITS,
            challenge_units=challenge_units,
            orders=demo_orders(),
            order_size=ORDER_SIZE,
        ),
        plant_url=installation.url,
        log_origin=installation.settings.server.log_origin,
        keys=str(installation.keys),
        state=str(installation.data / "virtual-line.json"),
        production=demo_production(STATION, CYCLE_TIME_S),
    )
    file = installation.run / "virtual-line.config.json"
    write_whole(file, msgspec.json.format(msgspec.json.encode(settings)), 0o600)
    return ProcessSpec(
        "virtual-line",
        ["-m", "gaugeblock.apps.virtual_line", "--config", str(file)],
        installation.logs / "virtual-line.log",
    )


def demo_command(
    directory: Path,
    console: Console,
    *,
    headless: bool,
    for_s: float | None,
    seed: int,
    port: int,
    keep: bool,
) -> int:
    """Render, train, start, run; print the scorecard; 0 only if every check on it passed.

    Parameters
    ----------
    directory
        Everything the demo writes; emptied first unless ``keep``, if it is a demo's.
    headless
        Say nothing of pages, and take a free port for them.
    for_s
        Seconds to run; until Ctrl+C where ``None``.
    seed
        Of parts, defects, light and training.

    Raises
    ------
    DirectoryInUseError, PortTakenError, DemoNotReadyError
    """
    started_s = time.monotonic()
    if headless:
        (port,) = free_ports(1)
    check_port_free("127.0.0.1", port)
    with _claimed(directory, keep=keep):
        installation, line, challenge_units = _prepare_plant(directory, port, seed, console)
        prepared = prepare(installation, (AUTHOR, LINE_AUTHOR))
        register_challenge_set(installation, STATION, PRODUCT, challenge_units)
        register_demo_orders(installation, LINE, PRODUCT, CYCLE_TIME_S, CUSTOMER)
        customer = register_demo_customer(installation, demo_orders()[0], PRODUCT)
        if prepared.admin_password is None:
            prepared = replace(prepared, admin_password=renew_administrator(installation))

        def on_ready() -> None:
            if not headless:
                say_prepared(installation, prepared, console)
                _say_customer(customer, console)
                console.say("apps.demo.running", style="dim")

        def before_end() -> CustomerSaw | None:
            return ask_as_customer(customer, prepared.log_key) if headless else None

        first_verdict_at_s, saw = _run_plant(installation, line, on_ready, before_end, for_s, console)
        first_verdict_s = None if first_verdict_at_s is None else first_verdict_at_s - started_s
        supervision = [installation.supervision, _line_supervision(installation)]
        card = score(installation, first_verdict_s, supervision, console)
        if headless:
            add_customer_row(card, saw, console)
    print_scorecard(card, seed, console)
    return 0 if card.passed else 1


def _prepare_plant(
    directory: Path, port: int, seed: int, console: Console
) -> tuple[Installation, ProcessSpec, tuple[ChallengeUnit, ...]]:
    """Settings, module, the line's process and its challenge parts."""
    plc_port, camera_port, exchange_port = free_ports(3)
    if port == EXCHANGE_PORT - 1:
        check_port_free("127.0.0.1", EXCHANGE_PORT)
        exchange_port = EXCHANGE_PORT
    plant_file = directory / "plant.toml"
    ports = {"port": port, "plc_port": plc_port, "camera_port": camera_port, "exchange_port": exchange_port}
    plant_file.write_text(PLANT.format(**ports, deadline_ms=DEADLINE_MS), "utf-8")
    write_demo_model(directory / "line.toml", demo_production(STATION, CYCLE_TIME_S), "机加工一线", PRODUCT)
    installation = load_installation(plant_file)
    module = directory / "modules" / "P100.gbm"
    if not module.is_file():
        train_on_virtual_parts(module, seed, console)
    make_private(installation.data)
    make_private(installation.run)
    challenge_units = choose_challenge_units(module, seed, lamp_age=CHALLENGE_EVERY_UNITS)
    return installation, line_spec(installation, plc_port, camera_port, seed, challenge_units), challenge_units


def _say_customer(customer: DemoCustomer, console: Console) -> None:
    console.say("apps.demo.customer", style="bold", url=customer.url)
    console.say("apps.demo.customer_key", key=customer.key)
    console.say("apps.demo.customer_user", user=customer.user, password=customer.password)


def _line_supervision(installation: Installation) -> Path:
    return installation.run / "line-supervision.json"


def _run_plant(
    installation: Installation,
    line_process: ProcessSpec,
    on_ready: Callable[[], None],
    before_end: Callable[[], CustomerSaw | None],
    for_s: float | None,
    console: Console,
) -> tuple[float | None, CustomerSaw | None]:
    """Run until the time is up or a signal comes; when the first verdict was seen (monotonic seconds), and what the
    customer saw at the end.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    plant = Supervisor(plant_specs(installation), installation.supervision, tell_events(console))
    line = Supervisor([line_process], _line_supervision(installation), tell_events(console))
    plant_thread = threading.Thread(target=plant.run, name="plant-supervisor")
    line_thread = threading.Thread(target=line.run, name="line-supervisor")
    plant_thread.start()
    try:
        if not wait_until_ready(installation, lambda: plant_thread.is_alive() and not stop.is_set()):
            raise DemoNotReadyError(seconds=round(READY_S), log=str(installation.logs / "plant.log"))
        _wait_for_station(installation, stop)
        line_thread.start()
        on_ready()
        first_verdict_at_s = _watch(installation, stop, for_s, console)
        return first_verdict_at_s, before_end()
    finally:
        # The line first, so that nothing is triggered that nobody answers; then the stations, then the server.
        line.stop()
        if line_thread.is_alive():
            line_thread.join()
        _wait_for_hand_over(installation)
        plant.stop()
        plant_thread.join()


def _watch(installation: Installation, stop: threading.Event, for_s: float | None, console: Console) -> float | None:
    first_verdict_at_s: float | None = None
    end_s = None if for_s is None else time.monotonic() + for_s
    with Database(installation.database_url("projections")) as database, console.rich.status("") as status:
        inspections = ProjectedInspections(database, lambda: 0)
        while not stop.wait(0.5) and (end_s is None or time.monotonic() < end_s):
            counts = inspections.counts()
            if first_verdict_at_s is None and any(counts.values()):
                first_verdict_at_s = time.monotonic()
            status.update(
                console.text(
                    "apps.demo.progress",
                    verdicts=sum(counts.values()),
                    ok=counts[Verdict.OK],
                    nok=counts[Verdict.NOK],
                    undecided=counts[Verdict.UNDECIDED],
                )
            )
    return first_verdict_at_s


def _wait_for_station(installation: Installation, stop: threading.Event) -> None:
    """Give the station a moment to load its module, so that the first parts find it ready."""
    stations = SupervisedStations(installation)
    end_s = time.monotonic() + STATION_READY_S
    while time.monotonic() < end_s and not stop.is_set():
        if all(state.condition == "running" for state in stations.stations()):
            return
        time.sleep(0.1)


def _wait_for_hand_over(installation: Installation) -> None:
    """Give the stations a moment to hand over what they have spooled; what stays, stays in the spool."""
    stations = SupervisedStations(installation)
    end_s = time.monotonic() + HAND_OVER_S
    while time.monotonic() < end_s and any(state.spool_backlog for state in stations.stations()):
        time.sleep(0.2)
