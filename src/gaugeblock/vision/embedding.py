"""Image to patch features: resize, standardise, run the network, keep the cells that are picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from gaugeblock.vision.backbone import FEATURES, INPUT, STRIDE, normalise
from gaugeblock.vision.errors import NetworkShapeError
from gaugeblock.vision.illumination import standardise
from gaugeblock.vision.resize import ResizePlan, pad_to_multiple

# What onnxruntime raises at load: its own classes derive from Exception, these are all of them that a load uses.
REFUSALS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)

Matrix = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Features of the cells of one image, row by row: (rows · columns, channels) float32."""

    features: Matrix
    rows: int
    columns: int


class Embedder:
    """A loaded feature extractor.

    Parameters
    ----------
    network
        Serialised ONNX: ``image`` (n, 3, H, W) float32 to ``features`` (n, channels, H/16, W/16).
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
        if [i.name for i in inputs] != [INPUT] or [o.name for o in outputs] != [FEATURES]:
            raise NetworkShapeError(detail=f"needs one input '{INPUT}' and one output '{FEATURES}'")
        self.plan = plan
        self.channels = int(outputs[0].shape[1])

    def prepare(self, pixels: Pixels) -> Matrix:
        """(1, 3, H, W) float32 as the network takes it, sides padded to its multiple."""
        image = normalise(pad_to_multiple(standardise(self.plan.apply(pixels))))
        return np.ascontiguousarray(image.transpose(2, 0, 1)[None])

    def run(self, prepared: Matrix, width: int, height: int) -> Embedded:
        """Features of a prepared image whose original size is ``width`` × ``height`` pixels."""
        rows, columns = self.plan.grid(width, height)
        maps = self._session.run([FEATURES], {INPUT: prepared})[0]
        expected = (1, self.channels, prepared.shape[2] // STRIDE, prepared.shape[3] // STRIDE)
        if maps.shape != expected:
            raise NetworkShapeError(detail=f"features of shape {maps.shape}, expected {expected}")
        inside = maps[0, :, :rows, :columns].reshape(self.channels, rows * columns)
        return Embedded(np.ascontiguousarray(inside.T, dtype=np.float32), rows, columns)

    def embed(self, pixels: Pixels) -> Embedded:
        """Prepare and run in one step."""
        return self.run(self.prepare(pixels), pixels.shape[1], pixels.shape[0])
