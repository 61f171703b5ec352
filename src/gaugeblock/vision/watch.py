"""What tells a changed lamp, lens, fixture or material from a changed part: a few numbers a picture, for charts.

Light and contrast are the mean and the deviation of the grey levels (the guards' own figures); focus is the mean
squared gradient over the variance of the grey levels, which a lamp's drift leaves as it is and blur lowers; the shift
against the module's template is found by phase correlation of small thumbnails, with a parabola through the peak.

All of it together costs some tenths of a millisecond: gradients are taken along sampled rows, and thumbnails from
sampled pixels.

Sources: tenengrad-like focus measures, E. Krotkov, Int. J. Computer Vision 1 (1988) 223–237; phase correlation,
C. D. Kuglin, D. C. Hines, Proc. IEEE Int. Conf. Cybernetics and Society (1975) 163–165.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.guards import ImageStatistics
from gaugeblock.vision.levels import grey_plane
from gaugeblock.vision.resize import check_pixels

SIDE = 64
GLANCE_SIDE = 32
FOCUS_PIXELS = 8_192
PEAK_DEVIATIONS_MIN = 10.0
"""Least height of the correlation's peak in its deviations: of unrelated pictures 4 to 8, of moved ones 25 to 40."""
VARIANCE_MIN = 1e-3
DAMPING = 1e-3
_TAPER = np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Watched:
    """Grey levels 0–255 for light and contrast; focus dimensionless; shifts as fractions of width and height.

    A positive shift means that the picture has moved right, or down, against the template.
    """

    light: float
    contrast: float
    focus: float | None
    shift_x: float | None
    shift_y: float | None


def watch(pixels: Pixels, statistics: ImageStatistics, template: Template | None = None) -> Watched:
    """The numbers of one picture.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8.
    statistics
        What the guards have found already.
    template
        Of good parts; without one there is no shift.

    Raises
    ------
    ImageArrayError

    Examples
    --------
    >>> blocks = np.random.default_rng(0).integers(0, 256, (16, 16, 1), dtype=np.uint8)
    >>> picture = blocks.repeat(8, axis=0).repeat(8, axis=1).repeat(3, axis=2)
    >>> seen = watch(np.roll(picture, 4, axis=1), ImageStatistics.of(picture), Template(thumbnail(picture)))
    >>> round(seen.shift_x * 128), round(seen.shift_y * 128)
    (4, 0)
    """
    check_pixels(pixels)
    moved = None if template is None else template.shift(thumbnail(pixels))
    return Watched(
        light=statistics.mean,
        contrast=statistics.deviation,
        focus=focus(pixels),
        shift_x=None if moved is None else moved[0],
        shift_y=None if moved is None else moved[1],
    )


def focus(pixels: Pixels) -> float | None:
    """Mean squared gradient over variance of grey levels, on pairs of neighbouring rows; ``None`` for a flat picture.

    >>> edge = np.zeros((40, 40, 3), np.uint8); edge[:, 20:] = 200
    >>> round(focus(edge), 4)
    0.1026
    """
    height, width = pixels.shape[:2]
    if height < 2 or width < 2:
        return None
    step = max(2, height * width // FOCUS_PIXELS)
    plane = grey_plane(pixels)
    if plane is not None:
        upper, lower = plane[:-1:step].astype(np.float32), plane[1::step].astype(np.float32)
    else:
        upper, lower = _grey(pixels[:-1:step]), _grey(pixels[1::step])
    variance = float(upper.var())
    if variance < VARIANCE_MIN:
        return None
    across, down = np.diff(upper, axis=1), (lower - upper)[:, 1:]
    squares = float(np.einsum("ij,ij->", across, across)) + float(np.einsum("ij,ij->", down, down))
    return squares / across.size / variance


def thumbnail(pixels: Pixels) -> Plane:
    """(64, 64) float32 grey levels: means of two by two sampled pixels, the same places in every picture of a size."""
    fine = _sampled(pixels, 2 * SIDE)
    rows = fine[::2] + fine[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25), dtype=np.float32)


def glance(pixels: Pixels) -> bytes:
    """32 × 32 single pixels as grey levels: what two pictures are compared by to see whether they are one.

    >>> len(glance(np.zeros((40, 50, 3), np.uint8)))
    1024
    """
    return np.rint(_sampled(pixels, GLANCE_SIDE)).astype(np.uint8).tobytes()


class Template:
    """A thumbnail of good parts, with its spectrum.

    Parameters
    ----------
    plane
        (64, 64) float32, see :func:`thumbnail`.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self._conjugate = np.conj(_spectrum(plane))

    def shift(self, picture: Plane) -> tuple[float, float] | None:
        """Displacement of a thumbnail, (x, y) as fractions of the side; ``None`` without a clear peak.

        Parameters
        ----------
        picture
            (64, 64) float32.
        """
        cross = _spectrum(picture) * self._conjugate
        size = np.abs(cross)
        strongest = float(size.max())
        if not strongest > 0:
            return None
        # Frequencies without signal would vote with their noise: they are damped, not only normalised.
        surface = np.fft.irfft2(cross / (size + DAMPING * strongest), s=(SIDE, SIDE))
        row, column = divmod(int(surface.argmax()), SIDE)
        if float(surface[row, column]) < PEAK_DEVIATIONS_MIN * float(surface.std()):
            return None
        y = row + _parabola(surface[row - 1, column], surface[row, column], surface[(row + 1) % SIDE, column])
        x = column + _parabola(surface[row, column - 1], surface[row, column], surface[row, (column + 1) % SIDE])
        return _centred(x) / SIDE, _centred(y) / SIDE


def _spectrum(plane: Plane) -> npt.NDArray[np.complex128]:
    return np.asarray(np.fft.rfft2((plane - plane.mean()) * _TAPER), dtype=np.complex128)


def _centred(place: float) -> float:
    return place - SIDE if place > SIDE / 2 else place


def _parabola(before: float, peak: float, after: float) -> float:
    bend = float(before) - 2.0 * float(peak) + float(after)
    return 0.0 if bend >= 0 else 0.5 * (float(before) - float(after)) / bend


def _sampled(pixels: Pixels, side: int) -> Plane:
    height, width = pixels.shape[:2]
    rows = (np.arange(side) * 2 + 1) * height // (2 * side)
    columns = (np.arange(side) * 2 + 1) * width // (2 * side)
    plane = grey_plane(pixels)
    if plane is not None:
        return np.asarray(plane[rows].take(columns, axis=1), dtype=np.float32)
    return _grey(pixels[rows].take(columns, axis=1))


def _grey(pixels: Pixels) -> Plane:
    """Weights of ITU-R BT.601, as the decoders' own grey."""
    grey = pixels[..., 0] * np.float32(0.299)
    grey += pixels[..., 1] * np.float32(0.587)
    grey += pixels[..., 2] * np.float32(0.114)
    return np.asarray(grey, dtype=np.float32)
