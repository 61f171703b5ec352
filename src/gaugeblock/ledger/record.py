"""The record: an SD-JWT whose facets are disclosed or withheld one by one.

The log stores and hashes the JWS bytes as they came; nothing is ever serialised again to verify it. Each
facet lives outside the JWS in a *disclosure*, ``[salt, name, value]``, whose SHA-256 is signed inside.

Source: RFC 9901 (SD-JWT), RFC 7515 (JWS), RFC 8037 (EdDSA).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from gaugeblock.ledger import base64s, i_json
from gaugeblock.ledger.detail import because, because_of, reason, visible
from gaugeblock.ledger.errors import DisclosureError, RecordFormError, SignatureError, SizeLimitError
from gaugeblock.ledger.keys import SIGNATURE_BYTES, PublicKey, SigningKey
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import from_rfc3339

RECORD_TYP = "gaugeblock-record+sd-jwt"
MAX_ENTRY_BYTES = 65_535
"""Of one JWS: an entry bundle writes its length in two bytes."""
MAX_DISCLOSURE_BYTES = 65_535
"""Of one disclosure, base64url."""
MAX_FACETS = 16
MAX_FACET_DEPTH = 8
"""Levels of arrays and objects inside one facet."""
SALT_BYTES = 16
"""128 bits, RFC 9901 §9.3."""
# Room for salt and name in the disclosure.
_MAX_FACET_BYTES = MAX_DISCLOSURE_BYTES * 3 // 4 - 128

_ENTITY = re.compile(r"[a-z][a-z0-9_-]{0,31}:[^\s:~\x00-\x20\x7f]{1,128}")
_IDENTITY = re.compile(r"[^\s~\x00-\x20\x7f]{1,200}")
_TYPE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_DIGESTS = re.compile(r"(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048] )*")
_FACET_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class ClockState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the author knew of its own clock when it stated the times.

    Parameters
    ----------
    source
        ``synchronised`` (to a reference, now), ``local`` (set once, drifting) or ``unknown``.
    uncertainty_ms
        Bound on the error of the stated times; None where nothing is known.
    """

    source: Literal["synchronised", "local", "unknown"]
    uncertainty_ms: Annotated[float, msgspec.Meta(ge=0)] | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement before it is signed.

    Parameters
    ----------
    record_type, version
        A key of :data:`gaugeblock.plant.record_types.RECORD_TYPES`.
    author
        Entity name: ``station:L1-ST10``.
    identity
        What makes a second delivery recognisable, unique for this author: ``boot/3/seq/1812``.
    log
        Origin of the log that the record is for: it is void in any other.
    stated_at, observed_at
        RFC 3339 UTC: when the author says it, and when what it says was so.
    clock
        How far these times are to be trusted.
    facets
        Name → struct or plain JSON object.
    """

    record_type: str
    version: int
    author: str
    identity: str
    log: str
    stated_at: str
    observed_at: str
    clock: ClockState
    facets: Mapping[str, msgspec.Struct | Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A signed statement: the log's leaf (``jws``), and facet name → disclosure, kept apart from it."""

    jws: bytes
    disclosures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Payload:
    """What a record says openly, whichever facets are withheld.

    ``digests`` are the base64url SHA-256 of the facets' disclosures, sorted; ``kid`` the thumbprint of the
    key that the record says it is signed with.
    """

    record_type: str
    version: int
    author: str
    identity: str
    log: str
    stated_at: str
    observed_at: str
    clock: ClockState
    digests: tuple[str, ...]
    kid: str


class _Claims(msgspec.Struct, forbid_unknown_fields=True):
    """The JWS payload member by member, in the order we write it."""

    iss: str
    jti: str
    log: str
    record_type: str
    record_version: Annotated[int, msgspec.Meta(ge=1, le=32_767)]
    stated_at: str
    observed_at: str
    clock: ClockState
    sd: Annotated[list[str], msgspec.Meta(max_length=MAX_FACETS)] = msgspec.field(name="_sd")
    sd_alg: Literal["sha-256"] = msgspec.field(name="_sd_alg")


def _check_claims(claims: _Claims) -> None:
    _check_names(claims.iss, claims.log, claims.record_type)
    if not _IDENTITY.fullmatch(claims.jti) or not claims.jti.isprintable():
        raise RecordFormError(**because("claim_identity"))
    _check_time("stated_at", claims.stated_at)
    if claims.observed_at != claims.stated_at:
        _check_time("observed_at", claims.observed_at)


@lru_cache(maxsize=1024)  # one author says many things
def _check_names(author: str, log: str, record_type: str) -> None:
    if not _ENTITY.fullmatch(author) or not author.isprintable():
        raise RecordFormError(**because("claim_author"))
    if not _IDENTITY.fullmatch(log) or not log.isprintable() or "+" in log:
        raise RecordFormError(**because("claim_log"))
    if len(record_type) > 64 or not _TYPE.fullmatch(record_type):
        raise RecordFormError(**because("claim_type"))


def _check_time(name: str, value: str) -> None:
    if not _TIME.fullmatch(value):
        raise RecordFormError(**because("claim_time", name=name))
    try:
        from_rfc3339(value)
    except GaugeblockError as error:
        raise RecordFormError(**because("claim_time", name=name)) from error


@lru_cache(maxsize=256)
def _header(kid: str) -> bytes:
    raw = b'{"alg":"EdDSA","typ":"' + RECORD_TYP.encode() + b'","kid":"' + kid.encode() + b'"}'
    return base64s.encode_url(raw)


def sign_record(draft: Draft, key: SigningKey, salt: Callable[[int], bytes]) -> SignedRecord:
    """Sign a statement.

    Parameters
    ----------
    draft
        The statement.
    key
        The author's key.
    salt
        Gives that many random bytes: ``os.urandom``, or a seeded source in a test. Salts keep a withheld
        facet from being guessed; they must not be predictable.

    Raises
    ------
    RecordFormError, NumberRangeError, JsonFormError, SizeLimitError, DepthLimitError, CountLimitError

    Examples
    --------
    >>> draft = Draft("inspection.verdict", 1, "station:ST10", "1/1", "plant.example/log",
    ...     "2026-11-22T05:00:00Z", "2026-11-22T05:00:00Z", ClockState("synchronised", 5.0),
    ...     {"subject": {"station": "ST10"}, "statement": {"verdict": "OK"}})
    >>> key = SigningKey.from_seed(bytes(32))
    >>> record = sign_record(draft, key, lambda n: bytes(n))
    >>> verify_signature(record.jws, key.public).author
    'station:ST10'
    """
    if len(draft.facets) > MAX_FACETS:
        raise RecordFormError(**because("facets_many", limit=MAX_FACETS))
    salts = salt(SALT_BYTES * len(draft.facets))
    if len(salts) != SALT_BYTES * len(draft.facets):
        raise RecordFormError(**because("salt_length"))
    disclosures: dict[str, str] = {}
    digests: list[str] = []
    for position, (name, facet) in enumerate(draft.facets.items()):
        if not _FACET_NAME.fullmatch(name):
            raise RecordFormError(**because("facet_name", name=visible(name, 32)))
        value = i_json.write(facet, f"facet {name}", max_bytes=_MAX_FACET_BYTES, max_depth=MAX_FACET_DEPTH)
        if value[:1] != b"{":
            raise RecordFormError(**because("facet_object", name=name))
        own_salt = base64s.encode_url(salts[position * SALT_BYTES : (position + 1) * SALT_BYTES])
        text = base64s.encode_url(b'["' + own_salt + b'","' + name.encode() + b'",' + value + b"]")
        disclosures[name] = text.decode()
        digests.append(base64s.encode_url(hashlib.sha256(text).digest()).decode())
    # Sorted, so that the order does not tell which facet a withheld digest belongs to.
    digests.sort()
    claims = _Claims(
        iss=draft.author,
        jti=draft.identity,
        log=draft.log,
        record_type=draft.record_type,
        record_version=draft.version,
        stated_at=draft.stated_at,
        observed_at=draft.observed_at,
        clock=draft.clock,
        sd=digests,
        sd_alg="sha-256",
    )
    _check_claims(claims)
    if not 1 <= draft.version <= 32_767:
        raise RecordFormError(**because("claim_version"))
    payload = i_json.write(claims, "record", max_bytes=MAX_ENTRY_BYTES)
    signed = _header(key.public.thumbprint) + b"." + base64s.encode_url(payload)
    jws = signed + b"." + base64s.encode_url(key.sign(signed))
    if len(jws) > MAX_ENTRY_BYTES:
        raise SizeLimitError(what="record", limit=MAX_ENTRY_BYTES)
    return SignedRecord(jws, disclosures)


@lru_cache(maxsize=1024)
def _kid_of(segment: bytes) -> str:
    try:
        header = i_json.read(base64s.decode_url(segment), "header", max_bytes=512)
    except (ValueError, GaugeblockError) as error:
        raise RecordFormError(**because("header", cause=reason(error))) from error
    kid = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(kid, str) or not _DIGEST.fullmatch(kid):
        raise RecordFormError(**because("header_kid"))
    if header != {"alg": "EdDSA", "typ": RECORD_TYP, "kid": kid}:
        raise RecordFormError(**because("header_members"))
    return kid


def _split(jws: bytes) -> tuple[bytes, bytes, bytes]:
    if len(jws) > MAX_ENTRY_BYTES:
        raise SizeLimitError(what="record", limit=MAX_ENTRY_BYTES)
    parts = jws.split(b".", 3)
    if len(parts) != 3:
        raise RecordFormError(**because("jws_parts"))
    return parts[0], parts[1], parts[2]


def parse(jws: bytes) -> Payload:
    """Read a record strictly, without checking its signature.

    Raises
    ------
    RecordFormError, SizeLimitError
        RecordFormError also for JSON that is not I-JSON, with the reason in its detail.
    """
    header, body, _ = _split(jws)
    kid = _kid_of(header)
    try:
        values = i_json.read(base64s.decode_url(body), "record", max_bytes=MAX_ENTRY_BYTES)
        claims = msgspec.convert(values, _Claims)
    except (ValueError, GaugeblockError) as error:
        # msgspec.ValidationError is a ValueError too.
        raise RecordFormError(**because("payload", cause=reason(error))) from error
    _check_claims(claims)
    digests = tuple(claims.sd)
    if claims.sd != sorted(set(digests)) or not _DIGESTS.fullmatch(" ".join([*digests, ""])):
        raise RecordFormError(**because("digests"))
    return Payload(
        record_type=claims.record_type,
        version=claims.record_version,
        author=claims.iss,
        identity=claims.jti,
        log=claims.log,
        stated_at=claims.stated_at,
        observed_at=claims.observed_at,
        clock=claims.clock,
        digests=digests,
        kid=kid,
    )


def check_signature(jws: bytes, kid: str, key: PublicKey) -> None:
    """Check the signature over the bytes as they are, and that ``kid`` is this key.

    Raises
    ------
    SignatureError, RecordFormError, SizeLimitError
    """
    signed, _, text = jws.rpartition(b".")
    try:
        signature = base64s.decode_url(text)
    except ValueError as error:
        raise RecordFormError(**because("signature", cause=reason(error))) from error
    if kid != key.thumbprint or len(signature) != SIGNATURE_BYTES or not key.verify(signature, signed):
        raise SignatureError(kid=kid)


def verify_signature(jws: bytes, key: PublicKey) -> Payload:
    """Read a record and check that ``key`` signed exactly these bytes.

    Raises
    ------
    SignatureError, RecordFormError, SizeLimitError
    """
    payload = parse(jws)
    check_signature(jws, payload.kid, key)
    return payload


def digest_of(disclosure: str) -> str:
    """The base64url SHA-256 that a record signs for a disclosure (RFC 9901 §4.2.3)."""
    return base64s.encode_url(hashlib.sha256(disclosure.encode()).digest()).decode()


def open_facets(payload: Payload, disclosures: Mapping[str, str]) -> dict[str, object]:
    """The disclosed facets as plain JSON values, after checking that the author signed each.

    Parameters
    ----------
    payload
        Of the record they belong to.
    disclosures
        Facet name → base64url disclosure; any subset of those that the author made.

    Raises
    ------
    DisclosureError
        With the facet's name.
    """
    if len(disclosures) > MAX_FACETS:
        raise DisclosureError(facet="*", **because("facets_many", limit=MAX_FACETS))
    facets: dict[str, object] = {}
    for name, disclosure in disclosures.items():
        if len(disclosure) > MAX_DISCLOSURE_BYTES:
            raise DisclosureError(facet=visible(name, 32), **because("disclosure_long", limit=MAX_DISCLOSURE_BYTES))
        try:
            text = disclosure.encode("ascii")
            if base64s.encode_url(hashlib.sha256(text).digest()).decode() not in payload.digests:
                raise DisclosureError(facet=visible(name, 32), **because("disclosure_digest"))
            content = i_json.read(
                base64s.decode_url(text),
                f"facet {name[:32]}",
                max_bytes=MAX_DISCLOSURE_BYTES,
                max_depth=MAX_FACET_DEPTH + 1,
            )
        except DisclosureError:
            raise
        except (ValueError, GaugeblockError) as error:
            raise DisclosureError(facet=visible(name, 32), **because_of(error)) from error
        if not isinstance(content, list) or len(content) != 3 or not isinstance(content[0], str):
            raise DisclosureError(facet=visible(name, 32), **because("disclosure_form"))
        if content[1] != name:
            raise DisclosureError(facet=visible(name, 32), **because("disclosure_other"))
        facets[name] = content[2]
    return facets


def sd_jwt(record: SignedRecord) -> str:
    """The form that SD-JWT libraries exchange: ``<jws>~<disclosure>~…~`` (RFC 9901 §4)."""
    return "~".join([record.jws.decode(), *record.disclosures.values(), ""])
