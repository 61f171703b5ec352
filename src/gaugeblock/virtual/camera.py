"""The virtual camera without its socket: exposures by trigger number, and what each fault makes of them."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from gaugeblock.virtual.config import FaultKind

EXPOSURES_MAX = 16
"""Frames a camera remembers; an older one is gone when it is asked for."""

LATE_FACTOR = 1.5
"""A late frame arrives after this many watchdog deadlines."""


def encode_jpeg(image: npt.NDArray[np.uint8], quality: int = 92) -> bytes:
    """Baseline JPEG without metadata; the same pixels give the same bytes.

    >>> encode_jpeg(np.zeros((96, 96, 3), dtype=np.uint8))[:2]
    b'\\xff\\xd8'
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the camera gives for one trigger.

    Parameters
    ----------
    data
        Encoded picture, as the fault left it.
    captured_at
        RFC 3339 UTC.
    delay_ms
        How long the camera holds it back.
    disconnect
        Instead of giving it, the camera drops the connection.
    """

    data: bytes
    captured_at: str
    delay_ms: float = 0.0
    disconnect: bool = False


class CameraBody:
    """Takes the exposures and remembers the newest.

    Parameters
    ----------
    size_px
        Side of its pictures.
    deadline_ms
        The PLC's watchdog, which a late frame exceeds.
    """

    def __init__(self, size_px: int, deadline_ms: float) -> None:
        self._size_px = size_px
        self._late_ms = LATE_FACTOR * deadline_ms
        self._exposures: OrderedDict[int, Exposure] = OrderedDict()
        self._previous: bytes | None = None

    def expose(self, trigger: int, jpeg: bytes, captured_at: str, fault: FaultKind | None = None) -> Exposure:
        """Take the picture of a trigger; ``jpeg`` is what a faultless camera gives."""
        data = jpeg
        if fault == "frozen_frame" and self._previous is not None:
            data = self._previous
        elif fault == "black_frame":
            data = encode_jpeg(np.zeros((self._size_px, self._size_px, 3), dtype=np.uint8))
        elif fault == "truncated_jpeg":
            data = jpeg[: len(jpeg) * 3 // 5]
        exposure = Exposure(
            data=data,
            captured_at=captured_at,
            delay_ms=self._late_ms if fault == "late_frame" else 0.0,
            disconnect=fault == "camera_disconnected",
        )
        self._previous = data
        self._exposures[trigger] = exposure
        while len(self._exposures) > EXPOSURES_MAX:
            self._exposures.popitem(last=False)
        return exposure

    def exposure(self, trigger: int) -> Exposure | None:
        """The exposure of a trigger, ``None`` when it was never taken or is forgotten."""
        return self._exposures.get(trigger)
