"""The network in 8-bit whole numbers, and the gate that it must pass before a module may use it.

Weights become int8, one scale for each output channel; what flows between layers becomes uint8, one scale for each
tensor, from the extremes that good training images give. The graph is written with pairs of QuantizeLinear and
DequantizeLinear around each convolution and addition, which runtimes fuse into integer kernels; a ReLU6 before
such a pair is left out, because a scale that ends at six clips there by itself.

Two choices keep the features near those of the full network. The convolutions before stride 4, few and narrow with
a wide range, stay in float32. And weights use 64 levels each way, not 127: processors without 8-bit dot products
add pairs of products in 16 bits and saturate there, 2 · 255 · 64 still fits, so every machine counts alike.

Int8 features are near, not equal. So before a training both networks read the same pictures – good parts, the same
with a drawn defect, known defects – and the gate compares what they give cell by cell. Where it differs by more than
the limits, the full network is used and the manifest says why. What int8 costs in accuracy on real defects only a
benchmark with known truth tells (``int8_auroc_drop``). A module says which network it carries; it never chooses by the
clock of the machine it is on.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
(CVPR 2018); Krishnamoorthi, Quantizing deep convolutional networks for efficient inference (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from gaugeblock.vision.backbone import INPUT, IR_VERSION, OPSET
from gaugeblock.vision.errors import NetworkNotQuantisableError, NoCalibrationImagesError

CALIBRATION_IMAGES = 32
FLOAT_CONVOLUTIONS = 6
WEIGHT_LEVELS, TENSOR_LEVELS = 64, 255
RELU6_TOP = 6.0
RANGE_MIN = 1e-6

COSINE_MEDIAN_MIN = 0.98
COSINE_WORST_MIN = 0.9

Matrix = npt.NDArray[np.float32]


class Quantisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the int8 network was taken, and the figures that decided. ``reasons`` names each limit missed.

    Cosines are between the outputs of both networks, cell by cell, over ``images`` pictures: the features, and the
    stages that the heads read (each channel over its root mean square in the full network, so that no wide channel
    speaks for all).
    """

    accepted: bool
    reasons: tuple[str, ...]
    images: int
    cosine_median: float
    cosine_worst: float
    stages_median: float
    stages_worst: float


def accept(full: Sequence[tuple[Matrix, Matrix]], int8: Sequence[tuple[Matrix, Matrix]]) -> Quantisation:
    """Compare what both networks give for the same pictures; every limit of this file must hold.

    Parameters
    ----------
    full, int8
        For each picture its features (cells, channels) and its stages (stage channels, cells).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one = rng.standard_normal((50, 8)).astype(np.float32), rng.random((12, 50)).astype(np.float32)
    >>> accept([one], [one]).accepted
    True
    >>> accept([one], [(-one[0], one[1])]).reasons
    ('cosine_median', 'cosine_worst')
    """
    cosines = np.concatenate([_cosines(a, b) for (a, _), (b, _) in zip(full, int8, strict=True)])
    stages = _stage_cosines([s for _, s in full], [s for _, s in int8])
    figures = {
        "cosine_median": (float(np.median(cosines)), COSINE_MEDIAN_MIN),
        "cosine_worst": (float(cosines.min()), COSINE_WORST_MIN),
        "stages_median": (float(np.median(stages)), COSINE_MEDIAN_MIN),
        "stages_worst": (float(stages.min()), COSINE_WORST_MIN),
    }
    # Written so that a figure that is not a number is refused.
    reasons = tuple(name for name, (value, limit) in figures.items() if not value >= limit)
    return Quantisation(
        accepted=not reasons,
        reasons=reasons,
        images=len(full),
        **{name: _finite(value) for name, (value, _) in figures.items()},
    )


def quantise(network: bytes, prepared: Sequence[Matrix], float_convolutions: int = FLOAT_CONVOLUTIONS) -> bytes:
    """The int8 form of a feature extractor; same network and images, same bytes.

    Parameters
    ----------
    network
        Serialised ONNX of ``Conv`` with bias, ``Clip``, ``Add`` and whatever else, which stays as it is.
    prepared
        Inputs (1, 3, H, W) float32 of good parts: they set the range of each tensor.
    float_convolutions
        How many convolutions from the input on stay in float32.

    Raises
    ------
    NetworkNotQuantisableError
        Fewer convolutions than stay in float32, or one without bias.
    NoCalibrationImagesError
    """
    import onnx

    if not prepared:
        raise NoCalibrationImagesError
    model = onnx.load_from_string(network)
    plan = _Plan(model.graph, float_convolutions)
    rewriter = _Rewriter(model.graph, plan, _extremes(model, plan.tensors, prepared))
    nodes, constants = rewriter.run()
    needed = {name for node in nodes for name in node.input}
    graph = onnx.helper.make_graph(
        nodes,
        f"{model.graph.name}_int8",
        list(model.graph.input),
        list(model.graph.output),
        [constant for constant in (*model.graph.initializer, *constants) if constant.name in needed],
    )
    quantised = onnx.helper.make_model(
        graph,
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="gaugeblock",
    )
    quantised.metadata_props.extend(model.metadata_props)
    onnx.checker.check_model(quantised)
    return bytes(quantised.SerializeToString(deterministic=True))


class _Plan:
    """Which nodes become integer, and which tensors need a scale for it."""

    def __init__(self, graph: Any, float_convolutions: int) -> None:
        convolutions = [node for node in graph.node if node.op_type == "Conv"][float_convolutions:]
        if not convolutions or any(len(node.input) < 3 for node in convolutions):
            raise NetworkNotQuantisableError(convolutions=len(convolutions))
        readers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                readers.setdefault(name, []).append(node)
        self.convolutions = {node.name for node in convolutions}
        self.ends: dict[str, str] = {}
        """Convolution → tensor after its ReLU6, or its own output."""
        self.clips: set[str] = set()
        """Nodes that the scales make superfluous."""
        tensors: dict[str, None] = {}
        for node in convolutions:
            after = readers.get(node.output[0], [])
            clipped = len(after) == 1 and after[0].op_type == "Clip"
            self.ends[node.name] = after[0].output[0] if clipped else node.output[0]
            if clipped:
                self.clips.add(after[0].name)
            tensors |= {node.input[0]: None, self.ends[node.name]: None}
        self.additions: set[str] = set()
        for node in graph.node:
            if node.op_type == "Add" and all(name in tensors for name in node.input):
                self.additions.add(node.name)
                tensors[node.output[0]] = None
        self.tensors = list(tensors)


def _extremes(model: Any, tensors: list[str], prepared: Sequence[Matrix]) -> dict[str, tuple[float, float]]:
    """Least and largest value of each tensor over the images, zero included."""
    import onnx

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    inputs = {value.name for value in model.graph.input}
    asked = [name for name in tensors if name not in inputs]
    probe.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in asked)
    options = ort.SessionOptions()
    # One thread: how a sum is divided among threads could show in its last digit, and so in the file's bytes.
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = dict.fromkeys(tensors, (0.0, 0.0))
    for image in prepared[:CALIBRATION_IMAGES]:
        values = dict(zip(asked, session.run(asked, {INPUT: image}), strict=True))
        for name in tensors:
            low, high = found[name]
            value = values.get(name, image)
            found[name] = (min(low, float(value.min())), max(high, float(value.max())))
    return found


class _Rewriter:
    """Writes the graph anew with its integer parts."""

    def __init__(self, graph: Any, plan: _Plan, extremes: dict[str, tuple[float, float]]) -> None:
        from onnx import numpy_helper

        self.graph, self.plan = graph, plan
        self.weights = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
        self.scales: dict[str, np.float32] = {}
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.renamed: dict[str, str] = {}
        for name, (low, high) in extremes.items():
            scale = np.float32(max(high - low, RANGE_MIN) / TENSOR_LEVELS)
            self.scales[name] = scale
            self._constant(f"{name}_scale", scale)
            self._constant(f"{name}_zero", np.uint8(np.clip(np.rint(-low / scale), 0, TENSOR_LEVELS)))

    def run(self) -> tuple[list[Any], list[Any]]:
        """Nodes and constants of the new graph."""
        for node in self.graph.node:
            if node.name in self.plan.convolutions:
                self._convolution(node)
            elif node.name in self.plan.additions:
                self._copy(node)
                self._through_uint8(node.output[0], node.output[0])
            elif node.name not in self.plan.clips:
                self._copy(node)
        return self.nodes, self.constants

    def _convolution(self, node: Any) -> None:
        source, end = node.input[0], self.plan.ends[node.name]
        if source not in self.renamed:
            self._through_uint8(source, source)
        weights, bias = (self.weights[name] for name in node.input[1:3])
        largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
        scale = np.maximum(largest, RANGE_MIN) / WEIGHT_LEVELS
        # A dead channel has hardly any weight and still a bias: its scale must let the bias fit into 31 bits.
        scale = np.maximum(scale, np.abs(bias) / (self.scales[source] * np.float32(2**30))).astype(np.float32)
        levels = np.rint(weights / scale.reshape(-1, 1, 1, 1))
        inputs = [
            self.renamed[source],
            self._dequantised(f"{node.name}_weights", levels.astype(np.int8), scale),
            self._dequantised(
                f"{node.name}_bias",
                np.rint(bias / (scale * self.scales[source])).astype(np.int32),
                (scale * self.scales[source]).astype(np.float32),
            ),
        ]
        self._copy(node, inputs)
        self._through_uint8(end, node.output[0])

    def _through_uint8(self, tensor: str, source: str) -> None:
        parameters = [f"{tensor}_scale", f"{tensor}_zero"]
        levels = self._add("QuantizeLinear", [source, *parameters], f"{tensor}_uint8")
        self.renamed[tensor] = self._add("DequantizeLinear", [levels, *parameters], f"{tensor}_float")

    def _dequantised(self, name: str, levels: npt.NDArray[Any], scale: Matrix) -> str:
        zeros = np.zeros(len(levels), levels.dtype)
        inputs = [self._constant(f"{name}_{part}", v) for part, v in (("q", levels), ("s", scale), ("z", zeros))]
        return self._add("DequantizeLinear", inputs, name, axis=0)

    def _add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def _copy(self, node: Any, inputs: list[str] | None = None) -> None:
        from onnx import NodeProto

        copied = NodeProto()
        copied.CopyFrom(node)
        if inputs is None:
            inputs = [self.renamed.get(name, name) for name in node.input]
        copied.input[:] = inputs
        self.nodes.append(copied)

    def _constant(self, name: str, value: npt.ArrayLike) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def _cosines(one: Matrix, other: Matrix) -> npt.NDArray[np.float64]:
    products = np.einsum("ij,ij->i", one, other, dtype=np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(products / np.maximum(lengths, RANGE_MIN), dtype=np.float64)


def _stage_cosines(full: Sequence[Matrix], int8: Sequence[Matrix]) -> npt.NDArray[np.float64]:
    """Of each cell of all images; a single 1 where there is nothing to compare."""
    if not full and not int8:
        return np.ones(1)
    scale = np.sqrt(np.mean([(stages.astype(np.float64) ** 2).mean(axis=1) for stages in full], axis=0))
    scale = np.maximum(scale, RANGE_MIN)[:, None]
    pairs = zip(full, int8, strict=True)
    return np.concatenate([_cosines((a / scale).T, (b / scale).T) for a, b in pairs])


def _finite(value: float) -> float:
    return round(value, 6) if np.isfinite(value) else -1.0
