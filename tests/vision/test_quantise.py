"""The 8-bit network: its form, how near its features are, and the gate before it."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from gaugeblock.vision import quantise as gate
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.errors import NetworkNotQuantisableError, NoCalibrationImagesError
from gaugeblock.vision.inspector import Inspector
from gaugeblock.vision.levels import as_colour
from gaugeblock.vision.quantise import (
    FLOAT_CONVOLUTIONS,
    WEIGHT_LEVELS,
    accept,
    quantise,
)
from gaugeblock.vision.resize import ResizePlan
from gaugeblock.vision.training import TrainingOptions, lite0_network, train

SMALL = TrainingOptions(side=96, bank_vectors=200, folds=3, overkill_target=0.2)


@cache
def _network() -> bytes:
    return lite0_network(lite0_checkpoint())


def _part(seed: int) -> np.ndarray:
    """A ring on a plate with some grain, a little different each time."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((112, 144))
    centre = rng.normal(0, 2, 2)
    radius = np.hypot(rows - 56 - centre[0], columns - 72 - centre[1])
    image = 80 + 70 * (np.abs(radius - 36) < 9) + rng.normal(0, 5, (112, 144))
    return as_colour(np.clip(image, 0, 255).astype(np.uint8))


@cache
def _quantised() -> tuple[bytes, Embedder, Embedder]:
    full = Embedder(_network(), ResizePlan(96))
    small = quantise(_network(), [full.prepare(_part(i)) for i in range(8)])
    return small, full, Embedder(small, ResizePlan(96))


def test_features_stay_near_those_of_the_full_network() -> None:
    _, full, small = _quantised()
    for seed in range(100, 106):
        one, other = full.embed(_part(seed)), small.embed(_part(seed))
        assert (one.rows, one.columns) == (other.rows, other.columns)
        cosines = (one.features * other.features).sum(axis=1) / 2  # two stages of length one each
        assert np.median(cosines) > 0.98
        assert cosines.min() > 0.85


def test_same_network_and_images_same_bytes() -> None:
    data, full, _ = _quantised()
    assert quantise(_network(), [full.prepare(_part(i)) for i in range(8)]) == data
    assert quantise(_network(), [full.prepare(_part(i)) for i in range(50, 58)]) != data
    assert len(data) < len(_network()) / 3


def test_weights_leave_room_for_sixteen_bit_sums_and_the_first_stay_in_full() -> None:
    graph = onnx.load_from_string(_quantised()[0]).graph
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    whole = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    for position, node in enumerate(convolutions):
        if position < FLOAT_CONVOLUTIONS:
            assert whole[node.input[1]].dtype == np.float32
            continue
        levels = whole[made_by[node.input[1]].input[0]]
        assert levels.dtype == np.int8
        assert np.abs(levels.astype(int)).max() <= WEIGHT_LEVELS
        assert 2 * 255 * WEIGHT_LEVELS < 2**15
    # A ReLU6 is left only behind the convolutions in full.
    assert sum(node.op_type == "Clip" for node in graph.node) <= FLOAT_CONVOLUTIONS


def test_a_batch_and_odd_grids_pass_through() -> None:
    session = _quantised()[2]
    for side in ((96, 128), (112, 96), (80, 176)):
        pixels = np.random.default_rng(1).integers(0, 256, (*side, 3)).astype(np.uint8)
        embedded = session.run(np.zeros((1, 3, *side), np.float32), side[1], side[0])
        assert embedded.features.shape[0] == embedded.rows * embedded.columns
        assert session.embed(pixels).features.shape[1] == 304


def test_what_cannot_be_quantised_is_named() -> None:
    with pytest.raises(NoCalibrationImagesError):
        quantise(_network(), [])
    with pytest.raises(NetworkNotQuantisableError):
        quantise(_network(), [np.zeros((1, 3, 32, 32), np.float32)], float_convolutions=1_000)


Outputs = list[tuple[np.ndarray, np.ndarray]]


def _outputs(seed: int) -> Outputs:
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((40, 8)).astype(np.float32), rng.random((12, 40)).astype(np.float32))]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 50))
def test_a_network_that_answers_alike_is_taken_whatever_its_scale(seed: int, scale: float) -> None:
    full = _outputs(seed)
    found = accept(full, [(features * np.float32(scale), stages) for features, stages in full])
    assert found.accepted
    assert found.reasons == ()
    assert found.images == 1


def test_each_limit_refuses_by_its_name() -> None:
    full = _outputs(0)
    ((features, stages),) = full
    assert "cosine_median" in accept(full, [(features[:, ::-1].copy(), stages)]).reasons
    one_off = features.copy()
    one_off[3] *= -1
    assert accept(full, [(one_off, stages)]).reasons == ("cosine_worst",)
    broken = accept(full, [(features * np.nan, stages)])
    assert broken.reasons == ("cosine_median", "cosine_worst")
    assert not broken.accepted


def test_the_stages_that_the_heads_read_are_compared_too_each_channel_by_its_own_scale() -> None:
    ((features, _),) = _outputs(0)
    rng = np.random.default_rng(3)
    stages = (rng.random((8, 40)) * np.array([1000, 1, 1, 1, 1, 1, 1, 1])[:, None]).astype(np.float32)
    small = stages.copy()
    small[1:] *= -1  # the wide channel alone would hide that

    def gated(found: np.ndarray) -> gate.Quantisation:
        return accept([(features, stages)], [(features, found)])

    assert gated(stages).accepted
    assert gated(stages).stages_worst == pytest.approx(1)
    assert gated(small).reasons == ("stages_median", "stages_worst")
    assert gated(stages * np.nan).reasons == ("stages_median", "stages_worst")


def test_training_takes_the_small_network_and_says_so() -> None:
    inspector = train([_part(i) for i in range(16)], network=_network(), seed=1, options=SMALL)
    quantisation = inspector.manifest.quantisation
    assert quantisation is not None
    assert quantisation.accepted
    assert 0.98 < quantisation.stages_median < 1
    assert inspector.manifest.network_sha256 != hashlib.sha256(_network()).hexdigest()
    again = Inspector.from_bytes(inspector.to_bytes())
    assert again.manifest == inspector.manifest
    assert again.inspect(_part(40)).score == inspector.inspect(_part(40)).score


def test_training_keeps_the_full_network_where_the_gate_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "COSINE_MEDIAN_MIN", 1.1)
    inspector = train([_part(i) for i in range(12)], network=_network(), seed=1, options=SMALL)
    quantisation = inspector.manifest.quantisation
    assert quantisation is not None
    assert quantisation.reasons == ("cosine_median", "stages_median")
    assert inspector.manifest.network_sha256 == hashlib.sha256(_network()).hexdigest()


def test_progress_never_goes_back() -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    train(
        [_part(i) for i in range(8)],
        network=_network(),
        options=SMALL,
        progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)),
    )
    for reports in seen.values():
        assert [done for done, _ in reports] == sorted(done for done, _ in reports)
        assert reports[-1][0] == reports[-1][1]
