"""The inference child: a process of its own that decodes and inspects, so that it can be killed at the deadline.

Run as ``python -m gaugeblock.edge.inference_child MODULE SHA256|- [MM_PER_PIXEL]``; without a digest (``-``) any
module is loaded, and the station's guards will pass none of its answers. It reads requests from standard input and
writes replies to what was standard output when it started; each message is four bytes of length (big endian)
and msgpack. Named errors become UNDECIDED with their code as reason; anything else ends the process, and the
parent says ``edge.inference_crashed``.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import msgspec

from gaugeblock.edge.errors import ModuleDigestError, ModuleUnreadableError
from gaugeblock.edge.guards import verdict_of
from gaugeblock.edge.ports import (
    REGIONS_MAX,
    REVIEW_ZONE,
    DefectRegion,
    ModuleFacts,
    Outcome,
    PixelFacts,
    WatchMeasurement,
)
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.record_types import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LENGTH_BYTES = 4
MESSAGE_BYTES_MAX = 128 * 1024 * 1024
PARENT_POLL_S = 1.0
WARM_UP_DEVIATION = 40.0
REGIONS_SIDE_MAX = 512


class Request(msgspec.Struct, frozen=True):
    """Inspect this encoded image."""

    serial: int
    frame: bytes


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The module is loaded and warmed up."""

    module: ModuleFacts
    warm_up_ms: float


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The module cannot be used; the child ends. The error travels as its code and facts, not as words."""

    code: str
    facts: dict[str, str | int | float]


class Reply(msgspec.Struct, frozen=True, tag=True):
    """The outcome of one request."""

    serial: int
    outcome: Outcome


class FrameInspector(Protocol):
    """What the child needs of an inspector: encoded image in, outcome out."""

    @property
    def facts(self) -> ModuleFacts: ...

    def warm_up(self) -> None:
        """One inspection of a made-up image, so that the first real one is not the slow one."""
        ...

    def inspect(self, frame: bytes) -> Outcome:
        """Raises a GaugeblockError for a frame that cannot be inspected."""
        ...


Loader = Callable[[bytes, str, float | None], FrameInspector]
"""Module bytes, their SHA-256, and millimetres a pixel where the camera is calibrated → inspector."""


class VisionInspector:
    """The inspector of :mod:`gaugeblock.vision` behind :class:`FrameInspector`."""

    def __init__(self, data: bytes, sha256: str, mm_per_pixel: float | None = None) -> None:
        # Imported here, so that the parent, which needs only the messages, does not load the network's runtime.
        from gaugeblock.vision.inspector import Inspector
        from gaugeblock.vision.watch import Template

        self._inspector = Inspector.from_bytes(data)
        manifest = self._inspector.manifest
        point = manifest.operating_point
        self._mm_per_pixel = mm_per_pixel
        self._review_from = point.review_from
        plane = self._inspector.template
        self._template = None if plane is None else Template(plane)
        self.facts = ModuleFacts(
            sha256,
            manifest.network_sha256,
            manifest.bank_sha256,
            point.digest(),
            manifest.product or None,
        )

    def warm_up(self) -> None:
        """Inspect noise of the size and exposure of the training images."""
        import numpy as np

        envelope = self._inspector.manifest.envelope
        noise = np.random.default_rng(0).normal(
            (envelope.mean_min + envelope.mean_max) / 2,
            WARM_UP_DEVIATION,
            (envelope.height_median, envelope.width_median, 3),
        )
        try:
            self._inspector.inspect(np.clip(noise, 0, 255).astype(np.uint8))
        except GaugeblockError:
            return  # outside the module's own envelope; then the first frame warms it up

    def inspect(self, frame: bytes) -> Outcome:
        """Decode and inspect."""
        from gaugeblock.vision.decode import decode
        from gaugeblock.vision.heatmap import encode_heatmap
        from gaugeblock.vision.watch import glance, watch

        start = time.perf_counter_ns()
        image = decode(frame)
        decoded = time.perf_counter_ns()
        inspection = self._inspector.inspect(image, time.perf_counter_ns)
        inspected = time.perf_counter_ns()
        heatmap = encode_heatmap(inspection.heatmap, inspection.threshold)
        heated = time.perf_counter_ns()
        seen = watch(image, inspection.statistics, self._template)
        shown = glance(image)
        watched = time.perf_counter_ns()
        regions = self._regions(inspection.heatmap, inspection.threshold, image.shape[0], image.shape[1])
        marked = time.perf_counter_ns()
        review_from = min(self._review_from, inspection.threshold)
        verdict = verdict_of(inspection.score, inspection.threshold, review_from)
        statistics = inspection.statistics
        return Outcome(
            verdict=verdict,
            reason=REVIEW_ZONE if verdict is Verdict.UNDECIDED else None,
            score=inspection.score,
            threshold=inspection.threshold,
            review_from=review_from,
            peak=inspection.peak,
            regions=regions,
            watch=WatchMeasurement(
                light=seen.light,
                contrast=seen.contrast,
                focus=seen.focus,
                shift_x=seen.shift_x,
                shift_y=seen.shift_y,
                feature=inspection.feature,
            ),
            glance=shown,
            heatmap_png=heatmap,
            pixels=PixelFacts(statistics.width, statistics.height, statistics.mean, statistics.deviation),
            module=self.facts,
            guards=inspection.guards_passed,
            stage_ms={
                "decode": (decoded - start) / 1e6,
                **inspection.stage_ms,
                "heatmap": (heated - inspected) / 1e6,
                "watch": (watched - heated) / 1e6,
                "regions": (marked - watched) / 1e6,
            },
        )

    def _regions(
        self, heatmap: npt.NDArray[np.float32], threshold: float, height: int, width: int
    ) -> tuple[DefectRegion, ...]:
        """Regions above the threshold as the record has them: as fractions, strongest first.

        They are sought at :data:`REGIONS_SIDE_MAX` pixels at most: cells are coarser than that, and time is short.
        """
        from gaugeblock.vision.regions import defect_regions

        if not float(heatmap.max()) > threshold:
            return ()
        scale = max(1.0, max(height, width) / REGIONS_SIDE_MAX)
        rows, columns = max(1, round(height / scale)), max(1, round(width / scale))
        mm = None if self._mm_per_pixel is None else self._mm_per_pixel * height / rows
        return tuple(
            DefectRegion(
                x=region.left_px / columns,
                y=region.top_px / rows,
                width=(region.right_px - region.left_px) / columns,
                height=(region.bottom_px - region.top_px) / rows,
                peak=round(region.peak, 4),
                area_mm2=region.area_mm2,
                length_mm=None if region.size_mm is None else math.hypot(*region.size_mm),
            )
            for region in defect_regions(heatmap, threshold, rows, columns, mm)[:REGIONS_MAX]
        )


def read_module(path: Path, released_sha256: str | None) -> tuple[bytes, str]:
    """The module file's bytes and digest.

    Raises
    ------
    ModuleUnreadableError, ModuleDigestError
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModuleUnreadableError(file=path.name, detail=error.strerror or "unreadable") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if released_sha256 is not None and sha256 != released_sha256:
        raise ModuleDigestError(file=path.name, expected=released_sha256, found=sha256)
    return data, sha256


def pack(message: msgspec.Struct) -> bytes:
    """A message with its length before it.

    >>> len(pack(Request(1, b"abc"))) - int.from_bytes(pack(Request(1, b"abc"))[:4])
    4
    """
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES) + body


def serve(
    load: Loader,
    module: Path,
    released_sha256: str | None,
    mm_per_pixel: float | None,
    source: BinaryIO,
    sink: FileIO,
) -> int:
    """Load, warm up, say ready, answer requests until the source ends. Returns the exit status.

    Raises
    ------
    BrokenPipeError
        Nobody reads the answers any more.
    """

    def send(message: msgspec.Struct) -> None:
        view = memoryview(pack(message))
        while view:
            view = view[sink.write(view) :]

    try:
        inspector = load(*read_module(module, released_sha256), mm_per_pixel)
        start = time.perf_counter()
        inspector.warm_up()
    except GaugeblockError as error:
        send(Failed(error.code, error.facts))
        return 1
    send(Ready(inspector.facts, (time.perf_counter() - start) * 1e3))
    decoder = msgspec.msgpack.Decoder(Request)
    while True:
        head = source.read(LENGTH_BYTES)
        if len(head) < LENGTH_BYTES:
            return 0
        request = decoder.decode(source.read(int.from_bytes(head)))
        try:
            outcome = inspector.inspect(request.frame)
        except GaugeblockError as error:
            outcome = Outcome(Verdict.UNDECIDED, error.code, module=inspector.facts)
        send(Reply(request.serial, outcome))


def _end_with_parent() -> None:
    """A parent that was killed cannot kill its child, and a hanging decoder does not see the end of its input."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def run(load: Loader, arguments: list[str]) -> int:
    """The child's main: ``MODULE SHA256|- [MM_PER_PIXEL]``."""
    _end_with_parent()
    sink = FileIO(os.dup(1), "wb")  # unbuffered: nothing is left to be flushed at the end
    os.dup2(2, 1)  # whatever a library prints must not get between the messages
    released = arguments[1] if arguments[1:2] not in ([], ["-"]) else None
    mm_per_pixel = float(arguments[2]) if len(arguments) > 2 else None
    try:
        return serve(load, Path(arguments[0]), released, mm_per_pixel, sys.stdin.buffer, sink)
    except BrokenPipeError:
        return 0  # the parent was killed: the end of the work, not a fault


if __name__ == "__main__":
    sys.exit(run(VisionInspector, sys.argv[1:]))
