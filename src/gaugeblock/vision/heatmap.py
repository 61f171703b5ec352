"""The heat-map as a small picture: one grey pixel a cell, 128 where the patch score equals the threshold.

PNG, 8-bit grey, the size of the feature grid, covering exactly the image area. A pixel is
round(127.5 · min(2, patch score / threshold)).
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from gaugeblock.vision.errors import HeatmapFormatError

SIDE_MAX = 1024
_FULL = 127.5


def encode_heatmap(heatmap: npt.NDArray[np.float32], threshold: float) -> bytes:
    """PNG bytes of a heat-map (rows, columns), in units of the image score.

    Raises
    ------
    HeatmapFormatError
        Not two-dimensional, too large, or a threshold that is not positive.

    Examples
    --------
    >>> decode_heatmap(encode_heatmap(np.array([[0.0, 1.0], [2.0, 9.0]], np.float32), 1.0)).round(1).tolist()
    [[0.0, 1.0], [2.0, 2.0]]
    """
    if heatmap.ndim != 2 or 0 in heatmap.shape or max(heatmap.shape) > SIDE_MAX or not threshold > 0:
        raise HeatmapFormatError(detail=f"shape {heatmap.shape}, threshold {threshold}")
    relative = np.clip(np.nan_to_num(heatmap / np.float32(threshold), nan=2.0, posinf=2.0), 0, 2)
    buffer = io.BytesIO()
    Image.fromarray(np.rint(_FULL * relative).astype(np.uint8)).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def decode_heatmap(png: bytes) -> npt.NDArray[np.float32]:
    """Multiples of the threshold, (rows, columns) float32 in 0…2.

    Raises
    ------
    HeatmapFormatError
    """
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            if image.mode != "L" or max(image.size) > SIDE_MAX:
                raise HeatmapFormatError(detail=f"mode {image.mode}, size {image.size}")
            grey = np.asarray(image, dtype=np.float32)
    except (OSError, SyntaxError, ValueError) as error:
        raise HeatmapFormatError(detail="not a PNG") from error
    return grey / np.float32(_FULL)
