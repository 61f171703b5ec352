"""Accuracy of the shipped default: one configuration, the one whose speed ``vision.speed`` measures.

The design was chosen on MTD folds 0 and 1 and on every other casting test image; the other folds and images
decided no choice, but were not unseen throughout (see 0004).
``mtd_grouped_auroc_unseen_folds`` and ``casting_auroc_unseen_half`` are those alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks.harness import Figure
from benchmarks.vision._pixels import PixelCurves
from benchmarks.vision._sets import Photographs, Split, casting, mtd_fold, mtd_random
from gaugeblock.signals.binomial import clopper_pearson
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.heatmap import enlarge_heatmap
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.score_fusion import TINY, auroc
from gaugeblock.vision.training import DEFAULT_OPTIONS, TrainingOptions, lite0_network, train

SEED = 1
ESCAPE = 0.02
NEAR_DUPLICATE = 0.98
TRIAL = "feasibility trial: PatchCore, same backbone, 224 px (recorded earlier on another machine)"
ANOMALIB = "anomalib 2.7 PatchCore, same backbone (recorded earlier on another machine)"


ABLATIONS = {
    "patches_only": lambda a: a["patch_top"],
    "whole_only": lambda a: a["whole"],
    "head_only": lambda a: a["head_top"],
    "without_head": lambda a: np.maximum(a["patch_top"], a["whole"]),
    "without_patches": lambda a: a["head_top"] + a["whole"],
    "largest_of_three": lambda a: np.maximum(np.maximum(a["patch_top"], a["head_top"]), a["whole"]),
    "mean_of_three": lambda a: a["patch_top"] + a["head_top"] + a["whole"],
}
FEW_SHOT, FEW_SHOT_SEEDS = (5, 10, 50), (1, 2)


@dataclass(frozen=True)
class Scores:
    good: np.ndarray
    defective: np.ndarray
    threshold: float
    good_answers: dict[str, np.ndarray]
    defective_answers: dict[str, np.ndarray]

    @property
    def auroc(self) -> float:
        return 100 * auroc(self.good, self.defective)

    def ablated(self, how: str) -> float:
        """AUROC with part of the answers only, each on the footing that training gave it."""
        return 100 * auroc(ABLATIONS[how](self.good_answers), ABLATIONS[how](self.defective_answers))

    def every_other(self, first: int) -> Scores:
        """Half of it: parts ``first``, ``first`` + 2 and so on."""
        return Scores(
            self.good[first::2],
            self.defective[first::2],
            self.threshold,
            {name: values[first::2] for name, values in self.good_answers.items()},
            {name: values[first::2] for name, values in self.defective_answers.items()},
        )


def _fit(network: bytes, split: Split, options: TrainingOptions = DEFAULT_OPTIONS) -> Inspector:
    photographs = Photographs(split.train)
    return train(photographs, network=network, groups=split.groups, seed=SEED, options=options, threads=2)


def _score(inspector: Inspector, split: Split, pixels: PixelCurves | None = None) -> Scores:
    found: list[list[float]] = []
    answers: list[dict[str, np.ndarray]] = []
    fusion = inspector.manifest.fusion
    for paths, bad in ((split.good, False), (split.defective, True)):
        photographs, scores = Photographs(paths), []
        parts: dict[str, list[float]] = {name: [] for name in fusion.weights}
        for index, path in enumerate(paths):
            image = photographs[index]
            inspection = inspector.inspect(image)
            scores.append(inspection.score)
            for name, value in inspection.components.items():
                parts[name].append((np.log(value + TINY) - fusion.log_mean[name]) / fusion.log_deviation[name])
            if pixels is not None:
                mask = np.zeros(image.shape[:2], bool)
                if bad:
                    mask = np.asarray(Image.open(path.with_suffix(".png")).convert("L")) > 127
                large = enlarge_heatmap(inspection.heatmap, *mask.shape)
                pixels.add(large / np.float32(inspection.threshold), mask)
        found.append(scores)
        answers.append({name: np.array(values) for name, values in parts.items()})
    return Scores(np.array(found[0]), np.array(found[1]), inspector.manifest.threshold, *answers)


def _threshold_at_escape(defective: np.ndarray) -> float:
    """The highest threshold that lets at most 2 % of these defects pass (score ≤ threshold passes)."""
    ordered = np.sort(defective)
    return float(np.nextafter(ordered[int(len(ordered) * ESCAPE)], -np.inf))


def _overkill_held_out(parts: list[Scores]) -> tuple[float, str]:
    """Overkill in %, and in words its interval and the escape that came with it: each part with the threshold that
    the defects of the other parts give."""
    above = passed = good = bad = 0
    for index, part in enumerate(parts):
        others = np.concatenate([p.defective for i, p in enumerate(parts) if i != index])
        threshold = _threshold_at_escape(others)
        above += int((part.good > threshold).sum())
        passed += int((part.defective <= threshold).sum())
        good += len(part.good)
        bad += len(part.defective)
    low, high = (100 * bound for bound in clopper_pearson(above, good))
    least, most = (100 * bound for bound in clopper_pearson(passed, bad))
    return 100 * above / good, (
        f"{above} of {good} good, 95 % interval {low:.1f} to {high:.1f} % (Clopper-Pearson); escape"
        f" {100 * passed / bad:.1f} % ({least:.1f} to {most:.1f} %)"
    )


def _ablation(name: str, parts: list[Scores], what: str) -> list[Figure]:
    return [
        Figure(f"{name}_auroc_{how}", float(np.mean([part.ablated(how) for part in parts])), "%", what, SEED)
        for how in ABLATIONS
    ]


def _at_default_threshold(name: str, parts: list[Scores], note: str) -> list[Figure]:
    """Escape and overkill at the threshold that training chose, each with its 95 % interval (Clopper-Pearson)."""
    passed = sum(int((part.defective <= part.threshold).sum()) for part in parts)
    bad = sum(len(part.defective) for part in parts)
    above = sum(int((part.good > part.threshold).sum()) for part in parts)
    good = sum(len(part.good) for part in parts)
    figures = []
    for what, hits, of, whose in (("escape", passed, bad, "defective"), ("overkill", above, good, "good")):
        low, high = (100 * bound for bound in clopper_pearson(hits, of))
        figures.append(
            Figure(
                f"{name}_{what}_at_default_threshold",
                100 * hits / of,
                "%",
                f"{hits} of {of} {whose}; 95 % interval {low:.1f} to {high:.1f} %; threshold from training's good parts"
                f" alone (held out, 5 % overkill asked for){note}",
                SEED,
            )
        )
    return figures


def _texture(pixels: np.ndarray) -> np.ndarray:
    """Grey at 128 × 128, mean taken off, length one: fine enough that two castings differ."""
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((128, 128), Image.Resampling.BOX), np.float32).ravel()
    grey = grey - grey.mean()
    return grey / np.linalg.norm(grey)


def _duplicates(split: Split) -> np.ndarray:
    """Which good test images correlate above 0.98 with a training image under a rotation or flip."""
    turned = []
    for index in range(len(split.train)):
        image = Photographs(split.train)[index]
        for k in range(4):
            turned += [_texture(np.rot90(image, k)), _texture(np.rot90(image[:, ::-1], k))]
    bank = np.stack(turned)
    tests = np.stack([_texture(Photographs(split.good)[i]) for i in range(len(split.good))])
    return (tests @ bank.T).max(axis=1) > NEAR_DUPLICATE


def _mtd_grouped(network: bytes) -> list[Figure]:
    folds, pixels = [], PixelCurves()
    for fold in range(5):
        split = mtd_fold(fold)
        folds.append(_score(_fit(network, split), split, pixels))
    values = np.array([f.auroc for f in folds])
    overkill, counted = _overkill_held_out(folds)
    listed = ", ".join(f"{v:.1f}" for v in values)
    protocol = f"mtd_groups.json, five folds ({listed}), sd {values.std(ddof=1):.1f}"
    rule = (
        "heat-map enlarged to the mask (bilinear, no smoothing), mask as it is; test images of the five folds together"
    )
    return [
        Figure("mtd_grouped_auroc", values.mean(), "%", protocol, SEED, TRIAL, 85.5),
        Figure("mtd_grouped_auroc_sd", values.std(ddof=1), "%", protocol, SEED, TRIAL, 5.1),
        Figure(
            "mtd_grouped_auroc_unseen_folds",
            values[2:].mean(),
            "%",
            "folds 2, 3, 4: not looked at in our own trials; the ideas came from trials that saw all",
            SEED,
        ),
        Figure(
            "mtd_fold0_auroc", values[0], "%", "fold 0 alone; the peer with 200 training images", SEED, ANOMALIB, 81.8
        ),
        Figure(
            "mtd_grouped_overkill_at_2pct_escape",
            overkill,
            "%",
            f"threshold from other folds' defects (held out): {counted}",
            SEED,
        ),
        Figure("mtd_pixel_auroc", pixels.auroc(), "%", rule, SEED, ANOMALIB + ", random split", 83.4),
        Figure(
            "mtd_aupro",
            pixels.aupro(),
            "%",
            rule + ", to 30 % false positives",
            SEED,
            ANOMALIB + ", random split",
            73.4,
        ),
        *_at_default_threshold(
            "mtd_grouped", folds, "; five folds together: tiles of a group are not independent, so it is wider in truth"
        ),
        *_ablation("mtd_grouped", folds, "five folds, mean; part of the shipped inspector's answers only"),
    ]


def _mtd_random(network: bytes) -> list[Figure]:
    split = mtd_random(SEED)
    scores = _score(_fit(network, split), split)
    protocol = "80 % of the good to train; the same tiles are on both sides: only to compare with papers"
    return [Figure("mtd_random_auroc", scores.auroc, "%", protocol, SEED, TRIAL, 97.5)]


def _casting(network: bytes) -> list[Figure]:
    split = casting()
    scores = _score(_fit(network, split), split)
    twins = _duplicates(split)
    apart = 100 * auroc(scores.good[~twins], scores.defective)
    # The 453 defective and then the good ones were numbered through, and the even numbers used: of the good ones
    # those at odd places.
    unseen = 100 * auroc(scores.good[0::2], scores.defective[1::2])
    halves = [scores.every_other(i) for i in (0, 1)]
    overkill, counted = _overkill_held_out(halves)
    protocol = (
        f"as published, {len(split.train)} good to train, {len(split.good)} good and {len(split.defective)} defective"
    )
    return [
        Figure("casting_auroc", scores.auroc, "%", protocol, SEED, ANOMALIB + ", 10 % bank", 97.85),
        Figure(
            "casting_auroc_without_near_duplicates",
            apart,
            "%",
            f"without {int(twins.sum())} good test images that correlate above {NEAR_DUPLICATE} with training",
            SEED,
        ),
        Figure(
            "casting_auroc_unseen_half",
            unseen,
            "%",
            "every other test image: not looked at in our own trials; the ideas came from trials that saw all",
            SEED,
        ),
        Figure(
            "casting_overkill_at_2pct_escape",
            overkill,
            "%",
            f"threshold from the other half's defects (held out): {counted}",
            SEED,
            ANOMALIB + ", threshold chosen on the test data",
            16.4,
        ),
        *_at_default_threshold(
            "casting",
            [scores],
            "; folds and target were chosen with these test scores known, so not held out from that",
        ),
        *_ablation("casting", [scores], "all test images; part of the shipped inspector's answers only"),
    ]


def _few_shot(network: bytes) -> list[Figure]:
    """Castings with few good parts to train on, drawn at random."""
    whole, figures = casting(), []
    for count in FEW_SHOT:
        values = []
        for seed in FEW_SHOT_SEEDS:
            chosen = np.random.default_rng(seed).permutation(len(whole.train))[:count]
            few = Split([whole.train[i] for i in sorted(chosen)], None, whole.good, whole.defective)
            values.append(_score(_fit(network, few), few).auroc)
        listed = ", ".join(f"{value:.2f}" for value in values)
        figures.append(
            Figure(
                f"casting_few_shot_{count}_auroc",
                float(np.mean(values)),
                "%",
                f"{count} good parts drawn at random, seeds {FEW_SHOT_SEEDS} ({listed}); all test images",
                SEED,
            )
        )
    return figures


def _int8_drop(network: bytes, int8: list[Figure]) -> list[Figure]:
    """The same trainings with the full network; positive where int8 tells defects apart less well."""
    full = TrainingOptions(int8=False)
    values = {f.figure: float(f.value) for f in int8}
    grouped = [_score(_fit(network, split, full), split).auroc for split in map(mtd_fold, range(5))]
    castings = _score(_fit(network, casting(), full), casting()).auroc
    mtd_drop = float(np.mean(grouped)) - values["mtd_grouped_auroc"]
    casting_drop = castings - values["casting_auroc"]
    protocol = "fp32 less int8, image AUROC; int8 as shipped, same images and seed; the larger of both sets"
    return [
        Figure("mtd_int8_auroc_drop", mtd_drop, "points", f"five folds grouped; fp32 {np.mean(grouped):.2f} %", SEED),
        Figure("casting_int8_auroc_drop", casting_drop, "points", f"fp32 {castings:.2f} %", SEED),
        Figure("int8_auroc_drop", max(mtd_drop, casting_drop), "points", protocol, SEED),
    ]


def run() -> list[Figure]:
    """All figures; some twenty minutes on two idle cores."""
    network = lite0_network(lite0_checkpoint())
    figures = _mtd_grouped(network) + _casting(network) + _mtd_random(network)
    return figures + _few_shot(network) + _int8_drop(network, figures)
