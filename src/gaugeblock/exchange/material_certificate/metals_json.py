"""Metals JSON read and written: exact numbers, one text for one certificate, nothing lost that was not understood.

A certificate that a supplier wrote is read into types; members that the types lack are kept by their place and told.
What is written is checked by being read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gaugeblock.exchange.document_errors import CertificateFormError
from gaugeblock.exchange.material_certificate.metals_document import MetalsDocument
from gaugeblock.exchange.unknown_members import ReadOtherwise, unknown_members, with_unknown_members
from gaugeblock.ledger import i_json

MAX_BYTES = 8 * 2**20
"""Of one certificate; logos and stamps are inside."""
MAX_DEPTH = 24
MAX_MEMBERS = 100_000

_decoder = msgspec.json.Decoder(MetalsDocument)
_exact = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


class ReadCertificate(msgspec.Struct, frozen=True):
    """A certificate, and what of its text was not understood, by JSON pointer."""

    document: MetalsDocument
    not_understood: Mapping[str, object]


def read_metals(raw: bytes) -> ReadCertificate:
    """A Metals certificate in types.

    Parameters
    ----------
    raw
        UTF-8 JSON, at most 8 MiB, 24 levels, 100,000 members.

    Raises
    ------
    LedgerError
        Its subclasses for text that is no I-JSON or passes a limit.
    CertificateFormError
        A member is missing, of the wrong kind or outside its bounds; its place is told.

    Examples
    --------
    >>> read_metals(b"{}")
    Traceback (most recent call last):
    ...
    gaugeblock.exchange.document_errors.CertificateFormError: The certificate breaks the form of Metals 0.1.1 at $ ...
    """
    i_json.read(raw, "Metals", max_bytes=MAX_BYTES, max_depth=MAX_DEPTH, max_members=MAX_MEMBERS)
    document = _typed(raw)
    try:
        rest = unknown_members(_exact.decode(raw), _exact.decode(_encoder.encode(document)))
    except ReadOtherwise as finding:
        raise CertificateFormError(where=finding.place, detail="a value of another kind") from finding
    return ReadCertificate(document, rest)


def write_metals(document: MetalsDocument, not_understood: Mapping[str, object] | None = None) -> bytes:
    """The one text of a certificate: members in the types' order, numbers with the digits they had.

    Raises
    ------
    CertificateFormError
        The document breaks the schema's rules: it was built past them.
    """
    raw = _encoder.encode(document)
    _typed(raw)
    if not_understood:
        raw = _encoder.encode(with_unknown_members(_exact.decode(raw), not_understood))
    return raw


def digest(raw: bytes) -> str:
    """SHA-256, in hex, of a certificate's text: what the PDF names.

    >>> digest(b"{}")[:8]
    '44136fa3'
    """
    return hashlib.sha256(raw).hexdigest()


def _typed(raw: bytes) -> MetalsDocument:
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as fault:
        detail, _, place = str(fault).partition(" - at `")
        raise CertificateFormError(where=place.rstrip("`") or "$", detail=detail) from fault
