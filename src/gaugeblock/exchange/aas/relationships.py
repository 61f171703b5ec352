"""The two kinds of XML that an OPC package has: relationships and content types (ECMA-376-2)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from xml.parsers import expat

from gaugeblock.exchange.aas.errors import AasDocumentTooLargeError, AasPackageError

XML_MOST_BYTES = 2**20
ENTRIES_MOST = 4000
OCTETS = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,80}")


def relationships(body: bytes) -> list[tuple[str, str]]:
    """Type and target of each relationship that leads to a part of the package.

    Raises
    ------
    AasPackageError, AasDocumentTooLargeError

    Examples
    --------
    >>> relationships(b'<Relationships><Relationship Type="t" Target="/a" Id="r1"/></Relationships>')
    [('t', '/a')]
    """
    return [
        (attributes.get("Type", ""), attributes.get("Target", ""))
        for name, attributes in _elements(body)
        if name == "Relationship" and attributes.get("TargetMode", "Internal") == "Internal"
    ]


def content_types(body: bytes) -> Callable[[str], str]:
    """What content type a part has, by its name: its own, else its extension's.

    Raises
    ------
    AasPackageError, AasDocumentTooLargeError
    """
    own: dict[str, str] = {}
    by_extension: dict[str, str] = {}
    for name, attributes in _elements(body):
        kind = attributes.get("ContentType", "")
        if name == "Override":
            own[attributes.get("PartName", "").lower()] = kind
        elif name == "Default":
            by_extension[attributes.get("Extension", "").lower()] = kind

    def of(part: str) -> str:
        extension = posixpath.splitext(part)[1][1:].lower()
        kind = own.get(part.lower()) or by_extension.get(extension) or OCTETS
        return kind if _MEDIA_TYPE.fullmatch(kind) is not None else OCTETS

    return of


def _elements(body: bytes) -> list[tuple[str, dict[str, str]]]:
    """All elements without their namespace. A document type, which could define entities, is refused."""
    if len(body) > XML_MOST_BYTES:
        raise AasDocumentTooLargeError(what="bytes", found=len(body), limit=XML_MOST_BYTES)
    found: list[tuple[str, dict[str, str]]] = []

    def begun(name: str, attributes: dict[str, str]) -> None:
        if len(found) >= ENTRIES_MOST:
            raise AasDocumentTooLargeError(what="elements", found=ENTRIES_MOST + 1, limit=ENTRIES_MOST)
        found.append((name.rpartition(" ")[2], attributes))

    def refused(*_: object) -> None:
        raise AasPackageError(detail="DOCTYPE")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = begun
    parser.StartDoctypeDeclHandler = refused
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # The last two are how an unknown or unusable encoding is told.
        raise AasPackageError(detail=str(error)) from None
    return found
