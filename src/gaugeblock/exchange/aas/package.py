"""AASX packages (IDTA-01005, Part 5): an environment and the files it names in one Open Packaging Conventions archive.

The same content gives the same bytes: parts are sorted, and every entry carries the first moment that ZIP can name.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec

from gaugeblock.exchange.aas.view import StoredFile

MEDIA_TYPE = "application/asset-administration-shell-package+xml"
RELATION_ORIGIN = "http://admin-shell.io/aasx/relationships/aasx-origin"
RELATION_SPEC = "http://admin-shell.io/aasx/relationships/aas-spec"
RELATION_SUPPLEMENT = "http://admin-shell.io/aasx/relationships/aas-suppl"
RELATION_THUMBNAIL = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"

_RELATIONSHIPS_XMLNS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES_XMLNS = "http://schemas.openxmlformats.org/package/2006/content-types"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_ORIGIN = "/aasx/aasx-origin"
_SPEC = "/aasx/environment.json"
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
# OPC part names: segments of unreserved characters, none of which ends in a dot.
_PART = re.compile(r"(?:/[A-Za-z0-9_~%!$&'()*+,;=:@.-]*[A-Za-z0-9_~%!$&'()*+,;=:@-])+")


def package(environment: Mapping[str, Any], files: Mapping[str, StoredFile]) -> bytes:
    """The bytes of a package.

    Parameters
    ----------
    environment
        Goes in as JSON.
    files
        By the path that elements name them by; what is no part name of OPC (``file:///…``) is left out, for a File
        value is the part's name.

    Examples
    --------
    >>> one = package({}, {"/aasx/files/a.pdf": StoredFile("application/pdf", b"%PDF")})
    >>> zipfile.ZipFile(io.BytesIO(one)).read("aasx/files/a.pdf")
    b'%PDF'
    """
    kept = {path: files[path] for path in sorted(files) if _is_part_name(path)}
    thumbnail = _thumbnail(environment, kept)
    parts: dict[str, bytes] = {
        "[Content_Types].xml": _content_types(kept),
        "_rels/.rels": _relationships(
            [(RELATION_ORIGIN, _ORIGIN)] + ([(RELATION_THUMBNAIL, thumbnail)] if thumbnail else [])
        ),
        _ORIGIN[1:]: b"Intentionally empty.",
        "aasx/_rels/aasx-origin.rels": _relationships([(RELATION_SPEC, _SPEC)]),
        _SPEC[1:]: msgspec.json.encode(environment),
        "aasx/_rels/environment.json.rels": _relationships([(RELATION_SUPPLEMENT, path) for path in kept]),
    }
    parts |= {path[1:]: stored.body for path, stored in kept.items()}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, body in parts.items():
            entry = zipfile.ZipInfo(name, _FIRST_MOMENT)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, body)
    return held.getvalue()


def _is_part_name(path: str) -> bool:
    own = {_ORIGIN, _SPEC}
    return (
        _PART.fullmatch(path) is not None
        and "//" not in path
        and path not in own
        and "/_rels/" not in path
        and not any(segment in {".", ".."} for segment in path.split("/"))
    )


def _thumbnail(environment: Mapping[str, Any], kept: Mapping[str, StoredFile]) -> str | None:
    for shell in environment.get("assetAdministrationShells") or ():
        path = (shell["assetInformation"].get("defaultThumbnail") or {}).get("path")
        if path in kept:
            return str(path)
    return None


def _relationships(pairs: list[tuple[str, str]]) -> bytes:
    lines = "".join(
        f'<Relationship Type={quoteattr(kind)} Target={quoteattr(target)} Id="r{place}"/>'
        for place, (kind, target) in enumerate(pairs, 1)
    )
    return f'{_HEAD}<Relationships xmlns="{_RELATIONSHIPS_XMLNS}">{lines}</Relationships>'.encode()


def _content_types(kept: Mapping[str, StoredFile]) -> bytes:
    """Extensions by default; every other part by its own name."""
    lines = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="json" ContentType="application/json"/>'
        f'<Override PartName="{_ORIGIN}" ContentType="text/plain"/>'
    )
    lines += "".join(
        f"<Override PartName={quoteattr(path)} ContentType={quoteattr(stored.content_type)}/>"
        for path, stored in kept.items()
    )
    return f'{_HEAD}<Types xmlns="{_TYPES_XMLNS}">{lines}</Types>'.encode()
