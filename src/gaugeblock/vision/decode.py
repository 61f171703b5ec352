"""Image bytes to an (H, W, 3) uint8 array, or a named refusal.

Accepted: JPEG, PNG, BMP, TIFF and WebP, one frame, 8 bits a channel, grey, palette or RGB; the EXIF orientation
is applied. An alpha channel is dropped where it is opaque everywhere; where it is not, the image is refused,
because whatever colour is put behind a transparent part would be inspected as if the camera had seen it.
Sizes are read from the header and checked before a pixel is decoded.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from gaugeblock.vision.errors import (
    ImageAnimatedError,
    ImageCorruptError,
    ImageDepthError,
    ImageEmptyError,
    ImageFileTooLargeError,
    ImageModeError,
    ImageTooLargeError,
    ImageTooSmallError,
    ImageTruncatedError,
    ImageUnknownFormatError,
)
from gaugeblock.vision.levels import as_colour

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
GREY_OR_COLOUR = ("1", "L", "P", "RGB")
WITH_ALPHA = ("LA", "PA", "RGBA")
UPRIGHT = 1
GLANCE_ROWS = 16
WITHIN_PIXEL = np.array([255, 255, 0], np.uint8)

# What Pillow's readers raise on damaged files. SyntaxError is its own way of saying "not this format".
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Bounds that are checked before decoding: file bytes, pixels, and the shortest side."""

    bytes_max: int = 64 * 2**20
    pixels_max: int = 64_000_000
    side_min: int = 32


DEFAULT_LIMITS = DecodeLimits()


def decode(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Pixels:
    """Decode one image.

    Parameters
    ----------
    data
        The file as it came from the camera or the folder.
    limits
        What is refused unread.

    Returns
    -------
    (height, width, 3) uint8, RGB. Of a picture that is grey throughout, whatever its file calls itself, the
    three channels are one read-only plane (see ``levels``).

    Raises
    ------
    ImageEmptyError, ImageCorruptError, ImageTruncatedError, ImageDepthError, ImageModeError,
    ImageAnimatedError, ImageTooLargeError, ImageTooSmallError

    Examples
    --------
    >>> buffer = io.BytesIO()
    >>> Image.new("L", (40, 32), 7).save(buffer, "PNG")
    >>> decode(buffer.getvalue()).shape
    (32, 40, 3)
    """
    if not data:
        raise ImageEmptyError
    if len(data) > limits.bytes_max:
        raise ImageFileTooLargeError(limit=limits.bytes_max)
    try:
        with warnings.catch_warnings():
            # Our own limits decide; Pillow's warnings about size and odd tags would only repeat them.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(limit=limits.pixels_max) from error
    except UnidentifiedImageError as error:
        raise ImageUnknownFormatError from error
    except DAMAGE as error:
        raise ImageCorruptError(detail=_short(error)) from error
    with image:
        _check_header(image, data, limits)
        return _pixels(image)


def _check_header(image: ImageFile.ImageFile, data: bytes, limits: DecodeLimits) -> None:
    width, height = image.size
    if width * height > limits.pixels_max:
        raise ImageTooLargeError(limit=limits.pixels_max)
    if min(width, height) < limits.side_min:
        raise ImageTooSmallError(width=width, height=height, limit=limits.side_min)
    # Pillow narrows a 16-bit RGB PNG to 8 bits without a word; only the header still tells.
    if data.startswith(PNG_SIGNATURE) and len(data) > 24 and data[24] > 8:
        raise ImageDepthError(depth=data[24])
    if image.mode in DEEP_MODES:
        raise ImageDepthError(depth=32 if image.mode in ("I", "F") else 16)
    if image.mode not in GREY_OR_COLOUR + WITH_ALPHA:
        raise ImageModeError(mode=image.mode)
    try:
        frames = int(getattr(image, "n_frames", 1))
    except DAMAGE as error:
        raise ImageCorruptError(detail=_short(error)) from error
    if frames > 1:
        raise ImageAnimatedError(frames=frames)


def _pixels(image: ImageFile.ImageFile) -> Pixels:
    try:
        image.load()
        turned = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT) != UPRIGHT
        upright: Image.Image = ImageOps.exif_transpose(image) if turned else image
    except DAMAGE as error:
        detail = _short(error)
        cut = any(word in detail.lower() for word in ("truncated", "not enough image data", "unexpected end"))
        raise (ImageTruncatedError if cut else ImageCorruptError)(detail=detail) from error
    except Image.DecompressionBombError as error:  # a TIFF directory may grow while it loads
        raise ImageTooLargeError(limit=DEFAULT_LIMITS.pixels_max) from error
    if upright.mode in WITH_ALPHA or (upright.mode == "P" and "transparency" in upright.info):
        upright = upright.convert("RGBA")
        if upright.getchannel("A").getextrema()[0] != 255:
            raise ImageModeError(mode="alpha")
    if upright.mode in ("1", "L"):
        return as_colour(np.asarray(upright.convert("L"), dtype=np.uint8))
    pixels = np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"), dtype=np.uint8)
    # A few rows first: nearly every coloured picture shows it there.
    few = pixels[:: max(1, len(pixels) // GLANCE_ROWS)]
    if not (_equal_channels(few) and _equal_channels(pixels)):
        return pixels
    return as_colour(np.ascontiguousarray(pixels[:, :, 0]))


def _equal_channels(pixels: Pixels) -> bool:
    """Whether red, green and blue are the same everywhere, as in colour files of grey cameras."""
    rows = pixels.reshape(len(pixels), -1)
    # Each byte against the next one of its row; every third pair joins two pixels and does not count.
    apart = rows[:, 1:] ^ rows[:, :-1]
    apart &= np.tile(WITHIN_PIXEL, pixels.shape[1])[:-1]
    return not apart.any()


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
