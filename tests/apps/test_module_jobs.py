"""A module in a real plant process: trained by a job that is killed, shadow, comparison, release, rollback.

Small virtual parts, real jobs in processes of their own, real HTTP, real files.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gaugeblock.apps import comparison_job, training_job
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.apps.opening import prepare
from gaugeblock.apps.plant import running_services, serve
from gaugeblock.inspection.comparison import Criteria
from gaugeblock.inspection.training import TrainingOptions
from gaugeblock.inspection.training_set import held_out
from gaugeblock.ledger.record import ClockState, Draft, sign_record
from gaugeblock.plant.assignment import read_assignment
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    ReferenceStatement,
)
from gaugeblock.plant.record_types import Facet, Verdict
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.errors import JobCancelledError, StoreFullError
from gaugeblock.stores.feature_cache import FileFeatureCache
from gaugeblock.stores.keyring import Keyring
from gaugeblock.stores.module_files import ModuleFiles
from gaugeblock.virtual.camera import encode_jpeg
from gaugeblock.virtual.config import RenderConfig
from gaugeblock.virtual.render import render
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.training import TrainingOptions as VisionOptions
from gaugeblock.vision.training import lite0_network, train

STATION, PRODUCT = "ST10", "P100"
PARTS = 14
LI, CHEN = "person:li.wei", "person:chen"
SETTINGS = """
[enterprise]
name = "示例"
[server]
port = {port}
[[sites]]
id = "S"
[[lines]]
id = "L1"
site = "S"
shifts = ["08:00", "20:00"]
[[products]]
id = "P100"
[products.costs]
escape = 100
overkill = 2
review = 0.5
defect_rate = 0.05
[[stations]]
id = "ST10"
line = "L1"
product = "P100"
module = "first.gbm"
[stations.camera]
kind = "watched_folder"
folder = "in"
"""


@dataclass
class RunningPlant:
    """A plant process' inside, in this process, with its HTTP server."""

    installation: Installation
    services: Any
    first: str
    number: int = 0

    def inspect(self, *, defective: bool, verdict: Verdict, known: bool = True) -> int:
        """A part passes: image, verdict of the first module, and the truth where it is known."""
        self.number += 1
        number = self.number
        image = self.services.blobs.put(picture(number, defective))
        at = to_rfc3339(SystemClock().now())
        subject = InspectionSubject(station=STATION, unit=f"U{number:04d}", product=PRODUCT)
        facets: dict[str, Facet] = {
            "subject": subject,
            "statement": InspectionStatement(verdict),
            "measurement": InspectionMeasurement(score=1.0, threshold=1.2, review_from=1.2),
            "process": InspectionProcess(
                boot_epoch=1, sequence=number, trigger=number, deadline_ms=500.0, latency_ms=50.0
            ),
            "inputs": InspectionInputs(image_sha256=image, module_sha256=self.first),
        }
        author = f"station:{STATION}"
        key = Keyring(self.installation.station_data(STATION) / "keys").load(author)
        origin = self.installation.settings.server.log_origin
        draft = Draft(
            "inspection.verdict", 2, author, f"1/{number}", origin, at, at, ClockState("unknown", None), facets
        )
        signed = sign_record(draft, key, os.urandom)
        receipt = self.services.submitter.submit(signed.jws, signed.disclosures).result(20)
        if known:
            truth = ReferenceStatement("defective" if defective else "good", ("scratch",) if defective else ())
            self.services.statements.state(
                "server:plant", "inspection.reference", f"reference/{number}", {"subject": subject, "statement": truth}
            )
        return int(receipt.index)


def picture(number: int, defective: bool) -> bytes:
    part = render(1, 20_000 + number, RenderConfig(size_px=96), with_defects=False)
    image = part.image.copy()
    if defective:
        image[30:50, 20:70] = 255
    return encode_jpeg(image, 92)


def soon(condition: Callable[[], Any], seconds: float = 900.0) -> Any:
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlant]:
    root = tmp_path_factory.mktemp("plant")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (root / "plant.toml").write_text(SETTINGS.format(port=port), "utf-8")
    good = [decode(picture(9_000 + n, False)) for n in range(8)]
    options = VisionOptions(side=96, bank_vectors=60, folds=2, int8=False)
    module = train(good, network=lite0_network(lite0_checkpoint()), groups=list(range(8)), options=options)
    (root / "first.gbm").write_bytes(module.to_bytes())
    installation = load_installation(root / "plant.toml")
    prepare(installation)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    with running_services(installation) as services:
        host, number = installation.settings.server.host, installation.settings.server.port
        thread = threading.Thread(
            target=lambda: loop.run_until_complete(serve(services, host, number, stop)), daemon=True
        )
        thread.start()
        soon(lambda: answers(installation.url), 30)
        yield RunningPlant(installation, services, module.manifest.module_sha256)
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=1, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def ended(plant: RunningPlant, job: str) -> Any:
    desk = plant.services.desks.training
    soon(lambda: desk.job(job).state in {"done", "failed", "cancelled"})
    return desk.job(job)


def test_the_life_of_a_module(plant: RunningPlant) -> None:
    desks = plant.services.desks
    for number in range(PARTS):
        bad = number % 4 == 3
        plant.inspect(defective=bad, verdict=Verdict.NOK if bad else Verdict.OK)
    assignment = plant.installation.assignment(STATION)
    soon(assignment.is_file)
    assert read_assignment(assignment.read_bytes()).module_sha256 == plant.first
    # ── training, killed once ────────────────────────────────────────────────────────────────────────
    options = TrainingOptions(station=STATION, product=PRODUCT)
    seen = desks.training.preview(options)
    assert seen.enough
    assert seen.held_out_good > 0
    job = desks.training.start(CHEN, options)
    cache = plant.installation.feature_cache
    soon(lambda: len(list(cache.glob("*/*.features"))) >= 6)
    kill_worker(job)
    trained = ended(plant, job)
    assert (trained.state, trained.error_code, trained.error_facts) == ("done", None, None)
    assert trained.attempts == 2
    candidate = trained.result["module_sha256"]
    assert (trained.result["good"], trained.result["defective"]) == (seen.good, seen.defective)
    row = soon(lambda: desks.modules.reader.candidate(STATION, candidate))
    assert row.statement.requested_by == CHEN
    manifest = desks.operating_points.manifest(candidate)
    assert manifest.operating_point.costs is not None
    # ── shadow: what comes after the candidate, each verdict once ────────────────────────────────────
    for number in range(6):
        plant.inspect(defective=number == 5, verdict=Verdict.NOK if number == 5 else Verdict.OK)
    soon(lambda: desks.modules.reader.candidate(STATION, candidate).shadowed == 6)
    # ── comparison ───────────────────────────────────────────────────────────────────────────────────
    compared = ended(plant, desks.training.compare(STATION, candidate))
    assert compared.state == "done", compared.error_facts
    assert compared.result["passed"] is False  # six verdicts in shadow are not enough
    found = soon(lambda: desks.modules.reader.candidate(STATION, candidate).comparison)
    held, _challenge, shadow = found.sets
    # U0015 came later and is of a held-out group: it counts there, and not in the shadow set too.
    assert held_out("unit:U0015")
    assert (held.good, held.defective) == (seen.held_out_good + 1, seen.held_out_defective)
    assert (shadow.good, shadow.defective, shadow.of) == (4, 1, 5)
    assert {each.name: each.state for each in found.criteria}["shadow_parts"] == "failed"
    # ── release, assignment, rollback ────────────────────────────────────────────────────────────────
    decided = desks.modules.release(
        LI, STATION, candidate, comparison_index=found.index, reason="影子件数不足，但首件全部复核无误"
    )
    told = read_assignment(assignment.read_bytes())
    assert (told.module_sha256, told.release_index) == (candidate, decided.index)
    assert told.shifts == ("08:00", "20:00")
    assert Path(told.module).read_bytes() == desks.modules.file(candidate)
    assignment.unlink()
    assert desks.modules.assign_all() == 1
    assert read_assignment(assignment.read_bytes()) == told
    desks.modules.rollback(LI, STATION, plant.first, reason="现场要求先用回原模型")
    assert read_assignment(assignment.read_bytes()).module_sha256 == plant.first
    # ── the killed training ended with the bytes of one that was not ─────────────────────────────────
    FileFeatureCache(cache).clear()
    with training_job.job_plant(str(plant.installation.file)) as opened:
        before = [each for each in opened.labels.labels(STATION, PRODUCT, 1000) if each.unit <= f"U{PARTS:04d}"]
        opened.labels.labels = lambda *_: before  # type: ignore[method-assign]
        again, _, _ = training_job.train_candidate(opened, options_with_costs(seen, options), quiet, lambda: None)
    assert again.manifest.module_sha256 == candidate


def kill_worker(job: str) -> None:
    import multiprocessing

    (worker,) = [each for each in multiprocessing.active_children() if each.name == f"job-{job}"]
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)


def options_with_costs(seen: Any, options: TrainingOptions) -> TrainingOptions:
    import msgspec

    return msgspec.structs.replace(options, costs=seen.costs)


def quiet(_stage: str, _done: int, _total: int) -> None:
    return


class Context:
    """A job's context that remembers, for functions called here."""

    job, attempt = "j1", 1

    def __init__(self, cancel_at: str | None = None) -> None:
        self.stages: list[str] = []
        self._cancel_at = cancel_at

    def progress(self, done: int, total: int, stage: str | None = None) -> None:
        self.stages.append(stage or "")

    def raise_if_cancelled(self) -> None:
        if self._cancel_at is not None and self._cancel_at in self.stages:
            raise JobCancelledError(job=self.job)


@pytest.fixture
def labelled(plant: RunningPlant) -> RunningPlant:
    while plant.number < 12:
        plant.inspect(defective=False, verdict=Verdict.OK)
    return plant


def test_a_full_disk_ends_a_training_by_name_and_leaves_nothing_half(
    labelled: RunningPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = ModuleFiles(labelled.installation.modules)
    before = sorted(labelled.installation.modules.iterdir())
    FileFeatureCache(labelled.installation.feature_cache).clear()
    import gaugeblock.stores.files as files

    real, budget = os.write, [200_000]

    def short_of_room(descriptor: int, data: Any) -> int:
        budget[0] -= len(data)
        if budget[0] < 0:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(files.os, "write", short_of_room)
    options = {"station": STATION, "product": PRODUCT}
    with pytest.raises(StoreFullError):
        training_job.train_job(Context(), plant=str(labelled.installation.file), person=CHEN, options=options)  # type: ignore[arg-type]
    monkeypatch.undo()
    assert sorted(labelled.installation.modules.iterdir()) == before
    assert not list(labelled.installation.feature_cache.rglob(".writing-*"))
    assert modules.has(labelled.first)


def test_a_cancelled_training_stops_and_states_nothing(labelled: RunningPlant) -> None:
    log_size = labelled.services.log.size
    options = {"station": STATION, "product": PRODUCT}
    context = Context(cancel_at="inspection.module.stage.features")
    with pytest.raises(JobCancelledError):
        training_job.train_job(context, plant=str(labelled.installation.file), person=CHEN, options=options)  # type: ignore[arg-type]
    assert labelled.services.log.size == log_size


def test_too_few_parts_are_named(labelled: RunningPlant) -> None:
    from gaugeblock.vision.errors import NoTrainingImagesError

    options = {"station": STATION, "product": "P999"}
    with pytest.raises(NoTrainingImagesError):
        training_job.train_job(Context(), plant=str(labelled.installation.file), person=CHEN, options=options)  # type: ignore[arg-type]


def test_comparison_counts_missing_images(labelled: RunningPlant) -> None:
    from gaugeblock.inspection.module_errors import ModuleNotCandidateError

    with training_job.job_plant(str(labelled.installation.file)) as opened, pytest.raises(ModuleNotCandidateError):
        comparison_job.compare(opened, STATION, labelled.first, lambda _done, _total: None, Criteria())


def test_images_that_are_gone_are_left_out_by_name(labelled: RunningPlant) -> None:
    from gaugeblock.inspection.training_set import Label
    from gaugeblock.vision.errors import ImageUnreadableError

    images = training_job.LabelledImages(labelled.services.blobs, [Label(7, "0" * 64, "good", "unit:U7", "U7")])
    assert (len(images), images.name(0)) == (1, "U7")
    with pytest.raises(ImageUnreadableError):
        images[0]
    assert np.asarray(decode(picture(1, False))).shape == (96, 96, 3)
