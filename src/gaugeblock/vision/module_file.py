"""The ``.gbm`` module: everything a station needs to inspect, in one file that is data and nothing else.

Layout, little-endian: 8 bytes magic and version ``GBMODUL2``; uint32 length of the manifest; uint32 number of
sections; the manifest (JSON); for each section a uint8 name length, the name, uint64 length and the bytes;
at the end the SHA-256 of all that stands before it. Nothing in the file is executed: arrays are raw numbers
whose shape the manifest states, the network is ONNX, there is no pickle. The module's own digest, the one that
records name, is the SHA-256 of the whole file, so ``sha256sum part.gbm`` gives it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from gaugeblock.vision.errors import (
    ModuleDigestError,
    ModuleFormatError,
    ModuleLayoutError,
    ModuleLimitError,
    ModuleVersionError,
)

NAME, VERSION = b"GBMODUL", 2
MAGIC = b"%s%d" % (NAME, VERSION)
EARLIER = tuple(range(1, VERSION))
BYTES_MAX = 512 * 2**20
MANIFEST_BYTES_MAX = 2**20
SECTIONS_MAX = 16
_DIGEST_BYTES = 32
_HEAD = struct.Struct("<8sII")
_SECTION = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """Manifest bytes (JSON) and named sections."""

    manifest: bytes
    sections: Mapping[str, bytes]


def write_module(module: ModuleFile) -> bytes:
    """The file's bytes; the same content gives the same bytes.

    Raises
    ------
    ModuleLimitError

    Examples
    --------
    >>> data = write_module(ModuleFile(b"{}", {"bank": b"123"}))
    >>> read_module(data).sections["bank"]
    b'123'
    """
    if len(module.manifest) > MANIFEST_BYTES_MAX or len(module.sections) > SECTIONS_MAX:
        raise ModuleLimitError(part="manifest")
    parts = [_HEAD.pack(MAGIC, len(module.manifest), len(module.sections)), module.manifest]
    for name in sorted(module.sections):
        encoded = name.encode("ascii")
        parts += [
            bytes([len(encoded)]),
            encoded,
            _SECTION.pack(len(module.sections[name])),
            module.sections[name],
        ]
    body = b"".join(parts)
    if len(body) + _DIGEST_BYTES > BYTES_MAX:
        raise ModuleLimitError(part="file")
    return body + hashlib.sha256(body).digest()


def read_module(data: bytes) -> ModuleFile:
    """Inverse of :func:`write_module`; the digest is checked before anything is interpreted.

    Raises
    ------
    ModuleFormatError
        Not a module, or a later version; its kinds ModuleVersionError (an earlier version), ModuleLimitError and
        ModuleLayoutError.
    ModuleDigestError
        The bytes are not those that were written.
    """
    if len(data) > BYTES_MAX:
        raise ModuleLimitError(part="file")
    for version in EARLIER:
        if data.startswith(b"%s%d" % (NAME, version)):
            raise ModuleVersionError(version=version, reads=VERSION)
    if len(data) < _HEAD.size + _DIGEST_BYTES or not data.startswith(MAGIC):
        raise ModuleFormatError
    body, digest = memoryview(data)[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ModuleDigestError
    reader = _Reader(body)
    _, manifest_length, count = _HEAD.unpack(reader.take(_HEAD.size))
    if manifest_length > MANIFEST_BYTES_MAX or count > SECTIONS_MAX:
        raise ModuleLimitError(part="manifest")
    manifest = bytes(reader.take(manifest_length))
    sections: dict[str, bytes] = {}
    for _ in range(count):
        name_bytes = bytes(reader.take(reader.take(1)[0]))
        if not name_bytes.isascii():
            raise ModuleLayoutError(part="sections")
        (length,) = _SECTION.unpack(reader.take(_SECTION.size))
        sections[name_bytes.decode("ascii")] = bytes(reader.take(length))
    if reader.left:
        raise ModuleLayoutError(part="sections")
    return ModuleFile(manifest, sections)


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> memoryview:
        if count > self.left:
            raise ModuleLayoutError(part="sections")
        self._at += count
        return self._data[self._at - count : self._at]
