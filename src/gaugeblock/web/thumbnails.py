"""Small versions of photographs for strips and galleries, made when first asked for and kept in memory, bounded."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable

from PIL import Image

from gaugeblock.vision.decode import decode
from gaugeblock.vision.errors import ImageError

WIDTH_PX = 320
QUALITY = 80
CACHE_BYTES_MAX = 32 * 1024 * 1024


def thumbnail(data: bytes, width_px: int = WIDTH_PX) -> bytes:
    """A JPEG of at most ``width_px``; the bytes themselves where they are no image or no wider.

    What vision refuses to decode (a bomb, a torn file) is not decoded here either.

    >>> thumbnail(b"dear sir")
    b'dear sir'
    """
    try:
        pixels = decode(data)
    except ImageError:
        return data
    height, width = pixels.shape[:2]
    if width <= width_px:
        return data
    small = Image.fromarray(pixels).resize((width_px, max(1, round(height * width_px / width))), Image.Resampling.BOX)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


class Thumbnails:
    """Thumbnails by the digest of what they show, the longest unused leaving first. Safe from several threads."""

    def __init__(self, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, sha256: str, load: Callable[[], bytes]) -> bytes:
        """The thumbnail; ``load`` gives the original where none is kept."""
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        made = thumbnail(load())
        with self._lock:
            if sha256 not in self._kept and len(made) <= self._bytes_max:
                self._kept[sha256] = made
                self._bytes += len(made)
            while self._bytes > self._bytes_max:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)
        return made

    @property
    def bytes_kept(self) -> int:
        """How much is in memory."""
        return self._bytes
