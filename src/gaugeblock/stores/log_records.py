"""What goes into the log and what comes out of it: submission, receipt, stored record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.stores.errors import LogDamagedError

CHECKSUM_BYTES = 16


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed record on its way into the log: the JWS as the author signed it, and all disclosures."""

    jws: bytes
    disclosures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The record is durable at ``index``. ``duplicate`` says that it was there before, byte for byte."""

    index: int
    leaf_hash: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record of the log. ``disclosures`` are those still kept; ``received_at`` is the log's own clock."""

    index: int
    jws: bytes
    disclosures: Mapping[str, str]
    received_at: str

    @property
    def leaf_hash(self) -> bytes:
        """RFC 6962 hash of the JWS as stored."""
        return leaf_hash(self.jws)


def pack_disclosures(disclosures: Mapping[str, str]) -> bytes:
    """Disclosures as one value of a row: a line ``name disclosure`` for each, as admitted (base64url has no blank).

    >>> pack_disclosures({"subject": "WyJz", "statement": "WyJ0"})
    b'subject WyJz\\nstatement WyJ0'
    """
    return "\n".join([f"{name} {text}" for name, text in disclosures.items()]).encode()


def unpack_disclosures(index: int, data: bytes | None) -> dict[str, str]:
    """Inverse of :func:`pack_disclosures`; no row means none are kept.

    Raises
    ------
    LogDamagedError
    """
    if not data:
        return {}
    try:
        lines = [line.split(" ") for line in bytes(data).decode("ascii").split("\n")]
        pairs = dict(lines)
    except ValueError as error:
        raise LogDamagedError(part="disclosure", position=index, detail=str(error)[:160]) from error
    if len(pairs) != len(lines):
        raise LogDamagedError(part="disclosure", position=index, detail="a facet twice")
    return pairs


def row_checksum(index: int, leaf: bytes, received_at: str) -> bytes:
    """Guards a row's place and time of receipt against accidents."""
    return hashlib.sha256(b"%d\n%b\n%b" % (index, leaf, received_at.encode())).digest()[:CHECKSUM_BYTES]
