"""Documents that customers and the plant's people hand over. What they are is read from their bytes. Pure.

CAD has many forms, and so what is not known is taken as plain bytes. Programs are not. Documents are handed out for
keeping, never for showing, and never under a type that a browser would run.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Literal

from gaugeblock.exchange.collaboration_errors import DocumentNameError, DocumentSizeError, DocumentTypeError
from gaugeblock.plant.exchange_facets import SharedDocument

DOCUMENT_BYTES_MAX = 12 * 1024 * 1024
NAME_MAX = 120

DocumentKind = Literal["drawing", "golden_sample", "aas", "photograph", "report", "manual", "other"]

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ISO-10303-21;", "model/step"),
    (b"PK\x03\x04", "application/zip"),
    (b"AC10", "image/vnd.dwg"),
)
_NAME = re.compile(r"[^\x00-\x1f\x7f<>:\"/\\|?*]{1,120}")
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")


def sniff(data: bytes) -> str | None:
    """The media type that the bytes show; ``None`` of a program, which is not taken.

    What is not known is ``application/octet-stream``, and what a browser would run as a page is plain text.

    >>> sniff(b"%PDF-1.7 ..."), sniff(b'{"a": 1}'), sniff(b"<html>"), sniff(b"GIF89a\\xff"), sniff(b"MZ...")
    ('application/pdf', 'application/json', 'text/plain', 'application/octet-stream', None)
    """
    if data.startswith(_PROGRAMS):
        return None
    for start, media_type in _STARTS:
        if data.startswith(start):
            return media_type
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    if any(ord(character) < 32 and character not in "\r\n\t\f" for character in text):
        return "application/octet-stream"
    if text.lstrip()[:1] in {"{", "["}:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "text/plain"
        return "application/json"
    return "text/plain"


def document_of(
    data: bytes, name: str, kind: DocumentKind = "other", limit: int = DOCUMENT_BYTES_MAX
) -> SharedDocument:
    """What a record says of the bytes, of which there may be ``limit``.

    Raises
    ------
    DocumentSizeError, DocumentNameError, DocumentTypeError

    Examples
    --------
    >>> document_of(b"%PDF-1.7 ...", "drawing 7.pdf", "drawing").media_type
    'application/pdf'
    """
    if not _NAME.fullmatch(name) or name != name.strip() or name.startswith("."):
        raise DocumentNameError(name=name[:80])
    if not 0 < len(data) <= limit:
        raise DocumentSizeError(name=name, found=len(data), limit=limit)
    media_type = sniff(data)
    if media_type is None:
        raise DocumentTypeError(name=name)
    return SharedDocument(hashlib.sha256(data).hexdigest(), name, media_type, len(data), kind)
