"""The inspector: an image in, a score, a verdict and a heat-map out; and the file it is kept in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.errors import ModuleLayoutError, ModuleLimitError
from gaugeblock.vision.guards import PASSED, Envelope, ImageStatistics
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.module_file import ModuleFile, read_module, write_module
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.score_fusion import Fusion, components
from gaugeblock.vision.whole import WholeIndex, pool

Matrix = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
ClockNs = Callable[[], int]

VECTORS_MAX = 200_000
SIDE_MAX = 4_096


def no_clock() -> int:
    """A clock for callers who do not measure."""
    return 0


class TrainingFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the inspector was trained on. ``training_sha256`` names the images used, in order."""

    images: int
    left_out: int
    groups: int
    groups_source: Literal["given", "near_duplicates"]
    folds: int
    defective: int
    seed: int
    training_sha256: str


class OperatingPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Threshold on the image score with its bound (see ``threshold``), and the one on patch distances.

    ``patch_threshold`` is the same order statistic of the largest patch distance of the held-out good parts.
    """

    threshold: float
    patch_threshold: float
    overkill_target: float
    overkill_upper_bound: float
    confidence: float
    good_parts_held_out: int
    good_parts_above: int
    good_parts_needed: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a module but its arrays. Digests are SHA-256 in hex."""

    product: str
    network_sha256: str
    bank_sha256: str
    side: int
    channels: int
    bank_vectors: int
    whole_shape: tuple[int, int, int]
    operating_point: OperatingPoint
    fusion: Fusion
    envelope: Envelope
    training: TrainingFacts
    held_out_scores: tuple[float, ...]
    module_sha256: str = ""

    @property
    def threshold(self) -> float:
        """On the image score."""
        return self.operating_point.threshold


@dataclass(frozen=True, slots=True)
class Inspection:
    """The answer about one image.

    Parameters
    ----------
    score, threshold
        Dimensionless; NOK where the score is above the threshold.
    verdict
        OK or NOK. There is no OK without a score: what cannot be scored raises.
    heatmap
        (rows, columns) float32 over exactly the image area, scaled so that the threshold on patches stands
        at ``threshold``.
    peak
        Centre of the cell with the highest value, as fractions of width and height from the top left.
    stage_ms
        Time in each stage by the clock passed in.
    guards_passed
        Names of the guards the image satisfied.
    components
        The answers that were fused.
    """

    score: float
    threshold: float
    verdict: Verdict
    heatmap: Matrix
    peak: tuple[float, float]
    stage_ms: dict[str, float]
    guards_passed: tuple[str, ...]
    components: Mapping[str, float]


@dataclass(frozen=True)
class Parts:
    """What an inspector consists of, as training assembles it."""

    network: bytes
    bank: Matrix
    whole: WholeIndex
    manifest: Manifest


class Inspector:
    """A trained inspector, from :func:`gaugeblock.vision.training.train` or from a ``.gbm`` file.

    Parameters
    ----------
    parts
        Network, bank, pooled index, manifest.
    threads
        Threads for one inference.
    """

    def __init__(self, parts: Parts, threads: int = 1) -> None:
        self._parts = parts
        self._embedder = Embedder(parts.network, ResizePlan(parts.manifest.side), threads)
        self._bank = MemoryBank(parts.bank)
        self._whole = parts.whole
        if self._embedder.channels != parts.bank.shape[1]:
            raise ModuleLayoutError(part="bank")

    # ── the file ──────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _file(self) -> bytes:
        manifest = msgspec.structs.replace(self._parts.manifest, module_sha256="")
        whole = self._parts.whole
        return write_module(
            ModuleFile(
                msgspec.json.encode(manifest),
                {
                    "network": self._parts.network,
                    "bank": _raw(self._parts.bank),
                    "whole_centre": _raw(whole.centre),
                    "whole_whitening": _raw(whole.whitening),
                    "whole_points": _raw(whole.points),
                },
            )
        )

    def to_bytes(self) -> bytes:
        """The ``.gbm`` file; equal inspectors give equal bytes."""
        return self._file

    @classmethod
    def from_bytes(cls, data: bytes, threads: int = 1) -> Inspector:
        """Load a ``.gbm`` file.

        Raises
        ------
        ModuleFormatError, ModuleDigestError
            Not a module, or not the bytes that were written.
        NetworkShapeError
            Its network is not a feature extractor.
        """
        module = read_module(data)
        try:
            manifest = msgspec.json.decode(module.manifest, type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ModuleLayoutError(part="manifest") from error
        network = _section(module, "network")
        if hashlib.sha256(network).hexdigest() != manifest.network_sha256:
            raise ModuleLayoutError(part="network")
        bank_raw = _section(module, "bank")
        if hashlib.sha256(bank_raw).hexdigest() != manifest.bank_sha256:
            raise ModuleLayoutError(part="bank")
        if not (0 < manifest.bank_vectors <= VECTORS_MAX and 0 < manifest.side <= SIDE_MAX):
            raise ModuleLimitError(part="bank")
        if not manifest.operating_point.patch_threshold > 0 or not manifest.threshold > 0:
            raise ModuleLayoutError(part="threshold")
        width, rank, points = manifest.whole_shape
        whole = WholeIndex(
            _array("whole_centre", _section(module, "whole_centre"), (width,)),
            _array("whole_whitening", _section(module, "whole_whitening"), (width, rank)),
            _array("whole_points", _section(module, "whole_points"), (points, rank)),
        )
        bank = _array("bank", bank_raw, (manifest.bank_vectors, manifest.channels))
        return cls(Parts(network, bank, whole, manifest), threads)

    @cached_property
    def manifest(self) -> Manifest:
        """Digests, operating point, envelope and training facts; ``module_sha256`` is that of the file."""
        digest = hashlib.sha256(self._file).hexdigest()
        return msgspec.structs.replace(self._parts.manifest, module_sha256=digest)

    # ── inspection ────────────────────────────────────────────────────────────────────────────────────────

    def inspect(self, pixels: Pixels, clock_ns: ClockNs = no_clock) -> Inspection:
        """Judge one image.

        Parameters
        ----------
        pixels
            (H, W, 3) uint8 as :func:`gaugeblock.vision.decode.decode` gives it.
        clock_ns
            Monotonic nanoseconds, for ``stage_ms``.

        Raises
        ------
        ImageError
            The image is not like those of training in size, contrast or exposure, or no image at all. The
            caller answers UNDECIDED.
        """
        started = clock_ns()
        manifest = self._parts.manifest
        manifest.envelope.check(ImageStatistics.of(pixels))
        prepared = self._embedder.prepare(pixels)
        ready = clock_ns()
        embedded = self._embedder.run(prepared, pixels.shape[1], pixels.shape[0])
        networked = clock_ns()
        distances = self._bank.distances(embedded.features)
        searched = clock_ns()
        values = components(distances, self._whole.distance(pool(embedded.features)))
        score = float(manifest.fusion.score(values))
        point = manifest.operating_point
        relative = distances.reshape(embedded.rows, embedded.columns)
        row, column = np.unravel_index(int(relative.argmax()), relative.shape)
        finished = clock_ns()
        return Inspection(
            score=score,
            threshold=point.threshold,
            # Written so that a score that is not a number is NOK.
            verdict=Verdict.OK if score <= point.threshold else Verdict.NOK,
            heatmap=relative * np.float32(point.threshold / point.patch_threshold),
            peak=((int(column) + 0.5) / embedded.columns, (int(row) + 0.5) / embedded.rows),
            stage_ms={
                "prepare": (ready - started) / 1e6,
                "network": (networked - ready) / 1e6,
                "search": (searched - networked) / 1e6,
                "score": (finished - searched) / 1e6,
            },
            guards_passed=PASSED,
            components=values,
        )


def _raw(array: Matrix) -> bytes:
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def _section(module: ModuleFile, name: str) -> bytes:
    try:
        return module.sections[name]
    except KeyError:
        raise ModuleLayoutError(part=name) from None


def _array(part: str, raw: bytes, shape: tuple[int, ...]) -> Matrix:
    if min(shape) <= 0 or int(np.prod(shape)) * 4 != len(raw):
        raise ModuleLayoutError(part=part)
    array = np.frombuffer(raw, "<f4").reshape(shape)
    if not np.isfinite(array).all():
        raise ModuleLayoutError(part=part)
    return array.astype(np.float32)
