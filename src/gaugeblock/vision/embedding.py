"""Image to patch features: resize, standardise, run the network, keep the cells that are picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from gaugeblock.vision.backbone import (
    FEATURES,
    INPUT,
    LEVEL_CENTRE,
    LEVEL_SPREAD,
    SIDE_MULTIPLE,
    SIDE_MULTIPLE_KEY,
    STAGES,
    STRIDE,
)
from gaugeblock.vision.errors import NetworkShapeError
from gaugeblock.vision.illumination import standardising
from gaugeblock.vision.resize import ResizePlan, network_input

# What onnxruntime raises at load: its own classes derive from Exception, these are all of them that a load uses.
REFUSALS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)

SIDE_MULTIPLES = tuple(str(STRIDE * cells) for cells in (1, 2, 4, 8))

Matrix = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Features of the cells of one image, row by row.

    Parameters
    ----------
    features
        (rows · columns, channels) float32, of which the memory bank keeps some.
    stages
        (stage channels, rows · columns) float32, what ``defect_head`` reads; a channel a row, as the network
        gives them.
    """

    features: Matrix
    stages: Matrix
    rows: int
    columns: int


class Embedder:
    """A loaded feature extractor.

    Parameters
    ----------
    network
        Serialised ONNX: ``image`` (n, 3, H, W) float32 to ``features`` (n, channels, H/16, W/16) and ``stages``
        (n, stage channels, H/16, W/16).
    plan
        How images are resized.
    threads
        Threads inside one inference; 1 leaves the other cores to other stations.

    Raises
    ------
    NetworkShapeError
    """

    def __init__(self, network: bytes, plan: ResizePlan, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Idle threads that spin would take the cores from the camera, the spool and the other stations.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        except REFUSALS as error:
            raise NetworkShapeError(detail="the runtime refuses the network") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [i.name for i in inputs] != [INPUT] or [o.name for o in outputs] != [FEATURES, STAGES]:
            raise NetworkShapeError(detail=f"needs one input '{INPUT}' and outputs '{FEATURES}', '{STAGES}'")
        self.plan = plan
        self.channels, self.stage_channels = int(outputs[0].shape[1]), int(outputs[1].shape[1])
        self._multiple = _side_multiple(self._session.get_modelmeta().custom_metadata_map)

    def prepare(self, pixels: Pixels) -> Matrix:
        """(1, 3, H, W) float32 as the network takes it, sides padded to its multiple."""
        return self.prepare_resized(self.plan.apply(pixels))

    def prepare_resized(self, small: Pixels) -> Matrix:
        """The same for an image that the plan has already resized."""
        gain, offset = standardising(small)
        # Standardised and normalised in one pass: the network's own scaling is folded into gain and offset.
        return network_input(small, gain / LEVEL_SPREAD, (offset - LEVEL_CENTRE) / LEVEL_SPREAD, self._multiple)

    def run(self, prepared: Matrix, width: int, height: int) -> Embedded:
        """Features of a prepared image whose original size is ``width`` × ``height`` pixels."""
        rows, columns = self.plan.grid(width, height)
        maps, stages = self._session.run([FEATURES, STAGES], {INPUT: prepared})
        cells = (prepared.shape[2] // STRIDE, prepared.shape[3] // STRIDE)
        if maps.shape != (1, self.channels, *cells) or stages.shape != (1, self.stage_channels, *cells):
            raise NetworkShapeError(detail=f"features of shape {maps.shape} and {stages.shape}, cells {cells}")
        inside = maps[0, :, :rows, :columns].reshape(self.channels, rows * columns)
        return Embedded(
            np.ascontiguousarray(inside.T, dtype=np.float32),
            stages[0, :, :rows, :columns].reshape(self.stage_channels, rows * columns),
            rows,
            columns,
        )

    def embed(self, pixels: Pixels) -> Embedded:
        """Prepare and run in one step."""
        return self.run(self.prepare(pixels), pixels.shape[1], pixels.shape[0])


def _side_multiple(metadata: Mapping[str, str]) -> int:
    """What the network says its sides are multiples of: whole cells, and no more than eight of them."""
    said = metadata.get(SIDE_MULTIPLE_KEY, str(SIDE_MULTIPLE))
    if said not in SIDE_MULTIPLES:
        raise NetworkShapeError(detail=f"metadata {SIDE_MULTIPLE_KEY} is {said[:20]!r}")
    return int(said)
