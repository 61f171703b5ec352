"""A small plant in memory with real records, images and heat-maps, and a granian server over it."""

from __future__ import annotations

import asyncio
import io
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from PIL import Image, ImageDraw

from gaugeblock.inspection.read_model import StationRow, VerdictRow
from gaugeblock.ledger.key_records import binding
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import ClockState, Draft, SignedRecord, sign_record
from gaugeblock.plant.record_types import (
    LATEST,
    Facet,
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
    ReferenceStatement,
    Verdict,
)
from gaugeblock.plant.settings import PlantSettings
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.log_records import Receipt, Submission
from gaugeblock.vision.heatmap import encode_heatmap
from gaugeblock.web.app import close_streams, create_app
from gaugeblock.web.memory import MemoryAccount, MemoryPlant, memory_plant
from gaugeblock.web.ports import StationState

PASSWORD = "correct horse battery"
STATION = "L1-ST10"
CLOCK = ClockState("synchronised", 5.0)
THRESHOLD = 1.85
TRUTH = "virtual:truth"


class SamplePlant:
    """Drives the twins as stations would: signed records into the log, rows into the read model."""

    def __init__(self, owner: PlantSettings | None = None, **settings: object) -> None:
        people = [MemoryAccount(name, name, PASSWORD) for name in ("viewer", "quality", "admin")]  # type: ignore[arg-type]
        self.plant: MemoryPlant = memory_plant(SystemClock(), people, owner, version="0.1.0", **settings)
        self.log = self.plant.log
        self.station_key = SigningKey.from_seed(bytes([7]) * 32)
        self.sequence = 0
        self._random = random.Random(7)
        self._now = datetime.now(UTC)
        self.truth_key = SigningKey.from_seed(bytes([8]) * 32)
        for entity, key in ((f"station:{STATION}", self.station_key), (TRUTH, self.truth_key)):
            introduction = binding(
                "server:plant",
                entity,
                key.public,
                log=self.log.origin,
                stated_at=to_rfc3339(self._now),
                clock=CLOCK,
            )
            self.append(sign_record(introduction, self.plant.server_key, os.urandom))
        self.plant.stations.states.append(
            StationState(station=STATION, condition="running", since=to_rfc3339(self._now), restarts=1, spool_backlog=0)
        )
        self.plant.stations.states.append(
            StationState(
                station="L1-ST20",
                condition="restarting",
                since=to_rfc3339(self._now),
                restarts=3,
                fault_code="plant.unexpected",
                fault_facts={"detail": "camera"},
            )
        )

    def append(self, record: SignedRecord) -> int:
        """One record under a fresh checkpoint; its index."""
        (outcome,) = self.log.append([Submission(record.jws, record.disclosures)])
        assert isinstance(outcome, Receipt), outcome
        self.log.sign_checkpoint()
        self.plant.follow()
        return outcome.index

    def signed(
        self,
        record_type: str,
        facets: dict[str, Facet],
        identity: str | None = None,
        author: str = f"station:{STATION}",
    ) -> SignedRecord:
        """A record of the station, or of the one who knows the truth."""
        self.sequence += 1
        moment = to_rfc3339(self._now + timedelta(seconds=self.sequence))
        draft = Draft(
            record_type,
            LATEST[record_type],
            author,
            identity or f"1/{self.sequence}",
            self.log.origin,
            moment,
            moment,
            CLOCK,
            facets,
        )
        return sign_record(draft, self.truth_key if author == TRUTH else self.station_key, os.urandom)

    def inspect(
        self,
        verdict: Verdict = Verdict.OK,
        condition: str | None = "good",
        unit: str | None = "",
        photograph: bytes | None = None,
    ) -> int:
        """A part passes the station; the index of its verdict."""
        number = self.sequence + 1
        unit = f"U-2611-{number:05d}" if unit == "" else unit
        defective = condition == "defective"
        image, heat = picture(self._random, defective)
        image = photograph or image
        undecided = verdict is Verdict.UNDECIDED
        score = {"OK": 0.6 + 0.3 * self._random.random(), "NOK": 1.4}.get(verdict.value, 0.0) * THRESHOLD
        blobs = self.plant.blobs
        inputs = InspectionInputs(
            image_sha256=None if undecided else blobs.put(image),
            heatmap_sha256=None if undecided else blobs.put(encode_heatmap(heat * THRESHOLD, THRESHOLD)),
            module_sha256="ab" * 32,
        )
        subject = InspectionSubject(station=STATION, unit=unit, product="bracket-7", order="WO-1042")
        process = InspectionProcess(
            boot_epoch=1,
            sequence=number,
            trigger=number,
            deadline_ms=300.0,
            latency_ms=55 + 60 * self._random.random(),
            guards_passed=("frame_fresh", "size"),
            stage_ms={"decode": 4.2, "embedding": 31.0, "search": 6.1},
        )
        reason = "vision.image_truncated" if undecided else None
        record = self.signed(
            "inspection.verdict",
            {
                "subject": subject,
                "statement": InspectionStatement(verdict=verdict, reason=reason),
                "measurement": InspectionMeasurement(
                    score=None if undecided else score, threshold=None if undecided else THRESHOLD
                ),
                "process": process,
                "inputs": inputs,
            },
        )
        index = self.append(record)
        reference = None
        if condition is not None:
            reference = self.append(
                self.signed(
                    "inspection.reference",
                    {
                        "subject": subject,
                        "statement": ReferenceStatement(
                            condition=condition,  # type: ignore[arg-type]
                            defects=("scratch",) if defective else (),
                            authority=TRUTH,
                        ),
                    },
                    author=TRUTH,
                )
            )
        self._project(
            index, subject, verdict, reason, None if undecided else score, inputs, process, condition, reference
        )
        return index

    def _project(self, index, subject, verdict, reason, score, inputs, process, condition, reference) -> None:  # type: ignore[no-untyped-def]
        observed_at = to_rfc3339(self._now + timedelta(seconds=self.sequence))
        inspections = self.plant.inspections
        inspections.rows.append(
            VerdictRow(
                index=index,
                station=STATION,
                unit=subject.unit,
                product=subject.product,
                order=subject.order,
                verdict=verdict,
                reason=reason,
                score=score,
                threshold=None if score is None else THRESHOLD,
                peak_x=0.4,
                peak_y=0.6,
                observed_at=observed_at,
                latency_ms=process.latency_ms,
                deadline_ms=process.deadline_ms,
                image_sha256=inputs.image_sha256,
                heatmap_sha256=inputs.heatmap_sha256,
                module_sha256=inputs.module_sha256,
                reference_index=reference,
                condition=condition,
                defects=("scratch",) if condition == "defective" else (),
            )
        )
        inspections.log_size = self.log.size
        inspections.stations[:] = [
            StationRow(
                station=STATION,
                boot_epoch=1,
                started_at=to_rfc3339(self._now),
                module_sha256="ab" * 32,
                missed_triggers=0,
                last_verdict_at=observed_at,
                last_verdict_index=index,
            )
        ]

    def run_line(self, parts: int = 60) -> None:
        """Parts of all kinds: good and defective, right and wrong verdicts, one undecided, one without a number."""
        for number in range(parts):
            if number % 10 == 3:
                self.inspect(Verdict.NOK, "defective")
            elif number == 17:
                self.inspect(Verdict.OK, "defective")
            elif number == 25:
                self.inspect(Verdict.NOK, "good")
            elif number == 31:
                self.inspect(Verdict.UNDECIDED, None, None)
            else:
                self.inspect()
        self.inspect(Verdict.NOK, "defective", "U-TWICE")
        self.inspect(Verdict.OK, None, "U-TWICE")
        self.inspect(Verdict.NOK, "defective")

    def app(self) -> Litestar:
        """The application over the twins."""
        return create_app(self.plant.services)

    def key_header(self, sha256: str, unix_s: int | None = None, key: SigningKey | None = None) -> str:
        """A station's Authorization header."""
        from base64 import urlsafe_b64encode

        key = key or self.station_key
        unix_s = int(time.time()) if unix_s is None else unix_s
        signature = key.sign(f"PUT\n{sha256}\n{unix_s}".encode())
        return f"Gaugeblock-Key {key.public.thumbprint} {unix_s} {urlsafe_b64encode(signature).decode().rstrip('=')}"


def picture(source: random.Random, defective: bool) -> tuple[bytes, np.ndarray]:
    """A brushed plate with a hole, scratched where it is defective; and a heat-map in multiples of the threshold."""
    noise = np.random.default_rng(source.randrange(2**32))
    grain = noise.normal(0, 9, (1, 256)) + noise.normal(0, 4, (256, 256))
    plate = np.clip(150 + grain + np.linspace(-20, 20, 256)[:, None], 0, 255).astype(np.uint8)
    image = Image.fromarray(plate).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((88, 88, 168, 168), fill=(40, 42, 45), outline=(200, 204, 206), width=3)
    heat = np.abs(noise.normal(0.2, 0.06, (32, 32))).astype(np.float32)
    if defective:
        x, y = source.randrange(30, 190), source.randrange(180, 230)
        draw.line((x, y, x + 50, y - 34), fill=(232, 234, 236), width=3)
        rows, columns = np.mgrid[0:32, 0:32]
        distance = np.hypot(rows - (y - 17) / 8, columns - (x + 25) / 8)
        heat += 1.5 * np.exp(-((distance / 3.2) ** 2)).astype(np.float32)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue(), heat


@pytest.fixture
def plant() -> SamplePlant:
    """A plant with a few parts."""
    made = SamplePlant()
    made.inspect(Verdict.OK, "good")
    made.inspect(Verdict.NOK, "defective")
    made.inspect(Verdict.UNDECIDED, None, None)
    return made


@pytest.fixture
def make_plant() -> Callable[..., SamplePlant]:
    """A plant with settings of its own."""
    return SamplePlant


@dataclass
class SignedIn:
    """A client with a session, and the session's CSRF token."""

    client: TestClient[Litestar]
    csrf: str


def csrf_in(html: str) -> str:
    """The token of the first form on a page."""
    return html.split('name="csrf" value="', 1)[1].split('"', 1)[0]


@contextmanager
def signed_in(app: Litestar, name: str = "viewer") -> Iterator[SignedIn]:
    """Signs in through the form, as a person does."""
    with TestClient(app, base_url="http://testserver.local") as client:
        page = client.get("/sign-in", headers={"Accept-Language": "en"})
        answer = client.post(
            "/sign-in",
            data={"csrf": csrf_in(page.text), "name": name, "password": PASSWORD, "next": "/log"},
            follow_redirects=False,
        )
        assert answer.status_code == 303, answer.text
        page = client.get("/log", headers={"Accept-Language": "en"})
        yield SignedIn(client, csrf_in(page.text))


@pytest.fixture
def viewer(plant: SamplePlant) -> Iterator[SignedIn]:
    """A viewer's session at the sample plant."""
    with signed_in(plant.app()) as made:
        yield made


class Served:
    """An application served by granian in a thread."""

    def __init__(self, sample: SamplePlant, app: Litestar, port: int, stop: Callable[[], bool]) -> None:
        self.sample, self.app, self.port, self.stop = sample, app, port, stop
        self.url = f"http://127.0.0.1:{port}"


@contextmanager
def served(sample: SamplePlant) -> Iterator[Served]:
    """Starts granian on a free port and stops it again."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = sample.app()
    loop = asyncio.new_event_loop()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 15
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
            break
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "granian did not start"
            time.sleep(0.05)

    def stop() -> bool:
        # As the plant process ends; whether the server did.
        loop.call_soon_threadsafe(close_streams, app)
        loop.call_soon_threadsafe(server.stop)
        thread.join(10)
        return not thread.is_alive()

    try:
        yield Served(sample, app, port, stop)
    finally:
        stop()


@pytest.fixture(scope="module")
def live() -> Iterator[Served]:
    """A whole plant behind a real server."""
    sample = SamplePlant(heartbeat_s=1.0)
    sample.run_line()
    with served(sample) as running:
        yield running


@pytest.fixture
def session_of() -> Callable[..., AbstractContextManager[SignedIn]]:
    """Opens a session at an application: ``with session_of(app, "admin") as session``."""
    return signed_in


@pytest.fixture
def serve() -> Callable[[SamplePlant], AbstractContextManager[Served]]:
    """Serves a plant of the test's own."""
    return served
