"""Read a legacy torch checkpoint without torch, by an unpickler that can build tensors and nothing else.

The legacy form is five pickles in a row (magic number, protocol version, system information, the state
dictionary, the list of storage keys), then for every key in that order an int64 count and the raw
little-endian numbers, to the exact end of the file. The pickles may name four globals; any other is refused,
so a file cannot make this reader run code. Tensors are views with strides: the convolutions of a network
converted from TensorFlow are transposed, and ignoring that gives wrong weights without any error.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle  # only a restricted Unpickler is used
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gaugeblock.vision.errors import CheckpointDigestError, CheckpointError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
BYTES_MAX = 256 * 2**20
TENSORS_MAX = 10_000

Array = npt.NDArray[Any]


@dataclass
class _Storage:
    """A flat buffer that tensors view; its numbers follow the pickles."""

    dtype: np.dtype[Any]
    count: int
    numbers: Array | None = None


class _FloatStorage:
    dtype = np.dtype("<f4")


class _LongStorage:
    dtype = np.dtype("<i8")


@dataclass
class _View:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> Array:
        base = self.storage.numbers
        if base is None:
            raise CheckpointError(detail="a tensor's numbers are missing")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if math.prod(self.shape) and not 0 <= self.offset <= last < base.size:
            raise CheckpointError(detail="a tensor reaches beyond its storage")
        view = np.lib.stride_tricks.as_strided(
            base[self.offset :], self.shape, [s * base.itemsize for s in self.strides], writeable=False
        )
        return np.ascontiguousarray(view).reshape(self.shape)


def _rebuild_tensor(*arguments: Any) -> _View:
    if len(arguments) < 4:
        raise CheckpointError(detail="a tensor with too few fields")
    storage, offset, shape, strides = arguments[:4]
    sound = (
        isinstance(storage, _Storage)
        and _is_natural(offset)
        and isinstance(shape, tuple)
        and isinstance(strides, tuple)
        and len(shape) == len(strides) <= 8
        and all(_is_natural(n) for n in shape + strides)
    )
    if not sound:
        raise CheckpointError(detail="a tensor of unknown form")
    return _View(storage, offset, shape, strides)


def _is_natural(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): _FloatStorage,
    ("torch", "LongStorage"): _LongStorage,
}


@dataclass
class _Storages:
    by_key: dict[str, _Storage] = field(default_factory=dict)
    total_bytes: int = 0

    def add(self, dtype: np.dtype[Any], key: str, count: int) -> _Storage:
        known = self.by_key.get(key)
        if known is not None:
            if known.dtype != dtype or known.count != count:
                raise CheckpointError(detail="one storage described in two ways")
            return known
        self.total_bytes += count * dtype.itemsize
        if self.total_bytes > BYTES_MAX or len(self.by_key) >= TENSORS_MAX:
            raise CheckpointError(detail="larger than its limit")
        self.by_key[key] = _Storage(dtype, count)
        return self.by_key[key]


class _TensorUnpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, storages: _Storages) -> None:
        super().__init__(stream, encoding="ascii")
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise CheckpointError(detail=f"refused global {module[:40]}.{name[:40]}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) == 6 and pid[0] == "storage"):
            raise CheckpointError(detail="a persistent id of unknown form")
        _, kind, key, _location, count, view = pid
        if kind not in (_FloatStorage, _LongStorage) or not isinstance(key, str) or not _is_natural(count):
            raise CheckpointError(detail="a storage of unknown form")
        if view is not None:
            raise CheckpointError(detail="a storage that is a view of another")
        return self._storages.add(kind.dtype, key, count)


def read_checkpoint(data: bytes, expected_sha256: str | None = None) -> dict[str, Array]:
    """Tensors by name.

    Parameters
    ----------
    data
        The whole ``.pth`` file.
    expected_sha256
        Hex digest the file must have; ``None`` accepts any.

    Returns
    -------
    Name to contiguous array, float32 or int64, in the shape torch would give.

    Raises
    ------
    CheckpointDigestError
        Another digest than expected.
    CheckpointError
        Not this form, a global outside the allow-list, or a size beyond the limits.

    Examples
    --------
    >>> try:
    ...     read_checkpoint(b"not a checkpoint")
    ... except CheckpointError as error:
    ...     print(error.code)
    vision.checkpoint
    """
    if len(data) > BYTES_MAX:
        raise CheckpointError(detail="larger than its limit")
    if expected_sha256 is not None:
        found = hashlib.sha256(data).hexdigest()
        if found != expected_sha256:
            raise CheckpointDigestError(expected=expected_sha256, found=found)
    stream = io.BytesIO(data)
    storages = _Storages()
    magic, protocol, system, state, keys = (_load(stream, storages) for _ in range(5))
    if magic != MAGIC or protocol != PROTOCOL:
        raise CheckpointError(detail="magic number or protocol")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError(detail="not little-endian")
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(storages.by_key):
        raise CheckpointError(detail="storage keys do not match the tensors")
    for key in keys:
        _read_numbers(stream, storages.by_key[key])
    if stream.tell() != len(data):
        raise CheckpointError(detail="bytes after the end")
    return _arrays(state)


def _load(stream: io.BytesIO, storages: _Storages) -> Any:
    try:
        return _TensorUnpickler(stream, storages).load()
    except CheckpointError:
        raise
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        MemoryError,
        UnicodeDecodeError,
        ImportError,
    ) as error:
        raise CheckpointError(detail=f"not a pickle of the legacy form ({type(error).__name__})") from error


def _read_numbers(stream: io.BytesIO, storage: _Storage) -> None:
    header = stream.read(8)
    if len(header) != 8 or int.from_bytes(header, "little", signed=True) != storage.count:
        raise CheckpointError(detail="a storage's count does not match")
    raw = stream.read(storage.count * storage.dtype.itemsize)
    if len(raw) != storage.count * storage.dtype.itemsize:
        raise CheckpointError(detail="ends inside a storage")
    storage.numbers = np.frombuffer(raw, storage.dtype)


def _arrays(state: object) -> dict[str, Array]:
    if not isinstance(state, Mapping) or not all(isinstance(v, _View) for v in state.values()):
        raise CheckpointError(detail="not a flat dictionary of tensors")
    return {str(name): view.array() for name, view in state.items()}
