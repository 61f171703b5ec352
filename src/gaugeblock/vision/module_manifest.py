"""A module's manifest without loading its network, and the same module with another operating point."""

from __future__ import annotations

import hashlib

import msgspec

from gaugeblock.vision.errors import ModuleLayoutError
from gaugeblock.vision.inspector import Manifest
from gaugeblock.vision.module_file import ModuleFile, read_module, write_module
from gaugeblock.vision.operating_point import ZonedOperatingPoint


def manifest_of(data: bytes) -> Manifest:
    """The manifest of a ``.gbm`` file, with the file's digest in it.

    Raises
    ------
    ModuleFormatError, ModuleDigestError
    """
    return msgspec.structs.replace(_manifest(read_module(data)), module_sha256=hashlib.sha256(data).hexdigest())


def with_operating_point(data: bytes, point: ZonedOperatingPoint) -> bytes:
    """The file with another operating point: same network and bank, another digest.

    Raises
    ------
    ModuleFormatError, ModuleDigestError
    """
    module = read_module(data)
    manifest = msgspec.structs.replace(_manifest(module), operating_point=point, module_sha256="")
    return write_module(ModuleFile(msgspec.json.encode(manifest), module.sections))


def _manifest(module: ModuleFile) -> Manifest:
    try:
        return msgspec.json.decode(module.manifest, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModuleLayoutError(part="manifest") from error
