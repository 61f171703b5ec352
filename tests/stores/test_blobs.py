"""Blobs on disk and in memory: one suite; and what only files can do."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gaugeblock.stores.blobs import Blobs, BlobStore
from gaugeblock.stores.errors import (
    BlobCorruptError,
    BlobDigestError,
    BlobMissingError,
    BlobTooLargeError,
)
from gaugeblock.stores.memory import MemoryBlobs


@pytest.fixture(params=["memory", "files"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return MemoryBlobs(limit_bytes=1000) if request.param == "memory" else BlobStore(tmp_path / "b", limit_bytes=1000)


def test_what_is_put_is_got_by_its_digest(blobs: Blobs) -> None:
    contents = [b"", b"a", b"frame" * 100, bytes(1000)]
    digests = [blobs.put(content) for content in contents]
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [blobs.get(digest) for digest in digests] == contents
    assert blobs.put(b"a") == digests[1]
    assert list(blobs.digests()) == sorted(digests)
    usage = blobs.usage()
    assert (usage.count, usage.size_bytes) == (4, 1501)


def test_deleted_blobs_are_gone(blobs: Blobs) -> None:
    digest = blobs.put(b"a")
    assert blobs.has(digest)
    assert blobs.delete(digest)
    assert not blobs.delete(digest)
    assert not blobs.has(digest)
    with pytest.raises(BlobMissingError):
        blobs.get(digest)


def test_bounds_and_digests_are_checked(blobs: Blobs) -> None:
    with pytest.raises(BlobTooLargeError):
        blobs.put(bytes(1001))
    for text in ("", "ab", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 64 + "\n"):
        with pytest.raises(BlobDigestError):
            blobs.get(text)


def test_a_damaged_blob_is_named_and_can_be_put_again(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    digest = blobs.put(b"frame")
    blobs.path(digest).write_bytes(b"flame")
    with pytest.raises(BlobCorruptError):
        blobs.get(digest)
    assert blobs.put(b"frame") == digest
    assert blobs.get(digest) == b"frame"


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    digest = blobs.put(b"frame")
    old, new = (blobs.path(digest).with_name(f".writing-{name}") for name in ("old", "new"))
    old.write_bytes(b"fra")
    new.write_bytes(b"fra")
    os.utime(old, (0, 0))
    assert list(BlobStore(tmp_path).digests()) == [digest]
    assert (old.exists(), new.exists()) == (False, True)


def test_no_space_is_named_and_leaves_no_part(tmp_path: Path) -> None:
    program = f"""
import resource, signal
from pathlib import Path
from gaugeblock.stores.blobs import BlobStore
from gaugeblock.stores.errors import StoreFullError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
blobs = BlobStore(Path({str(tmp_path)!r}))
blobs.put(b"small")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    blobs.put(bytes(5000))
except StoreFullError as error:
    print(error.code, blobs.usage().count)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split() == ["stores.full", "1"]
    assert [path.name for path in tmp_path.rglob(".writing-*")] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000
