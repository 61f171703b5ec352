"""The inspector: an image in, a score, a verdict and a heat-map out; and the file it is kept in."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.plant.record_types import Verdict
from gaugeblock.vision.defect_head import DefectHead
from gaugeblock.vision.embedding import Embedded, Embedder
from gaugeblock.vision.errors import ModuleLayoutError, ModuleLimitError
from gaugeblock.vision.guards import PASSED, Envelope, ImageStatistics
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.module_file import ModuleFile, read_module, write_module
from gaugeblock.vision.operating_point import ZonedOperatingPoint
from gaugeblock.vision.place_map import PlaceFooting
from gaugeblock.vision.quantise import Quantisation
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.score_fusion import ANSWERED_BY_LARGEST, Fusion, components, top_count
from gaugeblock.vision.supervised_head import ANSWERS, SupervisedHead, evidence
from gaugeblock.vision.supervision import Supervision
from gaugeblock.vision.watch import SIDE as TEMPLATE_SIDE
from gaugeblock.vision.whole import WholeIndex, pool

Matrix = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
ClockNs = Callable[[], int]

VECTORS_MAX = 200_000
SIDE_MAX = 4_096
HIDDEN_MAX = 4_096


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


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a module but its arrays. Digests are SHA-256 in hex.

    ``held_out_scores`` are those of good parts by inspectors that had not seen them, ascending, ``held_out_groups``
    the group of each; ``held_out_patch`` the largest value of their map of places, ascending by itself;
    ``defective_scores`` those of known defects. From them another operating point can be chosen without training again.
    ``supervision`` says whether known defects raise scores, and why not (absent: none was known); ``quantisation``
    whether the network is the 8-bit one and why (absent: it was not asked for).
    """

    product: str
    network_sha256: str
    bank_sha256: str
    side: int
    channels: int
    bank_vectors: int
    whole_shape: tuple[int, int, int]
    head_shape: tuple[int, int]
    places: PlaceFooting
    operating_point: ZonedOperatingPoint
    fusion: Fusion
    envelope: Envelope
    training: TrainingFacts
    held_out_scores: tuple[float, ...]
    module_sha256: str = ""
    quantisation: Quantisation | None = None
    held_out_groups: tuple[int, ...] = ()
    held_out_patch: tuple[float, ...] = ()
    defective_scores: tuple[float, ...] = ()
    supervision: Supervision | None = None

    @property
    def threshold(self) -> float:
        """On the image score."""
        return self.operating_point.threshold

    @property
    def patch_threshold(self) -> float:
        """On the map of places; above zero in every module that was read or trained."""
        return self.operating_point.patch_threshold or 0.0


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
        (rows, columns) float32 over exactly the image area, the map of places (see ``place_map``) scaled so that
        its threshold stands at ``threshold``. It is exact where distances are large, or largest; another cell's
        may stand a little too high (see ``memory_bank``). Enlarged to the image: ``heatmap.enlarge_heatmap``.
    peak
        Centre of the cell with the highest value, as fractions of width and height from the top left.
    stage_ms
        Time in each stage by the clock passed in.
    guards_passed
        Names of the guards the image satisfied.
    components
        The answers that were fused; ``supervised`` among them, on the scale of the score, where known defects have
        a say.
    statistics
        What the guards looked at.
    feature
        Distance of the pooled features to the centre of the good parts, in their standard deviations.
    """

    score: float
    threshold: float
    verdict: Verdict
    heatmap: Matrix
    peak: tuple[float, float]
    stage_ms: dict[str, float]
    guards_passed: tuple[str, ...]
    components: Mapping[str, float]
    statistics: ImageStatistics
    feature: float | None = None


@dataclass(frozen=True)
class Parts:
    """What an inspector consists of, as training assembles it.

    ``template`` (64, 64) is what shifts are seen by; ``supervised`` is there if the manifest's supervision has a
    footing.
    """

    network: bytes
    bank: Matrix
    radii: Matrix
    whole: WholeIndex
    head: DefectHead
    manifest: Manifest
    template: Matrix | None = None
    supervised: SupervisedHead | None = None


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
        self._threads = threads
        self._embedder = Embedder(parts.network, ResizePlan(parts.manifest.side), threads)
        self._bank = MemoryBank(parts.bank, parts.radii)
        self._whole = parts.whole
        self._head = parts.head
        if self._embedder.stage_channels + 1 != parts.head.inward.shape[1]:
            raise ModuleLayoutError(part="head")
        supervision = parts.manifest.supervision
        self._footing = None if supervision is None else supervision.footing
        self._supervised = parts.supervised
        if (self._footing is None) != (self._supervised is None):
            raise ModuleLayoutError(part="supervised")
        if self._embedder.channels != parts.bank.shape[1]:
            raise ModuleLayoutError(part="bank")

    # ── the file ──────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _file(self) -> bytes:
        manifest = msgspec.structs.replace(self._parts.manifest, module_sha256="")
        whole = self._parts.whole
        template, supervised = self._parts.template, self._parts.supervised
        return write_module(
            ModuleFile(
                msgspec.json.encode(manifest),
                {
                    **({} if template is None else {"template": _raw(template)}),
                    **({} if supervised is None else {"supervised": _raw(supervised.rows)}),
                    "network": self._parts.network,
                    "bank": _raw(self._parts.bank),
                    "bank_radii": _raw(self._parts.radii),
                    "head_inward": _raw(self._parts.head.inward),
                    "head_outward": _raw(self._parts.head.outward),
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
        if not manifest.patch_threshold > 0 or not manifest.threshold > 0:
            raise ModuleLayoutError(part="threshold")
        width, rank, points = manifest.whole_shape
        whole = WholeIndex(
            _array("whole_centre", _section(module, "whole_centre"), (width,)),
            _array("whole_whitening", _section(module, "whole_whitening"), (width, rank)),
            _array("whole_points", _section(module, "whole_points"), (points, rank)),
        )
        bank = _array("bank", bank_raw, (manifest.bank_vectors, manifest.channels))
        radii = _array("bank_radii", _section(module, "bank_radii"), (manifest.bank_vectors,))
        if not (radii > 0).all():
            raise ModuleLayoutError(part="bank_radii")
        hidden, channels = manifest.head_shape
        if not (0 < hidden <= HIDDEN_MAX and 0 < channels <= VECTORS_MAX):
            raise ModuleLimitError(part="head")
        head = DefectHead(
            _array("head_inward", _section(module, "head_inward"), (hidden, channels)),
            _array("head_outward", _section(module, "head_outward"), (hidden + 1,)),
        )
        template = None
        if "template" in module.sections:
            template = _array("template", _section(module, "template"), (TEMPLATE_SIDE, TEMPLATE_SIDE))
        supervised = None
        if "supervised" in module.sections:
            shape = (3, len(ANSWERS) + channels - 1)
            supervised = SupervisedHead(_array("supervised", _section(module, "supervised"), shape))
        return cls(Parts(network, bank, radii, whole, head, manifest, template, supervised), threads)

    @cached_property
    def manifest(self) -> Manifest:
        """Digests, operating point, envelope and training facts; ``module_sha256`` is that of the file."""
        digest = hashlib.sha256(self._file).hexdigest()
        return msgspec.structs.replace(self._parts.manifest, module_sha256=digest)

    @property
    def template(self) -> Matrix | None:
        """Mean thumbnail of the good parts (64, 64), see ``watch``; a module may have none."""
        return self._parts.template

    def with_quantisation(self, quantisation: Quantisation) -> Inspector:
        """The same inspector with the gate's answer in its manifest."""
        manifest = msgspec.structs.replace(self._parts.manifest, quantisation=quantisation)
        return Inspector(dataclasses.replace(self._parts, manifest=manifest), self._threads)

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
        statistics = ImageStatistics.of(pixels)
        manifest.envelope.check(statistics)
        prepared = self._embedder.prepare(pixels)
        ready = clock_ns()
        embedded = self._embedder.run(prepared, pixels.shape[1], pixels.shape[0])
        networked = clock_ns()
        distances = self._distances(embedded.features)
        searched = clock_ns()
        pooled = pool(embedded.features)
        score, answers, places = self._judged(embedded, distances, pooled)
        point = manifest.operating_point
        relative = places.reshape(embedded.rows, embedded.columns)
        row, column = np.unravel_index(int(relative.argmax()), relative.shape)
        finished = clock_ns()
        return Inspection(
            score=score,
            threshold=point.threshold,
            # Written so that a score that is not a number is NOK.
            verdict=Verdict.OK if score <= point.threshold else Verdict.NOK,
            heatmap=relative * np.float32(point.threshold / manifest.patch_threshold),
            peak=((int(column) + 0.5) / embedded.columns, (int(row) + 0.5) / embedded.rows),
            stage_ms={
                "prepare": (ready - started) / 1e6,
                "network": (networked - ready) / 1e6,
                "search": (searched - networked) / 1e6,
                "score": (finished - searched) / 1e6,
            },
            guards_passed=PASSED,
            components=answers,
            statistics=statistics,
            feature=self._whole.deviations(pooled),
        )

    def _judged(self, embedded: Embedded, distances: Matrix, pooled: Matrix) -> tuple[float, dict[str, float], Matrix]:
        """The score, the answers that were fused, and the map of places."""
        manifest = self._parts.manifest
        logits = self._head.logits(embedded.stages)
        values = components(distances, logits, self._whole.distance(pooled))
        places = manifest.places.places(distances, logits)
        score = float(manifest.fusion.score(values))
        answers = {name: values[name] for name in manifest.fusion.weights}
        if self._footing is not None and self._supervised is not None:
            answer = self._supervised.answers(evidence(values, places, embedded.stages)[None])
            answers["supervised"] = float(self._footing.raised(0.0, answer)[0])
            # Written so that a score that is not a number stays one.
            score = answers["supervised"] if answers["supervised"] > score else score
        return score, answers, places

    def _distances(self, features: Matrix) -> Matrix:
        """Exact wherever this module's score and threshold look; everywhere if its score looks everywhere."""
        if not ANSWERED_BY_LARGEST.issuperset(self._parts.manifest.fusion.weights):
            return self._bank.distances(features)
        level = self._parts.manifest.places.search_level
        return self._bank.search(features, top_count(len(features)), level)


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
