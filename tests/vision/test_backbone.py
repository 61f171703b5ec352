"""The ONNX graphs compute EfficientNet-Lite0: against stored torch outputs and against plain NumPy."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from gaugeblock.vision.backbone import FEATURES, INPUT, LITE0_STAGES, LOGITS, classifier, feature_extractor
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.checkpoint_reader import read_checkpoint

REFERENCE = json.loads((Path(__file__).parent / "lite0_reference.json").read_text())


@cache
def _weights() -> dict[str, np.ndarray]:
    return read_checkpoint(lite0_checkpoint())


def _run(model: bytes, name: str, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run([name], {INPUT: x})[0]


def _conv(x: np.ndarray, kernel: np.ndarray, stride: int, depthwise: bool) -> np.ndarray:
    """TensorFlow's SAME convolution, written with loops over the kernel."""
    side = kernel.shape[-1]
    rows, columns = -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    down = max((rows - 1) * stride + side - x.shape[1], 0)
    right = max((columns - 1) * stride + side - x.shape[2], 0)
    x = np.pad(x, ((0, 0), (down // 2, down - down // 2), (right // 2, right - right // 2)))
    out = np.zeros((kernel.shape[0], rows, columns))
    for i in range(side):
        for j in range(side):
            part = x[:, i : i + (rows - 1) * stride + 1 : stride, j : j + (columns - 1) * stride + 1 : stride]
            if depthwise:
                out += kernel[:, 0, i, j, None, None] * part
            else:
                out += np.tensordot(kernel[:, :, i, j], part, axes=1)
    return out


def _layer(x: np.ndarray, conv: str, bn: str, stride: int = 1, depthwise: bool = False, act: bool = True) -> np.ndarray:
    w = {k: v.astype(np.float64) for k, v in _weights().items() if k.startswith((conv, bn))}
    y = _conv(x, w[f"{conv}.weight"], stride, depthwise)
    scale = w[f"{bn}.weight"] / np.sqrt(w[f"{bn}.running_var"] + 1e-3)
    y = (y - w[f"{bn}.running_mean"][:, None, None]) * scale[:, None, None] + w[f"{bn}.bias"][:, None, None]
    return np.clip(y, 0, 6) if act else y


def _plain_stages(x: np.ndarray) -> list[np.ndarray]:
    x = _layer(x, "_conv_stem", "_bn0", 2)
    ends, index = [], 0
    for stage in LITE0_STAGES:
        for repeat in range(stage.repeats):
            name, stride, y = f"_blocks.{index}", stage.stride if repeat == 0 else 1, x
            if stage.expansion > 1:
                y = _layer(y, f"{name}._expand_conv", f"{name}._bn0")
            y = _layer(y, f"{name}._depthwise_conv", f"{name}._bn1", stride, depthwise=True)
            y = _layer(y, f"{name}._project_conv", f"{name}._bn2", act=False)
            x = x + y if repeat > 0 else y
            index += 1
        ends.append(x)
    return ends


@pytest.fixture(scope="module")
def reference_input() -> np.ndarray:
    return np.random.default_rng(20261122).standard_normal((1, 3, 64, 96)).astype(np.float32)


def test_plain_numpy_agrees_with_torch_at_every_stage(reference_input: np.ndarray) -> None:
    for number, end in enumerate(_plain_stages(reference_input[0].astype(np.float64)), start=1):
        known = REFERENCE["stage_ends"][str(number)]
        assert [1, *end.shape] == known["shape"]
        assert np.allclose(end.ravel()[:6], known["first"], atol=2e-3)
        assert np.allclose(end.ravel()[-6:], known["last"], atol=2e-3)
        assert np.isclose(end.std(), known["sd"], rtol=1e-4)


def test_the_classifier_gives_the_logits_that_torch_gives(reference_input: np.ndarray) -> None:
    logits = _run(classifier(_weights()), LOGITS, reference_input)
    known = REFERENCE["logits"]
    assert list(logits.shape) == known["shape"]
    assert np.allclose(logits.ravel()[:6], known["first"], atol=2e-3)
    assert np.allclose(logits.ravel()[-6:], known["last"], atol=2e-3)
    assert np.isclose(logits.mean(), known["mean"], atol=1e-3)


def test_the_feature_extractor_is_pooled_stages_five_and_six(reference_input: np.ndarray) -> None:
    features = _run(feature_extractor(_weights()), FEATURES, reference_input)[0]
    ends = _plain_stages(reference_input[0].astype(np.float64))
    fine = _unit(_pool(ends[4]))
    assert features.shape == (304, 4, 6)
    assert np.allclose(features[:112], fine, atol=1e-4)
    # The first cell of the enlarged map is a quarter cell outside the coarse one's centre: clamped to it.
    lengths = np.linalg.norm(features, axis=0)
    assert np.allclose(lengths, np.sqrt(2), atol=1e-5)
    assert np.allclose(features[112:], _unit(_pool(_enlarged(ends[5]))), atol=1e-4)


def _pool(x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    for r in range(x.shape[1]):
        for c in range(x.shape[2]):
            out[:, r, c] = x[:, max(0, r - 1) : r + 2, max(0, c - 1) : c + 2].mean(axis=(1, 2))
    return out


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=0)


def _enlarged(x: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        at = np.clip((np.arange(2 * x.shape[axis]) + 0.5) / 2 - 0.5, 0, x.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        shape = [1, 1, 1]
        shape[axis] = len(at)
        share = (at - low).reshape(shape)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def test_graphs_are_of_a_version_that_runtimes_read_and_the_same_bytes_each_time() -> None:
    data = feature_extractor(_weights())
    model = onnx.load_from_string(data)
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    assert data == feature_extractor(_weights())
