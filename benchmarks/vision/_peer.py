"""Our inspector and anomalib's PatchCore on the same images in the same run, each in a process of its own.

Both are trained on exactly the given good images with one thread, then shown the test images in turns of a few
images each, so that whatever else the machine does meets both. The peer's Python is named by
``GAUGEBLOCK_PEER_PYTHON``; how to make it: docs/decisions/0010-benchmark-peer.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.harness import Figure
from benchmarks.vision._sets import Split, mtd_fold
from gaugeblock.vision.backbone import INPUT, LITE0_STAGES, STEM_CHANNELS
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.score_fusion import auroc
from gaugeblock.vision.training import lite0_network

VARIABLE = "GAUGEBLOCK_PEER_PYTHON"
ROOT = Path(__file__).resolve().parents[2]
SIDE = 224
SCALE = (127 / 255, 128 / 255)
# The network's last stage of stride 8 and of stride 16: what PatchCore takes of a ResNet by default.
PEER_LAYERS = (3, 5)
BANK_VECTORS = 2_000
TRAIN_IMAGES = 200
SEED = 1
TURN, WARM_UP, ALL_THREADS_IMAGES, DEFAULT_BANK_IMAGES = 10, 3, 60, 60
ANSWER_LIMIT_S = 3_600
FEATURES_ALIKE = 1e-3
ESCAPE = 0.02
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PeerUnavailableError(Exception):
    """No peer is named, so there is nothing to run; the message says how to name one."""


class PeerFailedError(Exception):
    """A peer is named, but it gave no answer, or not one that may be compared."""


class Worker:
    """A process that trains as a job says and then scores files on request.

    Parameters
    ----------
    command
        Without the job file, which is added.
    job
        What ``_peer_ours.py`` and ``_peer_anomalib.py`` read.
    folder
        Of this run, for the job and what the process prints.
    name
        Of the worker, in files and messages.
    """

    def __init__(self, command: Sequence[str], job: dict[str, Any], folder: Path, name: str) -> None:
        self._name = name
        self._log = folder / f"{name}.log"
        job_file = folder / f"{name}.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job["threads"]))
        # Nothing is fetched: all that the peer needs is in the job's folder.
        environment |= {"HF_HUB_OFFLINE": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(job_file)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self) -> dict[str, Any]:
        """The next line; the first one comes after training."""
        assert self._process.stdout is not None
        overdue = threading.Timer(ANSWER_LIMIT_S, self._process.kill)
        overdue.start()
        try:
            line = self._process.stdout.readline()
        finally:
            overdue.cancel()
        if not line:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-1500:]
            raise PeerFailedError(f"the worker '{self._name}' ended without an answer:\n{tail}")
        content: dict[str, Any] = json.loads(line)
        return content

    def score(self, paths: Sequence[Path], threads: int) -> dict[str, Any]:
        """``scores`` and ``ms`` of each file."""
        return self.ask({"paths": [str(p) for p in paths], "threads": threads})

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request, its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() says what the process wrote before it ended
        return self.answer()


@dataclass(frozen=True)
class Side:
    """What one of the two gave. ``facts`` is the line it wrote after training."""

    good: np.ndarray
    defective: np.ndarray
    ms: np.ndarray
    ms_all_threads: np.ndarray
    undecided: int
    facts: dict[str, Any]

    @property
    def auroc(self) -> float:
        """Of the image score, in percent."""
        return 100 * auroc(self.good, self.defective)

    @property
    def overkill(self) -> float:
        """In percent, at the highest threshold that lets at most 2 % of these very defects pass."""
        ordered = np.sort(self.defective)
        threshold = np.nextafter(ordered[int(len(ordered) * ESCAPE)], -np.inf)
        return float(100 * (self.good > threshold).mean())

    @property
    def ms_p50(self) -> float:
        """Median of an image on one thread."""
        return float(np.median(self.ms))


@dataclass(frozen=True)
class Comparison:
    """Both sides on the same images."""

    ours: Side
    peer: Side
    train_images: int
    ours_ms_default: np.ndarray
    peer_ms_default: np.ndarray

    @property
    def ratio(self) -> float:
        """How many times longer the peer takes for an image with a bank as large as ours."""
        return self.peer.ms_p50 / self.ours.ms_p50

    @property
    def default_ratio(self) -> float:
        """How many times longer the peer takes with the bank that it makes by default."""
        return float(np.median(self.peer_ms_default) / np.median(self.ours_ms_default))


def peer_python() -> str:
    """Path of the Python of the peer's environment.

    Raises
    ------
    PeerUnavailableError
        The variable is not set.
    PeerFailedError
        It names nothing that can be run.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        raise PeerUnavailableError(f"{VARIABLE} is not set; see docs/decisions/0010-benchmark-peer.md")
    if not os.access(named, os.X_OK):
        raise PeerFailedError(f"{VARIABLE} names '{named}', which cannot be run")
    return named


def _write_network(folder: Path, image: Path, layers: Sequence[int]) -> tuple[Path, Path]:
    """Our network's weights as plain arrays, and the ends of these stages on one image as our runtime gives them."""
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    network = lite0_network(lite0_checkpoint())
    model = onnx.load_from_string(network)
    weights = folder / "weights.npz"
    np.savez(weights, **{i.name: numpy_helper.to_array(i) for i in model.graph.initializer})
    ends = {f"stage{n}": f"block_{sum(s.repeats for s in LITE0_STAGES[:n]) - 1}" for n in layers}
    for end in ends.values():
        model.graph.output.append(helper.make_tensor_value_info(end, TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    prepared = Embedder(network, ResizePlan(SIDE)).prepare(decode(image.read_bytes()))
    values = session.run(list(ends.values()), {INPUT: prepared})
    reference = folder / "reference.npz"
    np.savez(reference, image=prepared, **dict(zip(ends, values, strict=True)))
    return weights, reference


def compare(
    split: Split,
    *,
    seed: int = SEED,
    bank_vectors: int = BANK_VECTORS,
    layers: Sequence[int] = PEER_LAYERS,
    all_threads_images: int = ALL_THREADS_IMAGES,
) -> Comparison:
    """Train both on ``split.train``, show both the test images in turns.

    Raises
    ------
    PeerUnavailableError
    PeerFailedError
        It ended without an answer, or its network does not compute what ours does.
    """
    python = peer_python()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights, reference = _write_network(folder, split.train[0], layers)
        job = {
            "train": [str(path) for path in split.train],
            "groups": split.groups,
            "seed": seed,
            "threads": 1,
            "module": str(folder / "ours.gbm"),
            "bank_vectors": bank_vectors,
            "layers": list(layers),
            "side": SIDE,
            "scale": SCALE,
            "weights": str(weights),
            "reference": str(reference),
            "stem_channels": STEM_CHANNELS,
            "stages": [[s.repeats, s.kernel, s.stride, s.expansion, s.channels] for s in LITE0_STAGES[: max(layers)]],
        }
        ours_command = [sys.executable, "-m", "benchmarks.vision._peer_ours"]
        # Isolated: neither this folder nor this process's paths may answer the peer's imports.
        peer_command = [python, "-I", str(Path(__file__).with_name("_peer_anomalib.py"))]
        with Worker(peer_command, job, folder, "anomalib") as peer:
            peer_facts = peer.answer()
            if not peer_facts["feature_difference"] < FEATURES_ALIKE:
                raise PeerFailedError(f"its network differs by {peer_facts['feature_difference']:.2g}")
            with Worker(ours_command, job, folder, "gaugeblock") as ours:
                facts = (ours.answer(), peer_facts)
                one = _in_turns((ours, peer), [*split.good, *split.defective], 1)
                peer.ask({"fill_bank": peer_facts["default_bank_vectors"]})
                default = _in_turns((ours, peer), [*split.good, *split.defective][:DEFAULT_BANK_IMAGES], 1)
                peer.ask({"fill_bank": bank_vectors})
            # How many threads a numerical library takes is settled when it is loaded, hence a second process.
            cores = len(os.sched_getaffinity(0))
            with Worker(ours_command, {**job, "threads": cores}, folder, "gaugeblock-all-threads") as ours:
                ours.answer()
                few = [*split.good, *split.defective][:all_threads_images]
                many = _in_turns((ours, peer), few, cores)
    sides = [
        Side(
            good=np.array(one[k]["scores"][: len(split.good)]),
            defective=np.array(one[k]["scores"][len(split.good) :]),
            ms=np.array(one[k]["ms"]),
            ms_all_threads=np.array(many[k]["ms"]),
            undecided=one[k]["undecided"],
            facts=facts[k],
        )
        for k in (0, 1)
    ]
    return Comparison(
        *sides,
        train_images=len(split.train),
        ours_ms_default=np.array(default[0]["ms"]),
        peer_ms_default=np.array(default[1]["ms"]),
    )


def _in_turns(workers: Sequence[Worker], paths: Sequence[Path], threads: int) -> list[dict[str, Any]]:
    """Scores and times of all files, a few files each in turn; the first files of a turn are seen twice, and what
    they took at first is not kept."""
    found: list[dict[str, Any]] = [{"scores": [], "ms": [], "undecided": 0} for _ in workers]
    for start in range(0, len(paths), TURN):
        turn = paths[start : start + TURN]
        for worker, kept in zip(workers, found, strict=True):
            worker.score(turn[:WARM_UP], threads)
            answer = worker.score(turn, threads)
            kept["scores"] += answer["scores"]
            kept["ms"] += answer["ms"]
            kept["undecided"] += answer.get("undecided", 0)
    return found


def choose(split: Split, count: int, seed: int = SEED) -> Split:
    """The same split with ``count`` of its training images, drawn by ``seed``."""
    drawn = sorted(np.random.default_rng(seed).permutation(len(split.train))[:count].tolist())
    return Split(
        train=[split.train[i] for i in drawn],
        groups=None if split.groups is None else [split.groups[i] for i in drawn],
        good=split.good,
        defective=split.defective,
    )


@cache
def fold0_comparison() -> Comparison:
    """MTD grouped fold 0 with 200 training images: measured once a process, some ten minutes on one core.

    Raises
    ------
    PeerUnavailableError, PeerFailedError
    """
    return compare(choose(mtd_fold(0), TRAIN_IMAGES))


def ratio_figures(comparison: Comparison) -> list[Figure]:
    """``ratio_to_anomalib``, the two products as they come; and the same with a bank as small as ours for the peer."""
    ours, peer = comparison.ours, comparison.peer
    name = f"anomalib {peer.facts['versions']['anomalib']} PatchCore, same backbone (ms)"
    timing = f"file bytes to score and heat-map, one thread each, in turns of {TURN}"
    vectors = f"ours {ours.facts['bank_vectors']} vectors of {ours.facts['channels']}, the peer's"
    default = float(np.median(comparison.peer_ms_default))
    return [
        Figure(
            "ratio_to_anomalib",
            comparison.default_ratio,
            "×",
            f"medians of {len(comparison.peer_ms_default)} MTD photographs, {timing}; {vectors} default bank, 10 % of"
            f" its patches: {peer.facts['default_bank_vectors']} of {peer.facts['channels']}, drawn at random, which"
            " takes as long to search as a coreset of that size",
            SEED,
            name,
            default,
            comparison.default_ratio,
        ),
        Figure(
            "ratio_to_anomalib_equal_bank",
            comparison.ratio,
            "×",
            f"medians of {len(ours.ms)} MTD photographs, {timing}; {vectors} {peer.facts['bank_vectors']} of"
            f" {peer.facts['channels']}, a coreset, not its default",
            SEED,
            name,
            peer.ms_p50,
            comparison.ratio,
        ),
    ]
