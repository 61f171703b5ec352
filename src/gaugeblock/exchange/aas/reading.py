"""Documents that others wrote: an environment in JSON or XML, or an AASX package, read within bounds.

Whatever is in the bytes, reading them takes bounded time and memory and ends in an environment of the shape that
:mod:`shape` checks, or in a named error.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from gaugeblock.exchange.aas.errors import (
    AasDocumentSyntaxError,
    AasDocumentTooLargeError,
    AasPackageError,
    AasPackageFormatError,
)
from gaugeblock.exchange.aas.package import RELATION_ORIGIN, RELATION_SPEC
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.aas.relationships import content_types, relationships
from gaugeblock.exchange.aas.shape import check_environment
from gaugeblock.exchange.aas.view import StoredFile
from gaugeblock.exchange.aas.xml_form import from_xml

DOCUMENT_MOST_BYTES = 64 * 2**20
ENVIRONMENT_MOST_BYTES = 32 * 2**20
UNPACKED_MOST_BYTES = 256 * 2**20
FILES_MOST = 2000
DEPTH_MOST = 64
"""Levels of JSON. An element takes two of them, so elements lie at most 31 deep."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")
_BEFORE = b"\xef\xbb\xbf \t\r\n"


class ReadDocument(msgspec.Struct, frozen=True):
    """An environment that was read, and the files that came with it, by the path that elements name them by."""

    environment: Tree
    files: Mapping[str, StoredFile]


def read_document(body: bytes) -> ReadDocument:
    """An environment in JSON or XML, or an AASX package: the first bytes tell which.

    Raises
    ------
    AasDocumentError
        Named by what is wrong.

    Examples
    --------
    >>> read_document(b'{"submodels": [{"modelType": "Submodel", "id": "urn:s"}]}').environment["submodels"][0]["id"]
    'urn:s'
    """
    if len(body) > DOCUMENT_MOST_BYTES:
        raise AasDocumentTooLargeError(what="bytes", found=len(body), limit=DOCUMENT_MOST_BYTES)
    if body[:2] == b"PK":
        return _package(body)
    return ReadDocument(environment=read_environment(body), files={})


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_environment(body: bytes) -> Tree:
    """An environment in JSON or XML.

    Raises
    ------
    AasDocumentTooLargeError, AasDocumentSyntaxError, AasDocumentShapeError
    """
    if len(body) > ENVIRONMENT_MOST_BYTES:
        raise AasDocumentTooLargeError(what="bytes", found=len(body), limit=ENVIRONMENT_MOST_BYTES)
    tree: Any = from_xml(body) if body.lstrip(_BEFORE)[:1] == b"<" else _json(body)
    check_environment(tree)
    return cast(Tree, tree)


def _json(body: bytes) -> object:
    _check_depth(body)
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AasDocumentSyntaxError(detail=str(error)[:200]) from None


def _check_depth(body: bytes) -> None:
    """Counts brackets outside strings, before anything recurses."""
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, delete=_NO_BRACKETS):
        depth += 1 if bracket in b"{[" else -1
        if depth > DEPTH_MOST:
            raise AasDocumentTooLargeError(what="levels", found=depth, limit=DEPTH_MOST)


# ── packages ────────────────────────────────────────────────────────────────────────────────────────────────────


def _package(body: bytes) -> ReadDocument:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _unpacked(_Parts(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise AasPackageError(detail=str(error)[:200]) from None


class _Parts:
    """The parts of a package, unpacked one after another within one bound."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        entries = archive.infolist()
        if len(entries) > FILES_MOST:
            raise AasDocumentTooLargeError(what="files", found=len(entries), limit=FILES_MOST)
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise AasPackageError(detail="compression")
        self._archive = archive
        self._entries = {"/" + entry.filename.lstrip("/"): entry for entry in entries if not entry.is_dir()}
        self._left = UNPACKED_MOST_BYTES

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str) -> bytes:
        """A part's bytes: no more are unpacked than are left, whatever the entry says of its size.

        Raises
        ------
        AasPackageError, AasDocumentTooLargeError
        """
        entry = self._entries.get(name)
        if entry is None:
            raise AasPackageError(detail=name[:200])
        with self._archive.open(entry) as stream:
            body = stream.read(self._left + 1)
        if len(body) > self._left:
            raise AasDocumentTooLargeError(what="bytes", found=UNPACKED_MOST_BYTES + 1, limit=UNPACKED_MOST_BYTES)
        self._left -= len(body)
        return body


def _unpacked(parts: _Parts) -> ReadDocument:
    origin = _target(parts, "/", RELATION_ORIGIN)
    spec = _target(parts, origin, RELATION_SPEC)
    body = parts.read(spec)
    if body.lstrip(_BEFORE)[:1] not in (b"{", b"<"):
        raise AasPackageFormatError(found=posixpath.splitext(spec)[1] or "?")
    kinds = content_types(parts.read("/[Content_Types].xml"))
    files = {
        name: StoredFile(kinds(name), parts.read(name))
        for name in parts
        if name not in {origin, spec, "/[Content_Types].xml"} and "/_rels/" not in name
    }
    return ReadDocument(environment=read_environment(body), files=files)


def _target(parts: _Parts, source: str, relation: str) -> str:
    """Where a relation of a part leads: within the package, to a part that is there."""
    folder, name = posixpath.split(source)
    described = posixpath.join(folder, "_rels", f"{name}.rels")
    if described not in parts:
        raise AasPackageError(detail=described[:200])
    for kind, target in relationships(parts.read(described)):
        # Packages before version 3.0 say www.
        if kind.replace("http://www.", "http://") == relation:
            return posixpath.normpath(posixpath.join(folder, target))
    raise AasPackageError(detail=relation)
