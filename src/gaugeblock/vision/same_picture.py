"""Is this the very picture that was also given as defective? Then one of the two labels is wrong.

Equal pixels are told by their digest. The same picture saved once more – another format or quality – differs by
little in every place: reduced to 64 × 64 grey means, by no more than ``LEVELS`` levels anywhere. Two pictures of one
part before and after it was damaged differ by more than that where the damage is, and so do two shots of one part.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from gaugeblock.vision.errors import ImageContradictionError

SIDE, COARSE = 64, 8
LEVELS = 2.0

Pixels = npt.NDArray[np.uint8]


class KnownPictures:
    """Pictures given as defective.

    Examples
    --------
    >>> known = KnownPictures()
    >>> picture = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    >>> known.add(4, picture)
    >>> known.find(picture), known.find(picture[::-1])
    (4, None)
    """

    def __init__(self) -> None:
        self._digests: dict[bytes, int] = {}
        self._numbers: list[int] = []
        self._coarse: list[npt.NDArray[np.float32]] = []
        self._fine: list[npt.NDArray[np.float32]] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, pixels: Pixels) -> None:
        """Remember a picture under its position among the defective ones."""
        coarse, fine = _reduced(pixels)
        self._digests.setdefault(_digest(pixels), number)
        self._numbers.append(number)
        self._coarse.append(coarse)
        self._fine.append(fine)

    def find(self, pixels: Pixels) -> int | None:
        """The position of the same picture, if it is known."""
        if not self._numbers:
            return None
        same = self._digests.get(_digest(pixels))
        if same is not None:
            return same
        coarse, fine = _reduced(pixels)
        near = np.abs(np.stack(self._coarse) - coarse).max(axis=1) <= LEVELS
        for candidate in np.flatnonzero(near).tolist():
            if float(np.abs(self._fine[candidate] - fine).max()) <= LEVELS:
                return self._numbers[candidate]
        return None

    def refuse(self, pixels: Pixels) -> None:
        """Raise if the picture is known as defective.

        Raises
        ------
        ImageContradictionError
        """
        same = self.find(pixels)
        if same is not None:
            raise ImageContradictionError(defective=same + 1)


def _digest(pixels: Pixels) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).digest()


def _reduced(pixels: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    grey = Image.fromarray(np.ascontiguousarray(pixels)).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    fine = np.asarray(grey, dtype=np.float32)
    step = SIDE // COARSE
    return fine.reshape(COARSE, step, COARSE, step).mean(axis=(1, 3)).ravel(), fine.ravel()
