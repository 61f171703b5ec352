"""OAuth 2.1 client credentials with ``private_key_jwt``: assertions that are taken, access tokens that are given.

A client proves its private key by a short-lived JWT that is used once (RFC 7523, section 3) and gets an access token
(RFC 9068) for some minutes. Which algorithm may be used follows from the client's registered key, never from the
token's header. Signatures are checked by joserfc.

Sources: RFC 7521, RFC 7523, RFC 8725, RFC 9068, RFC 9864 (``Ed25519``; ``EdDSA`` is taken too, as most libraries
write).
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey

from gaugeblock.exchange.access_errors import AssertionRefusedError
from gaugeblock.exchange.client_keys import key_of
from gaugeblock.exchange.credentials import CredentialBook
from gaugeblock.ledger import base64s
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.stores.exchange_state import CredentialRow

TOKEN_S = 600
ASSERTION_S_MOST = 600
SKEW_S = 60
JWT_MOST = 4_096
JTI_MOST = 200
TOKENS_KEPT = 4_096
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# EdDSA is what clients' libraries still write; the key alone decides what it means.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


class Assertion(NamedTuple):
    """What of an accepted assertion is remembered: no second one with this ``jti``."""

    client: CredentialRow
    jti: str
    until_s: float


def check_assertion(text: str, book: CredentialBook, audiences: Collection[str], now_s: float) -> Assertion:
    """Check a client's assertion; whether its ``jti`` was used before is for the caller to find out.

    Parameters
    ----------
    text
        The JWT.
    book
        Credentials in force.
    audiences
        Issuer and token endpoint.
    now_s
        Unix seconds.

    Raises
    ------
    AssertionRefusedError
    """
    if len(text) > JWT_MOST or not _JWT.fullmatch(text):
        raise AssertionRefusedError(reason="form")
    client = book.of_client(_subject_of(text), now_s)
    if client is None or client.jwk is None:
        raise AssertionRefusedError(reason="client")
    key, algorithm = key_of(msgspec.json.decode(client.jwk))
    try:
        token = jwt.decode(text, key, algorithms=["EdDSA", "Ed25519"] if algorithm == "EdDSA" else [algorithm])
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise AssertionRefusedError(reason="signature") from error
    if "crit" in token.header or token.header.get("typ", "JWT").lower() not in ("jwt", "client-authentication+jwt"):
        raise AssertionRefusedError(reason="header")
    claims = token.claims
    if claims.get("iss") != client.id or claims.get("sub") != client.id:
        raise AssertionRefusedError(reason="iss, sub")
    aud = claims.get("aud")
    if isinstance(aud, list) and len(aud) == 1:
        aud = aud[0]
    # One audience only: a token that another server may take too could be replayed there, and from there.
    if not isinstance(aud, str) or aud not in audiences:
        raise AssertionRefusedError(reason="aud")
    until_s = _times(claims, now_s)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_MOST:
        raise AssertionRefusedError(reason="jti")
    return Assertion(client, jti, until_s + SKEW_S)


def _subject_of(text: str) -> str:
    try:
        claims = msgspec.json.decode(base64s.decode_url(text.split(".")[1].encode()), type=dict[str, Any])
    except ValueError as error:
        raise AssertionRefusedError(reason="form") from error
    subject = claims.get("sub")
    return subject if isinstance(subject, str) and len(subject) <= JTI_MOST else ""


def _times(claims: Mapping[str, Any], now_s: float) -> float:
    expires = _time(claims.get("exp"))
    if expires is None or expires <= now_s - SKEW_S or expires > now_s + ASSERTION_S_MOST + SKEW_S:
        raise AssertionRefusedError(reason="exp")
    for name in ("iat", "nbf"):
        value = _time(claims.get(name, 0))
        if value is None or value > now_s + SKEW_S:
            raise AssertionRefusedError(reason=name)
    if "iat" in claims and claims["iat"] < now_s - ASSERTION_S_MOST - SKEW_S:
        raise AssertionRefusedError(reason="iat")
    return expires


def _time(value: object) -> float | None:
    """A NumericDate (RFC 7519, 2); ``None`` where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        return None
    return float(value)


class AccessTokens:
    """Gives and reads access tokens.

    Parameters
    ----------
    key
        Of the exchange's tokens, and of nothing else.
    issuer
        The exchange's public URL; the audience too.
    random
        Gives unpredictable bytes.

    Examples
    --------
    >>> tokens = AccessTokens(SigningKey.from_seed(bytes(32)), "https://x.example", lambda count: bytes(count))
    >>> text = tokens.give("client-1", ["read"], 1000.0)
    >>> tokens.read(text, 1001.0)
    ('client-1', frozenset({'read'}))
    >>> tokens.read(text, 1000.0 + TOKEN_S) is None
    True
    """

    def __init__(self, key: SigningKey, issuer: str, random: Callable[[int], bytes]) -> None:
        self.issuer = issuer
        self._key = OKPKey.import_key(key.to_pem())
        self._kid = key.public.thumbprint
        self._public = key.public.to_jwk()
        self._random = random
        self._known: OrderedDict[bytes, tuple[str, frozenset[str], float]] = OrderedDict()

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public key as a JWK set (RFC 7517)."""
        return {"keys": [{**self._public, "kid": self._kid, "use": "sig", "alg": "Ed25519"}]}

    def give(self, client: str, scopes: Collection[str], now_s: float) -> str:
        """A token for a client, for :data:`TOKEN_S`."""
        issued = int(now_s)
        claims = {
            "iss": self.issuer,
            "sub": client,
            "client_id": client,
            "aud": self.issuer,
            "iat": issued,
            "exp": issued + TOKEN_S,
            "jti": base64s.encode_url(self._random(16)).decode(),
            "scope": " ".join(scopes),
        }
        header = {"alg": "Ed25519", "typ": "at+jwt", "kid": self._kid}
        return jwt.encode(header, claims, self._key, algorithms=["Ed25519"])

    def read(self, text: str, now_s: float) -> tuple[str, frozenset[str]] | None:
        """Client and scopes of a token of ours that is in force; a token that was read is known by its digest."""
        if len(text) > JWT_MOST:
            return None
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._checked(text)
            if known is None:
                return None
            if len(self._known) >= TOKENS_KEPT:
                self._known.popitem(last=False)
            self._known[digest] = known
        client, scopes, until_s = known
        return (client, scopes) if now_s < until_s else None

    def _checked(self, text: str) -> tuple[str, frozenset[str], float] | None:
        if not _JWT.fullmatch(text):
            return None
        try:
            token = jwt.decode(text, self._key, algorithms=["Ed25519"])
        except (JoseError, ValueError, TypeError, KeyError):
            return None
        header, claims = token.header, token.claims
        if header.get("typ") != "at+jwt" or "crit" in header:
            return None
        if claims.get("iss") != self.issuer or claims.get("aud") != self.issuer:
            return None
        client, expires, scope = claims.get("sub"), _time(claims.get("exp")), claims.get("scope")
        if not isinstance(client, str) or not isinstance(scope, str) or expires is None:
            return None
        return client, frozenset(scope.split()), expires
