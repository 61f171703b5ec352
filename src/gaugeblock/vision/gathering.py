"""The pass over the pictures of a training: everything that is kept of each, and nothing else.

Of every part: statistics for the guards, a thumbnail, the pooled features and a share of the cells for the bank. Of
at most ``CALIBRATION_MAX`` parts, chosen by the seed: all cells, to be scored held out, and cells with drawn defects
for the head. Memory is bounded by that whatever the number of pictures. What a picture yields depends on its pixels
and the settings alone, not on its place among the others, so it can be kept and found again (see
``feature_cache``); arrays are kept in half precision, and used so whether found or computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from gaugeblock.vision.embedding import Embedder
from gaugeblock.vision.errors import ImageBlankError, ImageError
from gaugeblock.vision.feature_cache import FeatureCache
from gaugeblock.vision.groups import thumbnail
from gaugeblock.vision.guards import CONTRAST_MIN, ImageStatistics
from gaugeblock.vision.head_cells import PartCells, drawings_each, part_cells
from gaugeblock.vision.same_picture import KnownPictures
from gaugeblock.vision.watch import SIDE as TEMPLATE_SIDE
from gaugeblock.vision.watch import thumbnail as template_of
from gaugeblock.vision.whole import pool

POOL_MAX = 100_000
POOL_EACH_MIN = 4
CALIBRATION_MAX = 1_500
RECORD_VERSION = 1

Matrix = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
Pixels = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
LeftOut = Callable[[int, ImageError], None]


class ImageSource(Protocol):
    """Images by position: a list of arrays, or something that decodes on demand and raises ``ImageError``."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Pixels: ...


@dataclass(frozen=True)
class Settings:
    """What, besides its pixels, decides what is kept of a picture."""

    network_sha256: str
    side: int
    seed: int
    share: int
    drawings: int


@dataclass(frozen=True)
class ScoredPart:
    """All cells of a part: features (cells, channels), stages (stage channels, cells)."""

    features: Half
    stages: Half


@dataclass
class Gathered:
    """What is kept of the images that could be used, by position among them."""

    used: list[int] = field(default_factory=list)
    statistics: list[ImageStatistics] = field(default_factory=list)
    pooled: Matrix = field(default_factory=lambda: np.empty((0, 0), np.float32))
    pool_vectors: list[Half] = field(default_factory=list)
    thumbnails: list[Matrix] = field(default_factory=list)
    kept: dict[int, ScoredPart] = field(default_factory=dict)
    cells: dict[int, PartCells] = field(default_factory=dict)
    template: Matrix | None = None
    digest: str = ""


class _Array(msgspec.Struct, frozen=True):
    shape: tuple[int, ...]
    data: bytes


class _Record(msgspec.Struct, frozen=True):
    """A picture's entry in the cache."""

    statistics: ImageStatistics
    pooled: _Array
    pool_vectors: _Array
    thumbnail: _Array
    features: _Array | None
    stages: _Array | None
    cell_stages: _Array | None
    cell_labels: _Array | None
    cell_weights: _Array | None


def gather(
    images: ImageSource,
    embedder: Embedder,
    settings_of: Callable[[int, int], Settings],
    seed: int,
    known_defective: KnownPictures,
    cache: FeatureCache,
    progress: Progress,
    note: LeftOut,
) -> Gathered:
    """Go over all pictures; those that cannot be used are told to ``note``."""
    count = len(images)
    calibrating = set(np.random.default_rng(seed).permutation(count)[:CALIBRATION_MAX].tolist())
    settings = settings_of(max(POOL_EACH_MIN, POOL_MAX // count), drawings_each(len(calibrating)))
    digest = hashlib.sha256()
    gathered, pooled = Gathered(), []
    template = np.zeros((TEMPLATE_SIDE, TEMPLATE_SIDE), np.float64)
    for index in range(count):
        try:
            pixels = images[index]
            statistics = ImageStatistics.of(pixels)
            if statistics.deviation < CONTRAST_MIN:
                # A mask or a lens cap among the photographs would widen what counts as normal.
                raise ImageBlankError(contrast=round(statistics.deviation, 2), limit=CONTRAST_MIN)
            known_defective.refuse(pixels)
            own = _digest(pixels)
            record = _record(pixels, own, statistics, embedder, settings, index in calibrating, cache)
        except ImageError as error:
            note(index, error)
            continue
        finally:
            progress("features", index + 1, count)
        digest.update(own)
        position = len(gathered.used)
        if record.features is not None and record.stages is not None:
            gathered.kept[position] = ScoredPart(_half(record.features), _half(record.stages))
        if record.cell_stages is not None and record.cell_labels is not None and record.cell_weights is not None:
            gathered.cells[position] = PartCells(
                _half(record.cell_stages), _single(record.cell_labels), _single(record.cell_weights)
            )
        gathered.used.append(index)
        template += template_of(pixels)
        gathered.statistics.append(record.statistics)
        gathered.thumbnails.append(_single(record.thumbnail))
        pooled.append(_single(record.pooled))
        gathered.pool_vectors.append(_half(record.pool_vectors))
    if pooled:
        gathered.pooled = np.stack(pooled)
        gathered.template = (template / len(pooled)).astype(np.float32)
    gathered.digest = digest.hexdigest()
    return gathered


def _digest(pixels: Pixels) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest()


def _record(
    pixels: Pixels,
    own: bytes,
    statistics: ImageStatistics,
    embedder: Embedder,
    settings: Settings,
    calibrating: bool,
    cache: FeatureCache,
) -> _Record:
    told = (RECORD_VERSION, *pixels.shape, calibrating, *settings.__dict__.values(), own.hex())
    key = hashlib.sha256(repr(told).encode()).hexdigest()
    stored = cache.get(key)
    if stored is not None:
        try:
            return msgspec.msgpack.decode(stored, type=_Record)
        except msgspec.DecodeError:
            pass  # a damaged entry is no entry
    record = _computed(pixels, own, statistics, embedder, settings, calibrating)
    cache.put(key, msgspec.msgpack.encode(record))
    return record


def _computed(
    pixels: Pixels,
    own: bytes,
    statistics: ImageStatistics,
    embedder: Embedder,
    settings: Settings,
    calibrating: bool,
) -> _Record:
    embedded = embedder.embed(pixels)
    # Chance follows the picture, not its place in the set.
    seed = [settings.seed, int.from_bytes(own[:8], "big")]
    chosen = np.random.default_rng(seed).permutation(len(embedded.features))[: settings.share]
    cells = part_cells(embedder, pixels, embedded, seed, settings.drawings) if calibrating else None
    return _Record(
        statistics=statistics,
        pooled=_stored(pool(embedded.features), "<f4"),
        pool_vectors=_stored(embedded.features[chosen], "<f2"),
        thumbnail=_stored(thumbnail(pixels), "<f4"),
        features=_stored(embedded.features, "<f2") if calibrating else None,
        stages=_stored(embedded.stages, "<f2") if calibrating else None,
        cell_stages=None if cells is None else _stored(cells.stages, "<f2"),
        cell_labels=None if cells is None else _stored(cells.defective, "<f4"),
        cell_weights=None if cells is None else _stored(cells.weights, "<f4"),
    )


def _stored(array: npt.NDArray[np.floating], kind: str) -> _Array:
    return _Array(array.shape, np.ascontiguousarray(array, dtype=kind).tobytes())


def _half(array: _Array) -> Half:
    return np.frombuffer(array.data, "<f2").reshape(array.shape).astype(np.float16, copy=False)


def _single(array: _Array) -> Matrix:
    return np.frombuffer(array.data, "<f4").reshape(array.shape).astype(np.float32, copy=False)
