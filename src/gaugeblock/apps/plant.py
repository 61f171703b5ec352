"""The plant process: the log's only writer, projections, blobs, users, and the HTTP server over them.

``python -m gaugeblock.apps.plant --plant plant.toml``. It ends on SIGTERM, on SIGINT, and, when it was started by a
supervisor, when standard input reaches its end. What it queued is durable before it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from gaugeblock import __version__
from gaugeblock.apps.assignments import AssignmentFiles
from gaugeblock.apps.event_folder import EventFolder
from gaugeblock.apps.first_modules import keep_first_modules
from gaugeblock.apps.image_folder import images_in
from gaugeblock.apps.jobs import plant_runner
from gaugeblock.apps.keepers import KeeperThread
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.line_models import line_models
from gaugeblock.apps.opening import clock_state, open_log
from gaugeblock.apps.supervised_stations import SupervisedStations
from gaugeblock.apps.transfer_guard import TransferGuard
from gaugeblock.exchange.contract_queries import ProjectedContracts
from gaugeblock.exchange.desks import ExchangeMaterials, open_exchange_desks
from gaugeblock.exchange.projections import exchange_projections
from gaugeblock.inspection.desks import Materials, open_desks
from gaugeblock.inspection.keepers import Keeper
from gaugeblock.inspection.modules_queries import ProjectedModules
from gaugeblock.inspection.part_groups import PartGroups, site_zone
from gaugeblock.inspection.projections import inspection_projections
from gaugeblock.inspection.queries import ProjectedInspections
from gaugeblock.ledger.errors import UnknownKeyError
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Facet
from gaugeblock.production.desks import open_production_desks
from gaugeblock.production.line_desk import open_line_desk
from gaugeblock.production.projections import production_projections
from gaugeblock.stores.admission_pool import AdmissionPool
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.stores.jobs import Jobs
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.log import Log
from gaugeblock.stores.log_records import Receipt, StoredRecord, Submission
from gaugeblock.stores.log_writer import LogWriter
from gaugeblock.stores.module_files import ModuleFiles
from gaugeblock.stores.projections import ProjectionRunner
from gaugeblock.stores.statements import SignedStatements
from gaugeblock.stores.users import Users
from gaugeblock.web.app import close_streams, create_app
from gaugeblock.web.ports import Concern, Services, VerifyingKey, WebSettings
from gaugeblock.web.thumbnails import thumbnail

RETRY_S_FIRST = 0.5
RETRY_S_MAX = 30.0
SEEN_WAIT_S = 5.0
JOBS_KEPT_DAYS = 30

_logger = logging.getLogger("gaugeblock.plant")


class _Submitter:
    """The web's way into the log's writer, past the guard of transfers."""

    def __init__(self, writer: LogWriter, guard: TransferGuard) -> None:
        self._writer, self._guard = writer, guard

    def submit(self, jws: bytes, disclosures: Mapping[str, str]) -> Future[Receipt]:
        return self._guard.submit(Submission(jws, disclosures))

    def queued(self) -> int:
        return self._writer.waiting


class _LogAccess:
    """The web's view of the log."""

    def __init__(self, log: Log, witnesses: Sequence[str]) -> None:
        self._log, self._cosignatures = log, log.cosignatures(witnesses)

    def witnessed_checkpoint(self) -> bytes | None:
        return self._log.witnessed_checkpoint()

    def add_cosignatures(self, note: bytes) -> list[str]:
        return self._cosignatures.add(note)

    @property
    def size(self) -> int:
        return self._log.size

    def checkpoint(self) -> bytes:
        return self._log.checkpoint()

    def record(self, index: int) -> StoredRecord:
        return self._log.record(index)

    def records(self, start: int, stop: int) -> Iterable[StoredRecord]:
        return self._log.records(start, stop)

    def tile(self, path: str) -> bytes:
        return self._log.tile(path)

    def evidence(self, index: int, facets: Collection[str] | None = None) -> bytes:
        return self._log.evidence(index, facets)

    def key_of(self, kid: str) -> VerifyingKey | None:
        try:
            bound = self._log.directory.key_for(kid)
        except UnknownKeyError:
            return None
        return bound.key if bound.revoked_at_index is None else None


class ProjectionFollower:
    """Keeps the projections at the log's end in a thread of its own; a fault is a concern, not a crash."""

    def __init__(self, runner: ProjectionRunner, writer: LogWriter) -> None:
        self._runner = runner
        self._writer = writer
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)
        self.position = 0
        self.error: GaugeblockError | None = None

    def start(self) -> None:
        """Begin to follow."""
        self.position = self._runner.catch_up()
        self._thread.start()

    def wait_beyond(self, index: int, timeout_s: float) -> bool:
        """Wait until the projections have read the record at ``index``; whether they have."""
        with self._moved:
            return self._moved.wait_for(lambda: self.position > index or self._stop.is_set(), timeout_s)

    def stop(self) -> None:
        """End after the batch at hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        retry_s = RETRY_S_FIRST
        while not self._stop.is_set():
            self._writer.wait_beyond(self.position, 0.5)
            try:
                position = self._runner.catch_up()
                self.error, retry_s = None, RETRY_S_FIRST
                with self._moved:
                    self.position = position
                    self._moved.notify_all()
            except GaugeblockError as error:
                _logger.error("projections: %s", error)
                self.error = error
                self._stop.wait(retry_s)
                retry_s = min(RETRY_S_MAX, retry_s * 2)


class _SeenStatements:
    """States records, and returns when the projections have read them: whoever decides sees the decision.

    Where they lag or are down, the record is in the log all the same, and the statement is not refused.
    """

    def __init__(self, statements: SignedStatements, follower: ProjectionFollower) -> None:
        self._statements, self._follower = statements, follower

    def state(
        self,
        author: str,
        record_type: str,
        identity: str,
        facets: Mapping[str, Facet],
        observed_at: str | None = None,
    ) -> int:
        index = self._statements.state(author, record_type, identity, facets, observed_at)
        self._follower.wait_beyond(index, SEEN_WAIT_S)
        return index


class _Health:
    def __init__(self, follower: ProjectionFollower, keepers: KeeperThread) -> None:
        self._follower, self._keepers = follower, keepers

    def concerns(self) -> list[Concern]:
        errors = [] if self._follower.error is None else [self._follower.error]
        return [Concern(error.code, error.facts) for error in (*errors, *self._keepers.faults())]


@contextlib.contextmanager
def running_services(installation: Installation) -> Iterator[Services]:
    """Everything of the plant process but the socket; ends with a last commit and checkpoint."""
    settings = installation.settings
    clock = SystemClock()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(open_log(installation))
        projected = stack.enter_context(Database(installation.database_url("projections")))
        state = stack.enter_context(Database(installation.database_url("state")))
        state.upgrade("state")
        customer_state = None
        if settings.exchange is not None:
            of_exchange = stack.enter_context(Database(installation.database_url("exchange")))
            of_exchange.upgrade("exchange")
            customer_state = ExchangeState(of_exchange, clock)
        projections = [
            *inspection_projections(settings.review),
            *production_projections(),
            *exchange_projections(),
        ]
        runner = ProjectionRunner(projected, log.reader, projections)
        # Entered before the writer, so that it is left after it; its processes start with the first large batch.
        log.admit_with(stack.enter_context(AdmissionPool(os.cpu_count() or 1)))
        writer = stack.enter_context(LogWriter(log))
        follower = ProjectionFollower(runner, writer)
        follower.start()
        stack.callback(follower.stop)
        guard = TransferGuard(
            writer.submit,
            ProjectedContracts(projected),
            lambda: follower.position,
            lambda: log.directory,
            log.origin,
            clock,
            time.monotonic,
        )
        statements = _SeenStatements(
            SignedStatements(log, guard.submit, Keyring(installation.keys), clock, clock_state), follower
        )
        blobs = BlobStore(installation.blobs)
        inspections = ProjectedInspections(projected, lambda: follower.position)
        module_files = ModuleFiles(installation.modules)
        keep_first_modules(installation, module_files)
        jobs = Jobs(state, clock)
        jobs.forget(clock.now() - timedelta(days=JOBS_KEPT_DAYS))
        materials = Materials(
            database=projected,
            statements=statements,
            images=blobs,
            clock=clock,
            settings=settings,
            inspections=inspections,
            thumbnail=thumbnail,
            jobs=jobs,
            module_files=module_files,
            assignments=AssignmentFiles(
                installation,
                ProjectedModules(projected, PartGroups(projected, site_zone(settings))),
                module_files,
            ),
            folder_images=lambda folder: images_in(installation.path(folder)),
            plant_file=str(installation.file),
        )
        desks = open_desks(materials)
        models = line_models(installation)
        zone = settings.sites[0].timezone if settings.sites else "Asia/Shanghai"
        line = (
            open_line_desk(projected, statements, clock, jobs, models, f"gaugeblock {__version__}", zone)
            if models
            else None
        )
        of_line: list[Keeper] = []
        if line is not None:
            folder = EventFolder(statements, installation.data / "events", line.lines(), zone)
            of_line = [folder, line.keeper]
        keepers = KeeperThread([*desks.keepers, *of_line], time.monotonic)
        keepers.start()
        stack.callback(keepers.stop)
        workers = plant_runner(installation.database_url("state"))
        workers.start()
        stack.callback(workers.stop)
        yield Services(
            settings=WebSettings(
                plant_name=settings.enterprise.name,
                plant_name_en=settings.enterprise.name_en,
                language=settings.server.language,
                version=__version__,
                origin=settings.server.log_origin,
                log_key=log.log_key,
                public_log=settings.server.public_log,
            ),
            inspections=inspections,
            log=_LogAccess(log, [witness.key for witness in settings.witnesses]),
            submitter=_Submitter(writer, guard),
            statements=statements,
            desks=desks,
            production=open_production_desks(projected, statements, blobs, settings),
            exchange=open_exchange_desks(
                ExchangeMaterials(
                    database=projected,
                    statements=statements,
                    log=log,
                    blobs=blobs,
                    clock=clock,
                    settings=settings,
                    state=customer_state,
                )
            ),
            blobs=blobs,
            accounts=Users(state, clock),
            stations=SupervisedStations(installation),
            health=_Health(follower, keepers),
            clock=clock,
            line=line,
        )


async def serve(services: Services, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until ``stop``."""
    app = create_app(services)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        log_access=False,
        websockets=False,
    )
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not serving.done():
        # An open event stream would keep the server from ending until its page is closed.
        close_streams(app)
        server.stop()  # type: ignore[no-untyped-call]
    await serving


def stop_at_end_of_input(stop: threading.Event | asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set ``stop`` when whoever holds the other end of standard input is gone."""

    def watch() -> None:
        # os.read and not sys.stdin: a thread that holds that one's lock keeps the interpreter from ending.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


async def _run(installation: Installation, *, watch_input: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if watch_input:
        stop_at_end_of_input(stop, loop)
    with running_services(installation) as services:
        await serve(services, installation.settings.server.host, installation.settings.server.port, stop)


def main() -> int:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="gaugeblock.apps.plant")
    parser.add_argument("--plant", type=Path, default=Path("plant.toml"))
    parser.add_argument("--watch-input", action="store_true", help="end when standard input ends")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        installation = load_installation(arguments.plant)
        asyncio.run(_run(installation, watch_input=arguments.watch_input))
    except GaugeblockError as error:
        sys.stderr.write(f"{error.text('zh')} {error.remedy('zh')}\n{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
