"""Train an inspector: features of all good parts, held-out scores by groups, operating point, final bank.

Good parts are dealt into folds by group, so no part is judged by an inspector that has seen another picture of
it. Each fold's parts are scored by a bank of the other folds; these held-out scores give the footing of the
fusion, the threshold and its bound. The bank in use is then built from all parts, so good parts score a little
lower in use than they did held out: the bound on overkill stays safe, at the price of a threshold a little higher
than the final bank alone would need.

The pass over the images is ``gathering``, which bounds the memory; scoring held-out parts is ``held_out``. Besides
bank and index a head is trained on defects drawn on the good parts (``defect_head``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.backbone import LITE0_SHA256, feature_extractor
from gaugeblock.vision.checkpoint_reader import read_checkpoint
from gaugeblock.vision.coreset import greedy_coreset
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.errors import (
    GroupsMismatchError,
    ImageError,
    NoTrainingImagesError,
    TooFewPartsError,
    TooManyImagesError,
)
from gaugeblock.vision.feature_cache import FeatureCache, NoFeatureCache
from gaugeblock.vision.folds import deal_folds
from gaugeblock.vision.gathering import Gathered, ImageSource, Settings, gather
from gaugeblock.vision.groups import near_duplicate_groups
from gaugeblock.vision.guards import CONTRAST_MIN, Envelope, ImageStatistics
from gaugeblock.vision.held_out import HeldOutAnswers, head_of, hold_out
from gaugeblock.vision.inspector import (
    Inspector,
    Manifest,
    Parts,
    TrainingFacts,
)
from gaugeblock.vision.kept_scores import SCORE_DIGITS, HeldOutScores, point_of_scores
from gaugeblock.vision.known_defects import KnownDefects, folds_of_defects
from gaugeblock.vision.local_density import local_radii
from gaugeblock.vision.quantise import CALIBRATION_IMAGES, Quantisation, accept, quantise
from gaugeblock.vision.reject_option import Costs
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.score_fusion import Fusion, choose_fusion
from gaugeblock.vision.supervision import Known, Supervised, supervise
from gaugeblock.vision.synthetic_defects import draw_defect
from gaugeblock.vision.threshold import choose_threshold
from gaugeblock.vision.whole import IMAGES_MAX, WholeIndex

PARTS_MIN = 5
COMPARED_IMAGES = 50
IMAGES_LIMIT = 200_000

Matrix = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
LeftOut = Callable[[int, ImageError], None]
NO_CACHE = NoFeatureCache()


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
        Of the threshold on good parts alone.
    costs, defect_rate
        From which the operating point follows where defects are known (see ``operating_point``).
    int8
        Use the 8-bit form of the network if it passes the gate (see ``quantise``).
    """

    side: int = 224
    bank_vectors: int = 2_000
    folds: int = 10
    overkill_target: float = 0.05
    confidence: float = 0.95
    int8: bool = True
    costs: Costs | None = None
    defect_rate: float | None = None


DEFAULT_OPTIONS = TrainingOptions()


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """A progress that nobody watches."""


def ignore_left_out(_index: int, _error: ImageError) -> None:
    """A listener for callers who only read the count in the manifest."""


def lite0_network(checkpoint: bytes) -> bytes:
    """The feature extractor as ONNX from the published EfficientNet-Lite0 checkpoint; its digest is checked."""
    return feature_extractor(read_checkpoint(checkpoint, LITE0_SHA256))


def train(
    images: ImageSource,
    *,
    network: bytes,
    groups: Sequence[Hashable] | None = None,
    defective: ImageSource | None = None,
    defective_groups: Sequence[Hashable] | None = None,
    kinds: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
    left_out: LeftOut = ignore_left_out,
    product: str = "",
    options: TrainingOptions = DEFAULT_OPTIONS,
    threads: int = 1,
    cache: FeatureCache = NO_CACHE,
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
        Known defects: they choose among the fusions and the operating point, and from thirty on may teach a head
        that raises scores (see ``supervision``); never in the bank.
    defective_groups
        For each defective image what ``groups`` says for the good ones; a name may stand in both. ``None``: groups
        of near-duplicates.
    kinds
        For each defective image its kind of defect: whether the head does harm on kinds it has not seen is then
        asked of each kind.
    seed
        Fixes folds, pools and coresets: same images and seed, same bytes.
    progress
        Called with (stage, done, total); stages: features, heads, folds, bank.
    left_out
        Called with (index, error) for each image that is left out; ``ImageContradictionError`` for one that is
        among the defective too.
    cache
        Where what is computed of each image is kept, so that an interrupted training goes on (see
        ``feature_cache``); with or without it the same bytes.

    Raises
    ------
    NoTrainingImagesError, TooFewPartsError
        No, or fewer than five, usable images, or all of one group.
    GroupsMismatchError
    """
    count = len(images)
    if groups is not None and len(groups) != count:
        raise GroupsMismatchError(groups=len(groups), images=count)
    for told in (defective_groups, kinds):
        defects = 0 if defective is None else len(defective)
        if told is not None and len(told) != defects:
            raise GroupsMismatchError(groups=len(told), images=defects)
    if count == 0:
        raise NoTrainingImagesError(left_out=0)
    if count > IMAGES_LIMIT:
        raise TooManyImagesError(found=count, limit=IMAGES_LIMIT)
    task = _Task(images, groups, defective, defective_groups, kinds, seed, product, options, threads, cache)
    if not options.int8:
        return _fit(task, network, progress, left_out)
    small, quantisation = _int8(task, network, progress)
    if quantisation is None:
        return _fit(task, network, progress, left_out)
    chosen = small if quantisation.accepted else network
    return _fit(task, chosen, progress, left_out).with_quantisation(quantisation)


@dataclass(frozen=True)
class _Task:
    """What one training is given, whichever form of the network it is done with."""

    images: ImageSource
    groups: Sequence[Hashable] | None
    defective: ImageSource | None
    defective_groups: Sequence[Hashable] | None
    kinds: Sequence[str] | None
    seed: int
    product: str
    options: TrainingOptions
    threads: int
    cache: FeatureCache


def _fit(task: _Task, network: bytes, progress: Progress, left_out: LeftOut) -> Inspector:
    images, groups, seed, options = task.images, task.groups, task.seed, task.options
    network_sha256 = hashlib.sha256(network).hexdigest()
    embedder = Embedder(network, ResizePlan(options.side), task.threads)
    failed: list[int] = []

    def note(index: int, error: ImageError) -> None:
        failed.append(index)
        left_out(index, error)

    bad = KnownDefects.of(task.defective, embedder)
    gathered = gather(
        images,
        embedder,
        lambda share, drawings: Settings(network_sha256, options.side, seed, share, drawings),
        seed,
        bad.pictures,
        task.cache,
        progress,
        note,
    )
    if not gathered.used:
        raise NoTrainingImagesError(left_out=len(failed))
    labels = _labels(gathered, groups)
    if len(gathered.used) < PARTS_MIN or len(set(labels)) < 2:
        raise TooFewPartsError(found=min(len(gathered.used), len(set(labels))), needed=PARTS_MIN)
    folds = deal_folds(labels, options.folds, seed)
    bad_labels = bad.groups(task.defective_groups, shared=groups is not None)
    bad_folds = folds_of_defects(bad_labels, labels, folds, seed)
    answers = hold_out(gathered, folds, bad.parts, bad_folds, options.bank_vectors, seed, progress)
    fusion = choose_fusion(answers.good, answers.defective)
    kinds = None if task.kinds is None else [task.kinds[index] for index in bad.used]
    supervised = _supervised(answers, fusion, folds[answers.order], bad_folds, len(set(bad_labels)), kinds, options)
    held_labels = [labels[position] for position in answers.order]
    scores = HeldOutScores.of(supervised.good, answers.places, held_labels, supervised.defective)
    point = point_of_scores(
        scores.good,
        scores.defective,
        groups=scores.groups,
        patch=scores.patch,
        costs=options.costs,
        defect_rate=options.defect_rate,
        overkill_target=options.overkill_target,
        confidence=options.confidence,
        seed=seed,
    )
    head = head_of(gathered.cells, range(len(gathered.used)), seed)
    vectors = np.concatenate(gathered.pool_vectors).astype(np.float32)
    bank = vectors[greedy_coreset(vectors, options.bank_vectors, seed, lambda d, t: progress("bank", d, t))]
    radii = local_radii(bank)
    whole = WholeIndex.fit(gathered.pooled[:IMAGES_MAX])
    manifest = Manifest(
        product=task.product,
        network_sha256=network_sha256,
        bank_sha256=hashlib.sha256(np.ascontiguousarray(bank, "<f4").tobytes()).hexdigest(),
        side=options.side,
        channels=bank.shape[1],
        bank_vectors=len(bank),
        whole_shape=(*whole.whitening.shape, len(whole.points)),
        head_shape=(head.inward.shape[0], head.inward.shape[1]),
        places=answers.footing,
        operating_point=point,
        fusion=fusion,
        envelope=Envelope.of(gathered.statistics),
        training=TrainingFacts(
            images=len(gathered.used),
            left_out=len(failed),
            groups=len(set(labels)),
            groups_source="near_duplicates" if groups is None else "given",
            folds=int(folds.max()) + 1,
            defective=len(bad.parts),
            seed=seed,
            training_sha256=gathered.digest,
        ),
        held_out_scores=scores.good,
        held_out_groups=scores.groups,
        held_out_patch=scores.patch,
        defective_scores=scores.defective,
        supervision=supervised.decision if bad.parts else None,
    )
    return Inspector(
        Parts(network, bank, radii, whole, head, manifest, gathered.template, supervised.head), task.threads
    )


def _int8(task: _Task, network: bytes, progress: Progress) -> tuple[bytes, Quantisation | None]:
    """The 8-bit network and the gate's answer; none where no image can be used, which the pass over all will say.

    Pictures are spread over the set: good parts, each of them again with a defect drawn on it, and known defects.
    """
    plan = ResizePlan(task.options.side)
    full = Embedder(network, plan, task.threads)
    inputs = _calibration(task.images, full)
    if not inputs:
        return network, None
    quantised = quantise(network, inputs)
    small = Embedder(quantised, plan, task.threads)
    answers: tuple[list[tuple[Matrix, Matrix]], list[tuple[Matrix, Matrix]]] = ([], [])

    def ask(resized: Pixels, width: int, height: int) -> None:
        prepared = full.prepare_resized(resized)
        for embedder, kept in zip((full, small), answers, strict=True):
            embedded = embedder.run(prepared, width, height)
            kept.append((embedded.features, embedded.stages))

    chosen = _spread(len(task.images), COMPARED_IMAGES)
    for done, index in enumerate(chosen, start=1):
        pixels = _usable(task.images, index)
        if pixels is not None:
            height, width = pixels.shape[:2]
            resized = plan.apply(pixels)
            ask(resized, width, height)
            drawn = draw_defect(resized, [task.seed, index])
            if drawn is not None:
                ask(drawn.pixels, width, height)
        progress("gate", done, len(chosen))
    for index in _spread(len(task.defective or ()), COMPARED_IMAGES):
        pixels = _usable(task.defective or [], index)
        if pixels is not None:
            ask(plan.apply(pixels), pixels.shape[1], pixels.shape[0])
    return quantised, accept(*answers)


def _spread(count: int, most: int) -> list[int]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist() if count else []


def _usable(images: ImageSource, index: int) -> Pixels | None:
    """An image that the pass over all will use too; what is wrong with others is reported there."""
    try:
        pixels = images[index]
        return pixels if ImageStatistics.of(pixels).deviation >= CONTRAST_MIN else None
    except ImageError:
        return None


def _calibration(images: ImageSource, embedder: Embedder) -> list[Matrix]:
    """Inputs of the network for images spread evenly over the set; those that cannot be used are passed over."""
    inputs: list[Matrix] = []
    for index in _spread(len(images), CALIBRATION_IMAGES):
        pixels = _usable(images, index)
        if pixels is not None:
            inputs.append(embedder.prepare(pixels))
    return inputs


def _labels(gathered: Gathered, groups: Sequence[Hashable] | None) -> list[Hashable]:
    if groups is not None:
        return [groups[i] for i in gathered.used]
    return list(near_duplicate_groups(np.stack(gathered.thumbnails)).tolist())


def _supervised(
    answers: HeldOutAnswers,
    fusion: Fusion,
    folds: npt.NDArray[np.int64],
    bad_folds: npt.NDArray[np.int64],
    bad_groups: int,
    kinds: Sequence[str] | None,
    options: TrainingOptions,
) -> Supervised:
    # Rounded as the manifest keeps them, so that the threshold here is the one that is chosen there.
    good = np.round(fusion.score(answers.good), SCORE_DIGITS)
    bad = np.empty(0) if answers.defective is None else np.round(fusion.score(answers.defective), SCORE_DIGITS)
    return supervise(
        Known(good, answers.good_evidence, folds),
        Known(bad, answers.defective_evidence, bad_folds),
        groups=bad_groups,
        threshold=choose_threshold(good, options.overkill_target, options.confidence).value,
        kinds=kinds,
    )
