"""anomalib's PatchCore as a worker. Runs only in the peer's own environment and imports nothing of this project.

Started with the path of a job file (see ``_peer.py``). It trains, writes one line of JSON about that, and then
answers each line of JSON on standard input with one on standard output until the input ends: files to score, or the
size of another bank (see ``Peer.fill_bank``). Everything that libraries print goes to standard error.

The peer is given what favours it and leaves it itself: the weights of our network with batch normalisation already
folded, and the input scale that network was trained with. Resizing, reading of images, patch pooling, coreset,
search, weighted score and anomaly map are anomalib's own code with its default values. Left off is what only costs
it time: score normalisation and drawing.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

# Looked up when torchvision is imported; a torchvision whose compiled part does not fit the torch at hand lacks
# them, and no model used here calls them.
TORCHVISION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor a) -> Tensor",
    "_roi_align_backward(Tensor a) -> Tensor",
    "ps_roi_align(Tensor a) -> Tensor",
    "_ps_roi_align_backward(Tensor a) -> Tensor",
    "roi_pool(Tensor a) -> Tensor",
    "_roi_pool_backward(Tensor a) -> Tensor",
    "ps_roi_pool(Tensor a) -> Tensor",
    "_ps_roi_pool_backward(Tensor a) -> Tensor",
    "qroi_align(Tensor a) -> Tensor",
    "deform_conv2d(Tensor a) -> Tensor",
    "_deform_conv2d_backward(Tensor a) -> Tensor",
)


def define_missing_operators() -> Any:
    """Names without a body for the operators that torchvision's Python part registers shapes for.

    The library object must be kept alive by the caller. Where torchvision's own compiled part loads, it would define
    the same names a second time, so nothing is defined then.
    """
    import importlib.util

    import torch

    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        raise SystemExit("torchvision is not installed in the peer's environment")
    for compiled in Path(found.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(compiled))
        except OSError:
            continue
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in TORCHVISION_OPERATORS:
        library.define(schema)
    return library


def build_backbone(weights: dict[str, Any], stages: list[list[int]], stem: int) -> Any:
    """EfficientNet-Lite0 up to its last given stage; children ``stem``, ``stage1``, ``stage2`` …

    Parameters
    ----------
    weights
        ``<layer>_w`` and ``<layer>_b`` with batch normalisation folded in.
    stages
        Repeats, kernel, stride, expansion, channels of each.
    stem
        Channels of the first convolution.
    """
    import torch
    from torch import nn

    def convolution(name: str, stride: int, depthwise: bool, relu6: bool) -> nn.Sequential:
        kernel = torch.from_numpy(weights[f"{name}_w"])
        outputs, inputs, side, _ = kernel.shape
        groups = outputs if depthwise else 1
        before = (side - stride) // 2
        after = side - stride - before
        # TensorFlow's SAME: one more at the right and bottom where the stride is 2.
        padding = [] if before == after else [nn.ZeroPad2d((before, after, before, after))]
        layer = nn.Conv2d(
            inputs * groups, outputs, side, stride, padding=before if before == after else 0, groups=groups
        )
        layer.weight = nn.Parameter(kernel, requires_grad=False)
        layer.bias = nn.Parameter(torch.from_numpy(weights[f"{name}_b"]), requires_grad=False)
        return nn.Sequential(*padding, layer, *([nn.ReLU6()] if relu6 else []))

    class Block(nn.Module):
        """Inverted residual."""

        def __init__(self, index: int, stride: int, expansion: int, residual: bool) -> None:
            super().__init__()
            name = f"_blocks_{index}_"
            parts = [] if expansion == 1 else [convolution(f"{name}_expand_conv", 1, False, True)]
            parts.append(convolution(f"{name}_depthwise_conv", stride, True, True))
            parts.append(convolution(f"{name}_project_conv", 1, False, False))
            self.body = nn.Sequential(*parts)
            self.residual = residual

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.body(x) if self.residual else self.body(x)

    network = nn.Sequential()
    network.add_module("stem", convolution("_conv_stem", 2, False, True))
    index, channels = 0, stem
    for number, (repeats, _kernel, stage_stride, expansion, width) in enumerate(stages, start=1):
        blocks = []
        for repeat in range(repeats):
            stride = stage_stride if repeat == 0 else 1
            blocks.append(Block(index, stride, expansion, stride == 1 and channels == width))
            index, channels = index + 1, width
        network.add_module(f"stage{number}", nn.Sequential(*blocks))
    return network.eval()


class Peer:
    """A PatchCore of anomalib trained as the job says."""

    def __init__(self, job: dict[str, Any]) -> None:
        import numpy as np
        import torch
        from anomalib.data import ImageBatch
        from anomalib.data.utils import read_image
        from anomalib.models import Patchcore
        from anomalib.pre_processing import PreProcessor
        from torchvision.transforms.v2 import Compose, Normalize, Resize

        self._torch, self._read = torch, read_image
        torch.set_num_threads(job["threads"])
        with np.load(job["weights"]) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        backbone = build_backbone(weights, job["stages"], job["stem_channels"])
        layers = [f"stage{number}" for number in job["layers"]]
        self.difference = self._check(backbone, job["reference"])
        side, (mean, deviation) = job["side"], job["scale"]
        self._transform = Compose(
            [Resize((side, side), antialias=True), Normalize(mean=[mean] * 3, std=[deviation] * 3)]
        )
        self.model = Patchcore(
            backbone=backbone,
            layers=layers,
            pre_trained=False,
            pre_processor=PreProcessor(transform=self._transform),
            post_processor=False,
            evaluator=False,
            visualizer=False,
        )
        started = time.perf_counter()
        self.model.train()
        for name in job["train"]:
            self.model.training_step(ImageBatch(image=self._image(Path(name).read_bytes())))
        self._patches, self._seed = torch.vstack(list(self.model.model.embedding_store)), job["seed"]
        default_ratio = self.model.coreset_sampling_ratio
        patches = len(self._patches)
        # int(patches · ratio) is anomalib's size; half a patch more keeps rounding from losing one.
        self.model.coreset_sampling_ratio = (job["bank_vectors"] + 0.5) / patches
        embedded = time.perf_counter()
        # The coreset's projection draws from both global generators. Seeded here: building layers draws, too.
        torch.manual_seed(job["seed"])
        np.random.seed(job["seed"])
        self.model.fit()
        self.model.eval()
        self.facts = {
            "patches": patches,
            "default_bank_vectors": int(patches * default_ratio),
            "bank_vectors": len(self.model.model.memory_bank),
            "channels": self.model.model.memory_bank.shape[1],
            "embed_s": embedded - started,
            "coreset_s": time.perf_counter() - embedded,
            "feature_difference": self.difference,
        }

    def _check(self, backbone: Any, reference: str) -> float:
        """Largest difference of the ends of stages to those of our runtime on one image."""
        import numpy as np

        torch = self._torch
        with np.load(reference) as arrays, torch.inference_mode():
            wanted = {name: arrays[name] for name in arrays.files}
            x = torch.from_numpy(wanted.pop("image"))
            largest = 0.0
            for name, stage in backbone.named_children():
                x = stage(x)
                if name in wanted:
                    largest = max(largest, float(np.abs(x.numpy() - wanted.pop(name)).max()))
        if wanted:
            raise SystemExit(f"no such stage in the rebuilt network: {sorted(wanted)}")
        return largest

    def _image(self, data: bytes) -> Any:
        return self._transform(self._read(io.BytesIO(data), as_tensor=True)[None])

    def fill_bank(self, vectors: int) -> dict[str, int]:
        """A bank of that many patches drawn at random: it takes as long to search as a coreset of that size, and its
        making takes no half an hour. Scores under it are nobody's accuracy.
        """
        drawn = self._torch.randperm(len(self._patches), generator=self._torch.Generator().manual_seed(self._seed))
        self.model.model.memory_bank = self._patches[drawn[:vectors]].clone()
        return {"bank_vectors": vectors}

    def score(self, paths: list[str], threads: int) -> dict[str, list[float]]:
        """Score and milliseconds of each file, from its bytes to score and anomaly map."""
        self._torch.set_num_threads(threads)
        scores, times = [], []
        with self._torch.inference_mode():
            for path in paths:
                data = Path(path).read_bytes()
                started = time.perf_counter_ns()
                answer = self.model.model(self._image(data))
                score = float(answer.pred_score)
                answer.anomaly_map.numpy()
                times.append((time.perf_counter_ns() - started) / 1e6)
                scores.append(score)
        return {"scores": scores, "ms": times}


def main(job_file: str) -> None:
    """Train, say so, answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    library = define_missing_operators()
    import importlib.metadata

    peer = Peer(json.loads(Path(job_file).read_text(encoding="utf-8")))
    versions = {name: importlib.metadata.version(name) for name in ("anomalib", "torch", "torchvision")}
    print(json.dumps({**peer.facts, "versions": versions, "stubs": library is not None}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "fill_bank" in request:
            answer: dict[str, Any] = peer.fill_bank(request["fill_bank"])
        else:
            answer = peer.score(request["paths"], request["threads"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
