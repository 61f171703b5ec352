"""Train an inspector: features of all good parts, held-out scores by groups, operating point, final bank.

Good parts are dealt into folds by group, so no part is judged by an inspector that has seen another picture of
it. Each fold's parts are scored by a bank of the other folds; these held-out scores give the footing of the
fusion, the threshold and its bound. The bank in use is then built from all parts, so good parts score a little
lower in use than they did held out: the bound on overkill stays safe, at the price of a threshold a little higher
than the final bank alone would need.

Memory is bounded: of at most ``CALIBRATION_MAX`` images all cells are kept for scoring (half precision), of
all others only their share of the pool that the bank is chosen from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.backbone import LITE0_SHA256, feature_extractor
from gaugeblock.vision.checkpoint_reader import read_checkpoint
from gaugeblock.vision.coreset import greedy_coreset
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.errors import (
    GroupsMismatchError,
    ImageBlankError,
    ImageError,
    NoTrainingImagesError,
    TooFewPartsError,
    TooManyImagesError,
)
from gaugeblock.vision.folds import deal_folds
from gaugeblock.vision.groups import near_duplicate_groups, thumbnail
from gaugeblock.vision.guards import CONTRAST_MIN, Envelope, ImageStatistics
from gaugeblock.vision.inspector import (
    Inspector,
    Manifest,
    OperatingPoint,
    Parts,
    TrainingFacts,
)
from gaugeblock.vision.memory_bank import MemoryBank
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.score_fusion import COMPONENTS, choose_fusion, components
from gaugeblock.vision.threshold import Threshold, choose_threshold
from gaugeblock.vision.whole import IMAGES_MAX, WholeIndex, pool

PARTS_MIN = 5
POOL_MAX = 100_000
CALIBRATION_MAX = 1_500
IMAGES_LIMIT = 200_000

Matrix = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
LeftOut = Callable[[int, ImageError], None]


class ImageSource(Protocol):
    """Images by position: a list of arrays, or something that decodes on demand and raises ``ImageError``."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Pixels: ...


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """The shipped default; every reported figure belongs to these values.

    Parameters
    ----------
    side
        Every image is brought to about side × side pixels, keeping its aspect.
    bank_vectors
        Size of the memory bank.
    folds
        Of the held-out scores; fewer where there are fewer groups.
    overkill_target, confidence
        Of the threshold.
    """

    side: int = 224
    bank_vectors: int = 2_000
    folds: int = 10
    overkill_target: float = 0.05
    confidence: float = 0.95


DEFAULT_OPTIONS = TrainingOptions()


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """A progress that nobody watches."""


def ignore_left_out(_index: int, _error: ImageError) -> None:
    """A listener for callers who only read the count in the manifest."""


def lite0_network(checkpoint: bytes) -> bytes:
    """The feature extractor as ONNX from the published EfficientNet-Lite0 checkpoint; its digest is checked."""
    return feature_extractor(read_checkpoint(checkpoint, LITE0_SHA256))


@dataclass
class _Gathered:
    """Features of the images that could be used."""

    used: list[int]
    statistics: list[ImageStatistics]
    pooled: Matrix
    pool_vectors: list[Matrix]
    thumbnails: list[Matrix]
    kept: dict[int, npt.NDArray[np.float16]]
    digest: str


def train(
    images: ImageSource,
    *,
    network: bytes,
    groups: Sequence[Hashable] | None = None,
    defective: ImageSource | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
    left_out: LeftOut = ignore_left_out,
    product: str = "",
    options: TrainingOptions = DEFAULT_OPTIONS,
    threads: int = 1,
) -> Inspector:
    """Train an inspector on good parts.

    Parameters
    ----------
    images
        Good parts, (H, W, 3) uint8 each. An image that raises ``ImageError`` is reported and left out.
    network
        ONNX feature extractor, e.g. :func:`lite0_network`.
    groups
        For each image what it must not be separated from: serial, lot, day. ``None``: groups of
        near-duplicates are proposed (see ``groups``), and the manifest says so.
    defective
        Known defects, only used to choose among the fusions; never in the bank, never for the threshold.
    seed
        Fixes folds, pools and coresets: same images and seed, same bytes.
    progress
        Called with (stage, done, total); stages: features, folds, bank.
    left_out
        Called with (index, error) for each image that is left out.

    Raises
    ------
    NoTrainingImagesError, TooFewPartsError
        No, or fewer than five, usable images, or all of one group.
    GroupsMismatchError
    """
    count = len(images)
    if groups is not None and len(groups) != count:
        raise GroupsMismatchError(groups=len(groups), images=count)
    if count == 0:
        raise NoTrainingImagesError(left_out=0)
    if count > IMAGES_LIMIT:
        raise TooManyImagesError(found=count, limit=IMAGES_LIMIT)
    rng = np.random.default_rng(seed)
    embedder = Embedder(network, ResizePlan(options.side), threads)
    failed: list[int] = []

    def note(index: int, error: ImageError) -> None:
        failed.append(index)
        left_out(index, error)

    gathered = _gather(images, embedder, rng, progress, note)
    if not gathered.used:
        raise NoTrainingImagesError(left_out=len(failed))
    labels = _labels(gathered, groups)
    if len(gathered.used) < PARTS_MIN or len(set(labels)) < 2:
        raise TooFewPartsError(found=min(len(gathered.used), len(set(labels))), needed=PARTS_MIN)
    folds = deal_folds(labels, options.folds, seed)
    bad = _embed_defective(defective, embedder) if defective is not None else None
    good, bad_values = _held_out(gathered, folds, bad, options, seed, progress)
    fusion = choose_fusion(good, bad_values)
    held_out = fusion.score(good)
    chosen = choose_threshold(held_out, options.overkill_target, options.confidence)
    patch_threshold = float(np.sort(good["patch_max"])[len(held_out) - 1 - chosen.parts_above])
    vectors = np.concatenate(gathered.pool_vectors)
    bank = vectors[greedy_coreset(vectors, options.bank_vectors, seed, lambda d, t: progress("bank", d, t))]
    whole = WholeIndex.fit(gathered.pooled[:IMAGES_MAX])
    manifest = Manifest(
        product=product,
        network_sha256=hashlib.sha256(network).hexdigest(),
        bank_sha256=hashlib.sha256(np.ascontiguousarray(bank, "<f4").tobytes()).hexdigest(),
        side=options.side,
        channels=bank.shape[1],
        bank_vectors=len(bank),
        whole_shape=(*whole.whitening.shape, len(whole.points)),
        operating_point=_operating_point(chosen, patch_threshold),
        fusion=fusion,
        envelope=Envelope.of(gathered.statistics),
        training=TrainingFacts(
            images=len(gathered.used),
            left_out=len(failed),
            groups=len(set(labels)),
            groups_source="near_duplicates" if groups is None else "given",
            folds=int(folds.max()) + 1,
            defective=len(bad or ()),
            seed=seed,
            training_sha256=gathered.digest,
        ),
        held_out_scores=tuple(round(float(s), 6) for s in np.sort(held_out)),
    )
    return Inspector(Parts(network, bank, whole, manifest), threads)


def _gather(
    images: ImageSource, embedder: Embedder, rng: np.random.Generator, progress: Progress, note: LeftOut
) -> _Gathered:
    count = len(images)
    share = max(4, POOL_MAX // count)
    calibrating = set(rng.permutation(count)[:CALIBRATION_MAX].tolist())
    digest = hashlib.sha256()
    gathered = _Gathered([], [], np.empty((0, 0), np.float32), [], [], {}, "")
    pooled: list[Matrix] = []
    for index in range(count):
        try:
            pixels = images[index]
            statistics = ImageStatistics.of(pixels)
            if statistics.deviation < CONTRAST_MIN:
                # A mask or a lens cap among the photographs would widen what counts as normal.
                raise ImageBlankError(contrast=round(statistics.deviation, 2), limit=CONTRAST_MIN)
            features = embedder.embed(pixels).features
        except ImageError as error:
            note(index, error)
            continue
        finally:
            progress("features", index + 1, count)
        digest.update(hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest())
        if index in calibrating:
            gathered.kept[len(gathered.used)] = features.astype(np.float16)
        gathered.used.append(index)
        gathered.statistics.append(statistics)
        gathered.thumbnails.append(thumbnail(pixels))
        pooled.append(pool(features))
        gathered.pool_vectors.append(features[rng.permutation(len(features))[:share]])
    if pooled:
        gathered.pooled = np.stack(pooled)
    gathered.digest = digest.hexdigest()
    return gathered


def _labels(gathered: _Gathered, groups: Sequence[Hashable] | None) -> list[Hashable]:
    if groups is not None:
        return [groups[i] for i in gathered.used]
    return list(near_duplicate_groups(np.stack(gathered.thumbnails)).tolist())


def _embed_defective(defective: ImageSource, embedder: Embedder) -> list[Matrix]:
    found: list[Matrix] = []
    for index in range(min(len(defective), CALIBRATION_MAX)):
        try:
            found.append(embedder.embed(defective[index]).features)
        except ImageError:
            continue  # a defect that cannot be read only misses in the choice of the fusion
    return found


def _held_out(
    gathered: _Gathered,
    folds: npt.NDArray[np.int64],
    bad: list[Matrix] | None,
    options: TrainingOptions,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.float64]] | None]:
    """Components of each calibrated good part, and of the defects, by banks that have not seen them."""
    total = int(folds.max()) + 1
    good: dict[str, list[float]] = {c: [] for c in COMPONENTS}
    found: dict[str, list[float]] = {c: [] for c in COMPONENTS}
    for fold in range(total):
        inside = np.flatnonzero(folds != fold)
        vectors = np.concatenate([gathered.pool_vectors[i] for i in inside])
        size = min(options.bank_vectors, max(1, len(vectors) * (total - 1) // total))
        bank = MemoryBank(vectors[greedy_coreset(vectors, size, seed + 1 + fold)])
        whole = WholeIndex.fit(gathered.pooled[inside][:IMAGES_MAX])
        for position in np.flatnonzero(folds == fold):
            kept = gathered.kept.get(int(position))
            if kept is not None:
                _append(good, bank, whole, kept.astype(np.float32))
        if bad is not None:
            for features in bad[fold::total]:
                _append(found, bank, whole, features)
        progress("folds", fold + 1, total)
    arrays = {c: np.array(v) for c, v in good.items()}
    return arrays, {c: np.array(v) for c, v in found.items()} if bad else None


def _append(into: dict[str, list[float]], bank: MemoryBank, whole: WholeIndex, features: Matrix) -> None:
    for name, value in components(bank.distances(features), whole.distance(pool(features))).items():
        into[name].append(value)


def _operating_point(chosen: Threshold, patch_threshold: float) -> OperatingPoint:
    return OperatingPoint(
        threshold=chosen.value,
        patch_threshold=max(patch_threshold, 1e-6),
        overkill_target=chosen.overkill_target,
        overkill_upper_bound=chosen.overkill_upper_bound,
        confidence=chosen.confidence,
        good_parts_held_out=chosen.parts,
        good_parts_above=chosen.parts_above,
        good_parts_needed=chosen.parts_needed,
    )
