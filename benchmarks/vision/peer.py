"""Our inspector beside anomalib's PatchCore: same backbone, same 200 training images, same test images, same run.

Without the peer's environment (docs/decisions/0010-benchmark-peer.md) the figures are left out, and why is printed.
"""

from __future__ import annotations

import numpy as np

from benchmarks.harness import Figure
from benchmarks.vision._peer import (
    BANK_VECTORS,
    SEED,
    SIDE,
    PeerUnavailableError,
    fold0_comparison,
    ratio_figures,
)


def run() -> list[Figure]:
    """Some ten minutes on one core, most of them the peer's coreset."""
    try:
        found = fold0_comparison()
    except PeerUnavailableError as error:
        print(f"vision.peer is left out: {error}")
        return []
    ours, peer = found.ours, found.peer
    versions = peer.facts["versions"]
    name = f"anomalib {versions['anomalib']} PatchCore, torch {versions['torch']}, same backbone"
    protocol = (
        f"mtd_groups.json fold 0, {found.train_images} training images drawn by the seed, {len(ours.good)} good and"
        f" {len(ours.defective)} defective"
    )
    guarded = f"; {ours.undecided} of ours UNDECIDED, ranked as rejected" if ours.undecided else ""
    setting = (
        f"{protocol}; the peer: {SIDE} px, stages of stride 8 and 16, bank {BANK_VECTORS} of"
        f" {peer.facts['patches']} patches, other values its defaults{guarded}"
    )
    timing = "file bytes to score and heat-map, one thread"
    few_ours, few_peer = float(np.median(ours.ms_all_threads)), float(np.median(peer.ms_all_threads))
    return [
        Figure("mtd_fold0_200_auroc", ours.auroc, "%", setting, SEED, name, peer.auroc),
        Figure("ahead_points", ours.auroc - peer.auroc, "points", protocol, SEED, name),
        Figure(
            "mtd_fold0_200_overkill_at_2pct_escape",
            ours.overkill,
            "%",
            f"{protocol}; threshold chosen on these test images for both, so only to compare",
            SEED,
            name,
            peer.overkill,
        ),
        *ratio_figures(found),
        Figure("mtd_fold0_200_image_ms_p50", ours.ms_p50, "ms", timing, SEED, name, peer.ms_p50, found.ratio),
        Figure("peer_image_ms_p50", peer.ms_p50, "ms", f"the peer's; {timing}", SEED),
        Figure(
            "mtd_fold0_200_image_ms_p50_all_threads",
            few_ours,
            "ms",
            f"the first {len(ours.ms_all_threads)} of them, as many threads as cores",
            SEED,
            name,
            few_peer,
            few_peer / few_ours,
        ),
        Figure(
            "mtd_fold0_200_fit_s",
            ours.facts["fit_s"],
            "s",
            f"one thread; ours with ten held-out folds, the peer's coreset alone {peer.facts['coreset_s']:.0f} s",
            SEED,
            name,
            peer.facts["embed_s"] + peer.facts["coreset_s"],
        ),
        Figure(
            "peer_feature_difference",
            peer.facts["feature_difference"],
            "",
            "largest difference of the ends of stages 3 and 5 on one image, the peer's torch to our runtime",
            SEED,
        ),
    ]
