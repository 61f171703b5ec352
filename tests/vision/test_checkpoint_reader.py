"""The checkpoint reader reads what torch wrote, strides and all, and nothing that could run."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections import OrderedDict
from typing import Any, ClassVar

import numpy as np
import pytest

from gaugeblock.vision.backbone import LITE0_SHA256
from gaugeblock.vision.backbone_weights import lite0_checkpoint
from gaugeblock.vision.checkpoint_reader import read_checkpoint
from gaugeblock.vision.errors import CheckpointDigestError, CheckpointError

MAGIC = 0x1950A86A20F9469CFC6C


class _Global:
    """Pickles as a reference to ``module.name`` that need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Storage:
    def __init__(self, kind: str, key: str, count: int, view: Any = None) -> None:
        self.kind, self.key, self.count, self.view = kind, key, count, view


class _Tensor:
    def __init__(self, storage: _Storage, offset: int, shape: tuple, strides: tuple) -> None:
        self.fields = (storage, offset, shape, strides)


class _Writer(pickle._Pickler):  # the Python pickler: its opcodes can be extended
    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            return ("storage", _Global("torch", obj.kind), obj.key, "cpu", obj.count, obj.view)
        return None

    def save_named(self, obj: _Global) -> None:
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())

    def save_tensor(self, obj: _Tensor) -> None:
        self.save_named(_Global("torch._utils", "_rebuild_tensor_v2"))
        self.save((*obj.fields, False, OrderedDict()))
        self.write(pickle.REDUCE)

    dispatch[_Global] = save_named
    dispatch[_Tensor] = save_tensor


def _pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    _Writer(stream, protocol=2).dump(value)
    return stream.getvalue()


def _file(
    state: Any,
    storages: dict[str, np.ndarray],
    *,
    magic: int = MAGIC,
    little: bool = True,
    tail: bytes = b"",
    keys: list[str] | None = None,
) -> bytes:
    parts = [_pickled(v) for v in (magic, 1001, {"little_endian": little}, state, keys or list(storages))]
    parts += [struct.pack("<q", a.size) + a.tobytes() for a in storages.values()]
    return b"".join(parts) + tail


NUMBERS = np.arange(6, dtype="<f4")


def _one(**changes: Any) -> bytes:
    fields = {"offset": 0, "shape": (2, 3), "strides": (3, 1), "count": 6, "view": None} | changes
    storage = _Storage("FloatStorage", "0", fields["count"], fields["view"])
    tensor = _Tensor(storage, fields["offset"], fields["shape"], fields["strides"])
    return _file(OrderedDict(a=tensor), {"0": NUMBERS})


def test_strides_are_honoured() -> None:
    storage = _Storage("FloatStorage", "0", 6)
    state = OrderedDict(
        plain=_Tensor(storage, 0, (2, 3), (3, 1)),
        turned=_Tensor(storage, 0, (3, 2), (1, 3)),
        part=_Tensor(storage, 4, (2,), (1,)),
        scalar=_Tensor(_Storage("LongStorage", "1", 1), 0, (), ()),
    )
    found = read_checkpoint(_file(state, {"0": NUMBERS, "1": np.array([7], "<i8")}))
    assert np.array_equal(found["plain"], NUMBERS.reshape(2, 3))
    assert np.array_equal(found["turned"], NUMBERS.reshape(2, 3).T)
    assert found["part"].tolist() == [4, 5]
    assert found["scalar"].shape == ()
    assert found["scalar"] == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (3, 3)},
        {"offset": 1},
        {"offset": -1},
        {"strides": (100, 1)},
        {"strides": (3,)},
        {"shape": (2.0, 3)},
        {"count": 5},
        {"count": 2**39},
        {"view": ("0", 0, 6)},
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(_one(**changes))


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/gaugeblock_was_here",)


@pytest.mark.parametrize("place", range(5))
def test_other_globals_are_refused(place: int) -> None:
    values: list[Any] = [MAGIC, 1001, {"little_endian": True}, OrderedDict(), []]
    values[place] = _Evil()
    data = b"".join(pickle.dumps(v, protocol=2) for v in values)
    with pytest.raises(CheckpointError, match="refused global"):
        read_checkpoint(data)


def test_other_forms_are_refused() -> None:
    good = _one()
    assert list(read_checkpoint(good)) == ["a"]
    for bad in (
        b"",
        good[:-1],
        good + b"x",
        good[: len(good) // 2],
        b"PK\x03\x04" + good,
        _file(OrderedDict(), {}, magic=1),
        _file(OrderedDict(), {}, little=False),
        _file(OrderedDict(), {}, keys=["0"]),
        _file([1, 2], {}),
    ):
        with pytest.raises(CheckpointError):
            read_checkpoint(bad)


def test_the_published_file_has_the_published_statistics() -> None:
    weights = read_checkpoint(lite0_checkpoint(), LITE0_SHA256)
    floats = [a for a in weights.values() if a.dtype == np.float32]
    assert (len(weights), len(floats)) == (296, 247)
    assert sum(a.size for a in weights.values()) == 4_694_073
    stem, head = weights["_conv_stem.weight"], weights["_fc.weight"]
    assert stem.shape == (32, 3, 3, 3)
    assert (round(float(stem.mean()), 6), round(float(stem.std()), 6)) == (-0.031032, 0.770735)
    assert (round(float(head.mean()), 6), round(float(head.std()), 6)) == (-0.000368, 0.06438)
    # Filters of a converted network are smooth in space only where the strides were honoured: the digest
    # alone would not tell, the outputs do (see test_backbone).


def test_another_digest_is_refused() -> None:
    with pytest.raises(CheckpointDigestError):
        read_checkpoint(_one(), LITE0_SHA256)
