"""The feature cache: whole or missing, bounded, and no obstacle when damaged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from gaugeblock.stores import files
from gaugeblock.stores.errors import ModuleFileDamagedError, ModuleFileMissingError, StoreFullError
from gaugeblock.stores.feature_cache import FileFeatureCache
from gaugeblock.stores.module_files import ModuleFiles


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def test_what_was_put_outlives_the_process_and_damage_is_missing(tmp_path: Path) -> None:
    cache = FileFeatureCache(tmp_path)
    cache.put(key(1), b"one" * 100)
    cache.put(key(2), b"two" * 100)
    again = FileFeatureCache(tmp_path)
    assert again.get(key(1)) == b"one" * 100
    (path,) = tmp_path.glob(f"*/{key(2)}.features")
    for damage in (b"", b"short", path.read_bytes()[:-1], path.read_bytes().replace(b"two", b"tow", 1)):
        path.write_bytes(damage)
        assert again.get(key(2)) is None
    again.put(key(2), b"two" * 100)
    assert again.get(key(2)) == b"two" * 100
    assert again.get(key(3)) is None
    again.clear()
    assert again.get(key(1)) is None
    again.put(key(1), b"anew")
    assert again.get(key(1)) == b"anew"


def test_it_stays_below_its_limit_and_forgets_the_longest_unused(tmp_path: Path) -> None:
    cache = FileFeatureCache(tmp_path, bytes_max=10_000)
    for number in range(40):
        cache.put(key(number), bytes(1000))
        for path in tmp_path.glob(f"*/{key(number)}.features"):
            os.utime(path, (number, number))
        assert sum(path.stat().st_size for path in tmp_path.glob("*/*.features")) <= 10_000
    assert cache.get(key(39)) is not None
    assert cache.get(key(0)) is None
    cache.put(key(99), bytes(20_000))
    assert cache.get(key(99)) is None
    assert FileFeatureCache(tmp_path, bytes_max=2_000).get(key(38)) is None


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, modules = FileFeatureCache(tmp_path / "cache"), ModuleFiles(tmp_path / "modules")

    def full(_descriptor: int, _data: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(StoreFullError):
        cache.put(key(1), b"data")
    with pytest.raises(StoreFullError):
        modules.put(b"module")
    monkeypatch.undo()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert cache.get(key(1)) is None


def test_module_files_are_verified_and_never_overwritten(tmp_path: Path) -> None:
    modules = ModuleFiles(tmp_path)
    sha256 = modules.put(b"module")
    before = modules.path(sha256).stat().st_mtime_ns
    assert modules.put(b"module") == sha256
    assert modules.path(sha256).stat().st_mtime_ns == before
    assert modules.path(sha256).name == f"{sha256}.gbm"
    modules.path(sha256).write_bytes(b"damaged")
    with pytest.raises(ModuleFileDamagedError):
        modules.get(sha256)
    modules.put(b"module")
    assert modules.get(sha256) == b"module"
    with pytest.raises(ModuleFileMissingError):
        modules.get("0" * 64)
