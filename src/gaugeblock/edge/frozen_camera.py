"""A camera that shows the same picture again under new bytes: frozen, while its driver still encodes and stamps.

Identical bytes are the guard ``frame_fresh``'s. Here pictures are compared by a **glance**: 32 × 32 single pixels at
fixed places, not averaged, so that the sensor's noise stays in them. Two exposures differ by that noise (mean absolute
difference 2/√π σ, some 0.6 grey levels even where σ is half a level) and by the part's own position; one picture
encoded twice differs by a fraction of a level. Places that are black or white in both carry no noise and are left out.

The rule: a picture equal in every glance pixel is the same picture, at once. One whose glances stay within
:data:`ALIKE_LEVELS` of the first of a run is refused from the third of the run on: once may be chance, and a wrong
refusal of a good part costs more than one trigger's delay in finding a dead camera.
"""

from __future__ import annotations

SIDE = 32
GLANCE_BYTES = SIDE * SIDE
ALIKE_LEVELS = 0.25
FROZEN_AFTER = 3
DARK, BRIGHT = 3, 252
PIXELS_MIN = 256
"""With fewer pixels that carry noise nothing is said."""


def difference(first: bytes, second: bytes) -> float | None:
    """Mean absolute difference in grey levels where either is neither black nor white; ``None`` for too few places.

    >>> difference(bytes([100] * 1024), bytes([101, 100] * 512))
    0.5
    >>> difference(bytes(1024), bytes(1024)) is None
    True
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=False) if DARK <= a <= BRIGHT or DARK <= b <= BRIGHT]
    if len(first) != len(second) or len(pairs) < PIXELS_MIN:
        return None
    return sum(abs(a - b) for a, b in pairs) / len(pairs)


class FrozenCamera:
    """Remembers the first glance of a run of alike pictures.

    Examples
    --------
    >>> watch = FrozenCamera()
    >>> same = [bytes([100, 120] * 511 + [i, i]) for i in (100, 101, 102, 103)]
    >>> [watch.shows(glance) for glance in same]
    [False, False, True, True]
    >>> watch.shows(bytes([90, 120] * 512))
    False
    """

    def __init__(self) -> None:
        self._first: bytes | None = None
        self._run = 0

    def shows(self, glance: bytes | None) -> bool:
        """Is this picture one that was shown before? ``None``: there was no picture, which proves nothing."""
        if glance is None:
            return False
        apart = None if self._first is None else difference(self._first, glance)
        if apart is None or apart > ALIKE_LEVELS:
            self._first, self._run = glance, 1
            return False
        self._run += 1
        return apart == 0.0 or self._run >= FROZEN_AFTER
