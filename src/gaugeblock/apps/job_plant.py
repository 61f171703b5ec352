"""What a job in a process of its own has of the plant: projections to read, images, modules, and a way to state.

A job is not the log's writer. It signs with the server's key, which lies on this machine, and submits over HTTP as any
other author does; a plant process that is away for a while is waited for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import clock_state
from gaugeblock.connectors.errors import PlantBusyError, PlantRefusedError, PlantUnreachableError
from gaugeblock.connectors.plant_http import PlantAnswer, PlantHttp
from gaugeblock.inspection.modules import KeptModules
from gaugeblock.inspection.modules_queries import ProjectedModules
from gaugeblock.inspection.part_groups import PartGroups, site_zone
from gaugeblock.inspection.ports import Images
from gaugeblock.inspection.training_labels import TrainingLabels
from gaugeblock.ledger.key_directory import SERVER
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import Draft, SignedRecord, sign_record
from gaugeblock.plant.facet import Facet
from gaugeblock.plant.record_types import LATEST
from gaugeblock.plant.settings import PlantSettings
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.jobs import Jobs
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.module_files import ModuleFiles

WAIT_FOR_PLANT_S = 300.0
RETRY_S_FIRST = 0.5
RETRY_S_MAX = 10.0
SAID_BEFORE = "stores.identity_conflict"


@dataclass(frozen=True, slots=True)
class Said:
    """A statement to submit."""

    record_type: str
    identity: str
    facets: Mapping[str, Facet]


class SubmittedStatements:
    """Signs as the server and submits to the plant process.

    Parameters
    ----------
    uplink
        The plant's HTTP API.
    key
        The server's.
    go_on
        Called while the plant is away; raises to give up.
    """

    def __init__(
        self,
        uplink: PlantHttp,
        key: SigningKey,
        log_origin: str,
        clock: Clock,
        go_on: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._uplink, self._key, self._origin, self._clock = uplink, key, log_origin, clock
        self._go_on, self._sleep = go_on, sleep

    def submit(self, *said: Said) -> list[int | None]:
        """State all of them, in order; their indices, ``None`` for one whose identity was stated before.

        Raises
        ------
        PlantUnreachableError, PlantBusyError
            The plant stayed away for longer than :data:`WAIT_FOR_PLANT_S`.
        PlantRefusedError, PlantAnswerError
        """
        records = [self._signed(each) for each in said]
        answers = self._send(records)
        return [self._index(answer) for answer in answers]

    def _signed(self, said: Said) -> SignedRecord:
        stated_at = to_rfc3339(self._clock.now())
        draft = Draft(
            record_type=said.record_type,
            version=LATEST[said.record_type],
            author=SERVER,
            identity=said.identity,
            log=self._origin,
            stated_at=stated_at,
            observed_at=stated_at,
            clock=clock_state(),
            facets=said.facets,
        )
        return sign_record(draft, self._key, os.urandom)

    def _send(self, records: list[SignedRecord]) -> list[PlantAnswer]:
        waited_s, pause_s = 0.0, RETRY_S_FIRST
        while True:
            try:
                return self._uplink.send(records)
            except (PlantUnreachableError, PlantBusyError):
                if waited_s >= WAIT_FOR_PLANT_S:
                    raise
                self._go_on()
                self._sleep(pause_s)
                waited_s += pause_s
                pause_s = min(RETRY_S_MAX, 2 * pause_s)

    def _index(self, answer: PlantAnswer) -> int | None:
        if answer.error_code is None:
            return answer.index
        if answer.error_code == SAID_BEFORE:
            # A killed attempt said it; the same identity is the same statement.
            return None
        raise PlantRefusedError(url=self._uplink.url, status=200, detail=answer.error_text or answer.error_code)


@dataclass(frozen=True, slots=True)
class JobPlant:
    """The plant as a job sees it."""

    file: str
    settings: PlantSettings
    installation: Installation
    modules: ProjectedModules
    labels: TrainingLabels
    images: Images
    files: KeptModules
    statements: SubmittedStatements
    jobs: Jobs
    clock: Clock


@contextmanager
def job_plant(plant: str, go_on: Callable[[], None] = lambda: None) -> Iterator[JobPlant]:
    """Open what a job needs.

    Raises
    ------
    GaugeblockError
        Settings, key or stores.
    """
    installation = load_installation(Path(plant))
    clock = SystemClock()
    with ExitStack() as stack:
        projected = stack.enter_context(Database(installation.database_url("projections")))
        state = stack.enter_context(Database(installation.database_url("state")))
        key = Keyring(installation.keys).load(SERVER)
        uplink = PlantHttp(installation.url, key, language=installation.settings.server.language)
        stack.callback(uplink.close)
        groups = PartGroups(projected, site_zone(installation.settings))
        modules = ProjectedModules(projected, groups)
        yield JobPlant(
            file=plant,
            settings=installation.settings,
            installation=installation,
            modules=modules,
            labels=TrainingLabels(projected, modules, groups),
            images=BlobStore(installation.blobs),
            files=ModuleFiles(installation.modules),
            statements=SubmittedStatements(uplink, key, installation.settings.server.log_origin, clock, go_on),
            jobs=Jobs(state, clock),
            clock=clock,
        )
