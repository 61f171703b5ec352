"""What a record must satisfy before it enters the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gaugeblock.ledger.errors import ForeignLogError, MissingDisclosureError, MissingFacetError
from gaugeblock.ledger.key_directory import KeyDirectory
from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.ledger.record import Payload, check_signature, open_facets, parse
from gaugeblock.plant.record_types import Facet, check_author, facet_set, read_facet

REQUIRED_FACETS: tuple[str, ...] = ("subject", "statement")
"""About what, and what: no record without them."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A record that is sound by itself; whether its author may say it now is still open.

    ``verified_kid`` is the key under which the signature was found good, empty where that key was not known
    yet (it may be bound earlier in the same batch).
    """

    jws: bytes
    payload: Payload
    facets: Mapping[str, Facet]
    leaf_hash: bytes
    verified_kid: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A record that may enter: read, verified and shaped."""

    payload: Payload
    facets: Mapping[str, Facet]
    leaf_hash: bytes


def examine(jws: bytes, disclosures: Mapping[str, str], directory: KeyDirectory, origin: str) -> Examined:
    """The part of admission that needs no order: other processes may examine while one admits.

    A key's thumbprint says which key it is, so a signature that is good now is good later. All of it, the
    signature check included, holds Python's interpreter lock: threads gain nothing, processes do.

    Raises
    ------
    RecordFormError, SizeLimitError, ForeignLogError, UnknownRecordTypeError, FacetShapeError,
    MissingFacetError, MissingDisclosureError, DisclosureError, SignatureError
        As :func:`admit`.
    """
    payload = parse(jws)
    if payload.log != origin:
        raise ForeignLogError(log=payload.log, origin=origin)
    shapes = facet_set(payload.record_type, payload.version)
    if len(disclosures) < len(payload.digests):
        raise MissingDisclosureError(missing=len(payload.digests) - len(disclosures))
    plain = open_facets(payload, disclosures)
    for name in REQUIRED_FACETS:
        if name in shapes and name not in plain:
            raise MissingFacetError(record_type=payload.record_type, facet=name)
    facets = {name: read_facet(payload.record_type, payload.version, name, value) for name, value in plain.items()}
    verified_kid = ""
    if directory.knows(payload.kid):
        check_signature(jws, payload.kid, directory.key_for(payload.kid).key)
        verified_kid = payload.kid
    return Examined(jws, payload, facets, leaf_hash(jws), verified_kid)


def admit_examined(examined: Examined, directory: KeyDirectory) -> Admitted:
    """The part of admission that depends on the records before: may this author say this here?

    Raises
    ------
    UnknownKeyError, RevokedKeyError, AuthorMismatchError, SignatureError, AuthorKindError, GenesisError, and others of
    :meth:`KeyDirectory.check`
    """
    payload, facets = examined.payload, examined.facets
    first = directory.next_index == 0
    key = directory.genesis_key(payload, facets) if first else directory.author_key(payload).key
    if examined.verified_kid != key.thumbprint:
        check_signature(examined.jws, payload.kid, key)
    check_author(payload.record_type, payload.author)
    if not first and payload.record_type.startswith("key."):
        directory.check(payload, facets)
    return Admitted(payload, facets, examined.leaf_hash)


def admit(jws: bytes, disclosures: Mapping[str, str], directory: KeyDirectory, origin: str) -> Admitted:
    """Check a submitted record against the log it is for.

    The directory is not changed: the log calls ``directory.apply`` once the record has its index.

    Parameters
    ----------
    jws, disclosures
        As the author signed them; every facet must be disclosed to the log.
    directory
        As the log's records so far leave it; while it is empty, only the genesis record is admitted.
    origin
        The log's.

    Raises
    ------
    RecordFormError, SizeLimitError
        Not a record.
    ForeignLogError
        For another log.
    UnknownRecordTypeError, FacetShapeError, MissingFacetError, MissingDisclosureError, DisclosureError
        Facets are wrong or missing.
    AuthorKindError, UnknownKeyError, RevokedKeyError, AuthorMismatchError, SignatureError
        The author is not who it says, or says what is not its to say.
    GenesisError, NotServerKeyError, and others of :meth:`KeyDirectory.check`
        A ``key.*`` record that may not be.
    """
    return admit_examined(examine(jws, disclosures, directory, origin), directory)
