"""Speed of the shipped default, end to end: file bytes to verdict and heat-map, as configured in ``vision.accuracy``.

The **plain path** runs in the same process on the same images with the same network and bank, the way a first
version is written: one thread, one image, and for every patch the differences to all vectors of the bank in
float32. Both paths must give the same verdict on every image, or the benchmark fails.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure
from benchmarks.vision._sets import Photographs, mtd_random
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.guards import ImageStatistics
from gaugeblock.vision.heatmap import encode_heatmap
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.module_file import read_module
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.score_fusion import components
from gaugeblock.vision.training import lite0_network, train
from gaugeblock.vision.whole import WholeIndex, pool

SEED = 1
FIT_IMAGES = 760
IMAGES, PLAIN_IMAGES, WARM_UP = 300, 30, 10


def _end_to_end(inspector: Inspector, files: list[bytes]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Milliseconds of each image, and of each stage."""
    total, stages = [], []
    for data in files:
        started = time.perf_counter_ns()
        image = decode(data)
        decoded = time.perf_counter_ns()
        inspection = inspector.inspect(image, time.perf_counter_ns)
        encode_heatmap(inspection.heatmap, inspection.threshold)
        total.append((time.perf_counter_ns() - started) / 1e6)
        stages.append({"decode": (decoded - started) / 1e6, **inspection.stage_ms})
    return np.array(total), {name: np.array([s[name] for s in stages]) for name in stages[0]}


class _Plain:
    """The same inspector by a loop over patches."""

    def __init__(self, data: bytes) -> None:
        module = read_module(data)
        manifest = Inspector.from_bytes(data).manifest
        array = lambda name, *shape: np.frombuffer(module.sections[name], "<f4").reshape(shape)  # noqa: E731
        width, rank, points = manifest.whole_shape
        self.manifest = manifest
        self.embedder = Embedder(module.sections["network"], ResizePlan(manifest.side), threads=1)
        self.bank = array("bank", manifest.bank_vectors, manifest.channels)
        self.whole = WholeIndex(
            array("whole_centre", width), array("whole_whitening", width, rank), array("whole_points", points, rank)
        )

    def score(self, data: bytes) -> float:
        image = decode(data)
        self.manifest.envelope.check(ImageStatistics.of(image))
        features = self.embedder.embed(image).features
        nearest = [np.sqrt(np.square(self.bank - patch).sum(axis=1).min()) for patch in features]
        values = components(np.array(nearest, np.float32), self.whole.distance(pool(features)))
        return float(self.manifest.fusion.score(values))


def run() -> list[Figure]:
    """Some minutes on two cores."""
    split = mtd_random(SEED)
    started = time.perf_counter()
    network = lite0_network(lite0_checkpoint())
    trained = train(Photographs(split.train[:FIT_IMAGES]), network=network, seed=SEED, threads=2)
    fit_s = time.perf_counter() - started
    data = trained.to_bytes()
    files = [Path(p).read_bytes() for p in [*split.good, *split.defective][:IMAGES]]
    results: dict[int, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    for threads in (1, 2):
        inspector = Inspector.from_bytes(data, threads)
        _end_to_end(inspector, files[:WARM_UP])
        results[threads] = _end_to_end(inspector, files)
    plain = _Plain(data)
    plain.score(files[0])
    fast = Inspector.from_bytes(data)
    plain_ms, fast_ms = [], []
    for content in files[:: len(files) // PLAIN_IMAGES][:PLAIN_IMAGES]:
        at = time.perf_counter_ns()
        score = plain.score(content)
        between = time.perf_counter_ns()
        other = fast.inspect(decode(content)).score
        fast_ms.append((time.perf_counter_ns() - between) / 1e6)
        plain_ms.append((between - at) / 1e6)
        if (score > fast.manifest.threshold) != (other > fast.manifest.threshold):
            raise AssertionError(f"plain and fast path disagree: {score} and {other}")
    one, stages = results[1]
    two, _ = results[2]
    what = f"{len(files)} MTD photographs, file bytes to verdict and heat-map"
    size = f"{fast.manifest.bank_vectors} vectors of {fast.manifest.channels}"
    plain_p50, fast_p50 = float(np.median(plain_ms)), float(np.median(fast_ms))
    return [
        Figure("image_ms_p50", float(np.median(one)), "ms", f"{what}, network on one thread", SEED),
        Figure("image_ms_p99", float(np.percentile(one, 99)), "ms", f"{what}, network on one thread", SEED),
        Figure(
            "network_ms_p50",
            float(np.median(stages["network"])),
            "ms",
            "EfficientNet-Lite0 to stage 6, one thread",
            SEED,
        ),
        Figure("search_ms_p50", float(np.median(stages["search"])), "ms", f"exact, {size}", SEED),
        Figure("decode_ms_p50", float(np.median(stages["decode"])), "ms", "JPEG to RGB", SEED),
        Figure("prepare_ms_p50", float(np.median(stages["prepare"])), "ms", "guards, resize, standardise", SEED),
        Figure("images_per_s", 1000 * len(two) / float(two.sum()), "1/s", f"{what}, network on two threads", SEED),
        Figure("fit_s", fit_s, "s", f"{FIT_IMAGES} images, ten held-out folds and the final bank, two threads", SEED),
        Figure(
            "ratio_to_plain",
            plain_p50 / fast_p50,
            "×",
            f"median of {PLAIN_IMAGES} images, same verdicts; plain: float32 loop over patches, same bank",
            SEED,
            "plain path (ms)",
            plain_p50,
            plain_p50 / fast_p50,
        ),
        Figure("module_mb", len(data) / 1e6, "MB", "the .gbm file", SEED),
    ]
