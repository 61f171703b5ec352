"""Speed of the shipped default, end to end: file bytes to verdict and heat-map, as configured in ``vision.accuracy``.

Everything timed here runs on **one thread**, that of the matrix library included: in a process that is started so.
The **plain path** answers from the same module the way a first version is written: three channels whatever they
hold, arithmetic step by step, and for every patch the differences to all vectors of the bank. It and the fast path
take turns image by image, and their verdicts are compared on every test image of both sets; so are the maps of the
places above the threshold. The network's float32 and 8-bit forms take turns too.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from benchmarks.harness import Figure
from benchmarks.vision._peer import PeerUnavailableError, fold0_comparison, ratio_figures
from benchmarks.vision._sets import Photographs, Split, casting, mtd_random
from gaugeblock.vision.backbone import LEVEL_CENTRE, LEVEL_SPREAD, STRIDE
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.heatmap import encode_heatmap
from gaugeblock.vision.illumination import DEVIATION, DEVIATION_MIN, MEAN
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.module_file import read_module
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.training import lite0_network, train

SEED = 1
FIT_IMAGES = 760
IMAGES, WARM_UP = 300, 10
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SETS: dict[str, Callable[[], Split]] = {"mtd": lambda: mtd_random(SEED), "casting": casting}
EDGE = 1e-5
"""Relative distance to a threshold within which a rounding may decide."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Fitted:
    """A module of one set and how long its training took."""

    module: bytes
    fit_s: float


@dataclass(frozen=True)
class Turns:
    """Both paths on every test image of one set, in turns: milliseconds each, and how often they differed."""

    fast_ms: list[float]
    plain_ms: list[float]
    verdicts_differing: int
    scores_apart: float
    places_differing: int


@contextmanager
def _one_thread() -> Iterator[ProcessPoolExecutor]:
    """A process whose matrix library has one thread: that is read from the environment when it is loaded."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ |= dict.fromkeys(THREAD_VARIABLES, "1")
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool_of_one:
            yield pool_of_one
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _apart(task: Callable[..., Answer], *arguments: object) -> Answer:
    with _one_thread() as process:
        return process.submit(task, *arguments).result()


def fit(name: str, images: int, threads: int) -> Fitted:
    """Train the shipped default on the good images of a set."""
    split = SETS[name]()
    started = time.perf_counter()
    trained = train(
        Photographs(split.train[:images]), network=lite0_network(lite0_checkpoint()), seed=SEED, threads=threads
    )
    return Fitted(trained.to_bytes(), time.perf_counter() - started)


def _files(name: str, count: int | None = None) -> list[bytes]:
    split = SETS[name]()
    return [path.read_bytes() for path in [*split.good, *split.defective][:count]]


def end_to_end(module: bytes, name: str, count: int, threads: int) -> dict[str, list[float]]:
    """Milliseconds of each stage, and of the whole, over images of a set."""
    inspector = Inspector.from_bytes(module, threads)
    found: dict[str, list[float]] = {}
    files = _files(name, count)
    for number, data in enumerate([*files[:WARM_UP], *files]):
        started = time.perf_counter_ns()
        image = decode(data)
        decoded = time.perf_counter_ns()
        inspection = inspector.inspect(image, time.perf_counter_ns)
        inspected = time.perf_counter_ns()
        encode_heatmap(inspection.heatmap, inspection.threshold)
        ended = time.perf_counter_ns()
        if number < WARM_UP:
            continue
        stages = {
            "decode": (decoded - started) / 1e6,
            **inspection.stage_ms,
            "heatmap": (ended - inspected) / 1e6,
            "image": (ended - started) / 1e6,
        }
        for stage, ms in stages.items():
            found.setdefault(stage, []).append(ms)
    return found


def networks(module: bytes, name: str, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the float32 network and of the module's, in turns on the same prepared images."""
    plan = ResizePlan(Inspector.from_bytes(module).manifest.side)
    pair = [Embedder(lite0_network(lite0_checkpoint()), plan), Embedder(read_module(module).sections["network"], plan)]
    times: tuple[list[float], list[float]] = ([], [])
    for number, data in enumerate(_files(name, count)):
        image = decode(data)
        for embedder, into in zip(pair, times, strict=True):
            prepared = embedder.prepare(image)
            started = time.perf_counter_ns()
            embedder.run(prepared, image.shape[1], image.shape[0])
            if number >= WARM_UP:
                into.append((time.perf_counter_ns() - started) / 1e6)
    return times


class _PlainEmbedder(Embedder):
    """Standardises step by step, three channels whatever they hold."""

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        rows, columns = self.plan.grid(pixels.shape[1], pixels.shape[0])
        size = (columns * STRIDE, rows * STRIDE)
        small = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        gain = DEVIATION / max(float(small.std()), DEVIATION_MIN)
        offset = MEAN - gain * float(small.mean())
        # The same numbers in the same order as the fast path, on three channels: an 8-bit network answers to the
        # last digit of its input, and the paths are to differ in nothing but their ways.
        scaled = small.astype(np.float32) * np.float32(gain / LEVEL_SPREAD)
        shifted = scaled + np.float32((offset - LEVEL_CENTRE) / LEVEL_SPREAD)
        return np.ascontiguousarray(shifted.transpose(2, 0, 1)[None])


class _PlainBank(MemoryBank):
    """Takes the differences of every patch to all vectors."""

    def distances(self, queries: np.ndarray) -> np.ndarray:
        apart = (np.sqrt(np.square(self.vectors - patch).sum(axis=1)) / self.radii for patch in queries)
        return np.array([distances.min() for distances in apart], np.float32)

    def search(self, queries: np.ndarray, largest: int, level: float) -> np.ndarray:  # noqa: ARG002 - all are exact
        return self.distances(queries)


def _plain_inspector(module: bytes) -> Inspector:
    """The same module whose preparation and search are the plain ones; the network and the fusion are its own."""
    inspector = Inspector.from_bytes(module)
    content, manifest = read_module(module), inspector.manifest
    inspector._embedder = _PlainEmbedder(content.sections["network"], ResizePlan(manifest.side))
    bank = np.frombuffer(content.sections["bank"], "<f4").reshape(manifest.bank_vectors, manifest.channels)
    inspector._bank = _PlainBank(bank, np.frombuffer(content.sections["bank_radii"], "<f4"))
    return inspector


def in_turns(module: bytes, name: str) -> Turns:
    """Plain and fast path on every test image of a set."""
    plain, fast = _plain_inspector(module), Inspector.from_bytes(module)
    fast_ms, plain_ms, verdicts, places, apart = [], [], 0, 0, 0.0
    for number, data in enumerate(_files(name)):
        at = time.perf_counter_ns()
        expected = plain.inspect(np.array(Image.open(io.BytesIO(data)).convert("RGB")))
        encode_heatmap(expected.heatmap, expected.threshold)
        between = time.perf_counter_ns()
        found = fast.inspect(decode(data))
        encode_heatmap(found.heatmap, found.threshold)
        ended = time.perf_counter_ns()
        if number >= WARM_UP:
            fast_ms.append((ended - between) / 1e6)
            plain_ms.append((between - at) / 1e6)
        verdicts += expected.verdict is not found.verdict
        apart = max(apart, abs(expected.score - found.score) / expected.score)
        reached = [answer.heatmap >= answer.threshold for answer in (expected, found)]
        clear = np.abs(expected.heatmap / expected.threshold - 1) > EDGE
        places += int(np.count_nonzero((reached[0] != reached[1]) & clear))
    return Turns(fast_ms, plain_ms, verdicts, apart, places)


def _ratio_to_anomalib() -> list[Figure]:
    """The peer in its own environment, in the same run as our inspector; nothing where no peer is named."""
    try:
        return ratio_figures(fold0_comparison())
    except PeerUnavailableError as error:
        print(error)
        return []


def _p50(values: Sequence[float]) -> float:
    return float(np.median(values))


def run() -> list[Figure]:
    """Some ten minutes on two cores, most of them the plain path."""
    fitted = {"mtd": fit("mtd", FIT_IMAGES, 2), "casting": fit("casting", FIT_IMAGES, 2)}
    module = fitted["mtd"].module
    manifest = Inspector.from_bytes(module).manifest
    stages = _apart(end_to_end, module, "mtd", IMAGES, 1)
    castings = _apart(end_to_end, fitted["casting"].module, "casting", IMAGES, 1)
    two = end_to_end(module, "mtd", IMAGES, 2)["image"]
    full_ms, module_ms = _apart(networks, module, "mtd", IMAGES)
    turns = {name: _apart(in_turns, found.module, name) for name, found in fitted.items()}
    what = f"{IMAGES} MTD photographs, file bytes to verdict and heat-map, one thread"
    size = f"{manifest.bank_vectors} vectors of {manifest.channels}"
    quantisation = manifest.quantisation
    taken = "full" if quantisation is None or not quantisation.accepted else "int8"
    said = {
        "decode": "JPEG to pixels",
        "prepare": "guards, resize, standardise",
        "network": f"EfficientNet-Lite0 to stage 6, {taken}",
        "search": f"exact where verdict and threshold look, {size}",
        "score": "pooled features, fusion",
        "heatmap": "PNG",
    }
    plain_p50, fast_p50 = _p50(turns["mtd"].plain_ms), _p50(turns["mtd"].fast_ms)
    images = sum(len(t.plain_ms) + WARM_UP for t in turns.values())
    every = f"all {images} test images of MTD (random split) and castings, plain against fast path of the same module"
    return [
        Figure("image_ms_p50", _p50(stages["image"]), "ms", what, SEED),
        Figure("image_ms_p99", float(np.percentile(stages["image"], 99)), "ms", what, SEED),
        Figure("casting_ms_p50", _p50(castings["image"]), "ms", f"the same for {IMAGES} castings", SEED),
        *(
            Figure(f"{name}_ms_p50", _p50(stages[name]), "ms", f"{text}, one thread", SEED)
            for name, text in said.items()
        ),
        Figure(
            "network_int8_ms_p50",
            _p50(module_ms),
            "ms",
            f"the module's network ({taken}) and the float32 one in turns, {len(full_ms)} MTD images, one thread",
            SEED,
            "float32 network (ms)",
            _p50(full_ms),
            _p50(full_ms) / _p50(module_ms),
        ),
        Figure(
            "images_per_s",
            1000 * len(two) / sum(two),
            "1/s",
            f"{IMAGES} MTD photographs one after another, network and matrix library on two threads",
            SEED,
        ),
        Figure(
            "fit_s",
            fitted["mtd"].fit_s,
            "s",
            f"{FIT_IMAGES} images, with the gate of int8, the head, ten held-out folds and the bank, two threads",
            SEED,
        ),
        Figure(
            "ratio_to_plain",
            plain_p50 / fast_p50,
            "×",
            f"in turns on {len(turns['mtd'].plain_ms)} MTD images, same module, one thread; plain: float32 loop over "
            "patches, three channels, step by step",
            SEED,
            "plain path (ms)",
            plain_p50,
            plain_p50 / fast_p50,
        ),
        Figure("verdicts_differing", sum(t.verdicts_differing for t in turns.values()), "images", every, SEED),
        Figure(
            "places_differing",
            sum(t.places_differing for t in turns.values()),
            "cells",
            f"on either side of the threshold on patches; {every}",
            SEED,
        ),
        Figure("scores_apart", max(t.scores_apart for t in turns.values()), "", f"largest, relative; {every}", SEED),
        Figure("module_mb", len(module) / 1e6, "MB", "the .gbm file", SEED),
        *_ratio_to_anomalib(),
    ]
