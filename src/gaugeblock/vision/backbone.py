"""EfficientNet-Lite0 as an ONNX graph, built from its checkpoint without torch.

Two graphs come from one builder. The **classifier** is the network as trained on ImageNet, there to check the
weights and the wiring against known outputs. The **feature extractor** is cut after stage 6: the ends of
stage 5 (stride 16, 112 channels) and stage 6 (stride 32, 192 channels, enlarged to the finer grid), each
averaged over 3 × 3 cells and brought to length one in every cell, give 304 numbers for every 16 × 16 pixels.
Length one makes both stages count alike, and a patch count by what is there and not by its contrast. The
grid is four times smaller than that of stride 8, and so is the search; see docs/decisions/0004-inspector.md
for what was measured.

Batch normalisation (ε = 1e-3) is folded into the convolution before it. Strided convolutions pad as
TensorFlow's SAME does for even sizes: one more at the right and bottom; so sides are multiples of 32 for the
classifier. The feature extractor takes multiples of 16: the last stride alone may meet an odd size, and keeps its
last column. The file says so in its metadata, for networks of others need not.

Tan and Le, EfficientNet (ICML 2019); the Lite variant drops squeeze-and-excitation and uses ReLU6.
Roth et al., Towards Total Recall in Industrial Anomaly Detection (CVPR 2022), for the patch features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BN_EPSILON = 1e-3
STRIDE = 16
SIDE_MULTIPLE = 32
"""What sides must be multiples of where a network does not say otherwise in its metadata."""
SIDE_MULTIPLE_KEY = "side_multiple"
CHANNELS_FINE, CHANNELS_COARSE = 112, 192
CHANNELS = CHANNELS_FINE + CHANNELS_COARSE
# onnxruntime reads no newer intermediate representation than 13; 8 and 17 are read by every runtime in use.
IR_VERSION, OPSET = 8, 17
INPUT, FEATURES, STAGES, LOGITS = "image", "features", "stages", "logits"
LEVEL_CENTRE, LEVEL_SPREAD = 127.0, 128.0

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of inverted-residual blocks: how often, kernel side, stride of the first, expansion, channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


LITE0_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
EARLY_STAGE, MIDDLE_STAGE, FINE_STAGE, COARSE_STAGE = 3, 4, 5, 6
CHANNELS_STAGES = 2 * 40 + 80 + CHANNELS_FINE + CHANNELS_COARSE
LENGTH_MIN = 1e-6


def normalise(pixels: Array) -> npt.NDArray[np.float32]:
    """Pixels 0…255 as the network was trained on them: (x − 127) / 128.

    >>> normalise(np.array([127, 255])).tolist()
    [0.0, 1.0]
    """
    return (pixels.astype(np.float32) - np.float32(LEVEL_CENTRE)) / np.float32(LEVEL_SPREAD)


class _Graph:
    """Nodes and weights under construction."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, name: str, value: Array) -> str:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def conv_bn(
        self,
        x: str,
        conv: str,
        bn: str,
        *,
        stride: int = 1,
        depthwise: bool = False,
        relu6: bool = True,
        last_odd: bool = False,
    ) -> str:
        """A convolution with its batch normalisation folded in; ReLU6 after it unless it ends a block."""
        kernel = self.weights[f"{conv}.weight"].astype(np.float64)
        scale = self.weights[f"{bn}.weight"].astype(np.float64) / np.sqrt(
            self.weights[f"{bn}.running_var"].astype(np.float64) + BN_EPSILON
        )
        shift = self.weights[f"{bn}.bias"] - self.weights[f"{bn}.running_mean"].astype(np.float64) * scale
        out = conv.replace(".", "_")
        side = kernel.shape[-1]
        before = (side - stride) // 2
        # One more than SAME at the far end serves odd sizes: their last column is then kept; even sizes ignore it.
        after = side - stride - before + (stride - 1 if last_odd else 0)
        self.add(
            "Conv",
            [
                x,
                self.constant(f"{out}_w", (kernel * scale[:, None, None, None]).astype(np.float32)),
                self.constant(f"{out}_b", shift.astype(np.float32)),
            ],
            out,
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=kernel.shape[0] if depthwise else 1,
        )
        return self.add("Clip", [out, "zero", "six"], f"{out}_relu6") if relu6 else out

    def blocks(self, last_stage: int) -> dict[int, str]:
        """Stem and stages 1…``last_stage``; the output name of each stage."""
        self.constant("zero", np.array(0, np.float32))
        self.constant("six", np.array(6, np.float32))
        x = self.conv_bn(INPUT, "_conv_stem", "_bn0", stride=2)
        ends: dict[int, str] = {}
        index, channels = 0, STEM_CHANNELS
        for number, stage in enumerate(LITE0_STAGES[:last_stage], start=1):
            for repeat in range(stage.repeats):
                name, stride = f"_blocks.{index}", stage.stride if repeat == 0 else 1
                y = x
                if stage.expansion != 1:
                    y = self.conv_bn(y, f"{name}._expand_conv", f"{name}._bn0")
                y = self.conv_bn(
                    y,
                    f"{name}._depthwise_conv",
                    f"{name}._bn1",
                    stride=stride,
                    depthwise=True,
                    last_odd=number == COARSE_STAGE,
                )
                y = self.conv_bn(y, f"{name}._project_conv", f"{name}._bn2", relu6=False)
                if stride == 1 and channels == stage.channels:
                    y = self.add("Add", [x, y], f"block_{index}")
                x, channels, index = y, stage.channels, index + 1
            ends[number] = x
        return ends

    def directions(self, x: str, name: str) -> str:
        """Average over 3 × 3 cells, then length one over the channels of each cell."""
        # Zero padding would darken the rim: only cells inside the picture count in the average.
        pooled = self.add(
            "AveragePool", [x], f"{name}_pooled", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=0
        )
        length = self.add("ReduceL2", [pooled], f"{name}_length", axes=[1], keepdims=1)
        safe = self.add("Max", [length, "length_min"], f"{name}_length_safe")
        return self.add("Div", [pooled, safe], f"{name}_direction")

    def model(
        self, outputs: Mapping[str, list[str | int]], metadata: Mapping[str, str] = MappingProxyType({})
    ) -> bytes:
        from onnx import TensorProto, checker, helper

        graph = helper.make_graph(
            self.nodes,
            "efficientnet_lite0",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, "height", "width"])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self.initializers,
        )
        model = helper.make_model(
            graph,
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="gaugeblock",
        )
        helper.set_model_props(model, dict(metadata))
        checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def feature_extractor(weights: Mapping[str, Array]) -> bytes:
    """The cut network: (n, 3, H, W) float32, normalised, to (n, 304, H/16, W/16) and (n, 464, H/16, W/16).

    The first output, ``features``, is what the memory bank compares. The second, ``stages``, gives stages 3 to 6 as
    they are, contrast included, for the head that is trained on synthetic defects (see ``defect_head``).

    Parameters
    ----------
    weights
        Tensors by name, as :func:`gaugeblock.vision.checkpoint_reader.read_checkpoint` gives them.

    Returns
    -------
    A serialised ONNX model, the same bytes for the same weights. H and W are free multiples of 16.
    """
    graph = _Graph(weights)
    ends = graph.blocks(COARSE_STAGE)
    scales = graph.constant("scales", np.array([1, 1, 2, 2], np.float32))
    graph.constant("length_min", np.array(LENGTH_MIN, np.float32))
    enlarged = graph.add(
        "Resize",
        [ends[COARSE_STAGE], "", scales],
        "enlarged",
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    # Of an odd number of fine cells the last coarse one covers half outside the picture: that half is cut off.
    graph.constant("origin", np.array([0, 0], np.int64))
    graph.constant("sides", np.array([2, 3], np.int64))
    size = graph.add("Shape", [ends[FINE_STAGE]], "fine_size", start=2, end=4)
    enlarged = graph.add("Slice", [enlarged, "origin", size, "sides"], "enlarged_inside")
    fine = graph.directions(ends[FINE_STAGE], "fine")
    coarse = graph.directions(enlarged, "coarse")
    graph.add("Concat", [fine, coarse], FEATURES, axis=1)
    # Stage 3 is twice as fine: of each 2 × 2 of its cells the mean, and the largest so that thin lines survive.
    early = ends[EARLY_STAGE]
    halved = {"kernel_shape": [2, 2], "strides": [2, 2]}
    mean = graph.add("AveragePool", [early], "early_mean", **halved)
    largest = graph.add("MaxPool", [early], "early_largest", **halved)
    graph.add("Concat", [mean, largest, ends[MIDDLE_STAGE], ends[FINE_STAGE], enlarged], STAGES, axis=1)
    return graph.model(
        {
            FEATURES: ["n", CHANNELS, "rows", "columns"],
            STAGES: ["n", CHANNELS_STAGES, "stage_rows", "stage_columns"],
        },
        {SIDE_MULTIPLE_KEY: str(STRIDE)},
    )


def classifier(weights: Mapping[str, Array]) -> bytes:
    """The whole network with its 1,000 ImageNet logits: (n, 3, H, W) to (n, 1000)."""
    graph = _Graph(weights)
    ends = graph.blocks(len(LITE0_STAGES))
    x = graph.conv_bn(ends[len(LITE0_STAGES)], "_conv_head", "_bn1")
    x = graph.add("GlobalAveragePool", [x], "pooled")
    x = graph.add("Flatten", [x], "flat")
    graph.add(
        "Gemm",
        [
            x,
            graph.constant("fc_w", np.ascontiguousarray(weights["_fc.weight"])),
            graph.constant("fc_b", np.ascontiguousarray(weights["_fc.bias"])),
        ],
        LOGITS,
        transB=1,
    )
    return graph.model({LOGITS: ["n", len(weights["_fc.bias"])]})
