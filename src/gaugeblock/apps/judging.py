"""A module judging images of the blob store: what shadow and comparison do, in a process that is no station.

It answers as the station would by score and thresholds. Guards that need the station (a frozen camera, time) do not
exist here, and it says nothing of latency.
"""

from __future__ import annotations

from dataclasses import dataclass

from gaugeblock.inspection.ports import Images
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.facet import Verdict
from gaugeblock.vision.decode import decode
from gaugeblock.vision.inspector import Inspector

REVIEW_ZONE = "edge.review_zone"


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer; ``reason`` is an error's code where it is UNDECIDED."""

    verdict: Verdict
    reason: str | None = None
    score: float | None = None
    threshold: float | None = None
    review_from: float | None = None

    @property
    def accepts(self) -> bool:
        """Whether the part would have passed."""
        return self.verdict is Verdict.OK


class Judge:
    """A module and the images it is asked about.

    Raises
    ------
    GaugeblockError
        The bytes are no module.
    """

    def __init__(self, module: bytes, images: Images, threads: int = 1) -> None:
        self._inspector = Inspector.from_bytes(module, threads)
        self._images = images

    def __call__(self, image_sha256: str) -> Judged:
        """The answer; an image that is gone, damaged or unlike training is UNDECIDED by its error's code."""
        try:
            inspection = self._inspector.inspect(decode(self._images.get(image_sha256)))
        except GaugeblockError as error:
            return Judged(Verdict.UNDECIDED, error.code)
        review_from = self._inspector.manifest.operating_point.review_from
        zone = inspection.verdict is Verdict.OK and inspection.score > review_from
        return Judged(
            Verdict.UNDECIDED if zone else inspection.verdict,
            REVIEW_ZONE if zone else None,
            inspection.score,
            inspection.threshold,
            review_from,
        )
