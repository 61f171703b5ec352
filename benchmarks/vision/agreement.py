"""Measurement study of the shipped default on castings: would AIAG call the station capable?

The station is the one appraiser. Each of 50 test castings, half of them defective, drawn by the seed, is judged three
times. The castings themselves are not here to be taken out and photographed again, so a trial is a *small seeded
re-photographing* of the stored image: shifted by 1 or 2 pixels in each direction (edges repeated), brighter or darker
by up to 2 %, saved as JPEG of quality 90 and read again. That is less than a real part that is taken out and put back
varies; repeatability found here is a best case, and the protocol of every figure says so.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from benchmarks.harness import Figure
from benchmarks.vision._sets import Photographs, casting
from gaugeblock.edge.guards import verdict_of
from gaugeblock.inspection.agreement import AppraiserDecision, Criterion, PartReference
from gaugeblock.inspection.gauge_rr import Measurement
from gaugeblock.inspection.studies import StudyResult, analyse
from gaugeblock.inspection.study_table import StudyTable
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.decode import decode
from gaugeblock.vision.training import lite0_network, train

SEED = 1
PARTS, TRIALS = 50, 3
STATION = "default module"
PROTOCOL = (
    f"casting, {PARTS} seeded test parts, half defective, {TRIALS} trials; a trial re-photographs the stored image: "
    "shift 1-2 px, brightness ±2 %, JPEG quality 90 (less than a part taken out and put back varies); "
    "95 % intervals"
)


def photographed_again(image: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """The image as a second photograph of the same part, nearly in the same place and light."""
    shift = source.integers(1, 3, 2) * source.choice((-1, 1), 2)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), "edge")
    height, width = image.shape[:2]
    moved = padded[2 + shift[0] : 2 + shift[0] + height, 2 + shift[1] : 2 + shift[1] + width]
    lit = np.clip(np.rint(moved * source.uniform(0.98, 1.02)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(lit).save(buffer, "JPEG", quality=90)
    return decode(buffer.getvalue())


def study() -> StudyResult:
    """The whole study."""
    split = casting()
    inspector = train(Photographs(split.train), network=lite0_network(lite0_checkpoint()), seed=SEED, threads=2)
    point = inspector.manifest.operating_point
    source = np.random.default_rng(SEED)
    drawn = [
        (path, condition)
        for paths, condition in ((split.good, "good"), (split.defective, "defective"))
        for path in (paths[i] for i in sorted(source.choice(len(paths), PARTS // 2, replace=False)))
    ]
    references, decisions, scores = [], [], []
    for path, condition in drawn:
        references.append(PartReference(path.name, condition))
        image = decode(path.read_bytes())
        for trial in range(1, TRIALS + 1):
            score = float(inspector.inspect(photographed_again(image, source)).score)
            verdict = verdict_of(score, point.threshold, min(point.review_from, point.threshold))
            decisions.append(AppraiserDecision(path.name, STATION, trial, verdict))
            scores.append(Measurement(path.name, STATION, trial, score))
    return analyse(StudyTable(tuple(references), tuple(decisions), tuple(scores)), "casting", STATION)


def _of(name: str, criterion: Criterion) -> list[Figure]:
    share = criterion.share
    what = "parts judged rightly in all trials" if name == "effectiveness" else "decisions"
    counted = (
        f"{share.hits} of {share.of} {what}; {criterion.band.value}, {criterion.band_at_bound.value} at the bad end"
    )
    if share.value is None:
        return []
    return [
        Figure(name, 100 * share.value, "%", f"{PROTOCOL}; {counted}", SEED),
        Figure(f"{name}_low", 100 * share.low, "%", "95 % Clopper-Pearson", SEED),
        Figure(f"{name}_high", 100 * share.high, "%", "95 % Clopper-Pearson", SEED),
    ]


def run() -> list[Figure]:
    """About a minute on two cores."""
    result = study()
    own, gauge = result.of_station, result.gauge
    kappa = own.reference_kappa.kappa
    figures = [
        *_of("effectiveness", own.effectiveness),
        *_of("miss", own.miss),
        *_of("false_alarm", own.false_alarm),
    ]
    if kappa.value is not None:
        figures += [
            Figure("kappa", kappa.value, "1", f"Cohen, against the reference; {PROTOCOL}", SEED),
            Figure("kappa_low", kappa.low if kappa.low is not None else kappa.value, "1", kappa.interval, SEED),
            Figure("kappa_high", kappa.high if kappa.high is not None else kappa.value, "1", kappa.interval, SEED),
        ]
    if own.repeatability is not None and own.repeatability.value is not None:
        figures.append(Figure("repeatability", 100 * own.repeatability.value, "%", "same verdict in all trials", SEED))
    figures.append(Figure("undecided", own.undecided, "decisions", f"of {own.decisions}", SEED))
    if gauge is not None and gauge.gauge.study is not None:
        figures += [
            Figure(
                "gauge_rr", gauge.gauge.study, "% of total deviation", f"one-way ANOVA of the score; {PROTOCOL}", SEED
            ),
            Figure("gauge_deviation", gauge.gauge.deviation, "score", "repeatability (EV)", SEED),
            Figure("gauge_deviation_low", gauge.gauge.low, "score", "95 % chi-square", SEED),
            Figure("gauge_deviation_high", gauge.gauge.high, "score", "95 % chi-square", SEED),
            Figure("distinct_categories", gauge.distinct_categories or 0, "1", "ndc, 5 or more wanted", SEED),
        ]
    figures.append(Figure("conclusion", result.conclusion.value, "", "worst band of effectiveness, miss, alarm", SEED))
    return figures
